"""Keep a broker's events in order: offsets, cursors and table states, in memory or in a SQLite file and its bodies'.

What is appended is visible to readers at once and durable at the next `commit`. One commit writes events, cursors and
states in the order in which they were made, so whatever a crash leaves is a prefix of what happened.
"""

import asyncio
import contextlib
import pathlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Final, Protocol, TypeAlias

import msgspec

from functions.adapters.log_bodies import Bodies, Stored
from functions.adapters.log_history import read_row
from functions.wire.envelope import Event

TAIL_BYTES_MAX: Final = 64 * 1024 * 1024
MEMORY_BYTES_MAX: Final = 12 * 1024**3
READ_EVENTS_MAX: Final = 64
"""Events a reader takes in one turn. It goes through them without a pause, for what it works with is then at hand in
the processor's caches; many more would keep the others waiting."""

WAL_PAGES_MAX: Final = 1000

Passes: TypeAlias = Callable[[Event], bool]
"""Shown an event, say whether the reader that sleeps is done with it; if so, it has stepped over it itself."""


def _stops(_: Event) -> bool:
    """Pass over nothing."""
    return False


_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS events (
  offset INTEGER PRIMARY KEY, recorded_ns INTEGER NOT NULL, type TEXT NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL,
  attributes BLOB NOT NULL, data BLOB);  -- of larger data the place among the bodies, an integer
