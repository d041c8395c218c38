"""Check what Kraken's rows mean: the form of 2021, the current one, futures and REST replies."""

import json
from typing import Any, Final

import pytest
from decoding import refused, table
from venue_rows import both_ways

from functions.domain.market import (
    BOOK_CHECKSUM,
    BOOK_SNAPSHOT,
    BOOK_WITHOUT_IDS,
    CANDLE_TRADES_UNKNOWN,
    NO_VENUE_TIME,
    SIDE_BUY,
    SIDE_SELL,
    TRADE_WITHOUT_ID,
    InstrumentRef,
)
from functions.wire.venues.kraken_names import today

V1: Final = "kraken.v1"
V2: Final = "kraken.v2"
FUTURES: Final = "kraken.futures"
KNOWN: Final = {"BTC/CHF": InstrumentRef("BTC-CHF.KRAKEN", -5, -8), "PI_XBTUSD": InstrumentRef("X", -1, 0)}
S: Final = 1_000_000_000


def row(*content: object) -> bytes:
    """Write an array."""
    return json.dumps(content, separators=(",", ":")).encode()


def trade(price: str = "354.04", side: str = "s", time: str = "1618678150.826417") -> list[str]:
    return [price, "0.28245396", time, side, "m", ""]


def level(price: str, time: str = "1618678117.243818", size: str = "0.5") -> list[str]:
    return [price, size, time]


def test_a_message_has_several_trades() -> None:
    """Trades have no ids, their side is the aggressor's, their times have microseconds."""
    batch = both_ways([row(993, [trade(), trade(side="b")], "trade", "XBT/CHF")], V1, known=KNOWN)
    assert table(batch.trades, "row", "price", "size", "side", "trade_id", "ts_event", "flags") == [
        (0, 35_404_000, 28_245_396, side, 0, 1_618_678_150_826_417_000, TRADE_WITHOUT_ID)
        for side in (SIDE_SELL, SIDE_BUY)
    ]
    assert [ref.instrument_id for ref in batch.instruments] == ["BTC-CHF.KRAKEN"]
    assert batch.kinds == (("trade", 1),)


def test_one_wrong_trade_refuses_its_message() -> None:
    """The trades of a message stand or fall together, and harm no other."""
    rows = [row(1, [trade(), trade(price="-1")], "trade", "XBT/CHF"), row(1, [trade()], "trade", "XBT/CHF")]
    batch = both_ways(rows, V1)
    assert (batch.trades.row.tolist(), [one.reason for one in batch.rejections]) == ([1], ["negative_price"])


def test_a_ticker_tells_no_time() -> None:
    """A ticker is a quote at its receive time, with sizes to the last decimal; a spread has a time."""
    best = {"a": ["13.2539", 35, "35.72892241"], "b": ["13.2329", 185, "185.18432037"], "t": [1, 2]}
    spread = ["13.2", "13.3", "1542057299.545897", "1.5", "2.5"]
    quotes = both_ways([row(9, best, "ticker", "XBT/CHF"), row(9, spread, "spread", "XBT/CHF")], V1, known=KNOWN).quotes
    assert table(quotes, "bid_price", "bid_size", "ask_price", "ask_size", "flags") == [
        (1_323_290, 18_518_432_037, 1_325_390, 3_572_892_241, NO_VENUE_TIME),
        (1_320_000, 150_000_000, 1_330_000, 250_000_000, 0),
    ]
    assert quotes.ts_event.tolist() == [quotes.ts_receive[0], 1_542_057_299_545_897_000]


