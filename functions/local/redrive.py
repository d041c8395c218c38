"""Send dead letters again: a rejected row as a batch of its own, a buried event as it was."""

import dataclasses
from types import MappingProxyType
from typing import Final

import numpy as np

from functions.adapters.postgres_dead_letters import DeadLetter
from functions.domain.market import RawBatch
from functions.wire.envelope import Event
from functions.wire.facts import batch_id, source_of
from functions.wire.raw import raw_event, trace_of

NAME: Final = "redrive"
_BURIAL: Final = ("knativeerrordest", "knativeerrorcode", "knativeerrordata")


def source_for(stream: str) -> str:
    """Give the source of redriven rows of a stream; it has a sequence of its own."""
    return source_of("cli", NAME, f"{stream}.{NAME}")


def row_event(letter: DeadLetter, number: int, *, payload: bytes) -> Event:
    """Write a rejected row, mended or as it was, as batch `number` of the stream's redrive source.

    The row keeps its name (stream, row), so it is folded where it belongs; bars take it as late.
    """
    rejection = letter.rejection
    batch = RawBatch(
        shard=letter.shard,
        stream=letter.stream,
        dialect=rejection.dialect,
        first_row=rejection.row,
        payload=payload,
        offsets=np.array([0, len(payload)], dtype="<u4"),
        ts_receive=np.array([rejection.ts_receive], dtype="<i8"),
        symbol=rejection.symbol,
        ts_cut_ns=rejection.ts_receive,
    )
    source = source_for(letter.stream)
    event = raw_event(batch, number, feed=NAME)
    event_id = batch_id(source, number)
    extensions = {**event.extensions, "correlationid": event_id, "traceparent": trace_of(event_id)}
    return dataclasses.replace(event, id=event_id, source=source, extensions=MappingProxyType(extensions))


def unburied(event: Event) -> Event:
    """Take off what the burial added; id and sequence stay, so nothing is done twice."""
    extensions = {name: value for name, value in event.extensions.items() if name not in _BURIAL}
    return dataclasses.replace(event, extensions=MappingProxyType(extensions))
