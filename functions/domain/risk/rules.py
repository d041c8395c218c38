"""The rules: what may leave, each broken one named with what was found and what is allowed.

Exact throughout: an exposure of precisely the limit passes, one unit more does not. What is judged is the worst that
working orders and this one can lead to, on the side the order trades: there a buy moves the greatest position, a sell
the least, and the other end was judged when it was moved. What cannot be decided is rejected. Decisions are made in
integers; decimals are only written for rules that are broken. A unit of quantity is worth its price times what the
contract stands for; what trades may lose is counted with the venue's fee.

**Relief.** Who is over a limit must be able to get out, so a second step spares an order that reduces: one that takes
the end it moves toward nothing and not past it, a sell of no more than what is held less working sells, a buy of no
more than what is short less working buys. It is spared what the account is bound by after it, where that is no worse
than before in the same measure, all that works filled at its worst: position, gross exposure and capital always, for
the position was at its greatest where nothing of the order fills; net exposure as long as its end is taken toward
nothing and not past it, too; drawdown as long as its limit is no worse than the other side of its quote, for that is
all the position can be had for now. What binds any order binds it as well: switches, restrictions, sessions and halts,
size and notional, collar, rates, self-trade, and what cannot be decided.
"""

from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from functions.domain.decisions import OrderIntent, Quote, Side, Verdict, Violation
from functions.domain.money import EXACT, EXPONENT_MAX, plain
from functions.domain.reference import TradingStatus
from functions.domain.risk.limits import PLAIN, Bounds, Rate, Ratio
from functions.domain.risk.recent import Recent
from functions.domain.risk.state import MESSAGE, Asked, Standing
from functions.domain.risk.units import UNITS, atto, money_text, size_text

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
_BUY: Final = Side.BUY  # a member is looked up slowly
_UNKNOWN: Final = TradingStatus.UNKNOWN
_HALTED: Final = TradingStatus.HALTED
_CLOSED: Final = TradingStatus.CLOSED


_Wanted: TypeAlias = tuple[bool, int, int]
"""Whether an order buys, its quantity and its limit, units of 10^-18."""


class Case(NamedTuple):
    """Hold an order to decide on, its market and its time; prices and sizes are mantissas of its exponents.

    `status` is whether the instrument trades, as the request says; what the account knows counts, too.
    """

    account: str
    instrument_id: str
    buys: bool
    quantity: int
    limit_price: int
    price_exponent: int
    size_exponent: int
    bid_price: int
    ask_price: int
    quote_ns: int
    as_of_ns: int
    status: TradingStatus


def case_of(order: OrderIntent, quote: Quote, as_of_ns: int, status: TradingStatus = TradingStatus.UNKNOWN) -> Case:
    """Put an order beside its market and its time."""
    return Case._make(  # in half the time of its constructor
        (
            order.account,
            order.instrument_id,
            order.side is _BUY,
            order.quantity,
            order.limit_price,
            order.price_exponent,
            order.size_exponent,
            quote.bid_price,
            quote.ask_price,
            quote.ts_event,
            as_of_ns,
            status,
        )
    )


def decide(
    case: Case, standing: Standing, bounds: Bounds, *, stopped: str = "", recent: Recent | None = None
) -> Verdict:
    """Decide on one order.

    Args:
        case: What is asked for, and the market it was decided on, which needs both sides, uncrossed; without a time
            (0) nothing can be decided.
        standing: The account, the order's instrument valued at that market's mid.
        bounds: What is allowed.
        stopped: Which kill switch stops trading; empty when none does.
        recent: What the account sent; None where nobody counts, and rates are not judged.
    """
    broken: list[Violation] = []
    if stopped:
        broken.append(Violation(KILL_SWITCH, stopped))
    if bounds.restricted:
        broken.append(Violation(RESTRICTED, f"instrument {case.instrument_id!r} is restricted"))
    fault = _order_fault(case) or bounds.missing or _check_all(broken, case, standing, bounds, recent)
    if fault:
        broken.append(Violation(CANNOT_DECIDE, fault))
    if standing.capital <= 0 and (fault or not _reduces(case, standing)):
        broken.append(Violation(EXPOSURE_RATIO, f"capital {money_text(standing.capital)} is not positive"))
    return Verdict(tuple(broken), bounds.accepted.limits_version) if broken else bounds.accepted


