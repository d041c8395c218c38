"""Fold trades into bars of equal activity, one by one in tape order: plain loops that also compile, and nothing else.

The same source runs twice: as it stands, or with every function replaced by a compiled one that calls the others by
their module name. So only integers, arrays and tuples live here, and no sum can leave the range of int64 in either
form. Callers go through `fold.py`, which says what the rules are.

A state is the tuple (regs, bars, market, prints, seen); a sink is (out, rejects); their columns are named below. Limits
are (instruments, bases, 2): each threshold as hi * 2**62 + lo in the units of its basis, 0 where there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from functions.domain.activity.layout import Sink, State, Trades
    from functions.domain.market import Int32, Int64, UInt8

INLINED: Final = ("_take", "_count", "_fits", "_add", "_is_reached", "_seen_before", "product")
"""Functions on the path of every trade: a compiler should not call them."""

# Bases, as in `batch`, less one.
BASES: Final = 3
_TICKS: Final = 0
_VOLUME: Final = 1

RING: Final = 9  # the open bar and the last eight that closed

# Columns of regs.
OUT: Final = 0
REJECTED: Final = 1
INSTRUMENTS: Final = 2
DUPLICATES: Final = 3
REGS: Final = 4

# Columns of a bar.
STATUS: Final = 0  # 0 no bar, else open or closed
DAY: Final = 1
ORDINAL: Final = 2
REVISION: Final = 3
LIMIT_HI: Final = 4  # in units of 2**62
LIMIT_LO: Final = 5  # below 2**62
START: Final = 6
END: Final = 7
OPEN: Final = 8  # prices are 0 while no trade may set them
HIGH: Final = 9
LOW: Final = 10
CLOSE: Final = 11
VOLUME: Final = 12
BUY_VOLUME: Final = 13
NOTIONAL_HI: Final = 14  # in units of 2**62
NOTIONAL_LO: Final = 15  # below 2**62
TRADES: Final = 16
FLAGS: Final = 17
FIRST: Final = 18  # number of its first and last print, counted by instrument
LAST: Final = 19
BAR: Final = 20

_OPEN_BAR: Final = 1
_CLOSED_BAR: Final = 2

# Columns of an instrument's market.
HIGH_ID: Final = 0
MIDNIGHT: Final = 1  # when the day of now ends
PRINTS: Final = 2  # prints counted so far: the number of the next one
MISSING: Final = 3  # trades the venue numbered that did not come
SLOT: Final = 4  # for each basis, where its open bar is or will be
NEXT: Final = 7  # for each basis, the ordinal of the next bar
MARK: Final = 10  # for each basis, what was missing when its last bar closed
MARKET: Final = 13

# Columns of a print.
PRINT_ID: Final = 0
PRINT_PRICE: Final = 1
PRINT_SIZE: Final = 2  # size * 2, and 1 more where the aggressor bought; 0 when it was taken back
PRINT: Final = 3
LEAST_PRINT: Final = 2

# Columns of a sink.
OUT_INSTRUMENT: Final = 0
OUT_BASIS: Final = 1
OUT_FINALITY: Final = 2
OUT_BAR: Final = 3
OUT_WIDTH: Final = OUT_BAR + BAR
OUT_PER_TRADE: Final = 2 * BASES  # the day ends its bars, and it fills new ones
REJECT_WIDTH: Final = 4  # row, reason, position in the section, instrument of the batch

REASON_TOO_LATE: Final = 0
REASON_SHARD_FULL: Final = 1
REASON_OUT_OF_RANGE: Final = 2
REASON_UNKNOWN_TRADE: Final = 3

NO_ID: Final = -1
NO_DAY: Final = -(1 << 62)  # the end of no day
MANTISSA_MAX: Final = (1 << 62) - 1  # the sum of two stays below 2**63; as a time, the year 2116
IDS_KEPT: Final = 4096
PRINTS_KEPT: Final = 1024
DAY_NS: Final = 86_400_000_000_000
_LOW_31: Final = (1 << 31) - 1
_LOW_62: Final = (1 << 62) - 1

# As in `market` and `batch`, repeated because a compiled copy freezes what it reads.
_FINAL: Final = 2
_REVISED: Final = 3
_OPEN: Final = 4
_INFORMS_ONLY: Final = 1
_WITHOUT_ID: Final = 2
_NOT_LAST: Final = 4
_NOT_HIGH_LOW: Final = 8
_NOT_VOLUME: Final = 16
_CANCEL: Final = 32
_CORRECTION: Final = 64
_IDS_SPARSE: Final = 128
_SIDE_BUY: Final = 1
_SHORT: Final = 1
_AMENDED: Final = 2
_MISSING: Final = 4


def fold_trades(state: State, sink: Sink, mapping: Int32, limits: Int64, trades: Trades) -> None:
    """Fold every trade of a batch; what came out and what was refused is counted in regs OUT, REJECTED."""
    for n in range(len(trades[0])):
        reason = _take(state, sink, mapping, limits, trades, n)
        if reason >= 0:
            regs = state[0]
            at = regs[REJECTED]
            sink[1][at, 0] = trades[0][n]
            sink[1][at, 1] = reason
            sink[1][at, 2] = n
            sink[1][at, 3] = trades[1][n]
            regs[REJECTED] = at + 1


def finish(state: State, sink: Sink) -> None:
    """End a tape: emit every open bar once as open, by instrument and basis; the bars stay open."""
    regs, bars, market, _, _ = state
    for i in range(regs[INSTRUMENTS]):
        for b in range(BASES):
            bar = bars[i, b, market[i, SLOT + b]]
            if bar[STATUS] == _OPEN_BAR:
                _emit(regs, bar, sink[0], i, b, _OPEN, _lacking(market[i], b))


def lose_rows(state: State) -> None:
    """Remember that rows were lost, so that the bars they would be in say so."""
    regs, _, market, _, _ = state
    for i in range(regs[INSTRUMENTS]):
        market[i, MISSING] += 1


def product(price: int, size: int) -> tuple[int, int]:
    """Multiply two mantissas below 2**62 into (hi, lo) with hi * 2**62 + lo, no intermediate above int64."""
    price_hi = price >> 31
    price_lo = price & _LOW_31
    size_hi = size >> 31
    size_lo = size & _LOW_31
    mid = price_lo * size_hi + price_hi * size_lo
    low = price_lo * size_lo + ((mid & _LOW_31) << 31)
    return price_hi * size_hi + (mid >> 31) + (low >> 62), low & _LOW_62


def _take(state: State, sink: Sink, mapping: Int32, limits: Int64, trades: Trades, n: int) -> int:
    """Take one trade; return the reason it was (partly) refused, or -1."""
    regs, _, market, _, seen = state
    _, instrument, ts_event, prices, sizes, sides, ids, all_flags = trades
    i = mapping[instrument[n]]
    flags = all_flags[n]
    price = prices[n]
    size = sizes[n]
    number = NO_ID if flags & _WITHOUT_ID else ids[n]
    if flags & (_CANCEL | _INFORMS_ONLY | _NOT_VOLUME):
        return _cancel(state, sink, limits, i, number, flags) if flags & _CANCEL else -1
    if i < 0:
        return REASON_SHARD_FULL
    if price < 1 or size < 1 or price > MANTISSA_MAX or size > MANTISSA_MAX or ts_event[n] > MANTISSA_MAX:
        return REASON_OUT_OF_RANGE
    buy = size if sides[n] == _SIDE_BUY else 0
    if number >= 0:
        own = market[i]
        high = own[HIGH_ID]
        known = _seen_before(own, seen[i], number)
        # Ids that skip thousands are soon older than those remembered, while the print is still kept.
        if known or (high - number >= IDS_KEPT and _find_print(own, state[3][i], number) >= 0):
            if flags & _CORRECTION:
                return _correct(state, sink, limits, i, number, price, size, buy, flags)
            regs[DUPLICATES] += 1
            return -1
        if number != high + 1 and high >= 0 and (flags & _IDS_SPARSE) == 0:
            _count_missing(own, number - high - 1)
    return _count(state, sink, limits, i, ts_event[n], number, price, size, buy, flags)


def _count(
    state: State, sink: Sink, limits: Int64, i: int, ts: int, number: int, price: int, size: int, buy: int, flags: int
) -> int:
    """Count a print in the open bar of every basis, and close those that it fills."""
    regs, bars, market, prints, _ = state
    own = market[i]
    # Comparing costs less than dividing, and most trades are of today.
    if ts >= own[MIDNIGHT]:
        _turn_day(state, sink, i, ts // DAY_NS)
    hi, lo = product(price, size)
    if not _fits(bars[i], own, size, hi):
        return REASON_OUT_OF_RANGE
    for b in range(BASES):
        if limits[i, b, 0] == 0 and limits[i, b, 1] == 0:
            continue
        bar = bars[i, b, own[SLOT + b]]
        if bar[STATUS] != _OPEN_BAR:
            _begin(bar, own, limits[i, b], b, ts)
        _add(bar, price, size, buy, hi, lo, flags)
        bar[END] = ts
        bar[LAST] = own[PRINTS]
        if _is_reached(bar, b):
            _close(regs, bar, own, sink[0], i, b)
    at = own[PRINTS] & (PRINTS_KEPT - 1)
    prints[i, at, PRINT_ID] = number
    prints[i, at, PRINT_PRICE] = price
    prints[i, at, PRINT_SIZE] = 2 * size + (buy > 0)
    own[PRINTS] += 1
    return -1


def _fits(bars: Int64, own: Int64, size: int, hi: int) -> bool:
    """Tell whether every open bar's sums hold a print more."""
    for b in range(BASES):
        bar = bars[b, own[SLOT + b]]
        if bar[STATUS] == _OPEN_BAR and (bar[VOLUME] + size > MANTISSA_MAX or bar[NOTIONAL_HI] + hi >= MANTISSA_MAX):
            return False
    return True


