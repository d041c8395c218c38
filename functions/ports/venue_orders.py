"""Say how orders reach a venue, and how what it says of them comes back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from functions.domain.decisions import OrderIntent, Quote
from functions.domain.orders.life import Report
from functions.ports.errors import Unavailable


class NotSent(Unavailable):
    """The venue is not connected: it is certain that nothing left."""


class MessageKind(Enum):
    """What a venue is asked for."""

    NEW = "new"
    CANCEL = "cancel"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class VenueMessage:
    """Hold one message for a venue; (account, sequence) names it for ever.

    Args:
        kind: What is asked for.
        sequence: Number, on the account's stream, of the step that asks.
        client_order_id: The order.
        request_id: Id of the cancel or replace; empty for a new order.
        order: The order as it was first handed in.
        quantity: Total quantity that is asked for, a mantissa of the order's size exponent.
        limit_price: Limit price that is asked for, a mantissa of the order's price exponent.
        as_of_ns: When it was asked for, UTC nanoseconds of venue time.
        quote: The market that a new order was decided on; None for a cancel or replace.
        traceparent: Span it was asked in; it is not kept, so a message that is found in the ledger has none.
        again: Whether it left before and is sent again, for nobody knows whether it arrived; it is not kept either.
    """

    kind: MessageKind
    sequence: int
    client_order_id: str
    request_id: str
    order: OrderIntent
    quantity: int
    limit_price: int
    as_of_ns: int
    quote: Quote | None = None
    traceparent: str = ""
    again: bool = False


Heard: TypeAlias = Callable[[str, Report], Awaitable[None]]
"""Takes what the venue says of an order, by client_order_id; when it returns, what was said is stored."""

Connected: TypeAlias = Callable[[], Awaitable[None]]
"""Told whenever the venue can be reached again, so that what was missed is asked for."""


class VenueOrders(Protocol):
    """Carry orders to a venue; reports may come before `send` has returned, late, more than once, or never."""

    async def start(self, heard: Heard, connected: Connected) -> None:
        """Connect, and stay connected until `close`; returns at once."""
        ...

    async def close(self) -> None:
        """Let go of the venue; orders work on there."""
        ...

    async def send(self, message: VenueMessage) -> None:
        """Hand a message over; it has left when this returns.

        Raises:
            NotSent: Nothing left.
            Unavailable: Nobody knows whether it left.
        """
        ...

    async def ask(self, client_order_id: str) -> tuple[Report, ...]:
        """Ask how an order stands: its executions as far as the venue tells them, then one ORDER_STATUS.

        That last report has no status when the venue knows no such order.

        Raises:
            Unavailable: The venue did not answer.
        """
        ...
