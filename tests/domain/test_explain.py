"""A decision's parts sum to its confidence, and the change that is said to flip it flips it when it is fed back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest
from counts import count
from hypothesis import given, settings
from hypothesis import strategies as st
from scored import SHARD, Row, output_of, predictions_of

from functions.domain.decisions import Action, ConfidenceKind, Signal
from functions.domain.ensemble import Standing, calibrated
from functions.domain.explain import (
    Scene,
    confidence_of,
    decide_again,
    figures_seen,
    judge_of,
    levers_of,
    players_of,
    row_of,
    scene_of,
    spreads_of,
    strength_of,
)
from functions.domain.flips import SPREADS_MAX, Flip, Lever, smallest_flip
from functions.domain.learning import learn
from functions.domain.market import MARKET_QUOTED, Float64, ModelOutput
from functions.domain.predictions import degraded
from functions.domain.shapley import attribute
from functions.domain.signals import Desk, believe, decide
from functions.domain.strategy import Above, Strategy, TurnsUp

SUM_ERROR_MAX = 1e-9
MEMBERS = Strategy().ensemble.members
RULES = Strategy(vetoes=(Above("wild", "regime.turbulent", 0.8, 1.0),), min_confidence=40.0, emit_hold=True)
SPREADS = {
    "rsi_14": 12.0,
    "bb_percent": 0.4,
    "zscore_20": 1.1,
    "macd_hist": 4.0,
    "atr_14": 150.0,
    "anomaly.score": 0.08,
    "regime.turbulent": 0.2,
    **{f"{model}.up_4": 0.05 for model in MEMBERS},
}
QUIET = {"rsi_14": 50.0, "bb_percent": 0.5, "zscore_20": 0.0, "macd_hist": 0.0, "atr_14": 600.0}
FALLEN = {"rsi_14": 22.5, "bb_percent": -0.2, "zscore_20": -2.8, "macd_hist": -5.0, "atr_14": 600.0}


def identify(*key: object) -> str:
    """Name a signal by its key."""
    return "|".join(map(str, key))


def answer(model: str, score: float, **figures: float) -> ModelOutput:
    """Make a model's answer for one row."""
    return replace(output_of(score, model=model), names=tuple(figures), values=np.array([list(figures.values())]))


@dataclass(frozen=True, slots=True)
class Made:
    """Hold a made-up decision: the row and answers it was made on, what was before, and its signal."""

    before: Mapping[str, float]
    features: Mapping[str, float]
    scores: Mapping[str, float]
    standing: Standing
    own: Standing

    def outputs(self, changes: Mapping[str, float]) -> tuple[ModelOutput, ...]:
        """Let models say what they said, but for changes."""
        said = {**self.scores, **changes}
        votes = [answer(model, 0.5, up_4=said[f"{model}.up_4"]) for model in MEMBERS]
        regime = answer("regime", said["regime.turbulent"], turbulent=said["regime.turbulent"])
        return (output_of(said["anomaly.score"]), regime, *votes)

    def desk(self) -> Desk:
        """Remember the bar before."""
        desk = Desk()
        believe(desk, (SHARD, 5), {**dict.fromkeys(MEMBERS, self.standing), RULES.name: self.own}, RULES)
        decide(desk, predictions_of([Row(99, self.before)]), RULES, identify=identify)
        return desk

    def decide(self, changes: Mapping[str, float]) -> Action:
        """Decide from the beginning, with some figures changed."""
        features = {name: changes.get(name, value) for name, value in self.features.items()}
        batch = predictions_of([Row(100, features)], self.outputs(changes))
        signals = decide(self.desk(), batch, RULES, identify=identify)
        return signals[0].action if signals else Action.HOLD

    def scene(self) -> Scene:
        """Set the scene."""
        batch = predictions_of([Row(100, self.features)], self.outputs({}))
        return scene_of(self.desk(), batch, 0, RULES)


