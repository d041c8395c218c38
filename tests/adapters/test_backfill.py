"""Whatever fails, in whatever order, every missing trade that the venue holds comes in the end."""

import asyncio
import json
from typing import TYPE_CHECKING, cast

from counts import examples
from hearing import trades_in
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.adapters.venues._backfill import Holes
from functions.adapters.venues._patience import Counts, Hands, Patience
from functions.adapters.venues._profile import Missing, Request, profile_of
from functions.ports.errors import Unavailable
from functions.ports.venue import Mark, Received

if TYPE_CHECKING:
    from functions.adapters.venues._rest import Rest

LAST = 2_000


class Archive:
    """Answer for trades by id as Binance does, unless it is told to fail: with nothing, or with what is no answer."""

    def __init__(self, failures: list[bool]) -> None:
        """Know which requests fail; later ones do not."""
        self.failures = failures

    async def get(self, request: Request, symbol: str) -> Received:
        """Give a page."""
        if self.failures and self.failures.pop(0):
            if len(self.failures) % 2:
                return Received(b"<html>one moment</html>", 0, symbol)
            msg = "down"
            raise Unavailable(msg)
        first = int(request.query["fromId"])
        ids = range(first, min(first + int(request.query["limit"]), LAST + 1))
        return Received(json.dumps([{"id": one} for one in ids]).encode(), 0, symbol)


def holes_of(failures: list[bool], pages_max: int) -> Holes:
    hands = Hands(lambda _event, **_keys: None)
    patience = Patience(backfill_pages_max=pages_max)
    archive = cast("Rest", Archive(failures))
    return Holes(profile_of("binance.spot").backfill, archive, patience, hands=hands, counts=Counts())


HOLES = st.lists(st.tuples(st.integers(1, 1_500), st.integers(0, 500), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=examples(2_000), deadline=None)
@given(HOLES, st.lists(st.booleans(), max_size=12), st.integers(1, 3), st.data())
def test_every_hole_is_filled(
    found: list[tuple[int, int, bool]], failures: list[bool], pages_max: int, data: st.DataObject
) -> None:
    """Holes overlap, come in any order, fail, meet a proxy's page and are owed: all come, and marks hold afterwards."""
    holes, got = holes_of(failures, pages_max), set[int]()
    wanted = set[int]()

    async def put(received: Received) -> None:
        got.update(number for _, number in trades_in(received.row, received.symbol))

    async def play() -> None:
        for first, more, known in found:
            holes.miss(Missing("X", "trade", first, first + more if known else None))
            wanted.update(range(first, (first + more if known else LAST) + 1))
            while holes.waiting:
                await holes.fill_first(put)
            if data.draw(st.booleans()) and holes.owed:
                await holes.pay_first(put)
            mark = (Mark("X", "trade", LAST),)
            assert holes.safe(mark) == (() if holes.owed else mark)
        for _ in range(200):
            if not holes.owed:
                break
            await holes.pay_first(put)

    asyncio.run(play())
    assert not holes.owed
    assert got >= wanted


def test_marks_wait_for_holes_that_wait() -> None:
    """Before a hole is filled no later trade of its channel is marked; other channels are."""
    holes = holes_of([], 1)
    holes.miss(Missing("X", "trade", 5, 6))
    marks = (Mark("X", "trade", 9), Mark("X", "aggTrade", 9), Mark("Y", "trade", 9))
    assert holes.safe(marks) == marks[1:]
