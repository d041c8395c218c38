"""Bars of equal activity follow from the tape alone: thresholds, days, duplicates, cancels, and no matter the cut."""

import random
from decimal import Decimal

import pytest
from active import DAY, LOOPS, PLAIN, Line, begin, counted, every, latest, lines, refused, rules, run
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from ticking import T0, Quote, Row, S, Trade, batch, cut, instruments

from functions.domain.activity import kernel
from functions.domain.activity.batch import (
    ACTIVITY_AMENDED,
    ACTIVITY_MISSING,
    ACTIVITY_SHORT,
    BASIS_NOTIONAL,
    BASIS_TICKS,
    BASIS_VOLUME,
)
from functions.domain.activity.fold import BARS_PER_BATCH_MAX, ActivityRules, fold_batch
from functions.domain.activity.state import BLOB_BYTES_MAX, INSTRUMENTS_MAX, dump, load, start, weight
from functions.domain.errors import DomainError, Rejected
from functions.domain.market import (
    BAR_FINAL,
    BAR_OPEN,
    BAR_REVISED,
    SIDE_SELL,
    TRADE_CANCEL,
    TRADE_CORRECTION,
    TRADE_IDS_SPARSE,
    TRADE_INFORMS_ONLY,
    TRADE_NOT_HIGH_LOW,
    TRADE_NOT_LAST,
    TRADE_NOT_VOLUME,
    TRADE_WITHOUT_ID,
    InstrumentRef,
)

ONE = "I0-USDT.BINANCE"
EACH = rules(ticks=7, volume=40, notional=3000)
LIMITS = {BASIS_TICKS: 7, BASIS_VOLUME: 40, BASIS_NOTIONAL: 3000}
PAIRS = rules(ticks=2)


def mixed(seed: int, length: int = 300) -> list[Row]:
    """Draw a tape of two instruments: duplicates, cancels, corrections, conditions, disorder, days that turn."""
    draw = random.Random(seed)  # noqa: S311 - a seeded tape
    rows: list[Row] = []
    now, ids = T0, [0, 0]
    changes = (0,) * 12 + (TRADE_CANCEL, TRADE_CANCEL | TRADE_INFORMS_ONLY, TRADE_CORRECTION)
    plain = (0,) * 6 + (TRADE_INFORMS_ONLY, TRADE_WITHOUT_ID, TRADE_NOT_VOLUME, TRADE_NOT_LAST, TRADE_NOT_HIGH_LOW)
    for _ in range(length):
        now += draw.choice([0, 1, S, 60 * S, 3600 * S])
        i, change = draw.randrange(2), draw.choice(changes)
        ids[i] += draw.random() < 0.8
        number = ids[i] if not change else max(ids[i] - draw.randrange(60), 0)
        ts = now - draw.choice([0, 0, 0, S, 7200 * S])
        flags = change | draw.choice(plain) | TRADE_IDS_SPARSE
        rows.append(Trade(ts, draw.randint(90, 110), draw.randint(1, 20), draw.randint(0, 2), number, flags, i))
        if draw.random() < 0.1:
            rows.append(Quote(now, instrument=i))
    return rows


