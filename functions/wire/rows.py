"""Write facts as canonical rows: one JSON line a row, the same for equal facts however they were cut into batches.

Keys are sorted, there are no spaces, decimals are strings without exponent or trailing zeros, floats are the shortest
text that reads back equal, and what is not warm is null. No ids, sequences, traces or wall times. `(shard, row)` names
a tick, with the stream for shard, so that two feeds of one shard stay apart.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from functions.domain.activity.batch import BASIS_NAMES, ActivityBarBatch, unit_exponent
from functions.domain.calendar import Figure
from functions.domain.decisions import Action, Signal
from functions.domain.market import (
    BAR_FINAL,
    BAR_OPEN,
    BAR_PROVISIONAL,
    BAR_REVISED,
    CANDLE_TRADES_UNKNOWN,
    STATE_VALID,
    BarBatch,
    FeatureColumns,
    InstrumentRef,
    Rejection,
    TickBatch,
    flags_at,
)
from functions.domain.money import plain
from functions.domain.outcomes import Exit
from functions.domain.pairs.batch import MISSING_A, MISSING_B
from functions.domain.portfolio.metrics import Holding, Totals
from functions.domain.reliability import FIGURES
from functions.domain.sentiment import tellings_of
from functions.wire.codecs.activity import decode_activity_bar_batch
from functions.wire.codecs.bars import decode_bar_batch
from functions.wire.codecs.calendar import decode_calendar_batch
from functions.wire.codecs.features import decode_feature_batch
from functions.wire.codecs.flow import decode_order_flow
from functions.wire.codecs.market import decode_tick_batch
from functions.wire.codecs.news import decode_news_batch
from functions.wire.codecs.orders import decode_fill, decode_order_update
from functions.wire.codecs.pairs import decode_pair_batch
from functions.wire.codecs.performance import decode_drift, decode_model_performance, decode_outcome
from functions.wire.codecs.portfolio import decode_risk_metrics
from functions.wire.codecs.predictions import decode_prediction_batch
from functions.wire.codecs.quality import decode_quality
from functions.wire.codecs.sentiment import decode_sentiment_batch
from functions.wire.codecs.signals import decode_signal
from functions.wire.envelope import Event

FINALITY: Final = {BAR_PROVISIONAL: "provisional", BAR_FINAL: "final", BAR_REVISED: "revised", BAR_OPEN: "open"}
SIDES: Final = {0: "unknown", 1: "buy", 2: "sell"}
INTERVALS: Final = {1: "1s", 5: "5s", 60: "1m", 300: "5m", 900: "15m", 3600: "1h", 14_400: "4h", 86_400: "1d"}
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
    "flow",
    "news",
    "sentiment",
    "calendar",
    "deadletters",
)

_json: Final = msgspec.json.Encoder().encode
_deeply_sorted: Final = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one canonical row: its output stream, its line, and a bar's key and rank, by which the newest is kept."""

    stream: str
    line: bytes
    key: tuple[str | int, ...] | None = None
    rank: int = 0


def decimal_text(mantissa: int, exponent: int) -> str:
    """Write mantissa * 10^exponent without exponent or trailing zeros.

    >>> decimal_text(268380, -2), decimal_text(5, 2), decimal_text(0, -8), decimal_text(-15, -1)
    ('2683.8', '500', '0', '-1.5')
    """
    if exponent >= 0:
        return str(mantissa * 10**exponent)
    digits = str(abs(mantissa)).rjust(1 - exponent, "0")
    fraction = digits[exponent:].rstrip("0")
    whole = digits[:exponent]
    text = f"{whole}.{fraction}" if fraction else whole
    return f"-{text}" if mantissa < 0 else text


def interval_text(interval_s: int) -> str:
    """Name a bar interval.

    >>> interval_text(5), interval_text(900), interval_text(3600), interval_text(7)
    ('5s', '15m', '1h', '7s')
    """
    return INTERVALS.get(interval_s, f"{interval_s}s")


