"""Answer a TickBatch with the same ticks and the facts of their instruments at the event's time."""

from dataclasses import dataclass

from functions.handlers.enrich import CARD
from functions.handlers.enrich.sheets import Sheets
from functions.ports.reference import Reference
from functions.wire import facts
from functions.wire.codecs.enriched import ENRICHED_BATCH, encode_enriched_batch, ticks_to_carry
from functions.wire.envelope import Event


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handler needs: what is known about instruments, and how it is written."""

    reference: Reference
    sheets: Sheets


async def handle(event: Event, *, deps: Deps) -> Event | None:
    """Enrich one batch; what is said depends on the event and on the version of the reference, which is named.

    Raises:
        Malformed: The event is no readable TickBatch.
        Unavailable: An instrument of the batch can be looked up nowhere now.
    """
    ticks, ids = ticks_to_carry(event.data or b"")
    known = await deps.reference.look_up(ids)
    written = deps.sheets.written(ids, known.instruments, event.time_ns or 0)
    return facts.reply(
        event,
        name=CARD.name,
        version=CARD.version,
        message_type=ENRICHED_BATCH,
        data=encode_enriched_batch(ticks, written),
        time_ns=None,
        extra={"referenceversion": known.version},
    )
