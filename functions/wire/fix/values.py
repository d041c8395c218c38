"""Read and write the values of FIX fields: UTC times to nanoseconds, sequence numbers, booleans, exact decimals.

Source: FIX 4.4 with Errata 20030618, Volume 1, "FIX 'Tag=Value' Field Data Types".
"""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeAlias

from functions.domain.money import plain, plain_decimal

Value: TypeAlias = str | int | bool | Decimal | None

SEQUENCE_MAX: Final = 2**53
"""Greatest sequence number that is taken; FIX names none, and no session comes near it."""
_NS_PER_S: Final = 1_000_000_000
_DAY_S: Final = 86_400
_EPOCH_DAY: Final = dt.date(1970, 1, 1).toordinal()
_TIMESTAMP_CHARS_MAX: Final = 40
_YEAR_MIN, _YEAR_MAX = 1678, 2261  # whole years that int64 nanoseconds hold
_DATES_MAX: Final = 64  # days remembered; a session spans one or two
_FRACTION: Final = 9
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(?:\.([0-9]{1,12}))?")
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]*)?|-?\.[0-9]+")


class BadValue(ValueError):  # noqa: N818 - it says what was found
    """A value is not of its field's type."""


def timestamp(text: str) -> int:
    """Read a UTCTimestamp as UTC nanoseconds; a leap second counts as the second after it.

    Raises:
        BadValue: It is none, or finer than a nanosecond.

    >>> timestamp("20241122-06:17:14.183428")
    1732256234183428000
    """
    date, dash, time = text.partition("-")
    if not dash or len(text) > _TIMESTAMP_CHARS_MAX:
        msg = f"{text[:40]!r} is no UTCTimestamp"
        raise BadValue(msg)
    return date_ns(date) + time_ns(time)


@lru_cache(maxsize=_DATES_MAX)
def date_ns(text: str) -> int:
    """Read a UTCDate as the UTC nanoseconds of its midnight.

    Raises:
        BadValue: It is none.
    """
    try:
        if len(text) != len("YYYYMMDD") or not (text.isascii() and text.isdigit()):
            raise ValueError(text)  # noqa: TRY301 - both ways to be no date end alike
        day = dt.date(int(text[:4]), int(text[4:6]), int(text[6:])).toordinal()
    except ValueError:
        msg = f"{text[:40]!r} is no UTCDate"
        raise BadValue(msg) from None
    if not _YEAR_MIN <= int(text[:4]) <= _YEAR_MAX:
        msg = f"{text} does not fit 64 bits of nanoseconds"
        raise BadValue(msg)
    return (day - _EPOCH_DAY) * _DAY_S * _NS_PER_S


def time_ns(text: str) -> int:
    """Read a UTCTimeOnly as nanoseconds since midnight.

    Raises:
        BadValue: It is none, or finer than a nanosecond.
    """
    found = _TIME.fullmatch(text)
    fraction = (found[4] or "") if found else ""
    if found is None or fraction[_FRACTION:].strip("0"):
        msg = f"{text[:40]!r} is no UTCTimeOnly of at most nanoseconds"
        raise BadValue(msg)
    seconds = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
    return seconds * _NS_PER_S + int(fraction[:_FRACTION].ljust(_FRACTION, "0"))


def timestamp_text(ns: int) -> str:
    """Write UTC nanoseconds as a UTCTimestamp in milliseconds, the finest that FIX 4.4 knows.

    >>> timestamp_text(1_732_256_234_183_428_000)
    '20241122-06:17:14.183'
    """
    seconds, rest = divmod(ns, _NS_PER_S)
    day, second = divmod(seconds, _DAY_S)
    date = dt.date.fromordinal(_EPOCH_DAY + day)
    hour, minute = divmod(second // 60, 60)
    return f"{date:%Y%m%d}-{hour:02}:{minute:02}:{second % 60:02}.{rest // 1_000_000:03}"


def whole(text: str) -> int:
    """Read an int; leading zeros are allowed.

    Raises:
        BadValue: It is none.
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(SEQUENCE_MAX)):
        msg = f"{text[:40]!r} is no int"
        raise BadValue(msg)
    return int(text)


def sequence(text: str) -> int:
    """Read a SeqNum; 0 stands for infinity where it may.

    Raises:
        BadValue: It is none.
    """
    number = whole(text)
    if not 0 <= number <= SEQUENCE_MAX:
        msg = f"{text[:40]!r} is no SeqNum"
        raise BadValue(msg)
    return number


def boolean(text: str) -> bool:
    """Read a Boolean.

    Raises:
        BadValue: It is neither Y nor N.
    """
    if text not in {"Y", "N"}:
        msg = f"{text[:40]!r} is neither Y nor N"
        raise BadValue(msg)
    return text == "Y"


def decimal(text: str) -> Decimal:
    """Read a float field (Qty, Price, Amt) exactly.

    Raises:
        BadValue: It is none; FIX knows no exponents.

    >>> decimal("00023.2300"), decimal(".5"), decimal("23.")
    (Decimal('23.2300'), Decimal('0.5'), Decimal('23'))
    """
    if _NUMBER.fullmatch(text) is None:
        msg = f"{text[:40]!r} is no float"
        raise BadValue(msg)
    head, _, tail = text.partition(".")
    sign = "-" if head.startswith("-") else ""
    written = f"{sign}{head.removeprefix('-') or '0'}" + (f".{tail}" if tail else "")
    try:
        return plain_decimal(written)
    except ValueError as error:
        raise BadValue(str(error)) from None


def character(text: str) -> str:
    """Read a char.

    Raises:
        BadValue: It is not one character.
    """
    if len(text) != 1:
        msg = f"{text[:40]!r} is no char"
        raise BadValue(msg)
    return text


def string(text: str) -> str:
    """Read a String: anything."""
    return text


READERS: Final[dict[str, Callable[[str], Value]]] = {
    "String": string,
    "char": character,
    "int": whole,
    "SeqNum": sequence,
    "Boolean": boolean,
    "float": decimal,
    "UTCTimestamp": timestamp,
}
"""How a value of a type is read."""


def written(kind: str, value: Value) -> str:
    """Write a value of a type."""
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, Decimal):
        return plain(value)
    if kind == "UTCTimestamp" and isinstance(value, int):
        return timestamp_text(value)
    return str(value)
