"""Sources stay in order whatever the order of arrival."""

from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.sequence import HOLES_MAX, Duplicate, Gap, Progress, Ready, Sequencer


def _folded(steps: list[object]) -> list[int]:
    return [step.item for step in steps if isinstance(step, Ready)]


@given(order=st.permutations(range(30)))
@settings(max_examples=examples(500))
def test_any_order_folds_contiguously(order: list[int]) -> None:
    """Whatever the order of arrival, each number is folded once, in order."""
    sequencer = Sequencer[int]()
    folded = [number for at in order for number in _folded(sequencer.offer("s", at, at))]
    assert folded == list(range(30))
    assert sequencer.waiting == 0


@given(order=st.lists(st.integers(0, 9), max_size=40))
@settings(max_examples=examples(500))
def test_duplicates_fold_once(order: list[int]) -> None:
    """A number that comes again, folded or waiting, is a duplicate."""
    sequencer = Sequencer[int]()
    folded = [number for at in order for number in _folded(sequencer.offer("s", at, at))]
    assert folded == sorted(set(folded))


def test_sources_do_not_wait_for_each_other() -> None:
    """A hole in one source holds back nothing of another."""
    sequencer = Sequencer[int]()
    sequencer.offer("a", 5, 5)
    assert _folded(sequencer.offer("b", 0, 0)) == [0]


def test_full_reorder_buffer_declares_a_gap() -> None:
    """When as many wait as may wait, the missing numbers become a hole and folding goes on."""
    sequencer = Sequencer[int](reorder_max=3)
    steps = [step for at in (2, 3, 4) for step in sequencer.offer("s", at, at)]
    assert steps[0] == Gap("s", 0, 1, 2)
    assert _folded(steps) == [2, 3, 4]


def test_late_into_a_hole_is_folded_once() -> None:
    """A number given up before is folded as late when it comes after all, and only once."""
    sequencer = Sequencer[int](reorder_max=2)
    for at in (1, 2):
        sequencer.offer("s", at, at)
    assert sequencer.offer("s", 0, 0) == [Ready(0, late=True)]
    assert sequencer.offer("s", 0, 0) == [Duplicate(0)]


def test_giving_up_leaves_nothing_waiting() -> None:
    """At the end of a tape everything that waits is folded behind declared gaps."""
    sequencer = Sequencer[int]()
    for at in (3, 7, 8):
        sequencer.offer("s", at, at)
    steps = sequencer.give_up_all()
    assert [step for step in steps if isinstance(step, Gap)] == [Gap("s", 0, 2, 3), Gap("s", 4, 6, 7)]
    assert _folded(steps) == [3, 7, 8]
    assert sequencer.waiting == 0


def test_holes_are_bounded() -> None:
    """However far a source jumps, a bounded number of holes is kept, the newest."""
    sequencer = Sequencer[int](reorder_max=1)
    (gap, _) = sequencer.offer("s", 2**62, 0)
    assert gap == Gap("s", 0, 2**62 - 1, 0)
    holes = sequencer.progress["s"].holes
    assert (len(holes), max(holes)) == (HOLES_MAX, 2**62 - 1)


def test_newest_holes_are_kept() -> None:
    """Of too many holes the lowest are forgotten."""
    progress = Progress(next=9000)
    progress.open_holes(range(HOLES_MAX))
    progress.open_holes((8000,))
    assert (min(progress.holes), max(progress.holes), len(progress.holes)) == (1, 8000, HOLES_MAX)