def draw(seed: int) -> Made:
    """Make up a decision near the limits of the rules; a third rests on votes, a third on a curve of its own."""
    rng = np.random.default_rng(seed)
    side = rng.choice([-1.0, 1.0])

    def features() -> dict[str, float]:
        rsi, band, z, macd = rng.normal([22, 0.6, 2.2, -2], [9, 0.3, 0.6, 3]).tolist()
        atr = float(rng.uniform(100, 900))
        return {
            "rsi_14": 50 + side * rsi,
            "bb_percent": 0.5 + side * band,
            "zscore_20": side * z,
            "macd_hist": side * -macd,
            "atr_14": atr,
        }

    votes = np.clip(0.5 + side * -0.2 + rng.normal(0, 0.06, 3), 0, 1).tolist()
    scores = {f"{model}.up_4": vote for model, vote in zip(MEMBERS, votes, strict=True)}
    scores |= {"anomaly.score": float(rng.uniform(0.4, 0.8)), "regime.turbulent": float(rng.uniform(0, 1))}
    samples = seed % 3 == 1
    own = Standing(curve=((0.3, 0.45), (0.6, 0.6), (1.0, 0.8)), samples=500 * (seed % 3 == 2), event="it pays")
    return Made(features(), features(), scores, Standing(samples=1000 * samples), own)


def told_of(made: Made) -> tuple[Signal, Flip | None]:
    """Give the signal and its smallest flip."""
    scene = made.scene()
    signal = decide_again(scene, identify=identify)
    assert signal is not None
    return signal, smallest_flip(levers_of(scene, SPREADS), judge_of(scene), told=signal.action)


