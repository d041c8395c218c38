"""Answer a RawBatch of a FIX session with the OrderFlow of its rows."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from functions.domain.flow import FlowEntry, OrderFlow
from functions.domain.market import RawBatch
from functions.handlers.transcribe import CARD
from functions.wire import facts
from functions.wire.codecs.flow import ORDER_FLOW, encode_order_flow
from functions.wire.codecs.market import RAW_BATCH, decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.fix.flow import read_flow

DIALECT: Final = "fix.44"


async def handle(event: Event) -> Event | None:
    """Tell every order message of a batch, in order; a batch without any is answered with nothing.

    Rows that are no order messages, or no messages at all, are `normalize`'s: it counts or refuses every row.

    Raises:
        Malformed: The event is no readable RawBatch, or one of another dialect.
    """
    if event.type != RAW_BATCH:
        detail = f"{CARD.name} reads {RAW_BATCH}, not {event.type}"
        raise Malformed(detail)
    raw = decode_raw_batch(event.data or b"")
    if raw.dialect != DIALECT:
        detail = f"{CARD.name} reads dialect {DIALECT}, not {raw.dialect[:64]!r}"
        raise Malformed(detail)
    entries = tuple(_entries(raw))
    if not entries:
        return None
    return facts.reply(
        event,
        name=CARD.name,
        version=CARD.version,
        message_type=ORDER_FLOW,
        data=encode_order_flow(OrderFlow(raw.shard, raw.stream, entries)),
        time_ns=max(one.ts_event or one.ts_sent for one in entries) or None,
    )


def _entries(raw: RawBatch) -> Iterator[FlowEntry]:
    oversized = {row.index for row in raw.oversized}
    for index, (begin, end) in enumerate(pairwise(raw.offsets.tolist())):
        if index in oversized:
            continue
        entry = read_flow(raw.payload[begin:end], raw.first_row + index, int(raw.ts_receive[index]))
        if entry is not None:
            yield entry
