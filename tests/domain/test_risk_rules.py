"""Each rule fires alone, exactly one unit beyond its limit; levels merge; what nobody can decide is rejected."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Final

import pytest
from trading import ETH, LIMITS, NOW, QUOTE, order

from functions.domain.decisions import AccountState, Fill, OrderIntent, Quote, Side, Verdict
from functions.domain.errors import Rejected
from functions.domain.reference import TradingStatus
from functions.domain.risk import InstrumentLimits, Limits, LimitSet, Rate, RiskState
from functions.domain.risk import recent as recents
from functions.domain.risk.checks import check_told, told_of
from functions.domain.risk.limits import Bounds, Rulebook, merged
from functions.domain.risk.recent import Recent
from functions.domain.risk.rules import case_of, decide
from functions.domain.risk.state import marked
from functions.domain.risk.units import atto, atto_of, money_of, money_text

BTC = "BTC-USDT.BINANCE"
SECOND_NS = 10**9


def told(verdict: Verdict) -> list[str]:
    return [broken.rule for broken in verdict.violations]


def opened(capital: int = 1_000_000, **held: str) -> RiskState:
    """Open an account; ETH is held at 2500, so many coins."""
    positions = [(ETH, Decimal(held["eth"]), Decimal(2500))] if held else []
    cash = Decimal(capital) - sum((quantity * price for _, quantity, price in positions), Decimal(0))
    return RiskState(Decimal(capital), cash, positions)


def judge(  # noqa: PLR0913 - what a decision stands on
    state: RiskState,
    asked: OrderIntent | None = None,
    *,
    limits: Limits = LIMITS,
    quote: Quote = QUOTE,
    as_of_ns: int = NOW,
    status: TradingStatus = TradingStatus.UNKNOWN,
    replacing: str = "",
) -> list[str]:
    """Name the rules that an order breaks."""
    asked = asked or order()
    quote = replace(quote, ts_event=as_of_ns)
    standing = state.standing(asked.instrument_id, marked(quote, asked.price_exponent), replacing=replacing)
    bounds = merged(limits, asked.account, asked.instrument_id)
    return told(decide(case_of(asked, quote, as_of_ns, status), standing, bounds, recent=state.recent))


def judge_told(account: AccountState, bounds: Bounds, asked: OrderIntent | None = None) -> list[str]:
    """Name the rules that an order breaks by what is told of its account."""
    return told(check_told(case_of(asked or order(), QUOTE, NOW), told_of(account), bounds))


# --- the account, with what works -------------------------------------------------------------------------------------


def test_working_orders_count() -> None:
    """What works counts as filled: the position limit is reached by orders of which none is."""
    state = opened()
    for number in range(2):
        state.apply_accepted(f"order-{number}", order(quantity=200_000), QUOTE, as_of_ns=NOW)
    assert judge(state, order(quantity=1)) == ["position"]
    assert judge(state, order(Side.SELL, 400_000, 250_020), limits=WIDE_NOTIONAL) == []


WIDE_NOTIONAL: Final = replace(LIMITS, default=InstrumentLimits(Decimal(10**7), Decimal(100_000), Decimal(10_000)))


def test_other_end_is_not_judged_again() -> None:
    """A buy is judged by where buys lead; what working sells lead to was judged when they came."""
    state = opened(eth="-40")
    assert judge(state, order()) == []
    assert judge(state, order(Side.SELL, 1, 249_990)) == ["position"]


def test_gross_exposure_of_all() -> None:
    """Gross exposure adds what all instruments may reach, whichever way; exactly 0.95 of capital passes."""
    state = opened(100_000)
    state.apply_accepted("one", replace(order(quantity=300_000), instrument_id=BTC), QUOTE, as_of_ns=NOW)
    assert judge(state, order(Side.SELL, 80_000, 249_990)) == []  # 75,000 and 20,000 short
    assert judge(state, order(Side.SELL, 80_001, 249_990)) == ["exposure_ratio"]


def test_gross_exposure_of_the_worse_end() -> None:
    """Of what works on both sides of another instrument, the end that is worth more counts."""
    for held, side, size in (("BUY", Side.SELL, 300_000), ("SELL", Side.BUY, 300_000)):
        state = opened(100_000)
        state.apply_accepted("one", replace(order(side, size), instrument_id=BTC), QUOTE, as_of_ns=NOW)
        state.apply_accepted("two", replace(order(Side[held], 1), instrument_id=BTC), QUOTE, as_of_ns=NOW)
        assert judge(state, order(quantity=80_000)) == []
        assert judge(state, order(quantity=80_001)) == ["exposure_ratio"]


def test_losses_follow_the_mark() -> None:
    """What rests costs something as soon as the order's own quote leaves it behind; where it stays ahead, nothing."""
    limits = replace(LIMITS, drawdown_max=Decimal("0.0001"))
    state = opened(100_000)  # may fall by 10
    state.apply_accepted("one", order(quantity=200_000, limit=250_000), QUOTE, as_of_ns=NOW)
    for mid, broken in ((250_000, []), (249_950, []), (249_949, ["drawdown"])):
        quote = replace(QUOTE, bid_price=mid, ask_price=mid)
        assert judge(state, order(quantity=1, limit=mid), limits=limits, quote=quote) == broken


