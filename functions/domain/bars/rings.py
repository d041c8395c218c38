"""Find, fill and join single bars in their rings: what every loop does to one bar; loops that also compile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from functions.domain.bars import columns as col

if TYPE_CHECKING:
    from functions.domain.bars.layout import Sink, State
    from functions.domain.market import Int64

INLINED: Final = ("add", "product", "prints_of")


def product(price: int, size: int) -> tuple[int, int]:
    """Multiply two mantissas below 2**62 into (hi, lo) with hi * 2**62 + lo, no intermediate above int64."""
    price_hi = price >> 31
    price_lo = price & col.LOW_31
    if size <= col.LOW_31:
        mid = price_hi * size
        low = price_lo * size + ((mid & col.LOW_31) << 31)
        return (mid >> 31) + (low >> 62), low & col.LOW_62
    size_hi = size >> 31
    size_lo = size & col.LOW_31
    mid = price_lo * size_hi + price_hi * size_lo
    low = price_lo * size_lo + ((mid & col.LOW_31) << 31)
    return price_hi * size_hi + (mid >> 31) + (low >> 62), low & col.LOW_62


def day_of(sink: Sink, i: int, ts: int) -> tuple[int, int, int]:
    """Give number, start and end of the day of an instrument that a time belongs to; UTC days where no table tells."""
    edges = sink[5]
    days = sink[6]
    low = days[i, col.DAYS_BEGIN]
    high = days[i, col.DAYS_END] - 1
    if high <= low or ts < edges[low] or ts >= edges[high]:
        number = ts // col.DAY_NS
        return number, number * col.DAY_NS, (number + 1) * col.DAY_NS
    while high - low > 1:
        middle = (low + high) >> 1
        if edges[middle] <= ts:
            low = middle
        else:
            high = middle
    return days[i, col.DAYS_FIRST] + low - days[i, col.DAYS_BEGIN], edges[low], edges[low + 1]


def place_of(sink: Sink, i: int, k: int, ts: int) -> tuple[int, int, int]:
    """Give start, end and slot of the bar of an interval that a time belongs to."""
    if k < col.PART:
        number = ts // col.INTERVAL_NS[k]
        start = number * col.INTERVAL_NS[k]
        return start, start + col.INTERVAL_NS[k], col.RING_BASE[k] + number % col.RING[k]
    number, start, end = day_of(sink, i, ts)
    if k == col.PART:
        part = (ts - start) // col.INTERVAL_NS[col.PART]
        start += part * col.INTERVAL_NS[col.PART]
        end = min(end, start + col.INTERVAL_NS[col.PART])
        number = number * col.PARTS_A_DAY + part
    return start, end, col.RING_BASE[k] + number % col.RING[k]


def is_gone(regs: Int64, bar: Int64, k: int, start: int, end: int) -> bool:
    """Tell whether a closed bar is no longer kept: too far behind the watermark, or its place is taken."""
    return bool(end <= regs[col.WATERMARK] - col.KEPT_NS[k] or bar[col.START] > start)


def prints_of(bar: Int64) -> int:
    """Count the trades in a bar, those that update no volume included."""
    return bar[col.TRADES] + (bar[col.ASIDE] & col.LOW_32)  # type: ignore[no-any-return]  # numpy's numbers have no type


def clear(bar: Int64, start: int, end: int) -> None:
    """Make a bar empty."""
    for column in range(col.BAR):
        bar[column] = 0
    bar[col.START] = start
    bar[col.END] = end
    bar[col.LOW] = col.NEVER
    bar[col.OPEN_TS] = col.NEVER
    bar[col.CLOSE_TS] = -col.NEVER
    bar[col.FIRST_ID] = col.NEVER
    bar[col.LAST_ID] = col.NO_ID


def begin(state: State, i: int, k: int, slot: int, start: int, end: int) -> None:
    """Make an empty open bar."""
    regs = state[0]
    bar = state[1][i, slot]
    clear(bar, start, end)
    bar[col.STATUS] = col.IS_OPEN
    regs[col.NEXT_END + k] = min(regs[col.NEXT_END + k], end)
    regs[col.LAST_END + k] = max(regs[col.LAST_END + k], end)
    regs[col.NEXT_CLOSE] = min(regs[col.NEXT_CLOSE], end)


def await_revision(state: State, i: int, slot: int) -> None:
    """Note that a closed bar has changed."""
    bar = state[1][i, slot]
    if bar[col.STATUS] & col.IS_PENDING == 0:
        bar[col.STATUS] |= col.IS_PENDING
        state[0][col.PENDING] += 1
        state[2][i, col.REVISING] += 1


def add(
    bar: Int64, ts: int, row: int, number: int, price: int, size: int, buy: int, hi: int, lo: int, flags: int
) -> None:
    """Add a trade to a bar, as far as its sale condition lets it count."""
    if number >= 0:
        bar[col.FIRST_ID] = min(bar[col.FIRST_ID], number)
        bar[col.LAST_ID] = max(bar[col.LAST_ID], number)
    if flags & col.NOT_HIGH_LOW == 0:
        bar[col.HIGH] = max(bar[col.HIGH], price)
        bar[col.LOW] = min(bar[col.LOW], price)
    if flags & col.NOT_LAST == 0:
        if ts < bar[col.OPEN_TS] or (ts == bar[col.OPEN_TS] and row < bar[col.OPEN_ROW]):
            bar[col.OPEN] = price
            bar[col.OPEN_TS] = ts
            bar[col.OPEN_ROW] = row
        if ts > bar[col.CLOSE_TS] or (ts == bar[col.CLOSE_TS] and row >= bar[col.CLOSE_ROW]):
            bar[col.CLOSE] = price
            bar[col.CLOSE_TS] = ts
            bar[col.CLOSE_ROW] = row
    if flags & col.NOT_VOLUME:
        bar[col.ASIDE] += 1
        return
    low = bar[col.NOTIONAL_LO] + lo
    bar[col.NOTIONAL_LO] = low & col.LOW_62
    bar[col.NOTIONAL_HI] += hi + (low >> 62)
    bar[col.VOLUME] += size
    bar[col.BUY_VOLUME] += buy
    bar[col.TRADES] += 1


def subtract(bar: Int64, size: int, buy: int, hi: int, lo: int, flags: int) -> None:
    """Take a trade out of a bar's sums; its prices are another matter."""
    if flags & col.NOT_VOLUME:
        bar[col.ASIDE] -= 1
        return
    low = bar[col.NOTIONAL_LO] - lo
    bar[col.NOTIONAL_LO] = low & col.LOW_62
    bar[col.NOTIONAL_HI] += (low >> 62) - hi
    bar[col.VOLUME] -= size
    bar[col.BUY_VOLUME] -= buy
    bar[col.TRADES] -= 1


