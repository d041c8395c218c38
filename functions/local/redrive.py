"""Send dead letters again: a rejected row as a batch of its own, a buried event as it was."""

import dataclasses
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from functions.adapters.postgres_dead_letters import DeadLetter
from functions.domain.market import RawBatch
from functions.local.log import find
from functions.wire.codecs.market import RAW_BATCH, decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.facts import batch_id, sequence_of, source_of
from functions.wire.raw import raw_event, trace_of

NAME: Final = "redrive"
MARKET: Final = "market"
DOCUMENTS: Final = ("news", "calendar")
"""Ends of streams by which Triggers know documents, on the brokers of the feeds of these names."""
_OF_FEED: Final = f"type = '{RAW_BATCH}' AND source LIKE '/tickloom/feeds/%' AND substr(source, -length(?)) = ?"
_BURIAL: Final = ("knativeerrordest", "knativeerrorcode", "knativeerrordata")


def source_for(stream: str) -> str:
    """Give the source of redriven rows of a stream; it has a sequence of its own.

    >>> source_for("BINANCE-0.replay"), source_for("NEWS-0.news")
    ('/tickloom/cli/redrive/BINANCE-0.replay.redrive', '/tickloom/cli/redrive/NEWS-0.redrive.news')
    """
    head, _, kind = stream.rpartition(".")
    return source_of("cli", NAME, f"{head}.{NAME}.{kind}" if kind in DOCUMENTS else f"{stream}.{NAME}")


def broker_of(stream: str, sources: Mapping[str, str]) -> str:
    """Give the broker that a stream's rows go to: that of its feed, by whose name it ends, else the market's.

    Args:
        stream: The stream.
        sources: Brokers by feed, as the wiring has them.
    """
    return sources.get(stream.rpartition(".")[2], MARKET)


@dataclass(frozen=True, slots=True)
class Place:
    """Say where a redriven row joins its stream.

    Args:
        number: Next number of the stream's redrive source.
        dialect: Dialect of the stream's rows; empty when the log has none of its batches.
        bar_channel: Channel whose trades feed the stream's bars.
        ended: Whether the stream's tape has ended.
    """

    number: int
    dialect: str = ""
    bar_channel: str = ""
    ended: bool = False


def place_of(log: pathlib.Path, stream: str) -> Place:
    """Find in a log where a row joins its stream: behind what was redriven, under the rules of the feed's batches."""
    last = find(log, where="source = ?", values=(source_for(stream),), newest=1)
    number = sequence_of(last[0][2]) + 1 if last else 0
    newest = _batch_before(log, stream)
    if newest is None:
        return Place(number)
    return Place(number, newest.dialect, newest.bar_channel, ended=newest.end_of_tape)


def row_in(log: pathlib.Path, stream: str, row: int) -> bytes:
    """Find a row's bytes as the feed sent them: a letter keeps only the first KiB, or none; empty when not there."""
    low, high = 0, max((offset for offset, _, _ in find(log, newest=1)), default=0)
    while low < high:  # the newest batch at or before an offset begins at a row that grows with the offset
        middle = (low + high + 1) // 2
        batch = _batch_before(log, stream, middle)
        low, high = (middle, high) if batch is None or batch.first_row <= row else (low, middle - 1)
    batch = _batch_before(log, stream, low)
    at = row - batch.first_row if batch else 0
    if batch is None or not 0 <= at < batch.row_count:
        return b""
    return batch.payload[int(batch.offsets[at]) : int(batch.offsets[at + 1])]


def _batch_before(log: pathlib.Path, stream: str, offset: int = 2**62) -> RawBatch | None:
    """Read the newest readable batch that a feed sent on a stream, at or before an offset."""
    tail = f"/{stream}"
    while found := find(log, where=f"{_OF_FEED} AND offset <= ?", values=(tail, tail, offset), newest=1):
        at, _, event = found[0]
        try:
            return decode_raw_batch(event.data or b"")
        except Malformed:  # it was buried for that
            offset = at - 1
    return None


def row_events(letter: DeadLetter, place: Place, *, payload: bytes) -> tuple[Event, ...]:
    """Write a rejected row, mended or as it was, as a batch of the stream's redrive source.

    The row keeps its name (stream, row), so it is folded where it belongs; bars take it as late and emit the revision
    before their next close. Behind a tape that has ended nothing closes any more, so its end follows once more.
    """
    rejection = letter.rejection
    row = RawBatch(
        shard=letter.shard,
        stream=letter.stream,
        dialect=rejection.dialect or place.dialect,
        first_row=rejection.row,
        payload=payload,
        offsets=np.array([0, len(payload)], dtype="<u4"),
        ts_receive=np.array([rejection.ts_receive], dtype="<i8"),
        symbol=rejection.symbol,
        bar_channel=place.bar_channel,
        ts_cut_ns=rejection.ts_receive,
    )
    return (_event(row, place.number), *_ends(row, dataclasses.replace(place, number=place.number + 1)))


def _ends(batch: RawBatch, place: Place) -> tuple[Event, ...]:
    if not place.ended:
        return ()
    end = dataclasses.replace(
        batch,
        first_row=batch.first_row + batch.row_count,
        payload=b"",
        offsets=np.zeros(1, dtype="<u4"),
        ts_receive=np.empty(0, dtype="<i8"),
        oversized=(),
        heartbeat=False,
        end_of_tape=True,
    )
    return (_event(end, place.number),)


def _event(batch: RawBatch, number: int) -> Event:
    source = source_for(batch.stream)
    event = raw_event(batch, number, feed=NAME)
    event_id = batch_id(source, number)
    extensions = {**event.extensions, "correlationid": event_id, "traceparent": trace_of(event_id)}
    return dataclasses.replace(event, id=event_id, source=source, extensions=MappingProxyType(extensions))


def event_again(event: Event, log: pathlib.Path) -> tuple[Event, ...]:
    """Take a buried event as it was before; rows of a tape that has ended are followed by its end, as single rows are.

    Args:
        event: Event from a dead letter sink.
        log: Log of the broker it goes to.
    """
    again = unburied(event)
    if event.type != RAW_BATCH:
        return (again,)
    try:
        batch = decode_raw_batch(event.data or b"")
    except Malformed:  # it will be refused again, and nothing follows from it
        return (again,)
    return (again, *_ends(batch, place_of(log, batch.stream)))


def unburied(event: Event) -> Event:
    """Take off what the burial added; id and sequence stay, so nothing is done twice."""
    extensions = {name: value for name, value in event.extensions.items() if name not in _BURIAL}
    return dataclasses.replace(event, extensions=MappingProxyType(extensions))
