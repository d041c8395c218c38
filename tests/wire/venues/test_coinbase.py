"""Check what Coinbase's rows mean: the Exchange feed and Advanced Trade."""

import json
from typing import Any, Final

import pytest
from decoding import refused, table
from venue_rows import both_ways

from functions.domain.market import (
    BOOK_SNAPSHOT,
    BOOK_WITHOUT_IDS,
    CANDLE_TRADES_UNKNOWN,
    NO_VENUE_TIME,
    QUOTE_LOCKED,
    SIDE_BUY,
    SIDE_SELL,
    TRADE_INFORMS_ONLY,
    InstrumentRef,
)

EXCHANGE: Final = "coinbase.exchange"
ADVANCED: Final = "coinbase.advanced"
KNOWN: Final = {"NU-GBP": InstrumentRef("NU-GBP.COINBASE", -4, -6)}
TIME: Final = "2021-04-17T16:43:30.244075Z"
AT: Final = 1_618_677_810_244_075_000


def row(**content: object) -> bytes:
    """Write a message; a field that is ... is left out."""
    return json.dumps({name: value for name, value in content.items() if value is not ...}).encode()


def match(**more: object) -> bytes:
    content: dict[str, Any] = {
        "type": "match",
        "trade_id": 9,
        "side": "sell",
        "size": "0.25",
        "price": "0.4394",
        "product_id": "NU-GBP",
        "sequence": 3,
        "time": TIME,
    }
    return row(**{**content, **more})


def ticker(**more: object) -> bytes:
    content = {"type": "ticker", "product_id": "NU-GBP", "sequence": 7, "time": TIME, "best_bid": "0.1"}
    return row(**{**content, "best_ask": "0.2", **more})


def update(*changes: tuple[str, str, str]) -> bytes:
    return row(type="l2update", product_id="NU-GBP", time=TIME, changes=changes)


def test_a_match_tells_the_makers_side() -> None:
    """The maker having sold, the aggressor bought; price, size, id and time are the venue's."""
    trades = both_ways([match(), match(side="buy", trade_id=10)], EXCHANGE, known=KNOWN).trades
    assert table(trades, "price", "size", "side", "trade_id", "ts_event", "flags") == [
        (4394, 250_000, SIDE_BUY, 9, AT, 0),
        (4394, 250_000, SIDE_SELL, 10, AT, 0),
    ]


def test_the_last_match_only_informs() -> None:
    """The trade before the subscription is told again with each, and feeds no bar."""
    assert both_ways([match(type="last_match")], EXCHANGE).trades.flags.tolist() == [TRADE_INFORMS_ONLY]


def test_only_the_bar_channel_feeds_bars() -> None:
    """Trades of another channel than the one that feeds bars only inform."""
    flags = [both_ways([match()], EXCHANGE, channel=one).trades.flags.tolist() for one in ("", "match", "ticker")]
    assert flags == [[0], [0], [TRADE_INFORMS_ONLY]]


def test_a_ticker_is_a_quote_without_sizes() -> None:
    """A ticker of 2021 tells no sizes, which are 0; one of today does. Its sequence is the quote's id."""
    rows = [ticker(), ticker(best_bid_size="3", best_ask_size="5.5"), ticker(best_bid="0.2")]
    quotes = both_ways(rows, EXCHANGE, known=KNOWN).quotes
    columns = ("bid_price", "bid_size", "ask_price", "ask_size", "update_id", "ts_event", "flags")
    assert table(quotes, *columns) == [
        (1000, 0, 2000, 0, 7, AT, 0),
        (1000, 3_000_000, 2000, 5_500_000, 7, AT, 0),
        (2000, 0, 2000, 0, 7, AT, QUOTE_LOCKED),
    ]


