"""Read LSEG Machine Readable News: stories in fragments, each fragment base64 of a piece of a gzip member of JSON.

A row is a WebSocket message, or an array of them. Fragments of a story share `GUID` and `MRN_SRC`, are numbered by
`FRAG_NUM` from 1 on, and the first tells in `TOT_SIZE` how many compressed bytes the story has.
Source: LSEG, "MRN Data Models and Implementation Guide", and a real message.
"""

import base64
import binascii
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeAlias

from functions.domain.news import NewsKind, Symbology
from functions.wire.news.articles import moment
from functions.wire.news.reading import Found, json_document, json_list, json_object, listed, need, text_of, words_of
from functions.wire.news.stories import Draft, plain_text
from functions.wire.venues.digits import BadText

STORY_BYTES_MAX: Final = 2 * 1024 * 1024
"""Longest story, unpacked: a bomb of one kilobyte would otherwise become a megabyte, and a batch of them a gigabyte."""
PACKED_BYTES_MAX: Final = 1024 * 1024
"""Longest story as it is sent; no event carries more."""
OPEN_STORIES_MAX: Final = 256
"""Stories that may be under way at once."""
FRAGMENTS_MAX: Final = 1_000
"""Fragments of one story."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_CONTROL_TYPES: Final = frozenset(("ping", "pong", "status", "login", "ack"))
_TAKEN_BACK: Final = frozenset(("stat:canceled", "stat:cancelled", "stat:withheld", "stat:withdrawn"))
Key: TypeAlias = tuple[str, str]


@dataclass(slots=True)
class Story:
    """Collect the fragments of one story."""

    row: int
    total: int
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0

    @property
    def whole(self) -> bool:
        """Tell whether every byte is here."""
        return self.size == self.total


class Stories:
    """Put fragments together, in the order they came."""

    def __init__(self) -> None:
        """Start with nothing under way."""
        self.open: dict[Key, Story] = {}

    def add(self, row: int, fields: Mapping[str, object]) -> Story | None:
        """Take a fragment; give its story when this was its last.

        Raises:
            BadText: `bad_fragment`: it fits no story; a story that it breaks is given up.
        """
        key, number = (need(fields, "GUID"), text_of(fields, "MRN_SRC")), _number(fields, "FRAG_NUM")
        story = self.open.pop(key, None)
        if number == 1:
            if len(self.open) >= OPEN_STORIES_MAX:
                _refuse(f"{OPEN_STORIES_MAX} stories are under way already")
            story = Story(row, _number(fields, "TOT_SIZE"))
            if story.total > PACKED_BYTES_MAX:
                _refuse(f"a story of {story.total} bytes is announced; at most {PACKED_BYTES_MAX} are taken")
        elif story is None or number != len(story.pieces) + 1 or number > FRAGMENTS_MAX:
            _refuse(f"fragment {number} of story {key[0][:48]!r} follows no fragment {number - 1}")
        piece = _bytes(fields)
        story.pieces.append(piece)
        story.size += len(piece)
        if story.size > story.total or not piece:
            _refuse(f"story {key[0][:48]!r} has {story.size} bytes behind fragment {number}, not {story.total}")
        if story.whole:
            return story
        self.open[key] = story
        return None


class Fragments:
    """Read the messages of one batch; a story lies in the row of its last fragment."""

    def __init__(self) -> None:
        """Start with no story under way."""
        self._stories = Stories()

    def read(self, row: int, data: bytes) -> Found[Draft]:
        """Read a row.

        Raises:
            BadText: It is no JSON, or no message.
        """
        drafts: list[Draft] = []
        faults: list[BadText] = []
        control = ""
        for message in json_list(json_document(data)):
            try:
                kind, draft = self._message(row, json_object(message))
            except BadText as error:
                faults.append(error)
                continue
            drafts += [draft] if draft else []
            control = control or kind
        return Found(tuple(drafts), tuple(faults), "" if drafts or faults else control or "control")

    @property
    def under_way(self) -> bool:
        """Tell whether a story waits for its next fragment."""
        return bool(self._stories.open)

    def finish(self) -> Iterable[tuple[int, BadText]]:
        """Name the stories whose end never came, by the row they began in."""
        for (guid, _), story in self._stories.open.items():
            detail = f"story {guid[:48]!r} has {story.size} of {story.total} bytes when the batch ends"
            yield story.row, BadText("incomplete_story", detail)

    def _message(self, row: int, message: Mapping[str, object]) -> tuple[str, Draft | None]:
        """Give a message's kind, and the story it completes."""
        fields = message.get("Fields")
        if not isinstance(fields, dict):
            kind = need(message, "Type").lower()
            if kind in _CONTROL_TYPES or text_of(message, "Domain").lower() in _CONTROL_TYPES or kind == "refresh":
                return kind, None
            _refuse(f"a message of type {kind[:48]!r} has no Fields", "missing_field")
        if fields.get("FRAGMENT") is None:
            return "refresh", None
        if text_of(fields, "MRN_TYPE") not in {"", "STORY"}:
            return "other_mrn", None
        story = self._stories.add(row, fields)
        return ("fragment", None) if story is None else ("news", _draft(unpacked(b"".join(story.pieces))))


