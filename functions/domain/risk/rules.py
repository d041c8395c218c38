"""The rules: what may leave, each broken one named with what was found and what is allowed.

Exact throughout: an exposure of precisely the limit passes, one unit more does not. What is judged is the worst that
working orders and this one can lead to, on the side the order trades: there a buy moves the greatest position, a sell
the least, and the other end was judged when it was moved. What cannot be decided is rejected. Decisions are made in
integers; decimals are only written for rules that are broken.
"""

from decimal import Decimal
from typing import Final

from functions.domain.decisions import OrderIntent, Quote, Verdict, Violation
from functions.domain.money import EXACT, EXPONENT_MAX, plain
from functions.domain.reference import TradingStatus
from functions.domain.risk.limits import Bounds, Rate, Ratio
from functions.domain.risk.recent import Recent
from functions.domain.risk.state import MESSAGE, Asked, Standing, asked_of
from functions.domain.risk.units import atto, money_text, size_text

CANNOT_DECIDE: Final = "cannot_decide"
DRAWDOWN: Final = "drawdown"
EXPOSURE_RATIO: Final = "exposure_ratio"
HALT: Final = "halt"
KILL_SWITCH: Final = "kill_switch"
MESSAGE_RATE: Final = "message_rate"
NET_EXPOSURE_RATIO: Final = "net_exposure_ratio"
ORDER_NOTIONAL: Final = "order_notional"
ORDER_SIZE: Final = "order_size"
POSITION: Final = "position"
PRICE_COLLAR: Final = "price_collar"
REPEATED_ORDER: Final = "repeated_order"
RESTRICTED: Final = "restricted"
SELF_TRADE: Final = "self_trade"
SESSION: Final = "session"

_BPS: Final = Decimal(10_000)
_NS_PER_MS: Final = 1_000_000
_UNKNOWN: Final = TradingStatus.UNKNOWN  # a member is looked up slowly
_HALTED: Final = TradingStatus.HALTED
_CLOSED: Final = TradingStatus.CLOSED


def decide(  # noqa: PLR0913 - the order, its market and account, the limits, the time and what stops trading are facts
    order: OrderIntent,
    quote: Quote,
    standing: Standing,
    bounds: Bounds,
    *,
    as_of_ns: int,
    stopped: str = "",
    status: TradingStatus = TradingStatus.UNKNOWN,
    recent: Recent | None = None,
) -> Verdict:
    """Decide on one order.

    Args:
        order: What is asked for.
        quote: Market it was decided on; needs both sides, uncrossed.
        standing: The account, the order's instrument valued at that quote's mid.
        bounds: What is allowed.
        as_of_ns: When the order was decided, UTC nanoseconds; 0 is no time, and cannot be decided on.
        stopped: Which kill switch stops trading; empty when none does.
        status: Whether the instrument trades, as the request says; what the account knows counts, too.
        recent: What the account sent; None where nobody counts, and rates are not judged.
    """
    broken: list[Violation] = []
    if stopped:
        broken.append(Violation(KILL_SWITCH, stopped))
    if bounds.restricted:
        broken.append(Violation(RESTRICTED, f"instrument {order.instrument_id!r} is restricted"))
    fault = _order_fault(order) or bounds.missing
    if not fault:
        asked = asked_of(order)
        _check_order(broken, asked, _price(order, quote, asked), bounds)
        fault = _time_fault(quote, bounds, as_of_ns) or standing.fault
        fault = fault or _status_fault(broken, order, bounds, told=status, known=standing.status)
        if not fault:
            if recent is not None:
                _check_rates(broken, asked, bounds, recent, as_of_ns=as_of_ns)
            _check_after(broken, asked, standing, bounds)
            _check_price(broken, order, quote, bounds)
            _check_self_trade(broken, asked, standing)
    if fault:
        broken.append(Violation(CANNOT_DECIDE, fault))
    if standing.capital <= 0:
        broken.append(Violation(EXPOSURE_RATIO, f"capital {money_text(standing.capital)} is not positive"))
    return Verdict(tuple(broken), bounds.accepted.limits_version) if broken else bounds.accepted


