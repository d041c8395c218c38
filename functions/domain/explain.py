"""Explain a decision: what its confidence is made of, what models saw, and the smallest change that would flip it.

A confidence is a sum already, of weights of rules or of votes, so its parts are exact. A model's score is shared out by
`shapley`. For a flip the decision is made again, by the same `decide`, on the same row with figures changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import fsum, inf, nextafter
from typing import Final

import numpy as np

from functions.domain.decisions import Action, ConfidenceKind, Signal
from functions.domain.ensemble import calibrated
from functions.domain.flips import Judge, Lever
from functions.domain.indicators.registry import FEATURES
from functions.domain.learning import DESK_RULES, learn
from functions.domain.market import STATE_VALID, FeatureColumns, ModelOutput, PredictionBatch
from functions.domain.outlook import chances_of, figures_of, heard, scores_of
from functions.domain.scorebook import Rules
from functions.domain.shapley import Attribution, Part, Player
from functions.domain.signals import Desk, Identify, Track, decide
from functions.domain.sizing import PERCENT
from functions.domain.strategy import SCORE, Above, Below, Flagged, Rule, Strategy

COIN: Final = 0.5
"""Chance of a higher price before any model has voted."""
PRICES: Final = "prices"
"""Player of all features in units of the price: one instrument's mean nothing beside another's."""
LAGS: Final = ((0, 0), (1, 1), (2, 3), (4, 7), (8, 15), (16, 31))
"""Lags that are one player each, first to last: the farther back, the less one bar matters."""

_ARRAYS: Final = tuple(one.name for one in fields(FeatureColumns) if one.name not in {"instruments", "names"})
_UNITS: Final = {feature.name: feature.unit for feature in FEATURES}
_LAG_OF: Final = {"log_return_1": 0} | {f"log_return_lag_{lag}": lag for lag in range(1, LAGS[-1][1] + 1)}


@dataclass(frozen=True, slots=True)
class Scene:
    """Hold what a decision was made on.

    Args:
        desk: What was remembered before the row; never changed.
        batch: The row alone, with what models said of it.
        strategy: The rules.
    """

    desk: Desk
    batch: PredictionBatch
    strategy: Strategy


def strength_of(signal: Signal) -> Attribution:
    """Share a decision's strength, percent, out to the rules that spoke: each its weight, from nothing."""
    parts = tuple(Part(reason.rule, reason.weight) for reason in signal.reasons)
    return Attribution(0.0, signal.evidence.strength, parts)


def confidence_of(signal: Signal, curve: Sequence[tuple[float, float]] = ()) -> Attribution:
    """Share a signal's confidence, percent, out to what spoke.

    A weighted count is shared out to its rules. The chance of an ensemble is shared out to its votes, from even odds.
    The strategy's own chance is read from a curve at the sum of the rules' weights: what the curve gains from no rule
    to all of them is shared out by weight, the Aumann-Shapley value of a function of a sum.

    Args:
        signal: The signal.
        curve: The strategy's own curve (`ensemble.Standing`); empty where its chance is not its own.
    """
    evidence = signal.evidence
    if evidence.confidence_kind is ConfidenceKind.RULE_WEIGHT:
        return strength_of(signal)
    if votes := _pooled(signal):
        heaviest = max(weight for _, weight, _ in votes)
        total = fsum(weight / heaviest for _, weight, _ in votes)  # as `pool` weighs them
        parts = (Part(name, PERCENT * (weight / heaviest) * (chance - COIN) / total) for name, weight, chance in votes)
        return Attribution(PERCENT * COIN, signal.confidence, tuple(parts))
    base = PERCENT * calibrated(0.0, curve)
    gained = signal.confidence - base
    shares = (Part(one.rule, gained * one.weight / evidence.strength) for one in signal.reasons)
    return Attribution(base, signal.confidence, tuple(shares))


def _pooled(signal: Signal) -> tuple[tuple[str, float, float], ...]:
    """Give model, weight and chance of each vote behind a chance that is the ensemble's; none where it is not."""
    evidence, told = signal.evidence, signal.evidence.predictions
    falls = evidence.wanted is Action.SELL
    chance = told.down if falls else told.up
    if chance is None or (evidence.probability, evidence.horizon_bars) != (chance, told.horizon_bars):
        return ()
    votes = [(one.model, one.down_weight, one.down) if falls else (one.model, one.weight, one.up) for one in told.votes]
    return tuple((name, weight, own) for name, weight, own in votes if weight > 0 and own is not None)


def players_of(features: Sequence[str]) -> tuple[Player, ...]:
    """Say which of a model's features are taken together: those in units of the price, and neighbouring lags.

    >>> [player.name for player in players_of(("rsi_14", "sma_20", "log_return_lag_3", "atr_14", "log_return_lag_2"))]
    ['rsi_14', 'prices: sma_20 atr_14', 'log returns 2 to 3 bars back']
    """
    names = [_group_of(name) for name in features]
    places = {name: tuple(at for at, other in enumerate(names) if other == name) for name in names}
    return tuple(Player(_told(name, [features[at] for at in own]), own) for name, own in places.items())


