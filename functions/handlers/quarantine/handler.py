"""File the rejected rows a batch carries; an event that carries none is none of our business."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from functions.domain.activity.batch import ActivityBarBatch
from functions.domain.calendar import CalendarBatch
from functions.domain.market import BarBatch, TickBatch
from functions.domain.news import NewsBatch
from functions.ports.views import DeadLetters
from functions.wire.codecs.activity import ACTIVITY_BAR_BATCH, decode_activity_bar_batch
from functions.wire.codecs.bars import BAR_BATCH, decode_bar_batch
from functions.wire.codecs.calendar import CALENDAR_BATCH, decode_calendar_batch
from functions.wire.codecs.market import TICK_BATCH, decode_tick_batch
from functions.wire.codecs.news import NEWS_BATCH, decode_news_batch
from functions.wire.envelope import Event


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handler needs: where rejected rows are filed."""

    dead_letters: DeadLetters


Decode: TypeAlias = Callable[[bytes], TickBatch | BarBatch | ActivityBarBatch | NewsBatch | CalendarBatch]

_CARRIERS: Final[Mapping[str, Decode]] = MappingProxyType(
    {
        TICK_BATCH: decode_tick_batch,
        BAR_BATCH: decode_bar_batch,
        ACTIVITY_BAR_BATCH: decode_activity_bar_batch,
        NEWS_BATCH: decode_news_batch,
        CALENDAR_BATCH: decode_calendar_batch,
    }
)


async def handle(event: Event, *, deps: Deps) -> None:
    """File every rejected row; filing it again changes nothing. Types that carry no rejections pass untouched.

    Raises:
        Malformed: The bytes are not what the event's type says.
        Unavailable: The store did not take a row.
        Overloaded: Too many writes wait for the store.
    """
    decode = _CARRIERS.get(event.type)
    if decode is None:
        return
    batch = decode(event.data or b"")
    await deps.dead_letters.put(batch.stream, batch.shard, *batch.rejections)
