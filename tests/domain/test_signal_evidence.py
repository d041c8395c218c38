"""A signal says what it rests on: factors, models, what its confidence is the chance of, and how much to stake."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scored import SHARD, Row, output_of, predictions_of

from functions.domain.decisions import Action, ConfidenceKind, Importance, Signal, Vote
from functions.domain.ensemble import Standing
from functions.domain.features import schema_digest
from functions.domain.market import STATE_VALID, ModelOutput
from functions.domain.money import MANTISSA_MAX
from functions.domain.predictions import degraded
from functions.domain.signals import SCOPES_MAX, Desk, believe, decide
from functions.domain.sizing import lower_bound
from functions.domain.strategy import Above, Strategy

FALLEN = {"rsi_14": 22.5, "bb_percent": -0.2, "zscore_20": -2.8, "macd_hist": -5.0, "atr_14": 600.0}
RISEN = {"rsi_14": 77.5, "bb_percent": 1.2, "zscore_20": 2.8, "macd_hist": 5.0, "atr_14": 600.0}
RULES = Strategy()
SCOPE = (SHARD, 5)
MEMBERS = RULES.ensemble.members


def answer(model: str, score: float = 0.5, **figures: float) -> ModelOutput:
    """Make a model's answer for one row, with figures in the order given."""
    return replace(output_of(score, model=model), names=tuple(figures), values=np.array([list(figures.values())]))


def one(
    features: dict[str, float], *outputs: ModelOutput, strategy: Strategy = RULES, desk: Desk | None = None
) -> Signal:
    """Decide on a single row."""
    batch = predictions_of([Row(features=features)], outputs)
    (signal,) = decide(desk or Desk(), batch, strategy, identify=lambda *key: "|".join(map(str, key)))
    return signal


def trusting(samples: int = 1000) -> Desk:
    """Give a desk whose forecasts outcomes have borne out."""
    desk = Desk()
    believe(desk, SCOPE, dict.fromkeys(MEMBERS, Standing(samples=samples)), RULES)
    return desk


def test_factors() -> None:
    """The strongest rule is the primary factor, what the others looked at supports it, and the shares sum to 1."""
    told = one(FALLEN, output_of(0.7)).evidence
    assert (told.primary_factor, told.strength) == ("rsi_oversold", 90.0)
    assert told.supporting_indicators == ("bb_percent", "zscore_20", "anomaly")
    assert told.importance[0] == Importance("rsi_14", 30 / 90)
    assert sum(one.share for one in told.importance) == pytest.approx(1.0)


def test_indicator_counts_once() -> None:
    """Two rules on one feature are one indicator, with both their weights."""
    strategy = Strategy(buy=(), sell=(Above("high", "rsi_14", 70.0, 40.0), Above("higher", "rsi_14", 75.0, 30.0)))
    told = one(RISEN, strategy=strategy).evidence
    assert (told.supporting_indicators, told.importance) == ((), (Importance("rsi_14", 1.0),))


def test_uncalibrated_is_a_count() -> None:
    """Without outcomes a confidence is a weighted count, no chance stands beside it, and the size is flat."""
    signal = one(FALLEN, answer("forecast_boosted", up_4=0.625))
    told = signal.evidence
    assert (told.confidence_kind, signal.confidence) == (ConfidenceKind.RULE_WEIGHT, told.strength)
    assert (told.event, told.horizon_bars, told.probability, told.probability_low) == ("", 0, None, None)
    assert (told.expected_value, told.kelly_fraction, told.position_size_pct) == (None, None, 1.0)


def test_calibrated_is_a_promise() -> None:
    """With outcomes behind it the confidence is the ensemble's chance of a stated event, and its bound sizes it."""
    signal = one(FALLEN, *(answer(name, up_4=0.75) for name in MEMBERS), desk=trusting())
    told = signal.evidence
    assert (told.confidence_kind, signal.confidence, told.probability) == (ConfidenceKind.CALIBRATED, 75.0, 0.75)
    assert (told.event, told.horizon_bars) == ("the price is higher 4 bars after the close", 4)
    assert told.probability_low == lower_bound(0.75, 1000, RULES.sizing.bound_z)
    assert told.expected_value is not None
    assert told.expected_value > 0
    assert 0 < told.position_size_pct <= RULES.sizing.position_pct_max


def test_not_higher_is_not_lower() -> None:
    """A chance of a higher price says nothing of a sale, for a price may stay: its confidence is a count of rules."""
    told = one(RISEN, *(answer(name, up_4=0.25) for name in MEMBERS), desk=trusting()).evidence
    assert (told.wanted, told.confidence_kind, told.probability) == (Action.SELL, ConfidenceKind.RULE_WEIGHT, None)


