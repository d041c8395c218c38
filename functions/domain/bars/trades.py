"""Fold trades into the bars they belong to; loops that also compile.

A trade touches its second alone; a second that closes is rolled up into the longer bars. One that comes late, when its
second has closed, goes straight into every longer bar up to the first that a shorter one will be rolled up into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from functions.domain.bars import busts, closing, quality, rings
from functions.domain.bars import columns as col

if TYPE_CHECKING:
    from functions.domain.bars.layout import Config, Sink, State, Trades
    from functions.domain.market import Int32, Int64, UInt8

INLINED: Final = ("_fold_usual",)


def fold_run(state: State, sink: Sink, mapping: Int32, trades: Trades, first: int, until: int, config: Config) -> int:
    """Fold the trades from a position on whose rows are below a bound; return the position behind them."""
    end = first
    while end < len(trades[0]) and trades[0][end] < until:
        end += 1
    # Indexes that count from 0 need no check for negative ones.
    rows, instrument, times, received, prices, sizes, sides, ids, flags = trades
    some = (
        rows[first:end],
        instrument[first:end],
        times[first:end],
        received[first:end],
        prices[first:end],
        sizes[first:end],
        sides[first:end],
        ids[first:end],
        flags[first:end],
    )
    for n in range(end - first):
        i = mapping[some[1][n]]
        if i < 0 or not _fold_usual(state, some, n, i, config):
            _fold_any(state, sink, mapping, trades, first + n, config)
    return end


def _fold_usual(state: State, trades: Trades, n: int, i: int, config: Config) -> bool:
    """Fold a trade like most, of the second touched last and with a new id; change nothing and say so if it is not.

    This is `_fold_any` where everything is as usual, written for speed: masks and the like are checks in fewer steps.
    """
    regs, bars, market, _, seen, prints = state
    rows, _, times, received, prices, sizes, sides, ids, flags = trades
    known = market[i]
    ts = times[n]
    price = prices[n]
    size = sizes[n]
    number = ids[n]
    flag = flags[n]
    high = known[col.HIGH_ID]
    ahead = number - high
    behind = ts - known[col.CURRENT]
    mark = ts - config[0]
    if flag & col.UNUSUAL or behind < 0 or behind >= col.SECOND_NS or mark >= regs[col.NEXT_CLOSE]:
        return False
    # Both are in 1 to MANTISSA_MAX when neither they nor what is below them has a bit from 62 on.
    if high < 0 or ahead <= 0 or ahead >= col.IDS_KEPT or (price | size | (price - 1) | (size - 1)) >> 62:
        return False
    hi, lo = rings.product(price, size)
    day = known[col.CURRENT_DAY] & 15
    volume = known[day] + size
    notional = known[day + 1] + hi + 1
    if (volume | notional) >> 62:
        return False
    known[day] = volume
    known[day + 1] = notional
    regs[col.SKEW] += (received[n] - ts - regs[col.SKEW]) >> col.SKEW_SHIFT
    regs[col.WATERMARK] = max(regs[col.WATERMARK], mark)
    quality.count(known, col.SECTION_TRADES, ts, received[n])
    if ahead > 1:
        _forget(seen[i], high + 1, number)
        if flag == 0:
            known[col.QUALITY + col.MISSING] += ahead - 1
    known[col.HIGH_ID] = number
    seen[i, (number & (col.IDS_KEPT - 1)) >> 3] |= 1 << (number & 7)
    bar = bars[i, known[col.CURRENT_SLOT] & 127]
    if flag == 0:
        bar[col.FIRST_ID] = min(bar[col.FIRST_ID], number)
        bar[col.LAST_ID] = number
    is_buy = int(sides[n] == col.SIDE_BUY)
    row = config[2] + int(rows[n])
    rings.add(bar, ts, row, col.NO_ID, price, size, size * is_buy, hi, lo, 0)
    kept = (known[col.PRINTED] & (col.PRINTS_KEPT - 1)) * col.PRINT
    known[col.PRINTED] += 1
    prints[i, kept] = number
    prints[i, kept + 1] = ts
    prints[i, kept + 2] = (row << col.ROW_SHIFT) | (is_buy << col.BOUGHT_BIT)
    prints[i, kept + 3] = price
    prints[i, kept + 4] = size
    return True


def _fold_any(state: State, sink: Sink, mapping: Int32, trades: Trades, n: int, config: Config) -> None:
    """Fold a trade of any kind, or refuse it."""
    regs, _, market, _, _, _ = state
    rows, instrument, times, received, prices, sizes, sides, ids, flags = trades
    i = mapping[instrument[n]]
    flag = int(flags[n])
    price = prices[n]
    size = sizes[n]
    if i < 0:
        reject(regs, sink[1], rows[n], col.REASON_SHARD_FULL, col.SECTION_TRADES, n, instrument[n])
        return
    is_outside = price < 1 or size < 1 or price > col.MANTISSA_MAX or size > col.MANTISSA_MAX
    if is_outside and flag & col.CANCEL == 0:
        reject(regs, sink[1], rows[n], col.REASON_OUT_OF_RANGE, col.SECTION_TRADES, n, instrument[n])
        return
    closing.move_clock(state, sink, times[n], received[n], config)
    known = market[i]
    quality.count(known, col.SECTION_TRADES, times[n], received[n])
    if flag & col.INFORMS_ONLY and flag & col.CANCEL == 0:
        return
    number = ids[n]
    if flag & col.WITHOUT_ID:
        number = col.NO_ID
    told = flag | (col.BOUGHT if sides[n] == col.SIDE_BUY else 0)
    reason = _fold_told(state, sink, i, times[n], config[2] + int(rows[n]), number, price, size, told)
    if reason >= 0:
        reject(regs, sink[1], rows[n], reason, col.SECTION_TRADES, n, instrument[n])


def _fold_told(
    state: State, sink: Sink, i: int, ts: int, row: int, number: int, price: int, size: int, told: int
) -> int:
    """Fold a trade that may feed bars by what its flags and id tell; give a reason to refuse it or -1."""
    regs, _, market, _, seen, prints = state
    known = market[i]
    came = _has_come(known, seen[i], number)
    # Ids that skip thousands are soon older than those remembered, while the trade is still among the last ones.
    if came == col.MAY_HAVE_COME and busts.is_kept(prints[i], number):
        came = col.HAS_COME
    if told & col.CANCEL or (told & col.CORRECTION and came != col.NOT_COME):
        return busts.amend(state, sink, i, number, came, told, price, size)
    if came == col.HAS_COME:
        regs[col.DUPLICATES] += 1
        known[col.QUALITY + col.REPEATED] += 1
        return -1
    shown = number if told & col.IDS_SPARSE == 0 else col.NO_ID
    if shown >= 0 and known[col.HIGH_ID] >= 0:
        quality.count_missing(known, number - known[col.HIGH_ID] - 1)
    if number >= 0:
        _mark(known, seen[i], number)
    if told & col.NOTHING == col.NOTHING:
        return -1
    return _place(state, sink, i, ts, row, number, shown, price, size, told)


def _place(
    state: State,
    sink: Sink,
    i: int,
    ts: int,
    row: int,
    number: int,
    shown: int,
    price: int,
    size: int,
    told: int,
) -> int:
    """Find or make the trade's second and fold it there, or into every longer bar; give a reason to refuse it or -1."""
    regs, bars, market, _, _, prints = state
    known = market[i]
    hi, lo = rings.product(price, size)
    buy = size if told & col.BOUGHT else 0
    is_open = ts - ts % col.SECOND_NS + col.SECOND_NS > regs[col.WATERMARK]
    if is_open:
        open_second(state, sink, i, ts)
    number_of_day, start, end = rings.day_of(sink, i, ts)
    day = -1
    if end > regs[col.WATERMARK]:
        day = _sums_of_day(known, number_of_day)
        if max(known[day] + size, known[day + 1] + hi + 1) > col.MANTISSA_MAX:
            return col.REASON_OUT_OF_RANGE
    else:
        whole = bars[i, col.RING_BASE[col.DAY] + number_of_day % col.RING[col.DAY]]
        sums = max(whole[col.VOLUME] + size, whole[col.NOTIONAL_HI] + hi + 1)
        if whole[col.START] == start and sums > col.MANTISSA_MAX:
            return col.REASON_OUT_OF_RANGE
    reason = -1
    if is_open:
        rings.add(bars[i, known[col.CURRENT_SLOT]], ts, row, shown, price, size, buy, hi, lo, told & col.FLAG_BITS)
    elif _fold_late(state, sink, i, ts, row, shown, price, size, buy, told & col.FLAG_BITS):
        reason = col.REASON_TOO_LATE
    if day >= 0:
        known[day] += size
        known[day + 1] += hi + 1
    keep_print(known, prints[i], number, ts, (row << col.ROW_SHIFT) | told, price, size)
    return reason


