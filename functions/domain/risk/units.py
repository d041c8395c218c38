"""Count in whole numbers: sizes and prices in units of 10^-18, money in units of 10^-36.

A size times a price is money without a shift, whatever exponents an instrument has, and a sum of money is exact. Python
integers have no end, so nothing here overflows or rounds.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Final

from functions.domain.errors import Rejected
from functions.domain.money import EXACT, EXPONENT_MAX, plain, scaled

AMOUNTS_KEPT_MAX: Final = 4096
"""Amounts that are counted once: an account's capital is the same from order to order."""

MONEY_EXPONENT: Final = -2 * EXPONENT_MAX

UNITS: Final[tuple[int, ...]] = tuple(
    10 ** (EXPONENT_MAX + exponent) for exponent in (*range(EXPONENT_MAX + 1), *range(-EXPONENT_MAX, 0))
)
"""10^exponent in units of 10^-18, by the exponent itself: those below 0 stand at the end."""


def atto(mantissa: int, exponent: int) -> int:
    """Give mantissa * 10^exponent in units of 10^-18.

    >>> atto(230123, -2)
    2301230000000000000000

    Args:
        mantissa: Size or price.
        exponent: Power of ten of its unit, -18 to 18.
    """
    return mantissa * UNITS[exponent]


def atto_of(value: Decimal) -> int:
    """Give a size or price in units of 10^-18.

    Raises:
        Rejected: It is finer than that.

    >>> atto_of(Decimal("0.5"))
    500000000000000000
    """
    return _whole(value, -EXPONENT_MAX)


@lru_cache(maxsize=AMOUNTS_KEPT_MAX)
def money_of(value: Decimal) -> int:
    """Give money in units of 10^-36.

    Raises:
        Rejected: It is finer than that.
    """
    return _whole(value, MONEY_EXPONENT)


def size_text(attos: int) -> str:
    """Write a size or price as a plain decimal."""
    return plain(scaled(attos, -EXPONENT_MAX))


def money_text(units: int) -> str:
    """Write money as a plain decimal.

    >>> money_text(money_of(Decimal("47745.00")))
    '47745'
    """
    return plain(scaled(units, MONEY_EXPONENT))


def _whole(value: Decimal, exponent: int) -> int:
    units = value.scaleb(-exponent, EXACT)
    whole = int(units)
    if whole != units:
        message = f"{plain(value)} is finer than 10^{exponent}, the unit risk counts in"
        raise Rejected(message)
    return whole
