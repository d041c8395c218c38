"""Hold the envelope every fact travels in: our strict, immutable CloudEvent 1.0 and nothing else.

What an attribute may say is in CloudEvents 1.0.2, "Type System" and "Context Attributes"; each rule here names its
part. An `Event` that exists is valid: nothing downstream checks again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeAlias

from functions.wire.errors import Malformed

ExtensionValue: TypeAlias = str | int | bool | bytes

SPEC_VERSION: Final = "1.0"
NAME_LENGTH_MAX: Final = 20  # "Attribute Naming Convention"
INTEGER_MIN: Final = -(2**31)  # "Integer": signed 32 bit only
INTEGER_MAX: Final = 2**31 - 1
TIME_NS_MIN: Final = -(2**63)  # our three clocks are int64 nanoseconds (design R5): the years 1677 to 2262
TIME_NS_MAX: Final = 2**63 - 1

CORE_NAMES: Final = frozenset(
    ("id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject", "time", "data", "data_base64")
)

_NO_EXTENSIONS: Mapping[str, ExtensionValue] = MappingProxyType({})
_NON_EMPTY: Final = frozenset(("partitionkey", "sequence"))  # extensions/partitioning.md, extensions/sequence.md
_set: Final = object.__setattr__  # the way into a frozen instance
# Names we write ourselves: known to be good, so the pattern need not run on the hot path.
_FAMILIAR: Final = frozenset(
    (
        "causationid",
        "correlationid",
        "handlerversion",
        "partitionkey",
        "recordedtime",
        "referenceversion",
        "rejected",
        "sequence",
        "stagetimes",
        "traceparent",
        "tracestate",
    )
)
_PATTERN_CACHE_MAX: Final = 1024  # combinations remembered; a process sees a few dozen
_REMEMBERED_CHARS_MAX: Final = 1024  # of one of them: anyone may send new ones, and the longest fill a whole body

_NAME: Final = re.compile(r"[a-z0-9]{1,20}").fullmatch
# "String": no C0 and C1 controls, no DEL, no noncharacters, no lone surrogates.
_FORBIDDEN: Final = re.compile(
    "[\u0000-\u001f\u007f-\u009f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + "]"
).search
# RFC 3986, appendix A. Characters first, then shapes.
_PCHAR: Final = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
_SEGMENT_NO_COLON: Final = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=@]|%[0-9A-Fa-f]{2})+"
_TAIL: Final = rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:\#(?:{_PCHAR}|[/?])*)?"
_AUTHORITY: Final = (
    r"(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*@)?"
    r"(?:\[[0-9A-Fa-fvV:.\-_~!$&'()*+,;=]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)"
    r"(?::[0-9]*)?"
)
_HIERARCHY: Final = rf"(?://{_AUTHORITY}(?:/{_PCHAR}*)*|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?"
_ABSOLUTE: Final = rf"[A-Za-z][A-Za-z0-9+.\-]*:{_HIERARCHY}|{_PCHAR}+(?:/{_PCHAR}*)*|){_TAIL}"
_RELATIVE: Final = rf"{_HIERARCHY}|{_SEGMENT_NO_COLON}(?:/{_PCHAR}*)*|){_TAIL}"
_URI: Final = re.compile(_ABSOLUTE).fullmatch
_URI_REFERENCE: Final = re.compile(rf"(?:{_ABSOLUTE})|(?:{_RELATIVE})").fullmatch
# RFC 2045 section 5.1, as RFC 9110 section 8.3.1 writes it. White space is taken once and for all (`*+`): between two
# semicolons it could count to either, and to try both ways for each would take for ever.
_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - the RFC's word, no secret
_MEDIA_TYPE: Final = re.compile(
    rf"{_TOKEN}/{_TOKEN}(?:[ \t]*+;[ \t]*+(?:{_TOKEN}=(?:{_TOKEN}|\"(?:[ !#-\[\]-~\t]|\\[ -~\t])*\"))?)*"
).fullmatch


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """Carry one fact as a CloudEvent 1.0.

    Args:
        id: Unique inside `source`; a resend keeps it.
        source: URI-reference `/tickloom/<kind>/<name>/<stream>`.
        type: Full name of the protobuf message in `data`.
        data: Payload bytes, or None.
        time_ns: Time of the fact, UTC nanoseconds (int64), or None.
        subject: What the fact is about, or None.
        datacontenttype: Media type of `data`, or None.
        dataschema: Absolute URI of the schema of `data`, or None.
        extensions: Extension attributes by name; copied.

    Raises:
        Malformed: An attribute breaks a rule of the specification; the message names it.

    >>> Event(id="1", source="/a", type="t", extensions={"sequence": "7"}).extensions["sequence"]
    '7'
    """

    id: str
    source: str
    type: str
    data: bytes | None = None
    time_ns: int | None = None
    subject: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    extensions: Mapping[str, ExtensionValue] = field(default_factory=lambda: _NO_EXTENSIONS)

    def __post_init__(self) -> None:
        """Refuse what the specification refuses, so that an event that exists is valid."""
        _text("id", self.id)
        try:
            chars = len(self.source) + len(self.type) + len(self.datacontenttype or "") + len(self.dataschema or "")
            check = _check_repeating if chars <= _REMEMBERED_CHARS_MAX else _check_repeating.__wrapped__
            check(self.source, self.type, self.datacontenttype, self.dataschema)
        except TypeError:  # unhashable or without a length, so no string
            msg = "attributes source, type, datacontenttype and dataschema must be strings"
            raise Malformed(msg) from None
        if self.data is not None and not isinstance(self.data, bytes):
            msg = f"data must be bytes, found {type(self.data).__name__}"
            raise Malformed(msg)
        if self.time_ns is not None:
            _time(self.time_ns)
        if self.subject is not None:
            _text("subject", self.subject)
        if self.extensions is not _NO_EXTENSIONS:
            _set(self, "extensions", _checked(self.extensions))

    def __eq__(self, other: object) -> bool:
        """Compare by value; the integer 1 and the boolean true are different values."""
        if not isinstance(other, Event):
            return NotImplemented
        return _key(self) == _key(other) and _kinds(self.extensions) == _kinds(other.extensions)

    def __hash__(self) -> int:
        """Hash by value."""
        return hash((*_key(self)[:-1], frozenset(self.extensions.items())))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle and copy by the constructor's arguments: a mapping proxy cannot be pickled."""
        return Event, (*_key(self)[:-1], dict(self.extensions))


