"""One suite for every ledger: what a chapter stores, it stores whole, once, in order, and only for who leads."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest
from counts import count
from stores import fresh_database
from trading import ETH, NOW, QUOTE, order, paper, submission

from functions.adapters.memory_ledger import MemoryLedger
from functions.adapters.postgres import Pool
from functions.adapters.postgres_ledger import PostgresLedger
from functions.domain.decisions import ExecType, OrderStatus, Quote, Side, Submission, TimeInForce, Verdict, Violation
from functions.domain.orders.account import Account, Position
from functions.domain.orders.booking import book
from functions.domain.orders.life import Replacement, Report, fold, request_cancel, request_replace
from functions.domain.orders.requests import OrdersPage
from functions.ports.errors import Unavailable
from functions.ports.ledger import Chapter, Fenced, Ledger, OrderTaken
from functions.ports.venue_orders import MessageKind
from functions.services.orders.draft import Draft, Known, Memory

ACCEPTED = Verdict((), "test")
REJECTED = Verdict((Violation("position", "too large"),), "test")
LONG_MS = 600_000


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty database, or nothing for memory."""
    if request.param == "memory":
        return ""
    return asyncio.run(fresh_database(request.getfixturevalue("postgres_url")))


@pytest.fixture
async def ledger(place: str) -> AsyncIterator[Ledger]:
    """Give each ledger, with the account `paper` open."""
    pool = Pool(place)
    one = PostgresLedger(pool) if place else MemoryLedger()
    await one.open_account(paper())
    yield one
    await pool.close()


async def led(ledger: Ledger, holder: str = "first", account: str = "paper", lease_ms: int = LONG_MS) -> Memory:
    """Lead an account."""
    found = await ledger.lead(account, holder, lease_ms=lease_ms)
    assert found is not None
    return Memory.of(found)


async def stored(ledger: Ledger, draft: Draft) -> Chapter:
    """Store what a draft holds, as a writer does."""
    chapter = draft.chapter()
    assert chapter is not None
    await ledger.store(chapter, lease_ms=LONG_MS)
    draft.keep()
    return chapter


async def booked(ledger: Ledger, memory: Memory, *asked: Submission, verdict: Verdict = ACCEPTED) -> Chapter:
    """Book orders in one chapter."""
    draft = Draft(memory, Known())
    for one in asked:
        draft.place(book(draft.account, one, verdict))
    return await stored(ledger, draft)


def resting(number: int = 1) -> Submission:
    """Hand in an order that rests."""
    return submission(number, replace(order(), time_in_force=TimeInForce.GOOD_TILL_CANCEL))


def same(left: Account | None, right: Account) -> bool:
    """Compare accounts; how a ledger holds the positions is its own business."""
    return left is not None and replace(left, positions=dict(left.positions)) == replace(
        right, positions=dict(right.positions)
    )


async def test_unknown(ledger: Ledger) -> None:
    """What was never stored is not there, and nothing is pending."""
    assert await ledger.account("nobody") is None
    assert await ledger.lead("nobody", "first", lease_ms=LONG_MS) is None
    assert await ledger.find("nothing") is None
    assert await ledger.answered(["nothing"]) == {}
    assert await ledger.orders(["nothing"]) == {}
    assert await ledger.requests("paper", ["nothing"]) == {}
    assert await ledger.page(OrdersPage("paper", working=False, instrument_id="", limit=5)) == ()
    assert await ledger.events("paper", 0, 10) == ()
    assert await ledger.pending() == 0
    assert await ledger.unpublished(10) == ()


async def test_opens_once(ledger: Ledger) -> None:
    """An account opens with its positions; opening it again changes nothing."""
    opening = replace(paper(100_000, Position(ETH, Decimal("1.5"), Decimal("2500.5"))), name="second")
    assert await ledger.open_account(opening)
    assert not await ledger.open_account(replace(opening, capital=Decimal(1)))
    assert same(await ledger.account("second"), opening)


async def test_store(ledger: Ledger) -> None:
    """A chapter read back is exactly what was decided: account, outcomes, first answers and events."""
    memory = await led(ledger)
    chapter = await booked(ledger, memory, submission(1, order(quantity=60_000)), submission(2))
    assert same(await ledger.account("paper"), chapter.account)
    answers = {name: memory.answers[name] for name in ("order-1", "order-2")}
    assert await ledger.answered(["order-1", "order-2", "order-3"]) == answers
    assert await ledger.find("order-1") == answers["order-1"]
    assert [row.event for row in await ledger.unpublished(10)] == list(chapter.events)
    assert await ledger.events("paper", 2, 3) == chapter.events[2:5]
    assert await ledger.pending() == len(chapter.events) == 4 + 3


