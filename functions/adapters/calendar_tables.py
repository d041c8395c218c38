r"""Write `data/calendars.json`: special days from `exchange_calendars`, hours around sessions from the tables here.

The package is needed here alone, by whoever renews the file, and is no dependency of anything that runs::

    uv run --no-project --with exchange_calendars --with msgspec --with tzdata --with numpy \
        python -m functions.adapters.calendar_tables

Hours before and after the regular session are not in that package; each has its source beside it.
"""

import importlib
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from functions.adapters.calendars import SHIPPED, CalendarFile, CalendarRecord, HoursRecord, zone_of

FIRST: Final = date(2010, 1, 1)
LAST: Final = date(2030, 12, 31)
"""Farthest date to which the exchanges' rules can be taken; later ones are guesses."""

Changes: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Around:
    """Say what surrounds the regular session.

    Args:
        pre: Local time at which the session before it begins; empty without one.
        post: Local time at which the session after it ends; empty without one.
        post_early: The same on half days.
    """

    pre: str = ""
    post: str = ""
    post_early: str = ""


EXCHANGES: Final[Mapping[str, Around]] = {
    # nyse.com "Holidays & Trading Hours" (NYSE Arca: early 4:00, late until 20:00, until 17:00 on half days);
    # nasdaqtrader.com "Nasdaq Stock Market Trading Hours" has the same.
    "XNYS": Around("04:00", "20:00", "17:00"),
    "XNAS": Around("04:00", "20:00", "17:00"),
    # jpx.co.jp "Trading Hours": 9:00-11:30, 12:30-15:00, and to 15:30 since 2024-11-05; the morning's end is below.
    "XTKS": Around(),
    "XLON": Around(),  # londonstockexchange.com "Trading hours": 8:00-16:30, half days to 12:30
}

BREAK_SINCE: Final = {"XTKS": (date(2011, 11, 21), "11:00")}
"""Since when the package's break holds, and when it began before: jpx.co.jp, "Extension of Trading Hours" (2011)."""

ALWAYS: Final = {
    "24X7": CalendarRecord(
        zone="UTC",
        first=date(1970, 1, 1),
        last=date(2261, 12, 31),
        hours=[HoursRecord([("00:00", "regular"), ("24:00", "closed")])],
        weekdays=tuple(range(7)),
    ),
    # The day of foreign exchange ends at 17:00 in New York; the week runs from Sunday's to Friday's.
    "FX": CalendarRecord(
        zone="America/New_York",
        first=date(1971, 1, 1),
        last=date(2261, 12, 31),
        hours=[HoursRecord([("-17:00", "regular"), ("17:00", "closed")])],
    ),
}


def main(path: Path = SHIPPED) -> None:
    """Write the file."""
    package = importlib.import_module("exchange_calendars")
    notes = [
        f"Written by functions.adapters.calendar_tables from exchange_calendars {package.__version__}.",
        "Times are local; `-17:00` is 17:00 of the day before. Dates outside first..last are not known.",
    ]
    calendars = {code: _exchange(package, code, around) for code, around in EXCHANGES.items()}
    written = msgspec.json.encode(CalendarFile(notes, ALWAYS | calendars))
    path.write_bytes(msgspec.json.format(written, indent=1) + b"\n")
    sys.stdout.write(f"{path}: {len(ALWAYS | calendars)} calendars\n")


def _exchange(package: Any, code: str, around: Around) -> CalendarRecord:  # noqa: ANN401 - a package without types
    listed = package.get_calendar(code, start=FIRST.isoformat(), end=LAST.isoformat())
    zone = str(listed.tz)
    days = {row.Index.date(): _day(row, zone) for row in listed.schedule.itertuples()}
    since, earlier = BREAK_SINCE.get(code, (FIRST, ""))
    days |= {day: _breaking(changes, earlier) for day, changes in days.items() if day < since}
    hours = _regular(days)
    specials: dict[tuple[tuple[str, str], ...], list[date]] = defaultdict(list)
    for day, changes in days.items():
        regular = next(one for since, one in reversed(hours) if since <= day)
        if changes != regular:
            specials[tuple(_surrounded(changes, around, early=changes[-1] < regular[-1]))].append(day)
    weekdays = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    return CalendarRecord(
        zone=zone,
        first=FIRST,
        last=LAST,
        hours=[HoursRecord(_surrounded(one, around, early=False), since=since) for since, one in hours],
        specials=[HoursRecord(list(changes), dates=dates) for changes, dates in specials.items()],
        holidays=[day for day in weekdays if day.weekday() < 5 and day not in days],  # noqa: PLR2004 - Saturday
    )


def _day(row: Any, zone: str) -> Changes:  # noqa: ANN401 - as above
    """Write one day's regular session as changes of local time; NaT is a day without a break."""
    breaks = () if row.break_start != row.break_start else (row.break_start, row.break_end)
    times = (row.open, *breaks, row.close)
    states = ("regular", "break", "regular", "closed") if breaks else ("regular", "closed")
    local = (moment.to_pydatetime().astimezone(zone_of(zone)) for moment in times)
    return [(f"{at:%H:%M}", state) for at, state in zip(local, states, strict=True)]


def _breaking(changes: Changes, at: str) -> Changes:
    """Let a day's break begin at another time."""
    return [(at if state == "break" else time, state) for time, state in changes]


def _regular(days: Mapping[date, Changes]) -> list[tuple[date, Changes]]:
    """Find since when which hours are regular: those of most of a month's sessions, from their first day on."""
    months: dict[tuple[int, int], list[date]] = defaultdict(list)
    for day in days:
        months[day.year, day.month].append(day)
    found: list[tuple[date, Changes]] = []
    for inside in months.values():
        usual = max((days[day] for day in inside), key=[days[day] for day in inside].count)
        if not found or found[-1][1] != usual:
            found.append((next(day for day in inside if days[day] == usual), usual))
    return found


def _surrounded(changes: Changes, around: Around, *, early: bool) -> Changes:
    """Put the sessions before and after around a regular one."""
    close = changes[-1][0]
    end = around.post_early if early else around.post
    before = [(around.pre, "pre")] if around.pre else []
    after = [(close, "post"), (end, "closed")] if end else [(close, "closed")]
    return [*before, *changes[:-1], *after]


if __name__ == "__main__":
    main()