def _fold_late(
    state: State, sink: Sink, i: int, ts: int, row: int, shown: int, price: int, size: int, buy: int, flags: int
) -> bool:
    """Fold a trade whose second has closed into every bar that no shorter one brings it to; tell if one is gone."""
    regs, bars, _, _, _, _ = state
    hi, lo = rings.product(price, size)
    too_late = False
    shorter_closed = True
    for k in range(col.INTERVALS):
        start, end, slot = rings.place_of(sink, i, k, ts)
        is_closed = end <= regs[col.WATERMARK]
        if not shorter_closed:
            break
        shorter_closed = is_closed
        bar = bars[i, slot]
        if is_closed and rings.is_gone(regs, bar, k, start, end):
            too_late = True
            continue
        if bar[col.START] != start:
            if bar[col.STATUS] & col.IS_PENDING:
                closing.revise(state, sink)
            if is_closed:
                rings.clear(bar, start, end)
            else:
                rings.begin(state, i, k, slot, start, end)
        if is_closed:
            rings.await_revision(state, i, slot)
        rings.add(bar, ts, row, shown, price, size, buy, hi, lo, flags)
    return too_late


def open_second(state: State, sink: Sink, i: int, ts: int) -> int:
    """Find or make the open second of a time, and remember it as the one touched last; return its slot."""
    _, bars, market, _, _, _ = state
    known = market[i]
    start, end, slot = rings.place_of(sink, i, 0, ts)
    if bars[i, slot, col.START] != start:
        if bars[i, slot, col.STATUS] & col.IS_PENDING:
            closing.revise(state, sink)
        rings.begin(state, i, 0, slot, start, end)
    known[col.CURRENT] = start
    known[col.CURRENT_SLOT] = slot
    number, _, _ = rings.day_of(sink, i, ts)
    known[col.CURRENT_DAY] = _sums_of_day(known, number)
    return slot


