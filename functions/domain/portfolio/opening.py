"""Read what accounts were opened with, as the orders service's settings write it."""

from collections.abc import Iterable
from decimal import Decimal

from functions.domain.money import plain_decimal
from functions.domain.portfolio.state import Opening


def opening_of(capital: str, positions: Iterable[str] = ()) -> Opening:
    """Read an account's opening; positions are written `ETH-USDT.BINANCE=10@2500`, a short one with a minus.

    Raises:
        ValueError: A text cannot be read, a price is not positive, or an instrument is named twice.

    >>> opening_of("1000000", ["ETH-USDT.BINANCE=10@2500"]).held
    (('ETH-USDT.BINANCE', Decimal('10'), Decimal('2500')),)
    """
    held = tuple(map(_position, positions))
    if len({instrument_id for instrument_id, _, _ in held}) < len(held):
        message = f"opening positions {[instrument_id for instrument_id, _, _ in held]} name an instrument twice"
        raise ValueError(message)
    return Opening(plain_decimal(capital), held)


def named_openings(texts: Iterable[str]) -> dict[str, Opening]:
    """Read openings without positions, each written `NAME=CAPITAL`.

    Raises:
        ValueError: A text cannot be read.

    >>> named_openings(["desk-2=5000"])
    {'desk-2': Opening(capital=Decimal('5000'), held=())}
    """
    found = {}
    for text in texts:
        name, equals, capital = text.partition("=")
        if not (name and equals):
            message = f"capital {text!r} is not written NAME=CAPITAL"
            raise ValueError(message)
        found[name] = opening_of(capital)
    return found


def _position(text: str) -> tuple[str, Decimal, Decimal]:
    instrument_id, _, rest = text.partition("=")
    quantity, at, price = rest.partition("@")
    if not (instrument_id and at and plain_decimal(price) > 0):
        message = f"opening position {text!r} is not written INSTRUMENT=QUANTITY@PRICE, at a positive price"
        raise ValueError(message)
    return instrument_id, plain_decimal(quantity), plain_decimal(price)
