"""Turn wall clocks into UTC nanoseconds; zones are IANA names, so that daylight saving is right on every date."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from functions.domain.market import Int64
from functions.wire.venues.digits import Kernel
from functions.wire.venues.rows import bad
from functions.wire.venues.times import Clock, Times, milliseconds_column

NS_PER_S: Final = 1_000_000_000
NS_PER_HOUR: Final = 3_600 * NS_PER_S
NS_PER_DAY: Final = 24 * NS_PER_HOUR

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_HOURS_KEPT: Final = 4096
_COLUMNS_KEPT: Final = 64
_HOURS_A_DAY: Final = 24
_MS_DIGITS_MAX: Final = 9
_SHOWN: Final = 48


def wall_ns(day: date, since_midnight_ns: int, zone: str) -> int:
    """Turn what a wall clock shows into UTC nanoseconds.

    Args:
        day: Date on the wall.
        since_midnight_ns: What the clock shows, 0 up to a day. Where an hour is shown twice, its first time is meant;
            where one is left out, the clock is read as if it had not been put forward.
        zone: IANA name of the time zone.

    >>> from datetime import date
    >>> wall_ns(date(2013, 10, 7), 34_200 * NS_PER_S, "America/New_York")
    1381152600000000000
    """
    hour, within = divmod(since_midnight_ns, NS_PER_HOUR)
    return _hour_ns(day, hour, zone) + within


@lru_cache(maxsize=_HOURS_KEPT)
def _hour_ns(day: date, hour: int, zone: str) -> int:
    # Clocks are put forward or back at a whole hour in every zone that we name.
    shown = datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone))
    return (shown - _EPOCH) // _SECOND * NS_PER_S


@lru_cache(maxsize=_COLUMNS_KEPT)
def hours_of(day: date, zone: str) -> Int64:
    """Give when each hour of a wall clock's day begins, (24,) UTC nanoseconds; see `wall_ns`."""
    starts = np.array([_hour_ns(day, hour, zone) for hour in range(_HOURS_A_DAY)], np.int64)
    starts.flags.writeable = False
    return starts


@lru_cache(maxsize=_COLUMNS_KEPT)
def wall_column(day: date, zone: str) -> Clock:
    """Make a reader of columns of whole milliseconds since midnight; see `wall_ns`.

    Args:
        day: Date on the wall, one whose nanoseconds fit int64.
        zone: IANA name of the time zone.

    Returns:
        Reads texts as UTC nanoseconds, and says which it cannot read: all but 1 to 9 digits that a day has.
    """
    starts = hours_of(day, zone)

    def read(texts: Sequence[str], loops: Kernel | None = None) -> Times:
        since_ns, odd = milliseconds_column(texts, loops)
        odd |= np.array([len(text) > _MS_DIGITS_MAX or not text.isdigit() for text in texts], np.bool_)
        odd |= since_ns >= NS_PER_DAY
        since_ns[odd] = 0
        return starts[since_ns // NS_PER_HOUR] + since_ns % NS_PER_HOUR, odd

    return read


def calendar_date(text: str) -> date:
    """Read an ISO 8601 date.

    Raises:
        BadText: `wrong_type` when it is no date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        reason, detail = "wrong_type", f"found {text[:_SHOWN]!r} where a date belongs"
        raise bad(reason, detail) from None
