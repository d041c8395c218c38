"""Knative's statements on a Broker's data plane, each against the local platform over real HTTP.

Each docstring says the level of its statement, then the rule in our words; the name of a test says which part of
Knative's list it is of. `knative/conformance.md` shows the same statements as a table, which a test here checks.
"""

import asyncio
import json
import pathlib
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from brokered import BROKER, Hearing, LocalBroker, brokering, replying, saying
from cloudevents import http as sdk
from counts import examples
from envelopes import events, sample
from hypothesis import HealthCheck, given, settings
from waiting import until

from functions.local.log import LogFullError, MemoryLog
from functions.wire.envelope import Event
from functions.wire.http_binding import to_http, to_http_structured

PAGE = pathlib.Path(__file__).parents[2] / "knative/conformance.md"
TOPICS = ("ingress", "addressability", "delivery", "observability")
LEVELS = {"MUST": 5, "SHOULD": 15, "SHOULD NOT": 1, "MAY": 10}
EVENT = sample(data=b'{"a": 1}', datacontenttype="application/json")
HEADERS = {name.decode(): value.decode() for name, value in to_http(EVENT)[0]}

UNMET = (
    (
        "delivery",
        "MAY",
        "The subscriber hears whether its reply was accepted.",
        "HTTP has no answer to an answer; a reply that is not accepted comes again with its cause",
    ),
    (
        "observability",
        "SHOULD",
        "Metrics are on by default, and a parameter turns them off.",
        "counts by Trigger are always kept; export is off until the OTEL_ variables ask for it, as everywhere here",
    ),
    (
        "observability",
        "SHOULD",
        "Trace headers are carried on with the broker's own spans in them.",
        "the local broker makes no spans, so the header names the span that made the event",
    ),
    (
        "observability",
        "SHOULD",
        "The broker's spans follow OpenTelemetry's conventions for messaging.",
        "the local broker makes no spans; those of functions follow them",
    ),
)
LIMITS = {
    "test_delivery_identical": "but `time` is written anew: the same instant, in UTC with nine digits",
    "test_delivery_operator": "by counts and dead letters, which somebody has to look at",
    "test_observability_metrics": "events by Trigger; requests to the ingress are not counted",
    "test_observability_trace": "but a reply without a trace is given none; functions of ours copy their cause's",
}
"""What is met, but not to the letter, by the test that shows it."""


@pytest.fixture
async def broker(tmp_path: pathlib.Path) -> AsyncIterator[LocalBroker]:
    """Run a broker."""
    async with brokering(tmp_path) as running:
        yield running


def without(name: str) -> dict[str, str]:
    """Give the headers of an event that lack one."""
    return {key: value for key, value in HEADERS.items() if key != name}


# -- ingress


async def test_ingress_version(broker: LocalBroker) -> None:
    """MUST: Events of CloudEvents 0.3 or 1.0 are taken; ours are of 1.0."""
    assert await broker.request(HEADERS, b"{}") == 202


@pytest.mark.parametrize("version", ["0.3", "19.0", "1.1", ""])
async def test_ingress_other_versions(version: str, broker: LocalBroker) -> None:
    """MAY: Events of any other version are refused."""
    assert await broker.request({**HEADERS, "ce-specversion": version}, b"{}") == 400


async def test_ingress_no_upgrade(broker: LocalBroker) -> None:
    """SHOULD NOT: The version of an event is raised on its way."""
    hearing = Hearing()
    broker.trigger("t", hearing)
    assert await broker.request({**HEADERS, "ce-specversion": "0.3"}, b"{}") == 400
    await broker.send(EVENT)
    await broker.drained()
    assert [headers["ce-specversion"] for headers in hearing.headers] == ["1.0"]


@pytest.mark.parametrize("media_type", ["application/vnd.apache.thrift.binary", "application/xml", "application/json"])
async def test_ingress_binary(media_type: str, broker: LocalBroker) -> None:
    """SHOULD: Events in binary mode are taken, whatever their data is."""
    hearing = Hearing()
    broker.trigger("t", hearing)
    assert await broker.request({**HEADERS, "content-type": media_type}, b"\x00{}") == 202
    await broker.drained()
    assert [(one.datacontenttype, one.data) for one in hearing.events] == [(media_type, b"\x00{}")]