def unpacked(packed: bytes) -> bytes:
    """Unpack one gzip member, bounded.

    Raises:
        BadText: `bad_fragment`: it is none, is longer than the bound, or something follows it.
    """
    member = zlib.decompressobj(_GZIP)
    try:
        data = member.decompress(packed, STORY_BYTES_MAX)
    except zlib.error as error:
        _refuse(f"the story is no gzip member: {error}")
    if not member.eof or member.unused_data:
        _refuse(f"the story ends early, is longer than {STORY_BYTES_MAX} bytes, or has something behind it")
    return data


def _draft(data: bytes) -> Draft:
    content = json_object(json_document(data))
    subjects = words_of(listed(content.get("subjects")))
    body = text_of(content, "body")
    return Draft(
        kind=NewsKind.NEWS,
        source=text_of(content, "provider") or "LSEG",
        native_id=_chain(content),
        headline=text_of(content, "headline"),
        body=plain_text(body) if text_of(content, "mimeType") == "text/html" else body,
        ts_published=moment(content, "firstCreated", "versionCreated"),
        revision=moment(content, "versionCreated") or 0,
        withdrawn=text_of(content, "pubStatus") in _TAKEN_BACK,
        language=text_of(content, "language"),
        tickers=words_of(_rics(subjects)),
        symbology=Symbology.RIC,
        subjects=words_of(one for one in subjects if not one.startswith("R:")),
        urgency=_urgency(content),
    )


def _chain(content: Mapping[str, object]) -> str:
    """Name the chain of versions a story belongs to: its access code and first day, for codes come again in time."""
    code, day = text_of(content, "altId"), text_of(content, "firstCreated")[:10]
    return f"{code}@{day}" if code and day else need(content, "id")


def _rics(subjects: Iterable[str]) -> Iterator[str]:
    return (one.removeprefix("R:") for one in subjects if one.startswith("R:"))


def _urgency(content: Mapping[str, object]) -> int:
    value = content.get("urgency")
    return value if type(value) is int and 0 <= value <= 9 else 0  # noqa: PLR2004 - one digit (IPTC)


def _bytes(fields: Mapping[str, object]) -> bytes:
    try:
        return base64.b64decode(need(fields, "FRAGMENT"), validate=True)
    except (binascii.Error, ValueError) as error:
        _refuse(f"the fragment is no base64: {error}")


def _number(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or value < 1:
        _refuse(f"field {name!r} is no number from 1 on")
    return value


def _refuse(detail: str, reason: str = "bad_fragment") -> NoReturn:
    raise BadText(reason, detail) from None
