"""Pre-trade rules: exact, complete, on the state after the fill, and rejecting what cannot be decided."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from trading import ETH, LIMITS, NOW, QUOTE, WIDE, order, state, with_limits

from functions.domain.decisions import AccountState, OrderIntent, Quote, Side, Verdict
from functions.domain.money import scaled
from functions.domain.risk import Limits, check, mark_price


def decide(
    asked: OrderIntent | None = None,
    quote: Quote = QUOTE,
    account: AccountState | None = None,
    limits: Limits = LIMITS,
    *,
    kill_switch: bool = False,
) -> Verdict:
    return check(asked or order(), quote, account or state(), limits, as_of_ns=NOW, kill_switch=kill_switch)


def rules(verdict: Verdict) -> list[str]:
    return [violation.rule for violation in verdict.violations]


def test_accepts() -> None:
    """An order inside every limit may leave, and the verdict names the limits that decided."""
    assert decide() == Verdict((), "test")


def test_exposure_at_limit() -> None:
    """Exposure of exactly 0.95 of capital passes; one unit of size more does not."""
    # One coin marked at 2500 on capital 2500 / 0.95 would be a fraction: take 19 coins on 50,000, 0.95 exactly.
    at = order(quantity=190_000)
    assert decide(at, account=state("50000")).accepted
    assert rules(decide(order(quantity=190_001), account=state("50000"))) == ["exposure_ratio"]


def test_exposure_not_rounded() -> None:
    """A ratio of 0.9549, which two rounded decimals would call 0.95, is a breach."""
    verdict = decide(order(quantity=190_980), account=state("50000"))
    assert rules(verdict) == ["exposure_ratio"]
    assert "47745" in verdict.violations[0].text


def test_exposure_replaces_own_part() -> None:
    """The instrument's part of the exposure is valued anew after the fill; the others' stays."""
    held = state("100000", gross="90000", position=40_000, price=260_000)  # 4 coins were 10,400 of it
    # After: 79,600 of others and 6 coins at 2500 are 94,600; 7 coins are 97,100 and above 95,000.
    assert decide(order(quantity=20_000), account=held).accepted
    assert rules(decide(order(quantity=30_000), account=held)) == ["exposure_ratio"]


@pytest.mark.parametrize("capital", ["0", "-1"])
def test_no_capital(capital: str) -> None:
    """Without positive capital every order is a breach, not a division error."""
    assert rules(decide(account=state(capital))) == ["exposure_ratio"]


def test_reducing_passes_below() -> None:
    """An order that brings an account in breach back below its limits passes: what counts is the state after."""
    over = state("20000", gross="25000", position=100_000, price=250_000)
    assert decide(order(Side.SELL, 30_000, 249_990), account=over).accepted


def test_reducing_may_leave_a_breach() -> None:
    """Who is far over a limit may reduce step by step; what is bought beside it is refused."""
    over = state("20000", gross="25000", position=100_000, price=250_000)
    assert decide(order(Side.SELL, 10_000, 249_990), account=over).accepted
    assert rules(decide(order(quantity=1), account=over)) == ["exposure_ratio"]


def test_flip_counts_the_other_side() -> None:
    """Selling through zero is judged by the short position it leaves."""
    held = state(gross="25000", position=100_000, price=250_000)
    limits = with_limits(order_notional_max=Decimal(10**6))
    assert rules(decide(order(Side.SELL, 500_001, 249_990), account=held, limits=limits)) == ["position"]
    assert decide(order(Side.SELL, 500_000, 249_990), account=held, limits=limits).accepted


def test_order_size() -> None:
    """A size limit binds exactly; without one, size is left to the notional."""
    limits = with_limits(order_size_max=Decimal("1.5"))
    assert decide(order(quantity=15_000), limits=limits).accepted
    assert rules(decide(order(quantity=15_001), limits=limits)) == ["order_size"]


def test_order_notional() -> None:
    """The value of an order binds exactly, at the limit price for a buy."""
    assert decide(order(quantity=200_000, limit=250_000)).accepted
    assert rules(decide(order(quantity=200_001, limit=250_000))) == ["order_notional"]


def test_sell_valued_at_bid() -> None:
    """A sell trades at the bid or better, so its value is taken there when the limit is lower."""
    limits = with_limits(order_notional_max=Decimal("2499.90"))
    assert decide(order(Side.SELL, limit=249_000), limits=limits).accepted
    assert rules(decide(order(Side.SELL, 10_001, 249_000), limits=limits)) == ["order_notional"]


def test_position() -> None:
    """The position after the fill binds exactly, valued at the mid."""
    held = state(gross="75000", position=300_000, price=250_000)
    assert decide(order(quantity=100_000), account=held).accepted
    assert rules(decide(order(quantity=100_001), account=held)) == ["position"]


@pytest.mark.parametrize(("limit", "broken"), [(252_500, []), (252_501, ["price_collar"]), (247_499, ["price_collar"])])
def test_collar(limit: int, broken: list[str]) -> None:
    """A limit price exactly 100 bps from the mid passes; one tick further, either way, does not."""
    assert rules(decide(order(limit=limit))) == broken


def test_kill_switch() -> None:
    """While trading is stopped nothing leaves."""
    assert rules(decide(kill_switch=True)) == ["kill_switch"]


def test_every_rule_is_named() -> None:
    """A verdict names every broken rule, not only the first."""
    limits = with_limits(order_size_max=Decimal(1))
    verdict = decide(order(quantity=10**7, limit=300_000), account=state("1"), limits=limits, kill_switch=True)
    assert rules(verdict) == [
        "kill_switch",
        "order_size",
        "order_notional",
        "position",
        "exposure_ratio",
        "price_collar",
    ]


@pytest.mark.parametrize(
    "quote",
    [
        replace(QUOTE, bid_price=0),
        replace(QUOTE, ask_price=0),
        replace(QUOTE, bid_price=250_011),
        replace(QUOTE, ts_event=NOW - 10_000_000_001),
        replace(QUOTE, ts_event=NOW + 10_000_000_001),
    ],
    ids=["no bid", "no ask", "crossed", "stale", "ahead"],
)
def test_quote_cannot_decide(quote: Quote) -> None:
    """A missing, crossed, stale or future quote cannot be decided on, so the order is rejected."""
    assert rules(decide(quote=quote)) == ["cannot_decide"]


def test_quote_age_at_limit() -> None:
    """A quote exactly as old, or as far ahead, as allowed is neither stale nor of the future."""
    for ts_event in (NOW - 10_000_000_000, NOW + 10_000_000_000):
        assert decide(quote=replace(QUOTE, ts_event=ts_event)).accepted


@pytest.mark.parametrize(
    "asked",
    [order(quantity=0), order(quantity=-1), order(limit=0), replace(order(), instrument_id="")],
    ids=["no quantity", "negative quantity", "no limit", "no instrument"],
)
def test_order_cannot_decide(asked: OrderIntent) -> None:
    """An order that cannot be is rejected."""
    assert rules(decide(asked)) == ["cannot_decide"]


def test_unknown_instrument() -> None:
    """An instrument without limits of its own and without default limits cannot be decided on."""
    verdict = decide(limits=replace(LIMITS, default=None))
    assert rules(verdict) == ["cannot_decide"]
    assert ETH in verdict.violations[0].text


def test_no_time() -> None:
    """A decision without a time cannot be made."""
    verdict = check(order(), QUOTE, state(), LIMITS, as_of_ns=0, kill_switch=False)
    assert rules(verdict) == ["cannot_decide"]


def test_account_cannot_decide() -> None:
    """A position that was never valued, or exceeds the exposure it is part of, cannot be decided on."""
    assert rules(decide(account=state(position=1))) == ["cannot_decide"]
    assert rules(decide(account=state(gross="1", position=10_000, price=250_000))) == ["cannot_decide"]


def test_own_limits_first() -> None:
    """An instrument's own limits stand in place of the default ones."""
    assert not decide(limits=with_limits(order_notional_max=Decimal(1))).accepted


