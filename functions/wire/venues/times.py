"""Read the times that venues write as text: one at a time, or a whole column whose texts are of equal length.

Everything is UTC nanoseconds, digit by digit: no time passes through a float. A column reading gives the same number as
reading one by one, or says that it does not know.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import Int64
from functions.wire.venues.digits import INT64_MAX, BadText, Kernel, column_of, exact, mantissa

NS_PER_S: Final = 1_000_000_000
_S_PER_DAY: Final = 86_400
_DAY_NS: Final = _S_PER_DAY * NS_PER_S
_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAYS_MAX: Final = 100_000
"""Days behind 1970 up to which nanoseconds fit int64 with room to spare; the year 2243."""
_SHOWN: Final = 48

_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)", re.ASCII
)
_SECONDS_PLACES: Final = -9
_MILLISECONDS_PLACES: Final = -6
_NS_PER_MS: Final = 1_000_000

Times: TypeAlias = tuple[Int64, NDArray[np.bool_]]
"""(n,) UTC nanoseconds, and where a text has to be read by itself."""
Clock: TypeAlias = Callable[[Sequence[Any], Kernel | None], Times]
"""How a dialect writes its times, for a column of texts or, where `milliseconds_column` reads it, of whole numbers; a
kernel reads texts at once, None does so with numpy."""


def iso_ns(text: str) -> int:
    """Read an ISO 8601 time of day in UTC.

    Raises:
        BadText: `bad_time`: the text is no such time, or outside of 1970 to 2243.

    >>> iso_ns("2021-04-17T16:43:30.244075Z"), iso_ns("1970-01-01T00:00:01Z")
    (1618677810244075000, 1000000000)
    """
    found = _ISO.fullmatch(text)
    days = _days(found[1]) if found else -1
    if found is None or days < 0:
        reason = "bad_time"
        raise BadText(reason, f"found {text[:_SHOWN]!r} where a UTC time such as 2021-04-17T16:43:30.244075Z belongs")
    seconds = days * _S_PER_DAY + int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4])
    return seconds * NS_PER_S + int((found[5] or "").ljust(9, "0"))


def seconds_ns(text: str) -> int:
    """Read seconds since 1970, exactly.

    Raises:
        BadText: See `mantissa`.

    >>> seconds_ns("1618678142.557535")
    1618678142557535000
    """
    return mantissa(text, _SECONDS_PLACES)


@lru_cache(maxsize=64)
def _days(text: str) -> int:
    """Give the days since 1970 of a date, -1 when there is no such date or it is too far away."""
    try:
        days = date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        return -1
    return days if 0 <= days <= _DAYS_MAX else -1


def seconds_column(texts: Sequence[str], loops: Kernel | None = None) -> Times:
    """Read a column of seconds since 1970; see `seconds_ns`."""
    return exact(texts, np.full(len(texts), _SECONDS_PLACES, np.int64), loops)


def milliseconds_column(times: Sequence[str] | Sequence[int], loops: Kernel | None = None) -> Times:
    """Read a column of milliseconds since 1970, exactly; all are texts, or all are numbers that fit int64."""
    if times and isinstance(times[0], int):
        whole = np.array(times, np.int64)
        odd = (whole < 0) | (whole > INT64_MAX // _NS_PER_MS)
        return whole * _NS_PER_MS, odd
    return exact(times, np.full(len(times), _MILLISECONDS_PLACES, np.int64), loops)


_DATE: Final = 10
_HEAD: Final = 19
_TEMPLATE: Final = np.frombuffer(b"0000-00-00T00:00:00.000000000", np.uint8)
_MOST: Final = np.frombuffer(b"9999-99-99T29:59:59.999999999", np.uint8) - _TEMPLATE
"""How far each character may be above the template's; an hour of 24 to 29 is found by what it comes to."""
_WEIGHTS: Final = np.array(
    [0] * 11
    + [36000 * NS_PER_S, 3600 * NS_PER_S, 0, 600 * NS_PER_S, 60 * NS_PER_S, 0, 10 * NS_PER_S, NS_PER_S, 0]
    + [10**power for power in range(8, -1, -1)],
    np.float64,
)
_WIDTHS: Final = range(_HEAD + 2, len(_TEMPLATE) + 1)


def iso_column(texts: Sequence[str], loops: Kernel | None = None) -> Times:
    """Read a column of ISO 8601 times that end in Z; see `iso_ns`."""
    if loops is not None:
        found, wrong = np.empty(len(texts), np.int64), np.empty(len(texts), np.bool_)
        if loops.iso_times(column_of(texts), found, wrong):
            return found, wrong
    width = len(texts[0]) - 1
    if set(map(len, texts)) != {width + 1} or width not in _WIDTHS:
        texts = [_widened(text) for text in texts]
        width = len(_TEMPLATE)
    rows = np.frombuffer("".join(texts).encode("ascii", "replace"), np.uint8).reshape(len(texts), width + 1)
    above = rows[:, :width] - _TEMPLATE[:width]
    # A day's nanoseconds are below 2^53, so float64 holds every product and sum exactly, and multiplies several times
    # faster than int64 does.
    of_day = (above.astype(np.float64) @ _WEIGHTS[:width]).astype(np.int64)
    days = _days_column(rows, texts)
    odd = (rows[:, width] != ord("Z")) | (of_day >= _DAY_NS) | (days < 0)
    strange = above > _MOST[:width]
    if strange.any():
        odd |= strange.any(axis=1)
    return of_day + days * _DAY_NS, odd


def _widened(text: str) -> str:
    """Write a time with nine digits behind the point, or any that no one can read when it is not like one."""
    head, point = text[:-1], "" if len(text) > _HEAD + 1 else "."
    wide = "" if head.endswith(".") else (head + point).ljust(len(_TEMPLATE), "0") + text[-1:]
    return wide if len(wide) == len(_TEMPLATE) + 1 else "x" * (len(_TEMPLATE) + 1)


def _days_column(rows: NDArray[np.uint8], texts: Sequence[str]) -> Int64:
    if (rows[:, :_DATE] == rows[0, :_DATE]).all():
        return np.full(len(texts), _days(texts[0][:_DATE]), np.int64)
    return np.array([_days(text[:_DATE]) for text in texts], np.int64)
