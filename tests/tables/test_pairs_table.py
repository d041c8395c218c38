"""The pairs table hears the bars of all shards under one key, and emits events that depend on nothing but the bars."""

import asyncio
import pathlib
from collections.abc import Sequence

import pytest
from barred import Bar
from paired import HERE, PERP, SPOT, THERE, perp, spot, walk
from waiting import until

from functions.domain.errors import DomainError
from functions.domain.market import BarBatch, GapDetected
from functions.domain.pairs.pairing import WrongPairs
from functions.local.log import MemoryLog
from functions.local.table_host import TableConsumer
from functions.local.topology import Table
from functions.tables.pairs import CARD
from functions.tables.pairs.main import Settings, compose
from functions.tables.pairs.table import PairsTable
from functions.wire import facts
from functions.wire.codecs.bars import BAR_BATCH, encode_bar_batch
from functions.wire.codecs.market import GAP_DETECTED, encode_gap
from functions.wire.codecs.pairs import PAIR_BATCH, decode_pair_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed


def table(tmp_path: pathlib.Path) -> PairsTable:
    """Compose the table as a host does, on plain loops and one pair."""
    file = tmp_path / "pairs.txt"
    file.write_text(f"{SPOT.instrument_id} ~ {PERP.instrument_id} 1s same\n")
    fold = compose(Settings(kernels="plain", pairs_path=str(file), pairs_silence_s=50)).fold
    assert isinstance(fold, PairsTable)
    return fold