def _begin(bar: Int64, own: Int64, limit: Int64, b: int, ts: int) -> None:
    """Begin a bar with the threshold of now, in the place of the oldest that was kept."""
    for column in range(BAR):
        bar[column] = 0
    bar[STATUS] = _OPEN_BAR
    bar[DAY] = own[MIDNIGHT] // DAY_NS - 1
    bar[ORDINAL] = own[NEXT + b]
    bar[LIMIT_HI] = limit[0]
    bar[LIMIT_LO] = limit[1]
    bar[START] = ts
    bar[FIRST] = own[PRINTS]
    own[NEXT + b] += 1


def _add(bar: Int64, price: int, size: int, buy: int, hi: int, lo: int, flags: int) -> None:
    if (flags & _NOT_LAST) == 0:
        if bar[OPEN] == 0:
            bar[OPEN] = price
        bar[CLOSE] = price
    if (flags & _NOT_HIGH_LOW) == 0:
        _widen(bar, price)
    low = bar[NOTIONAL_LO] + lo
    bar[NOTIONAL_LO] = low & _LOW_62
    bar[NOTIONAL_HI] += hi + (low >> 62)
    bar[VOLUME] += size
    bar[BUY_VOLUME] += buy
    bar[TRADES] += 1


def _widen(bar: Int64, price: int) -> None:
    bar[HIGH] = max(bar[HIGH], price)
    if price < bar[LOW] or bar[LOW] == 0:
        bar[LOW] = price