@settings(max_examples=examples(300), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_against_plain_count(seed: int) -> None:
    """The last form of every bar, and every refused row, equal a count made anew print by print."""
    rows = mixed(seed)
    emitted = run(rows, EACH)
    assert (latest(lines(emitted)), refused(emitted)) == counted(rows, LIMITS)


@settings(max_examples=examples(200), deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([1, 7, 64]))
def test_cut(seed: int, size: int) -> None:
    """A tape cut anywhere gives the same bars in the same order, and the same refused rows."""
    rows = mixed(seed)
    one, other = run(rows, EACH), run(rows, EACH, size)
    assert lines(other) == lines(one)
    assert refused(other) == refused(one)


@settings(max_examples=examples(50), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_plain_is_compiled(seed: int) -> None:
    """Plain and compiled loops give the same bars and leave the same state."""
    states = begin(), begin()
    for each in cut(mixed(seed, 150), 64, instruments(2)):
        plain, fast = (
            fold_batch(loops, state, each, EACH) for loops, state in zip((PLAIN, LOOPS), states, strict=True)
        )
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
    for each in cut(rows, size, instruments(2)):
        emitted += fold_batch(LOOPS, state, each, EACH)
        state = load("BINANCE-0", dump(state))
    assert lines(emitted) == lines(run(rows, EACH))


def sizes(*given: int) -> list[Row]:
    """Make trades of sizes at price 100, a second apart, with ids from 1."""
    return [Trade(T0 + n * S, 100, size, id=n + 1) for n, size in enumerate(given)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (rules(ticks=2), [(0, 2, 5), (1, 2, 9), (2, 1, 5)]),
        (rules(volume=11), [(0, 4, 14), (1, 1, 5)]),
        (rules(volume=10), [(0, 3, 10), (1, 2, 9)]),
        (rules(notional=501), [(0, 3, 10), (1, 2, 9)]),
        (rules(notional=500), [(0, 2, 5), (1, 1, 5), (2, 2, 9)]),
    ],
)
def test_threshold(given: ActivityRules, expected: list[tuple[int, int, int]]) -> None:
    """A bar closes with the trade that brings its sum to the threshold or beyond, and that trade is all its own."""
    found = lines(run(sizes(2, 3, 5, 4, 5), given))
    assert [(line.ordinal, line.trades, line.volume) for line in found] == expected


def test_figures() -> None:
    """Prices follow tape order, not venue time; boundaries are the first and the last trade's; buyers count apart."""
    rows = [Trade(T0 + 5, 30, 5, SIDE_SELL, 1), Trade(T0 + 1, 50, 2, 1, 2), Trade(T0 + 9, 20, 7, 0, 3)]
    (line,) = lines(run(rows, rules(ticks=3)))
    expected = (T0 + 5, T0 + 9, 30, 50, 20, 20, 14, 2, 150 + 100 + 140, 3, 0)
    assert line == Line(ONE, BASIS_TICKS, T0 // DAY, 0, BAR_FINAL, 0, *expected)


def test_bases_beside_each_other() -> None:
    """A trade that fills bars of several bases closes them in the order of the bases."""
    found = lines(run(sizes(1, 9), rules(ticks=2, volume=10, notional=1000)))
    assert [(line.basis, line.finality) for line in found] == [(basis, BAR_FINAL) for basis in (1, 2, 3)]


def test_beyond_64_bits() -> None:
    """Notionals and their thresholds are exact to 128 bits."""
    draw = random.Random(1)  # noqa: S311 - a seeded tape
    rows = [Trade(T0 + n, draw.randint(1, 2**61), draw.randint(1, 2**55), 1, n) for n in range(50)]
    sums = [sum(row.price * row.size for row in rows[:n]) for n in (20, 50)]
    (first, second) = lines(run(rows, rules(notional=sums[0])))
    assert (first.trades, first.notional, first.finality) == (20, sums[0], BAR_FINAL)
    assert (second.notional, second.finality) == (sums[1] - sums[0], BAR_OPEN)
    assert lines(run(rows, rules(notional=sums[0] + 1)))[0].trades == 21
    (told,) = [one for one in run(rows[:20], rules(notional=sums[0])) if one.row_count]
    assert (int(told.threshold_hi[0]) << 64) + int(told.threshold_lo[0]) == sums[0]


def test_patterns() -> None:
    """The first pattern that fits says the threshold; an instrument that none fits has no bars of the basis."""
    given = ActivityRules(
        ticks=(("I0-*", Decimal(2)), ("I*", Decimal(3)), ("*", Decimal(1))), volume=(("X", Decimal(1)),)
    )
    rows = [Trade(T0, id=n, instrument=n % 2) for n in range(12)]
    assert [(line.instrument, line.trades) for line in lines(run(rows, given)) if line.finality == BAR_FINAL] == [
        (f"I{n}-USDT.BINANCE", trades) for n, trades in ((0, 2), (1, 3), (0, 2), (0, 2), (1, 3))
    ]


def test_limits_round_up() -> None:
    """A threshold between two units is the greater one, and one that no sum can hold exactly is none."""
    ref = InstrumentRef(ONE, -2, -3)
    found = ActivityRules(ticks=every("1.5"), volume=every("0.0001"), notional=every("1e33")).limits(ref)
    assert [(hi << 62) + lo for hi, lo in found.tolist()] == [2, 1, 0]
    assert ActivityRules(volume=every("1")).limits(InstrumentRef(ONE, 0, 3)).tolist()[1] == [0, 1]
    assert ActivityRules(volume=every("1e16")).limits(ref).tolist()[1] == [0, 0]


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "Infinity"])
def test_bad_threshold(number: str) -> None:
    """A threshold is a number above 0."""
    with pytest.raises(ValueError, match="above 0"):
        ActivityRules(ticks=every(number))


