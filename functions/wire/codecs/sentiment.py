"""Write what models say of news as `tickloom.inference.v1` messages and read it back; it is checked here."""

from typing import Final

from tickloom.inference.v1 import sentiment_pb2

from functions.domain.sentiment import ScoredItem, SentimentBatch
from functions.wire.codecs.messages import parse, refuse
from functions.wire.codecs.news import KIND_OF, KINDS, STATUS_OF, STATUSES, SYMBOLOGIES, SYMBOLOGY_OF
from functions.wire.codecs.predictions import output_fields, output_values

SENTIMENT_BATCH: Final = "tickloom.inference.v1.SentimentBatch"


def encode_sentiment_batch(batch: SentimentBatch) -> bytes:
    """Write a batch; equal batches give equal bytes."""
    message = sentiment_pb2.SentimentBatch(
        shard=batch.shard,
        stream=batch.stream,
        first_row=batch.first_row,
        row_count=batch.row_count,
        items=map(_item_message, batch.items),
        outputs=[output_fields(output) for output in batch.outputs],
        heartbeat=batch.heartbeat,
        end_of_tape=batch.end_of_tape,
        ts_cut_ns=batch.ts_cut_ns,
    )
    return message.SerializeToString(deterministic=True)


def decode_sentiment_batch(data: bytes) -> SentimentBatch:
    """Read a batch.

    Raises:
        Malformed: The bytes are no SentimentBatch or say nothing, an item has no id or an unknown word, or an answer
            does not fit the items.
    """
    message = parse(sentiment_pb2.SentimentBatch, data)
    says = bool(message.row_count or message.heartbeat or message.end_of_tape)
    refuse(SENTIMENT_BATCH, {"it has no rows, and is neither a heartbeat nor the end of a tape": not says})
    return SentimentBatch(
        shard=message.shard,
        stream=message.stream,
        first_row=message.first_row,
        row_count=message.row_count,
        items=tuple(map(_item, message.items)),
        outputs=tuple(output_values(message.outputs, len(message.items))),
        heartbeat=message.heartbeat,
        end_of_tape=message.end_of_tape,
        ts_cut_ns=message.ts_cut_ns,
    )


def _item_message(value: ScoredItem) -> sentiment_pb2.SentimentItem:
    return sentiment_pb2.SentimentItem(
        news_id=value.news_id,
        content_key=value.content_key,
        syndication_key=value.syndication_key,
        kind=KINDS[value.kind],
        source=value.source,
        tickers=value.tickers,
        symbology=SYMBOLOGIES[value.symbology],
        status=STATUSES[value.status],
        revision=value.revision,
        ts_available_ns=value.ts_available,
        ts_receive_ns=value.ts_receive,
        row=value.row,
        duplicate_of=value.duplicate_of,
    )


def _item(message: sentiment_pb2.SentimentItem) -> ScoredItem:
    faults = {
        "it has no news_id": not message.news_id,
        "it has no content_key": not message.content_key,
        f"kind {message.kind} is unknown": message.kind not in KIND_OF,
        f"status {message.status} is unknown": message.status not in STATUS_OF,
        f"symbology {message.symbology} is unknown": message.symbology not in SYMBOLOGY_OF,
    }
    refuse(f"scored item {message.news_id!r}", faults)
    return ScoredItem(
        news_id=message.news_id,
        content_key=message.content_key,
        syndication_key=message.syndication_key,
        kind=KIND_OF[message.kind],
        source=message.source,
        tickers=tuple(message.tickers),
        symbology=SYMBOLOGY_OF[message.symbology],
        status=STATUS_OF[message.status],
        revision=message.revision,
        ts_available=message.ts_available_ns,
        ts_receive=message.ts_receive_ns,
        row=message.row,
        duplicate_of=message.duplicate_of,
    )
