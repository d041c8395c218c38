"""Read news as plain JSON: JSON Feed 1.1, and the usual names of other publishers, one object or a list of them.

An archive says in `available_at` since when an item could be known.
Source: JSON Feed version 1.1 (jsonfeed.org).
"""

from collections.abc import Mapping
from typing import Final

from functions.domain.news import NewsKind, Symbology
from functions.wire.news.reading import (
    Found,
    RowReader,
    each,
    json_document,
    json_list,
    json_object,
    listed,
    text_of,
    words_of,
)
from functions.wire.news.stories import Draft, plain_text
from functions.wire.news.times import time_ns

LISTS: Final = ("items", "articles", "news", "results", "data")
_PUBLISHED: Final = ("date_published", "published_at", "publishedAt", "published", "datetime", "date", "time")
_MODIFIED: Final = ("date_modified", "updated_at", "updatedAt", "updated")


def parse(data: bytes) -> Found[Draft]:
    """Read a document.

    Raises:
        BadText: It is no JSON, or neither an object nor a list.
    """
    document = json_document(data)
    head = document if isinstance(document, dict) else {}
    return each(json_list(document, *LISTS), lambda entry: _draft(head, json_object(entry)))


READER: Final = RowReader(parse)


def moment(content: Mapping[str, object], *names: str) -> int | None:
    """Read the time under the first of these names that has one; None when none does.

    Raises:
        BadText: It is no time.
    """
    text = text_of(content, *names)
    return time_ns(text) if text else None


def _draft(head: Mapping[str, object], content: Mapping[str, object]) -> Draft:
    published, modified = moment(content, *_PUBLISHED), moment(content, *_MODIFIED)
    url = text_of(content, "url", "link", "article_url")
    return Draft(
        kind=NewsKind.NEWS,
        source=_named(content.get("source")) or (text_of(head, "title") if head is not content else "") or "json",
        native_id=text_of(content, "id", "guid", "uuid") or url,
        headline=text_of(content, "headline", "title"),
        body=_body(content),
        ts_published=published if published is not None else modified,
        ts_known=moment(content, "available_at"),
        revision=modified or 0,
        url=url,
        language=text_of(content, "language", "lang") or text_of(head, "language"),
        author=_author(content),
        tickers=words_of(
            next((found for name in ("tickers", "symbols", "related") if (found := listed(content.get(name)))), [])
        ),
        symbology=Symbology.TICKER,
        subjects=words_of(listed(content.get("tags") or content.get("categories"))),
    )


def _body(content: Mapping[str, object]) -> str:
    markup = text_of(content, "content_html")
    if markup:
        return plain_text(markup)
    return text_of(content, "content_text", "body", "content", "summary", "description", "text")


def _author(content: Mapping[str, object]) -> str:
    authors = content.get("authors")
    if isinstance(authors, list):
        return ", ".join(filter(None, map(_named, authors[:8])))
    return _named(content.get("author"))


def _named(value: object) -> str:
    """Give a name that stands there as text, or under `name` of an object."""
    if isinstance(value, dict):
        return text_of(value, "name", "title")
    return value if isinstance(value, str) else ""