def render(event: Event) -> Iterator[Row]:
    """Write an event's facts as rows; types that carry no facts of their own give none.

    Raises:
        Malformed: The event's data is not what its type says.
    """
    renderer = _RENDERERS.get(event.type)
    return renderer(event.data or b"") if renderer else iter(())


def _ticks(data: bytes) -> Iterator[Row]:
    batch = decode_tick_batch(data)
    for section in (_trades(batch), _quotes(batch), _book(batch), _candles(batch)):
        yield from _told_apart(section)
    yield from _rejections(batch.rejections, batch.stream)


def _told_apart(lines: Iterator[dict[str, Any]]) -> Iterator[Row]:
    """Number what one message says several times, from its second time on: two equal prints of it are two."""
    row, n = -1, 0
    for line in lines:
        row, n = line["row"], n + 1 if line["row"] == row else 0
        yield Row("ticks", _json(dict(sorted({**line, "n": n}.items())) if n else line))


def _trades(batch: TickBatch) -> Iterator[dict[str, Any]]:
    part = batch.trades
    columns = (part.row, part.instrument, part.ts_event, part.price, part.size, part.side, part.trade_id, part.flags)
    for row, at, ts_event, price, size, side, trade_id, flags in zip(*(one.tolist() for one in columns), strict=True):
        ref = batch.instruments[at]
        yield {
            "flags": flags,
            "instrument_id": ref.instrument_id,
            "kind": "trade",
            "price": decimal_text(price, ref.price_exponent),
            "row": batch.first_row + row,
            "shard": batch.stream,
            "side": SIDES.get(side, "unknown"),
            "size": decimal_text(size, ref.size_exponent),
            "trade_id": trade_id,
            "ts_event": ts_event,
        }


def _quotes(batch: TickBatch) -> Iterator[dict[str, Any]]:
    part = batch.quotes
    columns = (
        part.row,
        part.instrument,
        part.ts_event,
        part.bid_price,
        part.bid_size,
        part.ask_price,
        part.ask_size,
        part.flags,
    )
    for row, at, ts_event, bid, bid_size, ask, ask_size, flags in zip(*(one.tolist() for one in columns), strict=True):
        ref = batch.instruments[at]
        yield {
            "ask_price": decimal_text(ask, ref.price_exponent),
            "ask_size": decimal_text(ask_size, ref.size_exponent),
            "bid_price": decimal_text(bid, ref.price_exponent),
            "bid_size": decimal_text(bid_size, ref.size_exponent),
            "flags": flags,
            "instrument_id": ref.instrument_id,
            "kind": "quote",
            "row": batch.first_row + row,
            "shard": batch.stream,
            "ts_event": ts_event,
        }


def _book(batch: TickBatch) -> Iterator[dict[str, Any]]:
    part = batch.book
    levels = list(zip(part.level_price.tolist(), part.level_size.tolist(), strict=True))
    columns = (part.row, part.instrument, part.ts_event, part.last_update_id, part.bids, part.asks, part.flags)
    at_level = 0
    for row, at, ts_event, update_id, bids, asks, flags in zip(*(one.tolist() for one in columns), strict=True):
        ref = batch.instruments[at]
        texts = [
            [decimal_text(price, ref.price_exponent), decimal_text(size, ref.size_exponent)]
            for price, size in levels[at_level : at_level + bids + asks]
        ]
        at_level += bids + asks
        yield {
            "asks": texts[bids:],
            "bids": texts[:bids],
            "flags": flags,
            "instrument_id": ref.instrument_id,
            "kind": "book",
            "row": batch.first_row + row,
            "shard": batch.stream,
            "ts_event": ts_event,
            "update_id": update_id,
        }


