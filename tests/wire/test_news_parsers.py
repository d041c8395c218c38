"""Each source's documents become items that say what the source said, and no more."""

import ast
import base64
import csv
import json
import pathlib
import zlib
from typing import Any

import pytest
from documented import ARTICLE, ATOM, NOW, POST, RSS, as_json, raw

from functions.domain.news import NewsBatch, NewsItem, NewsKind, NewsStatus, Symbology, normalised
from functions.wire.news.digesting import digest
from functions.wire.news.mrn import unpacked
from functions.wire.news.social import cashtags
from functions.wire.news.stories import plain_text
from functions.wire.news.times import time_ns


def news(dialect: str, *rows: bytes) -> NewsBatch:
    """Digest documents of news or posts."""
    found = digest(raw(dialect, *rows))
    assert isinstance(found, NewsBatch)
    return found


def only(dialect: str, row: bytes) -> NewsItem:
    """Give the one item of a document."""
    found = news(dialect, row)
    assert found.rejections == ()
    (item,) = found.items
    return item


def reason(dialect: str, row: bytes) -> str:
    """Give why a row is refused."""
    (rejection,) = news(dialect, row).rejections
    assert rejection.row == 40
    return rejection.reason


# --- feeds ------------------------------------------------------------------------------------------------------------


def test_rss() -> None:
    """An RSS item is its headline, its fullest body without markup, and what the channel says for all."""
    first, second = news("news.rss", RSS).items
    assert (first.kind, first.source, first.native_id) == (NewsKind.NEWS, "Wire", "g-1")
    assert (first.headline, first.body) == ("A & B up 3%", "Profit rose\nagain")
    assert (first.url, first.language, first.author) == ("https://wire.example/1", "en-us", "Jo")
    assert (first.tickers, first.symbology, first.subjects) == (("Nasdaq:AAPL",), Symbology.TICKER, ("Tech",))
    assert first.ts_published == time_ns("2019-07-25T10:39:38Z")
    assert (second.native_id, second.status, second.ts_published) == (second.url, NewsStatus.CORRECTED, None)


def test_atom() -> None:
    """An Atom entry has its own times; one that changed later is a later version of the same item."""
    entry = only("news.rss", ATOM)
    assert (entry.source, entry.native_id, entry.headline, entry.body) == ("Blog", "urn:e1", "Rates held", "one\ntwo")
    assert (entry.url, entry.author, entry.subjects) == ("https://blog.example/e1", "Ann", ("macro",))
    assert entry.revision == time_ns("2020-01-01T23:00:00Z")
    assert entry.status is NewsStatus.UPDATED
    later = only("news.rss", ATOM.replace(b"2020-01-02", b"2020-01-03"))
    assert later.news_id == entry.news_id
    assert (later.revision > entry.revision, later.content_key != entry.content_key) == (True, True)


def test_what_stands_before_a_document() -> None:
    """Blank lines before a feed and a byte order mark before JSON are no part of it."""
    assert RSS.startswith(b"<?xml ")
    assert news("news.rss", b"\r\n\n" + RSS) == news("news.rss", RSS)
    assert only("news.json", b"\xef\xbb\xbf" + as_json(ARTICLE)) == only("news.json", as_json(ARTICLE))


def test_blocks_part_words() -> None:
    """Words of two paragraphs, cells or points are never one word, in escaped HTML as in XHTML."""
    body = "<p>Profit fell.</p><p>Loss rose</p><table><tr><td>Q1</td><td>Q2</td></tr></table><ul><li>a</li></ul>b"
    assert plain_text(body) == "Profit fell.\nLoss rose\nQ1\nQ2\na\nb"
    content = f'<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">{body}</div></content>'.encode()
    entry = b"<id>1</id><title>T</title>" + content
    told = only("news.rss", b'<feed xmlns="http://www.w3.org/2005/Atom"><entry>' + entry + b"</entry></feed>")
    assert told.body == plain_text(body)


