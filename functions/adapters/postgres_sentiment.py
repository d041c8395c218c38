"""Keep sentiment in PostgreSQL: one statement writes what many calls brought, telling by telling."""

from collections.abc import Collection
from typing import Any, Final

import asyncpg
import msgspec

from functions.adapters.group_commit import GroupCommit
from functions.adapters.postgres import Pool, port_errors
from functions.domain.news import NewsKind, NewsStatus, Symbology
from functions.domain.sentiment import Name, ScoredItem, SentimentBatch, Told, first_told, known_texts, tellings_of

VERSIONS_MAX: Final = 100_000
"""Versions that are read to tell what counts for a symbol, newest first; a busy one has some thousands a day."""

_COLUMNS: Final = {
    "news_id": "text",
    "content_key": "text",
    "model": "text",
    "version": "text",
    "revision": "bigint",
    "ts_available": "bigint",
    "ts_receive": "bigint",
    "stream": "text",
    "row_index": "bigint",
    "kind": "text",
    "status": "text",
    "source": "text",
    "tickers": "text[]",
    "symbology": "text",
    "syndication_key": "text",
    "bearish": "double precision",
    "neutral": "double precision",
    "bullish": "double precision",
}
_KEY: Final = ("news_id", "content_key", "model")
_FIRST: Final = ("ts_available", "ts_receive", "stream", "row_index", "version")
_PUT: Final = f"""
INSERT INTO sentiment_versions AS kept ({", ".join(_COLUMNS)})
SELECT * FROM jsonb_to_recordset($1::jsonb) AS s ({", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())})
ON CONFLICT ({", ".join(_KEY)}) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in _KEY)}
WHERE (excluded.bullish IS NULL, {", ".join(f"excluded.{name}" for name in _FIRST)})
    < (kept.bullish IS NULL, {", ".join(f"kept.{name}" for name in _FIRST)})
"""  # noqa: S608 - built of the constants above alone
_TEXTS: Final = """
WITH hit AS (
    SELECT DISTINCT news_id, syndication_key FROM sentiment_versions
    WHERE model = $1 AND tickers && $2::text[] AND ts_available > $3 AND ts_available <= $4
), item AS (
    SELECT news_id FROM hit
    UNION
    SELECT v.news_id FROM sentiment_versions v JOIN hit USING (syndication_key)
    WHERE v.syndication_key <> '' AND v.model = $1 AND v.ts_available <= $4
)
SELECT * FROM sentiment_versions WHERE model = $1 AND ts_available <= $4 AND news_id IN (SELECT news_id FROM item)
ORDER BY ts_available DESC, news_id, content_key LIMIT $5
"""


class PostgresSentiment:
    """Keep tellings in PostgreSQL; calls that come together share a statement.

    Args:
        pool: Where to write; opened on first use, closed by its owner.
    """

    def __init__(self, pool: Pool) -> None:
        """Open nothing."""
        self._pool = pool
        self._told = GroupCommit[list[Told]](self._write)

    async def put_sentiment(self, batch: SentimentBatch) -> None:
        """Keep what every model that decides said of the items of a batch."""
        found = tellings_of(batch)
        await self._told.put(found, rows=len(found))

    async def texts_of(
        self, names: Collection[Name], *, after_ns: int, as_of_ns: int, model: str = "sentiment"
    ) -> list[Told]:
        """Give the texts that count for a symbol, each once."""
        tickers = sorted({ticker for _, ticker in names})
        pool = await self._pool.get()
        with port_errors():
            rows = await pool.fetch(_TEXTS, model, tickers, after_ns, as_of_ns, VERSIONS_MAX)
        return known_texts(map(_telling, rows), names, after_ns=after_ns, as_of_ns=as_of_ns)

    async def close(self) -> None:
        """Wait until everything handed over is stored or has failed."""
        await self._told.close()

    async def _write(self, group: list[list[Told]]) -> None:
        kept: dict[tuple[str, str, str], Told] = {}
        for one in sorted((one for tellings in group for one in tellings), key=first_told):
            kept.setdefault((one.item.news_id, one.item.content_key, one.model), one)
        document = msgspec.json.encode([_row(one) for _, one in sorted(kept.items())]).decode()
        pool = await self._pool.get()
        with port_errors():
            await pool.execute(_PUT, document)


def _row(one: Told) -> dict[str, Any]:
    item = one.item
    row = {
        "news_id": item.news_id,
        "content_key": item.content_key,
        "model": one.model,
        "version": one.version,
        "revision": item.revision,
        "ts_available": item.ts_available,
        "ts_receive": item.ts_receive,
        "stream": one.stream,
        "row_index": item.row,
        "kind": item.kind.value,
        "status": item.status.value,
        "source": _storable(item.source),
        "tickers": list(map(_storable, item.tickers)),
        "symbology": item.symbology.value,
        "syndication_key": item.syndication_key,
        "bearish": one.bearish,
        "neutral": one.neutral,
        "bullish": one.bullish,
    }
    assert row.keys() == _COLUMNS.keys()  # noqa: S101 - a programmer's error
    return row


def _storable(text: str) -> str:
    """Show NUL as U+FFFD, which PostgreSQL's text cannot hold; the raw row keeps it."""
    return text.replace("\x00", "\ufffd")


def _telling(row: asyncpg.Record) -> Told:
    item = ScoredItem(
        news_id=row["news_id"],
        content_key=row["content_key"],
        syndication_key=row["syndication_key"],
        kind=NewsKind(row["kind"]),
        source=row["source"],
        tickers=tuple(row["tickers"]),
        symbology=Symbology(row["symbology"]),
        status=NewsStatus(row["status"]),
        revision=row["revision"],
        ts_available=row["ts_available"],
        ts_receive=row["ts_receive"],
        row=row["row_index"],
    )
    figures = (row["bearish"], row["neutral"], row["bullish"])
    return Told(item, row["stream"], row["model"], row["version"], *figures)