def _candles(batch: TickBatch) -> Iterator[dict[str, Any]]:
    part = batch.candles
    prices = (part.open, part.high, part.low, part.close)
    columns = (
        part.row,
        part.instrument,
        part.ts_event,
        part.interval_ns,
        part.volume,
        part.trades,
        part.flags,
        *prices,
    )
    for row, at, ts_event, interval_ns, volume, trades, flags, *texts in zip(
        *(c.tolist() for c in columns), strict=True
    ):
        ref = batch.instruments[at]
        first, high, low, last = (decimal_text(price, ref.price_exponent) for price in texts)
        yield {
            "close": last,
            "flags": flags,
            "high": high,
            "instrument_id": ref.instrument_id,
            "interval_ns": interval_ns,
            "kind": "candle",
            "low": low,
            "open": first,
            "row": batch.first_row + row,
            "shard": batch.stream,
            "trades": None if trades == CANDLE_TRADES_UNKNOWN else trades,
            "ts_event": ts_event,
            "volume": decimal_text(volume, ref.size_exponent),
        }


def _rejections(rejections: tuple[Rejection, ...], stream: str) -> Iterator[Row]:
    for one in rejections:
        yield Row("deadletters", _json({"reason": one.reason, "row": one.row, "shard": stream}))


def _bars(data: bytes) -> Iterator[Row]:
    batch = decode_bar_batch(data)
    yield from _rejections(batch.rejections, batch.stream)
    for at in range(len(batch.start_ns)):
        if batch.finality[at] != BAR_PROVISIONAL:
            yield _bar(batch, at)


def _bar(batch: BarBatch, at: int) -> Row:
    ref = batch.instruments[int(batch.instrument[at])]
    interval_s, start_ns = int(batch.interval_s[at]), int(batch.start_ns[at])
    finality, revision = int(batch.finality[at]), int(batch.revision[at])
    notional = (int(batch.notional_hi[at]) << 64) + int(batch.notional_lo[at])
    line = {
        "ask_depth": decimal_text(int(batch.ask_depth[at]), ref.size_exponent),
        "ask_edge": decimal_text(int(batch.ask_edge[at]), ref.price_exponent),
        "ask_price": decimal_text(int(batch.ask_price[at]), ref.price_exponent),
        "bid_depth": decimal_text(int(batch.bid_depth[at]), ref.size_exponent),
        "bid_edge": decimal_text(int(batch.bid_edge[at]), ref.price_exponent),
        "bid_price": decimal_text(int(batch.bid_price[at]), ref.price_exponent),
        "buy_volume": decimal_text(int(batch.buy_volume[at]), ref.size_exponent),
        "close": decimal_text(int(batch.close[at]), ref.price_exponent),
        "finality": FINALITY[finality],
        "flags": flags_at(batch, at),
        "high": decimal_text(int(batch.high[at]), ref.price_exponent),
        "instrument_id": ref.instrument_id,
        "interval": interval_text(interval_s),
        "low": decimal_text(int(batch.low[at]), ref.price_exponent),
        "notional": decimal_text(notional, ref.price_exponent + ref.size_exponent),
        "ofi": decimal_text(int(batch.ofi[at]), ref.size_exponent),
        "open": decimal_text(int(batch.open[at]), ref.price_exponent),
        "quotes": int(batch.quotes[at]),
        "revision": revision,
        "start_ns": start_ns,
        "trades": int(batch.trades[at]),
        "volume": decimal_text(int(batch.volume[at]), ref.size_exponent),
    }
    rank = revision if finality != BAR_OPEN else -1
    return Row("bars", _json(line), key=(ref.instrument_id, interval_s, start_ns), rank=rank)


def _activity(data: bytes) -> Iterator[Row]:
    batch = decode_activity_bar_batch(data)
    yield from _rejections(batch.rejections, batch.stream)
    for at in range(batch.row_count):
        yield _activity_bar(batch, at)


