"""Score texts: one request at a time, in a thread, by the model that was loaded at the start."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from functions.domain.market import ModelOutput
from functions.ports.errors import Overloaded, Unavailable
from functions.wire.errors import Malformed

TEXTS_MAX: Final = 512
TEXT_CHARS_MAX: Final = 32_768
"""What the contract takes in a request."""
WAITING_MAX: Final = 64
"""Requests that wait for those before them; one more is refused."""


class TextScorer(Protocol):
    """Score texts in process."""

    def score(self, texts: Sequence[str]) -> ModelOutput:
        """Score every text; never raises."""
        ...


class TextScoring:
    """Score texts by one model.

    Args:
        load: Reads the model; called once, in a thread, at the start.
    """

    def __init__(self, load: Callable[[], TextScorer]) -> None:
        """Load nothing yet."""
        self._load = load
        self._model: TextScorer | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def start(self) -> None:
        """Load the model."""
        self._model = await asyncio.to_thread(self._load)

    async def score(self, texts: Sequence[str]) -> tuple[ModelOutput, ...]:
        """Score texts; without a text the model is not asked, and answers with no rows.

        Raises:
            Malformed: There are more texts, or longer ones, than a request may have.
            Overloaded: Too many requests wait already.
            Unavailable: The model is not loaded yet.
        """
        longest = max(map(len, texts), default=0)
        if len(texts) > TEXTS_MAX or longest > TEXT_CHARS_MAX:
            detail = (
                f"{len(texts)} texts, the longest of {longest} characters; {TEXTS_MAX} of {TEXT_CHARS_MAX} are taken"
            )
            raise Malformed(detail)
        if self._model is None:
            detail = "the model over texts is not loaded yet"
            raise Unavailable(detail)
        if self._waiting >= WAITING_MAX:
            detail = f"{self._waiting} requests wait already, at most {WAITING_MAX} may"
            raise Overloaded(detail)
        self._waiting += 1
        try:
            await self._turn.acquire()
            run = asyncio.ensure_future(asyncio.to_thread(self._model.score, tuple(texts)))
            run.add_done_callback(lambda _: self._turn.release())  # its caller may go away, its thread does not
            return (await asyncio.shield(run),)
        finally:
            self._waiting -= 1
