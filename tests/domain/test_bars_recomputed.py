"""However trades come, late, twice, out of order, taken back or replaced, bars end as a recomputation has them."""

import itertools
import random
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast
from zoneinfo import ZoneInfo

import polars as pl
from counts import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ticking import MS, T0, S, Trade, cut, instruments, latest, lines

from functions.adapters.calendars import shipped_calendars
from functions.adapters.kernels import compiled
from functions.domain.bars import kernel
from functions.domain.bars.days import DayTables
from functions.domain.bars.fold import BarRules, fold_batch
from functions.domain.bars.state import start
from functions.domain.enrichment import InstrumentFacts
from functions.domain.market import (
    BAR_NO_PRICE,
    INTERVALS_S,
    SIDE_BUY,
    TRADE_CANCEL,
    TRADE_CORRECTION,
    TRADE_IDS_SPARSE,
    TRADE_NOT_HIGH_LOW,
    TRADE_NOT_LAST,
    TRADE_NOT_VOLUME,
    TRADE_WITHOUT_ID,
    BarBatch,
)

if TYPE_CHECKING:
    from functions.domain.bars.layout import Kernel

DOUBTS_MAX: Final = 4
LOOPS = cast("Kernel", compiled(kernel))
NEW_YORK = ZoneInfo("America/New_York")
RULES = BarRules(days=DayTables(shipped_calendars()))
FACTS = [InstrumentFacts(ref.instrument_id, calendar="XNYS") for ref in instruments(2)]
CONDITIONS = (
    *(0,) * 6,
    TRADE_IDS_SPARSE,
    TRADE_WITHOUT_ID,
    TRADE_NOT_LAST,
    TRADE_NOT_HIGH_LOW,
    TRADE_NOT_VOLUME,
    TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW,
    TRADE_NOT_HIGH_LOW | TRADE_NOT_VOLUME,
)
WEEKS = [datetime(2024, *day, 23, 59, 40, tzinfo=NEW_YORK) for day in ((3, 9), (3, 10), (11, 2), (11, 3), (11, 29))]
"""Just before the midnights around both changes of the clock, and the day after Thanksgiving."""


class Print(NamedTuple):
    """One trade as it counts, at its first row."""

    row: int
    trade: Trade


Ways = tuple[Print | None, ...]
"""How one trade may count in the end; None where it may not."""


def tape(
    seed: int, length: int, *, gaps_ms: Sequence[int], delays_ms: Sequence[int], voids: float = 0.2
) -> list[Trade]:
    """Draw trades of two instruments, then delay, repeat, cancel and correct some of them."""
    draw = random.Random(seed)  # noqa: S311 - a seeded tape
    now = draw.choice([T0, *(int(day.timestamp()) * S for day in WEEKS)])
    arrivals: list[tuple[int, Trade]] = []
    for n in range(length):
        now += draw.choice(gaps_ms) * MS
        flags = draw.choice(CONDITIONS)
        price, size = draw.randint(95, 105), draw.choice([1, 7, 2**40])
        trade = Trade(now, price, size, draw.randint(0, 2), n, flags, draw.randrange(2), now)
        due = now + draw.choice(delays_ms) * MS
        arrivals.append((due, trade))
        chance = draw.random()
        if chance < 0.1:
            arrivals.append((due + draw.choice(delays_ms) * MS, trade))
        elif chance < 0.1 + voids and not flags & TRADE_WITHOUT_ID:
            kind = draw.choice([TRADE_CANCEL, TRADE_CANCEL, TRADE_CORRECTION])
            later = due + draw.choice(delays_ms) * MS
            void = trade._replace(ts=later, price=draw.randint(90, 110), size=3, flags=kind)
            arrivals += [(later, void)] * draw.choice([1, 1, 2])
    return [row for _, row in sorted(arrivals, key=lambda one: one[0])]


def run(rows: Sequence[Trade], size: int = 512, loops: "Kernel" = LOOPS) -> list[BarBatch]:
    """Fold a tape with the days of New York."""
    state = start("XNYS-0")
    return [one for each in cut(rows, size, instruments(2)) for one in fold_batch(loops, state, each, RULES, FACTS)]


def surviving(rows: Sequence[Trade], refused: Iterable[int]) -> list[Ways]:
    """Work out how each trade counts in the end, by the rules in words: first of an id, less cancels, with corrections.

    What a refused row should have changed may have been changed in some intervals only.
    """
    had: dict[tuple[int, int], Ways] = {}
    refused = set(refused)
    for n, row in enumerate(rows):
        key = (row.instrument, -1 - n if row.flags & TRADE_WITHOUT_ID else row.id)
        before = had.get(key, ())
        if row.flags & TRADE_CANCEL:
            if before:
                had[key] = (*before, None) if n in refused else (None,)
        elif row.flags & TRADE_CORRECTION and before:
            new = tuple(one and Print(one.row, row._replace(ts=one.trade.ts, flags=0)) for one in before)
            had[key] = (*before, *new) if n in refused else new
        elif key not in had:
            had[key] = (Print(n, row), None) if n in refused else (Print(n, row),)
    return list(had.values())


