"""Keep sentiment in memory: the twin of `postgres_sentiment`, telling for telling."""

from collections.abc import Collection
from dataclasses import replace

from functions.domain.sentiment import Name, SentimentBatch, Told, first_told, known_texts, tellings_of


class MemorySentiment:
    """Keep tellings in a dict by (news id, content key, model)."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: dict[tuple[str, str, str], Told] = {}

    async def put_sentiment(self, batch: SentimentBatch) -> None:
        """Keep what every model that decides said of the items of a batch."""
        for one in tellings_of(batch):
            own = replace(one, item=replace(one.item, duplicate_of=""))  # what else was in its batch is no part of it
            key = (one.item.news_id, one.item.content_key, one.model)
            if key not in self.rows or first_told(own) < first_told(self.rows[key]):
                self.rows[key] = own

    async def texts_of(
        self, names: Collection[Name], *, after_ns: int, as_of_ns: int, model: str = "sentiment"
    ) -> list[Told]:
        """Give the texts that count for a symbol, each once."""
        said = [one for one in self.rows.values() if one.model == model]
        return known_texts(said, names, after_ns=after_ns, as_of_ns=as_of_ns)

    async def close(self) -> None:
        """Let go of nothing; tellings stay readable."""
