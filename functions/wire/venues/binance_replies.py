"""Say what Binance's REST replies mean, one reply a row: trades, aggregate trades, klines and best quotes.

The kinds are those of the streams, so that what is fetched after a lost connection counts as what was streamed. Replies
that name no symbol are about their batch's. Index, mark-price and leveraged-token klines look like those of trades and
cannot be told apart here: whoever polls them must not send them as rows of these dialects.
Source: Binance's public REST documentation, and sample payloads.
"""

from typing import Final

from functions.domain.market import SIDE_BUY, SIDE_SELL
from functions.wire.venues.payloads import Content, a_list, an_object, together, unknown_kind
from functions.wire.venues.rows import (
    NS_PER_MS,
    CandleRow,
    IgnoredRow,
    QuoteRow,
    Reading,
    Row,
    TradeRow,
    bad,
    decimal,
    flag,
    symbol,
    whole,
)

_KLINE: Final = ("t", "o", "h", "l", "c", "v", "T", "q", "n")
_UNUSED: Final = {
    ("symbols", "rateLimits"): "exchangeInfo",
    ("serverTime",): "time",
    ("priceChange",): "24hrTicker",
    ("mins", "price"): "avgPrice",
    ("openInterest",): "openInterest",
    ("sumOpenInterest",): "openInterestHist",
    ("markPrice",): "premiumIndex",
    ("fundingRate",): "fundingRate",
    ("bidBuffer",): "assetIndex",
    ("component",): "compositeIndex",
    ("buySellRatio",): "takerRatio",
    ("symbol", "price"): "tickerPrice",
    ("error",): "control",
    ("result",): "control",
    ("code", "msg"): "control",
}
"""Replies that nothing here uses, by fields that tell them."""


def aggressor(buyer_is_maker: bool) -> int:  # noqa: FBT001 - the venue's own flag
    """Give the aggressor's side."""
    return SIDE_SELL if buyer_is_maker else SIDE_BUY


def candle_ns(start_ms: int, end_ms: int) -> int:
    """Give the interval of a candle whose last millisecond is told.

    Raises:
        BadText: It ends before it begins.
    """
    if end_ms < start_ms:
        reason, detail = "bad_candle", f"the candle begins at {start_ms} and ends at {end_ms}, ms"
        raise bad(reason, detail)
    return (end_ms + 1 - start_ms) * NS_PER_MS


def read_reply(content: Content) -> Row:
    """Say what a reply that is an object means; depth snapshots are read elsewhere.

    Raises:
        BadText: It breaks a rule.
    """
    if "bidPrice" in content and "priceChange" not in content:
        return _read_quote(content)
    kind = next((kind for fields, kind in _UNUSED.items() if all(field in content for field in fields)), None)
    if kind is None and content:
        return unknown_kind(content)
    return IgnoredRow(kind or "ping")


def read_list(entries: list[object], batch_symbol: str) -> Reading:
    """Say what a reply that is an array means.

    Raises:
        BadText: It breaks a rule.
    """
    return together([_read_entry(entry, batch_symbol) for entry in entries])


def _read_entry(entry: object, batch_symbol: str) -> Row:
    if isinstance(entry, list):
        return _read_kline(entry, batch_symbol)
    content = an_object(entry, "an entry")
    if "isBuyerMaker" in content:
        return _read_trade(content, batch_symbol)
    return _read_aggregate(content, batch_symbol) if "a" in content and "p" in content else read_reply(content)


def _read_kline(entry: object, batch_symbol: str) -> CandleRow:
    entries = a_list(entry, "a kline")
    if len(entries) < len(_KLINE):
        reason, detail = "missing_field", f"the kline has {len(entries)} entries; at least {len(_KLINE)} belong"
        raise bad(reason, detail)
    content = dict(zip(_KLINE, entries, strict=False))
    start = whole(content, "t")
    return CandleRow(
        kind="kline",
        symbol=_told(batch_symbol),
        ts_ns=start * NS_PER_MS,
        interval_ns=candle_ns(start, whole(content, "T")),
        open=decimal(content, "o"),
        high=decimal(content, "h"),
        low=decimal(content, "l"),
        close=decimal(content, "c"),
        volume=decimal(content, "v"),
        trades=whole(content, "n"),
        flags=0,  # the last one of a reply may still be open
    )


def _told(batch_symbol: str) -> str:
    return symbol({"symbol": batch_symbol}, "symbol")


def _read_trade(content: Content, batch_symbol: str) -> TradeRow:
    return TradeRow(
        kind="trade",
        symbol=_told(batch_symbol),
        ts_ns=whole(content, "time") * NS_PER_MS,
        price=decimal(content, "price"),
        size=decimal(content, "qty"),
        side=aggressor(flag(content, "isBuyerMaker")),
        trade_id=whole(content, "id"),
    )


def _read_aggregate(content: Content, batch_symbol: str) -> TradeRow:
    return TradeRow(
        kind="aggTrade",
        symbol=_told(batch_symbol),
        ts_ns=whole(content, "T") * NS_PER_MS,
        price=decimal(content, "p"),
        size=decimal(content, "q"),
        side=aggressor(flag(content, "m")),
        trade_id=whole(content, "a"),
    )


def _read_quote(content: Content) -> QuoteRow:
    return QuoteRow(
        kind="bookTicker",
        symbol=symbol(content, "symbol"),
        ts_ns=whole(content, "time") * NS_PER_MS if "time" in content else None,
        bid_price=decimal(content, "bidPrice"),
        bid_size=decimal(content, "bidQty"),
        ask_price=decimal(content, "askPrice"),
        ask_size=decimal(content, "askQty"),
        update_id=whole(content, "lastUpdateId") if "lastUpdateId" in content else 0,
    )
