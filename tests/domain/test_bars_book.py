"""Books follow the venue's rules: in sync or lost, never wrong."""

import bisect
import pathlib
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from ticking import T0, Depth, Quote, Row, S, Trade, batch, instruments, lines, spot

from functions.adapters.kernels import compiled
from functions.domain.bars import columns as layout
from functions.domain.bars import kernel
from functions.domain.bars.fold import BarRules, fold_batch
from functions.domain.bars.state import BarState, start
from functions.domain.market import (
    BOOK_SNAPSHOT,
    BOOK_TELLS_PREVIOUS,
    BOOK_WITHOUT_IDS,
    MARKET_BOOK_LOST,
    MARKET_BOOK_VALID,
    MARKET_CROSSED,
    QUOTE_CROSSED,
)

if TYPE_CHECKING:
    from functions.domain.bars.layout import Kernel

LOOPS = cast("Kernel", compiled(kernel))
BIDS = [(100 - n, n + 1) for n in range(12)]
ASKS = [(101 + n, n + 2) for n in range(12)]
SNAPSHOT = Depth(T0, 0, 50, BIDS, ASKS, 0, BOOK_SNAPSHOT)


def fold(rows: Sequence[Row], levels: int = 256) -> BarState:
    """Fold rows one batch each."""
    state = start("BINANCE-0", levels_max=levels)
    for n, row in enumerate(rows):
        fold_batch(LOOPS, state, batch([row], n), BarRules(book_levels_max=levels))
    return state


def side(state: BarState, which: int) -> list[tuple[int, int]]:
    """Read a side of the only book, best first."""
    market, levels = state.arrays[2][0], state.arrays[3][0]
    sign = -1 if which == 0 else 1
    known = levels[which, : market[layout.BOOK_COUNT + which]].tolist()
    return [(sign * key, size) for key, size in reversed(known)]


def in_sync(state: BarState) -> bool:
    """Tell whether the only book is."""
    return bool(state.arrays[2][0, layout.BOOK_STATE] != layout.BOOK_LOST)


def depths(rows: Sequence[Row], levels: int = 256) -> tuple[Any, ...]:
    """Read bid depth, ask depth and flags of a bar that closes behind the rows."""
    state = fold(rows, levels)
    closing = [Trade(T0, id=1), Trade(T0 + 2 * S, id=2)]
    return lines(fold_batch(LOOPS, state, batch(closing, len(rows), instruments(1)), BarRules(book_levels_max=levels)))[
        0
    ][-3:]


def test_depth() -> None:
    """Depth is the sum of the ten best levels of each side."""
    assert depths([SNAPSHOT]) == (sum(range(1, 11)), sum(range(2, 12)), MARKET_BOOK_VALID)


def test_no_book() -> None:
    """Without a snapshot there is no depth."""
    assert depths([Depth(T0, 1, 2, BIDS, ASKS)]) == (0, 0, 0)


def test_delta() -> None:
    """A delta sets sizes, inserts in order, removes at zero, and removing an unknown level is normal."""
    delta = Depth(T0, 51, 52, [(100, 9), (97, 0), (42, 0)], [(103, 0), (100 + 50, 1)])
    state = fold([SNAPSHOT, delta])
    assert side(state, 0) == [(100, 9), *[level for level in BIDS[1:] if level[0] != 97]]
    assert side(state, 1) == [*[level for level in ASKS if level[0] != 103], (150, 1)]


@pytest.mark.parametrize("seed", range(5))
def test_any_order(seed: int) -> None:
    """The levels of a message may come in any order, though most venues tell the best first."""
    bids, asks = [(60 + n, n % 3) for n in range(41)], [(101 + n, n % 3) for n in range(41)]
    expected = [sorted((dict(had) | dict(new)).items()) for had, new in ((BIDS, bids), (ASKS, asks))]
    for levels in (bids, asks):
        random.Random(seed).shuffle(levels)  # noqa: S311 - a seeded tape
    state = fold([SNAPSHOT, Depth(T0, 51, 52, bids, asks)])
    assert side(state, 0) == [level for level in reversed(expected[0]) if level[1]]
    assert side(state, 1) == [level for level in expected[1] if level[1]]


