"""Bytes that several functions of a process hear are decoded once; what is remembered is bounded."""

import pytest

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


def test_errors_are_not_remembered() -> None:
    """Bytes that cannot be read are refused each time."""
    decoder = Decoder()
    read, data = Once(decoder), fresh("!")
    for _ in range(2):
        with pytest.raises(Malformed):
            read(data)
    assert len(decoder.decoded) == 2
