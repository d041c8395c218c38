"""Look up events in the logs of a platform's folder, one SQLite file a broker, also while a platform writes them.

A log has no index but its offsets, and a signal's event names only the id of its cause. So signals are remembered by
their ids, read on from where the last look ended; a cause was recorded before its effect, and is searched backwards
from there.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from functions.adapters.log_bodies import Bodies, Stored
from functions.ports.errors import Unavailable
from functions.ports.history import Placed
from functions.wire.codecs.signals import SIGNAL
from functions.wire.envelope import Event, ExtensionValue
from functions.wire.facts import sequence_of

SEARCHED_MAX: Final = 65_536
"""Most events of a log that are looked at for one cause; on a busy desk it lies some dozens before its effect."""
FIRST_SEARCHED: Final = 32
REORDER_MAX: Final = 4_096
"""How far behind a batch in the log an earlier one of its source may lie."""
SIGNALS_MAX: Final = 1_048_576
"""Most signals that are remembered, the newest."""
DESK: Final = "desk"
DEAD_LETTERS: Final = "-dead-letters"

EVENT_COLUMNS: Final = "type, source, id, attributes, data"

_Attributes: TypeAlias = tuple[int | None, str | None, str | None, str | None, dict[str, ExtensionValue]]
# MessagePack tells text, bytes, integers and booleans apart by itself; msgspec knows no such union.
_unpack: Final[Callable[[bytes], _Attributes]] = msgspec.msgpack.Decoder(
    tuple[int | None, str | None, str | None, str | None, dict[str, Any]]
).decode


def read_row(bodies: Bodies, type_: str, source: str, id_: str, attributes: bytes, data: Stored) -> Event:  # noqa: PLR0913, PLR0917 - a row
    """Read an event from its row (`EVENT_COLUMNS`)."""
    time_ns, subject, datacontenttype, dataschema, extensions = _unpack(attributes)
    return Event(
        id=id_,
        source=source,
        type=type_,
        data=bodies.get(data),
        time_ns=time_ns,
        subject=subject,
        datacontenttype=datacontenttype,
        dataschema=dataschema,
        extensions=MappingProxyType(extensions),
    )


class LogHistory:
    """Port `EventHistory` over a folder's logs; dead letters are left out.

    Args:
        folder: Folder of the platform.
    """

    def __init__(self, folder: Path) -> None:
        """Open nothing."""
        self._folder = folder
        self._lock = Lock()
        self._signals: dict[str, tuple[str, int]] = {}
        self._read: dict[str, tuple[int, str]] = {}

    async def signal(self, id_: str) -> Placed | None:
        """Give the event of a signal by its id; see `EventHistory`."""
        return await asyncio.to_thread(self._signal, id_)

    async def causes(self, effect: Placed, most: int) -> Sequence[Placed]:
        """Follow an event's causes back; see `EventHistory`."""
        return await asyncio.to_thread(self._causes, effect, most)

    async def before(self, last: Placed, since: int) -> Sequence[Event]:
        """Give the events of the same type and source before another; see `EventHistory`."""
        return await asyncio.to_thread(self._before, last, since)

    async def close(self) -> None:
        """Do nothing: no file is kept open."""

    def _signal(self, id_: str) -> Placed | None:
        with self._opened() as logs, self._lock:
            for log in logs:
                self._read_on(log)
                broker, offset = self._signals.get(id_, ("", 0))
                if broker == log.broker:
                    return log.at(offset)
        return None

    def _read_on(self, log: "_Log") -> None:
        """Remember the signals that came since the last look; a log that lost what was read last is another one."""
        start, last = self._read.get(log.broker, (0, ""))
        if start and log.id_at(start - 1) != last:
            start, self._signals = 0, {id_: at for id_, at in self._signals.items() if at[0] != log.broker}
        head = log.head()
        self._signals |= {id_: (log.broker, offset) for id_, offset in log.signals(start, head)}
        self._read[log.broker] = head, log.id_at(head - 1)
        for id_ in list(self._signals)[: max(len(self._signals) - SIGNALS_MAX, 0)]:
            del self._signals[id_]

    def _causes(self, effect: Placed, most: int) -> Sequence[Placed]:
        found: list[Placed] = []
        with self._opened() as logs:
            while len(found) < most:
                of = found[-1] if found else effect
                id_ = str(of.event.extensions.get("causationid", ""))
                cause = _search(logs, id_, of) if id_ else None
                if cause is None:
                    break
                found.append(cause)
        return found

    def _before(self, last: Placed, since: int) -> Sequence[Event]:
        with self._opened() as logs:
            (log,) = [one for one in logs if one.broker == last.broker]
            events = log.before(last, since)
        return [events[number] for number in sorted(events)]

    @contextmanager
    def _opened(self) -> Iterator[Sequence["_Log"]]:
        """Open the logs, the desk's first, for what is explained came from there.

        Raises:
            Unavailable: There is none, or one cannot be read.
        """
        found = (self._folder / "log").glob("*.sqlite")
        paths = [path for path in found if not path.stem.endswith(DEAD_LETTERS)]
        if not paths:
            message = f"there are no logs of a platform in {self._folder}"
            raise Unavailable(message)
        with ExitStack() as stack:
            try:
                ordered = sorted(paths, key=lambda path: (path.stem != DESK, path.stem))
                yield [stack.enter_context(closing(_Log(path))) for path in ordered]
            except (sqlite3.Error, OSError) as error:
                message = f"the logs in {self._folder} cannot be read: {error}"
                raise Unavailable(message) from error


