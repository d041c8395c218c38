"""Stories in fragments are put together whole or refused; a batch is never cut inside one."""

import gzip
import itertools

import pytest
from counts import examples
from documented import NOW, STORY, fragments, packed_fragments, raw
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.news import NewsBatch, NewsStatus
from functions.wire.batcher import Batcher, Cut
from functions.wire.news.cutting import document_batcher
from functions.wire.news.digesting import digest


def read(*rows: bytes) -> NewsBatch:
    """Digest messages."""
    found = digest(raw("news.lseg", *rows))
    assert isinstance(found, NewsBatch)
    return found


WHOLE = read(*fragments()).items[0]


def test_a_story() -> None:
    """A story names its provider, its chain of versions and its instruments."""
    assert (WHOLE.source, WHOLE.native_id, WHOLE.urgency) == ("NS:RTRS", "nX1@2019-07-25", 1)
    assert (WHOLE.tickers, WHOLE.subjects) == (("AAPL.O", "MSFT.O"), ("N2:EQTY",))
    assert WHOLE.status is NewsStatus.UPDATED


@pytest.mark.parametrize("pieces", [2, 3, 7])
def test_fragments_join(pieces: int) -> None:
    """However a story was cut, it is the same story, in the row of its last fragment."""
    found = read(*fragments(count=pieces))
    assert found.rejections == ()
    assert [(one.content_key, one.row) for one in found.items] == [(WHOLE.content_key, 40 + pieces - 1)]
    assert dict(found.kinds) == {"fragment": pieces - 1, "news": 1}


@given(st.permutations(range(6)))
@settings(max_examples=examples(300), deadline=None)
def test_stories_interleave(order: list[int]) -> None:
    """Fragments of two stories may come between each other, as long as each story's own are in order."""
    one, other = fragments(count=3, guid="A"), fragments({**STORY, "altId": "nY2"}, count=3, guid="B")
    queues = [iter(one), iter(other)]
    found = read(*(next(queues[place % 2]) for place in order))
    assert found.rejections == ()
    assert {item.native_id for item in found.items} == {"nX1@2019-07-25", "nY2@2019-07-25"}


@pytest.mark.parametrize(
    ("rows", "reasons"),
    [
        (fragments(count=3)[:2], ["incomplete_story"]),
        (fragments(count=3)[1:], ["bad_fragment", "bad_fragment"]),
        ([*fragments(count=3)[:1], *fragments(count=3)[2:]], ["bad_fragment"]),
        (packed_fragments(b"no gzip"), ["bad_fragment"]),
        (packed_fragments(gzip.compress(b"{}") + b"tail"), ["bad_fragment"]),
        (packed_fragments(gzip.compress(b"0" * 3_000_000)), ["bad_fragment"]),
        (packed_fragments(gzip.compress(b"{}"), total=5), ["bad_fragment"]),
        (packed_fragments(gzip.compress(b"{}"), total=2**40), ["bad_fragment"]),
        (packed_fragments(gzip.compress(b"[1]")), ["wrong_type"]),
        (packed_fragments(gzip.compress(b"{")), ["bad_json"]),
        ([b'{"Type":"Update","Fields":{"FRAGMENT":"%%","GUID":"G","FRAG_NUM":1,"TOT_SIZE":3}}'], ["bad_fragment"]),
        ([b'{"Type":"Update"}'], ["missing_field"]),
        ([b"{}"], ["missing_field"]),
    ],
)
def test_what_fits_nothing(rows: list[bytes], reasons: list[str]) -> None:
    """Missing, doubled, foreign and broken fragments, and bombs, are refused with their reason."""
    found = read(*rows)
    assert found.items == ()
    assert [one.reason for one in found.rejections] == reasons


@pytest.mark.parametrize("message", [b'{"Type":"Ping"}', b'[{"ID":1,"Type":"Refresh","Domain":"Login"}]', b"[]"])
def test_control(message: bytes) -> None:
    """Pings, logins and empty frames hold no story, and are no faults."""
    found = read(message)
    assert (found.items, found.rejections) == ((), ())


@pytest.mark.parametrize("status", ["canceled", "withheld", "withdrawn"])
@pytest.mark.parametrize("left", [{}, {"headline": "", "body": ""}])
def test_a_withdrawn_story(status: str, left: dict[str, str]) -> None:
    """A story the source takes back says so, and is a version of the same item, also where nothing is left of it."""
    (item,) = read(*fragments({**STORY, **left, "pubStatus": f"stat:{status}"})).items
    assert (item.news_id, item.status) == (WHOLE.news_id, NewsStatus.WITHDRAWN)


# --- cutting ----------------------------------------------------------------------------------------------------------


def cutter(dialect: str, *, rows_max: int = 2, bytes_max: int = 1000) -> Batcher:
    """Make a cutter that keeps no oversized rows."""
    return document_batcher(
        Cut("N-0", "N-0.news", dialect, rows_max=rows_max, bytes_max=bytes_max), _keep_nothing, lambda: NOW
    )


def _keep_nothing(_name: str, _row: bytes) -> None:
    raise AssertionError


def test_documents_are_rows() -> None:
    """Documents are cut by rows and bytes, numbered without a hole, and never changed."""
    rows = [b"a" * 400, b"b" * 700, b"c", b"d", b"e", b"f" * 5000, b"g"]
    batches = list(cutter("news.rss").cut((row, NOW + n) for n, row in enumerate(rows)))
    assert [batch.row_count for batch in batches] == [1, 2, 2, 1, 1]
    assert [batch.first_row for batch in batches] == [0, 1, 3, 5, 6]
    assert b"".join(batch.payload for batch in batches) == b"".join(rows)
    assert list(itertools.chain.from_iterable(batch.ts_receive.tolist() for batch in batches)) == [
        NOW + n for n in range(len(rows))
    ]


def test_a_story_is_not_cut_apart() -> None:
    """A batch that is full waits for the end of the story; the next begins behind it."""
    rows = [*fragments(count=5, guid="A"), *fragments({**STORY, "altId": "nY2"}, count=4, guid="B")]
    batches = list(cutter("news.lseg").cut((row, NOW) for row in rows))
    assert [batch.row_count for batch in batches] == [5, 4]
    found = [digest(batch) for batch in batches]
    assert [(len(one.items), one.rejections) for one in found if isinstance(one, NewsBatch)] == [(1, ()), (1, ())]


def test_oversized_documents_are_spooled() -> None:
    """A document too long to travel is kept whole elsewhere, and refused with the name it is kept under."""
    kept: dict[str, bytes] = {}
    own = document_batcher(
        Cut("N-0", "N-0.news", "news.json", line_bytes_max=100), lambda name, row: kept.update({name: row}), lambda: NOW
    )
    (batch,) = own.cut([(b'"' + b"x" * 200 + b'"', NOW), (b'{"title":"t"}', NOW)])
    found = digest(batch)
    (rejection,) = found.rejections
    assert (rejection.reason, kept[rejection.spool_ref]) == ("oversized", b'"' + b"x" * 200 + b'"')
    assert len(rejection.raw) <= 1024
    assert dict(found.kinds) == {"news": 1, "rejected": 1}
