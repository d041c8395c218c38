"""Say how an event takes part in a trace: what a span tells of it, and whose `traceparent` it carries.

The attribute `traceparent` names the span that made the event (CloudEvents, extension Distributed Tracing) and does
not change on its way; the header of that name is for the hop, and a broker's reply has none. So an event's parent is
found in the event itself, and a trace stays one whole over any broker. A raw batch begins its trace: the trace's and
the first span's names follow from the batch's (design R6).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final

from functions.ports.sink import Sink
from functions.ports.telemetry import TRACEPARENT, Telemetry, Work, carried
from functions.runtime import outcomes
from functions.wire.envelope import Event

LINKS_MAX: Final = 32
"""Earlier batches that a span of a table links to; a window seldom holds more, and the SDK keeps 128."""


def attributes_of(event: Event) -> dict[str, str]:
    """Say of an event what its span tells."""
    return {
        "cloudevents.event_id": event.id,
        "cloudevents.event_source": event.source,
        "cloudevents.event_type": event.type,
    }


def origin_of(event: Event) -> str:
    """Give the `traceparent` of the span that made an event; empty when it names none."""
    return str(event.extensions.get(TRACEPARENT, ""))


def made_here(event: Event) -> Event:
    """Name the current span as the one that made an event; without a span the event is as it was."""
    here = carried().get(TRACEPARENT, "")
    if not here or origin_of(event) == here:
        return event
    kept = {name: value for name, value in event.extensions.items() if name != "tracestate"}
    return replace(event, extensions={**kept, **carried()})


def all_made_here(events: Sequence[Event]) -> list[Event]:
    """Do so for several."""
    return [made_here(event) for event in events]


class TracedSink:
    """Count and trace what a feed or relay publishes.

    Args:
        sink: Where events go.
        name: Who publishes.
        kept: Where that is kept.
        begins: Each event begins its trace, under the name it carries; else it goes on with the one it was made in.
    """

    def __init__(self, sink: Sink, name: str, kept: Telemetry, *, begins: bool) -> None:
        """Stand before a sink."""
        self._sink = sink
        self._name = name
        self._kept = kept
        self._begins = begins

    async def publish(self, event: Event) -> None:
        """Hand over one event and say what became of it."""
        outcome = outcomes.Outcome.REPLIED
        try:
            with self._span(event):
                await self._sink.publish(made_here(event) if self._begins else event)
        except Exception as error:
            outcome = outcomes.outcome_of(error)
            raise
        finally:
            labels = {"function": self._name, "outcome": outcome.value}
            self._kept.count("tickloom_events_published_total", labels)

    def _span(self, event: Event) -> AbstractContextManager[None]:
        name, origin = f"publish {self._name}", origin_of(event)
        if self._begins:
            return self._kept.span(name, attributes_of(event), work=Work.PRODUCER, identity=origin)
        return self._kept.span(name, attributes_of(event), work=Work.PRODUCER, origin=origin)


def traced(sink: Sink, name: str, kept: Telemetry, *, begins: bool) -> Sink:
    """Put a traced sink before a sink, where anything is kept."""
    return TracedSink(sink, name, kept, begins=begins) if kept.enabled else sink