def _check_all(broken: list[Violation], case: Case, standing: Standing, bounds: Bounds, recent: Recent | None) -> str:
    """Check an order that makes sense; tell what of its market or its account keeps from deciding, else nothing."""
    _, instrument_id, buys, quantity, limit, price_exponent, size_exponent, bid, _, _, as_of_ns, _ = case
    tick = UNITS[price_exponent]
    wanted = buys, quantity * UNITS[size_exponent], limit * tick
    # The dearest price it may trade at: a sell may trade above its limit, at the bid.
    dearest = (limit if buys or bid <= limit else bid) * tick
    contract = bounds.contract
    _check_order(broken, wanted[1], dearest if contract is PLAIN else contract.worth(dearest), bounds)
    fault = _time_fault(case, bounds) or standing.fault or _status_fault(broken, case, standing.status, bounds)
    if not fault:
        if recent is not None:
            _check_rates(broken, Asked(instrument_id, *wanted), bounds, recent, as_of_ns=as_of_ns)
        if contract is PLAIN:
            _check_after(broken, case, wanted, standing, bounds)
        else:
            valued = standing._replace(mark=contract.worth(standing.mark))
            _check_after(broken, case, (buys, wanted[1], contract.worth(wanted[2])), valued, bounds)
        _check_price(broken, case, bounds)
        _check_self_trade(broken, wanted, standing)
    return fault


# --- what cannot be decided -------------------------------------------------------------------------------------------


def _order_fault(case: Case) -> str:
    _, instrument_id, _, quantity, limit, price_exponent, size_exponent, _, _, _, _, _ = case
    if not instrument_id:
        return "the order names no instrument"
    if quantity <= 0:
        return f"quantity {quantity} is not positive"
    if limit <= 0:
        return f"limit price {limit} is not positive"
    if abs(price_exponent) > EXPONENT_MAX or abs(size_exponent) > EXPONENT_MAX:
        return f"exponents {price_exponent} and {size_exponent} are beyond {EXPONENT_MAX}"
    return ""


def _time_fault(case: Case, bounds: Bounds) -> str:
    _, _, _, _, _, _, _, bid, ask, quote_ns, as_of_ns, _ = case
    if as_of_ns <= 0:
        return "the decision has no time"
    if bid <= 0 or ask <= 0:
        return f"the quote has no mid: bid {bid}, ask {ask}"
    if bid > ask:
        return f"the quote is crossed: bid {bid} above ask {ask}"
    age_ns = as_of_ns - quote_ns
    if age_ns > bounds.quote_age_ns_max:
        return f"the quote is stale: {age_ns} ns old, allowed {bounds.quote_age_ns_max // _NS_PER_MS} ms"
    if -age_ns > bounds.quote_ahead_ns_max:
        return f"the quote is {-age_ns} ns ahead of the decision, allowed {bounds.quote_ahead_ns_max // _NS_PER_MS} ms"
    return ""


def _status_fault(broken: list[Violation], case: Case, known: TradingStatus, bounds: Bounds) -> str:
    """Judge whether the instrument trades; of what the request and the account say, the worse counts."""
    told = case.status
    if told is _HALTED or known is _HALTED:
        broken.append(Violation(HALT, f"trading in {case.instrument_id!r} is halted"))
    elif told is _CLOSED or known is _CLOSED:
        broken.append(Violation(SESSION, f"{case.instrument_id!r} is closed"))
    elif told is known is _UNKNOWN and not bounds.unknown_status_trades:
        return f"nobody knows whether {case.instrument_id!r} trades"
    return ""


# --- the order by itself ----------------------------------------------------------------------------------------------


def _check_order(broken: list[Violation], quantity: int, price: int, bounds: Bounds) -> None:
    if bounds.order_size_max is not None and quantity > bounds.order_size_max:
        text = f"quantity {size_text(quantity)} exceeds {size_text(bounds.order_size_max)}"
        broken.append(Violation(ORDER_SIZE, text))
    notional = quantity * price
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


