"""Answer a RawBatch with the TickBatch of its rows."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from functions.domain.market import InstrumentRef, TickBatch
from functions.domain.reference import SymbolTable
from functions.handlers.normalize import CARD
from functions.ports.reference import Reference
from functions.wire import facts
from functions.wire.codecs.market import TICK_BATCH, encode_tick_batch, read_raw_batch, read_tick_batch
from functions.wire.envelope import Event, ExtensionValue
from functions.wire.venues.columns import Decode
from functions.wire.venues.registry import decoder_of

Units: TypeAlias = Callable[[str, int], Awaitable[Mapping[str, InstrumentRef]]]
"""A venue's units by the symbols that were its instruments' at a time, UTC nanoseconds."""


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handler needs: a venue's units by symbol, how far venue time may be ahead, decoders of its own."""

    units: Units
    future_skew_ms_max: int
    decoders: Mapping[str, Decode] = field(default_factory=dict)


def units_from(reference: Reference) -> Units:
    """Take from the reference what decoding needs, a venue at a time, anew only when its version changes."""
    kept: dict[str, tuple[str, SymbolTable]] = {}

    async def units(venue: str, ts_ns: int) -> Mapping[str, InstrumentRef]:
        version = await reference.version()
        had, table = kept.get(venue, ("", None))
        if table is None or had != version:
            table = SymbolTable(await reference.listed(venue))
            kept[venue] = (version, table)
        return table.refs_at(ts_ns)

    return units


async def handle(event: Event, *, deps: Deps) -> Event | None:
    """Normalise every row; a batch without good rows, a heartbeat and the end of a tape are answered too.

    Raises:
        Malformed: The event is no readable RawBatch, or no decoder reads its dialect.
        Unavailable: The venue's instruments are not known yet and cannot be asked for now.
    """
    raw = read_raw_batch(event.data or b"")
    decode = decoder_of(raw.dialect, deps.decoders)
    units = await deps.units(decode.venue.code, int(raw.ts_receive[0]) if raw.row_count else raw.ts_cut_ns)
    batch = decode(raw, units, future_skew_ms_max=deps.future_skew_ms_max)
    return facts.reply(
        event,
        name=CARD.name,
        version=CARD.version,
        message_type=TICK_BATCH,
        data=read_tick_batch.remember(encode_tick_batch(batch), batch),
        time_ns=_time_of(batch),
        extra=_counted(batch),
    )


def _time_of(batch: TickBatch) -> int | None:
    sections = (batch.trades, batch.quotes, batch.book, batch.candles)
    times = [section.ts_event for section in sections if len(section.ts_event)]
    return max((int(column.max()) for column in times), default=None)


def _counted(batch: TickBatch) -> Mapping[str, ExtensionValue]:
    return {"rejected": str(len(batch.rejections))} if batch.rejections else {}
