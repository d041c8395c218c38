"""Decide whether an order may leave: limits, and one pure check that names every broken rule.

Exact throughout: an exposure of precisely the limit passes, one unit more does not (never a rounded ratio). What is
judged is the state after the whole order has filled. What cannot be decided is rejected.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from functions.domain.decisions import AccountState, OrderIntent, Quote, Side, Verdict, Violation
from functions.domain.money import EXACT, plain, scaled

CANNOT_DECIDE: Final = "cannot_decide"
EXPOSURE_RATIO: Final = "exposure_ratio"
KILL_SWITCH: Final = "kill_switch"
ORDER_NOTIONAL: Final = "order_notional"
ORDER_SIZE: Final = "order_size"
POSITION: Final = "position"
PRICE_COLLAR: Final = "price_collar"

_BPS: Final = Decimal(10_000)
_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class InstrumentLimits:
    """Bound the orders and the position in one instrument.

    Args:
        order_notional_max: Greatest value of one order, quote currency.
        position_notional_max: Greatest value of the position after the fill, either way, quote currency.
        price_collar_bps_max: Greatest distance of the limit price from the mid, basis points of the mid.
        order_size_max: Greatest quantity of one order, base currency; None leaves size to `order_notional_max`.
    """

    order_notional_max: Decimal
    position_notional_max: Decimal
    price_collar_bps_max: Decimal
    order_size_max: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Bound all trading; `version` is the digest of the file the limits were read from.

    Args:
        version: What decided, for the record.
        exposure_ratio_max: Greatest gross exposure after the fill, as a fraction of capital.
        quote_age_ms_max: How much older than the decision a quote may be, milliseconds.
        quote_ahead_ms_max: How much newer than the decision a quote may claim to be, milliseconds.
        default: Limits of instruments not named; None makes those unknown.
        instruments: Limits by instrument id.
    """

    version: str
    exposure_ratio_max: Decimal
    quote_age_ms_max: int
    quote_ahead_ms_max: int
    default: InstrumentLimits | None
    instruments: Mapping[str, InstrumentLimits] = field(default_factory=lambda: MappingProxyType({}))


def mark_price(quote: Quote) -> int:
    """Value a position: the mid, rounded up to a whole price unit so that exposure is never understated.

    Returns:
        Price mantissa; 0 when a side is missing or the quote is crossed: then there is no mid.

    >>> mark_price(Quote(bid_price=100, bid_size=1, ask_price=101, ask_size=1, ts_event=0))
    101
    """
    if 0 < quote.bid_price <= quote.ask_price:
        return (quote.bid_price + quote.ask_price + 1) // 2
    return 0


def signed(side: Side, quantity: int) -> int:
    """Give the change of the position: positive for a buy, negative for a sell."""
    return quantity if side is Side.BUY else -quantity


def check(  # noqa: PLR0913 - the order, its market, its account, the limits, the time and the switch are six facts
    order: OrderIntent, quote: Quote, account: AccountState, limits: Limits, *, as_of_ns: int, kill_switch: bool
) -> Verdict:
    """Decide on one order; every broken rule is named, and what cannot be decided is rejected with the reason.

    Args:
        order: What is asked for.
        quote: Market it was decided on; needs both sides, uncrossed.
        account: Capital, gross exposure and position before the order.
        limits: What is allowed.
        as_of_ns: When the order was decided, UTC nanoseconds; 0 is no time, and cannot be decided on.
        kill_switch: True while trading is stopped.
    """
    broken: list[Violation] = []
    if kill_switch:
        broken.append(Violation(KILL_SWITCH, f"trading is stopped for account {order.account!r}"))
    bounds = limits.instruments.get(order.instrument_id, limits.default)
    fault = _order_fault(order) or ("" if bounds else f"no limits are set for instrument {order.instrument_id!r}")
    if fault or bounds is None:
        broken.append(Violation(CANNOT_DECIDE, fault))
    else:
        _check_order(broken, order, quote, bounds)
        fault = _quote_fault(quote, limits, as_of_ns) or _account_fault(account)
        if fault:
            broken.append(Violation(CANNOT_DECIDE, fault))
        else:
            _check_after(broken, order, quote, account=account, bounds=bounds, limits=limits)
    if account.capital <= 0:
        broken.append(Violation(EXPOSURE_RATIO, f"capital {plain(account.capital)} is not positive"))
    return Verdict(tuple(broken), limits.version)


def _order_fault(order: OrderIntent) -> str:
    if not order.instrument_id:
        return "the order names no instrument"
    if order.quantity <= 0:
        return f"quantity {order.quantity} is not positive"
    if order.limit_price <= 0:
        return f"limit price {order.limit_price} is not positive"
    return ""