@pytest.mark.parametrize(
    ("bid", "ask", "mark"), [(100, 100, 100), (100, 101, 101), (100, 102, 101), (101, 100, 0), (0, 5, 0), (5, 0, 0)]
)
def test_mark(bid: int, ask: int, mark: int) -> None:
    """The mark is the mid rounded up to a price unit; without a mid there is none."""
    assert mark_price(Quote(bid, 1, ask, 1, 0)) == mark


@settings(max_examples=examples(2000), deadline=None)
@given(
    quantity=st.integers(1, 2**63 - 1),
    position=st.integers(-(2**62), 2**62),
    capital=st.integers(1, 10**30),
    exponent=st.integers(-18, 18),
)
def test_exposure_is_exact(quantity: int, position: int, capital: int, exponent: int) -> None:
    """Whatever the magnitudes, the exposure rule equals the comparison in rational numbers."""
    asked = replace(order(quantity=quantity), size_exponent=exponent)
    account = AccountState(Decimal(capital), scaled(abs(position) * 250_000, exponent - 2), position, 250_000)
    after = Fraction(abs(position + quantity) * 250_000) * Fraction(10) ** (exponent - 2)
    breach = after > Fraction(95, 100) * capital and position + quantity > 0  # else it reduces what is short
    verdict = check(asked, QUOTE, account, WIDE, as_of_ns=NOW, kill_switch=False)
    assert ("exposure_ratio" in rules(verdict)) == breach
