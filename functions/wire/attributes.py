"""Write attribute values as text and read them back: what the HTTP, Kafka and JSON forms of an event share.

Timestamps are RFC 3339 with all nine digits of a nanosecond; nothing is rounded either way.
"""

import base64
import datetime as dt
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from functions.wire.envelope import SPEC_VERSION, Event, ExtensionValue
from functions.wire.errors import Malformed

STRUCTURED: Final = "application/cloudevents+json"
CLOUDEVENTS: Final = "application/cloudevents"

_SECOND_NS: Final = 1_000_000_000
_DAY_S: Final = 86_400
_EPOCH_DAY: Final = dt.date(1970, 1, 1).toordinal()
_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
).fullmatch
_FRACTION_DIGITS: Final = 9
_OWN_LENGTH: Final = len("2024-08-08T00:00:00.000000000Z")
_SECOND_CACHE_MAX: Final = 1024  # distinct seconds remembered
_HOUR_MAX: Final = 23
_SIXTIETH_MAX: Final = 59


def time_text(time_ns: int) -> str:
    """Write nanoseconds since 1970 as RFC 3339 in UTC.

    >>> time_text(1_723_075_200_000_000_001)
    '2024-08-08T00:00:00.000000001Z'
    """
    seconds, fraction = divmod(time_ns, _SECOND_NS)
    return f"{_second_text(seconds)}.{fraction:09}Z"


def parse_time(text: str) -> int:
    """Read an RFC 3339 time as nanoseconds since 1970.

    Raises:
        Malformed: It is no RFC 3339 time, a leap second, finer than a nanosecond, or outside 64 bits of nanoseconds.

    >>> parse_time("2024-08-08T02:00:00.5+02:00")
    1723075200500000000
    """
    if len(text) == _OWN_LENGTH and text[19] == "." and text[29] == "Z" and text[20:29].isdecimal() and text.isascii():
        return _second_of(text[:19] + "Z") * _SECOND_NS + int(text[20:29])  # as `time_text` writes it
    found = _TIME(text)
    if found is None:
        msg = f"attribute time must be an RFC 3339 time, found {text!r:.80}"
        raise Malformed(msg)
    return (_day_second(found, text) - _offset_s(found, text)) * _SECOND_NS + _fraction_ns(found[7] or "", text)


def value_text(value: ExtensionValue) -> str:
    """Write a value in its canonical text form (CloudEvents "Type System")."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return base64.b64encode(value).decode("ascii")


def core_texts(event: Event) -> list[tuple[str, str]]:
    """List the attributes of an event as (name, text), without the media type, which every binding places itself."""
    texts = [("specversion", SPEC_VERSION), ("id", event.id), ("source", event.source), ("type", event.type)]
    if event.time_ns is not None:
        texts.append(("time", time_text(event.time_ns)))
    if event.subject is not None:
        texts.append(("subject", event.subject))
    if event.dataschema is not None:
        texts.append(("dataschema", event.dataschema))
    return texts


def event_of(texts: dict[str, str], extensions: Mapping[str, ExtensionValue], data: bytes | None) -> Event:
    """Build an event from the text of its core attributes; those that are taken leave `texts`.

    Args:
        texts: Core attributes by name, `datacontenttype` included; anything left over is an extension.
        extensions: Extensions whose values are not text.
        data: Payload.

    Raises:
        Malformed: A required attribute is missing, the version is not 1.0, or a value breaks its rule.
    """
    version = texts.pop("specversion", None)
    if version != SPEC_VERSION:
        msg = f"attribute specversion must be {SPEC_VERSION}, found {version!r:.80}"
        raise Malformed(msg)
    try:
        id_, source, type_ = texts.pop("id"), texts.pop("source"), texts.pop("type")
    except KeyError as error:
        msg = f"attribute {error.args[0]} is missing"
        raise Malformed(msg) from None
    time = texts.pop("time", None)
    return Event(
        id=id_,
        source=source,
        type=type_,
        data=data,
        time_ns=None if time is None else parse_time(time),
        subject=texts.pop("subject", None),
        datacontenttype=texts.pop("datacontenttype", None),
        dataschema=texts.pop("dataschema", None),
        extensions={**texts, **extensions} if extensions else texts,
    )


def essence(media_type: str) -> str:
    """Take the type and subtype of a media type, lower case, without parameters."""
    return media_type.partition(";")[0].strip().lower()


def is_structured(media_type: str) -> bool:
    """Say whether a message of this media type is a whole event in the JSON format.

    Raises:
        Malformed: It is a batch, another event format, or not in UTF-8.
    """
    kind = essence(media_type)
    if not kind.startswith(CLOUDEVENTS):
        return False
    if kind != STRUCTURED:
        msg = f"one event at a time in {STRUCTURED} or binary mode is understood, found {media_type!r:.80}"
        raise Malformed(msg)
    for parameter in media_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in {"utf-8", "utf8", "us-ascii"}:
            msg = f"events are UTF-8, found {media_type!r:.80}"
            raise Malformed(msg)
    return True


# Events of one second follow each other, so the date is worked out once for all of them.
@lru_cache(maxsize=_SECOND_CACHE_MAX)
def _second_text(seconds: int) -> str:
    days, second = divmod(seconds, _DAY_S)
    minutes, second = divmod(second, 60)
    hour, minute = divmod(minutes, 60)
    return f"{dt.date.fromordinal(_EPOCH_DAY + days).isoformat()}T{hour:02}:{minute:02}:{second:02}"


@lru_cache(maxsize=_SECOND_CACHE_MAX)
def _second_of(text: str) -> int:
    found = _TIME(text)
    if found is None:
        msg = f"attribute time must be an RFC 3339 time, found {text!r:.80}"
        raise Malformed(msg)
    return _day_second(found, text)


def _day_second(found: re.Match[str], text: str) -> int:
    year, month, day, hour, minute, second = (int(part) for part in found.group(1, 2, 3, 4, 5, 6))
    if hour > _HOUR_MAX or minute > _SIXTIETH_MAX or second > _SIXTIETH_MAX:
        msg = f"attribute time has an hour, minute or second that UTC nanoseconds do not have: {text!r:.80}"
        raise Malformed(msg)
    try:
        days = dt.date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        msg = f"attribute time names a day that does not exist: {text!r:.80}"
        raise Malformed(msg) from None
    return days * _DAY_S + hour * 3600 + minute * 60 + second


def _offset_s(found: re.Match[str], text: str) -> int:
    if not found[8]:
        return 0
    hours, minutes = int(found[9]), int(found[10])
    if hours > _HOUR_MAX or minutes > _SIXTIETH_MAX:
        msg = f"attribute time has an offset that does not exist: {text!r:.80}"
        raise Malformed(msg)
    offset = hours * 3600 + minutes * 60
    return -offset if found[8] == "-" else offset


def _fraction_ns(digits: str, text: str) -> int:
    if digits[_FRACTION_DIGITS:].strip("0"):
        msg = f"attribute time is finer than a nanosecond, which would be lost: {text!r:.80}"
        raise Malformed(msg)
    return int(digits[:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, "0"))
