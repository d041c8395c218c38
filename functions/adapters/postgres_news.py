"""Keep news and the calendar in PostgreSQL: one statement writes what many calls brought, version by version."""

import dataclasses
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

import asyncpg
import msgspec

from functions.adapters.group_commit import GroupCommit
from functions.adapters.postgres import Pool, port_errors
from functions.domain.calendar import (
    CalendarBatch,
    CalendarEvent,
    Comparison,
    EventState,
    Figure,
    Form,
    Impact,
    Timing,
)
from functions.domain.news import NewsBatch, NewsItem, NewsKind, NewsStatus, Symbology

VERSIONS_MAX: Final = 1_000
"""Versions of one item or event that are read to tell what was known: real ones have a handful."""

_News: TypeAlias = tuple[str, NewsItem]
_Event: TypeAlias = tuple[str, CalendarEvent]

_ITEM_COLUMNS: Final = {
    "news_id": "text",
    "content_key": "text",
    "revision": "bigint",
    "ts_available": "bigint",
    "ts_receive": "bigint",
    "stream": "text",
    "row_index": "bigint",
    "kind": "text",
    "status": "text",
    "source": "text",
    "native_id": "text",
    "headline": "text",
    "body": "text",
    "body_truncated": "boolean",
    "url": "text",
    "language": "text",
    "author": "text",
    "tickers": "jsonb",
    "symbology": "text",
    "subjects": "jsonb",
    "urgency": "integer",
    "ts_published": "bigint",
    "syndication_key": "text",
}
_EVENT_COLUMNS: Final = {
    "event_id": "text",
    "content_key": "text",
    "revision": "bigint",
    "ts_available": "bigint",
    "ts_receive": "bigint",
    "stream": "text",
    "row_index": "bigint",
    "source": "text",
    "native_id": "text",
    "currency": "text",
    "country": "text",
    "impact": "text",
    "name": "text",
    "ts_scheduled": "bigint",
    "timing": "text",
    "actual": "jsonb",
    "forecast": "jsonb",
    "previous": "jsonb",
}


def _put(table: str, key: str, columns: dict[str, str]) -> str:
    """Write the statement that keeps versions: of two tellings of one version, the one that was known first stays."""
    names = ", ".join(columns)
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    first = ("ts_available", "ts_receive", "stream", "row_index")
    return f"""
INSERT INTO {table} AS kept ({names})
SELECT DISTINCT ON ({key}, content_key) {names}
FROM jsonb_to_recordset($1::jsonb) AS v ({typed})
ORDER BY {key}, content_key, ts_available, ts_receive, stream COLLATE "C", row_index
ON CONFLICT ({key}, content_key) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in columns if name not in {key, "content_key"})}
WHERE ({", ".join(f"excluded.{name}" for name in first)}) < ({", ".join(f"kept.{name}" for name in first)})
"""  # noqa: S608 - built of the constants above alone


_PUT_NEWS: Final = _put("news_versions", "news_id", _ITEM_COLUMNS)
_PUT_CALENDAR: Final = _put("calendar_versions", "event_id", _EVENT_COLUMNS)
_NEWS_AT: Final = """
SELECT * FROM news_versions WHERE news_id = $1 AND ts_available <= $2
ORDER BY revision DESC, ts_available DESC, content_key DESC LIMIT 1
"""
_EVENT_AT: Final = """
SELECT * FROM calendar_versions WHERE event_id = $1 AND ts_available <= $2
ORDER BY revision DESC, ts_available DESC, content_key DESC LIMIT $3
"""


