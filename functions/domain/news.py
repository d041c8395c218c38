"""Hold news stories and social posts: frozen values, and what makes two texts the same text."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import Final

from functions.domain.market import Rejection

BODY_CHARS_MAX: Final = 16_384
"""Characters of a body that travel: a long agency story has 10,000, and a model reads the first 512 tokens."""

KEY_BYTES: Final = 16

_LINK: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_SIGNS: Final = "$%+&-"  # they carry meaning beside a word or a number, and none alone
_NO_WORD: Final = re.compile(r"[^\w$%+&-]+")
_REPOST: Final = re.compile(r"^rt @\w{1,64}:? ")


class NewsKind(Enum):
    """Say what sort of writing an item is; the value is its word in rows and stores."""

    NEWS = "news"
    SOCIAL = "social"


class NewsStatus(Enum):
    """Say where a version of an item stands; the value is its word in rows and stores."""

    PUBLISHED = "published"
    UPDATED = "updated"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"


class Symbology(Enum):
    """Say whose symbols an item's tickers are; the value is its word in rows and stores."""

    UNKNOWN = ""
    TICKER = "ticker"
    RIC = "ric"
    CASHTAG = "cashtag"


@dataclass(frozen=True, slots=True)
class NewsItem:
    """Hold one version of a story or post; see `news.proto` for each field's meaning and unit."""

    news_id: str
    kind: NewsKind
    source: str
    native_id: str
    headline: str
    body: str
    ts_available: int
    ts_receive: int
    syndication_key: str
    content_key: str
    row: int
    status: NewsStatus = NewsStatus.PUBLISHED
    revision: int = 0
    ts_published: int | None = None
    body_truncated: bool = False
    url: str = ""
    language: str = ""
    author: str = ""
    tickers: tuple[str, ...] = ()
    symbology: Symbology = Symbology.UNKNOWN
    subjects: tuple[str, ...] = ()
    urgency: int = 0
    duplicate_of: str = ""


@dataclass(frozen=True, slots=True)
class NewsBatch:
    """Hold the items of one raw batch, in tape order; a heartbeat and the end of a tape have no rows."""

    shard: str
    stream: str
    first_row: int
    row_count: int
    items: tuple[NewsItem, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    kinds: tuple[tuple[str, int], ...] = ()
    heartbeat: bool = False
    end_of_tape: bool = False
    ts_cut_ns: int = 0


def normalised(text: str) -> str:
    r"""Reduce a text to what stays the same when it is sent on: words, without links, case, layout or repost marks.

    >>> normalised("RT @desk: $ALLY  pulls OUTLOOK \u2013 https://t.co/G9Zdi1boy5")
    '$ally pulls outlook'
    """
    plain = unicodedata.normalize("NFKC", _LINK.sub(" ", text)).casefold().strip()
    words = _NO_WORD.sub(" ", _REPOST.sub("", plain)).split()
    return " ".join(word for word in words if word.strip(_SIGNS))


def syndication_key(headline: str, body: str) -> str:
    """Give the key that the same text has wherever it was published; a text without words has none.

    Exact syndication is found: the same words in the same order. A story that was rewritten or cut is another text.

    >>> syndication_key("BTIG: Dunkin'", "") == syndication_key("", "BTIG -- dunkin' https://t.co/x")
    True
    """
    said = f"{normalised(headline)} {normalised(body)}".strip()
    return _digest(said) if said else ""


def content_key(*said: object) -> str:
    """Give the key of all a source said: equal for equal texts, times and lists, whatever they are called.

    >>> content_key("a", ("b", "c")) == content_key("a", ("b", "c")), content_key("ab", "") == content_key("a", "b")
    (True, False)
    """
    return _digest("\x1f".join(map(repr, said)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:KEY_BYTES].hex()