async def test_ingress_structured(broker: LocalBroker) -> None:
    """SHOULD: Events in structured mode are taken."""
    hearing = Hearing()
    broker.trigger("t", hearing)
    headers, body = to_http_structured(EVENT)
    assert await broker.request({name.decode(): value.decode() for name, value in headers}, body) == 202
    await broker.drained()
    assert (hearing.ids, json.loads(hearing.events[0].data or b"")) == ([EVENT.id], {"a": 1})


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_ingress_method(method: str, broker: LocalBroker) -> None:
    """MUST: Any method but POST is refused with 405."""
    assert await broker.request(HEADERS, method=method) == 405


async def test_ingress_accepted(broker: LocalBroker) -> None:
    """MUST: A request that is accepted is answered with 2xx."""
    assert await broker.request(HEADERS, b"{}") // 100 == 2
    assert broker.log.head == 1


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        *((without(name), b"{}") for name in ("ce-specversion", "ce-id", "ce-source", "ce-type")),
        ({**HEADERS, "ce-id": ""}, b"{}"),
        ({**HEADERS, "ce-time": "yesterday"}, b"{}"),
        ({**HEADERS, "ce-subject": "%zz"}, b"{}"),
        ({"content-type": "application/cloudevents+json"}, b"{"),
        ({"content-type": "application/cloudevents+json"}, b'{"specversion": "1.0"}'),
        ({"content-type": "application/cloudevents-batch+json"}, b"[]"),
        ({}, b""),
    ],
)
async def test_ingress_malformed(headers: dict[str, str], body: bytes, broker: LocalBroker) -> None:
    """MUST: What is no valid event is refused with 400."""
    assert await broker.request(headers, body) == 400
    assert broker.log.head == 0


# -- addressability


async def test_addressability_http(broker: LocalBroker) -> None:
    """SHOULD: The ingress is an HTTP or HTTPS endpoint."""
    assert urlsplit(broker.url).scheme == "http"
    assert await broker.request(HEADERS, b"{}") == 202


async def test_addressability_port(broker: LocalBroker) -> None:
    """MAY: The endpoint is on any port."""
    assert urlsplit(broker.url).port not in {None, 80, 443}


async def test_addressability_other(broker: LocalBroker) -> None:
    """MAY: There are other ways in than HTTP; feeds and tables append in process."""
    hearing = Hearing()
    broker.trigger("t", hearing)
    broker.platform.publish(BROKER, EVENT)
    await broker.drained()
    assert hearing.events == [EVENT]


# -- delivery


async def test_delivery_conforms(broker: LocalBroker) -> None:
    """MUST: What is delivered is a valid CloudEvent, also to the SDK."""
    hearing = Hearing()
    broker.trigger("t", hearing)
    await broker.send(EVENT)
    await broker.drained()
    read = sdk.from_http(dict(hearing.headers[0]), hearing.events[0].data)
    assert (read["id"], read["source"], read["type"], read.data) == (EVENT.id, EVENT.source, EVENT.type, {"a": 1})


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=events())
def test_delivery_identical(event: Event, tmp_path: pathlib.Path) -> None:
    """SHOULD: All attributes and the data arrive as they were sent."""

    async def through() -> tuple[Event, list[str | None]]:
        async with brokering(tmp_path) as broker:
            hearing = Hearing()
            broker.trigger("t", hearing)
            await broker.send(event)
            await broker.drained()
            headers = hearing.headers[0]
            names = [name.decode() for name, _ in to_http(event)[0]]
            return hearing.events[0], [headers.get(name) for name in names]

    arrived, values = asyncio.run(through())
    assert arrived == event
    assert values == [value.decode() for _, value in to_http(event)[0]]


async def test_time_is_written_anew(broker: LocalBroker) -> None:
    """Of `time` the instant arrives, in UTC with nine digits, however it was written."""
    hearing = Hearing()
    broker.trigger("t", hearing)
    assert await broker.request({**HEADERS, "ce-time": "2018-04-26T14:48:09.5+02:00"}, b"{}") == 202
    await broker.drained()
    assert hearing.headers[0]["ce-time"] == "2018-04-26T12:48:09.500000000Z"


async def test_delivery_mode(broker: LocalBroker) -> None:
    """SHOULD: Events are delivered in binary or in structured mode; ours in binary mode."""
    hearing = Hearing()
    broker.trigger("t", hearing)
    await broker.send(EVENT)
    await broker.drained()
    assert (hearing.headers[0]["ce-id"], hearing.headers[0]["content-type"]) == (EVENT.id, "application/json")


