"""Say where figures of pairs are kept for reading: one row a pair, interval and bucket."""

from typing import Protocol

from functions.domain.pairs.batch import PairBatch


class Pairs(Protocol):
    """Keep figures of pairs; keeping the same twice changes nothing, and older never replaces newer.

    Every method raises `Unavailable` when the store cannot be reached, and `Overloaded` when too many writes wait.
    """

    async def put_pairs(self, batch: PairBatch, *, sequence: int) -> None:
        """Keep rows by (instrument a, instrument b, interval, start); a higher sequence wins."""
        ...
