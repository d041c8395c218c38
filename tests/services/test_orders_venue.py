"""Orders that rest at a venue: never sent twice, never lost, whatever the venue and the connection do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from trading import ETH, LIMITS, NOW, QUOTE, order, paper, submission
from waiting import until

from functions.adapters.memory_kill_switch import MemoryKillSwitches
from functions.adapters.memory_ledger import MemoryLedger
from functions.adapters.memory_limits import MemoryLimits
from functions.adapters.memory_venue_orders import MemoryVenue
from functions.adapters.risk_engine import RiskEngine
from functions.adapters.risk_memory import MemoryRisk
from functions.domain.decisions import ExecType, OrderStatus, OrderUpdate, Side, Submission, TimeInForce
from functions.domain.errors import Rejected
from functions.domain.orders import life
from functions.domain.orders.booking import Paper
from functions.domain.orders.life import Report
from functions.domain.orders.requests import CancelRequest, MassCancelRequest, ReplaceRequest
from functions.domain.risk import InstrumentLimits
from functions.ports.errors import Unavailable
from functions.ports.kill_switch import EVERYONE, Switch
from functions.ports.ledger import Chapter, Fenced
from functions.ports.venue_orders import MessageKind, VenueMessage
from functions.services.orders.desk import AHEAD_MS_MAX, OrderDesk
from functions.services.orders.writer import Lead
from functions.wire.codecs.orders import ORDER_UPDATE, decode_order_update


def resting(number: int = 1, side: Side = Side.BUY, quantity: int = 10_000, limit: int = 249_000) -> Submission:
    """Hand in an order that rests below the bid."""
    return submission(number, replace(order(side, quantity, limit), time_in_force=TimeInForce.GOOD_TILL_CANCEL))


def cancel(number: int = 1, request_id: str = "cancel-1") -> CancelRequest:
    """Ask to take an order back."""
    return CancelRequest(request_id, "paper", f"order-{number}", NOW + 1)


def change(quantity: int = 20_000, limit: int = 248_000, request_id: str = "replace-1") -> ReplaceRequest:
    """Ask for another quantity and price of the first order."""
    return ReplaceRequest(request_id, "paper", "order-1", quantity, limit, QUOTE, NOW + 1)


@dataclass(slots=True)
class Place:
    """Hold a desk with its venue, its risk and its ledger."""

    ledger: MemoryLedger
    venue: MemoryVenue
    risk: MemoryRisk
    desk: OrderDesk

    async def order(self, number: int = 1) -> OrderUpdate:
        """Give how an order stands once the venue has said all."""
        found = await self.ledger.find(f"order-{number}")
        assert found is not None
        return found.update

    async def until(self, met: Callable[[OrderUpdate], bool], number: int = 1) -> OrderUpdate:
        """Follow the account until an order stands as wanted; give that step."""
        async with asyncio.timeout(30):
            async for event in self.desk.watch("paper", 0):
                if event.type == ORDER_UPDATE:
                    update = decode_order_update(event.data or b"")
                    if update.client_order_id == f"order-{number}" and met(update):
                        return update
        raise AssertionError

    async def taken(self, number: int = 1) -> OrderUpdate:
        """Wait until the venue has acknowledged an order."""
        return await self.until(lambda one: one.exec_type is ExecType.NEW, number)

    def desk_again(self, holder: str = "first", answer_s: float = 60.0) -> OrderDesk:
        """Give a desk as another process would make it."""
        lead = Lead(holder, 600_000)
        return OrderDesk(self.ledger, self.risk, now_ns=lambda: NOW, lead=lead, venue=self.venue, answer_s=answer_s)


@asynccontextmanager
async def placed() -> AsyncIterator[Place]:
    ledger, venue, risk = MemoryLedger(), MemoryVenue(), MemoryRisk(LIMITS)
    await ledger.open_account(paper())
    desk = OrderDesk(ledger, risk, now_ns=lambda: NOW, lead=Lead("first", 600_000), venue=venue)
    await desk.start()
    yield Place(ledger, venue, risk, desk)
    await desk.close()


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """Give a desk with the account `paper` and a venue."""
    async with placed() as one:
        yield one


class Forgetful(MemoryLedger):
    """A ledger that stores, and once loses its answer."""

    loses = False

    async def store(self, chapter: Chapter, *, lease_ms: int) -> None:
        """Store a chapter, and perhaps say that nobody knows.

        Raises:
            Unavailable: It was told to lose its answer.
        """
        await super().store(chapter, lease_ms=lease_ms)
        if self.loses:
            self.loses = False
            message = "the connection broke after the chapter was stored"
            raise Unavailable(message)


def reached(venue: MemoryVenue) -> list[tuple[MessageKind, str]]:
    """Give what reached the venue."""
    return [(one.kind, one.client_order_id) for one in venue.reached]


async def test_rests(place: Place) -> None:
    """A resting order is answered as pending, sent once, acknowledged, filled in part and then whole."""
    outcome = await place.desk.submit(resting())
    assert outcome.update.status is OrderStatus.PENDING_NEW
    assert (await place.taken()).venue_order_id == "V1"
    place.venue.fill("order-1", 4_000, fee=Decimal("0.25"))
    assert (await place.until(lambda one: one.cumulative_quantity > 0)).status is OrderStatus.PARTIALLY_FILLED
    place.venue.fill("order-1", 6_000)
    final = await place.until(lambda one: one.status is OrderStatus.FILLED)
    assert (final.leaves_quantity, final.average_price) == (Decimal(0), Decimal(2490))
    assert reached(place.venue) == [(MessageKind.NEW, "order-1")]
    account = await place.ledger.account("paper")
    assert account is not None
    assert (account.cash, account.positions[ETH].quantity) == (Decimal("997509.75"), Decimal(1))
    assert await place.desk.submit(resting()) == outcome


async def test_contract_of_a_report() -> None:
    """A venue that does not tell what a unit stands for trades what limits say; one that does is believed."""
    ledger, venue = MemoryLedger(), MemoryVenue()
    await ledger.open_account(paper())
    risk = MemoryRisk(replace(LIMITS, instruments={ETH: InstrumentLimits(Decimal(10**6), multiplier=Decimal(10))}))
    desk = OrderDesk(ledger, risk, now_ns=lambda: NOW, lead=Lead("first", 600_000), venue=venue)
    await desk.start()
    await desk.submit(resting())
    for number, multiplier in enumerate((Decimal(1), Decimal(5))):
        report = Report(
            ExecType.TRADE, NOW, exec_id=f"trade-{number}", quantity=1_000, price=249_000, multiplier=multiplier
        )
        await desk.heard("order-1", report)
    account = await ledger.account("paper")
    assert account is not None
    assert account.cash == Decimal(1_000_000) - (10 + 5) * 249
    await desk.close()


async def test_no_venue() -> None:
    """Where there is no venue, an order that would rest is rejected with the reason."""
    ledger = MemoryLedger()
    await ledger.open_account(paper())
    desk = OrderDesk(ledger, MemoryRisk(LIMITS), now_ns=lambda: NOW, lead=Lead("first"))
    update = (await desk.submit(resting())).update
    assert (update.status, update.reasons[0].split(":")[0]) == (OrderStatus.REJECTED, "no_venue")
    await desk.close()


@pytest.mark.parametrize("rule", [TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL])
async def test_a_venue_that_has_all_orders(rule: TimeInForce) -> None:
    """Where a venue is to have every order, those that end at once go there too: nothing is filled but what it says."""
    ledger, venue, risk = MemoryLedger(), MemoryVenue(), MemoryRisk(LIMITS)
    await ledger.open_account(paper())
    desk = OrderDesk(
        ledger, risk, now_ns=lambda: NOW, lead=Lead("first", 600_000), venue=venue, paper=Paper(frozenset())
    )
    place = Place(ledger, venue, risk, desk)
    await desk.start()
    outcome = await desk.submit(submission(1, replace(order(), time_in_force=rule)))
    assert (outcome.update.status, outcome.fills) == (OrderStatus.PENDING_NEW, ())
    await place.taken()
    assert [(one.kind, one.order.time_in_force) for one in venue.reached] == [(MessageKind.NEW, rule)]
    await desk.close()


async def test_at_once_or_not_at_all() -> None:
    """An order that is to end at once is refused while its venue cannot be reached, and not sent when it can again."""
    ledger, venue, risk = MemoryLedger(), MemoryVenue(), MemoryRisk(LIMITS)
    await ledger.open_account(paper())
    lead, nothing = Lead("first", 600_000), Paper(frozenset())
    desk = OrderDesk(ledger, risk, now_ns=lambda: NOW, lead=lead, venue=venue, paper=nothing)
    place = Place(ledger, venue, risk, desk)
    await desk.start()
    venue.disconnect()
    await desk.submit(resting(1))
    await desk.submit(submission(2))
    ended = await place.until(lambda one: one.status is OrderStatus.REJECTED, 2)
    assert ended.reasons == ("the venue is disconnected",)
    await venue.reconnect()
    await place.taken(1)
    assert reached(venue) == [(MessageKind.NEW, "order-1")]
    assert [one.client_order_id for one in await ledger.messages("order-2")] == ["order-2"]
    await desk.close()
    again = place.desk_again()
    await again.start()
    await again.lead("paper")
    await again.submit(resting(3))
    await until(lambda: len(venue.reached) == 2)
    assert reached(venue) == [(MessageKind.NEW, "order-1"), (MessageKind.NEW, "order-3")]
    await again.close()


async def test_venue_rejects(place: Place) -> None:
    """An order that the venue refuses ends there, and nothing was traded."""
    place.venue.rejects = True
    await place.desk.submit(resting())
    ended = await place.until(lambda one: one.exec_type is ExecType.REJECTED)
    assert (ended.status, ended.leaves_quantity) == (OrderStatus.REJECTED, Decimal(0))


async def test_cancel(place: Place) -> None:
    """A cancel is pending until the venue confirms it; the same request gets the first answer."""
    await place.desk.submit(resting())
    await place.taken()
    asked = await place.desk.cancel(cancel())
    assert (asked.status, asked.request_id) == (OrderStatus.PENDING_CANCEL, "cancel-1")
    await place.until(lambda one: one.status is OrderStatus.CANCELED)
    assert await place.desk.cancel(cancel()) == asked
    late = await place.desk.cancel(cancel(request_id="cancel-2"))
    assert (late.status, late.reasons) == (OrderStatus.CANCELED, ("the order has ended: canceled",))
    assert await place.desk_again().cancel(cancel(request_id="cancel-2")) == late
    assert len(place.venue.reached) == 2


async def test_fill_after_cancel(place: Place) -> None:
    """A fill that comes after the cancel is booked all the same: the venue traded."""
    await place.desk.submit(resting())
    await place.taken()
    await place.desk.cancel(cancel())
    await place.until(lambda one: one.status is OrderStatus.CANCELED)
    place.venue.fill("order-1", 3_000)
    late = await place.until(lambda one: one.cumulative_quantity > 0)
    assert (late.status, late.leaves_quantity) == (OrderStatus.CANCELED, Decimal(0))
    account = await place.ledger.account("paper")
    assert account is not None
    assert account.positions[ETH].quantity == Decimal("0.3")


async def test_overfill(place: Place) -> None:
    """What is filled beyond the quantity is booked, and the step says so."""
    await place.desk.submit(resting())
    await place.taken()
    place.venue.fill("order-1", 12_000)
    final = await place.until(lambda one: one.status is OrderStatus.FILLED)
    assert (final.cumulative_quantity, final.reasons) == (Decimal("1.2"), ("filled beyond its quantity",))


async def test_said_twice(place: Place) -> None:
    """An execution that is told twice counts once."""
    await place.desk.submit(resting())
    await place.taken()
    trade = place.venue.fill("order-1", 4_000)
    place.venue.say("order-1", trade)
    await place.venue.quiet()
    assert (await place.order()).cumulative_quantity == Decimal("0.4")


async def test_a_report_that_is_refused_moves_nothing(place: Place) -> None:
    """A fee finer than risk counts refuses its report; what is written beside it has no hole, and no money moved."""
    await place.desk.submit(resting())
    await place.taken()
    bad = Report(ExecType.TRADE, NOW, exec_id="E1", quantity=10, price=249_000, fee=Decimal("1e-37"))
    told = await asyncio.gather(
        place.desk.report("paper", "order-1", bad), place.desk.submit(submission(2)), return_exceptions=True
    )
    assert isinstance(told[0], Rejected)
    numbers = [event.extensions["sequence"] for event in await place.ledger.events("paper", 0, 9)]
    assert numbers == [f"{number:020d}" for number in range(8)]  # the last three: what is not booked, and the end of it
    account = await place.ledger.account("paper")
    assert account is not None
    assert account.positions[ETH].quantity == Decimal(1)


async def test_an_execution_that_cannot_be_booked_shows(place: Place) -> None:
    """A trade without a price is no trade, but something happened: the order is in doubt, and says why."""
    await place.desk.submit(resting())
    await place.taken()
    place.venue.say("order-1", Report(ExecType.TRADE, NOW, exec_id="E1", quantity=10, price=0))
    doubted = await place.until(lambda one: one.outcome_unknown)
    assert doubted.reasons[0].startswith("execution E1 of 10 at 0 units is not booked: ")
    place.venue.fill("order-1", 10_000)
    await place.until(lambda one: one.status is OrderStatus.FILLED)


async def test_a_nul_of_a_venue(place: Place) -> None:
    """A NUL in a venue's words, which PostgreSQL keeps nowhere, is written as what cannot be read."""
    await place.desk.submit(resting())
    await place.taken()
    await place.desk.heard("order-1", Report(ExecType.REJECTED, NOW, text="no money\0"))
    assert (await place.order()).reasons == ("no money\ufffd",)


