"""Hold market data as columns; frozen batches of one shard live here, and the constants of their columns.

Every array has one entry a row and is read-only by convention. Prices and sizes are integer mantissas whose exponents
stand in the batch's instrument dictionary; times are UTC nanoseconds.
"""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Int64: TypeAlias = NDArray[np.int64]
Int32: TypeAlias = NDArray[np.int32]
UInt64: TypeAlias = NDArray[np.uint64]
UInt32: TypeAlias = NDArray[np.uint32]
UInt16: TypeAlias = NDArray[np.uint16]
UInt8: TypeAlias = NDArray[np.uint8]
Float64: TypeAlias = NDArray[np.float64]

ROWS_PER_BATCH_MAX: Final = 512
BYTES_PER_BATCH_MAX: Final = 128 * 1024

NS_PER_S: Final = 1_000_000_000
INTERVALS_S: Final = (1, 5, 60, 300, 900, 3600, 14_400, 86_400)
"""Bar intervals, seconds, shortest first; the last two are nominal: they are cut where the instrument's day is."""

SIDE_UNKNOWN: Final = 0
SIDE_BUY: Final = 1
SIDE_SELL: Final = 2

TRADE_INFORMS_ONLY: Final = 1
TRADE_WITHOUT_ID: Final = 2
TRADE_NOT_LAST: Final = 4
TRADE_NOT_HIGH_LOW: Final = 8
TRADE_NOT_VOLUME: Final = 16
TRADE_CANCEL: Final = 32
TRADE_CORRECTION: Final = 64
TRADE_IDS_SPARSE: Final = 128

QUOTE_CROSSED: Final = 1
QUOTE_LOCKED: Final = 2
NO_VENUE_TIME: Final = 4

BOOK_SNAPSHOT: Final = 1
BOOK_TELLS_PREVIOUS: Final = 8
BOOK_CHECKSUM: Final = 16
BOOK_WITHOUT_IDS: Final = 32

CANDLE_CLOSED: Final = 1
CANDLE_COUNTS_CHANGES: Final = 2
CANDLE_TRADES_UNKNOWN: Final = -1

BAR_PROVISIONAL: Final = 1
BAR_FINAL: Final = 2
BAR_REVISED: Final = 3
BAR_OPEN: Final = 4

MARKET_QUOTED: Final = 1
MARKET_CROSSED: Final = 2
MARKET_BOOK_VALID: Final = 4
MARKET_MISSING: Final = 8
BAR_NO_PRICE: Final = 16
BAR_SYNTHETIC: Final = 32
MARKET_BOOK_LOST: Final = 64
MARKET_HALTED: Final = 256
MARKET_CLOSED: Final = 512

FLAGS_LOW: Final = 8
"""Flags in `flags`; those above, which are seldom set, stand in `flags_hi`."""
NO_FLAGS: Final[UInt8] = np.empty(0, np.uint8)
"""`flags_hi` of rows of which none has such a flag."""


@dataclass(frozen=True, slots=True)
class InstrumentRef:
    """Name an instrument and the unit of its prices and sizes (powers of ten)."""

    instrument_id: str
    price_exponent: int
    size_exponent: int


@dataclass(frozen=True, slots=True)
class OversizedRow:
    """Stand for a row that is too long to travel."""

    index: int
    length: int
    sha256: bytes
    spool_ref: str


@dataclass(frozen=True, slots=True, eq=False)
class RawBatch:
    """Hold n rows of one shard exactly as a feed received them.

    `payload[offsets[i]:offsets[i + 1]]` is row i, received at `ts_receive[i]`, known for ever as
    (`stream`, `first_row + i`). A heartbeat and the end of a tape have no rows.
    """

    shard: str
    stream: str
    dialect: str
    first_row: int
    payload: bytes
    offsets: UInt32  # (n + 1,)
    ts_receive: Int64  # (n,)
    symbol: str = ""
    bar_channel: str = ""
    oversized: tuple[OversizedRow, ...] = ()
    heartbeat: bool = False
    end_of_tape: bool = False
    tape_offset: int = 0
    ts_cut_ns: int = 0

    @property
    def row_count(self) -> int:
        """Count the rows."""
        return len(self.ts_receive)


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Hold n prints in tape order; see `tick.proto` for each column's unit."""

    row: UInt32
    instrument: UInt16
    ts_event: Int64
    ts_receive: Int64
    price: Int64
    size: Int64
    side: UInt8
    trade_id: UInt64
    flags: UInt8


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Hold n best bids and offers in tape order; see `tick.proto` for each column's unit."""

    row: UInt32
    instrument: UInt16
    ts_event: Int64
    ts_receive: Int64
    bid_price: Int64
    bid_size: Int64
    ask_price: Int64
    ask_size: Int64
    update_id: UInt64
    flags: UInt8


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """Hold m book messages with k levels in all: message i owns bids[i] bid levels, then asks[i] ask levels."""

    row: UInt32
    instrument: UInt16
    ts_event: Int64
    ts_receive: Int64
    first_update_id: UInt64
    last_update_id: UInt64
    previous_update_id: UInt64
    bids: UInt16
    asks: UInt16
    flags: UInt8
    checksum: UInt32
    level_price: Int64  # (k,)
    level_size: Int64  # (k,)


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Hold n bars as a venue made them, in tape order; see `tick.proto` for each column's unit."""

    row: UInt32
    instrument: UInt16
    ts_event: Int64
    ts_receive: Int64
    interval_ns: Int64
    open: Int64
    high: Int64
    low: Int64
    close: Int64
    volume: Int64
    trades: Int64
    flags: UInt8


