"""Keep accounts, orders and their outbox in memory, by the same rules as PostgreSQL does."""

from dataclasses import replace

from functions.domain.decisions import OrderOutcome
from functions.domain.orders.account import Account
from functions.domain.orders.booking import Booking
from functions.ports.ledger import AccountMoved, OutboxRow
from functions.wire.envelope import Event


class MemoryLedger:
    """A ledger that forgets everything with its process.

    `refused` keeps what the broker would not take: the event and its reason, by place in the outbox.
    """

    def __init__(self) -> None:
        """Start without accounts."""
        self.refused: dict[int, tuple[Event, str]] = {}
        self._accounts: dict[str, Account] = {}
        self._outcomes: dict[str, OrderOutcome] = {}
        self._outbox: dict[int, Event] = {}
        self._position = 0

    async def open_account(self, account: Account) -> bool:
        """Open an account unless it exists."""
        return self._accounts.setdefault(account.name, account) is account

    async def account(self, name: str) -> Account | None:
        """Give an account as last booked."""
        return self._accounts.get(name)

    async def find(self, client_order_id: str) -> OrderOutcome | None:
        """Give the outcome that is stored for an order."""
        return self._outcomes.get(client_order_id)

    async def look_up(self, client_order_id: str, account: str) -> OrderOutcome | Account | None:
        """Give an order's stored outcome, else its account as last booked."""
        return self._outcomes.get(client_order_id) or self._accounts.get(account)

    async def commit(self, booking: Booking, events: tuple[Event, ...]) -> None:
        """Store a booking and its events; nothing awaits in between, so nobody sees a part of it.

        Raises:
            AccountMoved: The account or the order was booked first by another.
        """
        name, order_id = booking.account.name, booking.submission.client_order_id
        stored = self._accounts.get(name)
        if stored is None or stored.sequence != booking.sequence or order_id in self._outcomes:
            message = f"account {name!r} was booked by another writer; load it again"
            raise AccountMoved(message)
        self._accounts[name] = replace(booking.account, positions=dict(booking.account.positions))
        self._outcomes[order_id] = booking.outcome
        for event in events:
            self._position += 1
            self._outbox[self._position] = event

    async def pending(self) -> int:
        """Count what is still to be published."""
        return len(self._outbox)

    async def unpublished(self, limit: int) -> tuple[OutboxRow, ...]:
        """Give the oldest events that are still to be published."""
        return tuple(OutboxRow(position, event) for position, event in list(self._outbox.items())[:limit])

    async def mark_published(self, positions: tuple[int, ...]) -> None:
        """Forget events that the broker accepted."""
        for position in positions:
            self._outbox.pop(position, None)

    async def mark_refused(self, position: int, reason: str) -> None:
        """Put an event that the broker refuses aside."""
        event = self._outbox.pop(position, None)
        if event is not None:
            self.refused[position] = (event, reason)
