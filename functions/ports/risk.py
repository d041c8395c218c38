"""Say how an order is checked before it leaves."""

from typing import Protocol

from functions.domain.decisions import AccountState, OrderIntent, Quote, Verdict


class Risk(Protocol):
    """Decide on orders."""

    async def check(self, order: OrderIntent, quote: Quote, *, account: AccountState, as_of_ns: int) -> Verdict:
        """Decide on one order.

        Raises:
            Unavailable: Nothing was decided; the order must not leave.
        """
        ...