def test_no_room() -> None:
    """A shard holds at least one instrument, and the fullest one by default can be stored."""
    with pytest.raises(ValueError, match="instruments_max"):
        ActivityRules(instruments_max=0)
    assert weight(instruments_max=INSTRUMENTS_MAX) <= BLOB_BYTES_MAX


def test_duplicates() -> None:
    """A venue id inside the window counts once; beyond it, where its trade is not kept, or without an id, all count."""
    numbers = (5000, 5000, 4990, 4990, 905, 904, 904, *range(5001, 5001 + kernel.PRINTS_KEPT), 904, 9999, 9998)
    rows = [Trade(T0, 10, 1, id=number) for number in numbers]
    rows += [Trade(T0, id=5000, flags=TRADE_WITHOUT_ID), Trade(T0, id=5000, instrument=1)]
    assert [line.trades for line in lines(run(rows, rules(ticks=9999)))] == [8 + kernel.PRINTS_KEPT, 1]


def test_repeated_ids_that_skip_thousands() -> None:
    """A repeated print counts once however far behind the greatest id it is, as long as it is kept."""
    rows = [Trade(T0, id=number, flags=TRADE_IDS_SPARSE) for number in (1_000, 900_000, 1_000)]
    assert [line.trades for line in lines(run(rows, rules(ticks=9)))] == [2]


@pytest.mark.parametrize("flags", [TRADE_INFORMS_ONLY, TRADE_NOT_VOLUME, TRADE_INFORMS_ONLY | TRADE_CANCEL])
def test_does_not_count(flags: int) -> None:
    """What informs only, or by its condition is no volume, feeds no bar and turns no day."""
    rows = [Trade(T0, id=1), Trade(T0 + DAY, id=2, flags=flags), Trade(T0, id=3)]
    batches = run(rows, PAIRS)
    assert [(line.trades, line.flags & ~ACTIVITY_MISSING) for line in lines(batches)] == [(2, 0)]
    assert refused(batches) == []


def test_conditions() -> None:
    """A trade that may not set the last price or the extremes counts without setting them; none at all is 0."""
    unpriced = TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW
    rows = [
        Trade(T0, 90, 5, 1, 1, unpriced),
        Trade(T0, 100, 1, 1, 2, TRADE_NOT_HIGH_LOW),
        Trade(T0, 80, 1, 1, 3, TRADE_NOT_LAST),
    ]
    (line,) = lines(run(rows, rules(ticks=3)))
    assert (line.open, line.high, line.low, line.close, line.volume) == (100, 80, 80, 100, 7)
    (line,) = lines(run(rows[:1], rules(ticks=1)))
    assert line[8:13] == (0, 0, 0, 0, 5)


