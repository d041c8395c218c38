"""News batches survive the wire exactly, and impossible ones are refused."""

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tickloom.news.v1 import news_pb2

from functions.domain.market import Rejection
from functions.domain.news import BODY_CHARS_MAX, NewsBatch, NewsItem, NewsKind, NewsStatus, Symbology
from functions.wire.codecs.news import decode_news_batch, encode_news_batch
from functions.wire.errors import Malformed

INT64 = st.integers(-(2**63), 2**63 - 1)
UINT64 = st.integers(0, 2**64 - 1)
TEXT = st.text(max_size=12)
NAME = st.text(min_size=1, max_size=12)
WORDS = st.lists(TEXT, max_size=3).map(tuple)
ITEMS = st.builds(
    NewsItem,
    news_id=NAME,
    kind=st.sampled_from(NewsKind),
    source=TEXT,
    native_id=TEXT,
    headline=TEXT,
    body=TEXT,
    ts_available=INT64,
    ts_receive=INT64,
    syndication_key=TEXT,
    content_key=NAME,
    row=UINT64,
    status=st.sampled_from(NewsStatus),
    revision=INT64,
    ts_published=st.none() | INT64,
    body_truncated=st.booleans(),
    url=TEXT,
    language=TEXT,
    author=TEXT,
    tickers=WORDS,
    symbology=st.sampled_from(Symbology),
    subjects=WORDS,
    urgency=st.integers(0, 9),
    duplicate_of=TEXT,
)
REJECTIONS = st.builds(Rejection, UINT64, TEXT, TEXT, st.binary(max_size=9), TEXT, INT64, TEXT, spool_ref=TEXT)
BATCHES = st.builds(
    NewsBatch,
    shard=TEXT,
    stream=TEXT,
    first_row=UINT64,
    row_count=st.integers(1, 512),
    items=st.lists(ITEMS, max_size=3).map(tuple),
    rejections=st.lists(REJECTIONS, max_size=2).map(tuple),
    kinds=st.lists(st.tuples(TEXT, st.integers(0, 9)), max_size=2).map(tuple),
    heartbeat=st.booleans(),
    end_of_tape=st.booleans(),
    ts_cut_ns=INT64,
)


@given(BATCHES)
@settings(max_examples=examples(500), deadline=None)
def test_round_trip(batch: NewsBatch) -> None:
    """What is decoded is what was encoded, a time that was not told included."""
    data = encode_news_batch(batch)
    assert decode_news_batch(data) == batch
    assert encode_news_batch(decode_news_batch(data)) == data


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"news_id": ""}, "no news_id"),
        ({"content_key": ""}, "no content_key"),
        ({"kind": 0}, "kind 0 is unknown"),
        ({"status": 9}, "status 9 is unknown"),
        ({"symbology": 9}, "symbology 9 is unknown"),
        ({"body": "x" * (BODY_CHARS_MAX + 1)}, "too long"),
    ],
)
def test_impossible_items(change: dict[str, object], found: str) -> None:
    """An item that cannot be is refused, and the message says what was found."""
    item = news_pb2.NewsItem(news_id="n", content_key="c", kind=news_pb2.KIND_NEWS, status=news_pb2.STATUS_PUBLISHED)
    for name, value in change.items():
        setattr(item, name, value)
    with pytest.raises(Malformed, match=found):
        decode_news_batch(news_pb2.NewsBatch(row_count=1, items=[item]).SerializeToString())


def test_nothing_at_all() -> None:
    """An event without data, or cut off behind its head, is no batch; the clock and the end have no rows."""
    for data in (b"", news_pb2.NewsBatch(shard="S", stream="S.news").SerializeToString()):
        with pytest.raises(Malformed, match="no rows"):
            decode_news_batch(data)
    for mark in ("heartbeat", "end_of_tape"):
        assert getattr(decode_news_batch(news_pb2.NewsBatch(**{mark: True}).SerializeToString()), mark)


@given(st.binary(max_size=200))
@settings(max_examples=examples(2000), deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are read or refused as malformed, and nothing else happens."""
    try:
        decode_news_batch(data)
    except Malformed:
        return
