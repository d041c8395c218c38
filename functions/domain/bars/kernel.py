"""Fold rows into bars, one by one in tape order: plain loops over arrays that also compile, and nothing else.

The same source runs twice: as it stands, or with every function replaced by a compiled one that calls the others by
their module name. So only integers, floats, arrays and tuples live here, and no sum can leave the range of int64 in
either form. Callers go through `fold.py`.

A state is the tuple (regs, bars, market, levels, seen); a sink is (out, rejects, scratch, quality); a config is
(lateness_ns, provisional, first_row). Their columns are named below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from functions.domain.bars.layout import Book, Config, Quotes, Sink, State, Trades
    from functions.domain.market import Int32, Int64, UInt8

INLINED: Final = (
    *("_add", "_seen_before", "_move_clock", "_fold_trade", "_take_trade", "_apply_level", "_count", "product"),
)
"""Functions on the path of every trade: a compiler should not call them."""

# Intervals, as in `market.INTERVALS_S`; the last one contains every other.
INTERVALS: Final = 6
INTERVAL_NS: Final = (
    1_000_000_000,
    5_000_000_000,
    60_000_000_000,
    300_000_000_000,
    900_000_000_000,
    3_600_000_000_000,
)
RING: Final = (32, 14, 10, 6, 4, 4)
RING_BASE: Final = (0, 32, 46, 56, 62, 66)
SLOTS: Final = 70
LONGEST: Final = 5

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
NEXT_END: Final = 9  # one for each interval: the earliest end of an open bar
LAST_END: Final = 15  # one for each interval: the latest end of any bar that was opened
QUALITY_END: Final = 21  # when the window ends in which the feed's quality is counted
QUALITY_OUT: Final = 22
REGS: Final = 23

# Columns of a bar.
START: Final = 0
STATUS: Final = 1  # bits IS_OPEN, IS_PENDING; above them the revision
OPEN: Final = 2
HIGH: Final = 3
LOW: Final = 4
CLOSE: Final = 5
VOLUME: Final = 6
BUY_VOLUME: Final = 7
NOTIONAL_HI: Final = 8  # in units of 2**62
NOTIONAL_LO: Final = 9  # below 2**62
TRADES: Final = 10
OPEN_TS: Final = 11
OPEN_ROW: Final = 12
CLOSE_TS: Final = 13
CLOSE_ROW: Final = 14
BID_PRICE: Final = 15
BID_SIZE: Final = 16
ASK_PRICE: Final = 17
ASK_SIZE: Final = 18
BID_DEPTH: Final = 19
ASK_DEPTH: Final = 20
FLAGS: Final = 21
FIRST_ID: Final = 22  # least and greatest venue id of its trades, where the venue numbers them one after the other
LAST_ID: Final = 23
BAR: Final = 24
NO_ID: Final = -1

IS_OPEN: Final = 1
IS_PENDING: Final = 2
STATUS_BITS: Final = 8

# Columns of an instrument's market; the first four are the latest quote.
QUOTE_FLAGS: Final = 4
BOOK_STATE: Final = 5
BOOK_LAST: Final = 6
BOOK_COUNT: Final = 7  # bids, then asks
BOOK_EDGE: Final = 9  # bids, then asks: no level beyond this key is known
HIGH_ID: Final = 11
BUFFERED: Final = 12  # while the book is lost its levels hold this many numbers of deltas waiting for a snapshot
CURRENT: Final = 13  # start of the shortest bar last touched while open, then its slot and those around it
QUALITY: Final = 20  # what the feed was like in this window, by the columns of a quality row
LAST_RECEIVE: Final = 32  # of any row
LAST_EVENT: Final = 33  # of trades, quotes and book messages
CROSSED_AT: Final = 36  # when the quote became crossed; 0 while it is not
MARKET: Final = 37

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

BOOK_LOST: Final = 0
BOOK_FRESH: Final = 1  # a snapshot, no delta on it yet
BOOK_LIVE: Final = 2
HEAD: Final = 6  # numbers before a waiting delta's prices and sizes: first, last, previous, tells, bids, asks

# Columns of a sink.
OUT_INSTRUMENT: Final = 0
OUT_INTERVAL: Final = 1
OUT_FINALITY: Final = 2
OUT_BAR: Final = 3
OUT_WIDTH: Final = OUT_BAR + BAR
REJECT_WIDTH: Final = 5  # row, reason, section, position in it, instrument of the batch

REASON_TOO_LATE: Final = 0
REASON_SHARD_FULL: Final = 1
REASON_OUT_OF_RANGE: Final = 2
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
_LOW_31: Final = (1 << 31) - 1
_LOW_62: Final = (1 << 62) - 1
_LAST_ROW: Final = 1 << 40

# As in `market`, repeated because a compiled copy freezes what it reads.
_FINAL: Final = 2
_REVISED: Final = 3
_OPEN: Final = 4
_PROVISIONAL: Final = 1
_INFORMS_ONLY: Final = 1
_WITHOUT_ID: Final = 2
_IDS_SPARSE: Final = 128
_CROSSED: Final = 1
_NO_VENUE_TIME: Final = 4
_SNAPSHOT: Final = 1
_TELLS_PREVIOUS: Final = 8
_WITHOUT_IDS: Final = 32
_SIDE_BUY: Final = 1
_MARKET_QUOTED: Final = 1
_MARKET_CROSSED: Final = 2
_MARKET_BOOK_VALID: Final = 4
_MARKET_MISSING: Final = 8


def fold_rows(
    state: State, sink: Sink, mapping: Int32, trades: Trades, quotes: Quotes, book: Book, config: Config
) -> None:
    """Fold every row of a batch in tape order; what closed and what was refused is counted in regs OUT, REJECTED."""
    trade_row = trades[0]
    quote_row = quotes[0]
    book_row = book[0]
    trade = 0
    quote = 0
    message = 0
    level = 0
    while trade < len(trade_row) or quote < len(quote_row) or message < len(book_row):
        at_trade = trade_row[trade] if trade < len(trade_row) else _LAST_ROW
        at_quote = quote_row[quote] if quote < len(quote_row) else _LAST_ROW
        at_book = book_row[message] if message < len(book_row) else _LAST_ROW
        if at_trade < at_quote and at_trade < at_book:
            _take_trade(state, sink, mapping, trades, trade, config)
            trade += 1
        elif at_quote < at_book:
            _take_quote(state, sink, mapping, quotes, quote, config)
            quote += 1
        else:
            _take_book(state, sink, mapping, book, message, level, config)
            level += book[7][message] + book[8][message]
            message += 1


def advance(state: State, sink: Sink, ts_cut_ns: int, config: Config) -> None:
    """Move the watermark by a heartbeat: the feed's clock less the measured skew less the lateness."""
    regs = state[0]
    mark = ts_cut_ns - regs[SKEW] - config[0]
    if regs[SKEW_KNOWN] != 0 and mark > regs[WATERMARK]:
        regs[WATERMARK] = mark
        if mark >= regs[NEXT_CLOSE]:
            _close_due(state, sink, config)


