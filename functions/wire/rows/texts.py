"""Write news, its sentiment and the calendar as rows."""

from collections.abc import Iterator

from functions.domain.calendar import Figure
from functions.domain.money import plain
from functions.domain.sentiment import tellings_of
from functions.wire.codecs.calendar import decode_calendar_batch
from functions.wire.codecs.news import decode_news_batch
from functions.wire.codecs.sentiment import decode_sentiment_batch
from functions.wire.rows.row import Row, json_line, rejections


def news(data: bytes) -> Iterator[Row]:
    """Write each item of news, and each row that was refused."""
    batch = decode_news_batch(data)
    yield from rejections(batch.rejections, batch.stream)
    for one in batch.items:
        line = {
            "body": one.body,
            "content_key": one.content_key,
            "duplicate_of": one.duplicate_of,
            "headline": one.headline,
            "kind": one.kind.value,
            "language": one.language,
            "news_id": one.news_id,
            "revision": one.revision,
            "row": one.row,
            "shard": batch.stream,
            "source": one.source,
            "status": one.status.value,
            "subjects": list(one.subjects),
            "syndication_key": one.syndication_key,
            "tickers": list(one.tickers),
            "ts_available": one.ts_available,
            "ts_published": one.ts_published,
            "url": one.url,
        }
        yield Row("news", json_line(line))


def sentiment(data: bytes) -> Iterator[Row]:
    """Write what each model said of each item."""
    batch = decode_sentiment_batch(data)
    degraded = {output.model: output.degraded for output in batch.outputs}
    for one in tellings_of(batch):
        line = {
            "bearish": one.bearish,
            "bullish": one.bullish,
            "content_key": one.item.content_key,
            "degraded": degraded[one.model],
            "model": one.model,
            "neutral": one.neutral,
            "news_id": one.item.news_id,
            "row": one.item.row,
            "shard": batch.stream,
            "status": one.item.status.value,
            "syndication_key": one.item.syndication_key,
            "tickers": list(one.item.tickers),
            "ts_available": one.item.ts_available,
        }
        yield Row("sentiment", json_line(line))


def calendar(data: bytes) -> Iterator[Row]:
    """Write each scheduled event, and each row that was refused."""
    batch = decode_calendar_batch(data)
    yield from rejections(batch.rejections, batch.stream)
    for one in batch.events:
        line = {
            "actual": _figure(one.actual),
            "country": one.country,
            "currency": one.currency,
            "event_id": one.event_id,
            "forecast": _figure(one.forecast),
            "impact": one.impact.value,
            "name": one.name,
            "previous": _figure(one.previous),
            "row": one.row,
            "shard": batch.stream,
            "state": one.state.value,
            "timing": one.timing.value,
            "ts_available": one.ts_available,
            "ts_scheduled": one.ts_scheduled,
        }
        yield Row("calendar", json_line(line))


def _figure(figure: Figure) -> list[object]:
    values = [plain(value) for value in figure.values]
    return [figure.text, figure.form.value, figure.comparison.value, values]
