"""Read session calendars from `data/calendars.json` beside this module, with the zones of the pinned tzdata.

The machine's own zone files may be of another year, so that they are not asked: what a session is must not depend on
where it is worked out. `calendar_tables` writes the file.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from functions.domain.sessions import Calendar, Hours, SessionState

SHIPPED: Final = Path(__file__).parent / "data" / "calendars.json"


class BadCalendars(Exception):  # noqa: N818 - the room's word for a file nobody can use
    """A file of calendars is not what it should be."""


class HoursRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Hold a day's changes of state, `[["09:30", "regular"], ["16:00", "closed"]]`.

    `-` before a time is the day before. Regular hours say since when they hold, special ones on which dates.
    """

    changes: list[tuple[str, str]]
    since: date | None = None
    dates: list[date] = []


class CalendarRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Hold one calendar as the file does; weekdays are numbered from Monday = 0."""

    zone: str
    first: date
    last: date
    hours: list[HoursRecord]
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    specials: list[HoursRecord] = []
    holidays: list[date] = []


class CalendarFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of calendars by code, and what made it."""

    notes: list[str]
    calendars: dict[str, CalendarRecord]


@cache
def shipped_calendars() -> Mapping[str, Calendar]:
    """Give the shipped calendars by code."""
    return read_calendars(SHIPPED)


def read_calendars(path: Path) -> Mapping[str, Calendar]:
    """Read a file of calendars by code.

    Raises:
        BadCalendars: It is missing, unreadable, or holds what no calendar can be.
    """
    try:
        records = msgspec.json.decode(path.read_bytes(), type=CalendarFile).calendars
        return MappingProxyType({code: _calendar(code, record) for code, record in records.items()})
    except (OSError, ValueError, KeyError) as error:
        reason = (
            f"{path}: no readable file of calendars ({error}); write it anew with functions.adapters.calendar_tables"
        )
        raise BadCalendars(reason) from error


@cache
def zone_of(name: str) -> ZoneInfo:
    """Give an IANA zone as the pinned tzdata has it.

    Raises:
        KeyError: There is no such zone.
    """
    file = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not file.is_file():
        raise KeyError(name)
    with file.open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def _calendar(code: str, record: CalendarRecord) -> Calendar:
    specials = {day: _hours(one, day) for one in record.specials for day in one.dates}
    return Calendar(
        code=code,
        zone=zone_of(record.zone),
        first=record.first,
        last=record.last,
        hours=tuple(_hours(one, one.since or record.first) for one in record.hours),
        weekdays=frozenset(record.weekdays),
        holidays=frozenset(record.holidays),
        specials=MappingProxyType(specials),
    )


def _hours(record: HoursRecord, since: date) -> Hours:
    return Hours(since, tuple((_minute(at), SessionState[state.upper()]) for at, state in record.changes))


def _minute(text: str) -> int:
    """Read minutes of a day.

    >>> _minute("09:30"), _minute("-17:00"), _minute("24:00")
    (570, -420, 1440)
    """
    hours, _, minutes = text.removeprefix("-").partition(":")
    minute = int(hours) * 60 + int(minutes)
    return minute - 24 * 60 if text.startswith("-") else minute
