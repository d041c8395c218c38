"""Turn corporate actions into factors; raw prices stay as they are. Every question says what was known when.

A price of an earlier session compares with one of a later session after multiplying it by the factors of all actions
whose ex date lies between them. An action counts only for those who could know it: its knowledge time decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum
from typing import Final

ONE: Final = Decimal(1)


class ActionKind(IntEnum):
    """Name what a company did; the numbers are those of `corporate_action.proto`."""

    SPLIT = 1
    DIVIDEND = 2
    RENAME = 3


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """Hold one action as it was known from a time on.

    Args:
        kind: What was done.
        ex_date: First session without the right, or in the new form.
        known_ns: Time from which it was known, UTC nanoseconds.
        ratio: Split: new shares for one old share.
        amount: Dividend: cash for one share, in quote currency.
        previous_close: Dividend: last close before the ex date; None until it is known.
        old_symbol: Rename: the venue's symbol before.
        new_symbol: Rename: the venue's symbol from the ex date on.
    """

    kind: ActionKind
    ex_date: date
    known_ns: int
    ratio: Decimal = ONE
    amount: Decimal = Decimal(0)
    previous_close: Decimal | None = None
    old_symbol: str = ""
    new_symbol: str = ""

    def __post_init__(self) -> None:
        """Refuse figures from which no factor follows."""
        if not (self.ratio.is_finite() and self.ratio > 0):
            message = f"a split into {self.ratio} shares cannot be; ex date {self.ex_date}"
            raise ValueError(message)
        if not (self.amount.is_finite() and self.amount >= 0):
            message = f"a dividend of {self.amount} cannot be; ex date {self.ex_date}"
            raise ValueError(message)
        close = self.previous_close
        if close is not None and not (close.is_finite() and close > self.amount):
            message = f"a dividend of {self.amount} on a close of {close} leaves nothing; ex date {self.ex_date}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Factors:
    """Hold what to multiply an earlier session's prices and sizes by."""

    price: Decimal = ONE
    size: Decimal = ONE


NO_CHANGE: Final = Factors()


def factors_of(action: CorporateAction) -> Factors | None:
    """Give the back-adjustment factors of one action; None for a dividend whose previous close is not known.

    A split into r shares divides prices by r and multiplies sizes by it. A dividend D on a previous close C scales
    prices by 1 - D/C and leaves sizes alone. A rename changes neither.

    Source: CRSP, "Data Definitions and Coding Schemes", factor to adjust price; D/C is the proportional method.

    >>> factors_of(CorporateAction(ActionKind.SPLIT, date(2020, 8, 31), 0, ratio=Decimal(4)))
    Factors(price=Decimal('0.25'), size=Decimal('4'))
    """
    if action.kind is ActionKind.SPLIT:
        return Factors(ONE / action.ratio, action.ratio)
    if action.kind is ActionKind.DIVIDEND and action.amount:
        return None if action.previous_close is None else Factors(ONE - action.amount / action.previous_close)
    return NO_CHANGE


def known_at(actions: Iterable[CorporateAction], known_at_ns: int) -> tuple[CorporateAction, ...]:
    """Give the actions as they were known at a time: of one kind and ex date, the one known last; by ex date."""
    found: dict[tuple[date, ActionKind], CorporateAction] = {}
    for action in sorted(actions, key=lambda one: one.known_ns):
        if action.known_ns <= known_at_ns:
            found[action.ex_date, action.kind] = action
    return tuple(found[key] for key in sorted(found))


def factors_between(
    actions: Iterable[CorporateAction], after: date, *, until: date, known_at_ns: int
) -> Factors | None:
    """Give what prices and sizes of session `after` must be multiplied by to compare with those of session `until`.

    Args:
        actions: All actions of the instrument, in any order.
        after: Session of the earlier figures.
        until: Session of the later ones; actions with `after < ex_date <= until` count.
        known_at_ns: Whoever asks knows what was known at this time, UTC nanoseconds.

    Returns:
        The product of the factors; `NO_CHANGE` without actions; None when a dividend's factor is not known yet.

    >>> split = CorporateAction(ActionKind.SPLIT, date(2020, 8, 31), known_ns=5, ratio=Decimal(4))
    >>> factors_between([split], date(2020, 8, 28), until=date(2020, 8, 31), known_at_ns=5).price
    Decimal('0.25')
    >>> factors_between([split], date(2020, 8, 28), until=date(2020, 8, 31), known_at_ns=4).price
    Decimal('1')
    """
    price, size = ONE, ONE
    for action in known_at(actions, known_at_ns):
        if after < action.ex_date <= until:
            factors = factors_of(action)
            if factors is None:
                return None
            price, size = price * factors.price, size * factors.size
    return Factors(price, size)


def factors_until(actions: Iterable[CorporateAction], until: date, *, known_at_ns: int) -> Factors | None:
    """Give the product over all actions up to a session; the ratio of two of these compares two sessions."""
    return factors_between(actions, date.min, until=until, known_at_ns=known_at_ns)
