"""The HTTP binding: what it writes, what it takes, and what it must refuse (CloudEvents HTTP binding 1.0.2)."""

import pytest
from counts import examples
from envelopes import events, sample, typed_extensions
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.wire.attributes import value_text
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.http_binding import from_http, to_http, to_http_structured

Pairs = list[tuple[bytes, bytes]]

MINIMAL: Pairs = [(b"ce-specversion", b"1.0"), (b"ce-id", b"1"), (b"ce-source", b"/a"), (b"ce-type", b"t")]


def with_header(name: bytes, value: bytes) -> Pairs:
    return [pair for pair in MINIMAL if pair[0] != name] + [(name, value)]


def test_binary_headers() -> None:
    """Attributes become ce- headers, the media type is content-type, data is the body."""
    headers, body = to_http(sample(subject="a"))
    assert headers == [
        (b"ce-specversion", b"1.0"),
        (b"ce-id", b"3d0f8f0c-55aa-5d2c-9d3e-d7c7f0f0a001"),
        (b"ce-source", b"/tickloom/feeds/replay/BINANCE-0.replay"),
        (b"ce-type", b"tickloom.market.v1.RawBatch"),
        (b"ce-time", b"2024-08-08T00:00:00.123456789Z"),
        (b"ce-subject", b"a"),
        (b"ce-partitionkey", b"BINANCE-0"),
        (b"ce-sequence", b"00000000000000000007"),
        (b"content-type", b"application/protobuf"),
    ]
    assert body == b"\x0a\x01a"


def test_percent_encoding() -> None:
    """The specification's own example is written as it says."""
    headers = dict(to_http(sample(subject="Euro € 😀"))[0])
    assert headers[b"ce-subject"] == b"Euro%20%E2%82%AC%20%F0%9F%98%80"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        (b"%41%2d%7E", "A-~"),  # encoding that was not needed
        (b"%2525", "%25"),  # one round only
        (b'"a b"', "a b"),
        (rb'"a \"b\" \\ %41"', 'a "b" \\ A'),  # quotes first, then percent signs
        (b"a b", "a b"),  # as older versions of the binding wrote it
        (b'a"b', 'a"b'),
        (b"  padded\t", "padded"),
    ],
)
def test_decoding(raw: bytes, text: str) -> None:
    """Quotes are undone first, then one round of percent-decoding."""
    assert from_http(with_header(b"ce-subject", raw), b"").subject == text


@pytest.mark.parametrize(
    "raw",
    [
        b"%C0%A0",
        b"%FF",
        b"%ED%A0%80",
        b"%F4%90%80%80",
        b"%",
        b"%4",
        b"%zz",
        b"\xe9",
        b'"open',
        b'"a"b"',
        b"%00",
        b"%0A",
    ],
)
def test_bad_encoding(raw: bytes) -> None:
    """Overlong or invalid UTF-8, stray percent signs, raw bytes, open quotes and encoded controls are refused."""
    with pytest.raises(Malformed):
        from_http(with_header(b"ce-subject", raw), b"")


@pytest.mark.parametrize("missing", [b"ce-specversion", b"ce-id", b"ce-source", b"ce-type"])
def test_missing_attribute(missing: bytes) -> None:
    """Every required attribute must be there."""
    with pytest.raises(Malformed, match=missing.decode()[3:]):
        from_http([pair for pair in MINIMAL if pair[0] != missing], b"")


@pytest.mark.parametrize("version", [b"0.3", b"1", b"1.1", b"", b"2.0"])
def test_version(version: bytes) -> None:
    """Only version 1.0 is understood."""
    with pytest.raises(Malformed, match="specversion"):
        from_http(with_header(b"ce-specversion", version), b"")