def finish(state: State, sink: Sink) -> None:
    """End a tape: emit what awaits its revision, then every open bar once as open; the bars stay open."""
    regs, bars, market, levels, _ = state
    _revise(state, sink)
    if regs[QUALITY_END] != NEVER:
        _tell_quality(state, sink, regs[QUALITY_END])
    end = -NEVER
    while True:
        following = NEVER
        for k in range(INTERVALS):
            candidate = _open_end_after(regs, bars, k, end)
            following = min(candidate, following)
        if following == NEVER:
            return
        end = following
        for k in range(INTERVALS):
            slot = _slot(k, end - INTERVAL_NS[k])
            for i in range(regs[INSTRUMENTS]):
                if end % INTERVAL_NS[k] == 0 and _is_open(bars, i, slot, end - INTERVAL_NS[k]):
                    _stamp(bars, market, levels, i, slot)
                    _emit(regs, bars, sink[0], i, k, slot, _OPEN)


def lose_market(state: State) -> None:
    """Forget quotes and books: rows were lost, so neither is known until the venue says it again."""
    regs, _, market, _, _ = state
    for i in range(regs[INSTRUMENTS]):
        market[i, QUOTE_FLAGS] = 0
        _lose(market, i)
        market[i, BUFFERED] = 0


def product(price: int, size: int) -> tuple[int, int]:
    """Multiply two mantissas below 2**62 into (hi, lo) with hi * 2**62 + lo, no intermediate above int64."""
    price_hi = price >> 31
    price_lo = price & _LOW_31
    size_hi = size >> 31
    size_lo = size & _LOW_31
    mid = price_lo * size_hi + price_hi * size_lo
    low = price_lo * size_lo + ((mid & _LOW_31) << 31)
    return price_hi * size_hi + (mid >> 31) + (low >> 62), low & _LOW_62


