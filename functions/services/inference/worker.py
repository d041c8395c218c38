"""Run pieces of work in a thread that can be left behind; what is run knows nothing of it."""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import TypeAlias

_Piece: TypeAlias = tuple[Callable[[], None], asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class Worker:
    """A thread that does one piece of work after the other. It ends with its process, whatever it is doing."""

    def __init__(self, name: str) -> None:
        """Start the thread."""
        self._pieces: SimpleQueue[_Piece | None] = SimpleQueue()
        Thread(target=self._work, name=name, daemon=True).start()

    def do(self, work: Callable[[], None]) -> "asyncio.Future[None]":
        """Have work done; the future ends with it, and raises what it raised."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._pieces.put((work, loop, done))
        return done

    def leave(self) -> None:
        """Let the thread end when it is done with what it was given."""
        self._pieces.put(None)

    def _work(self) -> None:
        while (piece := self._pieces.get()) is not None:
            work, loop, done = piece
            error: BaseException | None = None
            try:
                work()
            except BaseException as raised:  # noqa: BLE001 - it belongs to whoever waits
                error = raised
            _tell(loop, done, error)


def _tell(loop: asyncio.AbstractEventLoop, done: "asyncio.Future[None]", error: BaseException | None) -> None:
    def settle() -> None:
        if done.done():  # nobody waits any more
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop has ended, and with it whoever waited
        return