def test_a_book_has_its_checksum_and_its_latest_time() -> None:
    """Asks and bids may come in two payloads; the message's time is its latest level's."""
    asks, bids = [level("2.5", "1618678145.920470")], [level("2.4", "1618678145.920708"), level("2.3")]
    both = row(1, {"a": asks}, {"b": bids, "c": "4105471083"}, "book-1000", "XBT/CHF")
    again = row(1, {"b": [[*level("2.4"), "r"]], "c": "7"}, "book-10", "XBT/CHF")
    book = both_ways([both, again], V1, known=KNOWN).book
    flags = BOOK_WITHOUT_IDS | BOOK_CHECKSUM
    assert table(book, "bids", "asks", "checksum", "flags", "ts_event") == [
        (2, 1, 4_105_471_083, flags, 1_618_678_145_920_708_000),
        (1, 0, 7, flags, 1_618_678_117_243_818_000),
    ]
    assert book.level_price.tolist() == [240_000, 230_000, 250_000, 240_000]


def test_a_snapshot_has_both_sides() -> None:
    """A snapshot has no checksum, and may have an empty side."""
    rows = [
        row(1, {"as": [level("2.5")], "bs": [level("2.4")]}, "book-10", "XBT/CHF"),
        row(1, {"as": [], "bs": []}, "book-10", "XBT/CHF"),
    ]
    batch = both_ways(rows, V1)
    flags = BOOK_WITHOUT_IDS | BOOK_SNAPSHOT
    assert table(batch.book, "bids", "asks", "flags") == [(1, 1, flags), (0, 0, flags | NO_VENUE_TIME)]
    assert batch.kinds == (("snapshot", 2),)


def test_a_candle_ends_where_it_says() -> None:
    """An ohlc message tells the candle's end, and its channel the minutes."""
    figures = ["1542057314.748456", "1542057600.000000", "3", "4", "1", "2", "2.5", "9", 7]
    candles = both_ways([row(42, figures, "ohlc-5", "XBT/CHF")], V1, known=KNOWN).candles
    assert table(candles, "ts_event", "interval_ns", "open", "high", "low", "close", "volume", "trades") == [
        (1_542_057_300 * S, 300 * S, 300_000, 400_000, 100_000, 200_000, 900_000_000, 7)
    ]


@pytest.mark.parametrize(
    ("pair", "name"),
    [
        *(("XBT/CHF", "BTC/CHF"), ("ADA/XBT", "ADA/BTC"), ("XDG/USD", "DOGE/USD"), ("BTC/USD", "BTC/USD")),
        *(("XXBTZUSD", "BTC/USD"), ("XETHXXBT", "ETH/BTC"), ("XDGUSD", "DOGE/USD"), ("ETHCHF", "ETH/CHF")),
        *(("USDTZUSD", "USDT/USD"), ("WEIRD", "WEIRD"), ("", ""), ("/", "/")),
    ],
)
def test_pairs_have_the_names_of_today(pair: str, name: str) -> None:
    """Every spelling of a pair leads to the one in use."""
    assert today(pair) == name


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (row(1, [trade(side="x")], "trade", "XBT/CHF"), "wrong_type"),
        (row(1, [trade()[:3]], "trade", "XBT/CHF"), "missing_field"),
        (row(1, ["1212b"], "trade", "XBT/CHF"), "wrong_type"),
        (row(1, [trade()], [trade()], "trade", "XBT/CHF"), "wrong_type"),
        (row(1, [trade(time="1618678150.8264170001")], "trade", "XBT/CHF"), "too_fine"),
        (row(1, {"a": ["1", 1, "1"]}, "ticker", "XBT/CHF"), "wrong_type"),
        (row(1, {"c": "5"}, "book-10", "XBT/CHF"), "missing_field"),
        (row(1, {"a": [level("1")], "c": "4294967296"}, "book-10", "XBT/CHF"), "out_of_range"),
        (row(1, {"a": [level("1")], "c": 5}, "book-10", "XBT/CHF"), "wrong_type"),
        (row(1, {"as": [level("1")]}, "book-10", "XBT/CHF"), "wrong_type"),
        (row(1, {}, "gossip", "XBT/CHF"), "unknown_kind"),
        (row(1, [trade()], "trade", ""), "wrong_type"),
        (b'{"event":"party"}', "unknown_kind"),
        (b"[]", "wrong_type"),
        (b'"x"', "wrong_type"),
    ],
)
def test_a_wrong_message_is_refused(message: bytes, reason: str) -> None:
    """A message that breaks a rule is refused with its reason."""
    assert refused(message, V1) == reason
    both_ways([message], V1)


