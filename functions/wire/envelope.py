"""Hold the envelope every fact travels in: our strict, immutable CloudEvent 1.0 and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

ExtensionValue: TypeAlias = str | int | bool | bytes

_NO_EXTENSIONS: Mapping[str, ExtensionValue] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Event:
    """Carry one fact as a CloudEvent 1.0.

    Args:
        id: Unique inside `source`; a resend keeps it.
        source: URI-reference `/tickloom/<kind>/<name>/<stream>`.
        type: Full name of the protobuf message in `data`.
        data: Payload bytes, or None.
        time_ns: Time of the fact, UTC nanoseconds, or None.
        subject: What the fact is about, or None.
        datacontenttype: Media type of `data`, or None.
        dataschema: Absolute URI of the schema of `data`, or None.
        extensions: Extension attributes by name.
    """

    id: str
    source: str
    type: str
    data: bytes | None = None
    time_ns: int | None = None
    subject: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    extensions: Mapping[str, ExtensionValue] = field(default=_NO_EXTENSIONS)
