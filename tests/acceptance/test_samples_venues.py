"""Every sample payload of the crypto venues is of its kind, and its sizes add up to what stands in it."""

import json
import pathlib
from decimal import Decimal
from typing import Any, Final, TypeAlias

from decoding import batch_of
from venue_sums import ours

from functions.wire.venues.registry import decoder_of

Json: TypeAlias = Any
"""What a venue may have written."""

_TOLD: Final = {
    "binance/futures/market_data_json/agg_trade_stream.json": "aggTrade",
    "binance/futures/market_data_json/book_ticker_stream.json": "bookTicker",
    "binance/futures/market_data_json/depth_update_stream.json": "depthUpdate",
    "binance/futures/market_data_json/kline_stream_closed.json": "kline",
    "binance/futures/market_data_json/liquidation_stream.json": "forceOrder",
    "binance/futures/market_data_json/mark_price_stream.json": "markPriceUpdate",
    "binance/futures/market_data_json/ticker_stream.json": "24hrTicker",
    "binance/futures/market_data_json/trade_stream.json": "trade",
    "coinbase/http_candles.json": "candles",
    "coinbase/http_product_book.json": "snapshot",
    "coinbase/http_ticker.json": "market_trades",
    "coinbase/ws_candles.json": "candles",
    "coinbase/ws_heartbeats.json": "heartbeats",
    "coinbase/ws_l2_data_snapshot.json": "snapshot",
    "coinbase/ws_l2_data_update.json": "l2_data",
    "coinbase/ws_market_trades.json": "market_trades",
    "coinbase/ws_subscriptions.json": "subscriptions",
    "coinbase/ws_ticker.json": "ticker",
    "coinbase/ws_user.json": "user",
    "kraken/http_futures_historical_funding_rates.json": "funding_rates",
    "kraken/http_futures_public_executions.json": "trade",
    "kraken/http_futures_tickers.json": "ticker",
    "kraken/http_server_time.json": "time",
    "kraken/http_system_status.json": "systemStatus",
    "kraken/http_ticker.json": "ticker",
    "kraken/ws_book_snapshot.json": "snapshot",
    "kraken/ws_book_update.json": "book",
    "kraken/ws_futures_book_delta.json": "book",
    "kraken/ws_futures_book_snapshot.json": "snapshot",
    "kraken/ws_futures_book_snapshot_with_zero_qty.json": "snapshot",
    "kraken/ws_futures_ticker.json": "ticker",
    "kraken/ws_futures_trade.json": "trade",
    "kraken/ws_futures_trade_snapshot.json": "trade",
    "kraken/ws_ohlc_update.json": "ohlc",
    "kraken/ws_pong.json": "control",
    "kraken/ws_subscribe_response.json": "control",
    "kraken/ws_ticker_snapshot.json": "ticker",
    "kraken/ws_trade_update.json": "trade",
}
"""Kind of a sample by its path; others are told by `_kind_of`."""
_REFUSED: Final = {"binance/futures/market_data_json/kline_stream_open.json": "bad_candle"}
"""Samples that break a rule: the low of this candle is above its open."""
_BINANCE_KINDS: Final = {
    "agg_trade": "aggTrade",
    "aggregate": "aggTrade",
    "asset_index": "assetIndex",
    "avg_price": "avgPrice",
    "book_ticker": "bookTicker",
    "ticker_book": "bookTicker",
    "depth_diff": "depthUpdate",
    "depth_update": "depthUpdate",
    "depth": "snapshot",
    "exchange_info": "exchangeInfo",
    "funding_rate": "fundingRate",
    "index_info": "compositeIndex",
    "kline": "kline",
    "open_interest_historical": "openInterestHist",
    "open_interest": "openInterest",
    "ping": "ping",
    "premium_index": "premiumIndex",
    "taker_long_short": "takerRatio",
    "ticker_24hr": "24hrTicker",
    "ticker_price": "tickerPrice",
    "time": "time",
    "trade": "trade",
}
"""Kind of a Binance sample by a word of its name, longer words first."""


