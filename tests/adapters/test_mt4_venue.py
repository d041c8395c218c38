"""Orders over the MetaTrader 4 bridge, from the desk to the shipped bridge over loopback: lives, breaks, restarts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType

import pytest
from trading import ETH, LIMITS, NOW, QUOTE, order, paper, submission
from waiting import until

from functions.adapters.memory_ledger import MemoryLedger
from functions.adapters.mt4_connection import BridgeEnd
from functions.adapters.mt4_venue import Mt4Venue
from functions.adapters.risk_memory import MemoryRisk
from functions.domain.decisions import ExecType, OrderStatus, OrderUpdate, Side, Submission, TimeInForce
from functions.domain.orders.booking import AT_ONCE, Paper
from functions.domain.orders.life import Report
from functions.domain.orders.requests import CancelRequest, ReplaceRequest
from functions.local.fix_desk import Market
from functions.local.venues.mt4_orders import OrdersBridge, serving
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.ledger import Fenced
from functions.ports.venue_orders import MessageKind, NotSent, VenueMessage
from functions.services.orders.desk import OrderDesk
from functions.services.orders.main import Settings, compose, paper_of
from functions.services.orders.writer import Lead
from functions.wire.codecs.orders import ORDER_UPDATE, decode_order_update

SYMBOL = "ETHUSD"
SYMBOLS = MappingProxyType({ETH: SYMBOL, "LOST": "LOSTUSD"})
PRICE = Decimal("2490.00")


def resting(number: int = 1, instrument_id: str = ETH) -> Submission:
    """Hand in a buy of one coin; at 2490.00 it rests."""
    asked = replace(order(Side.BUY, 10_000, 249_000), time_in_force=TimeInForce.GOOD_TILL_CANCEL)
    return submission(number, replace(asked, instrument_id=instrument_id))


@dataclass(slots=True)
class Place:
    """Hold a bridge, the ledger, and what the venue noted."""

    bridge: OrdersBridge
    ledger: MemoryLedger
    notes: list[str] = field(default_factory=list)

    def venue(self) -> Mt4Venue:
        """Give a venue as a process would make it."""
        end = BridgeEnd("127.0.0.1", self.bridge.port, backoff_s=0.001, backoff_max_s=0.01)
        return Mt4Venue(end, self.ledger, symbols=SYMBOLS, report=lambda one, **_: self.notes.append(one), answer_s=2.0)

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[OrderDesk]:
        """Run a desk as one process does."""
        lead = Lead("first", 600_000)
        desk = OrderDesk(self.ledger, MemoryRisk(LIMITS), now_ns=lambda: NOW, lead=lead, venue=self.venue())
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
    """Serve the bridge; its best ask is 2500.01."""
    ledger = MemoryLedger()
    await ledger.open_account(paper())
    markets = {SYMBOL: Market(Decimal("2500.0099"))}
    async with serving(OrdersBridge(markets, fill_max=Decimal("0.4"))) as bridge:
        yield Place(bridge, ledger)


async def test_fills(place: Place) -> None:
    """An order is acknowledged and filled in parts, and the account moves by exactly what the terminal said."""
    async with place.desk() as desk:
        await desk.submit(resting())
        assert (await came(desk, ExecType.NEW)).venue_order_id == "O1"
        place.bridge.fill("order-1", Decimal("0.4"), PRICE)
        assert (await filled(desk, "0.4")).status is OrderStatus.PARTIALLY_FILLED
        place.bridge.fill("order-1", Decimal("0.6"), Decimal("2489.99"))
        final = await filled(desk, "1")
        assert (final.status, final.average_price) == (OrderStatus.FILLED, Decimal("2489.994"))
        account = await place.ledger.account("paper")
        assert account is not None
        assert (account.cash, account.positions[ETH].quantity) == (Decimal("997510.006"), Decimal(1))
        await until(lambda: place.bridge.done == len(place.bridge.executions))


async def test_replace_and_cancel(place: Place) -> None:
    """A replaced order keeps its id: it is filled and canceled under it."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        await desk.replace(ReplaceRequest("r-1", "paper", "order-1", 20_000, 248_000, QUOTE, NOW))
        replaced = await came(desk, ExecType.REPLACED)
        assert (replaced.quantity, replaced.limit_price, replaced.request_id) == (Decimal(2), Decimal(2480), "r-1")
        place.bridge.fill("order-1", Decimal("0.5"), Decimal(2480))
        await filled(desk, "0.5")
        await desk.cancel(CancelRequest("c-1", "paper", "order-1", NOW))
        canceled = await came(desk, ExecType.CANCELED)
        assert (canceled.status, canceled.request_id) == (OrderStatus.CANCELED, "c-1")
        place.bridge.fill("order-1", Decimal("0.1"), Decimal(2480))
        assert (await filled(desk, "0.6")).status is OrderStatus.CANCELED


