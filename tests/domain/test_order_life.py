"""An order's life follows FIX 4.4 whatever the venue does, and whatever becomes of its reports on their way."""

from collections import deque
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from functions.domain.decisions import ExecType, OrderStatus, Side, TimeInForce
from functions.domain.errors import Rejected
from functions.domain.money import scaled
from functions.domain.orders import life
from functions.domain.orders.account import open_account
from functions.domain.orders.booking import settle
from functions.domain.orders.life import Order, Replacement, Report, Step, begin, fold, refuse
from tests import trading
from tests.counts import count

ORDERS = 8
"""Orders that live at the same time in one run of the machine: every other one sells."""
SIDES = (Side.BUY, Side.SELL)
CAPITAL = Decimal(1000)

ENDS = {
    ExecType.REJECTED: OrderStatus.REJECTED,
    ExecType.CANCELED: OrderStatus.CANCELED,
    ExecType.EXPIRED: OrderStatus.EXPIRED,
    ExecType.DONE_FOR_DAY: OrderStatus.DONE_FOR_DAY,
}


def resting(number: int = 1, quantity: int = 100, side: Side = Side.BUY) -> Order:
    """Begin a resting order."""
    asked = replace(trading.order(side, quantity), time_in_force=TimeInForce.GOOD_TILL_CANCEL)
    return begin(trading.submission(number, asked)).order


def report(exec_type: ExecType, **values: object) -> Report:
    """Say something of an order."""
    return replace(Report(exec_type, trading.NOW), **values)  # type: ignore[arg-type] # any of its fields


def trade(number: int, quantity: int, price: int = 250_000) -> Report:
    """Fill some."""
    return report(ExecType.TRADE, exec_id=f"x{number}", quantity=quantity, price=price)


def lived(*told: Report, order: Order | None = None) -> Step:
    """Fold reports one after the other."""
    step = Step(order or resting())
    for one in told:
        step = fold(step.order, one)
    return step


NEW = report(ExecType.NEW, venue_order_id="v1")
CANCELED = report(ExecType.CANCELED)


@pytest.mark.parametrize(
    ("told", "status", "leaves"),
    [
        ([], OrderStatus.PENDING_NEW, 100),
        ([NEW], OrderStatus.NEW, 100),
        ([report(ExecType.REJECTED)], OrderStatus.REJECTED, 0),
        ([NEW, report(ExecType.REJECTED)], OrderStatus.REJECTED, 0),
        ([NEW, trade(1, 40)], OrderStatus.PARTIALLY_FILLED, 60),
        ([trade(1, 40)], OrderStatus.PARTIALLY_FILLED, 60),
        ([NEW, trade(1, 40), trade(2, 60)], OrderStatus.FILLED, 0),
        ([NEW, trade(1, 40), CANCELED], OrderStatus.CANCELED, 0),
        ([NEW, CANCELED, trade(1, 40)], OrderStatus.CANCELED, 0),
        ([NEW, CANCELED, trade(1, 100)], OrderStatus.FILLED, 0),
        ([NEW, trade(1, 130)], OrderStatus.FILLED, 0),
        ([NEW, trade(1, 40), report(ExecType.EXPIRED)], OrderStatus.EXPIRED, 0),
        ([NEW, trade(1, 40), report(ExecType.DONE_FOR_DAY)], OrderStatus.DONE_FOR_DAY, 0),
        ([NEW, report(ExecType.PENDING_CANCEL)], OrderStatus.PENDING_CANCEL, 100),
        ([NEW, report(ExecType.PENDING_CANCEL), CANCELED], OrderStatus.CANCELED, 0),
        ([report(ExecType.REJECTED), trade(1, 40)], OrderStatus.PARTIALLY_FILLED, 0),
        ([NEW, trade(1, 100), report(ExecType.TRADE_CANCEL, replaces_exec_id="x1")], OrderStatus.NEW, 100),
    ],
)
def test_states_follow_the_matrices(told: list[Report], status: OrderStatus, leaves: int) -> None:
    """After each history an order stands as FIX 4.4's order state change matrices say."""
    order = lived(*told).order
    assert (order.status, order.leaves) == (status, leaves)


