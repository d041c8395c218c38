"""What an account is worth adds up at any time, knows nothing of later, and its trades are told from flat to flat."""

import csv
import pathlib
import warnings
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from valued import BTC, ETH, HOUR, MIDNIGHT, RULES, history, trade

from functions.domain.market import NS_PER_S
from functions.domain.portfolio.analytics import (
    Mark,
    Performance,
    Standing,
    performance,
    rates_at,
    rates_throughout,
    standing,
    times_between,
)
from functions.domain.portfolio.books import Trade
from functions.domain.portfolio.history import History, Trip, fold, total

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the oracle's own imports
    import empyrical

END = MIDNIGHT + 24 * HOUR
DAY = history(
    trade(1, 1, "2", "100", fee="0.2"),
    trade(2, 2, "2", "110", fee="0.22"),
    trade(3, 3, "-3", "120", fee="0.36"),
    trade(4, 4, "-2", "90", fee="0.18"),
    trade(5, 5, "0.5", "2000", fee="1", of=BTC),
)
"""Buys 4 at 105, sells 3 at 120, then crosses zero: sells the last at 90 and one short at 90; buys half a BTC."""


def standing_at(one: History, as_of_ns: int = END, **prices: str) -> Standing:
    """Value an account at given prices of ETH and BTC."""
    names = {"eth": ETH, "btc": BTC}
    marks = {names[key]: Mark(Decimal(price), as_of_ns) for key, price in prices.items()}
    return standing(fold(one, rules=RULES, as_of_ns=as_of_ns), marks)


def performed(one: History, hours: range, prices: dict[str, list[str]] | None = None) -> Performance:
    """Value an account at hours after midnight."""
    times = MIDNIGHT + np.array(hours) * HOUR
    marks = {
        name: [Mark(Decimal(price), at) for price, at in zip(found, times.tolist(), strict=True)]
        for name, found in (prices or {}).items()
    }
    folded = fold(one, rules=RULES, as_of_ns=int(times[-1]))
    return performance(folded, marks, times=times, step_s=hours.step * 3600)


def trips_at(one: History, as_of_ns: int = END) -> tuple[Trip, ...]:
    """Give the trades known at a time."""
    return fold(one, rules=RULES, as_of_ns=as_of_ns).trips


# --- standing ---------------------------------------------------------------------------------------------------------


def test_by_hand() -> None:
    """A day's figures are those a pencil gives.

    Closed: 3 * (120 - 105) = 45, then 90 - 105 = -15, so 30, less fees of 1.96. Held: 1 short at 90, worth -80 and so
    up by 10; half a BTC at 2000, worth 1050 and so up by 50.
    """
    found = standing_at(DAY, eth="80", btc="2100")
    assert (found.realised, found.fees, found.unrealised) == (Decimal("28.04"), Decimal("1.96"), Decimal(60))
    assert (found.worth, found.value) == (Decimal(970), Decimal("10088.04"))
    assert found.cash == Decimal("9118.04")
    assert found.return_pct == Decimal("0.8804")
    by_name = {one.position.instrument_id: one for one in found.holdings}
    short = by_name[ETH]
    assert (short.position.quantity, short.entry_price, short.worth) == (-1, 90, -80)
    assert (short.unrealised, short.gain_pct) == (10, Decimal("11.11111111"))


TRADES = st.lists(
    st.tuples(
        st.integers(0, 23), st.integers(-30, 30).filter(bool), st.integers(1, 999), st.integers(0, 5), st.booleans()
    ),
    max_size=25,
)


@settings(max_examples=examples(300), deadline=None)
@given(TRADES, st.integers(0, 24), st.integers(1, 999), st.integers(1, 999))
def test_it_adds_up(drawn: list[tuple[int, int, int, int, bool]], hour: int, eth: int, btc: int) -> None:
    """At any time cash and positions are the value, the value less the capital is all profit, and parts are sums."""
    made = [
        trade(n, h, f"{q}e-3", str(p), fee=f"{f}e-2", of=ETH if first else BTC)
        for n, (h, q, p, f, first) in enumerate(drawn)
    ]
    one = history(*made, held=[(ETH, "-1.5", "70")])
    found = standing_at(one, MIDNIGHT + hour * HOUR, eth=str(eth), btc=str(btc))
    assert found.value == found.cash + total(holding.worth for holding in found.holdings)
    assert total([found.value, -found.capital]) == total([found.realised, found.unrealised])
    known = [t for t in made if t.as_of_ns <= found.as_of_ns]
    paid = sum((t.quantity * t.price + t.fee for t in known), Decimal(0)) - Decimal("1.5") * 70
    assert found.cash == found.capital - paid
    marks = {ETH: [Mark(Decimal(eth), 1)], BTC: [Mark(Decimal(btc), 1)]}
    folded = fold(one, rules=RULES, as_of_ns=found.as_of_ns)
    (value,) = performance(folded, marks, times=np.array([found.as_of_ns]), step_s=1).equity
    assert value == found.value


