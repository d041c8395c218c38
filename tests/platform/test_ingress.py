"""The ingress answers as a Knative Broker's does: 202 once an event is stored, else the code that says why not."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from envelopes import sample
from waiting import until

from functions.local.ingress import BODY_BYTES_MAX, Ingress
from functions.local.log import DiskLog, LogFullError, find
from functions.wire.envelope import Event
from functions.wire.http_binding import to_http, to_http_structured

EVENT = sample()
HEADERS = {name.decode(): value.decode() for name, value in to_http(EVENT)[0]}


class Book:
    """Note what the ingress accepted."""

    def __init__(self) -> None:
        """Start empty and open."""
        self.events: list[tuple[str, Event]] = []
        self.asked = 0
        self.stored = asyncio.Event()
        self.stored.set()

    async def accept(self, broker: str, event: Event) -> None:
        """Take an event once the book is open."""
        self.asked += 1
        await self.stored.wait()
        self.events.append((broker, event))


@contextlib.asynccontextmanager
async def serving(accept: Book) -> AsyncIterator[tuple[Ingress, aiohttp.ClientSession]]:
    """Run an ingress for the broker `market` and a client."""
    ingress = Ingress({"market": None}, accept.accept)
    await ingress.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield ingress, session
    finally:
        await ingress.stop()


@pytest.mark.parametrize("mode", [to_http, to_http_structured])
async def test_accepted(mode: object) -> None:
    """An event in either mode is accepted for the broker it was posted to, whole, and answered without a body."""
    assert callable(mode)
    headers, body = mode(EVENT)
    book = Book()
    sent = {name.decode(): value.decode() for name, value in headers}
    async with (
        serving(book) as (ingress, session),
        session.post(ingress.url("market"), data=body, headers=sent) as answer,
    ):
        assert (answer.status, await answer.read()) == (202, b"")
    assert book.events == [("market", EVENT)]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("GET", "/tickloom/market", HEADERS, b"", 405),
        ("PUT", "/tickloom/market", HEADERS, b"x", 405),
        ("POST", "/tickloom/other", HEADERS, b"x", 404),
        ("POST", "/elsewhere/market", HEADERS, b"x", 404),
        ("POST", "/market", HEADERS, b"x", 404),
        ("POST", "/tickloom/market", {}, b"x", 400),
        ("POST", "/tickloom/market", {**HEADERS, "ce-specversion": "0.3"}, b"x", 400),
        ("POST", "/tickloom/market", {"content-type": "application/cloudevents-batch+json"}, b"[]", 400),
        ("POST", "/tickloom/market", HEADERS, bytes(BODY_BYTES_MAX + 1), 413),
    ],
)
async def test_refused(method: str, path: str, *, headers: dict[str, str], body: bytes, status: int) -> None:
    """What is no event for a broker of ours is refused with the code that says why, and stored nowhere."""
    book = Book()
    async with serving(book) as (ingress, session):
        url = f"http://127.0.0.1:{ingress.port}{path}"
        async with session.request(method, url, data=body, headers=headers) as answer:
            assert answer.status == status
            assert answer.headers.get("Allow") == ("POST" if status == 405 else None)
    assert book.asked == 0


async def test_accepted_only_once_stored() -> None:
    """The answer waits until the event is stored."""
    book = Book()
    book.stored.clear()
    async with serving(book) as (ingress, session):
        answering = asyncio.create_task(session.post(ingress.url("market"), data=b"x", headers=HEADERS))
        await until(lambda: book.asked == 1)
        assert not answering.done()
        book.stored.set()
        assert (await answering).status == 202


async def test_accepted_is_on_disk(tmp_path: pathlib.Path) -> None:
    """What was answered with 202 can be read from the log's file by another process."""
    path = tmp_path / "market.sqlite"
    log = DiskLog(path)

    class OnDisk(Book):
        async def accept(self, broker: str, event: Event) -> None:
            log.append(event)
            durable = asyncio.create_task(log.durable())
            await asyncio.sleep(0)
            assert not find(path)
            log.commit()
            await durable
            await super().accept(broker, event)

    async with serving(OnDisk()) as (ingress, session):
        body = to_http(EVENT)[1]
        assert (await session.post(ingress.url("market"), data=body, headers=HEADERS)).status == 202
    assert [event for _, _, event in find(path)] == [EVENT]
    log.close()


async def test_full_log_is_unavailable() -> None:
    """A log that takes no more is answered with 503, so that the sender tries again."""

    class Full(Book):
        async def accept(self, broker: str, event: Event) -> None:
            raise LogFullError(broker, event.id)

    async with serving(Full()) as (ingress, session):
        assert (await session.post(ingress.url("market"), data=b"x", headers=HEADERS)).status == 503
