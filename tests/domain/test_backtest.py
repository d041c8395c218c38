"""A backtest never fills before it could, counts every cost, and adds up to what a plain account gives."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from traded import BUY, ETH, SELL, Bar, heard, plain_account, price_bars

from functions.domain.backtest.account import Account, account, hold, share_of
from functions.domain.backtest.facts import Exit, Fate, Heard, Sizing, Terms, Trade
from functions.domain.decisions import Action
from functions.domain.market import NS_PER_S

FREE = Terms(Decimal(0), Decimal(0), 0)
COSTLY = Terms(Decimal(10), Decimal("2.5"), 100_000_000)
CAPITAL = Decimal(1000)


def traded(
    signals: Sequence[Heard], bars: Sequence[Bar], terms: Terms = FREE, capital: Decimal = CAPITAL, from_ns: int = 0
) -> Account:
    """Account for signals on bars of one instrument."""
    return account(signals, {ETH.instrument_id: price_bars(bars)}, terms, capital=capital, from_ns=from_ns)


def only(found: Account) -> Trade:
    """Give the one trade there is."""
    (trade,) = found.trades
    return trade


def fate(found: Account, which: Fate) -> int:
    """Count the signals that met a fate."""
    return dict(found.fates)[which]


def flat(low: int, high: int, quote: tuple[int, int] | None = None) -> list[Bar]:
    """Make bars at one price."""
    return [Bar(second, quote=quote) for second in range(low, high)]


def test_fills_at_the_next_bars_quote() -> None:
    """A signal fills at the quote that ends the first bar which starts after it was sent, at the worse side."""
    bars = [Bar(second, quote=(9_990 + second, 10_010 + second)) for second in range(20)]
    trade = only(traded([heard(BUY, 10)], bars, replace(FREE, delay_ns=800_000_000)))
    assert (trade.entry_ns, trade.entry_price) == (13 * NS_PER_S, Decimal("100.22"))
    short = only(traded([heard(SELL, 10)], bars))
    assert (short.entry_ns, short.entry_price) == (12 * NS_PER_S, Decimal("100.01"))


def test_fills_at_the_open_without_a_quote() -> None:
    """Where nothing is quoted, or the quote is crossed, the fill is the open of the first bar with a trade."""
    late = [Bar(14, (10_020, 10_050, 10_000, 10_030)), Bar(15)]
    bars = [*flat(0, 11), Bar(11, None), Bar(13, None, (10_011, 10_000), crossed=True), *late]
    trade = only(traded([heard(BUY, 10)], bars))
    assert (trade.entry_ns, trade.entry_price) == (14 * NS_PER_S, Decimal("100.20"))


def test_stop_comes_before_target() -> None:
    """A bar that holds both stop and target is taken to have met the stop first, for either side."""
    both = [*flat(0, 13), Bar(13, (10_000, 11_500, 8_500, 10_000)), Bar(14)]
    for signal, price in ((BUY, Decimal(90)), (SELL, Decimal(110))):
        trade = only(traded([heard(signal, 10)], both))
        assert (trade.exit, trade.exit_price, trade.exit_ns) == (Exit.STOP, price, 14 * NS_PER_S)


def test_a_gap_fills_beyond_the_stop_but_not_beyond_the_target() -> None:
    """A bar that opens beyond the stop fills at its open; one that opens beyond the target fills at the target."""
    fallen = traded([heard(BUY, 10)], [*flat(0, 13), Bar(13, (8_000, 8_100, 7_900, 8_000))])
    risen = traded([heard(BUY, 10)], [*flat(0, 13), Bar(13, (12_000, 12_100, 11_900, 12_000))])
    assert (only(fallen).exit, only(fallen).exit_price) == (Exit.STOP, Decimal(80))
    assert (only(risen).exit, only(risen).exit_price) == (Exit.TARGET, Decimal(110))


def test_costs_are_exact() -> None:
    """Fees are of every fill's value, slippage of every market order's price, and a target pays no slippage."""
    found = traded([heard(BUY, 10)], [*flat(0, 13), Bar(13, (11_000, 11_000, 11_000, 11_000))], COSTLY)
    trade = only(found)
    assert trade.entry_price == Decimal("100.025")
    assert trade.quantity == Decimal("9.9875")  # the lots that 1000 pays for, the entry's fee of 0.1 % included
    assert trade.exit_price == Decimal(110)
    assert trade.fees == (Decimal("100.025") + 110) * Decimal("9.9875") / 1000
    assert trade.profit == (110 - Decimal("100.025")) * Decimal("9.9875") - trade.fees


def test_one_position_at_a_time() -> None:
    """A signal the same way is passed over; one the other way closes the position and opens its own."""
    found = traded([heard(BUY, 5), heard(BUY, 7), heard(SELL, 10)], flat(0, 20))
    first, second = found.trades
    assert (first.exit, first.exit_ns, second.entry_ns) == (Exit.REVERSED, 11 * NS_PER_S, 11 * NS_PER_S)
    assert (first.quantity, second.quantity) == (Decimal(10), Decimal(10))
    assert (fate(found, Fate.TRADED), fate(found, Fate.HELD)) == (2, 1)


def test_a_stop_comes_before_what_fills_at_the_bars_end() -> None:
    """A bar whose range meets the stop ends the position before an order that fills at the quote at its end."""
    fallen = Bar(11, (10_000, 10_000, 8_500, 9_500), (9_499, 9_501))
    for signal in (SELL, BUY):
        bars = [*flat(0, 11), fallen, Bar(12, (9_500, 9_500, 9_500, 9_500))]
        first, second = traded([heard(BUY, 5), heard(signal, 10)], bars).trades
        assert (first.exit, first.exit_price) == (Exit.STOP, Decimal(90))
        assert (second.entry_ns, second.side.value) == (12 * NS_PER_S, signal.action.value)


def test_open_at_the_end() -> None:
    """What nothing ended stays open at the last close, and has paid for its entry only."""
    trade = only(traded([heard(BUY, 5)], [*flat(0, 19), Bar(19, (10_000, 10_500, 10_000, 10_500))], COSTLY))
    assert not trade.closed
    assert (trade.exit_ns, trade.exit_price) == (20 * NS_PER_S, Decimal(105))
    assert trade.fees == trade.entry_fee


def test_signals_that_cannot_be_traded_are_counted() -> None:
    """Each signal that opens nothing is counted with the reason."""
    signals = [
        heard(BUY, 1),
        heard(BUY, 8, take_profit=10_000),
        heard(BUY, 30),
        heard(replace(BUY, action=Action.HOLD), 8),
    ]
    found = traded(signals, flat(0, 20), from_ns=5 * NS_PER_S)
    assert found.trades == ()
    assert [fate(found, one) for one in (Fate.WARM_UP, Fate.OVERTAKEN, Fate.UNFILLED)] == [1, 1, 1]
    assert fate(traded([heard(BUY, 1)], flat(0, 9), capital=Decimal("0.001")), Fate.UNFUNDED) == 1


def test_sizing_by_signal() -> None:
    """Sized by its signal, a position takes that percentage of its share; 0 is not traded."""
    sized = replace(FREE, sizing=Sizing.SIGNAL)
    quarter = replace(BUY.evidence, position_size_pct=25.0)
    assert only(traded([heard(BUY, 1, evidence=quarter)], flat(0, 9), sized)).quantity == Decimal("2.5")
    assert fate(traded([heard(BUY, 1)], flat(0, 9), sized), Fate.UNSIZED) == 1


def test_shares_are_equal_and_apart() -> None:
    """Instruments trade equal shares of the capital, and one's loss leaves the other's share as it was."""
    btc = replace(ETH, instrument_id="BTC-USDT.BINANCE")
    down = price_bars([*flat(0, 8), Bar(8, (8_000, 8_000, 8_000, 8_000)), *flat(9, 20)])
    books = {ETH.instrument_id: down, btc.instrument_id: price_bars(flat(0, 20), btc)}
    signals = [heard(BUY, 1), heard(BUY, 10), heard(BUY, 10, instrument_id=btc.instrument_id)]
    lost, other, again = account(signals, books, FREE, capital=CAPITAL).trades
    assert (lost.quantity, other.quantity, again.quantity) == (Decimal(5), Decimal(5), Decimal(4))


def test_no_signals() -> None:
    """Without signals, or without bars, there is nothing to account for."""
    assert traded([], flat(0, 9)).trades == ()
    assert account([heard(BUY, 1)], {}, FREE, capital=CAPITAL).trades == ()
    assert hold({}, FREE, capital=CAPITAL) == ()


def test_holding_buys_once() -> None:
    """Buying and holding buys each instrument at the first price from the beginning on, with costs, and keeps it."""
    bars = {ETH.instrument_id: price_bars([*flat(0, 9), Bar(9, (10_000, 12_000, 10_000, 12_000))])}
    (trade,) = hold(bars, COSTLY, capital=CAPITAL, from_ns=3 * NS_PER_S)
    assert (trade.entry_ns, trade.entry_price, trade.exit_price) == (3 * NS_PER_S, Decimal("100.025"), Decimal(120))
    assert trade.profit == (120 - Decimal("100.025")) * trade.quantity - trade.entry_fee


@pytest.mark.parametrize(
    "changes", [{"delay_ns": -1}, {"slippage_bps": Decimal(-1)}, {"fee_bps": Decimal(10_000)}], ids=str
)
def test_terms_that_pay_for_trading_are_refused(changes: dict[str, Any]) -> None:
    """Terms with a delay or slippage below zero, or a fee of everything, are refused."""
    with pytest.raises(ValueError, match="not negative"):
        replace(FREE, **changes)


def test_capital_is_positive() -> None:
    """Without capital nothing is shared out."""
    with pytest.raises(ValueError, match="more than 0"):
        traded([], [], capital=Decimal(0))
    assert share_of(Decimal("0.05"), 3) == Decimal("0.01")


PRICES = st.integers(8_500, 11_500)


@st.composite
def random_bars(draw: st.DrawFn) -> list[Bar]:
    """Draw bars with holes between them, with and without trades and quotes."""
    bars = []
    for second in sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=25))):
        first, last, one, two = (draw(PRICES) for _ in range(4))
        ohlc = (first, max(first, last, one, two), min(first, last, one, two), last)
        bid, spread = draw(PRICES), draw(st.integers(0, 30))
        quote = draw(st.sampled_from([None, (bid, bid + spread)]))
        bars.append(Bar(second, draw(st.sampled_from([ohlc, ohlc, None])), quote, crossed=draw(st.booleans())))
    return bars


@st.composite
def random_signals(draw: st.DrawFn) -> list[Heard]:
    """Draw signals of both sides, close to each other, with near and far stops and targets."""
    signals = []
    for second in sorted(draw(st.sets(st.integers(0, 42), max_size=8))):
        way = draw(st.sampled_from((1, -1)))
        stop, target = (10_000 - way * draw(st.integers(1, 1500)), 10_000 + way * draw(st.integers(1, 1500)))
        signals.append(heard(BUY if way == 1 else SELL, second, stop_loss=stop, take_profit=target))
    return signals


TERMS = st.builds(
    Terms,
    fee_bps=st.sampled_from([Decimal(0), Decimal(10), Decimal("7.5")]),
    slippage_bps=st.sampled_from([Decimal(0), Decimal(1), Decimal("3.25")]),
    delay_ns=st.sampled_from([0, 100_000_000, 3 * NS_PER_S]),
)


@settings(max_examples=examples(1000), deadline=None)
@given(random_bars(), random_signals(), TERMS)
def test_equals_a_plain_account(bars: list[Bar], signals: list[Heard], terms: Terms) -> None:
    """Trades, prices, quantities and profits equal, to the last digit, those of walking the bars one by one."""
    found = traded(signals, bars, terms)
    expected = plain_account(signals, bars, terms, Fraction(CAPITAL))
    ours = [
        (
            *(one.signal_id, one.entry_ns, Fraction(one.entry_price), Fraction(one.quantity), one.exit_ns),
            *(Fraction(one.exit_price), one.exit.value, Fraction(one.profit)),
        )
        for one in found.trades
    ]
    theirs = [(o.signal_id, o.entry_ns, o.entry, o.quantity, o.exit_ns, o.exit, o.why, o.profit) for o in expected]
    assert ours == theirs
    assert sum(number for _, number in found.fates) == len(signals)


@settings(max_examples=examples(300), deadline=None)
@given(random_bars(), random_signals(), TERMS, st.integers(0, 40))
def test_the_past_of_an_entry_does_not_matter(bars: list[Bar], signals: list[Heard], terms: Terms, cut: int) -> None:
    """Without the bars from before a signal could act its trade is the same, and the future changes no exit."""
    for one in signals[:1]:
        act_ns = one.known_ns + terms.delay_ns
        whole = traded([one], bars, terms)
        behind = [bar for bar in bars if bar.second * NS_PER_S >= act_ns]
        assert traded([one], behind, terms).trades == whole.trades
        assert all(trade.entry_ns >= act_ns for trade in whole.trades)
        ahead = [bar for bar in bars if bar.second <= cut]
        known = [one for one in traded([one], ahead, terms).trades if one.closed]
        assert known == [one for one in whole.trades if one.closed and one.exit_ns <= (cut + 1) * NS_PER_S]