async def test_unknown_order(place: Place) -> None:
    """What a venue says of an order nobody handed in is put aside, and what it says next is taken."""
    await place.desk.submit(resting())
    await place.taken()
    place.venue.say("nobody", Report(ExecType.TRADE, NOW, exec_id="X", quantity=1, price=1))
    place.venue.fill("order-1", 10_000)
    await place.until(lambda one: one.status is OrderStatus.FILLED)


async def test_replace(place: Place) -> None:
    """A replace is pending until the venue confirms it; what is left follows from the new quantity."""
    await place.desk.submit(resting())
    await place.taken()
    asked = await place.desk.replace(change())
    assert asked.status is OrderStatus.PENDING_REPLACE
    done = await place.until(lambda one: one.exec_type is ExecType.REPLACED)
    assert (done.quantity, done.limit_price, done.leaves_quantity) == (Decimal(2), Decimal(2480), Decimal(2))
    assert await place.desk.replace(change(quantity=5)) == asked


async def test_replace_refused(place: Place) -> None:
    """A replace that breaks a limit is answered with the rule; the order works on as it is."""
    await place.desk.submit(resting())
    await place.taken()
    refused = await place.desk.replace(change(quantity=1_000_000))
    assert refused.status is OrderStatus.NEW
    assert {reason.split(":")[0] for reason in refused.reasons} == {"order_notional", "position"}
    assert await place.desk.replace(change(quantity=11_000)) == refused
    assert reached(place.venue) == [(MessageKind.NEW, "order-1")]