def test_an_update_has_its_bids_before_its_asks() -> None:
    """Changes are parted by side, in the order in which they are told; nothing numbers them."""
    rows = [update(("sell", "0.5", "1"), ("buy", "0.4", "0"), ("sell", "0.6", "2"), ("buy", "0.3", "3")), update()]
    book = both_ways(rows, EXCHANGE, known=KNOWN).book
    assert table(book, "bids", "asks", "ts_event", "flags") == [
        (2, 2, AT, BOOK_WITHOUT_IDS),
        (0, 0, AT, BOOK_WITHOUT_IDS),
    ]
    assert table(book, "level_price", "level_size") == [
        *((4000, 0), (3000, 3_000_000)),
        *((5000, 1_000_000), (6000, 2_000_000)),
    ]


def test_a_snapshot_has_no_time() -> None:
    """A snapshot takes its receive time, and says so."""
    snapshot = row(type="snapshot", product_id="NU-GBP", bids=[["0.4", "1"]], asks=[["0.5", "2"], ["0.6", "3"]])
    book = both_ways([snapshot], EXCHANGE).book
    assert table(book, "bids", "asks", "flags") == [(1, 2, BOOK_SNAPSHOT | BOOK_WITHOUT_IDS | NO_VENUE_TIME)]
    assert book.ts_event.tolist() == book.ts_receive.tolist()


def test_replies_count_as_what_was_streamed() -> None:
    """Trades fetched by REST are matches of their batch's product; a fetched book is a snapshot."""
    trades = row(a=[{"time": TIME, "trade_id": n, "price": "10.0", "size": "0.01", "side": "buy"} for n in (74, 73)])
    batch = both_ways([trades[6:-1], b'{"sequence":3,"bids":[["2","4",2]],"asks":[]}'], EXCHANGE, symbol="NU-GBP")
    assert batch.trades.trade_id.tolist() == [74, 73]
    assert batch.kinds == (("match", 1), ("snapshot", 1))
    assert {ref.instrument_id for ref in batch.instruments} == {"NU-GBP.COINBASE"}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (match(side="up"), "wrong_type"),
        (match(side=...), "missing_field"),
        (match(price="-1"), "negative_price"),
        (match(size="0.00"), "zero_size"),
        (match(trade_id="9"), "wrong_type"),
        (match(trade_id=-1), "out_of_range"),
        (match(time="yesterday"), "bad_time"),
        (match(time="2099-01-01T00:00:00Z"), "future_timestamp"),
        (match(product_id="NU GBP"), "wrong_type"),
        (match(type="mismatch"), "unknown_kind"),
        (match(type=...), "missing_field"),
        (update(("up", "1", "1")), "wrong_type"),
        (b'{"type":"l2update","product_id":"X","time":"2021-04-17T16:43:30Z","changes":[["buy","1"]]}', "wrong_type"),
        (b"5", "wrong_type"),
        (b"{", "bad_json"),
    ],
)
def test_a_wrong_message_is_refused(message: bytes, reason: str) -> None:
    """A message that breaks a rule is refused with its reason."""
    assert refused(message, EXCHANGE) == reason


@pytest.mark.parametrize("kind", ["subscriptions", "heartbeat", "error", "received", "open", "done", "status"])
def test_other_channels_are_counted(kind: str) -> None:
    """What nothing here uses is counted under its kind."""
    assert both_ways([row(type=kind)], EXCHANGE).kinds == ((kind, 1),)


def advanced(channel: str, name: str, *entries: dict[str, object], **event: object) -> bytes:
    """Write a message of Advanced Trade with one event."""
    events = [{"type": "update", **event, name: entries}]
    return row(channel=channel, timestamp=TIME, sequence_num=12, events=events)


TRADE: Final = {"trade_id": "995", "product_id": "NU-GBP", "price": "0.5", "size": "1", "side": "BUY", "time": TIME}
BEST: Final = {"product_id": "NU-GBP", "best_bid": "1", "best_bid_quantity": "2", "best_ask": "3"}


