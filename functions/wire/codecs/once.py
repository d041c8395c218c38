"""Decode an event's bytes once for all who read them in one process."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

VALUES_MAX: Final = 64
"""Values remembered: those who hear an event read it soon after each other, and who comes later decodes it again."""

T = TypeVar("T")


class Once(Generic[T]):
    """Give the value of bytes that were decoded before, if they are the same object.

    In one process all who hear an event are given the same bytes. Values are frozen and their arrays read-only, so
    that sharing them is safe; equal bytes in another object are decoded anew.

    Args:
        decode: Reads bytes.
        values_max: Most values remembered; the one read first is forgotten first.

    >>> read = Once(bytes.decode)
    >>> data = bytes(b"bars")
    >>> read(data) is read(data)
    True
    """

    def __init__(self, decode: Callable[[bytes], T], *, values_max: int = VALUES_MAX) -> None:
        """Start with nothing remembered."""
        self._decode = decode
        self._values_max = values_max
        self._values: dict[int, tuple[bytes, T]] = {}

    def __call__(self, data: bytes) -> T:
        """Read bytes; raises what decoding them raises, every time."""
        known = self._values.get(id(data))  # the bytes are kept, so that nothing else gets their id
        if known is not None:
            return known[1]
        value = self._decode(data)
        if len(self._values) >= self._values_max:
            del self._values[next(iter(self._values))]
        self._values[id(data)] = (data, value)
        return value