def test_replies_are_read() -> None:
    """REST tells trades with ids, depth, candles of the batch's interval, tickers; the rest is counted."""
    rows = [
        b'{"error":[],"result":{"XXBTZUSD":[["30243.4","0.3",1688669597.8277369,"b","m","",61044952]],"last":"1"}}',
        b'{"error":[],"result":{"XXBTZUSD":{"asks":[["30384.1","2.059",1688671659]],"bids":[["30297.0","1.1",1]]}}}',
        b'{"error":[],"result":{"XXBTZUSD":[[1688671200,"30","31","29","30.5","30","3.3",23]],"last":1688672160}}',
        b'{"error":[],"result":{"XBTUSDT":{"a":["2","1","1.000"],"b":["1","1","1.000"]}}}',
        b'{"error":[],"result":{"unixtime":1}}',
        b'{"error":["EGeneral:Too many requests"]}',
    ]
    batch = both_ways(rows, V1, symbol="BTC/USD@60")
    kinds = {"error": 1, "ohlc": 1, "snapshot": 1, "ticker": 1, "time": 1, "trade": 1}
    assert (dict(batch.kinds), batch.rejections) == (kinds, ())
    assert table(batch.trades, "ts_event", "trade_id", "side") == [(1_688_669_597_827_736_900, 61_044_952, SIDE_BUY)]
    assert table(batch.candles, "ts_event", "interval_ns", "trades") == [(1_688_671_200 * S, 60 * S, 23)]
    assert {ref.instrument_id for ref in batch.instruments} == {"BTC-USD.KRAKEN", "BTC-USDT.KRAKEN"}


def current(channel: str, *entries: str, kind: str = "update") -> bytes:
    """Write a message of the current form; entries are written as they are, for their numbers' sake."""
    return f'{{"channel":"{channel}","type":"{kind}","data":[{",".join(entries)}]}}'.encode()


TIME: Final = '"timestamp":"2023-10-06T17:35:55.440295Z"'
TRADE: Final = f'{{"symbol":"BTC/CHF","side":"buy","price":105944.20,"qty":0.00027625,"trade_id":7,{TIME}}}'
BOOK: Final = '{"symbol":"BTC/CHF","bids":[{"price":1.10,"qty":2}],"asks":[{"price":1.20,"qty":0.0}],"checksum":9'
AT: Final = 1_696_613_755_440_295_000


def test_numbers_keep_their_text() -> None:
    """A JSON number is exact, whole or with a fraction; with an exponent too."""
    rows = [current("trade", TRADE), current("trade", TRADE.replace("105944.20", "5").replace("0.00027625", "3e-7"))]
    trades = both_ways(rows, V2, known=KNOWN).trades
    assert table(trades, "price", "size", "side", "trade_id", "ts_event") == [
        (10_594_420_000, 27_625, SIDE_BUY, 7, AT),
        (500_000, 30, SIDE_BUY, 7, AT),
    ]


def test_a_current_book_has_a_checksum() -> None:
    """A book message tells its checksum, and its time when it is an update."""
    rows = [current("book", BOOK + "}", kind="snapshot"), current("book", f"{BOOK},{TIME}}}")]
    batch = both_ways(rows, V2, known=KNOWN)
    flags = BOOK_WITHOUT_IDS | BOOK_CHECKSUM
    assert table(batch.book, "bids", "asks", "checksum", "flags") == [
        (1, 1, 9, flags | BOOK_SNAPSHOT | NO_VENUE_TIME),
        (1, 1, 9, flags),
    ]
    assert table(batch.book, "level_price", "level_size") == [(110_000, 200_000_000), (120_000, 0)] * 2
    assert batch.kinds == (("book", 1), ("snapshot", 1))