def test_a_fill_wins_against_a_cancel() -> None:
    """A cancel that is overtaken by the last fill stays pending until it is refused, then the order is filled."""
    asked = life.request_cancel(lived(NEW).order, "q1", as_of_ns=1)
    filled = fold(asked.order, trade(1, 100))
    assert (filled.order.status, filled.order.leaves) == (OrderStatus.PENDING_CANCEL, 0)
    refused = fold(filled.order, report(ExecType.CANCEL_REJECT, request_id="q1", text="too late"))
    assert refused.order.status is OrderStatus.FILLED
    assert refused.update is not None
    assert refused.update.reasons == ("too late",)


@pytest.mark.parametrize("kind", [ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT])
def test_what_was_taken_back_counts_no_more(kind: ExecType) -> None:
    """An execution that was taken back or corrected, told again, books nothing; nor does its correction."""
    again = report(kind, exec_id="x9", replaces_exec_id="x1", quantity=30, price=250_100)
    step = lived(NEW, trade(1, 40), again)
    assert fold(step.order, trade(1, 40)) == Step(step.order)
    assert fold(step.order, again).order == step.order
    same = replace(trade(1, 40), exec_type=ExecType.TRADE_CORRECT, replaces_exec_id="x1")
    assert fold(lived(NEW, trade(1, 40)).order, same).fill is None


def test_corrections_give_back_what_was_paid() -> None:
    """Cash after a correction is as if the corrected execution had never been: its fee and multiplier go with it."""
    first = replace(trade(1, 40), fee=Decimal("0.5"), multiplier=Decimal(50))
    fee = Decimal("0.25")
    corrected = replace(first, exec_type=ExecType.TRADE_CORRECT, exec_id="x2", replaces_exec_id="x1", fee=fee)
    busted = report(ExecType.TRADE_CANCEL, exec_id="x3", replaces_exec_id="x2")
    account = open_account("paper", Decimal(1_000_000))
    order = lived(NEW).order
    cash = []
    for told in (first, corrected, busted):
        step = fold(order, told)
        order, account = step.order, settle(account, step)
        cash.append(account.cash)
    value = Decimal(40 * 250_000).scaleb(-6) * 50
    assert cash == [1_000_000 - value - Decimal("0.5"), 1_000_000 - value - fee, 1_000_000]


def test_a_replace_keeps_what_was_filled() -> None:
    """Fills while a replace is pending count under the old figures, and stay when the new ones hold."""
    asked = life.request_replace(lived(NEW, trade(1, 40)).order, Replacement("r1", 150, 250_020), as_of_ns=1)
    while_pending = fold(asked.order, trade(2, 10))
    assert while_pending.update is not None
    assert while_pending.update.status is OrderStatus.PENDING_REPLACE
    assert while_pending.order.leaves == 50
    after = fold(while_pending.order, report(ExecType.REPLACED, request_id="r1")).order
    assert (after.status, after.quantity, after.limit_price, after.leaves) == (
        OrderStatus.PARTIALLY_FILLED, 150, 250_020, 100,
    )  # fmt: skip


def test_a_replace_below_what_was_filled_ends_filled() -> None:
    """An order that was filled past its new quantity while the replace was on its way is filled."""
    asked = life.request_replace(lived(NEW).order, Replacement("r1", 50, 250_000), as_of_ns=1)
    after = fold(fold(asked.order, trade(1, 70)).order, report(ExecType.REPLACED)).order
    assert (after.status, after.quantity, after.leaves) == (OrderStatus.FILLED, 70, 0)


