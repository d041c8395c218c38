"""Say what `compose` hands to a host: a card, what to run, and how to let go of what was opened."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from functions.ports.card import Card
from functions.ports.sink import Sink
from functions.wire.envelope import Event

if TYPE_CHECKING:  # gRPC takes 0.2 s to import and numpy behind the fold 0.1 s: not every process needs them
    import grpc.aio

    from functions.ports.fold import Fold
    from functions.ports.telemetry import Telemetry

Handle: TypeAlias = Callable[[Event], Awaitable[Event | None]]
Close: TypeAlias = Callable[[], Awaitable[None]]
DESK: Final = "desk"
"""Key, on a card, of a table that has one state for all shards."""

Measure: TypeAlias = tuple[str, Mapping[str, str], float]
"""A declared metric, its labels, and what is added to a counter or put into the others."""


async def nothing() -> None:
    """Close nothing."""


def loaded() -> None:
    """Load nothing: all is there."""


def unmeasured(kept: "Telemetry") -> None:
    """Measure nothing beside the calls."""


async def no_measures(event: Event) -> Iterable[Measure]:  # noqa: ARG001 - every event adds nothing
    """Measure nothing."""
    return ()


@dataclass(frozen=True, slots=True)
class HostedHandler:
    """A handler with its collaborators bound; connections open on first use and close with `close`.

    `measures` says what a handled event adds to metrics of its own noun; it is asked only where metrics are kept.
    An event whose time lies more than `age_s_max` seconds back is let go unhandled, for it would act too late; 0: none.
    """

    card: Card
    handle: Handle
    close: Close = nothing
    measures: Callable[[Event], Awaitable[Iterable[Measure]]] = no_measures
    age_s_max: float = 0.0


@dataclass(frozen=True, slots=True)
class HostedTable:
    """A table's fold; its state type is the table's own business.

    `load` brings what the first event would wait for, as compiled code; a worker calls it before it joins its group.
    `unnumbered` are types of events without sequence numbers, of which the fold itself knows which came before.
    """

    card: Card
    fold: "Fold[Any]"  # the host carries states of any table
    load: Callable[[], None] = loaded
    unnumbered: frozenset[str] = frozenset()

    @property
    def only_key(self) -> str:
        """Give the one key of a table whose state spans shards, as its card says; empty where each has its own."""
        return self.card.key if self.card.key == DESK else ""


@dataclass(frozen=True, slots=True)
class HostedService:
    """A gRPC service: `register` adds its servicer, `start` opens what it needs, `close` lets go.

    `measure` is told, before `start`, where metrics of its own noun are kept; calls are measured by the host.
    """

    card: Card
    register: Callable[["grpc.aio.Server"], None]
    service_names: tuple[str, ...]
    start: Close = nothing
    close: Close = nothing
    measure: Callable[["Telemetry"], None] = unmeasured


@dataclass(frozen=True, slots=True)
class HostedFeed:
    """A feed: `run` publishes into the sink until its input ends or it is cancelled.

    `stream` is the stream it numbers; empty where its settings do not say which.
    """

    card: Card
    run: Callable[[Sink], Awaitable[None]]
    close: Close = nothing
    stream: str = ""
