"""Bars follow from the tape alone: boundaries, order, lateness, revisions, duplicates, and no matter the cut."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from ticking import MS, T0, Depth, Quote, Row, S, Trade, batch, closed, cut, instruments, latest, lines

from functions.adapters.kernels import compiled
from functions.domain.bars import kernel
from functions.domain.bars.fold import BARS_PER_BATCH_MAX, BarRules, fold_batch
from functions.domain.bars.layout import Kernel
from functions.domain.bars.state import BLOB_BYTES_MAX, STREAM_BYTES_MAX, STREAMS_MAX, BarState, dump, load, start
from functions.domain.errors import DomainError, Rejected
from functions.domain.market import (
    BAR_FINAL,
    BAR_OPEN,
    BAR_PROVISIONAL,
    BAR_REVISED,
    BOOK_SNAPSHOT,
    INTERVALS_S,
    MARKET_QUOTED,
    NO_VENUE_TIME,
    QUOTE_CROSSED,
    SIDE_SELL,
    TRADE_CANCEL,
    TRADE_INFORMS_ONLY,
    TRADE_WITHOUT_ID,
    BarBatch,
    InstrumentRef,
)

LOOPS = cast("Kernel", compiled(kernel))
PLAIN = cast("Kernel", kernel)
RULES = BarRules()
ONE = "I0-USDT.BINANCE"


def run(
    rows: Sequence[Row], size: int = 512, *, count_of: int = 3, rules: BarRules = RULES, loops: Kernel = LOOPS
) -> list[BarBatch]:
    """Fold a whole tape cut at `size` rows."""
    state = begin(rules)
    return [one for each in cut(rows, size, instruments(count_of)) for one in fold_batch(loops, state, each, rules)]


def begin(rules: BarRules = RULES) -> BarState:
    """Make an empty state."""
    return start("BINANCE-0", instruments_max=rules.instruments_max, levels_max=rules.book_levels_max)


def fold(
    state: BarState, rows: Sequence[Row], first_row: int = 0, rules: BarRules = RULES, **more: bool | int
) -> list[Any]:
    """Fold rows as one batch into a state; give the lines that came out."""
    return lines(fold_batch(LOOPS, state, batch(rows, first_row, instruments(3), **more), rules))


def seconds(emitted: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Keep the one-second bars."""
    return [line for line in emitted if line[1] == 1]


def refused(batches: Sequence[BarBatch]) -> list[tuple[int, str]]:
    """List the refused rows with their reasons."""
    return [(one.row, one.reason) for each in batches for one in each.rejections]


def mixed(seed: int, length: int = 300) -> list[Row]:
    """Draw a tape of all kinds of rows: late, duplicate, crossed, broken, jumping."""
    draw = random.Random(seed)  # noqa: S311 - a seeded tape
    rows: list[Row] = []
    now = T0 + draw.randrange(3600) * S
    ids, updates = [1, 1, 1], [0, 0, 0]
    for _ in range(length):
        now += draw.choice([0, 1, 20, 300, 900, 1500, 7000, 3, 100_000 if draw.random() < 0.05 else 3]) * MS
        i = draw.randrange(3)
        kind = draw.random()
        if kind < 0.55:
            ids[i] += draw.choice([0, 1, 1, 1, 3])
            back = draw.choice([0, 0, 0, 100, 250, 251, 900, 3000, 40_000, 4_000_000]) * MS
            flags = draw.choice([0, 0, 0, 0, TRADE_INFORMS_ONLY, TRADE_WITHOUT_ID])
            price, size = draw.randint(1, 2**40), draw.randint(1, 2**50)
            rows.append(Trade(now - back, price, size, draw.randint(0, 2), ids[i], flags, i, now + draw.randint(-9, 9)))
        elif kind < 0.8:
            bid = draw.randint(90, 110)
            ask = draw.randint(bid - 1, 115)
            flags = (QUOTE_CROSSED if bid > ask else 0) | draw.choice([0, NO_VENUE_TIME])
            rows.append(Quote(now, bid, ask, 3, 4, flags, i))
        else:
            rows.append(_depth(draw, now, i, updates))
    return rows


