"""The news feed gives every document on as it came, in order, keeps its clock, and ends its tape."""

import json
import pathlib
from collections.abc import Sequence

import pytest
from documented import ARTICLE, NOW, POST, RSS, as_json, fragments

from functions.adapters.document_feed import Rounds, gather
from functions.adapters.file_outbox import FileOutbox, OutboxOptions
from functions.adapters.memory_sink import MemorySink
from functions.domain.market import RawBatch
from functions.feeds.news.main import Settings, compose
from functions.handlers.digest.handler import handle
from functions.local.delivery import compile_filters
from functions.local.topology import load
from functions.ports.documents import Document
from functions.ports.errors import Unavailable
from functions.ports.outbox import Standing
from functions.runtime.settings import SettingsError, describe
from functions.runtime.settings import load as load_settings
from functions.wire.batcher import Cut
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.codecs.news import decode_news_batch
from functions.wire.envelope import Event
from functions.wire.news.cutting import document_batcher


class Script:
    """Give what each round finds, and nothing behind the last."""

    def __init__(self, *rounds: Sequence[bytes]) -> None:
        """Keep the rounds."""
        self._rounds = list(rounds)

    more = False

    async def poll(self) -> list[Document]:
        """Give the next round."""
        found = self._rounds.pop(0) if self._rounds else ()
        return [Document(row, NOW) for row in found]

    async def close(self) -> None:
        """Let go of nothing."""


async def gathered(
    *rounds: Sequence[bytes], sink: MemorySink | None = None, dialect: str = "news.json"
) -> tuple[list[Event], list[float]]:
    """Run a feed over scripted rounds; give its events and pauses."""
    sink, pauses = sink or MemorySink(), []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    cut = Cut("NEWS-0", "NEWS-0.news", dialect, rows_max=2)
    batcher = document_batcher(cut, _keep_nothing, lambda: NOW)
    async with FileOutbox(cut, sink, OutboxOptions("news", "", "nowhere", Standing(5))) as outbox:
        await gather(Script(*rounds), batcher, outbox, Rounds(len(rounds), 60.0, pause))
    return sink.events, pauses


def _keep_nothing(_name: str, _row: bytes) -> None:
    raise AssertionError


def raw(event: Event) -> RawBatch:
    """Read a feed's event."""
    return decode_raw_batch(event.data or b"")


async def test_every_document_once() -> None:
    """Rounds become batches in contiguous sequence; a round that finds nothing is the clock; the end is told."""
    events, pauses = await gathered([b"1", b"2", b"3"], [], [b"4"])
    batches = [raw(event) for event in events]
    assert [batch.payload for batch in batches] == [b"12", b"3", b"", b"4", b""]
    assert [batch.first_row for batch in batches] == [0, 2, 3, 3, 4]
    assert [(batch.heartbeat, batch.end_of_tape) for batch in batches] == [
        (False, False),
        (False, False),
        (True, False),
        (False, False),
        (False, True),
    ]
    assert [event.extensions["sequence"] for event in events] == [f"{number:020d}" for number in range(5, 10)]
    assert {event.source for event in events} == {"/tickloom/feeds/news/NEWS-0.news"}
    assert pauses == [60.0, 60.0]


async def test_a_story_that_two_rounds_find() -> None:
    """The fragments of a story stay together though one round found the first and the next the last of them."""
    first, last = fragments(count=2)
    events, _ = await gathered([first], [last], dialect="news.lseg")
    assert [(raw(one).row_count, raw(one).end_of_tape) for one in events] == [(2, False), (0, True)]
    reply = await handle(events[0])
    assert reply is not None
    batch = decode_news_batch(reply.data or b"")
    assert (len(batch.items), batch.rejections) == (1, ())


@pytest.mark.parametrize("rounds", [[[], []], [[]], []], ids=["goes on", "one more", "ends"])
async def test_a_story_that_never_ends(rounds: list[list[bytes]]) -> None:
    """A first fragment waits for one round; where that brings no other it is published, and refused by `digest`."""
    events, _ = await gathered(fragments(count=2)[:1], *rounds, dialect="news.lseg")
    batches = [raw(one) for one in events]
    assert [one.row_count for one in batches] == [1, *(0 for _ in rounds), 0]
    assert [one.first_row for one in batches] == [0, *(1 for _ in rounds), 1]