def test_net_exposure() -> None:
    """Net exposure may reach its limit either way, exactly; a short position makes room for a long one."""
    limits = replace(LIMITS, net_exposure_ratio_max=Decimal("0.5"))
    state = opened(100_000)
    assert judge(state, order(quantity=200_000, limit=249_990), limits=limits) == []
    assert judge(state, order(quantity=200_001, limit=249_980), limits=limits) == ["net_exposure_ratio"]
    assert judge(state, order(Side.SELL, 200_001, 249_980), limits=limits) == ["net_exposure_ratio"]
    state.apply_trade(BTC, Side.SELL, atto(1, 0), atto(2500, 0))
    assert judge(state, order(quantity=200_001, limit=249_980), limits=limits) == []


def test_drawdown() -> None:
    """Equity may fall to exactly the limit below its peak, counted as if all that works filled at its limit."""
    limits = replace(LIMITS, drawdown_max=Decimal("0.001"))
    state = opened(10_000)  # may fall by 10
    at = order(quantity=10_000, limit=251_000)  # a coin, 10 above the mark
    assert judge(state, at, limits=limits) == []
    assert judge(state, replace(at, quantity=10_001), limits=limits) == ["drawdown"]
    state.apply_accepted("one", replace(at, instrument_id=BTC), QUOTE, as_of_ns=NOW)
    assert judge(state, order(limit=250_001), limits=limits) == ["drawdown"]
    assert judge(state, order(limit=250_000), limits=limits) == []


def test_drawdown_from_the_peak() -> None:
    """The peak is the greatest equity there was, and marks raise it."""
    limits = replace(LIMITS, drawdown_max=Decimal("0.1"))
    state = opened(10_000, eth="1")
    state.apply_mark(ETH, atto(5000, 0))  # 12,500 is the peak, 2,500 below it now
    assert judge(state, order(quantity=1), limits=limits) == ["drawdown"]
    assert judge(state, order(quantity=1), limits=replace(limits, drawdown_max=Decimal("0.21"))) == []


def test_drawdown_from_a_new_peak() -> None:
    """A quote that lifts equity above its peak makes the peak from which what follows is counted."""
    limits = replace(WIDE_NOTIONAL, drawdown_max=Decimal("0.1"))
    quote = replace(QUOTE, bid_price=500_000, ask_price=500_000)  # 12,500, which may fall by 1,250
    for limit, broken in ((375_000, []), (374_999, ["drawdown"])):
        assert judge(opened(10_000, eth="1"), order(Side.SELL, 10_000, limit), limits=limits, quote=quote) == broken


def test_no_gain_before_a_fill() -> None:
    """An order that would trade better than the mark takes nothing off a drawdown: it may never be filled."""
    limits = replace(LIMITS, drawdown_max=Decimal("0.001"))
    for adds, limit in ((Side.BUY, 249_000), (Side.SELL, 251_000)):
        state = opened(10_000, eth="1" if adds is Side.BUY else "-1")
        state.peak_equity += money_of(Decimal(20))  # may fall by 10.02, and has fallen by 20
        assert judge(state, order(adds, 10_000, limit), limits=limits) == ["drawdown"]


def test_no_peak_while_unvalued() -> None:
    """What a short sale brought is no equity as long as nobody knows what the position is worth."""
    state = opened(10_000)
    state.apply_trade(ETH, Side.SELL, atto(1, 0), 0, fee=money_of(Decimal(-2500)))
    state.apply_mark(ETH, atto(2500, 0))
    assert state.peak_equity == state.equity == money_of(Decimal(10_000))


@pytest.mark.parametrize(
    ("rests", "comes", "broken"),
    [
        ((Side.SELL, 250_010), (Side.BUY, 250_009), []),
        ((Side.SELL, 250_010), (Side.BUY, 250_010), ["self_trade"]),
        ((Side.BUY, 249_990), (Side.SELL, 249_991), []),
        ((Side.BUY, 249_990), (Side.SELL, 249_990), ["self_trade"]),
        ((Side.BUY, 249_990), (Side.BUY, 249_990), []),
    ],
)
def test_self_trade(rests: tuple[Side, int], comes: tuple[Side, int], broken: list[str]) -> None:
    """An order may come as near to an own one on the other side as a price unit, and never meet it."""
    state = opened()
    (rest_side, rest_price), (side, price) = rests, comes
    state.apply_accepted("one", order(rest_side, 1, rest_price), QUOTE, as_of_ns=NOW)
    assert judge(state, order(side, 1, price)) == broken
    state.apply_working("one", ETH, rest_side, leaves=0, price=atto(rest_price, -2))
    assert judge(state, order(side, 1, price)) == []


