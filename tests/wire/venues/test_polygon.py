"""Check Polygon's events and replies: what they say, in which order, and why one is refused."""

from typing import Any

import pytest
from decoding import accounted, decode, refused, table
from equity_rows import EXAMPLES, MINUTE, MS, PAGE_TRADE, QUOTE, TRADE, T, row

from functions.domain.bars import kernel
from functions.domain.bars.fold import BarRules, fold_batch
from functions.domain.bars.state import start
from functions.domain.market import (
    CANDLE_CLOSED,
    CANDLE_TRADES_UNKNOWN,
    MARKET_MISSING,
    QUOTE_CROSSED,
    TRADE_CANCEL,
    TRADE_CORRECTION,
    TRADE_IDS_SPARSE,
    TRADE_INFORMS_ONLY,
    TRADE_NOT_HIGH_LOW,
    TRADE_NOT_LAST,
    TRADE_WITHOUT_ID,
)

DIALECT = "polygon.stocks"


@pytest.mark.parametrize(("raw", "symbol"), EXAMPLES[DIALECT])
def test_examples_decode(raw: bytes, symbol: str) -> None:
    """Each example is taken or counted as a kind that carries no prices."""
    assert not decode([raw], DIALECT, symbol=symbol).rejections


def test_an_event_is_a_trade() -> None:
    """A print keeps its exact price, its SIP time, and an id that is unique over days."""
    batch = decode([row([TRADE])], DIALECT)
    assert [ref.instrument_id for ref in batch.instruments] == ["AAPL.US"]
    assert table(batch.trades, "price", "size", "side", "flags") == [(156_430_000, 100_000_000, 0, TRADE_IDS_SPARSE)]
    assert batch.trades.ts_event.tolist() == [T * MS]
    assert batch.trades.trade_id.tolist() == [(19_110 << 40) + 3681]  # 28 April 2022 is day 19,110
    assert batch.kinds == (("trade", 1),)


def test_a_message_with_several_events() -> None:
    """One message may say prints and quotes of several tickers; all have its row, in its order."""
    batch = decode([row([TRADE, QUOTE, {**TRADE, "sym": "IBM", "q": 2}])], DIALECT)
    assert batch.trades.row.tolist() == [0, 0]
    assert [batch.instruments[n].instrument_id for n in batch.trades.instrument] == ["AAPL.US", "IBM.US"]
    assert table(batch.quotes, "bid_price", "bid_size", "ask_price", "ask_size") == [
        (114_125_000, 1_000_000, 114_128_000, 16_000_000)
    ]
    assert batch.kinds == (("trade", 1),)


def test_ids_start_again_with_the_session() -> None:
    """The same sequence number on the next day is another trade, and the session's evening has its own date in UTC."""
    evening = {**TRADE, "t": 1_651_190_399_000}  # 19:59:59 in New York, 23:59:59 UTC
    winter = {**TRADE, "t": 1_642_035_599_000}  # 19:59:59 in New York, 00:59:59 UTC of the next day
    ids = [one >> 40 for one in decode([row([evening, winter])], DIALECT).trades.trade_id.tolist()]
    assert ids == [19_110, 19_004]  # 28 April 2022, 12 January 2022


def test_fractions_of_a_share() -> None:
    """The size is what `ds` tells exactly, where the venue sends it."""
    assert decode([row([{**TRADE, "s": 1, "ds": "1.250001"}])], DIALECT).trades.size.tolist() == [1_250_001]


@pytest.mark.parametrize(
    ("more", "flags"),
    [
        ({"c": [12, 37]}, TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW),
        ({"c": None}, 0),
        ({"e": 8}, TRADE_CANCEL | TRADE_INFORMS_ONLY),
        ({"e": 1}, TRADE_CORRECTION),
        ({"c": [10], "e": 11}, TRADE_CANCEL | TRADE_INFORMS_ONLY | TRADE_NOT_LAST),
    ],
)
def test_conditions_and_corrections(more: dict[str, Any], flags: int) -> None:
    """Sale conditions and corrections are kept as flags."""
    assert decode([row([{**TRADE, **more}])], DIALECT).trades.flags.tolist() == [flags | TRADE_IDS_SPARSE]