def _activity_bar(batch: ActivityBarBatch, at: int) -> Row:
    ref = batch.instruments[int(batch.instrument[at])]
    basis, day, ordinal = int(batch.basis[at]), int(batch.day[at]), int(batch.ordinal[at])
    finality, revision = int(batch.finality[at]), int(batch.revision[at])
    threshold = (int(batch.threshold_hi[at]) << 64) + int(batch.threshold_lo[at])
    notional = (int(batch.notional_hi[at]) << 64) + int(batch.notional_lo[at])
    line = {
        "basis": BASIS_NAMES[basis],
        "buy_volume": decimal_text(int(batch.buy_volume[at]), ref.size_exponent),
        "close": decimal_text(int(batch.close[at]), ref.price_exponent),
        "day": day,
        "end_ns": int(batch.end_ns[at]),
        "finality": FINALITY[finality],
        "flags": int(batch.flags[at]),
        "high": decimal_text(int(batch.high[at]), ref.price_exponent),
        "instrument_id": ref.instrument_id,
        "low": decimal_text(int(batch.low[at]), ref.price_exponent),
        "notional": decimal_text(notional, ref.price_exponent + ref.size_exponent),
        "open": decimal_text(int(batch.open[at]), ref.price_exponent),
        "ordinal": ordinal,
        "revision": revision,
        "start_ns": int(batch.start_ns[at]),
        "threshold": decimal_text(threshold, unit_exponent(basis, ref)),
        "trades": int(batch.trades[at]),
        "volume": decimal_text(int(batch.volume[at]), ref.size_exponent),
    }
    rank = revision if finality != BAR_OPEN else -1
    return Row("activity", _json(line), key=(ref.instrument_id, basis, day, ordinal), rank=rank)


def _key(columns: FeatureColumns, at: int) -> dict[str, Any]:
    ref: InstrumentRef = columns.instruments[int(columns.instrument[at])]
    return {
        "instrument_id": ref.instrument_id,
        "interval": interval_text(int(columns.interval_s[at])),
        "start_ns": int(columns.start_ns[at]),
    }


def _features(data: bytes) -> Iterator[Row]:
    columns = decode_feature_batch(data).columns
    for at in range(columns.row_count):
        values = columns.values[at].tolist()
        valid = (columns.states[at] == STATE_VALID).tolist()
        named = {name: value if good else None for name, value, good in zip(columns.names, values, valid, strict=True)}
        yield Row("features", _json({"features": dict(sorted(named.items())), **_key(columns, at)}))


def _pairs(data: bytes) -> Iterator[Row]:
    batch = decode_pair_batch(data)
    for at in range(batch.row_count):
        a, b = batch.instruments[int(batch.instrument_a[at])], batch.instruments[int(batch.instrument_b[at])]
        cells = zip(batch.names, batch.values[at].tolist(), batch.states[at].tolist(), strict=True)
        flags = int(batch.flags[at])
        line = {
            "close_a": None if flags & MISSING_A else decimal_text(int(batch.close_a[at]), a.price_exponent),
            "close_b": None if flags & MISSING_B else decimal_text(int(batch.close_b[at]), b.price_exponent),
            "figures": {name: value if state == STATE_VALID else None for name, value, state in sorted(cells)},
            "flags": flags,
            "instrument_a": a.instrument_id,
            "instrument_b": b.instrument_id,
            "interval": interval_text(int(batch.interval_s[at])),
            "start_ns": int(batch.start_ns[at]),
        }
        yield Row("pairs", _json(line))


def _predictions(data: bytes) -> Iterator[Row]:
    batch = decode_prediction_batch(data)
    for output in batch.outputs:
        for at in range(batch.columns.row_count):
            scored = not output.degraded and int(output.states[at]) == STATE_VALID
            score = float(output.scores[at]) if scored else None
            figures = dict(zip(output.names, output.values[at].tolist(), strict=True)) if scored else {}
            tail = {"figures": figures, "score": score, "shadow": output.shadow, "version": output.version}
            key = _key(batch.columns, at)
            line = {"degraded": output.degraded, **key, "model": output.model, **tail}
            yield Row("predictions", _json(dict(sorted(line.items()))))


def _quality(data: bytes) -> Iterator[Row]:
    for one in decode_quality(data).instruments:
        yield Row("quality", _json(dict(sorted(asdict(one).items()))))


