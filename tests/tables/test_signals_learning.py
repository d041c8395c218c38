"""The signals table decides with what outcomes have shown, and tells what came of its signals, whatever the cuts."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from forecast import ETH, MODEL, part_of, signal_of
from scored import BTC, Row, output_of, predictions_of

from functions.domain.decisions import Action, ConfidenceKind, Signal
from functions.domain.learning import BOOKS_MAX, DESK_RULES, learn
from functions.domain.market import NS_PER_S, InstrumentRef, ModelOutput, PredictionBatch
from functions.domain.outcomes import FIGURES, Exit, Outcome
from functions.domain.scorebook import Rules
from functions.domain.signals import SCOPES_MAX, Desk, Told
from functions.domain.strategy import Strategy
from functions.tables.signals import CARD
from functions.tables.signals.table import SignalsTable
from functions.wire import facts
from functions.wire.codecs.performance import OUTCOME, decode_outcome
from functions.wire.codecs.predictions import PREDICTION_BATCH, encode_prediction_batch
from functions.wire.codecs.signals import SIGNAL, decode_signal
from functions.wire.envelope import Event

CALM = {"rsi_14": 50.0, "bb_percent": 0.5, "zscore_20": 0.0, "macd_hist": 0.1, "atr_14": 600.0}
FALLEN = {"rsi_14": 22.5, "bb_percent": -0.2, "zscore_20": -2.8, "macd_hist": -5.0, "atr_14": 600.0}
HORIZON = 4
DEVIATION = 0.001
HALF_80 = 1.2816 * DEVIATION
"""Four fifths of a normal value lie within so many deviations."""
SURE = 0.75
HOUR_BAR = 720
"""Bar of 5 s that starts an hour."""
LAG = 3
"""Bars by which the second instrument's rows come late."""
TABLE = SignalsTable(Strategy())


def answer(ups: list[float], half: float, *, model: str = MODEL, shadow: bool = False) -> ModelOutput:
    """Make a forecaster's answer at one horizon."""
    names = tuple(f"{name}_{HORIZON}" for name in FIGURES)
    values = np.array([[up, 0.0, -half, half, -1.5293 * half, 1.5293 * half] for up in ups])
    return replace(output_of(*ups, model=model, threshold=0.5), names=names, values=values, shadow=shadow)


def walk(rng: np.random.Generator, blocks: int) -> tuple[list[int], list[float]]:
    """Make closes and chances, bar by bar: what is said with 75 % comes true in 75 of 100 blocks of four bars."""
    ups = np.where(rng.random(blocks) < 0.5, SURE, 1.0 - SURE)
    ways = np.where(rng.random(blocks) < ups, 1.0, -1.0)
    moves = ways * np.abs(rng.normal(0.0, DEVIATION, blocks))
    closes = 6_000_000 * np.exp(np.cumsum(np.repeat(moves / HORIZON, HORIZON)))
    return [6_000_000, *map(int, closes[:-1])], np.repeat(ups, HORIZON).tolist()


@cache
def tape(sharpness: float = 1.0, *, shadow: bool = False) -> PredictionBatch:
    """Make over an hour of two instruments, one of them late, with a fall every twenty bars.

    Intervals are divided by `sharpness`: at 1 they hold what they promise.
    """
    rng = np.random.default_rng(3)
    walks = [walk(rng, 250) for _ in range(2)]
    rows, ups = [], []
    for n in range(LAG, 1000):
        for instrument, at in ((0, n), (1, n - LAG)):
            closes, said = walks[instrument]
            features = FALLEN if at % 20 == 0 else CALM
            rows.append(Row(bar=100 + at, close=closes[at], features=features, instrument=instrument))
            ups.append(SURE if at % 20 == 0 and at % HORIZON else said[at])
    outputs = (answer(ups, HALF_80 / sharpness, shadow=shadow), output_of(*[0.1] * len(rows)))
    return predictions_of(rows, outputs, instruments=(BTC, ETH))


def named(n: int) -> InstrumentRef:
    """Make an instrument of that number."""
    return replace(BTC, instrument_id=f"N{n}-USDT.BINANCE")


