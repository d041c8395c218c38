"""Decide on scored feature rows: rules, what a decision remembers, and the fold over rows live here.

A strategy is data: two tuples of rules with weights in percent. A side's confidence is the sum of the weights of its
rules that spoke; it is a weighted count, not a probability. A rule never speaks on a feature that is not valid.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from functions.domain.decisions import Action, ModelScore, Quote, Reason, Signal
from functions.domain.market import (
    MARKET_CROSSED,
    MARKET_QUOTED,
    NS_PER_S,
    STATE_VALID,
    FeatureColumns,
    ModelOutput,
    PredictionBatch,
)

Identify: TypeAlias = Callable[[str, str, int, int], str]
"""Name a signal by (strategy, instrument, interval, bar start)."""


@dataclass(frozen=True, slots=True)
class Below:
    """Speak when a feature is less than a limit."""

    name: str
    feature: str
    limit: float
    weight: float


@dataclass(frozen=True, slots=True)
class Above:
    """Speak when a feature is greater than a limit."""

    name: str
    feature: str
    limit: float
    weight: float


@dataclass(frozen=True, slots=True)
class TurnsUp:
    """Speak when a feature is below zero and greater than on the bar before."""

    name: str
    feature: str
    weight: float


@dataclass(frozen=True, slots=True)
class TurnsDown:
    """Speak when a feature is above zero and less than on the bar before."""

    name: str
    feature: str
    weight: float


@dataclass(frozen=True, slots=True)
class Flagged:
    """Speak when a model's score reaches its own threshold."""

    name: str
    model: str
    weight: float


Rule: TypeAlias = Below | Above | TurnsUp | TurnsDown | Flagged

MEAN_REVERSION_BUY: Final[tuple[Rule, ...]] = (
    Below("rsi_oversold", "rsi_14", 30.0, 30.0),
    Below("below_lower_band", "bb_percent", 0.0, 25.0),
    Below("stretched_down", "zscore_20", -2.0, 20.0),
    Flagged("anomaly_confirms", "anomaly", 15.0),
    TurnsUp("macd_turns_up", "macd_hist", 10.0),
)
MEAN_REVERSION_SELL: Final[tuple[Rule, ...]] = (
    Above("rsi_overbought", "rsi_14", 70.0, 30.0),
    Above("above_upper_band", "bb_percent", 1.0, 25.0),
    Above("stretched_up", "zscore_20", 2.0, 20.0),
    Flagged("anomaly_confirms", "anomaly", 15.0),
    TurnsDown("macd_turns_down", "macd_hist", 10.0),
)
"""Limits are from the textbooks (RSI: Wilder 1978; two deviations: Bollinger 2001); the weights are a judgement."""

CONFIDENCE_MAX: Final = 100.0


@dataclass(frozen=True, slots=True)
class Strategy:
    """Say how rows become decisions.

    Args:
        name: Name on every signal.
        buy: Rules that speak for buying; weights are positive and sum to at most 100.
        sell: The same for selling.
        intervals_s: Bar intervals that decide, seconds.
        min_confidence: Least confidence that acts, percent.
        cooldown_bars: Bars of one instrument and interval between two signals of one direction.
        volatility: Feature that spaces stop and target, in price units.
        stop_distance: Distance of the stop-loss, in volatilities.
        target_distance: Distance of the take-profit, in volatilities.
        emit_hold: Whether a bar on which nothing is done gives a HOLD signal.
        tracks_max: Most (instrument, interval) pairs that are remembered.
    """

    name: str = "mean_reversion"
    buy: tuple[Rule, ...] = MEAN_REVERSION_BUY
    sell: tuple[Rule, ...] = MEAN_REVERSION_SELL
    intervals_s: tuple[int, ...] = (5, 60)
    min_confidence: float = 60.0
    cooldown_bars: int = 5
    volatility: str = "atr_14"
    stop_distance: float = 2.0
    target_distance: float = 3.0
    emit_hold: bool = False
    tracks_max: int = 2048

    def __post_init__(self) -> None:
        """Refuse weights that could not be a confidence, and distances or bounds that are not positive."""
        for rules in (self.buy, self.sell):
            if any(rule.weight <= 0 for rule in rules) or sum(rule.weight for rule in rules) > CONFIDENCE_MAX:
                text = f"weights of a side are positive and sum to at most {CONFIDENCE_MAX:g}"
                raise ValueError(text)
        if min(self.stop_distance, self.target_distance, self.tracks_max) <= 0:
            text = "stop_distance, target_distance and tracks_max are positive"
            raise ValueError(text)

    @property
    def features(self) -> tuple[str, ...]:
        """Name the features that decide, each once, in rule order."""
        named = [rule.feature for rule in (*self.buy, *self.sell) if not isinstance(rule, Flagged)]
        return tuple(dict.fromkeys([*named, self.volatility]))

    @property
    def models(self) -> tuple[str, ...]:
        """Name the models that should be heard, each once."""
        return tuple(dict.fromkeys(rule.model for rule in (*self.buy, *self.sell) if isinstance(rule, Flagged)))


