"""The orders service: each order once, whole, published at least once; and one suite for every way to hand one in."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial

import grpc
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import fresh_database
from tickloom.orders.v1 import service_pb2, service_pb2_grpc
from trading import ETH, LIMITS, NOW, QUOTE, WIDE, order, paper, serving, submission

from functions.adapters.memory_ledger import MemoryLedger
from functions.adapters.memory_sink import MemorySink
from functions.adapters.orders_client import GrpcOrders
from functions.adapters.orders_memory import MemoryOrders
from functions.adapters.postgres import Pool
from functions.adapters.postgres_ledger import PostgresLedger
from functions.adapters.risk_memory import MemoryRisk
from functions.domain.decisions import OrderStatus, OrderUpdate, Quote, Side, Submission
from functions.domain.errors import Rejected
from functions.domain.orders.account import Account, Position
from functions.domain.risk import InstrumentLimits, Limits
from functions.domain.risk.limits import Rate
from functions.domain.risk.rules import MESSAGE_RATE, REPEATED_ORDER
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.ledger import Ledger
from functions.ports.orders import Orders
from functions.runtime.outcomes import code_of
from functions.runtime.settings import SettingsError, load
from functions.services.orders import CARD
from functions.services.orders.desk import OrderDesk
from functions.services.orders.main import Settings, compose
from functions.services.orders.opening import account_of
from functions.services.orders.relay import Relay
from functions.services.orders.service import OrdersServicer
from functions.services.orders.writer import Lead
from functions.wire.codecs.orders import FILL, ORDER_UPDATE, decode_fill, decode_order_update, submission_message
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

DOOR = NOW + 5


LEAD = Lead("first", 600_000)


def desk_of(ledger: Ledger, limits: Limits = LIMITS, *, stored: Callable[[], None] = lambda: None) -> OrderDesk:
    return OrderDesk(ledger, MemoryRisk(limits), now_ns=lambda: DOOR, lead=LEAD, stored=stored)


def fault(error: Exception) -> tuple[str, bool]:
    return code_of(error), isinstance(error, Unavailable)


async def opened(account: Account | None = None) -> MemoryLedger:
    ledger = MemoryLedger()
    await ledger.open_account(account or paper())
    return ledger


@asynccontextmanager
async def served(ledger: Ledger, desk: OrderDesk) -> AsyncIterator[str]:
    servicer = OrdersServicer(desk, ledger, fault=fault)
    register = partial(service_pb2_grpc.add_OrdersServiceServicer_to_server, servicer)
    async with serving(CARD, register) as target:
        yield target
    await desk.close()


@pytest.fixture(params=["memory", "grpc"])
async def orders(request: pytest.FixtureRequest) -> AsyncIterator[Orders]:
    """Give each way to hand an order in, to an account with a million."""
    if request.param == "memory":
        yield MemoryOrders(paper(), MemoryRisk(LIMITS))
        return
    ledger = await opened()
    async with served(ledger, desk_of(ledger)) as target:
        client = GrpcOrders(target, deadline_ms=30_000)
        yield client
        await client.close()


async def test_fills(orders: Orders) -> None:
    """An order inside the limits is filled at the quote."""
    outcome = await orders.submit(submission())
    assert outcome.update.status is OrderStatus.FILLED
    assert [(fill.n, fill.quantity, fill.price) for fill in outcome.fills] == [(1, Decimal(1), Decimal("2500.1"))]
    assert (outcome.update.signal_id, outcome.update.as_of_ns) == ("signal-1", NOW)


async def test_rejects(orders: Orders) -> None:
    """An order that breaks a rule is answered, with the rule, and fills nothing."""
    outcome = await orders.submit(submission(asked=order(quantity=1_000_000)))
    assert outcome.update.status is OrderStatus.REJECTED
    assert [reason.split(":")[0] for reason in outcome.update.reasons] == ["order_notional", "position"]
    assert outcome.fills == ()


async def test_first_answer(orders: Orders) -> None:
    """The same client_order_id gets the first answer, whatever else the second request says."""
    first = await orders.submit(submission())
    assert await orders.submit(submission()) == first
    assert await orders.submit(submission(asked=order(Side.SELL, 7))) == first


async def test_no_account(orders: Orders) -> None:
    """An account that was never opened is refused for good."""
    with pytest.raises(Rejected):
        await orders.submit(submission(asked=order(account="nobody")))


async def test_unreachable() -> None:
    """Where the outcome is unknown, the answer is Unavailable."""
    memory = MemoryOrders(paper(), MemoryRisk(LIMITS))
    memory.down = True
    client = GrpcOrders("127.0.0.1:9", deadline_ms=100)
    for orders in (memory, client):
        with pytest.raises(Unavailable):
            await orders.submit(submission())
    with pytest.raises(Unavailable):
        await client.outbox_pending()
    await client.close()


async def test_risk_down() -> None:
    """Without a decision nothing is stored; once risk is back the same order goes through."""
    ledger, risk = await opened(), MemoryRisk(LIMITS)
    risk.down = True
    desk = OrderDesk(ledger, risk, now_ns=lambda: DOOR, lead=LEAD)
    async with served(ledger, desk) as target:
        client = GrpcOrders(target)
        with pytest.raises(Unavailable):
            await client.submit(submission())
        assert await ledger.find("order-1") is None
        assert await client.outbox_pending() == 0
        risk.down = False
        assert (await client.submit(submission())).update.status is OrderStatus.FILLED
        assert await client.outbox_pending() == 3
        await client.close()


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty database, or nothing for memory."""
    if request.param == "memory":
        return ""
    return asyncio.run(fresh_database(request.getfixturevalue("postgres_url")))