def _kind_of(name: str) -> str:
    if name in _TOLD:
        return _TOLD[name]
    stem = name.rpartition("/")[2]
    if name.startswith("binance/"):
        return next(kind for word, kind in _BINANCE_KINDS.items() if word in stem)
    if name.startswith("coinbase/http_product"):
        return "products"
    return (
        "candles"
        if "candles" in stem
        else "AssetPairs"
        if "asset_pairs" in stem
        else "level3"
        if "l3" in stem
        else "instruments"
    )


def _dialect_of(name: str) -> tuple[str, str]:
    """Give a sample's dialect, and the symbol of its batch."""
    if name.startswith("binance/"):
        return ("binance.usdm" if "futures" in name else "binance.spot"), "BTCUSDT"
    if name.startswith("coinbase/"):
        return "coinbase.advanced", "BTC-USD@3600"
    if "futures" in name:
        return "kraken.futures", "PI_XBTUSD@3600"
    return "kraken.v2", ""


_SIZES: Final = {
    "aggTrade": ("q",),
    "trade": ("q", "qty", "quantity"),
    "market_trades": ("size",),
    "bookTicker": ("B", "A", "bidQty", "askQty"),
    "ticker": (
        "bid_qty",
        "ask_qty",
        "bid_size",
        "ask_size",
        "bidSize",
        "askSize",
        "best_bid_quantity",
        "best_ask_quantity",
    ),
    "l2_data": ("new_quantity",),
    "book": ("qty",),
    "kline": ("v",),
    "candles": ("volume",),
    "ohlc": ("volume",),
}
"""Fields that are sizes, by kind."""


def _sizes_in(kind: str, content: Json) -> Decimal:
    """Add up every size that a sample says, wherever it stands."""
    if isinstance(content, list):
        return sum((_sizes_in(kind, one) for one in content), Decimal(0))
    if not isinstance(content, dict):
        return Decimal(0)
    if "execution" in content:  # its orders say their own quantities
        return Decimal(content["execution"]["quantity"])
    names = _SIZES.get("book" if kind == "snapshot" else kind, ())
    here = sum(
        (Decimal(content[name]) for name in names if name in content and not isinstance(content[name], dict)),
        Decimal(0),
    )
    return here + sum((_sizes_in(kind, one) for one in content.values()), Decimal(0))


def _expected(name: str, kind: str, content: Json) -> Decimal:
    """Give the sum of sizes, for samples whose sizes stand in arrays too."""
    if kind == "kline" and isinstance(content, list):
        return sum((Decimal(one[5]) for one in content), Decimal(0))
    if name == "kraken/http_ticker.json":
        return sum((Decimal(one["b"][2]) + Decimal(one["a"][2]) for one in content["result"].values()), Decimal(0))
    for bids, asks in (("bids", "asks"), ("b", "a")):
        if kind in {"snapshot", "depthUpdate"} and isinstance(content.get(bids), list) and name.startswith("binance/"):
            return sum((Decimal(size) for _, size in content[bids] + content[asks]), Decimal(0))
    if name.startswith("coinbase/") and kind in {"snapshot", "l2_data"}:
        return _sizes_in("l2_data" if "l2" in name else "market_trades", content)
    return _sizes_in(kind, content)


def test_every_sample_is_accounted_for(captures: pathlib.Path) -> None:
    """Each of the 102 samples is of its kind and its sizes add up to what stands in it; one is wrong, and refused."""
    folder = captures / "venue_sample_payloads"
    paths = sorted(folder.rglob("*.json"))
    assert len(paths) == 102
    for path in paths:
        name = path.relative_to(folder).as_posix()
        dialect, symbol = _dialect_of(name)
        raw = path.read_bytes()
        kind = _kind_of(name)
        batch = decoder_of(dialect)(batch_of([raw], dialect, symbol=symbol), {})
        if name in _REFUSED:
            assert [one.reason for one in batch.rejections] == [_REFUSED[name]]
            continue
        assert (name, batch.kinds, batch.rejections) == (name, ((kind, 1),), ())
        assert (name, ours([batch]).sizes) == (name, _expected(name, kind, json.loads(raw, parse_float=Decimal)))
