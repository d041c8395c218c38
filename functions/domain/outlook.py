"""Read what models say of one row: scores, figures, forecasts as prices. Shadows and degraded answers are not heard."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from functions.domain.decisions import Forecast, ModelScore, Predictions
from functions.domain.ensemble import Pooled
from functions.domain.market import STATE_VALID, ModelOutput
from functions.domain.money import MANTISSA_MAX
from functions.domain.strategy import HORIZONS, REGIMES, SCORE, Ensemble

ANOMALY: Final = "anomaly"
REGIME: Final = "regime"
SENTIMENT: Final = "sentiment"

RETURN_MAX: Final = 40.0
"""Log return beyond which a forecast is no price of this world; keeps the exponential finite."""


def heard(outputs: Sequence[ModelOutput]) -> tuple[ModelOutput, ...]:
    """Keep the answers that may be acted on: no shadow, nothing degraded."""
    return tuple(output for output in outputs if not (output.shadow or output.degraded))


def score_of(output: ModelOutput, row: int) -> ModelScore:
    """Give a model's score of a row that it scored."""
    return ModelScore(output.model, output.version, float(output.scores[row]), output.threshold)


def scores_of(outputs: Sequence[ModelOutput], row: int) -> dict[str, ModelScore]:
    """Give the scores of the models that scored a row, by name."""
    return {output.model: score_of(output, row) for output in outputs if output.states[row] == STATE_VALID}


def figures_of(outputs: Sequence[ModelOutput], row: int, names: Sequence[str]) -> dict[str, float]:
    """Give figures by `model.figure`; one that no heard model has for this row is left out."""
    found = {}
    for output in outputs:
        if output.states[row] != STATE_VALID:
            continue
        for name in names:
            model, _, figure = name.partition(".")
            if model == output.model and (figure == SCORE or figure in output.names):
                found[name] = _figure(output, row, figure)
    return found


def chances_of(outputs: Sequence[ModelOutput], row: int, ensemble: Ensemble) -> dict[str, float]:
    """Give each member's chance of a higher price, by name; members that did not say one are left out."""
    members = [output for output in outputs if output.model in ensemble.members]
    names = [f"{output.model}.{ensemble.figure}" for output in members]
    return {name.partition(".")[0]: value for name, value in figures_of(members, row, names).items()}


def predictions_of(
    outputs: Sequence[ModelOutput], row: int, close: int, *, ensemble: Ensemble, pooled: Pooled
) -> Predictions:
    """Gather what the heard models say of a row.

    Args:
        outputs: Answers of the heard models.
        row: The row.
        close: Closing price mantissa, from which forecasts are prices.
        ensemble: The ensemble.
        pooled: What it says.
    """
    valid = [output for output in outputs if output.states[row] == STATE_VALID]
    scores = {output.model: score_of(output, row) for output in valid}
    anomaly, sentiment = scores.get(ANOMALY), scores.get(SENTIMENT)
    regimes = next((_regimes(output, row) for output in valid if output.model == REGIME), {})
    likeliest = max(regimes, key=lambda name: regimes[name], default="")
    return Predictions(
        forecasts=tuple(one for output in valid for one in _forecasts(output, row, close)),
        anomaly_score=None if anomaly is None else anomaly.score,
        is_anomaly=anomaly is not None and anomaly.score >= anomaly.threshold,
        sentiment=None if sentiment is None else sentiment.score,
        regime=likeliest,
        regime_probability=regimes.get(likeliest),
        votes=pooled.votes,
        up=pooled.higher.chance,
        horizon_bars=ensemble.horizon_bars if pooled.votes else 0,
        abstained=pooled.higher.abstained if ensemble.members else "",
        down=pooled.lower.chance,
    )


def price_after(close: int, log_return: float) -> int:
    """Give the price mantissa after a log return, kept within 64 bits.

    >>> price_after(10_000, math.log(1.02)), price_after(10_000, 1e9) == MANTISSA_MAX
    (10200, True)
    """
    bounded = min(max(log_return, -RETURN_MAX), RETURN_MAX)
    return min(max(round(close * math.exp(bounded)), -MANTISSA_MAX), MANTISSA_MAX)


def _figure(output: ModelOutput, row: int, name: str) -> float:
    if name not in output.names:
        return float(output.scores[row])
    return float(output.values[row, output.names.index(name)])


def _regimes(output: ModelOutput, row: int) -> Mapping[str, float]:
    return {name: _figure(output, row, name) for name in REGIMES if name in output.names}


def _forecasts(output: ModelOutput, row: int, close: int) -> Iterator[Forecast]:
    for horizon in HORIZONS:
        if f"return_{horizon}" not in output.names:
            continue
        returned = _figure(output, row, f"return_{horizon}")
        ends = [f"{end}_{horizon}" for end in ("low80", "high80", "low95", "high95")]
        prices = [price_after(close, _figure(output, row, end)) if end in output.names else 0 for end in ends]
        up = f"up_{horizon}"
        yield Forecast(
            output.model,
            output.version,
            horizon,
            returned,
            _figure(output, row, up) if up in output.names else None,
            price_after(close, returned),
            *prices,
        )