@settings(max_examples=examples(200), deadline=None)
@given(TRADES, st.integers(0, 23))
def test_nothing_of_later(drawn: list[tuple[int, int, int, int, bool]], hour: int) -> None:
    """What happens after a time changes nothing that is told as of it."""
    made = [trade(n, h, str(q), str(p), of=ETH if first else BTC) for n, (h, q, p, _, first) in enumerate(drawn)]
    as_of_ns = MIDNIGHT + hour * HOUR
    before = history(*(one for one in made if one.as_of_ns <= as_of_ns))
    for one in (history(*made), before):
        assert standing_at(one, as_of_ns, eth="5", btc="7") == standing_at(before, as_of_ns, eth="5", btc="7")
        assert trips_at(one, as_of_ns) == trips_at(before, as_of_ns)


def test_without_bars() -> None:
    """What no bar has priced is worth the account's own last fill, and says so with that fill's time."""
    found = standing_at(DAY, btc="2100")
    (short,) = [one for one in found.holdings if one.position.instrument_id == ETH]
    assert short.mark == Mark(Decimal(90), MIDNIGHT + 4 * HOUR, fill=True)
    opened = standing_at(history(held=[(ETH, "2", "100")]))
    assert [one.mark for one in opened.holdings] == [Mark(Decimal(100), 0, fill=True)]
    assert (opened.value, opened.cash) == (10_000, 9_800)


def test_another_currency() -> None:
    """What is traded in another currency is in no figure, and named."""
    foreign = trade(6, 6, "1", "50", of="AAPL-USD.XNAS")
    mixed = history(*DAY.trades, foreign)
    found, alone = standing_at(mixed, eth="80", btc="2100"), standing_at(DAY, eth="80", btc="2100")
    assert replace(found, left_out=()) == alone
    assert found.left_out == ("AAPL-USD.XNAS",)
    did = performed(mixed, range(25))
    assert (did.left_out, did.fills) == (("AAPL-USD.XNAS",), 5)
    assert {one.instrument_id for one in trips_at(mixed)} == {ETH, BTC}


SHARES = history(
    trade(1, 1, "10", "50", fee="1", of="AAPL-USD.XNAS"),
    trade(2, 2, "-4", "60", fee="0.5", of="AAPL-USD.XNAS"),
)


def test_converted() -> None:
    """With a rate everything in another currency counts at it, what it cost and earned as well; prices stay its own."""
    folded = fold(SHARES, rules=RULES, as_of_ns=END, rated={"USD"})
    marks = {"AAPL-USD.XNAS": Mark(Decimal(70), END)}
    found = standing(folded, marks, {"USD": Decimal("1.25")})
    assert found.left_out == ()
    assert (found.cash, found.worth) == (10_000 + Decimal("1.25") * (-501 + Decimal("239.5")), Decimal("1.25") * 420)
    assert (found.realised, found.fees) == (Decimal("1.25") * (40 - Decimal("1.5")), Decimal("1.875"))
    assert found.value == 10_000 + found.realised + found.unrealised
    (share,) = found.holdings
    assert (share.entry_price, share.mark.price, share.gain_pct) == (50, 70, 40)


