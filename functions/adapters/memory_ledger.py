"""Keep accounts, orders and their outbox in memory, by the same rules as PostgreSQL does."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from functions.domain.decisions import Fill, OrderOutcome, OrderUpdate
from functions.domain.orders.account import Account
from functions.domain.orders.booking import in_motion
from functions.domain.orders.life import Order
from functions.domain.orders.requests import OrdersPage
from functions.ports.ledger import Carried, Chapter, Fenced, KeptOrder, Led, OrderTaken, OutboxRow, RequestAnswer
from functions.ports.venue_orders import VenueMessage
from functions.wire import facts
from functions.wire.envelope import Event

_MS_PER_S: Final = 1000


@dataclass(slots=True)
class _Lease:
    fence: int = 0
    holder: str = ""
    until_s: float = float("-inf")


@dataclass(slots=True)
class _Kept:
    order: Order
    opened: int
    answer_n: int
    updates: list[OrderUpdate] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)


@dataclass(slots=True)
class _Message:
    message: VenueMessage
    state: str = "stored"


class MemoryLedger:
    """A ledger that forgets everything with its process.

    `refused` keeps what the broker would not take: the event and its reason, by place in the outbox.

    Args:
        now_s: Clock that leases run by, seconds from anywhere.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Start without accounts."""
        self.refused: dict[int, tuple[Event, str]] = {}
        self._now_s = now_s
        self._accounts: dict[str, Account] = {}
        self._leases: dict[str, _Lease] = {}
        self._orders: dict[str, _Kept] = {}
        self._requests: dict[tuple[str, str], list[RequestAnswer]] = {}
        self._messages: dict[tuple[str, int], _Message] = {}
        self._events: dict[str, list[Event]] = {}
        self._outbox: dict[int, Event] = {}
        self._position = 0

    async def open_account(self, account: Account) -> bool:
        """Open an account unless it exists."""
        self._leases.setdefault(account.name, _Lease())
        return self._accounts.setdefault(account.name, account) is account

    async def account(self, name: str) -> Account | None:
        """Give an account as last stored."""
        return self._accounts.get(name)

    async def lead(self, account: str, holder: str, *, lease_ms: int) -> Led | None:
        """Take the lead of an account.

        Raises:
            Fenced: Another holder leads it.
        """
        lease = self._leases.get(account)
        if lease is None:
            return None
        if lease.holder != holder and lease.until_s > self._now_s():
            message = f"account {account!r} is led by {lease.holder!r}; ask there, or wait until its lease runs out"
            raise Fenced(message)
        lease.fence, lease.holder, lease.until_s = lease.fence + 1, holder, self._until(lease_ms)
        kept = sorted((one for one in self._of(account) if in_motion(one.order)), key=lambda one: one.opened)
        messages = (
            Carried(one.message, one.state == "sending")
            for (name, _), one in sorted(self._messages.items())
            if name == account and one.state != "sent"
        )
        working = tuple(KeptOrder(one.order, one.updates[-1]) for one in kept)
        return Led(lease.fence, self._accounts[account], working, tuple(messages))

    async def renew(self, account: str, fence: int, *, lease_ms: int) -> None:
        """Lengthen a lease.

        Raises:
            Fenced: Another writer leads the account.
        """
        self._mine(account, fence).until_s = self._until(lease_ms)

    async def release(self, account: str, fence: int) -> None:
        """Let go of the lead."""
        lease = self._leases[account]
        if lease.fence == fence:
            lease.until_s = float("-inf")

    async def store(self, chapter: Chapter, *, lease_ms: int) -> None:
        """Store a chapter; nothing awaits in between, so nobody sees a part of it.

        Raises:
            Fenced: Another writer leads the account.
            OrderTaken: An order that would begin here exists already.
        """
        name = chapter.account.name
        lease = self._mine(name, chapter.fence)
        taken = any(one.submission.client_order_id in self._orders for one in chapter.placed)
        if taken or any((name, one.request_id) in self._requests for one in chapter.answers):
            message = f"account {name!r}: an order or a request of this id was stored before; ask again"
            raise OrderTaken(message)
        if self._accounts[name].sequence != chapter.before:
            raise _fenced(name)
        lease.until_s = self._until(lease_ms)
        self._accounts[name] = replace(chapter.account, positions=dict(chapter.account.positions))
        self._keep_orders(chapter)
        for answer in chapter.answers:
            self._requests.setdefault((name, answer.request_id), []).append(answer)
        for one in chapter.messages:
            self._messages[name, one.sequence] = _Message(one)
        for event in chapter.events:
            self._events.setdefault(name, []).append(event)
            self._position += 1
            self._outbox[self._position] = event

    def _keep_orders(self, chapter: Chapter) -> None:
        opened = {step.client_order_id: step.sequence for step in reversed(chapter.steps)}
        begun = {one.submission.client_order_id: one for one in chapter.placed}
        for order in chapter.orders:
            name = order.submission.client_order_id
            if name in begun:
                self._orders[name] = _Kept(order, opened[name], begun[name].answer_n)
            self._orders[name].order = order
        for step in chapter.steps:
            kept = self._orders[step.client_order_id]
            if isinstance(step, Fill):
                kept.fills.append(step)
            else:
                kept.updates.append(step)

    async def find(self, client_order_id: str) -> OrderOutcome | None:
        """Give how an order stands."""
        kept = self._orders.get(client_order_id)
        return None if kept is None else OrderOutcome(kept.updates[-1], tuple(kept.fills))

    async def answered(self, client_order_ids: Sequence[str]) -> dict[str, OrderOutcome]:
        """Give what was first answered about these orders."""
        found = {name: self._orders[name] for name in client_order_ids if name in self._orders}
        return {name: _first_answer(kept) for name, kept in found.items()}

    async def requests(self, account: str, request_ids: Sequence[str]) -> dict[str, tuple[OrderUpdate, ...]]:
        """Give what these requests were answered."""
        found = {name: self._requests[account, name] for name in request_ids if (account, name) in self._requests}
        return {name: tuple(self._told(answers)) for name, answers in found.items()}

    def _told(self, answers: Iterable[RequestAnswer]) -> Iterable[OrderUpdate]:
        about = [one for one in answers if one.client_order_id]
        for answer in sorted(about, key=lambda one: self._orders[one.client_order_id].opened):
            update = self._orders[answer.client_order_id].updates[answer.n - 1]
            yield replace(update, reasons=answer.reasons) if answer.reasons else update

    async def orders(self, client_order_ids: Sequence[str]) -> dict[str, KeptOrder]:
        """Give orders as they stand."""
        found = {name: self._orders[name] for name in client_order_ids if name in self._orders}
        return {name: KeptOrder(kept.order, kept.updates[-1]) for name, kept in found.items()}

    async def page(self, wanted: OrdersPage) -> tuple[tuple[int, OrderUpdate], ...]:
        """Give the last step of each order of a page."""
        found = [
            (one.opened, one.updates[-1])
            for one in self._of(wanted.account)
            if (in_motion(one.order) or not wanted.working)
            and wanted.instrument_id in {"", one.order.submission.order.instrument_id}
            and (wanted.before is None or one.opened < wanted.before)
        ]
        return tuple(sorted(found, key=lambda one: one[0], reverse=True)[: wanted.limit])

    async def events(self, account: str, from_sequence: int, limit: int) -> tuple[Event, ...]:
        """Give an account's events from a sequence number on."""
        found = (event for event in self._events.get(account, ()) if facts.sequence_of(event) >= from_sequence)
        return tuple(found)[:limit]

    async def mark_sending(self, account: str, fence: int, sequences: Sequence[int]) -> tuple[int, ...]:
        """Remember that we set out to send these messages.

        Raises:
            Fenced: Another writer leads the account.
        """
        self._mine(account, fence)
        marked = [number for number in sorted(sequences) if self._messages[account, number].state == "stored"]
        for number in marked:
            self._messages[account, number].state = "sending"
        return tuple(marked)

    async def mark_sent(self, account: str, sequences: Sequence[int]) -> None:
        """Remember that these messages left."""
        for number in sequences:
            self._messages[account, number].state = "sent"

    async def messages(self, client_order_id: str) -> tuple[VenueMessage, ...]:
        """Give every message about an order."""
        told = (one.message for one in self._messages.values() if one.message.client_order_id == client_order_id)
        return tuple(sorted(told, key=lambda one: one.sequence))

    async def unsettled(self, limit: int) -> tuple[str, ...]:
        """Name the accounts with something under way."""
        moving = {one.order.submission.order.account for one in self._orders.values() if in_motion(one.order)}
        unsent = {name for (name, _), one in self._messages.items() if one.state != "sent"}
        return tuple(sorted(moving | unsent)[:limit])

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

    def _of(self, account: str) -> list[_Kept]:
        return [one for one in self._orders.values() if one.order.submission.order.account == account]

    def _mine(self, account: str, fence: int) -> _Lease:
        lease = self._leases[account]
        if lease.fence != fence:
            raise _fenced(account)
        return lease

    def _until(self, lease_ms: int) -> float:
        return self._now_s() + lease_ms / _MS_PER_S


def _first_answer(kept: _Kept) -> OrderOutcome:
    update = kept.updates[kept.answer_n - 1]
    return OrderOutcome(update, tuple(fill for fill in kept.fills if fill.sequence <= update.sequence))


def _fenced(account: str) -> Fenced:
    return Fenced(f"account {account!r} is led by another writer now; ask there")