def _is_reached(bar: Int64, b: int) -> bool:
    if b == _TICKS:
        return bool(bar[TRADES] >= bar[LIMIT_LO])
    if b == _VOLUME:
        return bool(bar[VOLUME] >= bar[LIMIT_LO])
    more = bar[NOTIONAL_HI] - bar[LIMIT_HI]
    return bool(more > 0 or (more == 0 and bar[NOTIONAL_LO] >= bar[LIMIT_LO]))


def _close(regs: Int64, bar: Int64, own: Int64, out: Int64, i: int, b: int) -> None:
    bar[STATUS] = _CLOSED_BAR
    bar[FLAGS] |= _lacking(own, b)
    own[MARK + b] = own[MISSING]
    slot = own[SLOT + b] + 1
    own[SLOT + b] = slot if slot < RING else 0
    _emit(regs, bar, out, i, b, _FINAL, 0)


def _turn_day(state: State, sink: Sink, i: int, day: int) -> None:
    """Begin a day: what is open ends short of its threshold, and ordinals start again."""
    regs, bars, market, _, _ = state
    own = market[i]
    for b in range(BASES):
        bar = bars[i, b, own[SLOT + b]]
        if bar[STATUS] == _OPEN_BAR:
            bar[FLAGS] |= _SHORT
            _close(regs, bar, own, sink[0], i, b)
        own[NEXT + b] = 0
    own[MIDNIGHT] = (day + 1) * DAY_NS


