"""Say where decisions on re-entries are kept, and what a signal's trade was by them."""

from typing import Protocol

from functions.domain.reentry import Entry, ReentryDecision


class Reentries(Protocol):
    """Keep decisions on re-entries, each once, by their ids.

    Every method raises `Unavailable` when the store cannot be reached; storing raises `Overloaded` when too many wait.
    """

    async def put_reentry(self, decision: ReentryDecision) -> None:
        """Keep a decision; keeping another one of its id changes nothing."""
        ...

    async def entered(self, signal_id: str) -> Entry:
        """Say what a signal's trade was: a re-entry if a decision of this id asked for it, else an original trade."""
        ...