def test_a_current_ticker_and_candle() -> None:
    """A ticker is a quote, with a time where it tells one; a candle tells start, minutes and trades."""
    best = '"symbol":"BTC/CHF","bid":1.5,"bid_qty":2,"ask":1.6,"ask_qty":3'
    candle = '"interval":5,"interval_begin":"2023-10-04T16:25:00.000000000Z","trades":4,"volume":9,"vwap":1'
    figures = '"symbol":"BTC/CHF","open":2,"high":4,"low":1,"close":3'
    batch = both_ways(
        [current("ticker", f"{{{best}}}", f"{{{best},{TIME}}}"), current("ohlc", f"{{{figures},{candle}}}")],
        V2,
        known=KNOWN,
    )
    assert table(batch.quotes, "row", "bid_price", "ask_size", "flags") == [
        (0, 150_000, 300_000_000, NO_VENUE_TIME),
        (0, 150_000, 300_000_000, 0),
    ]
    assert table(batch.candles, "ts_event", "interval_ns", "trades") == [(1_696_436_700 * S, 300 * S, 4)]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (current("trade", TRADE.replace("7,", '"7",')), "wrong_type"),
        (current("trade", TRADE.replace("105944.20", "true")), "wrong_type"),
        (current("trade", TRADE.replace("105944.20", "[1,2]")), "wrong_type"),
        (current("trade", TRADE.replace("105944.20", "-0.5")), "negative_price"),
        (current("trade", TRADE.replace("105944.20", "1" * 400)), "out_of_range"),
        (current("book", BOOK + "}", kind="news"), "wrong_type"),
        (current("book", (BOOK + "}").replace("9}", "4294967296}")), "out_of_range"),
        (current("gossip"), "unknown_kind"),
        (b'{"channel":"trade"}', "wrong_type"),
        (b"{}", "unknown_kind"),
    ],
)
def test_a_wrong_current_message_is_refused(message: bytes, reason: str) -> None:
    """A message that breaks a rule is refused with its reason."""
    assert refused(message, V2) == reason
    both_ways([message], V2)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (b'{"channel":"heartbeat"}', "heartbeat"),
        (b'{"channel":"status","data":[{}]}', "status"),
        (b'{"method":"subscribe","success":true}', "control"),
        (current("trade"), "trade"),
    ],
)
def test_other_current_messages_are_counted(message: bytes, kind: str) -> None:
    """What says no market data is counted under its kind."""
    assert both_ways([message], V2).kinds == ((kind, 1),)


def future(**more: object) -> bytes:
    content: dict[str, Any] = {"feed": "trade", "product_id": "PI_XBTUSD", "side": "sell", "seq": 653355}
    return json.dumps({**content, "time": 1612266317519, "qty": 15000, "price": 34969.5, **more}).encode()


def test_futures_count_contracts() -> None:
    """A future's trade has its sequence as id; a book's sequence numbers its messages."""
    book = future(feed="book", timestamp=1612266317519, price=34981, qty=0)
    batch = both_ways([future(), book, future(event="subscribed")], FUTURES, known=KNOWN)
    at = 1_612_266_317_519_000_000
    assert table(batch.trades, "price", "size", "side", "trade_id", "ts_event") == [
        (349_695, 15_000, SIDE_SELL, 653_355, at)
    ]
    assert table(batch.book, "first_update_id", "last_update_id", "bids", "asks") == [(653_355, 653_355, 0, 1)]
    assert dict(batch.kinds) == {"book": 1, "control": 1, "trade": 1}


def test_candles_of_futures_take_their_batchs_interval() -> None:
    """A reply of candles says neither product nor interval; its batch does."""
    reply = b'{"candles":[{"time":1731715200000,"open":"2","high":"4","low":"1","close":"3","volume":"9"}]}'
    candles = both_ways([reply], FUTURES, symbol="PI_XBTUSD@3600", known=KNOWN).candles
    assert table(candles, "ts_event", "interval_ns", "trades") == [(1_731_715_200 * S, 3600 * S, CANDLE_TRADES_UNKNOWN)]
    assert refused(reply, FUTURES, symbol="PI_XBTUSD") == "missing_field"
