"""Write news and posts as `tickloom.news.v1` messages and read them back; what an item must have is checked here."""

from types import MappingProxyType
from typing import Final

from tickloom.market.v1 import tick_pb2
from tickloom.news.v1 import news_pb2

from functions.domain.news import BODY_CHARS_MAX, NewsBatch, NewsItem, NewsKind, NewsStatus, Symbology
from functions.wire.codecs.market import rejection_messages, rejection_values
from functions.wire.codecs.messages import parse
from functions.wire.errors import Malformed

NEWS_BATCH: Final = "tickloom.news.v1.NewsBatch"
NEWS_ITEM: Final = "tickloom.news.v1.NewsItem"
"""What names an item: its id is a function of this type, its source and the source's own id."""

KINDS: Final = MappingProxyType({NewsKind.NEWS: news_pb2.KIND_NEWS, NewsKind.SOCIAL: news_pb2.KIND_SOCIAL})
STATUSES: Final = MappingProxyType(
    {
        NewsStatus.PUBLISHED: news_pb2.STATUS_PUBLISHED,
        NewsStatus.UPDATED: news_pb2.STATUS_UPDATED,
        NewsStatus.CORRECTED: news_pb2.STATUS_CORRECTED,
        NewsStatus.WITHDRAWN: news_pb2.STATUS_WITHDRAWN,
    }
)
SYMBOLOGIES: Final = MappingProxyType(
    {
        Symbology.UNKNOWN: news_pb2.SYMBOLOGY_UNSPECIFIED,
        Symbology.TICKER: news_pb2.SYMBOLOGY_TICKER,
        Symbology.RIC: news_pb2.SYMBOLOGY_RIC,
        Symbology.CASHTAG: news_pb2.SYMBOLOGY_CASHTAG,
    }
)
KIND_OF: Final = MappingProxyType({number: kind for kind, number in KINDS.items()})
STATUS_OF: Final = MappingProxyType({number: status for status, number in STATUSES.items()})
SYMBOLOGY_OF: Final = MappingProxyType({number: one for one, number in SYMBOLOGIES.items()})


def encode_news_batch(batch: NewsBatch) -> bytes:
    """Write a batch of items; equal batches give equal bytes."""
    message = news_pb2.NewsBatch(
        shard=batch.shard,
        stream=batch.stream,
        first_row=batch.first_row,
        row_count=batch.row_count,
        items=map(_item_message, batch.items),
        rejections=rejection_messages(batch.rejections),
        kinds=[tick_pb2.KindCount(kind=kind, count=count) for kind, count in batch.kinds],
        heartbeat=batch.heartbeat,
        end_of_tape=batch.end_of_tape,
        ts_cut_ns=batch.ts_cut_ns,
    )
    return message.SerializeToString(deterministic=True)


def decode_news_batch(data: bytes) -> NewsBatch:
    """Read a batch of items.

    Raises:
        Malformed: The bytes are no NewsBatch or say nothing; or an item has no id, an unknown word or too long a body.
    """
    message = parse(news_pb2.NewsBatch, data)
    if not (message.row_count or message.heartbeat or message.end_of_tape):  # cut off, as protobuf allows
        detail = f"{NEWS_BATCH}: it has no rows, and is neither a heartbeat nor the end of a tape"
        raise Malformed(detail)
    return NewsBatch(
        shard=message.shard,
        stream=message.stream,
        first_row=message.first_row,
        row_count=message.row_count,
        items=tuple(map(_item, message.items)),
        rejections=rejection_values(message.rejections),
        kinds=tuple((one.kind, one.count) for one in message.kinds),
        heartbeat=message.heartbeat,
        end_of_tape=message.end_of_tape,
        ts_cut_ns=message.ts_cut_ns,
    )


def _item_message(value: NewsItem) -> news_pb2.NewsItem:
    return news_pb2.NewsItem(
        news_id=value.news_id,
        kind=KINDS[value.kind],
        source=value.source,
        native_id=value.native_id,
        headline=value.headline,
        body=value.body,
        body_truncated=value.body_truncated,
        url=value.url,
        language=value.language,
        author=value.author,
        tickers=value.tickers,
        symbology=SYMBOLOGIES[value.symbology],
        subjects=value.subjects,
        urgency=value.urgency,
        ts_published_ns=value.ts_published,
        ts_available_ns=value.ts_available,
        ts_receive_ns=value.ts_receive,
        revision=value.revision,
        status=STATUSES[value.status],
        syndication_key=value.syndication_key,
        content_key=value.content_key,
        duplicate_of=value.duplicate_of,
        row=value.row,
    )


def _item(message: news_pb2.NewsItem) -> NewsItem:
    _check(message)
    return NewsItem(
        news_id=message.news_id,
        kind=KIND_OF[message.kind],
        source=message.source,
        native_id=message.native_id,
        headline=message.headline,
        body=message.body,
        body_truncated=message.body_truncated,
        url=message.url,
        language=message.language,
        author=message.author,
        tickers=tuple(message.tickers),
        symbology=SYMBOLOGY_OF[message.symbology],
        subjects=tuple(message.subjects),
        urgency=message.urgency,
        ts_published=message.ts_published_ns if message.HasField("ts_published_ns") else None,
        ts_available=message.ts_available_ns,
        ts_receive=message.ts_receive_ns,
        revision=message.revision,
        status=STATUS_OF[message.status],
        syndication_key=message.syndication_key,
        content_key=message.content_key,
        duplicate_of=message.duplicate_of,
        row=message.row,
    )


def _check(message: news_pb2.NewsItem) -> None:
    faults = {
        "it has no news_id": not message.news_id,
        "it has no content_key": not message.content_key,
        f"kind {message.kind} is unknown": message.kind not in KIND_OF,
        f"status {message.status} is unknown": message.status not in STATUS_OF,
        f"symbology {message.symbology} is unknown": message.symbology not in SYMBOLOGY_OF,
        f"a body of {len(message.body)} characters is too long": len(message.body) > BODY_CHARS_MAX,
    }
    found = [fault for fault, present in faults.items() if present]
    if found:
        detail = f"news item {message.news_id!r} cannot be: {'; '.join(found)}"
        raise Malformed(detail)
