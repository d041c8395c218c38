"""Fold PredictionBatch events into the desk's memory; emit its signals and what came of them.

How it decides is `domain.signals`, and when it takes up what outcomes have shown is `domain.learning`.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from functions.domain.ensemble import Standing
from functions.domain.learning import DESK_RULES, learn
from functions.domain.market import GapDetected
from functions.domain.outcomes import Outcome, WatchLine, watches_of
from functions.domain.outcomes import lines_of as watch_lines_of
from functions.domain.scorebook import Lines, Rules, book_of, lines_of
from functions.domain.signals import Desk, Told, Track, forget_turns
from functions.domain.strategy import Strategy
from functions.tables.signals import CARD
from functions.wire import facts
from functions.wire.codecs.performance import OUTCOME, encode_outcome
from functions.wire.codecs.predictions import PREDICTION_BATCH, read_prediction_batch
from functions.wire.codecs.signals import SIGNAL, encode_signal
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

_Line = tuple[str, int, int, dict[str, float], int | None, int | None, str]
_Standing = tuple[str, int, str, Standing]
_READ: Final = msgspec.msgpack.Decoder(
    tuple[Literal["TLDESK03", "TLDESK04"], int, list[_Line], list[_Standing], list[WatchLine], list[Lines]]
)
_MAGIC: Final = "TLDESK04"
"""What is written; 03 lacks what came of falls, which is then unknown."""


@dataclass(frozen=True, slots=True)
class SignalsTable:
    """Fold for the `desk` key: one memory for all instruments, since a decision may span shards."""

    strategy: Strategy
    rules: Rules = DESK_RULES

    def start(self, key: str) -> Desk:
        """Make an empty memory; the key does not matter to it."""
        del key
        return Desk()

    def fold(self, state: Desk, event: Event) -> tuple[Desk, tuple[Event, ...]]:
        """Decide on every row of one batch.

        Raises:
            Malformed: The event is no readable PredictionBatch.
        """
        if event.type != PREDICTION_BATCH:
            detail = f"{CARD.name} reads {PREDICTION_BATCH}, not {event.type}"
            raise Malformed(detail)
        batch = read_prediction_batch(event.data or b"")
        number = state.emitted
        told = learn(state, batch, self.strategy, identify=_identify, rules=self.rules)
        return state, tuple(_emit(one, event, number + n) for n, one in enumerate(told))

    def gap(self, state: Desk, cause: Event, gap: GapDetected) -> tuple[Desk, tuple[Event, ...]]:
        """Forget what of the shard may have turned; the table that lost the bars has told of the hole already."""
        del cause
        forget_turns(state, gap.shard)
        return state, ()

    def dump(self, state: Desk) -> bytes:
        """Write the memory down, all in key order, so that equal memories give equal bytes."""
        lines = [
            (*key, track.start_ns, track.before, track.bought_ns, track.sold_ns, track.shard)
            for key, track in sorted(state.tracks.items())
        ]
        standings = [
            (*scope, name, trust[name]) for scope, trust in sorted(state.trust.items()) for name in sorted(trust)
        ]
        books = [lines_of(book) for _, book in sorted(state.books.items())]
        return msgspec.msgpack.encode((_MAGIC, state.emitted, lines, standings, watch_lines_of(state.watches), books))

    def load(self, key: str, blob: bytes) -> Desk:
        """Read a memory that `dump` wrote.

        Raises:
            Malformed: The bytes are no memory of this table.
        """
        del key
        try:
            _, emitted, lines, standings, watched, books = _READ.decode(blob)
        except msgspec.DecodeError as error:
            detail = f"{len(blob)} bytes are no state of {CARD.name}: {error}"
            raise Malformed(detail) from error
        desk = Desk({(line[0], line[1]): Track(*line[2:]) for line in lines}, emitted)
        desk.watches, desk.books = watches_of(watched), {book.shard: book for book in map(book_of, books)}
        for shard, interval_s, name, standing in standings:
            desk.trust.setdefault((shard, interval_s), {})[name] = standing
        return desk


def _identify(strategy: str, instrument_id: str, interval_s: int, bar_start_ns: int) -> str:
    return facts.fact_id(SIGNAL, strategy, instrument_id, interval_s, bar_start_ns)


def _emit(told: Told, cause: Event, number: int) -> Event:
    extensions = facts.follow(cause, CARD.version)
    extensions["sequence"] = facts.sequence_text(number)
    kind, name, data, time_ns = _said(told, cause)
    return Event(
        id=name,
        source=facts.source_of("tables", CARD.name, "desk"),
        type=kind,
        data=data,
        time_ns=time_ns,
        subject=told.instrument_id,
        datacontenttype=facts.PROTOBUF,
        extensions=extensions,
    )


def _said(told: Told, cause: Event) -> tuple[str, str, bytes, int]:
    """Give a fact's type, id, bytes and time."""
    if isinstance(told, Outcome):
        return OUTCOME, facts.fact_id(OUTCOME, told.signal_id), encode_outcome(told), told.exit_ns
    signal = replace(told, evidence=replace(told.evidence, causation_id=cause.id))
    return SIGNAL, signal.signal_id, encode_signal(signal), signal.as_of_ns