@pytest.mark.parametrize(
    "extra",
    [
        (b"ce-id", b"1"),
        (b"CE-ID", b"1"),
        (b"ce-datacontenttype", b"a/b"),
        (b"ce-data", b"x"),
        (b"ce-data_base64", b"x"),
        (b"ce-", b"x"),
        (b"ce-a-b", b"x"),
        (b"ce-\xe9", b"x"),
        (b"ce-sequence", b""),
        (b"content-type", b""),
        (b"content-type", b"nonsense"),
    ],
)
def test_bad_header(extra: tuple[bytes, bytes]) -> None:
    """Doubled headers, ce-datacontenttype, and names or values no attribute may have are refused."""
    with pytest.raises(Malformed):
        from_http([*MINIMAL, extra], b"")


def test_double_media_type() -> None:
    """A message has one content-type."""
    with pytest.raises(Malformed):
        from_http([*MINIMAL, (b"content-type", b"a/b"), (b"Content-Type", b"a/b")], b"")


@pytest.mark.parametrize(
    "media_type",
    [
        b"application/cloudevents-batch+json",
        b"application/cloudevents+xml",
        b"application/cloudevents",
        b"Application/CloudEvents-Batch+JSON; charset=utf-8",
        b"application/cloudevents+json; charset=utf-16",
    ],
)
def test_other_modes(media_type: bytes) -> None:
    """Batches, other event formats and other character sets are refused, even beside good headers."""
    with pytest.raises(Malformed):
        from_http([*MINIMAL, (b"content-type", media_type)], b"[]")


def test_header_case() -> None:
    """Header names are compared without case; other headers are no concern."""
    headers = [(name.upper(), value) for name, value in MINIMAL]
    event = from_http([*headers, (b"Content-Type", b"a/b"), (b"Prefer", b"reply")], b"x")
    assert event == Event(id="1", source="/a", type="t", datacontenttype="a/b", data=b"x")


@pytest.mark.parametrize(("headers", "data"), [(MINIMAL, None), ([*MINIMAL, (b"content-type", b"a/b")], b"")])
def test_empty_body(headers: Pairs, data: bytes | None) -> None:
    """An empty body is empty data where a media type says that there is some, else no data."""
    assert from_http(headers, b"").data == data


def test_event_inside_event() -> None:
    """An event that carries an event in JSON travels in structured mode, or it would be taken for what it carries."""
    inner = to_http_structured(sample(id="inner"))[1]
    outer = sample(id="outer", datacontenttype="application/cloudevents+json", data=inner)
    assert from_http(*to_http(outer)) == outer


@given(events())
@settings(max_examples=examples(2_000), deadline=None)
def test_binary_round_trip(event: Event) -> None:
    """Any event comes back from binary mode as it was."""
    assert from_http(*to_http(event)) == event


@given(events(typed_extensions))
@settings(max_examples=examples(2000), deadline=None)
def test_binary_keeps_texts(event: Event) -> None:
    """Numbers and booleans come back as their canonical text: headers have no types."""
    came = from_http(*to_http(event))
    assert dict(came.extensions) == {name: value_text(value) for name, value in event.extensions.items()}


@given(events(typed_extensions).filter(lambda event: not (event.datacontenttype or "").endswith("json")))
@settings(max_examples=examples(2_000), deadline=None)
def test_structured_round_trip(event: Event) -> None:
    """Any event comes back from structured mode as it was."""
    assert from_http(*to_http_structured(event)) == event


_header_names = st.one_of(
    st.sampled_from([name for name, _ in MINIMAL] + [b"ce-time", b"ce-subject", b"content-type", b"ce-dataschema"]),
    st.binary(max_size=6).map(lambda tail: b"ce-" + tail),
)
_header_values = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([b"1.0", b"/a", b'"', b"%", b"application/cloudevents+json", b"application/json", b"a/b", b"2024"]),
)


@given(st.lists(st.tuples(_header_names, _header_values), max_size=8), st.binary(max_size=60), st.booleans())
@settings(max_examples=examples(2_000), deadline=None)
def test_only_malformed_from_http(headers: Pairs, body: bytes, good_start: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever arrives, it is an event or Malformed."""
    try:
        event = from_http([*(MINIMAL if good_start else []), *headers], body)
    except Malformed:
        return
    assert from_http(*to_http(event)) == event
