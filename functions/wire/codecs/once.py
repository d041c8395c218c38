"""Decode an event's bytes once for all who read them in one process, and not at all where they were written in it."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

import numpy as np

VALUES_MAX: Final = 256
"""Values remembered: as many as the slowest of those who hear an event may be behind the feed (`LAG_EVENTS_MAX` of the
platform); who comes later decodes it again."""

_PLAIN: Final = frozenset((str, int, float, bool, bytes, type(None)))

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
        self._keep(data, value)
        return value

    def known(self, data: bytes) -> T | None:
        """Give the value of bytes that were read or written before; None when they must be decoded first."""
        found = self._values.get(id(data))
        return None if found is None else found[1]

    def remember(self, data: bytes, value: T) -> bytes:
        """Take note of what bytes say, from whoever just wrote them; its arrays are read-only from now on.

        Returns:
            The bytes.
        """
        _seal(value)
        self._keep(data, value)
        return data

    def _keep(self, data: bytes, value: T) -> None:
        if len(self._values) >= self._values_max:
            del self._values[next(iter(self._values))]
        self._values[id(data)] = (data, value)


def _seal(value: object) -> None:
    """Make the arrays of a value read-only, as those that look into bytes are."""
    for name in getattr(value, "__slots__", ()):
        part = getattr(value, name)
        kind = type(part)
        if kind is np.ndarray:  # most are
            part.setflags(False)  # noqa: FBT003 - by name it takes twice the time
        elif kind in _PLAIN:
            continue
        elif not isinstance(part, tuple):
            _seal(part)
        elif part and type(part[0]) not in _PLAIN:  # it is of one type, and the names of features are hundreds of words
            for one in part:
                _seal(one)
