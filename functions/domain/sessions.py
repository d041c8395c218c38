"""Say when exchanges trade: session states and dates from calendars of local hours, holidays and special days.

A calendar is a value; who builds it gives the IANA zone. Hours are minutes of the session date's local day, negative
ones the evening before, so that a session that opens at 17:00 on Sunday is Monday's. Here is no clock and no file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import IntEnum
from typing import Final

NS_PER_S: Final = 1_000_000_000
FOREVER: Final = 2**63 - 1
"""End of what has no known end, UTC nanoseconds."""

CLOSED_DAYS_MAX: Final = 21
"""Days a market may stay closed; the longest closure in the tables is 10 days, Japan's Golden Week of 2019."""

_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SessionState(IntEnum):
    """Name a part of the trading day; the numbers are those of `enriched.proto`."""

    UNKNOWN = 0
    CLOSED = 1
    PRE = 2
    REGULAR = 3
    BREAK = 4
    POST = 5


@dataclass(frozen=True, slots=True)
class Hours:
    """Hold the day's changes of state, ascending, as (minute of the local day, state); the last one closes.

    Args:
        since: First session date they hold for.
        changes: Minutes from local midnight of the session date; below 0 is the day before.
    """

    since: date
    changes: tuple[tuple[int, SessionState], ...]

    def __post_init__(self) -> None:
        """Refuse a day that does not end, or runs backwards."""
        minutes = [minute for minute, _ in self.changes]
        if not self.changes or self.changes[-1][1] is not SessionState.CLOSED or minutes != sorted(minutes):
            message = f"hours since {self.since} must ascend and end CLOSED, found {self.changes}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Change:
    """Say that a session enters a state at a time, UTC nanoseconds."""

    at_ns: int
    state: SessionState
    session: date


@dataclass(frozen=True, slots=True)
class Span:
    """Hold a state and when it holds.

    Args:
        state: State of the session; UNKNOWN outside the calendar's tables.
        session: Session the time belongs to; between sessions the next one. None outside the tables.
        since_ns: First nanosecond of it, UTC.
        until_ns: First nanosecond after it, UTC; `FOREVER` when no table tells.
    """

    state: SessionState
    session: date | None
    since_ns: int
    until_ns: int

    def covers(self, ts_ns: int) -> bool:
        """Say whether it holds at a time."""
        return self.since_ns <= ts_ns < self.until_ns