async def test_store_rejected(ledger: Ledger) -> None:
    """A rejected order is stored as well, with its reasons."""
    memory = await led(ledger)
    await booked(ledger, memory, submission(), verdict=REJECTED)
    found = await ledger.find("order-1")
    assert found == memory.answers["order-1"]
    assert found is not None
    assert found.update.reasons == ("position: too large",)
    assert await ledger.pending() == 1


async def test_one_leads(ledger: Ledger) -> None:
    """While a lease lasts nobody else leads; who led under the same name before is fenced off."""
    first = await led(ledger)
    with pytest.raises(Fenced, match="led by 'first'"):
        await ledger.lead("paper", "second", lease_ms=LONG_MS)
    again = await led(ledger)
    assert again.fence == first.fence + 1
    with pytest.raises(Fenced):
        await ledger.renew("paper", first.fence, lease_ms=LONG_MS)
    await ledger.renew("paper", again.fence, lease_ms=LONG_MS)


async def test_released(ledger: Ledger) -> None:
    """Who lets go of an account may be followed at once; letting go of what another leads does nothing."""
    first = await led(ledger)
    await ledger.release("paper", first.fence)
    second = await led(ledger, "second")
    await ledger.release("paper", first.fence)
    with pytest.raises(Fenced):
        await ledger.lead("paper", "third", lease_ms=LONG_MS)
    assert second.fence == first.fence + 1


async def test_fenced(ledger: Ledger) -> None:
    """Who was followed after its lease ran out stores nothing, marks nothing, and renews nothing."""
    first = await led(ledger, lease_ms=0)
    second = await led(ledger, "second")
    with pytest.raises(Fenced):
        await booked(ledger, first, submission())
    with pytest.raises(Fenced):
        await ledger.mark_sending("paper", first.fence, [0])
    assert await ledger.find("order-1") is None
    assert await ledger.pending() == 0
    await booked(ledger, second, submission())


async def test_late_but_alone(ledger: Ledger) -> None:
    """A lease that ran out and that nobody took is still its writer's."""
    first = await led(ledger, lease_ms=0)
    await booked(ledger, first, submission())
    await ledger.renew("paper", first.fence, lease_ms=LONG_MS)
    with pytest.raises(Fenced):
        await ledger.lead("paper", "second", lease_ms=LONG_MS)


async def test_stale(ledger: Ledger) -> None:
    """A chapter decided on an account that has moved since stores nothing, whoever leads."""
    memory = await led(ledger)
    late = Draft(Memory(memory.fence, memory.account, memory.risk), Known())
    late.place(book(late.account, submission(2), ACCEPTED))
    chapter = await booked(ledger, memory, submission(1))
    with pytest.raises(Fenced):
        await stored(ledger, late)
    assert await ledger.find("order-2") is None
    assert same(await ledger.account("paper"), chapter.account)
    assert await ledger.pending() == 3


async def test_same_order(ledger: Ledger) -> None:
    """An order that is stored is never stored again, even for another account; no part of its chapter stays."""
    first = await booked(ledger, await led(ledger), submission())
    await ledger.open_account(replace(paper(), name="second"))
    second = await led(ledger, account="second")
    asked = order(account="second")
    with pytest.raises(OrderTaken):
        await booked(ledger, second, submission(2, asked), submission(1, asked))
    assert await ledger.find("order-2") is None
    assert same(await ledger.account("second"), replace(paper(), name="second"))
    assert await ledger.pending() == len(first.events)


async def test_racing_leaders(ledger: Ledger) -> None:
    """Of many who want to lead, one does."""
    asked = (ledger.lead("paper", f"holder-{number}", lease_ms=LONG_MS) for number in range(8))
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Fenced"] * 7 + ["Led"]