def test_a_coin_has_no_edge() -> None:
    """A chance of a direction is no chance of the target before the stop: at even odds a far target is no edge."""
    signal = one(FALLEN, *(answer(name, up_4=0.5) for name in MEMBERS), desk=trusting())
    assert (signal.action, [gate.name for gate in signal.evidence.gates]) == (Action.HOLD, ["no_edge"])


def test_a_version_earns_its_own() -> None:
    """What one version has shown says nothing of another: a new one is unknown until it has outcomes."""
    desk = Desk()
    believe(desk, SCOPE, {name: Standing(samples=1000, version="0.9") for name in MEMBERS}, RULES)
    told = one(FALLEN, *(answer(name, up_4=0.75) for name in MEMBERS), desk=desk).evidence
    assert told.confidence_kind is ConfidenceKind.RULE_WEIGHT


def test_too_few_outcomes() -> None:
    """One outcome less than a strategy asks for leaves a chance uncalibrated."""
    outputs = [answer(name, up_4=0.75) for name in MEMBERS]
    kinds = [one(FALLEN, *outputs, desk=trusting(n)).evidence.confidence_kind for n in (99, 100)]
    assert kinds == [ConfidenceKind.RULE_WEIGHT, ConfidenceKind.CALIBRATED]


def test_own_curve() -> None:
    """Where no model says a chance, what the strategy's own strength has meant is one."""
    desk = Desk()
    own = Standing(samples=400, curve=((0.5, 0.5), (1.0, 0.75)), event="the target is reached first", horizon_bars=24)
    believe(desk, SCOPE, {"mean_reversion": own}, RULES)
    signal = one(FALLEN, output_of(0.1), desk=desk)
    told = signal.evidence
    assert (told.strength, told.probability, signal.confidence) == (75.0, 0.625, 62.5)
    assert (told.event, told.horizon_bars) == ("the target is reached first", 24)


def test_believes_only_whom_it_hears() -> None:
    """Standings of those a strategy does not hear are passed over, and new ones replace old ones."""
    desk = trusting(5)
    believe(desk, SCOPE, {"stranger": Standing(), MEMBERS[0]: Standing(weight=0.5)}, RULES)
    assert set(desk.trust[SCOPE]) == set(MEMBERS)
    assert [desk.trust[SCOPE][name].weight for name in MEMBERS] == [0.5, 1.0, 1.0]


@pytest.mark.parametrize("scope", [(SHARD, 60), ("OTHER-0", 5)])
def test_scopes_are_their_own(scope: tuple[str, int]) -> None:
    """What another shard or interval has shown changes no decision of this one."""
    desk = Desk()
    believe(desk, scope, dict.fromkeys((RULES.name, *MEMBERS), Standing(samples=1000, broken="odd")), RULES)
    outputs = [answer(name, up_4=0.75) for name in MEMBERS]
    assert one(FALLEN, *outputs, desk=desk) == one(FALLEN, *outputs)


def test_scopes_are_bounded() -> None:
    """One scope more than the bound is refused; a known one may change."""
    desk = Desk()
    for n in range(SCOPES_MAX):
        believe(desk, (f"S-{n}", 5), {MEMBERS[0]: Standing()}, RULES)
    believe(desk, ("S-0", 5), {MEMBERS[0]: Standing(weight=0.5)}, RULES)
    with pytest.raises(ValueError, match="more than"):
        believe(desk, ("S-new", 5), {MEMBERS[0]: Standing()}, RULES)


def test_other_intervals_give_way() -> None:
    """A desk that was kept while other intervals decided takes up standings on those that decide now."""
    desk, shards = Desk(), [f"S-{n}" for n in range(3)]
    for intervals_s in ((5, 60), (1, 300), (15, 900)):
        rules = replace(RULES, intervals_s=intervals_s)
        for scope in itertools.product(shards, intervals_s):
            believe(desk, scope, {MEMBERS[0]: Standing()}, rules)
    assert set(desk.trust) == set(itertools.product(shards, (15, 900)))


def test_predictions() -> None:
    """Forecasts are prices from the close by horizon, and anomaly, sentiment and regime stand beside them."""
    forecast = answer(
        "forecast_lstm",
        return_1=0.0,
        return_4=math.log(1.02),
        low80_4=math.log(0.99),
        high80_4=math.log(1.05),
        low95_4=math.log(0.97),
        high95_4=math.log(1.08),
        up_4=0.625,
    )
    regime = answer("regime", calm=0.25, normal=0.5, turbulent=0.25)
    told = one(FALLEN, output_of(0.7), forecast, regime, output_of(0.25, model="sentiment")).evidence.predictions
    near, far = told.forecasts
    assert (near.horizon_bars, near.price, near.up, near.low_80, near.high_95) == (1, 6_000_000, None, 0, 0)
    assert (far.model, far.version, far.horizon_bars, far.up) == ("forecast_lstm", "1", 4, 0.625)
    prices = (far.price, far.low_80, far.high_80, far.low_95, far.high_95)
    assert prices == (6_120_000, 5_940_000, 6_300_000, 5_820_000, 6_480_000)
    assert (told.anomaly_score, told.is_anomaly, told.sentiment) == (0.7, True, 0.25)
    assert (told.regime, told.regime_probability) == ("normal", 0.5)
    assert (told.votes, told.up, told.horizon_bars) == ((Vote("forecast_lstm", 1.0, 0.625),), 0.625, 4)


