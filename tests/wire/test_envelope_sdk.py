"""The CloudEvents SDK 1.12 as an independent reader and writer: where it is right, we agree with it."""

import json
from typing import Any

import pytest
from cloudevents import http as sdk
from cloudevents.conversion import to_binary, to_structured
from cloudevents.kafka import KafkaMessage
from cloudevents.kafka import from_binary as sdk_from_kafka
from counts import examples
from envelopes import events, names, sample, sources, times
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.adapters.cloudevents_sdk import from_sdk, to_sdk
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.http_binding import from_http, to_http, to_http_structured
from functions.wire.kafka_binding import to_kafka

# The SDK neither encodes nor decodes percent signs and spaces, so values stay in what needs neither.
_plain = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='%"'), min_size=1, max_size=20
)
_json = st.dictionaries(_plain, st.one_of(st.integers(), _plain, st.booleans()), max_size=4)
plain_events = st.builds(
    Event,
    id=_plain,
    source=sources.filter(lambda source: "%" not in source),
    type=_plain,
    data=_json.map(lambda value: json.dumps(value).encode()),
    time_ns=times.filter(lambda time_ns: time_ns is not None),
    subject=st.one_of(st.none(), _plain),
    datacontenttype=st.just("application/json"),
    extensions=st.dictionaries(names, _plain, max_size=5),
)


def as_text(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers}


def as_raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def attributes(event: Event) -> dict[str, Any]:
    return dict(to_sdk(event).get_attributes())


@given(plain_events)
@settings(max_examples=examples(2000), deadline=None)
def test_sdk_reads_binary(event: Event) -> None:
    """What we write in binary mode the SDK reads as the same attributes and data."""
    headers, body = to_http(event)
    read = sdk.from_http(as_text(headers), body)
    assert read.get_attributes() == attributes(event)
    assert read.get_data() == json.loads(event.data or b"")


@given(plain_events)
@settings(max_examples=examples(2000), deadline=None)
def test_sdk_reads_structured(event: Event) -> None:
    """What we write in structured mode the SDK reads as the same attributes and data."""
    headers, body = to_http_structured(event)
    read = sdk.from_http(as_text(headers), body)
    assert read.get_attributes() == attributes(event)
    assert read.get_data() == json.loads(event.data or b"")


@given(plain_events)
@settings(max_examples=examples(2000), deadline=None)
def test_sdk_reads_kafka(event: Event) -> None:
    """What we write as a Kafka record the SDK reads as the same attributes and data."""
    _, headers, value = to_kafka(event)
    # Given a record key, the SDK puts its bytes in place of the attribute, which the binding forbids.
    read = sdk_from_kafka(KafkaMessage(dict(headers), None, value or b""), data_unmarshaller=json.loads)
    found = {name: text for name, text in read.get_attributes().items() if text is not None}
    assert found == {name: text for name, text in attributes(event).items() if text is not None}
    assert read.get_data() == json.loads(event.data or b"")


@given(plain_events)
@settings(max_examples=examples(2000), deadline=None)
def test_we_read_sdk(event: Event) -> None:
    """What the SDK writes in either mode we read as the event it was."""
    foreign = sdk.CloudEvent(attributes(event), json.loads(event.data or b""))
    headers, body = to_binary(foreign)
    binary = from_http(as_raw(headers), body)
    headers, body = to_structured(foreign)
    structured = from_http(as_raw(headers), body)
    for came in (binary, structured):
        assert json.loads(came.data or b"") == json.loads(event.data or b"")
        assert attributes(came) == attributes(event)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ce-subject", "%C0%A0"),
        ("ce-subject", '"open'),
        ("ce-type", "a\x01"),
        ("ce-source", "not a uri"),
        ("ce-datacontenttype", "a/b"),
        ("ce-time", "noon"),
    ],
)
def test_stricter_than_sdk(header: str, value: str) -> None:
    """Where the SDK takes what the specification refuses, we refuse."""
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/a", "ce-type": "t", header: value}
    assert sdk.from_http(headers, b"{}")
    with pytest.raises(Malformed):
        from_http(as_raw(headers), b"{}")


@given(events())
@settings(max_examples=examples(2000), deadline=None)
def test_conversion_round_trip(event: Event) -> None:
    """An event converted for the SDK and back is the same."""
    assert from_sdk(to_sdk(event)) == event


def test_no_clock() -> None:
    """The SDK's habit of stamping events with the current time does not reach ours."""
    assert from_sdk(to_sdk(sample(time_ns=None))).time_ns is None


@pytest.mark.parametrize(
    ("data", "expected"), [({"a": [1]}, b'{"a":[1]}'), ("é", "é".encode()), (None, None), (b"x", b"x")]
)
def test_foreign_data(data: object, expected: bytes | None) -> None:
    """Data of an outsider's event becomes bytes."""
    assert from_sdk(sdk.CloudEvent({"type": "t", "source": "/a"}, data)).data == expected


@pytest.mark.parametrize("data", [{"a": float("nan")}, {"a": object()}])
def test_foreign_data_refused(data: object) -> None:
    """Data that JSON cannot say is refused."""
    with pytest.raises(Malformed):
        from_sdk(sdk.CloudEvent({"type": "t", "source": "/a"}, data))