@dataclass(slots=True)
class Track:
    """Remember one instrument and interval: the last bar, its features that may turn, and the last signal each way."""

    start_ns: int
    before: dict[str, float] = field(default_factory=dict)
    bought_ns: int | None = None
    sold_ns: int | None = None


@dataclass(slots=True)
class Desk:
    """Hold what the strategy remembers, by (instrument, interval), and how many signals it has emitted."""

    tracks: dict[tuple[str, int], Track] = field(default_factory=dict)
    emitted: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    """Hold what rules may look at: valid features of this bar and the one before, and outputs of models by name."""

    features: dict[str, float]
    before: dict[str, float]
    scores: dict[str, ModelScore]


def decide(desk: Desk, batch: PredictionBatch, strategy: Strategy, *, identify: Identify) -> tuple[Signal, ...]:
    """Fold a batch, row by row, into what is remembered, and return the signals in row order.

    A bar that is not newer than the last one seen of its instrument and interval says nothing: a bar decides once.

    Args:
        desk: What is remembered; changed in place.
        batch: Scored rows; those of other intervals are passed over.
        strategy: Rules and limits.
        identify: Names a signal by its natural key.

    Returns:
        At most one signal a row.
    """
    signals = []
    for row in _deciding(batch.columns, strategy.intervals_s):
        signal = _decide_row(desk, batch, row, strategy, identify)
        if signal is not None:
            signals.append(signal)
    desk.emitted += len(signals)
    return tuple(signals)


def forget_turns(desk: Desk) -> None:
    """Forget the bars before: after a hole in the tape nothing can be said to have turned."""
    for track in desk.tracks.values():
        track.before = {}


def _deciding(columns: FeatureColumns, intervals_s: Sequence[int]) -> list[int]:
    return [row for row, interval in enumerate(columns.interval_s.tolist()) if interval in intervals_s]


def _decide_row(desk: Desk, batch: PredictionBatch, row: int, strategy: Strategy, identify: Identify) -> Signal | None:
    columns = batch.columns
    instrument_id = columns.instruments[columns.instrument[row]].instrument_id
    key, start_ns = (instrument_id, int(columns.interval_s[row])), int(columns.start_ns[row])
    track = desk.tracks.get(key)
    if track is not None and start_ns <= track.start_ns:
        return None
    features = _valid(columns, row)
    before = {} if track is None else track.before
    track = _advance(desk, key, start_ns, strategy.tracks_max)
    track.before = _turning(features, strategy)
    if not _tradable(columns, row) or strategy.volatility not in features:
        return None
    seen = _Row(features, before, _scores(batch.outputs, row))
    action, reasons = _weigh(seen, strategy)
    if action is not Action.HOLD and not _cooled(track, action, start_ns, key[1] * strategy.cooldown_bars * NS_PER_S):
        action = Action.HOLD
    if action is Action.HOLD and not strategy.emit_hold:
        return None
    _remember(track, action, start_ns)
    degraded = any(_missing(batch.outputs, model) for model in strategy.models)
    signal_id = identify(strategy.name, *key, start_ns)
    return _signal(batch, row, strategy, seen, action=action, reasons=reasons, signal_id=signal_id, degraded=degraded)


