"""However streams are mixed and cut, rows and breaches come to the same."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from accounted import ETH, EURUSDT, HERE, RULES, SOL, THERE, fill, final, fold, minute
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.decisions import Fill
from functions.domain.market import BarBatch, InstrumentRef
from functions.domain.money import EXACT
from functions.domain.portfolio.metrics import LimitBreach, MetricRules, RiskMetrics
from functions.domain.portfolio.state import Rules, desk_of, line_of, start

Step = tuple[int, Fill] | BarBatch

SAP = InstrumentRef("SAP-EUR.XETR", -2, 0)
MIXED: Rules = replace(
    RULES,
    metrics=MetricRules(rates=(EURUSDT.instrument_id,), exposure_ratio_max=Decimal("0.05"), returns_min=2),
)
SECONDS = 12 * 60

times = st.integers(0, SECONDS * 20).map(lambda n: 50 * n)
sizes = st.sampled_from(["1", "-1", "0.3", "-0.7", "2"])
drawn_fills = st.lists(
    st.tuples(times, sizes, st.sampled_from([ETH, SOL, SAP]), st.integers(10, 20), st.none() | st.integers(0, 9)),
    max_size=25,
)
closes = st.integers(900, 1_100)


def stream(drawn: Sequence[tuple[int, str, InstrumentRef, int, int | None]], *, late: int) -> list[Step]:
    """Number an account's fills, in order of time but for every `late`th one; some correct one before."""
    ordered = sorted(drawn, key=lambda one: one[0])
    if late:
        ordered = [one for n, one in enumerate(ordered) if n % late] + ordered[::late]
    return [
        (n, fill(n, size, str(price), after_ms=ms, instrument=ref, fee="0.01", replaces="" if of is None else f"e{of}"))
        for n, (ms, size, ref, price, of) in enumerate(ordered)
    ]


def tapes(prices: Sequence[tuple[int, int]]) -> tuple[list[Step], list[Step]]:
    """Make what two shards tell: minutes of one instrument here, and of two and a rate there."""
    here = [minute(9 + n, a, shard=HERE) for n, (a, _) in enumerate(prices)]
    there = [
        minute(9 + n, b * scale, instrument=ref, shard=THERE)
        for n, (_, b) in enumerate(prices)
        for ref, scale in ((SOL, 1), (SAP, 3), (EURUSDT, 11))
    ]
    end = len(prices) + 9
    return [*here, minute(end, 1_000, end=True)], [*there, minute(end, 1_000, instrument=SOL, shard=THERE, end=True)]


def mix(streams: Sequence[Sequence[Step]], turns: Sequence[int]) -> list[Step]:
    """Take from the streams in turns, then what is left of each."""
    left = [deque(one) for one in streams]
    mixed = [left[turn].popleft() for turn in turns if left[turn]]
    return mixed + [step for one in left for step in one]


@settings(max_examples=examples(100), deadline=None)
@given(
    drawn_fills,
    st.integers(0, 4),
    st.lists(st.tuples(closes, closes), min_size=3, max_size=14),
    st.lists(st.integers(0, 2), max_size=80),
)
def test_mixtures(
    drawn: list[tuple[int, str, InstrumentRef, int, int | None]],
    late: int,
    prices: list[tuple[int, int]],
    turns: list[int],
) -> None:
    """The account's stream and two shards, mixed in any way, come to the same rows, revisions and breaches."""
    fills, (here, there) = stream(drawn, late=late), tapes(prices)
    first = final(fold(mix((fills, here, there), turns), MIXED))
    assert first == final(fold([*here, *there, *fills], MIXED))
    assert first == final(fold([*fills, *there, *here], MIXED))


@settings(max_examples=examples(100), deadline=None)
@given(drawn_fills, st.integers(0, 4), st.lists(st.tuples(closes, closes), min_size=3, max_size=9), st.integers(0, 60))
def test_reload(
    drawn: list[tuple[int, str, InstrumentRef, int, int | None]], late: int, prices: list[tuple[int, int]], cut: int
) -> None:
    """A desk that is written down and read back goes on as if it had not been."""
    story = mix((stream(drawn, late=late), *tapes(prices)), [0, 1, 2] * 20)
    desk, rules = start(MIXED), replace(MIXED, fills_max=10, rows_max=10)
    before = fold(story[:cut], rules, desk)
    again = desk_of(line_of(desk), rules)
    assert before + fold(story[cut:], rules, again) == fold(story, rules)


@settings(max_examples=examples(100), deadline=None)
@given(drawn_fills, st.lists(st.tuples(closes, closes), min_size=3, max_size=9))
def test_identities(
    drawn: list[tuple[int, str, InstrumentRef, int, int | None]], prices: list[tuple[int, int]]
) -> None:
    """Positions add up to their value, cash and positions to equity, and both methods to what was earned."""
    told = fold(mix((stream(drawn, late=0), *tapes(prices)), [0, 1, 2] * 20), MIXED)
    for row in (one for one in told if isinstance(one, RiskMetrics) and one.totals is not None):
        totals = row.totals
        assert totals is not None
        assert totals.equity == EXACT.add(totals.cash, totals.positions_value)
        assert totals.gross >= totals.net.copy_abs()
        earned = EXACT.subtract(totals.equity, row.capital)
        for realised, unrealised in (
            (totals.realised, totals.unrealised),
            (totals.realised_fifo, totals.unrealised_fifo),
        ):
            assert EXACT.subtract(EXACT.add(realised, unrealised), totals.fees) == earned
        assert all(one.value - one.cost == one.unrealised for one in row.holdings)
        home = [one.value for one in row.holdings if one.currency == row.currency]
        assert len(home) < len(row.holdings) or sum(home, Decimal(0)) == totals.positions_value
        assert row.peak >= totals.equity


def test_something_breaks() -> None:
    """The bound on exposure of these tests is one that their fills break."""
    told = fold([minute(10, 1_000), (0, fill(0, "600", "10")), minute(11, 1_000)], MIXED)
    assert [one.limit for one in told if isinstance(one, LimitBreach)] == ["exposure_ratio", "exposure_ratio"]
