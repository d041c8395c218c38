"""Fold PredictionBatch events into a shard's scorebook and emit what it tells; the rules are `domain.scorebook`.

Signals are not heard here: they come in a sequence of their own beside that of the predictions, so what would be found
of a signal would depend on which came first. Whoever decides knows its signals at their very bar, and can wait for what
becomes of them with `domain.outcomes.watch`.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from functions.domain.market import GapDetected
from functions.domain.performance import ModelPerformance
from functions.domain.scorebook import Lines, Rules, Scorebook, Told, book_of, lines_of, observe
from functions.tables.outcomes import CARD
from functions.wire import facts
from functions.wire.codecs.performance import (
    DRIFT_DETECTED,
    MODEL_PERFORMANCE,
    encode_drift,
    encode_model_performance,
)
from functions.wire.codecs.predictions import PREDICTION_BATCH, read_prediction_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

_READ: Final = msgspec.msgpack.Decoder(Lines)


@dataclass(frozen=True, slots=True)
class OutcomesTable:
    """Fold for one shard; its sequence holds all that it tells."""

    rules: Rules

    def start(self, key: str) -> Scorebook:
        """Make the scorebook of a shard that has seen nothing."""
        return Scorebook(key)

    def fold(self, state: Scorebook, event: Event) -> tuple[Scorebook, tuple[Event, ...]]:
        """Follow every row of one batch.

        Raises:
            Malformed: The event is no readable PredictionBatch.
        """
        if event.type != PREDICTION_BATCH:
            detail = f"{CARD.name} reads {PREDICTION_BATCH}, not {event.type}"
            raise Malformed(detail)
        batch = read_prediction_batch(event.data or b"")
        number = state.emitted
        told = observe(state, batch, self.rules)
        return state, tuple(_emit(one, event, number + n) for n, one in enumerate(told))

    def gap(self, state: Scorebook, cause: Event, gap: GapDetected) -> tuple[Scorebook, tuple[Event, ...]]:
        """Change nothing: bars that never come leave their forecasts missing by themselves."""
        del cause, gap
        return state, ()

    def dump(self, state: Scorebook) -> bytes:
        """Write the scorebook down, so that equal ones give equal bytes."""
        return msgspec.msgpack.encode(lines_of(state))

    def load(self, key: str, blob: bytes) -> Scorebook:
        """Read a scorebook that `dump` wrote.

        Raises:
            Malformed: The bytes are no state of this table.
        """
        del key
        try:
            return book_of(_READ.decode(blob))
        except msgspec.DecodeError as error:
            detail = f"{len(blob)} bytes are no state of {CARD.name}: {error}"
            raise Malformed(detail) from error


def _emit(told: Told, cause: Event, number: int) -> Event:
    kind, data, subject, key = _said(told)
    extensions = facts.follow(cause, CARD.version)
    extensions["sequence"] = facts.sequence_text(number)
    return Event(
        id=facts.fact_id(kind, told.shard, *key, told.as_of_ns),
        source=facts.source_of("tables", CARD.name, told.shard),
        type=kind,
        data=data,
        time_ns=told.as_of_ns,
        subject=subject,
        datacontenttype=facts.PROTOBUF,
        extensions=extensions,
    )


def _said(told: Told) -> tuple[str, bytes, str, tuple[object, ...]]:
    """Give a fact's type, bytes, subject, and what names it between its shard and its time."""
    if isinstance(told, ModelPerformance):
        return MODEL_PERFORMANCE, encode_model_performance(told), told.shard, ()
    series = told.watched.value, told.name, told.version, told.instrument_id, told.interval_s, told.horizon_bars
    return DRIFT_DETECTED, encode_drift(told), told.name, series
