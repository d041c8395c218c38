"""The envelope's own rules: what may be an event, and that one that exists cannot change."""

import copy
import gc
import pickle
import time
import tracemalloc

import pytest
from counts import examples
from envelopes import events, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.wire.envelope import Event
from functions.wire.errors import Malformed


@pytest.mark.parametrize("field", ["id", "type", "source"])
@pytest.mark.parametrize("value", ["", None, 7, b"x", ["x"]])
def test_required(field: str, value: object) -> None:
    """id, source and type are non-empty strings."""
    with pytest.raises(Malformed):
        sample(**{field: value})


@pytest.mark.parametrize(
    "bad", ["\x00", "\n", "\x1f", "\x7f", "\x85", "\x9f", "\ud800", "\ufdd0", "\ufffe", "\U0001ffff"]
)
@pytest.mark.parametrize("place", ["id", "type", "subject", "extension"])
def test_string_limits(place: str, bad: str) -> None:
    """Strings hold no control characters, noncharacters or lone surrogates."""
    with pytest.raises(Malformed):
        sample(extensions={"note": f"a{bad}b"}) if place == "extension" else sample(**{place: f"a{bad}b"})


@pytest.mark.parametrize("good", ["Euro € 😀", " ", "%", '"', "\u00a0", "\ue000", "\U0010fffd"])
def test_string_freedom(good: str) -> None:
    """All other characters are allowed."""
    assert sample(subject=good, extensions={"note": good}).subject == good


@pytest.mark.parametrize("source", ["a b", ":x", "1:b", "%zz", "%4", "é", "a#b#c", "http://[::1", "<x>", "a\\b", "{a}"])
def test_source_is_uri_reference(source: str) -> None:
    """A source is a URI-reference (RFC 3986)."""
    with pytest.raises(Malformed, match="source"):
        sample(source=source)


@pytest.mark.parametrize(
    "source",
    ["/a", "a", "a/b:c", "//h/p?q#f", "?q", "#f", "http://u:p@[::1]:80/x", "urn:a:b", "mailto:x@y", "/a/%C3%A9", "."],
)
def test_source_forms(source: str) -> None:
    """Absolute and relative forms are both URI-references."""
    assert sample(source=source).source == source


@pytest.mark.parametrize("schema", ["", "/relative", "x y:z", "1a:b", 7])
def test_dataschema_is_absolute(schema: object) -> None:
    """A dataschema is an absolute URI."""
    with pytest.raises(Malformed, match="dataschema"):
        sample(dataschema=schema)


@pytest.mark.parametrize("media_type", ["", "json", "a/", "/b", "a/b; c", "a b/c", "a/b\r\nx: y", 7])
def test_datacontenttype_is_media_type(media_type: object) -> None:
    """A datacontenttype is a media type."""
    with pytest.raises(Malformed, match="datacontenttype"):
        sample(datacontenttype=media_type)


def test_datacontenttype_is_read_once() -> None:
    """A media type is refused in one go, however many ways there are to share its white space out."""
    began = time.process_time()
    with pytest.raises(Malformed, match="datacontenttype"):
        sample(datacontenttype="a/b" + "; " * 24 + "@")
    assert time.process_time() - began < 0.5  # sharing it out in every way takes 2 s, and twice as long for each more


def test_long_attributes_are_not_kept() -> None:
    """An event leaves nothing behind that is long: anyone may send a source of a megabyte, and then another."""
    tracemalloc.start()
    try:
        for number in range(8):
            assert sample(source=f"/{number}" + "x" * 1_000_000).source.endswith("x")
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000


@pytest.mark.parametrize("media_type", ["a/b", "a/b;", "a/b; c=d", 'a/b;c="d, \\" e"', "application/vnd.x+json"])
def test_datacontenttype_forms(media_type: str) -> None:
    """Parameters may be quoted, and a semicolon may end the list (RFC 9110 section 5.6.6)."""
    assert sample(datacontenttype=media_type).datacontenttype == media_type


@pytest.mark.parametrize("name", ["", "Upper", "with-dash", "with_line", "ä", "a" * 21, 7, "٣"])
def test_extension_names(name: object) -> None:
    """Extension names are 1 to 20 characters of a-z and 0-9."""
    with pytest.raises(Malformed, match="names"):
        sample(extensions={name: "x"})


@pytest.mark.parametrize(
    "name", ["id", "source", "type", "specversion", "time", "subject", "data", "dataschema", "datacontenttype"]
)
def test_extensions_do_not_shadow(name: str) -> None:
    """An extension is never named like a core attribute."""
    with pytest.raises(Malformed, match="shadows"):
        sample(extensions={name: "x"})


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 1.5, None, [1], {"a": 1}])
def test_extension_values(value: object) -> None:
    """Extension values are text, 32 bit integers, booleans or bytes."""
    with pytest.raises(Malformed):
        sample(extensions={"level": value})


@pytest.mark.parametrize("name", ["partitionkey", "sequence"])
@pytest.mark.parametrize("value", ["", 7, True, b"x"])
def test_keys_are_texts(name: str, value: object) -> None:
    """The keys partitionkey and sequence are non-empty strings where they are present."""
    with pytest.raises(Malformed, match=name):
        sample(extensions={name: value})


@pytest.mark.parametrize("time_ns", [1.5, "now", True, 2**63, -(2**63) - 1])
def test_time_is_nanoseconds(time_ns: object) -> None:
    """Time is a whole number of nanoseconds in 64 bits."""
    with pytest.raises(Malformed, match="time"):
        sample(time_ns=time_ns)


def test_data_is_bytes() -> None:
    """Data that could change under the event is refused."""
    with pytest.raises(Malformed, match="data"):
        sample(data=bytearray(b"x"))


@pytest.mark.parametrize("extensions", [None, 7, "ab", [1]])
def test_extensions_are_a_mapping(extensions: object) -> None:
    """Extensions come as a mapping."""
    with pytest.raises(Malformed):
        sample(extensions=extensions)


def test_immutable() -> None:
    """Nothing of an event changes: not its fields, not its extensions, not through the caller's dict."""
    given_extensions = {"note": "before"}
    event = sample(extensions=given_extensions)
    given_extensions["note"] = "after"
    with pytest.raises(AttributeError):
        event.id = "other"  # type: ignore[misc] # that is the point
    with pytest.raises(TypeError):
        event.extensions["note"] = "other"  # type: ignore[index] # that is the point
    assert event.extensions["note"] == "before"


def test_equal_by_value() -> None:
    """Equal content is equal and hashes alike; the integer 1 and true differ, as they do on the wire."""
    assert sample() == sample()
    assert hash(sample()) == hash(sample())
    assert sample() != sample(id="other")
    assert sample(extensions={"flag": True}) != sample(extensions={"flag": 1})
    assert sample() != "an event"


@given(events())
@settings(max_examples=examples(500), deadline=None)
def test_copies_are_equal(event: Event) -> None:
    """A copied or pickled event equals the first."""
    assert pickle.loads(pickle.dumps(event)) == copy.deepcopy(event) == event  # noqa: S301 - our own bytes


@given(st.one_of(st.text(max_size=30), st.integers(), st.none(), st.binary(max_size=8)), st.text(max_size=30))
@settings(max_examples=examples(5000), deadline=None)
def test_only_malformed(value: object, text: str) -> None:
    """Whatever is put into an event, it is an event or Malformed."""
    for field in ("id", "source", "type", "subject", "datacontenttype", "dataschema", "extensions", "time_ns"):
        try:
            sample(**{field: value})
            sample(**{field: text}, data=value)
            sample(extensions={text: value})
        except Malformed:
            continue