def wrap(shard: str, number: int, data: bytes, kind: str = BAR_BATCH) -> Event:
    """Wrap bytes as the bars table of a shard does."""
    source = facts.source_of("tables", "bars", shard)
    had = {
        "sequence": facts.sequence_text(number),
        "partitionkey": shard,
        "correlationid": f"tape-{shard}",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    return Event(id=facts.batch_id(source, number), source=source, type=kind, data=data, extensions=had)


def events(batches: Sequence[BarBatch]) -> list[Event]:
    """Wrap a shard's batches, numbered from 0."""
    return [wrap(one.shard, number, encode_bar_batch(one)) for number, one in enumerate(batches)]


def tapes(length: int) -> tuple[list[Event], list[Event]]:
    """Make what the bars tables of two shards emit, a bar a second."""
    a, b = walk(1, length)
    left = [spot(Bar(bar=n, close=p)) for n, p in enumerate(a)]
    right = [perp(Bar(bar=n, close=p)) for n, p in enumerate(b)]
    return events([*left, spot(end_of_tape=True)]), events([*right, perp(end_of_tape=True)])


def run(fold: PairsTable, given: Sequence[Event]) -> list[Event]:
    """Fold events in order from the beginning."""
    state = fold.start(CARD.key)
    return [out for event in given for out in fold.fold(state, event)[1]]


def facts_of(event: Event) -> tuple[object, ...]:
    """Give what an event says by itself: what the strict hash counts."""
    had = event.extensions
    named = (had["sequence"], had["partitionkey"], had["causationid"])
    return (event.id, event.source, event.type, event.time_ns, event.subject, event.data, *named)


def test_event(tmp_path: pathlib.Path) -> None:
    """A join emits batches in a sequence of its own, caused by the bars of its first member, on the desk's key."""
    left, right = tapes(3)
    first, second, *_ = run(table(tmp_path), [*left[:2], *right[:2]])
    source = f"/tickloom/tables/pairs/{HERE}~{THERE}"
    assert (first.source, first.type, first.time_ns) == (source, PAIR_BATCH, 1_000_000_000)
    assert first.id == facts.batch_id(source, 0)
    assert second.extensions["sequence"] == facts.sequence_text(1)
    assert first.extensions["causationid"] == left[0].id
    assert first.extensions["partitionkey"] == "desk"
    assert first.extensions["handlerversion"] == CARD.version
    assert decode_pair_batch(first.data or b"").row_count == 1


def test_mixtures(tmp_path: pathlib.Path) -> None:
    """However the shards' events are mixed, the events are the same ones, in id, cause and bytes."""
    fold = table(tmp_path)
    left, right = tapes(6)
    mixtures = [
        [*left, *right],
        [*right, *left],
        [one for both in zip(left, right, strict=True) for one in both],
        [*right[:4], *left[:2], right[4], *left[2:], *right[5:]],
    ]
    found = [[facts_of(one) for one in run(fold, mixed)] for mixed in mixtures]
    assert len(found[0]) == 7
    assert all(one == found[0] for one in found)


def test_end(tmp_path: pathlib.Path) -> None:
    """The last event of a join says that its tapes have ended."""
    left, right = tapes(2)
    last = run(table(tmp_path), [*left, *right])[-1]
    assert decode_pair_batch(last.data or b"").end_of_tape
    assert (last.extensions["causationid"], last.time_ns) == (left[-1].id, 2_000_000_000)


def test_gap(tmp_path: pathlib.Path) -> None:
    """A gap told by the bars, or found by the host, makes what is behind it cold."""
    fold = table(tmp_path)
    left, right = tapes(6)
    source = facts.source_of("tables", "bars", HERE)
    gap = GapDetected(HERE, source, 3, 3)
    told, found = fold.start("desk"), fold.start("desk")
    for state in (told, found):
        for event in (*left[:3], *right[:5]):
            fold.fold(state, event)
    fold.fold(told, wrap(HERE, 3, encode_gap(gap), GAP_DETECTED))
    assert fold.gap(found, left[4], gap)[1] == ()
    for state in (told, found):
        batches = [decode_pair_batch(out.data or b"") for out in fold.fold(state, left[4])[1]]
        assert [one.states[0, 0] for one in batches] == [0]
    assert fold.dump(told) == fold.dump(found)


def test_reload(tmp_path: pathlib.Path) -> None:
    """A state written down and read back goes on with the same bytes."""
    fold = table(tmp_path)
    left, right = tapes(30)
    given = [one for both in zip(left, right, strict=True) for one in both]
    state = fold.start("desk")
    before = [out for event in given[:31] for out in fold.fold(state, event)[1]]
    again = fold.load("desk", fold.dump(state))
    after = [out for event in given[31:] for out in fold.fold(again, event)[1]]
    assert before + after == run(fold, given)


@pytest.mark.parametrize(
    ("kind", "data"),
    [("tickloom.market.v1.TickBatch", b""), (BAR_BATCH, b"\xff"), (GAP_DETECTED, b"\xff")],
)
def test_malformed(kind: str, data: bytes, tmp_path: pathlib.Path) -> None:
    """Another type, or bytes that are no batch, is malformed."""
    fold = table(tmp_path)
    with pytest.raises(Malformed):
        fold.fold(fold.start("desk"), wrap(HERE, 0, data, kind))


def test_not_a_state(tmp_path: pathlib.Path) -> None:
    """Bytes that no dump wrote are refused."""
    with pytest.raises(DomainError):
        table(tmp_path).load("desk", b"nonsense")


def test_compose(tmp_path: pathlib.Path) -> None:
    """The shipped pairs are composed; a wrong file, too long a silence and none stop the start."""
    hosted = compose(Settings(kernels="plain"))
    assert (hosted.card.consumes, hosted.card.emits) == ((BAR_BATCH, GAP_DETECTED), (PAIR_BATCH,))
    assert hosted.only_key == "desk"
    with pytest.raises(ValueError, match="take fewer pairs"):
        compose(Settings(kernels="plain", pairs_silence_s=100_000))
    with pytest.raises(ValueError, match="pairs_silence_s"):
        Settings(pairs_silence_s=0)
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("ETH\n")
    with pytest.raises(WrongPairs, match="line 1"):
        compose(Settings(kernels="plain", pairs_path=str(wrong)))


class Outbox:
    """Append what the table emits to its own log, as the platform does."""

    def __init__(self, log: MemoryLog) -> None:
        """Name the log."""
        self.log = log

    def publish(self, broker: str, event: Event) -> None:
        """Append."""
        assert broker == "desk"
        self.log.append(event)

    def bury(self, sink: str, event: Event, *, destination: str, answer: object) -> None:
        """Fail: nothing is to be buried."""
        raise AssertionError((sink, event, destination, answer))


async def test_host(tmp_path: pathlib.Path) -> None:
    """A host keeps one state for all shards, each shard's events in their own order."""
    log, fold = MemoryLog(), table(tmp_path)
    hosted = compose(Settings(kernels="plain", pairs_path=str(tmp_path / "pairs.txt"), pairs_silence_s=50))
    consumer = TableConsumer(
        Table("pairs", "desk", CARD.consumes), hosted, log=log, outbound=Outbox(log), sink="graves"
    )
    left, right = tapes(4)
    for event in (*right, left[1], left[0], *left[2:]):
        log.append(event)
    task = asyncio.create_task(consumer.run())
    await until(lambda: consumer.caught_up)
    task.cancel()
    consumer.snapshot()
    assert list(log.states("pairs")) == ["desk"]
    emitted = [facts_of(event) for _, _, event in log.scan() if event.type == PAIR_BATCH]
    assert emitted == [facts_of(event) for event in run(fold, [*left, *right])]
