"""Feedback that cannot be is refused, and everything wrong with it is named."""

from dataclasses import replace
from decimal import Decimal

import pytest

from functions.domain.errors import Rejected
from functions.domain.feedback import NOTES_MAX, WHO_MAX, Feedback, FeedbackOutcome

WON = Feedback(
    "s-1", "u-7", FeedbackOutcome.WIN, 5, Decimal("2301.25"), Decimal("2340.5"), Decimal("1.6"), "as planned"
)
BARE = Feedback("s-1", "u-7", FeedbackOutcome.SCRATCH, 5)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"signal_id": ""}, "it names no signal"),
        ({"who": ""}, "1 to 128 characters, this one 0"),
        ({"who": "u" * (WHO_MAX + 1)}, "this one 129"),
        ({"as_of_ns": 0}, "as_of_ns 0 is no time"),
        ({"actual_entry_price": Decimal(0)}, "the entry price 0 is not above 0"),
        ({"actual_exit_price": Decimal(-1)}, "the exit price -1 is not above 0"),
        ({"actual_exit_price": Decimal("NaN")}, "the exit price NaN is not above 0"),
        ({"actual_entry_price": None}, "an exit price needs an entry price"),
        ({"profit_loss_pct": Decimal("Infinity")}, "a profit or loss of Infinity % is no number"),
        ({"profit_loss_pct": Decimal(-1)}, "win and -1 % contradict each other"),
        ({"outcome": FeedbackOutcome.LOSS}, "loss and 1.6 % contradict each other"),
        ({"outcome": FeedbackOutcome.DISMISSED}, "dismissed was not traded"),
        ({"notes": "x" * (NOTES_MAX + 1)}, "these 2001"),
        ({"notes": "a\0b"}, "no text"),
        ({"who": "\udc80"}, "no text"),
    ],
)
def test_impossible(changes: dict[str, object], found: str) -> None:
    """What cannot be is refused in words."""
    with pytest.raises(Rejected, match=found):
        replace(WON, **changes)  # type: ignore[arg-type]  # names and their values


def test_all_is_named() -> None:
    """Who has two things wrong is told both."""
    with pytest.raises(Rejected, match=r"names no signal.*is no time"):
        replace(WON, signal_id="", as_of_ns=-1)


@pytest.mark.parametrize("outcome", FeedbackOutcome)
def test_little_is_enough(outcome: FeedbackOutcome) -> None:
    """An outcome alone is feedback; prices without a figure, and a figure of nothing, contradict no outcome."""
    assert replace(BARE, outcome=outcome).notes == ""
    if_traded = outcome is not FeedbackOutcome.DISMISSED
    assert replace(BARE, outcome=outcome, profit_loss_pct=Decimal(0) if if_traded else None).outcome is outcome
