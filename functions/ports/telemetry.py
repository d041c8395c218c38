"""Say how work is measured and traced, and give the twin that does nothing.

Metrics are named where they are declared, in `runtime/telemetry.py`; nothing else makes one up.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Final, Protocol

NO_CONTEXT: Final[Mapping[str, str]] = MappingProxyType({})
_NOTHING: Final[AbstractContextManager[None]] = nullcontext()


class Telemetry(Protocol):
    """Count, measure and trace. `enabled` is False where nothing is kept, so that hot paths may skip the work."""

    @property
    def enabled(self) -> bool:
        """Say whether anything is kept."""
        ...

    def count(self, metric: str, labels: Mapping[str, str], amount: int = 1) -> None:
        """Add to a declared counter."""
        ...

    def observe(self, metric: str, labels: Mapping[str, str], value: float) -> None:
        """Put a value into a declared histogram, in its unit."""
        ...

    def span(
        self,
        name: str,
        attributes: Mapping[str, str],
        *,
        context: Mapping[str, str] = NO_CONTEXT,
        origin: str = "",
    ) -> AbstractContextManager[None]:
        """Trace a piece of work.

        Args:
            name: Name of the span, from a small set.
            attributes: What the work was on.
            context: `traceparent` and `tracestate` that came with the request; the span continues them.
            origin: `traceparent` of the event's first transmission; the span links to it.
        """
        ...

    def context(self) -> Mapping[str, str]:
        """Give the headers `traceparent` and `tracestate` that carry the current span to whom we call."""
        ...

    def close(self) -> None:
        """Hand over what is still held."""
        ...


class NullTelemetry:
    """Keep nothing, at next to no cost."""

    enabled: Final = False

    def count(self, metric: str, labels: Mapping[str, str], amount: int = 1) -> None:
        """Count nothing."""

    def observe(self, metric: str, labels: Mapping[str, str], value: float) -> None:
        """Observe nothing."""

    def span(
        self,
        name: str,  # noqa: ARG002 - the port's signature
        attributes: Mapping[str, str],  # noqa: ARG002
        *,
        context: Mapping[str, str] = NO_CONTEXT,  # noqa: ARG002
        origin: str = "",  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """Trace nothing."""
        return _NOTHING

    def context(self) -> Mapping[str, str]:
        """Carry nothing."""
        return NO_CONTEXT

    def close(self) -> None:
        """Hold nothing."""


NULL: Final = NullTelemetry()