def _group_of(feature: str) -> str:
    if feature in _LAG_OF:
        first, last = next(ends for ends in LAGS if ends[0] <= _LAG_OF[feature] <= ends[1])
        back = f"log returns {first} to {last} bars back" if last > first else f"log return {first} bars back"
        return back if last else "log return of the bar"
    return PRICES if _UNITS.get(feature) == "price" else feature


def _told(group: str, features: Sequence[str]) -> str:
    return f"{PRICES}: {' '.join(features)}" if group == PRICES else group


def alone(columns: FeatureColumns, row: int) -> FeatureColumns:
    """Keep one row."""
    return replace(columns, **{name: getattr(columns, name)[row : row + 1] for name in _ARRAYS})


def one_row(batch: PredictionBatch, row: int) -> PredictionBatch:
    """Keep one row of a batch, with every model's answer to it."""
    own = slice(row, row + 1)
    outputs = tuple(
        replace(output, scores=output.scores[own], states=output.states[own], values=output.values[own])
        for output in batch.outputs
    )
    return replace(batch, columns=alone(batch.columns, row), outputs=outputs, end_of_tape=False)


def row_of(columns: FeatureColumns, signal: Signal) -> int | None:
    """Find the row that a signal decided on; None when it is not among these."""
    same = (columns.interval_s == signal.interval_s) & (columns.start_ns == signal.bar_start_ns)
    rows = np.flatnonzero(same).tolist()
    names = [one.instrument_id for one in columns.instruments]
    return next((row for row in rows if names[columns.instrument[row]] == signal.instrument_id), None)


def scene_of(desk: Desk, batch: PredictionBatch, row: int, strategy: Strategy, *, rules: Rules = DESK_RULES) -> Scene:
    """Set the scene of a row: the rows before it in its batch are folded first, as the signals table folds them.

    Args:
        desk: What was remembered before the batch; changed in place, and of no use afterwards.
        batch: Scored rows.
        row: The row.
        strategy: The rules.
        rules: How models are followed.
    """
    for before in range(row):
        learn(desk, one_row(batch, before), strategy, identify=_nameless, rules=rules)
    alone = one_row(batch, row)
    key = _key(alone)
    tracks = {key: replace(desk.tracks[key])} if key in desk.tracks else {}
    learn(desk, alone, strategy, identify=_nameless, rules=rules)  # standings that were due at this very row
    return Scene(Desk(tracks, trust=desk.trust), alone, strategy)


def decide_again(scene: Scene, *, identify: Identify) -> Signal | None:
    """Decide on a scene's row, as often as wanted: the scene stays as it is."""
    signals = decide(_copied(scene), scene.batch, scene.strategy, identify=identify)
    return signals[0] if signals else None


def judge_of(scene: Scene) -> Judge:
    """Make what decides again with figures changed; figures that it is not told of stay, models' too.

    The judge raises KeyError when it is told to change a figure that the row does not have.
    """
    features = {name: at for at, name in enumerate(scene.batch.columns.names)}
    quiet = replace(scene.strategy, emit_hold=False, emit_stopped=False)  # what holds need not be written down

    def judge(changes: Mapping[str, float]) -> Action:
        values = scene.batch.columns.values.copy()
        for name in changes.keys() & features.keys():
            values[0, features[name]] = changes[name]
        outputs = scene.batch.outputs
        told = {name: value for name, value in changes.items() if name not in features}
        if told:
            outputs = _retold(outputs, told)
        batch = replace(scene.batch, columns=replace(scene.batch.columns, values=values), outputs=outputs)
        signal = decide_again(Scene(scene.desk, batch, quiet), identify=_nameless)
        return Action.HOLD if signal is None else signal.action

    return judge


def figures_seen(batch: PredictionBatch, row: int, strategy: Strategy) -> dict[str, float]:
    """Give every valid figure of a row that can matter to a decision, by name; `model.score` is a model's score."""
    columns, outputs = batch.columns, heard(batch.outputs)
    cells = zip(columns.names, columns.values[row].tolist(), columns.states[row].tolist(), strict=True)
    wanted = {*strategy.features, *strategy.turning}
    seen = {name: value for name, value, state in cells if state == STATE_VALID and name in wanted}
    seen |= {f"{model}.{SCORE}": one.score for model, one in scores_of(outputs, row).items()}
    votes = chances_of(outputs, row, strategy.ensemble)
    seen |= {f"{model}.{strategy.ensemble.figure}": value for model, value in votes.items()}
    return seen | figures_of(outputs, row, strategy.figures)


