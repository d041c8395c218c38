"""Whatever is changed inside a message that was sent once, its reader reads it or refuses it as malformed.

Bytes at random are hardly ever a message; what is changed here are fields of the events of the last release.
"""

import importlib
import inspect
import pkgutil
import random
import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from counts import examples
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from released import FOLDER, heard

from functions.local.archive import open_archive
from functions.wire import codecs
from functions.wire.codecs.report_due import PING, REPORT_DUE
from functions.wire.errors import Malformed

RANGES: Final = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_ENUM: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
INTEGERS: Final = (0, 1, -1, 7, 255, 2**31 - 1, -(2**31), 2**32 - 1, 10**18, 2**63 - 1, -(2**63))
FLOATS: Final = (0.0, -1.0, 1e308, 5e-324, float("nan"), float("inf"), float("-inf"))
NO_NUMBER: Final = re.compile(r"\b(nan|inf)\b")
TEXTS: Final = ("", "x", "\0", "NaN", "-1", "1e400", "9" * 400, "é", "0.00", "2024-13-40")
ENTRIES: Final = (b"\xff" * 8, b"\0" * 7 + b"\x80", b"\xff" * 7 + b"\x7f", b"\0" * 6 + b"\xf8\x7f")


def _readers() -> dict[str, Callable[[bytes], object]]:
    """Find the reader of each message by its name: `decode_bar_batch` reads a BarBatch."""
    found: dict[str, Callable[[bytes], object]] = {}
    for one in pkgutil.iter_modules(codecs.__path__):
        module = importlib.import_module(f"{codecs.__name__}.{one.name}")
        found |= {name.removeprefix("decode_"): made for name, made in inspect.getmembers(module, inspect.isfunction)}
    return found


READERS: Final = _readers()
EVENTS: Final[dict[str, list[bytes]]] = {}
for _broker in heard():
    for _record in open_archive(FOLDER).records(_broker):
        EVENTS.setdefault(_record.event.type, []).append(_record.event.data or b"")


def reader_of(kind: str) -> Callable[[bytes], object] | None:
    """Give the reader of a type's bytes; None where it is the event that is read."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.rpartition(".")[2]).lower()
    made = READERS.get(re.sub("^feed_|_detected$", "", name))
    return made if made and "data" in inspect.signature(made).parameters else None


TYPES: Final = sorted(kind for kind in EVENTS if reader_of(kind))


def test_all_are_damaged() -> None:
    """What is damaged below is all that travels, but for what says all it has to say in its attributes."""
    assert set(EVENTS) - set(TYPES) == {PING, REPORT_DUE}


@pytest.mark.parametrize("kind", TYPES)
def test_changed_fields(kind: str) -> None:
    """A message with some of its fields changed is read, without a NaN or an infinity, or refused as malformed."""
    draw, reader = random.Random(kind), reader_of(kind)  # noqa: S311 - the same damage in every run
    made = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(kind))
    assert reader is not None
    refused = 0
    for _ in range(examples(4_000)):
        message = made.FromString(draw.choice(EVENTS[kind]))
        for place in draw.choices(_fields(message), k=2):
            _change(draw, *place)
        try:
            read = repr(reader(message.SerializeToString()))
        except Malformed:
            refused += 1
        else:
            assert NO_NUMBER.search(read) is None
    assert refused


def _fields(message: Message) -> list[tuple[Message, FieldDescriptor]]:
    """List every field that is set, those of messages inside too, with the message it is in."""
    found = []
    for field, value in message.ListFields():
        found.append((message, field))
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for one in value if field.is_repeated else (value,):
                found += _fields(one)
    return found


def _change(draw: random.Random, message: Message, field: FieldDescriptor) -> None:
    value = getattr(message, field.name)
    if field.type == FieldDescriptor.TYPE_MESSAGE or not value or draw.random() < 0.2:
        message.ClearField(field.name)
    elif field.is_repeated:
        at = draw.randrange(len(value))
        kept = [*value[:at], _other(draw, field, value[at]), *value[at + 1 : at + 1 + draw.randrange(len(value))]]
        message.ClearField(field.name)
        value.extend(kept)
    else:
        setattr(message, field.name, _other(draw, field, value))


def _other(draw: random.Random, field: FieldDescriptor, value: Any) -> Any:  # noqa: ANN401 - any field's
    if field.type == FieldDescriptor.TYPE_BYTES:
        at = draw.randrange(0, len(value) + 1, 8)
        spoilt = value[:at] + draw.choice(ENTRIES) + value[at + 8 :]
        return draw.choice((value[:-1], value[8:], value + b"\0" * 8, spoilt))
    if field.cpp_type in RANGES:
        least, most = RANGES[field.cpp_type]
        return draw.choice([one for one in INTEGERS if least <= one <= most])
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return draw.choice(TEXTS)
    return not value if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else draw.choice(FLOATS)
