"""Name the shapes the activity kernel works on, and what a kernel offers; types only, no values."""

from typing import Protocol, TypeAlias

from functions.domain.market import Int32, Int64, UInt8, UInt16, UInt32

State: TypeAlias = tuple[Int64, Int64, Int64, Int64, UInt8]
"""(regs, bars, market, prints, seen); see `kernel` for their columns."""

Sink: TypeAlias = tuple[Int64, Int64]
"""(out, rejects): rows the kernel writes, counted in regs."""

Trades: TypeAlias = tuple[UInt32, UInt16, Int64, Int64, Int64, UInt8, Int64, UInt8]
"""(row, instrument, ts_event, price, size, side, trade_id, flags)."""


class Kernel(Protocol):
    """The loops of `functions.domain.activity.kernel`, plain or compiled."""

    def fold_trades(self, state: State, sink: Sink, mapping: Int32, limits: Int64, trades: Trades) -> None:
        """Fold every trade of a batch in tape order."""
        ...

    def finish(self, state: State, sink: Sink) -> None:
        """Show every open bar once as open."""
        ...

    def lose_rows(self, state: State) -> None:
        """Remember that rows were lost."""
        ...
