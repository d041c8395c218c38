"""Know orders by the names they go by at a venue: those of late from memory, others from the ledger.

A client_order_id is one order's for ever; a request_id only its account's. Where a venue tells requests apart by name
alone, as FIX does, a request goes by `<account>:<request_id>`; what is longer than the venue takes goes by a digest.
Names without an account, as earlier versions gave them, are known as well.
"""

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from functions.domain.decisions import OrderIntent, OrderUpdate
from functions.domain.orders.requests import OrdersPage
from functions.ports.ledger import Ledger
from functions.ports.venue_orders import MessageKind, VenueMessage

NAMES_MAX: Final = 50_000
"""Names that are remembered beside the ledger; the oldest are forgotten."""
REQUESTS_MAX: Final = 64
"""Digests of an order's requests that are remembered; one waits for its answer at a time."""
NEWEST_MAX: Final = 1000
"""Newest orders of an account among which the one is looked for that a digest from before a restart stands for."""
NAME_CHARACTERS_MIN: Final = 16
"""Shortest bound of names under which digests tell requests apart: 14 of their characters, 56 bits."""

_DIGEST: Final = re.compile(r"TL[0-9a-f]{14,32}")
_DIGEST_CHARACTERS: Final = 34


def order_name(client_order_id: str, most: int) -> str:
    """Give the name of a new order at a venue that takes so many characters.

    >>> order_name("order-1", 16), order_name("an order with a long name", 16)
    ('order-1', 'TLd3dbab8a29b967')
    """
    digest = f"TL{sha256(client_order_id.encode()).hexdigest()}"
    return client_order_id if len(client_order_id) <= most else digest[: min(most, _DIGEST_CHARACTERS)]


def request_name(account: str, request_id: str, most: int) -> str:
    """Give the name of a cancel or replace.

    >>> request_name("paper", "c-1", 16)
    'paper:c-1'
    """
    return order_name(f"{account}:{request_id}", most)


@dataclass(slots=True)
class KnownOrder:
    """Hold an order as it was handed in, the name it goes by at the venue, and the venue's own name of it.

    `replacing` is the name it goes by once the replace that this process sent last is done.
    `requests` are our ids of what this process asked of it last under digests, by those.
    """

    client_order_id: str
    order: OrderIntent
    as_of_ns: int
    name: str
    order_id: str = ""
    replacing: str = ""
    requests: dict[str, str] = field(default_factory=dict)

    def ask(self, name: str, request_id: str) -> None:
        """Remember a request by the digest it goes by."""
        self.requests[name] = request_id
        while len(self.requests) > REQUESTS_MAX:
            del self.requests[next(iter(self.requests))]

    def request_id(self, name: str) -> str:
        """Give our id of the request that goes by a name; empty where only its process knew it."""
        if name in self.requests or _DIGEST.fullmatch(name):
            return self.requests.get(name, "")
        return name.removeprefix(f"{self.order.account}:")


class KnownOrders:
    """Find orders by any name they ever had.

    Args:
        ledger: Where orders and requests are kept.
    """

    def __init__(self, ledger: Ledger) -> None:
        """Know no order."""
        self._ledger = ledger
        self._names: dict[str, KnownOrder] = {}

    async def meant(self, message: VenueMessage, name: str = "") -> KnownOrder:
        """Give the order that a message is about, and remember the message for it.

        Args:
            message: The message.
            name: What it goes by at the venue; empty for its own id.

        Raises:
            Unavailable: The ledger does not answer.
        """
        known = self._names.get(message.client_order_id)
        if known is not None and known.client_order_id != message.client_order_id:
            known = None  # a request of another order has this name
        if known is None and message.kind is not MessageKind.NEW:
            known = await self.find((message.client_order_id,), message.order.account)
        if known is None:
            own = message.client_order_id
            known = KnownOrder(own, message.order, message.as_of_ns, name or own)
            self.remember(own, known)
        name = name or message.request_id or message.client_order_id
        if _DIGEST.fullmatch(name):
            known.ask(name, message.request_id)
        self.remember(name, known)
        return known

    async def find(self, names: tuple[str, ...], account: str, order_id: str = "") -> KnownOrder | None:
        """Find an order by what a message about it calls it, or None.

        Args:
            names: Its name and the one before (FIX: ClOrdID and OrigClOrdID), or the one there is.
            account: Whose order it is, which decides where requests of two accounts have one name; empty finds none by
                the id of a cancel or replace of an earlier process that did not name its account with it.
            order_id: The venue's own name of it, by which a digest of an earlier process is understood.

        Raises:
            Unavailable: The ledger does not answer.
        """
        remembered = [self._names[name] for name in names if name in self._names]
        if remembered:  # a venue may have names of its own for accounts, so that none is the right one
            return next((one for one in remembered if one.order.account == account), remembered[0])
        kept = await self._ledger.orders(names)
        goes_by = next(iter(kept), names[-1] if names else "")
        if not kept:
            kept = await self._ledger.orders(await self._asked(names, account, order_id))
        for one in kept.values():
            first = one.order.submission
            found = KnownOrder(
                first.client_order_id, first.order, first.as_of_ns, goes_by, order_id=one.order.venue_order_id
            )
            self.remember(first.client_order_id, found)
            self.remember(names[0], found)
            return found
        return None

    async def _asked(self, names: tuple[str, ...], account: str, order_id: str) -> list[str]:
        """Name the orders that requests of an earlier process were about."""
        told = [update for name in names for update in await self._request(name, account)]
        if not told and account and order_id and any(map(_DIGEST.fullmatch, names)):
            newest = await self._ledger.page(OrdersPage(account, working=False, instrument_id="", limit=NEWEST_MAX))
            told = [update for _, update in newest if update.venue_order_id == order_id]
        return [one.client_order_id for one in told[:1]]

    async def _request(self, name: str, account: str) -> tuple[OrderUpdate, ...]:
        """Give what a request was answered: one whose name tells its account, or of the account, as it once was."""
        owner, _, request_id = name.partition(":")
        for whose, which in ((owner, request_id), (account, name)):
            found = await self._ledger.requests(whose, (which,)) if whose and which else {}
            if found:
                return found[which]
        return ()

    def remember(self, name: str, known: KnownOrder) -> None:
        """Find an order by this name as well."""
        self._names[name] = known
        while len(self._names) > NAMES_MAX:
            del self._names[next(iter(self._names))]
