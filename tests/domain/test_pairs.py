"""Pairs are joined on buckets of venue time with what each member knew then, and say what they lack."""

import math
from dataclasses import replace

import pytest
from barred import Bar
from paired import (
    BASIS,
    COIN,
    HERE,
    PERP,
    SILENCE_S,
    SPOT,
    THERE,
    batch,
    column,
    fold,
    name_of,
    perp,
    rows,
    spot,
)

from functions.domain.bars.fold import BARS_PER_BATCH_MAX
from functions.domain.errors import DomainError, Rejected
from functions.domain.market import (
    BAR_NO_PRICE,
    BAR_OPEN,
    BAR_PROVISIONAL,
    BAR_REVISED,
    MARKET_CROSSED,
    MARKET_QUOTED,
    NS_PER_S,
    InstrumentRef,
)
from functions.domain.pairs import kernel
from functions.domain.pairs.batch import MISSING_B, STALE_A, STALE_B
from functions.domain.pairs.fold import GAP_MAX, fold_bars, lose_bars
from functions.domain.pairs.pairing import Pair
from functions.domain.pairs.state import HOLES_MAX, dump, load, start, weight

CROSS = Pair(SPOT.instrument_id, COIN.instrument_id, (1, 5))
PAIRS = (replace(BASIS, intervals_s=(1, 5)), CROSS)


def test_both_are_waited_for() -> None:
    """A bucket is evaluated once both shards have come past its end, with the close that each had then."""
    first = fold([spot(Bar(bar=100, close=7), Bar(bar=101, close=8))])
    assert first == []
    both = fold([spot(Bar(bar=100, close=7), Bar(bar=101, close=8)), perp(Bar(bar=100, close=9))])
    assert rows(both) == [(100, 7, 9, 0)]
    assert [(one.batch.join, one.number, one.time_ns) for one in both] == [(f"{HERE}~{THERE}", 0, 101 * NS_PER_S)]
    assert both[0].cause == name_of(spot(Bar(bar=100), Bar(bar=101)))
    assert both[0].batch.instruments == (SPOT, PERP)


def test_one_shard() -> None:
    """Members of one shard are joined as soon as it closes their bars."""
    told = fold([spot(Bar(bar=5, close=7), Bar(bar=5, close=9, instrument=1))], pairs=(CROSS,))
    assert [one.batch.join for one in told] == [HERE]
    assert rows(told) == [(5, 7, 9, 0)]


def test_stale() -> None:
    """A member without a bar stands at its last close, flagged; a bucket without any bar gives no row."""
    told = fold([
        spot(Bar(bar=1, close=7), Bar(bar=2, close=8), Bar(bar=5, close=9)),
        perp(Bar(bar=1, close=3), Bar(bar=3, close=4), Bar(bar=6, close=5)),
        spot(Bar(bar=6, close=6)),
    ])  # fmt: skip
    assert rows(told) == [(1, 7, 3, 0), (2, 8, 3, STALE_B), (3, 8, 4, STALE_A), (5, 9, 4, STALE_B), (6, 6, 5, 0)]
    returns = column(told, "return_b")
    assert returns[0] is None
    assert returns[1:] == [0.0, pytest.approx(math.log(4 / 3)), 0.0, pytest.approx(math.log(5 / 4))]


def test_begins_with_both() -> None:
    """There is no row before both members have closed; the first stands on the last close before."""
    told = fold([
        spot(Bar(bar=1, close=7), Bar(bar=2, close=8)), perp(Bar(bar=4, close=3)), spot(Bar(bar=5, close=9))
    ])  # fmt: skip
    assert rows(told) == [(4, 8, 3, STALE_A)]


def test_never_newer() -> None:
    """What a member closes at later never stands in an earlier bucket."""
    told = fold([spot(*(Bar(bar=n, close=100 + n) for n in range(20))), perp(*(Bar(bar=n) for n in range(0, 20, 3)))])
    assert [(number, a) for number, a, _, _ in rows(told)] == [(n, 100 + n) for n in range(19)]


@pytest.mark.parametrize("finality", [BAR_PROVISIONAL, BAR_REVISED, BAR_OPEN])
def test_final_only(finality: int) -> None:
    """Bars that are not final for the first time neither count nor move a shard."""
    given = [spot(Bar(bar=1), Bar(bar=2)), perp(Bar(bar=1), Bar(bar=2, finality=finality))]
    assert [row[0] for row in rows(fold(given))] == [1]


