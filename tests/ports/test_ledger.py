"""One suite for every ledger: what a booking stores, it stores whole, once, and in order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest
from counts import count
from stores import fresh_database
from trading import ETH, QUOTE, order, paper, submission

from functions.adapters.memory_kill_switch import MemoryKillSwitches
from functions.adapters.memory_ledger import MemoryLedger
from functions.adapters.postgres import Pool
from functions.adapters.postgres_kill_switch import PostgresKillSwitches
from functions.adapters.postgres_ledger import PostgresLedger
from functions.domain.decisions import Quote, Side, Submission, Verdict, Violation
from functions.domain.orders.account import Account, Position
from functions.domain.orders.booking import Booking, book
from functions.ports.errors import Unavailable
from functions.ports.kill_switch import KillSwitches
from functions.ports.ledger import AccountMoved, Ledger
from functions.services.orders.events import events_of

ACCEPTED = Verdict((), "test")
REJECTED = Verdict((Violation("position", "too large"),), "test")


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


async def booked(ledger: Ledger, asked: Submission, verdict: Verdict = ACCEPTED) -> Booking:
    """Book one order as the desk does."""
    account = await ledger.account(asked.order.account)
    assert account is not None
    booking = book(account, asked, verdict)
    await ledger.commit(booking, events_of(booking))
    return booking


def same(left: Account | None, right: Account) -> bool:
    """Compare accounts; how a ledger holds the positions is its own business."""
    return left is not None and replace(left, positions=dict(left.positions)) == replace(
        right, positions=dict(right.positions)
    )


async def test_unknown(ledger: Ledger) -> None:
    """What was never stored is None, and nothing is pending."""
    assert await ledger.account("nobody") is None
    assert await ledger.find("nothing") is None
    assert await ledger.pending() == 0
    assert await ledger.unpublished(10) == ()


async def test_look_up(ledger: Ledger) -> None:
    """What an order needs is its stored outcome, whoever asks; else its account; else there is nothing."""
    account = await ledger.account("paper")
    assert account is not None
    found = await ledger.look_up("order-1", "paper")
    assert isinstance(found, Account)
    assert same(found, account)
    assert await ledger.look_up("order-1", "nobody") is None
    booking = await booked(ledger, submission())
    assert await ledger.look_up("order-1", "paper") == booking.outcome
    assert await ledger.look_up("order-1", "nobody") == booking.outcome


async def test_opens_once(ledger: Ledger) -> None:
    """An account opens with its positions; opening it again changes nothing."""
    opening = replace(paper(100_000, Position(ETH, Decimal("1.5"), Decimal("2500.5"))), name="second")
    assert await ledger.open_account(opening)
    assert not await ledger.open_account(replace(opening, capital=Decimal(1)))
    assert same(await ledger.account("second"), opening)


async def test_commit(ledger: Ledger) -> None:
    """A booking read back is exactly what was booked: account, outcome and events."""
    booking = await booked(ledger, submission(asked=order(quantity=60_000)))
    assert same(await ledger.account("paper"), booking.account)
    assert await ledger.find("order-1") == booking.outcome
    assert [row.event for row in await ledger.unpublished(10)] == list(events_of(booking))
    assert await ledger.pending() == 3


async def test_commit_rejected(ledger: Ledger) -> None:
    """A rejected order is stored as well, with its reasons."""
    booking = await booked(ledger, submission(), REJECTED)
    assert await ledger.find("order-1") == booking.outcome
    assert booking.outcome.update.reasons == ("position: too large",)
    assert await ledger.pending() == 1


async def test_moved(ledger: Ledger) -> None:
    """A booking decided on an account that has moved since stores nothing."""
    account = await ledger.account("paper")
    assert account is not None
    late = book(account, submission(2), ACCEPTED)
    first = await booked(ledger, submission(1))
    with pytest.raises(AccountMoved):
        await ledger.commit(late, events_of(late))
    assert await ledger.find("order-2") is None
    assert same(await ledger.account("paper"), first.account)
    assert await ledger.pending() == 3


async def test_same_order(ledger: Ledger) -> None:
    """An order that is stored is never stored again, even for another account; no part of it stays."""
    first = await booked(ledger, submission())
    await ledger.open_account(replace(paper(), name="second"))
    second = await ledger.account("second")
    assert second is not None
    again = book(second, submission(asked=order(account="second")), ACCEPTED)
    with pytest.raises(AccountMoved):
        await ledger.commit(again, events_of(again))
    assert await ledger.find("order-1") == first.outcome
    assert same(await ledger.account("second"), second)
    assert await ledger.pending() == 3


async def test_racing_writers(ledger: Ledger) -> None:
    """Of many writers that decided on the same account, exactly one books."""
    account = await ledger.account("paper")
    assert account is not None
    bookings = [book(account, submission(number), ACCEPTED) for number in range(8)]
    results = await asyncio.gather(*(ledger.commit(one, events_of(one)) for one in bookings), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["AccountMoved"] * 7 + ["NoneType"]
    assert await ledger.pending() == 3


async def test_outbox(ledger: Ledger) -> None:
    """The outbox gives the oldest first, as many as asked; what was published is given no more."""
    for number in range(3):
        await booked(ledger, submission(number))
    rows = await ledger.unpublished(4)
    assert [row.event.extensions["sequence"] for row in rows] == [f"{number:020d}" for number in range(4)]
    await ledger.mark_published(tuple(row.position for row in rows))
    await ledger.mark_published(tuple(row.position for row in rows))
    left = await ledger.unpublished(10)
    assert [row.event.extensions["sequence"] for row in left] == [f"{number:020d}" for number in range(4, 9)]
    assert await ledger.pending() == 5


async def test_refused(ledger: Ledger) -> None:
    """An event that the broker refuses no longer waits, nor does it hold back what follows."""
    await booked(ledger, submission())
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
            for number in range(count(200)):
                side = Side.SELL if number % 3 else Side.BUY
                quote = Quote(
                    249_990 + number * 7, 5_000 + number, 250_010 + number * 11, 1 + number * 997, QUOTE.ts_event
                )
                asked = order(side, 1 + number * 1_009 % 20_011, 250_000 + number * 9 - (number % 5) * 13)
                await booked(ledger, submission(number, asked, quote), REJECTED if number % 7 == 6 else ACCEPTED)
        final = await memory.account("paper")
        assert final is not None
        assert same(await postgres.account("paper"), final)
        for number in range(count(200)):
            assert await postgres.find(f"order-{number}") == await memory.find(f"order-{number}")
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


@pytest.fixture
async def switches(place: str) -> AsyncIterator[KillSwitches]:
    """Give each keeper of switches."""
    pool = Pool(place)
    yield PostgresKillSwitches(pool) if place else MemoryKillSwitches()
    await pool.close()


async def test_switches(switches: KillSwitches) -> None:
    """A switch stands as it was last set; those never set are not there."""
    assert await switches.load() == {}
    await switches.set("", engaged=True, reason="drill")
    await switches.set("paper", engaged=True, reason="drill")
    await switches.set("paper", engaged=False, reason="over")
    assert await switches.load() == {"": True, "paper": False}
