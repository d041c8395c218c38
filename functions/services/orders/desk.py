"""Lead accounts: one writer for each, carriers to the venue, and streams of what happened."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextvars import Context
from dataclasses import dataclass, replace
from typing import Final, TypeVar, cast

import structlog

from functions.domain.decisions import ExecType, OrderOutcome, OrderUpdate, Submission
from functions.domain.errors import Rejected
from functions.domain.orders.booking import FREE, Paper
from functions.domain.orders.life import Report
from functions.domain.orders.requests import CancelRequest, MassCancelRequest, ReplaceRequest
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.kill_switch import Switch
from functions.ports.ledger import Carried, Chapter, Fenced, Ledger
from functions.ports.risk import RiskInProcess
from functions.ports.telemetry import Telemetry
from functions.ports.venue_orders import VenueOrders
from functions.services.orders.asks import CancelAsk, MassCancelAsk, ReplaceAsk, ReportAsk, Rules, SubmitAsk
from functions.services.orders.carrier import ANSWER_S, Carrier
from functions.services.orders.stages import Stages
from functions.services.orders.writer import AccountWriter, Lead
from functions.wire import facts
from functions.wire.envelope import Event

ACCOUNTS_MAX: Final = 1000
"""Accounts that one process may lead."""
WATCHERS_MAX: Final = 256
"""Streams that one process serves at a time."""
PAGE: Final = 256
"""Events a stream reads at once; nothing else is held for a reader."""
AHEAD_MS_MAX: Final = 10_000
"""How far a request's time may lie ahead of the clock here; rates count by it, and would wait for it to come."""
SESSIONS: Final = "active.trading.sessions"
_NS_PER_MS: Final = 1_000_000

Asked = TypeVar("Asked", Submission, CancelRequest, ReplaceRequest, MassCancelRequest)


@dataclass(slots=True)
class _Led:
    writer: AccountWriter
    carrier: Carrier | None = None
    fence: int = 0