def _signals(data: bytes) -> Iterator[Row]:
    signal = decode_signal(data)
    if signal.action is Action.HOLD:
        return
    line = {
        "action": signal.action.value,
        "as_of_ns": signal.as_of_ns,
        "bar_revision": signal.bar_revision,
        "confidence": signal.confidence,
        "degraded": signal.degraded,
        "evidence": _evidence(signal),
        "instrument_id": signal.instrument_id,
        "interval": interval_text(signal.interval_s),
        "model_versions": {one.model: one.version for one in signal.model_scores},
        "price": decimal_text(signal.price, signal.price_exponent),
        "reasons": [[one.rule, one.text, one.weight] for one in signal.reasons],
        "risk_reward_ratio": signal.risk_reward_ratio,
        "signal_id": signal.signal_id,
        "start_ns": signal.bar_start_ns,
        "stop_loss": decimal_text(signal.stop_loss, signal.price_exponent),
        "strategy": signal.strategy,
        "take_profit": decimal_text(signal.take_profit, signal.price_exponent),
    }
    yield Row("signals", _deeply_sorted(line))


def _evidence(signal: Signal) -> dict[str, Any]:
    """Write what a signal rests on, prices as decimals; not the event it was decided on, for that is an id."""
    told: dict[str, Any] = msgspec.to_builtins(signal.evidence)
    del told["causation_id"]
    for forecast in told["predictions"]["forecasts"]:
        for name in ("price", "low_80", "high_80", "low_95", "high_95"):
            forecast[name] = decimal_text(forecast[name], signal.price_exponent)
    return told


def _performance(data: bytes) -> Iterator[Row]:
    report = decode_model_performance(data)
    for one in report.entries:
        line = {
            "as_of_ns": report.as_of_ns,
            "broken": one.broken,
            "curve": [[point.forecast, point.observed, point.count] for point in one.curve],
            "effective_count": one.effective_count,
            "figures": {name: one.figures.get(name) for name in sorted(FIGURES)},
            "flagged_count": one.flagged_count,
            "horizon_bars": one.horizon_bars,
            "interval": interval_text(one.interval_s),
            "missing_count": one.missing_count,
            "model": one.name,
            "outcomes_count": one.outcomes_count,
            "predictions_count": one.predictions_count,
            "shadow": one.shadow,
            "shard": report.shard,
            "skill": one.skill,
            "version": one.version,
        }
        yield Row("performance", _json(line))


def _drifts(data: bytes) -> Iterator[Row]:
    drift = decode_drift(data)
    line = {
        "as_of_ns": drift.as_of_ns,
        "direction": drift.shift.direction,
        "horizon_bars": drift.horizon_bars,
        "instrument_id": drift.instrument_id,
        "interval": interval_text(drift.interval_s),
        "level": drift.shift.level,
        "name": drift.name,
        "reference_deviation": drift.shift.reference_deviation,
        "reference_mean": drift.shift.reference_mean,
        "shard": drift.shard,
        "version": drift.version,
        "watched": drift.watched.value,
    }
    yield Row("drifts", _json(line))


def _outcomes(data: bytes) -> Iterator[Row]:
    outcome = decode_outcome(data)
    missing = outcome.exit is Exit.MISSING
    line = {
        "action": outcome.action.value,
        "bars": outcome.bars,
        "confidence": outcome.confidence,
        "exit": outcome.exit.value,
        "exit_ns": outcome.exit_ns,
        "exit_price": None if missing else decimal_text(outcome.exit_price, outcome.price_exponent),
        "gain": outcome.gain,
        "instrument_id": outcome.instrument_id,
        "interval": interval_text(outcome.interval_s),
        "price": decimal_text(outcome.price, outcome.price_exponent),
        "returns": outcome.returns,
        "signal_id": outcome.signal_id,
        "start_ns": outcome.bar_start_ns,
        "strategy": outcome.strategy,
    }
    yield Row("outcomes", _json(line))


