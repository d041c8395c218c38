"""Answer a RawBatch of documents with the NewsBatch or CalendarBatch they hold."""

from functions.domain.news import NewsBatch
from functions.handlers.digest import CARD
from functions.wire import facts
from functions.wire.codecs.calendar import CALENDAR_BATCH, encode_calendar_batch
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.codecs.news import NEWS_BATCH, encode_news_batch
from functions.wire.envelope import Event
from functions.wire.news.digesting import Digest, digest


async def handle(event: Event) -> Event | None:
    """Digest every row; a batch without good rows, a heartbeat and the end of a tape are answered too.

    Raises:
        Malformed: The event is no readable RawBatch, or no parser reads its dialect.
    """
    batch = digest(decode_raw_batch(event.data or b""))
    message_type, data = (
        (NEWS_BATCH, encode_news_batch(batch))
        if isinstance(batch, NewsBatch)
        else (CALENDAR_BATCH, encode_calendar_batch(batch))
    )
    return facts.reply(
        event,
        name=CARD.name,
        version=CARD.version,
        message_type=message_type,
        data=data,
        time_ns=_time_of(batch),
        extra={"rejected": str(len(batch.rejections))} if batch.rejections else None,
    )


def _time_of(batch: Digest) -> int | None:
    """Give the latest moment at which something could be known: what a source says of its own time may be ahead."""
    known = batch.items if isinstance(batch, NewsBatch) else batch.events
    return max((one.ts_available for one in known), default=None)
