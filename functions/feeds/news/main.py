"""Compose the news feed and run it; `python -m functions.feeds.news.main` publishes to K_SINK."""

from dataclasses import dataclass, field

from functions.adapters.document_feed import Asked, DocumentFeed, Gathering, check
from functions.adapters.http_sink import sink_from
from functions.feeds.news import CARD
from functions.runtime import feed_app, logs
from functions.runtime.hosting import HostedFeed
from functions.wire.news.digesting import NEWS_READERS


@dataclass(frozen=True, slots=True)
class Settings(Gathering):
    """Say what is asked for; how is said as for every feed of documents.

    Args:
        news_paths: Files and folders; JSON lines (`.jsonl`, `.ndjson`) give a row a line, other files one row.
        news_urls: Pages, http or https.
        news_dialect: Dialect of all of them: `news.rss`, `news.polygon`, `news.lseg`, `news.json` or `social.json`.
        news_authorization: Value of the header `Authorization`; None sends none.
        news_shard: Shard of the rows.
    """

    news_paths: tuple[str, ...] = ()
    news_urls: tuple[str, ...] = ()
    news_dialect: str = "news.rss"
    news_authorization: str | None = field(default=None, repr=False)
    news_shard: str = "NEWS-0"

    def __post_init__(self) -> None:
        """Refuse what would ask for nothing, or be heard by nobody."""
        check(self.asked, self, NEWS_READERS)

    @property
    def asked(self) -> Asked:
        """Give what is asked for."""
        return Asked(
            CARD.name,
            self.news_paths,
            self.news_urls,
            self.news_dialect,
            self.news_authorization,
            self.news_shard,
        )


def compose(settings: Settings) -> HostedFeed:
    """Bind the feed to its sources; nothing is opened before it runs."""
    feed = DocumentFeed(settings.asked, settings, logs.logger(CARD.name).warning)
    return HostedFeed(CARD, feed.run, feed.close)


if __name__ == "__main__":
    feed_app.serve(Settings, compose, sink_from)
