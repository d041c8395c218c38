"""Carry an account's messages to its venue: never the same order twice, and what nobody knows is asked for.

A message is marked `sending` in the ledger before it leaves. One that is found so marked, or whose sending failed half
way, may have arrived: the order's outcome is unknown, the venue is asked how it stands, and the message is sent again
only when the venue knows no such order. So is one that left and that the venue has never heard of when everything is
compared, unless it has acknowledged it. A cancel or a replace is sent again while it still waits for its answer: it
names what shall be, so that twice is once.

A new order that is to end at once is refused while the venue cannot be reached: sent later it would be another one.

A cancel or a replace that left and is not answered in time may have been lost where nobody noticed. The venue is asked
about its order as well: what that says settles it, or it is sent again, unless the venue has it under way; each time
it is waited for twice as long.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog

from functions.domain.decisions import ExecType, OrderStatus
from functions.domain.errors import Rejected
from functions.domain.orders.booking import AT_ONCE
from functions.domain.orders.life import Report
from functions.ports.errors import Unavailable
from functions.ports.ledger import Carried, Fenced, Ledger
from functions.ports.venue_orders import MessageKind, NotSent, VenueMessage, VenueOrders

BATCH_MAX: Final = 64
BACKOFF_MIN_S: Final = 0.05
BACKOFF_MAX_S: Final = 2.0
ANSWER_S: Final = 10.0
"""How long the first answer to a cancel or replace is waited for."""
ANSWER_MAX_S: Final = 600.0
"""How long any is."""
GIVEN_UP: Final = 8
"""How many times as long as the first a cancel's answer is waited for before it is given up, so that others may be
asked for: a venue that has lost it keeps its name."""

_UNDER_WAY: Final = frozenset((OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_REPLACE))


class Leading(Protocol):
    """Say what a carrier must know of its account's writer."""

    name: str

    @property
    def sure(self) -> bool:
        """Tell whether nobody else can lead by now."""
        ...

    async def confirm(self) -> None:
        """Renew the lease."""
        ...

    def awaits(self, client_order_id: str, request_id: str) -> bool:
        """Tell whether a cancel or replace of an order still waits for its answer."""
        ...

    def waits(self, client_order_id: str) -> bool:
        """Tell whether any cancel or replace of an order does."""
        ...

    def unacknowledged(self, client_order_id: str) -> bool:
        """Tell whether an order is in motion that the venue has not acknowledged."""
        ...

    def working(self) -> tuple[str, ...]:
        """Name the orders that are in motion."""
        ...


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Hold an order to ask about, and the message that may not have arrived; None to compare only.

    `wait_s` is how long its answer is waited for from now on; 0 as at first.
    """

    client_order_id: str
    message: VenueMessage | None = None
    wait_s: float = 0.0


class Carrier:
    """Carry messages of one account while its lead lasts.

    Args:
        writer: Who leads the account.
        fence: The writer's fencing number.
        ledger: Where messages are kept.
        venue: Where they go.
        report: Takes what the venue says of an order, and tells what is wrong with it.
        answer_s: How long the first answer to a cancel or replace is waited for.
    """

    def __init__(  # noqa: PLR0913 - whom it serves, between what, and how patiently
        self,
        writer: Leading,
        fence: int,
        ledger: Ledger,
        venue: VenueOrders,
        report: Callable[[str, Report], Awaitable[str]],
        *,
        answer_s: float = ANSWER_S,
    ) -> None:
        """Carry nothing yet."""
        self._writer = writer
        self._fence = fence
        self._ledger = ledger
        self._venue = venue
        self._report = report
        self._answer_s = answer_s
        self._waiting: deque[VenueMessage] = deque()
        self._unsent: set[int] = set()  # marked by us, and certain not to have left; at most a batch
        self._doubts: deque[_Doubt] = deque()
        self._awaited: dict[int, asyncio.TimerHandle] = {}
        self._moved = asyncio.Event()
        self._connected = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._log = structlog.get_logger().bind(account=writer.name)

    def start(self, found: Iterable[Carried]) -> None:
        """Go on with what is found in the ledger, and compare all that works with the venue."""
        for one in found:
            if one.sending:
                self._doubts.append(_Doubt(one.message.client_order_id, one.message))
            else:
                self._waiting.append(one.message)
        # They outlive whatever asked for the lead, so they are of no trace.
        self._tasks = [
            asyncio.create_task(self._run(work), context=Context()) for work in (self._send_all, self._ask_all)
        ]
        self.compare()

    def add(self, messages: Iterable[VenueMessage]) -> None:
        """Carry these as well, behind those before them."""
        self._waiting.extend(messages)
        self._wake()

    def compare(self) -> None:
        """Ask the venue about everything that works: it can be reached again."""
        unsent = {one.client_order_id for one in self._waiting if one.kind is MessageKind.NEW}
        asked = unsent | {one.client_order_id for one in self._doubts}
        self._doubts.extend(_Doubt(name) for name in self._writer.working() if name not in asked)
        self._connected.set()
        self._wake()

    async def close(self) -> None:
        """Carry no more; what was not sent stays in the ledger."""
        for timer in self._awaited.values():
            timer.cancel()
        self._awaited = {}
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Work until cancelled or fenced; when something is down, try again ever more slowly, at once on reconnect."""
        backoff_s = BACKOFF_MIN_S
        while True:
            moved = self._moved
            try:
                await work()
            except Fenced:
                return
            except Unavailable as error:
                self._log.warning("venue_blocked", error=str(error))
                self._connected.clear()
                await _wait(self._connected, backoff_s)
                backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)
                continue
            except Exception:  # noqa: BLE001 - a bug must not end the only one who carries; it is told until mended
                self._log.exception("carrier_failed")
                await _wait(self._connected, BACKOFF_MAX_S)
                continue
            backoff_s = BACKOFF_MIN_S
            await moved.wait()

    # --- sending ------------------------------------------------------------------------------------------------------

    async def _send_all(self) -> None:
        while self._waiting:
            batch = [self._waiting[at] for at in range(min(len(self._waiting), BATCH_MAX))]
            numbers = [one.sequence for one in batch if one.sequence not in self._unsent]
            self._unsent.update(await self._ledger.mark_sending(self._writer.name, self._fence, numbers))
            sent: list[int] = []
            try:
                for message in batch:
                    if message.sequence in self._unsent:
                        await self._send(message, sent)
                        self._unsent.discard(message.sequence)
                    else:  # somebody before us set out to send it
                        self._doubt(message)
                    self._waiting.popleft()
            except NotSent as error:
                await self._refuse_late(str(error))
                raise
            finally:
                await self._settle(sent)

    async def _refuse_late(self, why: str) -> None:
        """Refuse new orders that were to end at once while nothing can leave: sent later they would not be those."""
        meant = [one for one in self._waiting if one.kind is MessageKind.NEW and one.order.time_in_force in AT_ONCE]
        for one in meant if self._writer.sure else ():
            if one.sequence in self._unsent:
                await self._say(one.client_order_id, Report(ExecType.REJECTED, one.as_of_ns, text=why))
                self._waiting.remove(one)
                self._unsent.discard(one.sequence)
                await self._settle([one.sequence])

    async def _send(self, message: VenueMessage, sent: list[int]) -> None:
        try:
            await self._hand(message)
        except NotSent:
            raise
        except Unavailable as error:
            self._log.warning("outcome_unknown", client_order_id=message.client_order_id, error=str(error))
            self._doubt(message)
        else:
            sent.append(message.sequence)

    async def _hand(self, message: VenueMessage, wait_s: float = 0.0) -> None:
        await self._check_lead()
        await self._venue.send(message)
        self._await(message, wait_s)

    def _await(self, message: VenueMessage, wait_s: float = 0.0) -> None:
        """Doubt that a cancel or replace has arrived unless it is answered in time."""
        name, request_id, wait_s = message.client_order_id, message.request_id, wait_s or self._answer_s

        def look() -> None:
            del self._awaited[message.sequence]
            if self._writer.awaits(name, request_id):
                self._log.warning("request_unanswered", client_order_id=name, request_id=request_id, wait_s=wait_s)
                self._doubt(message, min(2 * wait_s, ANSWER_MAX_S))

        if message.kind is not MessageKind.NEW and message.sequence not in self._awaited:
            self._awaited[message.sequence] = asyncio.get_running_loop().call_later(wait_s, look)

    async def _check_lead(self) -> None:
        """Let nothing leave while another process may lead the account."""
        if not self._writer.sure:
            await self._writer.confirm()
        if not self._writer.sure:
            message = f"account {self._writer.name!r}: the lease is not confirmed; nothing is sent"
            raise NotSent(message)

    async def _settle(self, sent: list[int]) -> None:
        if sent:
            await self._ledger.mark_sent(self._writer.name, sent)

    # --- asking -------------------------------------------------------------------------------------------------------

    def _doubt(self, message: VenueMessage, wait_s: float = 0.0) -> None:
        self._doubts.append(_Doubt(message.client_order_id, message, wait_s))
        self._wake()

    async def _ask_all(self) -> None:
        while self._doubts:
            doubt = self._doubts.popleft()
            try:
                await self._resolve(doubt)
            except Unavailable:
                self._doubts.append(doubt)  # others may have an answer
                raise

    async def _resolve(self, doubt: _Doubt) -> None:
        """Ask until the venue has said how an order stands, and send again what did not arrive."""
        message = doubt.message
        if message is not None and doubt.wait_s and not self._writer.awaits(doubt.client_order_id, message.request_id):
            return  # it was answered while its turn had not come
        if message is not None:
            await self._say(doubt.client_order_id, Report(ExecType.UNKNOWN, message.as_of_ns))
        reports = await self._venue.ask(doubt.client_order_id)
        for report in reports:
            await self._say(doubt.client_order_id, report)
        status = reports[-1].status
        given_up = doubt.wait_s > GIVEN_UP * self._answer_s and status not in {None, *_UNDER_WAY}
        if given_up and message is not None and message.kind is MessageKind.CANCEL:
            text, at = "the venue never answered", message.as_of_ns
            lost = Report(ExecType.CANCEL_REJECT, at, request_id=message.request_id, text=text)
            await self._say(doubt.client_order_id, lost)
        for one in await self._lost(doubt, status):
            await self._hand(replace(one, again=True), doubt.wait_s)
        await self._wait_on(doubt)
        if message is not None:
            await self._settle([message.sequence])

    async def _wait_on(self, doubt: _Doubt) -> None:
        """Wait on for what was asked of the order and is not answered yet, be it by a process before this one."""
        name = doubt.client_order_id
        if self._writer.waits(name):
            for one in await self._ledger.messages(name):
                if self._writer.awaits(name, one.request_id):
                    self._await(one, doubt.wait_s)

    async def _lost(self, doubt: _Doubt, status: OrderStatus | None) -> tuple[VenueMessage, ...]:
        """Give what did not arrive: the message in doubt, or an order that left, with what was asked of it since.

        Args:
            doubt: What is in doubt.
            status: How the order stands at the venue; None when it knows no such order.
        """
        message, name, unknown_there = doubt.message, doubt.client_order_id, status is None
        if message is None:
            if not (unknown_there and self._writer.unacknowledged(name)):
                return ()
            told = await self._ledger.messages(name)
            return tuple(
                one for one in told if one.kind is MessageKind.NEW or self._writer.awaits(name, one.request_id)
            )
        if message.kind is MessageKind.NEW:
            again = unknown_there and self._writer.unacknowledged(name)  # it may have been refused as too late
        else:
            again = status not in {None, *_UNDER_WAY} and self._writer.awaits(name, message.request_id)
        return (message,) if again else ()

    async def _say(self, client_order_id: str, report: Report) -> None:
        try:
            flaw = await self._report(client_order_id, report)
        except Rejected as error:
            flaw = str(error)
        if flaw:
            self._log.warning("report_flawed", client_order_id=client_order_id, flaw=flaw)


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