async def test_no_such_order(place: Place) -> None:
    """An order that the account does not have can neither be canceled nor replaced."""
    for asked in (place.desk.cancel(cancel()), place.desk.replace(change())):
        with pytest.raises(Rejected, match="has no order 'order-1'"):
            await asked


async def test_mass_cancel(place: Place) -> None:
    """A mass cancel takes back all that works, of one instrument when one is named; twice is once."""
    for number in range(1, 4):
        await place.desk.submit(resting(number))
        await place.taken(number)
    other = MassCancelRequest("mass-0", "paper", "BTC-USDT.BINANCE", NOW)
    assert await place.desk.mass_cancel(other) == ()
    asked = await place.desk.mass_cancel(replace(other, request_id="mass-1", instrument_id=ETH))
    assert [one.client_order_id for one in asked] == ["order-1", "order-2", "order-3"]
    for number in range(1, 4):
        await place.until(lambda one: one.status is OrderStatus.CANCELED, number)
    assert await place.desk.mass_cancel(replace(other, request_id="mass-1", instrument_id="")) == asked


async def test_kill_switch(place: Place) -> None:
    """A switch stops new orders and takes back those that work; opened again, orders are taken."""
    await place.desk.submit(resting())
    await place.taken()
    engaged, updates = await place.desk.set_switch(Switch("paper"), engaged=True, reason="drill")
    assert engaged
    assert [one.status for one in updates] == [OrderStatus.PENDING_CANCEL]
    assert (await place.desk.submit(submission(2))).update.status is OrderStatus.REJECTED
    assert await place.desk.set_switch(Switch("paper"), engaged=False, reason="over") == (False, ())
    assert (await place.desk.submit(submission(3))).update.status is OrderStatus.FILLED