class OrderDesk:
    """Take, check, execute and follow orders.

    Args:
        ledger: Where accounts and orders are kept.
        risk: Who decides whether an order may leave.
        now_ns: Clock for requests that come without a time; none may be far ahead of it; read once, at the door.
        lead: How accounts are led.
        venue: Where orders rest; None rejects those that would.
        paper: Which orders are executed here, on paper, and their fee; none where the venue is to have them all.
        stored: Told after each chapter, so that its events leave without delay.
        desk_of: Gives an account's desk; empty when it belongs to none.
        stopped: Says which switch stops an account's trading; empty when none does.
        answer_s: How long a venue's first answer to a cancel or replace is waited for.
    """

    def __init__(  # noqa: PLR0913 - a ledger, risk, a clock, a name, a venue, and who is told
        self,
        ledger: Ledger,
        risk: RiskInProcess,
        *,
        now_ns: Callable[[], int],
        lead: Lead,
        venue: VenueOrders | None = None,
        paper: Paper = FREE,
        stored: Callable[[], None] = lambda: None,
        desk_of: Callable[[str], str] = lambda _: "",
        stopped: Callable[[str], str] = lambda _: "",
        answer_s: float = ANSWER_S,
    ) -> None:
        """Lead no account: each is taken up when it is first asked for."""
        self._ledger = ledger
        self._risk = risk
        self._rules = Rules(risk, venue is not None, paper)
        self._now_ns = now_ns
        self._lead = lead
        self._venue = venue
        self._stored = stored
        self._desk_of = desk_of
        self._stopped = stopped
        self._answer_s = answer_s
        self._stages = Stages()
        self._led: dict[str, _Led] = {}
        self._watchers = 0
        self._closing: set[asyncio.Task[None]] = set()
        self._claims: dict[str, asyncio.Task[None]] = {}
        self._closed = False
        self._log = structlog.get_logger()

    def measure(self, kept: Telemetry) -> None:
        """Say where the stages of orders are measured."""
        self._stages.telemetry = kept

    async def start(self) -> None:
        """Connect to the venue."""
        if self._venue is not None:
            await self._venue.start(self.heard, self._compare)

    async def close(self) -> None:
        """Let go of the venue and of every account."""
        self._closed = True
        claims = tuple(self._claims.values())
        for claim in claims:
            claim.cancel()
        await asyncio.gather(*claims, return_exceptions=True)
        if self._venue is not None:
            await self._venue.close()
        for one in self._led.values():
            if one.carrier is not None:
                await one.carrier.close()
            await one.writer.close()
        self._led = {}
        await asyncio.gather(*self._closing, return_exceptions=True)

    # --- requests -----------------------------------------------------------------------------------------------------

    async def submit(self, submission: Submission) -> OrderOutcome:
        """Take one order; the same client_order_id gets the first answer, whatever else it says.

        Raises:
            Rejected: There is no such account, the id is another account's, or its time is still to come; nothing was
                stored.
            Unavailable: Another process leads the account, or risk or the ledger did not answer; ask again.
            Overloaded: The account has too many requests waiting.
        """
        stamped = self._stamped(submission)
        writer = self._writer(submission.order.account)
        return cast("OrderOutcome", await writer.put(SubmitAsk(stamped)))  # what its ask decides

    async def submit_many(self, submissions: tuple[Submission, ...]) -> tuple[OrderOutcome, ...]:
        """Take orders of one account in their order; each stands for itself.

        Raises:
            Rejected: They name several accounts, or one cannot be taken; those before it are.
            Unavailable: As `submit`; ask for all of them again.
        """
        if len({one.order.account for one in submissions}) > 1:
            message = "orders in one message must be of one account"
            raise Rejected(message)
        answers = [asyncio.ensure_future(self.submit(one)) for one in submissions]
        outcomes = await asyncio.gather(*answers, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return tuple(one for one in outcomes if not isinstance(one, BaseException))

    async def cancel(self, request: CancelRequest) -> OrderUpdate:
        """Ask the venue to take an order back; the same request_id gets the first answer.

        Raises:
            Rejected: The account has no such order, the request_id was used for something else, or its time is still to
                come.
            Unavailable: As `submit`.
        """
        stamped = self._stamped(request)
        return _about(stamped, await self._updates(request.account, CancelAsk(stamped)))

    async def replace(self, request: ReplaceRequest) -> OrderUpdate:
        """Ask the venue for another quantity or price; the same request_id gets the first answer.

        Raises:
            Rejected: The account has no such order, the request_id was used for something else, or its time is still to
                come.
            Unavailable: As `submit`.
        """
        stamped = self._stamped(request)
        return _about(stamped, await self._updates(request.account, ReplaceAsk(stamped)))

    async def mass_cancel(self, request: MassCancelRequest) -> tuple[OrderUpdate, ...]:
        """Ask the venue to take back all that works; the same request_id gets the first answer.

        Raises:
            Rejected: There is no such account, the request_id was used for something else, or its time is still to
                come.
            Unavailable: As `submit`.
        """
        stamped = self._stamped(request)
        told = await self._updates(request.account, MassCancelAsk(stamped))
        if any(one.request_id != f"{request.request_id}:{one.client_order_id}" for one in told):
            raise _used(request.request_id)
        return told

    async def set_switch(self, switch: Switch, *, engaged: bool, reason: str) -> tuple[bool, tuple[OrderUpdate, ...]]:
        """Stop trading and take back what works there, in the accounts that this process leads; or open it again.

        Returns:
            Whether trading is stopped there now, and what is being canceled.

        Raises:
            Unavailable: The switch could not be stored, or not every cancel, or another process leads the account that
                was named; set it again.
        """
        stopped = await self._risk.set_switch(switch, engaged=engaged, reason=reason)
        if not engaged:
            return stopped, ()
        if switch.account:
            return stopped, await self.mass_cancel(_kill(switch.account, self._now_ns()))
        return stopped, await self.take_back(switch)

    async def take_back(self, switch: Switch) -> tuple[OrderUpdate, ...]:
        """Take back what works where a switch stopped trading, in the accounts that this process leads.

        Every account is tried, whatever becomes of another; one that is led elsewhere is passed over: whoever leads it
        takes back, and whoever takes it up while it is stopped.

        Raises:
            Overloaded: An account has too many requests waiting; try again.
            Unavailable: Not every cancel could be stored; try again.
        """
        now_ns = self._now_ns()
        asked = (self.mass_cancel(_kill(name, now_ns)) for name in self._meant(switch))
        told = await asyncio.gather(*asked, return_exceptions=True)
        for one in told:
            if isinstance(one, BaseException) and not isinstance(one, Fenced | Rejected):
                raise one
        return tuple(update for one in told if not isinstance(one, BaseException) for update in one)

    def _meant(self, switch: Switch) -> list[str]:
        if switch.account:
            return [name for name in self._led if name == switch.account]
        if switch.desk:
            return sorted(name for name in self._led if self._desk_of(name) == switch.desk)
        return sorted(self._led)

    async def heard(self, client_order_id: str, report: Report) -> None:
        """Take what the venue says of an order; it is stored when this returns.

        Raises:
            Unavailable: It is not known to be stored; say it again.
        """
        flaw = await self._take(client_order_id, report)
        if flaw:
            self._log.warning("report_flawed", client_order_id=client_order_id, flaw=flaw)

    async def report(self, account: str, client_order_id: str, report: Report) -> None:
        """Take what a venue says of an account's order; it is stored when this returns.

        Raises:
            Rejected: The account has no such order, or a trade has no name or figures.
            Unavailable: It is not known to be stored, or another process leads the account; say it again.
        """
        try:
            flaw = await self._writer(account).put(ReportAsk(client_order_id, report))
        except Rejected as error:
            await self._unbooked(account, client_order_id, report, str(error))
            raise
        if flaw:
            self._log.warning("report_flawed", client_order_id=client_order_id, flaw=flaw)

    async def _take(self, client_order_id: str, report: Report) -> str:
        """Have a report folded; tell what is wrong with it, also where it cannot be."""
        account = ""
        try:
            account = await self._owner(client_order_id)
            return cast("str", await self._writer(account).put(ReportAsk(client_order_id, report)))  # what its ask says
        except Rejected as error:
            await self._unbooked(account, client_order_id, report, str(error))
            return str(error)

    async def _unbooked(self, account: str, client_order_id: str, report: Report, why: str) -> None:
        """Show an execution on its order that happened and cannot be booked, and stop an account that is not as told.

        Raises:
            Unavailable: It is not known to be stored; say it again.
        """
        if not (account and report.exec_id):
            return
        figures = f"execution {report.exec_id} of {report.quantity} at {report.price} units is not booked: {why}"
        doubt = Report(ExecType.UNKNOWN, report.as_of_ns, text=figures)
        try:
            await self._writer(account).put(ReportAsk(client_order_id, doubt))
        except Rejected:
            return  # it is of no order of the account
        self._log.error("execution_not_booked", account=account, client_order_id=client_order_id, found=figures)
        await self.set_switch(Switch(account), engaged=True, reason=f"order {client_order_id}: {figures}")

    async def _owner(self, client_order_id: str) -> str:
        account = next((name for name, one in self._led.items() if one.writer.holds(client_order_id)), "")
        if not account:
            kept = (await self._ledger.orders((client_order_id,))).get(client_order_id)
            if kept is None:
                message = f"there is no order {client_order_id!r}"
                raise Rejected(message)
            account = kept.update.account
        return account

    async def _updates(self, account: str, ask: CancelAsk | ReplaceAsk | MassCancelAsk) -> tuple[OrderUpdate, ...]:
        return cast("tuple[OrderUpdate, ...]", await self._writer(account).put(ask))  # what these asks decide

    def _stamped(self, asked: Asked) -> Asked:
        """Give a request the time, unless it has one.

        Raises:
            Rejected: Its time is still to come: taken, it would count against all that is asked until then.
        """
        now_ns = self._now_ns()
        if not asked.as_of_ns:
            return replace(asked, as_of_ns=now_ns)
        ahead_ms = (asked.as_of_ns - now_ns) // _NS_PER_MS
        if ahead_ms > AHEAD_MS_MAX:
            message = f"as_of_ns lies {ahead_ms} ms ahead of the clock here, allowed {AHEAD_MS_MAX} ms"
            raise Rejected(message)
        return asked

    # --- accounts -----------------------------------------------------------------------------------------------------

    async def lead(self, account: str) -> None:
        """Take the lead of an account now, so that what it has under way goes on; if it fails, go on trying.

        Raises:
            Fenced: Another process leads it.
            Unavailable: The ledger does not answer.
        """
        try:
            await self._writer(account).take_lead()
        except Unavailable:
            self._claim(account)
            raise

    async def resume(self, account: str) -> None:
        """Lead an account, and every other that has something under way; who is led elsewhere is, once it is free.

        Raises:
            Unavailable: The ledger does not answer.
        """
        for name in dict.fromkeys((account, *await self._ledger.unsettled(ACCOUNTS_MAX - 1))):
            with contextlib.suppress(Unavailable):
                await self.lead(name)

    def _claim(self, account: str, lost: _Led | None = None) -> None:
        """Try to lead an account, asked or not: it may have orders that were not sent yet.

        Args:
            account: Which account.
            lost: It was led here so, until it was forgotten: whoever has followed by now keeps it.
        """
        if not self._closed and account not in self._claims:
            claim = self._claims[account] = asyncio.create_task(self._lead_later(account, lost), context=Context())
            claim.add_done_callback(lambda _: self._claims.pop(account))

    async def _lead_later(self, account: str, lost: _Led | None) -> None:
        while True:
            await asyncio.sleep(self._lead.lease_ms / 3000)
            try:
                if lost is not None:
                    await self._ledger.renew(account, lost.fence, lease_ms=self._lead.lease_ms)
                await self._writer(account).take_lead()
            except Fenced:
                if lost is not None:
                    return
            except (Unavailable, Overloaded) as error:
                self._log.warning("account_not_led", account=account, error=str(error))
            else:
                return

    def _writer(self, account: str) -> AccountWriter:
        led = self._led.get(account)
        if led is None:
            self._led = {name: one for name, one in self._led.items() if not one.writer.idle}
            if len(self._led) >= ACCOUNTS_MAX:
                message = f"{ACCOUNTS_MAX} accounts are led here already; ask another process"
                raise Overloaded(message)
            led = self._led[account] = _Led(
                AccountWriter(
                    account,
                    self._ledger,
                    self._rules,
                    lead=self._lead,
                    led=lambda found: self._take_up(account, found),
                    stored=lambda chapter: self._carry(account, chapter),
                    stages=self._stages,
                )
            )
        return led.writer

    def _take_up(self, account: str, found: tuple[int, tuple[Carried, ...]] | None) -> None:
        """Carry on what an account has under way, or let go of it until it is led again."""
        self._stages.telemetry.put(SESSIONS, {}, sum(one.writer.fence > 0 for one in self._led.values()))
        led = self._led.get(account)
        if led is None or self._venue is None:
            return
        if led.carrier is not None:
            closing = asyncio.create_task(led.carrier.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            led.carrier = None
        if found is None:
            self._claim(account, led)
        else:
            led.fence = found[0]
            led.carrier = Carrier(led.writer, found[0], self._ledger, self._venue, self._take, answer_s=self._answer_s)
            led.carrier.start(found[1])
            if led.writer.working() and self._stopped(account):  # perhaps since a time when nobody led it
                obeying = asyncio.create_task(self._obey(account), context=Context())
                self._closing.add(obeying)
                obeying.add_done_callback(self._closing.discard)

    async def _obey(self, account: str) -> None:
        """Take back what works in an account that was stopped before it was led here."""
        while not self._closed:
            try:
                await self.mass_cancel(_kill(account, self._now_ns()))
            except Overloaded:
                await asyncio.sleep(self._lead.lease_ms / 3000)
            except Unavailable as error:  # the account was let go of with it: who takes it up does this again
                self._log.warning("stop_not_obeyed", account=account, error=str(error))
                return
            else:
                return

    def _carry(self, account: str, chapter: Chapter) -> None:
        self._stored()
        led = self._led.get(account)
        if led is not None and led.carrier is not None and chapter.messages:
            led.carrier.add(chapter.messages)

    async def _compare(self) -> None:
        """Ask about everything that works: the venue can be reached again."""
        for led in self._led.values():
            if led.carrier is not None:
                led.carrier.compare()

    # --- streams ------------------------------------------------------------------------------------------------------

    async def watch(self, account: str, from_sequence: int) -> AsyncIterator[Event]:
        """Give every event of an account from a number on, in order and without a gap: stored ones, then new ones.

        Raises:
            Rejected: There is no such account, or the number lies beyond its next event.
            Unavailable: Another process leads the account, or does from now on; go on there.
            Overloaded: Too many streams are open.
        """
        if self._watchers >= WATCHERS_MAX:
            message = f"{WATCHERS_MAX} streams are open already; close one"
            raise Overloaded(message)
        self._watchers += 1
        try:
            writer = self._writer(account)
            memory = await writer.take_lead()
            if from_sequence > memory.account.sequence:
                message = f"account {account!r} has told {memory.account.sequence} events, none from {from_sequence} on"
                raise Rejected(message)
            async for event in self._follow(writer, memory.fence, from_sequence):
                yield event
        finally:
            self._watchers -= 1

    async def _follow(self, writer: AccountWriter, fence: int, following: int) -> AsyncIterator[Event]:
        while True:
            pulse = writer.pulse
            if writer.fence != fence:
                message = f"account {writer.name!r} was let go of; go on from {following} where it is led"
                raise Fenced(message)
            if writer.next_sequence <= following:
                await pulse.wait()
                continue
            for event in await self._ledger.events(writer.name, following, PAGE):
                if facts.sequence_of(event) != following:
                    message = f"account {writer.name!r}: event {following} is missing in the ledger"
                    raise Unavailable(message)
                yield event
                following += 1


def _kill(account: str, now_ns: int) -> MassCancelRequest:
    return MassCancelRequest(f"kill:{now_ns}", account, "", now_ns)


def _about(request: CancelRequest | ReplaceRequest, told: tuple[OrderUpdate, ...]) -> OrderUpdate:
    """Give what a request about one order was told; the answer of another that had its id is none.

    One that was refused says why; one that was not is on its way as what was asked for.
    """
    asked = ExecType.PENDING_CANCEL if isinstance(request, CancelRequest) else ExecType.PENDING_REPLACE
    if [one.client_order_id for one in told] != [request.client_order_id]:
        raise _used(request.request_id)
    if not told[0].reasons and told[0].exec_type is not asked:
        raise _used(request.request_id)
    return told[0]


def _used(request_id: str) -> Rejected:
    return Rejected(f"request_id {request_id!r} was used for something else; give each request its own")