def test_replacing() -> None:
    """An order that takes the place of another is judged without it."""
    state = opened()
    for number in range(2):
        state.apply_accepted(f"order-{number}", order(quantity=200_000, limit=250_000), QUOTE, as_of_ns=NOW)
    more = order(quantity=200_001, limit=249_990)
    assert judge(state, more) == ["position"]
    assert judge(state, replace(more, quantity=200_000), replacing="order-1") == []
    assert judge(state, more, replacing="order-1") == ["position"]
    assert judge(state, more, replacing="unknown") == ["position"]


def test_replacing_spares_its_loss() -> None:
    """What the replaced order might have cost is not counted beside what its successor may."""
    limits = replace(LIMITS, drawdown_max=Decimal("0.0001"))
    state = opened(100_000)  # may fall by 10
    dear = order(quantity=10_000, limit=251_000)  # 10 above the mark
    state.apply_accepted("one", dear, QUOTE, as_of_ns=NOW)
    assert judge(state, dear, limits=limits) == ["drawdown"]
    assert judge(state, dear, limits=limits, replacing="one") == []


def test_fills() -> None:
    """A fill moves cash and position by exactly its price, and its fee by itself."""
    state = opened()
    fill = Fill("one", 1, "paper", ETH, Side.BUY, Decimal("0.5"), Decimal("2400.1"), "", NOW, fee=Decimal("0.3"))
    state.apply_fill(fill)
    state.apply_quote(ETH, QUOTE, -2)
    assert money_text(state.cash) == "998799.65"
    assert money_text(state.equity) == "1000049.65"
    state.apply_fill(replace(fill, side=Side.SELL, fee=Decimal(0)))
    assert money_text(state.equity) == "999999.7"
    assert not state.holdings()


# --- what a unit stands for -------------------------------------------------------------------------------------------

FIFTY: Final = InstrumentLimits(multiplier=Decimal(50))
ENDS: Final = {
    "order_notional": (replace(FIFTY, order_notional_max=Decimal(250_010)), {}),
    "position": (replace(FIFTY, position_notional_max=Decimal(250_000)), {}),
    "exposure_ratio": (FIFTY, {"exposure_ratio_max": Decimal("0.25")}),
    "net_exposure_ratio": (FIFTY, {"net_exposure_ratio_max": Decimal("0.25")}),
    "drawdown": (FIFTY, {"drawdown_max": Decimal("0.00001")}),
    "order_size": (replace(FIFTY, order_size_max=Decimal(2)), {}),
}
"""Limits that two units of fifty coins reach exactly, bought at 0.10 above the mid by an account of a million."""


def contracts(named: InstrumentLimits, **levels: Decimal) -> Limits:
    """Allow nearly everything but what is named of ETH, whose contract is said with it."""
    return replace(LIMITS, default=WIDE_NOTIONAL.default, instruments={ETH: named}, **levels)


def trading(limits: Limits, capital: int = 1_000_000) -> RiskState:
    """Open an account that knows what contracts are."""
    book = Rulebook(limits)
    worth = Decimal(capital)
    return RiskState(worth, worth, contract_of=lambda name: book.bounds("paper", name).contract)


@pytest.mark.parametrize("rule", ENDS)
def test_multiplier_counts(rule: str) -> None:
    """Every bound in money counts what a unit stands for, exactly; a bound on quantity counts units."""
    named, levels = ENDS[rule]
    wide = {"exposure_ratio_max": Decimal(9), **levels}
    limits = contracts(replace(named, position_notional_max=named.position_notional_max or Decimal(10**7)), **wide)
    assert judge(trading(limits), order(quantity=20_000), limits=limits) == []
    assert judge(trading(limits), order(quantity=20_001), limits=limits) == [rule]


def test_multiplier_counts_elsewhere() -> None:
    """What is held and works in other instruments counts by what their units stand for."""
    limits = replace(contracts(FIFTY), exposure_ratio_max=Decimal("0.3"))
    state = trading(limits)
    state.apply_accepted("one", order(quantity=20_000), QUOTE, as_of_ns=NOW)
    elsewhere = replace(order(quantity=200_000, limit=250_000), instrument_id=BTC)
    assert judge(state, elsewhere, limits=limits) == []
    assert judge(state, replace(elsewhere, quantity=200_001), limits=limits) == ["exposure_ratio"]
    state.apply_working("one", ETH, Side.BUY, leaves=0, price=0)
    state.apply_fill(Fill("one", 1, "paper", ETH, Side.BUY, Decimal(2), Decimal(2500), "", NOW, multiplier=Decimal(50)))
    assert money_text(state.equity) == "1000000"
    assert judge(state, elsewhere, limits=limits) == []
    assert judge(state, replace(elsewhere, quantity=200_001), limits=limits) == ["exposure_ratio"]


