"""Check the `s p v` dialect as NASDAQ-style feeds send it."""

import pytest
from decoding import decode
from equity_rows import EXAMPLES

from functions.domain.market import TRADE_IDS_SPARSE, TRADE_NOT_HIGH_LOW, TRADE_NOT_LAST

DIALECT = "nasdaq.json"


@pytest.mark.parametrize(("raw", "symbol"), EXAMPLES[DIALECT])
def test_examples_decode(raw: bytes, symbol: str) -> None:
    """Each example is taken or counted as a kind that carries no prices."""
    assert not decode([raw], DIALECT, symbol=symbol).rejections


def test_prints_belong_to_nasdaq_and_tape_c() -> None:
    """W is an average price and B a bunched trade: the letters are tape C's."""
    rows = [b'{"s":"AAPL","p":1,"v":1,"i":%d,"c":"%s"}' % (n, letter) for n, letter in enumerate((b"W", b"B"))]
    batch = decode(rows, DIALECT)
    assert [ref.instrument_id for ref in batch.instruments] == ["AAPL.XNAS"]
    assert (batch.trades.trade_id % 2**40).tolist() == [0, 1]
    assert batch.trades.flags.tolist() == [
        TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW | TRADE_IDS_SPARSE,
        TRADE_IDS_SPARSE,
    ]
