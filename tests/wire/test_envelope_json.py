"""The JSON event format: what it writes, what it takes, and what it must refuse (CloudEvents JSON format 1.0.2)."""

import json
from typing import Any

import pytest
from counts import examples
from envelopes import events, sample, typed_extensions
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.wire.attributes import parse_time, time_text
from functions.wire.envelope import TIME_NS_MAX, TIME_NS_MIN, Event
from functions.wire.errors import Malformed
from functions.wire.json_format import from_json, to_json

MINIMAL = '"specversion":"1.0","id":"1","source":"/a","type":"t"'


def read(members: str) -> Event:
    return from_json(f"{{{MINIMAL},{members}}}".encode())


def test_protobuf_is_base64() -> None:
    """Data that is no JSON stands in data_base64."""
    assert json.loads(to_json(sample()))["data_base64"] == "CgFh"


@pytest.mark.parametrize("media_type", ["application/json", "application/vnd.a+json; charset=utf-8", "text/json"])
def test_json_is_a_value(media_type: str) -> None:
    """JSON data stands in data as the value it is, and comes back byte for byte."""
    data = b'{"b": [1.50, 1e2, 12345678901234567890123],\n "a": "\\u00e9\xc3\xa9"}'
    event = sample(data=data, datacontenttype=media_type)
    assert isinstance(json.loads(to_json(event))["data"], dict)
    assert from_json(to_json(event)) == event


@pytest.mark.parametrize("data", [b"null", b"", b"{", b"NaN", b"1e400", b'{"a":1,"a":2}', b"\xff", b"\xef\xbb\xbf1"])
def test_not_quite_json(data: bytes) -> None:
    """Data that says JSON but is none, or is null, stands in data_base64 and is not lost."""
    event = sample(data=data, datacontenttype="application/json")
    assert from_json(to_json(event)) == event


def test_default_media_type() -> None:
    """Data without a media type is JSON, and the event says so."""
    assert read('"data":{"x": 1}') == Event(
        id="1", source="/a", type="t", data=b'{"x": 1}', datacontenttype="application/json"
    )


def test_text_data() -> None:
    """Data of another media type may stand as a string."""
    assert read('"datacontenttype":"text/plain","data":"h\\u00e9"').data == "hé".encode()


@pytest.mark.parametrize("members", ['"subject":null', '"data":null', '"time":null,"data_base64":null', '"note":null'])
def test_null_is_unset(members: str) -> None:
    """A member that is null is not set."""
    assert read(members) == Event(id="1", source="/a", type="t")


def test_typed_extensions() -> None:
    """Whole numbers and booleans keep their type."""
    assert dict(read('"count":7,"flag":true,"note":"x"').extensions) == {"count": 7, "flag": True, "note": "x"}


@pytest.mark.parametrize(
    "members",
    [
        '"id":"2"',
        '"data":1,"data_base64":"MQ=="',
        '"data":{"a":1,"a":2}',
        '"data":NaN',
        '"data":[Infinity]',
        '"data":1e400',
        '"data":-1e999',
        '"note":1.5',
        '"note":1.0',
        '"note":2147483648',
        '"note":{}',
        '"note":["a"]',
        '"subject":7',
        '"subject":""',
        '"subject":"a\\u0000"',
        '"subject":"\\ud800"',
        '"time":1723075200',
        '"time":"yesterday"',
        '"datacontenttype":7,"data":1',
        '"datacontenttype":"text/plain","data":{"a":1}',
        '"datacontenttype":"text/plain","data":"\\ud800"',
        '"data_base64":"a"',
        '"data_base64":"====="',
        '"data_base64":"YQ==\\n"',
        '"data_base64":"é"',
        '"data_base64":7',
        '"Upper":"x"',
        '"a_b":"x"',
        '"data":"\x01"',
        '"data":01',
        '"data":' + "[" * 100_000,
        '"data":' + "9" * 10_000,
    ],
)
def test_refused(members: str) -> None:
    """Doubled names, numbers that are none, wrong types, both kinds of data and bad Base64 are refused."""
    with pytest.raises(Malformed):
        read(members)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"7", b'"x"', b"{", b"\xff{}", b"\xef\xbb\xbf{}", b"{}x"])
