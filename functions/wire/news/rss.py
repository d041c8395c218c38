"""Read RSS 2.0, RSS 1.0 and Atom feeds with expat alone, defused: what a stranger sends can cost no more than its size.

The XML modules of the standard library expand entities that a document declares itself ("billion laughs", quadratic
blow-up) and can be told to load what it names. Here a document that declares an entity, or brings a document type of
its own, is refused; external ones are never loaded; depth, entries and text are bounded. Attacks: the table in the
section "XML vulnerabilities" of Python's `xml` documentation.
Sources: RSS 2.0 specification (RSS Advisory Board), RSS 1.0, RFC 4287 (Atom).
"""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from xml.parsers import expat

from functions.domain.news import NewsKind, Symbology
from functions.wire.news.reading import ENTRIES_MAX, Found, RowReader, each, words_of
from functions.wire.news.stories import BLOCKS, MARKUP_CHARS_MAX, Draft, plain_text
from functions.wire.news.times import time_ns
from functions.wire.venues.digits import BadText

DEPTH_MAX: Final = 64
"""Deepest nesting: XHTML inside Atom reaches about 20."""

_ATOM: Final = "http://www.w3.org/2005/Atom"
_PREFIXES: Final = MappingProxyType(
    {
        "": "",
        _ATOM: "",
        "http://purl.org/rss/1.0/": "",
        "http://purl.org/rss/1.0/modules/content/": "content:",
        "http://purl.org/dc/elements/1.1/": "dc:",
    }
)
"""Namespaces that are read, and how their names begin here; elements of others are passed over."""
_ENTRIES: Final = frozenset(("item", "entry"))
_FEEDS: Final = frozenset(("channel", "feed"))
_TICKER_DOMAINS: Final = ("/stock", "ticker", "symbol")
"""How the domain of a category ends that names an instrument; `Nasdaq:MSFT` is written so by press-release wires."""


@dataclass(slots=True)
class _Entry:
    """Collect the text of an entry's children by name, and of its categories and links."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    chars: int = 0
    subjects: list[str] = field(default_factory=list)
    tickers: list[str] = field(default_factory=list)
    link: str = ""

    def add(self, name: str, text: str) -> None:
        """Keep text up to the bound."""
        room = MARKUP_CHARS_MAX - self.chars
        if room > 0:
            self.texts.setdefault(name, []).append(text[:room])
            self.chars += len(text)

    def get(self, *names: str) -> str:
        """Give the first of these that says something."""
        found = ("".join(self.texts.get(name, ())).strip() for name in names)
        return next((text for text in found if text), "")


class _Feed:
    """Hear expat's calls and collect the entries of one feed."""

    def __init__(self) -> None:
        self.head = _Entry()
        self.entries: list[_Entry] = []
        self.is_feed = False
        self._path: list[str] = []
        self._entry: _Entry | None = None
        self._child = 0  # depth of the children of what is being collected
        self._category: str | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._path) >= DEPTH_MAX:
            _refuse("out_of_range", f"elements are nested deeper than {DEPTH_MAX}")
        space, _, local = tag.rpartition(" ")
        prefix = _PREFIXES.get(space)
        name = "" if prefix is None else prefix + local
        self._path.append(name)
        if self._entry is None and name in _FEEDS and len(self._path) <= 2:  # noqa: PLR2004 - rss/channel, rdf/channel
            self.is_feed, self._child = True, len(self._path) + 1
        elif self._entry is None and name in _ENTRIES:
            if len(self.entries) >= ENTRIES_MAX:
                _refuse("out_of_range", f"the feed has more than {ENTRIES_MAX} entries")
            self._entry, self._child = _Entry(), len(self._path) + 1
            self.entries.append(self._entry)
            self.is_feed = True
        elif self._entry is not None and len(self._path) == self._child:
            self._attributes(self._entry, name, attributes)
        else:
            self._part(local)

    def _part(self, local: str) -> None:
        """End a line where a block of XHTML begins or ends in an entry: its markup is elements, and no text."""
        if self._entry is not None and len(self._path) > self._child and local in BLOCKS:
            self._entry.add(self._path[self._child - 1], "\n")

    def _attributes(self, entry: _Entry, name: str, attributes: dict[str, str]) -> None:
        if name == "link" and attributes.get("rel", "alternate") == "alternate":
            entry.link = entry.link or attributes.get("href", "")
        elif name == "category":
            self._category = attributes.get("domain", "").lower()
            if term := attributes.get("term", ""):
                entry.subjects.append(term)

    def text(self, data: str) -> None:
        depth, collected = len(self._path), self._entry or self.head
        if depth < self._child or not self._child:
            return
        name = self._path[self._child - 1]
        if name == "author" and depth > self._child and self._path[self._child] != "name":
            return  # Atom writes an author's address beside the name
        if name == "category" and self._entry is not None:
            tickers = (self._category or "").endswith(_TICKER_DOMAINS)
            (self._entry.tickers if tickers else self._entry.subjects).append(data)
        elif name:
            collected.add(name, data)

    def end(self, tag: str) -> None:
        self._part(tag.rpartition(" ")[2])
        self._path.pop()
        if self._entry is not None and len(self._path) == self._child - 2:
            self._entry, self._child = None, len(self._path) + 1  # siblings of an entry say what the feed is


