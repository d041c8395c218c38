"""Say how events are delivered: filters, status codes, retries and dead letters, as the Kafka Broker does. Pure rules.

Written once and used by every log. What they imitate: which answers are retried, how long the pauses are, and which
`knativeerror*` extensions a dead letter carries.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeAlias

from functions.runtime.dead_letters import error_extensions
from functions.wire.envelope import Event

Filter: TypeAlias = Callable[[Event], bool]

DECISIONS_MAX: Final = 1024
"""Filter decisions remembered for each Trigger."""

RETRYABLE: Final = frozenset({404, 408, 409, 429})
_ATTRIBUTE: Final = re.compile(r"[a-z][a-z0-9]*")
_DURATION: Final = re.compile(r"PT(?:(\d+)M)?(?:(\d+(?:\.\d)?)S)?")


class WiringError(ValueError):
    """The wiring asks for something that cannot be done; the message says where and what."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Say how hard to try: attempts after the first, pause between them, time for each, and where failures go."""

    retry: int
    backoff_s: float
    exponential: bool
    timeout_s: float
    dead_letter_sink: str

    def pause_s(self, attempt: int) -> float:
        """Give the pause before retry `attempt` (1, 2, ...), seconds: d * 2^n or d * n, no jitter, no cap."""
        return self.backoff_s * (2**attempt if self.exponential else attempt)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a subscriber answered: status, a CloudEvent if it sent one, and the start of any other body."""

    status: int
    event: Event | None = None
    other_body: bytes = b""

    @property
    def delivered(self) -> bool:
        """Tell success: 2xx with a CloudEvent or nothing; any other body is a failure."""
        return self.status // 100 == 2 and not self.other_body  # noqa: PLR2004 - the class of 2xx

    @property
    def retryable(self) -> bool:
        """Tell whether the same event is sent again: 404, 408, 409, 429 and 5xx; never a 2xx with a foreign body."""
        return self.status in RETRYABLE or self.status >= 500  # noqa: PLR2004 - the class of 5xx


_CORE: Final = frozenset(("id", "source", "subject", "datacontenttype", "dataschema"))


def attribute(event: Event, name: str) -> str | None:
    """Read an attribute as filters see it: text, or None when it is not set."""
    if name == "type":
        return event.type
    if name in _CORE:
        value = getattr(event, name)
        return None if value is None else str(value)
    if name == "specversion":
        return "1.0"
    extension = event.extensions.get(name)
    return None if extension is None else str(extension)


def compile_filters(filters: Sequence[Mapping[str, Any]], where: str) -> Filter:
    """Compile a Trigger's `filters`: all must match; none matches everything.

    Raises:
        WiringError: A dialect is unknown, not supported here (`cesql`), or one element holds two dialects.
    """
    parts = tuple(_compile(one, where) for one in filters)
    names = tuple(sorted(_names(filters)))
    if "id" in names:
        return lambda event: all(part(event) for part in parts)
    decided: dict[object, bool] = {}
    looks_at = attrgetter("type") if names == ("type",) else partial(_attributes_of, names=names)

    def accepts(event: Event) -> bool:
        """Decide once for each combination of the attributes the filter looks at: they repeat from event to event."""
        key = looks_at(event)
        found = decided.get(key)
        if found is None:
            if len(decided) >= DECISIONS_MAX:
                decided.clear()
            found = decided[key] = all(part(event) for part in parts)
        return found

    return accepts


def _attributes_of(event: Event, names: Sequence[str]) -> tuple[str | None, ...]:
    return tuple([attribute(event, name) for name in names])


def _names(filters: object) -> set[str]:
    """Collect the attributes that filters look at."""
    if isinstance(filters, Mapping):
        return {
            name
            for dialect, body in filters.items()
            for name in (body if dialect in _TESTS and isinstance(body, Mapping) else _names(body))
        }
    if isinstance(filters, Sequence) and not isinstance(filters, str):
        return {name for one in filters for name in _names(one)}
    return set()


def _compile(element: Mapping[str, Any], where: str) -> Filter:
    if len(element) != 1:
        msg = f"{where}: a filter element holds exactly one dialect, found {sorted(element)}"
        raise WiringError(msg)
    ((dialect, body),) = element.items()
    match dialect:
        case "exact" | "prefix" | "suffix":
            return _attributes(dialect, body, where)
        case "all" | "any":
            parts = tuple(_compile(one, where) for one in body)
            decide = all if dialect == "all" else any
            return lambda event: decide(part(event) for part in parts)
        case "not":
            part = _compile(body, where)
            return lambda event: not part(event)
        case "cesql":
            msg = f"{where}: the cesql dialect is not supported by the local platform yet; use exact, prefix, suffix"
            raise WiringError(msg)
    msg = f"{where}: unknown filter dialect {dialect!r}"
    raise WiringError(msg)


_TESTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "exact": lambda found, value: found == value,
    "prefix": lambda found, value: found.startswith(value),
    "suffix": lambda found, value: found.endswith(value),
}


def _attributes(dialect: str, body: Mapping[str, str], where: str) -> Filter:
    for name in body:
        if not _ATTRIBUTE.fullmatch(name):
            msg = f"{where}: {name!r} is no attribute name"
            raise WiringError(msg)
    # The Kafka data plane skips attributes whose value is the empty string.
    wanted = tuple((name, value) for name, value in body.items() if value)
    test = _TESTS[dialect]

    def matches(event: Event) -> bool:
        for name, value in wanted:
            found = attribute(event, name)
            if found is None or not test(found, value):
                return False
        return True

    return matches


def parse_duration_s(text: str, where: str) -> float:
    """Read an ISO-8601 duration as Knative does: minutes and seconds, one decimal.

    >>> parse_duration_s("PT0.2S", "here")
    0.2
    """
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        msg = f"{where}: {text!r} is no duration like PT0.2S or PT5M (one decimal at most)"
        raise WiringError(msg)
    return int(found[1] or 0) * 60 + float(found[2] or 0)


def dead_letter(*, destination: str, answer: Answer) -> Mapping[str, str]:
    """Give the extensions the Kafka Broker adds to an event it could not deliver."""
    return error_extensions(destination=destination, status=answer.status, body=answer.other_body)