@dataclass(frozen=True, slots=True)
class Rejection:
    """Keep a row that broke a rule, with its reason, until it is filed."""

    row: int
    reason: str
    detail: str
    raw: bytes
    dialect: str
    ts_receive: int
    symbol: str = ""
    spool_ref: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class TickBatch:
    """Hold one RawBatch after normalisation: every row is in a section, rejected, or counted in `kinds` as ignored."""

    shard: str
    stream: str
    first_row: int
    row_count: int
    instruments: tuple[InstrumentRef, ...]
    trades: Trades
    quotes: Quotes
    book: Book
    candles: Candles
    rejections: tuple[Rejection, ...] = ()
    kinds: tuple[tuple[str, int], ...] = ()
    heartbeat: bool = False
    end_of_tape: bool = False
    ts_cut_ns: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class BarBatch:
    """Hold n bars in the order in which they closed; see `bar.proto` for each column's unit."""

    shard: str
    instruments: tuple[InstrumentRef, ...]
    instrument: UInt16
    interval_s: Int32
    start_ns: Int64
    finality: UInt8
    revision: Int32
    open: Int64
    high: Int64
    low: Int64
    close: Int64
    volume: Int64
    buy_volume: Int64
    notional_hi: Int64
    notional_lo: UInt64
    trades: Int32
    bid_price: Int64
    bid_size: Int64
    ask_price: Int64
    ask_size: Int64
    bid_depth: Int64
    ask_depth: Int64
    bid_edge: Int64
    ask_edge: Int64
    ofi: Int64
    quotes: Int32
    flags: UInt8
    rejections: tuple[Rejection, ...] = ()
    stream: str = ""
    end_of_tape: bool = False
    flags_hi: UInt8 = field(default_factory=lambda: NO_FLAGS)  # (n,); (0,) when none is set


@dataclass(frozen=True, slots=True, eq=False)
class FeatureColumns:
    """Hold n rows of f features with the market each row was decided on.

    `values` and `states` are (n, f). A value counts only where its state is STATE_VALID; elsewhere it is 0.
    """

    instruments: tuple[InstrumentRef, ...]
    instrument: UInt16
    interval_s: Int32
    start_ns: Int64
    bar_revision: Int32
    close: Int64
    bid_price: Int64
    bid_size: Int64
    ask_price: Int64
    ask_size: Int64
    flags: UInt8
    names: tuple[str, ...]
    values: Float64
    states: UInt8
    flags_hi: UInt8 = field(default_factory=lambda: NO_FLAGS)  # (n,); (0,) when none is set

    @property
    def row_count(self) -> int:
        """Count the rows."""
        return len(self.start_ns)


def flags_at(rows: BarBatch | FeatureColumns, row: int) -> int:
    """Give all flags of a row: MARKET_QUOTED and its neighbours."""
    high = int(rows.flags_hi[row]) << FLAGS_LOW if len(rows.flags_hi) else 0
    return int(rows.flags[row]) | high


STATE_COLD: Final = 0
STATE_VALID: Final = 1
STATE_DEGENERATE: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class FeatureBatch:
    """Hold the feature rows of one BarBatch."""

    shard: str
    columns: FeatureColumns
    end_of_tape: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ModelOutput:
    """Hold one model's answer for n rows; `scores` and `values` count only where `states` is STATE_VALID.

    `names` are k further figures of a row, which the model's card explains. A shadow stands beside the answer that
    decides, and nothing may act on it.
    """

    model: str
    version: str
    scores: Float64  # (n,)
    states: UInt8  # (n,)
    threshold: float
    degraded: bool = False
    degraded_reason: str = ""
    names: tuple[str, ...] = ()
    values: Float64 = field(default_factory=lambda: np.zeros((0, 0)))  # (n, k); of no figures, empty
    shadow: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PredictionBatch:
    """Hold scored feature rows: the market, the features that decide, and every model's answer."""

    shard: str
    columns: FeatureColumns
    outputs: tuple[ModelOutput, ...] = field(default=())
    end_of_tape: bool = False


@dataclass(frozen=True, slots=True)
class GapDetected:
    """Say that a table stopped waiting for the batches first_missing to last_missing of a source."""

    shard: str
    source: str
    first_missing: int
    last_missing: int
