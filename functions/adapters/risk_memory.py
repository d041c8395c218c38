"""Decide on orders without stores: the twin of the engine and of the gRPC client."""

from functions.domain.decisions import AccountState, OrderIntent, Quote, Verdict
from functions.domain.reference import TradingStatus
from functions.domain.risk.checks import check_told, told_of
from functions.domain.risk.limits import Contract, Limits, Rulebook
from functions.domain.risk.rules import case_of, decide
from functions.domain.risk.state import RiskState, marked
from functions.ports.errors import Unavailable
from functions.ports.kill_switch import Switch


class MemoryRisk:
    """Port `RiskInProcess`. `down` makes it unreachable, `stopped` holds the accounts that may not trade."""

    def __init__(self, limits: Limits) -> None:
        """Decide by these limits."""
        self.down = False
        self.stopped: set[str] = set()
        self._rulebook = Rulebook(limits)

    async def check(
        self,
        order: OrderIntent,
        quote: Quote,
        *,
        account: AccountState,
        as_of_ns: int,
        status: TradingStatus = TradingStatus.UNKNOWN,
    ) -> Verdict:
        """Decide on one order by what is told of the account.

        Raises:
            Unavailable: It was taken down.
        """
        bounds, stopped = self._rulebook.bounds(order.account, order.instrument_id), self._stopped(order)
        return check_told(case_of(order, quote, as_of_ns, status), told_of(account), bounds, stopped=stopped)

    def decide(  # noqa: PLR0913 - as in the port
        self,
        order: OrderIntent,
        quote: Quote,
        state: RiskState,
        *,
        as_of_ns: int,
        status: TradingStatus = TradingStatus.UNKNOWN,
        replacing: str = "",
    ) -> Verdict:
        """Decide on one order by the state that the account's writer keeps.

        Raises:
            Unavailable: It was taken down.
        """
        bounds, stopped = self._rulebook.bounds(order.account, order.instrument_id), self._stopped(order)
        standing = state.standing(order.instrument_id, marked(quote, order.price_exponent), replacing=replacing)
        return decide(case_of(order, quote, as_of_ns, status), standing, bounds, stopped=stopped, recent=state.recent)

    def contract(self, account: str, instrument_id: str) -> Contract:
        """Say what an instrument is to an account."""
        return self._rulebook.bounds(account, instrument_id).contract

    async def set_switch(self, switch: Switch, *, engaged: bool, reason: str) -> bool:  # noqa: ARG002 - nobody reads it
        """Stop or re-open one account.

        Raises:
            Unavailable: It was taken down.
        """
        if self.down:
            message = "risk is down"
            raise Unavailable(message)
        (self.stopped.add if engaged else self.stopped.discard)(switch.account)
        return switch.account in self.stopped

    def _stopped(self, order: OrderIntent) -> str:
        if self.down:
            message = "risk is down"
            raise Unavailable(message)
        return f"trading is stopped for account {order.account!r}" if order.account in self.stopped else ""
