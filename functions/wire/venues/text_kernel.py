"""Read columns of texts byte by byte: decimals as exact integers, ISO 8601 times as nanoseconds.

Loops over arrays only, so they run plain or compiled with the same results. `digits` and `times` read the same columns
with numpy, and a property test holds both equal. A text stands before a comma; one that breaks a rule is marked odd,
and its value says nothing.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import Int64, UInt8

# A call hands over seven words for each array, which costs more than what these do.
INLINED: Final = frozenset(("_scaled", "_iso_ns", "_number", "_days"))

DIGITS_MAX: Final = 17
DAYS_MAX: Final = 100_000
_POWER_MAX: Final = 18
_INT64_MAX: Final = 2**63 - 1
_TENS: Final[tuple[int, ...]] = tuple(10**power for power in range(_POWER_MAX + 1))
_MONTHS: Final = 12
_FEBRUARY: Final = 2
_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
_MINUTE_S: Final = 60
_HOURS: Final = 24
_FRACTION_MAX: Final = 9

# A time is 19 characters, a point and 1 to 9 digits where there is a fraction, and a Z; eleven are the date and a T.
_HEAD: Final = 19
_DATE: Final = 11
_COMPACT_DATE: Final = 9
_LONG_ZONE: Final = 6
_WHOLE_DIGITS_MAX: Final = 18

# Bytes by the characters they stand for.
_BLANK, _PLUS, _COMMA, _DASH, _POINT, _ZERO, _NINE, _COLON, _T, _Z = 32, 43, 44, 45, 46, 48, 57, 58, 84, 90


def decimals(text: UInt8, exponents: Int64, values: Int64, odd: NDArray[np.bool_]) -> bool:
    """Read decimals as multiples of powers of ten; see `digits.exact`.

    Args:
        text: n texts, each with a comma behind it.
        exponents: (n,) power of ten of one unit.
        values: (n,) filled with the mantissas.
        odd: (n,) filled: where a text is not plain digits with at most one point inside, has more than DIGITS_MAX, is
            no multiple, or does not fit.

    Returns:
        Whether there were n texts; if not, the columns say nothing.
    """
    at, end = 0, len(text)
    for place in range(len(values)):
        total, whole, digits, before, is_plain = 0, 0, 0, -1, True
        while at < end and text[at] != _COMMA:
            byte = int(text[at])
            at += 1
            if _ZERO <= byte <= _NINE:
                digits += 1
                total = total * 10 + byte - _ZERO if digits <= DIGITS_MAX else 0
            elif byte == _POINT and before < 0:
                before, whole = digits, total
            else:
                is_plain = False
        if at == end:
            return False
        at += 1
        if before < 0:
            before, whole = digits, total
        elif before == digits:  # nothing behind the point
            is_plain = False
        value = -1
        if is_plain and before > 0 and digits <= DIGITS_MAX:
            value = _scaled(total, whole, digits - before, -int(exponents[place]))
        values[place] = value
        odd[place] = value < 0
    return at == end


def _scaled(total: int, whole: int, fraction: int, places: int) -> int:
    """Turn digits, `fraction` of them behind the point, to units of 10^-places; -1 when that is not exact."""
    if places < 0 or places > _POWER_MAX:
        return -1
    if fraction > places:
        power = _TENS[fraction - places]
        return total // power if total % power == 0 else -1
    # As `digits` has it: a little below what fits, so that no product here runs over.
    if whole > _INT64_MAX // _TENS[places] - 1:
        return -1
    return total * _TENS[places - fraction]


def iso_times(text: UInt8, values: Int64, odd: NDArray[np.bool_]) -> bool:
    """Read ISO 8601 times that end in Z; see `times.iso_ns`.

    Args:
        text: n texts, each with a comma behind it.
        values: (n,) filled with UTC nanoseconds.
        odd: (n,) filled: where a text is no such time, or outside of 1970 to 2243.

    Returns:
        Whether there were n texts; if not, the columns say nothing.
    """
    at, end = 0, len(text)
    for place in range(len(values)):
        begin = at
        while at < end and text[at] != _COMMA:
            at += 1
        if at == end:
            return False
        value = _iso_ns(text, begin, at - begin)
        values[place] = value
        odd[place] = value < 0
        at += 1
    return at == end


def _iso_ns(text: UInt8, at: int, length: int) -> int:
    if length <= _HEAD or text[at + length - 1] != _Z or text[at + _DATE - 1] != _T:
        return -1
    return _clock_ns(text, date_days(text, at), at + _DATE, length - _DATE - 1)


def _clock_ns(text: UInt8, days: int, at: int, length: int) -> int:
    """Read `22:00:00.295` of a day; -1 when it is no such time."""
    fraction = length - _HEAD + _DATE - 1  # digits behind the point; -1 without one
    if days < 0 or fraction < -1 or fraction == 0 or fraction > _FRACTION_MAX:
        return -1
    if text[at + 2] != _COLON or text[at + 5] != _COLON or (fraction > 0 and text[at + 8] != _POINT):
        return -1
    hour, minute, second = _number(text, at, 2), _number(text, at + 3, 2), _number(text, at + 6, 2)
    behind = _number(text, at + 9, fraction)
    if hour < 0 or minute < 0 or second < 0 or behind < 0:
        return -1
    if hour >= _HOURS or minute >= _MINUTE_S or second >= _MINUTE_S:
        return -1
    since_s = days * _DAY_S + hour * _HOUR_S + minute * _MINUTE_S + second
    return since_s * _TENS[9] + behind * _TENS[9 - max(fraction, 0)]


def utc_ns(text: UInt8, at: int, length: int) -> int:
    """Read an ISO 8601 time in UTC as `times.iso_ns` does; -1 when it is no such time, or none of 1970 to 2243."""
    if length <= _HEAD or (text[at + _DATE - 1] != _T and text[at + _DATE - 1] != _BLANK):
        return -1
    if text[at + length - 1] == _Z:
        return _clock_ns(text, date_days(text, at), at + _DATE, length - _DATE - 1)
    zone = at + length - _LONG_ZONE  # +00:00
    if length <= _HEAD + 5 or text[zone] != _PLUS or text[zone + 3] != _COLON:
        return -1
    if _number(text, zone + 1, 2) != 0 or _number(text, zone + 4, 2) != 0:
        return -1
    return _clock_ns(text, date_days(text, at), at + _DATE, length - _DATE - _LONG_ZONE)


def compact_ns(text: UInt8, at: int, length: int) -> int:
    """Read `20130101 22:00:00.295` in UTC, or what `utc_ns` reads; -1 when it is neither."""
    if length <= _COMPACT_DATE or text[at + _COMPACT_DATE - 1] != _BLANK:
        return utc_ns(text, at, length)
    days = _days(_number(text, at, 4), _number(text, at + 4, 2), _number(text, at + 6, 2))
    return _clock_ns(text, days, at + _COMPACT_DATE, length - _COMPACT_DATE)


def date_days(text: UInt8, at: int) -> int:
    """Give the days since 1970 of `2013-01-01`; -1 when there is no such date or it is too far away."""
    if text[at + 4] != _DASH or text[at + 7] != _DASH:
        return -1
    return _days(_number(text, at, 4), _number(text, at + 5, 2), _number(text, at + 8, 2))


def whole(text: UInt8, begin: int, end: int) -> int:
    """Read digits; -1 where there are none, more than 18, or something else."""
    if end <= begin or end - begin > _WHOLE_DIGITS_MAX:
        return -1
    return _number(text, begin, end - begin)


def decimal(text: UInt8, begin: int, end: int) -> tuple[int, int]:
    """Read digits with at most one point inside; return them as one number, and how many stand behind the point, or -1.

    Args:
        text: Bytes.
        begin: Where the number begins.
        end: Where it ends.
    """
    total, digits, before = 0, 0, -1
    for at in range(begin, end):
        byte = int(text[at])
        if _ZERO <= byte <= _NINE:
            digits += 1
            if digits > _WHOLE_DIGITS_MAX:
                return 0, -1
            total = total * 10 + byte - _ZERO
        elif byte == _POINT and before < 0:
            before = digits
        else:
            return 0, -1
    if digits == 0 or before == 0 or before == digits:
        return 0, -1
    return total, digits - before if before > 0 else 0


def in_units(number: int, fraction: int, exponent: int) -> int:
    """Write number / 10^fraction in units of 10^exponent; -1 where that is not exact or does not fit."""
    shift = -fraction - exponent
    if fraction < 0 or shift > _POWER_MAX or shift < -_POWER_MAX:
        return -1
    if shift >= 0:
        power = _TENS[shift]
        return number * power if number <= _INT64_MAX // power else -1
    power = _TENS[-shift]
    return number // power if number % power == 0 else -1


def _number(text: UInt8, at: int, count: int) -> int:
    """Read digits, 0 where there are none; -1 when one is something else."""
    total, is_plain = 0, True
    for place in range(at, at + count):
        byte = int(text[place])
        is_plain = is_plain and _ZERO <= byte <= _NINE
        total = total * 10 + byte - _ZERO
    return total if is_plain else -1


def _days(year: int, month: int, day: int) -> int:
    """Give the days since 1970 of a date, -1 when there is no such date or it is too far away.

    Source: the proleptic Gregorian calendar, with years that begin in March.
    """
    if year < 1 or month < 1 or month > _MONTHS or day < 1:
        return -1
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest = 28 + int(is_leap) if month == _FEBRUARY else 30 + (month + month // 8) % 2
    if day > longest:
        return -1
    if month <= _FEBRUARY:
        year, month = year - 1, month + _MONTHS
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719_469
    return days if 0 <= days <= DAYS_MAX else -1