async def test_resting(ledger: Ledger) -> None:
    """An order in motion is loaded as it stood, with its executions, pending requests and messages."""
    memory = await led(ledger)
    await booked(ledger, memory, resting())
    draft = Draft(memory, Known())
    for report in (
        Report(ExecType.NEW, NOW, venue_order_id="V1"),
        Report(
            ExecType.TRADE, NOW + 1, exec_id="E1", quantity=3_000, price=250_000, fee=Decimal("0.5"), currency="USDT"
        ),
        Report(ExecType.TRADE, NOW + 2, exec_id="E2", quantity=2_000, price=249_900),
        Report(ExecType.TRADE_CORRECT, NOW + 3, exec_id="E3", quantity=2_500, price=250_000, replaces_exec_id="E1"),
        Report(ExecType.TRADE_CANCEL, NOW + 4, exec_id="E4", price=249_900, replaces_exec_id="E2"),
    ):
        kept = draft.find("order-1")
        assert kept is not None
        draft.take(fold(kept.order, report))
    kept = draft.find("order-1")
    assert kept is not None
    wanted = Replacement("replace-1", 20_000, 249_000)
    draft.ask(MessageKind.REPLACE, request_replace(kept.order, wanted, as_of_ns=NOW + 5))
    await stored(ledger, draft)
    again = await ledger.lead("paper", "first", lease_ms=LONG_MS)
    assert again is not None
    assert again.working == tuple(memory.working.values())
    assert [(one.message.kind, one.sending) for one in again.messages] == [
        (MessageKind.NEW, False),
        (MessageKind.REPLACE, False),
    ]
    assert same(again.account, memory.account)
    assert Memory.of(again).risk.peak_equity == memory.risk.peak_equity
    assert (await ledger.orders(["order-1"]))["order-1"] == memory.working["order-1"]


async def test_first_answer_stays(ledger: Ledger) -> None:
    """What was answered first is answered for ever, however the order has gone on."""
    memory = await led(ledger)
    await booked(ledger, memory, resting())
    first = await ledger.answered(["order-1"])
    assert first["order-1"].update.status is OrderStatus.PENDING_NEW
    draft = Draft(memory, Known())
    trade = Report(ExecType.TRADE, NOW, exec_id="E1", quantity=10_000, price=250_000)
    draft.take(fold(memory.working["order-1"].order, trade))
    await stored(ledger, draft)
    assert await ledger.answered(["order-1"]) == first
    found = await ledger.find("order-1")
    assert found is not None
    assert (found.update.status, len(found.fills)) == (OrderStatus.FILLED, 1)


async def test_requests(ledger: Ledger) -> None:
    """Requests are answered again as they were; one that found nothing is known as well."""
    memory = await led(ledger)
    await booked(ledger, memory, resting(1), resting(2))
    draft = Draft(memory, Known())
    canceled = [
        draft.ask(MessageKind.CANCEL, request_cancel(kept.order, f"c:{name}", as_of_ns=NOW))
        for name, kept in memory.working.items()
    ]
    late = ("a cancel is on its way already",)
    draft.note("mass", canceled)
    draft.note("late", canceled[:1], reasons=late)
    draft.note("empty", ())
    await stored(ledger, draft)
    assert await ledger.requests("paper", ["mass", "late", "empty", "unknown"]) == {
        "mass": tuple(canceled),
        "late": (replace(canceled[0], reasons=late),),
        "empty": (),
    }
    assert await ledger.requests("second", ["mass"]) == {}
    again = Draft(memory, Known())
    again.note("empty", ())
    with pytest.raises(OrderTaken):
        await stored(ledger, again)


async def test_messages(ledger: Ledger) -> None:
    """A message is marked once by whoever sets out to send it; one that left is forgotten."""
    memory = await led(ledger)
    await booked(ledger, memory, resting(1), resting(2))
    assert await ledger.mark_sending("paper", memory.fence, [0, 1]) == (0, 1)
    assert await ledger.mark_sending("paper", memory.fence, [0, 1]) == ()
    await ledger.mark_sent("paper", [0])
    again = await ledger.lead("paper", "first", lease_ms=LONG_MS)
    assert again is not None
    assert [(one.message.client_order_id, one.sending) for one in again.messages] == [("order-2", True)]


async def test_messages_of_an_order(ledger: Ledger) -> None:
    """Every message about an order is given as it was stored, oldest first, though it left long ago."""
    memory = await led(ledger)
    first = await booked(ledger, memory, resting(1), resting(2))
    draft = Draft(memory, Known())
    draft.ask(MessageKind.CANCEL, request_cancel(memory.working["order-1"].order, "cancel-1", as_of_ns=NOW))
    second = await stored(ledger, draft)
    await ledger.mark_sent("paper", [0, 1, 2])
    assert await ledger.messages("order-1") == (first.messages[0], *second.messages)
    assert await ledger.messages("order-9") == ()