@dataclass(frozen=True, slots=True)
class Calendar:
    """Hold the sessions of one market.

    Args:
        code: Its name, for example `XNYS`.
        zone: IANA zone of its hours.
        first: First date the tables reach to.
        last: Last date the tables reach to.
        hours: Regular hours by validity, ascending.
        weekdays: Days of the week with sessions, Monday = 0.
        holidays: Dates without a session that would otherwise have one.
        specials: Dates with hours of their own: half days, late openings.
    """

    code: str
    zone: tzinfo
    first: date
    last: date
    hours: tuple[Hours, ...]
    weekdays: frozenset[int] = frozenset(range(5))
    holidays: frozenset[date] = frozenset()
    specials: Mapping[date, Hours] = field(default_factory=dict)

    def has_session(self, day: date) -> bool:
        """Say whether a date has a session; one outside the tables has none."""
        return self.first <= day <= self.last and day.weekday() in self.weekdays and day not in self.holidays

    def session(self, day: date) -> tuple[Change, ...]:
        """Give a session's changes in UTC, ascending; empty for a date without a session."""
        if not self.has_session(day):
            return ()
        hours = self.specials.get(day) or _in_force(self.hours, day)
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a wall clock's reading; the zone is added below
        return tuple(
            Change(
                _utc_ns(self.zone, midnight + timedelta(minutes=minute), ends=state is SessionState.CLOSED), state, day
            )
            for minute, state in hours.changes
        )

    def day_start_ns(self, day: date) -> int:
        """Give where a date's trading day begins, UTC: local midnight, or the evening before where its session does.

        It holds for every date, with or without a session, inside the tables or not.

        >>> hours = Hours(date(2024, 1, 1), ((-420, SessionState.REGULAR), (1020, SessionState.CLOSED)))
        >>> calendar = Calendar("X", UTC, date(2024, 1, 1), date(2024, 1, 31), (hours,))
        >>> (_EPOCH + timedelta(seconds=calendar.day_start_ns(date(2024, 1, 8)) // NS_PER_S)).isoformat()
        '2024-01-07T17:00:00+00:00'
        """
        first = min(0, _in_force(self.hours, day).changes[0][0])
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a wall clock's reading; the zone is added below
        return _utc_ns(self.zone, midnight + timedelta(minutes=first), ends=False)

    def span_at(self, ts_ns: int) -> Span:
        """Give the state at a time and how long it lasts.

        Args:
            ts_ns: UTC nanoseconds.

        >>> hours = Hours(date(2024, 1, 1), ((570, SessionState.REGULAR), (960, SessionState.CLOSED)))
        >>> calendar = Calendar("X", UTC, date(2024, 1, 1), date(2024, 1, 31), (hours,))
        >>> span = calendar.span_at(_ns(datetime(2024, 1, 5, 16, tzinfo=UTC)))  # Friday, at the close
        >>> span.state.name, span.session.isoformat(), _EPOCH + timedelta(seconds=span.until_ns // NS_PER_S)
        ('CLOSED', '2024-01-08', datetime.datetime(2024, 1, 8, 9, 30, tzinfo=datetime.timezone.utc))
        """
        day = self._local_date(ts_ns)
        if not self.first <= day <= self.last:
            return Span(SessionState.UNKNOWN, None, ts_ns, ts_ns + 1)
        before = next((one for one in self._backwards(day) if one.at_ns <= ts_ns), None)
        after = next((one for one in self._forwards(day) if one.at_ns > ts_ns), None)
        state = SessionState.CLOSED if before is None else before.state
        owner = after if before is None or state is SessionState.CLOSED else before
        return Span(
            state=state,
            session=None if owner is None else owner.session,
            since_ns=ts_ns if before is None else before.at_ns,
            until_ns=FOREVER if after is None else after.at_ns,
        )

    def _local_date(self, ts_ns: int) -> date:
        return (_EPOCH + timedelta(seconds=ts_ns // NS_PER_S)).astimezone(self.zone).date()

    def _forwards(self, day: date) -> Iterator[Change]:
        for step in range(-1, CLOSED_DAYS_MAX):
            yield from self.session(day + step * _DAY)

    def _backwards(self, day: date) -> Iterator[Change]:
        for step in range(-1, CLOSED_DAYS_MAX):
            yield from reversed(self.session(day - step * _DAY))


def week_anchor(calendar: Calendar, session: date) -> date:
    """Give the first session of a session's week, Monday to Sunday; a week that starts with a holiday starts later.

    >>> hours = Hours(date(2024, 1, 1), ((0, SessionState.REGULAR), (1440, SessionState.CLOSED)))
    >>> holidays = frozenset({date(2024, 1, 15)})
    >>> calendar = Calendar("X", UTC, date(2024, 1, 1), date(2024, 1, 31), (hours,), holidays=holidays)
    >>> week_anchor(calendar, date(2024, 1, 18)).isoformat()
    '2024-01-16'
    """
    return _first_session(calendar, session - session.weekday() * _DAY, session)


def month_anchor(calendar: Calendar, session: date) -> date:
    """Give the first session of a session's month.

    >>> hours = Hours(date(2024, 1, 1), ((0, SessionState.REGULAR), (1440, SessionState.CLOSED)))
    >>> calendar = Calendar("X", UTC, date(2024, 1, 1), date(2024, 6, 30), (hours,))
    >>> month_anchor(calendar, date(2024, 6, 14)).isoformat()  # the 1st is a Saturday
    '2024-06-03'
    """
    return _first_session(calendar, session.replace(day=1), session)


def _first_session(calendar: Calendar, day: date, last: date) -> date:
    while day < last and not calendar.has_session(day):
        day += _DAY
    return day


def _in_force(hours: tuple[Hours, ...], day: date) -> Hours:
    return next((one for one in reversed(hours) if one.since <= day), hours[0])


def _utc_ns(zone: tzinfo, wall: datetime, *, ends: bool) -> int:
    """Read a wall clock: a repeated hour opens with its first run and ends with its second, a missing one is moved on.

    Source: PEP 495; where clocks go back, the offset of `fold=0` is the greater one.
    """
    first, second = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
    repeated = (first.utcoffset() or timedelta()) > (second.utcoffset() or timedelta())
    return _ns(second if repeated and ends else first)


def _ns(moment: datetime) -> int:
    since = moment.astimezone(UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * NS_PER_S
