"""Orders over FIX 4.4, from the desk to the shipped counterparty over loopback: through lives, breaks and restarts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType

import pytest
from fix_peer import Peer, called, text
from trading import ETH, LIMITS, NOW, QUOTE, order, paper, submission
from waiting import until

from functions.adapters.fix_venue import FixEnd, FixVenue
from functions.adapters.memory_fix_store import MemoryFixStores
from functions.adapters.memory_ledger import MemoryLedger
from functions.adapters.risk_memory import MemoryRisk
from functions.domain.decisions import ExecType, OrderStatus, OrderUpdate, Side, Submission, TimeInForce
from functions.domain.orders.account import open_account
from functions.domain.orders.booking import AT_ONCE, Paper
from functions.domain.orders.requests import CancelRequest, ReplaceRequest
from functions.local.fix_counterparty import Counterparty, House, serving
from functions.ports.errors import Unavailable
from functions.ports.venue_orders import MessageKind, NotSent, VenueMessage
from functions.services.orders.desk import OrderDesk
from functions.services.orders.main import Settings, compose, paper_of
from functions.services.orders.writer import Lead
from functions.wire.codecs.orders import ORDER_UPDATE, decode_order_update
from functions.wire.fix.actions import Terms
from functions.wire.fix.codec import Message
from functions.wire.fix.messages import ExecutionReport, Reject
from functions.wire.fix.rules import Identity

SYMBOL = "ETH/USDT"
US = Identity("US", "VENUE")
SYMBOLS = MappingProxyType({ETH: SYMBOL, "LOST": "LOST/USDT"})
PRICE = Decimal("2490.00")


def resting(number: int = 1, limit: int = 249_000, instrument_id: str = ETH) -> Submission:
    """Hand in a buy of one coin; at 2490.00 it rests."""
    asked = replace(order(Side.BUY, 10_000, limit), time_in_force=TimeInForce.GOOD_TILL_CANCEL)
    return submission(number, replace(asked, instrument_id=instrument_id))


def message(number: int = 1) -> VenueMessage:
    """Ask the venue for a new order."""
    one = resting(number)
    return VenueMessage(MessageKind.NEW, 0, one.client_order_id, "", one.order, 10_000, 249_000, NOW)


@dataclass(slots=True)
class Place:
    """Hold a desk, what it reaches, and what its venue noted."""

    counterparty: Counterparty
    ledger: MemoryLedger
    stores: MemoryFixStores
    notes: list[str] = field(default_factory=list)

    name_max: int = 64

    def venue(self) -> FixVenue:
        """Give a venue as a process would make it."""
        port, most = self.counterparty.port, self.name_max
        end = FixEnd(US, "127.0.0.1", port, backoff_s=0.001, backoff_max_s=0.01, name_max=most)
        return FixVenue(end, self.stores, self.ledger, symbols=SYMBOLS, report=lambda one, **_: self.notes.append(one))

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[OrderDesk]:
        """Run a desk as one process does, logged on."""
        async with leading(self.ledger, self.venue()) as desk:
            await self.connected()
            yield desk

    async def connected(self) -> None:
        """Wait until the session is active."""
        await until(lambda: self.counterparty.link is not None)

    def asked(self, msg_type: str) -> list[Message]:
        """Give what the venue took of a kind."""
        return [one for one in self.counterparty.taken if one.msg_type == msg_type]


@asynccontextmanager
async def leading(ledger: MemoryLedger, venue: FixVenue, answer_s: float = 60.0) -> AsyncIterator[OrderDesk]:
    """Run a desk that leads the account."""
    lead = Lead("first", 600_000)
    desk = OrderDesk(ledger, MemoryRisk(LIMITS), now_ns=lambda: NOW, lead=lead, venue=venue, answer_s=answer_s)
    await desk.start()
    await desk.lead("paper")
    yield desk
    await desk.close()


async def step(desk: OrderDesk, met: Callable[[OrderUpdate], bool], number: int = 1) -> OrderUpdate:
    """Follow the account until an order stands as wanted; give that step."""
    async with asyncio.timeout(20):
        async for event in desk.watch("paper", 0):
            if event.type == ORDER_UPDATE:
                update = decode_order_update(event.data or b"")
                if update.client_order_id == f"order-{number}" and met(update):
                    return update
    raise AssertionError


async def came(desk: OrderDesk, exec_type: ExecType, number: int = 1) -> OrderUpdate:
    """Wait for a step of a kind."""
    return await step(desk, lambda one: one.exec_type is exec_type, number)


async def filled(desk: OrderDesk, quantity: str) -> OrderUpdate:
    """Wait until so much is filled."""
    return await step(desk, lambda one: one.cumulative_quantity == Decimal(quantity))


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """Serve the counterparty; its best ask is 2500.01."""
    ledger = MemoryLedger()
    await ledger.open_account(paper())
    house = House(Identity("VENUE", "US"), (SYMBOL,), fill_max=Decimal("0.4"))
    async with serving(Counterparty(house)) as counterparty:
        counterparty.desk.markets[SYMBOL].mid = Decimal("2500.0099")
        yield Place(counterparty, ledger, MemoryFixStores())


async def test_fills(place: Place) -> None:
    """An order is acknowledged and filled in parts, and the account moves by exactly what the venue said."""
    async with place.desk() as desk:
        await desk.submit(resting())
        assert (await came(desk, ExecType.NEW)).venue_order_id == "O1"
        await place.counterparty.fill("order-1", Decimal("0.4"), PRICE)
        assert (await filled(desk, "0.4")).status is OrderStatus.PARTIALLY_FILLED
        await place.counterparty.fill("order-1", Decimal("0.6"), Decimal("2489.99"))
        final = await filled(desk, "1")
        assert (final.status, final.average_price) == (OrderStatus.FILLED, Decimal("2489.994"))
        account = await place.ledger.account("paper")
        assert account is not None
        assert (account.cash, account.positions[ETH].quantity) == (Decimal("997510.006"), Decimal(1))
        (new,) = place.asked("D")
        said = [new.text(tag) for tag in (11, 55, 54, 38, 40, 44, 59, 1)]
        assert said == ["order-1", SYMBOL, "1", "1", "2", "2490", "1", "paper"]


async def test_replace_and_cancel(place: Place) -> None:
    """A replaced order goes by its new name: it is filled and canceled under that one."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        await desk.replace(ReplaceRequest("r-1", "paper", "order-1", 20_000, 248_000, QUOTE, NOW))
        replaced = await came(desk, ExecType.REPLACED)
        assert (replaced.quantity, replaced.limit_price, replaced.request_id) == (Decimal(2), Decimal(2480), "r-1")
        await place.counterparty.fill("paper:r-1", Decimal("0.5"), Decimal(2480))
        await filled(desk, "0.5")
        await desk.cancel(CancelRequest("c-1", "paper", "order-1", NOW))
        canceled = await came(desk, ExecType.CANCELED)
        assert (canceled.status, canceled.request_id, canceled.leaves_quantity) == (
            OrderStatus.CANCELED,
            "c-1",
            Decimal(0),
        )
        (change,), (cancel,) = place.asked("G"), place.asked("F")
        assert [change.text(tag) for tag in (41, 11, 37, 59)] == ["order-1", "paper:r-1", "O1", "1"]
        assert [cancel.text(tag) for tag in (41, 11, 37)] == ["paper:r-1", "paper:c-1", "O1"]
        await place.counterparty.fill("paper:r-1", Decimal("0.1"), Decimal(2480))
        assert (await filled(desk, "0.6")).status is OrderStatus.CANCELED