def _lacking(own: Int64, b: int) -> int:
    return _MISSING if own[MISSING] > own[MARK + b] else 0


def _count_missing(own: Int64, skipped: int) -> None:
    """Count the ids that a trade skipped; one that comes behind a greater one fills such a place."""
    if skipped > 0:
        own[MISSING] += skipped
    elif own[MISSING] > 0:
        own[MISSING] -= 1
        for b in range(BASES):
            own[MARK + b] = min(own[MARK + b], own[MISSING])


def _cancel(state: State, sink: Sink, limits: Int64, i: int, number: int, flags: int) -> int:
    """Take a print back; what only informs may tell of a print that never counted, and is then left alone."""
    informs = (flags & _INFORMS_ONLY) != 0
    if i < 0:
        return -1 if informs else REASON_SHARD_FULL
    market, prints, seen = state[2], state[3], state[4]
    found = _find_print(market[i], prints[i], number)
    if found >= 0:
        at = found & (PRINTS_KEPT - 1)
        if prints[i, at, PRINT_SIZE] < LEAST_PRINT:
            state[0][DUPLICATES] += 1
            return -1
        price = prints[i, at, PRINT_PRICE]
        return _amend(state, sink, limits, i, found, price, 0, 0, _NOT_HIGH_LOW)
    if number >= 0 and _has_seen(market[i], seen[i], number):
        return REASON_TOO_LATE
    return -1 if informs else REASON_UNKNOWN_TRADE


def _correct(
    state: State, sink: Sink, limits: Int64, i: int, number: int, price: int, size: int, buy: int, flags: int
) -> int:
    """Put other figures in the place of a print's; one that was taken back stays so."""
    market, prints = state[2], state[3]
    found = _find_print(market[i], prints[i], number)
    if found < 0:
        return REASON_TOO_LATE
    at = found & (PRINTS_KEPT - 1)
    had = prints[i, at, PRINT_SIZE]
    if had < LEAST_PRINT or (had == 2 * size + (buy > 0) and prints[i, at, PRINT_PRICE] == price):
        state[0][DUPLICATES] += 1
        return -1
    return _amend(state, sink, limits, i, found, price, size, buy, flags)


