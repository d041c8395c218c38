"""What an account risks, kept in sums: no prefix of accepted orders' fills newly breaks a limit or worsens a breach.

And nothing more is refused to who is within limits, or reduces. The reference knows no sums: it fills every subset of
the working orders, and looks. It counts quantities in thousandths, and money in two hundredths of them.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias

from counts import count, examples
from hypothesis import given, settings
from hypothesis import strategies as st
from trading import NOW

from functions.domain.decisions import Fill, OrderIntent, Quote, Side
from functions.domain.money import EXACT, scaled
from functions.domain.risk import InstrumentLimits, Limits, RiskState
from functions.domain.risk.limits import Contract, Rulebook
from functions.domain.risk.rules import case_of, decide
from functions.domain.risk.state import marked
from functions.domain.risk.units import atto

CAPITAL = 10_000
MILLI = 1000
WORTH: Final = {"A.X": 200, "B.X": 600, "C.X": 100}
"""What a thousandth stands for at a price of 1: of B one unit is three, of C a half."""
FEES: Final = {"A.X": 0, "B.X": 2, "C.X": 1}
"""Fees in percent of what is traded."""
MONEY = 200 * MILLI
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
    instruments={
        "B.X": InstrumentLimits(multiplier=Decimal(3), fee_bps_max=Decimal(200)),
        "C.X": InstrumentLimits(multiplier=Decimal("0.5"), fee_bps_max=Decimal(100)),
    },
)
BOOK: Final = Rulebook(LIMITS)
MEASURES: Final = (
    *(f"position {name}" for name in UNITS),
    "exposure_ratio",
    "net_exposure_ratio long",
    "net_exposure_ratio short",
    "drawdown",
)
"""What is measured, by the rule that bounds it."""
PLACES: Final = {name: place for place, name in enumerate(UNITS)}
JUDGED = {measure.split()[0] for measure in MEASURES}

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

    cash: int = CAPITAL * MONEY
    peak: int = CAPITAL * MONEY
    positions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(UNITS, 0))
    marks: dict[str, int] = field(default_factory=lambda: dict.fromkeys(UNITS, 100))
    working: dict[str, Resting] = field(default_factory=dict)

    def worst(self, *more: Resting) -> dict[str, int]:
        """Measure the worst that some set of fills leads to; net exposure is two measures, one a side."""
        ends = [(self.cash, tuple(self.positions.values()))]
        for one in (*self.working.values(), *more):
            cost, place = paid(one, one.leaves, one.limit), PLACES[one.instrument]
            moved = one.sign * one.leaves
            ends += [(cash - cost, (*held[:place], held[place] + moved, *held[place + 1 :])) for cash, held in ends]
        figures = zip(*(self._measured(*end) for end in ends), strict=True)
        return dict(zip(MEASURES, map(max, figures), strict=True))

    def _measured(self, cash: int, held: tuple[int, ...]) -> tuple[int, ...]:
        values = [quantity * self.marks[name] * WORTH[name] for quantity, name in zip(held, UNITS, strict=True)]
        sizes, net = [abs(value) for value in values], sum(values)
        return (*sizes, sum(sizes), net, -net, self.peak - cash - net)

    def over(self, worst: dict[str, int]) -> set[str]:
        """Name the measures that are beyond their limits."""
        most = {"position": 6000 * MONEY, "exposure_ratio": 9500 * MONEY, "net_exposure_ratio": 7000 * MONEY}
        most["drawdown"] = self.peak // 20
        return {measure for measure, value in worst.items() if value > most[measure.split()[0]]}

    def reduces(self, wanted: Resting) -> bool:
        """Tell whether an order is no more than what is held on the other side and not worked off yet."""
        alike = wanted.instrument, wanted.sign
        works = sum(one.leaves for one in self.working.values() if (one.instrument, one.sign) == alike)
        return works + wanted.leaves <= -wanted.sign * self.positions[wanted.instrument]

    def look(self) -> None:
        """Raise the peak."""
        worth = self.cash + sum(self.positions[name] * self.marks[name] * WORTH[name] for name in UNITS)
        self.peak = max(self.peak, worth)


class Run:
    """Drive the engine's state and the reference by the same steps."""

    def __init__(self) -> None:
        """Open both, each instrument marked at 100."""
        self.state = RiskState(Decimal(CAPITAL), Decimal(CAPITAL), contract_of=contract_of)
        self.reference = Reference()
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

    def _order(self, name: str, side: Side, size: int, price: int) -> None:
        price_exponent, size_exponent = UNITS[name]
        mark = self.reference.marks[name] * 10**-price_exponent
        quote = Quote(mark, 1, mark, 1, NOW)
        asked = OrderIntent(
            "paper", name, side, size * 10**-size_exponent, price * 10**-price_exponent, price_exponent, size_exponent
        )
        standing = self.state.standing(name, marked(quote, price_exponent))
        verdict = decide(case_of(asked, quote, NOW), standing, BOOK.bounds("paper", name))
        resting = Resting(name, 1 if side is Side.BUY else -1, size * MILLI, price)
        known = self.reference
        before, after = known.worst(), known.worst(resting)
        newly = {measure.split()[0] for measure in known.over(after) if after[measure] > before[measure]}
        if known.reduces(resting) and resting.sign * (price - known.marks[name]) <= 0:
            newly.discard("drawdown")  # it gives up the fee, and who holds on has to pay that as well
        if not known.over(before) or known.reduces(resting):
            assert {one.rule for one in verdict.violations} & JUDGED == newly
        if verdict.accepted:
            assert not newly
            self.number += 1
            self.state.apply_accepted(f"order-{self.number}", asked, quote, as_of_ns=NOW)
            self.reference.working[f"order-{self.number}"] = resting

    def _fill(self, client_order_id: str, choice: int) -> None:
        """Fill some or all, at the limit or better; it was judged before, so it breaks nothing and worsens nothing."""
        resting = self.reference.working[client_order_id]
        before = self.reference.worst()
        quantity = resting.leaves * min(choice, 50) // 50
        price = resting.limit - resting.sign * (choice % 3)
        resting.leaves -= quantity
        cost = paid(resting, quantity, price)
        self.reference.cash -= cost
        self.reference.positions[resting.instrument] += resting.sign * quantity
        self.reference.look()
        side = Side.BUY if resting.sign > 0 else Side.SELL
        if quantity:
            fee = cost - resting.sign * quantity * price * WORTH[resting.instrument]
            self.state.apply_fill(
                Fill(
                    client_order_id,
                    1,
                    "paper",
                    resting.instrument,
                    side,
                    scaled(quantity, -3),
                    Decimal(price),
                    "",
                    NOW,
                    fee=EXACT.divide(Decimal(fee), Decimal(MONEY)),
                    multiplier=contract_of(resting.instrument).units,
                )
            )
        self._leave(client_order_id, resting)
        after = self.reference.worst()
        assert not [measure for measure in self.reference.over(after) if after[measure] > before[measure]]

    def _cancel(self, client_order_id: str, choice: int) -> None:
        del choice
        resting = self.reference.working[client_order_id]
        resting.leaves = 0
        self._leave(client_order_id, resting)

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
        cash, peak = (EXACT.divide(Decimal(one), Decimal(MONEY)) for one in (known.cash, known.peak))
        state = RiskState(Decimal(CAPITAL), cash, held, peak_equity=peak, contract_of=contract_of)
        for client_order_id, one in known.working.items():
            side = Side.BUY if one.sign > 0 else Side.SELL
            state.apply_mark(one.instrument, atto(known.marks[one.instrument], 0))
            state.apply_working(
                client_order_id, one.instrument, side, leaves=units(one.leaves), price=atto(one.limit, 0)
            )
        return state


def paid(one: Resting, quantity: int, price: int) -> int:
    """Give what a trade takes out of cash, fee and all."""
    value = quantity * price * WORTH[one.instrument]
    return one.sign * value + value * FEES[one.instrument] // 100


def contract_of(name: str) -> Contract:
    """Say what an instrument is."""
    return BOOK.bounds("paper", name).contract


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
    """What is accepted newly breaks and worsens nothing; within limits, or reducing, nothing else is refused either."""
    run = Run()
    for step in steps:
        run.step(step)


@settings(max_examples=examples(2000), deadline=None)
@given(STEPS)
def test_incremental_is_rebuilt(steps: list[Step]) -> None:
    """However it came about, a state equals one that was loaded from what is there now."""
    run = Run()
    for step in steps:
        run.step(step)
    assert facts(run.state) == facts(run.rebuilt())
