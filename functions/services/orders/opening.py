"""Read from settings how an account opens."""

import re
from collections.abc import Iterable
from typing import Final

from functions.domain.orders.account import Account, Position, open_account
from functions.domain.portfolio.opening import opening_of

_ACCOUNT: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Account names stand in event sources, which are URI references."""


def account_of(name: str, capital: str, positions: Iterable[str]) -> Account:
    """Read an account's opening; positions are written `ETH-USDT.BINANCE=10@2500`, a short one with a minus.

    Raises:
        ValueError: The name is none, a text cannot be read, a price is not positive, or an instrument is named twice.

    >>> account_of("paper", "1000000", ["ETH-USDT.BINANCE=10@2500"]).cash
    Decimal('975000')
    """
    if _ACCOUNT.fullmatch(name) is None:
        message = f"account {name!r} is not 1 to 64 of letters, digits, dot, dash and underscore"
        raise ValueError(message)
    opening = opening_of(capital, positions)
    return open_account(name, opening.capital, [Position(*held) for held in opening.held])
