"""Write an account: one writer leads it behind a lease, decides what waits in groups, and stores a group at once."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

import structlog

from functions.domain.errors import DomainError, Rejected
from functions.ports.errors import Overloaded, PortError, Unavailable
from functions.ports.ledger import Carried, Chapter, Fenced, Ledger
from functions.ports.telemetry import carried, carrying
from functions.services.orders.asks import Ask, CancelAsk, MassCancelAsk, ReplaceAsk, ReportAsk, Rules, SubmitAsk
from functions.services.orders.draft import Draft, Known, Memory
from functions.services.orders.past import recall
from functions.services.orders.stages import Stages

GROUP_MAX: Final = 64
"""Asks that are stored together: a statement of a few milliseconds."""
WAITING_MAX: Final = 4096
"""Asks that may wait for an account; one more is refused."""
LEASE_MS: Final = 2000
"""How long a writer that fell silent keeps its account; it renews three times as often."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Lead:
    """Say how accounts are led: under which name, and how long a lease is, milliseconds."""

    holder: str
    lease_ms: int = LEASE_MS


@dataclass(slots=True)
class _Waiting(Generic[Answer]):
    ask: Ask
    answer: asyncio.Future[Answer]
    since_s: float
    carried: Mapping[str, str]  # the trace it was asked in


