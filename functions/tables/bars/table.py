"""Fold EnrichedBatch events into a shard's bars and emit what closed; the rules are `domain.bars`."""

from dataclasses import dataclass, replace

from functions.domain.bars.columns import WATERMARK
from functions.domain.bars.fold import BarRules, fold_batch, quality
from functions.domain.bars.layout import Kernel
from functions.domain.bars.state import BLOB_BYTES_MAX, BarState, dump, load, start, weight
from functions.domain.market import BAR_FINAL, NS_PER_S, BarBatch, GapDetected
from functions.domain.quality import FeedQuality
from functions.tables.bars import CARD
from functions.wire import facts
from functions.wire.codecs.bars import BAR_BATCH, encode_bar_batch, read_bar_batch
from functions.wire.codecs.enriched import ENRICHED_BATCH, read_enriched_batch
from functions.wire.codecs.market import GAP_DETECTED, encode_gap
from functions.wire.codecs.quality import FEED_QUALITY, encode_quality
from functions.wire.envelope import Event
from functions.wire.errors import Malformed


@dataclass(frozen=True, slots=True)
class BarsTable:
    """Fold for one shard; bars and gaps count in one sequence, quality in another: who folds bars hears none of it."""

    kernel: Kernel
    rules: BarRules

    def __post_init__(self) -> None:
        """Refuse rules under which a shard's state could outgrow what a host stores."""
        fullest = weight(instruments_max=self.rules.instruments_max, levels_max=self.rules.book_levels_max)
        if fullest > BLOB_BYTES_MAX:
            message = (
                f"{self.rules.instruments_max} instruments with {self.rules.book_levels_max} book levels may weigh "
                f"{fullest} bytes, more than {BLOB_BYTES_MAX}: take fewer of either, and more shards"
            )
            raise ValueError(message)

    def start(self, key: str) -> BarState:
        """Make the state of a shard that has seen nothing."""
        return start(key, instruments_max=self.rules.instruments_max, levels_max=self.rules.book_levels_max)

    def fold(self, state: BarState, event: Event) -> tuple[BarState, tuple[Event, ...]]:
        """Fold one batch of ticks.

        Raises:
            Malformed: The event is no readable EnrichedBatch.
            Rejected: An instrument's exponents changed.
        """
        if event.type != ENRICHED_BATCH:
            detail = f"{CARD.name} reads {ENRICHED_BATCH}, not {event.type}"
            raise Malformed(detail)
        ticks, facts = read_enriched_batch(event.data or b"")
        batches = fold_batch(self.kernel, state, ticks, self.rules, facts)
        told = quality(state)
        first = () if told is None else (_emit_quality(state, event, told),)
        return state, (*first, *(_emit_bars(state, event, batch) for batch in batches))

    def gap(self, state: BarState, cause: Event, gap: GapDetected) -> tuple[BarState, tuple[Event, ...]]:
        """Forget quotes and books, and tell those behind that rows of the shard are missing."""
        self.kernel.lose_market(state.arrays)
        return state, (_emit(state, cause, GAP_DETECTED, encode_gap(gap)),)

    def dump(self, state: BarState) -> bytes:
        """Write the state down."""
        return dump(state)

    def load(self, key: str, blob: bytes) -> BarState:
        """Read a state that `dump` wrote."""
        return load(key, blob, instruments_max=self.rules.instruments_max)


def _emit_bars(state: BarState, cause: Event, batch: BarBatch) -> Event:
    data = read_bar_batch.remember(encode_bar_batch(batch), batch)
    event = _emit(state, cause, BAR_BATCH, data, time_ns=_greatest_end(batch, state))
    if not batch.rejections:
        return event
    extensions = {**event.extensions, "rejected": str(len(batch.rejections))}
    return replace(event, extensions=extensions)


def _emit_quality(state: BarState, cause: Event, told: FeedQuality) -> Event:
    number = state.told
    state.told += 1
    return facts.table_batch(
        cause,
        name=CARD.name,
        stream=f"{state.shard}.quality",
        number=number,
        version=CARD.version,
        message_type=FEED_QUALITY,
        data=encode_quality(told),
        time_ns=max(one.window_end_ns for one in told.instruments),
    )


def _emit(state: BarState, cause: Event, message_type: str, data: bytes, *, time_ns: int | None = None) -> Event:
    number = state.emitted
    state.emitted += 1
    return facts.table_batch(
        cause,
        name=CARD.name,
        stream=state.shard,
        number=number,
        version=CARD.version,
        message_type=message_type,
        data=data,
        time_ns=time_ns,
    )


def _greatest_end(batch: BarBatch, state: BarState) -> int | None:
    """Find when the last final bar ended; bars close by their ends, so it is the last one. None without any.

    A day and its last part may be shorter than their names say, but what is final ended before the watermark.
    """
    finality = batch.finality.tolist()
    for row in reversed(range(len(finality))):
        if finality[row] == BAR_FINAL:
            end = int(batch.start_ns[row]) + int(batch.interval_s[row]) * NS_PER_S
            return min(end, int(state.arrays[0][WATERMARK]))
    return None
