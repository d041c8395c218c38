"""Write facts as canonical rows: one JSON line a row, the same for equal facts however they were cut into batches.

Keys are sorted, there are no spaces, decimals are strings without exponent or trailing zeros, floats are the shortest
text that reads back equal, and what is not warm is null. No ids, sequences, traces or wall times. `(shard, row)` names
a tick, with the stream for shard, so that two feeds of one shard stay apart.
"""

from collections.abc import Callable, Iterator
from typing import Final

from functions.wire.envelope import Event
from functions.wire.rows import market, scores, texts, trading
from functions.wire.rows.row import Row, decimal_text, interval_text

__all__ = ["STREAMS", "Row", "decimal_text", "interval_text", "render"]

STREAMS: Final = (
    "ticks",
    "quality",
    "bars",
    "activity",
    "features",
    "pairs",
    "predictions",
    "performance",
    "drifts",
    "signals",
    "outcomes",
    "orders",
    "fills",
    "portfolio",
    "breaches",
    "flow",
    "news",
    "sentiment",
    "calendar",
    "deadletters",
)

_RENDERERS: Final[dict[str, Callable[[bytes], Iterator[Row]]]] = {
    "tickloom.market.v1.TickBatch": market.ticks,
    "tickloom.market.v1.FeedQuality": market.quality,
    "tickloom.market.v1.BarBatch": market.bars,
    "tickloom.market.v1.ActivityBarBatch": market.activity,
    "tickloom.features.v1.FeatureBatch": scores.features,
    "tickloom.features.v1.PairBatch": scores.pairs,
    "tickloom.inference.v1.PredictionBatch": scores.predictions,
    "tickloom.performance.v1.ModelPerformance": scores.performance,
    "tickloom.performance.v1.DriftDetected": scores.drifts,
    "tickloom.performance.v1.Outcome": scores.outcomes,
    "tickloom.signals.v1.Signal": trading.signals,
    "tickloom.orders.v1.OrderUpdate": trading.orders,
    "tickloom.orders.v1.Fill": trading.fills,
    "tickloom.orders.v1.OrderFlow": trading.flow,
    "tickloom.portfolio.v1.RiskMetrics": trading.portfolio,
    "tickloom.portfolio.v1.LimitBreach": trading.breaches,
    "tickloom.news.v1.NewsBatch": texts.news,
    "tickloom.inference.v1.SentimentBatch": texts.sentiment,
    "tickloom.calendar.v1.CalendarBatch": texts.calendar,
}


def render(event: Event) -> Iterator[Row]:
    """Write an event's facts as rows; types that carry no facts of their own give none.

    Raises:
        Malformed: The event's data is not what its type says.
    """
    renderer = _RENDERERS.get(event.type)
    return renderer(event.data or b"") if renderer else iter(())