def test_curve_follows_the_rate() -> None:
    """At each time of a curve the rate of that time holds, and a currency whose rate is missing then is left out."""
    hours = MIDNIGHT + np.array([0, 1, 2]) * HOUR
    rates = {"USD": [None, Decimal(1), Decimal(2)]}
    known = rates_throughout(rates, SHARES, hours, RULES)
    folded = fold(SHARES, rules=RULES, as_of_ns=int(hours[-1]), rated=known)
    did = performance(folded, {}, times=hours, step_s=3600, rates=known)
    assert did.equity == (10_000, 10_000 - 1, 10_000 + 2 * (-501 + Decimal("239.5") + 360))
    assert (did.fees, did.left_out) == (3, ())
    assert rates_throughout({"USD": [None, None, Decimal(2)]}, SHARES, hours, RULES) == {}
    early = history(held=[("AAPL-USD.XNAS", "1", "50")])
    assert rates_throughout(rates, early, hours, RULES) == {}


def test_rates_of_pairs() -> None:
    """A pair is read either way round, the first that has a close is taken, and other instruments tell no rate."""
    one = [Mark(Decimal(4), END), None]
    two = [Mark(Decimal(5), END), Mark(Decimal(8), END)]
    marks = {"USDT-USD.X": one, "USDT-USD.Y": two, "EUR-USD.X": two, "EUR.X": two}
    assert rates_at(marks, tuple(marks), "USDT") == {"USD": [Decimal("0.25"), Decimal("0.125")]}


def test_corrections() -> None:
    """A correction stands in the place of what it corrects once it is told, and one of quantity 0 takes it back."""
    wrong, right = trade(1, 1, "1", "100"), trade(2, 5, "1", "90", replaces=1)
    gone = trade(3, 7, "0", "0")._replace(replaces="o1/x2")
    one = history(wrong, right, gone)
    values = [standing_at(one, MIDNIGHT + hour * HOUR, eth="100").value for hour in (4, 6, 8)]
    assert values == [10_000, 10_010, 10_000]
    assert standing_at(one, eth="100").holdings == ()


# --- trades from flat to flat -----------------------------------------------------------------------------------------


def test_trips() -> None:
    """A position that crosses zero makes two trades, whose fees and profits are its own parts of the fill's."""
    long, short, held = sorted(trips_at(DAY), key=lambda one: one.entry_ns)
    assert (long.long, long.closed, long.entered, long.left) == (True, True, 4, 4)
    assert (long.entry_price, long.exit_price) == (105, Decimal("112.5"))
    assert (long.fees, long.profit) == (Decimal("0.87"), Decimal("29.13"))
    assert (long.entry_ns, long.exit_ns) == (MIDNIGHT + HOUR, MIDNIGHT + 4 * HOUR)
    assert (short.long, short.closed, short.entered, short.exit_price) == (False, False, 1, None)
    assert (short.entry_price, short.profit, short.entry_ns) == (90, Decimal("-0.09"), MIDNIGHT + 4 * HOUR)
    assert (held.instrument_id, held.closed, held.profit) == (BTC, False, -1)


@settings(max_examples=examples(300), deadline=None)
@given(TRADES)
def test_trips_earn_what_was_realised(drawn: list[tuple[int, int, int, int, bool]]) -> None:
    """Profits and fees of all trades add up to what the account realised and paid, however fees were split."""
    made = [
        trade(n, h, f"{q}e-3", str(p), fee=f"{f}e-2", of=ETH if first else BTC)
        for n, (h, q, p, f, first) in enumerate(drawn)
    ]
    one = history(*made, held=[(ETH, "0.01", "70")])
    found, all_of = standing_at(one), trips_at(one)
    assert total(trip.profit for trip in all_of) == found.realised
    assert total(trip.fees for trip in all_of) == found.fees
    still = {trip.instrument_id for trip in all_of if not trip.closed}
    assert still == {holding.position.instrument_id for holding in found.holdings}


# --- over time --------------------------------------------------------------------------------------------------------


def test_performance_by_hand() -> None:
    """A curve follows prices and fills, and its figures are of its own span: here from the third hour on."""
    found = performed(DAY, range(2, 6), {ETH: ["110", "120", "90", "80"], BTC: ["2000"] * 4})
    assert found.equity == (Decimal("10019.58"), Decimal("10059.22"), Decimal("10029.04"), Decimal("10038.04"))
    assert (found.profit, found.fees, found.fills) == (Decimal("18.46"), Decimal("1.54"), 3)
    assert found.return_pct == Decimal("0.18423926")
    assert [one.profit for one in found.trips] == [Decimal("29.13")]
    assert found.win_rate == 1.0
    assert found.drawdown.max() == pytest.approx(1 - 10029.04 / 10059.22)
    assert (found.sharpe, found.sortino, found.volatility) == (None, None, None)


