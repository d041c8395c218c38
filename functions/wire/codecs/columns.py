"""Write and read the packed columns of a message: fields of bytes with one little-endian number a row, rows alike."""

from operator import attrgetter
from typing import Any, Final

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from functions.wire.errors import Malformed

U1: Final = np.dtype("<u1")
U2: Final = np.dtype("<u2")
U8: Final = np.dtype("<u8")
I4: Final = np.dtype("<i4")
I8: Final = np.dtype("<i8")
F8: Final = np.dtype("<f8")


class Columns:
    """Name the columns that a message and a domain class share.

    They go through `map` and `zip` as a whole: batches are short, so what costs is each step taken, not each row.

    Args:
        columns: Name and dtype of each, at least two.
    """

    def __init__(self, *columns: tuple[str, np.dtype[Any]]) -> None:
        """Prepare what is the same for every batch."""
        self.names = tuple(name for name, _ in columns)
        self._dtypes = [dtype for _, dtype in columns]
        self._sizes = [dtype.itemsize for _, dtype in columns]
        self._all = attrgetter(*self.names)

    def pack(self, value: object) -> dict[str, bytes]:
        """Write the columns of a domain value, row by row, as fields by name."""
        columns = self._all(value)
        if [column.dtype for column in columns] != self._dtypes:
            columns = tuple(column.astype(dtype) for column, dtype in zip(columns, self._dtypes, strict=True))
        return dict(zip(self.names, [column.tobytes() for column in columns], strict=True))

    def unpack(self, message: Message) -> dict[str, NDArray[Any]]:
        """Read the columns of a message without a copy; the first one's length is the number of rows.

        Raises:
            Malformed: A column holds another number of entries.
        """
        packed = self._all(message)
        rows = len(packed[0]) // self._sizes[0]
        if [*map(len, packed)] != [rows * size for size in self._sizes]:
            for name, data, dtype in zip(self.names, packed, self._dtypes, strict=True):
                unpack(name, data, dtype, rows)
        return dict(zip(self.names, map(np.frombuffer, packed, self._dtypes), strict=True))


def unpack_if_any(name: str, data: bytes, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """Read a column that is left out when it has nothing to say: `count` entries or none.

    Raises:
        Malformed: The bytes hold another number of entries.
    """
    return unpack(name, data, dtype, count if data else 0)


def unpack(name: str, data: bytes, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """Read a column of `count` entries without a copy.

    Raises:
        Malformed: The bytes hold another number of entries.
    """
    if len(data) != count * dtype.itemsize:
        detail = f"column {name} has {len(data)} bytes, {count} entries of {dtype.itemsize} were expected"
        raise Malformed(detail)
    return np.frombuffer(data, dtype)
