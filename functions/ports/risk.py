"""Say how an order is checked before it leaves."""

from collections.abc import Iterable
from typing import Protocol

from functions.domain.decisions import AccountState, OrderIntent, Quote, Verdict
from functions.domain.reference import TradingStatus
from functions.domain.risk.checks import Told
from functions.domain.risk.limits import Contract
from functions.domain.risk.rules import Case
from functions.domain.risk.sieve import Checks
from functions.domain.risk.state import RiskState
from functions.ports.kill_switch import Switch


class Risk(Protocol):
    """Decide on orders by what the caller tells of the account."""

    async def check(
        self,
        order: OrderIntent,
        quote: Quote,
        *,
        account: AccountState,
        as_of_ns: int,
        status: TradingStatus = TradingStatus.UNKNOWN,
    ) -> Verdict:
        """Decide on one order.

        Raises:
            Unavailable: Nothing was decided; the order must not leave.
        """
        ...


class TradingStops(Protocol):
    """Stop trading, and open it again."""

    async def set_switch(self, switch: Switch, *, engaged: bool, reason: str) -> bool:
        """Throw or release a switch; tell whether trading is stopped where it stands, be it by a wider one.

        Raises:
            Overloaded: There are too many switches already.
            Unavailable: It is not known whether the switch was set; set it again.
        """
        ...


class RiskChecks(TradingStops, Protocol):
    """Decide on orders at once, by what callers tell of their accounts."""

    def check_each(self, asked: Iterable[tuple[Case, Told]]) -> list[Verdict]:
        """Decide on several orders, each by itself.

        Raises:
            Unavailable: Nothing was decided; the orders must not leave.
        """
        ...

    def check_columns(self, asked: Checks) -> list[Verdict]:
        """Decide the same on several orders that stand in columns.

        Raises:
            Unavailable: Nothing was decided; the orders must not leave.
        """
        ...


class RiskInProcess(Risk, TradingStops, Protocol):
    """Decide on orders at once, on the state that the account's writer keeps."""

    def contract(self, account: str, instrument_id: str) -> Contract:
        """Say what an instrument is to an account."""
        ...

    def decide(  # noqa: PLR0913 - the order, its market, its account, the time and what it replaces are facts
        self,
        order: OrderIntent,
        quote: Quote,
        state: RiskState,
        *,
        as_of_ns: int,
        status: TradingStatus = TradingStatus.UNKNOWN,
        replacing: str = "",
    ) -> Verdict:
        """Decide on one order; the state stays as it is, and is told of the order once that is accepted.

        Raises:
            Unavailable: Nothing was decided; the order must not leave.
        """
        ...
