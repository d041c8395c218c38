"""Turn signals into orders and orders into bookings: sizing, the paper venue and the account's arithmetic, all pure.

The account is folded by one rule, `book`; what it returns is what its ledger stores in one step.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from types import MappingProxyType
from typing import Final

from functions.domain.decisions import (
    AccountState,
    Action,
    ConfidenceKind,
    Fill,
    OrderIntent,
    OrderOutcome,
    OrderStatus,
    OrderUpdate,
    Quote,
    Side,
    Signal,
    Submission,
    Verdict,
)
from functions.domain.errors import Rejected
from functions.domain.money import EXACT, EXPONENT_MAX, MANTISSA_MAX, mantissa_of, scaled
from functions.domain.risk import CANNOT_DECIDE, mark_price

NO_OPPOSITE_QUOTE: Final = "no_opposite_quote"
LIMIT_NOT_REACHED: Final = "limit_not_reached"
QUOTE_SIZE_EXHAUSTED: Final = "quote_size_exhausted"

_BPS: Final = 10_000
_PERCENT: Final = 100
_SIDES: Final = MappingProxyType({Action.BUY: Side.BUY, Action.SELL: Side.SELL})


@dataclass(frozen=True, slots=True)
class Sizing:
    """Say how large and how eager orders from signals are.

    Args:
        account: Account that trades.
        order_notional: Value of an order at full confidence, quote currency, while nobody knows its chance.
        slippage_bps: How far through the opposite quote the limit may lie, basis points.
        capital: What positions of known chances are shares of, quote currency; None: `order_notional`.
        order_notional_max: Most value of an order, quote currency; None: no bound but risk's.
    """

    account: str
    order_notional: Decimal
    slippage_bps: Decimal
    capital: Decimal | None = None
    order_notional_max: Decimal | None = None


def size_order(signal: Signal, sizing: Sizing) -> OrderIntent | None:
    """Size the order a signal asks for: its value over the limit price, floored to whole size units.

    Behind a calibrated chance the value is the signal's position size, a share of the capital. A weighted count of
    rules is no chance: behind it the value is order_notional * confidence.

    Returns:
        The order, or None when the signal holds, its quote has no opposite side, or nothing is left after flooring.

    Raises:
        Rejected: The signal has no time, so its order could not be decided on, or units no instrument has.
    """
    side = _SIDES.get(signal.action)
    if side is None:
        return None
    _check_signal(signal)
    limit = limit_through(signal.quote, side, sizing.slippage_bps)
    if not 0 < limit <= MANTISSA_MAX:
        return None
    price = Fraction(scaled(limit, signal.price_exponent))
    unit = Fraction(scaled(1, signal.size_exponent))
    quantity = min(floor(_value(signal, sizing) / price / unit), MANTISSA_MAX)
    if sizing.order_notional_max is not None:  # a sell may fill at the bid above its limit, and risk counts it there
        dearest = Fraction(scaled(max(limit, signal.quote.bid_price), signal.price_exponent))
        quantity = min(quantity, floor(Fraction(sizing.order_notional_max) / dearest / unit))
    if quantity <= 0:
        return None
    return OrderIntent(
        account=sizing.account,
        instrument_id=signal.instrument_id,
        side=side,
        quantity=quantity,
        limit_price=limit,
        price_exponent=signal.price_exponent,
        size_exponent=signal.size_exponent,
    )


def _value(signal: Signal, sizing: Sizing) -> Fraction:
    """Say what an order should be worth, quote currency."""
    told = signal.evidence
    share, whole = signal.confidence, sizing.order_notional
    if told.confidence_kind is ConfidenceKind.CALIBRATED:
        share, whole = told.position_size_pct, sizing.order_notional if sizing.capital is None else sizing.capital
    value = min(Fraction(share), Fraction(_PERCENT)) / _PERCENT * Fraction(whole)
    return value if sizing.order_notional_max is None else min(value, Fraction(sizing.order_notional_max))


def _check_signal(signal: Signal) -> None:
    if signal.as_of_ns <= 0:
        message = f"signal {signal.signal_id} has no time; set as_of_ns to the end of its bar"
        raise Rejected(message)
    if max(abs(signal.price_exponent), abs(signal.size_exponent)) > EXPONENT_MAX:
        message = f"signal {signal.signal_id} has exponents beyond {EXPONENT_MAX}"
        raise Rejected(message)


def limit_through(quote: Quote, side: Side, slippage_bps: Decimal) -> int:
    """Place a limit through the opposite quote, rounded so that it is never more aggressive: buys down, sells up.

    Returns:
        Price mantissa; 0 when that side of the quote is missing.

    >>> limit_through(Quote(9995, 1, 10005, 1, 0), Side.BUY, Decimal(10))
    10015
    >>> limit_through(Quote(9995, 1, 10005, 1, 0), Side.SELL, Decimal(10))
    9986
    """
    slippage = Fraction(slippage_bps) / _BPS
    if side is Side.BUY:
        return floor(quote.ask_price * (1 + slippage)) if quote.ask_price > 0 else 0
    return ceil(quote.bid_price * (1 - slippage)) if quote.bid_price > 0 else 0


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
class Position:
    """Hold what an account owns of an instrument: signed, base currency, with the price it was last valued at."""

    instrument_id: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """Hold an account as its single writer knows it, account currency.

    `capital` is fixed when the account is opened; `sequence` is the number of its next event, contiguous from 0.
    """

    name: str
    capital: Decimal
    cash: Decimal
    positions: Mapping[str, Position]
    sequence: int


def open_account(name: str, capital: Decimal, positions: Iterable[Position] = ()) -> Account:
    """Open an account; opening positions are booked at their price, so that cash and positions add up to capital.

    >>> open_account("paper", Decimal(1000), [Position("X.Y", Decimal(2), Decimal(100))]).cash
    Decimal('800')
    """
    held = {position.instrument_id: position for position in positions}
    cash = capital
    for position in held.values():
        cash = EXACT.subtract(cash, EXACT.multiply(position.quantity, position.price))
    return Account(name, capital, cash, MappingProxyType(held), 0)


def account_state(account: Account, order: OrderIntent) -> AccountState:
    """Say what risk must know of an account to decide on an order, in the order's units.

    Raises:
        Rejected: The position cannot be told in the order's units.
    """
    gross = Decimal(0)
    for position in account.positions.values():
        gross = EXACT.add(gross, EXACT.multiply(abs(position.quantity), position.price))
    held = account.positions.get(order.instrument_id)
    if held is None:
        return AccountState(account.capital, gross, 0, 0)
    quantity = mantissa_of(held.quantity, order.size_exponent)
    return AccountState(account.capital, gross, quantity, mantissa_of(held.price, order.price_exponent))


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
