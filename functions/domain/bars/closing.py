"""Move the watermark, close what it has passed, roll it up and emit it; loops that also compile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from functions.domain.bars import book, quality, rings
from functions.domain.bars import columns as col

if TYPE_CHECKING:
    from functions.domain.bars.layout import Config, Sink, State
    from functions.domain.market import Int64

INLINED: Final[tuple[str, ...]] = ()


def move_clock(state: State, sink: Sink, ts_event: int, ts_receive: int, config: Config) -> None:
    """Let a row with venue time move the measured skew and the watermark, and close what is due."""
    regs = state[0]
    skew = ts_receive - ts_event
    regs[col.SKEW] = regs[col.SKEW] + ((skew - regs[col.SKEW]) >> col.SKEW_SHIFT) if regs[col.SKEW_KNOWN] else skew
    regs[col.SKEW_KNOWN] = 1
    mark = ts_event - config[0]
    if mark > regs[col.WATERMARK]:
        regs[col.WATERMARK] = mark
        if regs[col.QUALITY_END] == col.NEVER:
            regs[col.QUALITY_END] = mark - mark % col.QUALITY_NS + col.QUALITY_NS
            regs[col.NEXT_CLOSE] = min(regs[col.NEXT_CLOSE], regs[col.QUALITY_END])
        if mark >= regs[col.NEXT_CLOSE]:
            close_due(state, sink, config)


def close_due(state: State, sink: Sink, config: Config) -> None:
    """Close every bar whose end the watermark has passed, by (end, interval, instrument); revisions go first."""
    regs = state[0]
    revise(state, sink)
    while regs[col.NEXT_CLOSE] <= regs[col.WATERMARK]:
        end = regs[col.NEXT_CLOSE]
        if regs[col.QUALITY_END] == end:
            quality.tell(state, sink, end)
        close_at(state, sink, end, col.FINAL, config[1])
        regs[col.NEXT_CLOSE] = min(regs[col.NEXT_CLOSE], regs[col.QUALITY_END])


def close_at(state: State, sink: Sink, end: int, finality: int, shows: int) -> None:
    """Close every bar that ends at a time, the shorter ones into the longer ones, and find the next end of any."""
    regs = state[0]
    following = col.NEVER
    for k in range(col.INTERVALS):
        if regs[col.NEXT_END + k] == end:
            for i in range(regs[col.INSTRUMENTS]):
                slot = _closing_slot(state[1], i, k, end)
                if slot >= 0:
                    _close(state, sink, i, k, slot, finality, shows)
            regs[col.NEXT_END + k] = _open_end_after(regs, state[1], k, end)
        following = min(following, regs[col.NEXT_END + k])
    regs[col.NEXT_CLOSE] = following


def _closing_slot(bars: Int64, i: int, k: int, end: int) -> int:
    """Find an instrument's open bar of an interval that ends at a time; -1 when there is none."""
    first = col.RING_BASE[k]
    last = first + col.RING[k]
    if k < col.PART:
        first += ((end - 1) // col.INTERVAL_NS[k]) % col.RING[k]
        last = first + 1
    for slot in range(first, last):
        if bars[i, slot, col.END] == end and bars[i, slot, col.STATUS] & col.IS_OPEN:
            return slot
    return -1


def _close(state: State, sink: Sink, i: int, k: int, slot: int, finality: int, shows: int) -> None:
    regs, bars, market, levels, _, _ = state
    bar = bars[i, slot]
    bar[col.STATUS] ^= col.IS_OPEN
    prints = rings.prints_of(bar)
    fills = prints == 0 and bar[col.STATUS] & col.IS_SYNTHETIC and finality == col.FINAL
    if prints > 0 or fills:
        book.stamp(bar, market, levels, i)
        _emit(regs, sink[0], bar, i, k, finality)
    if k < col.DAY and (prints > 0 or bar[col.QUOTES] > 0 or bar[col.LAST_ID] >= 0):
        start, end, longer = rings.place_of(sink, i, k + 1, bar[col.START])
        if bars[i, longer, col.START] != start:
            rings.begin(state, i, k + 1, longer, start, end)
        rings.join(bars[i, longer], bar)
    if k == 0:
        if market[i, col.CURRENT] == bar[col.START]:
            market[i, col.CURRENT] = -col.NEVER
        if shows & 1 and prints > 0:
            _show_longer(state, sink, i, bar[col.START])
    if shows >> 1 and (prints > 0 or fills):
        _fill_next(state, sink, i, k, slot, shows >> 1)


def _fill_next(state: State, sink: Sink, i: int, k: int, slot: int, in_a_row_max: int) -> None:
    """Begin the bar behind one that closed, to carry its price on if no trade comes while the market is open."""
    had = state[1][i, slot]
    in_a_row = 1
    if rings.prints_of(had) == 0:
        in_a_row = had[col.OPEN_ROW] + 1
    is_priced = had[col.CLOSE_TS] > -col.NEVER or had[col.STATUS] & col.IS_SYNTHETIC
    start, end, following = rings.place_of(sink, i, k, had[col.END])
    if in_a_row > in_a_row_max or not is_priced or not _is_in_session(sink, i, start, end):
        return
    if state[1][i, following, col.START] != start:
        rings.begin(state, i, k, following, start, end)
    bar = state[1][i, following]
    if bar[col.OPEN_TS] == col.NEVER:
        bar[col.STATUS] |= col.IS_SYNTHETIC
        bar[col.OPEN_ROW] = in_a_row
        bar[col.CLOSE] = had[col.CLOSE]


def _is_in_session(sink: Sink, i: int, start: int, end: int) -> bool:
    """Tell whether a market is open in some part of an interval; one without a table always is."""
    edges = sink[5]
    low = sink[6][i, col.HOURS_BEGIN]
    high = sink[6][i, col.HOURS_END]
    if high <= low or end <= edges[low] or start >= edges[high - 1]:
        return bool(high <= low)
    while high - low > 1:
        middle = (low + high) >> 1
        if edges[middle] <= start:
            low = middle
        else:
            high = middle
    # Sessions open at even places and close at odd ones.
    is_open = edges[low] <= start and (low - sink[6][i, col.HOURS_BEGIN]) % 2 == 0
    opens_within = edges[high] < end and (high - sink[6][i, col.HOURS_BEGIN]) % 2 == 0
    return bool(is_open or opens_within or start < edges[low] < end)


def _open_end_after(regs: Int64, bars: Int64, k: int, end: int) -> int:
    """Find the earliest end of an open bar of an interval behind `end`; NEVER when there is none."""
    if k >= col.PART:
        found = col.NEVER
        for i in range(regs[col.INSTRUMENTS]):
            for slot in range(col.RING_BASE[k], col.RING_BASE[k] + col.RING[k]):
                if bars[i, slot, col.STATUS] & col.IS_OPEN and bars[i, slot, col.END] > end:
                    found = min(found, bars[i, slot, col.END])
        return found
    length = col.INTERVAL_NS[k]
    last = regs[col.LAST_END + k]
    # Open bars lie in the newest places of the ring, so the search never looks further back.
    candidate = max(end - end % length + length, last - (col.RING[k] - 1) * length)
    while candidate <= last:
        for i in range(regs[col.INSTRUMENTS]):
            if _closing_slot(bars, i, k, candidate) >= 0:
                return int(candidate)
        candidate += length
    return col.NEVER


def _show_longer(state: State, sink: Sink, i: int, ts: int) -> None:
    """Emit what the longer bars around a time hold so far, the open shorter ones included."""
    regs, bars, market, levels, _, _ = state
    work = sink[4]
    for k in range(1, col.INTERVALS):
        start, end, slot = rings.place_of(sink, i, k, ts)
        if end <= regs[col.WATERMARK]:
            continue
        rings.clear(work, start, end)
        if bars[i, slot, col.START] == start:
            rings.join(work, bars[i, slot])
        for part in range(col.RING_BASE[k]):
            if bars[i, part, col.STATUS] & col.IS_OPEN and start <= bars[i, part, col.START] < end:
                rings.join(work, bars[i, part])
        book.stamp(work, market, levels, i)
        _emit(regs, sink[0], work, i, k, col.PROVISIONAL)


def revise(state: State, sink: Sink) -> None:
    """Emit each bar that late rows changed, once, by (end, interval, instrument)."""
    regs, bars, market, _, _, _ = state
    while regs[col.PENDING] > 0:
        best_end = col.NEVER
        best_k = 0
        best_i = 0
        best_slot = 0
        for i in range(regs[col.INSTRUMENTS]):
            if market[i, col.REVISING] == 0:
                continue
            for k in range(col.INTERVALS):
                for slot in range(col.RING_BASE[k], col.RING_BASE[k] + col.RING[k]):
                    end = bars[i, slot, col.END]
                    is_first = end < best_end or (end == best_end and k < best_k)
                    if is_first and bars[i, slot, col.STATUS] & col.IS_PENDING:
                        best_end = end
                        best_k = k
                        best_i = i
                        best_slot = slot
        bar = bars[best_i, best_slot]
        bar[col.STATUS] = (bar[col.STATUS] ^ col.IS_PENDING) + (1 << col.STATUS_BITS)
        market[best_i, col.REVISING] -= 1
        regs[col.PENDING] -= 1
        _emit(regs, sink[0], bar, best_i, best_k, col.REVISED)


def _emit(regs: Int64, out: Int64, bar: Int64, i: int, k: int, finality: int) -> None:
    """Write a bar out; what no trade told is 0 and flagged."""
    row = out[regs[col.OUT]]
    regs[col.OUT] += 1
    row[col.OUT_INSTRUMENT] = i
    row[col.OUT_INTERVAL] = k
    row[col.OUT_FINALITY] = finality
    shown = row[col.OUT_BAR :]
    for column in range(col.BAR):
        shown[column] = bar[column]
    prints = rings.prints_of(bar)
    if prints == 0 and bar[col.STATUS] & col.IS_SYNTHETIC:
        for column in (col.OPEN, col.HIGH, col.LOW):
            shown[column] = bar[col.CLOSE]
        shown[col.FLAGS] |= col.BAR_SYNTHETIC
        return
    if bar[col.LAST_ID] - bar[col.FIRST_ID] >= prints + (bar[col.ASIDE] >> 32):
        shown[col.FLAGS] |= col.MARKET_MISSING
    if bar[col.LOW] == col.NEVER:
        shown[col.HIGH] = 0
        shown[col.LOW] = 0
        shown[col.FLAGS] |= col.BAR_NO_PRICE
    if bar[col.OPEN_TS] == col.NEVER:
        shown[col.OPEN] = 0
        shown[col.CLOSE] = 0
        shown[col.FLAGS] |= col.BAR_NO_PRICE
