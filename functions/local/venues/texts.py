"""Write numbers and times as venues write them; values are integers of 1e-8, times UTC nanoseconds."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from functions.domain.market import NS_PER_S
from functions.domain.simulation import UNIT

NS_PER_MS: Final = 1_000_000
NS_PER_US: Final = 1_000
STEPS_KEPT: Final = 1_024
_DIGITS: Final = 8


def decimal_text(value: int, places: int) -> str:
    """Write a value with so many digits behind the point; digits that would be lost must be zeros.

    >>> decimal_text(268_380_000_000, 2), decimal_text(5, 9), decimal_text(300_000_000, 0)
    ('2683.80', '0.000000050', '3')
    """
    if places >= _DIGITS:
        return f"{value // UNIT}.{value % UNIT:08d}" + "0" * (places - _DIGITS)
    scaled, lost = divmod(value, 10 ** (_DIGITS - places))
    if lost:
        msg = f"{value} of 1e-8 does not end at {places} places"
        raise ValueError(msg)
    whole, fraction = divmod(scaled, 10**places)
    return f"{whole}.{fraction:0{places}d}" if places else str(whole)


def trimmed(value: int) -> str:
    """Write a value without zeros at its end.

    >>> trimmed(4_000_000), trimmed(300_000_000)
    ('0.04', '3')
    """
    return decimal_text(value, _DIGITS).rstrip("0").rstrip(".")


@lru_cache(maxsize=STEPS_KEPT)
def places_of(step: int) -> int:
    """Count the digits behind the point that a step needs.

    >>> places_of(UNIT // 100), places_of(UNIT), places_of(UNIT // 2)
    (2, 0, 1)
    """
    text = trimmed(step)
    return len(text.partition(".")[2])


def json_text(content: object) -> str:
    """Write JSON without spaces.

    >>> json_text({"a": [1]})
    '{"a":[1]}'
    """
    return json.dumps(content, separators=(",", ":"))


def iso_text(ts: int) -> str:
    """Write a time as ISO 8601 with microseconds.

    >>> iso_text(1_618_677_817_129_257_800)
    '2021-04-17T16:43:37.129257Z'
    """
    return f"{datetime.fromtimestamp(ts // NS_PER_S, UTC):%Y-%m-%dT%H:%M:%S}.{ts % NS_PER_S // NS_PER_US:06d}Z"


def iso_ns(text: str) -> int:
    """Read an ISO 8601 time in UTC with up to nine digits behind the second.

    Raises:
        ValueError: It is none.

    >>> iso_ns("2021-04-17T16:43:37.129257Z")
    1618677817129257000
    """
    head, _, fraction = text.rstrip("Z").partition(".")
    at = datetime.fromisoformat(head + "+00:00")
    return int(at.timestamp()) * NS_PER_S + int(fraction.ljust(9, "0")[:9] or "0")


def units(text: str) -> int:
    """Read a decimal as an integer of 1e-8; digits beyond must be zeros.

    Raises:
        ValueError: It is no such decimal.

    >>> units("0.000022930")
    2293
    """
    whole, _, fraction = text.partition(".")
    if fraction[_DIGITS:].strip("0"):
        msg = f"{text[:40]!r} is finer than 1e-8"
        raise ValueError(msg)
    return int(whole) * UNIT + int(fraction[:_DIGITS].ljust(_DIGITS, "0"))


def seconds_text(ts: int) -> str:
    """Write a time as seconds with microseconds.

    >>> seconds_text(1_618_678_142_557_535_000)
    '1618678142.557535'
    """
    return f"{ts // NS_PER_S}.{ts % NS_PER_S // NS_PER_US:06d}"
