"""Rows say how accounts stood at the ends of windows, whatever came first."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from accounted import ETH, EURUSDT, HERE, RULES, SOL, TEN, THERE, fill, final, fold, minute, numbered, rows

from functions.domain.errors import Rejected
from functions.domain.market import BAR_REVISED, InstrumentRef
from functions.domain.portfolio.books import BookRules
from functions.domain.portfolio.fold import FILLS_PER_WINDOW, WINDOW_NS, fold_step
from functions.domain.portfolio.marks import MARK_NS, MINUTES
from functions.domain.portfolio.measures import expected_shortfall, var_historical, var_parametric
from functions.domain.portfolio.metrics import (
    CORRECTION_LOST,
    FILLS_MISSING,
    FROM_FILL,
    NO_RATE,
    STALE_MARK,
    LimitBreach,
    MetricRules,
    Window,
)
from functions.domain.portfolio.state import Opening, Rules, line_of, start

FIRST = Window(TEN, TEN + WINDOW_NS)
ELEVENTH = Window(TEN, TEN + MARK_NS)


def test_window() -> None:
    """A window of 50 ms with a fill is told once time has passed its end, at the marks known by then."""
    story = [minute(10, 310_000), (0, fill(0, "10", after_ms=7)), (1, fill(1, "2", after_ms=49))]
    assert fold(story) == []
    (row,) = rows(fold([*story, (2, fill(2, "1", after_ms=50))]))
    assert (row.window, row.fills, row.revision) == (FIRST, 2, 3)
    assert row.totals is not None
    assert (row.totals.cash, row.totals.equity) == (Decimal(64_000), Decimal(101_200))
    assert (row.totals.unrealised, row.totals.gross, row.peak) == (Decimal(1_200), Decimal(37_200), Decimal(101_200))
    assert row.holdings[0].mark == Decimal(3_100)


def test_minutes() -> None:
    """Every minute at whose end something traded closed is told, flat or not; before a first fill none is."""
    story = [minute(10, 300_000), (0, fill(0, "1")), minute(11, 310_000), (1, fill(1, "-1", "3100", after_ms=60_000))]
    told = rows(fold([*story, minute(12, 320_000), minute(13, 330_000, instrument=SOL, shard=THERE)]))
    minutes = [row.window.end_ns // MARK_NS for row in told if row.window.is_minute]
    assert minutes == [11, 12]
    assert [row.totals.equity for row in told if row.totals] == [Decimal(100_000 + n) for n in (0, 100, 100, 100)]


def test_hundred_fills() -> None:
    """A hundred fills close a part of a window at once, and the rest of it is told at its end."""
    told = fold(numbered([fill(n, "0.01") for n in range(FILLS_PER_WINDOW)]))
    assert [(row.window, row.fills) for row in rows(told)] == [(FIRST, 100)]
    more = [fill(n, "0.01", after_ms=n // 130 * 50) for n in range(131)]
    told = fold(numbered(more), replace(RULES, fills_max=500))
    assert [(row.window.part, row.fills) for row in rows(told)] == [(0, 100), (1, 130)]


def test_late_fill() -> None:
    """A fill of an earlier time makes the rows from there on be told again, with a higher revision."""
    story = [minute(10, 300_000), (0, fill(0, "1", after_ms=100)), minute(11, 310_000)]
    told = fold([*story, (1, fill(1, "2", after_ms=10))])
    assert [(row.window.start_ns - TEN, row.revision, row.fills) for row in rows(told)] == [
        (100_000_000, 2, 1),
        (0, 3, 1),
        (0, 2, 1),
        (100_000_000, 3, 2),
        (0, 4, 2),
    ]


def test_correction() -> None:
    """A corrected fill is folded again where it stood, from the time of its correction on."""
    wrong, right = fill(0, "10", "3000"), fill(1, "10", "3001", after_ms=70, replaces="e0")
    sold = fill(2, "-4", "3010", after_ms=130)
    told = fold([minute(10, 300_000), *numbered([wrong, right, sold]), minute(11, 300_000)])
    before, after, last, _ = rows(told)
    assert [row.holdings[0].cost for row in (before, after, last)] == [30_000, 30_010, 18_006]
    assert last.holdings[0].realised == Decimal(36)


def test_taken_back() -> None:
    """A fill that is taken back leaves no position and no profit."""
    told = fold([*numbered([fill(0, "10"), fill(1, "0", "0", after_ms=70, replaces="e0")]), minute(11, 310_000)])
    assert [len(row.holdings) for row in rows(told)] == [1, 0, 0]
    assert (
        rows(told)[-1].totals == rows(fold([*numbered([fill(0, "1"), fill(1, "-1")]), minute(11, 310_000)]))[0].totals
    )


def test_unknown_correction() -> None:
    """A correction of a fill that the books do not know is flagged from there on, also once it is settled."""
    rules = replace(RULES, fills_max=2)
    fills = [
        fill(0, "1"),
        fill(1, "1", after_ms=60, replaces="e9"),
        *(fill(n, "1", after_ms=60 * n) for n in range(2, 9)),
    ]
    flags = [row.flags & CORRECTION_LOST for row in rows(fold(numbered(fills), rules))]
    assert flags == [0, *[CORRECTION_LOST] * (len(flags) - 1)]


def test_settled() -> None:
    """Fills beyond the bound are settled, corrected as they were; the figures do not change."""
    fills = [
        fill(n, "-0.25" if n * n % 7 > 2 else "0.5", str(3000 + n), after_ms=60 * n, fee="0.01") for n in range(80)
    ]
    fills.insert(20, fill(99, "2", "2000", after_ms=60 * 19, replaces="e19"))
    wide, narrow = (fold(numbered(fills), replace(RULES, fills_max=most)) for most in (200, 8))
    assert final(wide) == final(narrow)


def test_missing_events() -> None:
    """Rows of an account whose stream has a hole say so until what is missing comes."""
    desk = start(RULES)
    fold([(0, fill(0, "1"))], desk=desk)
    (row,) = rows(fold([(2, fill(2, "1", after_ms=60))], desk=desk))
    assert row.flags & FILLS_MISSING
    told = rows(fold([(1, fill(1, "1", after_ms=120))], desk=desk))
    assert [row.flags & FILLS_MISSING for row in told] == [0]


def test_steps_are_timers() -> None:
    """A step of an order's life passes the time of its account, and tells what has ended."""
    desk = start(RULES)
    assert fold([(0, fill(0, "1"))], desk=desk) == []
    assert fold_step(desk, "paper", TEN + WINDOW_NS - 1, 1, RULES) == ()
    assert len(fold_step(desk, "paper", TEN + WINDOW_NS, 2, RULES)) == 1