def _take_trade(state: State, sink: Sink, mapping: Int32, trades: Trades, n: int, config: Config) -> None:
    regs = state[0]
    row, instrument, ts_event, ts_receive, prices, sizes, sides, ids, flags = trades
    i = mapping[instrument[n]]
    price = prices[n]
    size = sizes[n]
    if i < 0:
        _reject(regs, sink[1], row[n], REASON_SHARD_FULL, SECTION_TRADES, n, instrument[n])
        return
    if price < 1 or size < 1 or price > MANTISSA_MAX or size > MANTISSA_MAX:
        _reject(regs, sink[1], row[n], REASON_OUT_OF_RANGE, SECTION_TRADES, n, instrument[n])
        return
    _move_clock(state, sink, ts_event[n], ts_receive[n], config)
    _count(state, i, SECTION_TRADES, ts_event[n], ts_receive[n])
    if flags[n] & _INFORMS_ONLY:
        return
    number = NO_ID if flags[n] & _WITHOUT_ID else ids[n]
    if number >= 0:
        high = state[2][i, HIGH_ID]
        if _seen_before(state[2], state[4], i, number):
            regs[DUPLICATES] += 1
            state[2][i, QUALITY + REPEATED] += 1
            return
        if flags[n] & _IDS_SPARSE:
            number = NO_ID
        elif high >= 0:
            _count_missing(state[2], i, number - high - 1)
    buy = size if sides[n] == _SIDE_BUY else 0
    reason = _fold_trade(state, sink, i, ts_event[n], config[2] + int(row[n]), number, price, size, buy)
    if reason >= 0:
        _reject(regs, sink[1], row[n], reason, SECTION_TRADES, n, instrument[n])


def _fold_trade(
    state: State, sink: Sink, i: int, ts: int, row: int, number: int, price: int, size: int, buy: int
) -> int:
    """Fold a trade into every interval; return the reason it was (partly) refused, or -1."""
    _, bars, market, _, _ = state
    hi, lo = product(price, size)
    behind = ts - market[i, CURRENT]
    if behind < 0 or behind >= INTERVAL_NS[0]:
        return _place(state, sink, i, ts, row, number, price, size, buy)
    slot = market[i, CURRENT + 1 + LONGEST]
    if bars[i, slot, VOLUME] + size > MANTISSA_MAX or bars[i, slot, NOTIONAL_HI] + hi > MANTISSA_MAX:
        return REASON_OUT_OF_RANGE
    for k in range(INTERVALS):
        _add(bars, i, market[i, CURRENT + 1 + k], ts, row, number, price, size, buy, hi, lo)
    return -1


def _place(state: State, sink: Sink, i: int, ts: int, row: int, number: int, price: int, size: int, buy: int) -> int:
    """Find or make the trade's bar in every interval; late ones await a revision."""
    regs, bars, market, _, _ = state
    hi, lo = product(price, size)
    start = ts - ts % INTERVAL_NS[LONGEST]
    slot = _slot(LONGEST, start)
    # The longest bar holds every trade of the shorter ones, so its sums bound theirs.
    if bars[i, slot, START] == start and (
        bars[i, slot, VOLUME] + size > MANTISSA_MAX or bars[i, slot, NOTIONAL_HI] + hi > MANTISSA_MAX
    ):
        return REASON_OUT_OF_RANGE
    late = 0
    too_late = 0
    for k in range(INTERVALS):
        start = ts - ts % INTERVAL_NS[k]
        slot = _slot(k, start)
        is_late = start + INTERVAL_NS[k] <= regs[WATERMARK]
        if is_late and _is_gone(regs, bars, i, k, slot, start):
            too_late += 1
            continue
        if bars[i, slot, START] != start:
            _begin(state, sink, i, k, slot, start, is_late)
        elif is_late and (bars[i, slot, STATUS] & IS_PENDING) == 0:
            bars[i, slot, STATUS] |= IS_PENDING
            regs[PENDING] += 1
        late += is_late
        market[i, CURRENT + 1 + k] = slot
        _add(bars, i, slot, ts, row, number, price, size, buy, hi, lo)
    market[i, CURRENT] = ts - ts % INTERVAL_NS[0] if late + too_late == 0 else -NEVER
    return REASON_TOO_LATE if too_late > 0 else -1


def _is_gone(regs: Int64, bars: Int64, i: int, k: int, slot: int, start: int) -> bool:
    """Tell whether a closed bar is no longer kept: too far behind the watermark, or its place is taken."""
    # Two places of a ring are for bars that are still open at a lateness of up to one interval; `fold.Config`
    # bounds the lateness, so what a longer one needs is taken from what is kept.
    kept = regs[WATERMARK] - (RING[k] - 2) * INTERVAL_NS[k]
    return bool(start + INTERVAL_NS[k] <= kept or bars[i, slot, START] > start)