def test_fee_counts_in_drawdown() -> None:
    """What the venue takes of what works, and of the order, is lost at worst: exactly that much may be."""
    endless = Decimal(10**12)
    fee = InstrumentLimits(endless, endless, multiplier=Decimal(50), fee_bps_max=Decimal(10))  # 125 of 125,000 a unit
    limits = contracts(fee, drawdown_max=Decimal("0.00025"), exposure_ratio_max=endless)
    state = trading(limits)
    at_mid = order(limit=250_000)
    state.apply_accepted("one", at_mid, QUOTE, as_of_ns=NOW)
    assert judge(state, at_mid, limits=limits) == []
    assert judge(state, replace(at_mid, quantity=10_001), limits=limits) == ["drawdown"]
    passive = replace(at_mid, limit_price=249_750, quantity=10_000_000)  # it gains 0.1 % of the mark, and pays less
    assert judge(state, passive, limits=limits) == []
    assert judge(state, replace(passive, limit_price=249_760), limits=limits) == ["drawdown"]


def test_fee_of_getting_out() -> None:
    """Who reduces in a drawdown is not held up by the fee."""
    limits = contracts(InstrumentLimits(fee_bps_max=Decimal(10)), drawdown_max=Decimal("0.001"))
    assert judge(breached(Side.SELL), order(Side.SELL, 10_000, 249_990), limits=limits) == []


# --- getting out ------------------------------------------------------------------------------------------------------

TIGHT: Final = {
    "position": replace(LIMITS, default=InstrumentLimits(Decimal(50_000), Decimal(100), Decimal(100))),
    "exposure_ratio": replace(LIMITS, exposure_ratio_max=Decimal("0.001")),
    "net_exposure_ratio": replace(LIMITS, net_exposure_ratio_max=Decimal("0.001")),
    "drawdown": replace(LIMITS, drawdown_max=Decimal("0.001")),
}
"""Limits that ten coins are beyond, and that nothing held keeps."""


def breached(side: Side) -> RiskState:
    """Hold ten coins, or owe them, after a loss of five a coin."""
    state = opened(100_000, eth="10" if side is Side.SELL else "-10")
    state.peak_equity += money_of(Decimal(1000))
    return state


@pytest.mark.parametrize("rule", TIGHT)
@pytest.mark.parametrize(("side", "touch"), [(Side.SELL, 249_990), (Side.BUY, 250_010)])
def test_reducing_passes(rule: str, side: Side, touch: int) -> None:
    """What takes a position toward nothing may leave while the account is over a limit; what adds to it may not."""
    adds = Side.BUY if side is Side.SELL else Side.SELL
    assert judge(breached(side), order(side, 50_000, touch), limits=TIGHT[rule]) == []
    assert judge(breached(side), order(adds, 1, 250_000), limits=TIGHT[rule]) == [rule]


@pytest.mark.parametrize("rule", ["position", "exposure_ratio", "net_exposure_ratio"])
@pytest.mark.parametrize(("side", "touch"), [(Side.SELL, 249_990), (Side.BUY, 250_010)])
def test_reducing_counts_what_works(rule: str, side: Side, touch: int) -> None:
    """Reducing ends where what works already takes the position to nothing: one unit more is judged as any order."""
    state = breached(side)
    state.apply_accepted("one", order(side, 60_000, touch), QUOTE, as_of_ns=NOW)
    tightest = replace(
        TIGHT[rule],
        exposure_ratio_max=Decimal(rule != "exposure_ratio"),
        net_exposure_ratio_max=Decimal(rule != "net_exposure_ratio"),
        default=InstrumentLimits(Decimal(50_000), Decimal(50_000 * (rule != "position")), Decimal(100)),
    )
    assert judge(state, order(side, 40_000, touch), limits=tightest) == []
    assert judge(state, order(side, 40_001, touch), limits=tightest) == [rule]
    assert judge(state, order(side, 100_000, touch), limits=WIDER, replacing="one") == []


WIDER: Final = replace(LIMITS, exposure_ratio_max=Decimal(0))