def test_sequence_numbers_of_a_tape_tell_of_no_hole() -> None:
    """The SIP numbers all that a tape says, so that a ticker's prints skip numbers and none of them is missing."""
    prints = [{**TRADE, "q": 3681}, {**TRADE, "q": 4017}, {**TRADE, "t": T + 5000, "q": 9001}]
    batches = fold_batch(kernel, start("US-0"), decode([row(prints)], DIALECT), BarRules())
    assert [flags & MARKET_MISSING for one in batches for flags in one.flags.tolist()] == [0, 0]


def test_candles_of_the_venue() -> None:
    """A minute's event is a closed candle whose trades are not told."""
    batch = decode([row([MINUTE])], DIALECT)
    assert table(batch.candles, "ts_event", "interval_ns", "trades", "flags") == [
        (1_610_144_640_000 * MS, 60_000_000_000, CANDLE_TRADES_UNKNOWN, CANDLE_CLOSED)
    ]
    assert table(batch.candles, "open", "high", "low", "close", "volume") == [
        (448_800, 448_900, 448_600, 448_600, 4_110_000_000)
    ]


def test_a_page_comes_in_time_order() -> None:
    """A page that comes newest first is told oldest first, so that the last quote is the latest."""
    newest = {"bid_price": 2, "ask_price": 3, "bid_size": 1, "ask_size": 1, "sequence_number": 9, "sip_timestamp": 50}
    page = [newest, {**newest, "sequence_number": 7, "sip_timestamp": 50}, {**newest, "sip_timestamp": 40}]
    quotes = decode([row({"results": page, "status": "OK"})], DIALECT, symbol="AAPL").quotes
    assert table(quotes, "ts_event", "update_id") == [(40, 9), (50, 7), (50, 9)]


def test_an_empty_side_has_no_price() -> None:
    """A side that is missing or null reads as 0, and crosses nothing; a crossed quote is kept and flagged."""
    one_sided = {key: value for key, value in QUOTE.items() if key not in ("bp", "bs")}
    batch = decode([row([{**one_sided, "as": None}, {**QUOTE, "bp": 115}])], DIALECT)
    assert table(batch.quotes, "bid_price", "bid_size", "ask_price", "ask_size", "flags") == [
        (0, 0, 114_128_000, 0, 0),
        (115_000_000, 1_000_000, 114_128_000, 16_000_000, QUOTE_CROSSED),
    ]


def test_repeated_prints_only_inform() -> None:
    """A last trade and a snapshot tell of a print that came before: they never feed bars."""
    last = {"results": {"T": "AAPL", "t": T * MS, "q": 1, "p": 1.5, "s": 2, "c": [0], "e": 0}, "status": "OK"}
    snapshot = {"ticker": {"ticker": "AAPL", "lastTrade": {"p": 1.5, "s": 2, "t": T * MS, "c": None}}, "status": "OK"}
    batch = decode([row(last), row(snapshot)], DIALECT)
    assert batch.trades.flags.tolist() == [
        TRADE_INFORMS_ONLY | TRADE_IDS_SPARSE,
        TRADE_INFORMS_ONLY | TRADE_WITHOUT_ID,
    ]
    assert batch.kinds == (("last_trade", 1), ("snapshot", 1))


