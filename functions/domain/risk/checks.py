"""Check an order by what somebody tells of the account: the rules for those who do not keep its state themselves."""

from decimal import Decimal
from typing import Final, NamedTuple

from functions.domain.decisions import AccountState, OrderIntent, Quote, Verdict
from functions.domain.errors import Rejected
from functions.domain.money import EXPONENT_MAX
from functions.domain.reference import TradingStatus
from functions.domain.risk.limits import PLAIN, Bounds, Contract, Limits, merged
from functions.domain.risk.rules import Case, case_of, decide
from functions.domain.risk.state import Standing, middle
from functions.domain.risk.units import UNITS, money_of, money_text


class Money(NamedTuple):
    """Hold what is told of an account's money, as `AccountState` names it, in units of 10^-36.

    `fault` says why it cannot be counted; then no other field is looked at.
    """

    capital: int
    gross_exposure: int
    net_exposure_low: int | None
    net_exposure_high: int | None
    equity: int | None
    peak_equity: int | None
    working_losses: int
    fault: str = ""


class Told(NamedTuple):
    """Hold what is told of an account: its money, and mantissas of the order's instrument as in `AccountState`."""

    money: Money
    position: int
    position_price: int
    working_buys: int
    working_sells: int
    resting_buy_price: int
    resting_sell_price: int


def told_of(account: AccountState) -> Told:
    """Count what is told of an account."""
    return Told(
        money_told(account),
        account.position,
        account.position_price,
        account.working_buys,
        account.working_sells,
        account.resting_buy_price,
        account.resting_sell_price,
    )


def money_told(account: AccountState) -> Money:
    """Count what is told of an account's money; what is finer than risk counts is its fault."""
    try:
        return Money(
            gross_exposure=money_of(account.gross_exposure),
            net_exposure_low=_maybe(account.net_exposure_low),
            net_exposure_high=_maybe(account.net_exposure_high),
            capital=money_of(account.capital),
            equity=_maybe(account.equity),
            peak_equity=_maybe(account.peak_equity),
            working_losses=money_of(account.working_losses),
        )
    except Rejected as error:
        return Money(1, 0, None, None, None, None, 0, str(error))


def _maybe(value: Decimal | None) -> int | None:
    return None if value is None else money_of(value)


def check(  # noqa: PLR0913 - the order, its market, its account, the limits, the time and the switch are six facts
    order: OrderIntent, quote: Quote, account: AccountState, limits: Limits, *, as_of_ns: int, kill_switch: bool
) -> Verdict:
    """Decide on one order; every broken rule is named, and what cannot be decided is rejected with the reason.

    Args:
        order: What is asked for.
        quote: Market it was decided on; needs both sides, uncrossed.
        account: The account before the order.
        limits: What is allowed.
        as_of_ns: When the order was decided, UTC nanoseconds; 0 is no time, and cannot be decided on.
        kill_switch: True while trading is stopped.
    """
    bounds = merged(limits, order.account, order.instrument_id)
    stopped = f"trading is stopped for account {order.account!r}" if kill_switch else ""
    return check_told(case_of(order, quote, as_of_ns), told_of(account), bounds, stopped=stopped)


def check_told(case: Case, told: Told, bounds: Bounds, *, stopped: str = "") -> Verdict:
    """Decide on one order by bounds that are merged already; rates are not judged, for nobody tells what was sent."""
    return decide(case, _standing(case, told, bounds.contract), bounds, stopped=stopped)


_UNKNOWN: Final = TradingStatus.UNKNOWN
_NOTHING_TOLD: Final = Standing(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, None, 0, None, TradingStatus.UNKNOWN, "")


def _standing(case: Case, told: Told, contract: Contract) -> Standing:
    """Take the order's instrument out of what is told of the account; it is valued anew by the order's quote."""
    _, _, _, _, _, price_exponent, size_exponent, bid, ask, _, _, _ = case
    money, position, price, buys, sells, own_bid, own_ask = told
    capital, gross, net_low, net_high, equity, peak, losses, uncounted = money
    if peak is None and equity is not None:
        peak = max(capital, equity)
    if uncounted or not (-EXPONENT_MAX <= price_exponent <= EXPONENT_MAX >= size_exponent >= -EXPONENT_MAX):
        return _NOTHING_TOLD._replace(fault=uncounted)  # else it is the order's own fault, which is named
    tick, lot = UNITS[price_exponent], UNITS[size_exponent]
    low = high = own = 0
    if position or buys or sells:
        worth = (price * tick if contract is PLAIN else contract.worth(price * tick)) * lot
        low, high = (position - sells) * worth, (position + buys) * worth
        own = max(high, -low)
        equity = None if equity is None else equity - position * worth
    others = gross - own
    return Standing._make(
        (
            capital,
            others,
            -others if net_low is None else net_low - low,
            others if net_high is None else net_high - high,
            middle(bid, ask) * tick,
            position * lot,
            buys * lot,
            sells * lot,
            own_bid * tick,
            own_ask * tick,
            equity,
            losses,
            peak,
            _UNKNOWN,
            _fault(told, own),
        )
    )


def _fault(told: Told, own: int) -> str:
    (_, gross, _, _, _, _, _, _), position, price, buys, sells, _, _ = told
    if price <= 0 and (position or buys or sells):
        return f"the position of {position} units was never valued"
    if buys < 0 or sells < 0:
        return f"working quantities {buys} and {sells} must not be negative"
    if gross < 0:
        return f"gross exposure {money_text(gross)} is negative"
    if gross < own:
        return f"gross exposure {money_text(gross)} is less than its part {money_text(own)}"
    return ""