async def test_delivery_at_least_once(broker: LocalBroker) -> None:
    """SHOULD: Every accepted event reaches the subscribers of all Triggers whose filters it passes, at least once."""
    steady, failing, filtered = Hearing(), Hearing(saying(503), saying(429), saying(204)), Hearing()
    broker.trigger("steady", steady)
    broker.trigger("failing", failing, retry=3)
    broker.trigger("filtered", filtered, {"cesql": "id = 'b'"})
    await broker.send(sample(id="a"), sample(id="b"))
    await broker.drained()
    assert set(steady.ids) == {"a", "b"}
    assert set(failing.ids) == {"a", "b"}
    assert filtered.ids == ["b"]
    assert not broker.buried()


async def test_delivery_later_triggers(broker: LocalBroker) -> None:
    """MAY: A Trigger that comes later hears what was accepted before."""
    await broker.send(EVENT)
    hearing = Hearing()
    broker.trigger("late", hearing)
    await broker.drained()
    assert hearing.events == [EVENT]


async def test_delivery_delayed(broker: LocalBroker) -> None:
    """MAY: Events wait between acceptance and delivery."""
    gate, hearing = asyncio.Event(), Hearing()

    async def slow(*request: object) -> object:
        await gate.wait()
        return await hearing(*request)  # type: ignore[arg-type] # handed on as they came

    broker.trigger("t", slow)  # type: ignore[arg-type] # see above
    await broker.send(EVENT)
    assert not broker.consumers["t"].caught_up
    gate.set()
    await broker.drained()
    assert hearing.events == [EVENT]


async def test_delivery_gives_up(broker: LocalBroker) -> None:
    """MAY: An event whose subscriber stays away is not delivered."""
    hearing = Hearing(saying(503))
    broker.trigger("t", hearing, retry=2)
    await broker.send(EVENT)
    await broker.drained()
    assert hearing.ids == [EVENT.id] * 3


async def test_delivery_operator(broker: LocalBroker) -> None:
    """SHOULD: The operator is told of an event that could not be delivered."""
    consumer = broker.trigger("t", Hearing(saying(503, b"down")), retry=1)
    await broker.send(EVENT)
    await broker.drained()
    assert (consumer.dispatcher.retried, consumer.dispatcher.buried) == (1, 1)


async def test_delivery_dead_letters(broker: LocalBroker) -> None:
    """MAY: Such an event goes to dead letters, with the reason."""
    broker.trigger("t", Hearing(saying(503, b"down")))
    await broker.send(EVENT)
    await broker.drained()
    (grave,) = broker.buried()
    assert (grave.id, grave.data, grave.extensions["knativeerrorcode"]) == (EVENT.id, EVENT.data, "503")


async def test_delivery_unheard(broker: LocalBroker) -> None:
    """MAY: An event that no Trigger lets through is dropped, and its producer not told."""
    hearing = Hearing()
    broker.trigger("t", hearing, {"exact": {"type": "another"}})
    await broker.send(EVENT)
    await broker.drained()
    assert (hearing.events, broker.buried()) == ([], [])


async def test_delivery_same_subscriber(broker: LocalBroker) -> None:
    """MAY: A subscriber of two Triggers acknowledges an event twice."""
    hearing = Hearing()
    broker.trigger("one", hearing, path="both")
    broker.trigger("two", hearing, path="both")
    await broker.send(EVENT)
    await broker.drained()
    assert hearing.ids == [EVENT.id] * 2


async def test_delivery_replies(broker: LocalBroker) -> None:
    """SHOULD: A reply is handled as if it had been sent to the ingress."""
    reply = sample(id="reply", type="made")
    hearing = Hearing()
    broker.trigger("first", Hearing(replying(reply)), {"exact": {"type": EVENT.type}})
    broker.trigger("second", hearing, {"exact": {"type": "made"}})
    await broker.send(EVENT)
    await until(lambda: bool(hearing.events))
    await broker.drained()
    assert hearing.events == [reply]


