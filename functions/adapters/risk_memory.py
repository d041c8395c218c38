"""Decide on orders in process: the twin of the gRPC client."""

from functions.domain.decisions import AccountState, OrderIntent, Quote, Verdict
from functions.domain.risk import Limits, check
from functions.ports.errors import Unavailable


class MemoryRisk:
    """Port `Risk` without a service. `down` makes it unreachable, `stopped` holds the accounts that may not trade."""

    def __init__(self, limits: Limits) -> None:
        """Decide by these limits."""
        self.down = False
        self.stopped: set[str] = set()
        self._limits = limits

    async def check(self, order: OrderIntent, quote: Quote, *, account: AccountState, as_of_ns: int) -> Verdict:
        """Decide on one order.

        Raises:
            Unavailable: It was taken down.
        """
        if self.down:
            message = "risk is down"
            raise Unavailable(message)
        stopped = order.account in self.stopped
        return check(order, quote, account, self._limits, as_of_ns=as_of_ns, kill_switch=stopped)
