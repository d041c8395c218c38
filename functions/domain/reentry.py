"""Decide whether and how to enter again after a trade has ended: a matrix of cases, each decided by one line of a file.

A case is how the trade ended, how long it was held, what the economic calendar has near, and the generation: 0 for an
original trade, n for its n-th re-entry. Of the rules that cover a case the one that names most of these four decides;
no case is left open, and no two rules may name equally many. From the last generation that the cap allows on nothing is
entered, whatever the rules say, so that no chain of re-entries is without end.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final, NamedTuple

from functions.domain.decisions import Action

BPS: Final = 1e-4
NS_PER_MIN: Final = 60_000_000_000
WORLD: Final = "ALL"
"""Currency of events that concern every instrument, as the calendars write it."""


class Ending(Enum):
    """How a trade ended: by its gain before costs, beside what counts as neither; the value is its word in files."""

    WIN = "win"
    SCRATCH = "scratch"
    LOSS = "loss"


class Proximity(Enum):
    """What of the calendar is near; the value is its word in files."""

    NONE = "none"
    BEFORE = "before"
    AFTER = "after"


class Reaction(Enum):
    """What is done after a trade; the value is its word in files.

    WAIT is `not now`: near an event until that has passed, else until the strategy itself speaks again.
    """

    REENTER = "reenter"
    REVERSE = "reverse"
    WAIT = "wait"
    STOP = "stop"


ENTERING: Final = (Reaction.REENTER, Reaction.REVERSE)


@dataclass(frozen=True, slots=True)
class Duration:
    """Name a time held: up to so many bars of the trade's own interval; None for however long."""

    name: str
    bars_max: int | None


@dataclass(frozen=True, slots=True)
class Cap:
    """Bound a chain of re-entries.

    Args:
        generation: Last generation that may be made; 0 for none.
        notional: Most notional of a re-entry, at the price it is made at, as a multiple of the original trade's.
    """

    generation: int
    notional: Decimal

    def within(self, other: "Cap") -> "Cap":
        """Give the tighter of both bounds.

        >>> Cap(3, Decimal(1)).within(Cap(2, Decimal(2)))
        Cap(generation=2, notional=Decimal('1'))
        """
        return Cap(min(self.generation, other.generation), min(self.notional, other.notional))


class Case(NamedTuple):
    """Name one cell of the matrix; a duration is named by its word."""

    ending: Ending
    duration: str
    proximity: Proximity
    generation: int

    def __str__(self) -> str:
        """Write it in the words of a file."""
        return f"{self.ending.value} {self.duration} {self.proximity.value} {self.generation}"


@dataclass(frozen=True, slots=True)
class Rule:
    """Decide the cases it covers.

    Args:
        line: Where it stands in its file, from 1.
        text: What stands there, without a comment.
        names: Ending, duration, proximity and generation; None covers any.
        reaction: What is done.
        size_factor: Size of the re-entry as a multiple of the original trade's; 0 unless it enters.
        cap: Bounds of the chain that it begins or goes on with.
    """

    line: int
    text: str
    names: tuple[Ending | None, str | None, Proximity | None, int | None]
    reaction: Reaction
    size_factor: Decimal
    cap: Cap

    @property
    def named(self) -> int:
        """Count what it names: the more, the more specific it is."""
        return len(self.names) - self.names.count(None)

    def covers(self, case: Case) -> bool:
        """Tell whether a case is one of its own."""
        return all(name in {None, value} for name, value in zip(self.names, case, strict=True))


@dataclass(frozen=True, slots=True)
class Axes:
    """Say how cases are told apart.

    Args:
        scratch_bps: Gain or loss, in basis points of log return, up to which a trade has neither won nor lost.
        durations: Times held, shortest first; the last has no bound.
        before_ns: How long before an event it is near, nanoseconds.
        after_ns: How long after it.
        cap: Bounds of every chain.
        cap_line: Where these stand in the file, from 1.
        cap_text: What stands there.
    """

    scratch_bps: float
    durations: tuple[Duration, ...]
    before_ns: int
    after_ns: int
    cap: Cap
    cap_line: int
    cap_text: str

    def cases(self) -> Iterator[Case]:
        """Go through every cell of the matrix, in the order of its axes."""
        names = [one.name for one in self.durations]
        return itertools.starmap(Case, itertools.product(Ending, names, Proximity, range(self.cap.generation)))


@dataclass(frozen=True, slots=True)
class Matrix:
    """Hold a file of rules that decides every case.

    Args:
        axes: How cases are told apart.
        rules: Who decides each.
        follows: Currencies whose events concern another one, by that: USD for USDT.
        digest: SHA-256 of the file, hexadecimal.
    """

    axes: Axes
    rules: Mapping[Case, Rule]
    follows: Mapping[str, frozenset[str]]
    digest: str


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Hold an event of the calendar, in the version that was known: which, of what currency, and when (UTC ns)."""

    event_id: str
    name: str
    currency: str
    ts_scheduled: int


@dataclass(frozen=True, slots=True)
class Near:
    """Say what the calendar has near a time: how, which event, and until when it stays near (UTC ns); 0 for nothing."""

    proximity: Proximity
    event: Scheduled | None = None
    until_ns: int = 0


NOTHING_NEAR: Final = Near(Proximity.NONE)


@dataclass(frozen=True, slots=True)
class Entry:
    """Say what a trade was: its generation, and the bounds it was made under; None for an original trade's."""

    generation: int = 0
    cap: Cap | None = None


ORIGINAL: Final = Entry()


