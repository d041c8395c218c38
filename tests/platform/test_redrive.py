"""A dead letter is sent again as what it was: a row in its place on the tape, an event with its own name."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np
import pytest

from functions.adapters.postgres_dead_letters import DeadLetter
from functions.domain.market import RawBatch, Rejection
from functions.local.delivery import Answer, dead_letter
from functions.local.log import DiskLog
from functions.local.redrive import Place, broker_of, place_of, row_events, row_in, source_for, unburied
from functions.local.topology import load
from functions.wire.codecs.market import RAW_BATCH, decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.facts import partition_of, sequence_of, stream_of
from functions.wire.raw import raw_event, trace_of

STREAM = "BINANCE-0.replay"
LETTER = DeadLetter(STREAM, "BINANCE-0", Rejection(17, "not_finite", "NaN", b"bad", "binance.spot", 5, "ETHUSDT"), 0)


def row_event(number: int, payload: bytes) -> Event:
    """Write the row of a tape that still runs."""
    (event,) = row_events(LETTER, Place(number, "other.dialect", "trade"), payload=payload)
    return event


def test_row_keeps_its_place() -> None:
    """A row travels alone, mended, under its own number on the tape, with the feed's clock and rules of its time."""
    event = row_event(3, b"good")
    batch = decode_raw_batch(event.data or b"")
    assert event.type == RAW_BATCH
    assert (batch.stream, batch.shard, batch.first_row, batch.row_count) == (STREAM, "BINANCE-0", 17, 1)
    assert (batch.payload, batch.offsets.tolist(), batch.ts_receive.tolist()) == (b"good", [0, 4], [5])
    assert (batch.dialect, batch.symbol, batch.ts_cut_ns) == ("binance.spot", "ETHUSDT", 5)
    assert (batch.bar_channel, batch.end_of_tape) == ("trade", False)


def test_redriven_rows_have_a_sequence_of_their_own() -> None:
    """Redriven rows never share a sequence with the feed, and stay in their shard's partition."""
    first, second = (row_event(number, b"x") for number in (0, 1))
    assert first.source == second.source == source_for(STREAM)
    assert "/feeds/" not in first.source
    assert (sequence_of(first), sequence_of(second)) == (0, 1)
    assert first.id != second.id
    assert partition_of(first) == "BINANCE-0"
    assert row_event(0, b"x") == first


@pytest.mark.parametrize(
    ("stream", "broker", "hearer"),
    [
        (STREAM, "market", "normalize-market"),
        ("NEWS-0.news", "desk", "digest-desk"),
        ("EVENTS-0.calendar", "desk", "digest-desk"),
        ("own", "market", "normalize-market"),
    ],
)
def test_redriven_row_is_heard_where_its_feed_is(stream: str, broker: str, hearer: str) -> None:
    """A row goes again to the broker of its feed, under a source that the handler of its kind hears."""
    topology = load()
    (event,) = row_events(dataclasses.replace(LETTER, stream=stream), Place(0), payload=b"x")
    assert broker_of(stream, topology.sources) == broker
    assert [one.name for one in topology.subscriptions if one.broker == broker and one.accepts(event)] == [hearer]
    assert stream_of(event.source) != stream


def test_redriven_row_begins_a_chain() -> None:
    """What follows from a redriven row is correlated and traced by the row's own event."""
    event = row_event(0, b"x")
    assert event.extensions["correlationid"] == event.id
    assert event.extensions["traceparent"] == trace_of(event.id)


def test_ended_tape_ends_again() -> None:
    """Behind a tape that has ended, the row is followed by the end, so that what it changed is told."""
    row, end = row_events(LETTER, Place(4, ended=True), payload=b"x")
    batch = decode_raw_batch(end.data or b"")
    assert (end.source, sequence_of(row), sequence_of(end)) == (row.source, 4, 5)
    assert (batch.first_row, batch.row_count, batch.payload, batch.end_of_tape) == (18, 0, b"", True)


def test_row_without_dialect() -> None:
    """A row that a table refused knows no dialect; it takes its stream's."""
    refused = dataclasses.replace(LETTER, rejection=Rejection(17, "shard_full", "full", b"", "", 5))
    (event,) = row_events(refused, Place(0, "binance.spot"), payload=b"x")
    assert decode_raw_batch(event.data or b"").dialect == "binance.spot"


def raw(first_row: int, rows: Sequence[bytes]) -> RawBatch:
    """Make a batch of a feed."""
    return RawBatch(
        shard="BINANCE-0",
        stream=STREAM,
        dialect="binance.spot",
        first_row=first_row,
        payload=b"".join(rows),
        offsets=np.cumsum([0, *map(len, rows)], dtype="<u4"),
        ts_receive=np.full(len(rows), 5, "<i8"),
        bar_channel="aggTrade",
    )


@pytest.fixture
def log(tmp_path: pathlib.Path) -> pathlib.Path:
    """Write a log of two feeds of one shard, with heartbeats, a poisoned event, and an end."""
    path = tmp_path / "market.sqlite"
    batches = [
        raw(0, [b"a", b"bb"]),
        dataclasses.replace(raw(2, []), heartbeat=True),
        raw(2, [b"ccc"]),
        raw(3, [b"d", b"", b"f"]),
    ]
    with contextlib.closing(DiskLog(path)) as log:
        for number, batch in enumerate(batches):
            log.append(raw_event(dataclasses.replace(batch, stream=f"X-{STREAM}"), number, feed="other"))
            log.append(raw_event(batch, number, feed="replay"))
        log.append(dataclasses.replace(raw_event(batches[0], 4, feed="replay"), data=b"\x0a"))
    return path


@pytest.mark.parametrize(
    ("row", "found"), [(0, b"a"), (1, b"bb"), (2, b"ccc"), (3, b"d"), (4, b""), (5, b"f"), (6, b""), (99, b"")]
)
def test_row_in(log: pathlib.Path, row: int, found: bytes) -> None:
    """Every row of a stream is found in the log by its number, whole; one that is not there is empty."""
    assert row_in(log, STREAM, row) == found


def test_row_in_nothing(log: pathlib.Path) -> None:
    """A stream that no feed sent has no rows and no rules, and its redriven rows begin at 0."""
    assert row_in(log, "NOBODY", 0) == b""
    assert place_of(log, "NOBODY") == Place(0)


def test_place(log: pathlib.Path) -> None:
    """A row goes behind what was redriven before, under the rules of the feed, and the log says if its tape ended."""
    assert place_of(log, STREAM) == Place(0, "binance.spot", "aggTrade", ended=False)
    with contextlib.closing(DiskLog(log)) as opened:
        opened.append(raw_event(dataclasses.replace(raw(6, []), end_of_tape=True), 5, feed="replay"))
        opened.append(row_event(7, b"x"))
    assert place_of(log, STREAM) == Place(8, "binance.spot", "aggTrade", ended=True)


def test_buried_event_is_itself_again() -> None:
    """An event sent again is, byte for byte, the one that was buried."""
    event = Event(id="1", source="/s", type="t", data=b"x", extensions={"sequence": "4"})
    told = dead_letter(destination="http://x/", answer=Answer(422, other_body=b"why"))
    buried = Event(id="1", source="/s", type="t", data=b"x", extensions={**event.extensions, **told})
    assert len(buried.extensions) == 4
    assert unburied(buried) == event
