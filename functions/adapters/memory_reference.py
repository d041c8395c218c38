"""Keep instruments in memory: for tests, for a file's, and for whoever needs no store."""

from collections.abc import Iterable, Sequence

from functions.domain.loads import Changes, Update, take_in
from functions.domain.reference import Instrument, Status, with_status
from functions.ports.reference import Snapshot


class MemoryReference:
    """Know instruments as long as the process lives.

    Args:
        instruments: Those it knows from the start.
        name: What its versions are called before their number.
    """

    def __init__(self, instruments: Iterable[Instrument] = (), *, name: str = "memory") -> None:
        """Keep them by id."""
        self._known = {one.instrument_id: one for one in instruments}
        self._name = name
        self._number = 0

    async def version(self) -> str:
        """Name the version."""
        return f"{self._name}.{self._number}" if self._number else self._name

    async def look_up(self, ids: Sequence[str]) -> Snapshot:
        """Give what is known about instruments."""
        found = {name: self._known[name] for name in ids if name in self._known}
        return Snapshot(await self.version(), found)

    async def listed(self, venue: str) -> tuple[Instrument, ...]:
        """Give every instrument of a venue, ordered by id."""
        return tuple(self._known[name] for name in sorted(self._known) if self._known[name].venue == venue)

    async def everything(self) -> tuple[Instrument, ...]:
        """Give every instrument of every venue, ordered by id."""
        return tuple(self._known[name] for name in sorted(self._known))

    async def take_in(self, updates: Sequence[Update], *, at_ns: int, source: str) -> Changes:  # noqa: ARG002 - the port's
        """Take in records of one time; a load that changes nothing makes no version."""
        changes = take_in(self._known, updates, at_ns=at_ns)
        self._write(changes.written)
        return changes

    async def set_status(self, instrument_id: str, status: Status) -> Instrument | None:
        """Say what an instrument may do from a time on; None when it is not known."""
        known = self._known.get(instrument_id)
        if known is None:
            return None
        changed = with_status(known, status)
        self._write(() if changed == known else (changed,))
        return changed

    def _write(self, written: Sequence[Instrument]) -> None:
        self._known |= {one.instrument_id: one for one in written}
        self._number += bool(written)
