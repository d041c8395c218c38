"""Orders are known by every name they go by, and names that two of them have do not mix them up."""

from dataclasses import replace

import pytest
from trading import NOW, order

from functions.adapters.known_orders import KnownOrders
from functions.adapters.memory_ledger import MemoryLedger
from functions.domain.decisions import Side
from functions.ports.venue_orders import MessageKind, VenueMessage

BUY = order(Side.BUY, 10_000, 249_000)


def message(kind: MessageKind, account: str, client_order_id: str, request_id: str = "") -> VenueMessage:
    """Make a message about an account's order."""
    return VenueMessage(kind, 0, client_order_id, request_id, replace(BUY, account=account), 10_000, 249_000, NOW)


@pytest.fixture
async def orders() -> KnownOrders:
    """Know one order of each of two accounts, and a cancel of each; the cancels have one name."""
    found = KnownOrders(MemoryLedger())
    for account, name in (("left", "order-1"), ("right", "order-2")):
        await found.meant(message(MessageKind.NEW, account, name))
        await found.meant(message(MessageKind.CANCEL, account, name, "c-1"))
    return found


@pytest.mark.parametrize(
    ("names", "account", "found"),
    [
        (("order-1",), "", "order-1"),
        (("c-1", "order-1"), "left", "order-1"),
        (("c-1", "order-2"), "right", "order-2"),
        (("order-1",), "their own name", "order-1"),
    ],
)
async def test_names(orders: KnownOrders, names: tuple[str, ...], account: str, found: str) -> None:
    """Where a name is that of two requests the account decides; an account that is nobody's does not hide an order."""
    known = await orders.find(names, account)
    assert known is not None
    assert known.client_order_id == found


async def test_order_named_as_a_request(orders: KnownOrders) -> None:
    """A new order that has the name of an earlier request is not the order that request was about."""
    known = await orders.meant(message(MessageKind.NEW, "right", "c-1"))
    assert (known.client_order_id, known.order.account) == ("c-1", "right")


async def test_unknown(orders: KnownOrders) -> None:
    """What neither memory nor ledger has is nobody's."""
    assert await orders.find(("order-9",), "left") is None
