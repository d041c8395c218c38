"""Reach a MetaTrader 4 terminal through a TCP bridge: orders leave as lines, executions come back numbered.

Lines, greeting, heartbeats and silence are those of `functions.feeds.mt4`; a bridge may serve both on one port.

| client says | meaning |
| --- | --- |
| `ORDERS` | after HELLO: tell me executions, those first that I have not said to be DONE |
| `NEW <id> <symbol> BUY|SELL <units> <price> GTC|DAY|IOC|FOK` | a limit order; units of the base currency, not lots |
| `CANCEL <request> <id>` | take the order back |
| `REPLACE <request> <id> <units> <price>` | another total quantity and limit price |
| `STATUS <question> <id>` | how does the order stand? |
| `DONE <number>` | executions up to this number are stored and need not be told again |

| bridge says | meaning |
| --- | --- |
| `OK ORDERS <number>` | answer to ORDERS, with the newest number (0: none yet) |
| `TAKEN <id> [<request>]` | NEW, or CANCEL or REPLACE, is written down and will be done, or was done before |
| `EXEC <number> <ms> <id> NEW <ticket>` | the terminal has the order |
| `EXEC <number> <ms> <id> TRADE <execution> <units> <price> [<fee> <currency>]` | it was filled, or a part of it |
| `EXEC <number> <ms> <id> CANCELED <request>` | it ended; `-` where nobody asked |
| `EXEC <number> <ms> <id> REPLACED <request>` | it is as the request has it |
| `EXEC <number> <ms> <id> EXPIRED` | its time is over |
| `EXEC <number> <ms> <id> REJECTED <words>` | the terminal does not take it |
| `EXEC <number> <ms> <id> REFUSED <request> <words>` | the request is refused, the order stands as it did |
| `STATUS <question> <ms> <id> UNKNOWN` | no such order was ever taken |
| `STATUS <question> <ms> <id> <status> <units filled>` | NEW, PARTLY, FILLED, CANCELED, EXPIRED or REJECTED |
| `ERROR syntax|version <words>` | a line was not understood, or the version is another; never an answer to an order |

Rules. The bridge keeps, in a file, each id and request it was given, tickets and executions: what it has had is never
sent to the terminal again but is TAKEN once more, and executions that are not DONE are told again after each ORDERS, in
their order, before new ones. Orders are known by their ids; requests by the order's id and their own together, for two
orders may have a request of the same name. Ids have at most 128 characters, requests 257. Every line of the right form
is TAKEN: what cannot be done is then REJECTED or REFUSED, a request for an order that is not known too. Until the
terminal has answered, an order's status is NEW.
Numbers are contiguous in a session, whose name changes only when that file is lost; before it listens again, such a
bridge finds out which ids the terminal had (by comments of orders, open and closed), for what is UNKNOWN is sent again.
Executions of an order are told before a STATUS that counts them. What one client said to be DONE no other is told, so
one orders process follows a bridge. So nothing is lost when either side ends, and nothing is traded twice.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from functions.adapters.known_orders import KnownOrder, KnownOrders
from functions.adapters.mt4_connection import Bridge, BridgeEnd, BridgeError, UnkeptError, number, stay
from functions.domain.decisions import ExecType, Side, TimeInForce
from functions.domain.errors import Rejected
from functions.domain.money import plain, scaled
from functions.domain.orders.life import Report
from functions.ports.errors import PortError, Unavailable
from functions.ports.ledger import Ledger
from functions.ports.venue_orders import Connected, Heard, MessageKind, NotSent, VenueMessage
from functions.wire.errors import Malformed
from functions.wire.mt4_orders import is_word, read_execution, read_status

ANSWER_S: Final = 5.0
"""How long a bridge may take to say how an order stands."""
ASKED_MAX: Final = 1024
"""Questions that may wait for their answers."""

_SIDES: Final = MappingProxyType({Side.BUY: "BUY", Side.SELL: "SELL"})
_TIMES_IN_FORCE: Final = MappingProxyType(
    {
        TimeInForce.DAY: "DAY",
        TimeInForce.GOOD_TILL_CANCEL: "GTC",
        TimeInForce.IMMEDIATE_OR_CANCEL: "IOC",
        TimeInForce.FILL_OR_KILL: "FOK",
    }
)


@dataclass(frozen=True, slots=True)
class _Question:
    known: KnownOrder
    answer: "asyncio.Future[Report]"


class Mt4Venue:
    """Port `VenueOrders` over one bridge.

    Args:
        end: Where the bridge is.
        ledger: Where orders are found that this process has not sent.
        symbols: The terminal's symbols by instrument_id; others are refused.
        report: Is told what an operator should know.
        answer_s: How long an answer is waited for.
    """

    def __init__(
        self,
        end: BridgeEnd,
        ledger: Ledger,
        *,
        symbols: Mapping[str, str],
        report: Callable[..., None],
        answer_s: float = ANSWER_S,
    ) -> None:
        """Connect to nothing yet; symbols that cannot stand in a line are refused."""
        bad = sorted(symbol for symbol in symbols.values() if not is_word(symbol))
        if bad:
            msg = f"symbols {bad} are not printable ASCII without blanks"
            raise ValueError(msg)
        self._end = end
        self._orders = KnownOrders(ledger)
        self._symbols = symbols
        self._note = report
        self._answer_s = answer_s
        self._bridge: Bridge | None = None
        self._last: int | None = None
        self._asked: dict[str, _Question] = {}
        self._handed: dict[asyncio.Future[None], tuple[str, ...]] = {}
        self._task: asyncio.Task[None] | None = None

    # --- the port -----------------------------------------------------------------------------------------------------

    async def start(self, heard: Heard, connected: Connected) -> None:
        """Connect, and stay connected until `close`; returns at once."""
        self._heard, self._connected = heard, connected
        self._task = asyncio.create_task(self._stay(), name="mt4-venue")

    async def close(self) -> None:
        """Let go of the bridge; orders work on at the terminal."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def send(self, message: VenueMessage) -> None:
        """Hand a message over; one that cannot be written as a line is refused in the venue's place.

        Raises:
            NotSent: The bridge is not connected: nothing left.
            Unavailable: The connection broke, or the ledger failed: nobody knows whether it left.
        """
        symbol = self._symbols.get(message.order.instrument_id, "")
        if not symbol:
            await self._refuse(message, f"the venue has no symbol for {message.order.instrument_id}")
            return
        if not all(map(is_word, (message.client_order_id, message.request_id or message.client_order_id))):
            await self._refuse(message, "the venue's lines take ids of printable ASCII without blanks")
            return
        bridge, taken = self._active(), asyncio.get_running_loop().create_future()
        if message.kind is MessageKind.NEW:  # executions name orders only; requests of two may have one name
            await self._orders.meant(message)
        self._handed[taken] = _name(message)
        try:
            async with asyncio.timeout(self._answer_s):
                bridge.say(_line(message, symbol))
                await taken
        except TimeoutError as error:
            msg = f"the venue did not say within {self._answer_s} s that it took a message of {message.client_order_id}"
            raise Unavailable(msg) from error
        finally:
            del self._handed[taken]

    async def ask(self, client_order_id: str) -> tuple[Report, ...]:
        """Ask how an order stands; executions that the bridge tells are stored before its status comes.

        Raises:
            Unavailable: The bridge did not answer in time, or is not connected; or too many questions wait.
        """
        known = await self._orders.find((client_order_id,), "")
        if known is None or len(self._asked) >= ASKED_MAX:
            msg = f"order {client_order_id} cannot be asked about: it is not in the ledger, or {ASKED_MAX} others wait"
            raise Unavailable(msg)
        if known.order.instrument_id not in self._symbols or not is_word(client_order_id):  # nothing of it ever left
            return (Report(ExecType.ORDER_STATUS, known.as_of_ns, text="the venue takes no such order"),)
        bridge, name = self._active(), str(uuid.uuid4())  # an answer to whoever asked before is not ours
        question = _Question(known, asyncio.get_running_loop().create_future())
        self._asked[name] = question
        try:
            async with asyncio.timeout(self._answer_s):
                bridge.say(f"STATUS {name} {client_order_id}")
                return (await question.answer,)
        except TimeoutError as error:
            msg = f"the venue did not say within {self._answer_s} s how order {client_order_id} stands"
            raise Unavailable(msg) from error
        finally:
            del self._asked[name]

    # --- what the bridge says -----------------------------------------------------------------------------------------

    async def _stay(self) -> None:
        while True:
            try:
                await stay(self._end, self._talk, report=self._note)
            except Exception as error:  # noqa: BLE001 - a bug must not end the only way to the venue; it is told
                self._note("venue_session_failed", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(self._end.backoff_max_s)

    async def _talk(self, bridge: Bridge) -> None:
        try:
            while True:
                row = await bridge.line()
                await self._hear(row.decode("ascii", "replace").split(" "), bridge)
        except PortError as error:
            msg = f"what the bridge said could not be stored, so it must say it again: {error}"
            raise UnkeptError(msg) from error
        finally:
            self._bridge = None
            self._fail_all()

    async def _hear(self, words: Sequence[str], bridge: Bridge) -> None:
        match words:
            case ["HELLO", version, _]:
                bridge.greet(version)
                self._last = None  # what comes first is what is not DONE, whoever stored what was before it
                bridge.say("ORDERS")
            case ["OK", "ORDERS", _] if bridge.greeted:
                self._bridge = bridge
                await self._connected()
            case ["EXEC", told, *rest]:
                await self._executed(number(told), rest, bridge)
            case ["STATUS", name, *rest] if question := self._asked.get(name):
                self._stands(question, rest)
            case ["TAKEN", *name]:
                self._taken(tuple(name))
            case ["ERROR", *_]:
                self._note("venue_message_refused", found=" ".join(words)[:200])
            case ["BYE", *_]:
                msg = f"the bridge said goodbye: {' '.join(words)[:80]}"
                raise BridgeError(msg)
            case ["HEARTBEAT", *_] | ["STATUS", *_]:  # the answer to a question that nobody waits for any more
                pass
            case _:
                self._note("venue_message_unknown", found=" ".join(words)[:200])

    async def _executed(self, told: int, words: Sequence[str], bridge: Bridge) -> None:
        """Have an execution stored, and say so; one behind a hole is asked for again, by coming back."""
        last = told - 1 if self._last is None else self._last
        if not told or told > last + 1:
            msg = f"execution {told} came after {last}"
            raise BridgeError(msg)
        if told > last:
            await self._tell(words)
            self._last = last = told
        bridge.say(f"DONE {last}")

    async def _tell(self, words: Sequence[str]) -> None:
        known = await self._orders.find(tuple(words[1:2]), "")
        if known is None:
            self._note("venue_order_unknown", found=" ".join(words)[:200])
            return
        try:
            report = read_execution(words, known.order)
        except (Malformed, Rejected) as error:  # it happened, and cannot be booked: that must show on the order
            report = Report(ExecType.UNKNOWN, known.as_of_ns, text=str(error))
            self._note("venue_report_unfit", client_order_id=known.client_order_id, error=str(error))
        await self._heard(known.client_order_id, report)

    def _stands(self, question: _Question, words: Sequence[str]) -> None:
        try:
            report = read_status(words, question.known.order)
        except (Malformed, Rejected) as error:
            self._note("venue_report_unfit", client_order_id=question.known.client_order_id, error=str(error))
            if not question.answer.done():
                question.answer.set_exception(Unavailable(f"the venue's answer cannot be read: {error}"))
            return
        if not question.answer.done():
            question.answer.set_result(report)

    def _taken(self, name: tuple[str, ...]) -> None:
        for taken, meant in self._handed.items():
            if meant == name and not taken.done():
                taken.set_result(None)

    def _fail_all(self) -> None:
        waiting: list[asyncio.Future[Report] | asyncio.Future[None]] = [one.answer for one in self._asked.values()]
        for one in (*waiting, *self._handed):
            if not one.done():
                one.set_exception(Unavailable("the connection to the bridge ended"))

    def _active(self) -> Bridge:
        if self._bridge is None:
            msg = f"the bridge at {self._end.host}:{self._end.port} is not connected"
            raise NotSent(msg)
        return self._bridge

    async def _refuse(self, message: VenueMessage, text: str) -> None:
        exec_type = ExecType.REJECTED if message.kind is MessageKind.NEW else ExecType.CANCEL_REJECT
        report = Report(exec_type, message.as_of_ns, request_id=message.request_id, text=text)
        await self._heard(message.client_order_id, report)


def _name(message: VenueMessage) -> tuple[str, ...]:
    """Give the words by which a bridge says that it took a message."""
    return tuple(filter(None, (message.client_order_id, message.request_id)))


def _line(message: VenueMessage, symbol: str) -> str:
    order = message.order
    units = plain(scaled(message.quantity, order.size_exponent))
    price = plain(scaled(message.limit_price, order.price_exponent))
    match message.kind:
        case MessageKind.NEW:
            in_force = _TIMES_IN_FORCE[order.time_in_force]
            return f"NEW {message.client_order_id} {symbol} {_SIDES[order.side]} {units} {price} {in_force}"
        case MessageKind.CANCEL:
            return f"CANCEL {message.request_id} {message.client_order_id}"
        case MessageKind.REPLACE:
            return f"REPLACE {message.request_id} {message.client_order_id} {units} {price}"