def cancel(number: int, **more: int) -> Trade:
    """Take a trade back."""
    return Trade(T0, id=number, flags=TRADE_CANCEL | more.pop("flags", 0), **more)


def test_cancel_closed() -> None:
    """A cancel inside a closed bar revises it at once: sums go down, boundaries and prices stay, and it is flagged."""
    rows = [Trade(T0, 90, 3, 1, 1), Trade(T0 + S, 110, 4, 1, 2), Trade(T0 + 2 * S, 100, 1, id=3)]
    first, revised, open_ = lines(run([*rows, cancel(2)], PAIRS))
    expected = {"volume": 3, "buy_volume": 3, "notional": 270, "trades": 1, "flags": ACTIVITY_AMENDED}
    assert revised == first._replace(finality=BAR_REVISED, revision=1, **expected)
    assert (open_.finality, open_.ordinal) == (BAR_OPEN, 1)


def test_cancel_open() -> None:
    """A cancel in the open bar takes the print out of its sums, so that the bar closes that much later."""
    rows = [Trade(T0, 100, 4, id=1), cancel(1), *(Trade(T0 + S, 100, 2, id=n) for n in (2, 3, 4))]
    (line,) = lines(run(rows, rules(volume=5)))
    assert (line.finality, line.revision, line.trades, line.volume) == (BAR_FINAL, 0, 3, 6)
    assert (line.flags, line.start_ns) == (ACTIVITY_AMENDED, T0)


def test_cancel_twice() -> None:
    """A cancel sent again changes nothing, nor does the print it took back."""
    batches = run([*sizes(1, 1), cancel(1), cancel(1), Trade(T0, id=1)], PAIRS)
    assert [(line.revision, line.trades) for line in lines(batches)] == [(0, 2), (1, 1)]
    assert refused(batches) == []


@pytest.mark.parametrize(
    ("trades", "row", "reasons"),
    [
        (17, cancel(1), []),
        (18, cancel(1), []),
        (19, cancel(2), ["too_late"]),
        (19, cancel(3), []),
        (5000, cancel(4500), ["too_late"]),
        (5000, cancel(904, flags=TRADE_INFORMS_ONLY), []),
        (5, cancel(7), ["unknown_trade"]),
        (5, cancel(7, flags=TRADE_INFORMS_ONLY), []),
        (5, cancel(1, flags=TRADE_WITHOUT_ID), ["unknown_trade"]),
    ],
)
def test_cancel_beyond(trades: int, row: Trade, reasons: list[str]) -> None:
    """A cancel reaches the last bars that are kept and no further; one that only informs may name what never came."""
    batches = run([*(Trade(T0, id=n + 1) for n in range(trades)), row], PAIRS)
    assert [reason for _, reason in refused(batches)] == reasons


def test_cancel_beyond_prints() -> None:
    """Of a bar that is kept, only the last prints can be taken back."""
    rows = [Trade(T0, id=n + 1) for n in range(kernel.PRINTS_KEPT + 1)]
    batches = run([*rows, cancel(2), cancel(1)], rules(ticks=5000))
    assert refused(batches) == [(len(rows) + 1, "too_late")]
    assert lines(batches)[-1].trades == kernel.PRINTS_KEPT


