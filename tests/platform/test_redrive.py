"""A dead letter is sent again as what it was: a row in its place on the tape, an event with its own name."""

import numpy as np

from functions.adapters.postgres_dead_letters import DeadLetter
from functions.domain.market import Rejection
from functions.local.delivery import Answer, dead_letter
from functions.local.redrive import row_event, source_for, unburied
from functions.wire.codecs.market import RAW_BATCH, decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.facts import partition_of, sequence_of
from functions.wire.raw import trace_of

STREAM = "BINANCE-0.replay"
LETTER = DeadLetter(STREAM, "BINANCE-0", Rejection(17, "not_finite", "NaN", b"bad", "binance.spot", 5, "ETHUSDT"), 0)


def test_row_keeps_its_place() -> None:
    """A row travels alone, mended, under its own number on the tape, with the feed's clock of its time."""
    event = row_event(LETTER, 3, payload=b"good")
    batch = decode_raw_batch(event.data or b"")
    assert event.type == RAW_BATCH
    assert (batch.stream, batch.shard, batch.first_row, batch.row_count) == (STREAM, "BINANCE-0", 17, 1)
    assert (batch.payload, batch.offsets.tolist(), batch.ts_receive.tolist()) == (b"good", [0, 4], [5])
    assert (batch.dialect, batch.symbol, batch.ts_cut_ns) == ("binance.spot", "ETHUSDT", 5)
    assert np.array_equal(batch.offsets, [0, 4])


def test_redriven_rows_have_a_sequence_of_their_own() -> None:
    """Redriven rows never share a sequence with the feed, and stay in their shard's partition."""
    first, second = (row_event(LETTER, number, payload=b"x") for number in (0, 1))
    assert first.source == second.source == source_for(STREAM)
    assert "/feeds/" not in first.source
    assert (sequence_of(first), sequence_of(second)) == (0, 1)
    assert first.id != second.id
    assert partition_of(first) == "BINANCE-0"
    assert row_event(LETTER, 0, payload=b"x") == first


def test_redriven_row_begins_a_chain() -> None:
    """What follows from a redriven row is correlated and traced by the row's own event."""
    event = row_event(LETTER, 0, payload=b"x")
    assert event.extensions["correlationid"] == event.id
    assert event.extensions["traceparent"] == trace_of(event.id)


def test_buried_event_is_itself_again() -> None:
    """An event sent again is, byte for byte, the one that was buried."""
    event = Event(id="1", source="/s", type="t", data=b"x", extensions={"sequence": "4"})
    told = dead_letter(destination="http://x/", answer=Answer(422, other_body=b"why"))
    buried = Event(id="1", source="/s", type="t", data=b"x", extensions={**event.extensions, **told})
    assert len(buried.extensions) == 4
    assert unburied(buried) == event
