"""Say what a parser finds in a row, and read the fields of JSON documents; every refusal has a code and a sentence."""

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from functions.wire.venues.digits import BadText

ENTRIES_MAX: Final = 5_000
"""Most items or events of one row: a month of the calendar has 1,000, a page of news 1,000 at most."""
ID_CHARS_MAX: Final = 512
LINE_CHARS_MAX: Final = 1_024
"""Longest headline, name or address that travels."""
WORD_CHARS_MAX: Final = 64
WORDS_MAX: Final = 256
"""Most tickers or subjects of one item: a market wrap has about 100."""

_SHOWN: Final = 48
# Control characters but tab and line feed, and lone surrogates, which neither protobuf nor PostgreSQL take; and what
# only says where a word may be broken (soft hyphen, blank of no width, word joiner, byte order mark): it is one word.
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u2060\ud800-\udfff\ufeff]")

D = TypeVar("D")
T = TypeVar("T")

# A JSON number with a fraction stays the text it was: no figure and no time passes through a float.
_DECODER: Final = msgspec.json.Decoder(float_hook=str)


@dataclass(frozen=True, slots=True)
class Found(Generic[D]):
    """Say what a row held.

    Args:
        entries: What was read, in the row's order.
        faults: What was refused of it.
        control: Kind of a row that holds nothing by design, for example `heartbeat`; empty for the others.
    """

    entries: tuple[D, ...] = ()
    faults: tuple[BadText, ...] = ()
    control: str = ""


class Reader(Protocol[D]):
    """Read the rows of one batch in order; what it remembers lasts as long as the batch."""

    def read(self, row: int, data: bytes) -> Found[D]:
        """Read a row.

        Raises:
            BadText: The whole row is refused.
        """
        ...

    def finish(self) -> Iterable[tuple[int, BadText]]:
        """Name the rows that wait in vain for others, each with its refusal."""
        ...


@dataclass(frozen=True, slots=True)
class RowReader(Generic[D]):
    """Read rows that stand alone."""

    parse: Callable[[bytes], Found[D]]

    def read(self, _row: int, data: bytes) -> Found[D]:
        """Read a row.

        Raises:
            BadText: The whole row is refused.
        """
        return self.parse(data)

    def finish(self) -> Iterable[tuple[int, BadText]]:
        """Give nothing: no row waits for another."""
        return ()


def each(entries: Sequence[T], read: Callable[[T], D]) -> Found[D]:
    """Read every entry of a row; one that is refused leaves the others alone.

    Raises:
        BadText: There are too many.
    """
    if len(entries) > ENTRIES_MAX:
        reason, detail = "out_of_range", f"the row has {len(entries)} entries; at most {ENTRIES_MAX} are read"
        raise BadText(reason, detail)
    good: list[D] = []
    faults: list[BadText] = []
    for number, entry in enumerate(entries):
        try:
            good.append(read(entry))
        except BadText as error:
            faults.append(BadText(error.reason, f"entry {number}: {error}"))
    return Found(tuple(good), tuple(faults))


def json_document(data: bytes) -> object:
    """Read JSON; numbers with a fraction stay text, and a byte order mark is passed over (RFC 8259, section 8.1).

    Raises:
        BadText: `bad_json`.
    """
    try:
        return _DECODER.decode(data.removeprefix(BOM_UTF8))
    except (ValueError, RecursionError) as error:  # every error of msgspec is a ValueError
        reason = "bad_json"
        raise BadText(reason, f"the row is no JSON: {str(error)[:160]}") from None


def json_object(value: object) -> Mapping[str, object]:
    """Give an object.

    Raises:
        BadText: `wrong_type`.
    """
    if not isinstance(value, dict):
        reason, detail = "wrong_type", f"found {_shown(value)} where an object belongs"
        raise BadText(reason, detail)
    return value


def json_list(document: object, *names: str) -> list[object]:
    """Give the entries of a document: a list, the list under one of these names, or the one entry it is.

    Raises:
        BadText: `wrong_type`.
    """
    if isinstance(document, list):
        return document
    content = json_object(document)
    named = next((content[name] for name in names if isinstance(content.get(name), list)), None)
    return named if isinstance(named, list) else [document]


def clean(text: str, chars_max: int = LINE_CHARS_MAX) -> str:
    r"""Give a text as it may travel: no control characters but tab and line feed, no lone surrogates, bounded.

    >>> clean(" a\x00b\r\nc ", 3), clean("Quar\xadter")
    ('ab', 'Quarter')
    """
    return _UNPRINTABLE.sub("", text).strip()[:chars_max].rstrip()


def line(text: str, chars_max: int = LINE_CHARS_MAX) -> str:
    """Give a text as one line."""
    return clean(" ".join(text[: 4 * chars_max].split()), chars_max) if text else ""


def text_of(content: Mapping[str, object], *names: str) -> str:
    """Give the text under the first of these names that has one; whole numbers count as text; else empty.

    Raises:
        BadText: `wrong_type`: something else stands there.
    """
    for name in names:
        value = content.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value) if abs(value) < 10**_SHOWN else ""
        if value is not None and not isinstance(value, str):
            reason, detail = "wrong_type", f"field {name!r} is {_shown(value)} where a text belongs"
            raise BadText(reason, detail)
    return ""


def need(content: Mapping[str, object], *names: str) -> str:
    """Give the text under the first of these names that has one.

    Raises:
        BadText: `missing_field` or `wrong_type`.
    """
    found = text_of(content, *names)
    if not found:
        reason, detail = "missing_field", f"the entry has no {' or '.join(names)}"
        raise BadText(reason, detail)
    return found


def words_of(values: Iterable[object]) -> tuple[str, ...]:
    """Give the distinct words of a list in their order, bounded; what is no text is left out."""
    words = dict.fromkeys(line(value, WORD_CHARS_MAX) for value in values if isinstance(value, str))
    return tuple(word for word in words if word)[:WORDS_MAX]


def listed(value: object) -> list[object]:
    """Give a list's entries, or those of a comma separated text; nothing for anything else."""
    if isinstance(value, str):
        return list(value[: WORDS_MAX * WORD_CHARS_MAX].split(","))
    return value if isinstance(value, list) else []


def _shown(value: object) -> str:
    return type(value).__name__ if isinstance(value, int | list | dict) else repr(value)[:_SHOWN]