def test_long_bars_are_passed_over() -> None:
    """Bars of more than an hour end where an instrument's day does, and say nothing of how far a shard has come."""
    given = [spot(Bar(bar=1), Bar(bar=1, interval_s=86_400)), perp(Bar(bar=1), Bar(bar=2))]
    assert [row[0] for row in rows(fold(given))] == [1]


def test_full_batch() -> None:
    """A full batch may be followed by bars of the same end, so its last end is not done."""
    others = tuple(InstrumentRef(f"I{n}.BINANCE", -2, -2) for n in range(BARS_PER_BATCH_MAX))
    closing = [Bar(bar=1, instrument=n) for n in range(BARS_PER_BATCH_MAX)]
    full = batch(HERE, *closing, refs=(*others, SPOT))
    rest = batch(HERE, Bar(bar=1, instrument=BARS_PER_BATCH_MAX, close=8), refs=(*others, SPOT))
    earlier = batch(HERE, Bar(bar=0, instrument=BARS_PER_BATCH_MAX, close=7), refs=(*others, SPOT))
    told = fold([perp(Bar(bar=0), Bar(bar=1)), earlier, full, rest])
    assert [(number, a, flags) for number, a, _, flags in rows(told)] == [(0, 7, 0), (1, 8, 0)]


def test_silence() -> None:
    """A shard too far behind is missing, flagged, and the windows are cold from there."""
    given = [spot(Bar(bar=0)), perp(Bar(bar=0, close=3)), *(spot(Bar(bar=n)) for n in range(1, SILENCE_S + 3))]
    told = fold(given)
    assert rows(told) == [(0, 300_000, 3, 0), (1, 300_000, 0, MISSING_B), (2, 300_000, 0, MISSING_B)]
    assert not told[1].batch.states.any()
    back = fold([*given, perp(Bar(bar=2, close=4), Bar(bar=3, close=5), Bar(bar=4, close=6))])[3:]
    assert rows(back) == [(3, 300_000, 5, 0), (4, 300_000, 6, 0)]
    assert column(back, "return_b") == [None, pytest.approx(math.log(6 / 5))]


def test_bars_without_a_close() -> None:
    """A shard whose bars set no close is not silent: it has come as far as they tell, and its member is stale."""
    quiet = [perp(Bar(bar=n, close=0, flags=BAR_NO_PRICE)) for n in range(1, SILENCE_S + 3)]
    given = [spot(Bar(bar=0)), perp(Bar(bar=0, close=3)), *quiet, *(spot(Bar(bar=n)) for n in range(1, SILENCE_S + 3))]
    assert {flags for _, _, _, flags in rows(fold(given))[1:]} == {STALE_B}


def test_late_after_silence() -> None:
    """A bar of a bucket that was evaluated without it is known from there on, and told of no more."""
    given = [spot(Bar(bar=0)), perp(Bar(bar=0, close=3)), *(spot(Bar(bar=n)) for n in range(1, SILENCE_S + 3))]
    told = fold([*given, perp(Bar(bar=2, close=4)), perp(Bar(bar=4, close=6))])
    assert rows(told)[3:] == [(3, 300_000, 4, STALE_B), (4, 300_000, 6, 0)]


def test_silence_before_the_first() -> None:
    """Bars that wait for a member that was never seen are bounded by the silence."""
    state = start((BASIS,))
    assert fold([spot(Bar(bar=n, close=n + 1)) for n in range(500)], state=state) == []
    assert len(state.tracks[0].sides[0].waiting) == SILENCE_S
    told = fold([perp(Bar(bar=490), Bar(bar=491))], state=state)
    assert rows(told) == [(490, 491, 300_000, 0), (491, 492, 300_000, 0)]


