"""Execute orders on paper and book them: the account is folded by one rule, `book`.

What it returns is what the account's ledger stores in one step.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from functions.domain.decisions import (
    Fill,
    OrderIntent,
    OrderOutcome,
    OrderStatus,
    OrderUpdate,
    Quote,
    Side,
    Submission,
    Verdict,
)
from functions.domain.money import EXACT, scaled
from functions.domain.orders.account import Account, Position
from functions.domain.risk import CANNOT_DECIDE, mark_price

NO_OPPOSITE_QUOTE: Final = "no_opposite_quote"
LIMIT_NOT_REACHED: Final = "limit_not_reached"
QUOTE_SIZE_EXHAUSTED: Final = "quote_size_exhausted"


@dataclass(frozen=True, slots=True)
class Execution:
    """Hold what the venue did at once: quantity and price mantissas, and why the rest was canceled."""

    quantity: int
    price: int
    reason: str


def execute(order: OrderIntent, quote: Quote) -> Execution:
    """Trade immediate-or-cancel against one quote: up to its size, at its price, when the limit reaches it.

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
    quantity = min(order.quantity, size)
    return Execution(quantity, price, "" if quantity == order.quantity else QUOTE_SIZE_EXHAUSTED)


@dataclass(frozen=True, slots=True)
class Booking:
    """Hold what one order did: the account after it, every step of the order's life, and its fills.

    `sequence` is the number of the account's first event of this booking; the account before had exactly that number.
    """

    submission: Submission
    account: Account
    sequence: int
    updates: tuple[OrderUpdate, ...]
    fills: tuple[Fill, ...]
    limits_version: str

    @property
    def outcome(self) -> OrderOutcome:
        """Give what the one who submitted is told."""
        return OrderOutcome(self.updates[-1], self.fills)


def book(account: Account, submission: Submission, verdict: Verdict) -> Booking:
    """Execute and book one order that was checked; a rejected one books its rejection and nothing else.

    The instrument is valued at the mid of the request's quote, unless risk could not decide on it.
    """
    if verdict.accepted:
        execution = execute(submission.order, submission.quote)
        updates, fills = _accepted(submission, execution)
    else:
        execution = Execution(0, 0, "")
        updates, fills = (_rejected(submission, verdict),), ()
    decidable = all(violation.rule != CANNOT_DECIDE for violation in verdict.violations)
    after = replace(
        _settle(account, submission, execution, mark=mark_price(submission.quote) if decidable else 0),
        sequence=account.sequence + len(updates) + len(fills),
    )
    return Booking(submission, after, account.sequence, updates, fills, verdict.limits_version)


def _accepted(submission: Submission, execution: Execution) -> tuple[tuple[OrderUpdate, ...], tuple[Fill, ...]]:
    order = submission.order
    ordered = scaled(order.quantity, order.size_exponent)
    filled = scaled(execution.quantity, order.size_exponent)
    if not execution.quantity:
        status = OrderStatus.CANCELED
    elif execution.quantity < order.quantity:
        status = OrderStatus.PARTIALLY_FILLED
    else:
        status = OrderStatus.FILLED
    reasons = (execution.reason,) if execution.reason else ()
    new = _update(submission, 1, OrderStatus.NEW, leaves=ordered)
    last = _update(submission, 2, status, cumulative=filled, reasons=reasons)
    fills = (_fill(submission, execution),) if execution.quantity else ()
    return (new, last), fills


def _rejected(submission: Submission, verdict: Verdict) -> OrderUpdate:
    reasons = tuple(f"{violation.rule}: {violation.text}" for violation in verdict.violations)
    return _update(submission, 1, OrderStatus.REJECTED, reasons=reasons)


_NONE: Final = Decimal(0)


def _update(  # noqa: PLR0913 - an order's step has this many figures
    submission: Submission,
    n: int,
    status: OrderStatus,
    *,
    cumulative: Decimal = _NONE,
    leaves: Decimal = _NONE,
    reasons: tuple[str, ...] = (),
) -> OrderUpdate:
    order = submission.order
    return OrderUpdate(
        client_order_id=submission.client_order_id,
        n=n,
        account=order.account,
        instrument_id=order.instrument_id,
        side=order.side,
        status=status,
        quantity=scaled(order.quantity, order.size_exponent),
        limit_price=scaled(order.limit_price, order.price_exponent),
        cumulative_quantity=cumulative,
        leaves_quantity=leaves,
        reasons=reasons,
        signal_id=submission.signal_id,
        as_of_ns=submission.as_of_ns,
    )


def _fill(submission: Submission, execution: Execution) -> Fill:
    order = submission.order
    return Fill(
        client_order_id=submission.client_order_id,
        n=1,
        account=order.account,
        instrument_id=order.instrument_id,
        side=order.side,
        quantity=scaled(execution.quantity, order.size_exponent),
        price=scaled(execution.price, order.price_exponent),
        signal_id=submission.signal_id,
        as_of_ns=submission.as_of_ns,
    )


def _settle(account: Account, submission: Submission, execution: Execution, *, mark: int) -> Account:
    order = submission.order
    held = account.positions.get(order.instrument_id)
    if held is None and not execution.quantity:
        return account
    before = held or Position(order.instrument_id, Decimal(0), Decimal(0))
    bought = scaled(execution.quantity, order.size_exponent)
    bought = bought if order.side is Side.BUY else -bought
    paid = EXACT.multiply(bought, scaled(execution.price, order.price_exponent))
    price = scaled(mark, order.price_exponent) if mark else before.price
    after = Position(order.instrument_id, EXACT.add(before.quantity, bought), price)
    positions = MappingProxyType({**account.positions, order.instrument_id: after})
    return replace(account, cash=EXACT.subtract(account.cash, paid), positions=positions)