def join_prices(whole: Int64, part: Int64) -> None:
    """Take a part's open, high, low and close into the whole; two parts have no time in common."""
    whole[col.HIGH] = max(whole[col.HIGH], part[col.HIGH])
    whole[col.LOW] = min(whole[col.LOW], part[col.LOW])
    if part[col.OPEN_TS] == col.NEVER:
        return
    if part[col.OPEN_TS] < whole[col.OPEN_TS]:
        for column in (col.OPEN, col.OPEN_TS, col.OPEN_ROW):
            whole[column] = part[column]
    if part[col.CLOSE_TS] > whole[col.CLOSE_TS]:
        for column in (col.CLOSE, col.CLOSE_TS, col.CLOSE_ROW):
            whole[column] = part[column]


def join(whole: Int64, part: Int64) -> None:
    """Take all that a shorter bar holds into the longer one it belongs to."""
    join_prices(whole, part)
    whole[col.STATUS] |= part[col.STATUS] & col.IS_STALE
    low = whole[col.NOTIONAL_LO] + part[col.NOTIONAL_LO]
    whole[col.NOTIONAL_LO] = low & col.LOW_62
    whole[col.NOTIONAL_HI] += part[col.NOTIONAL_HI] + (low >> 62)
    for column in (col.VOLUME, col.BUY_VOLUME, col.TRADES, col.ASIDE, col.QUOTES):
        whole[column] += part[column]
    whole[col.OFI] = held(whole[col.OFI] + part[col.OFI])
    whole[col.FIRST_ID] = min(whole[col.FIRST_ID], part[col.FIRST_ID])
    whole[col.LAST_ID] = max(whole[col.LAST_ID], part[col.LAST_ID])


def held(flow: int) -> int:
    """Hold a sum of flows where two of them can still be added."""
    return max(min(flow, col.MANTISSA_MAX), -col.MANTISSA_MAX)