def recomputed(prints: Sequence[Print], interval_s: int) -> dict[tuple[str, int, int], tuple[int, ...]]:
    """Compute the bars of an interval with polars: open, high, low, close, volume, bought, notional, trades."""
    rows = [
        (one.trade.instrument, one.trade.ts, one.row, one.trade.price, one.trade.size, one.trade.side, one.trade.flags)
        for one in prints
    ]
    names = ["instrument", "ts", "row", "price", "size", "side", "flags"]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Int64), orient="row").sort("ts", "row")
    ts, price, size, flags = pl.col("ts"), pl.col("price"), pl.col("size"), pl.col("flags")
    last, edge = flags & TRADE_NOT_LAST == 0, flags & TRADE_NOT_HIGH_LOW == 0
    counts = flags & TRADE_NOT_VOLUME == 0
    local = pl.from_epoch(ts, "ns").dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    day = local.dt.truncate("1d").dt.epoch("ns")
    length = interval_s * S
    begin = {86_400: day, 14_400: day + (ts - day) // length * length}.get(interval_s, ts // length * length)
    found = frame.group_by("instrument", begin.alias("start")).agg(
        price.filter(last).first().alias("open"),
        price.filter(edge).max().alias("high"),
        price.filter(edge).min().alias("low"),
        price.filter(last).last().alias("close"),
        size.filter(counts).sum().alias("volume"),
        size.filter(counts & (pl.col("side") == SIDE_BUY)).sum().alias("bought"),
        (price.cast(pl.Int128) * size).filter(counts).sum().alias("notional"),
        counts.sum().alias("trades"),
    )
    return {(f"I{i}-USDT.BINANCE", interval_s, at): tuple(n or 0 for n in line) for i, at, *line in found.rows()}


def figures(batches: Sequence[BarBatch]) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """Give the last form of each bar that still holds a trade, as `recomputed` does."""
    shown = latest(lines(batches))
    # What was taken back whole is shown empty, without a price.
    is_empty = {key: not any(line[2:7]) and line[-1] & BAR_NO_PRICE for key, line in shown.items()}
    return {key: (*line[2:8], (line[8] << 64) + line[9], line[10]) for key, line in shown.items() if not is_empty[key]}


def check(rows: Sequence[Trade], batches: Sequence[BarBatch]) -> int:
    """Compare every bar with a recomputation; where a row was refused, with one of the ways it may have counted."""
    refused = [one.row for each in batches for one in each.rejections if one.reason != "unknown_trade"]
    ways = surviving(rows, refused)
    doubtful = [way for way in ways if len(way) > 1]
    assume(len(doubtful) <= DOUBTS_MAX)
    got = figures(batches)
    for interval_s in INTERVALS_S:
        ours = {key: line for key, line in got.items() if key[1] == interval_s}
        theirs = [recomputed([one for one in way if one], interval_s) for way in itertools.product(*ways)]
        if len(theirs) == 1:
            assert ours == theirs[0]
        for key in ours.keys() | set().union(*theirs):
            assert ours.get(key) in [way.get(key) for way in theirs]
    return len(doubtful)


@settings(max_examples=examples(400), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_within_what_is_kept(seed: int) -> None:
    """Shuffled, delayed, repeated, cancelled and corrected within half a minute, every bar equals the recomputation."""
    rows = tape(seed, 50, gaps_ms=[0, 1, 40, 300, 900, 2000], delays_ms=[0, 0, 0, 100, 400, 1500, 9000, 14_000])
    batches = run(rows)
    assert {one.reason for each in batches for one in each.rejections} <= {"unknown_trade"}
    assert check(rows, batches) == 0


@settings(max_examples=examples(200), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_through_a_day(seed: int) -> None:
    """Tapes through the days on which clocks change give the days of the exchange; what is in doubt was refused."""
    rows = tape(seed, 40, gaps_ms=[0, 60_000, 900_000, 7_200_000], delays_ms=[0, 0, 0, 0, 100, 5000])
    batches = run(rows)
    check(rows, batches[:])


@settings(max_examples=examples(100), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_beyond_the_last_trades(seed: int) -> None:
    """Where more trades came than are kept, prices follow from shorter bars, or the row that asks is refused."""
    rows = tape(seed, 260, gaps_ms=[0, 1, 5, 40], delays_ms=[0, 0, 0, 100, 900, 4000], voids=0.02)
    check(rows, run(rows))


@settings(max_examples=examples(100), deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([1, 7, 64]))
def test_cut(seed: int, size: int) -> None:
    """Cut anywhere, such a tape gives the same bars in the same order and refuses the same rows."""
    rows = tape(seed, 120, gaps_ms=[0, 1, 40, 300, 3000], delays_ms=[0, 0, 100, 1500, 9000, 50_000])
    one, other = run(rows), run(rows, size)
    assert lines(other) == lines(one)
    assert [r for each in other for r in each.rejections] == [r for each in one for r in each.rejections]


@settings(max_examples=examples(100), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_equal_times(seed: int) -> None:
    """Trades of equal times may come in any order of instruments: each one's bars depend on its own order alone."""
    draw = random.Random(seed)  # noqa: S311 - a seeded tape
    ones = [Trade(T0, draw.randint(1, 9), 1, 1, n, 0, 0) for n in range(6)]
    others = [Trade(T0, draw.randint(1, 9), 1, 1, n, 0, 1) for n in range(6)]
    first = latest(lines(run([*ones, *others])))
    mixed: list[Trade] = []
    left = [ones[:], others[:]]
    while any(left):
        mixed.append(draw.choice([part for part in left if part]).pop(0))
    assert latest(lines(run(mixed))) == first
