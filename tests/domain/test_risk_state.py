"""What an account risks, kept in sums: no prefix of accepted orders' fills breaks a limit, and nothing more is refused.

The reference knows no sums: it fills every subset of the working orders, and looks. It counts in thousandths.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations
from typing import Final, TypeAlias

from counts import count
from hypothesis import given, settings
from hypothesis import strategies as st
from trading import NOW

from functions.domain.decisions import OrderIntent, Quote, Side
from functions.domain.money import scaled
from functions.domain.risk import InstrumentLimits, Limits, RiskState
from functions.domain.risk.limits import merged
from functions.domain.risk.rules import case_of, decide
from functions.domain.risk.state import marked
from functions.domain.risk.units import atto

CAPITAL = 10_000
MILLI = 1000
UNITS: Final = {"A.X": (0, 0), "B.X": (-2, -3), "C.X": (-6, -12)}
"""Exponents of price and size, so that units of all magnitudes meet in one sum."""

LIMITS = Limits(
    version="test",
    exposure_ratio_max=Decimal("0.95"),
    net_exposure_ratio_max=Decimal("0.7"),
    drawdown_max=Decimal("0.05"),
    quote_age_ms_max=1,
    quote_ahead_ms_max=1,
    default=InstrumentLimits(Decimal(10**9), Decimal(6000), Decimal(10_000)),
)
JUDGED = {"position", "exposure_ratio", "net_exposure_ratio", "drawdown"}

Step: TypeAlias = tuple[str, str, bool, int, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("order", "order", "order", "fill", "fill", "cancel", "mark")),
        st.sampled_from(tuple(UNITS)),
        st.booleans(),
        st.integers(1, 40),
        st.integers(80, 120),
        st.integers(0, 100),
    ),
    min_size=1,
    max_size=12,
)
"""Kind, instrument, whether it buys, size, price in percent of 100, and a share in percent or a choice."""


@dataclass
class Resting:
    """An order as the reference knows it: thousandths of a unit, whole prices."""

    instrument: str
    sign: int
    leaves: int
    limit: int


@dataclass
class Reference:
    """An account without sums."""

    cash: int = CAPITAL * MILLI
    peak: int = CAPITAL * MILLI
    positions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(UNITS, 0))
    marks: dict[str, int] = field(default_factory=lambda: dict.fromkeys(UNITS, 100))
    working: dict[str, Resting] = field(default_factory=dict)

    def broken(self, *more: Resting) -> set[str]:
        """Name the rules that some set of fills breaks."""
        resting = [*self.working.values(), *more]
        found: set[str] = set()
        for size in range(len(resting) + 1):
            for filled in combinations(resting, size):
                found |= self._after(filled)
        return found

    def _after(self, filled: tuple[Resting, ...]) -> set[str]:
        cash, positions = self.cash, dict(self.positions)
        for one in filled:
            cash -= one.sign * one.leaves * one.limit
            positions[one.instrument] += one.sign * one.leaves
        values = [positions[name] * self.marks[name] for name in UNITS]
        found = {
            "position": max(map(abs, values)) > 6000 * MILLI,
            "exposure_ratio": 100 * sum(map(abs, values)) > 95 * CAPITAL * MILLI,
            "net_exposure_ratio": 10 * abs(sum(values)) > 7 * CAPITAL * MILLI,
            "drawdown": 100 * (self.peak - cash - sum(values)) > 5 * self.peak,
        }
        return {rule for rule, broke in found.items() if broke}

    def look(self) -> None:
        """Raise the peak."""
        worth = self.cash + sum(self.positions[name] * self.marks[name] for name in UNITS)
        self.peak = max(self.peak, worth)


class Run:
    """Drive the engine's state and the reference by the same steps."""

    def __init__(self) -> None:
        """Open both, each instrument marked at 100."""
        self.state = RiskState(Decimal(CAPITAL), Decimal(CAPITAL))
        self.reference = Reference()
        self.clean = True  # no subset of fills breaks a limit at these marks
        self.number = 0

    def step(self, step: Step) -> None:
        """Take one step on both sides, and compare."""
        kind, name, buys, size, price, choice = step
        if kind == "order" and len(self.reference.working) < 4:
            self._order(name, Side.BUY if buys else Side.SELL, size, price)
        elif kind == "mark":
            self._mark(name, price)
        elif self.reference.working and kind in {"fill", "cancel"}:
            client_order_id = sorted(self.reference.working)[choice % len(self.reference.working)]
            (self._fill if kind == "fill" else self._cancel)(client_order_id, choice)

    def _mark(self, name: str, price: int) -> None:
        self.reference.marks[name] = price
        self.reference.look()
        self.state.apply_mark(name, atto(price, 0))
        self.clean = not self.reference.broken()

    def _order(self, name: str, side: Side, size: int, price: int) -> None:
        price_exponent, size_exponent = UNITS[name]
        mark = self.reference.marks[name] * 10**-price_exponent
        quote = Quote(mark, 1, mark, 1, NOW)
        asked = OrderIntent(
            "paper", name, side, size * 10**-size_exponent, price * 10**-price_exponent, price_exponent, size_exponent
        )
        standing = self.state.standing(name, marked(quote, price_exponent))
        verdict = decide(case_of(asked, quote, NOW), standing, merged(LIMITS, "paper", name))
        resting = Resting(name, 1 if side is Side.BUY else -1, size * MILLI, price)
        if self.clean:
            assert {one.rule for one in verdict.violations} & JUDGED == self.reference.broken(resting)
        if verdict.accepted:
            self.number += 1
            self.state.apply_accepted(f"order-{self.number}", asked, quote, as_of_ns=NOW)
            self.reference.working[f"order-{self.number}"] = resting

    def _fill(self, client_order_id: str, choice: int) -> None:
        """Fill some or all, at the limit or better."""
        resting = self.reference.working[client_order_id]
        quantity = resting.leaves * min(choice, 50) // 50
        price = resting.limit - resting.sign * (choice % 3)
        resting.leaves -= quantity
        self.reference.cash -= resting.sign * quantity * price
        self.reference.positions[resting.instrument] += resting.sign * quantity
        self.reference.look()
        side = Side.BUY if resting.sign > 0 else Side.SELL
        self.state.apply_trade(resting.instrument, side, units(quantity), atto(price, 0))
        self._leave(client_order_id, resting)
        assert not (self.clean and self.reference.broken())

    def _cancel(self, client_order_id: str, choice: int) -> None:
        del choice
        resting = self.reference.working[client_order_id]
        resting.leaves = 0
        self._leave(client_order_id, resting)
        self.clean = not self.reference.broken()

    def _leave(self, client_order_id: str, resting: Resting) -> None:
        side = Side.BUY if resting.sign > 0 else Side.SELL
        leaves, price = units(resting.leaves), atto(resting.limit, 0)
        self.state.apply_working(client_order_id, resting.instrument, side, leaves=leaves, price=price)
        if not leaves:
            del self.reference.working[client_order_id]

    def rebuilt(self) -> RiskState:
        """Load what the reference holds into a state of its own."""
        known = self.reference
        held = [(name, scaled(known.positions[name], -3), Decimal(known.marks[name])) for name in UNITS]
        state = RiskState(Decimal(CAPITAL), scaled(known.cash, -3), held, peak_equity=scaled(known.peak, -3))
        for client_order_id, one in known.working.items():
            side = Side.BUY if one.sign > 0 else Side.SELL
            state.apply_mark(one.instrument, atto(known.marks[one.instrument], 0))
            state.apply_working(
                client_order_id, one.instrument, side, leaves=units(one.leaves), price=atto(one.limit, 0)
            )
        return state


def units(thousandths: int) -> int:
    """Count in units of 10^-18."""
    return atto(thousandths, -3)


def facts(state: RiskState) -> dict[str, object]:
    """Show all that a state knows but what was sent, and marks of what is neither held nor worked."""
    held = {name: one for name, one in state.holdings().items() if one.position or one.working}
    return {**vars(state), "recent": None, "_holdings": held}


@settings(max_examples=count(5000), deadline=None)
@given(STEPS)
def test_no_prefix_of_fills_breaks_a_limit(steps: list[Step]) -> None:
    """An order is accepted exactly when no set of fills of all working orders and this one can break a limit."""
    run = Run()
    for step in steps:
        run.step(step)


@settings(max_examples=count(2000), deadline=None)
@given(STEPS)
def test_incremental_is_rebuilt(steps: list[Step]) -> None:
    """However it came about, a state equals one that was loaded from what is there now."""
    run = Run()
    for step in steps:
        run.step(step)
    assert facts(run.state) == facts(run.rebuilt())