class AccountWriter:
    """Decide and store what is asked of one account, in the order it was asked.

    Args:
        name: The account.
        ledger: Where it is kept.
        rules: What asks are decided by.
        lead: How it is led.
        led: Told the fencing number and the unsettled messages when the lead is taken, None when it is lost.
        stored: Told each chapter once it is stored.
        stages: Where the time of groups is measured.
    """

    def __init__(  # noqa: PLR0913 - what it leads, where, by which rules, and who is told
        self,
        name: str,
        ledger: Ledger,
        rules: Rules,
        *,
        lead: Lead,
        led: Callable[["tuple[int, tuple[Carried, ...]] | None"], None],
        stored: Callable[[Chapter], None],
        stages: Stages,
    ) -> None:
        """Lead nothing yet."""
        self.name = name
        self.pulse = asyncio.Event()
        self._ledger = ledger
        self._rules = rules
        self._lead = lead
        self._tell_led = led
        self._tell_stored = stored
        self._stages = stages
        self._memory: Memory | None = None
        self._sure_until_s = 0.0
        self._taking = asyncio.Lock()
        self._queue: deque[_Waiting[object]] = deque()
        self._drainer: asyncio.Task[None] | None = None
        self._renewer: asyncio.Task[None] | None = None
        self._log = structlog.get_logger()

    @property
    def fence(self) -> int:
        """Give the fencing number; 0 while the account is not led."""
        return self._memory.fence if self._memory else 0

    @property
    def idle(self) -> bool:
        """Tell whether it neither leads nor is asked: whoever asked for an account that does not exist left one."""
        return self._memory is None and self._drainer is None and not self._taking.locked()

    @property
    def next_sequence(self) -> int:
        """Give the number of the account's next event; 0 while the account is not led."""
        return self._memory.account.sequence if self._memory else 0

    @property
    def sure(self) -> bool:
        """Tell whether nobody else can lead by now: the lease was confirmed less than its length ago."""
        return self._memory is not None and asyncio.get_running_loop().time() < self._sure_until_s

    def working(self) -> tuple[str, ...]:
        """Name the orders that are in motion, oldest first."""
        return tuple(self._memory.working) if self._memory else ()

    def holds(self, client_order_id: str) -> bool:
        """Tell whether an order is in motion here."""
        return self._memory is not None and client_order_id in self._memory.working

    def awaits(self, client_order_id: str, request_id: str) -> bool:
        """Tell whether a cancel or replace of an order still waits for its answer."""
        kept = self._memory.working.get(client_order_id) if self._memory else None
        if kept is None:
            return False
        wanted = kept.order.replacement
        return request_id in {kept.order.cancel_id, wanted.request_id if wanted else ""}

    def waits(self, client_order_id: str) -> bool:
        """Tell whether any cancel or replace of an order does."""
        kept = self._memory.working.get(client_order_id) if self._memory else None
        return kept is not None and bool(kept.order.cancel_id or kept.order.replacement)

    def unacknowledged(self, client_order_id: str) -> bool:
        """Tell whether an order is in motion that the venue has not acknowledged."""
        kept = self._memory.working.get(client_order_id) if self._memory else None
        return kept is not None and bool(kept.order.leaves) and not kept.order.acknowledged

    def put(self, ask: Ask) -> "asyncio.Future[object]":
        """Hand over one ask; await its answer, which comes once it is stored.

        Raises:
            Overloaded: Too many asks wait already.
            Rejected: It breaks a rule of the field; nothing was done.
            Unavailable: Nobody knows whether it was stored; ask again with the same id.
        """
        if len(self._queue) >= WAITING_MAX:
            message = f"{WAITING_MAX} requests wait for account {self.name!r} already; slow down"
            raise Overloaded(message)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[object] = loop.create_future()
        self._queue.append(_Waiting(ask, answer, self._stages.clock(), carried()))
        if self._drainer is None:
            self._drainer = loop.create_task(self._drain(), context=Context())
        return answer

    async def take_lead(self) -> Memory:
        """Lead the account, and load it, unless we do.

        Raises:
            Fenced: Another process leads it.
            Rejected: There is no such account.
            Unavailable: The ledger does not answer.
        """
        async with self._taking:
            if self._memory is not None:
                return self._memory
            asked_s = asyncio.get_running_loop().time()
            led = await self._ledger.lead(self.name, self._lead.holder, lease_ms=self._lead.lease_ms)
            if led is None:
                message = f"there is no account {self.name!r}; open it in the settings of the orders service"
                raise Rejected(message)
            memory = Memory.of(led, partial(self._rules.risk.contract, self.name))
            await recall(self._ledger, self.name, led.account.sequence, memory.risk)
            self._memory = memory
            self._confirm(asked_s)
            self._renewer = asyncio.create_task(self._renew(), context=Context())
            self._log.info("account_led", account=self.name, fence=led.fence, working=len(led.working))
            self._tell_led((led.fence, led.messages))
            return memory

    async def close(self) -> None:
        """Let go of the account; what still waits is told to ask again."""
        fence = self.fence
        self._forget()
        if self._drainer is not None:
            self._drainer.cancel()
            await asyncio.gather(self._drainer, return_exceptions=True)
        if fence:
            with contextlib.suppress(Unavailable):
                await self._ledger.release(self.name, fence)

    # --- groups -------------------------------------------------------------------------------------------------------

    async def _drain(self) -> None:
        group: list[_Waiting[object]] = []
        try:
            while self._queue:
                group = [self._queue.popleft() for _ in range(min(len(self._queue), GROUP_MAX))]
                await self._write(group)
        finally:  # a cancelled writer leaves nobody waiting
            self._drainer = None
            lost = Unavailable(f"account {self.name!r} was let go of; ask again with the same id")
            _fail((*group, *self._queue), lost)
            self._queue.clear()

    async def _write(self, group: list[_Waiting[object]]) -> None:
        lap = self._stages.begin(one.since_s for one in group)
        try:
            memory = await self.take_lead()
            draft = Draft(memory, await self._look_up(memory, [one.ask for one in group]))
            answers = [self._decide(one, draft) for one in group]
            lap("decided")
            chapter = draft.chapter()
            if chapter is not None:
                await self._store(chapter)
                lap("stored")
        except (PortError, DomainError) as error:
            self._forget()
            _fail(group, error)
        except Exception:  # noqa: BLE001 - whatever it is, nobody may go on with what is half decided
            self._forget()
            _fail(group, Unavailable(f"account {self.name!r} could not be written; ask again with the same id"))
            self._log.exception("chapter_failed", account=self.name)
        else:
            if chapter is not None:
                draft.keep()
                self._tell_stored(chapter)
            _answer(group, answers)
            lap("answered")
            self._beat()

    async def _store(self, chapter: Chapter) -> None:
        asked_s = asyncio.get_running_loop().time()
        await self._ledger.store(chapter, lease_ms=self._lead.lease_ms)
        self._confirm(asked_s)

    async def _look_up(self, memory: Memory, asks: list[Ask]) -> Known:
        """Look up what memory does not hold of the ids that are asked for."""
        orders = [one.order_id for one in asks if isinstance(one, SubmitAsk) and one.order_id not in memory.answers]
        requests = [one.request.request_id for one in asks if isinstance(one, CancelAsk | MassCancelAsk | ReplaceAsk)]
        ended = {
            one.order_id
            for one in asks
            if isinstance(one, CancelAsk | ReplaceAsk | ReportAsk) and one.order_id not in memory.working
        }
        return Known(
            await self._ledger.answered(orders) if orders else {},
            await self._ledger.requests(self.name, requests) if requests else {},
            await self._ledger.orders(sorted(ended)) if ended else {},
        )

    def _decide(self, waiting: _Waiting[object], draft: Draft) -> object:
        """Decide one ask, in its own trace; what it breaks is its own answer."""
        with carrying(waiting.carried):
            return self._decided(waiting.ask, draft)

    def _decided(self, ask: Ask, draft: Draft) -> object:
        try:
            if isinstance(ask, CancelAsk | MassCancelAsk | ReplaceAsk):
                known = draft.reply(ask.request.request_id)
                if known is not None:
                    return known
            return ask.decide(draft, self._rules)
        except (PortError, DomainError) as error:
            return error

    # --- the lead -----------------------------------------------------------------------------------------------------

    def _confirm(self, asked_s: float) -> None:
        self._sure_until_s = max(self._sure_until_s, asked_s + self._lead.lease_ms / 1000)

    async def _renew(self) -> None:
        while self._memory is not None:
            await asyncio.sleep(self._lead.lease_ms / 3000)
            await self.confirm()

    async def confirm(self) -> None:
        """Renew the lease; when another process leads, forget the account."""
        memory, asked_s = self._memory, asyncio.get_running_loop().time()
        if memory is None:
            return
        try:
            await self._ledger.renew(self.name, memory.fence, lease_ms=self._lead.lease_ms)
        except Fenced:
            if self._memory is memory:
                self._forget()
        except Unavailable as error:
            self._log.warning("lease_not_renewed", account=self.name, error=str(error))
        else:
            self._confirm(asked_s)

    def _forget(self) -> None:
        """Throw away what is known of the account; the next ask loads it again."""
        if self._memory is None:
            return
        self._log.warning("account_forgotten", account=self.name, fence=self._memory.fence)
        self._memory = None
        self._sure_until_s = 0.0
        if self._renewer is not None and self._renewer is not asyncio.current_task():
            self._renewer.cancel()
        self._renewer = None
        self._tell_led(None)
        self._beat()

    def _beat(self) -> None:
        """Wake who waits for news of the account."""
        pulse, self.pulse = self.pulse, asyncio.Event()
        pulse.set()


def _answer(group: list[_Waiting[object]], answers: list[object]) -> None:
    for one, answer in zip(group, answers, strict=True):
        if one.answer.done():  # its caller went away
            continue
        if isinstance(answer, Exception):
            one.answer.set_exception(answer)
        else:
            one.answer.set_result(answer)


def _fail(group: "list[_Waiting[object]] | tuple[_Waiting[object], ...]", error: Exception) -> None:
    for one in group:
        if not one.answer.done():
            own = type(error)(*error.args)  # a raised error keeps its raiser's traceback
            one.answer.set_exception(own)
