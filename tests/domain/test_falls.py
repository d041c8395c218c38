"""A SELL has a chance of its own: what fell, of what did not rise, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from counts import FULL, count, examples
from forecast import forecast_of, part_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scored import Row, output_of, predictions_of

from functions.domain.decisions import Action, ConfidenceKind, Signal
from functions.domain.ensemble import Standing, calibrated
from functions.domain.explain import confidence_of
from functions.domain.falls import Falls, chance_of, lower_of, settle
from functions.domain.learning import DESK_RULES, learn
from functions.domain.market import Float64, PredictionBatch
from functions.domain.reliability import Resolved, Slo
from functions.domain.scorebook import book_of, lines_of
from functions.domain.signals import Desk, believe, decide
from functions.domain.sizing import lower_bound
from functions.domain.strategy import Ensemble, Strategy

BASE = 6_000_000
HORIZON = 4
MEMBERS = ("forecast_boosted", "forecast_lstm")
FALLEN = {"rsi_14": 22.5, "bb_percent": -0.2, "zscore_20": -2.8, "macd_hist": -5.0, "atr_14": 600.0}
RISEN = {"rsi_14": 77.5, "bb_percent": 1.2, "zscore_20": 2.8, "macd_hist": 5.0, "atr_14": 600.0}
CALM = {"rsi_14": 50.0, "bb_percent": 0.5, "zscore_20": 0.0, "macd_hist": 0.1, "atr_14": 600.0}
SIGHTS = (CALM, FALLEN, CALM, RISEN)
"""What is seen on the bars of a block: each is decided on once in both directions."""
STRATEGY = Strategy(ensemble=Ensemble(members=MEMBERS, spread_max=1.0), cooldown_bars=0)
RULES = replace(DESK_RULES, report_s=300, slo=Slo(tolerance=1.0))
"""Made-up prices have no intervals that hold: only chances are judged, and only where a test says how."""
LIKELY = [part / 16 for part in range(1, 16)]
"""Chances that 1 - up has no rounding of."""


def batch_of(ups: Float64, ways: Float64, *, toward: int = 1) -> PredictionBatch:
    """Make blocks of four bars: each is said to rise with a chance, and goes so many units; -1 mirrors all of it."""
    closes = BASE + toward * np.repeat(100 * np.cumsum([0.0, *ways])[:-1], HORIZON).astype(np.int64)
    mirrored = {id(FALLEN): RISEN, id(RISEN): FALLEN, id(CALM): CALM}
    rows = [
        Row(
            bar=100 + n,
            close=int(close),
            bid=int(close) - 100,
            ask=int(close) + 100,
            features=SIGHTS[n % HORIZON] if toward > 0 else mirrored[id(SIGHTS[n % HORIZON])],
        )
        for n, close in enumerate(closes)
    ]
    said = np.repeat(ups, HORIZON)
    bolder = np.clip(2 * said - 0.5, 0.0, 1.0)
    stated = [(one if toward > 0 else 1.0 - one).tolist() for one in (said, bolder)]
    answers = [forecast_of(*one, model=name) for one, name in zip(stated, MEMBERS, strict=True)]
    return predictions_of(rows, (*answers, output_of(*[0.1] * len(rows))))


def told(batch: PredictionBatch, desk: Desk | None = None) -> list[Signal]:
    """Decide, and learn from what comes after."""
    found = learn(desk or Desk(), batch, STRATEGY, identify=lambda *key: "|".join(map(str, key)), rules=RULES)
    return [one for one in found if isinstance(one, Signal)]


def chances(signals: Sequence[Signal], wanted: Action) -> list[tuple[int, float | None, float | None, ConfidenceKind]]:
    """Give bar, chance, its lower bound and what the confidence is, of those that want something."""
    said = [(one.bar_start_ns, one.evidence) for one in signals if one.evidence.wanted is wanted]
    return [(bar, one.probability, one.probability_low, one.confidence_kind) for bar, one in said]


def drawn(blocks: int, *, stays: float, seed: int = 1) -> tuple[Float64, Float64]:
    """Draw chances and ways that bear them out; so large a share of what does not rise stays where it is."""
    rng = np.random.default_rng(seed)
    ups = rng.choice(LIKELY, blocks)
    falls = np.where(rng.random(blocks) < stays, 0.0, -1.0)
    return ups, np.where(rng.random(blocks) < ups, 1.0, falls)


@pytest.mark.parametrize("seed", range(4 if FULL else 1))
def test_mirror(seed: int) -> None:
    """Where every price moves, a mirrored tape swaps the chances of BUY and SELL, bit for bit."""
    ups, ways = drawn(140, stays=0.0, seed=seed)
    plain, mirrored = (told(batch_of(ups, ways, toward=toward)) for toward in (1, -1))
    for wanted, opposite in ((Action.BUY, Action.SELL), (Action.SELL, Action.BUY)):
        found = chances(plain, wanted)
        assert found == chances(mirrored, opposite)
        assert ConfidenceKind.CALIBRATED in {kind for *_, kind in found}


def test_what_stays_is_not_lower() -> None:
    """Where a third of what does not rise stays, a SELL is told about two thirds of what a rise leaves."""
    signals = told(batch_of(*drawn(320, stays=1 / 3)))
    sold = [one for one in signals if one.evidence.wanted is Action.SELL][-50:]
    for one in sold:
        evidence, up = one.evidence, one.evidence.predictions.up
        assert up is not None
        assert evidence.probability is not None
        assert evidence.probability == evidence.predictions.down
        assert evidence.confidence_kind is ConfidenceKind.CALIBRATED
        assert (evidence.event, evidence.horizon_bars) == ("the price is lower 4 bars after the close", HORIZON)
        assert one.confidence == 100 * evidence.probability
        assert evidence.probability == pytest.approx((1 - up) * 2 / 3, abs=0.1)
        assert evidence.probability_low is not None
        assert 0 <= evidence.probability_low <= evidence.probability
        parts = confidence_of(one)
        assert abs(parts.residual) < 1e-9
        assert {part.name for part in parts.parts} <= set(MEMBERS)


def test_staked_as_a_buy_is() -> None:
    """A SELL that outcomes bear out is staked by Kelly on its bound, and one without an edge is held."""
    signals = [one for one in told(batch_of(*drawn(250, stays=0.0))) if one.evidence.wanted is Action.SELL][-100:]
    sure = [one for one in signals if (one.evidence.probability_low or 0) > 0.75]
    meek = [one for one in signals if (one.evidence.probability or 1) < 0.5]
    assert min(len(sure), len(meek)) > 5
    assert {one.action for one in sure} == {Action.SELL}
    assert all((one.evidence.kelly_fraction or 0) > 0 and one.stop_loss > one.price > one.take_profit for one in sure)
    assert {(one.action, *(gate.name for gate in one.evidence.gates)) for one in meek} == {(Action.HOLD, "no_edge")}


def test_few_outcomes() -> None:
    """Until enough outcomes stand behind falls, a SELL is a count of rules and takes a flat share."""
    first = next(one for one in told(batch_of(*drawn(60, stays=0.5))) if one.evidence.wanted is Action.SELL)
    assert (first.evidence.confidence_kind, first.evidence.predictions.down) == (ConfidenceKind.RULE_WEIGHT, None)
    assert first.evidence.position_size_pct == STRATEGY.sizing.flat_pct


def test_broken_falls_hold() -> None:
    """What leans on chances of a fall that are broken is held with the reason; what leans on those of a rise is not."""
    broken = Standing(samples=500, lower=Standing(samples=500, broken="of a lower price 4 bars ahead off"))
    for features, action in ((RISEN, Action.HOLD), (FALLEN, Action.BUY)):
        desk = Desk()
        believe(desk, ("BINANCE-0", 5), dict.fromkeys(MEMBERS, broken), STRATEGY)
        up = 0.1 if features is RISEN else 0.9
        rows = predictions_of([Row(features=features)], tuple(forecast_of(up, model=name) for name in MEMBERS))
        (signal,) = decide(desk, rows, STRATEGY, identify=lambda *key: "|".join(map(str, key)))
        assert signal.action is action
        gates = [f"{name}: of a lower price 4 bars ahead off" for name in MEMBERS if action is Action.HOLD]
        assert [gate.text for gate in signal.evidence.gates] == gates


def test_cut_and_written_down() -> None:
    """Cutting the rows at other places, and writing the books down between, changes no signal."""
    whole, desk, parted = batch_of(*drawn(80, stays=0.3)), Desk(), list[Signal]()
    for start in range(0, whole.columns.row_count, 37):
        parted += told(part_of(whole, start, start + 37), desk)
        desk.books = {shard: book_of(lines_of(book)) for shard, book in desk.books.items()}
    assert parted == told(whole)


def follow(ups: Float64, ways: Float64, falls: Falls | None = None) -> Falls:
    """Follow outcomes alone; intervals around them hold as often as they promise."""
    falls, rng = falls or Falls(), np.random.default_rng(len(ups))
    for up, way, luck in zip(ups.tolist(), ways.tolist(), rng.random(len(ups)).tolist(), strict=True):
        near, far = way + 3.0 * (luck > 0.8), way + 3.0 * (luck > 0.95)
        outcome = Resolved(up, 0.0, near - 1.0, near + 1.0, far - 1.0, far + 1.0, way)
        settle(falls, outcome, chance_of(falls, up), half_life=256.0)
    return falls


def test_left_is_all_while_every_price_moves() -> None:
    """While no price has stayed, the chance of a lower one is what the chance of a rise leaves, exactly."""
    falls = follow(*drawn(300, stays=0.0))
    assert [chance_of(falls, up) for up in (0.0, 0.3, 1.0)] == [1.0, 0.7, 0.0]
    assert lower_of(falls, Slo()).curve == ()


@given(st.integers(0, 2**16), st.floats(0, 1), st.floats(0, 1), st.integers(0, 200))
@settings(max_examples=examples(40), deadline=None)
def test_never_more_than_is_left(seed: int, stays: float, up: float, outcomes: int) -> None:
    """Chances of a higher and of a lower price never sum to more than 1, and fewer outcomes bear the latter."""
    falls = follow(*drawn(outcomes, stays=stays, seed=seed))
    assert 0.0 <= chance_of(falls, up) <= 1.0 - up + 1e-12
    assert lower_of(falls, Slo()).effective_count <= outcomes + 1e-9


@pytest.mark.parametrize("stays", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("outcomes", [120, 600])
def test_bound_covers(stays: float, outcomes: int) -> None:
    """The chance that holds lies below its lower bound in no more than one of twenty cases, ties or none."""
    runs, z = count(25), STRATEGY.sizing.bound_z
    missed = np.zeros(4)
    for seed in range(runs):
        found = lower_of(follow(*drawn(outcomes, stays=stays, seed=seed)), Slo())
        for place, left in enumerate((0.3, 0.5, 0.7, 0.9)):
            p = calibrated(left, found.curve)
            missed[place] += lower_bound(p, int(found.effective_count), z) > left * (1.0 - stays)
    chance = 3.0 * np.sqrt(0.05 * 0.95 / runs)
    assert missed.max() / runs <= 0.05 + chance


def test_broken_when_prices_come_to_rest() -> None:
    """When prices that always moved begin to stay, chances of a fall are off before their curve has learnt it."""
    falls = follow(*drawn(150, stays=0.0))
    assert lower_of(falls, Slo()).broken == ""
    rested = lower_of(follow(*drawn(150, stays=1.0, seed=2), falls), Slo())
    assert rested.broken.startswith("probabilities were")
