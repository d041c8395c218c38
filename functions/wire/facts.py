"""Say how our facts are named: ids, sequences and sources as functions of facts (design R6). No clock, no chance."""

import hashlib
import uuid
from collections.abc import Mapping
from typing import Final

from functions.wire.envelope import Event, ExtensionValue
from functions.wire.errors import Malformed

NAMESPACE: Final = uuid.UUID("6f0c6f5e-6f9a-5b0e-9c41-3f1b8a3c7d52")
PROTOBUF: Final = "application/protobuf"
SEQUENCE_DIGITS: Final = 20
SEQUENCE_MAX: Final = 2**63 - 1

_NAMESPACE_BYTES: Final = NAMESPACE.bytes
_VARIANT: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def sequence_text(number: int) -> str:
    """Write a sequence number so that text order is number order.

    >>> sequence_text(7)
    '00000000000000000007'
    """
    return str(number).zfill(SEQUENCE_DIGITS)


def batch_id(source: str, number: int) -> str:
    """Name a batch by its source and sequence number."""
    return _uuid5(f"{source}#{number}")


def fact_id(message_type: str, *key: object) -> str:
    """Name a fact by its type and natural key."""
    return _uuid5("|".join((message_type, *map(str, key))))


def _uuid5(name: str) -> str:
    """Give `str(uuid.uuid5(NAMESPACE, name))` in a fifth of its time; the layout is that of RFC 9562, section 5.5."""
    text = hashlib.sha1(_NAMESPACE_BYTES + name.encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def source_of(kind: str, name: str, stream: str) -> str:
    """Build a source: kind is the room (`feeds`, `handlers`, `tables`, `services`)."""
    return f"/tickloom/{kind}/{name}/{stream}"


def stream_of(source: str) -> str:
    """Take the stream, the last segment, from a source."""
    return source.rsplit("/", 1)[-1]


def sequence_of(event: Event) -> int:
    """Read the sequence number of an event that has one; 0 when it has none.

    Raises:
        Malformed: It is no number, or greater than 64 bits with a sign hold.
    """
    text = str(event.extensions.get("sequence", "0"))
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= SEQUENCE_DIGITS else -1
    if not 0 <= number <= SEQUENCE_MAX:
        msg = f"sequence of {event.source} {event.id} must be a whole number up to {SEQUENCE_MAX}, found {text!r:.80}"
        raise Malformed(msg)
    return number


def partition_of(event: Event) -> str:
    """Read the partition key; empty when there is none."""
    return str(event.extensions.get("partitionkey", ""))


def reply(  # noqa: PLR0913 - each names one attribute of the answer
    cause: Event,
    *,
    name: str,
    version: str,
    message_type: str,
    data: bytes,
    time_ns: int | None,
    extra: Mapping[str, ExtensionValue] | None = None,
) -> Event:
    """Build a handler's answer: one event, its sequence and stream copied from its cause.

    Args:
        cause: Event that is answered.
        name: Handler's name.
        version: Handler's version, carried in `handlerversion`, never part of an id.
        message_type: Full protobuf name of the message in `data`.
        data: Serialised message.
        time_ns: Greatest venue time in the batch, or None to keep the cause's.
        extra: Further extension attributes.
    """
    source = source_of("handlers", name, stream_of(cause.source))
    number = sequence_of(cause)
    return _batch(
        cause,
        source,
        number=number,
        version=version,
        message_type=message_type,
        data=data,
        time_ns=time_ns,
        extra=extra,
    )


def table_batch(  # noqa: PLR0913 - each names one attribute of the batch
    cause: Event,
    *,
    name: str,
    stream: str,
    number: int,
    version: str,
    message_type: str,
    data: bytes,
    time_ns: int | None,
    extra: Mapping[str, ExtensionValue] | None = None,
) -> Event:
    """Build a batch that a table emits; the table counts `number` in its own state."""
    source = source_of("tables", name, stream)
    return _batch(
        cause,
        source,
        number=number,
        version=version,
        message_type=message_type,
        data=data,
        time_ns=time_ns,
        extra=extra,
    )


def _batch(  # noqa: PLR0913 - each names one attribute of the batch
    cause: Event,
    source: str,
    *,
    number: int,
    version: str,
    message_type: str,
    data: bytes,
    time_ns: int | None,
    extra: Mapping[str, ExtensionValue] | None,
) -> Event:
    extensions = follow(cause, version)
    extensions["sequence"] = sequence_text(number)
    if extra:
        extensions.update(extra)
    return Event(
        id=batch_id(source, number),
        source=source,
        type=message_type,
        data=data,
        time_ns=cause.time_ns if time_ns is None else time_ns,
        subject=cause.subject,
        datacontenttype=PROTOBUF,
        extensions=extensions,
    )


_CARRIED: Final = (
    "partitionkey",
    "correlationid",
    "traceparent",
    "tracestate",
    "stagetimes",
)


def follow(cause: Event, version: str) -> dict[str, ExtensionValue]:
    """Carry on what an effect keeps of its cause: partition, correlation, trace; and name the cause."""
    had = cause.extensions
    extensions: dict[str, ExtensionValue] = {key: had[key] for key in _CARRIED if key in had}
    extensions["causationid"] = cause.id
    extensions["handlerversion"] = version
    return extensions
