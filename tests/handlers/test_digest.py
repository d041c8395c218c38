"""`digest` answers every RawBatch of documents with one batch of facts, whatever its rows are worth."""

from typing import Any

import pytest
from documented import ARTICLE, DAY, NOW, SAMPLES, as_json, raw, raw_event

from functions.handlers.digest import CARD
from functions.handlers.digest.handler import handle
from functions.handlers.digest.main import Settings, compose
from functions.wire.codecs.calendar import CALENDAR_BATCH, decode_calendar_batch
from functions.wire.codecs.news import NEWS_BATCH, decode_news_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.facts import batch_id
from functions.wire.news.times import time_ns


async def answer(dialect: str, *rows: bytes, **more: Any) -> Event:  # noqa: ANN401 - fields are picked by the caller
    """Answer one batch; there always is an answer."""
    reply = await handle(raw_event(raw(dialect, *rows, **more)))
    assert reply is not None
    return reply


async def test_news() -> None:
    """The answer names its rows, follows its cause, and takes the time since when its items could be known."""
    reply = await answer("news.json", as_json(ARTICLE))
    batch = decode_news_batch(reply.data or b"")
    assert reply.type == NEWS_BATCH
    assert reply.source == "/tickloom/handlers/digest/NEWS-0.news"
    assert reply.id == batch_id(reply.source, 7)
    assert reply.time_ns == time_ns("2019-07-25T12:00:00Z")
    assert (reply.extensions["causationid"], reply.extensions["correlationid"]) == ("cause", "first")
    assert (batch.first_row, batch.row_count, batch.items[0].row) == (40, 1, 40)
    assert "rejected" not in reply.extensions


async def test_calendar() -> None:
    """Calendar documents give the other type, by their dialect alone."""
    reply = await answer("calendar.forexfactory.json", as_json(DAY))
    assert reply.type == CALENDAR_BATCH
    assert len(decode_calendar_batch(reply.data or b"").events) == 1


@pytest.mark.parametrize("dialect", SAMPLES)
async def test_the_same_event_twice_gives_equal_bytes(dialect: str) -> None:
    """Answering is a function of the event, however often it is asked, bad rows included."""
    rows = (*SAMPLES[dialect], b"{", *SAMPLES[dialect])
    assert await answer(dialect, *rows) == await answer(dialect, *rows)


async def test_bad_rows_ride_along() -> None:
    """Refused rows are counted in the attribute `rejected`, as text, and leave the good rows alone."""
    reply = await answer("news.json", b"{", as_json(ARTICLE), b"7")
    batch = decode_news_batch(reply.data or b"")
    assert reply.extensions["rejected"] == "2"
    assert [(one.row, one.reason) for one in batch.rejections] == [(40, "bad_json"), (42, "wrong_type")]
    assert len(batch.items) == 1


@pytest.mark.parametrize("mark", ["heartbeat", "end_of_tape"])
@pytest.mark.parametrize(
    ("dialect", "decode"), [("news.rss", decode_news_batch), ("calendar.forexfactory.csv", decode_calendar_batch)]
)
async def test_clock_and_end_travel_on(dialect: str, decode: Any, mark: str) -> None:  # noqa: ANN401 - either codec
    """A heartbeat and the end of a tape are answered with their flag and clock."""
    reply = await answer(dialect, **{mark: True, "ts_cut_ns": 5})
    batch = decode(reply.data or b"")
    assert (getattr(batch, mark), batch.ts_cut_ns, reply.time_ns) == (True, 5, NOW)


async def test_what_is_no_batch_of_ours() -> None:
    """Half a RawBatch, and rows that no parser reads, are Malformed."""
    event = raw_event(raw("news.json", as_json(ARTICLE)))
    whole = event.data or b""
    with pytest.raises(Malformed):
        await handle(Event(id="x", source=event.source, type=event.type, data=whole[: len(whole) // 2]))
    with pytest.raises(Malformed, match=r"binance\.spot"):
        await answer("binance.spot", b"{}")


async def test_compose_gives_the_handler() -> None:
    """The composed handler answers; nothing was opened."""
    hosted = compose(Settings())
    reply = await hosted.handle(raw_event(raw("news.json", as_json(ARTICLE))))
    assert hosted.card == CARD
    assert reply is not None
    assert reply.extensions["handlerversion"] == CARD.version
