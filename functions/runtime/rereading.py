"""Keep what a file says, and read it again when it changes: keys and grants are renewed without a restart.

Only files that are read whole live here. What cannot be read leaves what was read before.
"""

import pathlib
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from functions.runtime import logs

LOOK_S: Final = 1.0  # seconds between two looks at a file, so that a call does not pay for one
FILE_BYTES_MAX: Final = 1024 * 1024

T = TypeVar("T")

_log: Final = logs.logger("rereading")


class Reread(Generic[T]):
    """What a file says now.

    Attributes:
        version: Counts the changes that were taken.
    """

    def __init__(self, path: pathlib.Path, parse: Callable[[bytes], T], now: Callable[[], float]) -> None:
        """Read the file for the first time.

        Args:
            path: The file.
            parse: Reads its bytes, or raises ValueError.
            now: A clock, seconds.

        Raises:
            ValueError: It cannot be read; the message names the file.
        """
        self._path = path
        self._parse = parse
        self._now = now
        self._looked_s = now()
        self._mark = (0, 0, 0)
        self.version = 0
        try:
            self._mark = self._look()
            self._value = self._read()
        except (OSError, ValueError) as error:
            msg = f"{path} cannot be used: {error}"
            raise ValueError(msg) from error

    @property
    def value(self) -> T:
        """Give what the file says; one that changed is read again, at most once a second."""
        now_s = self._now()
        if abs(now_s - self._looked_s) >= LOOK_S:
            self._looked_s = now_s
            self._renew()
        return self._value

    def _renew(self) -> None:
        mark = self._mark
        try:
            mark = self._look()
            if mark == self._mark:
                return
            self._value = self._read()
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError):  # else it may be as good as ever and ours to read soon: it is tried again
                self._mark = mark
            _log.error("file_not_renewed", path=str(self._path), reason=str(error))
            return
        self._mark = mark
        self.version += 1
        _log.info("file_renewed", path=str(self._path))

    def _look(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self) -> T:
        with self._path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            msg = f"more than {FILE_BYTES_MAX} bytes"
            raise ValueError(msg)
        return self._parse(data)
