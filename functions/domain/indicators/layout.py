"""Name the shapes the indicator kernel works on, and what a kernel offers; types only, no values."""

from typing import Protocol, TypeAlias

from functions.domain.market import Float64, Int32, Int64, UInt8, UInt16

State: TypeAlias = tuple[Int64, Float64, Float64]
"""(counts, memory, x): the first two by instrument and interval, see `kernel`; x is scratch, see `columns`."""

Output: TypeAlias = tuple[Int64, Float64, UInt8]
"""(picked, values, states)."""

Bars: TypeAlias = tuple[
    UInt16,
    Int32,
    Int64,
    UInt8,
    Int64,
    Int64,
    Int64,
    Int64,
    Int64,
    Int64,
    Int64,
    Int64,
    Int32,
    Int64,
    Int64,
    Int64,
    Int64,
    Int64,
    Int64,
    Int64,
    Int64,
    Int64,
    Int32,
    UInt8,
]
"""(instrument, interval_s, start, finality, open, high, low, close, volume, buy_volume, notional_hi, notional_lo,
trades, bid_price, bid_size, ask_price, ask_size, bid_depth, ask_depth, bid_edge, ask_edge, ofi, quotes, flags)."""


class Kernel(Protocol):
    """The loops of `functions.domain.indicators.kernel`, plain or compiled."""

    def fold_bars(self, state: State, output: Output, bars: Bars, mapping: Int64) -> int:
        """Compute a row for each bar that is final for the first time."""
        ...

    def forget(self, state: State) -> None:
        """Make every indicator cold."""
        ...
