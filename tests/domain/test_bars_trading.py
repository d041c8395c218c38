"""Bars say whether their instrument was halted, or its session not open, when they ended, however rows are cut."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from referred import instrument
from ticking import MS, T0, S, Trade, batch, instruments

from functions.adapters.calendars import shipped_calendars
from functions.adapters.kernels import compiled
from functions.domain.bars import kernel
from functions.domain.bars.days import DayTables
from functions.domain.bars.fold import BarRules, fold_batch
from functions.domain.bars.state import STATUS_BYTES, BarState, dump, load, start
from functions.domain.enrichment import STATUSES_MAX, InstrumentFacts, facts_at
from functions.domain.market import MARKET_CLOSED, MARKET_HALTED, NO_FLAGS, BarBatch, flags_at
from functions.domain.reference import Instrument, Status, TradingStatus

if TYPE_CHECKING:
    from functions.domain.bars.layout import Kernel

LOOPS = cast("Kernel", compiled(kernel))
CALENDARS = shipped_calendars()
RULES = BarRules(days=DayTables(CALENDARS))
NAME = "I0-USDT.BINANCE"
HALT = Status(TradingStatus.HALTED, T0 + 10 * S, "LUDP")
RESUMED = Status(TradingStatus.TRADING, T0 + 20 * S)
PAUSED = instrument(NAME, statuses=(HALT, RESUMED))
SHUT = MARKET_HALTED | MARKET_CLOSED


def fold(
    state: BarState, rows: Sequence[Trade], record: Instrument = PAUSED, *, first: int = 0, step: int = 512
) -> Iterator[BarBatch]:
    """Fold a tape as `enrich` would tell it: each batch with the facts of its greatest venue time."""
    for at in range(0, len(rows) + 1, step):
        part = rows[at : at + step]
        ts_ns = max((row.ts for row in part), default=0)
        facts = (facts_at(record, CALENDARS.get(record.calendar), ts_ns).facts,) if part else ()
        ends = at + step > len(rows)
        yield from fold_batch(LOOPS, state, batch(part, first + at, instruments(1), end_of_tape=ends), RULES, facts)


def shut(batches: Iterator[BarBatch], interval_s: int = 1) -> dict[int, int]:
    """Give what each bar of an interval says of trading, in its last form, by its end less T0 in seconds."""
    found: dict[int, int] = {}
    for bars in batches:
        for row, start_ns in enumerate(bars.start_ns.tolist()):
            if bars.interval_s[row] == interval_s:
                found[(start_ns - T0) // S + interval_s] = flags_at(bars, row) & SHUT
    return found


def every_second(count_of: int, first_ns: int = T0, *, step_ns: int = S) -> list[Trade]:
    """Print once a second, say, half-way into it."""
    return [Trade(first_ns + n * step_ns + 500 * MS, id=n + 1) for n in range(count_of)]


@pytest.mark.parametrize("step", [1, 7, 64, 512])
def test_halt(step: int) -> None:
    """A bar that ends in a halt says so: from the halt's own nanosecond on, up to that in which trading resumes."""
    found = shut(fold(start("BINANCE-0"), every_second(30), step=step))
    assert found == {end: MARKET_HALTED if 10 <= end < 20 else 0 for end in range(1, 31)}


def test_longer_bars() -> None:
    """What counts is the end of a bar: one whose middle was halted may be acted on, one that ends halted may not."""
    rows = every_second(70)
    assert shut(fold(start("BINANCE-0"), rows), 5)[25] == 0
    assert shut(fold(start("BINANCE-0"), rows), 5)[10] == MARKET_HALTED
    assert shut(fold(start("BINANCE-0"), rows), 60)[60] == 0


def test_no_longer_listed() -> None:
    """A status that ends all trading closes the market."""
    gone = replace(PAUSED, statuses=(Status(TradingStatus.CLOSED, T0 + 5 * S),))
    assert shut(fold(start("BINANCE-0"), every_second(7), gone)) == {n: MARKET_CLOSED * (n >= 5) for n in range(1, 8)}


def test_trading_costs_nothing() -> None:
    """Bars of an instrument that always trades carry no column for it, and the state is written as before."""
    state = start("BINANCE-0")
    (first, *_) = [*fold(state, every_second(30), replace(PAUSED, statuses=(), calendar="24X7"))]
    assert first.flags_hi is NO_FLAGS
    assert b"statuses" not in dump(state)


