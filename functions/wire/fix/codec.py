"""Frame FIX tag=value messages out of bytes and write them; what is garbled is told apart from what is wrong inside.

A message is garbled when its first three fields are not 8, 9 and 35, or its BodyLength or CheckSum is not right; a
receiver ignores it. Whatever is wrong behind that (an empty value, a tag that is no number) is a flaw of a message
that did arrive, and is rejected by the session.
Source: FIX 4.4 with Errata 20030618, Volume 1, "Message Format", and Volume 2, "Garbled Messages".
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final, TypeAlias

from functions.wire.errors import Malformed

SOH: Final = b"\x01"
BEGIN_FIX44: Final = "FIX.4.4"
MESSAGE_BYTES_MAX: Final = 1024 * 1024
"""Longest message that is taken; a BodyLength beyond it is garbled."""
FIELDS_MAX: Final = 100_000
"""Most fields of one message."""
TRAILER_BYTES: Final = len("10=000\x01")

TAG_NOT_A_NUMBER: Final = 0
TAG_WITHOUT_VALUE: Final = 4
WRONG_FORMAT: Final = 6
"""SessionRejectReason (373) of what can be wrong with the fields of a message that is not garbled."""

BAD_HEAD, BAD_LENGTH, BAD_CHECKSUM = "bad_head", "bad_length", "bad_checksum"
"""Codes of what is garbled: its first three fields, its BodyLength, its CheckSum."""

SECRETS: Final = frozenset((95, 96, 553, 554, 925))
"""Tags whose values are never shown: raw data of a logon, user name, password, new password."""
MASK: Final = b"***"

Pair: TypeAlias = tuple[int, str]
"""A field to be written: tag and value."""

DATA_FIELDS: Final = MappingProxyType(
    {
        90: 91,
        93: 89,
        95: 96,
        212: 213,
        348: 349,
        350: 351,
        352: 353,
        354: 355,
        356: 357,
        358: 359,
        360: 361,
        362: 363,
        364: 365,
        445: 446,
        618: 619,
        621: 622,
    }
)
"""Data fields by the field that tells their length; their bytes may hold the separator."""
_ADLER_BYTES: Final = 256
_PLAIN_TAGS: Final = {b"%d" % tag: tag for tag in range(1, 10_000) if tag not in DATA_FIELDS}
"""Tags of fields behind which the next one begins at the next separator, by their text."""
_START: Final = b"8=FIX"
_HEAD: Final = re.compile(rb"8=([^\x01=]{1,16})\x019=([0-9]{1,10})\x01")
_HEAD_BYTES_MAX: Final = len("8=") + 16 + len("\x019=") + 10 + len("\x01")
_TAG: Final = re.compile(rb"[1-9][0-9]{0,8}")
_TRAILER: Final = re.compile(rb"10=([0-9]{3})\x01")
_SECRET: Final = re.compile(rb"((?:^|[\x01|;])(?:%s)=)[^\x01|;]*" % b"|".join(b"%d" % tag for tag in sorted(SECRETS)))
_TYPE_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Flaw:
    """Say what is wrong with a field: SessionRejectReason, the tag, and a sentence."""

    reason: int
    tag: int
    text: str


@dataclass(frozen=True)
class Message:
    """Hold one message that is not garbled; its `repr` shows its kind and number, never a value.

    Args:
        raw: Its bytes as received.
        pairs: Every field in order, from 8 to 10.
        flaw: The first field that cannot be, or None.
    """

    raw: bytes
    pairs: tuple[tuple[int, bytes], ...]
    flaw: Flaw | None = None

    @cached_property
    def first(self) -> dict[int, bytes]:
        """Give the first value of every tag."""
        found: dict[int, bytes] = {}
        for tag, value in self.pairs:
            found.setdefault(tag, value)
        return found

    @property
    def begin_string(self) -> str:
        """Give BeginString (8)."""
        return self.text(8)

    @property
    def msg_type(self) -> str:
        """Give MsgType (35)."""
        return self.text(35)

    def text(self, tag: int) -> str:
        """Give the first value of a tag; empty when there is none."""
        return self.first.get(tag, b"").decode("latin-1")

    def number(self, tag: int) -> int | None:
        """Give the first value of a tag as a whole number that is not negative; None when it is none."""
        value = self.first.get(tag, b"")
        return int(value) if value.isdigit() and len(value) <= len("999999999999999999") else None

    def __repr__(self) -> str:
        """Show kind, number and size."""
        return f"Message(35={self.msg_type[:_TYPE_SHOWN]!r}, 34={self.number(34)}, {len(self.raw)} bytes)"


@dataclass(frozen=True, slots=True)
class Garbled:
    """Hold bytes that are no message, and why: a sentence, and a code that begins with `bad_`."""

    raw: bytes = field(repr=False)
    reason: str
    code: str = BAD_HEAD


Frame: TypeAlias = Message | Garbled


def checksum(data: bytes) -> int:
    """Sum all bytes modulo 256 (FIX 4.4 Volume 1, "CheckSum Calculation").

    >>> checksum(b"8=FIX.4.4")
    32
    """
    # Adler-32 begins with 1 and adds bytes modulo 65521, which 256 bytes never reach: ten times as fast as `sum`.
    pieces = range(0, len(data), _ADLER_BYTES)
    return sum((zlib.adler32(data[at : at + _ADLER_BYTES]) & 0xFFFF) - 1 for at in pieces) & 0xFF


def encode(begin_string: str, pairs: Iterable[Pair]) -> bytes:
    r"""Write a message: BodyLength and CheckSum are computed; `pairs` begin with 35 and hold neither 8, 9 nor 10.

    Raises:
        Malformed: A value is empty or holds the separator where it may not.

    >>> encode("FIX.4.4", [(35, "0"), (34, "2")]).replace(SOH, b"|")
    b'8=FIX.4.4|9=10|35=0|34=2|10=166|'
    """
    body = b"".join([b"%d=%b\x01" % (tag, _value(tag, value)) for tag, value in pairs])
    message = b"8=%b\x019=%d\x01%b" % (begin_string.encode("latin-1"), len(body), body)
    return b"%b10=%03d\x01" % (message, checksum(message))


def _value(tag: int, value: str) -> bytes:
    try:
        written = value.encode("latin-1")
    except UnicodeEncodeError:
        detail = f"the value of tag {tag} holds a character that a FIX field cannot"
        raise Malformed(detail) from None
    if not written or (SOH in written and tag not in DATA_FIELDS.values()):
        detail = f"the value of tag {tag} is empty or holds the separator"
        raise Malformed(detail)
    return written


def masked(raw: bytes) -> bytes:
    r"""Give a message for logs: secrets are masked.

    >>> masked(b"35=A\x01553=me\x01554=secret\x01")
    b'35=A\x01553=***\x01554=***\x01'
    """
    return _SECRET.sub(rb"\1" + MASK, raw)


def decode(raw: bytes) -> Frame:
    """Read exactly one message.

    Args:
        raw: The whole message, from 8= to the separator behind CheckSum.
    """
    head = _HEAD.match(raw)
    if head is None:
        return Garbled(raw, "it does not begin with BeginString and BodyLength")
    if head.end() + int(head[2]) + TRAILER_BYTES != len(raw):
        found = len(raw) - head.end() - TRAILER_BYTES
        return Garbled(raw, f"BodyLength is {int(head[2])}, the body has {found} bytes", BAD_LENGTH)
    return _message(raw, head.end())


def _message(raw: bytes, body: int) -> Frame:
    """Read a message whose length is right; `body` is where its body begins."""
    end = len(raw) - TRAILER_BYTES
    trailer = _TRAILER.fullmatch(raw, end)
    if trailer is None or raw[end - 1 : end] != SOH:
        return Garbled(raw, "no CheckSum stands where BodyLength says", BAD_LENGTH)
    if int(trailer[1]) != checksum(raw[:end]):
        return Garbled(
            raw, f"CheckSum is {int(trailer[1]):03d}, the bytes sum to {checksum(raw[:end]):03d}", BAD_CHECKSUM
        )
    if not raw.startswith(b"35=", body):
        return Garbled(raw, "MsgType is not the third field")
    return _read(raw, end)


def _read(raw: bytes, end: int) -> Message:
    plain = _plain(raw, end)
    if plain is not None:
        return Message(raw, plain)
    pairs: list[tuple[int, bytes]] = []
    flaw: Flaw | None = None
    for tag, value, found in _fields(raw, end):
        flaw = flaw or found
        pairs.append((tag, value))
    if len(pairs) >= FIELDS_MAX:
        flaw = flaw or Flaw(WRONG_FORMAT, 0, f"more than {FIELDS_MAX} fields")
    pairs.append((10, raw[end + 3 : -1]))
    return Message(raw, tuple(pairs), flaw)


def _plain(raw: bytes, end: int) -> tuple[tuple[int, bytes], ...] | None:
    """Read fields that are all in order and hold no data; None leaves them to `_fields`, which gives the same."""
    pairs: list[tuple[int, bytes]] = []
    for part in raw[: end - 1].split(SOH):
        tag, _, value = part.partition(b"=")
        known = _PLAIN_TAGS.get(tag)
        if known is None or not value:
            return None
        pairs.append((known, value))
    pairs.append((10, raw[end + 3 : -1]))
    return tuple(pairs) if len(pairs) <= FIELDS_MAX else None


def _fields(raw: bytes, end: int) -> Iterator[tuple[int, bytes, Flaw | None]]:
    """Walk the fields up to the trailer; a flawed one comes with its flaw, with tag 0 where it has none."""
    at, length_of, length = 0, 0, 0
    for _ in range(FIELDS_MAX):
        if at >= end:
            return
        equals = raw.find(b"=", at, end)
        stop = raw.find(SOH, at, end)
        if equals < 0 or equals > stop or not _TAG.fullmatch(raw, at, equals):
            yield 0, raw[at:stop], Flaw(TAG_NOT_A_NUMBER, 0, "a field's tag is no number")
            at = stop + 1
            continue
        tag = int(raw[at:equals])
        if tag == length_of and raw[equals + 1 + length : equals + 2 + length] == SOH:
            stop = equals + 1 + length  # data may hold the separator
        value = raw[equals + 1 : stop]
        yield tag, value, None if value else Flaw(TAG_WITHOUT_VALUE, tag, f"tag {tag} has no value")
        length_of = DATA_FIELDS.get(tag, 0) if value.isdigit() else 0
        length = int(value) if length_of and len(value) < len(str(MESSAGE_BYTES_MAX)) + 1 else 0
        at = stop + 1


class Framer:
    """Take messages out of a stream of bytes, wherever it is cut.

    Args:
        message_bytes_max: Longest message that is taken.
    """

    def __init__(self, message_bytes_max: int = MESSAGE_BYTES_MAX) -> None:
        """Begin between two messages."""
        self._bytes_max = message_bytes_max
        self._buffer = bytearray()

    def __len__(self) -> int:
        """Count the bytes that wait for more; never more than one message and one read."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes in; give what is whole now, in order."""
        self._buffer += data
        frames: list[Frame] = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        buffer = self._buffer
        head = _HEAD.match(buffer)
        if head is None:
            return self._headless()
        length = int(head[2])
        if head.end() + length + TRAILER_BYTES > self._bytes_max:
            return self._skip(f"BodyLength is {length}; a message has at most {self._bytes_max} bytes", BAD_LENGTH)
        end = head.end() + length + TRAILER_BYTES
        if len(buffer) < end:
            return None
        raw = bytes(buffer[:end])
        if (
            _TRAILER.fullmatch(raw, end - TRAILER_BYTES) is None
            or raw[end - TRAILER_BYTES - 1 : end - TRAILER_BYTES] != SOH
        ):
            return self._skip("no CheckSum stands where BodyLength says", BAD_LENGTH)
        del buffer[:end]
        return _message(raw, head.end())

    def _headless(self) -> Garbled | None:
        """Wait where a head may still come; skip where none can."""
        buffer = self._buffer
        begins = buffer.startswith(_START) or _START.startswith(buffer)
        if begins and len(buffer) < _HEAD_BYTES_MAX and not _broken(bytes(buffer)):
            return None
        return self._skip("it does not begin with BeginString and BodyLength")

    def _skip(self, reason: str, code: str = BAD_HEAD) -> Garbled | None:
        """Drop everything up to the next place where a message may begin."""
        buffer = self._buffer
        start = buffer.find(_START, 1)
        if start < 0:  # the last bytes may be the beginning of a beginning
            tail = next((size for size in range(len(_START) - 1, 0, -1) if buffer.endswith(_START[:size])), 0)
            start = len(buffer) - tail if len(buffer) > tail else len(buffer)
        raw = bytes(buffer[:start])
        del buffer[:start]
        return Garbled(raw, reason, code)


def _broken(head: bytes) -> bool:
    """Say whether no bytes can make a head of this any more."""
    parts = head.split(SOH)
    if len(parts) > 2:  # noqa: PLR2004 - both fields are whole, and yet no head
        return True
    second = parts[1] if len(parts) > 1 else b"9="
    return not (b"9=".startswith(second) or (second.startswith(b"9=") and (second[2:] or b"0").isdigit()))
