"""Say where past signals and their outcomes are looked up."""

from typing import Protocol

from functions.domain.history import Likeness, Past


class SignalHistory(Protocol):
    """Look up what came of signals."""

    async def past_of(self, likeness: Likeness) -> tuple[Past, ...]:
        """Give the outcomes of like signals, at most `PAST_MAX`, newest bar first; those without a gain are left out.

        Raises:
            Unavailable: The store cannot be reached.
        """
        ...
