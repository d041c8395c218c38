"""Check the `s p v` dialect as NYSE-style feeds send it."""

import json

import pytest
from decoding import NOW, decode, refused, table
from equity_rows import EXAMPLES

from functions.domain.market import TRADE_IDS_SPARSE, TRADE_NOT_HIGH_LOW, TRADE_NOT_LAST, TRADE_WITHOUT_ID

DIALECT = "nyse.json"


@pytest.mark.parametrize(("raw", "symbol"), EXAMPLES[DIALECT])
def test_examples_decode(raw: bytes, symbol: str) -> None:
    """Each example is taken or counted as a kind that carries no prices."""
    assert not decode([raw], DIALECT, symbol=symbol).rejections


def test_a_print_in_full() -> None:
    """A print keeps its price, shares, time and its session's date and id, under the exchange's code."""
    batch = decode([EXAMPLES[DIALECT][1][0]], DIALECT)
    assert [ref.instrument_id for ref in batch.instruments] == ["IBM.XNYS"]
    assert table(batch.trades, "ts_event", "price", "size", "side", "trade_id", "flags") == [
        (1_381_152_600_123_000_000, 182_050_000, 100_000_000, 0, (15_985 << 40) + 17, TRADE_IDS_SPARSE)
    ]  # 7 October 2013 is day 15,985


def test_the_three_keys_suffice() -> None:
    """Without a time the receive time is taken, and without an id a flag says so."""
    trades = decode([EXAMPLES[DIALECT][0][0]], DIALECT).trades
    assert table(trades, "ts_event", "flags") == [(NOW, TRADE_WITHOUT_ID)]


def test_letters_are_those_of_tape_a_unless_the_print_names_another() -> None:
    """B is an average price for NYSE's own listings, and a bunched trade when the print names tape C."""
    own, other = (json.dumps({"s": "X", "p": 1, "v": 1, "i": 1, "c": "B", **z}).encode() for z in ({}, {"z": "C"}))
    assert decode([own, other], DIALECT).trades.flags.tolist() == [
        TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW | TRADE_IDS_SPARSE,
        TRADE_IDS_SPARSE,
    ]


def test_heartbeats_are_counted() -> None:
    """A control message is counted by its type."""
    assert decode([b'{"type":"heartbeat"}', b"[]"], DIALECT).kinds == (("empty", 1), ("heartbeat", 1))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "bad_json"),
        (b'"IBM"', "wrong_type"),
        (b'{"p":1,"v":1}', "unknown_kind"),
        (b'{"s":"IBM","v":1}', "missing_field"),
        (b'{"s":"IBM","p":1,"v":0}', "zero_size"),
        (b'{"s":"IBM","p":true,"v":1}', "wrong_type"),
        (b'{"s":"I M","p":1,"v":1}', "wrong_type"),
        (b'{"s":"IBM","p":1,"v":1,"t":1.5}', "wrong_type"),
        (b'{"s":"IBM","p":1,"v":1,"c":7}', "wrong_type"),
        (b'{"s":"IBM","p":1,"v":1,"c":["@@"]}', "wrong_type"),
        (b'{"s":"IBM","p":1,"v":1,"z":3}', "wrong_type"),
        (b'{"s":"IBM","p":1,"v":1,"z":"X"}', "unknown_tape"),
        (b'[{"s":"IBM","p":1,"v":1},{"s":"IBM","p":-1,"v":1}]', "negative_price"),
    ],
)
def test_refusals(raw: bytes, reason: str) -> None:
    """A row that breaks a rule is refused whole, with its reason."""
    assert refused(raw, DIALECT) == reason