def _quote_fault(quote: Quote, limits: Limits, as_of_ns: int) -> str:
    if as_of_ns <= 0:
        return "the decision has no time"
    if quote.bid_price <= 0 or quote.ask_price <= 0:
        return f"the quote has no mid: bid {quote.bid_price}, ask {quote.ask_price}"
    if quote.bid_price > quote.ask_price:
        return f"the quote is crossed: bid {quote.bid_price} above ask {quote.ask_price}"
    age_ns = as_of_ns - quote.ts_event
    if age_ns > limits.quote_age_ms_max * _NS_PER_MS:
        return f"the quote is stale: {age_ns} ns old, allowed {limits.quote_age_ms_max} ms"
    if -age_ns > limits.quote_ahead_ms_max * _NS_PER_MS:
        return f"the quote is {-age_ns} ns ahead of the decision, allowed {limits.quote_ahead_ms_max} ms"
    return ""


def _account_fault(account: AccountState) -> str:
    if account.position and account.position_price <= 0:
        return f"the position of {account.position} units was never valued"
    if account.gross_exposure < 0:
        return f"gross exposure {plain(account.gross_exposure)} is negative"
    return ""


def _check_order(broken: list[Violation], order: OrderIntent, quote: Quote, bounds: InstrumentLimits) -> None:
    if bounds.order_size_max is not None:
        size = scaled(order.quantity, order.size_exponent)
        if size > bounds.order_size_max:
            broken.append(_above(ORDER_SIZE, "quantity", size, bounds.order_size_max))
    # A sell may trade above its limit, at the bid: its value is counted there.
    price = order.limit_price if order.side is Side.BUY else max(order.limit_price, quote.bid_price)
    notional = scaled(order.quantity * price, order.price_exponent + order.size_exponent)
    if notional > bounds.order_notional_max:
        broken.append(_above(ORDER_NOTIONAL, "notional", notional, bounds.order_notional_max))


def _check_after(  # noqa: PLR0913 - the same six facts
    broken: list[Violation],
    order: OrderIntent,
    quote: Quote,
    *,
    account: AccountState,
    bounds: InstrumentLimits,
    limits: Limits,
) -> None:
    exponent = order.price_exponent + order.size_exponent
    before = scaled(abs(account.position) * account.position_price, exponent)
    position = account.position + signed(order.side, order.quantity)
    value = scaled(abs(position) * mark_price(quote), exponent)
    if value > bounds.position_notional_max:
        broken.append(_above(POSITION, "position after the fill", value, bounds.position_notional_max))
    others = EXACT.subtract(account.gross_exposure, before)
    if others < 0:
        text = f"gross exposure {plain(account.gross_exposure)} is less than its part {plain(before)}"
        broken.append(Violation(CANNOT_DECIDE, text))
    elif account.capital > 0:
        _check_exposure(broken, EXACT.add(others, value), account.capital, limits)
    _check_collar(broken, order, quote, bounds)


def _check_exposure(broken: list[Violation], exposure: Decimal, capital: Decimal, limits: Limits) -> None:
    allowed = EXACT.multiply(limits.exposure_ratio_max, capital)
    if exposure > allowed:
        text = (
            f"gross exposure after the fill {plain(exposure)} exceeds {plain(allowed)} "
            f"({plain(limits.exposure_ratio_max)} of capital {plain(capital)})"
        )
        broken.append(Violation(EXPOSURE_RATIO, text))


def _check_collar(broken: list[Violation], order: OrderIntent, quote: Quote, bounds: InstrumentLimits) -> None:
    twice_mid = quote.bid_price + quote.ask_price
    away = abs(2 * order.limit_price - twice_mid)
    # away / twice_mid > bps / 10,000, without the division
    if EXACT.multiply(_BPS, Decimal(away)) > EXACT.multiply(bounds.price_collar_bps_max, Decimal(twice_mid)):
        found = plain(scaled(order.limit_price, order.price_exponent))
        text = (
            f"limit price {found} is more than {plain(bounds.price_collar_bps_max)} bps from the mid "
            f"of {plain(scaled(quote.bid_price, order.price_exponent))} "
            f"and {plain(scaled(quote.ask_price, order.price_exponent))}"
        )
        broken.append(Violation(PRICE_COLLAR, text))


def _above(rule: str, what: str, found: Decimal, allowed: Decimal) -> Violation:
    return Violation(rule, f"{what} {plain(found)} exceeds {plain(allowed)}")