def check_name(name: object) -> str:
    """Give back an extension attribute's name if it may be one.

    Raises:
        Malformed: It is not 1 to 20 characters of a-z and 0-9, or it is a core attribute's name.
    """
    if not isinstance(name, str) or _NAME(name) is None:
        msg = f"attribute names are 1 to {NAME_LENGTH_MAX} characters of a-z and 0-9, found {name!r:.80}"
        raise Malformed(msg)
    if name in CORE_NAMES:
        msg = f"extension {name} shadows a core attribute"
        raise Malformed(msg)
    return name


def _key(event: Event) -> tuple[object, ...]:
    return (
        event.id,
        event.source,
        event.type,
        event.data,
        event.time_ns,
        event.subject,
        event.datacontenttype,
        event.dataschema,
        event.extensions,
    )


def _kinds(extensions: Mapping[str, ExtensionValue]) -> dict[str, bool]:
    return {name: value is True or value is False for name, value in extensions.items()}


# Sources, types and media types repeat from event to event, so a good combination is checked once.
@lru_cache(maxsize=_PATTERN_CACHE_MAX)
def _check_repeating(source: object, kind: object, datacontenttype: object, dataschema: object) -> None:
    _text("source", source)
    if _URI_REFERENCE(str(source)) is None:
        msg = f"attribute source must be a URI-reference, found {source!r:.80}"
        raise Malformed(msg)
    _text("type", kind)
    if datacontenttype is not None and not (isinstance(datacontenttype, str) and _MEDIA_TYPE(datacontenttype)):
        msg = f"attribute datacontenttype must be a media type, found {datacontenttype!r:.80}"
        raise Malformed(msg)
    if dataschema is not None and not (isinstance(dataschema, str) and _URI(dataschema)):
        msg = f"attribute dataschema must be an absolute URI, found {dataschema!r:.80}"
        raise Malformed(msg)


def _time(time_ns: object) -> None:
    if not isinstance(time_ns, int) or isinstance(time_ns, bool):
        msg = f"time must be whole nanoseconds, found {time_ns!r:.80}"
        raise Malformed(msg)
    if not TIME_NS_MIN <= time_ns <= TIME_NS_MAX:
        msg = f"time must fit 64 bits of nanoseconds, found {time_ns!r:.80}"
        raise Malformed(msg)


def _text(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        msg = f"attribute {name} must be a non-empty string, found {value!r:.80}"
        raise Malformed(msg)
    if not (value.isascii() and value.isprintable()) and _FORBIDDEN(value):
        msg = f"attribute {name} holds a character that strings may not hold: {value!r:.80}"
        raise Malformed(msg)


def _checked(extensions: Mapping[str, ExtensionValue]) -> Mapping[str, ExtensionValue]:
    try:
        copy = dict(extensions)
    except (TypeError, ValueError):
        msg = f"extensions must be a mapping, found {type(extensions).__name__}"
        raise Malformed(msg) from None
    if not _plain(copy):
        for name, value in copy.items():
            _extension(check_name(name), value)
    return MappingProxyType(copy)


def _plain(extensions: dict[str, ExtensionValue]) -> bool:
    """Say at once whether all names are familiar and all values printable ASCII, as in nearly every event."""
    values = extensions.values()
    try:
        text = "".join(values)  # type: ignore[arg-type] # other kinds of values end in the except
    except TypeError:
        return False
    return text.isascii() and text.isprintable() and extensions.keys() <= _FAMILIAR and "" not in values


def _extension(name: str, value: object) -> None:
    if isinstance(value, str):
        if value and _FORBIDDEN(value):
            msg = f"extension {name} holds a character that strings may not hold: {value!r:.80}"
            raise Malformed(msg)
        if not value and name in _NON_EMPTY:
            msg = f"extension {name} must not be empty"
            raise Malformed(msg)
    elif name in _NON_EMPTY:
        msg = f"extension {name} must be a string, found {value!r:.80}"
        raise Malformed(msg)
    elif isinstance(value, int):
        if not INTEGER_MIN <= value <= INTEGER_MAX:
            msg = f"extension {name} must fit a signed 32 bit integer, found {value!r:.80}"
            raise Malformed(msg)
    elif not isinstance(value, bytes):
        msg = f"extension {name} must be text, integer, boolean or bytes, found {type(value).__name__}"
        raise Malformed(msg)
