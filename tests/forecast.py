"""Make up forecasts and what comes after, for tests of outcomes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scored import BTC, Row, output_of, predictions_of

from functions.domain.decisions import Action, Quote, Signal
from functions.domain.drift import DOWN, Shift
from functions.domain.market import NS_PER_S, InstrumentRef, ModelOutput, PredictionBatch
from functions.domain.outcomes import FIGURES, HORIZON_MAX, HORIZONS, Outcome, Watches, step, watch
from functions.domain.performance import DriftDetected, ModelPerformance, Watched
from functions.domain.scorebook import Rules, Scorebook, observe

NAMES = tuple(f"{name}_{bars}" for bars in HORIZONS for name in FIGURES)
MODEL = "forecast_boosted"
ETH = InstrumentRef("ETH-USDT.BINANCE", -2, -4)


def forecast_of(
    *ups: float | None, model: str = MODEL, version: str = "1", half: float = 0.001, shadow: bool = False
) -> ModelOutput:
    """Make a forecaster's answer: no return is expected, intervals reach `half` and twice that; None is no score."""
    output = output_of(*ups, model=model, threshold=0.5)
    said = [[up or 0.0, 0.0, -half, half, -2 * half, 2 * half] * len(HORIZONS) for up in ups]
    values = np.array(said).reshape(len(ups), len(NAMES)) * (output.states[:, None] == 1)
    return replace(output, version=version, names=NAMES, values=values, shadow=shadow)


def scored_bars(
    closes: Mapping[int, int],
    ups: Sequence[float | None] | None = None,
    *,
    model: str = MODEL,
    features: Mapping[str, float] | None = None,
) -> PredictionBatch:
    """Make 5 s bars of one instrument by number, each scored."""
    rows = [Row(bar=bar, close=close, features=features or {}) for bar, close in closes.items()]
    return predictions_of(rows, (forecast_of(*(ups or [0.7] * len(rows)), model=model),))


def tape(length: int, seed: int = 0) -> PredictionBatch:
    """Make `length` rounds of bars of two instruments with a feature, a forecaster, its shadow and a detector."""
    rng = np.random.default_rng(seed)
    walks = 60_000 * np.exp(np.cumsum(rng.normal(0.0, 0.001, (length, 2)), axis=0))
    features = rng.standard_normal((length, 2)).tolist()
    rows = [
        Row(bar=100 + n, close=int(walks[n, i]), features={"rsi_14": features[n][i]}, instrument=i)
        for n in range(length)
        for i in range(2)
    ]
    ups = rng.uniform(0.0, 1.0, len(rows)).tolist()
    outputs = (
        forecast_of(*ups),
        forecast_of(*ups, version="2", half=0.0005, shadow=True),
        output_of(*[up if up > 0.1 else None for up in ups]),
    )
    return predictions_of(rows, outputs, instruments=(BTC, ETH))


def part_of(batch: PredictionBatch, start: int, stop: int) -> PredictionBatch:
    """Cut rows out of a batch."""
    arrays = ("instrument", "interval_s", "start_ns", "bar_revision", "close", "flags", "values", "states")
    quotes = ("bid_price", "bid_size", "ask_price", "ask_size")
    columns = replace(batch.columns, **{name: getattr(batch.columns, name)[start:stop] for name in (*arrays, *quotes)})
    outputs = tuple(
        replace(
            one,
            scores=one.scores[start:stop],
            states=one.states[start:stop],
            values=one.values[start:stop] if one.names else one.values,
        )
        for one in batch.outputs
    )
    return replace(batch, columns=columns, outputs=outputs, end_of_tape=False)


def signal_of(bar: int, action: Action = Action.BUY, **changes: int) -> Signal:
    """Make a signal on a 5 s bar at 60,000 with a stop 1 % away and a target 2 % away."""
    toward = {Action.BUY: 1, Action.SELL: -1, Action.HOLD: 0}[action]
    signal = Signal(
        signal_id=f"{action.value}-{bar}",
        strategy="mean_reversion",
        instrument_id=BTC.instrument_id,
        interval_s=5,
        bar_start_ns=bar * 5 * NS_PER_S,
        as_of_ns=(bar + 1) * 5 * NS_PER_S,
        action=action,
        confidence=70.0,
        price_exponent=-2,
        size_exponent=-5,
        price=6_000_000,
        quote=Quote(5_999_900, 10, 6_000_100, 20, (bar + 1) * 5 * NS_PER_S),
        reasons=(),
        model_scores=(),
        stop_loss=6_000_000 - toward * 60_000,
        take_profit=6_000_000 + toward * 120_000,
        risk_reward_ratio=2.0,
        bar_revision=0,
        degraded=False,
        shard="BINANCE-0",
    )
    return replace(signal, **changes)


def outcome_of(*closes: int) -> Outcome:
    """Make the outcome of a signal with these closes behind it, then a hole."""
    watches = Watches()
    watch(watches, signal_of(100))
    bars = {**{101 + n: close for n, close in enumerate(closes)}, 200: 1}
    found = [
        one
        for bar, close in bars.items()
        for one in step(watches, BTC.instrument_id, interval_s=5, start_ns=bar * 5 * NS_PER_S, close=close, flags=0)
    ]
    return found[0]


REPORT = next(
    one
    for one in observe(Scorebook("BINANCE-0"), tape(300), Rules(intervals_s=(5,), report_s=900))
    if isinstance(one, ModelPerformance)
)
DRIFT = DriftDetected("BINANCE-0", Watched.RESIDUAL, MODEL, "1", "", 5, 4, 7 * NS_PER_S, Shift(DOWN, 2.5, 1.0, 0.25))
OUTCOME = outcome_of(*[6_120_050] * HORIZON_MAX)
