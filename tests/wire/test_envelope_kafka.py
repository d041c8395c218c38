"""The Kafka binding: key, headers and value of a record, both ways (CloudEvents Kafka binding 1.0.2)."""

import pytest
from counts import examples
from envelopes import events, sample, typed_extensions
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.wire.attributes import value_text
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.json_format import to_json
from functions.wire.kafka_binding import from_kafka, to_kafka

Pairs = list[tuple[str, bytes | None]]

MINIMAL: Pairs = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/a"), ("ce_type", b"t")]


def test_record() -> None:
    """The partition key is the record key and stays an attribute; text is UTF-8 and never percent-encoded."""
    key, headers, value = to_kafka(sample(subject="Euro € %"))
    assert key == b"BINANCE-0"
    assert value == b"\x0a\x01a"
    assert ("ce_partitionkey", b"BINANCE-0") in headers
    assert ("ce_subject", "Euro € %".encode()) in headers
    assert ("content-type", b"application/protobuf") in headers


def test_no_key() -> None:
    """Without a partition key there is no record key."""
    assert to_kafka(sample(extensions={}))[0] is None


def test_structured() -> None:
    """A record in structured mode is read too."""
    event = sample()
    assert from_kafka([("content-type", b"application/cloudevents+json")], to_json(event)) == event


def test_event_inside_event() -> None:
    """An event that carries an event in JSON travels in structured mode, or it would be taken for what it carries."""
    outer = sample(datacontenttype="application/cloudevents+json", data=to_json(sample(id="inner")))
    _, headers, value = to_kafka(outer)
    assert from_kafka(headers, value) == outer


@pytest.mark.parametrize(
    "extra",
    [
        ("ce_id", b"1"),
        ("ce_subject", b"\xff"),
        ("ce_subject", None),
        ("ce_subject", b""),
        ("ce_datacontenttype", b"a/b"),
        ("ce_a-b", b"x"),
        ("ce_Upper", b"x"),
        ("content-type", b"application/cloudevents-batch+json"),
        ("content-type", b"\xff"),
    ],
)
def test_bad_header(extra: tuple[str, bytes | None]) -> None:
    """Doubled, null, non-UTF-8 and ill-named headers are refused, batches too."""
    with pytest.raises(Malformed):
        from_kafka([*MINIMAL, extra], b"")


@pytest.mark.parametrize("value", [None, b"", b"x"])
def test_value(value: bytes | None) -> None:
    """A null value is no data, an empty one empty data; foreign headers are no concern."""
    assert from_kafka([*MINIMAL, ("traceparent", None)], value).data == value


@given(events())
@settings(max_examples=examples(2_000), deadline=None)
def test_kafka_round_trip(event: Event) -> None:
    """Any event comes back as it was."""
    _, headers, value = to_kafka(event)
    assert from_kafka(headers, value) == event


@given(events(typed_extensions))
@settings(max_examples=examples(2000), deadline=None)
def test_kafka_keeps_texts(event: Event) -> None:
    """Numbers and booleans come back as their canonical text: headers have no types."""
    _, headers, value = to_kafka(event)
    came = from_kafka(headers, value)
    assert dict(came.extensions) == {name: value_text(value) for name, value in event.extensions.items()}


_header_names = st.one_of(
    st.sampled_from([name for name, _ in MINIMAL] + ["ce_time", "content-type"]), st.text(max_size=5).map("ce_".__add__)
)
_header_values = st.one_of(
    st.none(), st.binary(max_size=20), st.sampled_from([b"1.0", b"application/cloudevents+json"])
)


@given(
    st.lists(st.tuples(_header_names, _header_values), max_size=8),
    st.one_of(st.none(), st.binary(max_size=60)),
    st.booleans(),
)
@settings(max_examples=examples(2_000), deadline=None)
def test_only_malformed_from_kafka(headers: Pairs, value: bytes | None, good_start: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever arrives, it is an event or Malformed."""
    try:
        event = from_kafka([*(MINIMAL if good_start else []), *headers], value)
    except Malformed:
        return
    _, again, data = to_kafka(event)
    assert from_kafka(again, data) == event
