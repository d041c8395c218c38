"""Count what an instrument's feed is like, and tell it in windows of ten seconds; loops that also compile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from functions.domain.bars import columns as col

if TYPE_CHECKING:
    from functions.domain.bars.layout import Sink, State
    from functions.domain.market import Int64

INLINED: Final = ("count", "count_missing", "time_crossing")


def count(known: Int64, section: int, ts_event: int, ts_receive: int) -> None:
    """Count a row in its instrument's market; a row without venue time carries its receive time twice."""
    known[col.QUALITY + col.TRADE_ROWS + section] += 1
    before = known[col.LAST_RECEIVE]
    if before > 0 and ts_receive - before > known[col.QUALITY + col.SILENCE_NS]:
        known[col.QUALITY + col.SILENCE_NS] = ts_receive - before
    known[col.LAST_RECEIVE] = max(before, ts_receive)
    delays = known[col.QUALITY + col.DELAY_NS] + (ts_receive - ts_event)
    # Rows of history come years late: a mean is that of as many as can be summed.
    if ts_event != ts_receive and -col.MANTISSA_MAX <= delays <= col.MANTISSA_MAX:
        known[col.QUALITY + col.TIMED] += 1
        known[col.QUALITY + col.DELAY_NS] = delays
    if ts_event < known[col.LAST_EVENT + section]:
        known[col.QUALITY + col.DISORDER] += 1
    else:
        known[col.LAST_EVENT + section] = ts_event


def count_missing(known: Int64, skipped: int) -> None:
    """Count the ids that a trade skipped; one that comes behind a greater one fills such a place."""
    if skipped >= 0:
        known[col.QUALITY + col.MISSING] += skipped
    elif known[col.QUALITY + col.MISSING] > 0:
        known[col.QUALITY + col.MISSING] -= 1


def time_crossing(known: Int64, crossed: int, ts_receive: int) -> None:
    """Measure how long quotes are crossed, by the clock that all of them have."""
    since = known[col.CROSSED_AT]
    if since > 0:
        known[col.QUALITY + col.CROSSED_NS] += max(ts_receive - since, 0)
    known[col.CROSSED_AT] = ts_receive if crossed else 0


def tell(state: State, sink: Sink, end: int) -> None:
    """Say what each feed was like in the window that ends, where it said anything, and begin the next."""
    regs = state[0]
    market = state[2]
    told = sink[3]
    for i in range(regs[col.INSTRUMENTS]):
        known = market[i]
        rows = 0
        for section in range(3):
            rows += known[col.QUALITY + col.TRADE_ROWS + section]
        if rows == 0:
            continue
        n = regs[col.QUALITY_OUT]
        told[n, 0] = i
        told[n, 1] = end
        known[col.QUALITY + col.ROWS] = rows
        for column in range(col.QUALITY_WIDTH):
            told[n, col.QUALITY_HEAD + column] = known[col.QUALITY + column]
            known[col.QUALITY + column] = 0
        regs[col.QUALITY_OUT] = n + 1
    mark = regs[col.WATERMARK]
    regs[col.QUALITY_END] = mark - mark % col.QUALITY_NS + col.QUALITY_NS
