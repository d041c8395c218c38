"""Hold bars of equal activity as columns, and the constants of their columns; see `activity.proto` for each unit.

Source: Lopez de Prado, Advances in Financial Machine Learning (2018), section 2.3.1: tick, volume and dollar bars.
"""

from dataclasses import dataclass
from typing import Final

from functions.domain.market import InstrumentRef, Int32, Int64, Rejection, UInt8, UInt16, UInt64

BASIS_TICKS: Final = 1
BASIS_VOLUME: Final = 2
BASIS_NOTIONAL: Final = 3
BASIS_NAMES: Final = {BASIS_TICKS: "ticks", BASIS_VOLUME: "volume", BASIS_NOTIONAL: "notional"}

ACTIVITY_SHORT: Final = 1
"""The day ended before the bar reached its threshold."""
ACTIVITY_AMENDED: Final = 2
"""A print was taken back or replaced: the sums are without it, the prices may still be its own."""
ACTIVITY_MISSING: Final = 4
"""The venue numbered more trades since the bar before it than came, or batches of the shard were lost."""


@dataclass(frozen=True, slots=True, eq=False)
class ActivityBarBatch:
    """Hold n bars in the order in which they closed or were revised; a bar is known as `keys` name it."""

    shard: str
    instruments: tuple[InstrumentRef, ...]
    instrument: UInt16
    basis: UInt8
    day: Int32
    ordinal: Int32
    finality: UInt8
    revision: Int32
    threshold_hi: Int64
    threshold_lo: UInt64
    start_ns: Int64
    end_ns: Int64
    open: Int64
    high: Int64
    low: Int64
    close: Int64
    volume: Int64
    buy_volume: Int64
    notional_hi: Int64
    notional_lo: UInt64
    trades: Int32
    flags: UInt8
    rejections: tuple[Rejection, ...] = ()
    stream: str = ""
    end_of_tape: bool = False

    @property
    def row_count(self) -> int:
        """Count the rows."""
        return len(self.ordinal)


def unit_exponent(basis: int, ref: InstrumentRef) -> int:
    """Give the power of ten in which a basis counts an instrument.

    >>> [unit_exponent(basis, InstrumentRef("ETH-USDT.BINANCE", -2, -4)) for basis in BASIS_NAMES]
    [0, -4, -6]
    """
    if basis == BASIS_TICKS:
        return 0
    return ref.size_exponent + (ref.price_exponent if basis == BASIS_NOTIONAL else 0)
