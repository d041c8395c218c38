"""Know orders by the names they go by at a venue: those of late from memory, others from the ledger."""

from dataclasses import dataclass
from typing import Final

from functions.domain.decisions import OrderIntent
from functions.ports.ledger import Ledger
from functions.ports.venue_orders import MessageKind, VenueMessage

NAMES_MAX: Final = 50_000
"""Names that are remembered beside the ledger; the oldest are forgotten."""


@dataclass(slots=True)
class KnownOrder:
    """Hold an order as it was handed in, the name it goes by at the venue, and the venue's own name of it."""

    client_order_id: str
    order: OrderIntent
    as_of_ns: int
    name: str
    order_id: str = ""


class KnownOrders:
    """Find orders by any name they ever had.

    Args:
        ledger: Where orders and requests are kept.
    """

    def __init__(self, ledger: Ledger) -> None:
        """Know no order."""
        self._ledger = ledger
        self._names: dict[str, KnownOrder] = {}

    async def meant(self, message: VenueMessage) -> KnownOrder:
        """Give the order that a message is about, and remember the message's own id for it.

        Raises:
            Unavailable: The ledger does not answer.
        """
        known = self._names.get(message.client_order_id)
        if known is not None and known.client_order_id != message.client_order_id:
            known = None  # a request of another order has this name
        if known is None and message.kind is not MessageKind.NEW:
            known = await self.find((message.client_order_id,), message.order.account)
        if known is None:
            name = message.client_order_id
            known = KnownOrder(name, message.order, message.as_of_ns, name)
            self.remember(name, known)
        self.remember(message.request_id or message.client_order_id, known)
        return known

    async def find(self, names: tuple[str, ...], account: str) -> KnownOrder | None:
        """Find an order by what a message about it calls it, or None.

        Args:
            names: Its name and the one before (FIX: ClOrdID and OrigClOrdID), or the one there is.
            account: Whose order it is, which decides where requests of two accounts have one name; empty finds none by
                the id of a cancel or replace of an earlier process.

        Raises:
            Unavailable: The ledger does not answer.
        """
        remembered = [self._names[name] for name in names if name in self._names]
        if remembered:  # a venue may have names of its own for accounts, so that none is the right one
            return next((one for one in remembered if one.order.account == account), remembered[0])
        kept = await self._ledger.orders(names)
        goes_by = next(iter(kept), names[-1] if names else "")
        if not kept and account:
            told = await self._ledger.requests(account, names)
            kept = await self._ledger.orders([one.client_order_id for updates in told.values() for one in updates[:1]])
        for one in kept.values():
            first = one.order.submission
            found = KnownOrder(
                first.client_order_id, first.order, first.as_of_ns, goes_by, order_id=one.order.venue_order_id
            )
            self.remember(first.client_order_id, found)
            self.remember(names[0], found)
            return found
        return None

    def remember(self, name: str, known: KnownOrder) -> None:
        """Find an order by this name as well."""
        self._names[name] = known
        while len(self._names) > NAMES_MAX:
            del self._names[next(iter(self._names))]