@pytest.fixture
async def ledger(place: str) -> AsyncIterator[Ledger]:
    """Give each ledger, with the account `paper` open."""
    pool = Pool(place, size=8)
    one = PostgresLedger(pool) if place else MemoryLedger()
    await one.open_account(paper())
    yield one
    await pool.close()


async def test_concurrent_identical(ledger: Ledger) -> None:
    """Fifty identical requests at once are one order and one fill, and all get its answer."""
    desk = desk_of(ledger)
    outcomes = await asyncio.gather(*(desk.submit(submission()) for _ in range(50)))
    assert all(outcome == outcomes[0] for outcome in outcomes)
    account = await ledger.account("paper")
    assert account is not None
    assert account.positions[ETH].quantity == Decimal(1)
    assert await ledger.pending() == 3
    await desk.close()


async def test_concurrent_limits(ledger: Ledger) -> None:
    """However many orders race, the account never passes its limit: each is judged after those before it."""
    desk = desk_of(ledger)
    asked = [submission(number, order(quantity=50_000)) for number in range(20)]  # 12,500 each, 100,000 allowed
    outcomes = await asyncio.gather(*map(desk.submit, asked))
    filled = [outcome for outcome in outcomes if outcome.update.status is OrderStatus.FILLED]
    assert len(filled) == 8
    account = await ledger.account("paper")
    assert account is not None
    assert account.positions[ETH].quantity == Decimal(40)
    assert account.sequence == 8 * 3 + 12
    await desk.close()


FIFTY = InstrumentLimits(Decimal(10**6), Decimal(500_000), Decimal(100), multiplier=Decimal(50))


async def test_contracts(ledger: Ledger) -> None:
    """What a unit stands for counts in what is paid, in what is told, and against limits, across a restart, too."""
    limits = replace(LIMITS, instruments={ETH: FIFTY})
    desk = desk_of(ledger, limits)
    outcome = await desk.submit(submission(1, order(quantity=20_000)))
    assert [fill.multiplier for fill in outcome.fills] == [Decimal(50)]
    account = await ledger.account("paper")
    assert account is not None
    assert account.cash == Decimal(1_000_000) - 2 * 50 * Decimal("2500.1")
    await desk.close()
    again = desk_of(ledger, limits)
    assert (await again.submit(submission(2, order(quantity=20_000)))).update.status is OrderStatus.FILLED
    refused = await again.submit(submission(3, order(quantity=1)))
    assert [reason.split(":")[0] for reason in refused.update.reasons] == ["position"]
    await again.close()


async def test_gets_out_of_a_breach(ledger: Ledger) -> None:
    """An account that limits were tightened under may sell what it holds, and nothing else."""
    desk = desk_of(ledger)
    await desk.submit(submission(1, order(quantity=50_000)))
    await desk.close()
    tight = desk_of(ledger, replace(LIMITS, exposure_ratio_max=Decimal("0.001")))
    adds = await tight.submit(submission(2, order(quantity=1)))
    assert [reason.split(":")[0] for reason in adds.update.reasons] == ["exposure_ratio"]
    reduces = await tight.submit(submission(3, order(Side.SELL, 20_000, 249_990)))
    assert reduces.update.status is OrderStatus.FILLED
    await tight.close()


