"""Decide on orders in process, by limits and switches held in memory and kept current from where they are stored."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeAlias

import structlog

from functions.domain.decisions import AccountState, OrderIntent, Quote, Verdict, Violation
from functions.domain.reference import TradingStatus
from functions.domain.risk.checks import Told, check_told, told_of
from functions.domain.risk.limits import Contract, Limits, Rulebook
from functions.domain.risk.rules import CANNOT_DECIDE, Case, case_of, decide
from functions.domain.risk.sieve import Checks, Sieve
from functions.domain.risk.state import RiskState, marked
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.kill_switch import EVERYONE, KillSwitches, Switch
from functions.ports.limits import LimitsStore
from functions.wire.errors import Malformed

SWITCHES_MAX: Final = 10_000
BLIND_S_MAX: Final = 30.0

Stopped: TypeAlias = Callable[[Switch], Awaitable[object]]
"""Takes a switch that was engaged by another process; told again at the next look unless it returns."""


class RiskEngine:
    """Port `RiskInProcess`; a switch is stored before it is obeyed, and obeyed before it is confirmed.

    Args:
        limits: Where limits are kept.
        switches: Where it is kept that trading is stopped.
        shipped: Limits in force while none were ever loaded.
        refresh_s: How often limits and switches that another process stored are looked up, seconds.
        blind_s_max: How old the last look may be, seconds; after that nothing can be decided. 0: as old as it likes.
        now_s: Clock of those looks, seconds; no decision depends on it but whether there is one.
    """

    def __init__(  # noqa: PLR0913 - two stores, what stands in for one, and three times
        self,
        limits: LimitsStore,
        switches: KillSwitches,
        *,
        shipped: Limits,
        refresh_s: float,
        blind_s_max: float = BLIND_S_MAX,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know no switch yet: until `start`, nothing can be decided."""
        self._store = limits
        self._switches = switches
        self._shipped = shipped
        self._refresh_s = refresh_s
        self._blind_s_max = blind_s_max
        self._now_s = now_s
        self._rulebook = Rulebook(shipped)
        self._sieve = Sieve(self._rulebook)
        self._changing = asyncio.Lock()  # a look-up that began before a change must not undo it
        self._known: dict[Switch, bool] | None = None
        self._engaged: frozenset[Switch] = frozenset()
        self._untold: set[Switch] = set()
        self._tell: Stopped | None = None
        self._looked_s = 0.0
        self._refreshing: asyncio.Task[None] | None = None

    def tell(self, stopped: Stopped) -> None:
        """Say who is told of each switch that a look finds newly engaged, those found at the start among them."""
        self._tell = stopped

    async def start(self) -> None:
        """Load limits and switches, and go on looking them up.

        Raises:
            Unavailable: They cannot be read; who does not know them must not open.
            Malformed: The limits that are stored are no limits.
        """
        async with self._changing:
            await self._look()
        self._refreshing = asyncio.create_task(self._refresh())

    async def close(self) -> None:
        """Stop looking limits and switches up."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
            self._refreshing = None

    @property
    def limits(self) -> Limits:
        """Give the limits that decide now."""
        return self._rulebook.limits

    # --- deciding -----------------------------------------------------------------------------------------------------

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
            Unavailable: Limits and switches were never read.
        """
        return self.check_each([(case_of(order, quote, as_of_ns, status), told_of(account))])[0]

    def check_each(self, asked: Iterable[tuple[Case, Told]]) -> list[Verdict]:
        """Decide on several orders, each by itself, by what is told of its account.

        Raises:
            Unavailable: Limits and switches were never read.
        """
        bounds, stopped = self._rulebook.bounds, self.stopped
        decided = [
            check_told(case, told, bounds(case.account, case.instrument_id), stopped=stopped(case.account))
            for case, told in asked
        ]
        return self._seen(decided)

    def check_columns(self, asked: Checks) -> list[Verdict]:
        """Decide the same on several orders that stand in columns.

        Raises:
            Unavailable: Limits and switches were never read.
        """
        return self._seen(self._sieve.decide(asked, [self.stopped(account) for account, _ in asked.accounts]))

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
        """Decide on one order by the state that the account's writer keeps.

        Raises:
            Unavailable: Limits and switches were never read.
        """
        bounds = self._rulebook.bounds(order.account, order.instrument_id)
        stopped = self.stopped(order.account)
        standing = state.standing(order.instrument_id, marked(quote, order.price_exponent), replacing=replacing)
        case = case_of(order, quote, as_of_ns, status)
        verdict = decide(case, standing, bounds, stopped=stopped, recent=state.recent)
        blind = self._blind()
        return _rejected(verdict, blind) if blind else verdict

    def contract(self, account: str, instrument_id: str) -> Contract:
        """Say what an instrument is to an account."""
        return self._rulebook.bounds(account, instrument_id).contract

    def _seen(self, decided: list[Verdict]) -> list[Verdict]:
        blind = self._blind()
        return [_rejected(verdict, blind) for verdict in decided] if blind else decided

    def _blind(self) -> str:
        """Say why nothing may be accepted when nobody has looked at limits and switches for too long; else nothing."""
        blind_s = self._now_s() - self._looked_s
        if not self._blind_s_max or blind_s <= self._blind_s_max:
            return ""
        return f"limits and switches were last read {blind_s:.0f} s ago, allowed {self._blind_s_max:g} s"

    # --- switches -----------------------------------------------------------------------------------------------------

    async def set_switch(self, switch: Switch, *, engaged: bool, reason: str) -> bool:
        """Throw or release a switch; tell whether trading is stopped where it stands, be it by a wider one.

        Raises:
            Overloaded: There are too many switches already.
            Unavailable: The switch could not be stored, or the switches were never read.
        """
        async with self._changing:
            known = self._read()
            if switch not in known and len(known) >= SWITCHES_MAX:
                message = f"{SWITCHES_MAX} kill switches are set already; stop every account with the empty one"
                raise Overloaded(message)
            await self._switches.set(switch, engaged=engaged, reason=reason)
            known[switch] = engaged
            self._engaged = _engaged(known)
        return bool(self.stopped(switch.account) if switch.account else self._engaged & {EVERYONE, switch})

    def stopped(self, account: str) -> str:
        """Say which switch stops trading for an account: the widest; empty when none does.

        Raises:
            Unavailable: The switches were never read.
        """
        if self._known is None:
            self._read()
        if not self._engaged:
            return ""
        desk = self.limits.desk_of.get(account, "")
        if EVERYONE in self._engaged:
            return "trading is stopped for every account"
        if desk and Switch(desk=desk) in self._engaged:
            return f"trading is stopped for desk {desk!r}"
        return f"trading is stopped for account {account!r}" if Switch(account) in self._engaged else ""

    def _read(self) -> dict[Switch, bool]:
        if self._known is None:
            message = "limits and kill switches were not read yet; start the service first"
            raise Unavailable(message)
        return self._known

    # --- keeping current ----------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        before, self._known = self._engaged, dict(await self._switches.load())
        self._engaged = _engaged(self._known)
        self._untold = {one for one in self._engaged if one in self._untold or one not in before}
        found = await self._store.load() or self._shipped  # limits that cannot be read must not hide a switch
        if found.version != self.limits.version:
            self._rulebook = Rulebook(found)
            self._sieve = Sieve(self._rulebook)
        self._looked_s = self._now_s()

    async def _refresh(self) -> None:
        log = structlog.get_logger()
        while True:
            await asyncio.sleep(self._refresh_s)
            before = self.limits.version
            try:
                async with self._changing:
                    await self._look()
            except (Unavailable, Malformed) as error:
                # What was known stays true for a while: a lost store must neither stop nor re-open trading at once.
                log.warning("risk_refresh_failed", error=str(error))
            else:
                if self.limits.version != before:
                    log.info("limits_changed", version=self.limits.version, before=before)
            await self._tell_stops()

    async def _tell_stops(self) -> None:
        if self._tell is None:
            return
        for switch in sorted(self._untold & self._engaged):
            try:
                await self._tell(switch)
            except Exception:  # noqa: BLE001 - whatever it is, limits and switches must be looked up; told again then
                structlog.get_logger().exception("stop_not_obeyed", account=switch.account, desk=switch.desk)
            else:
                self._untold.discard(switch)


def _rejected(verdict: Verdict, fault: str) -> Verdict:
    return Verdict((*verdict.violations, Violation(CANNOT_DECIDE, fault)), verdict.limits_version)


def _engaged(known: dict[Switch, bool]) -> frozenset[Switch]:
    return frozenset(switch for switch, engaged in known.items() if engaged)