def test_market_trades_stand_together() -> None:
    """All trades of a message are taken, or, one being wrong, none; the side is the aggressor's."""
    good = advanced("market_trades", "trades", TRADE, {**TRADE, "trade_id": "996", "side": "SELL"})
    bad = advanced("market_trades", "trades", TRADE, {**TRADE, "price": "0"})
    batch = both_ways([good, bad, advanced("market_trades", "trades")], ADVANCED, known=KNOWN)
    assert table(batch.trades, "row", "trade_id", "side", "price") == [
        (0, 995, SIDE_BUY, 5000),
        (0, 996, SIDE_SELL, 5000),
    ]
    assert [(one.row, one.reason) for one in batch.rejections] == [(1, "zero_price")]
    assert dict(batch.kinds) == {"market_trades": 2, "rejected": 1}


def test_level2_has_bids_and_offers() -> None:
    """A level is a bid or an offer, of the message's time; a snapshot is one of its own kind."""
    levels = [
        {"side": side, "price_level": price, "new_quantity": "1", "event_time": "1970-01-01T00:00:00Z"}
        for side, price in (("offer", "3"), ("bid", "1"))
    ]
    rows = [advanced("l2_data", "updates", *levels, product_id="NU-GBP", type=kind) for kind in ("snapshot", "update")]
    batch = both_ways(rows, ADVANCED, known=KNOWN)
    assert table(batch.book, "bids", "asks", "ts_event", "flags") == [
        (1, 1, AT, BOOK_SNAPSHOT | BOOK_WITHOUT_IDS),
        (1, 1, AT, BOOK_WITHOUT_IDS),
    ]
    assert batch.book.level_price.tolist() == [10_000, 30_000] * 2
    assert batch.kinds == (("l2_data", 1), ("snapshot", 1))


def test_an_advanced_ticker_is_a_quote() -> None:
    """A ticker has sizes, and the time and number of its message."""
    quotes = both_ways(
        [advanced("ticker", "tickers", {**BEST, "best_ask_quantity": "4"})], ADVANCED, known=KNOWN
    ).quotes
    columns = ("bid_price", "bid_size", "ask_price", "ask_size", "update_id", "ts_event")
    assert table(quotes, *columns) == [(10_000, 2_000_000, 30_000, 4_000_000, 12, AT)]


def test_candles_are_of_five_minutes() -> None:
    """The channel's candles are of five minutes and start where they say; trades are not counted."""
    candle = {"start": "1775521800", "open": "2", "high": "4", "low": "1", "close": "3", "volume": "9"}
    channel = advanced("candles", "candles", {**candle, "product_id": "NU-GBP"})
    reply = row(candles=[candle])
    found = both_ways([channel, reply], ADVANCED, symbol="NU-GBP@3600").candles
    assert table(found, "ts_event", "interval_ns", "trades", "flags") == [
        (1_775_521_800_000_000_000, seconds * 1_000_000_000, CANDLE_TRADES_UNKNOWN, 0) for seconds in (300, 3600)
    ]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (advanced("market_trades", "trades", {**TRADE, "trade_id": 995}), "wrong_type"),
        (advanced("market_trades", "trades", {**TRADE, "trade_id": "+5"}), "wrong_type"),
        (advanced("market_trades", "trades", {**TRADE, "side": "BOTH"}), "wrong_type"),
        (advanced("ticker", "tickers", {**BEST}), "missing_field"),
        (advanced("l2_data", "updates", product_id="NU-GBP", type="rest"), "wrong_type"),
        (b'{"channel":"market_trades","events":{}}', "wrong_type"),
        (b'{"channel":"level4"}', "unknown_kind"),
        (b'{"candles":[]}', "missing_field"),
        (b'{"hello":1}', "unknown_kind"),
        (b"[]", "wrong_type"),
    ],
)
def test_a_wrong_advanced_message_is_refused(message: bytes, reason: str) -> None:
    """A message that breaks a rule is refused with its reason."""
    assert refused(message, ADVANCED) == reason
