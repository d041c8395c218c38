"""Write how models did, and what became of signals, as `tickloom.performance.v1` messages, and read it back."""

import math
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final

from tickloom.performance.v1 import drift_pb2, outcome_pb2, performance_pb2
from tickloom.signals.v1 import signal_pb2

from functions.domain.decisions import Action
from functions.domain.drift import DOWN, UP, Shift
from functions.domain.outcomes import HORIZONS, Exit, Outcome
from functions.domain.performance import DriftDetected, ModelPerformance, Performance, Watched
from functions.domain.reliability import FIGURES, ReliabilityBin
from functions.wire.codecs.messages import parse_named, refuse

MODEL_PERFORMANCE: Final = "tickloom.performance.v1.ModelPerformance"
DRIFT_DETECTED: Final = "tickloom.performance.v1.DriftDetected"
OUTCOME: Final = "tickloom.performance.v1.Outcome"

_WATCHED: Final = MappingProxyType(
    {
        Watched.FEATURE: drift_pb2.WATCHED_FEATURE,
        Watched.SCORE: drift_pb2.WATCHED_SCORE,
        Watched.RESIDUAL: drift_pb2.WATCHED_RESIDUAL,
    }
)
_DIRECTIONS: Final = MappingProxyType({UP: drift_pb2.DIRECTION_UP, DOWN: drift_pb2.DIRECTION_DOWN})
_ACTIONS: Final = MappingProxyType({Action.BUY: signal_pb2.ACTION_BUY, Action.SELL: signal_pb2.ACTION_SELL})
_EXITS: Final = MappingProxyType(
    {
        Exit.STOP_LOSS: outcome_pb2.EXIT_STOP_LOSS,
        Exit.TAKE_PROFIT: outcome_pb2.EXIT_TAKE_PROFIT,
        Exit.HORIZON: outcome_pb2.EXIT_HORIZON,
        Exit.MISSING: outcome_pb2.EXIT_MISSING,
    }
)
_WATCHED_READ: Final = MappingProxyType({number: one for one, number in _WATCHED.items()})
_DIRECTIONS_READ: Final = MappingProxyType({number: one for one, number in _DIRECTIONS.items()})
_ACTIONS_READ: Final = MappingProxyType({number: one for one, number in _ACTIONS.items()})
_EXITS_READ: Final = MappingProxyType({number: one for one, number in _EXITS.items()})

_RETURNS: Final = tuple(f"return_{bars}" for bars in HORIZONS)
_COUNTS: Final = (
    "name",
    "version",
    "shadow",
    "interval_s",
    "horizon_bars",
    "predictions_count",
    "flagged_count",
    "outcomes_count",
    "missing_count",
    "effective_count",
    "broken",
    "last_updated_ns",
)
_PLAIN: Final = (
    "signal_id",
    "strategy",
    "instrument_id",
    "interval_s",
    "bar_start_ns",
    "confidence",
    "price_exponent",
    "price",
    "exit_price",
    "exit_ns",
    "bars",
    "shard",
)
_WHERE: Final = ("shard", "name", "version", "instrument_id", "interval_s", "horizon_bars", "as_of_ns")
_SHIFTED: Final = ("level", "reference_mean", "reference_deviation")


def encode_model_performance(value: ModelPerformance) -> bytes:
    """Write a report; equal reports give equal bytes."""
    message = performance_pb2.ModelPerformance(
        shard=value.shard, as_of_ns=value.as_of_ns, entries=map(_entry_message, value.entries)
    )
    return message.SerializeToString(deterministic=True)


def decode_model_performance(data: bytes) -> ModelPerformance:
    """Read a report.

    Raises:
        Malformed: The bytes are no ModelPerformance, name no shard, or hold what no report can.
    """
    message = parse_named(performance_pb2.ModelPerformance, data)
    refuse(
        f"report on the models of {message.shard}",
        {
            "its time is not positive": message.as_of_ns <= 0,
            "an entry has no name": not all(one.name for one in message.entries),
            "an interval is not positive": any(one.interval_s <= 0 for one in message.entries),
            "a horizon or a count is negative": min(map(_least, message.entries), default=0) < 0,
            "a figure is not finite": not _finite(_told(message.entries)),
        },
    )
    return ModelPerformance(message.shard, message.as_of_ns, tuple(map(_entry, message.entries)))


def encode_drift(value: DriftDetected) -> bytes:
    """Write a drift; equal drifts give equal bytes."""
    message = drift_pb2.DriftDetected(
        watched=_WATCHED[value.watched],
        direction=_DIRECTIONS[value.shift.direction],
        **{name: getattr(value, name) for name in _WHERE},
        **{name: getattr(value.shift, name) for name in _SHIFTED},
    )
    return message.SerializeToString(deterministic=True)


