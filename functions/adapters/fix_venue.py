"""Reach a venue by FIX 4.4: orders leave as D, F and G, what it says of them comes back as 8, 9, 3 and j.

The session keeps what it sends before it leaves and sends it again when the other side asks, so that a break of the
connection loses nothing and doubles nothing. Whose order a report is about is known from what was sent by this process,
and else from the ledger; nothing else is remembered here.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from functions.adapters.fix_connection import FixInitiator, Line
from functions.adapters.fix_orders import name_of, question_of, request_of
from functions.adapters.fix_store import leased
from functions.adapters.known_orders import NAME_CHARACTERS_MIN, KnownOrder, KnownOrders, order_name
from functions.domain.decisions import ExecType
from functions.domain.errors import Rejected
from functions.domain.orders.life import Report
from functions.ports.errors import Unavailable
from functions.ports.fix_session import Link
from functions.ports.fix_store import FixStore, FixStores
from functions.ports.ledger import Ledger
from functions.ports.venue_orders import Connected, Heard, MessageKind, NotSent, VenueMessage
from functions.wire.errors import Malformed
from functions.wire.fix.actions import Deliver, NotLoggedOn, Terms
from functions.wire.fix.codec import Message, Pair, decode
from functions.wire.fix.messages import (
    BUSINESS_REJECT,
    CANCEL,
    CANCEL_REJECT,
    EXECUTION_REPORT,
    NEW_ORDER,
    ORDER_STATUS,
    REPLACE,
    Cancel,
    CancelReject,
    ExecutionReport,
    NewOrder,
    Replace,
    read,
    write,
)
from functions.wire.fix.reports import is_duplicate, is_unknown, refusal_of, report_of
from functions.wire.fix.rules import Identity
from functions.wire.fix.values import timestamp

ANSWER_S: Final = 5.0
"""How long a venue may take to say how an order stands."""
ASKED_MAX: Final = 1024
"""Questions that may wait for their answers."""
DUPLICATE_REQUEST: Final = 6
"""CxlRejReason (102) of a cancel or replace whose ClOrdID the venue has already."""
NAME_MAX: Final = 64
"""Characters of a ClOrdID, unless the venue takes fewer: an account, and a request's UUID."""
POSS_RESEND: Final = 97
"""Tag of a message that may have been sent before, under another number."""
TAKEN: Final = frozenset((EXECUTION_REPORT, CANCEL_REJECT, BUSINESS_REJECT))


@dataclass(frozen=True, slots=True)
class FixEnd:
    """Say where a venue is, and how a session with it is kept.

    Args:
        identity: The session, from our side.
        host: Where the venue listens.
        port: Its port.
        tls: Whether the connection is encrypted, and the host proved, by TLS.
        terms: The session's limits; numbers go on from one connection to the next.
        backoff_s: Longest wait after the first failed connection, seconds; it doubles.
        backoff_max_s: Longest wait of all, seconds.
        name_max: Most characters of a ClOrdID that the venue takes.
    """

    identity: Identity
    host: str
    port: int
    tls: bool = False
    terms: Terms = field(default_factory=Terms)
    backoff_s: float = 0.25
    backoff_max_s: float = 30.0
    name_max: int = NAME_MAX

    def __post_init__(self) -> None:
        """Refuse terms that forget what was sent, and names that are too short to tell whose it was."""
        if self.name_max < NAME_CHARACTERS_MIN:
            msg = f"ClOrdIDs of {self.name_max} characters cannot tell requests apart; {NAME_CHARACTERS_MIN} can"
            raise ValueError(msg)
        if self.terms.reset_on_logon:
            msg = "a session that carries orders must not reset its numbers at each logon"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class _Question:
    client_order_id: str
    answer: "asyncio.Future[Report]"


@dataclass(frozen=True, slots=True)
class _Said:
    """Hold what was said of an order; `status_id` names the question it answers."""

    client_order_id: str
    report: Report
    status_id: str = ""


