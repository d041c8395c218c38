"""Name the columns of what the bar loops work on, and their bounds; constants alone, which compiled loops freeze.

A state is the tuple (regs, bars, market, levels, seen, prints); a sink is (out, rejects, scratch, quality, work, edges,
days); a config is (lateness_ns, shows, first_row), where bit 0 of `shows` asks for provisional bars and the bits above
say how many synthetic bars may follow one another.
"""

from typing import Final

INLINED: Final[tuple[str, ...]] = ()

# Intervals, as in `market.INTERVALS_S`: each closes into the next. The last two are cut by the instrument's days.
INTERVALS: Final = 8
INTERVAL_NS: Final = (
    *(1_000_000_000, 5_000_000_000, 60_000_000_000, 300_000_000_000, 900_000_000_000),
    *(3_600_000_000_000, 14_400_000_000_000, 86_400_000_000_000),
)
SECOND_NS: Final = 1_000_000_000
PART: Final = 6  # parts of a day, from its start on: six, or seven in one of 25 hours
DAY: Final = 7
PARTS_A_DAY: Final = 7
DAY_NS: Final = 86_400_000_000_000

# A ring holds what is kept and two bars that may be open at a lateness of up to one interval; parts of days are
# numbered with gaps and need two places more. What is kept covers the bar that follows from it, for cancels.
RING: Final = (32, 15, 7, 5, 6, 6, 10, 4)
RING_BASE: Final = (0, 32, 47, 54, 59, 65, 71, 81)
SLOTS: Final = 85
KEPT_NS: Final = (
    *(30_000_000_000, 65_000_000_000, 300_000_000_000, 900_000_000_000, 3_600_000_000_000),
    *(14_400_000_000_000, 86_400_000_000_000, 172_800_000_000_000),
)
"""How far behind the watermark the end of a bar may lie that late rows still change."""

# Columns of regs.
WATERMARK: Final = 0
SKEW: Final = 1
SKEW_KNOWN: Final = 2
DUPLICATES: Final = 3
PENDING: Final = 4
OUT: Final = 5
REJECTED: Final = 6
INSTRUMENTS: Final = 7
NEXT_CLOSE: Final = 8
QUALITY_END: Final = 9  # when the window ends in which the feed's quality is counted
QUALITY_OUT: Final = 10
NEXT_END: Final = 11  # one for each interval: the earliest end of an open bar
LAST_END: Final = 19  # one for each interval: the latest end of any bar that was opened
REGS: Final = 27

# Columns of a bar; those of every trade stand together.
START: Final = 0
STATUS: Final = 1  # the bits below; above them the revision
HIGH: Final = 2
LOW: Final = 3  # NEVER while no trade told
OPEN: Final = 4
CLOSE: Final = 5
OPEN_TS: Final = 6  # NEVER while no trade told
OPEN_ROW: Final = 7
CLOSE_TS: Final = 8
CLOSE_ROW: Final = 9
VOLUME: Final = 10
BUY_VOLUME: Final = 11
NOTIONAL_HI: Final = 12  # in units of 2**62
NOTIONAL_LO: Final = 13  # below 2**62
TRADES: Final = 14
FIRST_ID: Final = 15  # least and greatest venue id of its trades, where the venue numbers them one after the other
LAST_ID: Final = 16
ASIDE: Final = 17  # trades that do not count: those that update no volume, and in the high half those taken back
END: Final = 18
BID_PRICE: Final = 19
BID_SIZE: Final = 20
ASK_PRICE: Final = 21
ASK_SIZE: Final = 22
BID_DEPTH: Final = 23
ASK_DEPTH: Final = 24
BID_EDGE: Final = 25
ASK_EDGE: Final = 26
OFI: Final = 27
QUOTES: Final = 28
FLAGS: Final = 29
BAR: Final = 30
NO_ID: Final = -1
TAKEN_BACK: Final = 1 << 32  # one in the high half of ASIDE

IS_OPEN: Final = 1
IS_PENDING: Final = 2
IS_SYNTHETIC: Final = 4  # fills a gap; OPEN_ROW counts those in a row while no trade has come
IS_STALE: Final = 8  # holds a trade that was taken back or replaced elsewhere
STATUS_BITS: Final = 8

# Columns of an instrument's market.
CURRENT: Final = 0  # start of the shortest bar last touched while open, its slot, and the column of its day's sums
CURRENT_SLOT: Final = 1
CURRENT_DAY: Final = 2
HIGH_ID: Final = 3
PRINTED: Final = 4  # trades written to the ring of prints
DAY_SUMS: Final = 5  # (volume, notional_hi) of the day with an even number, then of the one with an odd number
LAST_RECEIVE: Final = 9  # of any row
LAST_EVENT: Final = 10  # of trades, quotes and book messages
QUALITY: Final = 13  # what the feed was like in this window, by the columns of a quality row
DAY_NUMBER: Final = 25  # of the two days that have sums
QUOTE: Final = 27  # the latest one: bid price and size, ask price and size
QUOTE_FLAGS: Final = 31
BOOK_STATE: Final = 32
BOOK_LAST: Final = 33
BOOK_COUNT: Final = 34  # bids, then asks
BOOK_EDGE: Final = 36  # bids, then asks: no level beyond this key is known
BUFFERED: Final = 38  # while the book is lost its levels hold this many numbers of deltas waiting for a snapshot
CROSSED_AT: Final = 39  # when the quote became crossed; 0 while it is not
REVISING: Final = 40  # bars that await a revision
MARKET: Final = 41

