"""Say where the quality of feeds is kept for reading: one row an instrument and window."""

from typing import Protocol

from functions.domain.quality import FeedQuality


class Quality(Protocol):
    """Keep what feeds were like; keeping the same twice changes nothing.

    Every method raises `Unavailable` when the store cannot be reached, and `Overloaded` when too many writes wait.
    """

    async def put_quality(self, quality: FeedQuality) -> None:
        """Keep every entry by (instrument, shard, end of the window)."""
        ...