async def test_kill_switch_reaches_every_account(place: Place) -> None:
    """A switch for all takes back what works in each account led here, though another is led elsewhere by now."""
    await place.ledger.open_account(replace(paper(), name="another"))
    await place.desk.submit(submission(2, order(account="another")))
    await place.ledger.release("another", 1)
    assert await place.ledger.lead("another", "second", lease_ms=600_000) is not None
    await place.desk.submit(resting())
    await place.taken()
    _, updates = await place.desk.set_switch(EVERYONE, engaged=True, reason="drill")
    assert [(one.account, one.status) for one in updates] == [("paper", OrderStatus.PENDING_CANCEL)]
    with pytest.raises(Fenced):
        await place.desk.set_switch(Switch("another"), engaged=True, reason="drill")


async def test_stopped_while_nobody_led(place: Place) -> None:
    """What works in an account that was stopped while its leader was gone is taken back by who leads it next."""
    await place.desk.submit(resting())
    await place.taken()
    second = OrderDesk(
        place.ledger,
        place.risk,
        now_ns=lambda: NOW,
        lead=Lead("second", lease_ms=20),
        venue=place.venue,
        stopped=lambda _: "trading is stopped for every account",
    )
    with pytest.raises(Fenced):
        await second.lead("paper")
    assert await second.take_back(EVERYONE) == ()
    await place.desk.close()
    await second.start()
    await until(lambda: (MessageKind.CANCEL, "order-1") in reached(place.venue), within_s=10)
    await second.close()


