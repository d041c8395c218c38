"""Name the shapes the bar kernel works on, and what a kernel offers; types only, no values."""

from typing import Protocol, TypeAlias

from functions.domain.market import Int32, Int64, UInt8, UInt16, UInt32

State: TypeAlias = tuple[Int64, Int64, Int64, Int64, UInt8, Int64]
"""(regs, bars, market, levels, seen, prints); see `columns`."""

Sink: TypeAlias = tuple[Int64, Int64, Int64, Int64, Int64, Int64, Int64]
"""(out, rejects, scratch, quality, work, edges, days): rows the loops write, counted in regs, room to think, days."""

Config: TypeAlias = tuple[int, int, int]
"""(lateness_ns, shows, first_row): bit 0 of `shows` asks for provisional bars, the rest bounds synthetic ones."""

Trades: TypeAlias = tuple[UInt32, UInt16, Int64, Int64, Int64, Int64, UInt8, Int64, UInt8]
"""(row, instrument, ts_event, ts_receive, price, size, side, trade_id, flags)."""

Quotes: TypeAlias = tuple[UInt32, UInt16, Int64, Int64, Int64, Int64, Int64, Int64, UInt8]
"""(row, instrument, ts_event, ts_receive, bid_price, bid_size, ask_price, ask_size, flags)."""

Book: TypeAlias = tuple[UInt32, UInt16, Int64, Int64, Int64, Int64, Int64, Int64, Int64, UInt8, Int64, Int64]
"""(row, instrument, ts_event, ts_receive, first, last, previous, bids, asks, flags, level_price, level_size)."""


class Kernel(Protocol):
    """The loops of `functions.domain.bars.kernel`, plain or compiled."""

    def fold_rows(
        self, state: State, sink: Sink, mapping: Int32, trades: Trades, quotes: Quotes, book: Book, config: Config
    ) -> None:
        """Fold every row of a batch in tape order."""
        ...

    def fold_trades(self, state: State, sink: Sink, mapping: Int32, trades: Trades, config: Config) -> None:
        """Fold every row of a batch that has trades alone."""
        ...

    def advance(self, state: State, sink: Sink, ts_cut_ns: int, config: Config) -> None:
        """Move the watermark by a heartbeat."""
        ...

    def finish(self, state: State, sink: Sink) -> None:
        """End a tape but for its open bars."""
        ...

    def show_open(self, state: State, sink: Sink) -> None:
        """Emit every open bar as open, and spend the state."""
        ...

    def lose_market(self, state: State) -> None:
        """Forget quotes and books."""
        ...