def _depth(draw: random.Random, now: int, i: int, updates: list[int]) -> Depth:
    updates[i] += 1
    if draw.random() < 0.1:
        bids, asks = [(100 - n, 2) for n in range(14)], [(101 + n, 3) for n in range(14)]
        return Depth(
            now, 0, max(updates[i] - draw.choice([0, 0, 2]), 0), bids, asks, 0, BOOK_SNAPSHOT | NO_VENUE_TIME, i
        )
    first = updates[i] + (draw.random() < 0.02)
    updates[i] = first + draw.randint(0, 2)
    bids = [(draw.randint(85, 100), draw.randint(0, 3)) for _ in range(draw.randint(0, 8))]
    asks = [(draw.randint(101, 115), draw.randint(0, 3)) for _ in range(draw.randint(0, 8))]
    return Depth(now, first, updates[i], bids, asks, 0, draw.choice([0, NO_VENUE_TIME]), i)


@settings(max_examples=examples(200), deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([1, 7, 64]))
def test_cut(seed: int, size: int) -> None:
    """A tape cut anywhere gives the same bars in the same order, and the same refused rows."""
    rows = mixed(seed)
    one, other = run(rows), run(rows, size)
    assert lines(other) == lines(one)
    assert refused(other) == refused(one)


@settings(max_examples=examples(50), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_plain_is_compiled(seed: int) -> None:
    """Plain and compiled loops give the same bars and leave the same state."""
    rows = mixed(seed, 150)
    states = begin(), begin()
    for each in cut(rows, 64, instruments(3)):
        plain = fold_batch(PLAIN, states[0], each, RULES)
        fast = fold_batch(LOOPS, states[1], each, RULES)
        assert lines(plain) == lines(fast)
        assert refused(plain) == refused(fast)
    assert dump(states[0]) == dump(states[1])


@settings(max_examples=examples(100), deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([1, 7, 64]))
def test_state_survives(seed: int, size: int) -> None:
    """A state that is written down and read back after every batch gives the same bars as one that never was."""
    rows = mixed(seed, 150)
    state = begin()
    emitted = []
    for each in cut(rows, size, instruments(3)):
        emitted += fold_batch(LOOPS, state, each, RULES)
        state = load("BINANCE-0", dump(state))
    assert lines(emitted) == lines(run(rows, size))


@settings(max_examples=examples(200), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_order_inside_lateness(seed: int) -> None:
    """Trades that arrive in another order, each less than the lateness behind, give the same closed bars."""
    draw = random.Random(seed)  # noqa: S311 - a seeded tape
    times = sorted(draw.sample(range(T0, T0 + 20 * S, MS), 200))
    rows = [Trade(ts, draw.randint(50, 150), draw.randint(1, 9), draw.randint(0, 2), n) for n, ts in enumerate(times)]
    shuffled = sorted(rows, key=lambda row: row.ts + draw.randrange(249) * MS)
    one, other = run(rows), run(shuffled)
    assert closed(lines(other)) == closed(lines(one))
    assert refused(other) == []


def test_boundary() -> None:
    """A trade exactly on a boundary belongs to the interval that begins there."""
    emitted = seconds(
        lines(run([Trade(T0 - 1, 10, id=1), Trade(T0, 20, id=2), Trade(T0 + S - 1, 30, id=3), Trade(T0 + S, 40, id=4)]))
    )
    assert [(line[2], line[5], line[8]) for line in emitted] == [(T0 - S, 10, 10), (T0, 20, 30), (T0 + S, 40, 40)]


def test_watermark() -> None:
    """A bar closes at the row whose venue time less the lateness reaches its end, not one nanosecond before."""
    state = begin()
    assert fold(state, [Trade(T0, id=1), Trade(T0 + S + 250 * MS - 1, id=2)]) == []
    emitted = fold(state, [Trade(T0 + S + 250 * MS, id=3)], 2)
    assert [line[1:5] for line in emitted] == [(1, T0, BAR_FINAL, 0)]


def test_figures() -> None:
    """Open, high, low and close follow venue time and row, volume and notional are exact, buyers are counted apart."""
    big = 2**55
    rows = [
        Trade(T0 + 2, 30, 5, SIDE_SELL, 1),
        Trade(T0 + 1, 20, big, 1, 2),
        Trade(T0 + 9, 50, 7, 0, 3),
        Trade(T0 + 9, 40, 1, 1, 4),
        Trade(T0 + 5, 10, 1, 1, 5),
    ]
    line = seconds(lines(run(rows)))[0]
    assert line[3:] == (BAR_OPEN, 0, 20, 50, 10, 40, big + 14, big + 2, 0, 20 * big + 550, 5, *(0,) * 6, 0)


def test_notional_beyond_64_bits() -> None:
    """The sum of price times size is exact to 128 bits."""
    draw = random.Random(1)  # noqa: S311 - a seeded tape
    rows = [Trade(T0 + n, draw.randint(1, 2**61), draw.randint(1, 2**55), 1, n) for n in range(50)]
    line = seconds(lines(run(rows)))[0]
    assert (line[11] << 64) + line[12] == sum(row.price * row.size for row in rows)


def test_closing_order() -> None:
    """Bars close by end, then interval, then instrument in order of first appearance."""
    rows = [Trade(T0 + n, id=n + 1, instrument=i) for n, i in enumerate((2, 0))]
    state = begin()
    fold(state, rows)
    emitted = fold(state, [Quote(T0 + 61 * S)], 2)
    names = [("I2-USDT.BINANCE", T0), (ONE, T0)]
    assert [line[:3] for line in emitted] == [
        (name, interval, start) for interval in (1, 5, 60) for name, start in names
    ]


def test_every_interval() -> None:
    """A trade feeds its bar of every interval, and an interval without trades has none."""
    emitted = lines(run([Trade(T0, id=1), Trade(T0 + 2 * S, id=2)]))
    starts = {interval: [line[2] for line in emitted if line[1] == interval] for interval in INTERVALS_S}
    assert starts == {1: [T0, T0 + 2 * S]} | {interval: [T0] for interval in INTERVALS_S[1:]}


def test_late_revises() -> None:
    """Late trades of a closed bar give one revision together, before the next close, with the closing quote kept."""
    state = begin()
    fold(state, [Quote(T0, 99, 101), Trade(T0, 100, 1, id=1), Trade(T0 + S + 250 * MS, id=2)])
    assert fold(state, [Trade(T0 + 1, 90, 2, id=3), Trade(T0 + 2, 80, 3, id=4), Quote(T0 + S, 50, 60)], 3) == []
    emitted = fold(state, [Trade(T0 + 3 * S, id=5)], 6)
    assert [line[1:5] for line in emitted] == [(1, T0, BAR_REVISED, 1), (1, T0 + S, BAR_FINAL, 0)]
    assert emitted[0][5:10] == (100, 100, 80, 80, 6)
    assert emitted[0][14] == 99


def test_late_without_bar() -> None:
    """A late trade where no bar had closed makes one as revision 1, without a market."""
    state = begin()
    fold(state, [Quote(T0), Trade(T0, id=1), Trade(T0 + 3 * S, id=2)])
    emitted = fold(state, [Trade(T0 + S, 70, id=3)], 3, end_of_tape=True)
    assert emitted[0][1:6] == (1, T0 + S, BAR_REVISED, 1, 70)
    assert emitted[0][14:] == (0,) * 7


def test_too_late() -> None:
    """A trade beyond what is kept is refused once, and the longer intervals still take it."""
    state = begin()
    fold(state, [Trade(T0, id=1), Trade(T0 + 40 * S, id=2)])
    batches = fold_batch(LOOPS, state, batch([Trade(T0, 500, 3, id=3)], 2), RULES)
    assert refused(batches) == [(2, "too_late")]
    ended = fold(state, [], 3, end_of_tape=True)
    assert {line[1]: (line[3], line[9]) for line in ended} == {
        1: (BAR_OPEN, 1),
        5: (BAR_OPEN, 1),  # T0 + 40 s
        60: (BAR_OPEN, 5),
        300: (BAR_OPEN, 5),
        900: (BAR_OPEN, 5),
        3600: (BAR_OPEN, 5),
        14_400: (BAR_OPEN, 5),
        86_400: (BAR_OPEN, 5),
    }
    assert [line[9] for line in ended if line[1:4] == (5, T0, BAR_REVISED)] == [4]


def test_how_long_kept() -> None:
    """The last 30 seconds of closed one-second bars can be revised, and not one more."""
    for back, expected in ((30, []), (31, [(1, "too_late")])):
        state = begin()
        fold(state, [Trade(T0 + 250 * MS, id=1)])
        batches = fold_batch(LOOPS, state, batch([Trade(T0 - back * S, id=0)], 1, end_of_tape=True), RULES)
        assert refused(batches) == expected


def test_duplicates() -> None:
    """A venue id inside the window counts once; beyond it, where its trade is not kept, or without an id, all count."""
    rows = [
        Trade(T0, 10, 1, id=5000),
        Trade(T0, 10, 1, id=5000),
        Trade(T0, 10, 1, id=4990),
        Trade(T0, 10, 1, id=4990),
        Trade(T0, 10, 1, id=905),
        Trade(T0, 10, 1, id=904),
        *(Trade(T0, 10, 1, id=5001 + n) for n in range(64)),
        Trade(T0, 10, 1, id=904),
        Trade(T0, 10, 1, id=5000, flags=TRADE_WITHOUT_ID),
        Trade(T0, 10, 1, id=5001),
        Trade(T0, 10, 1, id=5065),
        Trade(T0, 10, 1, id=9999),
        Trade(T0, 10, 1, id=9998),
        Trade(T0, 10, 1, id=5000, instrument=1),
    ]
    emitted = seconds(lines(run(rows)))
    assert [line[13] for line in emitted] == [9 + 64, 1]


def test_repeated_ids_that_skip_thousands() -> None:
    """A repeated trade counts once however far behind the greatest id it is while it is kept, also one taken back."""
    one, other = Trade(T0, 10, 1, id=1_000), Trade(T0, 10, 2, id=900_000)
    void = one._replace(flags=TRADE_CANCEL)
    assert [line[9] for line in seconds(lines(run([one, other, one])))] == [3]
    assert [line[9] for line in seconds(lines(run([one, other, void, one])))] == [2]


def test_informs_only() -> None:
    """A trade that only informs moves time and feeds no bar."""
    emitted = lines(run([Trade(T0, id=1), Trade(T0 + 2 * S, id=2, flags=TRADE_INFORMS_ONLY)]))
    assert [line[1:4] for line in emitted if line[1] == 1] == [(1, T0, BAR_FINAL)]


def test_no_venue_time() -> None:
    """A quote without venue time is known to the bars behind it and moves no watermark."""
    state = begin()
    fold(state, [Trade(T0, id=1)])
    assert fold(state, [Quote(T0 + 100 * S, 97, 98, flags=NO_VENUE_TIME)], 1) == []
    emitted = fold(state, [Trade(T0 + 2 * S, id=2)], 2)
    assert emitted[0][14:18] == (97, 5, 98, 7)


def test_closing_quote_of_this_row() -> None:
    """The quote whose own time closes a bar is what was known at the close."""
    emitted = lines(run([Trade(T0, id=1), Quote(T0, 1, 2), Quote(T0 + 2 * S, 3, 4)]))
    assert emitted[0][14:18] == (3, 5, 4, 7)


def test_heartbeat() -> None:
    """A heartbeat closes a quiet shard's bars by its receive clock less the measured skew and the lateness."""
    state = begin()
    fold(state, [Trade(T0, id=1, receive=T0 - 1270 * MS)])
    assert fold(state, [], 1, heartbeat=True, ts_cut_ns=T0 + S - 1021 * MS) == []
    emitted = fold(state, [], 1, heartbeat=True, ts_cut_ns=T0 + S - 1020 * MS)
    assert [line[1:4] for line in emitted] == [(1, T0, BAR_FINAL)]


def test_heartbeat_before_all() -> None:
    """A heartbeat of a shard that has seen nothing says nothing."""
    assert fold(begin(), [], heartbeat=True, ts_cut_ns=T0) == []


def test_end_of_tape() -> None:
    """The end of a tape shows every open bar once and leaves it open; a batch comes even when there is none."""
    state = begin()
    fold(state, [Trade(T0, id=1)])
    ended = fold_batch(LOOPS, state, batch((), 1, end_of_tape=True), RULES)
    assert [line[1:5] for line in lines(ended)] == [(interval, T0, BAR_OPEN, 0) for interval in INTERVALS_S]
    assert [one.end_of_tape for one in ended] == [True]
    assert [line[3] for line in seconds(fold(state, [Trade(T0 + 2 * S, id=2)], 1))] == [BAR_FINAL]
    empty = fold_batch(LOOPS, begin(), batch((), end_of_tape=True), RULES)
    assert [(one.end_of_tape, len(one.start_ns)) for one in empty] == [(True, 0)]


def test_provisional() -> None:
    """When asked for, each one-second close also shows the longer bars it belongs to that stay open."""
    rules = BarRules(provisional=True)
    state = begin()
    fold(state, [Trade(T0 + 3 * S, 10, id=1), Trade(T0 + 4 * S, 20, id=2)], rules=rules)
    emitted = fold(state, [Quote(T0 + 5 * S)], 2, rules=rules)
    assert [line[1:4] for line in emitted] == [(1, T0 + 3 * S, BAR_FINAL)] + [
        (interval, T0, BAR_PROVISIONAL) for interval in INTERVALS_S[1:]
    ]
    emitted = fold(state, [Quote(T0 + 6 * S)], 3, rules=rules)
    assert [line[1:4] for line in emitted][:2] == [(1, T0 + 4 * S, BAR_FINAL), (60, T0, BAR_PROVISIONAL)]
    assert emitted[-1][1:4] == (5, T0, BAR_FINAL)


def test_shard_full() -> None:
    """Rows of a further instrument are refused with what to do, and the others go on."""
    rules = BarRules(instruments_max=2)
    state = start("BINANCE-0", instruments_max=2)
    rows = [
        Trade(T0, id=1),
        Quote(T0, instrument=1),
        Trade(T0 + 9 * S, id=1, instrument=2),
        Quote(T0, instrument=2),
        Trade(T0 + 3 * S, id=2),
    ]
    batches = fold_batch(LOOPS, state, batch(rows, 10, instruments(3)), rules)
    assert refused(batches) == [(12, "shard_full"), (13, "shard_full")]
    assert "more shards" in batches[0].rejections[0].detail
    assert [line[:4] for line in seconds(lines(batches))] == [(ONE, 1, T0, BAR_FINAL)]


def test_out_of_range() -> None:
    """A size that would leave the range of a sum is refused, not wrapped."""
    rows = [Trade(T0, 1, 2**61, id=1), Trade(T0, 1, 2**61, id=2), Trade(T0, 2**62, 1, id=3), Trade(T0, 1, 5, id=4)]
    batches = run(rows)
    assert refused(batches) == [(1, "out_of_range"), (2, "out_of_range")]
    assert {line[9] for line in lines(batches)} == {2**61 + 5}


def test_exponents_change() -> None:
    """An instrument whose exponents changed is rejected, and the state stays as it was."""
    state = begin()
    fold(state, [Trade(T0, id=1)])
    before = dump(state)
    with pytest.raises(Rejected, match=ONE):
        fold_batch(LOOPS, state, batch([Trade(T0, id=2)], 1, (InstrumentRef(ONE, -3, -3),)), RULES)
    assert dump(state) == before


def test_same_instruments_in_any_order() -> None:
    """A batch may name its instruments in its own order."""
    state = begin()
    refs = instruments(2)
    fold_batch(LOOPS, state, batch([Trade(T0, 10, id=1)], 0, refs), RULES)
    fold_batch(LOOPS, state, batch([Trade(T0, 20, id=2, instrument=1)], 1, refs[::-1]), RULES)
    ended = seconds(lines(fold_batch(LOOPS, state, batch((), 2, end_of_tape=True), RULES)))
    assert [(line[0], line[5], line[8]) for line in ended] == [(ONE, 10, 20)]


def test_many_bars() -> None:
    """More bars than one batch may hold come in several, in order, the last one ending the tape."""
    rows = [Trade(T0 + n * 61 * S, id=n + 1) for n in range(200)]
    whole = run(rows, 256)
    assert max(len(one.start_ns) for one in whole) == BARS_PER_BATCH_MAX
    assert [one.end_of_tape for one in whole].index(True) == len(whole) - 1
    assert len(latest(lines(whole))) == len(lines(run(rows, 7)))


def test_late_batch_leaves_the_market_alone() -> None:
    """A batch sent again behind later rows brings its trades late; its quotes and books were overtaken."""
    state = begin()
    fold(state, [Quote(T0, 100, 102), Trade(T0, id=1), Trade(T0 + 2 * S, id=2)], first_row=10)
    state = load("BINANCE-0", dump(state))
    late: list[Row] = [Quote(T0, 50, 40, flags=QUOTE_CROSSED), Depth(T0, 0, 1, [(1, 1)], [(2, 1)], 0, BOOK_SNAPSHOT)]
    assert fold(state, [*late, Trade(T0, id=3, size=5)], first_row=7) == []
    revision, bar = seconds(fold(state, [Trade(T0 + 4 * S, id=4)], first_row=13))
    assert (revision[3:5], revision[9]) == ((BAR_REVISED, 1), 6)
    assert (bar[3], bar[14], bar[16], bar[-1]) == (BAR_FINAL, 100, 102, MARKET_QUOTED)


def test_streams_are_bounded() -> None:
    """The progress of a bounded number of streams is remembered, by names of a bounded length."""
    state = begin()
    for n in range(STREAMS_MAX + 3):
        fold_batch(LOOPS, state, replace(batch([Trade(T0, id=n)], n), stream=f"{n}"), RULES)
    fold_batch(LOOPS, state, replace(batch([Trade(T0)]), stream="x" * (STREAM_BYTES_MAX + 1)), RULES)
    assert len(state.next_rows) == STREAMS_MAX
    assert next(iter(state.next_rows)) == "3"
    assert state.next_rows[f"{STREAMS_MAX + 2}"] == STREAMS_MAX + 3


def test_blob_is_bounded() -> None:
    """The fullest state of a shard fits its bound."""
    draw = random.Random(3)  # noqa: S311 - a seeded tape
    refs = instruments(12)
    state = begin()
    for i in range(12):
        levels = [(10_000 - n, 2**50) for n in range(400)], [(10_001 + n, 2**50) for n in range(400)]
        fold_batch(LOOPS, state, batch([Depth(T0, 0, 1, *levels, 0, BOOK_SNAPSHOT, i)], i, refs), RULES)
    for n in range(0, 4000, 400):
        rows = [Trade(T0 + (n + m) * S, draw.randint(1, 2**40), 2**40, 1, n + m, 0, m % 12) for m in range(400)]
        fold_batch(LOOPS, state, batch(rows, n, refs), RULES)
    for n in range(STREAMS_MAX):
        name = f"{n:0{STREAM_BYTES_MAX}}"
        fold_batch(LOOPS, state, replace(batch([Trade(T0)], 2**62, refs), stream=name), RULES)
    assert BLOB_BYTES_MAX - 16_384 < len(dump(state)) <= BLOB_BYTES_MAX


def test_state_refuses() -> None:
    """A blob that is no state, is cut short or holds too many instruments is refused in words."""
    state = begin()
    fold(state, [Trade(T0, id=1), Trade(T0, id=1, instrument=1)])
    for blob, allowed in ((b"", 12), (b"nonsense" * 9, 12), (dump(state)[:-1], 12), (dump(state), 1)):
        with pytest.raises(DomainError, match="BINANCE-0"):
            load("BINANCE-0", blob, instruments_max=allowed)


@pytest.mark.parametrize(
    "bad", [{"lateness_ms": -1}, {"lateness_ms": 10_001}, {"instruments_max": 0}, {"book_levels_max": 9}]
)
def test_rules_refuse(bad: dict[str, int]) -> None:
    """Rules outside what a state can hold are refused."""
    with pytest.raises(ValueError, match="expected"):
        BarRules(**bad)  # type: ignore[arg-type]
