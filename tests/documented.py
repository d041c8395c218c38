"""Make raw batches of documents, and give one small document of each dialect to start from."""

import base64
import gzip
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from functions.domain.market import RawBatch
from functions.wire.codecs.market import encode_raw_batch
from functions.wire.envelope import Event

NOW: Final = 1_800_000_000_000_000_000
RSS: Final = b"""<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel><title>Wire</title><link>https://wire.example</link><language>en-us</language><image><title>Logo</title></image>
<item><title>A &amp;amp; B up 3%</title><guid isPermaLink="false">g-1</guid><link>https://wire.example/1</link>
<pubDate>Thu, 25 Jul 2019 06:39:38 EDT</pubDate><description>&lt;p&gt;Short&lt;/p&gt;</description>
<content:encoded><![CDATA[<p>Profit <b>rose</b></p><p>again</p>]]></content:encoded><dc:creator>Jo</dc:creator>
<category domain="https://wire.example/rss/stock">Nasdaq:AAPL</category><category>Tech</category></item>
<item><title>CORRECTED-Second</title><link>https://wire.example/2</link></item></channel></rss>"""
ATOM: Final = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title><id>urn:blog</id>
<entry><id>urn:e1</id><title type="html">&lt;b&gt;Rates&lt;/b&gt; held</title><link rel="self" href="https://blog.example/s"/>
<link href="https://blog.example/e1"/><author><name>Ann</name><email>ann@blog.example</email></author>
<published>2020-01-01T00:00:00Z</published><updated>2020-01-02T00:00:00+01:00</updated><category term="macro"/>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>one</p> two</div></content></entry></feed>"""
ARTICLE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "id": "a-1",
        "title": "Profit & loss",
        "content_html": "<p>Up <b>3%</b></p>",
        "date_published": "2019-07-25T10:39:38.666Z",
        "date_modified": "2019-07-25T11:00:00Z",
        "source": {"name": "Desk"},
        "tickers": ["AAPL", "MSFT"],
        "language": "en",
        "authors": [{"name": "Jo"}],
        "available_at": "2019-07-25T12:00:00Z",
    }
)
POST: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "id_str": "1",
        "full_text": "$DELL $HPE - targets cut https://t.co/x",
        "created_at": "Thu Jul 25 10:39:38 +0000 2019",
        "user": {"screen_name": "desk"},
        "lang": "en",
    }
)
POLYGON: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "results": [
            {
                "id": "p-1",
                "publisher": {"name": "MarketWatch"},
                "title": "A hole in the theory",
                "published_utc": "2022-04-28T17:08:00Z",
                "article_url": "https://mw.example/1",
                "tickers": ["MSFT", "NFLX"],
                "description": "Words.",
            }
        ],
        "status": "OK",
    }
)
STORY: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "altId": "nX1",
        "id": "X1_1907",
        "headline": "UPDATE 1-Something",
        "body": "Words " * 200,
        "firstCreated": "2019-07-25T10:39:38.666Z",
        "versionCreated": "2019-07-25T10:49:38.666Z",
        "language": "en",
        "provider": "NS:RTRS",
        "subjects": ["R:AAPL.O", "N2:EQTY", "R:MSFT.O"],
        "urgency": 1,
        "pubStatus": "stat:usable",
    }
)
DAY: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "timestamp": "2019-11-23T15:00:25+00:00",
        "events": [
            {
                "event_id": "106475",
                "currency": "EUR",
                "impact": "Low Impact Expected",
                "event": "German PPI m/m",
                "actual": "-0.2%",
                "forecast": "0.0%",
                "previous": "5.1B",
                "event_dt": "2019-11-20T07:00:00+00:00",
            }
        ],
    }
)
CSV: Final = b"""id,date,time,currency,impact,event,actual,forecast,previous,event_uid,time_zone,time_utc,last_updated
1,2025-12-02,1:15pm,EUR,low,French Gov Budget Balance,,-0.1B,0.41|1.6,8ed6,IST,07:45,2025-11-08 18:20:51.390007+00:00
2,2025-12-01,5:20am,NZD,high,Import Prices,1.2%,,,9af8,IST,23:50,2025-11-08 18:20:51.390007+00:00
3,2025-12-02,Tentative,USD,,"RCM/TIPP, Economic Optimism",,,,b900,IST,Tentative,2025-11-08 18:20:51.390007+00:00
4,2025-12-03,All Day,All,medium,OPEC Meetings,,,,c511,IST,All Day,2025-11-08 18:20:51.390007+00:00
"""


def fragments(story: Mapping[str, Any] = STORY, *, count: int = 1, guid: str = "G") -> list[bytes]:
    """Write a story as messages of its fragments, in order."""
    packed = gzip.compress(json.dumps(dict(story)).encode(), mtime=0)
    return packed_fragments(packed, count=count, guid=guid)


def packed_fragments(packed: bytes, *, count: int = 1, guid: str = "G", total: int | None = None) -> list[bytes]:
    """Write bytes as messages of fragments."""
    step = -(-len(packed) // count)
    pieces = [packed[at : at + step] for at in range(0, len(packed), step)]
    return [
        as_json(
            {
                "Type": "Update",
                "Fields": {
                    "MRN_TYPE": "STORY",
                    "MRN_SRC": "HK1",
                    "GUID": guid,
                    "FRAG_NUM": number,
                    "FRAGMENT": base64.b64encode(piece).decode(),
                }
                | ({"TOT_SIZE": len(packed) if total is None else total} if number == 1 else {}),
            }
        )
        for number, piece in enumerate(pieces, start=1)
    ]


def as_json(content: Mapping[str, Any]) -> bytes:
    """Write a document."""
    return json.dumps(dict(content)).encode()


SAMPLES: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        "news.rss": (RSS, ATOM),
        "news.polygon": (as_json(POLYGON),),
        "news.json": (as_json({"items": [dict(ARTICLE)]}), as_json(ARTICLE)),
        "news.lseg": (fragments()[0], b"[" + fragments()[0] + b"]"),
        "social.json": (as_json(POST), as_json({"data": [dict(POST)]})),
        "calendar.forexfactory.json": (as_json(DAY),),
        "calendar.forexfactory.csv": (CSV,),
    }
)


def raw(dialect: str, *rows: bytes, **more: Any) -> RawBatch:  # noqa: ANN401 - fields are picked by the caller
    """Make a raw batch of documents."""
    values: dict[str, Any] = {
        "shard": "NEWS-0",
        "stream": "NEWS-0.news",
        "dialect": dialect,
        "first_row": 40,
        "payload": b"".join(rows),
        "offsets": np.cumsum([0, *map(len, rows)]).astype(np.uint32),
        "ts_receive": np.full(len(rows), NOW, np.int64),
        **more,
    }
    return RawBatch(**values)


def raw_event(batch: RawBatch) -> Event:
    """Wrap a raw batch as a feed does."""
    return Event(
        id="cause",
        source=f"/tickloom/feeds/news/{batch.stream}",
        type="tickloom.market.v1.RawBatch",
        data=encode_raw_batch(batch),
        time_ns=NOW,
        extensions={"sequence": "00000000000000000007", "partitionkey": batch.shard, "correlationid": "first"},
    )
