"""Write ticks, bars and what a feed was like as rows."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from functions.domain.activity.batch import BASIS_NAMES, ActivityBarBatch, unit_exponent
from functions.domain.market import (
    BAR_OPEN,
    BAR_PROVISIONAL,
    CANDLE_TRADES_UNKNOWN,
    BarBatch,
    TickBatch,
    flags_at,
)
from functions.wire.codecs.activity import decode_activity_bar_batch
from functions.wire.codecs.bars import decode_bar_batch
from functions.wire.codecs.market import decode_tick_batch
from functions.wire.codecs.quality import decode_quality
from functions.wire.rows.row import FINALITY, SIDES, Row, decimal_text, interval_text, json_line, rejections


def ticks(data: bytes) -> Iterator[Row]:
    """Write each row of a TickBatch, and each that was refused."""
    batch = decode_tick_batch(data)
    for section in (_trades(batch), _quotes(batch), _book(batch), _candles(batch)):
        yield from _told_apart(section)
    yield from rejections(batch.rejections, batch.stream)


def _told_apart(lines: Iterator[dict[str, Any]]) -> Iterator[Row]:
    """Number what one message says several times, from its second time on: two equal prints of it are two."""
    row, n = -1, 0
    for line in lines:
        row, n = line["row"], n + 1 if line["row"] == row else 0
        yield Row("ticks", json_line(dict(sorted({**line, "n": n}.items())) if n else line))


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


def bars(data: bytes) -> Iterator[Row]:
    """Write each bar of a batch."""
    batch = decode_bar_batch(data)
    yield from rejections(batch.rejections, batch.stream)
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
    return Row("bars", json_line(line), key=(ref.instrument_id, interval_s, start_ns), rank=rank)


def activity(data: bytes) -> Iterator[Row]:
    """Write each activity bar of a batch."""
    batch = decode_activity_bar_batch(data)
    yield from rejections(batch.rejections, batch.stream)
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
    return Row("activity", json_line(line), key=(ref.instrument_id, basis, day, ordinal), rank=rank)


def quality(data: bytes) -> Iterator[Row]:
    """Write what a feed was like."""
    for one in decode_quality(data).instruments:
        yield Row("quality", json_line(dict(sorted(asdict(one).items()))))
