"""A file outbox goes on where it stopped, sends again what may not be stored, and refuses notes not its own."""

import asyncio
import json
import pathlib

import pytest

from functions.adapters.file_outbox import CURSORS_MAX, BadStateError, FileOutbox, OutboxOptions
from functions.adapters.memory_sink import MemorySink
from functions.ports.errors import Unavailable
from functions.ports.outbox import Standing
from functions.wire.batching import Label
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event

NOW = 1_700_000_000_000_000_000


def outbox(
    path: pathlib.Path | None, sink: MemorySink, *, stream: str = "X-0.rest", standing: Standing | None = None
) -> FileOutbox:
    options = OutboxOptions("rest", str(path or ""), "nowhere", standing or Standing(), lambda: NOW)
    return FileOutbox(Label("X-0", stream, "binance.spot"), sink, options)


class Stuck(MemorySink):
    """Take nothing while it is stuck."""

    def __init__(self) -> None:
        """Be stuck."""
        super().__init__()
        self.stuck = True
        self.entered = asyncio.Event()

    async def publish(self, event: Event) -> None:
        """Keep an event, or never answer."""
        self.entered.set()
        if self.stuck:
            await asyncio.Event().wait()
        await super().publish(event)


async def test_numbers_rows_and_cursors_go_on(tmp_path: pathlib.Path) -> None:
    """What a second outbox publishes follows on what the first one did."""
    path, sink = tmp_path / "state/rest.json", MemorySink()
    async with outbox(path, sink) as one:
        await one.publish([(b"a", 1), (b"b", 2)], cursors={"x": "2", "y": "7"})
        await one.heartbeat()
    async with outbox(path, sink) as one:
        assert one.standing == Standing(2, 2, {"x": "2", "y": "7"})
        await one.publish([(b"c", 3)], symbol="BTCUSDT", cursors={"x": "3"})
        await one.end()
        assert one.standing == Standing(4, 3, {"x": "3", "y": "7"})
    batches = [decode_raw_batch(event.data or b"") for event in sink.events]
    assert [str(event.extensions["sequence"])[-1] for event in sink.events] == ["0", "1", "2", "3"]
    assert [(one.first_row, one.row_count) for one in batches] == [(0, 2), (2, 0), (2, 1), (3, 0)]
    assert [one.symbol for one in batches] == ["", "", "BTCUSDT", ""]
    assert (batches[1].heartbeat, batches[3].end_of_tape) == (True, True)


async def test_what_failed_is_sent_again_as_it_was(tmp_path: pathlib.Path) -> None:
    """A batch whose publishing failed comes first in the next life, under its own number; then its cursor counts."""
    path = tmp_path / "rest.json"
    failing = MemorySink([Unavailable("down")])
    async with outbox(path, failing) as one:
        with pytest.raises(Unavailable):
            await one.publish([(b"a", 1)], cursors={"x": "1"})
        assert one.standing == Standing()
    sink = MemorySink()
    async with outbox(path, sink) as one:
        assert one.standing == Standing(1, 1, {"x": "1"})
    assert [decode_raw_batch(event.data or b"").payload for event in sink.events] == [b"a"]
    again = MemorySink()
    async with outbox(path, again):
        assert again.events == []


async def test_what_the_log_has_is_not_sent_again(tmp_path: pathlib.Path) -> None:
    """A batch that was written ahead is not sent where a log tells that it was stored."""
    path, sink = tmp_path / "rest.json", MemorySink()
    async with outbox(path, MemorySink([Unavailable("down")])) as one:
        with pytest.raises(Unavailable):
            await one.publish([(b"a", 1)], cursors={"x": "1"})
    async with outbox(path, sink, standing=Standing(1, 1)) as one:
        assert (one.standing, sink.events) == (Standing(1, 1, {"x": "1"}), [])


async def test_what_was_cancelled_goes_first(tmp_path: pathlib.Path) -> None:
    """A batch whose publishing was cancelled is sent before the next one, as it was and under its own number."""
    sink = Stuck()
    async with outbox(tmp_path / "rest.json", sink) as one:
        under_way = asyncio.create_task(one.publish([(b"a", 1)], cursors={"x": "1"}))
        await sink.entered.wait()
        under_way.cancel()
        await asyncio.gather(under_way, return_exceptions=True)
        sink.stuck = False
        await one.publish([(b"b", 2)], cursors={"x": "2"})
        assert one.standing == Standing(2, 2, {"x": "2"})
    assert [decode_raw_batch(event.data or b"").payload for event in sink.events] == [b"a", b"b"]
    assert [str(event.extensions["sequence"])[-1] for event in sink.events] == ["0", "1"]


async def test_told_numbers_never_go_back(tmp_path: pathlib.Path) -> None:
    """Of the numbers in the file and those that are told, the greater count."""
    path, sink = tmp_path / "rest.json", MemorySink()
    async with outbox(path, sink) as one:
        await one.publish([(b"a", 1)], cursors={"x": "1"})
    async with outbox(path, sink, standing=Standing(9, 0)) as one:
        assert one.standing == Standing(9, 1, {"x": "1"})


async def test_without_a_file_nothing_is_kept() -> None:
    """An outbox without a file publishes all the same."""
    sink = MemorySink()
    async with outbox(None, sink) as one:
        await one.publish([(b"a", 1)], cursors={"x": "1"})
        assert one.standing == Standing(1, 1, {"x": "1"})


async def test_cursors_move_without_rows(tmp_path: pathlib.Path) -> None:
    """A cursor may go on where there is nothing to publish; no number is spent on it."""
    sink = MemorySink()
    async with outbox(tmp_path / "rest.json", sink) as one:
        await one.publish([], cursors={"x": "1"})
        assert (one.standing, sink.events) == (Standing(0, 0, {"x": "1"}), [])


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"stream":"X-0.rest"}', '{"stream":"X-0.rest","sequence":"x","row":0,"cursors":{}}'],
)
async def test_a_file_nobody_wrote_is_refused(tmp_path: pathlib.Path, content: str) -> None:
    """A file that cannot be read stops the start: beginning anew by itself would fetch everything twice."""
    path = tmp_path / "rest.json"
    path.write_text(content)
    with pytest.raises(BadStateError, match="move it away"):
        await outbox(path, MemorySink()).__aenter__()


async def test_another_streams_file_is_refused(tmp_path: pathlib.Path) -> None:
    """Notes of another stream are not taken."""
    path = tmp_path / "rest.json"
    path.write_text(json.dumps({"stream": "OTHER", "sequence": 1, "row": 1, "cursors": {}}) + "\n")
    with pytest.raises(BadStateError, match="of its own"):
        await outbox(path, MemorySink()).__aenter__()


async def test_cursors_are_bounded(tmp_path: pathlib.Path) -> None:
    """More cursors than a feed can have are refused."""
    async with outbox(tmp_path / "rest.json", MemorySink()) as one:
        with pytest.raises(BadStateError, match="at most"):
            await one.publish([], cursors={str(number): "" for number in range(CURSORS_MAX + 1)})