def _amend(
    state: State, sink: Sink, limits: Int64, i: int, found: int, price: int, size: int, buy: int, flags: int
) -> int:
    """Change a print in every bar that holds it, one revision for each that closed; a size of 0 takes it back."""
    regs, bars, _, prints, _ = state
    at = found & (PRINTS_KEPT - 1)
    had = prints[i, at, PRINT_SIZE] >> 1
    had_buy = had if prints[i, at, PRINT_SIZE] & 1 else 0
    hi, lo = product(price, size)
    had_hi, had_lo = product(prints[i, at, PRINT_PRICE], had)
    gone = 0
    for b in range(BASES):
        slot = _find_bar(bars[i, b], found)
        bar = bars[i, b, slot]
        if slot >= 0 and (bar[VOLUME] - had + size > MANTISSA_MAX or bar[NOTIONAL_HI] - had_hi + hi >= MANTISSA_MAX):
            return REASON_OUT_OF_RANGE
        gone += slot < 0 and (limits[i, b, 0] > 0 or limits[i, b, 1] > 0)
    for b in range(BASES):
        slot = _find_bar(bars[i, b], found)
        if slot < 0:
            continue
        bar = bars[i, b, slot]
        low = bar[NOTIONAL_LO] - had_lo + lo
        bar[NOTIONAL_LO] = low & _LOW_62
        bar[NOTIONAL_HI] += hi - had_hi + (low >> 62)
        bar[VOLUME] += size - had
        bar[BUY_VOLUME] += buy - had_buy
        bar[TRADES] -= size == 0
        bar[FLAGS] |= _AMENDED
        if (flags & _NOT_HIGH_LOW) == 0:
            _widen(bar, price)
        if bar[STATUS] == _CLOSED_BAR:
            bar[REVISION] += 1
            _emit(regs, bar, sink[0], i, b, _REVISED, 0)
    prints[i, at, PRINT_PRICE] = price
    prints[i, at, PRINT_SIZE] = 2 * size + (buy > 0)
    return REASON_TOO_LATE if gone > 0 else -1


def _find_print(own: Int64, prints: Int64, number: int) -> int:
    """Find the latest print of a venue id among those kept; -1 when it is not, or the trade has no id."""
    count = own[PRINTS]
    if number >= 0:
        for back in range(1, min(count, PRINTS_KEPT) + 1):
            if prints[(count - back) & (PRINTS_KEPT - 1), PRINT_ID] == number:
                return int(count - back)
    return -1


def _find_bar(bars: Int64, found: int) -> int:
    """Find the bar that holds a print; -1 when it is no longer kept."""
    for slot in range(RING):
        if bars[slot, STATUS] != 0 and bars[slot, FIRST] <= found <= bars[slot, LAST]:
            return slot
    return -1


def _seen_before(own: Int64, seen: UInt8, trade_id: int) -> bool:
    """Tell whether an id of the last `IDS_KEPT` came before, and remember it; older ids are never said to have."""
    high = own[HIGH_ID]
    place = (trade_id & (IDS_KEPT - 1)) >> 3
    bit = 1 << (trade_id & 7)
    if trade_id > high:
        if trade_id - high >= IDS_KEPT:
            seen[:] = 0
        else:
            for skipped in range(high + 1, trade_id):
                seen[(skipped & (IDS_KEPT - 1)) >> 3] &= 255 ^ (1 << (skipped & 7))
        own[HIGH_ID] = trade_id
        seen[place] |= bit
        return False
    if high - trade_id >= IDS_KEPT:
        return False
    known = (seen[place] & bit) != 0
    seen[place] |= bit
    return bool(known)


def _has_seen(own: Int64, seen: UInt8, trade_id: int) -> bool:
    """Tell whether an id of the last `IDS_KEPT` came before; nothing is remembered."""
    high = own[HIGH_ID]
    near = high - IDS_KEPT < trade_id <= high
    return bool(near and (seen[(trade_id & (IDS_KEPT - 1)) >> 3] >> (trade_id & 7)) & 1)


def _emit(regs: Int64, bar: Int64, out: Int64, i: int, b: int, finality: int, flags: int) -> None:
    """Write a bar out, with flags that are not its own yet."""
    at = regs[OUT]
    out[at, OUT_INSTRUMENT] = i
    out[at, OUT_BASIS] = b + 1
    out[at, OUT_FINALITY] = finality
    for column in range(BAR):
        out[at, OUT_BAR + column] = bar[column]
    out[at, OUT_BAR + FLAGS] |= flags
    regs[OUT] = at + 1
