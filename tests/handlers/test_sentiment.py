"""`sentiment` answers every news batch, with or without the service, and asks about each text once."""

import pytest
from worded import Polar, item, news

from functions.adapters.texts_client import TextsClient
from functions.adapters.texts_memory import MemoryTexts
from functions.domain.news import NewsBatch, NewsStatus
from functions.domain.sentiment import NAMES, SentimentBatch
from functions.handlers.sentiment import CARD
from functions.handlers.sentiment.handler import Deps, handle
from functions.handlers.sentiment.main import Settings, compose
from functions.wire import facts
from functions.wire.codecs.news import NEWS_BATCH, encode_news_batch
from functions.wire.codecs.sentiment import SENTIMENT_BATCH, decode_sentiment_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed


def event_of(batch: NewsBatch, number: int = 3) -> Event:
    """Make what `digest` would emit."""
    source = facts.source_of("handlers", "digest", "NEWS-0.news")
    return Event(
        id=facts.batch_id(source, number),
        source=source,
        type=NEWS_BATCH,
        data=encode_news_batch(batch),
        time_ns=42,
        extensions={"sequence": facts.sequence_text(number), "partitionkey": "NEWS-0", "rejected": "2"},
    )


async def said(batch: NewsBatch, *, model: Polar, body: bool = False) -> SentimentBatch:
    """Answer a batch, and read the answer."""
    reply = await handle(event_of(batch), deps=Deps(MemoryTexts([model]), body=body))
    assert reply is not None
    return decode_sentiment_batch(reply.data or b"")


async def test_reply() -> None:
    """The reply copies sequence, stream and time of its cause, and carries each answer; its refused rows stay."""
    cause = event_of(news(item("a", "Shares rise"), item("b", "Shares fall")))
    event = await handle(cause, deps=Deps(MemoryTexts([Polar()])))
    assert event is not None
    assert (event.source, event.type) == ("/tickloom/handlers/sentiment/NEWS-0.news", SENTIMENT_BATCH)
    assert (event.id, event.time_ns) == (facts.batch_id(event.source, 3), 42)
    assert event.extensions["causationid"] == cause.id
    assert "rejected" not in event.extensions  # `digest` has sent them to quarantine already
    batch = decode_sentiment_batch(event.data or b"")
    assert [one.news_id for one in batch.items] == ["a", "b"]
    assert batch.outputs[0].names == NAMES
    assert batch.outputs[0].scores.tolist() == pytest.approx([0.7, -0.7])


async def test_syndicated_once() -> None:
    """A text that four sources send is scored once and stands with all four."""
    model = Polar()
    batch = await said(news(*(item(name, "Shares rise") for name in "abcd"), item("e", "Other")), model=model)
    assert model.asked == ["Shares rise", "Other"]
    assert len(set(batch.outputs[0].scores.tolist()[:4])) == 1


async def test_available_not_published() -> None:
    """What the answer says of time is when we could know it."""
    batch = await said(news(item(at=77)), model=Polar())
    assert batch.items[0].ts_available == 77


async def test_withdrawal_travels() -> None:
    """A withdrawn item is not scored, and is told all the same, so that it stops counting."""
    model = Polar()
    batch = await said(news(item("a", status=NewsStatus.WITHDRAWN)), model=model)
    assert model.asked == []
    assert (batch.items[0].status, batch.outputs[0].states.tolist()) == (NewsStatus.WITHDRAWN, [0])


async def test_bodies_where_asked() -> None:
    """A model of 512 tokens may read bodies behind headlines."""
    model = Polar()
    await said(news(item("a", "Up", body="Words")), model=model, body=True)
    assert model.asked == ["Up\nWords"]


@pytest.mark.parametrize("end_of_tape", [True, False])
async def test_empty_batch_is_answered(end_of_tape: bool) -> None:  # noqa: FBT001 - a pytest parameter
    """A heartbeat, also the end of the tape, gets its reply: the sequence has no hole."""
    batch = await said(news(end_of_tape=end_of_tape), model=Polar())
    assert (batch.heartbeat, batch.end_of_tape, batch.items, batch.outputs) == (True, end_of_tape, (), ())


async def test_same_event_twice() -> None:
    """The same event gives the same reply, byte for byte."""
    cause, deps = event_of(news(item(), item("b"))), Deps(MemoryTexts([Polar()]))
    assert await handle(cause, deps=deps) == await handle(cause, deps=deps)


async def test_degraded_is_no_error() -> None:
    """With the service down the reply comes, says so, and is the same when asked again."""
    client = TextsClient("127.0.0.1:1", ("sentiment",), deadline_ms=50)
    cause = event_of(news(item(), item("b", "Other")))
    event, again = await handle(cause, deps=Deps(client)), await handle(cause, deps=Deps(client))
    await client.close()
    assert event == again
    assert event is not None
    (output,) = decode_sentiment_batch(event.data or b"").outputs
    assert (output.model, output.degraded, output.degraded_reason) == ("sentiment", True, "no answer within 50 ms")
    assert output.states.tolist() == [0, 0]


@pytest.mark.parametrize("data", [None, b"", b"\xff\xff"])
async def test_unreadable(data: bytes | None) -> None:
    """An event without readable bytes is malformed."""
    with pytest.raises(Malformed):
        await handle(Event("1", "/a/b", NEWS_BATCH, data=data), deps=Deps(MemoryTexts([Polar()])))


async def test_compose_opens_nothing() -> None:
    """Composing and closing needs no service."""
    hosted = compose(Settings(inference_target="127.0.0.1:1"))
    await hosted.close()
    assert hosted.card == CARD


def test_no_time_to_answer() -> None:
    """A deadline that no answer meets stops the start."""
    with pytest.raises(ValueError, match="inference_deadline_ms must be at least 1"):
        Settings(inference_deadline_ms=0)