def test_marks_inside_a_word() -> None:
    """Where a word may be broken changes no word: the text is the one that others publish without such marks."""
    marked = as_json({"title": "t", "content_html": "Quar&shy;tals&shy;gewinn, out&#8203;look\ufeff"})
    plain = as_json({"title": "t", "content_text": "Quartalsgewinn, outlook"})
    assert only("news.json", marked).syndication_key == only("news.json", plain).syndication_key


def test_signs_are_no_tags() -> None:
    """What is less than one figure and greater than another stays; what a page does not show goes whole."""
    title = b"<title>Yield &lt;4 %, VIX &gt;30</title>"
    told = only("news.rss", b"<rss><channel><item>" + title + b"</item></channel></rss>")
    assert told.headline == "Yield <4 %, VIX >30"
    assert plain_text("<script>if (a < b) c()</script>up<!-- a > b --> 3 %<style>p > q {}</style>") == "up 3 %"
    assert plain_text("Flaw lets <script> run in Acme's shop") == "Flaw lets run in Acme's shop"


def test_availability_is_receipt() -> None:
    """What a document says of its own time never says when it was known; an archive's capture time does."""
    assert {one.ts_available for one in news("news.rss", RSS).items} == {NOW}
    archived = only("news.json", as_json(ARTICLE))
    assert archived.ts_available == time_ns("2019-07-25T12:00:00Z")
    assert archived.ts_receive == NOW
    ahead = only("news.json", as_json({**ARTICLE, "available_at": "2099-01-01T00:00:00Z"}))
    assert ahead.ts_available == NOW


LAUGHS = b'<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><rss><channel><title>&b;</title></channel></rss>'
OUTSIDE = b'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><title>&x;</title></channel></rss>'


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (LAUGHS, "entity_declared"),
        (OUTSIDE, "entity_declared"),
        (b"<!DOCTYPE rss [<!ELEMENT rss ANY>]><rss/>", "entity_declared"),
        (b"<rss><channel><title>&undefined;</title></channel></rss>", "bad_xml"),
        (b"<rss><channel>", "bad_xml"),
        (b"", "bad_xml"),
        (b"{}", "bad_xml"),
        (b'<?xml version="1.0" encoding="no-such"?><rss/>', "bad_xml"),
        (b"<html><body/></html>", "wrong_type"),
        (b"<rss><channel>" + b"<a>" * 70, "out_of_range"),
        (b"<rss><channel>" + b"<item/>" * 5001 + b"</channel></rss>", "out_of_range"),
    ],
)
def test_hostile_xml(document: bytes, expected: str) -> None:
    """Entities, document types, depth, floods and broken XML are refused with their reason."""
    assert reason("news.rss", document) == expected


def test_an_outside_document_type_is_not_loaded() -> None:
    """A document that names a public document type is read without it; what only that would define is left out."""
    named = b'<!DOCTYPE rss PUBLIC "-//N//R//EN" "http://127.0.0.1:9/x.dtd">' + RSS.split(b"\n", 1)[1]
    assert news("news.rss", named.replace(b"Second", b"Second&nbsp;")).items[1].headline == "CORRECTED-Second"


def test_other_encodings() -> None:
    """A document in an encoding of its own is read in it."""
    head = '<?xml version="1.0" encoding="windows-1252"?>'
    document = f"{head}<rss><channel><item><title>Société €</title></item></channel></rss>"
    assert only("news.rss", document.encode("cp1252")).headline == "Société €"


def test_markup() -> None:
    """Words stay, tags, scripts and layout go, entities are resolved once."""
    assert plain_text("<script>alert(1)</script><p>a&amp;lt;b</p>\n <div>c<br>d</div>") == "a&lt;b\nc\nd"


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_polygon_capture(captures: pathlib.Path) -> None:
    """The real answer's article is read field by field."""
    path = captures / "us_equity_json_polygon" / "v2_reference_news&ticker=NFLX.json"
    item = only("news.polygon", path.read_bytes())
    (article,) = json.loads(path.read_bytes())["results"]
    assert (item.headline, item.body) == (article["title"], article["description"])
    assert (item.source, item.native_id, item.url) == ("MarketWatch", article["id"], article["article_url"])
    assert item.tickers == ("MSFT", "TSN", "NFLX", "AMZN")
    assert item.ts_published == 1_651_165_680_000_000_000


