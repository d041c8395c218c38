"""Sizing, the paper venue, and the account's arithmetic."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from trading import ETH, NOW, QUOTE, order, paper, submission

from functions.domain.decisions import (
    AccountState,
    Action,
    ConfidenceKind,
    Evidence,
    ExecType,
    Fill,
    OrderIntent,
    OrderStatus,
    OrderUpdate,
    Quote,
    Side,
    Signal,
    TimeInForce,
    Verdict,
    Violation,
)
from functions.domain.errors import Rejected
from functions.domain.money import scaled
from functions.domain.orders.account import Position, account_state, open_account
from functions.domain.orders.booking import Execution, Paper, book, execute, settle
from functions.domain.orders.intents import Grid, Sizing, Unsized, limit_through, size_order
from functions.domain.orders.life import Report, begin, fold

SIZING = Sizing("paper", Decimal(10_000), Decimal(10))
ACCEPTED = Verdict((), "test")


def signal(action: Action = Action.BUY, confidence: float = 50.0, quote: Quote = QUOTE) -> Signal:
    return Signal(
        signal_id="signal-1",
        strategy="first",
        instrument_id=ETH,
        interval_s=60,
        bar_start_ns=NOW - 60_000_000_000,
        as_of_ns=NOW,
        action=action,
        confidence=confidence,
        price_exponent=-2,
        size_exponent=-4,
        price=250_000,
        quote=quote,
        reasons=(),
        model_scores=(),
        stop_loss=0,
        take_profit=0,
        risk_reward_ratio=0.0,
        bar_revision=0,
        degraded=False,
        shard="BINANCE-0",
    )


def sized(found: OrderIntent | Unsized) -> OrderIntent:
    assert isinstance(found, OrderIntent)
    return found


def test_size_floors() -> None:
    """Half the confidence buys half the notional at the limit price, floored to whole lots."""
    asked = sized(size_order(signal(), SIZING))
    # The ask of 2500.10 and 10 bps are 2502.6001, floored to 2502.60; 5000 / 2502.60 = 1.99792..., floored.
    assert (asked.side, asked.limit_price, asked.quantity) == (Side.BUY, 250_260, 19_979)


def test_size_sell() -> None:
    """A sell's limit lies below the bid and is rounded up, never more aggressive than said."""
    asked = sized(size_order(signal(Action.SELL, 100.0), SIZING))
    assert (asked.side, asked.limit_price) == (Side.SELL, 249_741)  # 2499.90 less 10 bps is 2497.4001


@pytest.mark.parametrize(
    ("idle", "why"),
    [
        (signal(Action.HOLD), Unsized.HOLDS),
        (signal(quote=replace(QUOTE, ask_price=0)), Unsized.NO_OPPOSITE_QUOTE),
        (signal(Action.SELL, quote=replace(QUOTE, bid_price=0)), Unsized.NO_OPPOSITE_QUOTE),
        (signal(confidence=0.0), Unsized.BELOW_ONE_UNIT),
        (signal(confidence=-5.0), Unsized.BELOW_ONE_UNIT),
        (signal(confidence=1e-9), Unsized.BELOW_ONE_UNIT),
    ],
    ids=["hold", "no ask", "no bid", "no confidence", "negative confidence", "less than a lot"],
)
def test_size_nothing(idle: Signal, why: Unsized) -> None:
    """A signal that holds, has no opposite quote, or is worth less than one lot makes no order, and it is said why."""
    assert size_order(idle, SIZING) is why


def test_size_confidence_capped() -> None:
    """No confidence makes an order larger than the notional."""
    assert size_order(signal(confidence=250.0), SIZING) == size_order(signal(confidence=100.0), SIZING)


@pytest.mark.parametrize(
    ("changes", "worth"),
    [({}, 250), ({"capital": Decimal(100_000)}, 2_500), ({"order_notional_max": Decimal(100)}, 100)],
    ids=["of the notional", "of the capital", "cut"],
)
def test_size_of_a_chance(changes: dict[str, Decimal], worth: int) -> None:
    """Behind a calibrated chance the signal's position size counts, of the capital if there is one, up to the most."""
    evidence = Evidence(confidence_kind=ConfidenceKind.CALIBRATED, probability=0.7, position_size_pct=2.5)
    asked = sized(size_order(replace(signal(confidence=70.0), evidence=evidence), replace(SIZING, **changes)))
    assert asked.quantity == worth * 10**6 // asked.limit_price


