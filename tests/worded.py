"""Build news items, and what a model says of them, for tests by naming only what matters to them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from functions.adapters.texts import ask
from functions.adapters.texts import scored as scored_texts
from functions.domain.market import ModelOutput
from functions.domain.news import NewsBatch, NewsItem, NewsKind, NewsStatus, Symbology, content_key, syndication_key
from functions.domain.predictions import degraded
from functions.domain.sentiment import NAMES, SentimentBatch, distinct_texts, sentiment_batch
from functions.domain.serving import ModelSpec, Scored

NOW = 1_700_000_000_000_000_000
S = 1_000_000_000


def item(  # noqa: PLR0913 - each may matter to a test
    name: str = "a",
    headline: str = "Shares rise",
    *,
    at: int = NOW,
    tickers: tuple[str, ...] = ("XYZ",),
    revision: int = 0,
    status: NewsStatus = NewsStatus.PUBLISHED,
    body: str = "",
) -> NewsItem:
    """Make a version of a story that was first known at a time."""
    return NewsItem(
        news_id=name,
        kind=NewsKind.NEWS,
        source="Desk",
        native_id=name,
        headline=headline,
        body=body,
        ts_available=at,
        ts_receive=at,
        syndication_key=syndication_key(headline, body),
        content_key=content_key(headline, body, revision, status.value, tickers),
        row=0,
        status=status,
        revision=revision,
        tickers=tickers,
        symbology=Symbology.TICKER,
    )


def news(*items: NewsItem, stream: str = "NEWS-0.news", end_of_tape: bool = False) -> NewsBatch:
    """Make a batch of items, a row each; with none, a clock."""
    rows = tuple(replace(one, row=row) for row, one in enumerate(items))
    return NewsBatch("NEWS-0", stream, 0, len(rows), rows, heartbeat=not items, end_of_tape=end_of_tape, ts_cut_ns=NOW)


class Polar:
    """Say that texts with `rise` are bullish and those with `fall` bearish; count what was asked."""

    def __init__(self, name: str = "sentiment", version: str = "1") -> None:
        """Answer under this name."""
        self.spec = ModelSpec(name, version, (), 0.5, NAMES)
        self.broken = ""
        self.asked: list[str] = []

    def run(self, rows: NDArray[np.object_]) -> Scored:
        """Give 0.8 to what a text says, and 0.1 to the others."""
        texts = rows.tolist()
        self.asked += texts
        said = [[0.1 + 0.7 * (at == _place(text)) for at in range(len(NAMES))] for text in texts]
        return scored_texts(np.array(said))

    def stop(self) -> None:
        """Stop nothing."""

    def score(self, texts: Sequence[str]) -> ModelOutput:
        """Answer as the service would."""
        return ask(self, texts)


def _place(text: str) -> int:
    return 2 if "rise" in text else 0 if "fall" in text else 1


def scored(*items: NewsItem, stream: str = "NEWS-0.news", version: str = "1") -> SentimentBatch:
    """Score items as the handler does."""
    batch = news(*items, stream=stream)
    texts, chosen = distinct_texts(batch)
    return sentiment_batch(batch, [Polar(version=version).score(texts)], chosen)


def unscored(*items: NewsItem) -> SentimentBatch:
    """Make the batch of a handler that was not answered."""
    batch = news(*items)
    texts, chosen = distinct_texts(batch)
    return sentiment_batch(batch, [degraded("sentiment", len(texts), "no answer within 50 ms")], chosen)
