"""What pairs tell follows from each shard's own sequence, however they were mixed, and from nothing later."""

from dataclasses import replace

import numpy as np
from barred import Bar
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from paired import BASIS, COIN, SPOT, fold, lines, perp, spot, walk

from functions.domain.market import NS_PER_S, BarBatch
from functions.domain.pairs.fold import Told
from functions.domain.pairs.pairing import Pair
from functions.domain.pairs.state import dump, load, start

CROSS = Pair(SPOT.instrument_id, COIN.instrument_id, (1, 5))
PAIRS = (replace(BASIS, intervals_s=(1, 5)), CROSS)


def tapes(seed: int, length: int) -> tuple[list[BarBatch], list[BarBatch]]:
    """Draw what two shards tell: bars of two instruments and one, now and then none, in batches of a few seconds."""
    a, b = walk(seed, length)
    here = [Bar(bar=n, close=p) for n, p in enumerate(a) if (n * 7 + seed) % 5]
    coin = [Bar(bar=n, close=p // 2, instrument=1) for n, p in enumerate(b) if (n + seed) % 3]
    fives = [Bar(bar=n, close=a[5 * n], interval_s=5) for n in range(length // 5)]
    there = [Bar(bar=n, close=p) for n, p in enumerate(b) if (n * 3 + seed) % 4]
    five_there = [Bar(bar=n, close=b[5 * n], interval_s=5) for n in range(length // 5)]
    return _cut(here + coin + fives, spot, 1 + seed % 3), _cut(there + five_there, perp, 1 + seed % 4)


def _cut(bars: list[Bar], make: object, seconds: int) -> list[BarBatch]:
    ordered = sorted(bars, key=lambda bar: ((bar.bar + 1) * bar.interval_s, bar.interval_s, bar.instrument))
    groups: dict[int, list[Bar]] = {}
    for bar in ordered:
        groups.setdefault((bar.bar + 1) * bar.interval_s // seconds, []).append(bar)
    assert callable(make)
    return [*(make(*group) for _, group in sorted(groups.items())), make(end_of_tape=True)]


def mixed(left: list[BarBatch], right: list[BarBatch], turns: list[bool]) -> list[BarBatch]:
    """Mix two sequences, each in its own order."""
    left, right, out = left[::-1], right[::-1], []
    for turn in turns[: len(left) + len(right)]:
        side = left if (turn and left) or not right else right
        out.append(side.pop())
    return out + left[::-1] + right[::-1]


def test_every_order() -> None:
    """Of two short tapes every mixture tells the same events, bit for bit."""
    left, right = tapes(1, 8)
    left, right = [*left[:4], left[-1]], [*right[:4], right[-1]]
    expected = lines(fold([*left, *right], pairs=PAIRS))
    assert len(expected) > 3

    def orders(a: int, b: int) -> list[list[bool]]:
        if not a or not b:
            return [[True] * a + [False] * b]
        return [[True, *rest] for rest in orders(a - 1, b)] + [[False, *rest] for rest in orders(a, b - 1)]

    found = [lines(fold(mixed(left, right, turns), pairs=PAIRS)) for turns in orders(len(left), len(right))]
    assert len(found) == 252
    assert all(one == expected for one in found)


@given(st.integers(0, 100), st.lists(st.booleans(), max_size=120))
@settings(max_examples=examples(300), deadline=None)
def test_any_order(seed: int, turns: list[bool]) -> None:
    """Mixing the shards' batches in any way tells the same events, bit for bit."""
    left, right = tapes(seed, 40)
    assert lines(fold(mixed(left, right, turns), pairs=PAIRS)) == lines(fold([*left, *right], pairs=PAIRS))


@given(st.integers(0, 50), st.integers(0, 60))
@settings(max_examples=examples(100), deadline=None)
def test_restart(seed: int, at: int) -> None:
    """A state written down and read back in mid-series tells the same events, and is written down alike."""
    left, right = tapes(seed, 40)
    given_ = mixed(left, right, [bool((n + seed) % 3) for n in range(90)])
    state, whole = start(PAIRS), start(PAIRS)
    first = fold(given_[:at], pairs=PAIRS, state=state)
    again = load(PAIRS, dump(state))
    assert dump(again) == dump(state)
    assert lines(first + fold(given_[at:], state=again)) == lines(fold(given_, state=whole))
    assert dump(again) == dump(whole)


@given(st.integers(0, 50), st.integers(8, 39))
@settings(max_examples=examples(100), deadline=None)
def test_no_look_ahead(seed: int, cut: int) -> None:
    """What is told up to a time stays the same when everything behind it is cut off or replaced."""
    left, right = tapes(seed, 40)
    end_ns = cut * NS_PER_S

    def replaced(batches: list[BarBatch]) -> list[BarBatch]:
        out = []
        for one in batches:
            ends = one.start_ns + one.interval_s.astype(np.int64) * NS_PER_S
            out.append(
                replace(one, close=one.close + 5_000 * (ends > end_ns), bid_price=one.bid_price + (ends > end_ns))
            )
        return out

    def before(batches: list[BarBatch]) -> list[BarBatch]:
        kept = [
            one for one in batches if not (one.start_ns + one.interval_s.astype(np.int64) * NS_PER_S > end_ns).any()
        ]
        return [one for one in kept if not one.end_of_tape]

    def until(told: list[Told]) -> list[tuple[object, ...]]:
        return lines(one for one in told if one.time_ns <= end_ns and not one.batch.end_of_tape)

    whole = until(fold([*left, *right], pairs=PAIRS))
    assert until(fold([*replaced(left), *replaced(right)], pairs=PAIRS)) == whole
    short = until(fold([*before(left), *before(right)], pairs=PAIRS))
    assert short
    assert set(short) <= set(whole)
