"""Fetch missed trades over REST: what is missing, what was filled, and what is still owed."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from functions.adapters.venues._patience import Counts, Hands, Patience
from functions.adapters.venues._profile import Backfill, Missing, Page, Request
from functions.adapters.venues._rest import Refused, Rest
from functions.ports.errors import PortError, Unavailable
from functions.ports.venue import Mark, Put, Received

if TYPE_CHECKING:
    from functions.adapters.venues._sync import Key


@dataclass(frozen=True, slots=True)
class _Filled:
    """Hold the ids of the newest hole that was filled: two holes often begin at the same lost connection."""

    first: int
    last: int

    def touches(self, missing: Missing) -> bool:
        """Tell whether a hole begins inside, or right behind."""
        return self.first <= missing.first <= self.last + 1

    def trim(self, missing: Missing) -> Missing | None:
        """Leave out what was filled already; None when that is all."""
        if not self.touches(missing):
            return missing
        rest = replace(missing, first=self.last + 1)
        return None if rest.last is not None and rest.first > rest.last else rest


_NOTHING: Final = _Filled(0, -2)


class Holes:
    """Fill holes in the ids of trades, in the order they were found.

    Args:
        backfill: How the venue is asked; None where it offers no trades by id, so that every hole stays one.
        rest: Asks it.
        patience: Bounds.
        hands: Is told of what cannot be filled.
        counts: Counts what was filled.
    """

    def __init__(
        self, backfill: Backfill | None, rest: Rest, patience: Patience, *, hands: Hands, counts: Counts
    ) -> None:
        """Begin with nothing missing."""
        self._backfill = backfill
        self._rest = rest
        self._patience = patience
        self._hands = hands
        self._counts = counts
        self._found: deque[Missing] = deque()
        self._owed: dict[Key, Missing] = {}
        self._paying: set[Key] = set()
        self._filled: dict[Key, _Filled] = {}

    @property
    def waiting(self) -> bool:
        """Tell whether there is a hole to fill before anything else is handed over."""
        return bool(self._found)

    @property
    def owed(self) -> bool:
        """Tell whether something could not be filled yet."""
        return bool(self._owed)

    def safe(self, marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
        """Leave out marks of channels in which an earlier trade is missing still."""
        if not (self._owed or self._found or self._paying):
            return marks
        missing = {*self._owed, *self._paying, *((one.symbol, one.channel) for one in self._found)}
        return tuple(mark for mark in marks if (mark.symbol, mark.channel) not in missing)

    def miss(self, missing: Missing) -> None:
        """Remember a hole; where the venue offers nothing, it stays one."""
        if self._backfill and self._backfill.request(missing, self._patience.api_key):
            self._found.append(missing)

    async def fill_first(self, put: Put) -> None:
        """Fill the oldest hole; one that cannot be filled now is owed."""
        missing = self._found[0]
        try:
            await self._fill(missing, put)
        except Refused as error:
            self._give_up(missing, error)
        except PortError as error:
            self._hands.report("backfill_failed", symbol=missing.symbol, error=f"{type(error).__name__}: {error}")
            self._owe(missing)
        self._found.popleft()

    async def pay_first(self, put: Put) -> bool:
        """Try again to fill what is owed longest; tell whether the venue answered."""
        key = next(iter(self._owed))
        missing = self._owed.pop(key)
        self._paying.add(key)
        try:
            await self._fill(missing, put)
        except Refused as error:
            self._give_up(missing, error)
        except PortError:
            self._owe(missing)
            return False
        finally:
            self._paying.discard(key)
        return True

    def _owe(self, missing: Missing) -> None:
        """Remember what could not be filled; two holes of one channel become one from the first on."""
        self._counts.backfills_owed += 1
        key = missing.symbol, missing.channel
        older = self._owed.get(key)
        if older is not None:
            last = None if older.last is None or missing.last is None else max(older.last, missing.last)
            missing = replace(missing, first=min(older.first, missing.first), last=last)
        self._owed[key] = missing

    async def _fill(self, missing: Missing, put: Put) -> None:
        """Ask page after page; pages that go back in time are handed over from the oldest on."""
        key = missing.symbol, missing.channel
        filled = self._filled.get(key, _NOTHING)
        left = filled.trim(missing)
        newest = filled.last if filled.touches(missing) else missing.first - 1
        pages: list[Received] = []
        for _ in range(self._patience.backfill_pages_max):
            if left is None:
                break
            received, page = await self._page(left)
            newest, left = max(newest, page.last), self._rest_of(left, page)
            pages.append(received)
            if self._ascending:
                await self._give(pages, put)
        await self._give(pages, put)
        if left is None:
            self._filled[key] = _Filled(filled.first if filled.touches(missing) else missing.first, newest)
        else:
            self._owe(left)

    @property
    def _ascending(self) -> bool:
        return self._backfill is not None and self._backfill.ascending

    def _rest_of(self, left: Missing, page: Page) -> Missing | None:
        return self._backfill.rest(left, page) if self._backfill else None

    async def _page(self, left: Missing) -> tuple[Received, Page]:
        request = self._request(left)
        received = await self._rest.get(request, left.symbol)
        try:
            page = self._backfill.page(received.row) if self._backfill else Page()
        except ValueError as error:
            msg = f"the answer holds no trades: {error}"
            raise Unavailable(msg) from error  # a page of a proxy, not a word of the venue
        return received, page

    def _request(self, left: Missing) -> Request:
        request = self._backfill.request(left, self._patience.api_key) if self._backfill else None
        if request is None:
            msg = f"trades of {left.channel} are not offered"
            raise Refused(msg)
        return request

    async def _give(self, pages: list[Received], put: Put) -> None:
        for received in _emptied(pages):
            self._counts.backfilled_rows += 1
            await put(received)

    def _give_up(self, missing: Missing, error: PortError) -> None:
        first, last = missing.first, missing.last
        self._hands.report("backfill_given_up", symbol=missing.symbol, first=first, last=last, error=str(error))


def _emptied(pages: list[Received]) -> Iterator[Received]:
    """Take pages out from the last on: of pages that go back in time that is the oldest."""
    while pages:
        yield pages.pop()