def test_reducing_a_hedge_worsens_net() -> None:
    """Closing what offsets a greater position takes net exposure further from nothing, so its limit holds."""
    limits = replace(LIMITS, net_exposure_ratio_max=Decimal("0.1"))
    state = opened(100_000, eth="10")
    state.apply_trade(BTC, Side.SELL, atto(20, 0), atto(2500, 0))
    assert judge(state, order(Side.SELL, 1, 249_990), limits=limits) == ["net_exposure_ratio"]
    assert judge(state, replace(order(quantity=10_000), instrument_id=BTC), limits=limits) == []


@pytest.mark.parametrize("capital", [1000, 0, -5])
def test_reducing_a_hedge_without_capital(capital: int) -> None:
    """Net exposure is bound where there is no capital, too: what is sold of a hedge must not bare the other side."""
    limits = replace(LIMITS, exposure_ratio_max=Decimal(100), net_exposure_ratio_max=Decimal("0.5"))
    money = (Decimal(capital), Decimal(50_000))
    hedged = AccountState(*money, 100_000, 250_000, net_exposure_low=Decimal(0), net_exposure_high=Decimal(0))
    bounds = merged(limits, "paper", ETH)
    assert judge_told(hedged, bounds, order(Side.SELL, 100_000, 249_990)) == ["net_exposure_ratio"]


def test_reducing_past_nothing_net() -> None:
    """Net exposure that a reducing order would take past nothing is judged by where it leads."""
    limits = replace(LIMITS, exposure_ratio_max=Decimal(2), net_exposure_ratio_max=Decimal("0.05"))
    state = opened(100_000, eth="10")
    state.apply_trade(BTC, Side.SELL, atto(6, 0), atto(2500, 0))  # 10,000 net: over
    assert judge(state, order(Side.SELL, 60_000, 249_990), limits=limits) == []
    assert judge(state, order(Side.SELL, 60_001, 249_990), limits=limits) == ["net_exposure_ratio"]


@pytest.mark.parametrize(("side", "touch"), [(Side.SELL, 249_990), (Side.BUY, 250_010)])
def test_reducing_to_nothing(side: Side, touch: int) -> None:
    """In a drawdown, who gets out may get out of all of it, and not one unit past it."""
    assert judge(breached(side), order(side, 100_000, touch), limits=TIGHT["drawdown"]) == []
    assert judge(breached(side), order(side, 100_001, touch), limits=TIGHT["drawdown"]) == ["drawdown"]


@pytest.mark.parametrize(("side", "limit"), [(Side.SELL, 249_989), (Side.BUY, 250_011)])
def test_reducing_beyond_the_quote(side: Side, limit: int) -> None:
    """In a drawdown, who gets out gives up the other side of the quote, and nothing beyond it."""
    assert judge(breached(side), order(side, 10_000, limit), limits=TIGHT["drawdown"]) == ["drawdown"]


def test_reducing_without_capital() -> None:
    """An account without capital may get out of what it holds, and into nothing."""
    state = RiskState(Decimal(0), Decimal(0), [(ETH, Decimal(1), Decimal(2500))])
    assert judge(state, order(Side.SELL, 10_000, 249_990)) == []
    assert judge(state, order(Side.SELL, 10_001, 249_990)) == ["exposure_ratio"]
    assert judge(state, order(Side.SELL, 10_000, 249_990), quote=replace(QUOTE, bid_price=0)) == [
        "cannot_decide",
        "exposure_ratio",
    ]


REDUCING: Final = order(Side.SELL, 10_000, 249_990)
STILL: Final[dict[str, Callable[[], list[str]]]] = {
    "restricted": lambda: judge(opened(eth="10"), REDUCING, limits=replace(LIMITS, restricted=frozenset((ETH,)))),
    "halt": lambda: judge(opened(eth="10"), REDUCING, status=TradingStatus.HALTED),
    "session": lambda: judge(opened(eth="10"), REDUCING, status=TradingStatus.CLOSED),
    "price_collar": lambda: judge(opened(eth="10"), replace(REDUCING, limit_price=253_000)),
    "message_rate": lambda: judge(sent(), REDUCING, limits=replace(LIMITS, message_rate=Rate(1, 1000))),
    "order_notional": lambda: judge(opened(eth="30"), order(Side.SELL, 200_020, 249_990)),
    "order_size": lambda: judge(opened(eth="10"), REDUCING, limits=SMALL),
    "self_trade": lambda: judge(bidding(), REDUCING),
    "kill_switch": lambda: told(check_told(case_of(REDUCING, QUOTE, NOW), told_of(HELD), PLAIN, stopped="stopped")),
    "cannot_decide": lambda: judge(opened(eth="10"), REDUCING, quote=replace(QUOTE, bid_price=0)),
}
SMALL: Final = replace(LIMITS, instruments={ETH: InstrumentLimits(order_size_max=Decimal("0.9999"))})