def _begin(state: State, sink: Sink, i: int, k: int, slot: int, start: int, is_late: bool) -> None:  # noqa: FBT001 - a flag among scalars
    """Make an empty bar: open, or closed and awaiting its first emission as a revision."""
    regs, bars, _, _, _ = state
    if bars[i, slot, STATUS] & IS_PENDING:
        _revise(state, sink)
    for column in range(BAR):
        bars[i, slot, column] = 0
    bars[i, slot, START] = start
    bars[i, slot, LOW] = NEVER
    bars[i, slot, OPEN_TS] = NEVER
    bars[i, slot, CLOSE_TS] = -NEVER
    bars[i, slot, FIRST_ID] = NEVER
    bars[i, slot, LAST_ID] = NO_ID
    if is_late:
        bars[i, slot, STATUS] = IS_PENDING
        regs[PENDING] += 1
        return
    bars[i, slot, STATUS] = IS_OPEN
    end = start + INTERVAL_NS[k]
    regs[NEXT_END + k] = min(regs[NEXT_END + k], end)
    regs[LAST_END + k] = max(regs[LAST_END + k], end)
    regs[NEXT_CLOSE] = min(regs[NEXT_CLOSE], end)


def _add(
    bars: Int64, i: int, slot: int, ts: int, row: int, number: int, price: int, size: int, buy: int, hi: int, lo: int
) -> None:
    if number >= 0:
        bars[i, slot, FIRST_ID] = min(bars[i, slot, FIRST_ID], number)
        bars[i, slot, LAST_ID] = max(bars[i, slot, LAST_ID], number)
    bars[i, slot, HIGH] = max(bars[i, slot, HIGH], price)
    bars[i, slot, LOW] = min(bars[i, slot, LOW], price)
    if ts < bars[i, slot, OPEN_TS] or (ts == bars[i, slot, OPEN_TS] and row < bars[i, slot, OPEN_ROW]):
        bars[i, slot, OPEN] = price
        bars[i, slot, OPEN_TS] = ts
        bars[i, slot, OPEN_ROW] = row
    if ts > bars[i, slot, CLOSE_TS] or (ts == bars[i, slot, CLOSE_TS] and row >= bars[i, slot, CLOSE_ROW]):
        bars[i, slot, CLOSE] = price
        bars[i, slot, CLOSE_TS] = ts
        bars[i, slot, CLOSE_ROW] = row
    low = bars[i, slot, NOTIONAL_LO] + lo
    bars[i, slot, NOTIONAL_LO] = low & _LOW_62
    bars[i, slot, NOTIONAL_HI] += hi + (low >> 62)
    bars[i, slot, VOLUME] += size
    bars[i, slot, BUY_VOLUME] += buy
    bars[i, slot, TRADES] += 1


def _seen_before(market: Int64, seen: UInt8, i: int, trade_id: int) -> bool:
    """Tell whether an id of the last `IDS_KEPT` came before, and remember it; older ids are never said to have."""
    high = market[i, HIGH_ID]
    place = (trade_id & (IDS_KEPT - 1)) >> 3
    bit = 1 << (trade_id & 7)
    if trade_id > high:
        if trade_id - high >= IDS_KEPT:
            seen[i, :] = 0
        else:
            for skipped in range(high + 1, trade_id):
                seen[i, (skipped & (IDS_KEPT - 1)) >> 3] &= 255 ^ (1 << (skipped & 7))
        market[i, HIGH_ID] = trade_id
        seen[i, place] |= bit
        return False
    if high - trade_id >= IDS_KEPT:
        return False
    known = (seen[i, place] & bit) != 0
    seen[i, place] |= bit
    return bool(known)


def _move_clock(state: State, sink: Sink, ts_event: int, ts_receive: int, config: Config) -> None:
    """Let a row with venue time move the measured skew and the watermark, and close what is due."""
    regs = state[0]
    skew = ts_receive - ts_event
    regs[SKEW] = regs[SKEW] + ((skew - regs[SKEW]) >> SKEW_SHIFT) if regs[SKEW_KNOWN] else skew
    regs[SKEW_KNOWN] = 1
    mark = ts_event - config[0]
    if mark > regs[WATERMARK]:
        regs[WATERMARK] = mark
        if regs[QUALITY_END] == NEVER:
            regs[QUALITY_END] = mark - mark % QUALITY_NS + QUALITY_NS
            regs[NEXT_CLOSE] = min(regs[NEXT_CLOSE], regs[QUALITY_END])
        if mark >= regs[NEXT_CLOSE]:
            _close_due(state, sink, config)


