"""Decide on scored feature rows: what a decision remembers, and the fold over rows that makes signals live here.

The rules say what they want; then gates say whether it may be done, and a stake says how much. What a gate stops is a
HOLD that names it. A confidence is a weighted count of rules until outcomes have shown what chance it stands for.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from functions.domain.decisions import Action, ConfidenceKind, Evidence, Gate, ModelScore, Quote, Signal, Vote
from functions.domain.ensemble import NO_TRUST, UNKNOWN, Pooled, Said, Standing, Trust, calibrated, pool
from functions.domain.features import schema_digest
from functions.domain.gates import market_gates
from functions.domain.market import (
    NS_PER_S,
    STATE_VALID,
    FeatureColumns,
    ModelOutput,
    PredictionBatch,
    flags_at,
)
from functions.domain.outcomes import Outcome, Watches, step, watch
from functions.domain.outlook import chances_of, figures_of, heard, predictions_of, scores_of
from functions.domain.reasons import Heard, Seen, hear, weigh
from functions.domain.scorebook import Scorebook
from functions.domain.sizing import BPS, PERCENT, Stake, lower_bound, payoff, protect, risk_reward, stake
from functions.domain.strategy import Strategy

SCOPES_MAX: Final = 12
"""Pairs of shard and interval whose standings are kept: three shards, on the intervals that decide."""
WATCHES_MAX: Final = 128
"""Signals whose outcomes are waited for at once; for a further one the oldest is given up."""

Identify: TypeAlias = Callable[[str, str, int, int], str]
"""Name a signal by (strategy, instrument, interval, bar start)."""
Told: TypeAlias = Signal | Outcome
Before: TypeAlias = Callable[[int], object]
"""Do what is to be done before a row, given its number, is decided."""


@dataclass(slots=True)
class Track:
    """Remember one instrument and interval.

    Args:
        start_ns: Start of the last bar.
        before: What of it may turn on the next.
        bought_ns: Bar of the last BUY.
        sold_ns: Bar of the last SELL.
        shard: Whose bars they are.
    """

    start_ns: int
    before: dict[str, float] = field(default_factory=dict)
    bought_ns: int | None = None
    sold_ns: int | None = None
    shard: str = ""


@dataclass(slots=True)
class Desk:
    """Hold what the strategy remembers.

    Args:
        tracks: By (instrument, interval).
        emitted: How many facts it has emitted: signals, and what came of them.
        trust: How far models and the strategy may be believed, by (shard, interval). One shard's standings never touch
            another's decisions: nothing orders the shards of a desk.
        watches: Signals whose outcomes are waited for.
        books: Outcomes of the models that are heard, by shard.
    """

    tracks: dict[tuple[str, int], Track] = field(default_factory=dict)
    emitted: int = 0
    trust: dict[tuple[str, int], dict[str, Standing]] = field(default_factory=dict)
    watches: Watches = field(default_factory=Watches)
    books: dict[str, Scorebook] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Hold what is the same for every row of a batch: the strategy, and who is heard."""

    strategy: Strategy
    identify: Identify
    batch: PredictionBatch
    outputs: tuple[ModelOutput, ...]
    flagging: tuple[ModelOutput, ...]
    schema: str
    degraded: bool


@dataclass(frozen=True, slots=True)
class _Case:
    """Hold one row that may become a signal: what was seen, who spoke, what they want, and what the ensemble says."""

    row: int
    seen: Seen
    spoken: Heard
    wanted: Action
    pooled: Pooled

    @property
    def said(self) -> Said:
        """Give what the ensemble says of the event that is wanted: of a lower price for SELL, else of a higher one."""
        return self.pooled.lower if self.wanted is Action.SELL else self.pooled.higher


@dataclass(frozen=True, slots=True)
class _Chance:
    """Hold a calibrated chance: of what, within how many bars, and its lower bound."""

    p: float
    low: float
    event: str
    horizon_bars: int
    of_levels: bool = False