def test_unknown_start_is_not_newer() -> None:
    """A member first seen behind what its join has passed does not stand in buckets before its first bar."""
    far = Pair(COIN.instrument_id, PERP.instrument_id, (1,))
    early = [spot(Bar(bar=n), Bar(bar=n, instrument=1)) for n in range(SILENCE_S * 2)]
    apart = batch(THERE, Bar(bar=5), refs=(InstrumentRef("X.BINANCEUSDM", -2, -2),))
    told = fold([*early, apart, perp(Bar(bar=SILENCE_S + 20)), perp(Bar(bar=SILENCE_S * 2))], pairs=(far,))
    assert min(number for number, *_ in rows(told)) == SILENCE_S + 20


def test_end_of_tape() -> None:
    """What an ended tape no longer reaches is evaluated without it; when all have ended the join says so, once."""
    told = fold([
        spot(Bar(bar=0)), perp(Bar(bar=0)), spot(Bar(bar=1)), perp(end_of_tape=True), spot(Bar(bar=2)),
        spot(end_of_tape=True), spot(end_of_tape=True),
    ])  # fmt: skip
    assert [flags for *_, flags in rows(told)] == [0, MISSING_B, MISSING_B]
    assert [(one.batch.end_of_tape, one.batch.row_count, one.number, one.time_ns) for one in told[-2:]] == [
        (False, 1, 2, 3 * NS_PER_S),
        (True, 0, 3, 3 * NS_PER_S),
    ]
    assert told[-1].cause == name_of(spot(end_of_tape=True))


def test_goes_on_after_the_end() -> None:
    """A shard that goes on after its tape is joined again, cold."""
    ended = [spot(Bar(bar=0), end_of_tape=True), perp(Bar(bar=0), end_of_tape=True)]
    told = fold([*ended, spot(Bar(bar=9)), perp(Bar(bar=9)), spot(end_of_tape=True), perp(end_of_tape=True)])
    assert [(one.batch.row_count, one.batch.end_of_tape) for one in told] == [
        (1, False),
        (0, True),
        (1, False),
        (0, True),
    ]


def test_gap_of_empty_buckets() -> None:
    """Few buckets without a bar are returns of 0; behind more than a window holds, the windows are cold."""
    near, far = 3 + GAP_MAX, 5 + GAP_MAX
    for number, warm in ((near, True), (far, False)):
        given = [spot(Bar(bar=1)), perp(Bar(bar=1)), spot(Bar(bar=2)), perp(Bar(bar=2))]
        told = fold([*given, spot(Bar(bar=number)), perp(Bar(bar=number))], silence_s=1000)
        assert (column(told, "return_a")[-1] is not None) == warm


def test_lost_batches() -> None:
    """Behind batches that were lost the windows are cold, wherever the other shard was when they were told of."""
    for ahead in (0, 1, 3):
        state = start((BASIS,))
        told = fold([spot(*(Bar(bar=n) for n in range(5)))], state=state)
        told += fold([perp(*(Bar(bar=n) for n in range(ahead)))], state=state) if ahead else []
        lose_bars(state, HERE)
        lose_bars(state, HERE)
        told += fold([perp(*(Bar(bar=n) for n in range(ahead, 6))), spot(Bar(bar=5))], state=state)
        assert [value is None for value in column(told, "return_a")] == [True, False, False, False, False, True]


def test_holes_are_bounded() -> None:
    """Of very many holes the latest stand together."""
    state = start((BASIS,))
    for n in range(HOLES_MAX + 9):
        fold([spot(Bar(bar=n))], state=state)
        lose_bars(state, HERE)
    assert len(state.tracks[0].sides[0].holes) == HOLES_MAX
    lose_bars(state, "ELSEWHERE-0")


def test_strangers() -> None:
    """Bars of instruments that nobody pairs change nothing, nor do those of a member in another shard."""
    state = start((BASIS,))
    fold([batch("X-0", Bar(bar=1), refs=(InstrumentRef("A.X", 0, 0),))], state=state)
    assert dump(state) == dump(start((BASIS,)))
    fold([spot(Bar(bar=1))], state=state)
    before = dump(state)
    fold([batch("OTHER-0", Bar(bar=2), refs=(SPOT,))], state=state)
    assert dump(state) == before


def test_changed_exponents() -> None:
    """An instrument whose exponents change is refused, and the state stays."""
    state = start((BASIS,))
    fold([spot(Bar(bar=1))], state=state)
    before = dump(state)
    with pytest.raises(Rejected, match="exponents stay"):
        fold([batch(HERE, Bar(bar=2), refs=(replace(SPOT, price_exponent=-3),))], state=state)
    with pytest.raises(Rejected, match="within 18"):
        fold([batch(THERE, Bar(bar=2), refs=(replace(PERP, price_exponent=-30),))], state=state)
    assert dump(state) == before


