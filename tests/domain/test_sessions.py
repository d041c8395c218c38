"""Sessions are spans of UTC: they tile time, keep local hours over clock changes, and name whose they are."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.adapters.calendars import shipped_calendars
from functions.domain.sessions import (
    FOREVER,
    Calendar,
    Hours,
    SessionState,
    month_anchor,
    week_anchor,
)

CALENDARS = shipped_calendars()
REGULAR, CLOSED = SessionState.REGULAR, SessionState.CLOSED
NEW_YORK = ZoneInfo("America/New_York")


def ns(text: str) -> int:
    """Read a time, exact to the second."""
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 1_000_000_000


def at(code: str, text: str) -> tuple[str, str, str]:
    """Say the state at a time, the session it belongs to, and when it changes next, UTC."""
    span = CALENDARS[code].span_at(ns(text))
    until = datetime.fromtimestamp(span.until_ns / 1e9, UTC).strftime("%m-%d %H:%M")
    return span.state.name, str(span.session), until


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        # The week in which the clocks go forward, 2024-03-10: the same local hours are an hour earlier in UTC.
        ("2024-03-08T14:29:59Z", ("PRE", "2024-03-08", "03-08 14:30")),
        ("2024-03-08T14:30:00Z", ("REGULAR", "2024-03-08", "03-08 21:00")),
        ("2024-03-08T21:00:00Z", ("POST", "2024-03-08", "03-09 01:00")),
        ("2024-03-09T01:00:00Z", ("CLOSED", "2024-03-11", "03-11 08:00")),
        ("2024-03-11T13:30:00Z", ("REGULAR", "2024-03-11", "03-11 20:00")),
        # And back, 2024-11-03.
        ("2024-11-01T13:30:00Z", ("REGULAR", "2024-11-01", "11-01 20:00")),
        ("2024-11-04T13:30:00Z", ("PRE", "2024-11-04", "11-04 14:30")),
        ("2024-11-04T14:30:00Z", ("REGULAR", "2024-11-04", "11-04 21:00")),
        # Thanksgiving is closed, the day after ends at 13:00, and late trading at 17:00.
        ("2024-11-28T15:00:00Z", ("CLOSED", "2024-11-29", "11-29 09:00")),
        ("2024-11-29T17:59:59Z", ("REGULAR", "2024-11-29", "11-29 18:00")),
        ("2024-11-29T18:00:00Z", ("POST", "2024-11-29", "11-29 22:00")),
        ("2024-11-29T22:00:00Z", ("CLOSED", "2024-12-02", "12-02 09:00")),
        # A day of mourning that no rule foretells.
        ("2025-01-09T16:00:00Z", ("CLOSED", "2025-01-10", "01-10 09:00")),
    ],
)
def test_new_york(moment: str, expected: tuple[str, str, str]) -> None:
    """New York opens at 9:30 and closes at 16:00 of its own clock, 13:00 on half days, never on holidays."""
    assert at("XNYS", moment) == expected
    assert at("XNAS", moment) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2024-11-01T05:59:59Z", ("REGULAR", "2024-11-01", "11-01 06:00")),
        ("2024-11-01T06:00:00Z", ("CLOSED", "2024-11-05", "11-05 00:00")),  # Culture Day, observed on Monday
        ("2024-11-05T02:30:00Z", ("BREAK", "2024-11-05", "11-05 03:30")),
        ("2024-11-05T06:00:00Z", ("REGULAR", "2024-11-05", "11-05 06:30")),
        ("2024-11-05T06:30:00Z", ("CLOSED", "2024-11-06", "11-06 00:00")),
        ("2019-04-28T00:00:00Z", ("CLOSED", "2019-05-07", "05-07 00:00")),  # ten days
    ],
)
def test_tokyo(moment: str, expected: tuple[str, str, str]) -> None:
    """Tokyo breaks for lunch, and closes at 15:30 since 2024-11-05, at 15:00 before."""
    assert at("XTKS", moment) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2024-03-28T16:29:59Z", ("REGULAR", "2024-03-28", "03-28 16:30")),
        ("2024-04-02T06:59:59Z", ("CLOSED", "2024-04-02", "04-02 07:00")),  # Easter Monday and the clocks lie between
        ("2024-04-02T07:00:00Z", ("REGULAR", "2024-04-02", "04-02 15:30")),
        ("2024-12-24T12:30:00Z", ("CLOSED", "2024-12-27", "12-27 08:00")),
    ],
)
def test_london(moment: str, expected: tuple[str, str, str]) -> None:
    """London trades from 8:00 to 16:30 of its own clock, to 12:30 before Christmas."""
    assert at("XLON", moment) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2024-03-08T21:59:59Z", ("REGULAR", "2024-03-08", "03-08 22:00")),
        ("2024-03-08T22:00:00Z", ("CLOSED", "2024-03-11", "03-10 21:00")),
        ("2024-03-10T21:00:00Z", ("REGULAR", "2024-03-11", "03-11 21:00")),
        ("2024-03-11T20:59:59Z", ("REGULAR", "2024-03-11", "03-11 21:00")),
        ("2024-03-11T21:00:00Z", ("REGULAR", "2024-03-12", "03-12 21:00")),
        ("2024-11-01T21:00:00Z", ("CLOSED", "2024-11-04", "11-03 22:00")),
        ("2024-11-03T22:00:00Z", ("REGULAR", "2024-11-04", "11-04 22:00")),
    ],
)
def test_foreign_exchange(moment: str, expected: tuple[str, str, str]) -> None:
    """Its day rolls at 17:00 in New York, 21:00 or 22:00 UTC, and its week runs from Sunday to Friday."""
    assert at("FX", moment) == expected


def test_always_open() -> None:
    """Crypto trades at all times; its session is the UTC day."""
    assert at("24X7", "2024-02-28T23:59:59Z") == ("REGULAR", "2024-02-28", "02-29 00:00")
    assert at("24X7", "2024-02-29T00:00:00Z") == ("REGULAR", "2024-02-29", "03-01 00:00")


def test_beyond_the_tables() -> None:
    """Outside the years a calendar reaches to nothing is told, rather than guessed."""
    for year in ("2009-12-30", "2031-01-03"):
        span = CALENDARS["XNYS"].span_at(ns(f"{year}T15:00:00Z"))
        assert (span.state, span.session) == (SessionState.UNKNOWN, None)


def test_the_last_session() -> None:
    """After the last session of the tables the market is closed, and nobody knows until when."""
    span = CALENDARS["XLON"].span_at(ns("2030-12-31T20:00:00Z"))
    assert (span.state, span.session, span.until_ns) == (CLOSED, None, FOREVER)


MOMENTS = st.integers(ns("2010-01-10T00:00:00Z"), ns("2030-12-20T00:00:00Z"))


@settings(max_examples=examples(2000), deadline=None)
@given(code=st.sampled_from(sorted(CALENDARS)), moment=MOMENTS)
def test_spans_tile_time(code: str, moment: int) -> None:
    """Every moment lies in one span, and where it ends the next begins, with another state or session."""
    calendar = CALENDARS[code]
    span = calendar.span_at(moment)
    after = calendar.span_at(span.until_ns)
    assert span.covers(moment)
    assert calendar.span_at(span.since_ns) == span == calendar.span_at(span.until_ns - 1)
    assert after.since_ns == span.until_ns
    assert (after.state, after.session) != (span.state, span.session)


@settings(max_examples=examples(500), deadline=None)
@given(code=st.sampled_from(sorted(CALENDARS)), moment=MOMENTS)
def test_sessions_move_forward(code: str, moment: int) -> None:
    """The session a moment belongs to is one, is never before the moment's own by a day, and never goes back."""
    calendar = CALENDARS[code]
    span = calendar.span_at(moment)
    assert span.session is not None
    assert calendar.has_session(span.session)
    later = calendar.span_at(moment + 3_600_000_000_000).session
    assert later is not None
    assert later >= span.session


