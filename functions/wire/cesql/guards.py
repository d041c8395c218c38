"""Say which attributes an expression looks at that an event may not have, without asking with EXISTS first.

For an event that misses one, the specification and the engines of Knative decide differently: the error means no match
here and in the Go SDK, while the Kafka data plane ignores errors and goes by the value it has all the same.
"""

from typing import Final

from functions.wire.cesql.syntax import Attribute, Call, Chain, Exists, In, Node, Tested, Unary

REQUIRED: Final = frozenset(("id", "source", "specversion", "type"))


def unguarded(node: Node, known: frozenset[str] = REQUIRED) -> frozenset[str]:
    """Collect the attributes a part of an expression looks at besides those known to be there.

    >>> from functions.wire.cesql.parser import parse
    >>> unguarded(parse("EXISTS a AND a = 'x' AND b = 'y'").root)
    frozenset({'b'})
    """
    match node:
        case Attribute(name):
            return frozenset({name}) - known
        case Unary(operand=operand):
            return unguarded(operand, known)
        case Call(arguments=arguments):
            return _all(arguments, known)
        case Tested(operand, tests):
            elements = [one for test in tests if isinstance(test, In) for one in test.elements]
            return _all((operand, *elements), known)
        case Chain():
            return _chain(node, known)
    return frozenset()


def _all(nodes: tuple[Node, ...], known: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(unguarded(one, known) for one in nodes))


def _chain(chain: Chain, known: frozenset[str]) -> frozenset[str]:
    found: set[str] = set()
    operators = set(chain.operators)
    for operand in chain.operands:
        found |= unguarded(operand, known)
        if operators == {"AND"}:
            known |= _there_if_true(operand)
        elif operators == {"OR"}:
            known |= _there_if_false(operand)
    return frozenset(found)


def _there_if_true(node: Node) -> frozenset[str]:
    match node:
        case Exists(name):
            return frozenset({name})
        case Chain(operands, operators) if set(operators) == {"AND"}:
            return frozenset().union(*map(_there_if_true, operands))
    return frozenset()


def _there_if_false(node: Node) -> frozenset[str]:
    match node:
        case Unary("NOT", operand):
            return _there_if_true(operand)
        case Chain(operands, operators) if set(operators) == {"OR"}:
            return frozenset().union(*map(_there_if_false, operands))
    return frozenset()