def test_cancel_in_some_bases() -> None:
    """Where the bar of one basis is no longer kept, the others are revised and the row is refused."""
    rows = [Trade(T0, id=n + 1) for n in range(40)]
    batches = run([*rows, cancel(3)], rules(ticks=2, volume=20))
    assert [line[1:6] for line in lines(batches) if line.revision] == [(BASIS_VOLUME, T0 // DAY, 0, BAR_REVISED, 1)]
    assert refused(batches) == [(40, "too_late")]


def test_correction() -> None:
    """A correction puts its figures in the place of its print's, widens the extremes, and is counted once."""
    rows = sizes(3, 4, 1)
    right = Trade(T0 + 9, 120, 5, SIDE_SELL, 1, TRADE_CORRECTION)
    batches = run([*rows, right, right], PAIRS)
    first, revised, _ = lines(batches)
    sums = {"volume": 9, "buy_volume": 4, "notional": 1000, "high": 120, "flags": ACTIVITY_AMENDED}
    assert revised == first._replace(finality=BAR_REVISED, revision=1, **sums)
    assert refused(batches) == []


def test_correction_of_nothing() -> None:
    """A correction of a trade that never came is that trade; one of a trade long gone is too late."""
    assert [line.volume for line in lines(run([Trade(T0, size=5, id=1, flags=TRADE_CORRECTION)], PAIRS))] == [5]
    rows = [Trade(T0, id=n + 1) for n in range(2000)]
    assert refused(run([*rows, Trade(T0, id=1, size=9, flags=TRADE_CORRECTION)], PAIRS)) == [(2000, "too_late")]


def test_correction_out_of_range() -> None:
    """A correction that would leave the range of a sum is refused, and nothing changes."""
    rows = [
        Trade(T0, 1, 2**61, id=1),
        Trade(T0, 1, 1, id=2),
        Trade(T0, 1, 2**61 + 2**60 * 2 - 1, 1, 2, TRADE_CORRECTION),
    ]
    batches = run(rows, rules(ticks=9))
    assert refused(batches) == [(2, "out_of_range")]
    assert [(line.volume, line.flags) for line in lines(batches)] == [(2**61 + 1, 0)]


def test_day() -> None:
    """A day ends what is open, short of its threshold, and numbers from 0; a trade of an earlier one counts today."""
    midnight = T0 - T0 % DAY + DAY
    times = (midnight - 2, midnight - 2, midnight - 1, midnight, midnight - 1, midnight + DAY)
    found = lines(run([Trade(ts, id=n) for n, ts in enumerate(times)], PAIRS))
    day = midnight // DAY
    assert [(line.day, line.ordinal, line.trades, line.finality, line.flags) for line in found] == [
        (day - 1, 0, 2, BAR_FINAL, 0),
        (day - 1, 1, 1, BAR_FINAL, ACTIVITY_SHORT),
        (day, 0, 2, BAR_FINAL, 0),
        (day + 1, 0, 1, BAR_OPEN, 0),
    ]


def test_missing() -> None:
    """A bar says when the venue numbered more trades since the bar before it than came, until they do come."""
    found = [line.flags for line in lines(run([Trade(T0, id=n) for n in (1, 2, 5, 6, 7, 8)], PAIRS))]
    assert found == [0, ACTIVITY_MISSING, 0]
    assert [line.flags for line in lines(run([Trade(T0, id=n) for n in (1, 2, 4, 3, 5, 6)], PAIRS))] == [0, 0, 0]
    sparse = [Trade(T0, id=n, flags=TRADE_IDS_SPARSE) for n in (1, 5)]
    assert [line.flags for line in lines(run(sparse, PAIRS))] == [0]


def test_lost_rows() -> None:
    """Lost batches are missing in the bar around them."""
    state = begin()
    fold_batch(LOOPS, state, batch(sizes(1, 1, 1)), PAIRS)
    LOOPS.lose_rows(state.arrays)
    rows = [Trade(T0, id=n) for n in (4, 5, 6)]
    assert [line.flags for line in lines(fold_batch(LOOPS, state, batch(rows, 3), PAIRS))] == [ACTIVITY_MISSING, 0]


def test_threshold_changes() -> None:
    """A bar keeps the threshold it began with; the next one takes that of now."""
    state = begin()
    fold_batch(LOOPS, state, batch(sizes(1)), rules(ticks=3))
    state = load("BINANCE-0", dump(state))
    rows = [Trade(T0, id=n) for n in range(2, 7)]
    assert [line.trades for line in lines(fold_batch(LOOPS, state, batch(rows, 1), rules(ticks=1)))] == [3, 1, 1, 1]


def test_end_of_tape() -> None:
    """The end of a tape shows every open bar once and leaves it open; a batch comes even when there is none."""
    state = begin()
    fold_batch(LOOPS, state, batch(sizes(1)), PAIRS)
    ended = fold_batch(LOOPS, state, batch((), 1, end_of_tape=True), PAIRS)
    assert [line.finality for line in lines(ended)] == [BAR_OPEN]
    assert [one.end_of_tape for one in ended] == [True]
    more = fold_batch(LOOPS, state, batch([Trade(T0, id=2)], 1), PAIRS)
    assert [(line.ordinal, line.trades, line.finality) for line in lines(more)] == [(0, 2, BAR_FINAL)]
    empty = fold_batch(LOOPS, begin(), batch((), end_of_tape=True), PAIRS)
    assert [(one.end_of_tape, one.row_count) for one in empty] == [(True, 0)]


def test_nothing() -> None:
    """A batch that closes nothing gives nothing, nor does one without trades."""
    assert fold_batch(LOOPS, begin(), batch([Trade(T0), Quote(T0)]), PAIRS) == ()
    assert fold_batch(LOOPS, begin(), batch([Quote(T0)]), PAIRS) == ()


def test_many_bars() -> None:
    """More bars than one batch may hold come in several, in order, the last one ending the tape."""
    whole = run([Trade(T0, id=n) for n in range(300)], rules(ticks=1))
    assert [one.row_count for one in whole] == [BARS_PER_BATCH_MAX, 300 - BARS_PER_BATCH_MAX, 0]
    assert [one.end_of_tape for one in whole] == [False, False, True]
    assert [line.ordinal for line in lines(whole)] == list(range(300))


def test_shard_full() -> None:
    """Trades of a further instrument are refused with what to do, and the others go on."""
    given = ActivityRules(ticks=every("1"), instruments_max=1)
    state = start("BINANCE-0", instruments_max=1)
    rows = [Quote(T0, instrument=1), Trade(T0, id=1), Trade(T0, id=1, instrument=2), cancel(1, instrument=2)]
    batches = fold_batch(LOOPS, state, batch(rows, 10, instruments(3)), given)
    assert refused(batches) == [(12, "shard_full"), (13, "shard_full")]
    assert "more shards" in batches[0].rejections[0].detail
    assert [line.instrument for line in lines(batches)] == [ONE]


def test_out_of_range() -> None:
    """A figure that would leave the range of a sum is refused, not wrapped."""
    rows = [Trade(T0, 1, 2**61, id=1), Trade(T0, 1, 2**61, id=2), Trade(T0, 2**62, 1, id=3), Trade(T0, 1, 5, id=4)]
    batches = run([*rows, Trade(2**63 - 1, id=5)], rules(ticks=9))
    assert refused(batches) == [(at, "out_of_range") for at in (1, 2, 4)]
    assert [line.volume for line in lines(batches)] == [2**61 + 5]


def test_exponents_change() -> None:
    """An instrument whose exponents changed is rejected, and the state stays as it was."""
    state = begin()
    fold_batch(LOOPS, state, batch(sizes(1)), PAIRS)
    before = dump(state)
    with pytest.raises(Rejected, match=ONE):
        fold_batch(LOOPS, state, batch([Trade(T0, id=2)], 1, (InstrumentRef(ONE, -3, -3),)), PAIRS)
    assert dump(state) == before


def test_load_refuses() -> None:
    """What is no state, ends too soon, or holds more instruments than are allowed is refused."""
    state = begin()
    fold_batch(LOOPS, state, batch(sizes(1)), PAIRS)
    for blob, room in ((b"", 8), (b"x" * 99, 8), (dump(state)[:-1], 8), (dump(state), 0)):
        with pytest.raises(DomainError):
            load("BINANCE-0", blob, instruments_max=room)