@dataclass(frozen=True, slots=True)
class _Settled:
    """Hold a decision behind the gates: what is done, between which levels, at what stake."""

    action: Action
    gates: tuple[Gate, ...]
    stop_loss: int = 0
    take_profit: int = 0
    chance: _Chance | None = None
    staked: Stake | None = None


_NOTHING: Final = _Settled(Action.HOLD, ())


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
    told = tell(desk, batch, strategy, identify=identify)
    return tuple(one for one in told if isinstance(one, Signal))


def tell(
    desk: Desk, batch: PredictionBatch, strategy: Strategy, *, identify: Identify, before: Before = int
) -> tuple[Told, ...]:
    """Decide as `decide` does, and return beside the signals what came of earlier ones: a bar's outcomes come first.

    Args:
        desk: What is remembered; changed in place.
        batch: Scored rows; those of other intervals are passed over.
        strategy: Rules and limits.
        identify: Names a signal by its natural key.
        before: Called before each row that decides.
    """
    plan = _plan(batch, strategy, identify)
    told: list[Told] = []
    for row in _deciding(batch.columns, strategy.intervals_s):
        before(row)
        told += _tell_row(desk, plan, row)
    desk.emitted += len(told)
    return tuple(told)


def forget_turns(desk: Desk, shard: str) -> None:
    """Forget a shard's bars before: after a hole in its tape nothing of it can be said to have turned."""
    for track in desk.tracks.values():
        if track.shard == shard:
            track.before = {}


def believe(desk: Desk, scope: tuple[str, int], trust: Trust, strategy: Strategy) -> None:
    """Take up how far those a strategy hears may be believed from now on.

    Args:
        desk: What is remembered; changed in place.
        scope: Shard and bar interval, seconds, in which they showed it.
        trust: New standings; who is not named keeps its own, and who the strategy does not hear is passed over. For a
            new scope those on intervals that no longer decide are let go.
        strategy: Whose models, and whose own chances, they are.

    Raises:
        ValueError: There are too many scopes.
    """
    sources = (strategy.name, *strategy.models, *strategy.ensemble.members)
    known = {name: trust[name] for name in sources if name in trust}
    if known and scope not in desk.trust:  # a stored desk may come from other settings: nobody asks for those scopes
        desk.trust = {one: own for one, own in desk.trust.items() if one[1] in strategy.intervals_s}
    if known and scope not in desk.trust and len(desk.trust) >= SCOPES_MAX:
        text = f"standings of {scope} would be those of more than {SCOPES_MAX} shards and intervals"
        raise ValueError(text)
    if known:
        desk.trust[scope] = desk.trust.get(scope, {}) | known


def _plan(batch: PredictionBatch, strategy: Strategy, identify: Identify) -> _Plan:
    outputs = heard(batch.outputs)
    return _Plan(
        strategy,
        identify,
        batch,
        outputs,
        tuple([output for output in outputs if output.model in strategy.flagging]),
        schema_digest(batch.columns.names).hex(),
        _is_degraded(batch.outputs, {output.model for output in outputs}, strategy),
    )


def _is_degraded(outputs: Sequence[ModelOutput], answered: set[str], strategy: Strategy) -> bool:
    """Tell whether a model is missing: one that a rule names, or one of the ensemble's that was asked and failed."""
    asked = {output.model for output in outputs if not output.shadow and output.model in strategy.ensemble.members}
    return bool({*strategy.models, *asked} - answered)


def _deciding(columns: FeatureColumns, intervals_s: Sequence[int]) -> list[int]:
    return [row for row, interval in enumerate(columns.interval_s.tolist()) if interval in intervals_s]


