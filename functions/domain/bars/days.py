"""Lay out where an instrument's days and sessions begin and end, as tables that the bar loops search."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

import numpy as np

from functions.domain.bars import columns as col
from functions.domain.market import Int64
from functions.domain.sessions import Calendar, SessionState

FIRST_DAY: Final = date(1990, 1, 1)
LAST_DAY: Final = date(2060, 12, 31)
"""Days outside are cut at UTC midnight; a table of 71 years weighs 200 KB and is made once in a process."""

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_HOUR_NS: Final = 3_600_000_000_000
_DAY: Final = timedelta(days=1)
_MONTH: Final = timedelta(days=28)
_WEEK: Final = 7
_MINUTES: Final = 24 * 60
_OPEN: Final = frozenset({SessionState.REGULAR, SessionState.UNKNOWN})
_NO_SPAN: Final = (0, 0, True)
_NONE: Final = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """Hold a calendar's edges: the starts of its days from `first` on, and its sessions as open, close, open, ...

    Both are empty where days are UTC's and the market never closes.
    """

    first: int = 0
    starts: Int64 = field(default_factory=lambda: _NONE)
    sessions: Int64 = field(default_factory=lambda: _NONE)


class DayTables:
    """Give the days of calendars by code, each laid out once; a code that is not known has UTC's.

    Args:
        calendars: Session calendars by code.
        fills: Whether sessions are asked for too.
    """

    def __init__(self, calendars: Mapping[str, Calendar], *, fills: bool = False) -> None:
        """Lay out nothing yet."""
        self._calendars = calendars
        self._fills = fills
        self._made: dict[str, Days] = {"": Days()}
        self._spans: dict[str, tuple[int, int, bool]] = {}
        self._closes = {code: _closes(calendar) for code, calendar in calendars.items()}

    def of(self, code: str) -> Days:
        """Give the days of a calendar."""
        found = self._made.get(code)
        if found is None:
            calendar = self._calendars.get(code)
            found = Days() if calendar is None else _days(calendar, fills=self._fills)
            self._made[code] = found
        return found

    def closes(self, code: str) -> bool:
        """Say whether a calendar's regular session is ever not open."""
        return self._closes.get(code, False)

    def is_open(self, code: str, ts_ns: int) -> bool:
        """Say whether a calendar's regular session is open; one that is not known, or ends before, always is."""
        since, until, is_open = self._spans.get(code, _NO_SPAN)
        if since <= ts_ns < until or code not in self._calendars:
            return is_open
        span = self._calendars[code].span_at(ts_ns)
        self._spans[code] = span.since_ns, span.until_ns, span.state in _OPEN
        return span.state in _OPEN

    def table(self, codes: Sequence[str]) -> tuple[Int64, Int64]:
        """Lay out the days of instruments for the loops.

        Args:
            codes: Calendar of each instrument, by index.

        Returns:
            All edges, (m,), and what is whose, (n, DAYS).
        """
        places: dict[str, list[int]] = {}
        parts: list[Int64] = []
        at = 0
        for code in dict.fromkeys(codes):
            days = self.of(code)
            middle, end = at + len(days.starts), at + len(days.starts) + len(days.sessions)
            places[code] = [at, middle, days.first, middle, end]
            parts += [days.starts, days.sessions]
            at = end
        rows = np.array([places[code] for code in codes], np.int64).reshape(len(codes), col.DAYS)
        return np.concatenate(parts) if parts else _NONE, rows


def _days(calendar: Calendar, *, fills: bool) -> Days:
    """Lay out a calendar; an edge inside an hour moves to its start, so that no hour belongs to two days.

    The zones where that happens are half an hour off, and nothing is traded in the half hour before their midnight.
    """
    first, starts = 0, _NONE
    if any(calendar.day_start_ns(day) % col.DAY_NS for day in _every_day(FIRST_DAY, LAST_DAY, step=_MONTH)):
        edges = np.array([calendar.day_start_ns(day) for day in _every_day(FIRST_DAY, LAST_DAY)], np.int64)
        first, starts = FIRST_DAY.toordinal() - _EPOCH_DAY, edges - edges % _HOUR_NS
    return Days(first, starts, _sessions(calendar) if fills else _NONE)


def _closes(calendar: Calendar) -> bool:
    whole = ((0, SessionState.REGULAR), (_MINUTES, SessionState.CLOSED))
    is_always = all(one.changes == whole for one in calendar.hours) and len(calendar.weekdays) == _WEEK
    return bool(not is_always or calendar.holidays or calendar.specials)


def _sessions(calendar: Calendar) -> Int64:
    """Give when the regular session opens and closes, over and over; nothing for a market that never closes."""
    edges: list[int] = []
    for day in _every_day(max(calendar.first, FIRST_DAY), min(calendar.last, LAST_DAY)):
        for change, following in pairwise(calendar.session(day)):
            if change.state is not SessionState.REGULAR:
                continue
            if edges and edges[-1] == change.at_ns:
                edges[-1] = following.at_ns
            else:
                edges += [change.at_ns, following.at_ns]
    is_always = len(edges) == 2 and len(calendar.weekdays) == 7
    return _NONE if is_always else np.array(edges, np.int64)


def _every_day(first: date, last: date, *, step: timedelta = _DAY) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += step