async def test_cancel_refused(place: Place) -> None:
    """A cancel that comes too late is refused with the reason, and the fill that overtook it counts."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        place.counterparty.desk.fill("order-1", Decimal(1), PRICE, NOW)
        await desk.cancel(CancelRequest("c-1", "paper", "order-1", NOW))
        refused = await came(desk, ExecType.CANCEL_REJECT)
        assert (refused.request_id, refused.reasons) == ("c-1", ("CxlRejReason 0",))


async def test_rejected(place: Place) -> None:
    """What the venue does not trade it rejects; what has no symbol here is refused before it leaves."""
    async with place.desk() as desk:
        await desk.submit(resting(1, instrument_id="LOST"))
        assert (await came(desk, ExecType.REJECTED, 1)).reasons == ("unknown symbol LOST/USDT",)
        await desk.submit(resting(2, instrument_id="NOWHERE"))
        assert (await came(desk, ExecType.REJECTED, 2)).reasons == ("the venue has no symbol for NOWHERE",)
        assert len(place.asked("D")) == 1


@pytest.mark.parametrize("msg_type", ["3", "j"])
async def test_messages_rejected(msg_type: str) -> None:
    """A rejected cancel is refused with the text; who asks a venue that rejects the question is told so."""
    ledger, stores = MemoryLedger(), MemoryFixStores()
    await ledger.open_account(paper())
    async with called("VENUE", "US") as (port, call):
        end = FixEnd(US, "127.0.0.1", port)
        venue = FixVenue(end, stores, ledger, symbols=SYMBOLS, report=lambda _, **__: None)
        async with leading(ledger, venue) as desk:
            peer = await call()
            await peer.hear("A")
            await peer.say("A", (98, 0), (108, 30))
            await until(lambda: stores.read(US).numbers.next_in > 1)
            await desk.submit(resting())
            (new,) = await peer.hear("D")
            figures = ((54, 1), (151, 1), (14, 0), (6, 0))
            await peer.say("8", (37, "V1"), (17, "E1"), (150, 0), (39, 0), (11, text(new, 11)), *figures)
            await came(desk, ExecType.NEW)
            await desk.cancel(CancelRequest("c-1", "paper", "order-1", NOW))
            (cancel,) = await peer.hear("F")
            await peer.say(msg_type, (45, text(cancel, 34)), (372, "F"), (380, 4), (58, "closed"))
            refused = await came(desk, ExecType.CANCEL_REJECT)
            assert (refused.status, refused.request_id, refused.reasons) == (OrderStatus.NEW, "c-1", ("closed",))
            asking = asyncio.create_task(venue.ask("order-1"))
            (question,) = await peer.hear("H")
            await peer.say(msg_type, (45, text(question, 34)), (372, "H"), (380, 3), (58, "not taken"))
            with pytest.raises(Unavailable, match="does not tell orders' status: not taken"):
                await asking


@asynccontextmanager
async def unanswered() -> AsyncIterator[tuple[OrderDesk, Peer]]:
    """Give a desk that waits for answers hardly at all, and the venue its one order rests at."""
    ledger, stores = MemoryLedger(), MemoryFixStores()
    await ledger.open_account(paper())
    async with called("VENUE", "US") as (port, call):
        venue = FixVenue(FixEnd(US, "127.0.0.1", port), stores, ledger, symbols=SYMBOLS, report=lambda _, **__: None)
        async with leading(ledger, venue, answer_s=0.02) as desk:
            peer = await call()
            await peer.hear("A")
            await peer.say("A", (98, 0), (108, 30))
            await until(lambda: stores.read(US).numbers.next_in > 1)
            await desk.submit(resting())
            await peer.hear("D")
            await peer.say("8", (37, "V1"), (17, "E1"), (150, 0), (39, 0), (11, "order-1"), *WHOLE)
            await came(desk, ExecType.NEW)
            yield desk, peer


WHOLE = ((54, 1), (151, 1), (14, 0), (6, 0))


async def test_lost_cancel() -> None:
    """A cancel that nobody answers is asked about, and sent again, under its name, where the order works on."""
    async with unanswered() as (desk, peer):
        await desk.cancel(CancelRequest("c-1", "paper", "order-1", NOW))
        (lost,) = await peer.hear("F")
        (question,) = await peer.hear("H")
        asked = (37, "V1"), (17, "0"), (150, "I"), (11, "order-1"), (790, text(question, 790))
        await peer.say("8", *asked, (39, 0), *WHOLE)
        (again,) = await peer.hear("F")
        assert text(again, 11) == text(lost, 11) == "paper:c-1"
        assert (text(lost, 97), text(again, 97)) == ("", "Y")
        await peer.say("9", (37, "V1"), (11, "paper:c-1"), (41, "order-1"), (39, 0), (434, 1), (102, 6))
        (question,) = await peer.hear("H")
        asked = (37, "V1"), (17, "0"), (150, "I"), (11, "order-1"), (790, text(question, 790))
        await peer.say("8", *asked, (39, 4), (54, 1), (151, 0), (14, 0), (6, 0))
        assert (await came(desk, ExecType.ORDER_STATUS)).status is not OrderStatus.CANCELED
        await step(desk, lambda one: one.status is OrderStatus.CANCELED)


async def test_lost_replace() -> None:
    """A replace that was done, and whose answer was lost, is known by the name that the order goes by now."""
    async with unanswered() as (desk, peer):
        await desk.replace(ReplaceRequest("r-1", "paper", "order-1", 20_000, 248_000, QUOTE, NOW))
        await peer.hear("G")
        (question,) = await peer.hear("H")
        asked = (37, "V1"), (17, "0"), (150, "I"), (11, "paper:r-1"), (790, text(question, 790))
        await peer.say("8", *asked, (39, 0), (54, 1), (151, 2), (14, 0), (6, 0))
        replaced = await came(desk, ExecType.REPLACED)
        assert (replaced.request_id, replaced.quantity, replaced.limit_price) == ("r-1", Decimal(2), Decimal(2480))


async def test_pending_replace() -> None:
    """A venue that names the request while it is pending has not done it, and may still refuse it."""
    async with unanswered() as (desk, peer):
        await desk.replace(ReplaceRequest("r-1", "paper", "order-1", 20_000, 248_000, QUOTE, NOW))
        await peer.hear("G")
        (question,) = await peer.hear("H")
        asked = (37, "V1"), (17, "0"), (150, "I"), (11, "paper:r-1"), (41, "order-1"), (790, text(question, 790))
        await peer.say("8", *asked, (39, "E"), *WHOLE)
        await peer.say("9", (37, "V1"), (11, "paper:r-1"), (41, "order-1"), (39, 0), (434, 2), (102, 0))
        refused = await came(desk, ExecType.CANCEL_REJECT)
        assert (refused.status, refused.quantity, refused.limit_price) == (OrderStatus.NEW, Decimal(1), Decimal(2490))


async def test_cancel_given_up() -> None:
    """A venue that has lost a cancel, and takes its name no more, keeps an order from no other cancel."""
    async with unanswered() as (desk, peer):
        await desk.cancel(CancelRequest("c-1", "paper", "order-1", NOW))
        await peer.hear("F")
        for _ in range(3):
            (question,) = await peer.hear("H")
            asked = (37, "V1"), (17, "0"), (150, "I"), (11, "order-1"), (790, text(question, 790))
            await peer.say("8", *asked, (39, 0), *WHOLE)
            await peer.hear("F")
            await peer.say("9", (37, "V1"), (11, "paper:c-1"), (41, "order-1"), (39, 0), (434, 1), (102, 6))
        (question,) = await peer.hear("H")
        asked = (37, "V1"), (17, "0"), (150, "I"), (11, "order-1"), (790, text(question, 790))
        await peer.say("8", *asked, (39, 0), *WHOLE)
        refused = await came(desk, ExecType.CANCEL_REJECT)
        assert (refused.request_id, refused.reasons) == ("c-1", ("the venue never answered",))
        await desk.cancel(CancelRequest("c-2", "paper", "order-1", NOW))
        (cancel,) = await peer.hear("F")
        assert text(cancel, 11) == "paper:c-2"


async def test_new_order_rejected(place: Place) -> None:
    """A session Reject of an order rejects it with the text."""
    async with place.desk() as desk:
        place.counterparty.faults.gap = 1
        await desk.submit(resting())
        await until(lambda: bool(place.asked("D")))
        link = place.counterparty.link
        assert link is not None
        await link.send(Reject(place.asked("D")[0].number(34) or 0, text="closed"))
        assert (await came(desk, ExecType.REJECTED)).reasons == ("closed",)


async def test_gap(place: Place) -> None:
    """Executions lost on the wire are sent again by the session, in order and once."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        place.counterparty.faults.gap = 1
        place.counterparty.faults.doubled = 1
        for size in ("0.1", "0.2"):
            await place.counterparty.fill("order-1", Decimal(size), PRICE)
        assert (await filled(desk, "0.3")).status is OrderStatus.PARTIALLY_FILLED


