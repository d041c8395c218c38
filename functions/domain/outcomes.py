"""Wait for what forecasts and signals were about, and say what came of them; nothing is scored here.

Both are settled by closing prices of final bars of the same interval, known when those bars end. What a bar that never
came would have said stays unknown: it is `missing`, never wrong. A bar without a price, or one that lacks trades,
counts as one that never came; a later revision of a bar changes no outcome.

Of forecasts at a horizon of h bars only those of every h-th bar are followed, counted on a grid that starts with the
epoch. So one is waited for at a time, and outcomes of one series never overlap: overlapping ones repeat each other, and
every sampling error drawn from them would be too small.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from functions.domain.decisions import Action, Signal
from functions.domain.market import BAR_NO_PRICE, MARKET_MISSING, NS_PER_S, STATE_VALID, ModelOutput
from functions.domain.reliability import Resolved

HORIZONS: Final = (1, 4, 24)
"""Horizons of forecasts and signals, in bars of their own interval: 1, 4 and 24 hours for bars of an hour."""
HORIZON_MAX: Final = HORIZONS[-1]
WATCHES_MAX: Final = 256
"""Signals that may be waited for at once."""

NAMES_MAX: Final = 256
"""Sets of figures' names whose places are remembered; a process sees one for each model."""

FIGURES: Final = ("up", "return", "low80", "high80", "low95", "high95")
"""What a forecast says of each horizon; its figures are called `<name>_<bars>`."""


class Prediction(NamedTuple):
    """Hold a forecast whose outcome is waited for.

    Args:
        target_ns: Start of the bar that settles it, UTC nanoseconds.
        close: Closing price mantissa it starts from.
        up: Probability that was given to a log return above 0.
        expected: Log return that was expected.
        low_80: Lower bound of the interval at 80 %.
        high_80: Upper bound.
        low_95: Lower bound of the interval at 95 %.
        high_95: Upper bound.
        down: Probability that was given to a log return below 0; None where falls are not followed.
    """

    target_ns: int
    close: int
    up: float
    expected: float
    low_80: float
    high_80: float
    low_95: float
    high_95: float
    down: float | None = None


def is_priced(close: int, flags: int) -> bool:
    """Tell whether a bar's close may be believed.

    >>> is_priced(100, 0), is_priced(0, 0), is_priced(100, MARKET_MISSING)
    (True, False, False)
    """
    return close > 0 and not flags & (BAR_NO_PRICE | MARKET_MISSING)


def log_return(before: int, after: int) -> float:
    """Give ln(after / before) of two closes of one instrument, both above 0.

    >>> round(log_return(100, 110), 6)
    0.09531
    """
    return math.log(after / before)


def on_grid(start_ns: int, interval_s: int, horizon: int) -> bool:
    """Tell whether the forecast of a bar is followed at a horizon.

    >>> [on_grid(bar * 60 * NS_PER_S, 60, 4) for bar in (0, 1, 4, 6)]
    [True, False, True, False]
    """
    return start_ns // (interval_s * NS_PER_S) % horizon == 0


def places_of(output: ModelOutput) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Find the horizons a model forecasts, and where each one's figures stand; a model without all six has none."""
    return _places(output.names)


