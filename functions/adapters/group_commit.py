"""Write together what arrives together: whoever comes first waits a moment for others, then writes what has gathered.

Only the gathering lives here; what a group means to a store is said by the `write` it is given.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Final, Generic, TypeAlias, TypeVar

from functions.ports.errors import Overloaded, PortError

Item = TypeVar("Item")
_Waiting: TypeAlias = tuple[Item, int, asyncio.Future[None]]

ROWS_MAX: Final = 4096
"""Rows after which a write takes no more calls: a statement of 0.1-0.2 s, far inside its time limit."""

LINGER_S: Final = 0.05
"""How long the first of a group waits for others: a write costs the caller some 0.3 ms whatever it holds."""

WAITING_MAX: Final = 1024
"""Calls that may wait; one more is refused, so that a slow store cannot fill the memory of its caller."""


class GroupCommit(Generic[Item]):
    """Coalesce concurrent `put` calls into one `write` at a time, in order of arrival.

    A group whose write fails in the port fails for every caller in it: each asks again, and writes are idempotent. A
    group that fails otherwise holds an item nobody can write; then each is written alone, so that only its owner fails.

    Args:
        write: Stores a group, all of it or nothing.
        rows_max: A write takes no more calls once it holds this many rows.
        waiting_max: Most calls that wait.
        linger_s: How long the first of a group waits for others, seconds; 0 writes at once.
    """

    def __init__(
        self,
        write: Callable[[list[Item]], Awaitable[None]],
        *,
        rows_max: int = ROWS_MAX,
        waiting_max: int = WAITING_MAX,
        linger_s: float = LINGER_S,
    ) -> None:
        """Start with nothing gathered."""
        self._write = write
        self._rows_max = rows_max
        self._waiting_max = waiting_max
        self._linger_s = linger_s
        self._gathered: deque[_Waiting[Item]] = deque()
        self._writer: asyncio.Task[None] | None = None

    def put(self, item: Item, *, rows: int = 1) -> asyncio.Future[None]:
        """Hand over one item of so many rows; await the answer, which comes once it is stored. None are stored at once.

        Raises:
            Overloaded: Too many calls wait already.
            Unavailable: The store failed; nothing of the group may be taken as stored.
        """
        if len(self._gathered) >= self._waiting_max:
            message = f"{len(self._gathered)} writes wait for the store already; slow down"
            raise Overloaded(message)
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        if not rows:
            stored.set_result(None)
            return stored
        self._gathered.append((item, rows, stored))
        if self._writer is None:
            self._writer = loop.create_task(self._drain(), context=Context())
        return stored

    async def close(self) -> None:
        """Wait until everything handed over is stored or has failed."""
        if self._writer is not None:
            await asyncio.wait((self._writer,))

    async def _drain(self) -> None:
        group: list[_Waiting[Item]] = []
        try:
            while self._gathered:
                if self._linger_s:
                    await asyncio.sleep(self._linger_s)
                group = self._take()
                await self._store(group)
        finally:  # a cancelled writer leaves nobody waiting
            self._writer = None
            for _, _, stored in (*group, *self._gathered):
                stored.cancel()
            self._gathered.clear()

    def _take(self) -> list[_Waiting[Item]]:
        group: list[_Waiting[Item]] = []
        rows = 0
        while self._gathered and rows < self._rows_max:
            waiting = self._gathered.popleft()
            group.append(waiting)
            rows += waiting[1]
        return group

    async def _store(self, group: list[_Waiting[Item]]) -> None:
        try:
            await self._write([item for item, _, _ in group])
        except PortError as error:
            _fail(group, error)
        except Exception as error:  # noqa: BLE001 - one caller's value; its owner gets the error, the others go on
            if len(group) == 1:
                _fail(group, error)
            else:
                for one in group:
                    await self._store([one])
        else:
            for _, _, stored in group:
                if not stored.done():  # else its caller went away
                    stored.set_result(None)


def _fail(group: list[_Waiting[Item]], error: Exception) -> None:
    for _, _, stored in group:
        if not stored.done():
            own = type(error)(*error.args) if len(group) > 1 else error  # a raised error keeps its raiser's traceback
            stored.set_exception(own)
