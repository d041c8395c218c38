"""One suite for every adapter of the port `FixStores`: memory and disk remember the same."""

import pathlib
import signal
import subprocess
import sys

import pytest
from counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.adapters.fix_store import DiskFixStores
from functions.adapters.memory_fix_store import MemoryFixStores
from functions.ports.errors import Unavailable
from functions.ports.fix_store import FixStore, FixStores, Remembered, SessionTaken, Staged
from functions.wire.fix.actions import Numbers
from functions.wire.fix.rules import Identity

US = Identity("US", "THEM")
OTHER = Identity("US", "OTHERS")
SENT_MAX = 3

NUMBERS = st.integers(1, 40)
BYTES = st.binary(max_size=8)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("keep_sent"), st.tuples(st.none() | BYTES)),
        st.tuples(st.just("keep_next_in"), st.tuples(NUMBERS)),
        st.tuples(st.just("reset"), st.tuples(NUMBERS, NUMBERS)),
        st.tuples(st.just("stage"), st.tuples(st.builds(Staged, BYTES, st.none() | NUMBERS))),
        st.tuples(st.just("settle"), st.tuples(st.none() | NUMBERS, BYTES)),
    ),
    max_size=20,
)


@pytest.fixture(params=["memory", "disk"])
def stores(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> FixStores:
    """Give each adapter in turn."""
    if request.param == "memory":
        return MemoryFixStores(sent_max=SENT_MAX)
    return DiskFixStores(tmp_path / "fix", sent_max=SENT_MAX)


def again(stores: FixStores, store: FixStore) -> FixStore:
    """Close a store and open it again."""
    store.close()
    return stores.open(US)


def test_new(stores: FixStores) -> None:
    """A new session begins at 1 both ways and remembers nothing."""
    assert stores.open(US).load() == Remembered(Numbers())


def test_remembers(stores: FixStores) -> None:
    """Numbers, messages, memo and what is staged are there after closing."""
    store = stores.open(US)
    store.keep_sent(1, None)
    store.keep_sent(2, b"two")
    store.stage(Staged(b"batch", 7))
    store.settle(7, b"memo")
    store.keep_next_in(8)
    store.stage(Staged(b"next", 9))
    assert again(stores, store).load() == Remembered(Numbers(8, 3, {2: b"two"}), b"memo", Staged(b"next", 9))


def test_bounded(stores: FixStores) -> None:
    """Only so many sent messages are kept, the newest, also after closing."""
    store = stores.open(US)
    for number in range(1, 8):
        store.keep_sent(number, b"x" if number % 2 else None)
    assert list(store.load().numbers.sent) == [3, 5, 7]
    store = again(stores, store)
    store.keep_sent(8, b"y")
    assert list(store.load().numbers.sent) == [5, 7, 8]


def test_reset(stores: FixStores) -> None:
    """A reset forgets what was sent; the application's memo and what is staged stay."""
    store = stores.open(US)
    store.keep_sent(1, b"one")
    store.settle(5, b"memo")
    store.stage(Staged(b"batch", 6))
    store.reset(1, 2)
    assert store.load() == Remembered(Numbers(1, 2), b"memo", Staged(b"batch", 6))


def test_taken(stores: FixStores) -> None:
    """A session has one keeper; another session is not in its way, and it is free once let go."""
    store = stores.open(US)
    with pytest.raises(SessionTaken):
        stores.open(US)
    stores.open(OTHER).close()
    store.close()
    stores.open(US).close()


def test_loading_shares_nothing(stores: FixStores) -> None:
    """What was loaded may be changed without changing what is remembered."""
    store = stores.open(US)
    store.keep_sent(1, b"one")
    store.load().numbers.sent.clear()
    assert store.load().numbers.sent == {1: b"one"}


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, reopen=st.sets(st.integers(0, 20)))
def test_twins(
    steps: list[tuple[str, tuple[object, ...]]], reopen: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever is done, disk and memory remember the same, closed in between or not."""
    both: list[FixStores] = [
        MemoryFixStores(sent_max=SENT_MAX),
        DiskFixStores(tmp_path_factory.mktemp("fix"), sent_max=SENT_MAX),
    ]
    opened = [one.open(US) for one in both]
    for index, (name, arguments) in enumerate(steps):
        number = opened[0].load().numbers.next_out
        given_now = (number, *arguments) if name == "keep_sent" else arguments
        for store in opened:
            getattr(store, name)(*given_now)
        if index in reopen:
            opened = [again(one, store) for one, store in zip(both, opened, strict=True)]
        assert opened[0].load() == opened[1].load()
    for store in opened:
        store.close()


KEEPER = """
import pathlib, sys
from functions.adapters.fix_store import DiskFixStores
from functions.wire.fix.rules import Identity
store = DiskFixStores(pathlib.Path(sys.argv[1])).open(Identity("US", "THEM"))
for number in range(1, 1_000_000):
    store.keep_sent(number, b"m%d" % number)
    print(number, flush=True)
"""


def test_killed(tmp_path: pathlib.Path) -> None:
    """After kill -9 everything a call returned from is there, and the session is free."""
    command = [sys.executable, "-c", KEEPER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdout is not None
        seen = [int(process.stdout.readline()) for _ in range(50)]
        with pytest.raises(SessionTaken):
            DiskFixStores(tmp_path).open(US)
        process.send_signal(signal.SIGKILL)
        seen += [int(line) for line in process.stdout.read().split("\n")[:-1]]
    store = DiskFixStores(tmp_path).open(US)
    numbers = store.load().numbers
    assert numbers.next_out >= seen[-1] + 1
    assert numbers.sent == {number: b"m%d" % number for number in range(1, numbers.next_out)}
    store.close()


def test_unwritable(tmp_path: pathlib.Path) -> None:
    """A folder that cannot be one is Unavailable."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        DiskFixStores(tmp_path / "file").open(US)


def test_fsync(tmp_path: pathlib.Path) -> None:
    """With fsync the same is remembered."""
    stores = DiskFixStores(tmp_path, fsync=True)
    store = stores.open(US)
    store.keep_next_in(4)
    assert again(stores, store).load().numbers.next_in == 4