async def test_rates_outlive_a_restart(ledger: Ledger) -> None:
    """What was sent before a restart counts after it: equal orders, and messages of all kinds."""
    once = replace(LIMITS, repeat_rate=Rate(1, 60_000), message_rate=Rate(2, 60_000))
    outcomes = []
    for number, asked in enumerate((order(), order(), order(quantity=20_000), order(quantity=30_000))):
        desk = OrderDesk(ledger, MemoryRisk(once), now_ns=lambda: DOOR, lead=LEAD)
        outcomes.append(await desk.submit(submission(number, asked)))
        await desk.close()
    assert [one.update.status is OrderStatus.FILLED for one in outcomes] == [True, False, True, False]
    rules = [[reason.split(":")[0] for reason in one.update.reasons] for one in outcomes]
    assert rules == [[], [REPEATED_ORDER], [], [MESSAGE_RATE]]


async def test_stamped_at_the_door() -> None:
    """An order without a time gets the door's, once, and keeps it."""
    ledger = await opened()
    asked = replace(submission(), as_of_ns=0)
    assert (await desk_of(ledger).submit(asked)).update.as_of_ns == DOOR
    later = OrderDesk(ledger, MemoryRisk(LIMITS), now_ns=lambda: DOOR + 1, lead=LEAD)
    assert (await later.submit(asked)).update.as_of_ns == DOOR


@asynccontextmanager
async def calling(ledger: Ledger) -> AsyncIterator["service_pb2_grpc.OrdersServiceAsyncStub"]:
    async with served(ledger, desk_of(ledger)) as target, grpc.aio.insecure_channel(target) as channel:
        yield service_pb2_grpc.OrdersServiceStub(channel)


async def test_get_order() -> None:
    """What is known of an order is told again; an unknown one is NOT_FOUND, no name INVALID_ARGUMENT."""
    async with calling(await opened()) as stub:
        told = await stub.Submit(submission_message(submission()))
        known = await stub.GetOrder(service_pb2.GetOrderRequest(client_order_id="order-1"))
        assert (known.update, list(known.fills)) == (told.update, list(told.fills))
        for name, code in (("order-2", grpc.StatusCode.NOT_FOUND), ("", grpc.StatusCode.INVALID_ARGUMENT)):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.GetOrder(service_pb2.GetOrderRequest(client_order_id=name))
            assert caught.value.code() is code


async def test_malformed() -> None:
    """A request that is no order is INVALID_ARGUMENT, and stores nothing."""
    async with calling(await opened()) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Submit(service_pb2.SubmitRequest(client_order_id="a"))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert (await stub.GetOutbox(service_pb2.GetOutboxRequest())).pending == 0


async def filled_outbox(ledger: Ledger, orders: int = 3) -> list[Event]:
    desk = desk_of(ledger)
    for number in range(orders):
        await desk.submit(submission(number))
    return [row.event for row in await ledger.unpublished(1000)]


async def test_events(ledger: Ledger) -> None:
    """Every step and fill is an event with contiguous numbers of its account, naming its cause."""
    events = await filled_outbox(ledger, orders=2)
    assert [event.type for event in events] == [ORDER_UPDATE, FILL, ORDER_UPDATE] * 2
    assert [event.extensions["sequence"] for event in events] == [f"{number:020d}" for number in range(6)]
    assert {event.source for event in events} == {"/tickloom/services/orders/paper"}
    assert dict(events[0].extensions) == {
        "causationid": "cause",
        "correlationid": "correlation",
        "handlerversion": "1",
        "partitionkey": "paper",
        "sequence": f"{0:020d}",
    }
    assert {(event.time_ns, event.subject) for event in events} == {(NOW, ETH)}
    assert len({event.id for event in events}) == 6


async def test_relay_carries(ledger: Ledger) -> None:
    """The relay publishes in order and leaves an empty outbox."""
    events = await filled_outbox(ledger)
    sink = MemorySink()
    relay = Relay(ledger, sink, batch_max=4)
    assert [await relay.carry() for _ in range(4)] == [4, 4, 1, 0]
    assert sink.events == events
    assert await ledger.pending() == 0


@pytest.mark.parametrize("fault", [Unavailable("down"), Overloaded("slow")])
async def test_relay_broker_down(fault: Exception) -> None:
    """What the broker took before it went down is not sent again; the rest is, in order."""
    ledger = await opened()
    events = await filled_outbox(ledger)
    sink = MemorySink([None, None, fault])
    relay = Relay(ledger, sink)
    with pytest.raises(type(fault)):
        await relay.carry()
    assert await ledger.pending() == 7
    await relay.carry()
    assert sink.events == events


