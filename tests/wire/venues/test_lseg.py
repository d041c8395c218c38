"""Check LSEG's MarketPrice messages: what a partial update can and cannot say."""

import json
from typing import Any

import pytest
from decoding import NOW, decode, refused, table
from equity_rows import AT, DEAL, EXAMPLES, OWN_TIMES, TIME, TOUCH, message

from functions.domain.market import NO_VENUE_TIME, QUOTE_LOCKED, TRADE_INFORMS_ONLY, TRADE_WITHOUT_ID

DIALECT = "lseg.json"


@pytest.mark.parametrize(("raw", "symbol"), EXAMPLES[DIALECT])
def test_examples_decode(raw: bytes, symbol: str) -> None:
    """Each example is taken or counted as a kind that carries no prices."""
    assert not decode([raw], DIALECT, symbol=symbol).rejections


def test_an_update_with_a_deal_is_a_trade() -> None:
    """Price and volume make a trade, at the time of date and milliseconds since midnight GMT; LSEG numbers none."""
    batch = decode([message({**DEAL, **TIME})], DIALECT)
    assert [ref.instrument_id for ref in batch.instruments] == ["IBM.N.LSEG"]
    assert table(batch.trades, "ts_event", "price", "size", "flags") == [
        (AT, 18_205_000_000, 10_000_000_000, TRADE_WITHOUT_ID)
    ]


def test_an_update_with_both_sides_is_a_quote() -> None:
    """Both sides make a quote; sizes that did not change are not told and read as 0."""
    batch = decode([message({**TOUCH, **TIME}), message({"BID": 1, "ASK": 1, **TIME})], DIALECT)
    assert table(batch.quotes, "bid_price", "bid_size", "ask_price", "ask_size", "update_id", "flags") == [
        (18_204_000_000, 300_000_000, 18_206_000_000, 500_000_000, 8, 0),
        (100_000_000, 0, 100_000_000, 0, 8, QUOTE_LOCKED),
    ]


def test_an_update_may_say_both() -> None:
    """A deal and the quote behind it come in one message and are both kept."""
    batch = decode([message({**DEAL, **TOUCH, **TIME})], DIALECT)
    assert (len(batch.trades.row), len(batch.quotes.row)) == (1, 1)


@pytest.mark.parametrize("fields", [{"BID": 1}, {"ASK": 1, "ASKSIZE": 3}])
def test_one_side_is_no_quote(fields: dict[str, Any]) -> None:
    """An update does not tell the side that did not change, so one side is counted and not used."""
    assert decode([message(fields)], DIALECT).kinds == (("partial_quote", 1),)


def test_a_deal_without_volume_is_no_trade() -> None:
    """A trade's size is positive; a price alone is counted and not used."""
    assert decode([message({"TRDPRC_1": 1}), message({"HIGH_1": 3})], DIALECT).kinds == (
        ("other_fields", 1),
        ("partial_trade", 1),
    )


def test_a_blank_field_is_an_empty_side() -> None:
    """Null blanks a field: that side of the quote is empty."""
    assert table(decode([message({"BID": None, "ASK": 2})], DIALECT).quotes, "bid_price", "ask_price") == [
        (0, 200_000_000)
    ]


def test_a_refresh_repeats_the_last_deal() -> None:
    """A refresh is an image: its quote stands, its deal was told before and only informs."""
    batch = decode([message({**DEAL, **TOUCH, **TIME}, "Refresh")], DIALECT)
    assert batch.trades.flags.tolist() == [TRADE_INFORMS_ONLY | TRADE_WITHOUT_ID]
    assert len(batch.quotes.row) == 1
    assert batch.kinds == (("refresh", 1),)


def test_times_prefer_the_fields_own() -> None:
    """A trade has the deal's time, a quote the quote's, before that of the message's activity."""
    batch = decode([message({**DEAL, **TOUCH, **TIME, **OWN_TIMES})], DIALECT)
    assert batch.trades.ts_event.tolist() == [1_563_494_401_000_000_000]
    assert batch.quotes.ts_event.tolist() == [1_563_580_802_000_000_000]


def test_a_time_without_its_date_is_none() -> None:
    """An update leaves out a date that did not change; then the receive time is taken, and a quote says so."""
    batch = decode([message({**TOUCH, "TIMACT_MS": 5})], DIALECT)
    assert table(batch.quotes, "ts_event", "flags") == [(NOW, NO_VENUE_TIME)]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"ID": 1, "Domain": "Login", "Key": {"Name": "api"}}, "login"),
        ({"ID": 1, "Type": "Refresh", "Domain": "Login", "Key": {"Name": "api"}}, "login"),
        ({"ID": 2, "Key": {"Name": "IBM.N"}}, "request"),
        ({"ID": 2, "Type": "Update", "Domain": "NewsTextAnalytics", "Key": {"Name": "MRN_STORY"}}, "mrn"),
        ({"ID": 2, "Type": "Update", "Domain": "MarketByPrice", "Key": {"Name": "IBM.N"}}, "other_domain"),
        ({"ID": 1, "Type": "Ack", "AckID": 1, "NakCode": "DeniedBySrc"}, "ack"),
        ({"ID": 1, "Type": "Post", "Domain": "MarketPrice", "Message": {"Fields": {"BID": 1, "ASK": 2}}}, "post"),
        ({"Type": "Pong"}, "ping"),
    ],
)
def test_kinds_without_prices(content: dict[str, Any], kind: str) -> None:
    """Other domains and the session's own messages are counted by kind, alone and in arrays."""
    rows = [json.dumps(content).encode(), json.dumps([content]).encode()]
    assert decode(rows, DIALECT).kinds == ((kind, 2),)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"[1]", "wrong_type"),
        (b"{}", "unknown_kind"),
        (b'{"Type":"Generic"}', "unknown_kind"),
        (b'{"Type":[]}', "unknown_kind"),
        (b'{"Type":"Update","Domain":7}', "wrong_type"),
        (b'{"Type":"Update"}', "missing_field"),
        (b'{"Type":"Update","Key":{"Name":"IBM.N"}}', "missing_field"),
        (b'{"Type":"Update","Key":[],"Fields":{}}', "wrong_type"),
        (message({**TOUCH, **TIME, "TIMACT_MS": 86_400_000}), "out_of_range"),
        (message({**TOUCH, **TIME, "ACTIV_DATE": "2019-02-30"}), "wrong_type"),
        (message({**DEAL, "TRDVOL_1": 0}), "zero_size"),
        (message({**TOUCH, "BID": "one"}), "wrong_type"),
    ],
)
def test_refusals(raw: bytes, reason: str) -> None:
    """A row that breaks a rule is refused whole, with its reason."""
    assert refused(raw, DIALECT) == reason
