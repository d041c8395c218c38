"""Take each order once: one writer an account, one booking an order."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final
from weakref import WeakValueDictionary

from functions.domain.decisions import OrderOutcome, Submission
from functions.domain.errors import Rejected
from functions.domain.orders.account import account_state
from functions.domain.orders.booking import book
from functions.ports.errors import Unavailable
from functions.ports.ledger import AccountMoved, Ledger
from functions.ports.risk import Risk
from functions.services.orders.events import events_of

ATTEMPTS_MAX: Final = 5
"""How often a booking is decided again when another process booked the account first."""


class OrderDesk:
    """Check, execute and store orders.

    Args:
        ledger: Where accounts and orders are kept.
        risk: Who decides whether an order may leave.
        now_ns: Clock for orders that come without a time; read once, at the door.
        booked: Told after each booking, so that its events leave without delay.
    """

    def __init__(
        self, ledger: Ledger, risk: Risk, *, now_ns: Callable[[], int], booked: Callable[[], None] = lambda: None
    ) -> None:
        """Hold no account: each is loaded for its order."""
        self._ledger = ledger
        self._risk = risk
        self._now_ns = now_ns
        self._booked = booked
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def submit(self, submission: Submission) -> OrderOutcome:
        """Take one order; the same client_order_id gets the first answer, whatever else it says.

        Raises:
            Rejected: There is no such account, or it cannot be told in the order's units; nothing was stored.
            Unavailable: Risk or the ledger did not answer; ask again with the same id.
        """
        stamped = submission if submission.as_of_ns else replace(submission, as_of_ns=self._now_ns())
        # The lock lives as long as someone holds or awaits it, so locks are as many as requests in progress.
        lock = self._locks.setdefault(submission.order.account, asyncio.Lock())
        async with lock:
            for _ in range(ATTEMPTS_MAX):
                try:
                    return await self._once(stamped)
                except AccountMoved:
                    continue
        message = f"account {submission.order.account!r} was booked by others {ATTEMPTS_MAX} times; ask again"
        raise Unavailable(message)

    async def _once(self, submission: Submission) -> OrderOutcome:
        found = await self._ledger.look_up(submission.client_order_id, submission.order.account)
        if isinstance(found, OrderOutcome):
            return found
        if found is None:
            message = f"there is no account {submission.order.account!r}; open it in the settings of the orders service"
            raise Rejected(message)
        state = account_state(found, submission.order)
        verdict = await self._risk.check(
            submission.order, submission.quote, account=state, as_of_ns=submission.as_of_ns
        )
        booking = book(found, submission, verdict)
        await self._ledger.commit(booking, events_of(booking))
        self._booked()
        return booking.outcome
