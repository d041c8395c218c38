"""A cancel takes a trade back and a correction replaces it, in every bar that is still kept, and nothing else."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest
from ticking import MS, T0, S, Trade, batch, instruments, lines

from functions.adapters.kernels import compiled
from functions.domain.bars import columns, kernel
from functions.domain.bars.fold import BarRules, fold_batch
from functions.domain.bars.state import BarState, dump, load, start
from functions.domain.market import (
    BAR_FINAL,
    BAR_NO_PRICE,
    BAR_OPEN,
    BAR_REVISED,
    SIDE_SELL,
    TRADE_CANCEL,
    TRADE_CORRECTION,
    TRADE_INFORMS_ONLY,
    TRADE_WITHOUT_ID,
)

if TYPE_CHECKING:
    from functions.domain.bars.layout import Kernel

LOOPS = cast("Kernel", compiled(kernel))
RULES = BarRules()


def fold(state: BarState, rows: Sequence[Trade], first_row: int = 0, **more: bool) -> tuple[list[Any], list[Any]]:
    """Fold rows as one batch; give the one-second and the five-second bars, and what was refused."""
    batches = fold_batch(LOOPS, state, batch(rows, first_row, instruments(1), **more), RULES)
    refused = [(one.row, one.reason) for each in batches for one in each.rejections]
    return [line for line in lines(batches) if line[1] in {1, 5}], refused


def void(number: int, ts: int, flags: int = TRADE_CANCEL, **more: int) -> Trade:
    """Say that a trade is void, with figures that must not matter."""
    return Trade(ts, 7, 7, SIDE_SELL, number, flags)._replace(**more)


def test_open_bar() -> None:
    """What is taken back while its bar is open is not in it when it closes."""
    state = start("BINANCE-0")
    rows = [Trade(T0, 10, 1, id=1), Trade(T0 + 1, 90, 2, id=2), Trade(T0 + 2, 20, 4, id=3), void(2, T0 + 3)]
    shown, refused = fold(state, [*rows, Trade(T0 + 2 * S, id=4)])
    assert refused == []
    assert [line[1:10] + line[13:14] for line in shown] == [(1, T0, BAR_FINAL, 0, 10, 20, 10, 20, 5, 2)]


def test_closed_bar() -> None:
    """What is taken back from a closed bar revises it, with open, high, low and close of what remains."""
    state = start("BINANCE-0")
    fold(state, [Trade(T0, 10, 1, id=1), Trade(T0 + 1, 90, 2, id=2), Trade(T0 + 2 * S, 30, 4, id=3)])
    fold(state, [void(1, T0 + 3 * S)], 3)
    shown, _ = fold(state, [Trade(T0 + 6 * S, 5, 1, id=4)], 4)
    assert shown[0][1:11] == (1, T0, BAR_REVISED, 1, 90, 90, 90, 90, 2, 2)
    (whole,) = [line for line in shown if line[1] == 5]
    assert whole[2:10] == (T0, BAR_FINAL, 0, 90, 90, 30, 30, 6)


def test_whole_bar() -> None:
    """A closed bar whose only trade is taken back is shown empty and without a price; an open one is not shown."""
    state = start("BINANCE-0")
    fold(state, [Trade(T0, 10, 1, id=1), Trade(T0 + 2 * S, 30, 4, id=2)])
    shown, _ = fold(state, [void(1, T0 + 2 * S), void(2, T0 + 2 * S)], 2, end_of_tape=True)
    assert [line[1:14] for line in shown] == [(1, T0, BAR_REVISED, 1, *(0,) * 9)]
    assert shown[0][-1] & BAR_NO_PRICE


def test_correction() -> None:
    """A correction takes the original's place: its time, its row, the new price and size."""
    state = start("BINANCE-0")
    rows = [Trade(T0, 10, 1, id=1), Trade(T0, 20, 2, id=2), Trade(T0, 30, 4, id=3)]
    fixed = void(1, T0 + 5 * S, TRADE_CORRECTION, price=25, size=100)
    shown, refused = fold(state, [*rows, fixed])
    assert refused == []
    assert shown[0][1:11] == (1, T0, BAR_FINAL, 0, 10, 30, 10, 30, 7, 7)
    shown, _ = fold(state, [], 4, end_of_tape=True)
    assert shown[0][1:12] == (1, T0, BAR_REVISED, 1, 25, 30, 20, 30, 106, 6, 0)
    assert (shown[0][12], shown[0][13]) == (25 * 100 + 2 * 20 + 4 * 30, 3)