@dataclass(frozen=True, slots=True)
class Ruling:
    """Hold what is decided of a case, and why.

    Args:
        case: Which cell of the matrix.
        reaction: What is done.
        size_factor: Size of the re-entry as a multiple of the original trade's; 0 unless something is entered.
        cap: Bounds of the chain from here on.
        line: Which line of the file decided; 0 for the bounds that an earlier re-entry was made under.
        text: What stands there.
    """

    case: Case
    reaction: Reaction
    size_factor: Decimal
    cap: Cap
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class ReentryDecision:
    """Say what is done after a signal's trade has ended; its natural key is (signal, generation).

    Args:
        decision_id: Its id; the re-entry it asks for is known as the signal of this id.
        signal_id: Signal whose trade has ended.
        strategy: Who gave that.
        instrument_id: Instrument.
        interval_s: Bar interval, seconds.
        side: What the re-entry does; HOLD when nothing is entered.
        ruling: What is decided, of which case, and which line decided it.
        near: What of the calendar was near.
        digest: SHA-256 of the file of rules, hexadecimal.
        as_of_ns: When the trade had ended, UTC nanoseconds of venue time.
        shard: Shard of its bars.
    """

    decision_id: str
    signal_id: str
    strategy: str
    instrument_id: str
    interval_s: int
    side: Action
    ruling: Ruling
    near: Near
    digest: str
    as_of_ns: int
    shard: str


def ending_of(gain: float, scratch_bps: float) -> Ending:
    """Tell how a trade ended by its log return.

    >>> [ending_of(gain, 5).value for gain in (0.01, 0.0005, -0.0001, -0.01)]
    ['win', 'scratch', 'scratch', 'loss']
    """
    if abs(gain) <= scratch_bps * BPS:
        return Ending.SCRATCH
    return Ending.WIN if gain > 0 else Ending.LOSS


def duration_of(bars: int, durations: Iterable[Duration]) -> str:
    """Name how long a trade was held, in bars.

    >>> [duration_of(bars, (Duration("quick", 4), Duration("long", None))) for bars in (1, 4, 5, 24)]
    ['quick', 'quick', 'long', 'long']
    """
    return next(one.name for one in durations if one.bars_max is None or bars <= one.bars_max)


def near(scheduled: Iterable[Scheduled], as_of_ns: int, axes: Axes) -> Near:
    """Say what of the calendar is near a time; an event ahead goes before one behind, and the nearest of each counts.

    Args:
        scheduled: Events that were known at that time, in any order.
        as_of_ns: The time, UTC nanoseconds. At its own time an event is behind.
        axes: How long before and after itself an event is near.
    """
    known = sorted(scheduled, key=lambda one: (one.ts_scheduled, one.event_id))
    ahead = [one for one in known if as_of_ns < one.ts_scheduled <= as_of_ns + axes.before_ns]
    behind = [one for one in known if as_of_ns - axes.after_ns < one.ts_scheduled <= as_of_ns]
    if ahead:
        return Near(Proximity.BEFORE, ahead[0], ahead[0].ts_scheduled + axes.after_ns)
    if behind:
        return Near(Proximity.AFTER, behind[-1], behind[-1].ts_scheduled + axes.after_ns)
    return NOTHING_NEAR


def concerned(currencies: Iterable[str], follows: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Name the currencies whose events concern an instrument of these; empty when none of its own is known.

    >>> sorted(concerned(("BTC", "USDT"), {"USDT": frozenset({"USD"})}))
    ['ALL', 'BTC', 'USD', 'USDT']
    """
    own = frozenset(filter(None, currencies))
    return own.union([WORLD], *(follows.get(one, ()) for one in own)) if own else own


def decide(matrix: Matrix, *, gain: float, bars: int, near_by: Near, entry: Entry = ORIGINAL) -> Ruling:
    """Decide what is done after a trade.

    Args:
        matrix: Rules.
        gain: Log return of the trade in its own direction, before costs.
        bars: Bars it was held.
        near_by: What the calendar has near its end.
        entry: What it was.
    """
    ending = ending_of(gain, matrix.axes.scratch_bps)
    duration = duration_of(bars, matrix.axes.durations)
    return react(matrix, Case(ending, duration, near_by.proximity, entry.generation), entry.cap)


def react(matrix: Matrix, case: Case, held: Cap | None = None) -> Ruling:
    """Give the ruling on a case; `held` are the bounds the trade was made under."""
    axes = matrix.axes
    cap = axes.cap if held is None else axes.cap.within(held)
    if case.generation >= axes.cap.generation:
        return Ruling(case, Reaction.STOP, Decimal(0), cap, axes.cap_line, axes.cap_text)
    if case.generation >= cap.generation:
        text = f"cap {cap.generation} {cap.notional} of an earlier re-entry"
        return Ruling(case, Reaction.STOP, Decimal(0), cap, 0, text)
    rule = matrix.rules[case]
    cap = cap.within(rule.cap)
    return Ruling(case, rule.reaction, min(rule.size_factor, cap.notional), cap, rule.line, rule.text)


def side_of(reaction: Reaction, action: Action) -> Action:
    """Say what a re-entry does after a trade of some action; HOLD when nothing is entered.

    >>> side_of(Reaction.REVERSE, Action.BUY).value, side_of(Reaction.WAIT, Action.BUY).value
    ('sell', 'hold')
    """
    if reaction not in ENTERING:
        return Action.HOLD
    if reaction is Reaction.REENTER:
        return action
    return Action.SELL if action is Action.BUY else Action.BUY
