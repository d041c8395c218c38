"""Write a feed's batches as events; the one place that says how a RawBatch is named and traced (design R6)."""

from typing import Final

from functions.domain.market import RawBatch
from functions.wire.codecs.market import RAW_BATCH, encode_raw_batch, read_raw_batch
from functions.wire.envelope import Event
from functions.wire.facts import PROTOBUF, batch_id, sequence_text, source_of

DIALECT_SCHEMA: Final = "urn:tickloom:dialect:"


def raw_event(batch: RawBatch, number: int, *, feed: str) -> Event:
    """Write batch `number` of a feed as an event.

    Its time is the greatest receive time of its rows; a batch without rows takes the feed's clock.

    Args:
        batch: What was received.
        number: Sequence number on the batch's stream, from 0 and contiguous.
        feed: Name of the feed.
    """
    source = source_of("feeds", feed, batch.stream)
    event_id = batch_id(source, number)
    return Event(
        id=event_id,
        source=source,
        type=RAW_BATCH,
        data=read_raw_batch.remember(encode_raw_batch(batch), batch),
        time_ns=int(batch.ts_receive.max()) if batch.row_count else batch.ts_cut_ns,
        datacontenttype=PROTOBUF,
        dataschema=DIALECT_SCHEMA + batch.dialect,
        extensions={
            "sequence": sequence_text(number),
            "partitionkey": batch.shard,
            "correlationid": event_id,
            "traceparent": trace_of(event_id),
        },
    )


def trace_of(event_id: str) -> str:
    """Derive the W3C traceparent of everything that follows from an event.

    >>> trace_of("6f0c6f5e-6f9a-5b0e-9c41-3f1b8a3c7d52")
    '00-6f0c6f5e6f9a5b0e9c413f1b8a3c7d52-9c413f1b8a3c7d52-01'
    """
    name = event_id.replace("-", "")
    return f"00-{name}-{name[16:]}-01"
