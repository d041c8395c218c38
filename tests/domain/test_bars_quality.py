"""What a feed was like is counted in windows of ten seconds, and marks the bars it touches."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import pytest
from ticking import MS, T0, Depth, Quote, Row, S, Trade, batch, lines

from functions.adapters.kernels import compiled
from functions.domain.bars import kernel as layout
from functions.domain.bars.fold import BarRules, fold_batch, quality
from functions.domain.bars.state import start
from functions.domain.market import BOOK_SNAPSHOT, MARKET_MISSING, QUOTE_CROSSED, TRADE_IDS_SPARSE
from functions.domain.quality import InstrumentQuality

if TYPE_CHECKING:
    from functions.domain.bars.layout import Kernel

LOOPS = (cast("Kernel", layout), cast("Kernel", compiled(layout)))


def windows(rows: Sequence[Row], size: int = 512, loops: "Kernel" = LOOPS[1]) -> list[InstrumentQuality]:
    """Fold rows in batches of a size, end the tape, and give every window."""
    state = start("BINANCE-0")
    found: list[InstrumentQuality] = []
    for begin in range(0, len(rows) + 1, size):
        part = rows[begin : begin + size]
        fold_batch(loops, state, batch(part, begin, end_of_tape=begin + size > len(rows)), BarRules())
        told = quality(state)
        found.extend(told.instruments if told else ())
    return found


def bar_flags(rows: Sequence[Row]) -> list[int]:
    """Give the missing-trades bit of each final one-second bar."""
    folded = fold_batch(LOOPS[1], start("BINANCE-0"), batch([*rows, Trade(T0 + 60 * S, id=9_999)]), BarRules())
    return [line[-1] & MARKET_MISSING for line in lines(folded) if line[1] == 1]


def test_clean_feed() -> None:
    """A feed without fault is clean, and its rows are counted by kind."""
    rows = [Trade(T0, id=1), Trade(T0 + S, id=2), Quote(T0 + 2 * S, 99, 1, 101, 1), Trade(T0 + 11 * S, id=3)]
    found = windows(rows)
    assert [(one.window_start_ns - T0) // S for one in found] == [-10, 0, 10]
    assert [(one.rows, one.trades, one.quotes) for one in found] == [(1, 1, 0), (2, 1, 1), (1, 1, 0)]
    assert all(one.is_clean for one in found)


def test_windows_follow_the_watermark() -> None:
    """A window ends when the watermark passes its end; silent ones are not told."""
    found = windows([Trade(T0 + S, id=1), Trade(T0 + 35 * S, id=2), Trade(T0 + 36 * S, id=3)])
    assert [(one.window_end_ns - T0) // S for one in found] == [10, 40]


@pytest.mark.parametrize(
    ("rows", "name", "value"),
    [
        ([Trade(T0 + S, id=5), Trade(T0 + S, id=5)], "repeated", 1),
        ([Trade(T0 + S, id=5), Trade(T0 + S, id=9)], "missing_trades", 3),
        ([Trade(T0 + 2 * S, id=5), Trade(T0 + S, id=6)], "out_of_order", 1),
        ([Depth(T0 + S, 0, 5, [(9, 1)], [(11, 1)], 0, BOOK_SNAPSHOT), Depth(T0 + S, 8, 9)], "book_breaks", 1),
        (
            [
                Quote(T0 + S, 103, 1, 101, 1, flags=QUOTE_CROSSED, receive=T0 + S),
                Quote(T0 + S, 100, 1, 101, 1, receive=T0 + S + 30 * MS),
            ],
            "crossed_ns",
            30 * MS,
        ),
        ([Trade(T0 + S, id=5, receive=T0 + S), Trade(T0 + 2 * S, id=6, receive=T0 + 4 * S)], "silence_ns_max", 3 * S),
        ([Trade(T0 + S, id=5, receive=T0), Trade(T0 + S, id=6, receive=T0 - S)], "delay_ns_mean", -3 * S // 2),
    ],
)
def test_faults_are_counted(rows: list[Row], name: str, value: int) -> None:
    """Each fault is counted under its name, and under no other that says the feed is at fault."""
    found = windows([Trade(T0 + S, id=4, receive=T0 + S), *rows][1:])
    assert getattr(found[-1], name) == value
    assert found[-1].is_clean == (name in {"silence_ns_max", "delay_ns_mean"})


@pytest.mark.parametrize("loops", LOOPS)
def test_history(loops: "Kernel") -> None:
    """The mean delay of rows that come years late is theirs, however many a window has."""
    late = 3 * 365 * 86_400 * S
    found = windows([Trade(T0 + n, id=n, receive=T0 + n + late) for n in range(300)], loops=loops)
    assert [one.delay_ns_mean for one in found] == [late] * len(found)


def test_cut_changes_nothing() -> None:
    """However a tape is cut, and whichever loops fold it, the windows are the same."""
    rows = [Trade(T0 + n * 700 * MS - (n % 7) * S, id=n + n // 9) for n in range(80)]
    whole = windows(rows)
    assert len(whole) > 3
    for size in (1, 7, 64):
        assert windows(rows, size) == whole
    assert windows(rows, 64, LOOPS[0]) == whole


def test_filled_holes() -> None:
    """A trade that comes behind a greater id fills its place."""
    assert windows([Trade(T0 + S, id=5), Trade(T0 + S, id=7), Trade(T0 + S, id=6)])[-1].missing_trades == 0


def test_sparse_ids() -> None:
    """Ids that are not consecutive tell of no hole; an equal one is a duplicate all the same."""
    rows = [Trade(T0 + S, id=number, flags=TRADE_IDS_SPARSE) for number in (5, 90, 90)]
    assert (windows(rows)[-1].missing_trades, windows(rows)[-1].repeated) == (0, 1)
    assert bar_flags(rows) == [0]


def test_bars_with_missing_trades() -> None:
    """A bar says when ids between its first and last trade never came, in whatever order the others did."""
    assert bar_flags([Trade(T0, id=1), Trade(T0, id=5), Trade(T0 + S, id=6)]) == [MARKET_MISSING, 0]
    assert bar_flags([Trade(T0, id=3), Trade(T0, id=1), Trade(T0, id=2), Trade(T0 + S, id=4)]) == [0, 0]