def test_correction_of_what_never_came() -> None:
    """A correction of an id that never came is the trade itself; the original behind it is a repetition."""
    state = start("BINANCE-0")
    rows = [Trade(T0, 10, 1, id=1), void(2, T0 + 1, TRADE_CORRECTION, price=50), Trade(T0 + 1, 10, 7, id=2)]
    shown, refused = fold(state, rows, end_of_tape=True)
    assert (shown[0][6], shown[0][13], refused) == (50, 2, [])


@pytest.mark.parametrize("flags", [TRADE_CANCEL, TRADE_CORRECTION])
def test_again(flags: int) -> None:
    """The same cancel or correction again changes nothing and emits nothing."""
    state = start("BINANCE-0")
    rows = [Trade(T0, 10, 1, id=1), Trade(T0 + 1, 20, 1, id=2), Trade(T0 + 3 * S, 20, 1, id=3)]
    fold(state, [*rows, void(1, T0 + 3 * S, flags)])
    fold(state, [Trade(T0 + 5 * S, 20, 1, id=4)], 4)
    before = state.arrays[1].copy()
    shown, refused = fold(state, [void(1, T0 + 3 * S, flags)], 5)
    assert (shown, refused) == ([], [])
    assert (before == state.arrays[1]).all()
    assert state.arrays[0][columns.PENDING] == 0


def test_refused() -> None:
    """An id that never came is refused by a reason of its own, a forgotten one as too late; a note of it is not."""
    state = start("BINANCE-0")
    kept = columns.PRINTS_KEPT
    rows = [Trade(T0 + n * MS, {0: 5, 1: 20}.get(n, 10), 1, id=n) for n in range(kept + 2)]
    voids = [
        void(kept + 9, T0 + S),
        void(1, T0 + S),
        void(2, T0 + S),
        void(3, T0 + S, TRADE_CANCEL | TRADE_WITHOUT_ID),
        void(kept + 9, T0 + S, TRADE_CANCEL | TRADE_INFORMS_ONLY),
    ]
    _, refused = fold(state, [*rows, *voids], end_of_tape=True)
    assert refused == [(kept + 2, "unknown_trade"), (kept + 3, "too_late"), (kept + 5, "unknown_trade")]


def test_too_late() -> None:
    """A second that is no longer kept stays as it was, which is said; the longer bars give the trade back."""
    state = start("BINANCE-0")
    fold(state, [Trade(T0, 10, 1, id=1), Trade(T0 + 1, 20, 2, id=2), Trade(T0 + 50 * S, 30, 4, id=3)])
    batches = fold_batch(LOOPS, state, batch([void(1, T0 + 51 * S)], 3, end_of_tape=True), RULES)
    assert [one.reason for each in batches for one in each.rejections] == ["too_late"]
    shown = {(line[1], line[2]): line[3:10] for line in lines(batches)}
    assert shown.get((1, T0)) is None
    assert shown[5, T0] == (BAR_REVISED, 1, 20, 20, 20, 20, 2)
    assert shown[86_400, T0] == (BAR_OPEN, 0, 20, 30, 20, 30, 6)


def test_from_shorter_bars() -> None:
    """Beyond the last trades a bar's prices follow from the shorter bars that are kept."""
    state = start("BINANCE-0")
    early = [Trade(T0, 10, 1, id=0), Trade(T0 + S, 500, 1, id=1)]
    many = [Trade(T0 + 2 * S + n * MS, 100 + n % 7, 1, id=2 + n) for n in range(columns.PRINTS_KEPT - 1)]
    fold(state, [*early, *many])
    _, refused = fold(state, [Trade(T0 + 5 * S + 250 * MS, id=999), void(1, T0 + 5 * S)], len(early + many))
    assert refused == [(len(early + many) + 1, "too_late")]  # its print is forgotten
    state = start("BINANCE-0")
    fold(state, [*early, *many[:-2]])
    _, refused = fold(state, [Trade(T0 + 5 * S + 250 * MS, id=999), void(1, T0 + 5 * S)], len(early + many))
    shown, _ = fold(state, [], 999, end_of_tape=True)
    assert refused == []
    revised = {line[1]: line[5:9] for line in shown if line[3] == BAR_REVISED}
    assert revised == {1: (0, 0, 0, 0), 5: (10, 106, 10, many[-3].price)}


def test_state_survives() -> None:
    """A state that was written down and read back can still take a trade back."""
    state = start("BINANCE-0")
    fold(state, [Trade(T0, 10, 1, id=1), Trade(T0, 20, 1, id=2)])
    state = load("BINANCE-0", dump(state))
    shown, refused = fold(state, [void(2, T0 + 1)], 2, end_of_tape=True)
    assert (shown[0][5:10], refused) == ((10, 10, 10, 10, 1), [])