def wrap(number: int, batch: PredictionBatch) -> Event:
    """Wrap a batch as `infer` does."""
    source = facts.source_of("handlers", "infer", "BINANCE-0.replay")
    extensions = {
        "sequence": facts.sequence_text(number),
        "partitionkey": "BINANCE-0",
        "correlationid": "tape-1",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    data = encode_prediction_batch(batch)
    return Event(facts.batch_id(source, number), source, PREDICTION_BATCH, data, extensions=extensions)


def events(whole: PredictionBatch, cut: int) -> list[Event]:
    """Cut a tape every so many rows."""
    length = len(whole.columns.start_ns)
    return [wrap(n, part_of(whole, start, start + cut)) for n, start in enumerate(range(0, length, cut))]


def run(given: list[Event], table: SignalsTable = TABLE) -> tuple[Desk, list[Event]]:
    """Fold events from the beginning."""
    state, found = table.start("desk"), []
    for event in given:
        state, out = table.fold(state, event)
        found += out
    return state, found


def signals(found: list[Event]) -> list[Signal]:
    """Read the signals."""
    return [decode_signal(event.data or b"") for event in found if event.type == SIGNAL]


def outcomes(found: list[Event]) -> list[Outcome]:
    """Read what came of them."""
    return [decode_outcome(event.data or b"") for event in found if event.type == OUTCOME]


def later(found: list[Signal]) -> list[Signal]:
    """Keep the signals on bars that start in the second hour."""
    return [one for one in found if one.bar_start_ns >= HOUR_BAR * 5 * NS_PER_S]


def test_calibrated_model_sizes() -> None:
    """After an hour of outcomes that bore a model out, a confidence is its chance, and its bound sizes the position."""
    _, found = run(events(tape(), 64))
    told = signals(found)
    first, grown = told[0], later(told)
    assert (first.evidence.confidence_kind, first.confidence) == (ConfidenceKind.RULE_WEIGHT, first.evidence.strength)
    sure = [one for one in grown if one.action is Action.BUY]
    assert len(sure) > 5
    assert {one.evidence.confidence_kind for one in grown} == {ConfidenceKind.CALIBRATED}
    assert {one.confidence for one in sure} == {100 * SURE}
    for one in sure:
        assert one.evidence.probability_low is not None
        assert one.evidence.kelly_fraction is not None
        assert 0.0 < one.evidence.probability_low < SURE
        assert one.evidence.kelly_fraction > 0.0
        assert 0.0 < one.evidence.position_size_pct <= Strategy().sizing.position_pct_max


def test_no_edge_after_outcomes() -> None:
    """A fall that a proven model calls a loss is held, where it was bought while nothing was known of the model."""
    _, found = run(events(tape(), 64))
    calls = [one for one in signals(found) if one.evidence.predictions.up == pytest.approx(1.0 - SURE)]
    kinds = [one.action for one in calls], [one.action for one in later(calls)]
    assert Action.BUY in kinds[0]
    assert set(kinds[1]) == {Action.HOLD}
    assert {gate.name for one in later(calls) for gate in one.evidence.gates} == {"no_edge"}


def test_broken_model_holds() -> None:
    """A model whose intervals hold less than they promise is heard for an hour; then what leans on it is held."""
    _, found = run(events(tape(4.0), 64))
    told = signals(found)
    assert {one.action for one in told if one not in later(told)} == {Action.BUY}
    assert len(later(told)) > 10
    for one in later(told):
        assert (one.action, one.evidence.wanted) == (Action.HOLD, Action.BUY)
        (gate,) = [gate for gate in one.evidence.gates if gate.name == "calibration_broken"]
        assert gate.text.startswith("forecast_boosted: 4 bars ahead intervals at 80 % held")
        assert one.evidence.position_size_pct == 0.0


def test_challenger_hides_no_champion() -> None:
    """While a challenger answers one instrument, a champion that breaks its promises is still held at the other."""
    whole, (champion, *others) = tape(4.0), tape(4.0).outputs
    theirs = (whole.columns.instrument == 0) & (np.arange(len(whole.columns.start_ns)) >= 1100)
    parts = [replace(champion, version=version) for version in ("1", "2")]
    outputs = [
        replace(
            one,
            scores=np.where(kept, one.scores, 0.0),
            states=np.where(kept, one.states, 0).astype(np.uint8),
            values=np.where(kept[:, None], one.values, 0.0),
        )
        for one, kept in zip(parts, (~theirs, theirs), strict=True)
    ]
    _, found = run(events(replace(whole, outputs=(*outputs, *others)), 64))
    actions = {(one.instrument_id, one.action) for one in later(signals(found))}
    assert actions == {(BTC.instrument_id, Action.BUY), (ETH.instrument_id, Action.HOLD)}


def test_shadow_is_not_followed() -> None:
    """A shadow opens no book, and nothing it shows changes a decision."""
    state, found = run(events(tape(4.0, shadow=True), 512))
    assert (state.books, state.trust) == ({}, {})
    assert {one.action for one in signals(found)} == {Action.BUY}


def test_outcome_event() -> None:
    """What came of a signal leaves as a fact: named by the signal, in the table's own sequence."""
    given = events(tape(), 64)
    _, found = run(given)
    event = next(one for one in found if one.type == OUTCOME)
    outcome = decode_outcome(event.data or b"")
    first = signals(found)[0]
    assert outcome.signal_id == first.signal_id
    assert event.id == facts.fact_id(OUTCOME, first.signal_id)
    assert (event.source, event.subject) == ("/tickloom/tables/signals/desk", first.instrument_id)
    assert (event.time_ns, event.datacontenttype) == (outcome.exit_ns, facts.PROTOBUF)
    assert (outcome.exit, outcome.bars, outcome.price) == (Exit.HORIZON, 24, first.price)
    cause = next(one for one in given if one.id == event.extensions["causationid"])
    assert dict(event.extensions) == {
        **cause.extensions,
        "sequence": event.extensions["sequence"],
        "causationid": cause.id,
        "handlerversion": CARD.version,
    }
    assert [facts.sequence_of(one) for one in found] == list(range(len(found)))


def test_every_signal_ends() -> None:
    """Each signal that acted has one outcome, or is still waited for; a HOLD has none."""
    state, found = run(events(tape(), 64))
    acted = [one.signal_id for one in signals(found) if one.action is not Action.HOLD]
    ended = [one.signal_id for one in outcomes(found)]
    assert len(ended) > 50
    assert sorted([*ended, *(one.outcome.signal_id for one in state.watches)]) == sorted(acted)


def test_recut() -> None:
    """Cutting the rows at other places changes no fact but the name of its cause, and leaves the same memory."""

    def told_in(event: Event) -> tuple[object, ...]:
        told: Told = decode_outcome(event.data or b"") if event.type == OUTCOME else decode_signal(event.data or b"")
        if isinstance(told, Signal):
            told = replace(told, evidence=replace(told.evidence, causation_id=""))
        return event.id, event.extensions["sequence"], event.time_ns, told

    runs = [run(events(tape(), cut)) for cut in (1, 7, 64, 512)]
    wholes = [([told_in(event) for event in found], TABLE.dump(state)) for state, found in runs]
    assert all(one == wholes[0] for one in wholes)


def test_restart() -> None:
    """A table that was dumped and loaded between all events emits the same bytes as one that was not."""
    steady, restarted = TABLE.start("desk"), TABLE.start("desk")
    for event in events(tape(4.0), 40):
        steady, one = TABLE.fold(steady, event)
        restarted, other = TABLE.fold(TABLE.load("desk", TABLE.dump(restarted)), event)
        assert one == other
    assert steady == restarted
    assert TABLE.dump(steady) == TABLE.dump(restarted)


def test_redelivery() -> None:
    """An event folded twice tells nothing the second time, and leaves the same memory."""
    state = TABLE.start("desk")
    for event in events(tape(), 500):
        state, _ = TABLE.fold(state, event)
        before = TABLE.dump(state)
        state, again = TABLE.fold(state, event)
        assert again == ()
        assert TABLE.dump(state) == before


def test_end_of_tape() -> None:
    """The end of a tape settles nothing that no bar has settled, and tells nothing of its own."""
    state, _ = run(events(tape(), 500))
    waiting = len(state.watches)
    end = replace(part_of(tape(), 0, 0), end_of_tape=True)
    state, told = TABLE.fold(state, wrap(9, end))
    assert (told, len(state.watches)) == ((), waiting)


@pytest.mark.parametrize(
    ("rules", "books"),
    [(DESK_RULES, BOOKS_MAX), (replace(DESK_RULES, intervals_s=(1, 5, 60, 300, 900, 3600)), SCOPES_MAX // 6)],
)
def test_shards_are_bounded(rules: Rules, books: int) -> None:
    """Shards beyond the bound are decided on, and not followed; the standings of all others find a place."""
    desk, strategy, part = Desk(), Strategy(intervals_s=rules.intervals_s), part_of(tape(), 1200, 1400)
    for n in range(BOOKS_MAX + 2):
        batch = replace(part, shard=f"S-{n}", columns=replace(part.columns, instruments=(named(n), named(n + 50))))
        assert learn(desk, batch, strategy, identify=lambda *key: "|".join(map(str, key)), rules=rules)
    assert len(desk.books) == books
    assert {shard for shard, _ in desk.trust} == set(desk.books)


def test_too_many_wait() -> None:
    """A strategy that speaks too often gives up the signals that have waited longest, and tells so."""
    eager = replace(Strategy(), cooldown_bars=0)
    refs = tuple(named(n) for n in range(40))
    rows = [Row(bar=100 + n, features=FALLEN, instrument=i) for n in range(5) for i in range(len(refs))]
    batch = predictions_of(rows, (output_of(*[0.1] * len(rows)),), instruments=refs)
    state, found = run([wrap(0, batch)], SignalsTable(eager))
    given_up = outcomes(found)
    assert len(signals(found)) == len(given_up) + len(state.watches)
    assert {one.exit for one in given_up} == {Exit.MISSING}
    assert given_up[0].bar_start_ns == signal_of(100).bar_start_ns