# --- what cannot be decided -------------------------------------------------------------------------------------------


def _order_fault(order: OrderIntent) -> str:
    if not order.instrument_id:
        return "the order names no instrument"
    if order.quantity <= 0:
        return f"quantity {order.quantity} is not positive"
    if order.limit_price <= 0:
        return f"limit price {order.limit_price} is not positive"
    if abs(order.price_exponent) > EXPONENT_MAX or abs(order.size_exponent) > EXPONENT_MAX:
        return f"exponents {order.price_exponent} and {order.size_exponent} are beyond {EXPONENT_MAX}"
    return ""


def _time_fault(quote: Quote, bounds: Bounds, as_of_ns: int) -> str:
    if as_of_ns <= 0:
        return "the decision has no time"
    if quote.bid_price <= 0 or quote.ask_price <= 0:
        return f"the quote has no mid: bid {quote.bid_price}, ask {quote.ask_price}"
    if quote.bid_price > quote.ask_price:
        return f"the quote is crossed: bid {quote.bid_price} above ask {quote.ask_price}"
    age_ns = as_of_ns - quote.ts_event
    if age_ns > bounds.quote_age_ns_max:
        return f"the quote is stale: {age_ns} ns old, allowed {bounds.quote_age_ns_max // _NS_PER_MS} ms"
    if -age_ns > bounds.quote_ahead_ns_max:
        return f"the quote is {-age_ns} ns ahead of the decision, allowed {bounds.quote_ahead_ns_max // _NS_PER_MS} ms"
    return ""


def _status_fault(
    broken: list[Violation], order: OrderIntent, bounds: Bounds, *, told: TradingStatus, known: TradingStatus
) -> str:
    """Judge whether the instrument trades; of what the request and the account say, the worse counts."""
    if told is _HALTED or known is _HALTED:
        broken.append(Violation(HALT, f"trading in {order.instrument_id!r} is halted"))
    elif told is _CLOSED or known is _CLOSED:
        broken.append(Violation(SESSION, f"{order.instrument_id!r} is closed"))
    elif told is known is _UNKNOWN and not bounds.unknown_status_trades:
        return f"nobody knows whether {order.instrument_id!r} trades"
    return ""


# --- the order by itself ----------------------------------------------------------------------------------------------


def _price(order: OrderIntent, quote: Quote, asked: Asked) -> int:
    """Give the dearest price it may trade at: a sell may trade above its limit, at the bid."""
    if asked.buys or quote.bid_price <= order.limit_price:
        return asked.limit
    return atto(quote.bid_price, order.price_exponent)


def _check_order(broken: list[Violation], asked: Asked, price: int, bounds: Bounds) -> None:
    if bounds.order_size_max is not None and asked.quantity > bounds.order_size_max:
        text = f"quantity {size_text(asked.quantity)} exceeds {size_text(bounds.order_size_max)}"
        broken.append(Violation(ORDER_SIZE, text))
    notional = asked.quantity * price
    if notional > bounds.order_notional_max:
        broken.append(_above(ORDER_NOTIONAL, "notional", notional, bounds.order_notional_max))


def _check_rates(broken: list[Violation], asked: Asked, bounds: Bounds, recent: Recent, *, as_of_ns: int) -> None:
    messages, repeats = bounds.message_rate, bounds.repeat_rate
    if messages is not None and recent.reached(MESSAGE, messages, as_of_ns):
        broken.append(_too_often(MESSAGE_RATE, "message", messages))
    if repeats is not None and recent.reached(asked, repeats, as_of_ns):
        broken.append(_too_often(REPEATED_ORDER, "equal order", repeats))


def _too_often(rule: str, what: str, rate: Rate) -> Violation:
    text = f"this would be {what} {rate.count + 1} within {rate.window_ms} ms, allowed {rate.count}"
    return Violation(rule, text)


