"""The paper venue: price-time priority, a share of each second's volume, and one outcome however slow an order was."""

from dataclasses import replace
from decimal import Decimal

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from trading import NOW, order, submission
from venued import NEVER, REF, filled, key, kinds, resting, second

from functions.domain.decisions import ExecType, OrderStatus, Side, TimeInForce
from functions.domain.market import NS_PER_S
from functions.domain.orders.life import Order, Replacement, begin, fold, request_cancel, request_replace
from functions.domain.orders.resting import (
    ENDED_MAX,
    EXECUTIONS_KEPT,
    HELD_MAX,
    ORDERS_MAX,
    PaperBook,
    Said,
    VenueRules,
    Wanted,
    change,
    enter,
    speak,
    tell,
    withdraw,
)

DAY_S = 86_400


@pytest.fixture
def book() -> PaperBook:
    """Open a venue that gives a quarter of each second's volume, free of charge."""
    return PaperBook(VenueRules())


def test_fills_what_is_traded_through(book: PaperBook) -> None:
    """A buy is filled at its limit when the market trades below it, by a quarter of what was traded."""
    enter(book, resting())
    assert filled(second(book, 0, low=100)) == []
    assert filled(second(book, 1)) == [("order-1", 10, 100)]


@pytest.mark.parametrize(("side", "bid", "ask"), [(Side.BUY, 98, 100), (Side.SELL, 100, 102)])
def test_fills_what_is_quoted_through(book: PaperBook, side: Side, bid: int, ask: int) -> None:
    """An order that the closing quote reaches is filled though every trade missed it."""
    enter(book, resting(side=side))
    assert filled(second(book, 0, low=100, high=100, bid=bid, ask=ask)) == [("order-1", 10, 100)]


def test_fills_in_parts(book: PaperBook) -> None:
    """An order larger than our share of a second is filled over several, and ends filled."""
    enter(book, resting(quantity=15))
    assert [filled(second(book, at)) for at in range(3)] == [[("order-1", 10, 100)], [("order-1", 5, 100)], []]
    assert book.ended["order-1"].status is OrderStatus.FILLED


def test_better_price_first_then_time(book: PaperBook) -> None:
    """Of a second's share the better limit is served first, and among equals the one that came first."""
    for number, limit in ((1, 100), (2, 101), (3, 100)):
        enter(book, resting(number, quantity=6, limit=limit))
    assert filled(second(book, 0)) == [("order-2", 6, 101), ("order-1", 4, 100)]


def test_does_not_fill_before_it_arrived() -> None:
    """A second that began before the order arrived, its latency counted, does not fill it."""
    book = PaperBook(VenueRules(latency_ms=1_500))
    enter(book, resting())
    assert [filled(second(book, at)) for at in (0, 1, 2)] == [[], [], [("order-1", 10, 100)]]


def test_takes_the_quote(book: PaperBook) -> None:
    """An order that reaches the quote of its request takes it for the taker's fee; what is left rests."""
    book.rules = VenueRules(taker_bps=Decimal(10), maker_bps=Decimal(-1))
    asked = replace(order(quantity=60_000), time_in_force=TimeInForce.GOOD_TILL_CANCEL)
    said = enter(book, submission(asked=asked))
    assert kinds(said) == [ExecType.NEW, ExecType.TRADE]
    assert (said[1][1].quantity, said[1][1].price, said[1][1].fee) == (50_000, 250_010, Decimal("12.50050"))
    (_, rest), *_ = second(book, 0, low=250_000, volume=400_000)
    assert (rest.quantity, rest.fee) == (10_000, Decimal("-0.250010"))


def test_what_is_at_once_never_rests(book: PaperBook) -> None:
    """An immediate-or-cancel order is canceled by what it did not take, a fill-or-kill one takes nothing in part."""
    for number, rule in enumerate((TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)):
        said = enter(book, submission(number, replace(order(quantity=60_000), time_in_force=rule)))
        assert [one for one in kinds(said) if one is not ExecType.TRADE] == [ExecType.NEW, ExecType.CANCELED]
        assert len(filled(said)) == (rule is TimeInForce.IMMEDIATE_OR_CANCEL)
    assert not book.resting