def _tell_row(desk: Desk, plan: _Plan, row: int) -> Iterable[Told]:
    """Settle what the bar settles, then decide on it, and wait for what comes of the decision."""
    columns = plan.batch.columns
    instrument_id = columns.instruments[columns.instrument[row]].instrument_id
    key, start_ns = (instrument_id, int(columns.interval_s[row])), int(columns.start_ns[row])
    track = desk.tracks.get(key)
    if track is not None and start_ns <= track.start_ns:
        return ()
    settled = _step(desk.watches, columns, row, key) if key in desk.watches.by_series else ()
    track = _advance(desk, key, start_ns, plan.strategy.tracks_max, shard=plan.batch.shard)
    signal = _decide_row(desk, plan, row, track)
    if signal is None:
        return settled
    return *settled, *watch(desk.watches, signal, watches_max=WATCHES_MAX), signal


def _step(watches: Watches, columns: FeatureColumns, row: int, key: tuple[str, int]) -> tuple[Outcome, ...]:
    start_ns, close, flags = int(columns.start_ns[row]), int(columns.close[row]), int(columns.flags[row])
    return step(watches, key[0], interval_s=key[1], start_ns=start_ns, close=close, flags=flags)


def _decide_row(desk: Desk, plan: _Plan, row: int, track: Track) -> Signal | None:
    strategy, interval_s, start_ns = plan.strategy, int(plan.batch.columns.interval_s[row]), track.start_ns
    seen = _see(track, plan, row)
    wanted, spoken = weigh(seen, strategy)
    if wanted is not Action.HOLD and not _cooled(
        track, wanted, start_ns, interval_s * strategy.cooldown_bars * NS_PER_S
    ):
        wanted = Action.HOLD
    if wanted is Action.HOLD and not strategy.emit_hold:
        return None
    trust = desk.trust.get((plan.batch.shard, interval_s), NO_TRUST)
    said = {one.model: one.version for one in plan.outputs if one.states[row] == STATE_VALID}
    trust = {
        name: own for name, told in trust.items() for own in (told, *told.others) if own.version in {"", said.get(name)}
    }
    pooled = pool(strategy.ensemble, chances_of(plan.outputs, row, strategy.ensemble), trust)
    case = _Case(row, seen, spoken, wanted, pooled)
    settled = _settle(case, plan, trust)
    if settled.action is Action.HOLD and not (strategy.emit_hold or (settled.gates and strategy.emit_stopped)):
        return None
    _remember(track, settled.action, start_ns)
    return _signal(case, plan, settled)


def _advance(desk: Desk, key: tuple[str, int], start_ns: int, tracks_max: int, *, shard: str) -> Track:
    """Move a track to its new bar; when there are too many, the one longest without a bar is forgotten."""
    track = desk.tracks.get(key)
    if track is None:
        if len(desk.tracks) >= tracks_max:
            oldest = min(desk.tracks, key=lambda known: (desk.tracks[known].start_ns, known))
            del desk.tracks[oldest]
        track = desk.tracks[key] = Track(start_ns)
    track.start_ns, track.shard = start_ns, shard
    return track


def _see(track: Track, plan: _Plan, row: int) -> Seen:
    """Gather what the rules may look at, and remember what may turn on the next bar."""
    columns = plan.batch.columns
    cells = zip(columns.names, columns.values[row].tolist(), columns.states[row].tolist(), strict=True)
    values = {name: value for name, value, state in cells if state == STATE_VALID}
    if plan.strategy.figures:
        values |= figures_of(plan.outputs, row, plan.strategy.figures)
    before, track.before = track.before, {name: values[name] for name in plan.strategy.turning if name in values}
    return Seen(values, before, scores_of(plan.flagging, row))


def _cooled(track: Track, action: Action, start_ns: int, cooldown_ns: int) -> bool:
    last_ns = track.bought_ns if action is Action.BUY else track.sold_ns
    return last_ns is None or start_ns - last_ns >= cooldown_ns


def _remember(track: Track, action: Action, start_ns: int) -> None:
    if action is Action.BUY:
        track.bought_ns = start_ns
    elif action is Action.SELL:
        track.sold_ns = start_ns


