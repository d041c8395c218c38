"""Hold what the risk service knows beside a request: its limits and the kill switches."""

import asyncio
from typing import Final

import structlog

from functions.domain.decisions import AccountState, OrderIntent, Quote, Verdict
from functions.domain.risk import Limits, check
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.kill_switch import KillSwitches

EVERY_ACCOUNT: Final = ""
"""The name under which one switch stops all accounts."""

SWITCHES_MAX: Final = 10_000


class RiskDesk:
    """Check orders against the limits; a switch is stored before it is obeyed, and obeyed before it is confirmed.

    Args:
        limits: What is allowed.
        switches: Where it is kept that trading is stopped.
        refresh_s: How often switches that another instance set are looked up, seconds.
    """

    def __init__(self, limits: Limits, switches: KillSwitches, *, refresh_s: float) -> None:
        """Know no switch yet: until `start`, nothing can be decided."""
        self._limits = limits
        self._switches = switches
        self._refresh_s = refresh_s
        self._changing = asyncio.Lock()  # a look-up that began before a change must not undo it
        self._engaged: dict[str, bool] | None = None
        self._refreshing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load the switches, and go on looking them up.

        Raises:
            Unavailable: They cannot be read; a desk that does not know them must not open.
        """
        self._engaged = dict(await self._switches.load())
        self._refreshing = asyncio.create_task(self._refresh())

    async def close(self) -> None:
        """Stop looking switches up."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
            self._refreshing = None

    async def check(self, order: OrderIntent, quote: Quote, *, account: AccountState, as_of_ns: int) -> Verdict:
        """Decide on one order.

        Raises:
            Unavailable: The switches were never read.
        """
        stopped = self.engaged(order.account)
        return check(order, quote, account, self._limits, as_of_ns=as_of_ns, kill_switch=stopped)

    async def set_switch(self, account: str, *, engaged: bool, reason: str) -> bool:
        """Throw or release a switch; tell whether trading is stopped for the account now, be it by the switch for all.

        Raises:
            Overloaded: There are too many switches already.
            Unavailable: The switch could not be stored, or the switches were never read.
        """
        async with self._changing:
            if account not in self._known() and len(self._known()) >= SWITCHES_MAX:
                message = f"{SWITCHES_MAX} kill switches are set already; stop every account with the empty one"
                raise Overloaded(message)
            await self._switches.set(account, engaged=engaged, reason=reason)
            self._known()[account] = engaged
        return self.engaged(account)

    def engaged(self, account: str) -> bool:
        """Tell whether trading is stopped for an account.

        Raises:
            Unavailable: The switches were never read.
        """
        known = self._known()
        return known.get(EVERY_ACCOUNT, False) or known.get(account, False)

    def _known(self) -> dict[str, bool]:
        if self._engaged is None:
            message = "the kill switches were not read yet; start the service first"
            raise Unavailable(message)
        return self._engaged

    async def _refresh(self) -> None:
        log = structlog.get_logger()
        while True:
            await asyncio.sleep(self._refresh_s)
            try:
                async with self._changing:
                    self._engaged = dict(await self._switches.load())
            except Unavailable as error:
                # What was known stays true: a lost store must neither stop nor re-open trading.
                log.warning("kill_switch_refresh_failed", error=str(error))