def test_waits_for_shards() -> None:
    """A row waits for the bars of what is held, as long as their shard is not silent."""
    begin = [minute(9, 300_000), minute(9, 5_000, instrument=SOL, shard=THERE), (0, fill(0, "1"))]
    step = (1, fill(1, "1", "50", after_ms=60, instrument=SOL))
    assert fold([*begin, step]) == []
    (row,) = rows(fold([*begin, step, minute(10, 301_000)]))
    assert (row.totals is not None and row.totals.unrealised, row.flags) == (Decimal(10), 0)
    silent = (1, fill(1, "1", "50", after_ms=10_000, instrument=SOL))
    assert [row.window for row in rows(fold([*begin, silent]))] == [FIRST]


def test_unpriced() -> None:
    """A position that no bar has priced stands at its last fill's price, and an old mark is flagged."""
    (row,) = rows(fold(numbered([fill(0, "1"), fill(1, "1", after_ms=60)])))
    assert (row.flags, row.totals is not None and row.totals.equity) == (FROM_FILL, Decimal(100_000))
    story = [
        minute(4, 300_000),
        minute(10, 5_000, instrument=SOL, shard=HERE),
        *numbered([fill(0, "1"), fill(1, "1", after_ms=60)]),
    ]
    assert [row.flags for row in rows(fold(story))] == [STALE_MARK]


EUROS = Rules(
    metrics=MetricRules(rates=("EUR-USDT.KRAKEN",)), openings={"paper": Opening(Decimal(100_000))}, silence_ns=1
)
SAP = InstrumentRef("SAP-EUR.XETR", -2, 0)


