"""Calendar batches survive the wire exactly, and impossible ones are refused."""

from decimal import Decimal

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tickloom.calendar.v1 import calendar_pb2

from functions.domain.calendar import (
    NO_FIGURE,
    CalendarBatch,
    CalendarEvent,
    EventState,
    Figure,
    Impact,
    Timing,
    figure,
)
from functions.wire.codecs.calendar import decode_calendar_batch, encode_calendar_batch
from functions.wire.errors import Malformed

INT64 = st.integers(-(2**63), 2**63 - 1)
UINT64 = st.integers(0, 2**64 - 1)
TEXT = st.text(max_size=12)
NAME = st.text(min_size=1, max_size=12)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9)
FIGURES: st.SearchStrategy[Figure] = (
    st.just(NO_FIGURE)
    | DECIMALS.map(lambda one: figure(f"{one:f}%"))
    | st.sampled_from(["<0.1%", "-5.1B", "0.41|1.6", "1-0-8", "Pass", "0.0"]).map(figure)
)
EVENTS = st.builds(
    CalendarEvent,
    event_id=NAME,
    source=TEXT,
    native_id=TEXT,
    currency=TEXT,
    country=TEXT,
    impact=st.sampled_from(Impact),
    name=NAME,
    ts_scheduled=INT64,
    timing=st.sampled_from(Timing),
    ts_available=INT64,
    ts_receive=INT64,
    content_key=NAME,
    row=UINT64,
    actual=FIGURES,
    forecast=FIGURES,
    previous=FIGURES,
    state=st.sampled_from(EventState),
    revision=INT64,
)
BATCHES = st.builds(
    CalendarBatch,
    shard=TEXT,
    stream=TEXT,
    first_row=UINT64,
    row_count=st.integers(1, 512),
    events=st.lists(EVENTS, max_size=3).map(tuple),
    kinds=st.lists(st.tuples(TEXT, st.integers(0, 9)), max_size=2).map(tuple),
    heartbeat=st.booleans(),
    end_of_tape=st.booleans(),
    ts_cut_ns=INT64,
)


@given(BATCHES)
@settings(max_examples=examples(500), deadline=None)
def test_round_trip(batch: CalendarBatch) -> None:
    """What is decoded is what was encoded, published zeros included."""
    data = encode_calendar_batch(batch)
    assert decode_calendar_batch(data) == batch
    assert encode_calendar_batch(decode_calendar_batch(data)) == data


def event(**changes: object) -> bytes:
    """Write a batch of one event, with some fields changed."""
    message = calendar_pb2.CalendarEvent(
        event_id="e",
        content_key="c",
        name="CPI",
        timing=calendar_pb2.TIMING_EXACT,
        state=calendar_pb2.STATE_SCHEDULED,
    )
    for name, value in changes.items():
        if isinstance(value, calendar_pb2.Figure):
            message.actual.CopyFrom(value)
        else:
            setattr(message, name, value)
    return calendar_pb2.CalendarBatch(row_count=1, events=[message]).SerializeToString()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"event_id": ""}, "no event_id"),
        ({"content_key": ""}, "no content_key"),
        ({"name": ""}, "no name"),
        ({"impact": 9}, "impact 9 is unknown"),
        ({"timing": 0}, "timing 0 is unknown"),
        ({"state": 0}, "state 0 is unknown"),
        ({"actual": calendar_pb2.Figure(text="1", form=calendar_pb2.FORM_NUMBER, values=["1e3"])}, "no plain decimal"),
        ({"actual": calendar_pb2.Figure(text="1", form=9)}, "form 9"),  # type: ignore[arg-type] # a newer form
    ],
)
def test_impossible_events(change: dict[str, object], found: str) -> None:
    """An event that cannot be is refused, and the message says what was found."""
    with pytest.raises(Malformed, match=found):
        decode_calendar_batch(event(**change))


def test_an_absent_figure_is_none() -> None:
    """An event without figures has none, not empty ones."""
    (found,) = decode_calendar_batch(event()).events
    assert found.actual == found.forecast == found.previous == NO_FIGURE
    assert figure("0.0").values == (Decimal("0.0"),)


def test_nothing_at_all() -> None:
    """An event without data, or cut off behind its head, is no batch; the clock and the end have no rows."""
    for data in (b"", calendar_pb2.CalendarBatch(shard="S", stream="S.calendar").SerializeToString()):
        with pytest.raises(Malformed, match="no rows"):
            decode_calendar_batch(data)
    for mark in ("heartbeat", "end_of_tape"):
        assert getattr(decode_calendar_batch(calendar_pb2.CalendarBatch(**{mark: True}).SerializeToString()), mark)


@given(st.binary(max_size=200))
@settings(max_examples=examples(2000), deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are read or refused as malformed, and nothing else happens."""
    try:
        decode_calendar_batch(data)
    except Malformed:
        return