@pytest.mark.parametrize("step", [1, 512])
def test_session(step: int) -> None:
    """A bar that ends outside the regular session says so: before it opens, in a break, and from the close on."""
    tokyo = replace(PAUSED, statuses=(), calendar="XTKS")
    zone = ZoneInfo("Asia/Tokyo")
    marks = [(8, 58), (8, 59), (9, 0), (11, 28), (11, 29), (11, 30), (12, 28), (12, 30), (15, 28), (15, 29), (15, 30)]
    times = [int(datetime(2024, 11, 6, *mark, tzinfo=zone).timestamp()) * S for mark in marks]
    rows = [Trade(ts, id=n + 1) for n, ts in enumerate(times)]
    found = shut(fold(start("BINANCE-0"), rows, tokyo, step=step), 60)
    opens = [False, True, True, True, False, False, False, True, True, False, False]
    expected = zip(times, opens, strict=True)
    assert found == {(ts - T0) // S + 60: 0 if is_open else MARKET_CLOSED for ts, is_open in expected}


def test_beyond_the_tables() -> None:
    """Where a calendar does not reach, or none of its code is known, nothing is said."""
    for calendar, first_ns in (("XNYS", 0), ("NOBODY", T0)):
        record = replace(PAUSED, statuses=(), calendar=calendar)
        assert set(shut(fold(start("BINANCE-0"), every_second(3, first_ns), record)).values()) == {0}


def test_never_closes() -> None:
    """Of the shipped calendars only one never closes, and there every minute of a week is open."""
    days = RULES.days
    assert [code for code in CALENDARS if not days.closes(code)] == ["24X7"]
    minutes = range(T0, T0 + 7 * 86_400 * S, 60 * S)
    assert all(days.is_open("24X7", ts) for ts in minutes)
    assert 0 < sum(days.is_open("XNYS", ts) for ts in minutes) <= 5 * 390


def test_halts_weigh_what_is_reckoned() -> None:
    """The most statuses an instrument is told of add no more to a state than its bound allows for them."""
    busy = replace(PAUSED, statuses=tuple(replace(HALT, from_ns=2**63 - 9 + n) for n in range(8)))
    told = facts_at(busy, None, 2**63 - 6).facts
    assert len(told.statuses) == 2 * STATUSES_MAX
    states = start("BINANCE-0"), start("BINANCE-0")
    for state, facts in zip(states, (told, InstrumentFacts(NAME)), strict=True):
        fold_batch(LOOPS, state, batch([Trade(T0, id=1)]), RULES, (facts,))
    assert len(dump(states[0])) - len(dump(states[1])) <= 2 * STATUSES_MAX * STATUS_BYTES


def test_restart() -> None:
    """A state that was written down and read back knows the halt that is on, before any facts come again."""
    state = start("BINANCE-0")
    [*fold_batch(LOOPS, state, batch(every_second(12)), RULES, (facts_at(PAUSED, None, T0 + 12 * S).facts,))]
    again = load("BINANCE-0", dump(state))
    assert dump(again) == dump(state)
    rows = [Trade(T0 + n * S, id=n) for n in range(14, 24)]
    states = [shut(iter(fold_batch(LOOPS, one, batch(rows, 12), RULES))) for one in (state, again)]
    assert states[0] == states[1] == {end: MARKET_HALTED if end < 20 else 0 for end in (12, *range(15, 23))}


def test_forgotten() -> None:
    """Facts without a halt take back what was told of one before; those of others leave it."""
    state = start("BINANCE-0")
    told = (facts_at(PAUSED, None, T0 + 12 * S).facts,)
    fold_batch(LOOPS, state, batch(every_second(12)), RULES, told)
    fold_batch(LOOPS, state, batch((), 12), RULES, (InstrumentFacts("I1-USDT.BINANCE"),))
    assert [len(one) for one in state.statuses] == [2]
    fold_batch(LOOPS, state, batch((), 12), RULES, (InstrumentFacts(NAME),))
    assert state.statuses == ((),)


@given(
    st.lists(st.integers(0, 40_000), min_size=1, max_size=40),
    st.lists(st.integers(0, 40), max_size=2, unique=True),
    st.sampled_from([1, 2, 7, 64]),
)
@settings(max_examples=examples(200), deadline=None)
def test_any_cut(times_ms: list[int], changes_s: list[int], step: int) -> None:
    """However a tape is cut, and wherever a halt and its end lie, bars say the same, and what is true."""
    kinds = [TradingStatus.HALTED, TradingStatus.TRADING]
    changes = sorted(changes_s)
    statuses = tuple(Status(kind, T0 + at * S) for at, kind in zip(changes, kinds, strict=False))
    record = replace(PAUSED, statuses=statuses)
    rows = [Trade(T0 + ms * MS, id=n + 1) for n, ms in enumerate(sorted(times_ms))]
    found = shut(fold(start("BINANCE-0"), rows, record, step=step))
    assert found == shut(fold(start("BINANCE-0"), rows, record))
    for end, flags in found.items():
        begun = [kind for at, kind in zip(changes, kinds, strict=False) if at <= end]
        assert flags == (MARKET_HALTED if begun[-1:] == [TradingStatus.HALTED] else 0)