async def test_switch_of_another_process(place: Place) -> None:
    """A switch that another process engaged takes back what works here, once each time that it is engaged."""
    switches = MemoryKillSwitches()
    engine = RiskEngine(MemoryLimits(), switches, shipped=LIMITS, refresh_s=0.005)
    told: list[Switch] = []

    async def stopped(switch: Switch) -> None:
        told.append(switch)
        if len(told) == 1:
            message = "the ledger is away"
            raise Unavailable(message)
        await place.desk.take_back(switch)

    engine.tell(stopped)
    await engine.start()
    await place.desk.submit(resting())
    await place.taken()
    await switches.set(Switch("another"), engaged=False, reason="drill")
    await switches.set(EVERYONE, engaged=True, reason="drill")
    await place.until(lambda one: one.status is OrderStatus.CANCELED)
    await switches.set(Switch("another"), engaged=True, reason="drill")
    await until(lambda: len(told) == 3)
    assert told == [EVERYONE, EVERYONE, Switch("another")]
    assert reached(place.venue) == [(MessageKind.NEW, "order-1"), (MessageKind.CANCEL, "order-1")]
    await engine.close()


async def test_request_ids_are_of_one_request(place: Place) -> None:
    """A request about one order whose id another request had is refused: the other's answer is none of its own."""
    await place.desk.submit(resting(1))
    await place.desk.submit(resting(2))
    assert await place.desk.mass_cancel(MassCancelRequest("mass-1", "paper", "BTC-USDT.BINANCE", NOW)) == ()
    await place.desk.cancel(cancel(2, "cancel-2"))
    for asked in (place.desk.cancel(cancel(1, "mass-1")), place.desk.replace(change(request_id="cancel-2"))):
        with pytest.raises(Rejected, match="was used for something else"):
            await asked


@pytest.mark.parametrize("first", [MessageKind.CANCEL, MessageKind.REPLACE])
async def test_request_ids_are_of_one_kind(place: Place, first: MessageKind) -> None:
    """A cancel with the id of a replace of its order, or the other way round, is refused: it was not done."""
    await place.desk.submit(resting(1))
    await place.taken(1)
    mass = MassCancelRequest("same", "paper", "", NOW)
    asks = {
        MessageKind.CANCEL: lambda: place.desk.cancel(cancel(1, "same")),
        MessageKind.REPLACE: lambda: place.desk.replace(change(request_id="same")),
    }
    told = await asks.pop(first)()
    assert not told.reasons
    for asked in (*asks.values(), lambda: place.desk.mass_cancel(mass)):
        with pytest.raises(Rejected, match="was used for something else"):
            await asked()