def bidding() -> RiskState:
    """Hold ten coins, and bid for more where they would be sold."""
    state = opened(eth="10")
    state.apply_accepted("one", order(quantity=1, limit=249_990), QUOTE, as_of_ns=NOW)
    return state


def sent() -> RiskState:
    """Hold ten coins, and have sent a message just now."""
    state = opened(eth="10")
    state.apply_sent(NOW)
    return state


@pytest.mark.parametrize("rule", STILL)
def test_reducing_is_bound_by(rule: str) -> None:
    """What does not measure the account binds a reducing order as any other."""
    assert STILL[rule]() == [rule]


# --- rates ------------------------------------------------------------------------------------------------------------


def test_message_rate() -> None:
    """The order after the last that is allowed within the window is one too many; the window is half open."""
    limits = replace(LIMITS, message_rate=Rate(2, 1000))
    state = opened()
    for number, asked in enumerate((order(quantity=1), order(quantity=2))):
        assert judge(state, asked, limits=limits, as_of_ns=NOW + number) == []
        state.apply_accepted(f"order-{number}", asked, QUOTE, as_of_ns=NOW + number)
    assert judge(state, limits=limits, as_of_ns=NOW + SECOND_NS - 1) == ["message_rate"]
    assert judge(state, limits=limits, as_of_ns=NOW + SECOND_NS) == []
    state.apply_sent(NOW + SECOND_NS)  # a cancel
    assert judge(state, limits=limits, as_of_ns=NOW + SECOND_NS) == ["message_rate"]


def test_repeated_order() -> None:
    """Only orders that are equal in instrument, side, quantity and price repeat each other."""
    limits = replace(LIMITS, repeat_rate=Rate(1, 1000))
    state = opened()
    state.apply_accepted("one", order(), QUOTE, as_of_ns=NOW)
    state.apply_working("one", ETH, Side.BUY, leaves=0, price=0)  # it ended, and still was sent
    assert judge(state, order(), limits=limits) == ["repeated_order"]
    assert judge(state, replace(order(), quantity=1_000_000, size_exponent=-6), limits=limits) == ["repeated_order"]
    others = (order(quantity=1), order(limit=250_000), order(Side.SELL), replace(order(), instrument_id=BTC))
    assert [judge(state, asked, limits=limits) for asked in others] == [[]] * 4
    assert judge(state, order(), limits=limits, as_of_ns=NOW + SECOND_NS) == []


def test_time_does_not_run_back() -> None:
    """What claims to be earlier counts as now, so that nobody sends more by an older clock."""
    recent = Recent()
    recent.add("x", NOW)
    assert recent.reached("x", Rate(1, 10), NOW - SECOND_NS)
    recent.add("x", NOW - SECOND_NS)
    assert recent.reached("x", Rate(2, 10), NOW)
    recent.add("y", NOW + SECOND_NS)
    assert not recent.reached("x", Rate(1, 500), NOW)


