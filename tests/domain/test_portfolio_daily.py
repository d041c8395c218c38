"""A day is a zone's own, and what days and instruments earn adds up to what the account is worth."""

import datetime as dt
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from valued import BTC, ETH, HOUR, MIDNIGHT, RULES, history, trade

from functions.domain.portfolio.analytics import Mark
from functions.domain.portfolio.daily import Daily, daily, day_span, last_whole_day
from functions.domain.portfolio.history import History, fold, total

FIRST = dt.date(2024, 3, 1)
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu"]
).map(ZoneInfo)


def day_of(told: History, begin_hour: int, end_hour: int, prices: dict[str, tuple[str, str]]) -> Daily:
    """Sum up the time between two hours after the first midnight, with prices at its begin and its end."""
    times = MIDNIGHT + np.array([begin_hour, end_hour]) * HOUR
    marks = {
        name: [Mark(Decimal(price), at) for price, at in zip(found, times.tolist(), strict=True)]
        for name, found in prices.items()
    }
    return daily(told, marks, rules=RULES, times=times, step_s=(end_hour - begin_hour) * 3600)


def test_by_hand() -> None:
    """A day's figures are those a pencil gives.

    Two coins were bought at 100 the day before and stood at 110. One is sold at 115 for a fee of 0.5: 15 - 0.5 are
    realised, and the other, at 104 now, would earn 4 where both would have earned 20.
    """
    told = history(trade(1, 5, "2", "100"), trade(2, 30, "-1", "115", fee="0.5"), trade(3, 48, "1", "1"))
    day = day_of(told, 24, 48, {ETH: ("110", "104")})
    (only,) = day.instruments
    assert (only.opening, only.closing, only.price, only.fills, only.fees) == (2, 1, 104, 1, Decimal("0.5"))
    assert (only.realised, only.unrealised, only.profit) == (Decimal("14.5"), -16, Decimal("-1.5"))
    assert (day.opening.value, day.closing.value, day.profit) == (10_020, Decimal("10018.5"), Decimal("-1.5"))
    assert day.return_pct == Decimal("-0.01497006")
    assert (day.realised, day.unrealised, day.fees) == (only.realised, only.unrealised, only.fees)
    assert day.performance.equity == (10_020, Decimal("10018.5"))
    assert day.performance.fills == 1


TRADES = st.lists(
    st.tuples(
        st.integers(0, 71),
        st.integers(-30, 30).filter(bool),
        st.integers(1, 999),
        st.integers(-2, 5),
        st.booleans(),
        st.booleans(),
    ),
    max_size=20,
).map(sorted)
PRICES = st.lists(st.integers(1, 999), min_size=4, max_size=4)


@settings(max_examples=examples(300), deadline=None)
@given(TRADES, PRICES, PRICES)
def test_days_add_up(drawn: list[tuple[int, int, int, int, bool, bool]], eth: list[int], btc: list[int]) -> None:
    """Instruments earn the day's profit, and days the account's, whatever is corrected; each opens as one ended."""
    made, of = [], ETH
    for n, (h, q, p, f, first, corrects) in enumerate(drawn, start=1):
        of = of if corrects else ETH if first else BTC  # a correction is of what it corrects
        made.append(trade(n, h, f"{q}e-3", str(p), fee=f"{f}e-2", of=of, replaces=n - 1 if corrects else 0))
    told = history(*made, held=[(BTC, "-1.5", "70")])
    days = [
        day_of(
            told, 24 * at, 24 * at + 24, {ETH: (str(eth[at]), str(eth[at + 1])), BTC: (str(btc[at]), str(btc[at + 1]))}
        )
        for at in range(3)
    ]
    for day in days:
        assert total(one.profit for one in day.instruments) == day.profit == total((day.realised, day.unrealised))
        assert total(one.fees for one in day.instruments) == day.fees
    assert total(day.profit for day in days) == days[2].closing.value - days[0].opening.value
    assert all(one.closing == two.opening for one, two in pairwise(days))


def test_half_open() -> None:
    """A fill at midnight is the day's that begins, not the one's that ends."""
    told = history(trade(1, 24, "1", "100"))
    fills = [day_of(told, at, at + 24, {ETH: ("100", "100")}).performance.fills for at in (0, 24)]
    assert fills == [0, 1]
    assert [len(day_of(told, at, at + 24, {}).instruments) for at in (0, 24, 48)] == [0, 1, 1]


def test_corrected_a_day_later() -> None:
    """A fill that is corrected a day later was made when it was made: the curve holds it from the day's beginning."""
    bought, sold = trade(1, 5, "2", "100"), trade(2, 8, "-1", "120")
    told = history(bought, sold, trade(3, 34, "2", "101", replaces=1))
    day = day_of(told, 24, 48, {ETH: ("150", "150")})
    assert (day.opening.value, day.profit) == (10_070, -2)
    assert (day.performance.equity, day.performance.fills) == ((10_068, 10_068), 0)
    (trip,) = fold(told, rules=RULES, as_of_ns=day.end_ns).trips
    assert (trip.entry_ns, trip.exit_ns) == (bought.as_of_ns, sold.as_of_ns)


def test_taken_back_a_day_later() -> None:
    """What both legs of a closed trade had earned is lost on the day on which they are taken back, flat or not."""
    legs = trade(1, 1, "1", "100"), trade(2, 2, "-1", "150")
    gone = trade(3, 25, "0", "100", replaces=1), trade(4, 26, "0", "150", replaces=2)
    day = day_of(history(*legs, *gone), 24, 48, {})
    assert day.profit == total(one.profit for one in day.instruments) == Decimal(-50)


# --- whose days -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "date", "begin", "hours"),
    [
        ("UTC", "2024-03-31", "2024-03-31T00:00:00+00:00", 24),
        ("Europe/Berlin", "2024-03-31", "2024-03-30T23:00:00+00:00", 23),
        ("Europe/Berlin", "2024-10-27", "2024-10-26T22:00:00+00:00", 25),
        ("America/New_York", "2024-03-10", "2024-03-10T05:00:00+00:00", 23),
        ("America/New_York", "2024-11-03", "2024-11-03T04:00:00+00:00", 25),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00+00:00", 23),
        ("America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00+00:00", 25),
        ("Australia/Lord_Howe", "2024-04-07", "2024-04-06T13:00:00+00:00", 24.5),
    ],
)
def test_days_of_zones(zone: str, date: str, begin: str, hours: float) -> None:
    """Days are as long as clocks make them, where midnight is skipped too, or comes twice: the first one counts."""
    found = day_span(dt.date.fromisoformat(date), ZoneInfo(zone))
    assert found[0] == round(dt.datetime.fromisoformat(begin).timestamp()) * 10**9
    assert found[1] - found[0] == round(hours * HOUR)


@settings(max_examples=examples(500), deadline=None)
@given(st.dates(dt.date(1990, 1, 1), dt.date(2037, 1, 1)), ZONES, st.integers(0, 86_399))
def test_days_leave_no_gap(date: dt.date, zone: ZoneInfo, second: int) -> None:
    """Each day begins where the one before ended, and the last whole day before a time in one is the one before."""
    begin, end = day_span(date, zone)
    assert day_span(date - dt.timedelta(days=1), zone)[1] == begin < end
    for time_ns in (begin, min(begin + second * 10**9, end - 1), end - 1):
        assert last_whole_day(time_ns, zone) == date - dt.timedelta(days=1)
    assert last_whole_day(end, zone) == date
