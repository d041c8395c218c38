"""Read messages from bytes, and refuse what cannot be, in the same words for every type."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message

from functions.wire.errors import Malformed

M = TypeVar("M", bound=Message)

MORE: Final = 0x80
"""Bit of a byte of a varint behind which another byte comes; the seven others are the number's."""
SEVEN: Final = 0x7F
_HEADS_MAX: Final = 4096
"""Heads of fields remembered: the columns of a section have four lengths, and a batch at most 512 rows."""
_BYTES: Final = 2  # wire type of what has a length


def parse(kind: type[M], data: bytes) -> M:
    """Read a message.

    Raises:
        Malformed: The bytes are no such message.
    """
    try:
        return kind.FromString(data)
    except DecodeError as error:
        detail = f"{len(data)} bytes are no {kind.DESCRIPTOR.full_name}: {error}"
        raise Malformed(detail) from error


def parse_named(kind: type[M], data: bytes, *, by: str = "shard") -> M:
    """Read a message whose field `by` says what it belongs to; protobuf reads a message cut off before it as one.

    Raises:
        Malformed: The bytes are no such message, or it does not say so.
    """
    message = parse(kind, data)
    if not getattr(message, by):
        detail = f"a {kind.DESCRIPTOR.full_name} of {len(data)} bytes names no {by}"
        raise Malformed(detail)
    return message


def refuse(what: str, faults: Mapping[str, bool]) -> None:
    """Refuse what has faults.

    Args:
        what: What was read, for people.
        faults: What may be wrong, for people, and whether it is.

    Raises:
        Malformed: Something is wrong; all of it is named.
    """
    found = [fault for fault, present in faults.items() if present]
    if found:
        detail = f"{what} cannot be: {'; '.join(found)}"
        raise Malformed(detail)


def varint(number: int) -> bytes:
    """Write a number seven bits a byte, the low ones first (protobuf encoding, "Base 128 Varints").

    >>> varint(300).hex()
    'ac02'
    """
    written = bytearray()
    while number >= MORE:
        written.append(number & SEVEN | MORE)
        number >>= 7
    written.append(number)
    return bytes(written)


@lru_cache(maxsize=_HEADS_MAX)
def head(number: int, size: int) -> bytes:
    """Write what stands before a field of bytes or of a message: its number and wire type, and its length.

    >>> head(1, 300).hex()
    '0aac02'
    """
    return varint(number << 3 | _BYTES) + varint(size)