# Columns of a quality row.
ROWS: Final = 0
TRADE_ROWS: Final = 1
QUOTE_ROWS: Final = 2
BOOK_ROWS: Final = 3
REPEATED: Final = 4
MISSING: Final = 5
BREAKS: Final = 6
DISORDER: Final = 7
CROSSED_NS: Final = 8
SILENCE_NS: Final = 9
TIMED: Final = 10
DELAY_NS: Final = 11
QUALITY_WIDTH: Final = 12
QUALITY_HEAD: Final = 2  # instrument and end of the window stand before them
QUALITY_NS: Final = 10_000_000_000

# Columns of a print: a trade that may still be taken back.
PRINT_ID: Final = 0  # -2 - id once it was taken back; NO_ID where there is none, or some bars still hold it otherwise
PRINT_TS: Final = 1
PRINT_ROW: Final = 2  # row << 9 | bought << 8 | flags
PRINT_PRICE: Final = 3
PRINT_SIZE: Final = 4
PRINT: Final = 5
PRINTS_KEPT: Final = 64
VOID: Final = -(1 << 62) - 2  # as id: taken back, but not everywhere
ROW_SHIFT: Final = 9
BOUGHT_BIT: Final = 8
BOUGHT: Final = 1 << BOUGHT_BIT
FLAG_BITS: Final = 255

NOT_COME: Final = 0  # what is known of an id
HAS_COME: Final = 1
MAY_HAVE_COME: Final = 2

BOOK_LOST: Final = 0
BOOK_FRESH: Final = 1  # a snapshot, no delta on it yet
BOOK_LIVE: Final = 2
HEAD: Final = 6  # numbers before a waiting delta's prices and sizes: first, last, previous, tells, bids, asks

# Columns of a sink's rows; `days` has a row for each instrument: its ranges of `edges`, and its first day's number.
OUT_INSTRUMENT: Final = 0
OUT_INTERVAL: Final = 1
OUT_FINALITY: Final = 2
OUT_BAR: Final = 3
OUT_WIDTH: Final = OUT_BAR + BAR
REJECT_WIDTH: Final = 5  # row, reason, section, position in it, instrument of the batch
DAYS_BEGIN: Final = 0
DAYS_END: Final = 1
DAYS_FIRST: Final = 2
HOURS_BEGIN: Final = 3
HOURS_END: Final = 4
DAYS: Final = 5

REASON_TOO_LATE: Final = 0
REASON_SHARD_FULL: Final = 1
REASON_OUT_OF_RANGE: Final = 2
REASON_UNKNOWN_TRADE: Final = 3
SECTION_TRADES: Final = 0
SECTION_QUOTES: Final = 1
SECTION_BOOK: Final = 2

NEVER: Final = 1 << 62
NO_BAR: Final = -1  # no interval starts one nanosecond before an hour
MANTISSA_MAX: Final = (1 << 62) - 1  # the sum of two stays below 2**63
LEVEL_SIZE_MAX: Final = (1 << 58) - 1  # ten of them stay below 2**62
DEPTH_LEVELS: Final = 10
IDS_KEPT: Final = 4096
SKEW_SHIFT: Final = 6  # each row weighs 1/64 in the measured skew
LOW_31: Final = (1 << 31) - 1
LOW_32: Final = (1 << 32) - 1
LOW_62: Final = (1 << 62) - 1
LAST_ROW: Final = 1 << 40

# As in `market`, repeated because a compiled copy freezes what it reads.
FINAL: Final = 2
REVISED: Final = 3
OPEN_AT_END: Final = 4
PROVISIONAL: Final = 1
INFORMS_ONLY: Final = 1
WITHOUT_ID: Final = 2
NOT_LAST: Final = 4
NOT_HIGH_LOW: Final = 8
NOT_VOLUME: Final = 16
NOTHING: Final = 28  # updates neither of the three
CANCEL: Final = 32
CORRECTION: Final = 64
IDS_SPARSE: Final = 128
UNUSUAL: Final = 127  # any flag but that one
CROSSED: Final = 1
NO_VENUE_TIME: Final = 4
SNAPSHOT: Final = 1
TELLS_PREVIOUS: Final = 8
WITHOUT_IDS: Final = 32
SIDE_BUY: Final = 1
MARKET_QUOTED: Final = 1
MARKET_CROSSED: Final = 2
MARKET_BOOK_VALID: Final = 4
MARKET_MISSING: Final = 8
BAR_NO_PRICE: Final = 16
BAR_SYNTHETIC: Final = 32
MARKET_BOOK_LOST: Final = 64