@pytest.mark.parametrize(
    ("action", "tick", "lot", "limit", "quantity"),
    [
        (Action.BUY, "0.5", "0.01", 250_250, 19_900),  # 2502.6001 down to 2502.50; 1.99800... down to 1.99
        (Action.SELL, "0.5", "0.01", 249_750, 20_000),  # 2497.4001 up to 2497.50; 2.00200... down to 2.00
        (Action.BUY, "0.001", "0.00001", 250_260, 19_979),  # finer than the signal's own units
        (Action.BUY, "0.5", "0.3", 250_250, 18_000),
    ],
)
def test_size_on_a_grid(action: Action, tick: str, lot: str, limit: int, quantity: int) -> None:
    """Prices are multiples of the tick, never more aggressive, and quantities of the lot; decimals tell neither."""
    grids = {ETH: Grid(Decimal(tick), Decimal(lot))}
    asked = sized(size_order(signal(action), replace(SIZING, grids=grids)))
    assert (asked.limit_price, asked.quantity) == (limit, quantity)


def test_size_below_a_lot() -> None:
    """What is worth less than a lot makes no order, and units in which steps cannot be written make none either."""
    assert (
        size_order(signal(), replace(SIZING, grids={ETH: Grid(Decimal("0.5"), Decimal(2))})) is Unsized.BELOW_ONE_UNIT
    )
    with pytest.raises(Rejected, match="the tick of"):
        size_order(signal(), replace(SIZING, grids={ETH: Grid(Decimal("0.015"), Decimal(1))}))


def test_a_cut_sale_is_cut_at_the_bid() -> None:
    """A sale may fill above its limit, so the most it may be worth is counted at the bid, as risk counts it."""
    evidence = Evidence(confidence_kind=ConfidenceKind.CALIBRATED, probability=0.7, position_size_pct=100.0)
    asked = sized(
        size_order(replace(signal(Action.SELL), evidence=evidence), replace(SIZING, order_notional_max=Decimal(100)))
    )
    assert asked.limit_price < QUOTE.bid_price
    assert asked.quantity == 100 * 10**6 // QUOTE.bid_price


def test_size_of_a_count() -> None:
    """A weighted count of rules is no chance: its flat share changes no order, nor does the capital."""
    flat = replace(signal(), evidence=Evidence(position_size_pct=1.0))
    assert size_order(flat, replace(SIZING, capital=Decimal(10**6))) == size_order(signal(), SIZING)


@pytest.mark.parametrize("odd", [replace(signal(), as_of_ns=0), replace(signal(), size_exponent=-19)])
def test_size_refuses(odd: Signal) -> None:
    """A signal without time, or with units no instrument has, breaks a rule."""
    with pytest.raises(Rejected):
        size_order(odd, SIZING)


@settings(max_examples=examples(1000), deadline=None)
@given(
    price=st.integers(1, 10**15),
    bps=st.decimals(0, 9_999, places=3),
    confidence=st.floats(0.001, 100.0),
)
def test_size_never_more(price: int, bps: Decimal, confidence: float) -> None:
    """The limit never lies further through the quote than allowed, nor is the order worth more than its share."""
    quote = Quote(price, 1, price, 1, NOW)
    assert price <= limit_through(quote, Side.BUY, bps) <= price * (1 + Fraction(bps) / 10_000)
    assert price >= limit_through(quote, Side.SELL, bps) >= price * (1 - Fraction(bps) / 10_000)
    asked = size_order(signal(confidence=confidence, quote=quote), replace(SIZING, slippage_bps=bps))
    if isinstance(asked, OrderIntent):
        worth = Fraction(asked.quantity * asked.limit_price, 10**6)
        share = Fraction(10_000) * Fraction(confidence) / 100
        assert worth <= share < Fraction((asked.quantity + 1) * asked.limit_price, 10**6)


