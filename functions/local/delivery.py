"""Say how events are delivered: filters, status codes, retries and dead letters, as the Kafka Broker does. Pure rules.

Written once and used by every log. What they imitate: which answers are retried, how long the pauses are, and which
`knativeerror*` extensions a dead letter carries.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from operator import attrgetter
from typing import Any, Final, TypeAlias

from functions.runtime.dead_letters import error_extensions
from functions.wire.cesql.expression import attribute_value, attributes_of, compile_expression
from functions.wire.cesql.values import CesqlSyntaxError, Type, to_string
from functions.wire.envelope import CORE_NAMES, Event

Filter: TypeAlias = Callable[[Event], bool]

DECISIONS_MAX: Final = 1024
"""Filter decisions remembered for each Trigger."""

RETRYABLE: Final = frozenset({404, 408, 409, 429})
_TEXTS: Final = frozenset({"source", "type", "subject", "datacontenttype", "dataschema"})
_ATTRIBUTE: Final = re.compile(r"[a-z][a-z0-9]*")
_TOLD: Final = "kne-"
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,20}$").match
_VALUE: Final = re.compile(r"[ -~]+").fullmatch
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
    """What a subscriber answered: status, a CloudEvent or any other body, and what it tells a dead letter."""

    status: int
    event: Event | None = None
    other_body: bytes = b""
    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def delivered(self) -> bool:
        """Tell success: 2xx with a CloudEvent or nothing; any other body is a failure."""
        return self.status // 100 == 2 and not self.other_body  # noqa: PLR2004 - the class of 2xx

    @property
    def retryable(self) -> bool:
        """Tell whether the same event is sent again: 404, 408, 409, 429 and 5xx; never a 2xx with a foreign body."""
        return self.status in RETRYABLE or self.status >= 500  # noqa: PLR2004 - the class of 5xx


def attribute(event: Event, name: str) -> str | None:
    """Read an attribute as filters see it: text, or None when it is not set."""
    value = attribute_value(event, name)
    return None if value is None else to_string(value)


def compile_filters(filters: Sequence[Mapping[str, Any]], where: str) -> Filter:
    """Compile a Trigger's `filters`: all must match; none matches everything.

    Raises:
        WiringError: A dialect is unknown, one element holds two, or an expression cannot be relied on.
    """
    return reduce(_both, [_remembered(one, where) for one in filters] or [lambda _: True])


def _both(first: Filter, second: Filter) -> Filter:
    return lambda event: first(event) and second(event)


def _remembered(element: Mapping[str, Any], where: str) -> Filter:
    """Decide once for each combination of the attributes an element looks at: they repeat from event to event."""
    looked_at: set[str] = set()
    part = _compile(element, where, looked_at)
    if "id" in looked_at:
        return part
    decided: dict[object, bool] = {}
    looks_at = attrgetter(*looked_at) if looked_at <= _TEXTS else partial(_attributes_of, names=sorted(looked_at))

    def accepts(event: Event) -> bool:
        key = looks_at(event)
        found = decided.get(key)
        if found is None:
            if len(decided) >= DECISIONS_MAX:
                decided.clear()
            found = decided[key] = part(event)
        return found

    return accepts


def _attributes_of(event: Event, names: Sequence[str]) -> tuple[object, ...]:
    """Give values that are equal only where their types are: to an expression, true is not 1 and 1 is not "1"."""
    return tuple([(type(value := attribute_value(event, name)), value) for name in names])


def _compile(element: Mapping[str, Any], where: str, names: set[str]) -> Filter:
    """Compile one element, and add the attributes it looks at to the names."""
    if not isinstance(element, Mapping) or len(element) != 1:
        msg = f"{where}: a filter element holds exactly one dialect, found {element!r:.80}"
        raise WiringError(msg)
    ((dialect, body),) = element.items()
    match dialect:
        case "exact" | "prefix" | "suffix":
            matches = _attributes(dialect, body, where)
            names.update(body)
            return matches
        case "all" | "any" if isinstance(body, list | tuple):
            parts = tuple(_compile(one, where, names) for one in body)
            decide = all if dialect == "all" else any
            return lambda event: decide(part(event) for part in parts)
        case "not":
            part = _compile(body, where, names)
            return lambda event: not part(event)
        case "cesql":
            return _expression(body, where, names)
    msg = f"{where}: unknown filter dialect {dialect!r} with {body!r:.80}"
    raise WiringError(msg)


def _expression(text: object, where: str, names: set[str]) -> Filter:
    """Compile an expression that the specification and the engines of Knative read and decide alike."""
    if not isinstance(text, str):
        msg = f"{where}: cesql takes an expression as text, found {text!r:.80}"
        raise WiringError(msg)
    try:
        expression = compile_expression(text)
    except CesqlSyntaxError as error:
        msg = f"{where}: cesql {error}"
        raise WiringError(msg) from error
    doubts = list(expression.doubts)
    if expression.returns not in {None, Type.BOOLEAN}:
        doubts.append(f"a filter is true or false, and this is of type {expression.returns.value}")
    if doubts:
        msg = f"{where}: cesql {'; '.join(doubts)}"
        raise WiringError(msg)
    names.update(expression.syntax.names)
    return lambda event: expression.matches(attributes_of(event))


_TESTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "exact": lambda found, value: found == value,
    "prefix": lambda found, value: found.startswith(value),
    "suffix": lambda found, value: found.endswith(value),
}


def _attributes(dialect: str, body: Mapping[str, str], where: str) -> Filter:
    if not isinstance(body, Mapping):
        msg = f"{where}: {dialect} takes attributes and their values, found {body!r:.80}"
        raise WiringError(msg)
    for name, value in body.items():
        if not isinstance(name, str) or not _ATTRIBUTE.fullmatch(name):
            msg = f"{where}: {name!r} is no attribute name"
            raise WiringError(msg)
        if not isinstance(value, str):  # it would match nothing, without a word
            msg = f"{where}: {dialect} compares {name} with text, found {value!r:.80}; put it in quotes"
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


def told_by(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Take what an answer's headers `kne-<name>` tell a dead letter; what no event may carry is left out.

    >>> told_by([(b"Kne-Table", b"bars"), (b"kne-not-a-name", b"x"), (b"content-type", b"text/plain")])
    {'table': 'bars'}
    """
    told: dict[str, str] = {}
    for header, value in headers:
        name, text = header.lower().decode("latin-1"), value.decode("latin-1")
        if name.startswith(_TOLD) and _EXTENSION(name, len(_TOLD)) and _VALUE(text):
            told[name[len(_TOLD) :]] = text
    return {name: text for name, text in told.items() if name not in CORE_NAMES}


def dead_letter(*, destination: str, answer: Answer) -> Mapping[str, str]:
    """Give the extensions the Kafka Broker adds to an event it could not deliver."""
    return {**answer.told, **error_extensions(destination=destination, status=answer.status, body=answer.other_body)}
