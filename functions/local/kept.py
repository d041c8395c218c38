"""Find what was recorded since a time: in the logs of a platform's folder, or in a backup.

NotKeptError    nothing was recorded since then, or what was is not kept; the message says what to do
"""

import pathlib
from collections.abc import Iterator
from typing import Protocol

from functions.local.archive import Archive, Record
from functions.local.backups import read_log
from functions.local.log import find
from functions.wire.attributes import time_text


class NotKeptError(Exception):
    """Nothing was recorded since then, or what was is not kept; the message says what to do."""


class Kept(Protocol):
    """Events that were kept."""

    def records(self, log: str, *, since_ns: int = 0) -> Iterator[Record]:
        """Read what was recorded on a log since a time, of each partition by offset."""
        ...

    def check(self, log: str, since_ns: int, *, whole: bool) -> None:
        """See that something was recorded since a time, and is kept; `whole`: from the log's beginning on.

        Raises:
            NotKeptError: There is none, or what was recorded then is not kept any more.
        """
        ...


class KeptLogs:
    """The logs in a platform's folder, which keep everything."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Open nothing."""
        self._folder = folder / "log"

    def records(self, log: str, *, since_ns: int = 0) -> Iterator[Record]:
        """See Kept."""
        start = self._first(log, since_ns) if since_ns else 0
        return (one for one in read_log(self._path(log), start or 0) if one.recorded_ns >= since_ns)

    def check(self, log: str, since_ns: int, *, whole: bool) -> None:  # noqa: ARG002 - it always is
        """See Kept."""
        if self._first(log, since_ns) is None:
            raise _nothing(log, since_ns)

    def _first(self, log: str, since_ns: int) -> int | None:
        first = "offset = (SELECT min(offset) FROM events WHERE recorded_ns >= ?)"
        found = find(self._path(log), where=first, values=(since_ns,), bodies=False)
        return found[0][0] if found else None

    def _path(self, log: str) -> pathlib.Path:
        path = self._folder / f"{log}.sqlite"
        if not path.exists():
            msg = f"no log of {log} under {self._folder}; name a platform with --folder, or a backup with --from"
            raise NotKeptError(msg)
        return path


class KeptArchive:
    """A backup, whose oldest events a broker may have dropped before."""

    def __init__(self, archive: Archive) -> None:
        """Keep the archive, which was checked."""
        self._archive = archive

    def records(self, log: str, *, since_ns: int = 0) -> Iterator[Record]:
        """See Kept."""
        return self._archive.records(log, since_ns=since_ns)

    def check(self, log: str, since_ns: int, *, whole: bool) -> None:
        """See Kept; a partition that begins behind offset 0 lost what was before."""
        part = self._archive.manifest.logs.get(log)
        if part is None or all(one.recorded_to_ns < since_ns for one in part.segments):
            raise _nothing(log, since_ns)
        oldest = {one.partition: one for one in reversed(part.segments)}
        cut = max((one.recorded_from_ns for one in oldest.values() if one.first > 0), default=0)
        if cut > since_ns or (whole and cut):
            why = "and a table is folded from the beginning" if whole else "take a later --to"
            msg = f"{log} is kept since {time_text(cut)} only: {why}, or take an older backup"
            raise NotKeptError(msg)


def _nothing(log: str, time_ns: int) -> NotKeptError:
    return NotKeptError(f"nothing was recorded on {log} since {time_text(time_ns)}; take an earlier --to")
