"""Check TrueFX's tick files in both of their forms."""

import pytest
from decoding import decode, refused, table
from equity_rows import EXAMPLES

DIALECT = "truefx.csv"


@pytest.mark.parametrize(("raw", "symbol"), EXAMPLES[DIALECT])
def test_examples_decode(raw: bytes, symbol: str) -> None:
    """Each example is taken or counted as a header."""
    assert not decode([raw], DIALECT, symbol=symbol).rejections


def test_both_forms_say_the_same() -> None:
    """A pair comes from its row or from its batch; times are UTC, sizes are not told."""
    rows = [EXAMPLES[DIALECT][0][0], EXAMPLES[DIALECT][1][0], b"USD/JPY,20130101 22:00:00.295,86.655,86.728"]
    batch = decode(rows, DIALECT, symbol="USDJPY")
    assert [ref.instrument_id for ref in batch.instruments] == ["USD-JPY.TRUEFX"]
    assert table(batch.quotes, "ts_event", "bid_price", "bid_size", "ask_price", "ask_size") == (
        [(1_357_077_600_295_000_000, 86_655_000, 0, 86_728_000, 0)] * 2
    )
    assert batch.kinds == (("header", 1), ("quote", 2))


@pytest.mark.parametrize(
    ("raw", "symbol", "reason"),
    [
        (b"", "USDJPY", "unknown_kind"),
        (b"\xff,1,2", "USDJPY", "wrong_type"),
        (b"2013-01-01 22:00:00Z,1,2", "", "missing_field"),
        (b"20130101,1,2", "USDJPY", "bad_time"),
        (b"20131301 22:00:00,1,2", "USDJPY", "bad_time"),
        (b"2013-01-01 22:00:00Z,-1,2", "USDJPY", "negative_price"),
        (b"2013-01-01 22:00:00Z,1,", "USDJPY", "wrong_type"),
    ],
)
def test_refusals(raw: bytes, symbol: str, reason: str) -> None:
    """A row that breaks a rule is refused with its reason."""
    assert refused(raw, DIALECT, symbol=symbol) == reason