def test_rates() -> None:
    """Another currency is converted at the close of its rate; without one no sum is told, and one is never taken."""
    fills = [fill(0, "10", "200", instrument=SAP), fill(1, "1", "200", instrument=SAP, after_ms=60)]
    (row,) = rows(fold(numbered(fills), EUROS))
    assert (row.totals, row.flags & NO_RATE, row.drawdown) == (None, NO_RATE, None)
    assert row.balances == (("EUR", Decimal(-2000)), ("USDT", Decimal(100_000)))
    marked = [minute(10, 11_000, instrument=EURUSDT, shard=THERE), minute(10, 20_100, instrument=SAP)]
    (row,) = rows(fold([*marked, *numbered(fills)], EUROS))
    assert row.totals is not None
    assert (row.totals.equity, row.totals.gross) == (Decimal(100_011), Decimal(2_211))


def test_turned_rate() -> None:
    """A rate that is quoted the other way round is turned, at eighteen digits."""
    rules = replace(EUROS, metrics=replace(EUROS.metrics, books=BookRules(currency="EUR")))
    fills = [fill(0, "1", "3000"), fill(1, "1", after_ms=60)]
    told = fold([minute(10, 12_000, instrument=EURUSDT, shard=THERE), minute(10, 330_000), *numbered(fills)], rules)
    row = rows(told)[0]
    assert row.totals is not None
    assert row.totals.unrealised == Decimal(300) * Decimal("0.833333333333333333")


def breaches(*fills: tuple[str, str], rules: Rules = RULES) -> list[LimitBreach]:
    """Fold trades a window apart, without bars, and give the breaches."""
    story = numbered([fill(n, quantity, price, after_ms=60 * n) for n, (quantity, price) in enumerate(fills)])
    return [one for one in fold(story, rules) if isinstance(one, LimitBreach)]


def test_exposure_limit() -> None:
    """Gross exposure of 95 % of the capital is within the limit, and one unit more is beyond it."""
    assert breaches(("95", "1000"), ("0.0001", "1000")) == []
    (breach,) = breaches(("95", "1000"), ("0.0001", "1000"), ("0.0001", "1000"))
    assert (breach.limit, breach.found, breach.allowed) == ("exposure_ratio", Decimal("95000.1"), Decimal(95_000))


def test_no_capital() -> None:
    """An account without capital is a breach by itself, whatever it holds."""
    nobody = [
        one.limit
        for one in fold(numbered([fill(n, "1", after_ms=60 * n, account="x") for n in (0, 1)]))
        if isinstance(one, LimitBreach)
    ]
    assert nobody == ["capital"]


