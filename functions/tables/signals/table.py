"""Fold PredictionBatch events into the desk's memory and emit its signals; the rules are `domain.signals`."""

from dataclasses import dataclass, replace
from typing import Final

import msgspec

from functions.domain.decisions import Signal
from functions.domain.ensemble import Standing
from functions.domain.market import GapDetected
from functions.domain.signals import Desk, Track, decide, forget_turns
from functions.domain.strategy import Strategy
from functions.tables.signals import CARD
from functions.wire import facts
from functions.wire.codecs.predictions import PREDICTION_BATCH, read_prediction_batch
from functions.wire.codecs.signals import SIGNAL, encode_signal
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

_Line = tuple[str, int, int, dict[str, float], int | None, int | None]
_READ: Final = msgspec.msgpack.Decoder(tuple[int, list[_Line], list[tuple[str, int, str, Standing]]])


@dataclass(frozen=True, slots=True)
class SignalsTable:
    """Fold for the `desk` key: one memory for all instruments, since a decision may span shards."""

    strategy: Strategy

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
        signals = decide(state, batch, self.strategy, identify=_identify)
        return state, tuple(_emit(signal, event, number + n) for n, signal in enumerate(signals))

    def gap(self, state: Desk, cause: Event, gap: GapDetected) -> tuple[Desk, tuple[Event, ...]]:
        """Forget what may have turned; the table that lost the bars has told of the hole already."""
        del cause, gap
        forget_turns(state)
        return state, ()

    def dump(self, state: Desk) -> bytes:
        """Write the memory down, tracks and standings in key order, so that equal memories give equal bytes."""
        lines = [
            (*key, track.start_ns, track.before, track.bought_ns, track.sold_ns)
            for key, track in sorted(state.tracks.items())
        ]
        standings = [
            (*scope, name, trust[name]) for scope, trust in sorted(state.trust.items()) for name in sorted(trust)
        ]
        return msgspec.msgpack.encode((state.emitted, lines, standings))

    def load(self, key: str, blob: bytes) -> Desk:
        """Read a memory that `dump` wrote.

        Raises:
            Malformed: The bytes are no memory of this table.
        """
        del key
        try:
            emitted, lines, standings = _READ.decode(blob)
        except msgspec.DecodeError as error:
            detail = f"{len(blob)} bytes are no state of {CARD.name}: {error}"
            raise Malformed(detail) from error
        desk = Desk({(line[0], line[1]): Track(*line[2:]) for line in lines}, emitted)
        for shard, interval_s, name, standing in standings:
            desk.trust.setdefault((shard, interval_s), {})[name] = standing
        return desk


def _identify(strategy: str, instrument_id: str, interval_s: int, bar_start_ns: int) -> str:
    return facts.fact_id(SIGNAL, strategy, instrument_id, interval_s, bar_start_ns)


def _emit(signal: Signal, cause: Event, number: int) -> Event:
    extensions = facts.follow(cause, CARD.version)
    extensions["sequence"] = facts.sequence_text(number)
    told = replace(signal, evidence=replace(signal.evidence, causation_id=cause.id))
    return Event(
        id=signal.signal_id,
        source=facts.source_of("tables", CARD.name, "desk"),
        type=SIGNAL,
        data=encode_signal(told),
        time_ns=signal.as_of_ns,
        subject=signal.instrument_id,
        datacontenttype=facts.PROTOBUF,
        extensions=extensions,
    )