def _orders(data: bytes) -> Iterator[Row]:
    update = decode_order_update(data)
    line = {
        "account": update.account,
        "as_of_ns": update.as_of_ns,
        "client_order_id": update.client_order_id,
        "cumulative_quantity": plain(update.cumulative_quantity),
        "instrument_id": update.instrument_id,
        "leaves_quantity": plain(update.leaves_quantity),
        "limit_price": plain(update.limit_price),
        "n": update.n,
        "quantity": plain(update.quantity),
        "reasons": list(update.reasons),
        "side": update.side.value,
        "signal_id": update.signal_id,
        "status": update.status.value,
    }
    yield Row("orders", _json(line))


def _flow(data: bytes) -> Iterator[Row]:
    flow = decode_order_flow(data)
    for entry in flow.entries:
        line = {**asdict(entry), "kind": entry.kind.value, "shard": flow.stream}
        yield Row("flow", _json(dict(sorted(line.items()))))


def _fills(data: bytes) -> Iterator[Row]:
    fill = decode_fill(data)
    line = {
        "account": fill.account,
        "as_of_ns": fill.as_of_ns,
        "client_order_id": fill.client_order_id,
        "instrument_id": fill.instrument_id,
        "n": fill.n,
        "price": plain(fill.price),
        "quantity": plain(fill.quantity),
        "side": fill.side.value,
        "signal_id": fill.signal_id,
    }
    yield Row("fills", _json(line))


def _portfolio(data: bytes) -> Iterator[Row]:
    row = decode_risk_metrics(data)
    line = {
        "account": row.account,
        "balances": {currency: plain(amount) for currency, amount in row.balances},
        "broken": list(row.broken),
        "capital": plain(row.capital),
        "fills": row.fills,
        "flags": row.flags,
        "peak": plain(row.peak),
        "positions": list(map(_plain_fields, row.holdings)),
        "revision": row.revision,
        "tail": None if row.tail is None else asdict(row.tail),
        "totals": None if row.totals is None else _plain_fields(row.totals),
        "window": asdict(row.window),
    }
    key = row.account, row.window.start_ns, row.window.end_ns, row.window.part
    yield Row("portfolio", _deeply_sorted(line), key, row.revision)


def _plain_fields(value: Holding | Totals) -> dict[str, str]:
    return {name: plain(one) if isinstance(one, Decimal) else one for name, one in asdict(value).items()}


def _news(data: bytes) -> Iterator[Row]:
    batch = decode_news_batch(data)
    yield from _rejections(batch.rejections, batch.stream)
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
        yield Row("news", _json(line))


def _sentiment(data: bytes) -> Iterator[Row]:
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
        yield Row("sentiment", _json(line))


def _calendar(data: bytes) -> Iterator[Row]:
    batch = decode_calendar_batch(data)
    yield from _rejections(batch.rejections, batch.stream)
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
        yield Row("calendar", _json(line))


def _figure(figure: Figure) -> list[object]:
    values = [plain(value) for value in figure.values]
    return [figure.text, figure.form.value, figure.comparison.value, values]


_RENDERERS: Final[dict[str, Callable[[bytes], Iterator[Row]]]] = {
    "tickloom.market.v1.TickBatch": _ticks,
    "tickloom.market.v1.FeedQuality": _quality,
    "tickloom.market.v1.BarBatch": _bars,
    "tickloom.market.v1.ActivityBarBatch": _activity,
    "tickloom.features.v1.FeatureBatch": _features,
    "tickloom.features.v1.PairBatch": _pairs,
    "tickloom.inference.v1.PredictionBatch": _predictions,
    "tickloom.performance.v1.ModelPerformance": _performance,
    "tickloom.performance.v1.DriftDetected": _drifts,
    "tickloom.performance.v1.Outcome": _outcomes,
    "tickloom.signals.v1.Signal": _signals,
    "tickloom.orders.v1.OrderUpdate": _orders,
    "tickloom.orders.v1.Fill": _fills,
    "tickloom.orders.v1.OrderFlow": _flow,
    "tickloom.portfolio.v1.RiskMetrics": _portfolio,
    "tickloom.news.v1.NewsBatch": _news,
    "tickloom.inference.v1.SentimentBatch": _sentiment,
    "tickloom.calendar.v1.CalendarBatch": _calendar,
}
