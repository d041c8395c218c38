"""Say how work is measured and traced, what of a trace travels with a call, and give the twin that does nothing.

Metrics are named where they are declared, in `runtime/telemetry.py`; nothing else makes one up.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from enum import Enum
from types import MappingProxyType
from typing import Final, Protocol, Self

NO_CONTEXT: Final[Mapping[str, str]] = MappingProxyType({})
TRACEPARENT: Final = "traceparent"

_NOTHING: Final[AbstractContextManager[None]] = nullcontext()
_CARRIED: Final[ContextVar[Mapping[str, str]]] = ContextVar("carried", default=NO_CONTEXT)


def carried() -> Mapping[str, str]:
    """Give the headers `traceparent` and `tracestate` that carry the current span to whom we call; none without one.

    A task begins with what its maker carried. One that outlives the work it was made in begins with an empty
    `contextvars.Context`, or all it ever does would count as that work's.
    """
    return _CARRIED.get()


@contextlib.contextmanager
def carrying(headers: Mapping[str, str]) -> Iterator[None]:
    """Go on, for a while, with what was carried when work was handed over."""
    token = _CARRIED.set(headers)
    try:
        yield
    finally:
        _CARRIED.reset(token)


class Work(Enum):
    """Say what a piece of work is to those it talks to, as OpenTelemetry names it."""

    CONSUMER = "consumer"
    PRODUCER = "producer"
    SERVER = "server"
    INTERNAL = "internal"


class Telemetry(Protocol):
    """Count, measure and trace. `enabled` is False where nothing is kept, so that hot paths may skip the work."""

    @property
    def enabled(self) -> bool:
        """Say whether anything is kept."""
        ...

    def named(self, name: str) -> "Telemetry":
        """Give the telemetry of a further function in this process: the same metrics, spans under its own name."""
        ...

    def count(self, metric: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Add to a declared counter."""
        ...

    def observe(self, metric: str, labels: Mapping[str, str], value: float) -> None:
        """Put a value into a declared histogram, in its unit."""
        ...

    def put(self, metric: str, labels: Mapping[str, str], value: float) -> None:
        """Set a declared gauge, in its unit."""
        ...

    def span(  # noqa: PLR0913 - what it is, where it comes from, what it begins
        self,
        name: str,
        attributes: Mapping[str, str],
        *,
        work: Work = Work.CONSUMER,
        context: Mapping[str, str] = NO_CONTEXT,
        origin: str = "",
        identity: str = "",
    ) -> AbstractContextManager[None]:
        """Trace a piece of work; without `context`, `origin` and `identity` it is part of the current one.

        Args:
            name: Name of the span, from a small set.
            attributes: What the work was on.
            work: What it is to those it talks to.
            context: `traceparent` and `tracestate` that came with the request.
            origin: `traceparent` of the span that made the event. It is the parent, for a broker's reply carries no
                context; of another trace than the request's it is linked to instead.
            identity: `traceparent` that the span itself has: it begins a trace whose name is a fact.
        """
        ...

    def link(self, origins: Iterable[str]) -> None:
        """Link the current span to further ones, by their `traceparent`: what it was made of besides."""
        ...

    def fail(self, kind: str) -> None:
        """Say that the current span's work failed, and how, in one word: texts may hold anything."""
        ...

    def close(self) -> None:
        """Hand over what is still held."""
        ...


class NullTelemetry:
    """Keep nothing, at next to no cost."""

    enabled: Final = False

    def named(self, name: str) -> Self:  # noqa: ARG002 - the port's signature
        """Keep nothing under any name."""
        return self

    def count(self, metric: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Count nothing."""

    def observe(self, metric: str, labels: Mapping[str, str], value: float) -> None:
        """Observe nothing."""

    def put(self, metric: str, labels: Mapping[str, str], value: float) -> None:
        """Set nothing."""

    def span(  # noqa: PLR0913 - the port's signature
        self,
        name: str,  # noqa: ARG002
        attributes: Mapping[str, str],  # noqa: ARG002
        *,
        work: Work = Work.CONSUMER,  # noqa: ARG002
        context: Mapping[str, str] = NO_CONTEXT,  # noqa: ARG002
        origin: str = "",  # noqa: ARG002
        identity: str = "",  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """Trace nothing."""
        return _NOTHING

    def link(self, origins: Iterable[str]) -> None:
        """Link nothing."""

    def fail(self, kind: str) -> None:
        """Note nothing."""

    def close(self) -> None:
        """Hold nothing."""


NULL: Final = NullTelemetry()
