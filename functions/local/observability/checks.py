"""Hold queries against what is declared: our own metrics, and those of others."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from functions.local.observability.foreign import FOREIGN
from functions.local.observability.promql import QueryError, named
from functions.runtime.telemetry import METRICS, Instrument, Metric

TARGET: Final = frozenset(("job", "instance"))
"""Labels that every series has: `service.name` and who exports it."""


def _series(metric: Metric) -> dict[str, frozenset[str]]:
    labels = frozenset(metric.labels)
    if metric.instrument is not Instrument.HISTOGRAM:
        return {metric.exported: labels}
    parts = {f"{metric.exported}_{part}": labels for part in ("sum", "count")}
    return parts | {f"{metric.exported}_bucket": labels | {"le"}}


KNOWN: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {name: labels for metric in METRICS for name, labels in _series(metric).items()}
    | {one.name: frozenset(one.labels) for one in FOREIGN}
)
"""Every series a query may name, and its labels."""


def check(query: str) -> None:
    """See that a query names declared metrics, by labels that they have.

    Raises:
        QueryError: It does not, or cannot be read; the message says what.
    """
    found = named(query)
    if not found.metrics:
        message = f"no metric in {query!r}"
        raise QueryError(message)
    for metric, labels in found.metrics.items():
        if metric not in KNOWN:
            message = f"nobody declares metric {metric}, named in {query!r}"
            raise QueryError(message)
        if undeclared := labels - KNOWN[metric] - TARGET:
            message = f"metric {metric} has no label {', '.join(sorted(undeclared))}, named in {query!r}"
            raise QueryError(message)
    there = frozenset[str]().union(*(KNOWN[metric] for metric in found.metrics)) | TARGET
    if undeclared := found.grouped - there:
        message = f"no metric in {query!r} has label {', '.join(sorted(undeclared))}"
        raise QueryError(message)