def _sums_of_day(known: Int64, number: int) -> int:
    """Find the column of an open day's sums; a day holds every trade of its parts, so they bound theirs."""
    parity = number & 1
    column = col.DAY_SUMS + 2 * parity
    if known[col.DAY_NUMBER + parity] != number:
        known[col.DAY_NUMBER + parity] = number
        known[column] = 0
        known[column + 1] = 0
    return column


def _has_come(known: Int64, seen: UInt8, number: int) -> int:
    """Tell whether an id of the last `IDS_KEPT` came before; of older ones nothing is known."""
    high = known[col.HIGH_ID]
    if number < 0 or number > high:
        return col.NOT_COME
    if high - number >= col.IDS_KEPT:
        return col.MAY_HAVE_COME
    if seen[(number & (col.IDS_KEPT - 1)) >> 3] & (1 << (number & 7)):
        return col.HAS_COME
    return col.NOT_COME


def _mark(known: Int64, seen: UInt8, number: int) -> None:
    """Remember an id."""
    ahead = number - known[col.HIGH_ID]
    if ahead >= col.IDS_KEPT:
        seen[:] = 0
        known[col.HIGH_ID] = number
    if ahead > -col.IDS_KEPT:
        _mark_seen(known, seen, number)


def _mark_seen(known: Int64, seen: UInt8, number: int) -> None:
    """Remember an id that is less than `IDS_KEPT` from the greatest, and forget those it skips."""
    high = known[col.HIGH_ID]
    if number > high:
        _forget(seen, high + 1, number)
        known[col.HIGH_ID] = number
    seen[(number & (col.IDS_KEPT - 1)) >> 3] |= 1 << (number & 7)


def _forget(seen: UInt8, first: int, end: int) -> None:
    for number in range(first, end):
        seen[(number & (col.IDS_KEPT - 1)) >> 3] &= 255 ^ (1 << (number & 7))


def keep_print(known: Int64, prints: Int64, number: int, ts: int, row: int, price: int, size: int) -> None:
    """Keep a trade among the last ones, which may be taken back; `row` carries its side and flags below."""
    kept = (known[col.PRINTED] & (col.PRINTS_KEPT - 1)) * col.PRINT
    prints[kept + col.PRINT_ID] = number
    prints[kept + col.PRINT_TS] = ts
    prints[kept + col.PRINT_ROW] = row
    prints[kept + col.PRINT_PRICE] = price
    prints[kept + col.PRINT_SIZE] = size
    known[col.PRINTED] += 1


def reject(regs: Int64, rejects: Int64, row: int, reason: int, section: int, n: int, instrument: int) -> None:
    """Write down why a row is refused."""
    refused = rejects[regs[col.REJECTED]]
    regs[col.REJECTED] += 1
    refused[0] = row
    refused[1] = reason
    refused[2] = section
    refused[3] = n
    refused[4] = instrument