@settings(max_examples=examples(500), deadline=None)
@given(day=st.dates(date(2010, 1, 4), date(2030, 12, 31)))
def test_regular_hours_hold_in_local_time(day: date) -> None:
    """Whatever the date, New York's session opens at 9:30 local time; a day without one has no changes."""
    changes = CALENDARS["XNYS"].session(day)
    opened = [datetime.fromtimestamp(one.at_ns / 1e9, NEW_YORK) for one in changes if one.state is REGULAR]
    assert bool(changes) == CALENDARS["XNYS"].has_session(day)
    assert {(one.date(), one.hour, one.minute) for one in opened} <= {(day, 9, 30)}


def hours(*changes: tuple[int, SessionState]) -> Calendar:
    """Make a New York calendar of these hours."""
    return Calendar(
        "X", NEW_YORK, date(2024, 1, 1), date(2024, 12, 31), (Hours(date(2024, 1, 1), changes),), frozenset(range(7))
    )


def test_a_repeated_hour() -> None:
    """Where the clocks go back, 1:30 happens twice: what opens then takes the first, what ends the second."""
    opens, closes = hours((90, REGULAR), (95, CLOSED)).session(date(2024, 11, 3))
    assert opens.at_ns == ns("2024-11-03T01:30:00-04:00")
    assert closes.at_ns == ns("2024-11-03T01:35:00-05:00")


def test_a_missing_hour() -> None:
    """Where the clocks go forward, 2:30 never happens: what is set for then happens half an hour behind the jump."""
    opens, closes = hours((150, REGULAR), (240, CLOSED)).session(date(2024, 3, 10))
    assert opens.at_ns == ns("2024-03-10T03:30:00-04:00")
    assert closes.at_ns == ns("2024-03-10T04:00:00-04:00")


def test_anchors() -> None:
    """Weeks and months begin with their first session: holidays at their start belong to nobody."""
    york = CALENDARS["XNYS"]
    assert week_anchor(york, date(2024, 1, 5)) == date(2024, 1, 2)
    assert month_anchor(york, date(2024, 1, 5)) == date(2024, 1, 2)
    assert week_anchor(york, date(2024, 9, 6)) == date(2024, 9, 3)
    assert week_anchor(CALENDARS["FX"], date(2024, 3, 12)) == date(2024, 3, 11)
    assert month_anchor(CALENDARS["24X7"], date(2024, 2, 29)) == date(2024, 2, 1)


@pytest.mark.parametrize("changes", [(), ((0, REGULAR),), ((600, REGULAR), (500, CLOSED))])
def test_hours_that_cannot_be(changes: tuple[tuple[int, SessionState], ...]) -> None:
    """A day ends, and does not run backwards."""
    with pytest.raises(ValueError, match="must ascend"):
        Hours(date(2024, 1, 1), changes)


def test_a_span_of_days() -> None:
    """Changes of a session come back in order and all belong to it."""
    changes = CALENDARS["XTKS"].session(date(2024, 11, 6))
    assert [one.state.name for one in changes] == ["REGULAR", "BREAK", "REGULAR", "CLOSED"]
    assert {one.session for one in changes} == {date(2024, 11, 6)}
    assert changes[-1].at_ns - changes[0].at_ns == timedelta(hours=6, minutes=30) // timedelta(microseconds=1) * 1000