async def test_disconnect(place: Place) -> None:
    """What happened while the connection was down is asked for when it is up again: executions, then the status."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        await place.counterparty.fill("order-1", Decimal("0.1"), PRICE)
        await filled(desk, "0.1")
        await place.counterparty.drop()
        await place.counterparty.fill("order-1", Decimal("0.2"), PRICE)
        await place.connected()
        assert (await filled(desk, "0.3")).status is OrderStatus.PARTIALLY_FILLED
        await place.counterparty.drop()
        place.counterparty.desk.orders["order-1"].status = "4"
        await place.connected()
        assert (await came(desk, ExecType.ORDER_STATUS)).status is OrderStatus.CANCELED
        assert len(place.asked("D")) == 1


@pytest.mark.parametrize("name", ["paper:r-1", "r-1"])
async def test_restart(place: Place, name: str) -> None:
    """A process that starts again goes on in sequence, and knows whose a fill is under a replaced name, an old one too.

    Earlier versions sent requests under their own ids.
    """
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        await desk.replace(ReplaceRequest("r-1", "paper", "order-1", 20_000, 248_000, QUOTE, NOW))
        await came(desk, ExecType.REPLACED)
    await until(lambda: place.counterparty.link is None)
    works = place.counterparty.desk.orders.pop("paper:r-1")
    works.request = replace(works.request, cl_ord_id=name)
    place.counterparty.desk.orders[name] = works
    async with place.desk() as desk:
        await place.counterparty.fill(name, Decimal("0.5"), Decimal(2480))
        await filled(desk, "0.5")
        await desk.cancel(CancelRequest("c-1", "paper", "order-1", NOW))
        await came(desk, ExecType.CANCELED)
    numbers = [one.number(34) or 0 for one in place.counterparty.taken]
    assert numbers == sorted(set(numbers))
    assert "fix_sequence_reset" not in place.notes


async def test_requests_of_two_accounts(place: Place) -> None:
    """Requests of two accounts may have one id: the venue tells them apart, and each is answered as its own."""
    await place.ledger.open_account(open_account("other", Decimal(100_000)))
    async with place.desk() as desk:
        await desk.submit(resting(1))
        second = resting(2)
        await desk.submit(replace(second, order=replace(second.order, account="other")))
        await came(desk, ExecType.NEW, 1)
        await until(lambda: len(place.counterparty.desk.orders) == 2)
        for account, number in (("paper", 1), ("other", 2)):
            await desk.cancel(CancelRequest("c-1", account, f"order-{number}", NOW))
        assert (await came(desk, ExecType.CANCELED, 1)).request_id == "c-1"
        await until(lambda: len(place.asked("F")) == 2)
        found = await stands(place.ledger, "order-2", OrderStatus.CANCELED)
        assert (found.account, found.request_id) == ("other", "c-1")
    assert [one.text(11) for one in place.asked("F")] == ["paper:c-1", "other:c-1"]


async def stands(ledger: MemoryLedger, name: str, status: OrderStatus) -> OrderUpdate:
    """Wait until an order stands so."""
    async with asyncio.timeout(20):
        while True:
            found = await ledger.find(name)
            if found is not None and found.update.status is status:
                return found.update
            await asyncio.sleep(0)


async def test_long_names(place: Place) -> None:
    """What is longer than the venue takes goes by a digest, and is found by it, also by a process that starts again."""
    place.name_max = 16
    long = "a-request-of-many-characters"
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        await desk.replace(ReplaceRequest(long, "paper", "order-1", 20_000, 248_000, QUOTE, NOW))
        assert (await came(desk, ExecType.REPLACED)).request_id == long
    name = place.asked("G")[0].text(11)
    assert len(name) == 16
    await until(lambda: place.counterparty.link is None)
    await place.counterparty.fill(name, Decimal("0.5"), Decimal(2480))
    async with place.desk() as desk:
        await filled(desk, "0.5")
        await desk.cancel(CancelRequest(f"{long}-2", "paper", "order-1", NOW))
        assert (await came(desk, ExecType.CANCELED)).request_id == f"{long}-2"


async def test_unknown_order(place: Place) -> None:
    """An order that the venue does not know has no status; one of nobody's is noted and nothing else."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
    place.counterparty.desk.orders.clear()
    venue, heard = place.venue(), set()

    async def hear(name: str, _: object) -> None:
        heard.add(name)

    up = asyncio.Event()

    async def tell_up() -> None:
        up.set()

    await venue.start(hear, tell_up)
    await up.wait()
    (standing,) = await venue.ask("order-1")
    assert (standing.exec_type, standing.status, standing.text) == (ExecType.ORDER_STATUS, None, "unknown order")
    with pytest.raises(Unavailable, match="not in the ledger"):
        await venue.ask("nobody")
    link = place.counterparty.link
    assert link is not None
    none = Decimal(0)
    await link.send(ExecutionReport("O9", "E9", "0", "0", "1", none, none, none, cl_ord_id="nobody"))
    await until(lambda: "venue_order_unknown" in place.notes)
    await venue.close()
    assert "nobody" not in heard


