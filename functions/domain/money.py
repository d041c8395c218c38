"""Count money and quantities exactly: mantissas to decimals and back, and plain text; nothing here ever rounds."""

import re
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Final

from functions.domain.errors import Rejected

EXACT: Final = Context(prec=200, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])
"""Arithmetic that raises rather than rounds: two int64 mantissas multiply to 38 digits, texts have at most 64."""

EXPONENT_MAX: Final = 18
"""Greatest power of ten of a unit, either way: int64 holds 18 whole digits, and satoshis to wei need no more."""

DIGITS_MAX: Final = 64
MANTISSA_MAX: Final = 2**63 - 1

_PLAIN: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def scaled(mantissa: int, exponent: int) -> Decimal:
    """Give mantissa * 10^exponent, exactly.

    >>> scaled(230123, -2)
    Decimal('2301.23')
    """
    return Decimal(mantissa).scaleb(exponent, EXACT)


def mantissa_of(value: Decimal, exponent: int) -> int:
    """Give the whole number of units of 10^exponent in a value.

    Raises:
        Rejected: The value is finer than the unit, or too large for int64.

    >>> mantissa_of(Decimal("1.50"), -3)
    1500
    """
    units = value.scaleb(-exponent, EXACT)
    whole = int(units)
    if whole != units:
        message = f"{plain(value)} is finer than one unit of 10^{exponent}; give the instrument's own exponents"
        raise Rejected(message)
    if abs(whole) > MANTISSA_MAX:
        message = f"{plain(value)} in units of 10^{exponent} does not fit in 64 bits"
        raise Rejected(message)
    return whole


def plain(value: Decimal) -> str:
    """Write a decimal without exponent or trailing zeros.

    >>> plain(Decimal("1E+3")), plain(Decimal("0.0500")), plain(Decimal("-0.00"))
    ('1000', '0.05', '0')
    """
    if not value:
        return "0"
    return format(value.normalize(EXACT), "f")


def plain_decimal(text: str) -> Decimal:
    """Read a plain decimal: digits, perhaps a sign and a point; no exponent, no NaN, no infinity.

    Raises:
        ValueError: The text is anything else, or longer than 64 characters.

    >>> plain_decimal("0.95")
    Decimal('0.95')
    """
    if len(text) > DIGITS_MAX or _PLAIN.fullmatch(text) is None:
        message = f"{text[:DIGITS_MAX]!r} is no plain decimal of at most {DIGITS_MAX} characters"
        raise ValueError(message)
    return Decimal(text)
