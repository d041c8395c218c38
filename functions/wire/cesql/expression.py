"""Evaluate CESQL: an expression and the attributes of an event give a value, and what went wrong (CESQL 1.0.0).

Evaluation is total and stops at the first error, as 4.1 asks of filters: the value is then the zero of the expression's
type, or what the failing function says it gives. `doubts` name what the engines of Knative (the Go and Java SDKs) read
otherwise than the specification, and attributes that may be missing; a filter without one is read alike everywhere.
What fails on an event's own values, a cast for one, the Kafka data plane still takes for what the failing part gives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from functions.wire.attributes import time_text, value_text
from functions.wire.cesql.functions import Function, find
from functions.wire.cesql.guards import unguarded
from functions.wire.cesql.likeness import compile_like
from functions.wire.cesql.operators import COMPARISON, LOGIC, chain, unary
from functions.wire.cesql.parser import parse
from functions.wire.cesql.syntax import Attribute, Call, Chain, Exists, In, Like, Literal, Node, Syntax, Tested, Unary
from functions.wire.cesql.values import (
    CASTS,
    ZERO,
    ErrorKind,
    EvaluationError,
    Lookup,
    Run,
    Type,
    Value,
    to_string,
    type_of,
)
from functions.wire.envelope import CORE_NAMES, SPEC_VERSION, Event

WORK_MAX: Final = 4 * 1024 * 1024
"""Characters of an expression times characters of a string: what an evaluation may have to compare."""

STRING_CHARS_MAX: Final = 64 * 1024
"""Longest string any expression looks at; long expressions look at shorter ones, see WORK_MAX."""


@dataclass(frozen=True, slots=True)
class Result:
    """What an evaluation gives: a value always, and the error that ended it early."""

    value: Value
    error: EvaluationError | None = None


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read.

    Args:
        text: As written.
        syntax: As read.
        returns: Type of its value; None where only the event says it.
    """

    text: str
    syntax: Syntax
    returns: Type | None
    _run: Run = field(repr=False, compare=False)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Say what other engines read or decide otherwise, or nobody knows, in a sentence each."""
        missing = sorted(unguarded(self.syntax.root))
        guard = "an event may lack {0}, and engines disagree on what that means: ask EXISTS {0} AND ... first"
        return (*self.syntax.doubts, *(guard.format(name) for name in missing))

    def evaluate(self, lookup: Lookup) -> Result:
        """Evaluate it; never raises."""
        try:
            return Result(self._run(lookup))
        except EvaluationError as error:
            if error.origin is self.syntax.root and error.value is not None:
                return Result(error.value, error)
            return Result(ZERO[self.returns or Type.BOOLEAN], error)

    def matches(self, lookup: Lookup) -> bool:
        """Tell whether an event passes: the value is the Boolean true and nothing went wrong (1.2)."""
        result = self.evaluate(lookup)
        return result.value is True and result.error is None


def compile_expression(text: str) -> Expression:
    """Read an expression and make it ready to meet events.

    Args:
        text: At most 4 KiB, at most 32 deep.

    Raises:
        CesqlSyntaxError: It is no expression; the error says where.

    >>> compile_expression("EXISTS sequence AND sequence > 5").matches({"sequence": "7"}.get)
    True
    """
    syntax = parse(text)
    compiler = _Compiler(min(WORK_MAX // max(len(text), 1), STRING_CHARS_MAX))
    return Expression(text, syntax, _returns(syntax.root), compiler.compile(syntax.root))


def attributes_of(event: Event) -> Lookup:
    """Give the lookup of an event's attributes: what is neither Boolean nor Integer is text, as on the wire."""
    return partial(attribute_value, event)


def attribute_value(event: Event, name: str) -> Value | None:
    """Give the value of an attribute as expressions see it; None where the event has it not."""
    if name not in CORE_NAMES:
        value = event.extensions.get(name)
        return value_text(value) if isinstance(value, bytes) else value
    match name:
        case "id" | "source" | "type" | "subject" | "datacontenttype" | "dataschema":
            found: str | None = getattr(event, name)
            return found
        case "specversion":
            return SPEC_VERSION
        case "time" if event.time_ns is not None:
            return time_text(event.time_ns)
    return None


def _returns(node: Node) -> Type | None:
    match node:
        case Literal(value):
            return type_of(value)
        case Call(name, arguments):
            function = find(name, len(arguments))
            return None if function is None else function.returns
        case Unary(operator="-"):
            return Type.INTEGER
        case Chain(operators=(operator, *_)) if operator not in LOGIC and operator not in COMPARISON:
            return Type.INTEGER
        case Attribute():
            return None
    return Type.BOOLEAN


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Turn trees into closures that handle strings up to a length."""

    chars_max: int

    def compile(self, node: Node) -> Run:
        match node:
            case Unary(operator, operand):
                return unary(operator, self.compile(operand))
            case Tested(operand, tests):
                return _tested(self.compile(operand), [self._test(test) for test in tests])
            case Chain(operands, operators):
                return chain([self.compile(one) for one in operands], operators)
            case Call():
                return self._call(node)
        return self._leaf(node)

    def _leaf(self, node: Literal | Attribute | Exists) -> Run:
        match node:
            case Literal(value):
                return lambda _: value
            case Attribute(name):
                return self._attribute(name)
            case Exists(name):
                return lambda lookup: lookup(name) is not None

    def _attribute(self, name: str) -> Run:
        def run(lookup: Lookup) -> Value:
            value = lookup(name)
            if value is None:
                raise EvaluationError(ErrorKind.MISSING_ATTRIBUTE, f"the event has no attribute {name}")
            return self._bounded(value)

        return run

    def _bounded(self, value: Value) -> Value:
        if isinstance(value, str) and len(value) > self.chars_max:
            message = f"a string of {len(value)} characters; an expression of this length handles {self.chars_max}"
            raise EvaluationError(ErrorKind.GENERIC, message)
        return value

    def _test(self, test: Like | In) -> Callable[[Value, Lookup], bool]:
        negated = test.negated
        if isinstance(test, Like):
            like = compile_like(test.pattern)
            return lambda value, _: like(to_string(value)) is not negated
        elements = [self.compile(one) for one in test.elements]

        def among(value: Value, lookup: Lookup) -> bool:
            cast = CASTS[type_of(value)]
            return any(cast(element(lookup)) == value for element in elements) is not negated

        return among

    def _call(self, call: Call) -> Run:
        function = find(call.name, len(call.arguments))
        if function is None:
            return partial(_missing, call)
        casts = [CASTS.get(kind) if (kind := function.parameter(at)) else None for at in range(len(call.arguments))]
        arguments = [(self.compile(argument), cast) for argument, cast in zip(call.arguments, casts, strict=True)]

        def run(lookup: Lookup) -> Value:
            values = [argument(lookup) if cast is None else cast(argument(lookup)) for argument, cast in arguments]
            return self._bounded(_invoke(call, function, values))

        return run


def _missing(call: Call, _: Lookup) -> Value:
    message = f"there is no function {call.name} of {len(call.arguments)} arguments"
    raise EvaluationError(ErrorKind.MISSING_FUNCTION, message)


def _invoke(call: Call, function: Function, values: Sequence[Value]) -> Value:
    try:
        value: Value = function.body(*values)
    except EvaluationError as error:
        error.origin = call
        raise
    return value


def _tested(operand: Run, tests: Sequence[Callable[[Value, Lookup], bool]]) -> Run:
    def run(lookup: Lookup) -> Value:
        value = operand(lookup)
        for test in tests:
            value = test(value, lookup)
        return value

    return run
