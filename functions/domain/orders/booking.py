"""Execute orders on paper and book what becomes of orders: an account is folded by one rule, `settle`.

What it returns is what the account's ledger stores in one step.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from functions.domain.decisions import (
    ExecType,
    Fill,
    OrderIntent,
    OrderOutcome,
    OrderUpdate,
    Quote,
    Side,
    Submission,
    TimeInForce,
    Verdict,
)
from functions.domain.money import EXACT, scaled
from functions.domain.orders.account import Account, Position
from functions.domain.orders.life import Order, Report, Step, begin, fold, refuse
from functions.domain.orders.values import changed
from functions.domain.risk import CANNOT_DECIDE, mark_price

NO_OPPOSITE_QUOTE: Final = "no_opposite_quote"
LIMIT_NOT_REACHED: Final = "limit_not_reached"
QUOTE_SIZE_EXHAUSTED: Final = "quote_size_exhausted"

AT_ONCE: Final = frozenset((TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL))
"""What is executed against the request's own quote, on paper; anything else goes to a venue."""

_BPS: Final = 10_000
_PAPER: Final = uuid.UUID("b0f3a3c4-52f1-5a4e-8d0a-0e6c3a4d9f11")


@dataclass(frozen=True, slots=True)
class Paper:
    """Say which orders are executed on paper, and what a taker pays there, basis points of the value."""

    at_once: frozenset[TimeInForce] = AT_ONCE
    taker_bps: Decimal = Decimal(0)


FREE: Final = Paper()


@dataclass(frozen=True, slots=True)
class Execution:
    """Hold what the venue did at once: quantity and price mantissas, and why the rest was canceled."""

    quantity: int
    price: int
    reason: str


def execute(order: OrderIntent, quote: Quote) -> Execution:
    """Trade immediate-or-cancel against one quote: up to its size, at its price, when the limit reaches it.

    A fill-or-kill order trades nothing unless the quote has all of it.

    >>> buy = OrderIntent("paper", "ETH-USDT.BINANCE", Side.BUY, 5, 101, -2, -4)
    >>> execute(buy, Quote(99, 9, 100, 3, 0))
    Execution(quantity=3, price=100, reason='quote_size_exhausted')
    """
    buys = order.side is Side.BUY
    price, size = (quote.ask_price, quote.ask_size) if buys else (quote.bid_price, quote.bid_size)
    if price <= 0 or size <= 0:
        return Execution(0, 0, NO_OPPOSITE_QUOTE)
    if order.limit_price < price if buys else order.limit_price > price:
        return Execution(0, 0, LIMIT_NOT_REACHED)
    if size >= order.quantity:
        return Execution(order.quantity, price, "")
    if order.time_in_force is TimeInForce.FILL_OR_KILL:
        return Execution(0, 0, QUOTE_SIZE_EXHAUSTED)
    return Execution(size, price, QUOTE_SIZE_EXHAUSTED)


@dataclass(frozen=True, slots=True)
class Booking:
    """Hold what was done with one order: the account and the order after it, and every step and fill it took.

    `sequence` is the number of the account's first event of this booking; the account before had exactly that number.
    """

    submission: Submission
    account: Account
    order: Order
    sequence: int
    steps: tuple[OrderUpdate | Fill, ...]
    limits_version: str

    @property
    def updates(self) -> tuple[OrderUpdate, ...]:
        """Give the steps of the order's life."""
        return tuple(step for step in self.steps if isinstance(step, OrderUpdate))

    @property
    def fills(self) -> tuple[Fill, ...]:
        """Give the executions."""
        return tuple(step for step in self.steps if isinstance(step, Fill))

    @property
    def outcome(self) -> OrderOutcome:
        """Give what the one who submitted is told."""
        return OrderOutcome(self.updates[-1], self.fills)