CREATE TABLE IF NOT EXISTS cursors (subscription TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS states (
  owner TEXT NOT NULL, key TEXT NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (owner, key)) WITHOUT ROWID;
"""
_COLUMNS: Final = "offset, recorded_ns, type, source, id, attributes, data"

_pack: Final = msgspec.msgpack.Encoder().encode


class LogFullError(RuntimeError):
    """A log that lives in memory has reached its bound."""


class EventLog(Protocol):
    """A broker's events by offset, with the cursors and states of those who read it."""

    head: int
    cursors: dict[str, int]

    def append(self, event: Event) -> int:
        """Add an event at the head; return when it was recorded, UTC nanoseconds."""
        ...

    def read(self, offset: int, limit: int = READ_EVENTS_MAX) -> list[Event]:
        """Read events from an offset on, oldest first, at most `limit`."""
        ...

    def scan(self, start: int = 0) -> Iterator[tuple[int, int, Event]]:
        """Read (offset, recorded_ns, event) from an offset to the head."""
        ...

    def last_from(self, source: str) -> Event | None:
        """Find the newest event whose source begins like this."""
        ...

    async def wait(self, offset: int, passes: Passes = _stops) -> None:
        """Return once there is an event at `offset` or behind it that the reader does not pass over."""
        ...

    async def durable(self) -> None:
        """Return once everything appended so far is committed."""
        ...

    def put_state(self, owner: str, key: str, blob: bytes) -> None:
        """Remember a state with the next commit."""
        ...

    def states(self, owner: str) -> dict[str, bytes]:
        """Read the committed states of an owner by key."""
        ...

    def commit(self) -> None:
        """Make everything up to now durable."""
        ...

    def close(self) -> None:
        """Commit and let go."""
        ...


class _Sleepers:
    """Those who wait at the head; waking one costs more than asking whether the event is for it."""

    def __init__(self) -> None:
        self._all: list[tuple[asyncio.Future[None], Passes]] = []

    def tell(self, event: Event) -> None:
        """Wake whoever does not pass over the event."""
        asleep = []
        for sleeper in self._all:
            waiter, passes = sleeper
            if waiter.done():  # its task was cancelled
                continue
            if passes(event):
                asleep.append(sleeper)
            else:
                waiter.set_result(None)
        self._all = asleep

    async def wait(self, passes: Passes) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._all.append((waiter, passes))
        await waiter


class _Tail:
    """The newest events, bounded in bytes."""

    def __init__(self, head: int) -> None:
        self.first = head
        self.events: list[Event] = []
        self._bytes = 0

    def add(self, event: Event) -> None:
        self.events.append(event)
        self._bytes += len(event.data or b"")

    def trim(self, bytes_max: int) -> None:
        if self._bytes <= bytes_max:
            return
        drop = 0
        while self._bytes > bytes_max // 2 and drop < len(self.events):
            self._bytes -= len(self.events[drop].data or b"")
            drop += 1
        del self.events[:drop]
        self.first += drop


class MemoryLog:
    """Keep everything in memory, for pure replays; a crash loses it."""

    def __init__(self) -> None:
        """Start empty."""
        self.head = 0
        self.cursors: dict[str, int] = {}
        self._events: list[Event] = []
        self._recorded: list[int] = []
        self._states: dict[tuple[str, str], bytes] = {}
        self._sleepers = _Sleepers()
        self._bytes = 0

    def append(self, event: Event) -> int:
        """See EventLog."""
        self._bytes += len(event.data or b"")
        if self._bytes > MEMORY_BYTES_MAX:
            msg = f"the log in memory holds {MEMORY_BYTES_MAX} bytes, its bound; use --log disk for longer runs"
            raise LogFullError(msg)
        recorded_ns = time.time_ns()
        self._events.append(event)
        self._recorded.append(recorded_ns)
        self.head += 1
        self._sleepers.tell(event)
        return recorded_ns

    def read(self, offset: int, limit: int = READ_EVENTS_MAX) -> list[Event]:
        """See EventLog."""
        return self._events[offset : offset + limit]

    def scan(self, start: int = 0) -> Iterator[tuple[int, int, Event]]:
        """See EventLog."""
        for offset in range(start, self.head):
            yield offset, self._recorded[offset], self._events[offset]

    def last_from(self, source: str) -> Event | None:
        """See EventLog."""
        return next((event for event in reversed(self._events) if event.source.startswith(source)), None)

    async def wait(self, offset: int, passes: Passes = _stops) -> None:
        """See EventLog."""
        if self.head <= offset:
            await self._sleepers.wait(passes)

    async def durable(self) -> None:
        """See EventLog; memory has nothing to wait for."""

    def put_state(self, owner: str, key: str, blob: bytes) -> None:
        """See EventLog."""
        self._states[owner, key] = blob

    def states(self, owner: str) -> dict[str, bytes]:
        """See EventLog."""
        return {key: blob for (who, key), blob in self._states.items() if who == owner}

    def commit(self) -> None:
        """See EventLog; memory has nothing to do."""

    def close(self) -> None:
        """See EventLog; memory has nothing to do."""


class DiskLog:
    """Keep everything in one SQLite file (WAL) and the file of its larger bodies, the newest events in memory as well.

    `synchronous=OFF` survives the death of the process, not of the machine.
    """

    def __init__(self, path: pathlib.Path) -> None:
        """Open the files, or make them.

        Raises:
            BodiesCutError: The file of bodies ends before the newest one.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript(
            f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint={WAL_PAGES_MAX}; {_SCHEMA}"
        )
        (last,) = self._database.execute("SELECT max(offset) FROM events").fetchone()
        self.head = 0 if last is None else last + 1
        self.cursors: dict[str, int] = dict(self._database.execute("SELECT subscription, next FROM cursors"))
        self._saved = dict(self.cursors)
        self._tail = _Tail(self.head)
        self._sleepers = _Sleepers()
        newest = self._database.execute(
            "SELECT data FROM events WHERE typeof(data) = 'integer' ORDER BY offset DESC LIMIT 1"
        ).fetchone()
        self._bodies = Bodies(path)
        self._bodies.begin(newest[0] if newest else 0)
        self._rows: list[tuple[int, int, str, str, str, bytes, Stored]] = []
        self._dirty: dict[tuple[str, str], bytes] = {}
        self._durable: list[asyncio.Future[None]] = []

    def append(self, event: Event, recorded_ns: int = 0) -> int:
        """See EventLog; a log that is restored says when an event was recorded first."""
        recorded_ns = recorded_ns or time.time_ns()
        attributes = _pack(
            (event.time_ns, event.subject, event.datacontenttype, event.dataschema, dict(event.extensions))
        )
        stored = self._bodies.put(event.data)
        self._rows.append((self.head, recorded_ns, event.type, event.source, event.id, attributes, stored))
        self.head += 1
        self._tail.add(event)
        self._sleepers.tell(event)
        return recorded_ns

    def read(self, offset: int, limit: int = READ_EVENTS_MAX) -> list[Event]:
        """See EventLog."""
        start = offset - self._tail.first
        if start >= 0:
            return self._tail.events[start : start + limit]
        stored = self._database.execute(
            "SELECT type, source, id, attributes, data FROM events WHERE offset >= ? ORDER BY offset LIMIT ?",
            (offset, min(limit, -start)),
        )
        return [read_row(self._bodies, *row) for row in stored]

    def scan(self, start: int = 0) -> Iterator[tuple[int, int, Event]]:
        """See EventLog; what is not committed yet is not seen."""
        stored = self._database.execute(
            f"SELECT {_COLUMNS} FROM events WHERE offset >= ? ORDER BY offset",  # noqa: S608 - our own words
            (start,),
        )
        for offset, recorded_ns, *row in stored:
            yield offset, recorded_ns, read_row(self._bodies, *row)

    def last_from(self, source: str) -> Event | None:
        """See EventLog; what is not committed yet is not seen."""
        found = self._database.execute(
            "SELECT type, source, id, attributes, data FROM events WHERE source GLOB ? ORDER BY offset DESC LIMIT 1",
            (f"{source}*",),
        ).fetchone()
        return read_row(self._bodies, *found) if found else None

    async def wait(self, offset: int, passes: Passes = _stops) -> None:
        """See EventLog."""
        if self.head <= offset:
            await self._sleepers.wait(passes)

    async def durable(self) -> None:
        """See EventLog."""
        if not self._rows:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._durable.append(waiter)
        await waiter

    def put_state(self, owner: str, key: str, blob: bytes) -> None:
        """See EventLog."""
        self._dirty[owner, key] = blob

    def states(self, owner: str) -> dict[str, bytes]:
        """See EventLog."""
        return dict(self._database.execute("SELECT key, blob FROM states WHERE owner = ?", (owner,)))

    def commit(self) -> None:
        """See EventLog."""
        moved = [(name, at) for name, at in self.cursors.items() if self._saved.get(name) != at]
        if not (self._rows or moved or self._dirty):
            return
        self._bodies.flush()
        database = self._database
        database.execute("BEGIN")
        database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", self._rows)
        database.executemany("INSERT OR REPLACE INTO cursors VALUES (?, ?)", moved)
        database.executemany(
            "INSERT OR REPLACE INTO states VALUES (?, ?, ?)",
            [(owner, key, blob) for (owner, key), blob in self._dirty.items()],
        )
        database.execute("COMMIT")
        self._rows.clear()
        self._dirty.clear()
        self._saved.update(moved)
        self._tail.trim(TAIL_BYTES_MAX)
        for waiter in self._durable:
            if not waiter.done():
                waiter.set_result(None)
        self._durable.clear()

    def close(self) -> None:
        """See EventLog."""
        self.commit()
        self._database.close()
        self._bodies.close()


def find(
    path: pathlib.Path, *, where: str = "1", values: tuple[object, ...] = (), newest: int = 0, bodies: bool = True
) -> list[tuple[int, int, Event]]:
    """Read events of a log file, also while a platform writes it, without changing anything.

    Args:
        path: The log's file.
        where: SQL condition over offset, recorded_ns, type, source, id; values go through `values`.
        values: Values for the condition's question marks.
        newest: At most so many, the newest; 0 for all.
        bodies: Whether to read their data, which is most of a log.
    """
    columns = _COLUMNS if bodies else _COLUMNS.replace(", data", ", NULL")
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        order = "DESC LIMIT ?" if newest else "ASC LIMIT ?"
        stored = database.execute(
            # Conditions are written in this project, values are bound.
            f"SELECT {columns} FROM events WHERE {where} ORDER BY offset {order}",  # noqa: S608
            (*values, newest or -1),
        ).fetchall()
    finally:
        database.close()
    with contextlib.closing(Bodies(path)) as kept:
        events = [(offset, recorded_ns, read_row(kept, *row)) for offset, recorded_ns, *row in stored]
    return events[::-1] if newest else events


def positions(path: pathlib.Path) -> tuple[dict[str, int], dict[tuple[str, str], bytes]]:
    """Read how far each reader of a log file has come, and the tables' states of the same moment, by owner and key."""
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        database.execute("BEGIN")
        cursors = dict(database.execute("SELECT subscription, next FROM cursors"))
        states = {(owner, key): blob for owner, key, blob in database.execute("SELECT owner, key, blob FROM states")}
    finally:
        database.close()
    return cursors, states
