"""Orders that rest at the paper venue, from the desk over events to the table and back into PostgreSQL."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest
from stores import fresh_database
from tickloom.orders.v1 import service_pb2_grpc
from trading import LIMITS, NOW, order, paper, serving, submission
from venued import BASE, passed

from functions.adapters.memory_ledger import MemoryLedger
from functions.adapters.memory_sink import MemorySink
from functions.adapters.orders_client import GrpcOrders
from functions.adapters.paper_venue import PaperVenue
from functions.adapters.postgres import Pool
from functions.adapters.postgres_ledger import PostgresLedger
from functions.adapters.risk_memory import MemoryRisk
from functions.domain.decisions import ExecType, OrderStatus, OrderUpdate, TimeInForce
from functions.domain.errors import Rejected
from functions.domain.orders.life import Report
from functions.domain.orders.requests import CancelRequest, ReplaceRequest
from functions.handlers.execute.handler import Deps, handle
from functions.ports.errors import Unavailable
from functions.ports.ledger import Ledger
from functions.ports.venue_orders import MessageKind, VenueMessage
from functions.runtime.keeping import Keeper
from functions.services.orders import CARD
from functions.services.orders.desk import OrderDesk
from functions.services.orders.main import Settings as Orders
from functions.services.orders.service import OrdersServicer
from functions.services.orders.writer import Lead
from functions.tables.paper.main import Settings, compose
from functions.wire.codecs.orders import ORDER_UPDATE, decode_order_update
from functions.wire.codecs.venue import Reported, decode_venue_request
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

RESTING = submission(1, replace(order(quantity=10_000, limit=249_000), time_in_force=TimeInForce.GOOD_TILL_CANCEL))


class Venue:
    """Be the desk's broker with the paper table behind it: takes events, and keeps what it reports until delivered."""

    def __init__(self) -> None:
        """Begin empty."""
        self.told: asyncio.Queue[Event] = asyncio.Queue()
        self._places = itertools.count()
        self._blobs: dict[str, bytes] = {}
        self.restart()

    def restart(self) -> None:
        """Lose the table's memory, and go on from what was written down."""
        hosted = compose(Settings())
        self._keeper = Keeper[int](
            hosted.card.name,
            hosted.fold,
            emit=self._keep,
            bury=lambda _, event, error: pytest.fail(f"{event.type}: {error}"),
            only_key=hosted.only_key,
            unnumbered=hosted.unnumbered,
        )
        self._keeper.load(self._blobs)

    def _keep(self, _: int, events: Sequence[Event]) -> None:
        for event in events:
            self.told.put_nowait(event)

    async def publish(self, event: Event) -> None:
        """Fold an event, and write the state down."""
        self._keeper.take(next(self._places), event)
        self._blobs |= dict(self._keeper.dump())

    async def fall(self, number: int) -> None:
        """Let a second pass in which 16,000 units are traded below the order's limit: 4,000 of them are ours."""
        await self.publish(passed(number, bar=BASE + number, close=248_000, volume=16_000, bid=247_999, ask=250_000))

    async def deliver(self, report: Callable[[Reported], Awaitable[None]]) -> None:
        """Hand on what is reported, for ever and in order."""
        while True:
            await handle(await self.told.get(), deps=Deps(report))


@asynccontextmanager
async def trading(ledger: Ledger, venue: Venue) -> AsyncIterator[OrderDesk]:
    """Run the orders service, and deliver the venue's reports to it."""
    paper_venue = PaperVenue(venue)
    desk = OrderDesk(ledger, MemoryRisk(LIMITS), now_ns=lambda: NOW, lead=Lead("first", 600_000), venue=paper_venue)
    servicer = OrdersServicer(
        desk, ledger, fault=lambda error: (type(error).__name__, False), answered=paper_venue.answered
    )
    register = partial(service_pb2_grpc.add_OrdersServiceServicer_to_server, servicer)
    async with serving(CARD, register) as target:
        client = GrpcOrders(target)
        await desk.start()
        delivery = asyncio.create_task(venue.deliver(client.report))
        await desk.lead("paper")
        yield desk
        delivery.cancel()
        await asyncio.gather(delivery, return_exceptions=True)
        await client.close()
        await desk.close()


async def until(desk: OrderDesk, met: Callable[[OrderUpdate], bool]) -> OrderUpdate:
    """Follow the account until an order stands as wanted; give that step."""
    async with asyncio.timeout(20):
        async for event in desk.watch("paper", 0):
            if event.type == ORDER_UPDATE and met(update := decode_order_update(event.data or b"")):
                return update
    raise AssertionError


@pytest.fixture
async def ledger(postgres_url: str) -> AsyncIterator[PostgresLedger]:
    """Give a ledger in a database of its own, with the account `paper` open."""
    pool = Pool(await fresh_database(postgres_url))
    made = PostgresLedger(pool)
    await made.open_account(paper())
    yield made
    await pool.close()


