"""What a subscriber answers decides what becomes of an event, as the Kafka Broker decides: knative.md 2.2 and 2.3."""

import base64
import pathlib
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from brokered import Hearing, LocalBroker, brokering, replying, saying
from envelopes import sample

from functions.local import subscribers
from functions.local.poster import Poster
from functions.wire.http_binding import to_http_structured

EVENT = sample()
REPLY = sample(id="reply", type="made")
RETRY = 2
Answering = Callable[[], web.Response]


@pytest.fixture
async def broker(tmp_path: pathlib.Path) -> AsyncIterator[LocalBroker]:
    """Run a broker."""
    async with brokering(tmp_path) as running:
        yield running


def structured() -> web.Response:
    """Reply in structured mode."""
    headers, body = to_http_structured(REPLY)
    return web.Response(body=body, headers={name.decode(): value.decode() for name, value in headers})


@pytest.mark.parametrize(
    ("answer", "attempts", "replies", "code"),
    [
        *((saying(status), 1, 0, None) for status in (200, 202, 204)),
        (replying(REPLY), 1, 1, None),
        (structured, 1, 1, None),
        *((saying(200, body), 1, 0, "none") for body in (b"OK", b"{}", b"\x00")),
        *((saying(status, b"why"), 1, 0, str(status)) for status in (301, 400, 401, 403, 405, 410, 413, 422)),
        *((saying(status, b"why"), 1 + RETRY, 0, str(status)) for status in (404, 408, 409, 429, 500, 502, 503, 599)),
    ],
)
async def test_table(answer: Answering, attempts: int, *, replies: int, code: str | None, broker: LocalBroker) -> None:
    """Each answer is a success, a reply, a failure, or a failure that is tried again; failures are buried."""
    hearing = Hearing(answer)
    broker.trigger("t", hearing, {"exact": {"type": EVENT.type}}, retry=RETRY)
    await broker.send(EVENT)
    await broker.drained()
    assert hearing.ids == [EVENT.id] * attempts
    assert [one.id for one in broker.log.read(1)] == [REPLY.id] * replies
    assert [one.extensions.get("knativeerrorcode", "none") for one in broker.buried()] == ([code] if code else [])


async def test_dead_letter(broker: LocalBroker) -> None:
    """A dead letter is the event with where it was going, the code, the first KiB, and what headers `kne-` say."""
    headers = {"kne-table": "bars", "KNE-Row": "7", "kne-id": "x", "kne-not-a-name": "x", "x-other": "x"}
    broker.trigger("t", Hearing(saying(422, b"y" * 3000, **headers)))
    await broker.send(EVENT)
    await broker.drained()
    (grave,) = broker.buried()
    told = dict(grave.extensions)
    assert told.pop("knativeerrordest") == broker.posters[0].url
    assert base64.b64decode(str(told.pop("knativeerrordata"))) == b"y" * 1024
    assert told.pop("knativeerrorcode") == "422"
    assert told == {**EVENT.extensions, "table": "bars", "row": "7"}
    assert (grave.id, grave.source, grave.type, grave.data) == (EVENT.id, EVENT.source, EVENT.type, EVENT.data)


async def test_nobody_answers(broker: LocalBroker) -> None:
    """A subscriber that cannot be reached is tried again, and the event buried with what was wrong."""
    away = subscribers.over_http(Poster("127.0.0.1", 1))
    consumer = broker.trigger("t", Hearing(), retry=RETRY, subscriber=away)
    await broker.send(EVENT)
    await broker.drained()
    assert consumer.dispatcher.retried == RETRY
    assert [one.extensions["knativeerrorcode"] for one in broker.buried()] == ["503"]


async def test_request(broker: LocalBroker) -> None:
    """A subscriber is posted to in binary mode and asked for a reply."""
    hearing = Hearing()
    broker.trigger("t", hearing)
    await broker.send(EVENT)
    await broker.drained()
    assert hearing.events == [EVENT]
    assert hearing.headers[0]["Prefer"] == "reply"
    assert hearing.headers[0]["ce-specversion"] == "1.0"
