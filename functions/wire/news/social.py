"""Read social posts as JSON: the forms of X (v1.1 and v2), StockTwits, and plain objects with `id` and `text`.

Networks send the signs of HTML as its entities: `S&amp;P` is S&P.
Sources: X API reference, data dictionary of posts; StockTwits API, stream messages.
"""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Final

from functions.domain.news import NewsKind, Symbology
from functions.wire.news.articles import moment
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
from functions.wire.news.stories import Draft

LISTS: Final = ("data", "messages", "statuses", "posts", "items")
SOURCE: Final = "social"
"""Who published a post that does not name its network."""

_CASHTAG: Final = re.compile(r"(?<![\w$])\$([A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?)(?![\w$])")
_NOBODY: Final[Mapping[str, object]] = {}


def parse(data: bytes) -> Found[Draft]:
    """Read a document: one post, as X streams it under `data` or bare, or a list of them.

    Raises:
        BadText: It is no JSON, or neither an object nor a list.
    """
    document = json_document(data)
    if isinstance(document, dict) and isinstance(one := document.get("data"), dict):
        document = one
    return each(json_list(document, *LISTS), _draft)


READER: Final = RowReader(parse)


def cashtags(text: str) -> tuple[str, ...]:
    """Find the instruments a post names by cashtag, in their order, without doubles.

    >>> cashtags("$DELL $HPE - Dell, HPE cut by $5; $brk.b up, $HPE down")
    ('DELL', 'HPE', 'BRK.B')
    """
    return words_of(found[1].upper() for found in _CASHTAG.finditer(text))


def _draft(entry: object) -> Draft:
    content = json_object(entry)
    text = html.unescape(need(content, "full_text", "text", "body"))
    user = content.get("user")
    author = text_of(user if isinstance(user, dict) else _NOBODY, "screen_name", "username", "name")
    return Draft(
        kind=NewsKind.SOCIAL,
        source=text_of(content, "network", "platform") or SOURCE,
        native_id=text_of(content, "id_str", "id"),
        headline="",
        body=text,
        ts_published=moment(content, "created_at", "published_at", "date"),
        ts_known=moment(content, "available_at"),
        url=text_of(content, "url"),
        language=text_of(content, "lang", "language"),
        author=author or text_of(content, "username", "author_id", "author"),
        tickers=words_of(_told(content)) or cashtags(text),
        symbology=Symbology.CASHTAG,
    )


def _told(content: Mapping[str, object]) -> Iterator[str]:
    """Give the instruments the network itself has found in a post."""
    entities = content.get("entities")
    lists = [content.get("symbols"), content.get("cashtags")]
    if isinstance(entities, dict):
        lists += [entities.get("symbols"), entities.get("cashtags")]
    for one in (one for entry in lists for one in listed(entry)):
        found = one if isinstance(one, str) else text_of(one, "symbol", "tag", "text") if isinstance(one, dict) else ""
        yield found.lstrip("$").upper()