@pytest.mark.parametrize(
    ("asked", "quote", "execution"),
    [
        (order(), QUOTE, Execution(10_000, 250_010, "")),
        (order(quantity=60_000), QUOTE, Execution(50_000, 250_010, "quote_size_exhausted")),
        (order(limit=250_009), QUOTE, Execution(0, 0, "limit_not_reached")),
        (order(limit=260_000), QUOTE, Execution(10_000, 250_010, "")),
        (order(), replace(QUOTE, ask_price=0), Execution(0, 0, "no_opposite_quote")),
        (order(), replace(QUOTE, ask_size=0), Execution(0, 0, "no_opposite_quote")),
        (order(Side.SELL, limit=249_990), QUOTE, Execution(10_000, 249_990, "")),
        (order(Side.SELL, limit=249_991), QUOTE, Execution(0, 0, "limit_not_reached")),
        (order(Side.SELL, limit=1), replace(QUOTE, bid_size=3), Execution(3, 249_990, "quote_size_exhausted")),
        (order(Side.SELL), replace(QUOTE, bid_price=0), Execution(0, 0, "no_opposite_quote")),
    ],
)
def test_execute(asked: OrderIntent, quote: Quote, execution: Execution) -> None:
    """Immediate-or-cancel takes what the opposite quote offers, at its price, within the limit."""
    assert execute(asked, quote) == execution


def test_book_filled() -> None:
    """A filled order pays at the ask, holds the coin at the mid, and has two steps and a fill."""
    booking = book(paper(), submission(), ACCEPTED)
    assert [step.status for step in booking.updates] == [OrderStatus.NEW, OrderStatus.FILLED]
    assert (booking.updates[0].leaves_quantity, booking.updates[1].leaves_quantity) == (Decimal(1), Decimal(0))
    assert booking.outcome.fills[0].price == Decimal("2500.10")
    assert booking.account.cash == Decimal("997499.90")
    assert booking.account.positions[ETH] == Position(ETH, Decimal(1), Decimal(2500))
    assert (booking.sequence, booking.account.sequence) == (0, 3)


def test_book_takes_the_fee() -> None:
    """What is executed on paper pays the taker's fee of its value, contracts by what they stand for."""
    booking = book(paper(), submission(), ACCEPTED, multiplier=Decimal(2), paper=Paper(taker_bps=Decimal("7.5")))
    (fill,) = booking.fills
    assert fill.fee == Decimal("5000.20") * Decimal("0.00075")
    assert booking.account.cash == Decimal(1_000_000) - Decimal("5000.20") - fill.fee
    assert book(paper(), submission(), ACCEPTED).fills[0].fee == 0


def test_book_partial() -> None:
    """What the quote does not offer is canceled: the order is filled in part, then ends, with nothing left working."""
    booking = book(paper(), submission(asked=order(quantity=60_000)), ACCEPTED)
    _, traded, ended = booking.updates
    assert (traded.status, traded.leaves_quantity) == (OrderStatus.PARTIALLY_FILLED, Decimal(1))
    assert (ended.status, ended.exec_type) == (OrderStatus.CANCELED, ExecType.CANCELED)
    assert (ended.quantity, ended.cumulative_quantity, ended.leaves_quantity) == (Decimal(6), Decimal(5), Decimal(0))
    assert ended.reasons == ("quote_size_exhausted",)


def test_book_all_or_nothing() -> None:
    """A fill-or-kill order is filled whole or not at all."""
    whole = replace(order(quantity=50_000), time_in_force=TimeInForce.FILL_OR_KILL)
    assert book(paper(), submission(asked=whole), ACCEPTED).outcome.update.status is OrderStatus.FILLED
    beyond = book(paper(), submission(asked=replace(whole, quantity=50_001)), ACCEPTED)
    assert beyond.outcome.update.status is OrderStatus.CANCELED
    assert not beyond.fills


def test_book_resting() -> None:
    """An order that may rest is only begun: it waits for its venue, and no money moves."""
    resting = replace(order(), time_in_force=TimeInForce.GOOD_TILL_CANCEL)
    booking = book(paper(), submission(asked=resting), ACCEPTED)
    assert [step.status for step in booking.updates] == [OrderStatus.PENDING_NEW]
    assert booking.account == replace(paper(), sequence=1)