def test_an_empty_page() -> None:
    """An answer without results is counted, and neither news nor a fault."""
    assert news("news.polygon", b'{"status":"OK","count":0}').kinds == (("status", 1),)
    assert news("news.polygon", b'{"status":"OK","results":[]}').kinds == (("empty", 1),)


def test_json_feed() -> None:
    """JSON Feed's names are read; the same article alone and in a list is the same item."""
    alone, listed = only("news.json", as_json(ARTICLE)), only("news.json", as_json({"items": [dict(ARTICLE)]}))
    assert alone == listed
    assert (alone.source, alone.headline, alone.body, alone.author) == ("Desk", "Profit & loss", "Up 3%", "Jo")
    assert alone.tickers == ("AAPL", "MSFT")
    assert alone.status is NewsStatus.UPDATED


def test_an_item_without_an_id_is_named_by_its_text() -> None:
    """Where a source gives neither id nor address, the text is the name."""
    one = only("news.json", b'{"title":"A  b","source":"s"}')
    assert one.native_id == f"text:{one.syndication_key}"
    assert only("news.json", b'{"title":"a b","source":"s"}').news_id == one.news_id


def test_a_bad_entry_leaves_the_others() -> None:
    """A row with a bad entry is filed once, with its first fault; its good entries stay."""
    found = news("news.json", b'[{"title":"a"}, {"title":7.5}, {"id":"x"}, {"title":"b"}, "c"]')
    assert [one.headline for one in found.items] == ["a", "7.5", "b"]
    (rejection,) = found.rejections
    assert (rejection.reason, rejection.detail) == (
        "wrong_type",
        "2 of 5 entries refused; entry 4: found 'c' where an object belongs",
    )
    assert found.kinds == (("news", 3), ("rejected", 2))


@pytest.mark.parametrize(
    ("dialect", "document", "expected"),
    [
        ("news.json", b"{", "bad_json"),
        ("news.json", b"[" * 5000, "bad_json"),
        ("news.json", b"7", "wrong_type"),
        ("news.json", b'{"title":"a","published":"soon"}', "bad_time"),
        ("news.json", b'{"title":["a"]}', "wrong_type"),
        ("news.polygon", b'{"results":[{"id":"1"}]}', "missing_field"),
        ("news.polygon", b"[]", "wrong_type"),
        ("social.json", b'{"id":"1"}', "missing_field"),
        ("social.json", b'{"id":"1","text":{}}', "wrong_type"),
    ],
)
def test_refusals(dialect: str, document: bytes, expected: str) -> None:
    """What cannot be read is refused with the reason."""
    assert reason(dialect, document) == expected


def test_long_bodies_are_cut() -> None:
    """A body beyond the limit keeps its head and says so; a batch full of text keeps its headlines."""
    long = "word " * 10_000
    item = only("news.json", as_json({"title": "t", "body": long}))
    assert (len(item.body) <= 16_384, item.body_truncated) == (True, True)
    found = news(
        "news.json", *(as_json({"id": f"{n}", "title": f"t{n}", "body": "\u20ac" * 16_000}) for n in range(20))
    )
    assert len(found.items) == 20
    assert [bool(one.body) for one in found.items] == sorted((bool(one.body) for one in found.items), reverse=True)
    assert found.items[-1].body_truncated


