"""Fold BarBatch events into a shard's indicators and emit their features; the rules are `domain.indicators`."""

from dataclasses import dataclass

from functions.domain.indicators.fold import fold_batch
from functions.domain.indicators.layout import Kernel
from functions.domain.indicators.state import BLOB_BYTES_MAX, FeatureState, dump, load, start, weight
from functions.domain.market import NS_PER_S, FeatureBatch, GapDetected
from functions.tables.features import CARD
from functions.wire import facts
from functions.wire.codecs.bars import BAR_BATCH, read_bar_batch
from functions.wire.codecs.features import FEATURE_BATCH, encode_feature_batch, read_feature_batch
from functions.wire.codecs.market import GAP_DETECTED
from functions.wire.envelope import Event
from functions.wire.errors import Malformed


@dataclass(frozen=True, slots=True)
class FeaturesTable:
    """Fold for one shard; its sequence holds feature batches only, so that handlers behind it copy no holes."""

    kernel: Kernel
    instruments_max: int

    def __post_init__(self) -> None:
        """Refuse instruments whose state could outgrow what a host stores."""
        fullest = weight(instruments_max=self.instruments_max)
        if self.instruments_max < 1 or fullest > BLOB_BYTES_MAX:
            message = (
                f"{self.instruments_max} instruments may weigh {fullest} bytes, expected 1 or more and at most "
                f"{BLOB_BYTES_MAX} bytes: take fewer, and more shards"
            )
            raise ValueError(message)

    def start(self, key: str) -> FeatureState:
        """Make the state of a shard that has seen nothing."""
        return start(key, instruments_max=self.instruments_max)

    def fold(self, state: FeatureState, event: Event) -> tuple[FeatureState, tuple[Event, ...]]:
        """Fold one batch of bars, or the news that rows are missing.

        Raises:
            Malformed: The event is no readable BarBatch.
            Rejected: The bars do not fit the shard's instruments or intervals.
        """
        if event.type == GAP_DETECTED:
            self.kernel.forget(state.arrays)
            return state, ()
        if event.type != BAR_BATCH:
            detail = f"{CARD.name} reads {BAR_BATCH} and {GAP_DETECTED}, not {event.type}"
            raise Malformed(detail)
        batch = fold_batch(self.kernel, state, read_bar_batch(event.data or b""))
        return state, () if batch is None else (_emit(state, event, batch),)

    def gap(self, state: FeatureState, cause: Event, gap: GapDetected) -> tuple[FeatureState, tuple[Event, ...]]:
        """Make every indicator cold: bars are missing."""
        del cause, gap
        self.kernel.forget(state.arrays)
        return state, ()

    def dump(self, state: FeatureState) -> bytes:
        """Write the state down."""
        return dump(state)

    def load(self, key: str, blob: bytes) -> FeatureState:
        """Read a state that `dump` wrote."""
        return load(key, blob, instruments_max=self.instruments_max)


def _emit(state: FeatureState, cause: Event, batch: FeatureBatch) -> Event:
    number = state.emitted
    state.emitted += 1
    return facts.table_batch(
        cause,
        name=CARD.name,
        stream=state.shard,
        number=number,
        version=CARD.version,
        message_type=FEATURE_BATCH,
        data=read_feature_batch.remember(encode_feature_batch(batch), batch),
        time_ns=_greatest_end(batch),
    )


def _greatest_end(batch: FeatureBatch) -> int | None:
    """Find when the last bar ended; bars close by their ends, so it is the last one. None without any."""
    columns = batch.columns
    if not columns.row_count:
        return None
    return int(columns.start_ns[-1]) + int(columns.interval_s[-1]) * NS_PER_S