def test_book_numbers() -> None:
    """Steps and fills are numbered on the account's stream in the order they happened, a fill before its update."""
    account = replace(paper(), sequence=7)
    steps = book(account, submission(asked=order(quantity=60_000)), ACCEPTED).steps
    assert [step.sequence for step in steps] == [7, 8, 9, 10]
    assert [type(step) for step in steps] == [OrderUpdate, Fill, OrderUpdate, OrderUpdate]


@given(
    quantity=st.integers(1, 10**6),
    price=st.integers(1, 10**6),
    side=st.sampled_from(Side),
    fee=st.decimals(-9, 9, places=4),
)
def test_settle(quantity: int, price: int, side: Side, fee: Decimal) -> None:
    """A venue's trade, taken back, leaves cash and position where they were, but for what taking it back costs."""
    asked = replace(order(side, quantity, price), time_in_force=TimeInForce.GOOD_TILL_CANCEL)
    begun = begin(submission(asked=asked))
    trade = Report(ExecType.TRADE, NOW, exec_id="1", quantity=quantity, price=price, fee=fee, multiplier=Decimal(5))
    traded = fold(begun.order, trade)
    back = fold(traded.order, replace(trade, exec_type=ExecType.TRADE_CANCEL, exec_id="2", replaces_exec_id="1"))
    after = settle(paper(), traded)
    sign = 1 if side is Side.BUY else -1
    assert after.cash == paper().cash - 5 * sign * scaled(quantity, -4) * scaled(price, -2) - fee
    assert after.positions[ETH] == Position(ETH, sign * scaled(quantity, -4), scaled(price, -2))
    undone = settle(after, back)
    assert (undone.cash, undone.positions[ETH].quantity) == (paper().cash - fee, Decimal(0))


def test_book_canceled() -> None:
    """An order the venue cannot fill is canceled and moves no money."""
    booking = book(paper(), submission(asked=order(limit=249_000)), ACCEPTED)
    assert booking.outcome.update.status is OrderStatus.CANCELED
    assert not booking.fills
    assert booking.account == replace(paper(), sequence=2)


def test_book_rejected() -> None:
    """A rejected order books one step, with every broken rule, and nothing else."""
    verdict = Verdict((Violation("position", "too large"), Violation("kill_switch", "stopped")), "test")
    booking = book(paper(), submission(), verdict)
    assert [step.status for step in booking.updates] == [OrderStatus.REJECTED]
    assert booking.outcome.update.reasons == ("position: too large", "kill_switch: stopped")
    assert booking.account == replace(paper(), sequence=1)


def test_rejection_marks() -> None:
    """A held instrument is valued by every quote risk could decide on, also when the order is rejected."""
    held = paper(1_000_000, Position(ETH, Decimal(10), Decimal(2000)))
    rejected = book(held, submission(), Verdict((Violation("position", "too large"),), "test"))
    assert rejected.account.positions[ETH].price == Decimal(2500)
    undecided = book(held, submission(), Verdict((Violation("cannot_decide", "stale"),), "test"))
    assert undecided.account.positions[ETH].price == Decimal(2000)


def test_opening_adds_up() -> None:
    """Opening positions are paid from capital, short ones pay in."""
    account = paper(100_000, Position(ETH, Decimal(10), Decimal(2500)), Position("X.Y", Decimal(-1), Decimal(100)))
    assert account.cash == Decimal(75_100)
    assert account_state(account, order()) == AccountState(Decimal(100_000), Decimal(25_100), 100_000, 250_000)
    worth = open_account(
        "paper", Decimal(100_000), [Position(ETH, Decimal(2), Decimal(100))], units=lambda _: Decimal(50)
    )
    assert worth.cash == Decimal(90_000)


def test_state_in_units() -> None:
    """A position finer than the order's units cannot be told to risk."""
    with pytest.raises(Rejected):
        account_state(paper(1000, Position(ETH, Decimal("0.00001"), Decimal(100))), order())
