"""Make events for tests: a typical one, and any valid one (hypothesis)."""

from typing import Any

from hypothesis import strategies as st

from functions.wire.envelope import CORE_NAMES, INTEGER_MAX, INTEGER_MIN, TIME_NS_MAX, TIME_NS_MIN, Event

BATCH = "tickloom.market.v1.RawBatch"


def sample(**changes: Any) -> Event:  # noqa: ANN401 - also what no event may have
    """Give a typical event of ours, with some fields changed."""
    fields: dict[str, Any] = {
        "id": "3d0f8f0c-55aa-5d2c-9d3e-d7c7f0f0a001",
        "source": "/tickloom/feeds/replay/BINANCE-0.replay",
        "type": BATCH,
        "data": b"\x0a\x01a",
        "time_ns": 1_723_075_200_123_456_789,
        "datacontenttype": "application/protobuf",
        "extensions": {"partitionkey": "BINANCE-0", "sequence": "00000000000000000007"},
    }
    return Event(**{**fields, **changes})


# Noncharacters are of category Cn, DEL and the C1 controls of Cc.
texts = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=20)
names = st.one_of(
    st.sampled_from(["partitionkey", "sequence", "traceparent"]),
    st.text("abcxyz019", min_size=1, max_size=20).filter(lambda name: name not in CORE_NAMES),
)
sources = st.sampled_from(
    [
        "/tickloom/feeds/replay/BINANCE-0.replay",
        "urn:a:b",
        "https://example.com/a?b=%20#c",
        "a/b:c",
        "//host/x",
        "m:a@b",
    ]
)
schemas = st.one_of(st.none(), st.sampled_from(["urn:s:1", "https://example.com/s/%C3%A9?v=1#top"]))
media_types = st.sampled_from(
    ["application/protobuf", "application/json", "text/plain; charset=utf-8", "a/b+json", 'x/y; q="a, b"', "image/png"]
)
times = st.one_of(st.none(), st.integers(TIME_NS_MIN, TIME_NS_MAX))
plain_extensions = st.dictionaries(names, texts, max_size=4)
typed_extensions = st.dictionaries(
    names, st.one_of(texts, st.booleans(), st.integers(INTEGER_MIN, INTEGER_MAX)), max_size=4
).map(lambda found: {k: v for k, v in found.items() if k not in {"partitionkey", "sequence"} or isinstance(v, str)})


def events(extensions: st.SearchStrategy[Any] = plain_extensions) -> st.SearchStrategy[Event]:
    """Give any valid event whose data is present and has a media type."""
    return st.builds(
        Event,
        id=texts,
        source=sources,
        type=texts,
        data=st.binary(max_size=60),
        time_ns=times,
        subject=st.one_of(st.none(), texts),
        datacontenttype=media_types,
        dataschema=schemas,
        extensions=extensions,
    )
