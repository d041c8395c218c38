"""Fold BarBatch events of all shards into a desk's joins and emit their figures; the rules are `domain.pairs`.

Each join counts in a sequence of its own, and what an event says, its id and its cause follow from the bars alone, so
that mixing the shards' events otherwise changes none of them (`domain.pairs.fold` names the exception).
"""

from dataclasses import dataclass

from functions.domain.market import GapDetected
from functions.domain.pairs.fold import Told, fold_bars, lose_bars
from functions.domain.pairs.layout import Kernel
from functions.domain.pairs.pairing import Pair
from functions.domain.pairs.state import BLOB_BYTES_MAX, PairState, dump, load, start, weight
from functions.tables.pairs import CARD
from functions.wire import facts
from functions.wire.codecs.bars import BAR_BATCH, read_bar_batch
from functions.wire.codecs.market import GAP_DETECTED, decode_gap
from functions.wire.codecs.pairs import PAIR_BATCH, encode_pair_batch, read_pair_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed


@dataclass(frozen=True, slots=True)
class PairsTable:
    """Fold for the `desk` key: one memory for all shards."""

    kernel: Kernel
    pairs: tuple[Pair, ...]
    silence_s: int

    def __post_init__(self) -> None:
        """Refuse pairs whose state could outgrow what a host stores."""
        fullest = weight(self.pairs, self.silence_s)
        if fullest > BLOB_BYTES_MAX:
            message = (
                f"{len(self.pairs)} pairs that wait {self.silence_s} s may weigh {fullest} bytes, more than "
                f"{BLOB_BYTES_MAX}: take fewer pairs or intervals, or wait less"
            )
            raise ValueError(message)

    def start(self, key: str) -> PairState:
        """Make the state of a desk that has seen nothing; the key does not matter to it."""
        del key
        return start(self.pairs)

    def fold(self, state: PairState, event: Event) -> tuple[PairState, tuple[Event, ...]]:
        """Fold one batch of bars, or the news that rows are missing.

        Raises:
            Malformed: The event is no readable BarBatch or GapDetected.
            Rejected: An instrument's exponents changed.
        """
        if event.type == GAP_DETECTED:
            lose_bars(state, decode_gap(event.data or b"").shard)
            return state, ()
        if event.type != BAR_BATCH:
            detail = f"{CARD.name} reads {BAR_BATCH} and {GAP_DETECTED}, not {event.type}"
            raise Malformed(detail)
        batch = read_bar_batch(event.data or b"")
        told = fold_bars(self.kernel, state, batch, event.id, silence_s=self.silence_s)
        return state, tuple(_emit(one, event) for one in told)

    def gap(self, state: PairState, cause: Event, gap: GapDetected) -> tuple[PairState, tuple[Event, ...]]:
        """Make what a shard is paired with cold: bars of it are missing."""
        del cause
        lose_bars(state, facts.stream_of(gap.source))
        return state, ()

    def dump(self, state: PairState) -> bytes:
        """Write the state down."""
        return dump(state)

    def load(self, key: str, blob: bytes) -> PairState:
        """Read a state that `dump` wrote, of these pairs or others."""
        del key
        return load(self.pairs, blob)


def _emit(told: Told, event: Event) -> Event:
    """Build a join's event; `event` let it be told, and gives what only follows events around: trace, correlation."""
    return facts.table_batch(
        event,
        name=CARD.name,
        stream=told.batch.join,
        number=told.number,
        version=CARD.version,
        message_type=PAIR_BATCH,
        data=read_pair_batch.remember(encode_pair_batch(told.batch), told.batch),
        time_ns=told.time_ns,
        extra={"partitionkey": CARD.key, "causationid": told.cause},
    )