@settings(max_examples=count(1000), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_sums_hold(seed: int) -> None:
    """Parts of strength and of confidence sum to them, whatever a confidence is."""
    made = draw(seed)
    signal = decide_again(made.scene(), identify=identify)
    assert signal is not None
    curve = made.own.curve if made.own.samples else ()
    for told, total in ((strength_of(signal), signal.evidence.strength), (confidence_of(signal, curve), None)):
        assert abs(told.residual) <= SUM_ERROR_MAX
        assert told.total == (signal.confidence if total is None else total)


@settings(max_examples=count(1000), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_flips_flip(seed: int) -> None:
    """The stated change, fed back from the beginning, gives the stated action, which is another one."""
    made = draw(seed)
    signal, flip = told_of(made)
    assert made.decide({}) is signal.action
    if flip is not None:
        assert made.decide({move.name: move.now for move in flip.moves}) is flip.action
        assert flip.action is not signal.action
        assert all(0 < move.spreads <= SPREADS_MAX for move in flip.moves)
        assert all(move.was == {**made.features, **made.scores}[move.name] for move in flip.moves)


def test_made_up_ones_are_not_idle() -> None:
    """Of the made-up decisions there are all actions and both kinds of confidence, and most have a flip."""
    drawn = [told_of(draw(seed)) for seed in range(60)]
    assert {signal.action for signal, _ in drawn} == set(Action)
    assert {signal.evidence.confidence_kind for signal, _ in drawn} == set(ConfidenceKind)
    assert sum(flip is not None for _, flip in drawn) > len(drawn) / 2
    assert any(flip is not None and len(flip.moves) == 2 for _, flip in drawn)


def judged(
    features: Mapping[str, float], strategy: Strategy, *outputs: ModelOutput, flags: int = MARKET_QUOTED
) -> Scene:
    """Set the scene of one row without a past."""
    return scene_of(Desk(), predictions_of([Row(features=features, flags=flags)], outputs), 0, strategy)


def flip_of(scene: Scene, told: Action, spreads: Mapping[str, float] = SPREADS) -> Flip | None:
    """Find the smallest flip of a scene."""
    return smallest_flip(levers_of(scene, spreads), judge_of(scene), told=told)


def test_smallest_is_smallest() -> None:
    """Of two rules that must both speak the one nearer its limit, in spreads, is moved, exactly to the limit."""
    flip = flip_of(judged(FALLEN, Strategy(min_confidence=75.0)), Action.BUY)
    assert flip is not None
    assert [(move.name, move.now) for move in flip.moves] == [("bb_percent", 0.0)]
    assert flip.spreads == pytest.approx(0.2 / 0.4)
    assert flip.action is Action.HOLD


def test_two_moves() -> None:
    """Where no single change suffices, two are found."""
    flip = flip_of(judged({**FALLEN, "macd_hist": 0.0}, Strategy(min_confidence=40.0)), Action.BUY)
    assert flip is not None
    assert {move.name for move in flip.moves} == {"bb_percent", "rsi_14"}
    assert flip.spreads == pytest.approx(0.2 / 0.4 + 7.5 / 12)


def test_score_at_its_threshold() -> None:
    """A model's score is moved to where it no longer flags: the number just below its threshold."""
    scene = judged(FALLEN, Strategy(min_confidence=90.0), output_of(0.61))
    flip = flip_of(scene, Action.BUY, SPREADS | {"anomaly.score": 1.0})
    assert flip is not None
    assert [(move.name, move.now) for move in flip.moves] == [("anomaly.score", np.nextafter(0.6, 0))]


def test_turn() -> None:
    """A rule on a turn is silenced by the value of the bar before, to which nothing has turned."""
    strategy = Strategy(buy=(TurnsUp("turns", "macd_hist", 70.0),), sell=(), min_confidence=60.0)
    desk = Desk()
    decide(desk, predictions_of([Row(99, {**QUIET, "macd_hist": -6.0})]), strategy, identify=identify)
    scene = scene_of(desk, predictions_of([Row(100, {**QUIET, "macd_hist": -5.0})]), 0, strategy)
    flip = flip_of(scene, Action.BUY)
    assert flip is not None
    assert [(move.name, move.now) for move in flip.moves] == [("macd_hist", -6.0)]


def test_edge_of_a_chance() -> None:
    """A calibrated decision flips where its votes leave no edge: the vote is moved just so far."""
    desk = Desk()
    believe(desk, (SHARD, 5), {MEMBERS[0]: Standing(samples=1000)}, Strategy())
    votes = answer(MEMBERS[0], 0.5, up_4=0.75)
    scene = scene_of(desk, predictions_of([Row(features=FALLEN)], (votes,)), 0, Strategy())
    flip = flip_of(scene, Action.BUY, {f"{MEMBERS[0]}.up_4": 0.05})
    assert flip is not None
    (move,) = flip.moves
    judge = judge_of(scene)
    assert judge({move.name: move.now}) is Action.HOLD
    assert judge({move.name: move.now + 1e-6}) is Action.BUY


def test_nothing_flips_a_shut_gate() -> None:
    """What a market without a quote stops, no change of a feature lets through."""
    assert flip_of(judged(FALLEN, Strategy(), flags=0), Action.HOLD) is None


def test_what_never_moved_is_not_moved() -> None:
    """A figure without a spread is no lever, and neither is one the row does not have."""
    scene = judged({"rsi_14": 22.5, "bb_percent": -0.2, "atr_14": 600.0}, Strategy(), degraded("anomaly", 1, "away"))
    assert [lever.name for lever in levers_of(scene, {"rsi_14": 12.0, "zscore_20": 1.0})] == ["rsi_14"]


def test_degraded_models_are_not_heard() -> None:
    """A degraded answer gives no figure, and the decision is explained by the rules alone."""
    scene = judged({**FALLEN}, Strategy(), degraded("anomaly", 1, "away"))
    signal = decide_again(scene, identify=identify)
    assert signal is not None
    assert signal.degraded
    assert {part.name for part in confidence_of(signal).parts} == {reason.rule for reason in signal.reasons}
    assert not {name for name in figures_seen(scene.batch, 0, Strategy()) if "." in name}


def test_unknown_figures_are_refused() -> None:
    """A judge that is told of a figure the row does not have says so instead of deciding as before."""
    with pytest.raises(KeyError, match="no figure anomaly"):
        judge_of(judged(FALLEN, Strategy()))({"anomaly.score": 0.5})


def test_decides_as_the_table() -> None:
    """Set in the middle of a batch, a scene gives the signal that the table gave, as often as it is asked."""
    rows = [Row(bar, {**FALLEN, "rsi_14": 20.0 + bar % 7}) for bar in range(100, 120)]
    batch = predictions_of(rows, (output_of(*[0.5] * len(rows)),))
    told = [one for one in learn(Desk(), batch, Strategy(), identify=identify) if isinstance(one, Signal)]
    assert len(told) > 2
    for signal in told:
        row = row_of(batch.columns, signal)
        assert row is not None
        scene = scene_of(Desk(), batch, row, Strategy())
        assert decide_again(scene, identify=identify) == decide_again(scene, identify=identify) == signal


def test_row_of_another() -> None:
    """A signal of another bar has no row."""
    scene = judged(FALLEN, Strategy())
    signal = decide_again(scene, identify=identify)
    assert signal is not None
    assert row_of(scene.batch.columns, replace(signal, bar_start_ns=0)) is None


def test_own_chance_from_its_curve() -> None:
    """The chance of a strategy of its own is shared out by weight, from what its curve says of no rule at all."""
    desk, curve = Desk(), ((0.2, 0.4), (1.0, 0.8))
    believe(desk, (SHARD, 5), {"mean_reversion": Standing(samples=500, curve=curve, event="it pays")}, Strategy())
    scene = scene_of(desk, predictions_of([Row(features=FALLEN)]), 0, Strategy())
    signal = decide_again(scene, identify=identify)
    assert signal is not None
    told = confidence_of(signal, curve)
    assert (told.base, told.total) == (100 * calibrated(0.0, curve), 100 * calibrated(0.75, curve))
    assert [part.value for part in told.parts] == pytest.approx([27.5 * weight / 75 for weight in (30, 25, 20)])


def test_votes_from_even_odds() -> None:
    """The chance of an ensemble is shared out to its votes from even odds."""
    desk = Desk()
    believe(desk, (SHARD, 5), {MEMBERS[0]: Standing(0.5, 1000), MEMBERS[1]: Standing(1.0, 1000)}, Strategy())
    votes = (answer(MEMBERS[0], 0.5, up_4=0.7), answer(MEMBERS[1], 0.5, up_4=0.76))
    scene = scene_of(desk, predictions_of([Row(features=FALLEN)], votes), 0, Strategy())
    signal = decide_again(scene, identify=identify)
    assert signal is not None
    told = confidence_of(signal)
    assert (signal.action, told.base) == (Action.BUY, 50.0)
    assert [part.value for part in told.parts] == pytest.approx([20 / 3, 26 * 2 / 3])


def test_spreads() -> None:
    """What never moved has no spread; a figure is measured on those rows that have it."""
    assert spreads_of({"a": [1.0, 3.0], "b": [5.0, 5.0, 5.0], "c": [2.0]}) == {"a": 1.0}
    assert spreads_of({}) == {}


def test_players_are_all_features() -> None:
    """Players share out the features of any model; 32 lags are six of them, and prices one."""
    lags = tuple(f"log_return_lag_{lag}" for lag in range(31, 0, -1))
    players = players_of((*lags, "log_return_1", "sma_20", "atr_14", "rsi_14"))
    assert len(players) == 6 + 2
    rows: Float64 = np.arange(70.0).reshape(2, 35)
    assert abs(attribute(lambda x: x.sum(axis=1), rows[1], rows[:1], players, key="").residual) <= SUM_ERROR_MAX


def test_no_levers() -> None:
    """With nothing to move, and with nothing that matters, there is no flip."""
    assert smallest_flip([], lambda _: Action.BUY, told=Action.BUY) is None
    assert smallest_flip([Lever("x", 0.0, 1.0, (1.0,))], lambda _: Action.BUY, told=Action.BUY) is None
    assert smallest_flip([Lever("x", 0.0, 1.0)], lambda _: Action.BUY, told=Action.BUY) is None


def test_far_is_no_flip() -> None:
    """A change farther than the bound is not told, nor one beyond what the figure can be."""

    def judge(now: Mapping[str, float]) -> Action:
        return Action.HOLD if now["x"] >= 20 else Action.BUY

    assert smallest_flip([Lever("x", 0.0, 1.0, (20.0,))], judge, told=Action.BUY) is None
    assert smallest_flip([Lever("x", 0.0, 2.5)], judge, told=Action.BUY) is not None
    assert smallest_flip([Lever("x", 0.0, 2.5, high=19.0)], judge, told=Action.BUY) is None
