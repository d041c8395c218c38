"""Sentiment batches survive the wire exactly, and impossible ones are refused."""

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tickloom.inference.v1 import prediction_pb2, sentiment_pb2
from tickloom.news.v1 import news_pb2
from worded import item, scored, unscored

from functions.domain.news import NewsKind, NewsStatus, Symbology
from functions.domain.sentiment import ScoredItem, SentimentBatch
from functions.wire.codecs.sentiment import SENTIMENT_BATCH, decode_sentiment_batch, encode_sentiment_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.rows import STREAMS, render

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=12)
NAME = st.text(min_size=1, max_size=12)
ITEMS = st.builds(
    ScoredItem,
    news_id=NAME,
    content_key=NAME,
    syndication_key=TEXT,
    kind=st.sampled_from(NewsKind),
    source=TEXT,
    tickers=st.lists(TEXT, max_size=3).map(tuple),
    symbology=st.sampled_from(Symbology),
    status=st.sampled_from(NewsStatus),
    revision=INT64,
    ts_available=INT64,
    ts_receive=INT64,
    row=st.integers(0, 2**64 - 1),
    duplicate_of=TEXT,
)
BATCHES = st.builds(
    SentimentBatch,
    shard=TEXT,
    stream=TEXT,
    first_row=st.integers(0, 2**64 - 1),
    row_count=st.integers(1, 512),
    items=st.lists(ITEMS, max_size=3).map(tuple),
    heartbeat=st.booleans(),
    end_of_tape=st.booleans(),
    ts_cut_ns=INT64,
)
SCORED = scored(item("a", "Shares rise"), item("b", "Shares fall"))


@given(BATCHES)
@settings(max_examples=examples(500), deadline=None)
def test_round_trip(batch: SentimentBatch) -> None:
    """What is decoded is what was encoded."""
    data = encode_sentiment_batch(batch)
    found = decode_sentiment_batch(data)
    assert (found.items, found.shard, found.stream, found.row_count) == (
        batch.items,
        batch.shard,
        batch.stream,
        batch.row_count,
    )
    assert encode_sentiment_batch(found) == data


@pytest.mark.parametrize("batch", [SCORED, unscored(item())])
def test_answers_round_trip(batch: SentimentBatch) -> None:
    """Figures travel bit for bit, and so does why there are none."""
    (sent,), (found,) = batch.outputs, decode_sentiment_batch(encode_sentiment_batch(batch)).outputs
    assert found.values.tobytes() == sent.values.tobytes()
    assert (found.names, found.degraded_reason) == (sent.names, sent.degraded_reason)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"news_id": ""}, "no news_id"),
        ({"content_key": ""}, "no content_key"),
        ({"kind": 0}, "kind 0 is unknown"),
        ({"status": 9}, "status 9 is unknown"),
        ({"symbology": 9}, "symbology 9 is unknown"),
    ],
)
def test_impossible_items(change: dict[str, object], found: str) -> None:
    """An item that cannot be is refused, and the message says what was found."""
    made = sentiment_pb2.SentimentItem(
        news_id="n", content_key="c", kind=news_pb2.KIND_NEWS, status=news_pb2.STATUS_PUBLISHED
    )
    for name, value in change.items():
        setattr(made, name, value)
    with pytest.raises(Malformed, match=found):
        decode_sentiment_batch(sentiment_pb2.SentimentBatch(row_count=1, items=[made]).SerializeToString())


def test_answer_of_other_length() -> None:
    """An answer that does not fit the items is refused."""
    output = prediction_pb2.ModelOutput(model="m", scores=np.zeros(2).tobytes(), states=b"\x01\x01")
    with pytest.raises(Malformed, match="scores has 16 bytes"):
        decode_sentiment_batch(sentiment_pb2.SentimentBatch(row_count=1, outputs=[output]).SerializeToString())


def test_nothing_at_all() -> None:
    """An event without data is no batch."""
    with pytest.raises(Malformed, match="no rows"):
        decode_sentiment_batch(b"")


@given(st.binary(max_size=200))
@settings(max_examples=examples(2000), deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are read or refused as malformed, and nothing else happens."""
    try:
        decode_sentiment_batch(data)
    except Malformed:
        return


def test_canonical_rows() -> None:
    """Each item and model is one row of the stream `sentiment`."""
    event = Event("1", "/a/b", SENTIMENT_BATCH, data=encode_sentiment_batch(SCORED))
    found = list(render(event))
    assert "sentiment" in STREAMS
    assert [one.stream for one in found] == ["sentiment"] * 2
    assert b'"bullish":0.7999999999999999' in found[0].line