def test_drawdown_limit() -> None:
    """A fifth of the peak may be lost, and a unit more is a breach; the peak is one of what was told."""
    story = [
        (0, fill(0, "10", "5000")),
        minute(11, 600_000),
        minute(12, 400_000),
        minute(13, 380_000),
        minute(14, 379_999),
    ]
    told = fold(story)
    assert rows(told)[-1].peak == Decimal(110_000)
    found = [(one.window.end_ns // MARK_NS, one.found, one.allowed) for one in told if isinstance(one, LimitBreach)]
    assert found == [(14, Decimal("22000.1"), Decimal(22_000))]
    assert rows(told)[-1].broken == ("drawdown",)


def test_withdrawn() -> None:
    """A breach that a later known fill undoes is withdrawn with the row's next revision."""
    story = [
        minute(10, 100_000),
        (1, fill(1, "96", "1000", after_ms=20)),
        minute(11, 100_000),
        (0, fill(0, "-2", "1000", after_ms=10)),
    ]
    told = [one for one in fold(story) if isinstance(one, LimitBreach)]
    assert [(one.window, one.revision, one.withdrawn) for one in told] == [
        (FIRST, 2, False),
        (ELEVENTH, 3, False),
        (FIRST, 3, True),
        (ELEVENTH, 4, True),
    ]
    assert not [one for one in final(told).values() if isinstance(one, LimitBreach)]


def test_value_at_risk() -> None:
    """Value at risk revalues today's positions over the last returns of their marks."""
    walk = np.random.default_rng(1)
    closes = (300_000 * np.exp(np.cumsum(walk.normal(0, 1e-3, 60)))).astype(int)
    story = [minute(10 + n, int(close)) for n, close in enumerate(closes)]
    rules = replace(RULES, metrics=replace(RULES.metrics, returns_window=40))
    told = rows(
        fold([*story, (0, fill(0, "10", after_ms=59 * 60_000)), (1, fill(1, "1", after_ms=59 * 60_000 + 60))], rules)
    )
    tail, worth = told[0].tail, 10 * closes[-1] / 100
    gains = worth * (closes[1:] / closes[:-1] - 1)[-40:]
    assert tail is not None
    assert tail.returns_count == 40
    for figure, measure, level in [
        (tail.var_95, var_historical, 0.95),
        (tail.var_99, var_historical, 0.99),
        (tail.var_95_parametric, var_parametric, 0.95),
        (tail.var_99_parametric, var_parametric, 0.99),
        (tail.shortfall_95, expected_shortfall, 0.95),
        (tail.shortfall_99, expected_shortfall, 0.99),
    ]:
        assert figure == pytest.approx(measure(gains, level), rel=1e-12)
    few = rows(fold([*story[-20:], (0, fill(0, "10", after_ms=59 * 60_000)), (1, fill(1, "1", after_ms=60 * 60_000))]))
    assert few[0].tail is None


def test_hedge() -> None:
    """What is long here and as much short there at the same prices loses nothing."""
    other = InstrumentRef("ETH-USDT.KRAKEN", -2, -4)
    closes = [300_000 + 100 * (n * n % 17) for n in range(50)]
    story = [
        minute(10 + n, close, instrument=ref, shard=HERE) for n, close in enumerate(closes) for ref in (ETH, other)
    ]
    pair = [
        fill(0, "1", after_ms=49 * 60_000),
        fill(1, "-1", after_ms=49 * 60_000, instrument=other),
        fill(2, "1", after_ms=50 * 60_000),
    ]
    row = rows(fold([*story, *numbered(pair)]))[0]
    assert row.tail is not None
    assert (row.tail.var_95, row.tail.shortfall_99, row.totals is not None and row.totals.net) == (0, 0, 0)


def test_accounts_do_not_meet() -> None:
    """What is told of an account does not depend on other accounts, and no more are kept than the bound."""
    one = [(n, fill(n, "1", after_ms=60 * n)) for n in range(3)]
    other = [(n, fill(n, "2", after_ms=60 * n, account="other")) for n in range(3)]
    alone, both = fold(one), fold([two for pair in zip(other, one, strict=True) for two in pair])
    assert [row for row in both if row.account == "paper"] == alone
    with pytest.raises(Rejected, match="one more"):
        fold([(0, fill(0, "1", account=f"a{n}")) for n in range(RULES.accounts_max)])


def test_refused() -> None:
    """A fill without a price, and an instrument whose units change, are refused and change nothing."""
    desk = start(RULES)
    fold([minute(10, 300_000)], desk=desk)
    before = line_of(desk)
    with pytest.raises(Rejected, match="price"):
        fold([(0, fill(0, "1", "0"))], desk=desk)
    with pytest.raises(Rejected, match="exponents"):
        fold([minute(11, 300_000, instrument=replace(ETH, price_exponent=-3))], desk=desk)
    assert line_of(desk) == before


def test_revised_bars() -> None:
    """A revised bar moves no mark, for rows stand on the first."""
    revised = replace(minute(10, 310_000), finality=np.array([BAR_REVISED], np.uint8))
    (row,) = rows(fold([minute(10, 300_000), revised, *numbered([fill(0, "1"), fill(1, "1", after_ms=60)])]))
    assert row.holdings[0].mark == Decimal(3_000)


def test_marks_fall_off() -> None:
    """A price that is older than the grid is still known, and one behind it is never found."""
    far = [minute(10 + n, 100_000, instrument=SOL) for n in (1, 2 * MINUTES)]
    late = [fill(0, "1", after_ms=2 * MINUTES * 60_000), fill(1, "1", after_ms=2 * MINUTES * 60_000 + 60)]
    (row,) = rows(fold([minute(10, 310_000), *far, *numbered(late)]))
    assert (row.holdings[0].mark, row.flags) == (Decimal(3_100), STALE_MARK)


def test_rows_are_bounded() -> None:
    """An account that only holds keeps no more rows than its bound, and tells what fell off no more."""
    desk, rules = start(RULES), replace(RULES, rows_max=5)
    told = fold([(0, fill(0, "1")), *(minute(11 + n, 300_000 + n) for n in range(20))], rules, desk)
    account = desk.accounts["paper"]
    assert (len(account.rows), account.settled_ns // MARK_NS) == (5, 25)
    assert account.peak == max(row.peak for row in rows(told)[:-5])
    late = rows(fold([(1, fill(1, "1", after_ms=60))], rules, desk))
    assert [row.window.end_ns // MARK_NS for row in late] == [26, 27, 28, 29, 30]