class PostgresNews:
    """Keep versions in PostgreSQL; calls that come together share a statement.

    Args:
        pool: Where to write; opened on first use, closed by its owner.
    """

    def __init__(self, pool: Pool) -> None:
        """Open nothing."""
        self._pool = pool
        self._items = GroupCommit[Sequence[_News]](self._write_news)
        self._events = GroupCommit[Sequence[_Event]](self._write_calendar)

    async def put_news(self, batch: NewsBatch) -> None:
        """Keep the items of a batch.

        Raises:
            Unavailable: PostgreSQL did not store them.
            Overloaded: Too many writes wait.
        """
        await self._items.put([(batch.stream, item) for item in batch.items], rows=len(batch.items))

    async def put_calendar(self, batch: CalendarBatch) -> None:
        """Keep the events of a batch.

        Raises:
            Unavailable: PostgreSQL did not store them.
            Overloaded: Too many writes wait.
        """
        await self._events.put([(batch.stream, event) for event in batch.events], rows=len(batch.events))

    async def news_at(self, news_id: str, as_of_ns: int) -> NewsItem | None:
        """Give the newest version of an item that could be known at a time; None when none could.

        Raises:
            Unavailable: PostgreSQL did not answer.
        """
        pool = await self._pool.get()
        with port_errors():
            found = await pool.fetchrow(_NEWS_AT, news_id, as_of_ns)
        return None if found is None else _item(found)

    async def event_at(self, event_id: str, as_of_ns: int) -> CalendarEvent | None:
        """Give the newest version of an event that could be known at a time, its state told by those before it.

        Raises:
            Unavailable: PostgreSQL did not answer.
        """
        pool = await self._pool.get()
        with port_errors():
            found = await pool.fetch(_EVENT_AT, event_id, as_of_ns, VERSIONS_MAX)
        return with_state([_event(row) for row in found])

    async def close(self) -> None:
        """Wait for the writes that have begun; the pool stays open."""
        for writer in (self._items, self._events):
            await writer.close()

    async def _write_news(self, group: list[Sequence[_News]]) -> None:
        await self._write(_PUT_NEWS, [_row(stream, item) for items in group for stream, item in items], _ITEM_COLUMNS)

    async def _write_calendar(self, group: list[Sequence[_Event]]) -> None:
        rows = [_row(stream, event) for events in group for stream, event in events]
        await self._write(_PUT_CALENDAR, rows, _EVENT_COLUMNS)

    async def _write(self, sql: str, rows: list[dict[str, Any]], columns: dict[str, str]) -> None:
        document = msgspec.json.encode([{name: _storable(row[name]) for name in columns} for row in rows]).decode()
        pool = await self._pool.get()
        with port_errors():
            await pool.execute(sql, document)


def with_state(versions: Sequence[CalendarEvent]) -> CalendarEvent | None:
    """Give the newest of an event's versions with the state that the others tell.

    Args:
        versions: Newest first; without any there is no event.
    """
    if not versions:
        return None
    newest, *older = versions
    figure = newest.actual.text
    state = EventState.RELEASED if figure else EventState.SCHEDULED
    if figure and any(one.actual.text not in {"", figure} for one in older):
        state = EventState.REVISED
    return dataclasses.replace(newest, state=state)


def _row(stream: str, fact: NewsItem | CalendarEvent) -> dict[str, Any]:
    return {one.name: getattr(fact, one.name) for one in dataclasses.fields(fact)} | {
        "stream": stream,
        "row_index": fact.row,
    }


def _storable(value: object) -> object:
    """Show NUL as U+FFFD, which PostgreSQL's text cannot hold; the raw row keeps it."""
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value


def _item(row: asyncpg.Record) -> NewsItem:
    return NewsItem(
        news_id=row["news_id"],
        kind=NewsKind(row["kind"]),
        source=row["source"],
        native_id=row["native_id"],
        headline=row["headline"],
        body=row["body"],
        ts_available=row["ts_available"],
        ts_receive=row["ts_receive"],
        syndication_key=row["syndication_key"],
        content_key=row["content_key"],
        row=row["row_index"],
        status=NewsStatus(row["status"]),
        revision=row["revision"],
        ts_published=row["ts_published"],
        body_truncated=row["body_truncated"],
        url=row["url"],
        language=row["language"],
        author=row["author"],
        tickers=tuple(msgspec.json.decode(row["tickers"])),
        symbology=Symbology(row["symbology"]),
        subjects=tuple(msgspec.json.decode(row["subjects"])),
        urgency=row["urgency"],
    )


def _event(row: asyncpg.Record) -> CalendarEvent:
    return CalendarEvent(
        event_id=row["event_id"],
        source=row["source"],
        native_id=row["native_id"],
        currency=row["currency"],
        country=row["country"],
        impact=Impact(row["impact"]),
        name=row["name"],
        ts_scheduled=row["ts_scheduled"],
        timing=Timing(row["timing"]),
        ts_available=row["ts_available"],
        ts_receive=row["ts_receive"],
        content_key=row["content_key"],
        row=row["row_index"],
        actual=_figure(row["actual"]),
        forecast=_figure(row["forecast"]),
        previous=_figure(row["previous"]),
        revision=row["revision"],
    )


def _figure(document: str) -> Figure:
    found = msgspec.json.decode(document)
    values = tuple(map(Decimal, found["values"]))
    return Figure(found["text"], Form(found["form"]), values, Comparison(found["comparison"]))
