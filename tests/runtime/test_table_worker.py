"""A table worker sends before it stores and stores before it commits; what fails is sent again, never folded again."""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from functions.domain.errors import Rejected
from functions.domain.market import GapDetected
from functions.ports.card import Card, Kind
from functions.ports.errors import Unavailable
from functions.runtime.hosting import HostedTable
from functions.runtime.table_worker import Headers, Record, RecordTooLarge, Rules, TableWorker
from functions.wire.envelope import Event
from functions.wire.facts import sequence_text
from functions.wire.kafka_binding import from_kafka, to_kafka

CARD = Card("sums", Kind.TABLE, "1", "Add numbers.")


class Sums:
    """Add up numbers and emit each sum. `bad` is refused, `bug` breaks after harm was done."""

    def __init__(self) -> None:
        """Count folds."""
        self.folds = 0

    def start(self, key: str) -> list[int]:
        """See Fold."""
        return [0 * len(key), 0]

    def fold(self, state: list[int], event: Event) -> tuple[list[int], tuple[Event, ...]]:
        """See Fold."""
        self.folds += 1
        if event.data == b"bad":
            msg = "bad"
            raise Rejected(msg)
        if event.data == b"bug":
            state[0] += 1_000_000
            raise ZeroDivisionError
        state[0] += int(event.data or b"0")
        state[1] += 1
        return state, (Event(id=str(state[1]), source="/sums", type="sum", data=b"%d" % state[0]),)

    def gap(self, state: list[int], cause: Event, gap: GapDetected) -> tuple[list[int], tuple[Event, ...]]:
        """See Fold."""
        assert cause.source == gap.source
        return state, ()

    def dump(self, state: list[int]) -> bytes:
        """See Fold."""
        return b"%d %d" % tuple(state)

    def load(self, key: str, blob: bytes) -> list[int]:
        """See Fold."""
        assert key
        return [int(part) for part in blob.split()]