def _advance(desk: Desk, key: tuple[str, int], start_ns: int, tracks_max: int) -> Track:
    """Move a track to its new bar; when there are too many, the one longest without a bar is forgotten."""
    track = desk.tracks.get(key)
    if track is None:
        if len(desk.tracks) >= tracks_max:
            oldest = min(desk.tracks, key=lambda known: (desk.tracks[known].start_ns, known))
            del desk.tracks[oldest]
        track = desk.tracks[key] = Track(start_ns)
    track.start_ns = start_ns
    return track


def _valid(columns: FeatureColumns, row: int) -> dict[str, float]:
    cells = zip(columns.names, columns.values[row].tolist(), columns.states[row].tolist(), strict=True)
    return {name: value for name, value, state in cells if state == STATE_VALID}


def _turning(features: dict[str, float], strategy: Strategy) -> dict[str, float]:
    named = {rule.feature for rule in (*strategy.buy, *strategy.sell) if isinstance(rule, TurnsUp | TurnsDown)}
    return {name: features[name] for name in sorted(named) if name in features}


def _scores(outputs: Sequence[ModelOutput], row: int) -> dict[str, ModelScore]:
    return {
        output.model: ModelScore(output.model, output.version, float(output.scores[row]), output.threshold)
        for output in outputs
        if not output.degraded and output.states[row] == STATE_VALID
    }


def _missing(outputs: Sequence[ModelOutput], model: str) -> bool:
    return all(output.model != model or output.degraded for output in outputs)


def _tradable(columns: FeatureColumns, row: int) -> bool:
    """Tell whether the market can be acted on: both sides quoted, not crossed, and a price known."""
    flags = int(columns.flags[row])
    quoted = flags & MARKET_QUOTED and not flags & MARKET_CROSSED
    return bool(quoted and min(columns.bid_price[row], columns.ask_price[row], columns.close[row]) > 0)


def _cooled(track: Track, action: Action, start_ns: int, cooldown_ns: int) -> bool:
    last_ns = track.bought_ns if action is Action.BUY else track.sold_ns
    return last_ns is None or start_ns - last_ns >= cooldown_ns


def _remember(track: Track, action: Action, start_ns: int) -> None:
    if action is Action.BUY:
        track.bought_ns = start_ns
    elif action is Action.SELL:
        track.sold_ns = start_ns


def _weigh(row: _Row, strategy: Strategy) -> tuple[Action, tuple[Reason, ...]]:
    """Hear both sides; the stronger acts if it is strong enough, and a tie holds."""
    buy, sell = _hear(strategy.buy, row), _hear(strategy.sell, row)
    for_buy, for_sell = _sum(buy), _sum(sell)
    stronger = buy if for_buy >= for_sell else sell
    if for_buy == for_sell or _sum(stronger) < strategy.min_confidence:
        return Action.HOLD, stronger
    return (Action.BUY if stronger is buy else Action.SELL), stronger


def _sum(reasons: Sequence[Reason]) -> float:
    return sum(reason.weight for reason in reasons)


def _hear(rules: Sequence[Rule], row: _Row) -> tuple[Reason, ...]:
    """Collect the rules that speak, strongest first; equals keep the order of the strategy."""
    spoken = [(rule, _speak(rule, row)) for rule in rules]
    reasons = [Reason(rule.name, text, rule.weight) for rule, text in spoken if text]
    return tuple(sorted(reasons, key=lambda reason: -reason.weight))


def _speak(rule: Rule, row: _Row) -> str:
    """Say what a rule saw; empty when it is silent."""
    if isinstance(rule, Flagged):
        return _speak_of_score(rule, row.scores.get(rule.model))
    value = row.features.get(rule.feature)
    if value is None:
        return ""
    if isinstance(rule, Below):
        return f"{rule.feature} {value:.6g} < {rule.limit:g}" if value < rule.limit else ""
    if isinstance(rule, Above):
        return f"{rule.feature} {value:.6g} > {rule.limit:g}" if value > rule.limit else ""
    return _speak_of_turn(rule, value, row.before.get(rule.feature))


