"""Say what the replies of Kraken's public REST API mean: `{"error": [], "result": {pair: ...}}`, one reply a row.

Trades here have ids, which those of the socket have not. Candles do not tell their interval, so their batch does:
`BTC/USD@3600`, in seconds. Names of pairs have no slash and may be of old; see `kraken_names`.
Source: docs.kraken.com/api/docs/rest-api, and sample payloads.
"""

from collections.abc import Sequence
from typing import Final

from functions.domain.market import BOOK_SNAPSHOT, BOOK_WITHOUT_IDS, SIDE_BUY, SIDE_SELL
from functions.wire.venues.kraken_names import today
from functions.wire.venues.payloads import Content, a_list, an_object, together, unknown_kind
from functions.wire.venues.rows import (
    BookRow,
    CandleRow,
    IgnoredRow,
    MarketRow,
    QuoteRow,
    Reading,
    TradeRow,
    bad,
    choice,
    decimal,
    levels,
    named_by_batch,
    symbol,
    whole,
)
from functions.wire.venues.times import seconds_ns

_SIDES: Final = {"b": SIDE_BUY, "s": SIDE_SELL}
_TRADE: Final = ("price", "volume", "time", "side", "order type", "miscellaneous", "trade id")
_CANDLE: Final = ("time", "open", "high", "low", "close", "vwap", "volume", "count")
_BEST: Final = ("price", "whole lot volume", "lot volume")


def read_reply(content: Content, batch_symbol: str) -> Reading:
    """Say what a reply means.

    Raises:
        BadText: It breaks a rule.
    """
    if a_list(content["error"], "field 'error'") or "result" not in content:
        return IgnoredRow("error")
    result = an_object(content["result"], "field 'result'")
    for field, kind in (("unixtime", "time"), ("status", "systemStatus")):
        if field in result:
            return IgnoredRow(kind)
    told = [(symbol({"pair": today(name)}, "pair"), value) for name, value in result.items() if name != "last"]
    read: list[MarketRow | IgnoredRow] = []
    for pair, value in told:
        read += _read_pair(pair, value, batch_symbol)
    return together(read)


def _read_pair(pair: str, value: object, batch_symbol: str) -> Sequence[MarketRow | IgnoredRow]:
    if isinstance(value, list):
        return [_read_entry(pair, entry, batch_symbol) for entry in value]
    content = an_object(value, f"what is said of {pair}")
    if "wsname" in content or "altname" in content:
        return [IgnoredRow("AssetPairs" if "base" in content else "Assets")]
    if "asks" in content and "bids" in content:
        return [_read_depth(pair, content)]
    if "a" in content and "b" in content:
        return [_read_ticker(pair, content)]
    return unknown_kind(content)


def _read_entry(pair: str, entry: object, batch_symbol: str) -> MarketRow:
    entries = a_list(entry, f"what is said of {pair}")
    if len(entries) == len(_TRADE):
        return _read_trade(pair, dict(zip(_TRADE, entries, strict=True)))
    if len(entries) == len(_CANDLE):
        return _read_candle(pair, dict(zip(_CANDLE, entries, strict=True)), named_by_batch(batch_symbol)[1])
    reason, detail = "unknown_kind", f"an array of {len(entries)} is neither a trade nor a candle"
    raise bad(reason, detail)


def _read_trade(pair: str, content: Content) -> TradeRow:
    return TradeRow(
        kind="trade",
        symbol=pair,
        ts_ns=seconds_ns(decimal(content, "time")),
        price=decimal(content, "price"),
        size=decimal(content, "volume"),
        side=choice(content, "side", _SIDES),
        trade_id=whole(content, "trade id"),
    )


def _read_candle(pair: str, content: Content, interval_ns: int) -> CandleRow:
    return CandleRow(
        kind="ohlc",
        symbol=pair,
        ts_ns=seconds_ns(decimal(content, "time")),
        interval_ns=interval_ns,
        open=decimal(content, "open"),
        high=decimal(content, "high"),
        low=decimal(content, "low"),
        close=decimal(content, "close"),
        volume=decimal(content, "volume"),
        trades=whole(content, "count"),
        flags=0,
    )


def _read_depth(pair: str, content: Content) -> BookRow:
    return BookRow(
        kind="snapshot",
        symbol=pair,
        ts_ns=None,
        first_update_id=0,
        last_update_id=0,
        previous_update_id=0,
        bids=levels(content, "bids"),
        asks=levels(content, "asks"),
        flags=BOOK_SNAPSHOT | BOOK_WITHOUT_IDS,
    )


def _read_ticker(pair: str, content: Content) -> QuoteRow:
    bid, ask = (_best(content, name) for name in ("b", "a"))
    return QuoteRow(
        kind="ticker",
        symbol=pair,
        ts_ns=None,
        bid_price=decimal(bid, "price"),
        bid_size=decimal(bid, "lot volume"),
        ask_price=decimal(ask, "price"),
        ask_size=decimal(ask, "lot volume"),
        update_id=0,
    )


def _best(content: Content, name: str) -> Content:
    return dict(zip(_BEST, a_list(content[name], f"field {name!r}"), strict=False))