# --- posts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "post",
    [
        POST,
        {"id": "1", "text": POST["full_text"], "created_at": "2019-07-25T10:39:38Z", "author_id": "desk", "lang": "en"},
        {
            "id": 1,
            "body": POST["full_text"],
            "created_at": "2019-07-25T10:39:38Z",
            "user": {"username": "desk"},
            "symbols": [{"symbol": "DELL"}, {"symbol": "HPE"}],
            "language": "en",
        },
    ],
)
def test_three_networks_say_the_same(post: dict[str, Any]) -> None:
    """A post is the same item in the forms of X v1.1, X v2 and StockTwits."""
    item = only("social.json", as_json(post))
    assert item == only("social.json", as_json(POST))
    assert (item.kind, item.headline, item.author, item.tickers) == (NewsKind.SOCIAL, "", "desk", ("DELL", "HPE"))
    assert item.symbology is Symbology.CASHTAG


def test_a_post_of_a_stream() -> None:
    """X streams a post as `data`, with the rules that picked it beside it."""
    streamed = as_json({"data": dict(POST), "matching_rules": [{"id": "1", "tag": "stocks"}]})
    assert only("social.json", streamed) == only("social.json", as_json(POST))


def test_entities_of_posts() -> None:
    """A post says what its readers see, so that it is the same text as elsewhere; a sign that is one stays."""
    told = only("social.json", as_json({"id": "1", "text": "S&amp;P &gt; 400, AT&T: don&#39;t sell $AAPL"}))
    assert told.body == "S&P > 400, AT&T: don't sell $AAPL"
    assert told.syndication_key == only("news.json", as_json({"title": told.body})).syndication_key
    assert told.tickers == ("AAPL",)


def test_cashtags() -> None:
    """Amounts of money, doubled dollars and words that go on are no cashtags."""
    assert cashtags("$5 $AAPL, ($BRK.B) $$x $toolongname US$A $aapl") == ("AAPL", "BRK.B")


def test_labelled_posts(captures: pathlib.Path) -> None:
    """Every one of the 2,388 real posts is an item; doubles are those whose words are equal, counted independently."""
    path = captures / "news_sentiment" / "twitter_financial_news_valid.csv"
    with path.open(newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert len(texts) == 2388
    doubles = 0
    for start in range(0, len(texts), 400):
        part = texts[start : start + 400]
        found = news("social.json", *(as_json({"id": start + n, "text": text}) for n, text in enumerate(part)))
        assert (found.rejections, len(found.items)) == ((), len(part))
        keys = [normalised(text) for text in part]
        expected = [keys.index(key) for key in keys]
        ids = [one.news_id for one in found.items]
        assert [one.duplicate_of for one in found.items] == [
            "" if first == n else ids[first] for n, first in enumerate(expected)
        ]
        doubles += sum(bool(one.duplicate_of) for one in found.items)
    assert doubles > 0
    assert sum("ALLY" in cashtags(text) for text in texts) == sum("$ALLY" in text for text in texts)


# --- LSEG -------------------------------------------------------------------------------------------------------------


def test_mrn_capture(captures: pathlib.Path) -> None:
    """The real fragment unpacks to the story the capture's maker decoded, and the refresh before it holds none."""
    folder = captures / "reuters_lseg_json_samples" / "mrn_story"
    story = ast.literal_eval((folder / "mrn_story_decoded_python_repr.txt").read_text())
    rows = [(folder / f"mrn_received_{number}.json").read_bytes() for number in (1, 2)]
    fields = json.loads(rows[1])[0]["Fields"]
    packed = base64.b64decode(fields["FRAGMENT"])
    assert len(packed) == fields["TOT_SIZE"]
    assert json.loads(unpacked(packed)) == story == json.loads(zlib.decompress(packed, 31))
    found = news("news.lseg", *rows)
    assert (found.kinds, found.rejections) == ((("news", 1), ("refresh", 1)), ())
    (item,) = found.items
    assert (item.headline, item.body) == (story["headline"].strip(), story["body"].strip())
    assert (item.source, item.language, item.tickers) == ("NS:IDX", "id", ("XPSG.JK",))
    assert item.subjects == tuple(one for one in story["subjects"] if not one.startswith("R:"))
    assert item.ts_published == item.revision == time_ns(story["firstCreated"])
    assert (item.urgency, item.row) == (3, 41)
