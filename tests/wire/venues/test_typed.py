"""The fast path by shapes gives what reading row by row gives, for whatever bytes it is shown."""

from decimal import Decimal

import numpy as np
import pytest
from counts import examples
from crypto_rows import EXAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from venue_rows import both_ways, taken_fast

from functions.domain.market import InstrumentRef
from functions.wire.venues.digits import BadText, decimals, rescale
from functions.wire.venues.registry import decoder_of
from functions.wire.venues.times import iso_column, iso_ns, seconds_column, seconds_ns

TYPED = tuple(dialect for dialect in EXAMPLES if not dialect.startswith("binance."))
FAST = {
    "coinbase.advanced": 4,
    "coinbase.exchange": 6,
    "kraken.futures": 2,
    "kraken.v1": 6,
    "kraken.v2": 4,
}
"""Example rows of each dialect that its fast path takes, which are all its trades, quotes and books of today."""

DAMAGE = (b"", b"0", b"9", b".", b'"', b"-", b",", b"]", b"}", b"[", b"{", b"e1", b" ", b"\n", b"\xff", b"\\", b"null")
"""What is put into a row."""


@pytest.mark.parametrize("dialect", TYPED)
def test_plain_rows_are_taken(dialect: str) -> None:
    """The fast path takes each shape it knows, so the equalities below compare two ways, not one with itself."""
    assert sum(taken_fast(decoder_of(dialect), [row for row, _ in EXAMPLES[dialect]])) == FAST[dialect]


@pytest.mark.parametrize("dialect", EXAMPLES)
def test_examples_are_equal(dialect: str) -> None:
    """All examples in one batch, and each by itself, are the same both ways, and none is refused."""
    for row, symbol in EXAMPLES[dialect]:
        assert both_ways([row], dialect, symbol=symbol).rejections == ()
    rows = [row for row, symbol in EXAMPLES[dialect] if not symbol]
    assert both_ways(rows * 3, dialect).row_count == 3 * len(rows)


def mutated(row: bytes) -> st.SearchStrategy[bytes]:
    """Damage a row in up to three places, or not at all."""
    one = st.tuples(st.integers(0, len(row)), st.sampled_from(DAMAGE), st.integers(0, 4))
    return st.lists(one, max_size=3).map(lambda damage: _damaged(row, damage))


def _damaged(row: bytes, damage: list[tuple[int, bytes, int]]) -> bytes:
    for at, put, drop in damage:
        row = row[:at] + put + row[at + drop :]
    return row


@pytest.mark.parametrize("dialect", TYPED)
@given(data=st.data())
@settings(max_examples=examples(1_000), deadline=None)
def test_damaged_rows_are_equal(dialect: str, data: st.DataObject) -> None:
    """However rows are damaged, both ways give the same ticks, rejections and counts."""
    rows = data.draw(st.lists(st.sampled_from([row for row, _ in EXAMPLES[dialect]]).flatmap(mutated), max_size=5))
    exponent = data.draw(st.integers(-9, 0))
    known = {"XMR/USD": InstrumentRef("XMR-USD.KRAKEN", exponent, exponent)}
    batch = both_ways(rows, dialect, known=known)
    assert sum(n for _, n in batch.kinds) == len(rows)


def test_instruments_are_numbered_alike() -> None:
    """A message that names two instruments numbers them in its order, whether it was read at once or by itself."""
    one = '{"symbol":"%s","side":"buy","price":1.5,"qty":2,"trade_id":7,"timestamp":"2023-10-06T17:35:55.440295Z"}'
    message = '{"channel":"trade","type":"update","data":[' + ",".join(one % name for name in ("Z/B", "A/B")) + "]}"
    batch = both_ways([b"\n" + message.encode(), message.replace("Z/B", "M/B").encode()], "kraken.v2")
    assert [ref.instrument_id for ref in batch.instruments] == ["Z-B.KRAKEN", "A-B.KRAKEN", "M-B.KRAKEN"]


NUMBERS = st.one_of(
    st.from_regex(r"[0-9]{1,20}(\.[0-9]{0,18})?", fullmatch=True),
    st.sampled_from(["", ".", "1.", ".5", "-1", "1e5", "1,2", "1.2.3", "nan", "\u0661", " 1", "1_0", "+1"]),
)


@given(texts=st.lists(NUMBERS, max_size=8), exponent=st.integers(-9, 0))
@settings(max_examples=examples(1_500), deadline=None)
def test_decimals_are_exact(texts: list[str], exponent: int) -> None:
    """A column of texts gives each number exactly, or says that it does not read it."""
    values, fraction, odd = decimals(texts)
    found, inexact = rescale(values, fraction, exponent)
    skipped = odd if inexact is None else odd | inexact
    for text, value, skip in zip(texts, found.tolist(), skipped.tolist(), strict=True):
        assert skip or value == Decimal(text).scaleb(-exponent)


@pytest.mark.parametrize("text", ["0", "7", "12.50", "99999999999999999", "0.1234567890123456"])
def test_plain_decimals_are_read(text: str) -> None:
    """Texts of up to seventeen digits are read by the column itself."""
    assert not decimals([text])[2].any()


TIMES = st.one_of(
    st.datetimes().map(lambda one: one.isoformat() + "Z"),
    st.from_regex(
        r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{0,10})?Z?", fullmatch=True
    ),
    st.sampled_from(["", "Z", "x" * 27, "2021-W15-6T16:43:30.244075Z", "2021-04-17T16:43:30+00:00"]),
)


@given(texts=st.lists(TIMES, min_size=1, max_size=5))
@settings(max_examples=examples(1_500), deadline=None)
def test_times_are_those_of_single_texts(texts: list[str]) -> None:
    """A column of times gives each one as reading it alone does, or says that it does not read it."""
    found, odd = iso_column(texts)
    for text, ns, skip in zip(texts, found.tolist(), odd.tolist(), strict=True):
        assert skip or ns == iso_ns(text)


def test_usual_times_are_read_by_the_column() -> None:
    """Times with six, nine or no digits behind the second are read together, of one day or of several."""
    texts = ["2021-04-17T16:43:30.244075Z", "2021-04-18T00:00:00Z", "2024-02-29T23:59:59.123456789Z"]
    found, odd = iso_column(texts)
    assert found.tolist() == [1_618_677_810_244_075_000, 1_618_704_000_000_000_000, 1_709_251_199_123_456_789]
    assert not odd.any()
    seconds, odd = seconds_column(["1618678142.557535", "0.000000001", "5"])
    assert (seconds.tolist(), odd.any()) == ([1_618_678_142_557_535_000, 1, 5_000_000_000], np.False_)


@pytest.mark.parametrize(
    "text", ["2021-02-30T00:00:00Z", "2021-04-17T24:00:00Z", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z", ""]
)
def test_wrong_times_are_refused(text: str) -> None:
    """A time that no calendar has, or that nanoseconds cannot hold, is refused with a reason."""
    with pytest.raises(BadText) as refusal:
        iso_ns(text)
    assert refusal.value.reason == "bad_time"


def test_seconds_are_exact() -> None:
    """Seconds keep all their digits, which no float of today's times does."""
    assert seconds_ns("1618678142.557535001") == 1_618_678_142_557_535_001