def book(
    account: Account,
    submission: Submission,
    verdict: Verdict,
    *,
    multiplier: Decimal = Decimal(1),
    paper: Paper = FREE,
) -> Booking:
    """Book one order that was checked: executed at once on paper, begun as one that goes to a venue, or rejected.

    The instrument is valued at the mid of the request's quote, unless risk could not decide on it.

    Args:
        account: The account before it.
        submission: The order.
        verdict: What risk says of it.
        multiplier: Underlying units in one unit of its quantity.
        paper: What is executed on paper, and its fee.
    """
    if not verdict.accepted:
        steps = [refuse(submission, tuple(f"{one.rule}: {one.text}" for one in verdict.violations))]
    elif submission.order.time_in_force in paper.at_once:
        steps = _executed(submission, multiplier, paper.taker_bps)
    else:
        steps = [begin(submission)]
    after = account
    for step in steps:
        after = settle(after, step)
    if all(violation.rule != CANNOT_DECIDE for violation in verdict.violations):
        after = value(after, submission)
    told = numbered(steps, account.sequence)
    after = changed(after, sequence=account.sequence + len(told))
    return Booking(submission, after, steps[-1].order, account.sequence, told, verdict.limits_version)


def _executed(submission: Submission, multiplier: Decimal, taker_bps: Decimal) -> list[Step]:
    """Give the life of an order at the paper venue: taken, filled as far as the quote goes, the rest canceled."""
    execution = execute(submission.order, submission.quote)
    name, at = submission.client_order_id, submission.as_of_ns
    order = Order(submission, submission.order.quantity, submission.order.limit_price)
    steps = [fold(order, Report(ExecType.NEW, at))]
    if execution.quantity:
        trade = Report(
            ExecType.TRADE,
            at,
            exec_id=str(uuid.uuid5(_PAPER, f"{name}|1")),
            quantity=execution.quantity,
            price=execution.price,
            fee=_fee(submission.order, execution, multiplier, taker_bps) if taker_bps else Decimal(0),
            multiplier=multiplier,
        )
        steps.append(fold(steps[-1].order, trade))
    if execution.reason:
        steps.append(fold(steps[-1].order, Report(ExecType.CANCELED, at, text=execution.reason)))
    return steps


def _fee(order: OrderIntent, execution: Execution, multiplier: Decimal, taker_bps: Decimal) -> Decimal:
    value = scaled(execution.quantity * execution.price, order.price_exponent + order.size_exponent)
    return EXACT.multiply(EXACT.multiply(value, multiplier), EXACT.divide(taker_bps, Decimal(_BPS)))


def numbered(steps: Iterable[Step], sequence: int) -> tuple[OrderUpdate | Fill, ...]:
    """Give what steps tell, numbered on the account's stream from `sequence`; a fill stands before its update."""
    told = [one for step in steps for one in (step.fill, step.update) if one is not None]
    return tuple(changed(one, sequence=number) for number, one in enumerate(told, start=sequence))


def in_motion(order: Order) -> bool:
    """Tell whether something may still come of an order: a part of it works, or an answer is awaited."""
    return bool(order.leaves or order.cancel_id or order.replacement or order.unknown)


def settle(account: Account, step: Step) -> Account:
    """Move cash and position by what a step executed; one that executed nothing moves nothing.

    Cash pays quantity * price * multiplier, and the fee the venue told with it; a correction takes back what the
    execution it is about had cost, fee and all. A position that was never valued is valued at the execution's price.
    """
    if step.fill is None:
        return account
    order = step.order.submission.order
    sign = 1 if order.side is Side.BUY else -1
    held = account.positions.get(order.instrument_id) or Position(order.instrument_id, Decimal(0), step.fill.price)
    moved = EXACT.add(held.quantity, scaled(sign * step.moved, order.size_exponent))
    cash = EXACT.subtract(account.cash, step.cost)
    return _holding(account, Position(held.instrument_id, moved, held.price or step.fill.price), cash=cash)


def value(account: Account, submission: Submission) -> Account:
    """Value the instrument of an order at the mid of its quote; what is not held yet begins at nothing."""
    order, quote = submission.order, submission.quote
    held = account.positions.get(order.instrument_id)
    mark = scaled(mark_price(quote), order.price_exponent)
    if held is None or not mark or mark == held.price:
        return account
    return _holding(account, Position(held.instrument_id, held.quantity, mark), cash=account.cash)


def _holding(account: Account, position: Position, *, cash: Decimal) -> Account:
    held = MappingProxyType({**account.positions, position.instrument_id: position})
    return changed(account, cash=cash, positions=held)