class ForgetfulLedger(MemoryLedger):
    """A ledger that dies between publishing and marking, once."""

    def __init__(self) -> None:
        """Die at the first mark."""
        super().__init__()
        self.dies = True

    async def mark_published(self, positions: tuple[int, ...]) -> None:
        """Forget the first mark."""
        if self.dies:
            self.dies = False
            message = "killed"
            raise Unavailable(message)
        await super().mark_published(positions)


async def test_crash_before_mark() -> None:
    """A crash between publishing and marking sends the same events again, byte for byte: consumers see duplicates."""
    ledger = ForgetfulLedger()
    await ledger.open_account(paper())
    events = await filled_outbox(ledger)
    sink = MemorySink()
    with pytest.raises(Unavailable):
        await Relay(ledger, sink).carry()
    await Relay(ledger, sink).carry()
    assert sink.events == events + events
    assert await ledger.pending() == 0


async def test_crash_before_publish(postgres_url: str) -> None:
    """A crash between storing and publishing loses nothing: a new process publishes the stored bytes."""
    url = await fresh_database(postgres_url)
    before = Pool(url)
    await PostgresLedger(before).open_account(paper())
    events = await filled_outbox(PostgresLedger(before))
    (await before.get()).terminate()
    after, sink = Pool(url), MemorySink()
    ledger = PostgresLedger(after)
    assert (await desk_of(ledger).submit(submission(0))).update.status is OrderStatus.FILLED  # asked again: same answer
    await Relay(ledger, sink).carry()
    assert sink.events == events
    assert await ledger.pending() == 0
    await after.close()


async def test_refused_for_good(ledger: Ledger) -> None:
    """An event that the broker refuses for good is put aside; the others go on."""
    events = await filled_outbox(ledger)
    sink = MemorySink([Malformed("too large")])
    await Relay(ledger, sink).carry()
    assert sink.events == events[1:]
    assert await ledger.pending() == 0


class SignallingSink(MemorySink):
    """A sink that says when it holds so many events."""

    def __init__(self, answers: list[Exception | None], enough: int) -> None:
        """Say it at `enough`."""
        super().__init__(answers)
        self.enough = enough
        self.full = asyncio.Event()

    async def publish(self, event: Event) -> None:
        """Keep one event."""
        await super().publish(event)
        if len(self.events) >= self.enough:
            self.full.set()


async def test_relay_runs() -> None:
    """The relay runs beside the desk: woken by each booking, and going on after the broker or itself failed."""
    ledger = await opened()
    sink = SignallingSink([Unavailable("down"), RuntimeError("a bug")], enough=6)
    relay = Relay(ledger, sink, look_s=3600)
    desk = desk_of(ledger, stored=relay.wake)
    relay.start()
    await desk.submit(submission(1))
    await desk.submit(submission(2))
    await asyncio.wait_for(sink.full.wait(), timeout=30)
    await relay.close()
    assert [event.extensions["sequence"] for event in sink.events] == [f"{number:020d}" for number in range(6)]


def test_opening() -> None:
    """An account opens with what the settings say."""
    account = account_of("paper", "1000000", ("ETH-USDT.BINANCE=10@2500", "BTC-USDT.BINANCE=-0.5@60000"))
    assert account.cash == Decimal(1_005_000)
    assert account.positions[ETH] == Position(ETH, Decimal(10), Decimal(2500))


@pytest.mark.parametrize(
    ("name", "capital", "positions"),
    [
        ("a b", "1", ()),
        ("", "1", ()),
        ("paper", "1e6", ()),
        ("paper", "1", ("ETH",)),
        ("paper", "1", ("ETH=1",)),
        ("paper", "1", ("=1@1",)),
        ("paper", "1", ("ETH=x@1",)),
        ("paper", "1", ("ETH=1@0",)),
        ("paper", "1", ("ETH=1@1", "ETH=1@1")),
    ],
)
def test_opening_wrong(name: str, capital: str, positions: tuple[str, ...]) -> None:
    """An opening that cannot be read stops the start."""
    with pytest.raises(ValueError, match=r".+"):
        account_of(name, capital, positions)


