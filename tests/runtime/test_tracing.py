"""An event's parent is the span that made it, whatever lies between; batches that say nothing are linked to."""

import contextvars
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import grpc
import grpc.aio
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from functions.adapters.channels import Identity, open_channel
from functions.adapters.memory_sink import MemorySink
from functions.domain.errors import Rejected
from functions.domain.market import GapDetected
from functions.ports.card import Card, Kind
from functions.ports.telemetry import NULL, carried, carrying
from functions.runtime import event_app, grpc_app, logs, telemetry, tracing
from functions.runtime.hosting import HostedHandler, HostedService
from functions.runtime.keeping import Keeper
from functions.runtime.opentelemetry_sdk import SdkTelemetry
from functions.runtime.settings import Hosting
from functions.wire.envelope import Event
from functions.wire.facts import batch_id, sequence_text
from functions.wire.raw import trace_of

SOURCE = "/tickloom/feeds/replay/A"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def kept(spans: InMemorySpanExporter) -> Iterator[SdkTelemetry]:
    made = SdkTelemetry("first", traces="none", metrics="none", processors=(SimpleSpanProcessor(spans),))
    yield made
    made.close()


def raw(number: int, source: str = SOURCE) -> Event:
    name = batch_id(source, number)
    known = {"sequence": sequence_text(number), "partitionkey": "A", "traceparent": trace_of(name)}
    return Event(id=name, source=source, type="t", extensions=known)


def name_of(span: ReadableSpan) -> str:
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


async def answer(event: Event) -> Event | None:
    if event.type == "refused":
        message = "the secret is hunter2"
        raise Rejected(message)
    return replace(event, id=f"{event.id}-answer", source="/tickloom/handlers/echo/A")


HOSTED = HostedHandler(Card("echo", Kind.HANDLER, "1", "Say it back.", consumes=("*",)), answer)


@dataclass(frozen=True)
class Thirds:
    """A fold that says something with every third event."""

    def start(self, key: str) -> int:
        """Begin."""
        del key
        return 0

    def fold(self, state: int, event: Event) -> tuple[int, Sequence[Event]]:
        """Count, and say each third."""
        if event.type == "refused":
            message = "no"
            raise Rejected(message)
        said = [replace(event, id=f"{event.id}-said")] if state % 3 == 2 else []
        return state + 1, said

    def gap(self, state: int, event: Event, gap: GapDetected) -> tuple[int, Sequence[Event]]:
        """Say nothing."""
        del event, gap
        return state, ()

    def dump(self, state: int) -> bytes:
        """Write the count."""
        return json.dumps(state).encode()

    def load(self, key: str, blob: bytes) -> int:
        """Read the count."""
        del key
        return int(blob)


async def test_feed_begins(kept: SdkTelemetry, spans: InMemorySpanExporter) -> None:
    """A trace and its first span are named by the raw batch, and the event is published as it is."""
    sink, event = MemorySink(), raw(1)
    await tracing.traced(sink, "replay", kept.named("replay"), begins=True).publish(event)
    (span,) = spans.get_finished_spans()
    assert (name_of(span), span.parent, span.kind) == (trace_of(event.id), None, SpanKind.PRODUCER)
    assert span.resource.attributes["service.name"] == "replay"
    assert sink.events == [event]


async def test_handler_goes_on(kept: SdkTelemetry, spans: InMemorySpanExporter) -> None:
    """A handler's span is the child of the one that made its event, and the parent of what is made of its answer."""
    first = raw(1)
    _, second, _ = await event_app.dispatch(HOSTED, first, kept=kept.named("echo"))
    assert second is not None
    await event_app.dispatch(HOSTED, second, kept=kept.named("next"))
    one, two = spans.get_finished_spans()
    assert [one.context.trace_id, two.context.trace_id] == [int(trace_of(first.id)[3:35], 16)] * 2
    assert parent_of(one) == int(trace_of(first.id)[36:52], 16)
    assert parent_of(two) == one.context.span_id
    assert two.resource.attributes["service.name"] == "next"