async def run(**settings: object) -> list[Event]:
    """Run the composed feed for one round."""
    sink = MemorySink()
    hosted = compose(Settings(rounds=1, **settings))  # type: ignore[arg-type] # fields are picked by the caller
    await hosted.run(sink)
    await hosted.close()
    return sink.events


async def test_from_file_to_facts(tmp_path: pathlib.Path) -> None:
    """A file that the composed feed reads comes out of `digest` as what it says; the wiring lets it through."""
    (tmp_path / "feed.xml").write_bytes(RSS)
    batch, end = await run(news_paths=(str(tmp_path),))
    assert raw(batch).payload == RSS
    assert (raw(batch).dialect, raw(end).end_of_tape) == ("news.rss", True)
    (trigger,) = [one for one in load().subscriptions if one.subscriber == "digest"]
    assert compile_filters(trigger.filters, "test")(batch)
    assert load().sources["news"] == trigger.broker
    reply = await handle(batch)
    assert reply is not None
    assert [one.headline for one in decode_news_batch(reply.data or b"").items] == ["A & B up 3%", "CORRECTED-Second"]


async def test_numbers_go_on(tmp_path: pathlib.Path) -> None:
    """With a journal a feed that starts again goes on with its numbers and rows: no id stands for two contents."""
    (tmp_path / "feed.xml").write_bytes(RSS)
    kept = {"news_paths": (str(tmp_path / "feed.xml"),), "journal": str(tmp_path / "journal")}
    first, again = await run(**kept), await run(**kept)
    assert [int(str(one.extensions["sequence"])) for one in (*first, *again)] == [0, 1, 2, 3]
    assert raw(again[0]).first_row == raw(first[-1]).first_row


async def test_posts_are_lines(tmp_path: pathlib.Path) -> None:
    """A file of JSON lines is a row a line."""
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps({**POST, "id_str": str(number)}) + "\n" for number in range(3)))
    batch, _ = await run(news_paths=(str(path),), news_dialect="social.json", news_shard="SOCIAL-0")
    assert (raw(batch).row_count, raw(batch).stream) == (3, "SOCIAL-0.news")


async def test_waits_for_a_broker_that_is_down(tmp_path: pathlib.Path) -> None:
    """An event that the broker did not take is published again, and only then the next."""
    (tmp_path / "a.json").write_bytes(as_json(ARTICLE))
    sink = MemorySink([Unavailable("down"), None, Unavailable("down")])
    settings = Settings(news_paths=(str(tmp_path),), news_dialect="news.json", rounds=1)
    await compose(settings).run(sink)
    assert [raw(event).end_of_tape for event in sink.events] == [False, True]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, "at least one of news_paths and news_urls"),
        ({"news_paths": ("x",), "news_dialect": "calendar.forexfactory.csv"}, "news_dialect must be one of news.rss"),
        ({"news_paths": ("x",), "stream": "NEWS-0.live"}, "stream must end in .news"),
        ({"news_paths": ("x",), "rows_max": 0}, "rows_max"),
        ({"news_paths": ("x",), "line_bytes_max": 0}, "line_bytes_max"),
        ({"news_paths": ("x",), "poll_s": 0.0}, "poll_s"),
        ({"news_paths": ("x",), "rounds": -1}, "rounds"),
    ],
)
def test_wrong_settings_stop_the_start(change: dict[str, object], found: str) -> None:
    """A feed that would ask for nothing, or that nobody would hear, does not start."""
    with pytest.raises(ValueError, match=found):
        Settings(**change)  # type: ignore[arg-type] # fields are picked by the test


def test_settings_come_from_the_environment() -> None:
    """Variables are read strictly, and the authorization never prints."""
    environ = {
        "TICKLOOM_NEWS_URLS": "https://a.example/1,https://a.example/2",
        "TICKLOOM_NEWS_AUTHORIZATION": "Bearer x",
    }
    settings = load_settings(Settings, environ)
    assert settings.news_urls == ("https://a.example/1", "https://a.example/2")
    assert "Bearer" not in str(describe(settings)) + repr(settings)
    with pytest.raises(SettingsError, match="TICKLOOM_NEWS_URLS"):
        load_settings(Settings, {"TICKLOOM_NEWS_URL": "https://a.example"})
