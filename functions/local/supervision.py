"""Start again what ended by itself: each child by its own task, on its old port, after a pause that grows."""

import asyncio
import dataclasses
import time
from typing import Final

from functions.local.children import ChildFailed, Children, Spec
from functions.runtime import logs

_log: Final = logs.logger("supervision")

PAUSE_S_MIN: Final = 0.05
PAUSE_S_MAX: Final = 5.0
STEADY_S: Final = 10.0
"""A child that ran so long before it ended begins with the shortest pause again."""

FIRST_STARTS_MAX: Final = 8
"""Starts of a child that may fail before it ever ran: a topic just made may not be known yet on a busy machine."""

STARTS_MAX: Final = 20
"""Starts in a row that may fail before the platform gives up."""


class Supervisor:
    """Watch children and start again those that end.

    Args:
        children: Starts them.
    """

    def __init__(self, children: Children) -> None:
        """Watch nothing yet."""
        self.restarts: dict[str, int] = {}
        self._children = children
        self._up: dict[str, asyncio.Event] = {}
        self._since: dict[str, float] = {}

    async def running(self, name: str) -> None:
        """Return once a watched child runs; at once where it is not watched."""
        if name in self._up:
            await self._up[name].wait()

    def since(self, name: str) -> float:
        """Give the moment (monotonic) a watched child was last seen to start."""
        return self._since.get(name, 0.0)

    async def watch(self, name: str) -> None:
        """Keep one child running for ever; cancel before it is stopped on purpose.

        Raises:
            ChildFailed: It does not start any more.
        """
        up = self._up[name] = asyncio.Event()
        pause_s = PAUSE_S_MIN
        while True:
            up.set()
            self._since[name] = time.monotonic()
            child = self._children[name]
            began = time.monotonic()
            status = await child.wait()
            up.clear()
            if time.monotonic() - began >= STEADY_S:
                pause_s = PAUSE_S_MIN
            self.restarts[name] = self.restarts.get(name, 0) + 1
            _log.warning("child_ended", child=name, status=status, pause_s=pause_s)
            await self._children.stop(name)  # whatever it left behind ends too
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_S_MAX)
            await self.start(dataclasses.replace(child.spec, port=child.port), starts_max=STARTS_MAX)
            _log.info("child_restarted", child=name)

    async def start(self, spec: Spec, *, starts_max: int = FIRST_STARTS_MAX) -> None:
        """Start a child, more than once where it ends before it is ready: a worker does whose topics are not there yet.

        Raises:
            ChildFailed: It did not start so often.
        """
        for number in range(1, starts_max + 1):
            try:
                await self._children.start(spec)
            except ChildFailed as error:
                if number == starts_max:
                    raise
                _log.warning("child_not_started", child=spec.name, error=str(error))
                await asyncio.sleep(min(PAUSE_S_MIN * 2**number, PAUSE_S_MAX))
            else:
                return
