"""Check what COIN-M futures, klines and REST replies of Binance mean."""

import json
from typing import Any, Final

import pytest
from decoding import refused, table
from venue_rows import both_ways

from functions.domain.market import (
    BOOK_SNAPSHOT,
    BOOK_TELLS_PREVIOUS,
    CANDLE_CLOSED,
    NO_VENUE_TIME,
    SIDE_BUY,
    SIDE_SELL,
    InstrumentRef,
)
from functions.wire.venues.binance import instrument_id

COINM: Final = "binance.coinm"
SPOT: Final = "binance.spot"
KNOWN: Final = {
    "BTCUSD_PERP": InstrumentRef("BTC-USD-PERP.BINANCECOINM", -1, 0),
    "BTCUSD_200925": InstrumentRef("BTC-USD-200925.BINANCECOINM", -1, 0),
    "BTCUSDT": InstrumentRef("BTC-USDT.BINANCE", -2, -5),
}
MS: Final = 1_000_000
AT: Final = 1_591_261_134_199


def row(**content: object) -> bytes:
    """Write a message."""
    return json.dumps(content, separators=(",", ":")).encode()


def array(entries: list[Any]) -> bytes:
    """Write a reply that is an array."""
    return json.dumps(entries).encode()


@pytest.mark.parametrize("symbol", ["BTCUSD_PERP", "BTCUSD_200925"])
def test_coinm_trades_count_contracts(symbol: str) -> None:
    """A trade of a perpetual or of a dated contract is read as any, and its size is a number of contracts."""
    trade = row(e="aggTrade", E=AT, a=424951, s=symbol, p="9643.5", q="2", f=1, l=1, T=AT, m=False)
    batch = both_ways([trade, trade], COINM, known=KNOWN)
    assert (
        table(batch.trades, "price", "size", "side", "trade_id", "ts_event")
        == [(96_435, 2, SIDE_BUY, 424_951, AT * MS)] * 2
    )
    assert batch.instruments == (KNOWN[symbol],)


def test_coinm_quotes_and_books() -> None:
    """A quote, an update that tells the one before it, and a fetched book that names its symbol."""
    quote = row(
        u=17242169, e="bookTicker", s="BTCUSD_PERP", ps="BTCUSD", b="9548.1", B="52", a="9548.5", A="11", T=AT, E=AT
    )
    depth = row(e="depthUpdate", E=AT, T=AT, s="BTCUSD_PERP", ps="BTCUSD", U=8, u=9, pu=7, b=[["9517.6", "10"]], a=[])
    fetched = row(lastUpdateId=9, symbol="BTCUSD_PERP", pair="BTCUSD", E=AT, T=AT, bids=[["1.5", "2"]], asks=[])
    batch = both_ways([quote, depth, fetched], COINM, symbol="BTCUSD_PERP", known=KNOWN)
    assert table(batch.quotes, "bid_price", "bid_size", "ask_price", "ask_size") == [(95_481, 52, 95_485, 11)]
    assert table(batch.book, "first_update_id", "last_update_id", "previous_update_id", "flags") == [
        (8, 9, 7, BOOK_TELLS_PREVIOUS),
        (0, 9, 0, BOOK_SNAPSHOT),
    ]
    assert {ref.instrument_id for ref in batch.instruments} == {"BTC-USD-PERP.BINANCECOINM"}


@pytest.mark.parametrize(
    ("symbol", "venue", "name"),
    [
        ("BTCUSD_PERP", "BINANCECOINM", "BTC-USD-PERP.BINANCECOINM"),
        ("BTCUSD_200925", "BINANCECOINM", "BTC-USD-200925.BINANCECOINM"),
        ("BTCUSDT_250926", "BINANCEUSDM", "BTC-USDT-250926.BINANCEUSDM"),
        ("ETHUSDT", "BINANCEUSDM", "ETH-USDT-PERP.BINANCEUSDM"),
    ],
)
def test_contracts_are_named(symbol: str, venue: str, name: str) -> None:
    """A contract's name tells its delivery, or that it has none."""
    assert instrument_id(symbol, venue) == name


def kline(**more: object) -> bytes:
    candle: dict[str, Any] = {"t": 1_638_747_660_000, "T": 1_638_747_719_999, "s": "BTCUSDT", "o": "1", "h": "2.5"}
    return row(e="kline", s="BTCUSDT", k={**candle, "l": "0.5", "c": "2", "v": "1000", "n": 100, "x": True, **more})


def test_a_kline_is_a_candle() -> None:
    """A kline starts where it says, lasts to its last millisecond, and says whether it is closed."""
    batch = both_ways([kline(), kline(x=False)], SPOT, known=KNOWN)
    columns = ("ts_event", "interval_ns", "open", "high", "low", "close", "volume", "trades", "flags")
    minute = (1_638_747_660_000 * MS, 60_000 * MS, 100, 250, 50, 200, 100_000_000, 100)
    assert table(batch.candles, *columns) == [(*minute, CANDLE_CLOSED), (*minute, 0)]
    assert batch.kinds == (("kline", 2),)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (kline(l="1.5"), "bad_candle"),
        (kline(T=0), "bad_candle"),
        (kline(x=1), "wrong_type"),
        (kline(n=None), "wrong_type"),
        (b'{"e":"kline","s":"BTCUSDT"}', "wrong_type"),
        (b"[[1,2]]", "missing_field"),
        (b'[{"id":1,"isBuyerMaker":true}]', "missing_field"),
        (b'[{"hello":1}]', "unknown_kind"),
        (b'{"price":"1"}', "unknown_kind"),
    ],
)
def test_a_wrong_row_is_refused(message: bytes, reason: str) -> None:
    """A candle or a reply that breaks a rule is refused with its reason."""
    assert refused(message, SPOT, symbol="BTCUSDT") == reason


def test_replies_count_as_what_was_streamed() -> None:
    """Fetched trades, aggregates, klines and quotes have the streams' kinds, and their batch's symbol."""
    rows = [
        array([{"id": 28457, "price": "4.00", "qty": "12", "time": AT, "isBuyerMaker": True}]),
        array([{"a": 26129, "p": "0.01", "q": "4.7", "f": 1, "l": 1, "T": AT, "m": False}]),
        array([[AT, "1", "3", "1", "2", "9.5", AT + 59_999, "2434.1", 308, "1", "2", "0"]]),
        row(symbol="BTCUSDT", bidPrice="4", bidQty="431", askPrice="4.5", askQty="9"),
        row(symbol="BTCUSDT", bidPrice="4", bidQty="431", askPrice="4.5", askQty="9", time=AT),
        b"{}",
        b"[]",
        b'{"symbol":"BTCUSDT","price":"1"}',
    ]
    batch = both_ways(rows, SPOT, symbol="BTCUSDT", known=KNOWN)
    kinds = {"aggTrade": 1, "bookTicker": 2, "empty": 1, "kline": 1, "ping": 1, "tickerPrice": 1, "trade": 1}
    assert (dict(batch.kinds), batch.rejections) == (kinds, ())
    assert table(batch.trades, "trade_id", "side", "price", "ts_event") == [
        (28_457, SIDE_SELL, 400, AT * MS),
        (26_129, SIDE_BUY, 1, AT * MS),
    ]
    assert table(batch.candles, "interval_ns", "volume", "trades", "flags") == [(60_000 * MS, 950_000, 308, 0)]
    assert table(batch.quotes, "bid_price", "ask_size", "flags") == [(400, 900_000, NO_VENUE_TIME), (400, 900_000, 0)]