def levers_of(scene: Scene, spreads: Mapping[str, float]) -> tuple[Lever, ...]:
    """Say what of a scene can be moved, and where something changes: limits of rules, thresholds, votes, volatility.

    Args:
        scene: The scene; its model answers are taken as they are.
        spreads: Standard deviation of each figure; one without, or without any, is not moved.
    """
    seen = figures_seen(scene.batch, 0, scene.strategy)
    points: dict[str, list[float]] = {}
    for rule in scene.strategy.rules:
        name = f"{rule.model}.{SCORE}" if isinstance(rule, Flagged) else rule.feature
        if name in seen:
            points.setdefault(name, []).extend(_points(rule, scene, seen[name]))
    ranged = _ranged(scene)
    levers = []
    for name in dict.fromkeys([*points, *ranged]):
        if name in seen and spreads.get(name, 0.0) > 0 and (points.get(name) or name in ranged):
            low, high = ranged.get(name, (-inf, inf))
            at = tuple(dict.fromkeys(points.get(name, ())))
            levers.append(Lever(name, seen[name], spreads[name], at, low, high))
    return tuple(levers)


def _ranged(scene: Scene) -> dict[str, tuple[float, float]]:
    """Name what has no limits but matters to this decision, and from where to where it can go."""
    signal = decide_again(scene, identify=_nameless)
    if signal is None or signal.evidence.wanted is Action.HOLD:
        return {}
    sized, votes = signal.evidence.probability is not None, signal.evidence.predictions.votes
    figure = scene.strategy.ensemble.figure
    voting = {f"{vote.model}.{figure}": (0.0, 1.0) for vote in votes if sized or len(votes) > 1}
    return voting | ({scene.strategy.volatility: (0.0, inf)} if sized else {})


def _points(rule: Rule, scene: Scene, value: float) -> Iterator[float]:
    """Give the nearest values at which a rule changes its mind about a figure of some value."""
    if isinstance(rule, Below | Above):
        speaks = value < rule.limit if isinstance(rule, Below) else value > rule.limit
        yield rule.limit if speaks else nextafter(rule.limit, -inf if isinstance(rule, Below) else inf)
    elif isinstance(rule, Flagged):
        threshold = scores_of(heard(scene.batch.outputs), 0)[rule.model].threshold
        yield threshold if value < threshold else nextafter(threshold, -inf)
    else:
        track = _track(scene)
        for limit in (0.0, *((track.before[rule.feature],) if track and rule.feature in track.before else ())):
            yield from (limit, nextafter(limit, -inf), nextafter(limit, inf))


def spreads_of(seen: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Give each figure's standard deviation over what was seen of it; one that never moved is left out.

    >>> spreads_of({"rsi_14": [30.0, 40.0], "atr_14": [2.0, 2.0], "zscore_20": [1.0]})
    {'rsi_14': 5.0}
    """
    return {name: float(np.std(values)) for name, values in seen.items() if min(values) < max(values)}


def _retold(outputs: Sequence[ModelOutput], told: Mapping[str, float]) -> tuple[ModelOutput, ...]:
    """Let heard models say other figures of their only row.

    Raises:
        KeyError: No heard model says such a figure of it.
    """
    said = {
        f"{output.model}.{figure}"
        for output in heard(outputs)
        if output.states[0] == STATE_VALID
        for figure in (SCORE, *output.names)
    }
    if unknown := told.keys() - said:
        text = f"the row has no figure {', '.join(sorted(unknown))}"
        raise KeyError(text)
    return tuple(_with_figures(output, told) for output in outputs)


def _with_figures(output: ModelOutput, told: Mapping[str, float]) -> ModelOutput:
    if output.shadow or output.states[0] != STATE_VALID:
        return output
    scores, values = output.scores.copy(), output.values.copy()
    for name, value in told.items():
        model, _, figure = name.partition(".")
        if model == output.model and figure == SCORE:
            scores[0] = value
        if model == output.model and figure in output.names:
            values[0, output.names.index(figure)] = value
    return replace(output, scores=scores, values=values)


def _copied(scene: Scene) -> Desk:
    """Copy what a decision on the scene's row may change; what it reads is shared."""
    track = _track(scene)
    return Desk({} if track is None else {_key(scene.batch): replace(track)}, trust=scene.desk.trust)


def _track(scene: Scene) -> Track | None:
    return scene.desk.tracks.get(_key(scene.batch))


def _key(batch: PredictionBatch) -> tuple[str, int]:
    """Name the series of a batch's first row."""
    columns = batch.columns
    return columns.instruments[columns.instrument[0]].instrument_id, int(columns.interval_s[0])


def _nameless(strategy: str, instrument_id: str, interval_s: int, bar_start_ns: int) -> str:
    """Name nothing: what decides again is never told to anybody."""
    del strategy, instrument_id, interval_s, bar_start_ns
    return ""
