"""Read from settings how an account opens."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from functions.domain.money import plain_decimal
from functions.domain.orders.account import Account, Position, open_account

_ACCOUNT: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Account names stand in event sources, which are URI references."""


def opening_of(name: str, capital: str, positions: Iterable[str]) -> Account:
    """Read an account's opening; positions are written `ETH-USDT.BINANCE=10@2500`, a short one with a minus.

    Raises:
        ValueError: A text cannot be read, a price is not positive, or an instrument is named twice.

    >>> opening_of("paper", "1000000", ["ETH-USDT.BINANCE=10@2500"]).cash
    Decimal('975000')
    """
    if _ACCOUNT.fullmatch(name) is None:
        message = f"account {name!r} is not 1 to 64 of letters, digits, dot, dash and underscore"
        raise ValueError(message)
    held = [_position(text) for text in positions]
    if len({position.instrument_id for position in held}) < len(held):
        message = f"opening positions {list(positions)} name an instrument twice"
        raise ValueError(message)
    return open_account(name, plain_decimal(capital), held)


def _position(text: str) -> Position:
    instrument_id, equals, rest = text.partition("=")
    quantity, at, price = rest.partition("@")
    if not (instrument_id and equals and at):
        message = f"opening position {text!r} is not written INSTRUMENT=QUANTITY@PRICE"
        raise ValueError(message)
    position = Position(instrument_id, plain_decimal(quantity), plain_decimal(price))
    if position.price <= Decimal(0):
        message = f"opening position {text!r} has no positive price"
        raise ValueError(message)
    return position
