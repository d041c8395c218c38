"""Say how an order is handed in."""

from typing import Protocol

from functions.domain.decisions import OrderOutcome, Submission


class Orders(Protocol):
    """Take orders, once each."""

    async def submit(self, submission: Submission) -> OrderOutcome:
        """Check, execute and store one order; the same client_order_id gets the first answer.

        Raises:
            Unavailable: The outcome is unknown; ask again with the same id.
        """
        ...