def test_a_replace_revives_what_was_filled() -> None:
    """An order that was filled while a replace to more was on its way works again once that holds."""
    asked = life.request_replace(lived(NEW).order, Replacement("r1", 150, 250_000), as_of_ns=1)
    after = fold(fold(asked.order, trade(1, 100)).order, report(ExecType.REPLACED)).order
    assert (after.status, after.leaves) == (OrderStatus.PARTIALLY_FILLED, 50)


@pytest.mark.parametrize(
    ("order", "text"),
    [
        (lived(NEW, CANCELED).order, "ended: canceled"),
        (lived(NEW, trade(1, 100)).order, "ended: filled"),
        (life.request_cancel(resting(), "q0", as_of_ns=1).order, "a cancel is on its way"),
    ],
)
def test_requests_that_come_too_late_change_nothing(order: Order, text: str) -> None:
    """What has ended, or is being canceled, cannot be canceled or replaced, and the answer says why."""
    for step in (
        life.request_cancel(order, "q1", as_of_ns=1),
        life.request_replace(order, Replacement("r1", 500, 250_000), as_of_ns=1),
    ):
        assert step.order == order
        assert step.update is None
        assert text in step.flaw


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (Replacement("r2", 40, 250_000), "40, is not above the 40 already filled"),
        (Replacement("r2", 41, 0), "limit price 0 is not positive"),
        (Replacement("r2", 41, 1), ""),
    ],
)
def test_replaces_that_nobody_could_carry_out(wanted: Replacement, text: str) -> None:
    """A replace must leave something to fill, at a price; while one is on its way there is no second."""
    order = lived(NEW, trade(1, 40)).order
    step = life.request_replace(order, wanted, as_of_ns=1)
    assert text in step.flaw
    assert (step.order == order) == bool(text) == bool(step.flaw)
    asked = life.request_replace(order, Replacement("r1", 150, 250_000), as_of_ns=1).order
    again = life.request_replace(asked, wanted, as_of_ns=1)
    assert (again.order, again.flaw) == (asked, "a replace is on its way already: r1")


@pytest.mark.parametrize(
    ("told", "flaw"),
    [
        ([NEW, trade(1, 40), trade(2, 60)], ""),
        ([NEW, trade(1, 40), trade(2, 61)], "filled beyond its quantity"),
        ([report(ExecType.REJECTED), trade(1, 40)], "filled although it was rejected"),
        ([NEW, CANCELED, trade(1, 40)], ""),
    ],
)
def test_fills_that_should_not_be(told: list[Report], flaw: str) -> None:
    """What a venue filled is booked even where it should not have been, and says so."""
    step = lived(*told)
    assert step.update is not None
    assert (step.flaw, step.update.reasons) == (flaw, (flaw,) if flaw else ())
    assert step.fill is not None


def test_unknown_is_no_rejection() -> None:
    """An order nobody knows the fate of still works, says so, and any answer of the venue ends the doubt."""
    lost = lived(report(ExecType.UNKNOWN, text="no answer in 5 s"))
    assert lost.update is not None
    assert (lost.update.outcome_unknown, lost.update.status, lost.order.leaves) == (True, OrderStatus.PENDING_NEW, 100)
    assert fold(lost.order, report(ExecType.UNKNOWN)).update is None
    assert not fold(lost.order, NEW).order.unknown
    assert fold(lost.order, trade(1, 100)).order.status is OrderStatus.FILLED


def test_executions_are_never_made_up() -> None:
    """A venue's sum that is above the executions known is told as missing, and books nothing."""
    order = lived(NEW, trade(1, 40)).order
    step = fold(order, report(ExecType.ORDER_STATUS, status=OrderStatus.PARTIALLY_FILLED, quantity=70))
    assert (step.order, step.moved) == (order, 0)
    assert "executions of 30 units are missing" in step.flaw
    ended = fold(order, report(ExecType.ORDER_STATUS, status=OrderStatus.CANCELED, quantity=40))
    assert ended.order.status is OrderStatus.CANCELED


