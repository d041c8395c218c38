"""Say how accounts, orders and the events about them are kept as one: a ledger with an outbox."""

from dataclasses import dataclass
from typing import Protocol

from functions.domain.decisions import OrderOutcome
from functions.domain.orders.account import Account
from functions.domain.orders.booking import Booking
from functions.ports.errors import Unavailable
from functions.wire.envelope import Event


class AccountMoved(Unavailable):
    """The account is no longer as the booking found it; nothing was stored: load it again and decide again."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """Hold one stored event that the broker has not accepted yet; `position` is its place in the outbox."""

    position: int
    event: Event


class Ledger(Protocol):
    """Keep accounts exactly: what a booking stores, it stores whole or not at all.

    Every method raises `Unavailable` when the store cannot be reached; after `commit` the outcome is then unknown, and
    the same client_order_id must be asked for again.
    """

    async def open_account(self, account: Account) -> bool:
        """Open an account; one that exists already stays as it is. Tell whether it was opened now."""
        ...

    async def account(self, name: str) -> Account | None:
        """Give an account as last booked, or None when there is none."""
        ...

    async def find(self, client_order_id: str) -> OrderOutcome | None:
        """Give the outcome that is stored for an order, or None."""
        ...

    async def look_up(self, client_order_id: str, account: str) -> OrderOutcome | Account | None:
        """Give the outcome that is stored for an order, else the account it is for as last booked, else None."""
        ...

    async def commit(self, booking: Booking, events: tuple[Event, ...]) -> None:
        """Store a booking and its events in one step.

        Raises:
            AccountMoved: Another writer booked the account, or the order, first.
        """
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