async def test_rests_and_is_filled_in_parts(ledger: PostgresLedger) -> None:
    """A good-till-cancel order below the market rests, is filled by later seconds in parts, and all of it is stored."""
    venue = Venue()
    async with trading(ledger, venue) as desk:
        first = await desk.submit(RESTING)
        assert first.update.status is OrderStatus.PENDING_NEW
        await until(desk, lambda one: one.exec_type is ExecType.NEW)
        for number in range(3):
            await venue.fall(number)
        await until(desk, lambda one: one.status is OrderStatus.FILLED)
        found = await ledger.find("order-1")
        assert found is not None
        assert [(one.quantity, one.price) for one in found.fills] == [
            (Decimal(size), Decimal(2490)) for size in ("0.4", "0.4", "0.2")
        ]
        account = await ledger.account("paper")
        assert account.positions[RESTING.order.instrument_id].quantity == 1


async def test_replaced_and_canceled(ledger: PostgresLedger) -> None:
    """A replace and a cancel reach the venue and are answered; what was filled before stays, nothing more is."""
    venue = Venue()
    async with trading(ledger, venue) as desk:
        await desk.submit(RESTING)
        await until(desk, lambda one: one.exec_type is ExecType.NEW)
        await venue.fall(0)
        await until(desk, lambda one: one.cumulative_quantity > 0)
        await desk.replace(ReplaceRequest("r", "paper", "order-1", 8_000, 249_000, RESTING.quote, NOW + 1))
        replaced = await until(desk, lambda one: one.exec_type is ExecType.REPLACED)
        assert replaced.leaves_quantity == Decimal("0.4")
        await desk.cancel(CancelRequest("c", "paper", "order-1", NOW + 2))
        canceled = await until(desk, lambda one: one.exec_type is ExecType.CANCELED)
        assert (canceled.status, canceled.request_id) == (OrderStatus.CANCELED, "c")
        assert canceled.cumulative_quantity == Decimal("0.4")


async def test_a_restart_loses_nothing(ledger: PostgresLedger) -> None:
    """Orders service and table die between parts of an order; it is filled to its end, once."""
    venue = Venue()
    async with trading(ledger, venue) as desk:
        await desk.submit(RESTING)
        await until(desk, lambda one: one.exec_type is ExecType.NEW)
    await venue.fall(0)  # while nobody listens
    venue.restart()
    async with trading(ledger, venue) as desk:
        for number in (1, 2):
            await venue.fall(number)
        filled = await until(desk, lambda one: one.status is OrderStatus.FILLED)
        assert filled.cumulative_quantity == Decimal(1)
        found = await ledger.find("order-1")
        assert found is not None
        assert [one.exec_id for one in found.fills] == [f"order-1.{n}" for n in (1, 2, 3)]


async def test_takes_the_quote_it_was_decided_on() -> None:
    """An order whose limit reaches the other side pays what was quoted there, not its limit; what is left rests."""
    asked = replace(order(quantity=60_000, limit=252_000), time_in_force=TimeInForce.DAY)
    ledger = MemoryLedger()
    await ledger.open_account(paper())
    async with trading(ledger, Venue()) as desk:
        await desk.submit(submission(1, asked))
        update = await until(desk, lambda one: one.cumulative_quantity > 0)
    assert (update.status, update.cumulative_quantity) == (OrderStatus.PARTIALLY_FILLED, Decimal(5))
    assert update.average_price == Decimal("2500.1")


async def test_reports_of_others_are_refused(ledger: PostgresLedger) -> None:
    """A report of an order that its account has not is refused for good."""
    async with trading(ledger, Venue()) as desk:
        await desk.submit(RESTING)
        with pytest.raises(Rejected):
            await desk.report("paper", "order-9", Report(ExecType.CANCELED, NOW))


MESSAGE = VenueMessage(MessageKind.CANCEL, 4, "order-1", "c", RESTING.order, 10_000, 249_000, NOW)


async def test_the_same_message_is_the_same_event() -> None:
    """A message that is sent again is the same event, byte for byte; it carries no number of a sequence."""
    sink = MemorySink()
    venue = PaperVenue(sink)
    await venue.send(MESSAGE)
    await venue.send(MESSAGE)
    first, again = sink.events
    assert first == again
    assert "sequence" not in first.extensions
    request = decode_venue_request(first.data or b"")
    assert (request.number, request.request_id, request.order) == (4, "c", RESTING.order)


@pytest.mark.parametrize("error", [Unavailable("down"), Malformed("refused")])
async def test_what_the_broker_does_not_take_is_unknown(error: Exception) -> None:
    """Whatever the broker says against a message, nobody knows what became of it."""
    with pytest.raises(Unavailable):
        await PaperVenue(MemorySink([error])).send(MESSAGE)


async def test_asks_in_vain() -> None:
    """A venue that does not say in time how an order stands is unavailable; an answer too late is dropped."""
    sink = MemorySink()
    venue = PaperVenue(sink, answer_s=0.01)
    with pytest.raises(Unavailable):
        await venue.ask("order-1")
    name = decode_venue_request(sink.events[0].data or b"").request_id
    venue.answered(Report(ExecType.ORDER_STATUS, NOW, request_id=name))
    await venue.close()


def test_only_known_venues() -> None:
    """The orders service starts with a venue it knows, or with none."""
    assert Orders("postgresql://nowhere", orders_venue="").orders_venue == ""
    with pytest.raises(ValueError, match="orders_venue"):
        Orders("postgresql://nowhere", orders_venue="moon")