def _settle(case: _Case, plan: _Plan, trust: Trust) -> _Settled:
    """Ask the gates whether what is wanted may be done, and size it."""
    strategy = plan.strategy
    if case.wanted is Action.HOLD:
        return _NOTHING
    chance = _chance(case, strategy, trust)
    volatility = case.seen.values.get(strategy.volatility)
    gates = (
        *market_gates(plan.batch.columns, case.row, strategy),
        *(Gate(reason.rule, reason.text) for reason in hear(strategy.vetoes, case.seen).reasons),
        *_disagreeing(case),
        *_broken(case, strategy, trust),
    )
    if volatility is None:
        gates = (*gates, Gate("no_volatility", f"{strategy.volatility} is not valid, so a stop has no place"))
    if gates or volatility is None:
        return _Settled(Action.HOLD, gates, chance=chance)
    return _size(case, plan, volatility=volatility, chance=chance)


def _size(case: _Case, plan: _Plan, *, volatility: float, chance: _Chance | None) -> _Settled:
    """Place stop and target, and stake what the chance is worth; no edge, no trade."""
    columns, strategy, row, wanted = plan.batch.columns, plan.strategy, case.row, case.wanted
    close = int(columns.close[row])
    units = volatility / 10.0 ** columns.instruments[columns.instrument[row]].price_exponent
    stop_loss, take_profit = protect(
        wanted, close, stop=units * strategy.stop_distance, target=units * strategy.target_distance
    )
    if chance is None:
        return _Settled(wanted, (), stop_loss, take_profit)
    spread = max(int(columns.ask_price[row]) - int(columns.bid_price[row]), 0) / close
    # A chance of a direction does not say which level comes first: such a bet wins no more than it may lose.
    won = take_profit if chance.of_levels else min(take_profit, 2 * close - stop_loss, key=lambda to: abs(to - close))
    bet = payoff(close, stop_loss, won, cost=strategy.sizing.cost_bps / BPS + spread)
    staked = stake(chance.p, chance.low, bet, strategy.sizing)
    if staked.position_pct <= 0:
        text = f"chance {chance.p:.4g}, at least {chance.low:.4g}: win {bet.win:.4%}, loss {bet.loss:.4%} net of costs"
        return _Settled(Action.HOLD, (Gate("no_edge", text),), chance=chance, staked=staked)
    return _Settled(wanted, (), stop_loss, take_profit, chance, staked)


def _chance(case: _Case, strategy: Strategy, trust: Trust) -> _Chance | None:
    """Find the calibrated chance that the decision is right: the ensemble's, else the strategy's own, else none."""
    sizing, said = strategy.sizing, case.said
    if said.chance is not None and said.samples >= sizing.samples_min:
        horizon, way = strategy.ensemble.horizon_bars, "lower" if case.wanted is Action.SELL else "higher"
        event = f"the price is {way} {horizon} bars after the close"
        return _Chance(said.chance, lower_bound(said.chance, said.samples, sizing.bound_z), event, horizon)
    own = trust.get(strategy.name, UNKNOWN)
    if not own.curve or own.samples < sizing.samples_min:
        return None
    p = calibrated(case.spoken.strength / PERCENT, own.curve)
    return _Chance(p, lower_bound(p, own.samples, sizing.bound_z), own.event, own.horizon_bars, of_levels=True)


def _disagreeing(case: _Case) -> tuple[Gate, ...]:
    """Name a disagreement on what is wanted; one on a rise is one on a fall too, which is what it leaves."""
    texts = [one.abstained for one in (case.said, case.pooled.higher) if one.disagree]
    return tuple(Gate("models_disagree", text) for text in texts[:1])


def _broken(case: _Case, strategy: Strategy, trust: Trust) -> tuple[Gate, ...]:
    """Name the sources that the decision leans on and whose calibration does not hold what it promises."""
    speaking = [name.partition(".")[0] for name in case.spoken.indicators]
    voting = [vote.model for vote in case.pooled.votes if _weight(vote, case.wanted) > 0]
    sources = dict.fromkeys([strategy.name, *speaking, *voting])
    found = [(name, one) for name in sources for one in _promises(trust.get(name, UNKNOWN), case.wanted)]
    return tuple(Gate("calibration_broken", f"{name}: {one.broken}") for name, one in found if one.broken)