def _speak_of_score(rule: Flagged, score: ModelScore | None) -> str:
    if score is None or score.score < score.threshold:
        return ""
    return f"{rule.model} score {score.score:.4g} >= {score.threshold:.4g}"


def _speak_of_turn(rule: TurnsUp | TurnsDown, value: float, before: float | None) -> str:
    if before is None:
        return ""
    turned = before < value < 0 if isinstance(rule, TurnsUp) else before > value > 0
    return f"{rule.feature} {before:.6g} -> {value:.6g}" if turned else ""


def _signal(  # noqa: PLR0913 - a signal gathers everything that was known of its bar
    batch: PredictionBatch,
    row: int,
    strategy: Strategy,
    seen: _Row,
    *,
    action: Action,
    reasons: tuple[Reason, ...],
    signal_id: str,
    degraded: bool,
) -> Signal:
    columns = batch.columns
    ref = columns.instruments[columns.instrument[row]]
    interval_s, start_ns, close = int(columns.interval_s[row]), int(columns.start_ns[row]), int(columns.close[row])
    as_of_ns = start_ns + interval_s * NS_PER_S
    volatility = seen.features[strategy.volatility] / 10.0**ref.price_exponent
    stop_loss, take_profit = protect(
        action, close, stop=volatility * strategy.stop_distance, target=volatility * strategy.target_distance
    )
    return Signal(
        signal_id=signal_id,
        strategy=strategy.name,
        instrument_id=ref.instrument_id,
        interval_s=interval_s,
        bar_start_ns=start_ns,
        as_of_ns=as_of_ns,
        action=action,
        confidence=_sum(reasons),
        price_exponent=ref.price_exponent,
        size_exponent=ref.size_exponent,
        price=close,
        quote=_quote(columns, row, as_of_ns),
        reasons=reasons,
        model_scores=tuple(seen.scores[name] for name in sorted(seen.scores)),
        stop_loss=stop_loss,
        take_profit=take_profit,
        risk_reward_ratio=0.0 if action is Action.HOLD else risk_reward(close, stop_loss, take_profit),
        bar_revision=int(columns.bar_revision[row]),
        degraded=degraded,
        shard=batch.shard,
        market_flags=int(batch.columns.flags[row]),
    )


def _quote(columns: FeatureColumns, row: int, as_of_ns: int) -> Quote:
    return Quote(
        int(columns.bid_price[row]),
        int(columns.bid_size[row]),
        int(columns.ask_price[row]),
        int(columns.ask_size[row]),
        as_of_ns,
    )


def protect(action: Action, price: int, *, stop: float, target: float) -> tuple[int, int]:
    """Place stop-loss and take-profit around a price; the sides flip for SELL, and HOLD protects nothing.

    Args:
        action: What the signal asks for.
        price: Price mantissa, positive.
        stop: Distance of the stop-loss, in mantissa units.
        target: Distance of the take-profit, in mantissa units.

    Returns:
        (stop_loss, take_profit): mantissas, at least one unit from the price and at least 1; (0, 0) for HOLD.

    >>> protect(Action.BUY, 1000, stop=20.4, target=30.6)
    (980, 1031)
    >>> protect(Action.SELL, 1000, stop=20.4, target=30.6)
    (1020, 969)
    """
    if action is Action.HOLD:
        return 0, 0
    toward = 1 if action is Action.BUY else -1
    stop_loss = price - toward * max(round(stop), 1)
    take_profit = price + toward * max(round(target), 1)
    return max(stop_loss, 1), max(take_profit, 1)


def risk_reward(price: int, stop_loss: int, take_profit: int) -> float:
    """Divide what may be won by what may be lost; 0 when nothing may be lost.

    >>> round(risk_reward(4523050, 4480000, 4650000), 3)
    2.949
    """
    lost = abs(price - stop_loss)
    return abs(take_profit - price) / lost if lost else 0.0
