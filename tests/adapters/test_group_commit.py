"""Writers that come together share a write, and each gets its own answer."""

import asyncio
from dataclasses import dataclass, field

import pytest

from functions.adapters.group_commit import GroupCommit
from functions.ports.errors import Overloaded, Unavailable


@dataclass
class Store:
    """A store that notes what it was given together, and can be closed, or refuse single values."""

    groups: list[list[int]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    down: bool = False

    async def write(self, group: list[int]) -> None:
        """Write a group, all or nothing."""
        await self.gate.wait()
        if self.down:
            message = "the store is down"
            raise Unavailable(message)
        if any(item < 0 for item in group):
            message = f"{min(group)} cannot be stored"
            raise ValueError(message)
        self.groups.append(group)


async def test_coalesced() -> None:
    """What arrives while a write runs goes into the next one, in order of arrival."""
    store = Store()
    writer = GroupCommit(store.write, linger_s=0)
    first = writer.put(0)
    await asyncio.sleep(0)  # lets the first write begin
    others = [writer.put(item) for item in (1, 2, 3)]
    store.gate.set()
    await asyncio.gather(first, *others)
    assert store.groups == [[0], [1, 2, 3]]


async def test_first_waits_for_others() -> None:
    """The first of a group waits a moment, so that what comes right behind it shares its write."""
    store = Store()
    store.gate.set()
    writer = GroupCommit(store.write, linger_s=0.001)
    first = writer.put(0)
    await asyncio.sleep(0)
    await asyncio.gather(first, writer.put(1))
    assert store.groups == [[0, 1]]


async def test_acknowledged_after_store() -> None:
    """Nobody is answered before the store has answered."""
    store = Store()
    stored = GroupCommit(store.write).put(1)
    await asyncio.sleep(0)
    assert not stored.done()
    store.gate.set()
    await stored
    assert store.groups == [[1]]


async def test_down() -> None:
    """A store that is down fails every caller of the group, each with an error of its own; the next group is tried."""
    store = Store(down=True)
    store.gate.set()
    writer = GroupCommit(store.write)
    answers = await asyncio.gather(*(writer.put(item) for item in range(3)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["the store is down"] * 3
    assert len({id(answer) for answer in answers}) == 3
    store.down = False
    await writer.put(9)
    assert store.groups == [[9]]


async def test_one_bad_item() -> None:
    """An item that cannot be stored fails its owner alone; those beside it are stored."""
    store = Store()
    store.gate.set()
    writer = GroupCommit(store.write)
    answers = await asyncio.gather(*(writer.put(item) for item in (1, -2, 3)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["None", "-2 cannot be stored", "None"]
    assert store.groups == [[1], [3]]


async def test_bounded_group() -> None:
    """A write takes no more calls once it holds enough rows; the rest follow in the next."""
    store = Store()
    store.gate.set()
    writer = GroupCommit(store.write, rows_max=10)
    await asyncio.gather(*(writer.put(item, rows=4) for item in range(5)))
    assert store.groups == [[0, 1, 2], [3, 4]]


async def test_bounded_queue() -> None:
    """One call more than may wait is refused at once, and those that wait are still stored."""
    store = Store()
    writer = GroupCommit(store.write, waiting_max=2)
    waiting = [writer.put(item) for item in range(2)]
    with pytest.raises(Overloaded, match="2 writes wait"):
        writer.put(2)
    store.gate.set()
    await asyncio.gather(*waiting)


async def test_caller_goes_away() -> None:
    """A caller that is cancelled takes nobody with it."""
    store = Store()
    writer = GroupCommit(store.write)
    leaver, stayer = writer.put(1), writer.put(2)
    await asyncio.sleep(0)
    leaver.cancel()
    store.gate.set()
    await stayer
    await writer.close()
    assert store.groups == [[1, 2]]


async def test_close_waits() -> None:
    """Closing waits for what was handed over."""
    store = Store()
    writer = GroupCommit(store.write)
    stored = writer.put(1)
    store.gate.set()
    await writer.close()
    assert stored.done()
