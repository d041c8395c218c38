"""Check the fixture dialect of Bloomberg-style market data."""

import pytest
from decoding import decode, refused, table
from equity_rows import EVENT_DEAL as DEAL
from equity_rows import EVENT_TOUCH as TOUCH
from equity_rows import EXAMPLES, row

from functions.domain.market import (
    TRADE_CANCEL,
    TRADE_CORRECTION,
    TRADE_IDS_SPARSE,
    TRADE_INFORMS_ONLY,
    TRADE_WITHOUT_ID,
)

DIALECT = "bloomberg.json"


@pytest.mark.parametrize(("raw", "symbol"), EXAMPLES[DIALECT])
def test_examples_decode(raw: bytes, symbol: str) -> None:
    """Each example is taken or counted as a kind that carries no prices."""
    assert not decode([raw], DIALECT, symbol=symbol).rejections


def test_a_trade() -> None:
    """A new trade keeps price, size, time and a numeric id."""
    batch = decode([row(DEAL)], DIALECT)
    assert [ref.instrument_id for ref in batch.instruments] == ["IBM-US-Equity.BLOOMBERG"]
    assert table(batch.trades, "ts_event", "price", "size", "trade_id", "flags") == [
        (1_381_152_600_123_000_000, 18_205_000_000, 10_000_000_000, 4711, TRADE_IDS_SPARSE)
    ]


def test_a_quote_has_its_later_sides_time() -> None:
    """A paired quote tells both sides; its time is that of the side that changed last."""
    quotes = decode([row(TOUCH)], DIALECT).quotes
    assert table(quotes, "ts_event", "bid_price", "ask_price") == [
        (1_398_920_401_788_000_000, 138_727_000, 138_729_000)
    ]


@pytest.mark.parametrize(
    ("subtype", "flags"), [("CANCEL", TRADE_CANCEL | TRADE_INFORMS_ONLY), ("CORRECTION", TRADE_CORRECTION)]
)
def test_cancels_and_corrections(subtype: str, flags: int) -> None:
    """A cancel voids and a correction replaces the trade of their id."""
    trades = decode([row({**DEAL, "MKTDATA_EVENT_SUBTYPE": subtype})], DIALECT).trades
    assert table(trades, "trade_id", "flags") == [(4711, flags | TRADE_IDS_SPARSE)]


@pytest.mark.parametrize("told", ["52983A", "9223372036854775808", None, True])
def test_an_id_that_is_no_number_is_none(told: object) -> None:
    """Ids with letters, or beyond 64 bits, cannot be kept: the trade has none."""
    assert decode([row({**DEAL, "EVT_TRADE_IDENTIFIER_RT": told})], DIALECT).trades.flags.tolist() == [TRADE_WITHOUT_ID]


def test_kinds_without_prices() -> None:
    """One side of a quote and the day's figures are counted by kind."""
    assert decode([EXAMPLES[DIALECT][2][0], EXAMPLES[DIALECT][3][0]], DIALECT).kinds == (
        ("partial_quote", 1),
        ("summary", 1),
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"[]", "wrong_type"),
        (b"{}", "missing_field"),
        (row({**DEAL, "MKTDATA_EVENT_SUBTYPE": "ODD"}), "unknown_kind"),
        (row({**DEAL, "MKTDATA_EVENT_SUBTYPE": []}), "unknown_kind"),
        (row({**DEAL, "TRADE_UPDATE_STAMP_RT": 7}), "wrong_type"),
        (row({**DEAL, "TRADE_UPDATE_STAMP_RT": "noon"}), "bad_time"),
        (row({**DEAL, "security": 7}), "wrong_type"),
        (row({**DEAL, "SIZE_LAST_TRADE": 0}), "zero_size"),
    ],
)
def test_refusals(raw: bytes, reason: str) -> None:
    """A row that breaks a rule is refused whole, with its reason."""
    assert refused(raw, DIALECT) == reason
