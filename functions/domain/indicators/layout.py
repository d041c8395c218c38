"""Name the shapes the indicator kernel works on, and what a kernel offers; types only, no values."""

from typing import Protocol, TypeAlias

from functions.domain.market import Float64, Int32, Int64, UInt8, UInt16

State: TypeAlias = tuple[Int64, Float64]
"""(counts, memory), by instrument and interval; see `kernel` for their columns."""

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
    Int64,
    Int64,
    Int64,
    Int64,
    Int64,
    UInt8,
]
"""(instrument, interval_s, start, finality, high, low, close, volume, buy_volume, notional_hi, notional_lo, bid_price,
bid_size, ask_price, ask_size, bid_depth, ask_depth, flags)."""


class Kernel(Protocol):
    """The loops of `functions.domain.indicators.kernel`, plain or compiled."""

    def fold_bars(self, state: State, output: Output, bars: Bars, mapping: Int64) -> int:
        """Compute a row for each bar that is final for the first time."""
        ...

    def forget(self, state: State) -> None:
        """Make every indicator cold."""
        ...
