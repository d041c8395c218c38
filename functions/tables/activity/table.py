"""Fold EnrichedBatch events into a shard's bars of equal activity and emit what closed, by `domain.activity`."""

from dataclasses import dataclass, replace

from functions.domain.activity.batch import ActivityBarBatch
from functions.domain.activity.fold import ActivityRules, fold_batch
from functions.domain.activity.layout import Kernel
from functions.domain.activity.state import BLOB_BYTES_MAX, ActivityState, dump, load, start, weight
from functions.domain.market import GapDetected
from functions.tables.activity import CARD
from functions.wire import facts
from functions.wire.codecs.activity import ACTIVITY_BAR_BATCH, encode_activity_bar_batch, read_activity_bar_batch
from functions.wire.codecs.enriched import ENRICHED_BATCH, read_enriched_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed


@dataclass(frozen=True, slots=True)
class ActivityTable:
    """Fold for one shard; its sequence holds bars only."""

    kernel: Kernel
    rules: ActivityRules

    def __post_init__(self) -> None:
        """Refuse rules under which a shard's state could outgrow what a host stores."""
        fullest = weight(instruments_max=self.rules.instruments_max)
        if fullest > BLOB_BYTES_MAX:
            message = (
                f"{self.rules.instruments_max} instruments may weigh {fullest} bytes, more than {BLOB_BYTES_MAX}: "
                "take fewer, and more shards"
            )
            raise ValueError(message)

    def start(self, key: str) -> ActivityState:
        """Make the state of a shard that has seen nothing."""
        return start(key, instruments_max=self.rules.instruments_max)

    def fold(self, state: ActivityState, event: Event) -> tuple[ActivityState, tuple[Event, ...]]:
        """Fold one batch of ticks.

        Raises:
            Malformed: The event is no readable EnrichedBatch.
            Rejected: An instrument's exponents changed.
        """
        if event.type != ENRICHED_BATCH:
            detail = f"{CARD.name} reads {ENRICHED_BATCH}, not {event.type}"
            raise Malformed(detail)
        ticks, _ = read_enriched_batch(event.data or b"")
        batches = fold_batch(self.kernel, state, ticks, self.rules)
        return state, tuple(_emit(state, event, batch) for batch in batches)

    def gap(self, state: ActivityState, cause: Event, gap: GapDetected) -> tuple[ActivityState, tuple[Event, ...]]:
        """Remember that rows are missing; the bars table tells of the hole, and the bars around it say so here."""
        del cause, gap
        self.kernel.lose_rows(state.arrays)
        return state, ()

    def dump(self, state: ActivityState) -> bytes:
        """Write the state down."""
        return dump(state)

    def load(self, key: str, blob: bytes) -> ActivityState:
        """Read a state that `dump` wrote."""
        return load(key, blob, instruments_max=self.rules.instruments_max)


def _emit(state: ActivityState, cause: Event, batch: ActivityBarBatch) -> Event:
    number = state.emitted
    state.emitted += 1
    event = facts.table_batch(
        cause,
        name=CARD.name,
        stream=state.shard,
        number=number,
        version=CARD.version,
        message_type=ACTIVITY_BAR_BATCH,
        data=read_activity_bar_batch.remember(encode_activity_bar_batch(batch), batch),
        time_ns=int(batch.end_ns.max()) if batch.row_count else None,
    )
    if not batch.rejections:
        return event
    return replace(event, extensions={**event.extensions, "rejected": str(len(batch.rejections))})