def test_an_order_the_venue_never_saw() -> None:
    """Asked for an order that never arrived, the venue's no ends the doubt; of one it took, it is a contradiction."""
    lost = lived(report(ExecType.UNKNOWN)).order
    assert not fold(lost, report(ExecType.ORDER_STATUS)).order.unknown
    assert "does not know" in fold(lived(NEW).order, report(ExecType.ORDER_STATUS)).flaw


def test_executions_need_names_and_figures() -> None:
    """A trade without a name, quantity or price is refused."""
    for bad in (trade(1, 0), trade(1, 5, price=0), replace(trade(1, 5), exec_id="")):
        with pytest.raises(Rejected, match="no trade"):
            fold(resting(), bad)


def test_an_order_remembers_a_bounded_number_of_executions(monkeypatch: pytest.MonkeyPatch) -> None:
    """One execution more than can be remembered is refused, with the order named."""
    monkeypatch.setattr(life, "TRADES_MAX", 2)
    with pytest.raises(Rejected, match="order-1 has 2 executions"):
        lived(NEW, trade(1, 1), trade(2, 1), trade(3, 1))


def test_a_refused_order_never_leaves() -> None:
    """An order that risk refused is rejected with every reason."""
    step = refuse(trading.submission(), ("collar", "size"))
    assert step.update is not None
    assert (step.update.status, step.update.reasons, step.order.leaves) == (
        OrderStatus.REJECTED, ("collar", "size"), 0,
    )  # fmt: skip


@dataclass
class Venue:
    """Be the venue's side of one order, the simplest that can be: lists, and what is said about them."""

    quantity: int
    trades: dict[str, tuple[int, int, Decimal]] = field(default_factory=dict)
    state: ExecType | None = None
    cancel: str = ""
    wanted: Replacement | None = None
    said: deque[Report] = field(default_factory=deque)
    named: int = 0

    @property
    def filled(self) -> int:
        """Sum what was filled."""
        return sum(quantity for quantity, *_ in self.trades.values())

    @property
    def open(self) -> bool:
        """Tell whether it still works."""
        return self.state is ExecType.NEW and self.filled < self.quantity

    def say(self, exec_type: ExecType, **values: object) -> None:
        """Send a report on its way."""
        self.said.append(report(exec_type, **values))

    def execute(self, quantity: int, price: int, fee: Decimal) -> None:
        """Fill some, whether or not it should."""
        self.named += 1
        name = f"x{self.named}"
        self.trades[name] = (quantity, price, fee)
        self.say(ExecType.TRADE, exec_id=name, quantity=quantity, price=price, fee=fee)


