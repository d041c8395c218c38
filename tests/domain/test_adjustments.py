"""Factors follow from actions that were known; raw prices stay (real splits and dividends as examples)."""

from datetime import date
from decimal import Decimal

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.adjustments import (
    NO_CHANGE,
    ActionKind,
    CorporateAction,
    Factors,
    factors_between,
    factors_of,
    factors_until,
    known_at,
)

SPLIT = CorporateAction(ActionKind.SPLIT, date(2020, 8, 31), known_ns=100, ratio=Decimal(4))
DIVIDEND = CorporateAction(
    ActionKind.DIVIDEND, date(2020, 8, 7), known_ns=50, amount=Decimal("0.82"), previous_close=Decimal("455.61")
)
RENAME = CorporateAction(ActionKind.RENAME, date(2022, 6, 9), known_ns=60, old_symbol="FB", new_symbol="META")


def test_split() -> None:
    """A split into four divides earlier prices by four and multiplies earlier sizes: notional stays."""
    assert factors_of(SPLIT) == Factors(Decimal("0.25"), Decimal(4))
    reverse = CorporateAction(ActionKind.SPLIT, date(2020, 1, 2), 0, ratio=Decimal("0.1"))
    assert factors_of(reverse) == Factors(Decimal(10), Decimal("0.1"))


def test_dividend() -> None:
    """A dividend takes 1 - D / previous close off earlier prices, and leaves sizes alone."""
    factors = factors_of(DIVIDEND)
    assert factors is not None
    assert factors.price * Decimal("455.61") == pytest.approx(Decimal("455.61") - Decimal("0.82"))
    assert factors.size == 1


def test_dividend_without_close() -> None:
    """Without the close before it a dividend has no factor, and no product over it is told: missing, not wrong."""
    unknown = CorporateAction(ActionKind.DIVIDEND, date(2020, 8, 7), 0, amount=Decimal(1))
    assert factors_of(unknown) is None
    assert factors_between([unknown], date(2020, 8, 6), until=date(2020, 8, 7), known_at_ns=0) is None
    assert factors_between([unknown], date(2020, 8, 7), until=date(2020, 8, 9), known_at_ns=0) == NO_CHANGE


def test_rename() -> None:
    """A new name changes no figure."""
    assert factors_of(RENAME) == NO_CHANGE


@pytest.mark.parametrize(
    ("after", "until", "price"),
    [
        (date(2020, 8, 28), date(2020, 8, 31), "0.25"),
        (date(2020, 8, 30), date(2020, 8, 30), "1"),
        (date(2020, 8, 31), date(2020, 9, 1), "1"),
    ],
)
def test_ex_date_decides(after: date, until: date, price: str) -> None:
    """An action counts between the session before its ex date and the ex date itself, and nowhere else."""
    factors = factors_between([SPLIT], after, until=until, known_at_ns=100)
    assert factors is not None
    assert factors.price == Decimal(price)


def test_knowledge_decides() -> None:
    """Who asks before an action is known gets the figures of that time, whatever its ex date."""
    before = factors_between([SPLIT, DIVIDEND], date.min, until=date(2020, 9, 1), known_at_ns=99)
    assert before == factors_of(DIVIDEND)
    assert known_at([SPLIT, DIVIDEND], 49) == ()


def test_the_last_known_form_counts() -> None:
    """A correction replaces what it corrects for those who know it, and for nobody before; ratio 1 takes it back."""
    corrected = CorporateAction(ActionKind.SPLIT, SPLIT.ex_date, known_ns=200, ratio=Decimal(5))
    withdrawn = CorporateAction(ActionKind.SPLIT, SPLIT.ex_date, known_ns=300, ratio=Decimal(1))
    prices = [
        factors_until([withdrawn, SPLIT, corrected], date(2020, 9, 1), known_at_ns=known)
        for known in (99, 100, 200, 300)
    ]
    assert [one.price for one in prices if one] == [1, Decimal("0.25"), Decimal("0.2"), 1]


ACTIONS = st.lists(
    st.builds(
        CorporateAction,
        kind=st.just(ActionKind.SPLIT),
        ex_date=st.dates(date(2020, 1, 1), date(2020, 1, 20)),
        known_ns=st.integers(0, 20),
        ratio=st.sampled_from([Decimal(2), Decimal(4), Decimal("0.5")]),
    ),
    max_size=6,
)
DATES = st.dates(date(2019, 12, 30), date(2020, 1, 25))


@settings(max_examples=examples(500), deadline=None)
@given(actions=ACTIONS, days=st.tuples(DATES, DATES, DATES).map(sorted), known=st.integers(0, 20))
def test_factors_multiply_along_time(actions: list[CorporateAction], days: list[date], known: int) -> None:
    """From a to c is from a to b and on to c; and the ratio of two products from the start says the same."""
    first, middle, last = days
    whole, one, two, start, end = (
        factors_between(actions, after, until=until, known_at_ns=known)
        for after, until in ((first, last), (first, middle), (middle, last), (date.min, first), (date.min, last))
    )
    assert whole
    assert one
    assert two
    assert start
    assert end
    assert whole == Factors(one.price * two.price, one.size * two.size)
    assert start.price * whole.price == end.price
    assert whole.price * whole.size == 1


@pytest.mark.parametrize(
    "figures",
    [
        {"ratio": Decimal(0)},
        {"ratio": Decimal("NaN")},
        {"amount": Decimal(-1)},
        {"amount": Decimal(5), "previous_close": Decimal(5)},
    ],
)
def test_figures_that_cannot_be(figures: dict[str, Decimal]) -> None:
    """No split into nothing, no negative dividend, none that takes the whole price."""
    with pytest.raises(ValueError, match="2020-01-02"):
        CorporateAction(ActionKind.DIVIDEND, date(2020, 1, 2), 0, **figures)  # type: ignore[arg-type]  # by name