def _count(state: State, i: int, section: int, ts_event: int, ts_receive: int) -> None:
    """Count a row for its feed's quality; a row without venue time carries its receive time twice."""
    market = state[2]
    market[i, QUALITY + ROWS] += 1
    market[i, QUALITY + TRADE_ROWS + section] += 1
    if market[i, LAST_RECEIVE] > 0:
        market[i, QUALITY + SILENCE_NS] = max(market[i, QUALITY + SILENCE_NS], ts_receive - market[i, LAST_RECEIVE])
    market[i, LAST_RECEIVE] = max(market[i, LAST_RECEIVE], ts_receive)
    if ts_event != ts_receive:
        market[i, QUALITY + TIMED] += 1
        market[i, QUALITY + DELAY_NS] += ts_receive - ts_event
    if ts_event < market[i, LAST_EVENT + section]:
        market[i, QUALITY + DISORDER] += 1
    else:
        market[i, LAST_EVENT + section] = ts_event


def _count_missing(market: Int64, i: int, skipped: int) -> None:
    """Count the ids that a trade skipped; one that comes behind a greater one fills such a place."""
    if skipped >= 0:
        market[i, QUALITY + MISSING] += skipped
    elif market[i, QUALITY + MISSING] > 0:
        market[i, QUALITY + MISSING] -= 1


def _time_crossing(market: Int64, i: int, crossed: int, ts_receive: int) -> None:
    """Measure how long quotes are crossed, by the clock that all of them have."""
    since = market[i, CROSSED_AT]
    if since > 0:
        market[i, QUALITY + CROSSED_NS] += max(ts_receive - since, 0)
    market[i, CROSSED_AT] = ts_receive if crossed else 0


def _tell_quality(state: State, sink: Sink, end: int) -> None:
    """Say what each feed was like in the window that ends, where it said anything, and begin the next."""
    regs, _, market, _, _ = state
    for i in range(regs[INSTRUMENTS]):
        if market[i, QUALITY + ROWS] == 0:
            continue
        n = regs[QUALITY_OUT]
        sink[3][n, 0] = i
        sink[3][n, 1] = end
        for column in range(QUALITY_WIDTH):
            sink[3][n, QUALITY_HEAD + column] = market[i, QUALITY + column]
            market[i, QUALITY + column] = 0
        regs[QUALITY_OUT] = n + 1
    regs[QUALITY_END] = regs[WATERMARK] - regs[WATERMARK] % QUALITY_NS + QUALITY_NS


def _close_due(state: State, sink: Sink, config: Config) -> None:
    """Close every bar whose end the watermark has passed, by (end, interval, instrument); revisions go first."""
    regs = state[0]
    _revise(state, sink)
    while regs[NEXT_CLOSE] <= regs[WATERMARK]:
        end = regs[NEXT_CLOSE]
        if regs[QUALITY_END] == end:
            _tell_quality(state, sink, end)
        following = regs[QUALITY_END]
        for k in range(INTERVALS):
            if regs[NEXT_END + k] == end:
                _close_interval(state, sink, k, end, config)
                regs[NEXT_END + k] = _open_end_after(regs, state[1], k, end)
            following = min(following, regs[NEXT_END + k])
        regs[NEXT_CLOSE] = following


def _close_interval(state: State, sink: Sink, k: int, end: int, config: Config) -> None:
    regs, bars, market, levels, _ = state
    start = end - INTERVAL_NS[k]
    slot = _slot(k, start)
    for i in range(regs[INSTRUMENTS]):
        if not _is_open(bars, i, slot, start):
            continue
        bars[i, slot, STATUS] ^= IS_OPEN
        _stamp(bars, market, levels, i, slot)
        _emit(regs, bars, sink[0], i, k, slot, _FINAL)
        if k == 0:
            market[i, CURRENT] = -NEVER
            if config[1] != 0:
                _emit_provisional(state, sink, i, start)


def _emit_provisional(state: State, sink: Sink, i: int, start: int) -> None:
    regs, bars, market, levels, _ = state
    for k in range(1, INTERVALS):
        around = start - start % INTERVAL_NS[k]
        slot = _slot(k, around)
        if _is_open(bars, i, slot, around) and around + INTERVAL_NS[k] > regs[WATERMARK]:
            _stamp(bars, market, levels, i, slot)
            _emit(regs, bars, sink[0], i, k, slot, _PROVISIONAL)


def _open_end_after(regs: Int64, bars: Int64, k: int, end: int) -> int:
    """Find the earliest end of an open bar of an interval behind `end`; NEVER when there is none."""
    length = INTERVAL_NS[k]
    last = regs[LAST_END + k]
    # Open bars lie in the newest places of the ring, so the search never looks further back.
    candidate = max(end - end % length + length, last - (RING[k] - 1) * length)
    while candidate <= last:
        slot = _slot(k, candidate - length)
        for i in range(regs[INSTRUMENTS]):
            if _is_open(bars, i, slot, candidate - length):
                return int(candidate)
        candidate += length
    return NEVER


