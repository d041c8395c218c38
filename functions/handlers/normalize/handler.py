"""Answer a RawBatch with the TickBatch of its rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from functions.domain.market import InstrumentRef, TickBatch
from functions.handlers.normalize import CARD
from functions.ports.reference import Reference
from functions.wire import facts
from functions.wire.codecs.market import TICK_BATCH, decode_raw_batch, encode_tick_batch
from functions.wire.envelope import Event, ExtensionValue
from functions.wire.venues.columns import Decode
from functions.wire.venues.registry import decoder_of


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handler needs: a venue's units by symbol, how far venue time may be ahead, decoders of its own."""

    units: Callable[[str], Mapping[str, InstrumentRef]]
    future_skew_ms_max: int
    decoders: Mapping[str, Decode] = field(default_factory=dict)


def units_from(reference: Reference) -> Callable[[str], Mapping[str, InstrumentRef]]:
    """Take from the reference what decoding needs, a venue at a time, once each."""

    @cache
    def units(venue: str) -> Mapping[str, InstrumentRef]:
        return MappingProxyType({symbol: one.ref for symbol, one in reference.instruments(venue).items()})

    return units


async def handle(event: Event, *, deps: Deps) -> Event | None:
    """Normalise every row; a batch without good rows, a heartbeat and the end of a tape are answered too.

    Raises:
        Malformed: The event is no readable RawBatch, or no decoder reads its dialect.
    """
    raw = decode_raw_batch(event.data or b"")
    decode = decoder_of(raw.dialect, deps.decoders)
    batch = decode(raw, deps.units(decode.venue.code), future_skew_ms_max=deps.future_skew_ms_max)
    return facts.reply(
        event,
        name=CARD.name,
        version=CARD.version,
        message_type=TICK_BATCH,
        data=encode_tick_batch(batch),
        time_ns=_time_of(batch),
        extra=_counted(batch),
    )


def _time_of(batch: TickBatch) -> int | None:
    times = [section.ts_event for section in (batch.trades, batch.quotes, batch.book) if len(section.ts_event)]
    return max((int(column.max()) for column in times), default=None)


def _counted(batch: TickBatch) -> Mapping[str, ExtensionValue]:
    return {"rejected": str(len(batch.rejections))} if batch.rejections else {}
