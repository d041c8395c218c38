"""Know orders by the ids they go by at a FIX venue, and write what is asked of them.

FIX names each cancel and each replace anew (ClOrdID) and says what it is about by the name before (OrigClOrdID); once
replaced, an order goes by the replacement's name.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from functions.domain.decisions import OrderIntent, Side, TimeInForce
from functions.domain.money import scaled
from functions.ports.ledger import Ledger
from functions.ports.venue_orders import MessageKind, VenueMessage
from functions.wire.fix.messages import Cancel, NewOrder, Replace, StatusRequest

NAMES_MAX: Final = 50_000
"""ClOrdIDs that are remembered beside the ledger; the oldest are forgotten."""

_LIMIT: Final = "2"
_SIDES: Final = MappingProxyType({Side.BUY: "1", Side.SELL: "2"})
_TIMES_IN_FORCE: Final = MappingProxyType(
    {
        TimeInForce.DAY: "0",
        TimeInForce.GOOD_TILL_CANCEL: "1",
        TimeInForce.IMMEDIATE_OR_CANCEL: "3",
        TimeInForce.FILL_OR_KILL: "4",
    }
)


@dataclass(slots=True)
class KnownOrder:
    """Hold an order as it was handed in, the ClOrdID it goes by at the venue, and the venue's own name of it."""

    client_order_id: str
    order: OrderIntent
    as_of_ns: int
    name: str
    order_id: str = ""


class FixOrders:
    """Find orders by any ClOrdID they ever had: those of late from memory, others from the ledger.

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
        if known is None and message.kind is not MessageKind.NEW:
            known = await self.find((message.client_order_id,), "")
        if known is None:
            name = message.client_order_id
            known = KnownOrder(name, message.order, message.as_of_ns, name)
            self.remember(name, known)
        self.remember(message.request_id or message.client_order_id, known)
        return known

    async def find(self, names: tuple[str, ...], account: str) -> KnownOrder | None:
        """Find an order by the ClOrdID and OrigClOrdID of a message about it, or None.

        Args:
            names: Both, or the one there is.
            account: Whose order it is; empty finds none by the id of a cancel or replace of an earlier process.

        Raises:
            Unavailable: The ledger does not answer.
        """
        for name in names:
            if name in self._names:
                return self._names[name]
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


def request_of(message: VenueMessage, symbol: str, known: KnownOrder) -> NewOrder | Cancel | Replace:
    """Write what is asked for; every order is a limit order, in the symbol's own units."""
    order, side = message.order, _SIDES[message.order.side]
    quantity = scaled(message.quantity, order.size_exponent)
    price = scaled(message.limit_price, order.price_exponent)
    in_force = _TIMES_IN_FORCE[order.time_in_force]
    name, as_of_ns = message.request_id or message.client_order_id, message.as_of_ns
    if message.kind is MessageKind.NEW:
        return NewOrder(
            name, symbol, side, as_of_ns, _LIMIT, quantity, price, account=order.account, time_in_force=in_force
        )
    order_id = known.order_id or None
    if message.kind is MessageKind.CANCEL:
        return Cancel(known.name, name, symbol, side, as_of_ns, order_id, quantity, account=order.account)
    return Replace(
        known.name,
        name,
        symbol,
        side,
        as_of_ns,
        _LIMIT,
        order_id,
        quantity,
        price,
        account=order.account,
        time_in_force=in_force,
    )


def question_of(known: KnownOrder, symbol: str, status_id: str) -> StatusRequest:
    """Ask how an order stands, by the name it goes by."""
    side, account = _SIDES[known.order.side], known.order.account
    return StatusRequest(known.name, symbol, side, known.order_id or None, status_id, account)