def test_recent_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no window reaches is forgotten, and so is the oldest of too many."""
    monkeypatch.setattr(recents, "SENT_MAX", 3)
    recent = Recent()
    for number in range(5):
        recent.add(f"key-{number}", NOW + number)
    assert [key for _, key in recent.entries()] == ["key-2", "key-3", "key-4"]
    recent.add("new", NOW + 61 * SECOND_NS)
    assert [key for _, key in recent.entries()] == ["new"]


# --- what may not be traded -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_says", "account_knows", "broken"),
    [
        ("TRADING", "TRADING", []),
        ("UNKNOWN", "TRADING", []),
        ("TRADING", "UNKNOWN", []),
        ("TRADING", "HALTED", ["halt"]),
        ("HALTED", "TRADING", ["halt"]),
        ("CLOSED", "HALTED", ["halt"]),
        ("CLOSED", "UNKNOWN", ["session"]),
        ("TRADING", "CLOSED", ["session"]),
        ("UNKNOWN", "UNKNOWN", ["cannot_decide"]),
    ],
)
def test_status(request_says: str, account_knows: str, broken: list[str]) -> None:
    """The worse of what the request says and the account knows counts; unknown to both, a policy decides."""
    state = opened()
    state.apply_status(ETH, TradingStatus[account_knows])
    strict = replace(LIMITS, unknown_status_trades=False)
    assert judge(state, limits=strict, status=TradingStatus[request_says]) == broken
    assert (judge(state, status=TradingStatus[request_says]) == []) == (broken in ([], ["cannot_decide"]))


def test_restricted() -> None:
    """A restriction on any level holds, whatever a more specific one says."""
    everywhere = replace(LIMITS, restricted=frozenset((ETH,)), accounts={"paper": LimitSet()})
    its_own = replace(LIMITS, accounts={"paper": LimitSet(restricted=frozenset((ETH,)))})
    assert judge(opened(), limits=everywhere) == judge(opened(), limits=its_own) == ["restricted"]
    assert judge(opened(), replace(order(), account="other"), limits=its_own) == []


# --- what cannot be decided -------------------------------------------------------------------------------------------


def unvalued() -> RiskState:
    return RiskState(Decimal(1000), Decimal(1000), [(BTC, Decimal(1), Decimal(0))])


UNDECIDABLE: Final[dict[str, Callable[[], list[str]]]] = {
    "a position elsewhere was never valued": lambda: judge(unvalued()),
    "no time": lambda: judge(opened(), as_of_ns=0),
    "no limits at all": lambda: judge(opened(), limits=replace(LIMITS, default=None)),
    "one limit missing": lambda: judge(opened(), limits=replace(LIMITS, default=InstrumentLimits(Decimal(1)))),
    "no exposure limit": lambda: judge(opened(), limits=replace(LIMITS, exposure_ratio_max=None)),
    "exponents of no instrument": lambda: judge(opened(), replace(order(), price_exponent=19)),
    "equity not told": lambda: judge_told(AccountState(Decimal(10**6), Decimal(0), 0, 0), DRAWN),
    "money too fine": lambda: judge_told(AccountState(Decimal("1e-37"), Decimal(0), 0, 0), DRAWN),
    "working orders never valued": lambda: judge_told(
        AccountState(Decimal(10**6), Decimal(0), 0, 0, working_buys=1), PLAIN
    ),
    "less than nothing works": lambda: judge_told(
        AccountState(Decimal(10**6), Decimal(0), 0, 250_000, working_sells=-1), PLAIN
    ),
}
PLAIN: Final = merged(LIMITS, "paper", ETH)
DRAWN: Final = merged(replace(LIMITS, drawdown_max=Decimal("0.1")), "paper", ETH)


@pytest.mark.parametrize("case", UNDECIDABLE)
def test_cannot_decide(case: str) -> None:
    """What cannot be decided is rejected, and says so alone."""
    assert UNDECIDABLE[case]() == ["cannot_decide"]


def test_finest_units() -> None:
    """Units of 10^-18 are decided on exactly, finer ones not at all."""
    fine = replace(QUOTE, bid_price=249_990 * 10**16, ask_price=250_010 * 10**16)
    asked = replace(order(limit=250_010 * 10**16), price_exponent=-18)
    assert judge(opened(), asked, quote=fine) == []
    assert judge(opened(), replace(asked, quantity=10**18, size_exponent=-18), quote=fine) == []
    assert judge(opened(), replace(asked, quantity=10**19, size_exponent=-19), quote=fine) == ["cannot_decide"]


def test_too_fine_to_count() -> None:
    """A state refuses figures that are finer than it counts, rather than round them."""
    for broken in (lambda: atto_of(Decimal("1e-19")), lambda: money_of(Decimal("1e-37"))):
        with pytest.raises(Rejected):
            broken()


# --- what is told of an account ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """A way in which what is told binds, with the most it lets through."""

    account: AccountState
    limits: Limits
    most: OrderIntent
    rule: str


BASE: Final = AccountState(Decimal(100_000), Decimal(0), 0, 0)
HELD: Final = replace(BASE, position=100_000, position_price=260_000, gross_exposure=Decimal(26_000))
"""Ten coins, valued at 2,600 before; now they are worth 2,500 each."""

TOLD: Final = {
    "held, net not told": Told(
        replace(HELD, gross_exposure=Decimal(30_000)),
        replace(LIMITS, net_exposure_ratio_max=Decimal("0.5")),
        order(quantity=84_000),
        "net_exposure_ratio",
    ),
    "held, net told": Told(
        replace(
            HELD, gross_exposure=Decimal(26_000), net_exposure_low=Decimal(26_000), net_exposure_high=Decimal(26_000)
        ),
        replace(LIMITS, net_exposure_ratio_max=Decimal("0.5")),
        order(quantity=100_000),
        "net_exposure_ratio",
    ),
    "held, drawdown": Told(
        replace(HELD, gross_exposure=Decimal(26_000), equity=Decimal(100_000)),
        replace(LIMITS, drawdown_max=Decimal("0.0101")),
        order(quantity=10_000, limit=251_000),
        "drawdown",
    ),
    "working buys": Told(
        replace(BASE, gross_exposure=Decimal(75_000), position_price=250_000, working_buys=300_000),
        LIMITS,
        order(quantity=80_000),
        "exposure_ratio",
    ),
    "working sells": Told(
        replace(BASE, gross_exposure=Decimal(75_000), position_price=250_000, working_sells=300_000),
        LIMITS,
        order(Side.SELL, 80_000, 249_990),
        "exposure_ratio",
    ),
    "held, of fifty": Told(
        replace(HELD, gross_exposure=Decimal(1_300_000), capital=Decimal(5_000_000)),  # 1,250,000 by now
        replace(contracts(replace(FIFTY, position_notional_max=Decimal(10**7))), exposure_ratio_max=Decimal("0.5")),
        order(quantity=100_000),
        "exposure_ratio",
    ),
    "net not told is gross": Told(
        replace(BASE, gross_exposure=Decimal(30_000)),
        replace(LIMITS, net_exposure_ratio_max=Decimal("0.5")),
        order(quantity=80_000),
        "net_exposure_ratio",
    ),
    "net told": Told(
        replace(BASE, gross_exposure=Decimal(30_000), net_exposure_low=Decimal(-9), net_exposure_high=Decimal(25_000)),
        replace(LIMITS, net_exposure_ratio_max=Decimal("0.5")),
        order(quantity=100_000),
        "net_exposure_ratio",
    ),
    "drawdown": Told(
        replace(BASE, equity=Decimal(95_020), peak_equity=Decimal(100_000), working_losses=Decimal(10)),
        replace(LIMITS, drawdown_max=Decimal("0.05")),
        order(quantity=10_000, limit=251_000),
        "drawdown",
    ),
}


@pytest.mark.parametrize("case", TOLD)
def test_told(case: str) -> None:
    """What is told of an account binds as what is kept of it: exactly, one unit more is too much."""
    one = TOLD[case]
    bounds = merged(one.limits, "paper", ETH)
    more = replace(one.most, quantity=one.most.quantity + 1)
    assert judge_told(one.account, bounds, one.most) == []
    assert judge_told(one.account, bounds, more) == [one.rule]


def test_told_resting() -> None:
    """Prices of own resting orders that are told keep an order from meeting them."""
    account = replace(BASE, resting_buy_price=249_990, resting_sell_price=250_010)
    for asked in (order(quantity=1, limit=250_010), order(Side.SELL, 1, 249_990)):
        assert judge_told(account, PLAIN, asked) == ["self_trade"]


# --- levels -----------------------------------------------------------------------------------------------------------


def notional(number: int) -> InstrumentLimits:
    return InstrumentLimits(order_notional_max=Decimal(number))


def level(number: int, *, named: bool) -> LimitSet:
    """Make a level that bounds orders by a number for ETH, or by default."""
    return LimitSet(instruments={ETH: notional(number)}) if named else LimitSet(default=notional(number))


@pytest.mark.parametrize("weakest", range(6))
def test_most_specific_wins(weakest: int) -> None:
    """An instrument's limits before defaults; among each, the account's before the desk's before all's."""
    places = [(who, named) for named in (True, False) for who in ("account", "desk", "all")]
    instruments, default = {}, None
    found: dict[str, LimitSet] = {"account": LimitSet(), "desk": LimitSet()}
    for rank, (who, named) in enumerate(places[weakest:], start=weakest):
        if who != "all":
            one = level(rank, named=named)
            found[who] = replace(
                found[who],
                default=one.default or found[who].default,
                instruments=one.instruments or found[who].instruments,
            )
        elif named:
            instruments = {ETH: notional(rank)}
        else:
            default = notional(rank)
    limits = replace(
        LIMITS,
        default=default,
        instruments=MappingProxyType(instruments),
        accounts={"paper": found["account"]},
        desks={"crypto": found["desk"]},
        desk_of={"paper": "crypto"},
    )
    assert merged(limits, "paper", ETH).order_notional_max == money_of(Decimal(weakest))


def test_fields_merge_alone() -> None:
    """A level that sets one field leaves the others to the levels below."""
    limits = replace(LIMITS, accounts={"paper": LimitSet(default=notional(7), drawdown_max=Decimal("0.1"))})
    bounds = merged(limits, "paper", ETH)
    assert (bounds.order_notional_max, bounds.position_notional_max) == (
        money_of(Decimal(7)),
        PLAIN.position_notional_max,
    )
    assert (bounds.exposure, bounds.drawdown) == (PLAIN.exposure, (1, 10))


def test_rulebook_merges_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds are merged once for each pair, and kept within their bound."""
    book = Rulebook(LIMITS)
    first = book.bounds("paper", ETH)
    assert book.bounds("paper", ETH) is first
    monkeypatch.setattr("functions.domain.risk.limits.BOUNDS_MAX", 1)
    book.bounds("paper", BTC)
    assert book.bounds("paper", ETH) == first


def test_quote_of_no_instrument() -> None:
    """A quote in units of no instrument has no mark, as one without a mid."""
    assert marked(QUOTE, 19) == marked(Quote(0, 0, 5, 5, NOW), -2) == 0
