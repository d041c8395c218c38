"""`quarantine` files each rejected row once by (stream, row), and leaves alone what carries none."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
from active import active_batch
from barred import Bar, bar_batch

from functions.adapters.memory_views import MemoryDeadLetters
from functions.domain.market import Book, Candles, Quotes, Rejection, TickBatch, Trades
from functions.handlers.quarantine.handler import Deps, handle
from functions.handlers.quarantine.main import Settings, compose
from functions.ports.errors import Unavailable
from functions.wire.codecs.activity import ACTIVITY_BAR_BATCH, encode_activity_bar_batch
from functions.wire.codecs.bars import encode_bar_batch
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

STREAM = "BINANCE-0.replay"
Section = TypeVar("Section")


def rejection(row: int, reason: str = "bad_json") -> Rejection:
    """Make a rejected row."""
    return Rejection(row, reason, "found [, expected {", b"[\x00", "binance.spot", 1_700_000_000_000_000_000, "ETHUSDT")


def no_rows(section: Callable[..., Section], columns: Iterable[str]) -> Section:
    """Make a section without rows."""
    return section(**{name: np.empty(0, np.int64) for name in columns})


def ticks(*rejections: Rejection) -> Event:
    """Make a TickBatch event that carries rejections."""
    batch = TickBatch(
        shard="BINANCE-0",
        stream=STREAM,
        first_row=0,
        row_count=len(rejections),
        instruments=(),
        trades=no_rows(Trades, Trades.__dataclass_fields__),
        quotes=no_rows(Quotes, Quotes.__dataclass_fields__),
        book=no_rows(Book, Book.__dataclass_fields__),
        candles=no_rows(Candles, Candles.__dataclass_fields__),
        rejections=rejections,
    )
    return Event("1", "/tickloom/handlers/normalize/x", "tickloom.market.v1.TickBatch", encode_tick_batch(batch))


@pytest.fixture
def letters() -> MemoryDeadLetters:
    """Give an empty drawer."""
    return MemoryDeadLetters()


async def test_filed(letters: MemoryDeadLetters) -> None:
    """Each rejected row is one letter, whole; delivered again, it changes nothing; nothing is replied."""
    event = ticks(rejection(4), rejection(9, "negative_size"))
    assert await handle(event, deps=Deps(letters)) is None  # type: ignore[func-returns-value]  # that is the point
    await handle(event, deps=Deps(letters))
    assert {key: letter.rejection for key, letter in letters.letters.items()} == {
        (STREAM, 4): rejection(4),
        (STREAM, 9): rejection(9, "negative_size"),
    }


async def test_late_rows_of_bars(letters: MemoryDeadLetters) -> None:
    """Rows that came too late ride on bars and are filed under the stream they came from."""
    batch = replace(bar_batch([Bar()]), rejections=(rejection(7, "too_late"),), stream=STREAM)
    event = Event("1", "/tickloom/tables/bars/x", "tickloom.market.v1.BarBatch", encode_bar_batch(batch))
    await handle(event, deps=Deps(letters))
    assert [(key, letter.shard) for key, letter in letters.letters.items()] == [((STREAM, 7), "BINANCE-0")]


async def test_refused_by_activity(letters: MemoryDeadLetters) -> None:
    """Rows that no activity bar could take ride on its bars and are filed the same way."""
    batch = replace(active_batch(), rejections=(rejection(7, "unknown_trade"),), stream=STREAM)
    data = encode_activity_bar_batch(batch)
    await handle(Event("1", "/tickloom/tables/activity/x", ACTIVITY_BAR_BATCH, data), deps=Deps(letters))
    assert [(key, letter.shard) for key, letter in letters.letters.items()] == [((STREAM, 7), "BINANCE-0")]


async def test_nothing_rejected(letters: MemoryDeadLetters) -> None:
    """A batch without rejections files nothing."""
    await handle(ticks(), deps=Deps(letters))
    assert letters.letters == {}


async def test_any_type(letters: MemoryDeadLetters) -> None:
    """A type that carries no rejections passes untouched, readable or not."""
    await handle(Event("1", "/elsewhere", "org.example.unknown", b"\xff"), deps=Deps(letters))
    assert letters.letters == {}


async def test_truncated(letters: MemoryDeadLetters) -> None:
    """Bytes that are not the batch they claim to be are malformed."""
    whole = ticks(rejection(4))
    with pytest.raises(Malformed):
        await handle(replace(whole, data=(whole.data or b"")[:-3]), deps=Deps(letters))


async def test_composed_with_real_store(database_url: str) -> None:
    """Composed with a real store, a whole batch of rejections is filed, twice at once."""
    hosted = compose(Settings(database_url=database_url))
    event = ticks(*(rejection(row) for row in range(512)))
    assert set(await asyncio.gather(hosted.handle(event), hosted.handle(event))) == {None}
    await hosted.close()


async def test_composed_without_store() -> None:
    """Composing opens nothing; with nobody there the delivery is unavailable."""
    hosted = compose(Settings(database_url="postgresql://p@127.0.0.1:9/none"))
    with pytest.raises(Unavailable):
        await hosted.handle(ticks(rejection(1)))
    await hosted.close()
