"""Hold what users say of signals: whether they traded, at which prices, and what came of it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

from functions.domain.errors import Rejected

WHO_MAX: Final = 128
"""Letters of a user id."""
NOTES_MAX: Final = 2000
"""Letters of a user's own words."""


class FeedbackOutcome(Enum):
    """Say what a user says became of a signal; the value is its word in rows and stores."""

    WIN = "win"
    LOSS = "loss"
    SCRATCH = "scratch"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Feedback:
    """Hold what one user says of one signal; the natural key is (signal_id, who), and the later one counts.

    Args:
        signal_id: Which signal.
        who: Opaque id of the user.
        outcome: What became of it.
        as_of_ns: When that was said, UTC nanoseconds.
        actual_entry_price: Price at which the trade was entered, quote currency; None when not told.
        actual_exit_price: Price at which it was left; None when not told.
        profit_loss_pct: Profit or loss, percent of the entry's value; None when not told.
        notes: The user's own words.

    Raises:
        Rejected: It cannot be: a name is missing, a price is none, or figures say another thing than the outcome.
    """

    signal_id: str
    who: str
    outcome: FeedbackOutcome
    as_of_ns: int
    actual_entry_price: Decimal | None = None
    actual_exit_price: Decimal | None = None
    profit_loss_pct: Decimal | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be; all of it is named."""
        if found := [fault for fault, present in _faults(self).items() if present]:
            message = f"feedback on signal {self.signal_id!r} cannot be: {'; '.join(found)}"
            raise Rejected(message)


def _faults(one: Feedback) -> dict[str, bool]:
    prices = {"entry": one.actual_entry_price, "exit": one.actual_exit_price}
    gain = one.profit_loss_pct
    traded = gain is not None or any(price is not None for price in prices.values())
    return {
        "it names no signal": not one.signal_id,
        f"a user id has 1 to {WHO_MAX} characters, this one {len(one.who)}": not 0 < len(one.who) <= WHO_MAX,
        f"as_of_ns {one.as_of_ns} is no time": one.as_of_ns <= 0,
        **{f"the {name} price {price} is not above 0": _is_no_price(price) for name, price in prices.items()},
        f"a profit or loss of {gain} % is no number": gain is not None and not gain.is_finite(),
        "an exit price needs an entry price": one.actual_exit_price is not None and one.actual_entry_price is None,
        "what was dismissed was not traded, so it has no prices": one.outcome is FeedbackOutcome.DISMISSED and traded,
        f"{one.outcome.value} and {gain} % contradict each other": _contradicts(one.outcome, gain),
        f"notes have at most {NOTES_MAX} characters, these {len(one.notes)}": len(one.notes) > NOTES_MAX,
        "it holds what is no text": _is_no_text(f"{one.signal_id}{one.who}{one.notes}"),
    }


def _is_no_text(text: str) -> bool:
    """Tell whether a text holds what stores and messages cannot: NUL, and halves of characters."""
    return any(one == "\0" or "\ud800" <= one <= "\udfff" for one in text)


def _is_no_price(price: Decimal | None) -> bool:
    return price is not None and not (price.is_finite() and price > 0)


def _contradicts(outcome: FeedbackOutcome, gain: Decimal | None) -> bool:
    """Tell whether a win lost or a loss won; what is nearly nothing may be called a scratch."""
    if gain is None or not gain.is_finite():
        return False
    return (outcome is FeedbackOutcome.WIN and gain < 0) or (outcome is FeedbackOutcome.LOSS and gain > 0)