class FixVenue:
    """Port `VenueOrders` over one FIX session; the session's `Application`.

    Args:
        end: Where the venue is.
        stores: Where the session is remembered.
        ledger: Where orders are found that this process has not sent.
        symbols: The venue's symbols by instrument_id; others are refused.
        report: Is told what an operator should know.
        answer_s: How long an answer is waited for.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        end: FixEnd,
        stores: FixStores,
        ledger: Ledger,
        *,
        symbols: Mapping[str, str],
        report: Callable[..., None],
        answer_s: float = ANSWER_S,
    ) -> None:
        """Connect to nothing yet."""
        self._end = end
        self._stores = stores
        self._orders = KnownOrders(ledger)
        self._symbols = symbols
        self._note = report
        self._answer_s = answer_s
        self._store: FixStore | None = None
        self._link: Link | None = None
        self._asked: dict[str, _Question] = {}
        self._task: asyncio.Task[None] | None = None

    # --- the port -----------------------------------------------------------------------------------------------------

    async def start(self, heard: Heard, connected: Connected) -> None:
        """Connect, and stay connected until `close`; returns at once."""
        self._heard, self._connected = heard, connected
        self._task = asyncio.create_task(self._stay())

    async def close(self) -> None:
        """Log out; orders work on there."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._fail_all("the session was ended")

    async def send(self, message: VenueMessage) -> None:
        """Hand a message over; one for an instrument that has no symbol here is refused in the venue's place.

        Raises:
            NotSent: The session is not active: nothing left.
            Unavailable: The connection broke, or the store failed: nobody knows whether it left.
        """
        symbol = self._symbols.get(message.order.instrument_id)
        if symbol is None:
            await self._refuse(message, f"the venue has no symbol for {message.order.instrument_id}")
            return
        name = name_of(message, self._end.name_max)
        link, known = self._active(), await self._orders.meant(message, name)
        replaced_before = known.replacing
        if message.kind is MessageKind.REPLACE:
            known.replacing = name  # the venue may answer before `send` returns
        try:
            asked = request_of(message, symbol, self._named(known), name=name)
            await link.send(_again(asked) if message.again else asked)
        except NotLoggedOn as error:
            known.replacing = replaced_before
            raise NotSent(str(error)) from error
        except Malformed as error:
            known.replacing = replaced_before
            await self._refuse(message, str(error))
            return
        if self._link is not link:
            msg = f"the connection broke while a message of order {message.client_order_id} was on its way"
            raise Unavailable(msg)

    async def ask(self, client_order_id: str) -> tuple[Report, ...]:
        """Ask how an order stands; executions that the venue tells again are stored before its status comes.

        Raises:
            Unavailable: The venue did not answer in time, cannot, or is not connected; or too many questions wait.
        """
        known = await self._orders.find((client_order_id,), "")
        if known is None or len(self._asked) >= ASKED_MAX:
            msg = f"order {client_order_id} cannot be asked about: it is not in the ledger, or {ASKED_MAX} others wait"
            raise Unavailable(msg)
        symbol = self._symbols.get(known.order.instrument_id)
        if symbol is None:  # nothing of it ever left
            return (Report(ExecType.ORDER_STATUS, known.as_of_ns, text="the venue has no symbol for it"),)
        link, status_id = self._active(), str(uuid.uuid4())  # an answer to whoever asked before is not ours
        question = _Question(client_order_id, asyncio.get_running_loop().create_future())
        self._asked[status_id] = question
        try:
            async with asyncio.timeout(self._answer_s):
                await link.send(question_of(self._named(known), symbol, status_id))
                return _told(known, await question.answer)
        except NotLoggedOn as error:
            raise Unavailable(str(error)) from error
        except TimeoutError as error:
            msg = f"the venue did not say within {self._answer_s} s how order {client_order_id} stands"
            raise Unavailable(msg) from error
        finally:
            del self._asked[status_id]

    def _named(self, known: KnownOrder) -> KnownOrder:
        """Have an order that was found in the ledger go by a name that fits."""
        known.name = order_name(known.name, self._end.name_max)
        return known

    # --- what the session tells ---------------------------------------------------------------------------------------

    async def opened(self) -> None:
        """Begin with nothing under way: what was not stored is sent again by the other side."""

    async def logged_on(self, link: Link) -> None:
        """Begin to talk, and have what was missed asked for."""
        self._link = link
        await self._connected()

    async def logged_off(self, reason: str) -> None:
        """Stop talking: nobody answers any more."""
        self._link = None
        self._fail_all(f"the session ended: {reason}")

    async def take(self, delivered: Sequence[Deliver], next_in: int) -> None:  # noqa: ARG002 - the store keeps it
        """Have everything stored that was said, each order's in its order; then answer who asked.

        Raises:
            Unavailable: It is not known to be stored: the connection ends, and the other side says it again.
        """
        said: list[_Said] = []
        for one in delivered:
            if one.refused:
                self._note("venue_message_refused", found=repr(one.message), reason=one.refused)
            elif (heard := await self._read(one.message)) is not None:
                said.append(heard)
        told: dict[str, list[Report]] = {}
        answers: list[_Said] = []
        for found in said:
            if found.report.exec_type is ExecType.ORDER_STATUS:
                answers.append(found)
            else:
                told.setdefault(found.client_order_id, []).append(found.report)
        done = await asyncio.gather(*(self._tell(name, told[name]) for name in told), return_exceptions=True)
        for error in filter(None, done):
            raise error
        for answer in answers:
            self._answer(answer)

    async def _tell(self, client_order_id: str, reports: list[Report]) -> None:
        for report in reports:
            await self._heard(client_order_id, report)

    def _answer(self, said: _Said) -> None:
        """Answer a question; a venue that does not repeat its id answers the oldest one about the order."""
        question = self._asked.get(said.status_id) or next(
            (one for one in self._asked.values() if one.client_order_id == said.client_order_id), None
        )
        if question is not None and not question.answer.done():
            question.answer.set_result(said.report)

    # --- reading ------------------------------------------------------------------------------------------------------

    async def _read(self, message: Message) -> _Said | None:
        match message.msg_type:
            case "8":
                return await self._execution(message)
            case "9":
                refused = read(message, CancelReject)
                if refused.reason == DUPLICATE_REQUEST:  # what it has under that name is answered by itself
                    self._note("venue_request_duplicate", found=repr(message))
                    return None
                names = refused.cl_ord_id, refused.orig_cl_ord_id
                known = await self._orders.find(names, refused.account or "", refused.order_id)
                if known is not None:
                    return _said(known, refusal_of(refused, timestamp(message.text(52))))
            case "3" | "j":
                return await self._rejected(message)
        self._note("venue_message_unknown", found=repr(message))
        return None

    async def _execution(self, message: Message) -> _Said | None:
        found = read(message, ExecutionReport)
        names = tuple(filter(None, (found.cl_ord_id, found.orig_cl_ord_id)))
        asked = self._asked.get(found.status_id or "")
        names = (*names, asked.client_order_id) if asked else names
        known = await self._orders.find(names, found.account or "", found.order_id)
        if known is None:
            self._note("venue_order_unknown", order_id=found.order_id, exec_id=found.exec_id, exec_type=found.exec_type)
            return None
        sent_ns = timestamp(message.text(52))
        if is_duplicate(found):
            self._note("venue_order_duplicate", client_order_id=known.client_order_id)
            doubt = Report(ExecType.UNKNOWN, sent_ns, text=found.text or "the venue has this ClOrdID already")
            return None if known.order_id else _Said(known.client_order_id, doubt)
        self._learn(known, found)
        try:
            report = report_of(found, known.order, sent_ns)
        except Rejected as error:  # it happened, and cannot be booked: that must show on the order
            text = f"execution {found.exec_id}: {error}"
            report = Report(ExecType.UNKNOWN, sent_ns, text=text)
            self._note("venue_report_unfit", client_order_id=known.client_order_id, error=text)
        return None if report is None else _said(known, report, found.status_id or "")

    def _learn(self, known: KnownOrder, found: ExecutionReport) -> None:
        """Keep by which names the venue knows an order."""
        if is_unknown(found):
            return
        known.order_id = found.order_id
        known.replacing = "" if found.exec_type == "5" else known.replacing
        pends = found.exec_type == "I" and found.ord_status in {"6", "E"}  # then it may be the request's name
        if found.exec_type in "5I" and found.cl_ord_id and not pends:
            known.name = found.cl_ord_id
            self._orders.remember(found.cl_ord_id, known)

    async def _rejected(self, message: Message) -> _Said | None:
        """Read a Reject or BusinessMessageReject by the message of ours that it names."""
        ours = self._sent(message.number(45))
        kind = ours.msg_type if ours else message.text(372)
        name = ours.text(11) if ours else message.text(379)
        text = message.text(58) or f"rejected, reason {message.text(380) or message.text(373)}"
        if kind == ORDER_STATUS:
            question = self._asked.get(ours.text(790) if ours else name)
            if question is not None and not question.answer.done():
                question.answer.set_exception(Unavailable(f"the venue does not tell orders' status: {text}"))
            return None
        names = tuple(filter(None, (name, ours.text(41) if ours else "")))
        known = await self._orders.find(names, ours.text(1) if ours else "")
        if known is None or kind not in {NEW_ORDER, CANCEL, REPLACE}:
            self._note("venue_rejected", kind=kind, reference=message.text(45), text=text)
            return None
        as_of_ns = timestamp(message.text(52))
        if kind == NEW_ORDER:
            return _said(known, Report(ExecType.REJECTED, as_of_ns, text=text))
        return _said(known, Report(ExecType.CANCEL_REJECT, as_of_ns, request_id=name, text=text))

    def _sent(self, number: int | None) -> Message | None:
        raw = self._store.load().numbers.sent.get(number) if self._store and number else None
        found = decode(raw) if raw else None
        return found if isinstance(found, Message) else None

    # --- the connection -----------------------------------------------------------------------------------------------

    async def _stay(self) -> None:
        end = self._end
        line = Line(end.identity, replace(end.terms, accepts=TAKEN), self._lease, self, self._note)
        initiator = FixInitiator(
            line, host=end.host, port=end.port, tls=end.tls, backoff_s=end.backoff_s, backoff_max_s=end.backoff_max_s
        )
        while True:
            try:
                await initiator.run()
            except Exception as error:  # noqa: BLE001 - a bug must not end the only way to the venue; it is told
                self._note("venue_session_failed", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(end.backoff_max_s)

    @contextlib.contextmanager
    def _lease(self) -> Iterator[FixStore]:
        with leased(self._stores, self._end.identity)() as store:
            self._store = store
            try:
                yield store
            finally:
                self._store = None

    def _active(self) -> Link:
        if self._link is None:
            msg = f"the session {self._end.identity.sender}-{self._end.identity.target} is not active"
            raise NotSent(msg)
        return self._link

    def _fail_all(self, reason: str) -> None:
        for question in self._asked.values():
            if not question.answer.done():
                question.answer.set_exception(Unavailable(reason))

    async def _refuse(self, message: VenueMessage, text: str) -> None:
        exec_type = ExecType.REJECTED if message.kind is MessageKind.NEW else ExecType.CANCEL_REJECT
        report = Report(exec_type, message.as_of_ns, request_id=message.request_id, text=text)
        await self._heard(message.client_order_id, report)


def _again(asked: NewOrder | Cancel | Replace) -> tuple[str, list[Pair]]:
    """Mark a message that the venue may have under another number: it knows it by its ClOrdID."""
    msg_type, body = write(asked)
    return msg_type, [(POSS_RESEND, "Y"), *body]


def _told(known: KnownOrder, standing: Report) -> tuple[Report, ...]:
    """Give how an order stands, and before it that it was replaced, where only its new name tells."""
    if not known.replacing or known.name != known.replacing:
        return (standing,)
    request_id, known.replacing = known.request_id(known.replacing), ""
    return Report(ExecType.REPLACED, standing.as_of_ns, request_id=request_id), standing


def _said(known: KnownOrder, report: Report, status_id: str = "") -> _Said:
    """Hold what was said of an order; requests go by our ids again."""
    ours = replace(report, request_id=known.request_id(report.request_id)) if report.request_id else report
    return _Said(known.client_order_id, ours, status_id)