class _Log:
    """One broker's log, opened when it is first read."""

    def __init__(self, path: Path) -> None:
        self.broker = path.stem
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._bodies = Bodies(path)

    def close(self) -> None:
        self._bodies.close()
        if self._connection is not None:
            self._connection.close()

    @property
    def _database(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)
        return self._connection

    def head(self) -> int:
        return int(self._one("SELECT coalesce(max(offset) + 1, 0) FROM events"))

    def id_at(self, offset: int) -> str:
        """Give the id of the event at an offset; empty when there is none."""
        found = self._database.execute("SELECT id FROM events WHERE offset = ?", (offset,)).fetchone()
        return str(found[0]) if found else ""

    def signals(self, start: int, head: int) -> sqlite3.Cursor:
        rows = "SELECT id, offset FROM events WHERE offset >= ? AND offset < ? AND type = ?"
        return self._database.execute(rows, (start, head, SIGNAL))

    def at(self, offset: int) -> Placed:
        rows = f"SELECT recorded_ns, {EVENT_COLUMNS} FROM events WHERE offset = ?"  # noqa: S608 - our own words
        recorded_ns, *row = self._database.execute(rows, (offset,)).fetchone()
        return Placed(read_row(self._bodies, *row), self.broker, offset, recorded_ns)

    def find(self, id_: str, lower: int, upper: int) -> Placed | None:
        """Find an event between two offsets."""
        rows = "SELECT offset FROM events WHERE offset >= ? AND offset < ? AND id = ?"
        found = self._database.execute(rows, (lower, upper, id_)).fetchone()
        return self.at(found[0]) if found else None

    def upper(self, effect: Placed) -> int:
        """Say before which offset the causes of an event lie: its own, else by when it was recorded."""
        if effect.broker == self.broker:
            return effect.offset
        lower, upper = 0, self.head()
        while lower < upper:
            middle = (lower + upper) // 2
            recorded_ns = self._one("SELECT recorded_ns FROM events WHERE offset >= ? ORDER BY offset LIMIT 1", middle)
            lower, upper = (middle + 1, upper) if recorded_ns <= effect.recorded_ns else (lower, middle)
        return lower

    def before(self, last: Placed, since: int) -> dict[int, Event]:
        """Read what lies before an event, newest first, and then, if numbers are missing, a little behind it."""
        upto, own = sequence_of(last.event), (last.event.type, last.event.source)
        rows = f"SELECT offset, {EVENT_COLUMNS} FROM events WHERE type = ? AND source = ? "  # noqa: S608 - as above
        events: dict[int, Event] = {}
        end = 0
        for offset, *row in self._database.execute(f"{rows} AND offset < ? ORDER BY offset DESC", (*own, last.offset)):
            if len(events) == upto - since or offset < end:
                break
            event = read_row(self._bodies, *row)
            number = sequence_of(event)
            if since <= number < upto:
                events.setdefault(number, event)
            elif number < since:
                end = max(end, offset - REORDER_MAX)
        behind = (*own, last.offset, last.offset + REORDER_MAX)
        missing = len(events) < upto - since
        for _, *row in self._database.execute(f"{rows} AND offset > ? AND offset < ?", behind) if missing else ():
            event = read_row(self._bodies, *row)
            if since <= (number := sequence_of(event)) < upto:
                events.setdefault(number, event)
        return events

    def _one(self, query: str, *values: int) -> int:
        return int(self._database.execute(query, values).fetchone()[0])


def _search(logs: Sequence[_Log], id_: str, effect: Placed) -> Placed | None:
    """Search logs backwards from where an effect lies, its own first, all of them in ever longer steps."""
    ordered = sorted(logs, key=lambda log: log.broker != effect.broker)
    upper: dict[str, int] = {}
    step, searched = FIRST_SEARCHED, 0
    while searched < SEARCHED_MAX and (not upper or any(upper.values())):
        for log in ordered:
            end = upper[log.broker] if log.broker in upper else log.upper(effect)
            upper[log.broker] = max(end - step, 0)
            found = log.find(id_, upper[log.broker], end)
            if found is not None:
                return found
        searched, step = searched + step, step * 4
    return None
