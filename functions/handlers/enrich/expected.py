"""Measure what was enriched, and say when data of a venue may be expected: while anything of it trades.

Silence is a fault only in a session and outside of halts. The newest version of the reference says so with every
event, heartbeats too: a halt of everything is learnt although no row comes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

import numpy as np

from functions.domain.market import TickBatch
from functions.domain.reference import Instrument, TradingStatus
from functions.domain.sessions import FOREVER, Calendar, SessionState
from functions.ports.errors import Unavailable
from functions.ports.reference import Reference
from functions.wire.codecs.market import read_tick_batch
from functions.wire.envelope import Event

SEEN_MAX: Final = 1000
"""Instruments of which it is remembered that data came; those after them do not count."""
CHANGES_MAX: Final = 8
"""Changes of a session that are looked through for the next regular one, pre, post and a break of two days; and
sessions that are joined where one follows the other, as around the clock."""
NS_PER_S: Final = 1_000_000_000

Measure: TypeAlias = tuple[str, Mapping[str, str], float]
Window: TypeAlias = tuple[int, int]
Regular: TypeAlias = Callable[[int], Window | None]

_NOT_TRADING: Final = frozenset((TradingStatus.HALTED, TradingStatus.CLOSED))


def expected(instrument: Instrument, regular: Regular, ts_ns: int) -> Window | None:
    """Say in which interval [since, until) around or next after a time an instrument's data may be expected.

    Args:
        instrument: Its record.
        regular: Gives the regular session of its calendar around or next after a time.
        ts_ns: The time, UTC nanoseconds.

    Returns:
        UTC nanoseconds; None while it is halted and nobody knows until when, is not listed, or has no next session.
    """
    status = instrument.status_at(ts_ns)
    ahead = [one for one in instrument.statuses if one.from_ns > ts_ns]
    if status.status in _NOT_TRADING:
        again = next((one for one in ahead if one.status is TradingStatus.TRADING), None)
        if again is None:
            return None
        status, ts_ns = again, again.from_ns
    until = next((one.from_ns for one in ahead if one.from_ns > ts_ns and one.status in _NOT_TRADING), FOREVER)
    session = regular(ts_ns)
    return None if session is None else (max(status.from_ns, session[0]), min(until, session[1]))


def regular_at(calendar: Calendar, ts_ns: int) -> Window | None:
    """Find the regular session that a time is in, or the next one, with those that follow it without a break.

    Returns:
        None outside the calendar's tables, and where no session comes within `CHANGES_MAX` changes.
    """
    span = calendar.span_at(ts_ns)
    for _ in range(CHANGES_MAX):
        if span.state in {SessionState.REGULAR, SessionState.UNKNOWN} or span.until_ns == FOREVER:
            break
        span = calendar.span_at(span.until_ns)
    if span.state is not SessionState.REGULAR:
        return None
    since, following = span.since_ns, span
    for _ in range(CHANGES_MAX):
        if following.state is SessionState.REGULAR and following.until_ns != FOREVER:
            span, following = following, calendar.span_at(following.until_ns)
    return since, span.until_ns


class Measuring:
    """Measure events that were enriched; asked only by hosts that keep metrics.

    Args:
        reference: What is known about instruments.
        calendars: Session calendars by code.
    """

    def __init__(self, reference: Reference, calendars: Mapping[str, Calendar]) -> None:
        """Have seen nothing."""
        self._reference = reference
        self._calendars = calendars
        self._seen: dict[str, str] = {}  # venue by instrument
        self._received: dict[str, int] = {}  # newest receive time by venue
        self._sessions: dict[str, tuple[int, int, Window | None]] = {}  # by calendar, and while that holds
        self._looked_ns = 0

    async def measures(self, event: Event) -> list[Measure]:
        """Give the rows of a TickBatch by instrument, when its newest was received, and once a second the windows."""
        told = list(self._rows(read_tick_batch(event.data or b"")))
        ts_ns = event.time_ns or 0
        if abs(ts_ns - self._looked_ns) >= NS_PER_S:  # shards are not in step: some come before others
            self._looked_ns = ts_ns
            told += await self._windows(ts_ns)
        return told

    def _rows(self, batch: TickBatch) -> Iterator[Measure]:
        names = [ref.instrument_id.rpartition(".") for ref in batch.instruments]
        if not names:
            return
        sections = (batch.trades, batch.quotes, batch.book, batch.candles)
        rows = np.sum([np.bincount(one.instrument, minlength=len(names)) for one in sections], axis=0)
        received_ns = max((int(one.ts_receive.max()) for one in sections if len(one.ts_receive)), default=0)
        for ref, (symbol, _, venue), count in zip(batch.instruments, names, rows, strict=True):
            if count:
                self._see(ref.instrument_id, venue, received_ns)
                yield "market.data.processed.total", {"source": venue, "symbol": symbol}, int(count)
        for venue in sorted({venue for _, _, venue in names} & self._received.keys()):
            yield "market_data_last_received_timestamp", {"source": venue}, self._received[venue] / NS_PER_S

    def _see(self, instrument_id: str, venue: str, received_ns: int) -> None:
        if len(self._seen) < SEEN_MAX:
            self._seen[instrument_id] = venue
        self._received[venue] = max(self._received.get(venue, 0), received_ns)

    async def _windows(self, ts_ns: int) -> list[Measure]:
        try:
            known = (await self._reference.look_up(tuple(self._seen))).instruments
        except Unavailable:  # what was told last stands
            return []
        windows: dict[str, list[Window]] = {}
        for name, instrument in known.items():
            window = expected(instrument, partial(self._regular, instrument.calendar), ts_ns)
            windows.setdefault(self._seen[name], []).extend([] if window is None else [window])
        told: list[Measure] = []
        for venue, found in windows.items():
            since_ns, until_ns = _widest(found, ts_ns)
            told.append(("market_data_expected_since_timestamp", {"source": venue}, since_ns / NS_PER_S))
            told.append(("market_data_expected_until_timestamp", {"source": venue}, until_ns / NS_PER_S))
        return told

    def _regular(self, code: str, ts_ns: int) -> Window | None:
        """Find a calendar's session; who has no calendar trades around the clock."""
        calendar = self._calendars.get(code)
        if calendar is None:
            return 0, FOREVER
        since_ns, until_ns, found = self._sessions.get(code, (0, 0, None))
        if not since_ns <= ts_ns < until_ns:
            span = calendar.span_at(ts_ns)
            found = regular_at(calendar, ts_ns)
            self._sessions[code] = (span.since_ns, span.until_ns, found)
        return found


def _widest(found: Sequence[Window], ts_ns: int) -> Window:
    """Join windows of a venue: those that are open now, else the next to open; (0, 0) where there is none."""
    open_ = [one for one in found if one[0] <= ts_ns < one[1]]
    if open_:
        return min(since for since, _ in open_), max(until for _, until in open_)
    return min(found, default=(0, 0))