@pytest.mark.parametrize(
    ("bar", "state"),
    [
        (Bar(bar=1, bid=300_010, ask=300_020), 1),
        (Bar(bar=1, flags=0), 0),
        (Bar(bar=1, ask=0), 0),
        (Bar(bar=1, bid=300_030, ask=300_020, flags=MARKET_QUOTED | MARKET_CROSSED), 2),
    ],
)
def test_arbitrage(bar: Bar, state: int) -> None:
    """Best bid less best ask, both ways; unknown without a quote, none when one is crossed in itself."""
    told = fold([spot(bar), perp(Bar(bar=1, bid=299_990, ask=300_000))])
    values, states = told[0].batch.values[0], told[0].batch.states[0]
    mid = (300_010 + 300_020 + 299_990 + 300_000) / 4
    expected = {"sell_a_buy_b_bps": 1e5 / mid, "sell_b_buy_a_bps": -3e5 / mid, "mid_spread_bps": 2e5 / mid}
    for name, value in expected.items():
        at = kernel.NAMES.index(name)
        assert states[at] == state
        assert values[at] == pytest.approx(value if state == 1 else 0.0, rel=1e-12)


def test_arbitrage_is_not_stale() -> None:
    """A quote of an earlier bucket is no quote to trade on."""
    told = fold([spot(Bar(bar=1), Bar(bar=2)), perp(Bar(bar=1)), perp(Bar(bar=3))])
    assert column(told, "sell_a_buy_b_bps")[0] is not None
    assert column(told, "sell_a_buy_b_bps")[1] is None


def test_different_assets() -> None:
    """Prices of different assets have no spread, but their ratio has a place in its window."""
    told = fold([spot(Bar(bar=1, close=300), Bar(bar=1, instrument=1, close=60))], pairs=(CROSS,))
    assert math.isnan(column(told, "spread_bps")[0] or 0.0)
    assert math.isnan(column(told, "sell_a_buy_b_bps")[0] or 0.0)
    assert column(told, "log_ratio") == [pytest.approx(math.log(3.0 / 6.0))]


def test_other_pairs() -> None:
    """After the pairs are changed those that stay go on, new ones begin, and sequences are kept."""
    given_ = [spot(Bar(bar=1), Bar(bar=1, instrument=1)), perp(Bar(bar=1))]
    state = start((BASIS,))
    fold(given_, state=state)
    changed = load((CROSS, BASIS), dump(state))
    told = fold([spot(Bar(bar=2), Bar(bar=2, instrument=1)), perp(Bar(bar=2))], state=changed)
    assert [(one.batch.join, one.number) for one in told] == [(HERE, 0), (f"{HERE}~{THERE}", 1)]
    assert [column([one], "return_a") for one in told] == [[None], [0.0]]


@pytest.mark.parametrize("blob", [b"", b"nonsense", b"TLPAIR01\x00\x00\x00\x00"])
def test_not_a_state(blob: bytes) -> None:
    """Bytes that no dump wrote are refused."""
    with pytest.raises((DomainError, ValueError)):
        load((BASIS,), blob)


def test_short_arrays() -> None:
    """A state whose arrays were cut is refused."""
    with pytest.raises(DomainError, match="expected"):
        load((BASIS,), dump(start((BASIS,)))[:-8])


def test_weight() -> None:
    """No state weighs more than is said before, also when every pair has waited as long as it may."""
    state = start(PAIRS)
    causes = [f"{n:036d}" for n in range(500)]
    for n in range(500):
        one = spot(
            Bar(bar=10**9 + n, close=2**50 + n, bid=2**50, ask=2**50), Bar(bar=10**9 + n, close=2**50, instrument=1)
        )
        fold_bars(kernel, state, one, causes[n], silence_s=SILENCE_S)
        lose_bars(state, HERE)
    assert len(dump(state)) <= weight(PAIRS, SILENCE_S)
    assert weight((BASIS,), 10_000) > weight((BASIS,), 100)