async def test_cancel_refused(place: Place) -> None:
    """A cancel that comes too late is refused with the reason."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        place.bridge.desk.orders["order-1"].status = "2"
        await desk.cancel(CancelRequest("c-1", "paper", "order-1", NOW))
        refused = await came(desk, ExecType.CANCEL_REJECT)
        assert (refused.request_id, refused.reasons) == ("c-1", ("the order does not work",))


async def test_rejected(place: Place) -> None:
    """What the terminal does not trade it rejects; what cannot be written as a line never leaves."""
    async with place.desk() as desk:
        await desk.submit(resting(1, instrument_id="LOST"))
        assert (await came(desk, ExecType.REJECTED, 1)).reasons == ("unknown symbol LOSTUSD",)
        await desk.submit(resting(2, instrument_id="NOWHERE"))
        assert (await came(desk, ExecType.REJECTED, 2)).reasons == ("the venue has no symbol for NOWHERE",)
        blank = replace(resting(3), client_order_id="order-3 twice")
        await desk.submit(blank)
        refused = await place.ledger.orders(["order-3 twice"])
        await until(lambda: [*place.bridge.taken] == ["order-1"])
        assert refused["order-3 twice"].order.submission == blank


@pytest.mark.parametrize("cut", ["cut_before", "cut_after"])
@pytest.mark.parametrize("kind", ["NEW", "CANCEL"])
async def test_cut(place: Place, cut: str, kind: str) -> None:
    """Wherever the connection breaks, an order is taken once, and what became of a request is found out."""
    async with place.desk() as desk:
        if kind == "CANCEL":
            await desk.submit(resting())
            await came(desk, ExecType.NEW)
        getattr(place.bridge.faults, cut).append(kind)
        if kind == "NEW":
            await desk.submit(resting())
            assert (await step(desk, lambda one: one.status is OrderStatus.NEW)).client_order_id == "order-1"
        else:
            await desk.cancel(CancelRequest("c-1", "paper", "order-1", NOW))
            assert (await came(desk, ExecType.CANCELED)).status is OrderStatus.CANCELED
        assert getattr(place.bridge.faults, cut) == []  # it was cut
        assert len(place.bridge.desk.orders) == 1 + (kind == "CANCEL")


async def test_told_again(place: Place) -> None:
    """What happened while nobody listened is told at the next connection, each execution booked once."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        place.bridge.cut()
        place.bridge.fill("order-1", Decimal("0.3"), PRICE)
        assert (await filled(desk, "0.3")).status is OrderStatus.PARTIALLY_FILLED
        place.bridge.done = 0
        place.bridge.cut()
        place.bridge.fill("order-1", Decimal("0.1"), PRICE)
        assert (await filled(desk, "0.4")).cumulative_quantity == Decimal("0.4")


async def test_restart(place: Place) -> None:
    """A process that starts again books what the bridge has not been told to be done, and knows whose it is."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
    place.bridge.fill("order-1", Decimal("0.3"), PRICE)
    async with place.desk() as desk:
        assert (await filled(desk, "0.3")).status is OrderStatus.PARTIALLY_FILLED
    assert [*place.bridge.taken] == ["order-1"]


async def test_session_lost(place: Place) -> None:
    """A bridge that lost its file counts anew, and is followed from there."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        place.bridge.session, place.bridge.executions, place.bridge.done = "another", [], 0
        place.bridge.cut()
        place.bridge.fill("order-1", Decimal("0.3"), PRICE)
        await filled(desk, "0.3")


async def test_two_processes(place: Place) -> None:
    """What another process had stored is not waited for: whoever leads next hears what came behind it."""
    heard: list[Report] = []
    followed = asyncio.Event()

    async def hear(_: str, report: Report) -> None:
        heard.append(report)
        if report.exec_type is ExecType.TRADE and not followed.is_set():
            raise Fenced

    async def connected() -> None: ...

    second = place.venue()
    async with place.desk() as desk:
        await second.start(hear, connected)
        await desk.submit(resting())
        await until(lambda: [one.exec_type for one in heard] == [ExecType.NEW])
        place.bridge.fill("order-1", Decimal("0.3"), PRICE)
        await until(lambda: len(heard) > 1 and place.bridge.done == 2)
    followed.set()
    place.bridge.fill("order-1", Decimal("0.1"), PRICE)
    await until(lambda: place.bridge.done == 3)
    assert heard[-1].quantity == 1_000
    await second.close()


async def test_overloaded(place: Place) -> None:
    """A desk that has too much to do is told again at once, not after the longest wait."""
    refusals = [Overloaded("slow down")]
    told = asyncio.Event()

    async def heard(*_: object) -> None:
        if refusals:
            raise refusals.pop()
        told.set()

    async def connected() -> None: ...

    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        await until(lambda: place.bridge.done == 1)
    venue = place.venue()
    await venue.start(heard, connected)
    place.bridge.fill("order-1", Decimal("0.3"), PRICE)
    async with asyncio.timeout(20):
        await told.wait()
    await venue.close()
    assert "venue_session_failed" not in place.notes