class Lives(RuleBasedStateMachine):
    """Let orders live at a venue that may do anything, with reports lost, repeated, delayed and out of order."""

    def __init__(self) -> None:
        """Hand all orders in."""
        super().__init__()
        self.orders = [resting(number, side=SIDES[number % 2]) for number in range(ORDERS)]
        self.venues = [Venue(100) for _ in range(ORDERS)]
        self.accounts = [open_account("paper", CAPITAL) for _ in range(ORDERS)]
        self.booked: list[dict[str, tuple[Decimal, Decimal, Decimal]]] = [{} for _ in range(ORDERS)]
        self.fills = [0] * ORDERS
        self.statuses: list[list[OrderStatus]] = [[OrderStatus.PENDING_NEW] for _ in range(ORDERS)]

    def take(self, which: int, step: Step) -> None:
        """Book what a step says, as an account would."""
        before = self.orders[which]
        self.orders[which] = step.order
        self.accounts[which] = settle(self.accounts[which], step)
        if step.update is None:
            assert step.order == before
            assert step.fill is None
            return
        assert step.update.n == before.steps + 1 == step.order.steps
        self.statuses[which].append(step.update.status)
        if step.fill is not None:
            fill = step.fill
            self.fills[which] += 1
            assert (fill.n, fill.side) == (self.fills[which], SIDES[which % 2])
            self.booked[which].pop(fill.replaces_exec_id, None)
            if fill.quantity:
                self.booked[which][fill.exec_id] = (fill.quantity, fill.price, fill.fee)

    @rule(which=st.integers(0, ORDERS - 1), luck=st.integers(0, 9))
    def answer(self, which: int, luck: int) -> None:
        """Let the venue take or refuse an order."""
        venue = self.venues[which]
        if venue.state is None:
            venue.state = ExecType.NEW if luck else ExecType.REJECTED
            venue.say(venue.state)

    @rule(which=st.integers(0, ORDERS - 1), quantity=st.integers(1, 60), price=st.integers(1, 9), late=st.booleans())
    def execute(self, which: int, quantity: int, price: int, late: bool) -> None:  # noqa: FBT001 - drawn
        """Let the venue fill some, for a fee or a rebate; now and then of an order that ended, or more than ordered."""
        venue = self.venues[which]
        if venue.open or (late and venue.state not in {None, ExecType.REJECTED}):
            venue.execute(quantity, price, Decimal(quantity % 5 - 1) / 8)

    @rule(which=st.integers(0, ORDERS - 1), how=st.sampled_from([ExecType.CANCELED, ExecType.EXPIRED]))
    def end(self, which: int, how: ExecType) -> None:
        """Let the venue end an order unasked."""
        venue = self.venues[which]
        if venue.open:
            venue.state = how
            venue.say(how)

    @rule(which=st.integers(0, ORDERS - 1))
    def bust(self, which: int) -> None:
        """Let the venue take an execution back."""
        venue = self.venues[which]
        if venue.trades and not venue.said:
            name = next(iter(venue.trades))
            del venue.trades[name]
            venue.say(ExecType.TRADE_CANCEL, replaces_exec_id=name)

    @rule(which=st.integers(0, ORDERS - 1), price=st.integers(1, 9))
    def correct(self, which: int, price: int) -> None:
        """Let the venue correct the price of an execution."""
        venue = self.venues[which]
        if venue.trades and not venue.said:
            name = next(iter(venue.trades))
            quantity, *_ = venue.trades.pop(name)
            venue.named += 1
            venue.trades[f"x{venue.named}"] = (quantity, price, Decimal(0))
            venue.say(
                ExecType.TRADE_CORRECT, replaces_exec_id=name, exec_id=f"x{venue.named}", quantity=quantity, price=price
            )

    @rule(which=st.integers(0, ORDERS - 1))
    def cancel(self, which: int) -> None:
        """Ask for a cancel."""
        step = life.request_cancel(self.orders[which], f"q{self.orders[which].steps}", as_of_ns=trading.NOW)
        if step.update is not None:
            self.venues[which].cancel = step.update.request_id
        self.take(which, step)

    @rule(which=st.integers(0, ORDERS - 1), quantity=st.integers(1, 200))
    def replace_it(self, which: int, quantity: int) -> None:
        """Ask for another quantity."""
        wanted = Replacement(f"r{self.orders[which].steps}", quantity, 250_000)
        step = life.request_replace(self.orders[which], wanted, as_of_ns=trading.NOW)
        if step.update is not None:
            self.venues[which].wanted = wanted
        self.take(which, step)

    @rule(which=st.integers(0, ORDERS - 1))
    def answer_requests(self, which: int) -> None:
        """Let the venue answer what was asked of it, as it must by how the order stands there."""
        venue = self.venues[which]
        if venue.state is None:
            return
        if venue.wanted is not None:
            wanted, venue.wanted = venue.wanted, None
            if venue.open and wanted.quantity > venue.filled:
                venue.quantity = wanted.quantity
                venue.say(ExecType.REPLACED, request_id=wanted.request_id)
            else:
                venue.say(ExecType.CANCEL_REJECT, request_id=wanted.request_id)
        if venue.cancel:
            request, venue.cancel = venue.cancel, ""
            if venue.open:
                venue.state = ExecType.CANCELED
                venue.say(ExecType.CANCELED, request_id=request)
            else:
                venue.say(ExecType.CANCEL_REJECT, request_id=request)

    @rule(which=st.integers(0, ORDERS - 1), many=st.integers(1, 4), twice=st.booleans(), held=st.booleans())
    def deliver(self, which: int, many: int, twice: bool, held: bool) -> None:  # noqa: FBT001 - drawn
        """Deliver some reports, perhaps each twice, perhaps a trade after the report behind it."""
        said = self.venues[which].said
        if held and len(said) > 1 and said[0].exec_type is ExecType.TRADE:
            said[0], said[1] = said[1], said[0]
        for _ in range(min(many, len(said))):
            told = said.popleft()
            for _ in range(1 + twice):
                self.take(which, fold(self.orders[which], told))

    @rule(which=st.integers(0, ORDERS - 1))
    def lose(self, which: int) -> None:
        """Lose the connection: nobody knows, until the venue says anything."""
        self.take(which, fold(self.orders[which], report(ExecType.UNKNOWN)))

    @rule(which=st.integers(0, ORDERS - 1))
    def reconcile(self, which: int) -> None:
        """Ask the venue how an order stands; what it says never books anything."""
        venue, order = self.venues[which], self.orders[which]
        status = None if venue.state is None else ENDS.get(venue.state, OrderStatus.NEW)
        if venue.said or (status is None and order.acknowledged):
            return
        step = fold(order, report(ExecType.ORDER_STATUS, status=status, quantity=venue.filled))
        assert not step.flaw
        self.take(which, step)

    @invariant()
    def books_are_right(self) -> None:
        """Cash and positions are the fold of the fills told, after every step: a purchase costs, a sale pays."""
        for which, order in enumerate(self.orders):
            fills, account = self.booked[which].values(), self.accounts[which]
            sign = 1 if SIDES[which % 2] is Side.BUY else -1
            held = sum((sign * quantity for quantity, *_ in fills), Decimal(0))
            paid = sum((sign * quantity * price + fee for quantity, price, fee in fills), Decimal(0))
            assert {name: one.quantity for name, one in account.positions.items() if one.quantity} == (
                {trading.ETH: held} if held else {}
            )
            assert account.cash == CAPITAL - paid
            assert held == scaled(sign * order.cumulative, -4)

    @invariant()
    def figures_add_up(self) -> None:
        """While an order works, filled and left are what was ordered; when it ended nothing is left."""
        for order in self.orders:
            filled, leaves = order.cumulative, order.leaves
            assert leaves == (0 if order.ended or filled >= order.quantity else order.quantity - filled)
            if order.cancel_id:
                assert order.status is OrderStatus.PENDING_CANCEL

    def teardown(self) -> None:
        """Once every report has arrived, each order stands as it does at its venue."""
        for which, venue in enumerate(self.venues):
            if venue.state is None:
                continue
            self.answer_requests(which)
            while venue.said:
                self.take(which, fold(self.orders[which], venue.said.popleft()))
            order = self.orders[which]
            assert order.cumulative == venue.filled
            assert {one.exec_id: (one.quantity, one.price, one.fee) for one in order.trades} == venue.trades
            assert not order.cancel_id
            assert order.replacement is None
            assert order.quantity == venue.quantity
            assert order.ended is ENDS.get(venue.state)
            assert self.statuses[which][-1] is order.status
            assert all(
                OrderStatus.NEW is not after or before is not OrderStatus.REJECTED
                for before, after in zip(self.statuses[which], self.statuses[which][1:], strict=False)
            )


Lives.TestCase.settings = settings(max_examples=count(20_000) // ORDERS, stateful_step_count=64, deadline=None)
TestLives = Lives.TestCase


def test_sides_do_not_matter() -> None:
    """A sell lives like a buy."""
    sell = begin(trading.submission(1, trading.order(side=Side.SELL, quantity=100))).order
    assert lived(NEW, trade(1, 40), order=sell).order.leaves == 60