def parse(data: bytes) -> Found[Draft]:
    """Read a feed document; what some servers send before it, blank lines, is passed over.

    Raises:
        BadText: `bad_xml`, `entity_declared`, `out_of_range`, or `wrong_type` when it is XML of another kind.
    """
    feed = _Feed()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler, parser.EndElementHandler = feed.start, feed.end
    parser.CharacterDataHandler = feed.text
    parser.EntityDeclHandler = _entity
    parser.StartDoctypeDeclHandler = _doctype
    try:
        parser.Parse(data.lstrip(), True)  # noqa: FBT003 - expat takes it by position
    except (expat.ExpatError, LookupError, ValueError) as error:  # encodings nobody knows are Lookup- or ValueErrors
        reason = "bad_xml"
        raise BadText(reason, f"the row is no XML: {str(error)[:160]}") from None
    if not feed.is_feed:
        _refuse("wrong_type", "the document is XML, and neither RSS nor Atom")
    return each(feed.entries, lambda entry: _draft(feed.head, entry))


READER: Final = RowReader(parse)


def _draft(head: _Entry, entry: _Entry) -> Draft:
    published, updated = (_time(entry.get(*names)) for names in (("pubDate", "published", "dc:date"), ("updated",)))
    link = entry.link or entry.get("link")
    return Draft(
        kind=NewsKind.NEWS,
        source=head.get("title") or head.link or head.get("link"),
        native_id=entry.get("guid", "id") or link,
        headline=plain_text(entry.get("title")),
        body=plain_text(entry.get("content:encoded", "content", "description", "summary")),
        ts_published=published if published is not None else updated,
        revision=updated or 0,
        url=link,
        language=entry.get("dc:language") or head.get("language", "dc:language"),
        author=entry.get("author", "dc:creator"),
        tickers=words_of(entry.tickers),
        symbology=Symbology.TICKER,
        subjects=words_of(entry.subjects),
    )


def _time(text: str) -> int | None:
    return time_ns(" ".join(text.split())) if text else None


def _entity(*declared: object) -> None:
    _refuse("entity_declared", f"the document declares the entity {str(declared[0])[:48]!r}; feeds need none")


def _doctype(name: str, _system: str | None, _public: str | None, has_internal_subset: int) -> None:
    if has_internal_subset:
        _refuse("entity_declared", f"the document brings a document type of its own, {name[:48]!r}; feeds need none")


def _refuse(reason: str, detail: str) -> None:
    raise BadText(reason, detail)