def _revise(state: State, sink: Sink) -> None:
    """Emit each bar that late rows changed, once, by (end, interval, instrument)."""
    regs, bars, _, _, _ = state
    while regs[PENDING] > 0:
        best_end = NEVER
        best_k = 0
        best_i = 0
        best_slot = 0
        for k in range(INTERVALS):
            for slot in range(RING_BASE[k], RING_BASE[k] + RING[k]):
                for i in range(regs[INSTRUMENTS]):
                    end = bars[i, slot, START] + INTERVAL_NS[k]
                    is_first = end < best_end or (end == best_end and k == best_k and i < best_i)
                    if is_first and bars[i, slot, STATUS] & IS_PENDING:
                        best_end = end
                        best_k = k
                        best_i = i
                        best_slot = slot
        status = bars[best_i, best_slot, STATUS] ^ IS_PENDING
        bars[best_i, best_slot, STATUS] = status + (1 << STATUS_BITS)
        regs[PENDING] -= 1
        _emit(regs, bars, sink[0], best_i, best_k, best_slot, _REVISED)


def _emit(regs: Int64, bars: Int64, out: Int64, i: int, k: int, slot: int, finality: int) -> None:
    n = regs[OUT]
    out[n, OUT_INSTRUMENT] = i
    out[n, OUT_INTERVAL] = k
    out[n, OUT_FINALITY] = finality
    for column in range(BAR):
        out[n, OUT_BAR + column] = bars[i, slot, column]
    regs[OUT] = n + 1


def _reject(regs: Int64, rejects: Int64, row: int, reason: int, section: int, n: int, instrument: int) -> None:
    at = regs[REJECTED]
    rejects[at, 0] = row
    rejects[at, 1] = reason
    rejects[at, 2] = section
    rejects[at, 3] = n
    rejects[at, 4] = instrument
    regs[REJECTED] = at + 1


