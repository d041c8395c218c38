"""Say how accounts, orders and the events about them are kept as one: an outbox beside them, one writer an account."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from functions.domain.decisions import Fill, OrderOutcome, OrderUpdate, Submission
from functions.domain.orders.account import Account, Position
from functions.domain.orders.life import Order
from functions.domain.orders.requests import OrdersPage
from functions.ports.errors import Unavailable
from functions.ports.venue_orders import VenueMessage
from functions.wire.envelope import Event


class Fenced(Unavailable):
    """Another writer leads the account; nothing was stored: forget what is known of it, and ask there."""


class OrderTaken(Unavailable):
    """An order of another account has this client_order_id; nothing was stored."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """Hold one stored event that the broker has not accepted yet; `position` is its place in the outbox."""

    position: int
    event: Event


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """Hold an order and the last step of its life."""

    order: Order
    update: OrderUpdate


@dataclass(frozen=True, slots=True)
class Placed:
    """Hold an order that a chapter begins: as it was handed in, which limits decided, and which step answered."""

    submission: Submission
    limits_version: str
    answer_n: int


@dataclass(frozen=True, slots=True)
class RequestAnswer:
    """Hold what one request was answered about one order: its step of that number, with other reasons if there are.

    A mass cancel that found nothing has one answer without an order.
    """

    request_id: str
    client_order_id: str = ""
    n: int = 0
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chapter:
    """Hold what a group of requests did to an account: all of it is stored in one step, or nothing.

    Args:
        fence: The writer's fencing number.
        before: Number of the account's next event before the chapter.
        account: The account after it.
        positions: Positions that moved, or were valued anew.
        placed: Orders that begin here.
        orders: Every order that was touched, as it stands after it, those that begin among them.
        steps: Steps and fills, numbered on the account's stream from `before` without a hole.
        events: The same as events.
        answers: What requests about orders were answered.
        messages: What a venue is to be told.
    """

    fence: int
    before: int
    account: Account
    positions: tuple[Position, ...] = ()
    placed: tuple[Placed, ...] = ()
    orders: tuple[Order, ...] = ()
    steps: tuple[OrderUpdate | Fill, ...] = ()
    events: tuple[Event, ...] = ()
    answers: tuple[RequestAnswer, ...] = ()
    messages: tuple[VenueMessage, ...] = ()


@dataclass(frozen=True, slots=True)
class Carried:
    """Hold a message that may not have reached its venue: `sending` once somebody set out to send it."""

    message: VenueMessage
    sending: bool


@dataclass(frozen=True, slots=True)
class Led:
    """Hold what a writer needs to lead an account: its fencing number, and all that is stored and still in motion."""

    fence: int
    account: Account
    working: tuple[KeptOrder, ...]
    messages: tuple[Carried, ...]


class Ledger(Protocol):
    """Keep accounts exactly: what a chapter stores, it stores whole or not at all, and only for who leads.

    Every method raises `Unavailable` when the store cannot be reached; after `store` the outcome is then unknown, and
    the same ids must be asked for again.
    """

    async def open_account(self, account: Account) -> bool:
        """Open an account; one that exists already stays as it is. Tell whether it was opened now."""
        ...

    async def account(self, name: str) -> Account | None:
        """Give an account as last stored, or None when there is none."""
        ...

    async def lead(self, account: str, holder: str, *, lease_ms: int) -> Led | None:
        """Take the lead of an account that nobody leads, or whose leader's lease ran out by the store's clock.

        Who led it before, if under the same holder name, is fenced off at once. None when there is no such account.

        Raises:
            Fenced: Another holder leads it.
        """
        ...

    async def renew(self, account: str, fence: int, *, lease_ms: int) -> None:
        """Lengthen a lease from now; one that ran out and that nobody took is still ours.

        Raises:
            Fenced: Another writer leads the account.
        """
        ...

    async def release(self, account: str, fence: int) -> None:
        """Let go of the lead, if it is still ours."""
        ...

    async def store(self, chapter: Chapter, *, lease_ms: int) -> None:
        """Store a chapter in one step, and lengthen the lease.

        Raises:
            Fenced: Another writer leads the account.
            OrderTaken: An order that would begin here exists already.
        """
        ...

    async def find(self, client_order_id: str) -> OrderOutcome | None:
        """Give how an order stands, with its fills, or None."""
        ...

    async def answered(self, client_order_ids: Sequence[str]) -> dict[str, OrderOutcome]:
        """Give what was first answered to those who handed these orders in; unknown ones are left out."""
        ...

    async def requests(self, account: str, request_ids: Sequence[str]) -> dict[str, tuple[OrderUpdate, ...]]:
        """Give what these requests about orders of an account were answered; unknown ones are left out."""
        ...

    async def orders(self, client_order_ids: Sequence[str]) -> dict[str, KeptOrder]:
        """Give orders as they stand; unknown ones are left out."""
        ...

    async def page(self, wanted: OrdersPage) -> tuple[tuple[int, OrderUpdate], ...]:
        """Give the last step of each order of a page, newest order first, each with the order's number."""
        ...

    async def events(self, account: str, from_sequence: int, limit: int) -> tuple[Event, ...]:
        """Give an account's events from a sequence number on, in order, at most `limit`, published or not."""
        ...

    async def mark_sending(self, account: str, fence: int, sequences: Sequence[int]) -> tuple[int, ...]:
        """Remember that we set out to send these messages; give those that nobody set out to send before.

        Raises:
            Fenced: Another writer leads the account; nothing was marked.
        """
        ...

    async def mark_sent(self, account: str, sequences: Sequence[int]) -> None:
        """Remember that these messages left, or need not leave any more."""
        ...

    async def messages(self, client_order_id: str) -> tuple[VenueMessage, ...]:
        """Give every message about an order, oldest first, whether it left or not."""
        ...

    async def unsettled(self, limit: int) -> tuple[str, ...]:
        """Name the accounts with orders in motion or messages that are not known to have left, at most `limit`."""
        ...

    async def pending(self) -> int:
        """Count the events that the broker has not accepted yet."""
        ...

    async def unpublished(self, limit: int) -> tuple[OutboxRow, ...]:
        """Give the oldest events that the broker has not accepted yet, in order, at most `limit`."""
        ...

    async def mark_published(self, positions: tuple[int, ...]) -> None:
        """Remember that the broker accepted these events."""
        ...

    async def mark_refused(self, position: int, reason: str) -> None:
        """Remember that the broker refuses this event for good; it is kept, and no longer pending."""
        ...
