"""Make items of what parsers found: names, keys, availability and bounds are the same for every source."""

import html
import re
from dataclasses import dataclass
from typing import Final

from functions.domain.news import (
    BODY_CHARS_MAX,
    NewsItem,
    NewsKind,
    NewsStatus,
    Symbology,
    content_key,
    syndication_key,
)
from functions.wire.codecs.news import NEWS_ITEM
from functions.wire.facts import fact_id
from functions.wire.news.reading import ID_CHARS_MAX, LINE_CHARS_MAX, WORD_CHARS_MAX, clean, line
from functions.wire.venues.digits import BadText

MARKUP_CHARS_MAX: Final = 16 * BODY_CHARS_MAX
"""Characters of marked-up text that are looked at for a body."""

BLOCKS: Final = frozenset(
    (
        *("address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt", "figcaption"),
        *("figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p"),
        *("pre", "section", "table", "td", "th", "tr", "ul"),
    )
)
"""Elements of HTML that stand on lines of their own: what is before and behind them is never one word."""

_BLOCK: Final = re.compile(rf"</?(?:{'|'.join(sorted(BLOCKS))})\b[^<>]*>", re.IGNORECASE)
# What is never closed is found up to the end, so that a text is gone through once, and stays: headlines may name tags.
_DROPPED: Final = re.compile(
    r"<!--.*?(-->|\Z)|<(script|style)\b[^<>]*>.*?(</\2\b[^<>]*>|\Z)", re.IGNORECASE | re.DOTALL
)
# A sign with no letter behind it is no tag: what is <5 % and >3 % is said.
_TAG: Final = re.compile(r"</?[a-z][^<>]*>|<[!?/][^<>]*>", re.IGNORECASE)
_CORRECTION: Final = re.compile(r"\W{0,4}(?:corrected|correction|corrects|refile)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Draft:
    """Hold what a source said about an item, before it is bounded and named.

    Args:
        kind: Story or post.
        source: Who published it.
        native_id: The source's own id; empty when it gives none.
        headline: Headline; empty for posts.
        body: Body as plain text.
        ts_published: When it was first published, UTC nanoseconds, or None.
        ts_known: When an archive captured it, UTC nanoseconds, or None.
        revision: The source's version time, UTC nanoseconds; 0 for none.
        withdrawn: Whether the source took it back.
        url: Where it can be read.
        language: BCP 47 tag.
        author: Who wrote it.
        tickers: Symbols it is about.
        symbology: Whose symbols these are.
        subjects: Subject codes.
        urgency: 1 is highest; 0 when not told.
    """

    kind: NewsKind
    source: str
    native_id: str
    headline: str
    body: str
    ts_published: int | None = None
    ts_known: int | None = None
    revision: int = 0
    withdrawn: bool = False
    url: str = ""
    language: str = ""
    author: str = ""
    tickers: tuple[str, ...] = ()
    symbology: Symbology = Symbology.UNKNOWN
    subjects: tuple[str, ...] = ()
    urgency: int = 0


def plain_text(markup: str) -> str:
    r"""Take the words out of HTML; line breaks stay where blocks end.

    >>> plain_text("<p>Profit &amp; loss<br/>up <b>3%</b></p>")
    'Profit & loss\nup 3%'
    >>> plain_text("<!-- a > b -->Nasdaq <4000, VIX >30<script>if (a<b) c()</script>")
    'Nasdaq <4000, VIX >30'
    """
    text = _DROPPED.sub(lambda found: " " if found[1] or found[3] else found[0], markup[:MARKUP_CHARS_MAX])
    text = html.unescape(_TAG.sub("", _BLOCK.sub("\n", text)))
    lines = (" ".join(one.split()) for one in text.splitlines())
    return "\n".join(one for one in lines if one)


def item(draft: Draft, *, row: int, ts_receive: int) -> NewsItem:
    """Make an item of a draft.

    It can be known since an archive captured it, and never later than it was received: what came in is known.

    Args:
        draft: What the source said.
        row: Index of the row on its stream.
        ts_receive: When the row was received, UTC nanoseconds.

    Raises:
        BadText: It says nothing; what takes a story back needs no words.
    """
    headline, whole = line(draft.headline), clean(draft.body, len(draft.body))
    if not headline and not whole and not draft.withdrawn:
        reason, detail = "missing_field", "the entry has neither headline nor body"
        raise BadText(reason, detail)
    body = whole[:BODY_CHARS_MAX].rstrip()
    syndication = syndication_key(headline, body)
    source = line(draft.source, WORD_CHARS_MAX)
    native_id = line(draft.native_id, ID_CHARS_MAX) or f"text:{syndication}"
    tickers, symbology = (draft.tickers, draft.symbology) if draft.tickers else ((), Symbology.UNKNOWN)
    status = _status(draft, headline)
    said = (headline, whole, draft.url, draft.ts_published, draft.revision, status.value, tickers, draft.subjects)
    return NewsItem(
        news_id=fact_id(NEWS_ITEM, source, native_id),
        kind=draft.kind,
        source=source,
        native_id=native_id,
        headline=headline,
        body=body,
        body_truncated=len(whole) > BODY_CHARS_MAX,
        url=line(draft.url, LINE_CHARS_MAX),
        language=line(draft.language, WORD_CHARS_MAX),
        author=line(draft.author, WORD_CHARS_MAX),
        tickers=tickers,
        symbology=symbology,
        subjects=draft.subjects,
        urgency=draft.urgency,
        ts_published=draft.ts_published,
        ts_available=ts_receive if draft.ts_known is None else min(draft.ts_known, ts_receive),
        ts_receive=ts_receive,
        revision=draft.revision,
        status=status,
        syndication_key=syndication,
        content_key=content_key(*said),
        row=row,
    )


def _status(draft: Draft, headline: str) -> NewsStatus:
    if draft.withdrawn:
        return NewsStatus.WITHDRAWN
    if _CORRECTION.match(headline):
        return NewsStatus.CORRECTED
    changed = draft.ts_published is not None and draft.revision > draft.ts_published
    return NewsStatus.UPDATED if changed else NewsStatus.PUBLISHED