quotes = st.builds(
    Quote,
    bid_price=st.integers(0, 300_000),
    bid_size=st.integers(0, 10**6),
    ask_price=st.integers(0, 300_000),
    ask_size=st.integers(0, 10**6),
    ts_event=st.just(NOW),
)
asked = st.builds(
    lambda number, side, quantity, limit, name, quote: submission(
        number, replace(order(side, quantity, limit), instrument_id=name), quote
    ),
    number=st.integers(0, 30),
    side=st.sampled_from(Side),
    quantity=st.integers(-1, 10**7),
    limit=st.integers(0, 300_000),
    name=st.sampled_from([ETH, "BTC-USDT.BINANCE", "ADA-USDT.BINANCE"]),
    quote=st.just(QUOTE) | quotes,
)


@settings(max_examples=examples(500), deadline=None)
@given(st.lists(asked, max_size=25), st.integers(0, 3))
def test_books(submissions: list[Submission], outages: int) -> None:
    """Cash and positions are the fold of the published fills, exactly, whatever was asked, repeated or lost."""
    sink = MemorySink([Unavailable("down")] * outages)
    final = asyncio.run(_trade(submissions, sink))
    cash, held = Decimal(100_000), dict.fromkeys(final.positions, Decimal(0))
    seen: set[str] = set()
    for event in sink.events:
        if event.type == FILL and event.id not in seen:
            fill = decode_fill(event.data or b"")
            sign = 1 if fill.side is Side.BUY else -1
            cash -= sign * fill.quantity * fill.price
            held[fill.instrument_id] += sign * fill.quantity
        seen.add(event.id)
    assert final.cash == cash
    assert {name: position.quantity for name, position in final.positions.items()} == held
    assert [int(str(event.extensions["sequence"])) for event in sink.events] == list(range(final.sequence))
    _check_lives(sink.events)


async def _trade(submissions: list[Submission], sink: MemorySink) -> Account:
    ledger = await opened(paper(100_000))
    desk, relay = desk_of(ledger, WIDE), Relay(ledger, sink, batch_max=3)
    for one in submissions:
        await desk.submit(one)
        with suppress(Unavailable):
            await relay.carry()
    while await ledger.pending():
        with suppress(Unavailable):
            await relay.carry()
    account = await ledger.account("paper")
    assert account is not None
    return account


def _check_lives(events: list[Event]) -> None:
    """Every order ends with nothing working, and its fills add up to what its last step says."""
    filled: dict[str, Decimal] = {}
    lives: dict[str, list[OrderUpdate]] = {}
    for event in events:
        if event.type == FILL:
            fill = decode_fill(event.data or b"")
            filled[fill.client_order_id] = fill.quantity
            continue
        update = decode_order_update(event.data or b"")
        lives.setdefault(update.client_order_id, []).append(update)
        assert update.cumulative_quantity == filled.get(update.client_order_id, 0)
    for life in lives.values():
        assert all(one.cumulative_quantity + one.leaves_quantity == one.quantity for one in life[:-1])
        assert life[-1].leaves_quantity == 0


async def test_composes() -> None:
    """Composing opens nothing; it binds what the card names."""
    hosted = compose(Settings(database_url="postgresql://nobody@127.0.0.1:9/none"))
    assert hosted.card is CARD
    assert hosted.service_names == ("tickloom.orders.v1.OrdersService",)
    with pytest.raises(Unavailable):
        await hosted.start()
    await hosted.close()


async def test_start_opens_once(postgres_url: str) -> None:
    """Each start opens the account unless it exists, and goes on publishing what an earlier run stored."""
    url = await fresh_database(postgres_url)
    first = Settings(url, account="desk-1", opening_positions=("ETH-USDT.BINANCE=10@2500",))
    for chosen in (first, replace(first, capital="5")):
        hosted = compose(chosen)
        await hosted.start()
        await hosted.close()
    pool = Pool(url)
    account = await PostgresLedger(pool).account("desk-1")
    await pool.close()
    assert account is not None
    assert (account.capital, account.cash) == (Decimal(1_000_000), Decimal(975_000))


@pytest.mark.parametrize(
    "wrong",
    [
        {"TICKLOOM_ACCOUNT": "a b"},
        {"TICKLOOM_CAPITAL": "1e6"},
        {"TICKLOOM_OPENING_POSITIONS": "ETH"},
        {"TICKLOOM_OUTBOX_BATCH_MAX": "0"},
        {"K_CE_OVERRIDES": "[]"},
        {"DATABASE_URL": ""},
    ],
)
def test_settings_wrong(wrong: dict[str, str]) -> None:
    """Settings that cannot be stop the start."""
    with pytest.raises(SettingsError):
        load(Settings, {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none", **wrong})
