"""Bytes that several functions of a process hear are decoded once; what is remembered is bounded."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from functions.wire.codecs.once import Once
from functions.wire.errors import Malformed


class Decoder:
    """Count how often bytes are decoded; refuse those that begin with `!`."""

    def __init__(self) -> None:
        """Start with nothing decoded."""
        self.decoded: list[bytes] = []

    def __call__(self, data: bytes) -> list[bytes]:
        """Wrap the bytes."""
        self.decoded.append(data)
        if data.startswith(b"!"):
            message = "no batch"
            raise Malformed(message)
        return [data]


def fresh(text: str) -> bytes:
    """Make bytes that are no other object."""
    return text.encode() + b"."


def test_same_object_is_decoded_once() -> None:
    """Whoever comes second with the same bytes object gets the same value."""
    decoder = Decoder()
    read, data = Once(decoder), fresh("a")
    assert read(data) is read(data)
    assert decoder.decoded == [data]


def test_equal_bytes_are_decoded_anew() -> None:
    """Equal bytes in another object are other bytes."""
    decoder = Decoder()
    read = Once(decoder)
    assert read(fresh("a")) == read(fresh("a"))
    assert len(decoder.decoded) == 2


def test_bounded() -> None:
    """The value read first is forgotten first, and read again when it is asked for."""
    decoder = Decoder()
    read, data = Once(decoder, values_max=2), [fresh(text) for text in "abc"]
    for one in (*data, data[1], data[0]):
        assert read(one) == [one]
    assert decoder.decoded == [*data, data[0]]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A column in a value."""

    column: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A value of parts."""

    name: str
    part: Part
    others: tuple[Part, ...]


def test_writer_tells_the_reader() -> None:
    """Whoever wrote the bytes tells what they say, and nobody decodes them."""
    decoder = Decoder()
    read, data, value = Once(decoder), fresh("a"), [b"said"]
    assert read.remember(data, value) is data
    assert read(data) is value
    assert not decoder.decoded


def test_told_values_are_read_only() -> None:
    """A value that is shared cannot be changed, however deep its columns lie, just as a decoded one cannot."""
    parts = [Part(np.zeros(2, np.int64)) for _ in range(3)]
    Once[Whole](lambda _: Whole("", parts[0], ())).remember(fresh("a"), Whole("a", parts[0], tuple(parts[1:])))
    assert not any(part.column.flags.writeable for part in parts)


def test_errors_are_not_remembered() -> None:
    """Bytes that cannot be read are refused each time."""
    decoder = Decoder()
    read, data = Once(decoder), fresh("!")
    for _ in range(2):
        with pytest.raises(Malformed):
            read(data)
    assert len(decoder.decoded) == 2