@pytest.mark.parametrize(
    "answer",
    [
        saying(200, b"OK"),
        saying(200, b'{"ok": true}', **{"content-type": "application/json"}),
        saying(200, b"{", **{"content-type": "application/cloudevents+json"}),
        saying(200, b"x", **{"ce-specversion": "1.0", "ce-id": "1"}),
    ],
)
async def test_delivery_malformed_replies(answer: object, broker: LocalBroker) -> None:
    """SHOULD: A reply that is no valid event counts as a failed delivery."""
    hearing = Hearing(answer)  # type: ignore[arg-type] # a table column
    broker.trigger("t", hearing, retry=3)
    await broker.send(EVENT)
    await broker.drained()
    assert hearing.ids == [EVENT.id]
    assert [grave.id for grave in broker.buried()] == [EVENT.id]
    assert "knativeerrorcode" not in broker.buried()[0].extensions


class Filling(MemoryLog):
    """A log that can be full."""

    full = False

    def append(self, event: Event) -> int:
        """Add an event while there is room."""
        if self.full:
            raise LogFullError(event.id)
        return super().append(event)


async def test_delivery_refused_replies(broker: LocalBroker) -> None:
    """SHOULD: Where the reply is not accepted, its cause is delivered again; here once the platform starts again."""
    broker.log = log = broker.platform.logs[BROKER] = Filling()
    hearing = Hearing(replying(sample(id="reply", type="made")))
    await broker.send(EVENT)
    log.full = True
    broker.trigger("t", hearing, {"exact": {"type": EVENT.type}})
    await until(lambda: bool(hearing.events))

    def checked() -> bool:
        broker.consumers["t"].dispatcher.check()
        return False

    with pytest.raises(LogFullError):
        await until(checked)
    assert not broker.consumers["t"].caught_up
    broker.tasks["t"].cancel()
    log.full = False
    broker.trigger("t", hearing, {"exact": {"type": EVENT.type}})
    await broker.drained()
    assert hearing.ids == [EVENT.id] * 2
    assert [one.id for one in log.read(0)] == [EVENT.id, "reply"]


# -- observability


async def test_observability_metrics(broker: LocalBroker) -> None:
    """SHOULD: There are metrics, such as the number of delivered events."""
    consumer = broker.trigger("t", Hearing(saying(204), saying(503), saying(204)), retry=1)
    await broker.send(sample(id="a"))
    await broker.drained()
    await broker.send(sample(id="b"))
    await broker.drained()
    dispatcher = consumer.dispatcher
    assert (dispatcher.delivered, dispatcher.retried, dispatcher.buried) == (2, 1, 0)


async def test_observability_trace(broker: LocalBroker) -> None:
    """SHOULD: Attributes of the Distributed Tracing extension stay with an event, and with a reply."""
    trace = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=1"}
    cause, reply = sample(id="cause", extensions=trace), sample(id="reply", type="made", extensions=trace)
    first, second = Hearing(replying(reply)), Hearing()
    broker.trigger("first", first, {"exact": {"id": "cause"}})
    broker.trigger("second", second, {"exact": {"type": "made"}})
    await broker.send(cause)
    await until(lambda: bool(second.events))
    assert [dict(one.extensions) for one in (*first.events, *second.events)] == [trace, trace]


# -- the table


def statements() -> list[tuple[str, str, str, str]]:
    """List topic, level, rule and what is said of it, of every statement, in the order of the topics."""
    found = [(*one[:3], f"no: {one[3]}") for one in UNMET]
    for name, test in globals().items():
        topic = name.split("_")[1] if name.startswith("test_") else ""
        if topic in TOPICS:
            level, _, rule = (test.__doc__ or "").partition(": ")
            limit = LIMITS.get(name)
            found.append((topic, level, rule, f"yes, {limit}" if limit else "yes"))
    return sorted(found, key=lambda one: (TOPICS.index(one[0]), one[3].startswith("no")))


def table() -> str:
    """Write the statements as the page shows them."""
    rows = [f"| {' | '.join(one)} |" for one in statements()]
    return "\n".join(("| part | level | statement | here |", "|---|---|---|---|", *rows))


def test_statements_are_whole() -> None:
    """Knative's list has 31 statements, so many of each level, and each is shown by a test or has its reason."""
    found = statements()
    assert len(found) == 31
    assert {level: sum(one[1] == level for one in found) for level in LEVELS} == LEVELS
    assert all(re.fullmatch(r"[A-Z].*\.", rule) for _, _, rule, _ in found)
    assert set(LIMITS) <= set(globals())


def test_page() -> None:
    """The page's table is what the tests here show."""
    assert table() in PAGE.read_text()
