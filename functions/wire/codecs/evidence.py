"""Write a signal's evidence as its message and read it back; an absent message is evidence of nothing."""

from collections.abc import Iterator
from math import isfinite
from types import MappingProxyType
from typing import Final

from tickloom.signals.v1 import signal_pb2

from functions.domain.decisions import (
    Action,
    ConfidenceKind,
    Evidence,
    Forecast,
    Gate,
    Importance,
    Predictions,
    Vote,
)

ACTIONS: Final = MappingProxyType(
    {
        Action.BUY: signal_pb2.ACTION_BUY,
        Action.SELL: signal_pb2.ACTION_SELL,
        Action.HOLD: signal_pb2.ACTION_HOLD,
    }
)
_ACTIONS_READ: Final = MappingProxyType({number: action for action, number in ACTIONS.items()})
_KINDS: Final = MappingProxyType(
    {
        ConfidenceKind.RULE_WEIGHT: signal_pb2.CONFIDENCE_KIND_RULE_WEIGHT,
        ConfidenceKind.CALIBRATED: signal_pb2.CONFIDENCE_KIND_CALIBRATED,
    }
)
_KINDS_READ: Final = MappingProxyType({number: kind for kind, number in _KINDS.items()})

_OPTIONAL: Final = ("probability", "probability_low", "expected_value", "kelly_fraction")
_OPTIONAL_OF_MODELS: Final = ("anomaly_score", "sentiment", "regime_probability", "up", "down")


def evidence_message(value: Evidence) -> signal_pb2.Evidence:
    """Write evidence."""
    return signal_pb2.Evidence(
        wanted=ACTIONS[value.wanted],
        strength=value.strength,
        confidence_kind=_KINDS[value.confidence_kind],
        event=value.event,
        horizon_bars=value.horizon_bars,
        probability=value.probability,
        probability_low=value.probability_low,
        expected_value=value.expected_value,
        kelly_fraction=value.kelly_fraction,
        position_size_pct=value.position_size_pct,
        primary_factor=value.primary_factor,
        supporting_indicators=value.supporting_indicators,
        feature_importance=[
            signal_pb2.Importance(indicator=one.indicator, share=one.share) for one in value.importance
        ],
        model_predictions=_predictions_message(value.predictions),
        gates=[signal_pb2.Gate(name=one.name, text=one.text) for one in value.gates],
        feature_schema=value.feature_schema,
        causation_id=value.causation_id,
    )


def evidence_value(message: signal_pb2.Evidence) -> Evidence:
    """Read evidence; what is not set is as in evidence of nothing."""
    return Evidence(
        wanted=_ACTIONS_READ.get(message.wanted, Action.HOLD),
        strength=message.strength,
        confidence_kind=_KINDS_READ.get(message.confidence_kind, ConfidenceKind.RULE_WEIGHT),
        event=message.event,
        horizon_bars=message.horizon_bars,
        **_given(message, _OPTIONAL),
        position_size_pct=message.position_size_pct,
        primary_factor=message.primary_factor,
        supporting_indicators=tuple(message.supporting_indicators),
        importance=tuple(Importance(one.indicator, one.share) for one in message.feature_importance),
        predictions=_predictions_value(message.model_predictions),
        gates=tuple(Gate(one.name, one.text) for one in message.gates),
        feature_schema=message.feature_schema,
        causation_id=message.causation_id,
    )


def evidence_faults(message: signal_pb2.Evidence) -> dict[str, bool]:
    """Say what may be wrong with evidence, for people, and whether it is."""
    chances = [getattr(message, name) for name in ("probability", "probability_low")]
    return {
        f"what was wanted, {message.wanted}, is unknown": message.wanted not in {0, *_ACTIONS_READ},
        f"confidence kind {message.confidence_kind} is unknown": message.confidence_kind not in {0, *_KINDS_READ},
        "a figure of its evidence is not finite": not all(map(isfinite, _figures(message))),
        "a probability is not from 0 to 1": not all(0 <= one <= 1 for one in chances),
    }


def _figures(message: signal_pb2.Evidence) -> Iterator[float]:
    models = message.model_predictions
    yield from (message.strength, message.position_size_pct)
    yield from (getattr(message, name) for name in _OPTIONAL)
    yield from (getattr(models, name) for name in _OPTIONAL_OF_MODELS)
    yield from (one.share for one in message.feature_importance)
    yield from (figure for one in models.forecasts for figure in (one.expected_return, one.up))
    yield from (figure for one in models.votes for figure in (one.weight, one.up, one.down, one.down_weight))


def _given(
    message: signal_pb2.Evidence | signal_pb2.ModelPredictions | signal_pb2.Vote, names: tuple[str, ...]
) -> dict[str, float | None]:
    """Give optional figures by name, None where absent."""
    return {name: getattr(message, name) if message.HasField(name) else None for name in names}


def _predictions_message(value: Predictions) -> signal_pb2.ModelPredictions:
    return signal_pb2.ModelPredictions(
        forecasts=[_forecast_message(one) for one in value.forecasts],
        anomaly_score=value.anomaly_score,
        is_anomaly=value.is_anomaly,
        sentiment=value.sentiment,
        regime=value.regime,
        regime_probability=value.regime_probability,
        votes=[
            signal_pb2.Vote(model=one.model, weight=one.weight, up=one.up, down=one.down, down_weight=one.down_weight)
            for one in value.votes
        ],
        up=value.up,
        horizon_bars=value.horizon_bars,
        abstained=value.abstained,
        down=value.down,
    )


def _predictions_value(message: signal_pb2.ModelPredictions) -> Predictions:
    return Predictions(
        forecasts=tuple(_forecast_value(one) for one in message.forecasts),
        is_anomaly=message.is_anomaly,
        regime=message.regime,
        votes=tuple(
            Vote(one.model, one.weight, one.up, _given(one, ("down",))["down"], one.down_weight)
            for one in message.votes
        ),
        horizon_bars=message.horizon_bars,
        abstained=message.abstained,
        **_given(message, _OPTIONAL_OF_MODELS),
    )


def _forecast_message(value: Forecast) -> signal_pb2.Forecast:
    return signal_pb2.Forecast(
        model=value.model,
        version=value.version,
        horizon_bars=value.horizon_bars,
        expected_return=value.expected_return,
        up=value.up,
        price=value.price,
        low_80=value.low_80,
        high_80=value.high_80,
        low_95=value.low_95,
        high_95=value.high_95,
    )


def _forecast_value(message: signal_pb2.Forecast) -> Forecast:
    return Forecast(
        message.model,
        message.version,
        message.horizon_bars,
        message.expected_return,
        message.up if message.HasField("up") else None,
        message.price,
        message.low_80,
        message.high_80,
        message.low_95,
        message.high_95,
    )