async def test_hop_is_linked(kept: SdkTelemetry, spans: InMemorySpanExporter) -> None:
    """What made the event is the parent although the request's header names another span of the trace."""
    event = raw(1)
    hop = trace_of(event.id)[:36] + "00f067aa0ba902b7-01"
    await event_app.dispatch(HOSTED, event, kept=kept, context={"traceparent": hop})
    (span,) = spans.get_finished_spans()
    assert parent_of(span) == int(trace_of(event.id)[36:52], 16)
    assert [f"{link.context.span_id:016x}" for link in span.links] == ["00f067aa0ba902b7"]


async def test_foreign_trace(kept: SdkTelemetry, spans: InMemorySpanExporter) -> None:
    """A request of another trace is gone on with, and the event's own is linked to."""
    event, hop = raw(1), "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    await event_app.dispatch(HOSTED, event, kept=kept, context={"traceparent": hop})
    (span,) = spans.get_finished_spans()
    assert parent_of(span) == int("b" * 16, 16)
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [trace_of(event.id)[3:35]]


async def test_same_bytes_when_off() -> None:
    """Where nothing is kept an event leaves as its handler made it."""
    event = raw(1)
    _, reply, _ = await event_app.dispatch(HOSTED, event)
    assert reply is not None
    assert reply.extensions == event.extensions
    assert tracing.traced(sink := MemorySink(), "replay", NULL, begins=True) is sink


async def test_failure_is_named(kept: SdkTelemetry, spans: InMemorySpanExporter) -> None:
    """A span says in one word how its work failed; what the error said stays inside."""
    await event_app.dispatch(HOSTED, replace(raw(1), type="refused"), kept=kept)
    (span,) = spans.get_finished_spans()
    assert (span.status.status_code, (span.attributes or {})["error.type"]) == (StatusCode.ERROR, "rejected")
    assert "hunter2" not in span.to_json()


def test_error_text_stays(kept: SdkTelemetry, spans: InMemorySpanExporter) -> None:
    """An exception that goes through a span leaves its kind there and nothing it said."""
    with pytest.raises(ValueError, match="hunter2"), kept.span("work", {}):
        int("hunter2")
    (span,) = spans.get_finished_spans()
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert "hunter2" not in span.to_json()


def test_table_links_batches(kept: SdkTelemetry, spans: InMemorySpanExporter) -> None:
    """A fold that says something is made by its event's trace, and links to the batches that it holds besides."""
    said: list[Event] = []
    keeper = Keeper[int]("bars", Thirds(), emit=lambda _, more: said.extend(more), bury=_never, kept=kept)
    for number in range(6):
        assert keeper.take(number, raw(number))
    folds = spans.get_finished_spans()
    assert [len(span.links) for span in folds] == [0, 0, 2, 0, 0, 2]
    assert [f"{link.context.trace_id:032x}" for link in folds[5].links] == [
        trace_of(raw(number).id)[3:35] for number in (3, 4)
    ]
    assert [event.extensions["traceparent"] for event in said] == [name_of(folds[2]), name_of(folds[5])]
    assert [parent_of(span) for span in folds] == [int(trace_of(raw(number).id)[36:52], 16) for number in range(6)]


def test_waiting_event_keeps_its_trace(kept: SdkTelemetry, spans: InMemorySpanExporter) -> None:
    """An event that waited for a missing one is folded in its own trace, not in that of the one it waited for."""
    keeper = Keeper[int]("bars", Thirds(), emit=lambda _, __: None, bury=_never, kept=kept)
    for number in (0, 2, 1):
        keeper.take(number, raw(number))
    traces = [f"{span.context.trace_id:032x}" for span in spans.get_finished_spans()]
    assert traces == [trace_of(raw(number).id)[3:35] for number in (0, 1, 2)]


def test_table_failure(kept: SdkTelemetry, spans: InMemorySpanExporter) -> None:
    """A fold that refuses an event marks its span."""
    keeper = Keeper[int]("bars", Thirds(), emit=lambda _, __: None, bury=lambda *_: None, kept=kept)
    keeper.take(0, replace(raw(0), type="refused"))
    (span,) = spans.get_finished_spans()
    assert (span.attributes or {})["error.type"] == "Rejected"