async def test_unfit(place: Place) -> None:
    """An execution at a price finer than the order's unit is not rounded: the order's outcome is unknown, and why."""
    place.counterparty.desk.markets[SYMBOL].mid = Decimal(2500)
    async with place.desk() as desk:
        await desk.submit(resting(limit=250_010))
        lost = await came(desk, ExecType.UNKNOWN)
        assert lost.outcome_unknown
        assert "2500.0001 is finer than one unit of 10^-2" in lost.reasons[0]


async def test_duplicate(place: Place) -> None:
    """An order that the venue has already under its name is not taken for rejected."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        link = place.counterparty.link
        assert link is not None
        refused = ExecutionReport(
            "O2", "E9", "8", "8", "1", Decimal(0), Decimal(0), Decimal(0), cl_ord_id="order-1", reject_reason=6
        )
        await link.send(refused)
        await until(lambda: "venue_order_duplicate" in place.notes)
        await place.counterparty.fill("order-1", Decimal(1), PRICE)
        assert (await filled(desk, "1")).status is OrderStatus.FILLED


async def test_not_connected(place: Place) -> None:
    """Without a session nothing leaves, and it says so; numbers that begin anew at each logon are refused."""
    venue = place.venue()
    with pytest.raises(NotSent):
        await venue.send(message())
    with pytest.raises(ValueError, match="must not reset"):
        FixEnd(US, "127.0.0.1", 1, terms=Terms(reset_on_logon=True))
    await venue.close()


def test_settings() -> None:
    """The orders service takes a FIX venue only with its port and its symbols, and never prints its password."""
    with pytest.raises(ValueError, match="fix_port"):
        Settings("postgresql://nowhere", orders_venue="fix", fix_symbols=("A=B",))
    with pytest.raises(ValueError, match="INSTRUMENT=SYMBOL"):
        Settings("postgresql://nowhere", fix_symbols=("A",))
    held = Settings("postgresql://nowhere", orders_venue="fix", fix_port=1, fix_symbols=("A=B",))
    assert "fix_password" not in repr(held)
    assert compose(held).card.name == "orders"
    assert paper_of(held).at_once == frozenset()
    assert paper_of(Settings("postgresql://nowhere")) == Paper(AT_ONCE)
