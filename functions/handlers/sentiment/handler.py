"""Answer a NewsBatch with the SentimentBatch of its items."""

from dataclasses import dataclass

from functions.domain.sentiment import distinct_texts, sentiment_batch
from functions.handlers.sentiment import CARD
from functions.ports.texts import TextInference
from functions.wire import facts
from functions.wire.codecs.news import decode_news_batch
from functions.wire.codecs.sentiment import SENTIMENT_BATCH, encode_sentiment_batch
from functions.wire.envelope import Event


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handler needs: who scores, and whether bodies are read behind headlines."""

    texts: TextInference
    body: bool = False


async def handle(event: Event, *, deps: Deps) -> Event | None:
    """Score every distinct text; a batch without items and the end of a tape are answered too.

    Raises:
        Malformed: The event is no readable NewsBatch.
    """
    batch = decode_news_batch(event.data or b"")
    texts, chosen = distinct_texts(batch, body=deps.body)
    outputs = await deps.texts.score_texts(texts) if batch.items else ()
    return facts.reply(
        event,
        name=CARD.name,
        version=CARD.version,
        message_type=SENTIMENT_BATCH,
        data=encode_sentiment_batch(sentiment_batch(batch, outputs, chosen)),
        time_ns=None,
    )
