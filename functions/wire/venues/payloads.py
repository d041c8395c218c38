"""Read a row that is a JSON document, exactly: numbers with a fraction stay the text they were.

What several dialects ask of a document lives here; what its fields mean is each venue's own.
"""

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

import msgspec

from functions.wire.venues.rows import IgnoredRow, MarketRow, Reading, TradeRow, bad, decimal

# A JSON number with a fraction stays text: no price passes through a float.
_DECODER: Final = msgspec.json.Decoder(float_hook=str)
_NAMES_SHOWN: Final = 8
_CHARS_SHOWN: Final = 64

Content = Mapping[str, object]
"""A JSON object."""


def read_json(raw: bytes) -> object:
    """Read a JSON document whose fractions stay text.

    Raises:
        BadText: `bad_json`, or `not_finite` where it names NaN or Infinity, which JSON does not have.
    """
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _refuse(raw, str(error))


def _refuse(raw: bytes, found: str) -> NoReturn:
    reason, detail = "bad_json", found
    names: list[str] = []
    if b"NaN" in raw or b"Infinity" in raw:
        # Python reads these names although JSON has none; what it cannot read either is no JSON at all.
        with contextlib.suppress(ValueError, RecursionError):
            json.loads(raw, parse_constant=names.append)
            reason, detail = "not_finite", f"found {names[0]} where a finite number belongs"
    raise bad(reason, detail)


def an_object(value: object, what: str) -> Content:
    """Give a value that must be a JSON object; `what` names its place in the refusal."""
    if isinstance(value, dict):
        return value
    reason, detail = "wrong_type", f"{what} is a JSON {type(value).__name__} where an object belongs"
    raise bad(reason, detail)


def a_list(value: object, what: str) -> Sequence[object]:
    """Give a value that must be a JSON array; `what` names its place in the refusal."""
    if isinstance(value, list):
        return value
    reason, detail = "wrong_type", f"{what} is a JSON {type(value).__name__} where an array belongs"
    raise bad(reason, detail)


def decimal_or_zero(content: Content, name: str) -> str:
    """Give the text of a decimal; one that is missing or null is 0, as an empty side of a quote is written."""
    return decimal(content, name) if content.get(name) is not None else "0"


def together(read: Sequence[MarketRow | IgnoredRow]) -> Reading:
    """Join what the parts of one message say, prints first; parts that are not used count only when all are.

    >>> together([])
    IgnoredRow(kind='empty')
    """
    told = tuple(row for row in read if not isinstance(row, IgnoredRow))
    if len(told) > 1:
        return tuple(sorted(told, key=lambda row: not isinstance(row, TradeRow)))
    if told:
        return told[0]
    return read[0] if read else IgnoredRow("empty")


def unknown_kind(content: Content) -> NoReturn:
    """Refuse an object of no kind that is known."""
    shown = ", ".join(sorted(content)[:_NAMES_SHOWN])[:_CHARS_SHOWN]
    reason, detail = "unknown_kind", f"the row is of no kind that is known; its fields are: {shown}"
    raise bad(reason, detail)