def test_nobody_heard() -> None:
    """Without models the predictions are empty, and the ensemble says why it says nothing."""
    told = one(FALLEN).evidence.predictions
    assert (told.forecasts, told.anomaly_score, told.regime, told.up) == ((), None, "", None)
    assert told.abstained == "no model was heard"


def test_shadows_are_never_heard() -> None:
    """What only stands beside changes not one byte of a decision, however loud."""
    strategy = replace(RULES, buy=(*RULES.buy[:3], Above("rise", "forecast_lstm.up_4", 0.5, 10.0)))
    heard = (output_of(0.4), answer("forecast_lstm", up_4=0.5))
    shadows = tuple(
        replace(one, shadow=True, version="2")
        for one in (output_of(0.9), answer("forecast_lstm", up_4=1.0), answer("regime", turbulent=1.0))
    )
    assert one(FALLEN, *heard, *shadows, strategy=strategy) == one(FALLEN, *heard, strategy=strategy)


def test_only_a_shadow_is_degraded() -> None:
    """A model that a rule names and that answers only as a shadow was not heard."""
    assert one(FALLEN, replace(output_of(0.9), shadow=True)).degraded
    assert not one(FALLEN, output_of(0.4)).degraded


def test_failed_member_is_degraded() -> None:
    """A member of the ensemble that was asked and failed is missed; one that is not served is not."""
    assert one(FALLEN, output_of(0.4), degraded("forecast_lstm", 1, "no answer")).degraded
    assert not one(FALLEN, output_of(0.4), answer("forecast_lstm", up_4=0.5)).degraded


def test_figures_speak_in_rules() -> None:
    """A rule on a model's figure says what it saw, and its model is missed when it is not there."""
    strategy = replace(RULES, buy=(*RULES.buy[:3], Above("rise", "forecast_lstm.up_4", 0.5, 10.0)))
    signal = one(FALLEN, output_of(0.4), answer("forecast_lstm", up_4=0.625), strategy=strategy)
    assert signal.reasons[-1].text == "forecast_lstm.up_4 0.625 > 0.5"
    assert (signal.degraded, signal.evidence.supporting_indicators[-1]) == (False, "forecast_lstm.up_4")
    assert one(FALLEN, output_of(0.4), strategy=strategy).degraded


def test_unscored_row_says_nothing() -> None:
    """A model that could not score the row has no figure for it, whatever its columns hold."""
    silent = replace(answer("forecast_lstm", up_4=0.9), states=np.array([0], dtype=np.uint8))
    told = one(FALLEN, silent).evidence.predictions
    assert (told.forecasts, told.votes) == ((), ())


def test_schema() -> None:
    """The digest of the features' names says which they were."""
    assert one(FALLEN).evidence.feature_schema == schema_digest(tuple(sorted(FALLEN))).hex()


FIGURES = ("return_4", "low80_4", "high80_4", "low95_4", "high95_4", "up_4")
WILD = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(WILD, min_size=6, max_size=6), st.sampled_from([FALLEN, RISEN]), st.integers(0, 10**6))
@settings(max_examples=examples(300), deadline=None)
def test_any_finite_figure(values: Sequence[float], features: dict[str, float], samples: int) -> None:
    """Whatever finite figures a model gives, a signal has finite figures, a chance from 0 to 1 and prices that fit."""
    desk = Desk()
    believe(desk, SCOPE, {"forecast_lstm": Standing(samples=samples)}, RULES)
    signal = one(features, answer("forecast_lstm", **dict(zip(FIGURES, values, strict=True))), desk=desk)
    told = signal.evidence
    (forecast,) = told.predictions.forecasts
    assert 0 <= min(forecast.price, forecast.low_95) <= max(forecast.price, forecast.high_95) <= MANTISSA_MAX
    assert 0 <= signal.confidence <= 100
    figures = (told.probability, told.probability_low, told.expected_value, told.kelly_fraction)
    assert all(math.isfinite(figure) for figure in figures if figure is not None)
    assert (told.position_size_pct > 0) == (signal.action is not Action.HOLD)


def test_state_valid_is_what_tests_make() -> None:
    """The answers made here are scored ones."""
    assert answer("x", up_4=0.5).states.tolist() == [STATE_VALID]