def _slot(k: int, start: int) -> int:
    return RING_BASE[k] + (start // INTERVAL_NS[k]) % RING[k]


def _is_open(bars: Int64, i: int, slot: int, start: int) -> bool:
    return bool(bars[i, slot, START] == start and (bars[i, slot, STATUS] & IS_OPEN) != 0)


def _stamp(bars: Int64, market: Int64, levels: Int64, i: int, slot: int) -> None:
    """Write what is known of the market on a bar: latest quote, and the depth of the ten best levels."""
    for column in range(4):
        bars[i, slot, BID_PRICE + column] = market[i, column]
    flags = market[i, QUOTE_FLAGS]
    if bars[i, slot, LAST_ID] - bars[i, slot, FIRST_ID] >= bars[i, slot, TRADES]:
        flags |= _MARKET_MISSING
    bars[i, slot, BID_DEPTH] = 0
    bars[i, slot, ASK_DEPTH] = 0
    if _depth_is_known(market, i, 0) and _depth_is_known(market, i, 1):
        flags |= _MARKET_BOOK_VALID
        for side in range(2):
            count = market[i, BOOK_COUNT + side]
            for n in range(max(count - DEPTH_LEVELS, 0), count):
                bars[i, slot, BID_DEPTH + side] += levels[i, side, n, 1]
    bars[i, slot, FLAGS] = flags


def _depth_is_known(market: Int64, i: int, side: int) -> bool:
    """Tell whether the ten best levels of a side are: the book is in sync and the bound did not cut into them."""
    is_whole = market[i, BOOK_EDGE + side] == NEVER or market[i, BOOK_COUNT + side] >= DEPTH_LEVELS
    return bool(market[i, BOOK_STATE] != BOOK_LOST and is_whole)


def _take_quote(state: State, sink: Sink, mapping: Int32, quotes: Quotes, n: int, config: Config) -> None:
    regs, _, market, _, _ = state
    row, instrument, ts_event, ts_receive, bid_price, bid_size, ask_price, ask_size, flags = quotes
    i = mapping[instrument[n]]
    if i < 0:
        _reject(regs, sink[1], row[n], REASON_SHARD_FULL, SECTION_QUOTES, n, instrument[n])
        return
    _time_crossing(market, i, flags[n] & _CROSSED, ts_receive[n])
    market[i, 0] = bid_price[n]
    market[i, 1] = bid_size[n]
    market[i, 2] = ask_price[n]
    market[i, 3] = ask_size[n]
    market[i, QUOTE_FLAGS] = _MARKET_QUOTED
    if flags[n] & _CROSSED:
        market[i, QUOTE_FLAGS] = _MARKET_QUOTED | _MARKET_CROSSED
        _lose(market, i)
    if (flags[n] & _NO_VENUE_TIME) == 0:
        _move_clock(state, sink, ts_event[n], ts_receive[n], config)
    _count(state, i, SECTION_QUOTES, ts_event[n], ts_receive[n])


def _take_book(state: State, sink: Sink, mapping: Int32, book: Book, n: int, level: int, config: Config) -> None:
    regs, _, market, levels, _ = state
    row, instrument, ts_event, ts_receive, first, last, previous, bids, asks, flags, prices, sizes = book
    i = mapping[instrument[n]]
    if i < 0:
        _reject(regs, sink[1], row[n], REASON_SHARD_FULL, SECTION_BOOK, n, instrument[n])
        return
    tells = flags[n] & _TELLS_PREVIOUS
    if flags[n] & _SNAPSHOT:
        _take_snapshot(market, levels, sink[2], i, last[n], prices, sizes, level, bids[n], asks[n])
    elif flags[n] & _WITHOUT_IDS:
        # Nothing tells a hole, and what comes before the snapshot is in it.
        if market[i, BOOK_STATE] != BOOK_LOST:
            market[i, BOOK_STATE] = BOOK_LIVE
            _apply(market, levels, i, prices, sizes, level, bids[n], asks[n], 0)
    elif _follows(market, i, first[n], last[n], previous[n], tells):
        _apply(market, levels, i, prices, sizes, level, bids[n], asks[n], 0)
    elif market[i, BOOK_STATE] == BOOK_LOST:
        _buffer(market, levels, i, first[n], last[n], previous[n], tells, prices, sizes, level, bids[n], asks[n])
    if (flags[n] & _NO_VENUE_TIME) == 0:
        _move_clock(state, sink, ts_event[n], ts_receive[n], config)
    _count(state, i, SECTION_BOOK, ts_event[n], ts_receive[n])


def _take_snapshot(
    market: Int64,
    levels: Int64,
    scratch: Int64,
    i: int,
    last: int,
    prices: Int64,
    sizes: Int64,
    level: int,
    bids: int,
    asks: int,
) -> None:
    """Begin a book and apply the deltas that came before it; a snapshot older than a live book says nothing new."""
    if market[i, BOOK_STATE] == BOOK_LIVE and last < market[i, BOOK_LAST]:
        return
    held = market[i, BUFFERED] if market[i, BOOK_STATE] == BOOK_LOST else 0
    for n in range(held):
        scratch[n] = _peek(levels, i, n)
    market[i, BOOK_STATE] = BOOK_FRESH
    market[i, BOOK_LAST] = last
    market[i, BUFFERED] = 0
    for side in range(2):
        market[i, BOOK_COUNT + side] = 0
        market[i, BOOK_EDGE + side] = NEVER
    _apply(market, levels, i, prices, sizes, level, bids, asks, 0)
    at = 0
    while at < held and market[i, BOOK_STATE] != BOOK_LOST:
        count = scratch[at + 4] + scratch[at + 5]
        if _follows(market, i, scratch[at], scratch[at + 1], scratch[at + 2], scratch[at + 3]):
            _apply(market, levels, i, scratch, scratch, at + HEAD, scratch[at + 4], scratch[at + 5], count)
        at += HEAD + 2 * count


def _follows(market: Int64, i: int, first: int, last: int, previous: int, tells_previous: int) -> bool:
    """Decide whether a delta applies, by the venue's rule; a break loses the book until the next snapshot.

    Source: Binance, "How to manage a local order book correctly", spot (U, u) and futures (pu). A delta whose `pu` is
    the snapshot's own id follows it too, though the page names only the one that contains it.
    """
    known = market[i, BOOK_LAST]
    state = market[i, BOOK_STATE]
    is_fresh = state == BOOK_FRESH
    if state == BOOK_LOST or last < known or (last == known and (tells_previous == 0 or not is_fresh)):
        return False
    if tells_previous:
        follows = previous == known or (is_fresh and first <= known)
    else:
        follows = first == known + 1 or (is_fresh and first <= known)
    if follows:
        market[i, BOOK_STATE] = BOOK_LIVE
        market[i, BOOK_LAST] = last
    else:
        _lose(market, i)
    return bool(follows)


def _lose(market: Int64, i: int) -> None:
    if market[i, BOOK_STATE] != BOOK_LOST:
        market[i, BOOK_STATE] = BOOK_LOST
        market[i, BUFFERED] = 0
        market[i, QUALITY + BREAKS] += 1


def _buffer(
    market: Int64,
    levels: Int64,
    i: int,
    first: int,
    last: int,
    previous: int,
    tells: int,
    prices: Int64,
    sizes: Int64,
    level: int,
    bids: int,
    asks: int,
) -> None:
    """Keep a delta for a snapshot on its way; when room runs out the older ones go, which no newer snapshot misses."""
    room = 4 * levels.shape[2]
    wanted = HEAD + 2 * (bids + asks)
    if market[i, BUFFERED] + wanted > room:
        market[i, BUFFERED] = 0
    if wanted > room:
        return
    at = market[i, BUFFERED]
    _poke(levels, i, at, first)
    _poke(levels, i, at + 1, last)
    _poke(levels, i, at + 2, previous)
    _poke(levels, i, at + 3, tells)
    _poke(levels, i, at + 4, bids)
    _poke(levels, i, at + 5, asks)
    for n in range(bids + asks):
        _poke(levels, i, at + HEAD + n, prices[level + n])
        _poke(levels, i, at + HEAD + bids + asks + n, sizes[level + n])
    market[i, BUFFERED] = at + wanted


def _poke(levels: Int64, i: int, at: int, value: int) -> None:
    width = 2 * levels.shape[2]
    levels[i, at // width, (at % width) >> 1, at & 1] = value


def _peek(levels: Int64, i: int, at: int) -> int:
    width = 2 * levels.shape[2]
    return int(levels[i, at // width, (at % width) >> 1, at & 1])


def _apply(
    market: Int64,
    levels: Int64,
    i: int,
    prices: Int64,
    sizes: Int64,
    level: int,
    bids: int,
    asks: int,
    shift: int,
) -> None:
    """Apply a message's levels; sizes stand `shift` places behind their prices. A crossed or locked book is lost."""
    for n in range(level, level + bids + asks):
        size = sizes[n + shift]
        if size < 0 or size > LEVEL_SIZE_MAX:
            _lose(market, i)
            return
        # Bids are kept by negative price, so that the best level of either side has the smallest key.
        side = 0 if n < level + bids else 1
        _apply_level(market, levels, i, side, -prices[n] if side == 0 else prices[n], size)
    bid = market[i, BOOK_COUNT] - 1
    ask = market[i, BOOK_COUNT + 1] - 1
    if bid >= 0 and ask >= 0 and levels[i, 0, bid, 0] + levels[i, 1, ask, 0] <= 0:
        _lose(market, i)


def _apply_level(market: Int64, levels: Int64, i: int, side: int, key: int, size: int) -> None:
    if key > market[i, BOOK_EDGE + side]:
        return
    count = market[i, BOOK_COUNT + side]
    at = _find(levels, i, side, count, key)
    found = at < count and levels[i, side, at, 0] == key
    if size == 0:
        if found:
            _remove(market, levels, i, side, at)
    elif found:
        levels[i, side, at, 1] = size
    else:
        _insert(market, levels, i, side, at, key, size)


def _find(levels: Int64, i: int, side: int, count: int, key: int) -> int:
    """Find the first place whose key is not greater; the best level, which has the smallest key, stands last."""
    low = 0
    high = count
    while low < high:
        middle = (low + high) >> 1
        if levels[i, side, middle, 0] > key:
            low = middle + 1
        else:
            high = middle
    return low


def _remove(market: Int64, levels: Int64, i: int, side: int, at: int) -> None:
    count = market[i, BOOK_COUNT + side] - 1
    for n in range(at, count):
        levels[i, side, n, 0] = levels[i, side, n + 1, 0]
        levels[i, side, n, 1] = levels[i, side, n + 1, 1]
    market[i, BOOK_COUNT + side] = count


def _insert(market: Int64, levels: Int64, i: int, side: int, at: int, key: int, size: int) -> None:
    """Insert a level; in a full side the worst ones fall out, and nothing from there on is known any more."""
    full = levels.shape[2]
    if market[i, BOOK_COUNT + side] == full:
        if at == 0:
            market[i, BOOK_EDGE + side] = key - 1
            return
        # One in eight goes at a time, so that a rising market does not move the whole side for every level.
        gone = min(at, full >> 3)
        market[i, BOOK_EDGE + side] = levels[i, side, gone - 1, 0] - 1
        for n in range(full - gone):
            levels[i, side, n, 0] = levels[i, side, n + gone, 0]
            levels[i, side, n, 1] = levels[i, side, n + gone, 1]
        market[i, BOOK_COUNT + side] = full - gone
        at -= gone
    count = market[i, BOOK_COUNT + side]
    for n in range(count, at, -1):
        levels[i, side, n, 0] = levels[i, side, n - 1, 0]
        levels[i, side, n, 1] = levels[i, side, n - 1, 1]
    levels[i, side, at, 0] = key
    levels[i, side, at, 1] = size
    market[i, BOOK_COUNT + side] = count + 1
