"""Hold an account as its single writer knows it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from functions.domain.decisions import AccountState, OrderIntent
from functions.domain.money import EXACT, mantissa_of


@dataclass(frozen=True, slots=True)
class Position:
    """Hold what an account owns of an instrument: signed, base currency, with the price it was last valued at."""

    instrument_id: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """Hold an account as its single writer knows it, account currency.

    `capital` is fixed when the account is opened; `sequence` is the number of its next event, contiguous from 0;
    `peak_equity` is the greatest equity there was, 0 while nobody has looked.
    """

    name: str
    capital: Decimal
    cash: Decimal
    positions: Mapping[str, Position]
    sequence: int
    peak_equity: Decimal = Decimal(0)


def open_account(
    name: str,
    capital: Decimal,
    positions: Iterable[Position] = (),
    *,
    units: Callable[[str], Decimal] = lambda _: Decimal(1),
) -> Account:
    """Open an account; opening positions are booked at what they are worth, so that cash and they add up to capital.

    `units` says what one of an instrument's quantity stands for.

    >>> open_account("paper", Decimal(1000), [Position("X.Y", Decimal(2), Decimal(100))]).cash
    Decimal('800')
    """
    held = {position.instrument_id: position for position in positions}
    cash = capital
    for position in held.values():
        worth = EXACT.multiply(EXACT.multiply(position.quantity, position.price), units(position.instrument_id))
        cash = EXACT.subtract(cash, worth)
    return Account(name, capital, cash, MappingProxyType(held), 0)


def account_state(account: Account, order: OrderIntent) -> AccountState:
    """Say what risk must know of an account to decide on an order, in the order's units.

    Raises:
        Rejected: The position cannot be told in the order's units.
    """
    gross = Decimal(0)
    for position in account.positions.values():
        gross = EXACT.add(gross, EXACT.multiply(abs(position.quantity), position.price))
    held = account.positions.get(order.instrument_id)
    if held is None:
        return AccountState(account.capital, gross, 0, 0)
    quantity = mantissa_of(held.quantity, order.size_exponent)
    return AccountState(account.capital, gross, quantity, mantissa_of(held.price, order.price_exponent))