async def test_backs_off_while_nothing_is_kept(place: Place) -> None:
    """While nothing can be stored each connection counts as one more failure; once it can, the next loss is the first.

    Else a store that is down would be asked, and a bridge be called, as fast as they answer.
    """
    down, lost = [True], []
    kept = asyncio.Event()

    async def hear(*_: object) -> None:
        if down[0]:
            message = "the store is down"
            raise Unavailable(message)
        kept.set()

    async def connected() -> None: ...

    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        await until(lambda: place.bridge.done == 1)
    end = BridgeEnd("127.0.0.1", place.bridge.port, backoff_s=0.001, backoff_max_s=0.01)
    note = lambda _, **found: lost.append(found.get("failures"))  # noqa: E731 - one line of a test
    venue = Mt4Venue(end, place.ledger, symbols=SYMBOLS, report=note)
    await venue.start(hear, connected)
    place.bridge.fill("order-1", Decimal("0.3"), PRICE)
    await until(lambda: len(lost) > 2)
    assert lost[:3] == [1, 2, 3]
    down[0] = False
    async with asyncio.timeout(20):
        await kept.wait()
    before = len(lost)
    place.bridge.cut()
    await until(lambda: len(lost) > before)
    assert lost[before] == 0
    await venue.close()


async def test_requests_of_one_name(place: Place) -> None:
    """Requests of two orders may have one name, and an order may be named as a request: each is its own."""
    await place.ledger.open_account(replace(paper(), name="second"))
    other = resting(2)
    other = replace(other, client_order_id="c-1", order=replace(other.order, account="second"))
    async with place.desk() as desk:
        await desk.submit(resting())
        await desk.cancel(CancelRequest("c-1", "paper", "order-1", NOW))
        assert (await came(desk, ExecType.CANCELED)).request_id == "c-1"
        await desk.submit(other)
        await until(lambda: "c-1" in place.bridge.taken)
        await desk.cancel(CancelRequest("c-1", "second", "c-1", NOW))
        await until(lambda: "c-1 c-1" in place.bridge.taken)
        await until(lambda: place.bridge.done == len(place.bridge.executions) == 4)
        kept = await place.ledger.orders(["order-1", "c-1"])
        assert [one.update.status for one in kept.values()] == [OrderStatus.CANCELED] * 2


async def test_unreadable_status(place: Place) -> None:
    """A status that cannot be read is no answer, at once and with its reason."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
    place.bridge.fill("order-1", Decimal("0.000001"), PRICE)
    venue, ready = place.venue(), asyncio.Event()

    async def heard(*_: object) -> None: ...

    async def connected() -> None:
        ready.set()

    await venue.start(heard, connected)
    await ready.wait()
    with pytest.raises(Unavailable, match="finer than one unit"):
        await venue.ask("order-1")
    await venue.close()


async def test_unfit_execution_shows(place: Place) -> None:
    """An execution finer than the order's unit cannot be booked: it shows on the order, and the next one is heard."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
        place.bridge.fill("order-1", Decimal("0.000001"), PRICE)
        doubted = await came(desk, ExecType.UNKNOWN)
        assert "finer than one unit" in doubted.reasons[0]
        assert "venue_report_unfit" in place.notes


async def test_not_connected() -> None:
    """Where no bridge listens nothing leaves, and a question is not answered."""
    ledger = MemoryLedger()
    await ledger.open_account(paper())
    venue = Mt4Venue(BridgeEnd("127.0.0.1", 1), ledger, symbols=SYMBOLS, report=lambda _, **__: None)
    one = resting()
    with pytest.raises(NotSent):
        await venue.send(VenueMessage(MessageKind.NEW, 0, one.client_order_id, "", one.order, 10_000, 249_000, NOW))
    with pytest.raises(Unavailable):
        await venue.ask("order-1")


async def test_silent_bridge(place: Place) -> None:
    """A bridge that does not answer in time is one that did not say."""
    async with place.desk() as desk:
        await desk.submit(resting())
        await came(desk, ExecType.NEW)
    venue = place.venue()
    venue._answer_s = 0.05  # noqa: SLF001 - the patience of this one alone

    async def heard(*_: object) -> None: ...

    ready = asyncio.Event()

    async def connected() -> None:
        ready.set()

    await venue.start(heard, connected)
    await ready.wait()
    place.bridge.faults.silent = True
    with pytest.raises(Unavailable, match="did not say within"):
        await venue.ask("order-1")
    await venue.close()


def test_settings() -> None:
    """The orders service takes a bridge only with its port and its symbols."""
    with pytest.raises(ValueError, match="mt4_port"):
        Settings("postgresql://nowhere", orders_venue="mt4", mt4_symbols=("A=B",))
    with pytest.raises(ValueError, match="INSTRUMENT=SYMBOL"):
        Settings("postgresql://nowhere", mt4_symbols=("A",))
    blank = Settings("postgresql://nowhere", orders_venue="mt4", mt4_port=1, mt4_symbols=("A=B C",))
    with pytest.raises(ValueError, match="without blanks"):
        compose(blank)
    held = Settings("postgresql://nowhere", orders_venue="mt4", mt4_port=1, mt4_symbols=("A=B",))
    assert compose(held).card.name == "orders"
    assert paper_of(held).at_once == frozenset()
    assert paper_of(Settings("postgresql://nowhere")) == Paper(AT_ONCE)