# --- the account after it ---------------------------------------------------------------------------------------------


def _check_after(broken: list[Violation], asked: Asked, standing: Standing, bounds: Bounds) -> None:
    if asked.buys:
        end = (standing.position + standing.buys + asked.quantity) * standing.mark
        net = standing.others_high + end
    else:
        end = (standing.position - standing.sells - asked.quantity) * standing.mark
        net = standing.others_low + end
    value = abs(end)
    if value > bounds.position_notional_max:
        broken.append(_above(POSITION, "position after the fill", value, bounds.position_notional_max))
    if standing.capital > 0:
        _check_ratio(broken, EXPOSURE_RATIO, standing.others_gross + value, standing.capital, bounds.exposure)
        if bounds.net_exposure is not None:
            _check_ratio(broken, NET_EXPOSURE_RATIO, abs(net), standing.capital, bounds.net_exposure)
    if bounds.drawdown is not None:
        _check_drawdown(broken, asked, standing, bounds.drawdown)


def _check_ratio(broken: list[Violation], rule: str, found: int, capital: int, allowed: Ratio) -> None:
    numerator, denominator = allowed
    if found * denominator > numerator * capital:
        what = "gross" if rule == EXPOSURE_RATIO else "net"
        bound = f"{plain(_decimal(allowed))} of capital {money_text(capital)}"
        broken.append(Violation(rule, f"{what} exposure after the fill {money_text(found)} exceeds {bound}"))


def _check_drawdown(broken: list[Violation], asked: Asked, standing: Standing, allowed: Ratio) -> None:
    if standing.others_equity is None or standing.peak_equity is None:
        broken.append(Violation(CANNOT_DECIDE, "drawdown is limited, and the account's equity is not told"))
        return
    equity = standing.others_equity + standing.position * standing.mark
    peak = max(standing.peak_equity, equity)
    away = asked.limit - standing.mark if asked.buys else standing.mark - asked.limit
    worst = equity - standing.losses - (away * asked.quantity if away > 0 else 0)
    numerator, denominator = allowed
    if (peak - worst) * denominator > numerator * peak:
        text = (
            f"equity after the fill {money_text(worst)} lies more than {plain(_decimal(allowed))} "
            f"of the peak {money_text(peak)} below it"
        )
        broken.append(Violation(DRAWDOWN, text))


def _check_price(broken: list[Violation], order: OrderIntent, quote: Quote, bounds: Bounds) -> None:
    price, exponent = order.limit_price, order.price_exponent
    twice_mid = quote.bid_price + quote.ask_price
    numerator, denominator = bounds.collar
    if abs(2 * price - twice_mid) * denominator > numerator * twice_mid:
        bps = plain(EXACT.multiply(_BPS, _decimal(bounds.collar)))
        bid, ask = size_text(atto(quote.bid_price, exponent)), size_text(atto(quote.ask_price, exponent))
        text = f"limit price {size_text(atto(price, exponent))} is more than {bps} bps from the mid of {bid} and {ask}"
        broken.append(Violation(PRICE_COLLAR, text))


def _check_self_trade(broken: list[Violation], asked: Asked, standing: Standing) -> None:
    if asked.buys:
        if 0 < standing.own_ask <= asked.limit:
            broken.append(_against_itself("buy", asked.limit, "sell", standing.own_ask))
    elif standing.own_bid >= asked.limit:
        broken.append(_against_itself("sell", asked.limit, "buy", standing.own_bid))


def _against_itself(side: str, limit: int, other: str, price: int) -> Violation:
    return Violation(SELF_TRADE, f"a {side} at {size_text(limit)} would meet the own {other} at {size_text(price)}")


def _above(rule: str, what: str, found: int, allowed: int) -> Violation:
    return Violation(rule, f"{what} {money_text(found)} exceeds {money_text(allowed)}")


def _decimal(ratio: Ratio) -> Decimal:
    return EXACT.divide(Decimal(ratio[0]), Decimal(ratio[1]))