def test_real_prices(captures: pathlib.Path) -> None:
    """On real daily closes profits are exact to the last digit, and ratios of the account's curve are empyrical's.

    Ten Apple are bought at 171.610001 and four sold at 170.050003, five Mastercard are sold short at 173.443008: at
    172.440002 and 172.360001 that makes 4 * -1.559998 + 6 * 0.830001 - 5 * -1.083007 = 4.155049.
    """
    with (captures / "prices_daily" / "stock_prices_20tickers.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["AAPL"] and row["MA"]][-500:]
    prices = {ETH: [row["AAPL"] for row in rows], BTC: [row["MA"] for row in rows]}
    first = len(rows) - 6
    trades = ((first, "10", ETH), (first, "-5", BTC), (first + 3, "-4", ETH))
    told = history(*(trade(n, 24 * at, size, prices[of][at], of=of) for n, (at, size, of) in enumerate(trades, 1)))
    last = performed(told, range(24 * first, 24 * len(rows), 24), {name: one[first:] for name, one in prices.items()})
    assert last.profit == Decimal("4.155049")
    held = history(capital="1000", held=[(ETH, "10", prices[ETH][0]), (BTC, "-5", prices[BTC][0])])
    whole = performed(held, range(0, 24 * len(rows), 24), prices)
    closes = {name: np.array(one, np.float64) for name, one in prices.items()}
    worth = 1000 + 10 * (closes[ETH] - closes[ETH][0]) - 5 * (closes[BTC] - closes[BTC][0])
    returns = worth[1:] / worth[:-1] - 1
    assert whole.values == pytest.approx(worth, rel=1e-12)
    assert whole.sharpe == pytest.approx(empyrical.sharpe_ratio(returns, annualization=365), rel=1e-9)
    assert whole.sortino == pytest.approx(empyrical.sortino_ratio(returns, annualization=365), rel=1e-9)
    assert whole.volatility == pytest.approx(empyrical.annual_volatility(returns, annualization=365), rel=1e-9)
    assert whole.drawdown.max() == pytest.approx(-empyrical.max_drawdown(returns), rel=1e-9)


def test_ratios_of_whole_steps() -> None:
    """A last step that is shorter than the others is in the curve, and in no ratio: its return is of another length."""
    days = history(*(trade(at, 24 * at + 1, "1", str(100 + at * at)) for at in range(4)))
    prices = {ETH: [str(100 + at * 7 % 11) for at in range(5)]}
    whole = performed(days, range(0, 24 * 5, 24), prices)
    cut = replace(whole, times=np.append(whole.times, whole.times[-1] + HOUR), equity=(*whole.equity, Decimal(1)))
    assert whole.sharpe is not None
    assert (cut.sharpe, cut.sortino, cut.volatility) == (whole.sharpe, whole.sortino, whole.volatility)
    assert cut.drawdown.max() > 0.99


def test_an_account_worth_nothing() -> None:
    """Where the first point is not above 0 there is no return, and no drawdown from it."""
    found = performed(history(capital="0"), range(25))
    assert (found.return_pct, found.sharpe, float(found.drawdown.max())) == (None, None, 0.0)


@pytest.mark.parametrize(("seconds", "step_s"), [(0, 1), (1999.5, 1), (86_400, 60), (86_399, 60)])
def test_times_end_where_asked(seconds: float, step_s: int) -> None:
    """A curve ends at the very time that was asked for, never after it."""
    end = MIDNIGHT + round(seconds * NS_PER_S)
    times, step = times_between(MIDNIGHT, end)
    assert (int(times[0]), int(times[-1]), step) == (MIDNIGHT, end, step_s)
    assert (np.diff(times) > 0).all()


def test_late_fills_are_worth_the_same() -> None:
    """A fill that came late on the stream counts from its own time on."""
    late = history(trade(1, 3, "1", "100"), Trade(2, MIDNIGHT + HOUR, ETH, Decimal(1), Decimal(90)))
    assert performed(late, range(5), {ETH: ["100"] * 5}).equity == (10_000, 10_010, 10_010, 10_010, 10_010)