async def test_relay_is_a_leaf(kept: SdkTelemetry, spans: InMemorySpanExporter) -> None:
    """A relay publishes events of other spans: each goes on with its own trace and is not changed."""
    sink, event = MemorySink(), raw(3)
    await tracing.traced(sink, "orders", kept, begins=False).publish(event)
    (span,) = spans.get_finished_spans()
    assert parent_of(span) == int(trace_of(event.id)[36:52], 16)
    assert sink.events == [event]


def register(server: grpc.aio.Server) -> None:
    """Serve a method that says what is asked."""

    async def say(request: bytes, context: object) -> bytes:
        del context
        return request

    methods = {"Say": grpc.unary_unary_rpc_method_handler(say)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.v1.Echo", methods),))


async def test_call_goes_on(kept: SdkTelemetry, spans: InMemorySpanExporter) -> None:
    """A call over one of our channels is part of the trace it is made in; one made outside begins its own."""
    hosted = HostedService(Card("echo", Kind.SERVICE, "1", "Say it back."), register, ("test.v1.Echo",))
    hosting = Hosting(drain_ms=0, graceful_s=1)
    running = await grpc_app.start(hosted, host="127.0.0.1", port=0, hosting=hosting, kept=kept.named("echo"))
    async with open_channel(f"127.0.0.1:{running.port}", Identity()) as channel:
        call = channel.unary_unary("/test.v1.Echo/Say")
        with kept.span("process route", {}):
            await call(b"inside")
        await call(b"outside")
    await running.stop()
    inside, around, outside = spans.get_finished_spans()
    assert [span.name for span in (inside, around, outside)] == [
        "test.v1.Echo/Say",
        "process route",
        "test.v1.Echo/Say",
    ]
    assert parent_of(inside) == around.context.span_id
    assert (inside.kind, inside.resource.attributes["service.name"]) == (SpanKind.SERVER, "echo")
    assert parent_of(outside) is None


def test_unsampled(monkeypatch: pytest.MonkeyPatch, spans: InMemorySpanExporter) -> None:
    """What is not sampled is carried on as not sampled, and kept nowhere."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    made = SdkTelemetry("first", traces="none", metrics="none", processors=(SimpleSpanProcessor(spans),))
    with made.span("publish replay", {}, identity=trace_of(raw(1).id)):
        event = tracing.made_here(raw(1))
    assert str(event.extensions["traceparent"]).endswith("-00")
    assert spans.get_finished_spans() == ()
    made.close()


def test_carried_ends_with_its_span(kept: SdkTelemetry) -> None:
    """A trace is carried inside its span, by tasks made there, and by no context that begins anew."""
    with kept.span("work", {}):
        inside, elsewhere = carried(), contextvars.Context().run(carried)
    assert (set(inside), dict(elsewhere), dict(carried())) == ({"traceparent"}, {}, {})
    with carrying(inside):
        assert carried() == inside


def test_logs_name_the_trace(kept: SdkTelemetry, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that is written inside a span names its trace and span; one outside names none."""
    with kept.span("work", {}):
        here = carried()["traceparent"].split("-")
        logs.logger("test").info("done")
    logs.logger("test").info("done")
    inside, outside = map(json.loads, capsys.readouterr().err.splitlines())
    assert [inside["trace_id"], inside["span_id"]] == here[1:3]
    assert "trace_id" not in outside


def test_record(kept: SdkTelemetry) -> None:
    """A value goes where its metric's declaration says; one that is not declared goes nowhere."""
    telemetry.record(kept, "active.trading.sessions", {}, 2)
    telemetry.record(kept, "tickloom_feed_rows_total", {"venue": "BINANCE"}, 2)
    with pytest.raises(KeyError):
        telemetry.record(kept, "made_up", {}, 1)


def _never(*_: object) -> None:
    pytest.fail("nothing is buried here")
