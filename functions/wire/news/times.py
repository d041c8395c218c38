"""Read the times that news sources write: ISO 8601, RFC 822 and numbers since 1970, exactly and without a locale.

What has no zone is UTC: agencies that leave it out say so in their documentation, and a guess would look ahead.
"""

import re
from datetime import date
from types import MappingProxyType
from typing import Final, NoReturn

from functions.wire.venues.digits import BadText

NS_PER_S: Final = 1_000_000_000
NS_PER_DAY: Final = 86_400 * NS_PER_S
_INT64_MAX: Final = 2**63 - 1
_EPOCH: Final = date(1970, 1, 1).toordinal()
_FRACTION_DIGITS: Final = 9
_SHOWN: Final = 48
_HOUR_MAX, _MINUTE_MAX, _SECOND_MAX = 23, 59, 60  # a leap second is the second after 59
_OFFSET_MIN_MAX: Final = 14 * 60  # zones lie between -12:00 and +14:00
_CENTURY_DIGITS: Final = 2
_PIVOT: Final = 70  # RFC 822 wrote years with two digits; 70 to 99 are of the last century

_ISO: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)? ?([Zz]|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
_RFC: Final = re.compile(
    r"(?:[A-Za-z]{3,9}, ?)?(\d{1,2})[ -]([A-Za-z]{3,9})[ -](\d{4}|\d{2}) (\d{1,2}):(\d{2})(?::(\d{2}))?"
    r"(?: ([+-]\d{4}|[A-Za-z]{1,5}))?",
    re.ASCII,
)
_POST: Final = re.compile(r"[A-Za-z]{3} ([A-Za-z]{3}) (\d{1,2}) (\d{2}):(\d{2}):(\d{2}) ([+-]\d{4}) (\d{4})", re.ASCII)
_NUMBER: Final = re.compile(r"\d{9,19}(?:\.\d{1,12})?", re.ASCII)

_MONTHS: Final = MappingProxyType(
    {
        name: number
        for number, name in enumerate(
            ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
        )
    }
)
# RFC 822, section 5.1; the letters of military zones are read as UTC, as RFC 5322 section 4.3 asks.
_ZONES_H: Final = MappingProxyType(
    {"ut": 0, "gmt": 0, "utc": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6}
    | {"pst": -8, "pdt": -7}
)
_SECONDS_DIGITS: Final = 11
_MS_DIGITS: Final = 14
_US_DIGITS: Final = 17


def time_ns(text: str) -> int:
    """Read a time in any of the forms that sources use, as UTC nanoseconds.

    Raises:
        BadText: `bad_time`, or `out_of_range` when int64 nanoseconds cannot hold it (the years 1678 to 2261 can be).

    >>> time_ns("2019-07-25T10:39:38.666Z"), time_ns("1564051178666"), time_ns("Thu, 25 Jul 2019 06:39:38 EDT")
    (1564051178666000000, 1564051178666000000, 1564051178000000000)
    """
    text = text.strip()
    if found := _ISO.fullmatch(text):
        year, month, day, hour, minute, second, fraction, zone = found.groups()
        whole = _clock(_days(int(year), int(month), int(day), text), (hour, minute, second), zone or "", text)
        return _bounded(whole + int((fraction or "")[:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, "0")), text)
    if found := _RFC.fullmatch(text):
        day, month, year, hour, minute, second, zone = found.groups()
        days = _days(_full_year(year), _month(month, text), int(day), text)
        return _bounded(_clock(days, (hour, minute, second), zone or "", text), text)
    if found := _POST.fullmatch(text):
        month, day, hour, minute, second, zone, year = found.groups()
        days = _days(int(year), _month(month, text), int(day), text)
        return _bounded(_clock(days, (hour, minute, second), zone, text), text)
    return _since_1970(text) if _NUMBER.fullmatch(text) else _refuse(text)


def day_ns(text: str) -> int:
    """Read a day, `2025-12-02`, as UTC nanoseconds of its start.

    Raises:
        BadText: It is no day.
    """
    found = _ISO.fullmatch(text.strip())
    if found is None or found[4] is not None:
        _refuse(text)
    return _bounded(_days(int(found[1]), int(found[2]), int(found[3]), text) * NS_PER_DAY, text)


def _since_1970(text: str) -> int:
    """Tell the unit by the number of digits: seconds, milliseconds, microseconds or nanoseconds, from 1973 to 2262."""
    whole, _, fraction = text.partition(".")
    digits = next((most for most in (_SECONDS_DIGITS, _MS_DIGITS, _US_DIGITS) if len(whole) <= most), 0)
    power = {_SECONDS_DIGITS: 9, _MS_DIGITS: 6, _US_DIGITS: 3}.get(digits, 0)
    return _bounded(int(whole + fraction[:power].ljust(power, "0")), text)


def _days(year: int, month: int, day: int, text: str) -> int:
    try:
        return date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        _refuse(text)


def _clock(days: int, clock: tuple[str | None, ...], zone: str, text: str) -> int:
    hour, minute, second = (int(part or 0) for part in clock)
    if hour > _HOUR_MAX or minute > _MINUTE_MAX or second > _SECOND_MAX:
        _refuse(text)
    return (days * 86_400 + hour * 3600 + minute * 60 + second - _offset_min(zone, text) * 60) * NS_PER_S


def _offset_min(zone: str, text: str) -> int:
    if zone[:1] in {"+", "-"}:
        digits = zone[1:].replace(":", "").ljust(4, "0")
        minutes = int(digits[:2]) * 60 + int(digits[2:])
        if minutes > _OFFSET_MIN_MAX or int(digits[2:]) > _MINUTE_MAX:
            _refuse(text)
        return -minutes if zone[0] == "-" else minutes
    if zone and zone.lower() not in _ZONES_H and len(zone) > 1:
        reason, detail = "unknown_zone", f"zone {zone!r} of {text[:_SHOWN]!r} is not known; zones are written as +hhmm"
        raise BadText(reason, detail)
    return _ZONES_H.get(zone.lower(), 0) * 60


def _full_year(text: str) -> int:
    year = int(text)
    if len(text) > _CENTURY_DIGITS:
        return year
    return year + (1900 if year >= _PIVOT else 2000)


def _month(name: str, text: str) -> int:
    month = _MONTHS.get(name[:3].lower())
    return month if month is not None else _refuse(text)


def _bounded(ns: int, text: str) -> int:
    if abs(ns) > _INT64_MAX:
        reason, detail = "out_of_range", f"{text[:_SHOWN]!r} does not fit int64 nanoseconds"
        raise BadText(reason, detail)
    return ns


def _refuse(text: str) -> NoReturn:
    reason, detail = "bad_time", f"found {text[:_SHOWN]!r} where a time belongs"
    raise BadText(reason, detail)
