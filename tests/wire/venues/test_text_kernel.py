"""The compiled reader of texts reads what numpy reads, and nothing else."""

from datetime import datetime

import numpy as np
import pytest
from counts import examples
from crypto_rows import EXAMPLES
from decoding import batch_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from venue_rows import row_by_row

from functions.adapters.kernels import CompiledDecoders, loops
from functions.domain.market import InstrumentRef
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.venues import text_kernel
from functions.wire.venues.digits import BadText, exact, mantissa
from functions.wire.venues.times import iso_column, iso_ns

NUMBERS = st.one_of(
    st.from_regex(r"[0-9]{1,20}(\.[0-9]{0,18})?", fullmatch=True),
    st.sampled_from(
        ["", ".", "1.", ".5", "-1", "1e5", "1,2", ",", "1.2.3", "nan", "\u0661", " 1", "1_0", "+1", "00.10"]
    ),
    st.integers(0, 2**70),
)
TIMES = st.one_of(
    st.datetimes().map(lambda one: one.isoformat() + "Z"),
    st.from_regex(
        r"[012][09][0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{0,10})?Z?", fullmatch=True
    ),
    st.sampled_from(["", "Z", ",", "x" * 27, "2021-W15-6T16:43:30.244075Z", "2021-04-17T16:43:30+00:00"]),
    st.sampled_from(["2100-02-29T00:00:00Z", "2000-02-29T00:00:00.1Z", "2243-10-17T00:00:00Z", "2243-10-18T00:00:00Z"]),
)
COMPILED = CompiledDecoders()


@pytest.mark.parametrize("kind", ["plain", "compiled"])
@given(told=st.lists(st.tuples(NUMBERS, st.integers(-19, 1)), max_size=6))
@example(told=[("9.3", -18), ("9.2", -18), ("8.2", -18), ("99999999999999999", -2), ("0.00", 0)])
@settings(max_examples=examples(2_000), deadline=None)
def test_decimals_are_equal(kind: str, told: list[tuple[str | int, int]]) -> None:
    """Numbers and what is none come out alike, plain or compiled, whatever their units."""
    texts, exponents = [one for one, _ in told], np.array([exponent for _, exponent in told], np.int64)
    values, odd = exact(texts, exponents)
    found, wrong = exact(texts, exponents, loops(kind, text_kernel))  # type: ignore[arg-type] # the module is the kernel
    assert wrong.tolist() == odd.tolist()
    assert found[~wrong].tolist() == values[~odd].tolist()


@pytest.mark.parametrize("kind", ["plain", "compiled"])
@given(texts=st.lists(TIMES, min_size=1, max_size=5))
@settings(max_examples=examples(2_000), deadline=None)
def test_times_are_equal(kind: str, texts: list[str]) -> None:
    """Times and what is none come out alike, plain or compiled, in every year."""
    values, odd = iso_column(texts)
    found, wrong = iso_column(texts, loops(kind, text_kernel))  # type: ignore[arg-type] # see above
    assert wrong.tolist() == odd.tolist()
    assert found[~wrong].tolist() == values[~odd].tolist()


def _alone(text: str) -> int:
    """Read a time by itself, -1 for none."""
    try:
        return iso_ns(text)
    except BadText:
        return -1


SPELT = st.builds(
    lambda text, cut, put: (text[:-1] if cut else text).replace("T", put[0]) + put[1],
    TIMES,
    st.booleans(),
    st.tuples(st.sampled_from("T T"), st.sampled_from(["", "Z", "+00:00", "+01:00", "-00:00", "+00:00Z"])),
)


@given(text=TIMES | SPELT)
@settings(max_examples=examples(5_000), deadline=None)
def test_lone_times_are_equal(text: str) -> None:
    """A time reads as it does by itself, or as none, with a T or a blank and either way of writing the zone."""
    raw = text.encode("ascii", "replace")
    assert text_kernel.utc_ns(np.frombuffer(raw, np.uint8), 0, len(raw)) == _alone(text)


@given(
    time=st.datetimes(min_value=datetime.fromisoformat("1970-01-01"), max_value=datetime.fromisoformat("2243-01-01"))
)
@settings(max_examples=examples(2_000), deadline=None)
def test_compact_times_are_those_of_the_long_form(time: datetime) -> None:
    """A date without dashes and a blank say what the ISO form says."""
    raw = f"{time:%Y%m%d %H:%M:%S.%f}".encode()
    found = text_kernel.compact_ns(np.frombuffer(raw, np.uint8), 0, len(raw))
    assert found == iso_ns(f"{time.isoformat(timespec='microseconds')}Z")


@given(text=NUMBERS.filter(lambda one: isinstance(one, str)), exponent=st.integers(-9, 2))
@settings(max_examples=examples(5_000), deadline=None)
def test_lone_decimals_are_equal(text: str, exponent: int) -> None:
    """A decimal in units is the exact mantissa, or none where it has none; up to eighteen digits are read."""
    raw = np.frombuffer(text.encode("ascii", "replace"), np.uint8)
    found = text_kernel.in_units(*text_kernel.decimal(raw, 0, len(raw)), exponent)
    try:
        wanted = mantissa(text, exponent)
    except BadText:
        wanted = -1
    assert found == wanted or (found == -1 and (sum(map(str.isdigit, text)) > 18 or "e" in text or wanted < 0))


@given(day=st.integers(0, 100_000))
@settings(max_examples=examples(2_000), deadline=None)
def test_dates_are_those_of_the_calendar(day: int) -> None:
    """A date from 1970 on is the day that the calendar says."""
    text = str(np.datetime64(day, "D"))
    assert text_kernel._days(int(text[:4]), int(text[5:7]), int(text[8:])) == day  # noqa: SLF001 - one rule of many


@pytest.mark.parametrize("dialect", EXAMPLES)
def test_decoders_are_equal(dialect: str) -> None:
    """A dialect's decoder with kernels gives the bytes that reading row by row gives."""
    rows = [row for row, symbol in EXAMPLES[dialect] if not symbol]
    known = {"XMR/USD": InstrumentRef("XMR-USD.KRAKEN", -3, -5)}
    batch = batch_of(rows * 3, dialect)
    compiled = COMPILED[dialect]
    assert encode_tick_batch(compiled(batch, known)) == encode_tick_batch(row_by_row(compiled)(batch, known))


def test_unknown_dialects_have_no_decoder() -> None:
    """A dialect that no venue has is in nobody's table."""
    assert COMPILED.get("nowhere.v1") is None
    assert set(COMPILED) > {"binance.spot", "coinbase.exchange", "kraken.v2"}
    assert len(COMPILED) == len(set(COMPILED))