@pytest.mark.parametrize(
    ("first", "last", "syncs"), [(40, 50, True), (45, 51, True), (51, 51, True), (52, 53, False), (1, 49, True)]
)
def test_spot_first(first: int, last: int, *, syncs: bool) -> None:
    """In spot the first delta holds the number behind the snapshot's; older ones are dropped, a hole loses the book."""
    assert in_sync(fold([SNAPSHOT, Depth(T0, first, last, [(99, 7)])])) == syncs


@pytest.mark.parametrize(("first", "syncs"), [(53, True), (54, False), (52, False)])
def test_spot_chain(first: int, *, syncs: bool) -> None:
    """In spot each delta begins behind the one before."""
    assert in_sync(fold([SNAPSHOT, Depth(T0, 49, 52), Depth(T0, first, 60)])) == syncs


@pytest.mark.parametrize(
    ("first", "last", "previous", "syncs"),
    [(45, 50, 44, True), (45, 55, 44, True), (60, 70, 50, True), (51, 55, 49, False), (40, 49, 39, True)],
)
def test_futures_first(first: int, last: int, previous: int, *, syncs: bool) -> None:
    """In futures the first delta holds the snapshot's number or names it as the one before."""
    delta = Depth(T0, first, last, (), (), previous, BOOK_TELLS_PREVIOUS)
    assert in_sync(fold([SNAPSHOT, delta])) == syncs


@pytest.mark.parametrize(("previous", "syncs"), [(55, True), (54, False)])
def test_futures_chain(previous: int, *, syncs: bool) -> None:
    """In futures each delta names the one before; numbers between do not matter."""
    one = Depth(T0, 45, 55, (), (), 44, BOOK_TELLS_PREVIOUS)
    other = Depth(T0, 70, 80, (), (), previous, BOOK_TELLS_PREVIOUS)
    assert in_sync(fold([SNAPSHOT, one, other])) == syncs


def test_snapshot_behind_deltas() -> None:
    """Deltas that came before their snapshot are applied to it, by the same rule."""
    early = [Depth(T0, 40, 50, [(95, 99)]), Depth(T0, 51, 52, [(100, 70)]), Depth(T0, 53, 55, [(100, 80), (99, 0)])]
    state = fold([*early, SNAPSHOT, Depth(T0, 56, 57, [(98, 3)])])
    assert in_sync(state)
    assert side(state, 0)[:3] == [(100, 80), (98, 3), (97, 4)]


def test_snapshot_behind_many_deltas() -> None:
    """Deltas that wait drop the older ones when room runs out, and a newer snapshot still finds its own."""
    early = [Depth(T0, n, n, [(50, n)] * 40) for n in range(1, 61)]
    state = fold([*early, Depth(T0, 0, 58, BIDS, ASKS, 0, BOOK_SNAPSHOT), Depth(T0, 61, 61)])
    assert in_sync(state)
    assert side(state, 0)[-1] == (50, 60)


def test_unnumbered_updates() -> None:
    """Updates without numbers are applied as they come; before the snapshot they are part of it already."""
    early = Depth(T0, 0, 0, [(99, 7)], (), 0, BOOK_WITHOUT_IDS)
    begin = Depth(T0, 0, 0, BIDS, ASKS, 0, BOOK_SNAPSHOT | BOOK_WITHOUT_IDS)
    update = Depth(T0, 0, 0, [(100, 70), (99, 0)], (), 0, BOOK_WITHOUT_IDS)
    assert not in_sync(fold([early]))
    state = fold([early, begin, update])
    assert in_sync(state)
    assert side(state, 0)[:2] == [(100, 70), (98, 3)]
    assert side(fold([early, begin, update, begin]), 0) == BIDS


def test_old_snapshot() -> None:
    """A snapshot older than a book in sync changes nothing."""
    old = Depth(T0, 0, 49, [(1, 1)], [(2, 1)], 0, BOOK_SNAPSHOT)
    state = fold([SNAPSHOT, Depth(T0, 51, 52), old, Depth(T0, 53, 53)])
    assert in_sync(state)
    assert side(state, 0) == BIDS