async def test_resting_counts_for_risk(place: Place) -> None:
    """Orders that rest count as if they were filled: what they leave of a limit is what the next may use."""
    outcomes = [await place.desk.submit(resting(number, quantity=100_000)) for number in range(1, 6)]
    assert [one.update.status for one in outcomes] == [OrderStatus.PENDING_NEW] * 4 + [OrderStatus.REJECTED]
    await place.taken(1)
    await place.desk.cancel(cancel())
    await place.until(lambda one: one.status is OrderStatus.CANCELED)
    assert (await place.desk.submit(resting(6, quantity=100_000))).update.status is OrderStatus.PENDING_NEW


async def test_disconnected(place: Place) -> None:
    """While the venue cannot be reached orders wait, in order; each is sent once it can be."""
    place.venue.disconnect()
    for number in range(1, 4):
        await place.desk.submit(resting(number))
    await place.desk.cancel(cancel(2))
    assert place.venue.reached == []
    await place.venue.reconnect()
    await place.until(lambda one: one.status is OrderStatus.CANCELED, 2)
    assert reached(place.venue) == [(MessageKind.NEW, f"order-{number}") for number in range(1, 4)] + [
        (MessageKind.CANCEL, "order-2")
    ]


async def test_unknown_and_arrived(place: Place) -> None:
    """When nobody knows whether an order arrived, it is unknown, never rejected; the venue is asked, and has it."""
    place.venue.fails, place.venue.mute = 1, True
    await place.desk.submit(resting())
    unknown = await place.until(lambda one: one.outcome_unknown)
    assert (unknown.status, unknown.exec_type) == (OrderStatus.PENDING_NEW, ExecType.UNKNOWN)
    known = await place.until(lambda one: one.exec_type is ExecType.ORDER_STATUS)
    assert (known.status, known.outcome_unknown) == (OrderStatus.NEW, False)
    place.venue.speak()
    await place.venue.quiet()
    assert (await place.order()).status is OrderStatus.NEW
    assert len(place.venue.reached) == 1


async def test_unknown_and_lost(place: Place) -> None:
    """When the venue says that it knows no such order, it is sent again, and works."""
    place.venue.drops = 1
    await place.desk.submit(resting())
    await place.until(lambda one: one.outcome_unknown)
    await place.taken()
    assert reached(place.venue) == [(MessageKind.NEW, "order-1")]


async def test_lost_after_it_left(place: Place) -> None:
    """Orders that left and that the venue has lost are sent again on reconnect, unless it had acknowledged them."""
    await place.desk.submit(resting(1))
    await place.taken(1)
    place.venue.mute = True
    await place.desk.submit(resting(2))
    await place.desk.submit(resting(3))
    await place.desk.cancel(cancel(3))
    await until(lambda: len(place.venue.reached) == 4)
    place.venue.disconnect()
    place.venue.forget()
    place.venue.mute = False
    await place.venue.reconnect()
    await place.taken(2)
    await place.until(lambda one: one.status is OrderStatus.CANCELED, 3)
    assert reached(place.venue)[4:] == [
        (MessageKind.NEW, "order-2"),
        (MessageKind.NEW, "order-3"),
        (MessageKind.CANCEL, "order-3"),
    ]


@pytest.mark.parametrize("lost", [True, False])
async def test_unknown_cancel(place: Place, *, lost: bool) -> None:
    """A cancel of which nobody knows whether it arrived takes the order back in the end."""
    await place.desk.submit(resting())
    await place.taken()
    place.venue.drops, place.venue.fails = int(lost), int(not lost)
    await place.desk.cancel(cancel())
    await place.until(lambda one: one.status is OrderStatus.CANCELED)


