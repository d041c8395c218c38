"""Compose the calendar feed and run it; `python -m functions.feeds.calendar.main` publishes to K_SINK."""

from dataclasses import dataclass, field

from functions.adapters.document_feed import Asked, DocumentFeed, Gathering, check
from functions.adapters.http_sink import sink_from
from functions.feeds.calendar import CARD
from functions.runtime import feed_app, logs
from functions.runtime.hosting import HostedFeed
from functions.wire.news.digesting import CALENDAR_READERS


@dataclass(frozen=True, slots=True)
class Settings(Gathering):
    """Say what is asked for; how is said as for every feed of documents.

    Args:
        calendar_paths: Files and folders; JSON lines (`.jsonl`, `.ndjson`) give a row a line, other files one row.
        calendar_urls: Pages, http or https.
        calendar_dialect: Dialect of all of them: `calendar.forexfactory.json` or `calendar.forexfactory.csv`.
        calendar_authorization: Value of the header `Authorization`; None sends none.
        calendar_shard: Shard of the rows.
    """

    calendar_paths: tuple[str, ...] = ()
    calendar_urls: tuple[str, ...] = ()
    calendar_dialect: str = "calendar.forexfactory.json"
    calendar_authorization: str | None = field(default=None, repr=False)
    calendar_shard: str = "CALENDAR-0"

    def __post_init__(self) -> None:
        """Refuse what would ask for nothing, or be heard by nobody."""
        check(self.asked, self, CALENDAR_READERS)

    @property
    def asked(self) -> Asked:
        """Give what is asked for."""
        return Asked(
            CARD.name,
            self.calendar_paths,
            self.calendar_urls,
            self.calendar_dialect,
            self.calendar_authorization,
            self.calendar_shard,
        )


def compose(settings: Settings) -> HostedFeed:
    """Bind the feed to its sources; nothing is opened before it runs."""
    feed = DocumentFeed(settings.asked, settings, logs.logger(CARD.name).warning)
    return HostedFeed(CARD, feed.run, feed.close)


if __name__ == "__main__":
    feed_app.serve(Settings, compose, sink_from)