def _check_after(broken: list[Violation], case: Case, wanted: _Wanted, standing: Standing, bounds: Bounds) -> None:
    buys, quantity, _ = wanted
    capital, gross, low, high, mark, position, working_buys, working_sells, _, _, _, _, _, _, _ = standing
    if buys:
        end = (position + working_buys + quantity) * mark
        net = high + end
    else:
        end = (position - working_sells - quantity) * mark
        net = low + end
    value = abs(end)
    if value > bounds.position_notional_max and not _reduces(case, standing):
        broken.append(_above(POSITION, "position after the fill", value, bounds.position_notional_max))
    if capital > 0:
        numerator, denominator = bounds.exposure
        if (gross + value) * denominator > numerator * capital and not _reduces(case, standing):
            broken.append(_beyond(EXPOSURE_RATIO, "gross", gross + value, capital, bounds.exposure))
    if bounds.net_exposure is not None and (capital > 0 or _reduces(case, standing)):
        numerator, denominator = bounds.net_exposure
        over = abs(net) * denominator > numerator * capital
        if over and not (_reduces(case, standing) and (net <= 0 if buys else net >= 0)):
            broken.append(_beyond(NET_EXPOSURE_RATIO, "net", abs(net), capital, bounds.net_exposure))
    if bounds.drawdown is not None:
        _check_drawdown(broken, case, wanted, standing, bounds)


def _reduces(case: Case, standing: Standing) -> bool:
    """Tell whether an order takes the end it moves toward nothing and not past it: from short up, or from long down."""
    quantity = case.quantity * UNITS[case.size_exponent]
    if case.buys:
        return standing.position + standing.buys + quantity <= 0
    return standing.position - standing.sells - quantity >= 0


def _takes_quote(case: Case) -> bool:
    """Tell whether an order's limit is no worse than the other side of its quote."""
    return case.limit_price <= case.ask_price if case.buys else case.limit_price >= case.bid_price


def _beyond(rule: str, what: str, found: int, capital: int, allowed: Ratio) -> Violation:
    bound = f"{plain(_decimal(allowed))} of capital {money_text(capital)}"
    return Violation(rule, f"{what} exposure after the fill {money_text(found)} exceeds {bound}")


def _check_drawdown(broken: list[Violation], case: Case, wanted: _Wanted, standing: Standing, bounds: Bounds) -> None:
    buys, quantity, limit = wanted
    _, _, _, _, mark, position, _, _, _, _, others_equity, losses, peak, _, _ = standing
    assert bounds.drawdown is not None, "only a bound is checked"  # noqa: S101 - programmer error
    if others_equity is None or peak is None:
        broken.append(Violation(CANNOT_DECIDE, "drawdown is limited, and the account's equity is not told"))
        return
    equity = others_equity + position * mark
    peak = max(peak, equity)
    away = limit - mark if buys else mark - limit
    if bounds.contract is PLAIN:  # nearly always, so it is not called for nothing
        worst = equity - losses - (away * quantity if away > 0 else 0)
    else:
        worst = equity - losses - bounds.contract.loss(quantity, away, limit)
    numerator, denominator = allowed = bounds.drawdown
    over = (peak - worst) * denominator > numerator * peak
    if over and not (_reduces(case, standing) and _takes_quote(case)):
        text = (
            f"equity after the fill {money_text(worst)} lies more than {plain(_decimal(allowed))} "
            f"of the peak {money_text(peak)} below it"
        )
        broken.append(Violation(DRAWDOWN, text))


def _check_price(broken: list[Violation], case: Case, bounds: Bounds) -> None:
    _, _, _, _, limit, exponent, _, bid, ask, _, _, _ = case
    twice_mid = bid + ask
    numerator, denominator = bounds.collar
    if abs(2 * limit - twice_mid) * denominator > numerator * twice_mid:
        bps = plain(EXACT.multiply(_BPS, _decimal(bounds.collar)))
        price, low, high = (size_text(atto(one, exponent)) for one in (limit, bid, ask))
        broken.append(
            Violation(PRICE_COLLAR, f"limit price {price} is more than {bps} bps from the mid of {low} and {high}")
        )


def _check_self_trade(broken: list[Violation], wanted: _Wanted, standing: Standing) -> None:
    buys, _, limit = wanted
    if buys:
        if 0 < standing.own_ask <= limit:
            broken.append(_against_itself("buy", limit, "sell", standing.own_ask))
    elif standing.own_bid >= limit:
        broken.append(_against_itself("sell", limit, "buy", standing.own_bid))


def _against_itself(side: str, limit: int, other: str, price: int) -> Violation:
    return Violation(SELF_TRADE, f"a {side} at {size_text(limit)} would meet the own {other} at {size_text(price)}")


def _above(rule: str, what: str, found: int, allowed: int) -> Violation:
    return Violation(rule, f"{what} {money_text(found)} exceeds {money_text(allowed)}")


def _decimal(ratio: Ratio) -> Decimal:
    return EXACT.divide(Decimal(ratio[0]), Decimal(ratio[1]))