async def test_unsettled(ledger: Ledger) -> None:
    """Accounts with an order in motion or a message that may not have left are named, no more than asked for."""
    for name in ("quiet", "second"):
        await ledger.open_account(replace(paper(), name=name))
    await booked(ledger, await led(ledger, account="quiet"), submission(9, order(account="quiet")))
    assert await ledger.unsettled(10) == ()
    memory = await led(ledger, account="second")
    asked = resting(2)
    await booked(ledger, memory, replace(asked, order=replace(asked.order, account="second")))
    await booked(ledger, await led(ledger), resting(1))
    assert await ledger.unsettled(10) == ("paper", "second")
    assert await ledger.unsettled(1) == ("paper",)
    draft = Draft(memory, Known())
    draft.take(fold(memory.working["order-2"].order, Report(ExecType.REJECTED, NOW)))
    await stored(ledger, draft)
    assert await ledger.unsettled(10) == ("paper", "second")
    await ledger.mark_sent("paper", [0])
    await ledger.mark_sent("second", [0])
    assert await ledger.unsettled(10) == ("paper",)


async def test_page(ledger: Ledger) -> None:
    """Orders are told newest first, in pages, by instrument, and those in motion alone."""
    memory = await led(ledger)
    await booked(ledger, memory, submission(1), resting(2))
    await booked(ledger, memory, submission(3, replace(order(), instrument_id="BTC-USDT.BINANCE")), resting(4))
    everything = OrdersPage("paper", working=False, instrument_id="", limit=3)

    async def names(wanted: OrdersPage) -> list[str]:
        return [update.client_order_id for _, update in await ledger.page(wanted)]

    first = await ledger.page(everything)
    assert await names(everything) == ["order-4", "order-3", "order-2"]
    assert await names(replace(everything, before=first[-1][0])) == ["order-1"]
    assert await names(replace(everything, working=True)) == ["order-4", "order-2"]
    assert await names(replace(everything, instrument_id="BTC-USDT.BINANCE")) == ["order-3"]
    assert first[0][1] == memory.working["order-4"].update


async def test_outbox(ledger: Ledger) -> None:
    """The outbox gives the oldest first, as many as asked; what was published is given no more, but streamed still."""
    memory = await led(ledger)
    for number in range(3):
        await booked(ledger, memory, submission(number))
    rows = await ledger.unpublished(4)
    assert [row.event.extensions["sequence"] for row in rows] == [f"{number:020d}" for number in range(4)]
    await ledger.mark_published(tuple(row.position for row in rows))
    await ledger.mark_published(tuple(row.position for row in rows))
    left = await ledger.unpublished(10)
    assert [row.event.extensions["sequence"] for row in left] == [f"{number:020d}" for number in range(4, 9)]
    assert await ledger.pending() == 5
    assert len(await ledger.events("paper", 0, 100)) == 9


async def test_refused(ledger: Ledger) -> None:
    """An event that the broker refuses no longer waits, nor does it hold back what follows."""
    await booked(ledger, await led(ledger), submission())
    first, *others = await ledger.unpublished(10)
    await ledger.mark_refused(first.position, "too large")
    assert await ledger.unpublished(10) == tuple(others)
    assert await ledger.pending() == 2


async def test_equal(postgres_url: str) -> None:
    """After the same random orders, PostgreSQL holds what memory holds: accounts, outcomes, events."""
    pool = Pool(await fresh_database(postgres_url))
    memory, postgres = MemoryLedger(), PostgresLedger(pool)
    try:
        for ledger in (memory, postgres):
            await ledger.open_account(paper())
            writer = await led(ledger)
            for number in range(count(200)):
                side = Side.SELL if number % 3 else Side.BUY
                quote = Quote(
                    249_990 + number * 7, 5_000 + number, 250_010 + number * 11, 1 + number * 997, QUOTE.ts_event
                )
                asked = order(side, 1 + number * 1_009 % 20_011, 250_000 + number * 9 - (number % 5) * 13)
                verdict = REJECTED if number % 7 == 6 else ACCEPTED
                await booked(ledger, writer, submission(number, asked, quote), verdict=verdict)
        final = await memory.account("paper")
        assert final is not None
        assert same(await postgres.account("paper"), final)
        names = [f"order-{number}" for number in range(count(200))]
        assert await postgres.answered(names) == await memory.answered(names)
        assert await postgres.orders(names) == await memory.orders(names)
        events = [row.event for row in await memory.unpublished(10_000)]
        assert [row.event for row in await postgres.unpublished(10_000)] == events
    finally:
        await pool.close()


async def test_down() -> None:
    """A ledger whose server is not there says that it is unavailable."""
    pool = Pool("postgresql://nobody@127.0.0.1:9/none")
    ledger = PostgresLedger(pool)
    with pytest.raises(Unavailable):
        await ledger.account("paper")
    with pytest.raises(Unavailable):
        await ledger.pending()
