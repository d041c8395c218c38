"""Take trades back and replace them, exactly as long as what remains is kept; loops that also compile.

Sums are reversed. Open, high, low and close are worked out anew, where the trade decided one of them, from the trades
that are kept, else from the next shorter bars; either are whole only when they hold as many trades as the bar should.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from functions.domain.bars import columns as col
from functions.domain.bars import rings

if TYPE_CHECKING:
    from functions.domain.bars.layout import Sink, State
    from functions.domain.market import Int64

INLINED: Final[tuple[str, ...]] = ()


def amend(state: State, sink: Sink, i: int, number: int, came: int, told: int, price: int, size: int) -> int:
    """Take back the trade of an id, or replace it; give a reason why it was not, or not everywhere, or -1.

    Args:
        state: State of the shard.
        sink: Where to write and think.
        i: The instrument.
        number: Venue id of the trade.
        came: What is known of the id.
        told: Flags of the row that says so, with its side.
        price: Price that replaces the trade's.
        size: Size that replaces the trade's.
    """
    regs, _, market, _, _, prints = state
    unknown = -1 if told & col.INFORMS_ONLY else col.REASON_UNKNOWN_TRADE
    if number < 0 or number >= col.NEVER:
        return unknown
    at = _find(prints[i], number)
    replaces = told & col.CANCEL == 0
    if at < 0 and _find(prints[i], -2 - number) < 0:
        return unknown if unknown < 0 or came == col.NOT_COME else col.REASON_TOO_LATE
    if at < 0:
        _count_repeated(regs, market[i])
        return -1
    had = prints[i, at : at + col.PRINT]
    old = sink[4][col.BAR :]
    for column in range(col.PRINT):
        old[column] = had[column]
    row = (old[col.PRINT_ROW] >> col.ROW_SHIFT << col.ROW_SHIFT) | (told & (col.BOUGHT | col.NOTHING))
    if replaces and (row, price, size) == _content(old):
        _count_repeated(regs, market[i])
        return -1
    if replaces and not _has_room(state, sink, i, old, price, size):
        return col.REASON_OUT_OF_RANGE
    if replaces:
        had[col.PRINT_ROW] = row
        had[col.PRINT_PRICE] = price
        had[col.PRINT_SIZE] = size
    else:
        had[col.PRINT_ID] = -2 - number
    reason = _amend_bars(state, sink, i, old, had, replaces)
    if reason >= 0:
        # No later row may build on what only some bars know.
        had[col.PRINT_ID] = col.NO_ID if replaces else col.VOID
    return reason


def is_kept(prints: Int64, number: int) -> bool:
    """Tell whether the trade of an id is among the last ones, one that was taken back included."""
    return _find(prints, number) >= 0 or _find(prints, -2 - number) >= 0


def _content(one: Int64) -> tuple[int, int, int]:
    row = one[col.PRINT_ROW]
    return row & ~(col.FLAG_BITS ^ col.NOTHING), one[col.PRINT_PRICE], one[col.PRINT_SIZE]


def _count_repeated(regs: Int64, known: Int64) -> None:
    regs[col.DUPLICATES] += 1
    known[col.QUALITY + col.REPEATED] += 1


def _find(prints: Int64, number: int) -> int:
    """Find where a trade stands among those kept; -1 when it does not."""
    for at in range(0, col.PRINTS_KEPT * col.PRINT, col.PRINT):
        if prints[at] == number:
            return at
    return -1


def _has_room(state: State, sink: Sink, i: int, old: Int64, price: int, size: int) -> bool:
    """Tell whether the day's sums stay in range with a replacement, and count it in."""
    known = state[2][i]
    hi, _ = rings.product(price, size)
    number, start, end = rings.day_of(sink, i, old[col.PRINT_TS])
    if end <= state[0][col.WATERMARK]:
        whole = state[1][i, col.RING_BASE[col.DAY] + number % col.RING[col.DAY]]
        sums = max(whole[col.VOLUME] + size, whole[col.NOTIONAL_HI] + hi + 1)
        return bool(whole[col.START] != start or sums <= col.MANTISSA_MAX)
    day = col.DAY_SUMS + 2 * (number & 1)
    if max(known[day] + size, known[day + 1] + hi + 1) > col.MANTISSA_MAX:
        return False
    # The sums only bound: what is taken back is not given free again.
    known[day] += size
    known[day + 1] += hi + 1
    return True