def test_day_orders_expire(book: PaperBook) -> None:
    """A day order is not filled by the next UTC day, whose first second ends it at midnight, however late it came."""
    day = resting(rule=TimeInForce.DAY)
    enter(book, day)
    second(book, DAY_S)
    enter(book, replace(day, client_order_id="order-2"))
    midnight = (NOW // (DAY_S * NS_PER_S) + 1) * DAY_S * NS_PER_S
    for number in (1, 2):
        *_, status = tell(book, f"order-{number}", "ask")
        assert (status[1].status, status[1].quantity) == (OrderStatus.EXPIRED, 0)
    said = enter(book, replace(day, client_order_id="order-3"))
    assert [(one.exec_type, one.as_of_ns) for _, one in said] == [(ExecType.NEW, NOW), (ExecType.EXPIRED, midnight)]


def test_no_replace_beyond_the_day() -> None:
    """A replace after its day does not give a day order another one, though no second has passed since; it ends."""
    book = PaperBook(VenueRules())
    enter(book, resting(rule=TimeInForce.DAY))
    midnight = (NOW // (DAY_S * NS_PER_S) + 1) * DAY_S * NS_PER_S
    said = change(book, key(), Wanted("r", 1, 20, 100), as_of_ns=midnight)
    assert [(one.exec_type, one.as_of_ns) for _, one in said] == [
        (ExecType.EXPIRED, midnight),
        (ExecType.CANCEL_REJECT, midnight),
    ]
    assert not filled(second(book, DAY_S))


def test_cancels_once(book: PaperBook) -> None:
    """A cancel ends the order; again, too late or of another account's order it is refused and nothing moves."""
    enter(book, resting())
    assert kinds(withdraw(book, key()._replace(account="other"), "c0", as_of_ns=NOW)) == [ExecType.CANCEL_REJECT]
    assert kinds(withdraw(book, key(), "c1", as_of_ns=NOW)) == [ExecType.CANCELED]
    assert kinds(withdraw(book, key(), "c1", as_of_ns=NOW)) == [ExecType.CANCEL_REJECT]
    assert filled(second(book, 1)) == []


def test_replaces_once(book: PaperBook) -> None:
    """The last replace is answered alike when it comes again, one before it is not obeyed again."""
    enter(book, resting())
    first, last = Wanted("r1", 5, 20, 101), Wanted("r2", 6, 30, 102)
    answers = [change(book, key(), one, as_of_ns=NOW) for one in (first, last, last, first)]
    assert answers[1] == answers[2]
    assert answers[3] == []
    assert (book.resting["order-1"].order.quantity, book.resting["order-1"].order.limit_price) == (30, 102)


def test_only_less_keeps_its_place(book: PaperBook) -> None:
    """An order made smaller keeps its place in time, one made larger goes to the end of its price."""
    for number in (1, 2, 3):
        enter(book, resting(number, quantity=6))
    change(book, key(1), Wanted("r1", 1, 7, 100), as_of_ns=NOW)
    change(book, key(2), Wanted("r2", 1, 5, 100), as_of_ns=NOW)
    assert filled(second(book, 0)) == [("order-2", 5, 100), ("order-3", 5, 100)]


def test_replace_below_what_is_filled(book: PaperBook) -> None:
    """A replace to no more than what is filled already is too late."""
    enter(book, resting(quantity=30))
    second(book, 0)
    assert kinds(change(book, key(), Wanted("r", 1, 10, 100), as_of_ns=NOW)) == [ExecType.CANCEL_REJECT]


def test_tells_how_orders_stand(book: PaperBook) -> None:
    """Asked about an order it tells its newest executions as they were told first, then its status; or knows none."""
    said = enter(book, resting(quantity=10 * EXECUTIONS_KEPT + 15))
    for at in range(EXECUTIONS_KEPT + 1):
        said += second(book, at)
    *trades, (_, status) = tell(book, "order-1", "ask")
    assert trades == said[-EXECUTIONS_KEPT:]
    assert (status.status, status.quantity) == (OrderStatus.PARTIALLY_FILLED, 10 * EXECUTIONS_KEPT + 10)
    ((_, none),) = tell(book, "order-7", "ask")
    assert (none.exec_type, none.status, none.request_id) == (ExecType.ORDER_STATUS, None, "ask")


def test_takes_each_order_once(book: PaperBook) -> None:
    """An order that comes again, while it rests or after it ended, changes nothing and is not answered again."""
    enter(book, resting())
    assert enter(book, resting()) == []
    second(book, 0)
    assert enter(book, resting()) == []
    assert book.ended["order-1"].filled == 10


def test_refuses_what_cannot_rest(book: PaperBook) -> None:
    """An order without quantity, or one more than have room, is refused; ended ones are forgotten at their bound."""
    assert kinds(enter(book, resting(quantity=0))) == [ExecType.REJECTED]
    for number in range(2, ORDERS_MAX + ENDED_MAX + 4):
        enter(book, resting(number))
    assert (len(book.resting), len(book.ended)) == (ORDERS_MAX, ENDED_MAX)


def test_refuses_other_units(book: PaperBook) -> None:
    """An order in other units than its market's is canceled by the market's first second, and filled by none."""
    enter(book, resting())
    said = second(book, 0, ref=replace(REF, size_exponent=-3))
    assert kinds(said) == [ExecType.CANCELED]


def test_rejects_by_id() -> None:
    """A share of orders is refused on demand; which ones follows from their ids alone."""
    rules = VenueRules(reject_bps=5_000)
    first, again = ([kinds(enter(PaperBook(rules), resting(n))) for n in range(100)] for _ in range(2))
    assert first == again
    assert 30 < first.count([ExecType.REJECTED]) < 70


def test_holds_reports_back() -> None:
    """While it is silent reports wait in their order, up to a bound, and then all are told."""
    book = PaperBook(VenueRules(silent_from_ns=NOW, silent_until_ns=NOW + 5 * NS_PER_S))
    said = [one for number in range(HELD_MAX + 3) for one in enter(book, resting(number))]
    told = [speak(book, said), speak(book, []), speak(book, second(book, 4, low=NEVER))]
    assert told == [said[:3], [], said[3:]]


SIDES = st.sampled_from(Side)
LIMITS = st.integers(95, 105)
ACTS = st.one_of(
    st.tuples(st.just("new"), SIDES, st.integers(1, 9), LIMITS),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("replace"), st.integers(0, 9), st.integers(1, 9), LIMITS),
    st.tuples(st.just("second"), LIMITS, LIMITS, LIMITS, st.integers(0, 60)),
)


class Plain:
    """Be the same venue the slow way: unit by unit, from one list, for orders that are on time and never end a day."""

    def __init__(self) -> None:
        """Begin empty."""
        self.orders: list[tuple[int, Side, list[int]]] = []  # number; left, limit and filled are changed in place

    def pass_second(self, low: int, high: int, bid: int, ask: int, volume: int) -> dict[int, int]:
        """Give each order's fill of one second."""
        told: dict[int, int] = {}
        for _ in range(volume // 4):
            able = [
                one
                for one in self.orders
                if one[2][0]
                and (min(low, ask - 1) < one[2][1] if one[1] is Side.BUY else max(high, bid + 1) > one[2][1])
            ]
            for buys in (Side.BUY, Side.SELL):
                there = [one for one in able if one[1] is buys]
                if there:
                    best = (max if buys is Side.BUY else min)(one[2][1] for one in there)
                    number, _, state = next(one for one in there if one[2][1] == best)
                    state[0] -= 1
                    state[2] += 1
                    told[number] = told.get(number, 0) + 1
                    break
        return told


class Story:
    """Play acts on the venue, on the slow one, and on orders' lives, and hold them against each other."""

    def __init__(self) -> None:
        """Begin empty."""
        self.book, self.plain = PaperBook(VenueRules()), Plain()
        self.lives: list[Order] = []
        self.clock = 0

    def play(self, act: tuple[object, ...]) -> None:
        """Play one act."""
        self.clock += 1
        kind, *facts = act
        {"new": self.new, "cancel": self.cancel, "replace": self.replace, "second": self.second}[str(kind)](*facts)

    def new(self, side: Side, quantity: int, limit: int) -> None:
        """Enter an order; the market before it is none of its business."""
        number = len(self.lives)
        asked = resting(number, side, quantity, limit, after_s=self.clock)
        self.lives.append(begin(asked).order)
        self.plain.orders.append((number, side, [quantity, limit, 0]))
        self.hear(enter(self.book, asked))

    def cancel(self, number: int) -> None:
        """Cancel an order that there is."""
        if number < len(self.lives) and self.lives[number].leaves:
            self.lives[number] = request_cancel(self.lives[number], "c", as_of_ns=NOW).order
            self.plain.orders = [one for one in self.plain.orders if one[0] != number]
            self.hear(withdraw(self.book, key(number), "c", as_of_ns=NOW))

    def replace(self, number: int, quantity: int, limit: int) -> None:
        """Replace an order that there is, where its life allows it."""
        if number >= len(self.lives):
            return
        asked = request_replace(self.lives[number], Replacement("r", quantity, limit), as_of_ns=NOW)
        if asked.flaw:
            return
        found = next(one for one in self.plain.orders if one[0] == number)
        left, had, done = found[2]
        if quantity > left + done or limit != had:
            self.plain.orders.remove(found)
            self.plain.orders.append(found)
        found[2][:2] = [quantity - done, limit]
        self.lives[number] = asked.order
        at_ns = NOW + self.clock * NS_PER_S
        self.hear(change(self.book, key(number), Wanted("r", self.clock, quantity, limit), as_of_ns=at_ns))

    def second(self, low: int, high: int, bid: int, volume: int) -> None:
        """Let a second pass at both."""
        low, high, ask = min(low, high), max(low, high), bid + 1
        said = second(self.book, self.clock, low=low, high=high, bid=bid, ask=ask, volume=volume)
        want = self.plain.pass_second(low, high, bid, ask, volume)
        assert {int(name.removeprefix("order-")): units for name, units, _ in filled(said)} == want
        self.hear(said)

    def hear(self, said: list[Said]) -> None:
        """Fold reports into lives: none of them is flawed, and both sides count alike."""
        for (_, name), report in said:
            number = int(name.removeprefix("order-"))
            step = fold(self.lives[number], report)
            assert (step.flaw, step.update is not None) == ("", True)
            self.lives[number] = step.order
            found = self.book.resting.get(name) or self.book.ended[name]
            assert (step.order.quantity, step.order.leaves > 0) == (found.order.quantity, name in self.book.resting)


@settings(max_examples=examples(2_000))
@given(st.lists(ACTS, max_size=40))
def test_equals_a_slow_venue(acts: list[tuple[object, ...]]) -> None:
    """Any story gives what a venue that deals unit by unit gives, and its reports are an order's lawful life."""
    story = Story()
    for act in acts:
        story.play(act)
    assert [life.cumulative for life in story.lives] == [
        (story.book.resting.get(f"order-{number}") or story.book.ended[f"order-{number}"]).filled
        for number in range(len(story.lives))
    ]


@settings(max_examples=examples(500))
@given(
    st.lists(st.tuples(LIMITS, LIMITS, st.integers(0, 60)), min_size=1, max_size=30),
    st.integers(0, 30),
    st.sampled_from((TimeInForce.GOOD_TILL_CANCEL, TimeInForce.DAY)),
)
def test_slow_orders_are_filled_alike(seconds: list[tuple[int, int, int]], late: int, rule: TimeInForce) -> None:
    """An order that comes after seconds behind its time has the same executions as one on time; midnight lies there."""
    outcomes = []
    start = (DAY_S * NS_PER_S - NOW % (DAY_S * NS_PER_S)) // NS_PER_S - 10
    for come in (0, min(late, len(seconds))):
        book, said = PaperBook(VenueRules()), []
        for at, (one, other, volume) in enumerate([*seconds, (99, 99, 0)]):
            if at == come:
                said += enter(book, resting(quantity=40, after_s=start, rule=rule))
            said += second(book, start + at, low=min(one, other), high=max(one, other), volume=volume)
        outcomes.append([one for _, one in said])
    assert outcomes[0] == outcomes[1]