async def test_execution_that_cannot_be_booked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An execution too many is not dropped: the order shows each of them, and its account is stopped and taken back."""
    monkeypatch.setattr(life, "TRADES_MAX", 2)
    for number in (1, 2):
        await place.desk.submit(resting(number))
        await place.taken(number)
    for _ in range(4):
        place.venue.fill("order-1", 1_000)
    for number in (3, 4):
        shown = await place.until(lambda one, number=number: any(f"E{number} of 1000" in why for why in one.reasons))
        assert shown.outcome_unknown
        assert shown.cumulative_quantity == Decimal("0.2")
    await place.until(lambda one: one.status is OrderStatus.CANCELED, 2)
    refused = await place.desk.submit(resting(3))
    assert [reason.split(":")[0] for reason in refused.update.reasons] == ["kill_switch"]


class Swallowing(MemoryVenue):
    """A venue that loses requests to which it never says a word."""

    def __init__(self) -> None:
        """Lose one request that is no new order."""
        super().__init__()
        self.swallowed: list[VenueMessage] = []

    async def send(self, message: VenueMessage) -> None:
        """Take a message, but for the first request."""
        if message.kind is MessageKind.NEW or self.swallowed:
            await super().send(message)
        else:
            self.swallowed.append(message)


ASKS = {
    MessageKind.CANCEL: lambda desk: desk.cancel(cancel()),
    MessageKind.REPLACE: lambda desk: desk.replace(change()),
}
DONE = {MessageKind.CANCEL: ExecType.CANCELED, MessageKind.REPLACE: ExecType.REPLACED}


async def swallowing(answer_s: float) -> tuple[Place, Swallowing]:
    """Give a place with an order that rests at such a venue."""
    ledger, venue, risk = MemoryLedger(), Swallowing(), MemoryRisk(LIMITS)
    await ledger.open_account(paper())
    lead = Lead("first", 600_000)
    desk = OrderDesk(ledger, risk, now_ns=lambda: NOW, lead=lead, venue=venue, answer_s=answer_s)
    place = Place(ledger, venue, risk, desk)
    await desk.start()
    await desk.submit(resting())
    await place.taken()
    return place, venue


@pytest.mark.parametrize("kind", ASKS)
async def test_unanswered(kind: MessageKind) -> None:
    """A request that left and is not answered in time is asked about, and sent again."""
    place, venue = await swallowing(0.01)
    await ASKS[kind](place.desk)
    await place.until(lambda one: one.exec_type is DONE[kind])
    assert reached(venue)[1:] == [(kind, "order-1")]
    await place.desk.close()


@pytest.mark.parametrize("kind", ASKS)
async def test_unanswered_before_a_restart(kind: MessageKind) -> None:
    """The next process waits no longer for an answer that the one before was waiting for."""
    place, venue = await swallowing(60.0)
    await ASKS[kind](place.desk)
    await until(lambda: bool(venue.swallowed))
    await place.desk.close()
    place.desk = place.desk_again(answer_s=0.01)
    await place.desk.start()
    await place.desk.lead("paper")
    await place.until(lambda one: one.exec_type is DONE[kind])
    assert reached(venue)[1:] == [(kind, "order-1")]
    await place.desk.close()


async def test_missed_while_away(place: Place) -> None:
    """What was filled while nobody listened is asked for on reconnect, and counts once."""
    await place.desk.submit(resting())
    await place.taken()
    place.venue.disconnect()
    place.venue.fill("order-1", 4_000)
    await place.venue.reconnect()
    await place.until(lambda one: one.cumulative_quantity == Decimal("0.4"))
    place.venue.fill("order-1", 6_000)
    final = await place.until(lambda one: one.status is OrderStatus.FILLED)
    assert final.cumulative_quantity == Decimal(1)


@pytest.mark.parametrize("sending", [False, True])
async def test_restart(place: Place, *, sending: bool) -> None:
    """Another process goes on with what was stored: sends what was not sent, asks about what may have been."""
    place.venue.disconnect()
    await place.desk.submit(resting())
    led = await place.ledger.lead("paper", "first", lease_ms=600_000)
    assert led is not None
    if sending:
        await place.ledger.mark_sending("paper", led.fence, [0])
    await place.desk.close()
    again = place.desk_again()
    await again.start()
    await again.lead("paper")
    await place.venue.reconnect()
    found = Place(place.ledger, place.venue, place.risk, again)
    await found.taken()
    update = await found.order()
    assert (update.status, update.outcome_unknown) == (OrderStatus.NEW, False)
    assert reached(place.venue) == [(MessageKind.NEW, "order-1")]
    await again.close()


async def test_lead_is_taken_once_it_is_free(place: Place) -> None:
    """Who starts while another leads goes on trying: what was stored and not sent leaves though nobody asks again."""
    place.venue.disconnect()
    await place.desk.submit(resting())
    second = OrderDesk(
        place.ledger, place.risk, now_ns=lambda: NOW, lead=Lead("second", lease_ms=20), venue=place.venue
    )
    with pytest.raises(Fenced):
        await second.lead("paper")
    await place.desk.close()
    await second.start()
    await place.venue.reconnect()
    await until(lambda: bool(place.venue.reached), within_s=30)
    assert reached(place.venue) == [(MessageKind.NEW, "order-1")]
    await second.close()


async def test_forgotten_account_is_led_again(place: Place) -> None:
    """An order that was stored while its answer was lost leaves though nobody asks again."""
    ledger = Forgetful()
    await ledger.open_account(paper())
    desk = OrderDesk(ledger, place.risk, now_ns=lambda: NOW, lead=Lead("first", lease_ms=60), venue=place.venue)
    await desk.start()
    ledger.loses = True
    with pytest.raises(Unavailable):
        await desk.submit(resting())
    await until(lambda: bool(place.venue.reached), within_s=30)
    assert reached(place.venue) == [(MessageKind.NEW, "order-1")]
    await desk.close()


async def test_every_account_goes_on(place: Place) -> None:
    """At the start every account that has something under way is led, though nobody asks about it."""
    place.venue.disconnect()
    await place.ledger.open_account(replace(paper(), name="another"))
    asked = resting(2)
    await place.desk.submit(replace(asked, order=replace(asked.order, account="another")))
    await place.desk.close()
    again = place.desk_again()
    await again.start()
    await again.resume("paper")
    await place.venue.reconnect()
    await until(lambda: bool(place.venue.reached))
    assert reached(place.venue) == [(MessageKind.NEW, "order-2")]
    await again.close()


async def test_ahead_of_the_clock(place: Place) -> None:
    """A request of a time that is still to come is refused, and counts against no rate; a little ahead is taken."""
    allowed, late = NOW + AHEAD_MS_MAX * 1_000_000, NOW + (AHEAD_MS_MAX + 1) * 1_000_000
    for refused in (
        place.desk.submit(replace(submission(1), as_of_ns=late)),
        place.desk.cancel(replace(cancel(), as_of_ns=late)),
        place.desk.replace(replace(change(), as_of_ns=late)),
        place.desk.mass_cancel(MassCancelRequest("mass-1", "paper", "", late)),
    ):
        with pytest.raises(Rejected, match="as_of_ns lies 10001 ms ahead of the clock here, allowed 10000 ms"):
            await refused
    assert await place.ledger.pending() == 0
    for number, at in ((1, allowed), (2, NOW - 3_600 * 1_000_000_000)):
        asked = submission(number, quote=replace(QUOTE, ts_event=at))
        assert (await place.desk.submit(replace(asked, as_of_ns=at))).update.status is OrderStatus.FILLED


async def test_two_processes(place: Place) -> None:
    """While one process leads an account, another is told so; once it let go, the other goes on with what works."""
    await place.desk.submit(resting())
    await place.taken()
    second = place.desk_again("second")
    with pytest.raises(Fenced):
        await second.submit(resting(2))
    await place.desk.close()
    await second.start()
    asked = await second.cancel(cancel())
    assert asked.status is OrderStatus.PENDING_CANCEL
    await Place(place.ledger, place.venue, place.risk, second).until(lambda one: one.status is OrderStatus.CANCELED)
    await second.close()


async def test_stream_ends_with_the_lead(place: Place) -> None:
    """A stream that follows an account ends when another process leads it, and goes on there without a gap."""
    await place.desk.submit(submission(1))
    seen = []
    stream = place.desk.watch("paper", 0)
    async for event in stream:
        seen.append(event)
        if len(seen) == 3:
            break
    following = asyncio.ensure_future(anext(stream))
    await place.ledger.release("paper", 1)
    second = place.desk_again("second")
    await second.submit(submission(2))
    with pytest.raises(Unavailable):  # the first finds out at its next commit
        await place.desk.submit(submission(3))
    with pytest.raises(Fenced, match="go on from 3"):
        await following
    async for event in second.watch("paper", 3):
        seen.append(event)
        if len(seen) == 6:
            break
    assert [event.extensions["sequence"] for event in seen] == [f"{number:020d}" for number in range(6)]
    await second.close()


async def test_beyond_the_end(place: Place) -> None:
    """A stream cannot begin behind what has happened: its caller has seen another account's."""
    with pytest.raises(Rejected, match="has told 0 events"):
        await anext(place.desk.watch("paper", 1))
