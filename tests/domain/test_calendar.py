"""Figures are read exactly, kept as they were written, and never refused."""

from decimal import Decimal

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.calendar import NO_FIGURE, Comparison, Form, country_of, figure


@pytest.mark.parametrize(
    ("text", "form", "values"),
    [
        ("-0.2%", Form.PERCENT, ["-0.2"]),
        ("0.0%", Form.PERCENT, ["0.0"]),
        ("44.3", Form.NUMBER, ["44.3"]),
        ("-10", Form.NUMBER, ["-10"]),
        ("37.2K", Form.NUMBER, ["37200"]),
        ("-414M", Form.NUMBER, ["-414000000"]),
        ("5.1B", Form.NUMBER, ["5100000000"]),
        ("-0.08T", Form.NUMBER, ["-80000000000"]),
        ("<1.25%", Form.PERCENT, ["1.25"]),
        ("-0.38|1.2", Form.YIELD_AND_COVER, ["-0.38", "1.2"]),
        ("1-0-8", Form.VOTES, ["1", "0", "8"]),
        ("Pass", Form.WORDS, []),
        ("12.5 bps", Form.WORDS, []),
        ("1,200", Form.WORDS, []),
        ("9" * 40, Form.WORDS, []),
    ],
)
def test_forms(text: str, form: Form, values: list[str]) -> None:
    """Each form of the captures is read, units are multiplied out, and other texts are words."""
    found = figure(text)
    assert (found.text, found.form) == (text, form)
    assert [format(one, "f") for one in found.values] == values


def test_nothing_and_bounds() -> None:
    """No text is no figure; a bound is told beside its value."""
    assert figure("  ") == NO_FIGURE
    assert figure("<0.1%").comparison is Comparison.LESS
    assert figure(">2").comparison is Comparison.MORE


@given(st.text(max_size=64))
@settings(max_examples=examples(5000), deadline=None)
def test_any_text(text: str) -> None:
    """Any text gives a figure that keeps it; values are finite and there are at most three."""
    found = figure(text)
    assert found.text == text.strip()
    assert len(found.values) <= 3
    assert all(one.is_finite() for one in found.values)


@given(st.integers(-(10**9), 10**9), st.integers(0, 3), st.sampled_from(" KMBT%"))
@settings(max_examples=examples(2000), deadline=None)
def test_numbers_are_exact(mantissa: int, places: int, unit: str) -> None:
    """A number and its unit are multiplied without rounding."""
    value = Decimal(mantissa).scaleb(-places)
    power = {"K": 3, "M": 6, "B": 9, "T": 12}.get(unit, 0)
    assert figure(f"{value:f}{unit}").values == (value.scaleb(power),)


@pytest.mark.parametrize(
    ("currency", "name", "country"),
    [
        ("EUR", "German PPI m/m", "DE"),
        ("EUR", "CPI y/y", "EU"),
        ("GBP", "German PPI m/m", "GB"),
        ("ALL", "OPEC Meetings", ""),
    ],
)
def test_countries(currency: str, name: str, country: str) -> None:
    """A member's figures name it first; otherwise the currency tells, and `ALL` tells nothing."""
    assert country_of(currency, name) == country
