"""Read Polygon's reference news: a page of articles, or one article.

Source: Polygon.io (now Massive) REST documentation, `GET /v2/reference/news`, and a real answer.
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
    need,
    text_of,
    words_of,
)
from functions.wire.news.stories import Draft, plain_text
from functions.wire.news.times import time_ns

_NOBODY: Final[Mapping[str, object]] = {}


def parse(data: bytes) -> Found[Draft]:
    """Read an answer of the venue.

    Raises:
        BadText: It is no JSON, or no page of articles.
    """
    document = json_document(data)
    content = json_object(document)
    if "results" not in content and text_of(content, "status"):
        return Found(control="status")  # an empty page, or an answer about the request
    return each(json_list(document, "results"), _draft)


READER: Final = RowReader(parse)


def _draft(entry: object) -> Draft:
    content = json_object(entry)
    publisher = json_object(content.get("publisher") or _NOBODY)
    return Draft(
        kind=NewsKind.NEWS,
        source=text_of(publisher, "name") or "polygon",
        native_id=need(content, "id"),
        headline=need(content, "title"),
        body=plain_text(text_of(content, "description")),
        ts_published=time_ns(need(content, "published_utc")),
        url=text_of(content, "article_url"),
        author=text_of(content, "author"),
        tickers=words_of(listed(content.get("tickers"))),
        symbology=Symbology.TICKER,
        subjects=words_of(listed(content.get("keywords"))),
    )
