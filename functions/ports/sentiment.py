"""Say where sentiment is kept: what each model said of each version of an item, and what of it was known when."""

from collections.abc import Collection
from typing import Protocol

from functions.domain.sentiment import Name, SentimentBatch, Told


class SentimentStore(Protocol):
    """Keep what models said of news and posts.

    A telling is named by (news id, content key, model). Of two tellings of one name, one with figures stays before one
    without, and then the one that was known first: the order of storing and the number of times change nothing.
    Every method raises `Unavailable` when the store cannot be reached; storing raises `Overloaded` when too many wait.
    """

    async def put_sentiment(self, batch: SentimentBatch) -> None:
        """Keep what every model that decides said of the items of a batch."""
        ...

    async def texts_of(
        self, names: Collection[Name], *, after_ns: int, as_of_ns: int, model: str = "sentiment"
    ) -> list[Told]:
        """Give the texts that count for a symbol, each once; `domain.sentiment.known_texts` has the rules."""
        ...