@dataclass
class MemoryWire:
    """Keep in memory what a worker sends, stores and commits, in order; the first `failures` of each kind fail."""

    did: list[tuple[str, object]] = field(default_factory=list)
    states: dict[int, dict[str, bytes]] = field(default_factory=dict)
    reached: dict[int, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    member: bool = True

    async def send(self, record: Record) -> object:
        """See Wire."""
        return record

    async def settle(self, ticket: object) -> None:
        """See Wire."""
        assert isinstance(ticket, Record)
        self._try("send", ticket)

    async def remember(self, partition: int, key: str, blob: bytes, *, reached: int) -> None:
        """See Wire."""
        self._try("remember", (partition, key, reached))
        self.states.setdefault(partition, {})[key] = blob
        self.reached[partition] = reached

    def remembered(self, partition: int) -> Mapping[str, bytes]:
        """See Wire."""
        return dict(self.states.get(partition, {}))

    async def commit(self, offsets: Mapping[int, int]) -> bool:
        """See Wire."""
        if self.member:
            self.did.append(("commit", dict(offsets)))
        return self.member

    def _try(self, what: str, told: object) -> None:
        if self.failures.get(what, 0):
            self.failures[what] -= 1
            self.did.append((f"{what} failed", told))
            msg = "down"
            raise Unavailable(msg)
        self.did.append((what, told))

    def kinds(self) -> list[str]:
        """Name what was done, runs of the same once."""
        return [kind for kind, _ in itertools.groupby(kind for kind, _ in self.did)]

    def sums(self) -> list[bytes | None]:
        """Give what was sent to the topic."""
        return [one.value for what, one in self.did if what == "send" and isinstance(one, Record) and one.topic == "t"]

    def dead(self) -> list[Event]:
        """Give what was sent to the dead letters."""
        records = [one for what, one in self.did if what == "send" and isinstance(one, Record) and one.topic == "d"]
        return [from_kafka(one.headers, one.value) for one in records]


def worker(wire: MemoryWire, fold: Sums | None = None, **rules: float) -> TableWorker:
    """Make an open worker."""
    told = {"send_pause_s": 0.0, **rules}
    made = TableWorker(HostedTable(CARD, fold or Sums()), wire, Rules("t", frozenset(("n",)), "d", **told))  # type: ignore[arg-type]
    made.open()
    return made


def record(number: int, data: bytes = b"1", kind: str = "n", *, source: str = "/a") -> tuple[Headers, bytes | None]:
    """Make a numbered event's headers and value."""
    extensions = {"partitionkey": "k", "sequence": sequence_text(number)}
    _, headers, value = to_kafka(Event(id=str(number), source=source, type=kind, data=data, extensions=extensions))
    return headers, value


async def feed(made: TableWorker, *records: tuple[Headers, bytes | None], first: int = 0) -> None:
    """Give a worker records of partition 0, from an offset on."""
    for offset, (headers, value) in enumerate(records, first):
        await made.take(0, offset, headers, value)


async def test_sends_then_stores_then_commits() -> None:
    """Outputs are acknowledged before the state is stored, and that before offsets are committed."""
    wire = MemoryWire()
    made = worker(wire)
    await feed(made, record(0), record(1))
    await made.store()
    assert wire.kinds() == ["send", "commit", "remember", "commit"]
    assert wire.did[-1] == ("commit", {0: 2})


async def test_failed_send_is_repeated_not_folded() -> None:
    """Bytes that were not acknowledged are sent again as they are; nothing is folded again."""
    wire, fold = MemoryWire(failures={"send": 3}), Sums()
    made = worker(wire, fold)
    await feed(made, record(0), record(1))
    await made.store()
    tried = [one for what, one in wire.did if what.startswith("send")]
    assert fold.folds == 2
    assert wire.sums() == [b"1", b"2"]
    assert tried[0] == tried[1]
    assert wire.states[0]


async def test_gives_up_with_the_old_state() -> None:
    """When sending fails for good the worker ends, and neither state nor offset have moved."""
    wire = MemoryWire(failures={"send": 1_000})
    made = worker(wire, send_attempts_max=3)
    await feed(made, record(0))
    with pytest.raises(Unavailable):
        await made.store()
    assert not wire.states
    assert [what for what, _ in wire.did] == ["send failed"] * 3


async def test_failed_store_holds_the_offset_back() -> None:
    """Offsets are committed once the changelog has the state, however often it is tried."""
    wire = MemoryWire(failures={"remember": 2})
    made = worker(wire)
    await feed(made, record(0))
    await made.store()
    assert [told for what, told in wire.did if what == "commit"][-1] == {0: 1}
    assert wire.kinds()[-2:] == ["remember", "commit"]


async def test_failed_store_moves_nothing() -> None:
    """A state that the changelog never took is behind no committed offset, also when the worker ends thereafter."""
    wire = MemoryWire(failures={"remember": 3})
    made = worker(wire, send_attempts_max=3)
    await feed(made, record(0))
    with pytest.raises(Unavailable):
        await made.store()
    assert [told for what, told in wire.did if what == "commit"] == [{0: 0}]
    await made.close()
    assert wire.kinds()[-2:] == ["remember", "commit"]
    assert wire.states[0]


async def test_waiting_event_holds_the_offset_back() -> None:
    """What waits for a missing event is not committed, so a successor reads it again."""
    wire = MemoryWire()
    made = worker(wire)
    await feed(made, record(0), record(2), record(3))
    await made.store()
    assert wire.did[-1] == ("commit", {0: 1})
    after = worker(wire)
    await feed(after, record(2), record(3), record(1), first=1)
    await after.store()
    assert wire.sums() == [b"1", b"2", b"3", b"4"]
    assert wire.did[-1] == ("commit", {0: 4})


async def test_what_is_folded_beside_one_that_waits_is_stored() -> None:
    """While an event of one source waits, what others say is stored and let go of, and a successor knows it."""
    wire = MemoryWire()
    made = worker(wire, store_events_max=4)
    await feed(made, record(0), record(2))
    for number in range(50):
        headers, value = record(number, source="/b")
        await made.take(0, 2 + number, headers, value)
    assert (wire.reached, wire.did[-1]) == ({0: 1}, ("commit", {0: 1}))
    assert len(made._partitions[0].journal) < 6  # noqa: SLF001 - what it holds is the rule
    await made.store()
    said = len(wire.sums())
    after = worker(wire)
    await feed(after, record(2), *(record(number, source="/b") for number in range(50)), record(1), first=1)
    await after.store()
    assert wire.sums()[said:] == [b"52", b"53"]
    assert wire.did[-1] == ("commit", {0: 53})


async def test_waiting_is_given_up_when_told() -> None:
    """Told that nothing more can come, the worker counts what is missing as a hole and commits over all it has."""
    wire = MemoryWire()
    made = worker(wire, quiet_s=0.0)
    await feed(made, record(0), record(2), record(3))
    await made.give_up_waiting()
    assert wire.sums() == [b"1", b"2", b"3"]
    assert wire.did[-1] == ("commit", {0: 3})


async def test_what_was_given_up_is_stored() -> None:
    """Events that are folded because nothing more can come are in the state that is stored before their commit."""
    wire = MemoryWire()
    made = worker(wire, quiet_s=0.0)
    await feed(made, record(0), record(2), record(3))
    await made.store()
    await made.give_up_waiting()
    assert wire.did[-1] == ("commit", {0: 3})
    after = worker(wire)
    await feed(after, record(4), first=3)
    await after.store()
    assert wire.sums() == [b"1", b"2", b"3", b"4"]


async def test_crash_sends_the_same_again() -> None:
    """A successor folds again what was not stored, and sends the same bytes."""
    wire = MemoryWire()
    made = worker(wire)
    await feed(made, record(0))
    await made.store()
    await feed(made, record(1), record(2), first=1)
    await made.store()
    before = list(wire.sums())
    after = worker(MemoryWire(did=wire.did))
    await feed(after, record(0), record(1), record(2))
    await after.store()
    assert wire.sums() == [*before, *before]


async def test_stranger_stores_nothing() -> None:
    """A worker that the group no longer counts in stores no state: another has newer ones."""
    wire = MemoryWire()
    made = worker(wire, lease_s=0.0)
    await feed(made, record(0))
    wire.member = False
    await made.store()
    await made.close()
    assert wire.kinds() == ["send"]
    assert not wire.states


async def test_closed_worker_forgets() -> None:
    """When partitions are taken away states are stored, and nothing is taken until the worker is open again."""
    wire, fold = MemoryWire(), Sums()
    made = worker(wire, fold)
    await feed(made, record(0))
    await made.close()
    assert wire.reached == {0: 1}
    await feed(made, record(1), first=1)
    assert fold.folds == 1
    made.open()
    await feed(made, record(0), record(1))
    await made.store()
    assert wire.sums() == [b"1", b"2"]


async def test_types_not_heard_cost_nothing() -> None:
    """A record of another type is not read, and its offset is committed."""
    wire, fold = MemoryWire(), Sums()
    made = worker(wire, fold)
    await feed(made, ([("ce_type", b"other")], b"no event at all"))
    await made.store()
    assert fold.folds == 0
    assert wire.did == [("commit", {0: 1})]


@pytest.mark.parametrize(("poison", "code"), [(b"bad", "422"), (b"bug", "500")])
async def test_poison_is_buried(poison: bytes, code: str) -> None:
    """An event that is refused or hits a bug is buried; neighbours fold as if it had not been there."""
    wire = MemoryWire()
    made = worker(wire)
    await feed(made, record(0), record(1, poison), record(2))
    await made.store()
    assert wire.sums()[-1] == b"2"
    assert {(one.data, one.extensions["knativeerrorcode"]) for one in wire.dead()} == {(poison, code)}
    assert wire.did[-1] == ("commit", {0: 3})


async def test_bug_behind_unstored_events() -> None:
    """After a bug what came since the last store is folded again from memory: equal bytes, state and offset right."""
    wire = MemoryWire()
    made = worker(wire)
    await feed(made, record(0))
    await made.store()
    await feed(made, record(1), record(2, b"bug"), record(4), record(3), first=1)
    await made.store()
    assert sorted(set(wire.sums())) == [b"1", b"2", b"3", b"4"]
    assert wire.states[0]["k"].endswith(b"4 4")


async def test_stores_after_so_many_events() -> None:
    """States are stored after `store_events_max` events without being asked."""
    wire = MemoryWire()
    await feed(worker(wire, store_events_max=2), *map(record, range(5)))
    assert wire.reached == {0: 4}


async def test_in_flight_is_bounded() -> None:
    """No more outputs are under way than `in_flight_max`: then all are waited for."""
    wire = MemoryWire()
    made = worker(wire, in_flight_max=2)
    await feed(made, *map(record, range(3)))
    assert wire.sums() == [b"1", b"2"]


async def test_turns_do_not_mix() -> None:
    """Taking and storing at once, from two tasks, gives what one after the other gives."""
    wire = MemoryWire()
    made = worker(wire)

    async def store_often() -> None:
        for _ in range(20):
            await made.store()

    await asyncio.gather(feed(made, *map(record, range(20))), store_often())
    await made.store()
    assert wire.sums() == [b"%d" % n for n in range(1, 21)]
    assert wire.did[-1] == ("commit", {0: 20})


async def test_letter_too_large() -> None:
    """What may stand in the topic may be too large with the letter's own headers: it is buried without its data."""

    class Bounded(MemoryWire):
        async def send(self, record: Record) -> object:
            if len(record.value or b"") > 2:
                raise RecordTooLarge
            return record

    wire = Bounded()
    made = worker(wire)
    await feed(made, record(0, b"bad"), record(1))
    await made.store()
    assert [(one.id, one.data) for one in wire.dead()] == [("0", None)]
    assert wire.sums() == [b"1"]
    assert wire.did[-1] == ("commit", {0: 2})