@lru_cache(maxsize=NAMES_MAX)
def _places(names: tuple[str, ...]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    found = {name: place for place, name in enumerate(names)}
    named = [(bars, [found.get(f"{name}_{bars}", -1) for name in FIGURES]) for bars in HORIZONS]
    return tuple((bars, tuple(places)) for bars, places in named if min(places) >= 0)


def predict(output: ModelOutput, row: int, places: Iterable[int], *, close: int, target_ns: int) -> Prediction | None:
    """Read a model's forecast of one row and horizon; None where there is none, or its `up` is no probability.

    Args:
        output: The model's answer.
        row: Which row.
        places: Where the six figures stand, as `places_of` gave them.
        close: Closing price mantissa of the row's bar.
        target_ns: Start of the bar at the horizon, UTC nanoseconds.
    """
    if output.degraded or output.states[row] != STATE_VALID:
        return None
    values = [float(output.values[row, place]) for place in places]
    if not 0.0 <= values[0] <= 1.0 or not all(map(math.isfinite, values)):
        return None
    return Prediction(target_ns, close, *values)


def resolve(prediction: Prediction, close: int) -> Resolved:
    """Put a forecast beside the return that was realised at its horizon."""
    return Resolved(*prediction[2:8], log_return(prediction.close, close))


class Exit(Enum):
    """How a signal's trade would have ended."""

    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    HORIZON = "horizon"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Say what became of a signal, its price being the entry and closes alone deciding; costs are not counted.

    A price that crossed a level within a bar and came back by its close is not seen: stops are hit more often than this
    says. Where one close lies beyond a level, the trade ends at that close, which may be worse than the level.

    Args:
        signal_id: Which signal; the natural key.
        strategy: Who gave it.
        instrument_id: Instrument.
        interval_s: Bar interval, seconds.
        bar_start_ns: Start of its bar, UTC nanoseconds.
        action: What it asked for.
        confidence: What it was told with, percent.
        price_exponent: Power of ten of one price unit.
        price: Closing price mantissa of its bar.
        exit: What ended it first: a level, the last horizon, or a bar that never came.
        exit_price: Close that ended it; 0 when missing.
        exit_ns: When that was known, UTC nanoseconds; when missing, the end of the last bar that was seen.
        bars: Bars from its own to that one.
        gain: Log return in the direction of the action up to there; None when missing.
        returns: Log returns of the price at HORIZONS, whatever the action; None where unknown.
        shard: Shard of its bars.
    """

    signal_id: str
    strategy: str
    instrument_id: str
    interval_s: int
    bar_start_ns: int
    action: Action
    confidence: float
    price_exponent: int
    price: int
    exit: Exit
    exit_price: int
    exit_ns: int
    bars: int
    gain: float | None
    returns: tuple[float | None, ...]
    shard: str


@dataclass(slots=True)
class Watch:
    """Remember a signal until its last horizon, or until a bar is missing.

    Args:
        outcome: What is known of it; `exit` is MISSING while nothing has ended it.
        stop_loss: Price mantissa.
        take_profit: Price mantissa.
        passed: Bars since its own.
    """

    outcome: Outcome
    stop_loss: int
    take_profit: int
    passed: int = 0


@dataclass(slots=True)
class Watches:
    """Hold the signals that are waited for, by (instrument, interval), oldest first."""

    by_series: dict[tuple[str, int], list[Watch]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count them."""
        return sum(map(len, self.by_series.values()))

    def __iter__(self) -> Iterator[Watch]:
        """Go through them by series, oldest first."""
        return (one for _, watches in sorted(self.by_series.items()) for one in watches)


_Said: TypeAlias = tuple[
    str, str, str, int, int, str, float, int, int, str, int, int, int, float | None, tuple[float | None, ...], str
]
WatchLine: TypeAlias = tuple[_Said, int, int, int]
"""A watched signal as plain figures: its outcome so far, stop-loss, take-profit and bars passed."""


def lines_of(watches: Watches) -> list[WatchLine]:
    """Write down what is waited for, so that equal watches give equal lines."""
    return [(_plain(one.outcome), one.stop_loss, one.take_profit, one.passed) for one in watches]


def watches_of(lines: Iterable[WatchLine]) -> Watches:
    """Read what `lines_of` wrote."""
    watches = Watches()
    for said, *rest in lines:
        outcome = _outcome(said)
        series = watches.by_series.setdefault((outcome.instrument_id, outcome.interval_s), [])
        series.append(Watch(outcome, *rest))
    return watches


def watch(watches: Watches, signal: Signal, *, watches_max: int = WATCHES_MAX) -> tuple[Outcome, ...]:
    """Wait for a signal's outcome; HOLD has none.

    Returns:
        The outcome of the signal that had to be given up for it, the one with the oldest bar: mostly none.
    """
    if signal.action is Action.HOLD or not is_priced(signal.price, signal.market_flags):
        return ()
    given_up = _give_up(watches) if len(watches) >= watches_max else ()
    series = watches.by_series.setdefault((signal.instrument_id, signal.interval_s), [])
    series.append(Watch(_unknown(signal), signal.stop_loss, signal.take_profit))
    return given_up


def step(  # noqa: PLR0913 - a bar has so many parts
    watches: Watches, instrument_id: str, *, interval_s: int, start_ns: int, close: int, flags: int
) -> tuple[Outcome, ...]:
    """Take the next final bar of a series; return what it settles, oldest signal first.

    The caller passes each bar of a series once, in order, before any signal that is decided on it.

    Args:
        watches: What is waited for; changed in place.
        instrument_id: Instrument of the bar.
        interval_s: Its interval, seconds.
        start_ns: Its start, UTC nanoseconds.
        close: Its closing price mantissa.
        flags: Its flags, as in `domain.market`.
    """
    series = watches.by_series.pop((instrument_id, interval_s), None)
    if series is None:
        return ()
    settled: list[Watch] = []
    waiting: list[Watch] = []
    for one in series:
        due_ns = one.outcome.bar_start_ns + (one.passed + 1) * interval_s * NS_PER_S
        known = start_ns == due_ns and is_priced(close, flags)
        if known:
            _pass(one, close, start_ns + interval_s * NS_PER_S)
        done = one.passed == HORIZON_MAX or not known
        (settled if done else waiting).append(one)
    if waiting:
        watches.by_series[instrument_id, interval_s] = waiting
    return tuple(one.outcome for one in settled)


def _plain(one: Outcome) -> _Said:
    signal = one.signal_id, one.strategy, one.instrument_id, one.interval_s, one.bar_start_ns, one.action.value
    told = one.confidence, one.price_exponent, one.price
    end = one.exit.value, one.exit_price, one.exit_ns, one.bars, one.gain, one.returns
    return *signal, *told, *end, one.shard


def _outcome(said: _Said) -> Outcome:
    """Read what `_plain` wrote."""
    signal_id, strategy, instrument_id, interval_s, bar_start_ns, action, confidence, exponent, price = said[:9]
    ends, exit_price, exit_ns, bars, gain, returns, shard = said[9:]
    return Outcome(
        signal_id=signal_id,
        strategy=strategy,
        instrument_id=instrument_id,
        interval_s=interval_s,
        bar_start_ns=bar_start_ns,
        action=Action(action),
        confidence=confidence,
        price_exponent=exponent,
        price=price,
        exit=Exit(ends),
        exit_price=exit_price,
        exit_ns=exit_ns,
        bars=bars,
        gain=gain,
        returns=tuple(returns),
        shard=shard,
    )


def _unknown(signal: Signal) -> Outcome:
    return Outcome(
        signal_id=signal.signal_id,
        strategy=signal.strategy,
        instrument_id=signal.instrument_id,
        interval_s=signal.interval_s,
        bar_start_ns=signal.bar_start_ns,
        action=signal.action,
        confidence=signal.confidence,
        price_exponent=signal.price_exponent,
        price=signal.price,
        exit=Exit.MISSING,
        exit_price=0,
        exit_ns=signal.as_of_ns,
        bars=0,
        gain=None,
        returns=(None,) * len(HORIZONS),
        shard=signal.shard,
    )


def _give_up(watches: Watches) -> tuple[Outcome, ...]:
    """Forget the signal with the oldest bar."""
    key = min(watches.by_series, key=lambda known: (watches.by_series[known][0].outcome.bar_start_ns, known))
    oldest, *others = watches.by_series.pop(key)
    if others:
        watches.by_series[key] = others
    return (oldest.outcome,)


def _pass(one: Watch, close: int, as_of_ns: int) -> None:
    """Let a watched signal see one more bar."""
    one.passed += 1
    had = one.outcome
    if one.passed in HORIZONS:
        place = HORIZONS.index(one.passed)
        told = log_return(had.price, close)
        one.outcome = had = replace(had, returns=(*had.returns[:place], told, *had.returns[place + 1 :]))
    if had.exit is not Exit.MISSING:
        return
    one.outcome = had = replace(had, exit_ns=as_of_ns, bars=one.passed)
    ends = _exit(one, close)
    if ends is not None:
        toward = 1.0 if had.action is Action.BUY else -1.0
        one.outcome = replace(had, exit=ends, exit_price=close, gain=toward * log_return(had.price, close))


def _exit(one: Watch, close: int) -> Exit | None:
    toward = 1 if one.outcome.action is Action.BUY else -1
    if toward * (close - one.stop_loss) <= 0:
        return Exit.STOP_LOSS
    if toward * (close - one.take_profit) >= 0:
        return Exit.TAKE_PROFIT
    return Exit.HORIZON if one.passed == HORIZON_MAX else None
