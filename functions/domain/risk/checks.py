"""Check an order by what somebody tells of the account: the rules for those who do not keep its state themselves."""

from typing import Final

from functions.domain.decisions import AccountState, OrderIntent, Quote, Verdict
from functions.domain.errors import Rejected
from functions.domain.money import EXPONENT_MAX
from functions.domain.reference import TradingStatus
from functions.domain.risk.limits import Bounds, Limits, merged
from functions.domain.risk.rules import decide
from functions.domain.risk.state import Standing, marked
from functions.domain.risk.units import atto, money_of, money_text


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
    return check_told(order, quote, account, bounds, as_of_ns=as_of_ns, stopped=stopped)


def check_told(  # noqa: PLR0913 - as above
    order: OrderIntent,
    quote: Quote,
    account: AccountState,
    bounds: Bounds,
    *,
    as_of_ns: int,
    stopped: str = "",
    status: TradingStatus = TradingStatus.UNKNOWN,
) -> Verdict:
    """Decide on one order by bounds that are merged already; rates are not judged, for nobody tells what was sent."""
    standing = _standing(order, account, marked(quote, order.price_exponent))
    return decide(order, quote, standing, bounds, as_of_ns=as_of_ns, stopped=stopped, status=status)


_UNKNOWN: Final = TradingStatus.UNKNOWN
_NOTHING_TOLD: Final = Standing(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, None, 0, None, TradingStatus.UNKNOWN, "")


def _standing(order: OrderIntent, account: AccountState, mark: int) -> Standing:
    """Take the order's instrument out of what is told of the account; it is valued anew by the order's quote."""
    if max(abs(order.price_exponent), abs(order.size_exponent)) > EXPONENT_MAX:
        return _NOTHING_TOLD  # the order's own fault, which is named
    try:
        return _told(order, account, mark)
    except Rejected as error:
        return _NOTHING_TOLD._replace(fault=str(error))


def _told(order: OrderIntent, account: AccountState, mark: int) -> Standing:
    price, size = order.price_exponent, order.size_exponent
    position, before = atto(account.position, size), atto(account.position_price, price)
    buys, sells = atto(account.working_buys, size), atto(account.working_sells, size)
    low, high = (position - sells) * before, (position + buys) * before
    own, gross = max(high, -low), money_of(account.gross_exposure)
    net_low = -gross + own + low if account.net_exposure_low is None else money_of(account.net_exposure_low)
    net_high = gross - own + high if account.net_exposure_high is None else money_of(account.net_exposure_high)
    capital = money_of(account.capital)
    equity = None if account.equity is None else money_of(account.equity)
    peak = None if account.peak_equity is None else money_of(account.peak_equity)
    return Standing(  # by position, which takes half as long
        capital,
        gross - own,
        net_low - low,
        net_high - high,
        mark,
        position,
        buys,
        sells,
        atto(account.resting_buy_price, price),
        atto(account.resting_sell_price, price),
        None if equity is None else equity - position * before,
        money_of(account.working_losses),
        peak if peak is not None or equity is None else max(capital, equity),
        _UNKNOWN,
        _fault(account, mark=before, gross=gross, own=own),
    )


def _fault(account: AccountState, *, mark: int, gross: int, own: int) -> str:
    if (account.position or account.working_buys or account.working_sells) and mark <= 0:
        return f"the position of {account.position} units was never valued"
    if min(account.working_buys, account.working_sells) < 0:
        return f"working quantities {account.working_buys} and {account.working_sells} must not be negative"
    if gross < 0:
        return f"gross exposure {money_text(gross)} is negative"
    if gross < own:
        return f"gross exposure {money_text(gross)} is less than its part {money_text(own)}"
    return ""