def decode_drift(data: bytes) -> DriftDetected:
    """Read a drift.

    Raises:
        Malformed: The bytes are no DriftDetected, name no shard, or hold what no drift can.
    """
    message = parse_named(drift_pb2.DriftDetected, data)
    figures = {name: getattr(message, name) for name in _SHIFTED}
    refuse(
        f"drift of {message.name!r}",
        {
            "nothing is named": not message.name,
            f"a series of kind {message.watched} is unknown": message.watched not in _WATCHED_READ,
            f"direction {message.direction} is unknown": message.direction not in _DIRECTIONS_READ,
            f"interval {message.interval_s} s is not positive": message.interval_s <= 0,
            "its horizon is negative": message.horizon_bars < 0,
            "its time is not positive": message.as_of_ns <= 0,
            "a figure is not finite": not _finite(figures.values()),
        },
    )
    return DriftDetected(
        watched=_WATCHED_READ[message.watched],
        shift=Shift(direction=_DIRECTIONS_READ[message.direction], **figures),
        **{name: getattr(message, name) for name in _WHERE},
    )


def encode_outcome(value: Outcome) -> bytes:
    """Write what became of a signal; equal outcomes give equal bytes."""
    returns: dict[str, Any] = dict(zip(_RETURNS, value.returns, strict=True))
    message = outcome_pb2.Outcome(
        action=_ACTIONS[value.action],
        exit=_EXITS[value.exit],
        gain=value.gain,
        **{name: getattr(value, name) for name in _PLAIN},
        **returns,
    )
    return message.SerializeToString(deterministic=True)


def decode_outcome(data: bytes) -> Outcome:
    """Read what became of a signal.

    Raises:
        Malformed: The bytes are no Outcome, name no shard, or hold what no outcome can.
    """
    message = parse_named(outcome_pb2.Outcome, data)
    gain = message.gain if message.HasField("gain") else None
    returns = tuple(_optional(message, name) for name in _RETURNS)
    refuse(
        f"outcome of signal {message.signal_id!r}",
        {
            "it has no signal_id": not message.signal_id,
            "it has no instrument_id": not message.instrument_id,
            f"action {message.action} is unknown": message.action not in _ACTIONS_READ,
            f"exit {message.exit} is unknown": message.exit not in _EXITS_READ,
            f"interval {message.interval_s} s is not positive": message.interval_s <= 0,
            "its entry is not positive": message.price <= 0,
            "it has a gain and no exit, or an exit and no gain": (message.exit == outcome_pb2.EXIT_MISSING)
            != (gain is None),
            "a figure is not finite": not _finite([message.confidence, gain or 0.0, *(one or 0.0 for one in returns)]),
        },
    )
    return Outcome(
        action=_ACTIONS_READ[message.action],
        exit=_EXITS_READ[message.exit],
        gain=gain,
        returns=returns,
        **{name: getattr(message, name) for name in _PLAIN},
    )


def _entry_message(value: Performance) -> performance_pb2.Performance:
    figures: dict[str, Any] = dict(value.figures)
    return performance_pb2.Performance(
        **{name: getattr(value, name) for name in _COUNTS},
        **figures,
        skill=value.skill,
        curve=[
            performance_pb2.ReliabilityBin(forecast=one.forecast, observed=one.observed, count=one.count)
            for one in value.curve
        ],
    )


def _entry(message: performance_pb2.Performance) -> Performance:
    told = {name: _optional(message, name) for name in FIGURES}
    return Performance(
        figures={name: value for name, value in told.items() if value is not None},
        curve=tuple(ReliabilityBin(one.forecast, one.observed, one.count) for one in message.curve),
        skill=_optional(message, "skill"),
        **{name: getattr(message, name) for name in _COUNTS},
    )


def _optional(message: performance_pb2.Performance | outcome_pb2.Outcome, name: str) -> float | None:
    """Read a figure that may be absent."""
    if not message.HasField(name):
        return None
    value: float = getattr(message, name)
    return value


def _least(one: performance_pb2.Performance) -> int:
    counts = (one.predictions_count, one.flagged_count, one.outcomes_count, one.missing_count)
    return min(one.horizon_bars, one.last_updated_ns, *counts)


def _told(entries: Iterable[performance_pb2.Performance]) -> Iterable[float]:
    """Give every float of a report; an absent one reads as 0."""
    for one in entries:
        yield one.effective_count
        yield from (getattr(one, name) for name in (*FIGURES, "skill"))
        yield from (figure for point in one.curve for figure in (point.forecast, point.observed, point.count))


def _finite(figures: Iterable[float]) -> bool:
    return all(map(math.isfinite, figures))
