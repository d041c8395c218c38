"""The shipped calendars agree with rules written down independently; a file nobody can use is refused."""

import json
import pathlib
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from functions.adapters.calendars import SHIPPED, BadCalendars, read_calendars, shipped_calendars, zone_of
from functions.domain.sessions import SessionState

YEARS = range(2010, 2031)
DAY = timedelta(days=1)
# Days on which New York did not open although no rule said so: Hurricane Sandy, and mourning for two presidents.
CLOSED_BY_DECISION = {date(2012, 10, 29), date(2012, 10, 30), date(2018, 12, 5), date(2025, 1, 9)}


def nth(year: int, month: int, weekday: int, number: int) -> date:
    """Give the n-th weekday of a month; -1 is the last."""
    if number < 0:
        last = date(year + month // 12, month % 12 + 1, 1) - DAY
        return last - (last.weekday() - weekday) % 7 * DAY
    first = date(year, month, 1)
    return first + ((weekday - first.weekday()) % 7 + 7 * (number - 1)) * DAY


def easter(year: int) -> date:
    """Give Easter Sunday: the anonymous Gregorian algorithm (Nature, 1876; Meeus, "Astronomical Algorithms")."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    moon = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * moon) // 451
    month, day = divmod(h + moon - 7 * m + 114, 31)
    return date(year, month, day + 1)


def observed(day: date) -> date:
    """Move a holiday off the weekend: Saturday's to Friday, Sunday's to Monday."""
    return day - DAY if day.weekday() == 5 else day + DAY if day.weekday() == 6 else day


def new_york_holidays(year: int) -> Iterator[date]:
    """Give a year's holidays by NYSE rule 7.2; New Year's on a Saturday is not observed in the old year."""
    if date(year, 1, 1).weekday() != 5:
        yield observed(date(year, 1, 1))
    yield nth(year, 1, 0, 3)
    yield nth(year, 2, 0, 3)
    yield easter(year) - 2 * DAY
    yield nth(year, 5, 0, -1)
    if year >= 2022:
        yield observed(date(year, 6, 19))
    yield observed(date(year, 7, 4))
    yield nth(year, 9, 0, 1)
    yield nth(year, 11, 3, 4)
    yield observed(date(year, 12, 25))


def new_york_half_days(year: int) -> Iterator[date]:
    """Give a year's half days: the day after Thanksgiving, Christmas Eve, and the eve of Independence Day."""
    yield nth(year, 11, 3, 4) + DAY
    if date(year, 12, 24).weekday() < 4:
        yield date(year, 12, 24)
    if date(year, 7, 3).weekday() < 4:
        yield date(year, 7, 3)


@pytest.mark.parametrize("year", YEARS)
def test_new_york_by_rule(year: int) -> None:
    """Every weekday of a year has a session unless a rule or a decision says otherwise."""
    york = shipped_calendars()["XNYS"]
    days = [date(year, 1, 1) + n * DAY for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]
    closed = {day for day in days if day.weekday() < 5 and not york.has_session(day)}
    assert closed == set(new_york_holidays(year)) | {day for day in CLOSED_BY_DECISION if day.year == year}


@pytest.mark.parametrize("year", YEARS)
def test_new_york_half_days_by_rule(year: int) -> None:
    """Half days are those of the rule."""
    york = shipped_calendars()["XNYS"]
    assert {day for day in york.specials if day.year == year} == set(new_york_half_days(year))


@pytest.mark.parametrize(
    ("day", "minute"), [(date(2011, 11, 18), 660), (date(2011, 11, 21), 690), (date(2011, 12, 1), 690)]
)
def test_tokyo_mornings(day: date, minute: int) -> None:
    """Tokyo's break began at 11:00 until its morning was made half an hour longer in November 2011."""
    tokyo = shipped_calendars()["XTKS"]
    opened, paused, *_ = tokyo.session(day)
    assert (paused.state, paused.at_ns - opened.at_ns) == (SessionState.BREAK, (minute - 540) * 60 * 10**9)


def test_codes() -> None:
    """Six calendars are shipped."""
    assert sorted(shipped_calendars()) == ["24X7", "FX", "XLON", "XNAS", "XNYS", "XTKS"]


def test_zones_are_those_pinned() -> None:
    """Zones come from the pinned package, whatever the machine has; one that is not there is refused."""
    assert zone_of("America/New_York").key == "America/New_York"
    with pytest.raises(KeyError):
        zone_of("America/Nowhere")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("FX", "zone"), "Mars/Olympus"),
        (("FX", "hours"), [{"changes": [["09:30", "regular"]]}]),
        (("FX", "hours"), [{"changes": [["09:30", "open"], ["16:00", "closed"]]}]),
        (("FX", "first"), "yesterday"),
        (("FX", "colour"), "red"),
    ],
)
def test_a_bad_file(tmp_path: pathlib.Path, path: tuple[str, str], value: object) -> None:
    """A file with a zone, hours, a date or a field that cannot be is refused with its path and what to do."""
    document = json.loads(SHIPPED.read_bytes())
    document["calendars"][path[0]][path[1]] = value
    file = tmp_path / "calendars.json"
    file.write_text(json.dumps(document))
    with pytest.raises(BadCalendars, match=r"calendars\.json.*calendar_tables"):
        read_calendars(file)


def test_a_missing_file(tmp_path: pathlib.Path) -> None:
    """A file that is not there is refused."""
    with pytest.raises(BadCalendars):
        read_calendars(tmp_path / "none.json")