def test_snapshots_of_many_tickers() -> None:
    """A snapshot of all tickers gives each one's last trade, quote and minute under way."""
    one = {
        "ticker": "A",
        "lastQuote": {"P": 3, "S": 1, "p": 2, "s": 1, "t": T * MS},
        "min": {"o": 2, "h": 3, "l": 1, "c": 2, "v": 5, "t": T},
    }
    batch = decode([row({"tickers": [one, {**one, "ticker": "B"}, {"ticker": "C"}], "status": "OK"})], DIALECT)
    assert [ref.instrument_id for ref in batch.instruments] == ["A.US", "B.US"]
    assert (len(batch.quotes.row), len(batch.candles.row)) == (2, 2)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ([], "empty"),
        ([{"ev": "status", "status": "connected"}], "status"),
        ([{"ev": "LULD", "T": "AAPL"}], "LULD"),
        ({"results": [], "status": "OK"}, "empty"),
        ({"status": "ERROR", "error": "Unknown API Key"}, "control"),
        ({"market": "open", "exchanges": {}}, "marketstatus"),
        ({"results": [{"id": 1, "type": "exchange", "mic": "XASE"}]}, "exchanges"),
        ({"results": [{"id": 1, "type": "sale_condition"}]}, "conditions"),
        ({"results": [{"title": "Apple", "published_utc": "2022-05-10T14:11:12Z"}]}, "news"),
    ],
)
def test_kinds_without_prices(content: object, kind: str) -> None:
    """What carries no market data is counted by its kind."""
    batch = decode([row(content)], DIALECT)
    assert (batch.kinds, accounted(batch)) == (((kind, 1),), 1)


AGGREGATE = {"o": 2, "h": 3, "l": 1, "c": 2, "v": 642646396.0, "t": 1_112_331_600_000, "n": 82132}


@pytest.mark.parametrize(
    ("symbol", "interval_s"), [("AAPL@1/day", 86_400), ("AAPL@5/minute", 300), ("AAPL@1/week", 604_800)]
)
def test_aggregates_take_their_interval_from_the_batch(symbol: str, interval_s: int) -> None:
    """A reply does not say how long its aggregates are; the batch's symbol does, as the URL did."""
    batch = decode([row({"ticker": "AAPL", "results": [AGGREGATE]})], DIALECT, symbol=symbol)
    assert table(batch.candles, "interval_ns", "trades", "flags") == [(interval_s * 1_000_000_000, 82132, 0)]
    assert batch.candles.volume.tolist() == [642_646_396_000_000]


@pytest.mark.parametrize(
    ("content", "symbol", "reason"),
    [
        (b"{", "", "bad_json"),
        (b'[{"ev":"T","p":NaN}]', "", "not_finite"),
        (b"7", "", "wrong_type"),
        (b"[7]", "", "wrong_type"),
        (b"{}", "", "unknown_kind"),
        (b'{"results":7}', "", "wrong_type"),
        (b'{"results":[{}]}', "", "unknown_kind"),
        (row([{"ev": "XT"}]), "", "unknown_kind"),
        (row([{**TRADE, "ev": 7}]), "", "unknown_kind"),
        (row([{**TRADE, "s": 0}]), "", "zero_size"),
        (row([{**TRADE, "p": -1}]), "", "negative_price"),
        (row([{**TRADE, "p": 0.0000001}]), "", "too_fine"),
        (row([{**TRADE, "c": [True]}]), "", "wrong_type"),
        (row([{**TRADE, "c": ["@"]}]), "", "wrong_type"),
        (row([{**TRADE, "e": 99}]), "", "unknown_correction"),
        (row([{**TRADE, "t": 1 << 62}]), "", "out_of_range"),
        (row([TRADE, {**TRADE, "s": 0}]), "", "zero_size"),
        (row([{**MINUTE, "e": 1}]), "", "out_of_range"),
        (row([{**MINUTE, "l": 5}]), "", "bad_candle"),
        (row({"results": [PAGE_TRADE]}), "", "missing_field"),
        (row({"results": [AGGREGATE], "ticker": "AAPL"}), "AAPL", "missing_field"),
        (row({"results": [AGGREGATE], "ticker": "AAPL"}), "AAPL@1/month", "missing_field"),
    ],
)
def test_refusals(content: bytes, symbol: str, reason: str) -> None:
    """A row that breaks a rule is refused whole, with its reason."""
    batch = decode([content], DIALECT, symbol=symbol)
    assert [one.reason for one in batch.rejections] == [reason]
    assert not len(batch.trades.row)


def test_time_in_the_future_is_refused() -> None:
    """A print that is far ahead of its receive time would move the clock; it is refused."""
    assert refused(row([{**TRADE, "t": 1_900_000_000_000}]), DIALECT) == "future_timestamp"
