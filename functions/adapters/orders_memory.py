"""Take orders in process: the twin of the gRPC client."""

from functions.domain.decisions import OrderOutcome, Submission
from functions.domain.errors import Rejected
from functions.domain.orders.account import Account, account_state
from functions.domain.orders.booking import book
from functions.ports.errors import Unavailable
from functions.ports.risk import Risk


class MemoryOrders:
    """Port `Orders` over one account in memory. `down` makes it unreachable; `outcomes` is all it ever answered."""

    def __init__(self, account: Account, risk: Risk) -> None:
        """Trade for this account, with orders checked by this risk."""
        self.down = False
        self.account = account
        self.outcomes: dict[str, OrderOutcome] = {}
        self._risk = risk

    async def submit(self, submission: Submission) -> OrderOutcome:
        """Take one order; the same client_order_id gets the first answer.

        Raises:
            Rejected: The order is for another account.
            Unavailable: It was taken down, or risk is.
        """
        if self.down:
            message = "orders is down"
            raise Unavailable(message)
        known = self.outcomes.get(submission.client_order_id)
        if known is not None:
            return known
        order = submission.order
        if order.account != self.account.name:
            message = f"there is no account {order.account!r}"
            raise Rejected(message)
        state = account_state(self.account, order)
        verdict = await self._risk.check(order, submission.quote, account=state, as_of_ns=submission.as_of_ns)
        booking = book(self.account, submission, verdict)
        self.account = booking.account
        return self.outcomes.setdefault(submission.client_order_id, booking.outcome)