def test_crossed_quote() -> None:
    """A crossed quote is flagged and loses the book, until a snapshot brings it back."""
    crossed = Quote(T0, 102, 101, flags=QUOTE_CROSSED)
    assert depths([SNAPSHOT, crossed]) == (0, 0, 1 | MARKET_CROSSED | MARKET_BOOK_LOST)
    again = Depth(T0, 0, 60, BIDS, ASKS, 0, BOOK_SNAPSHOT)
    assert depths([SNAPSHOT, crossed, Depth(T0, 51, 52), Quote(T0), again])[2] == 1 | MARKET_BOOK_VALID


@pytest.mark.parametrize("bid", [101, 102])
def test_crossed_book(bid: int) -> None:
    """A book whose bid reaches its ask is lost."""
    assert not in_sync(fold([SNAPSHOT, Depth(T0, 51, 51, [(bid, 1)])]))


def test_impossible_size() -> None:
    """A level whose size no sum can hold loses the book."""
    assert not in_sync(fold([SNAPSHOT, Depth(T0, 51, 51, [(90, 2**58)])]))


def test_lose_market() -> None:
    """After a gap neither quote nor book is known, and a book that was there is told as lost."""
    state = fold([SNAPSHOT, Quote(T0)])
    LOOPS.lose_market(state.arrays)
    closing = [Trade(T0, id=1), Trade(T0 + 2 * S, id=2)]
    assert lines(fold_batch(LOOPS, state, batch(closing, 2, instruments(1)), BarRules()))[0][-1] == MARKET_BOOK_LOST


@settings(max_examples=examples(200), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_bounded_book(seed: int) -> None:
    """A book bounded to a few levels knows the same best levels as an unbounded one, or says that it does not."""
    draw = random.Random(seed)  # noqa: S311 - a seeded tape
    truth: tuple[dict[int, int], dict[int, int]] = (dict(BIDS), dict(ASKS))
    rows: list[Row] = [SNAPSHOT]
    for n in range(51, 120):
        bids = [(draw.randint(80, 100), draw.choice([0, 0, 1, 2])) for _ in range(3)]
        asks = [(draw.randint(101, 121), draw.choice([0, 0, 1, 2])) for _ in range(3)]
        rows.append(Depth(T0, n, n, bids, asks))
        for levels, changes in zip(truth, (bids, asks), strict=True):
            levels.update(changes)
    best = [sorted((price, size) for price, size in levels.items() if size) for levels in truth]
    expected = [sum(size for _, size in best[0][-10:]), sum(size for _, size in best[1][:10])]
    bid_depth, ask_depth, flags = depths(rows, 11)
    assert flags in (0, MARKET_BOOK_VALID)
    assert [bid_depth, ask_depth] == (expected if flags else [0, 0])


def test_rebuilt_spot(captures: pathlib.Path) -> None:
    """The book of the spot capture agrees with the venue's own best bid and ask at every depth message in sync."""
    rows = spot(captures / "binance_spot_ws_ethusdt" / "ethusdt_20240808.gz")
    assert _agreement(rows, levels=1000) == (3432, 3432)


def test_rebuilt_futures(captures: pathlib.Path) -> None:
    """The book of the futures capture, whose snapshot comes late, stays in sync to the end."""
    rows = spot(captures / "binance_usdm_ws_ethusdt" / "ethusdt_20240808.gz")
    asked, agreed = _agreement(rows, levels=1000)
    assert (asked, agreed) == (6580, 6580)


def _agreement(rows: Sequence[Row], levels: int) -> tuple[int, int]:
    """Count depth messages in sync, and those whose best levels equal the venue's quote as of the same update id."""
    state = start("BINANCE-0", levels_max=levels)
    rules = BarRules(book_levels_max=levels)
    quotes = sorted((row for row in rows if isinstance(row, Quote)), key=lambda row: row.update)
    updates = [row.update for row in quotes]
    asked = agreed = 0
    at = 0
    for end in [n for n, row in enumerate(rows) if isinstance(row, Depth)]:
        fold_batch(LOOPS, state, batch(rows[at : end + 1], at), rules)
        at = end + 1
        if state.arrays[2][0, layout.BOOK_STATE] == layout.BOOK_LIVE:
            asked += 1
            quote = quotes[bisect.bisect_right(updates, rows[end].last) - 1]
            best = (*side(state, 0)[0], *side(state, 1)[0])
            agreed += best == (quote.bid, quote.bid_size, quote.ask, quote.ask_size)
    return asked, agreed
