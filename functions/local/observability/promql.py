"""Read from a PromQL query which metrics and labels it names; enough of the grammar for that, and no more.

Whether a query is PromQL at all is promtool's to say, which the tests ask.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>(?:[0-9]+(?:ms|[smhdwy]))+|[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[a-zA-Z_:$][a-zA-Z0-9_:$]*)
    |(?P<sign>=~|!~|!=|>=|<=|==|.))""",
    re.VERBOSE | re.DOTALL,
)
_LISTS: Final = frozenset(("by", "without", "on", "ignoring", "group_left", "group_right"))
_WORDS: Final = frozenset(("and", "or", "unless", "bool", "offset", "inf", "nan"))
_OPENING: Final = frozenset("({[")
_AGGREGATIONS: Final = frozenset(
    ("sum", "min", "max", "avg", "count", "stddev", "stdvar", "topk", "bottomk", "quantile", "group", "count_values")
)


class QueryError(ValueError):
    """A query cannot be read; the message says where."""


class _Token(NamedTuple):
    kind: str
    text: str


@dataclass(slots=True)
class Named:
    """What a query names.

    Args:
        metrics: Labels that each metric is chosen by.
        grouped: Labels that results are grouped or matched by.
    """

    metrics: dict[str, set[str]] = field(default_factory=dict)
    grouped: set[str] = field(default_factory=set)


def named(query: str) -> Named:
    """Give the metrics and labels of a query.

    Raises:
        QueryError: It is not closed somewhere, or a choice stands without a metric.

    >>> found = named('sum by (le) (rate(x_bucket{stage="a"}[5m])) / on () y')
    >>> sorted(found.metrics.items()), found.grouped
    ([('x_bucket', {'stage'}), ('y', set())], {'le'})
    """
    tokens = list(_tokens(query))
    found, at, last = Named(), 0, ""
    while at < len(tokens):
        kind, text = tokens[at]
        following = tokens[at + 1].text if at + 1 < len(tokens) else ""
        if text == "{":
            if not last:
                message = f"a choice without a metric in {query!r}"
                raise QueryError(message)
            labels, at = _until(tokens, at, "}", query)
            found.metrics[last].update(labels)
        elif text in _LISTS and following == "(":
            labels, at = _until(tokens, at + 1, ")", query)
            found.grouped.update(labels)
        elif text == "[":
            _, at = _until(tokens, at, "]", query)
        elif kind == "name" and following != "(" and text.lower() not in _WORDS | _AGGREGATIONS | _LISTS:
            found.metrics.setdefault(text, set())
            last = text
            at += 1
            continue
        last = ""
        at += 1
    return found


def _until(tokens: list[_Token], at: int, end: str, query: str) -> tuple[set[str], int]:
    """Give the names up to a closing sign, and where that stands."""
    names: set[str] = set()
    for place in range(at + 1, len(tokens)):
        kind, text = tokens[place]
        if text == end:
            return names, place
        if text in _OPENING:
            break
        if kind == "name":
            names.add(text)
    message = f"{tokens[at].text} is not closed in {query!r}"
    raise QueryError(message)


def _tokens(query: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(query.strip()):
        yield _Token(str(match.lastgroup), match[str(match.lastgroup)])