def _amend_bars(state: State, sink: Sink, i: int, old: Int64, new: Int64, replaces: bool) -> int:
    """Change every bar that holds the trade; a reason when one of them could not be."""
    regs, bars, _, _, _, _ = state
    reason = -1
    shorter_closed = True
    for k in range(col.INTERVALS):
        start, end, slot = rings.place_of(sink, i, k, old[col.PRINT_TS])
        is_closed = end <= regs[col.WATERMARK]
        if not shorter_closed:
            break
        shorter_closed = is_closed
        bar = bars[i, slot]
        if bar[col.START] != start or (is_closed and rings.is_gone(regs, bar, k, start, end)):
            reason = col.REASON_TOO_LATE
            continue
        if _decides(bar, old) and not _work_out(state, sink, i, k, bar, old, new, replaces):
            bar[col.STATUS] |= col.IS_STALE
            reason = col.REASON_TOO_LATE
            continue
        _reverse(bar, old)
        if replaces:
            _enter(bar, new)
        elif old[col.PRINT_ID] >= 0:
            bar[col.ASIDE] += col.TAKEN_BACK
        if is_closed:
            rings.await_revision(state, i, slot)
    return reason


def _decides(bar: Int64, one: Int64) -> bool:
    """Tell whether a trade may be a bar's open, high, low or close."""
    row = one[col.PRINT_ROW] >> col.ROW_SHIFT
    ts = one[col.PRINT_TS]
    flags = one[col.PRINT_ROW] & col.FLAG_BITS
    price = one[col.PRINT_PRICE]
    is_edge = flags & col.NOT_HIGH_LOW == 0 and (price == bar[col.HIGH] or price == bar[col.LOW])
    opens = ts == bar[col.OPEN_TS] and row == bar[col.OPEN_ROW]
    closes = ts == bar[col.CLOSE_TS] and row == bar[col.CLOSE_ROW]
    return bool(is_edge or (flags & col.NOT_LAST == 0 and (opens or closes)))


def _reverse(bar: Int64, one: Int64) -> None:
    hi, lo = rings.product(one[col.PRINT_PRICE], one[col.PRINT_SIZE])
    buy = one[col.PRINT_SIZE] if one[col.PRINT_ROW] & col.BOUGHT else 0
    rings.subtract(bar, one[col.PRINT_SIZE], buy, hi, lo, one[col.PRINT_ROW] & col.FLAG_BITS)


def _enter(bar: Int64, one: Int64) -> None:
    price = one[col.PRINT_PRICE]
    size = one[col.PRINT_SIZE]
    hi, lo = rings.product(price, size)
    row = one[col.PRINT_ROW]
    buy = size if row & col.BOUGHT else 0
    rings.add(bar, one[col.PRINT_TS], row >> col.ROW_SHIFT, col.NO_ID, price, size, buy, hi, lo, row & col.FLAG_BITS)


def _work_out(
    state: State,
    sink: Sink,
    i: int,
    k: int,
    bar: Int64,
    old: Int64,
    new: Int64,
    replaces: bool,
) -> bool:
    """Work out a bar's prices anew from what is kept of its trades; tell whether all of it is."""
    if bar[col.STATUS] & col.IS_STALE:
        return False
    wanted = rings.prints_of(bar) - 1
    if replaces and new[col.PRINT_ROW] & col.NOTHING != col.NOTHING:
        wanted += 1
    work = sink[4][: col.BAR]
    rings.clear(work, bar[col.START], bar[col.END])
    limit = bar[col.END]
    if k > 0:
        # What is open yet has not been rolled up into this bar.
        limit, _, _ = rings.place_of(sink, i, k - 1, state[0][col.WATERMARK])
    if _join_prints(state, i, work, limit) != wanted:
        rings.clear(work, bar[col.START], bar[col.END])
        if k == 0 or _join_shorter(state, i, k, work, limit) != wanted:
            return False
    for column in range(col.HIGH, col.CLOSE_ROW + 1):
        bar[column] = work[column]
    return True


def _join_prints(state: State, i: int, work: Int64, limit: int) -> int:
    """Put into a bar the trades that are kept of it, in the order they came; count them."""
    printed = state[2][i, col.PRINTED]
    found = 0
    for n in range(max(printed - col.PRINTS_KEPT, 0), printed):
        at = (n & (col.PRINTS_KEPT - 1)) * col.PRINT
        one = state[5][i, at : at + col.PRINT]
        is_within = work[col.START] <= one[col.PRINT_TS] < min(work[col.END], limit)
        if is_within and one[col.PRINT_ID] >= col.NO_ID and one[col.PRINT_ROW] & col.NOTHING != col.NOTHING:
            found += 1
            _enter(work, one)
    return found


def _join_shorter(state: State, i: int, k: int, work: Int64, limit: int) -> int:
    """Put into a bar the prices of the shorter ones that are kept of it; count their trades."""
    found = 0
    for slot in range(col.RING_BASE[k - 1], col.RING_BASE[k - 1] + col.RING[k - 1]):
        part = state[1][i, slot]
        if work[col.START] <= part[col.START] < min(work[col.END], limit):
            if part[col.STATUS] & col.IS_STALE:
                return -1
            found += rings.prints_of(part)
            rings.join_prices(work, part)
    return found