def _promises(standing: Standing, wanted: Action) -> tuple[Standing, ...]:
    """Give what a decision leans on: a SELL on chances of a lower price too, which come from those of a higher one."""
    lower = standing.lower if wanted is Action.SELL else None
    return (standing,) if lower is None else (standing, lower)


def _weight(vote: Vote, wanted: Action) -> float:
    return vote.weight if wanted is Action.BUY or vote.down is None else vote.down_weight


def _signal(case: _Case, plan: _Plan, settled: _Settled) -> Signal:
    columns, strategy, row, spoken = plan.batch.columns, plan.strategy, case.row, case.spoken
    ref = columns.instruments[columns.instrument[row]]
    interval_s, start_ns, close = int(columns.interval_s[row]), int(columns.start_ns[row]), int(columns.close[row])
    as_of_ns = start_ns + interval_s * NS_PER_S
    acts = settled.action is not Action.HOLD
    scores: Mapping[str, ModelScore] = scores_of(plan.outputs, row)
    return Signal(
        signal_id=plan.identify(strategy.name, ref.instrument_id, interval_s, start_ns),
        strategy=strategy.name,
        instrument_id=ref.instrument_id,
        interval_s=interval_s,
        bar_start_ns=start_ns,
        as_of_ns=as_of_ns,
        action=settled.action,
        confidence=spoken.strength if settled.chance is None else PERCENT * settled.chance.p,
        price_exponent=ref.price_exponent,
        size_exponent=ref.size_exponent,
        price=close,
        quote=_quote(columns, row, as_of_ns),
        reasons=spoken.reasons,
        model_scores=tuple(scores[name] for name in sorted(scores)),
        stop_loss=settled.stop_loss,
        take_profit=settled.take_profit,
        risk_reward_ratio=risk_reward(close, settled.stop_loss, settled.take_profit) if acts else 0.0,
        bar_revision=int(columns.bar_revision[row]),
        degraded=plan.degraded,
        shard=plan.batch.shard,
        market_flags=flags_at(columns, row),
        evidence=_evidence(case, plan, settled),
    )


def _evidence(case: _Case, plan: _Plan, settled: _Settled) -> Evidence:
    chance, staked, spoken = settled.chance, settled.staked, case.spoken
    sizing = plan.strategy.sizing
    size = min(sizing.flat_pct, sizing.position_pct_max) if staked is None else staked.position_pct
    close = int(plan.batch.columns.close[case.row])
    told = predictions_of(plan.outputs, case.row, close, ensemble=plan.strategy.ensemble, pooled=case.pooled)
    return Evidence(
        wanted=case.wanted,
        strength=spoken.strength,
        confidence_kind=ConfidenceKind.RULE_WEIGHT if chance is None else ConfidenceKind.CALIBRATED,
        event="" if chance is None else chance.event,
        horizon_bars=0 if chance is None else chance.horizon_bars,
        probability=None if chance is None else chance.p,
        probability_low=None if chance is None else chance.low,
        expected_value=None if staked is None else staked.expected_value,
        kelly_fraction=None if staked is None else staked.kelly,
        position_size_pct=0.0 if settled.action is Action.HOLD else size,
        primary_factor=spoken.reasons[0].rule if spoken.reasons else "",
        supporting_indicators=spoken.supporting,
        importance=spoken.importance,
        predictions=told,
        gates=settled.gates,
        feature_schema=plan.schema,
    )


def _quote(columns: FeatureColumns, row: int, as_of_ns: int) -> Quote:
    return Quote(
        int(columns.bid_price[row]),
        int(columns.bid_size[row]),
        int(columns.ask_price[row]),
        int(columns.ask_size[row]),
        as_of_ns,
    )