def test_no_object(body: bytes) -> None:
    """An event is one JSON object in UTF-8 without a byte order mark."""
    with pytest.raises(Malformed):
        from_json(body)


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type"])
def test_missing_member(missing: str) -> None:
    """Every required attribute must be there; null is not there."""
    with pytest.raises(Malformed, match=missing):
        from_json(json.dumps({**json.loads(f"{{{MINIMAL}}}"), missing: None}).encode())


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00z", 0),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2024-08-08T02:30:00.5+02:30", 1_723_075_200_500_000_000),
        ("2024-08-07T19:00:00-05:00", 1_723_075_200_000_000_000),
        ("2024-02-29T00:00:00.123456789000Z", 1_709_164_800_123_456_789),
    ],
)
def test_times(text: str, time_ns: int) -> None:
    """Offsets and any number of digits are read; nothing is rounded."""
    assert parse_time(text) == time_ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-08-08",
        "2024-08-08 00:00:00Z",
        "2024-08-08T00:00:00",
        "2024-13-01T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-08-08T24:00:00Z",
        "2024-08-08T00:60:00Z",
        "2016-12-31T23:59:60Z",
        "2024-08-08T00:00:00.Z",
        "2024-08-08T00:00:00.1234567891Z",
        "2024-08-08T00:00:00+24:00",
        "2024-08-08T00:00:00+0200",
        "0000-01-01T00:00:00Z",
        "٢٠٢٤-08-08T00:00:00Z",
        "2024-08-08T00:00:00.12345678٣Z",
        "2024-08-08T00:00:00Z\n",
    ],
)
def test_bad_times(text: str) -> None:
    """What is no RFC 3339 time, or would lose digits as nanoseconds, is refused."""
    with pytest.raises(Malformed, match="time"):
        parse_time(text)


@given(st.integers(TIME_NS_MIN, TIME_NS_MAX))
@settings(max_examples=examples(2_000), deadline=None)
def test_time_round_trip(time_ns: int) -> None:
    """Every nanosecond comes back."""
    assert parse_time(time_text(time_ns)) == time_ns


@given(events(typed_extensions))
@settings(max_examples=examples(2_000), deadline=None)
def test_json_round_trip(event: Event) -> None:
    """Any event comes back as it was, but for white space around JSON data."""
    came = from_json(to_json(event))
    assert (came.data or b"").strip(b" \t\r\n") == (event.data or b"").strip(b" \t\r\n") or came.data == event.data
    assert came == Event(**{**fields(event), "data": came.data})


_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(_values)
@settings(max_examples=examples(5000), deadline=None)
def test_json_values_round_trip(value: object) -> None:
    """Any JSON value comes back, byte for byte."""
    event = sample(data=json.dumps(value).encode(), datacontenttype="application/json")
    assert from_json(to_json(event)) == event


_members = st.dictionaries(
    st.one_of(
        st.sampled_from(["id", "source", "type", "time", "data", "data_base64", "datacontenttype"]), st.text(max_size=4)
    ),
    _values,
    max_size=5,
)


@given(st.one_of(st.binary(max_size=60), _members.map(lambda found: json.dumps(found).encode())), st.booleans())
@settings(max_examples=examples(2_000), deadline=None)
def test_only_malformed_from_json(body: bytes, good_start: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever arrives, it is an event or Malformed."""
    text = b"{" + MINIMAL.encode() + b"," + body[1:] if good_start else body
    try:
        event = from_json(text)
    except Malformed:
        return
    assert from_json(to_json(event)) == event


def fields(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in Event.__slots__}
