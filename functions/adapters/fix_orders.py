"""Write what is asked of orders as FIX messages.

FIX names each cancel and each replace anew (ClOrdID) and says what it is about by the name before (OrigClOrdID); once
replaced, an order goes by the replacement's name. Names are one for all accounts of a session.
"""

from types import MappingProxyType
from typing import Final

from functions.adapters.known_orders import KnownOrder, order_name, request_name
from functions.domain.decisions import Side, TimeInForce
from functions.domain.money import scaled
from functions.ports.venue_orders import MessageKind, VenueMessage
from functions.wire.fix.messages import Cancel, NewOrder, Replace, StatusRequest

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


def name_of(message: VenueMessage, most: int) -> str:
    """Give the ClOrdID of a message at a venue that takes so many characters."""
    if message.kind is MessageKind.NEW:
        return order_name(message.client_order_id, most)
    return request_name(message.order.account, message.request_id, most)


def request_of(message: VenueMessage, symbol: str, known: KnownOrder, *, name: str) -> NewOrder | Cancel | Replace:
    """Write what is asked for under a name; every order is a limit order, in the symbol's own units."""
    order, side = message.order, _SIDES[message.order.side]
    quantity = scaled(message.quantity, order.size_exponent)
    price = scaled(message.limit_price, order.price_exponent)
    in_force = _TIMES_IN_FORCE[order.time_in_force]
    as_of_ns = message.as_of_ns
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
