"""A peer built on another library talks to our acceptor and our initiator over loopback, through every trouble."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

import pytest
from fix_peer import Peer, called, calling, now_text, text
from waiting import until

from functions.adapters.fix_connection import FixInitiator, Line
from functions.adapters.fix_store import leased
from functions.adapters.memory_fix_store import MemoryFixStores
from functions.local.fix_counterparty import Counterparty, House, serving
from functions.ports.fix_session import Link
from functions.wire.fix.actions import Deliver, NotLoggedOn, Terms
from functions.wire.fix.messages import ExecutionReport, NewOrder, read
from functions.wire.fix.rules import Identity, number_of

VENUE = Identity("VENUE", "US")
LOGON = ((98, 0), (108, 30))


def order(name: str, price: str = "2", quantity: int = 100) -> tuple[tuple[int, object], ...]:
    """Write the fields of a buy order; at 2 it is far through the market."""
    return ((11, name), (55, "EUR/USD"), (54, 1), (60, now_text()), (38, quantity), (40, 2), (44, price))


@pytest.fixture
async def venue() -> AsyncIterator[Counterparty]:
    """Serve the counterparty on loopback."""
    async with serving(Counterparty(House(VENUE))) as running:
        yield running


@contextlib.asynccontextmanager
async def logged_on(venue: Counterparty) -> AsyncIterator[Peer]:
    """Log on by hand."""
    async with calling(venue.port, "US", "VENUE") as peer:
        await peer.say("A", *LOGON)
        await peer.hear("A")
        yield peer


async def test_acceptor(venue: Counterparty) -> None:
    """A peer on another library logs on, orders, is filled, asks for a resend and logs out."""
    async with logged_on(venue) as peer:
        await peer.say("D", *order("o-1"))
        new, fill = await peer.hear("8", "8")
        assert (text(new, 150), text(new, 39), text(fill, 150), text(fill, 39)) == ("0", "0", "F", "2")
        assert (text(fill, 32), text(fill, 31), text(fill, 151), text(fill, 14)) == ("100", "1.1001", "0", "100")
        await peer.say("2", (7, 1), (16, 0))
        gap, first, second = await peer.hear("4", "8", "8")
        assert (text(gap, 34), text(gap, 123), text(gap, 36), text(gap, 43)) == ("1", "Y", "2", "Y")
        for again, once in ((first, new), (second, fill)):
            assert (text(again, 34), text(again, 17), text(again, 43)) == (text(once, 34), text(once, 17), "Y")
            assert text(again, 122) == text(once, 52)
        await peer.say("1", (112, "alive?"))
        (beat,) = await peer.hear("0")
        assert text(beat, 112) == "alive?"
        await peer.say("5")
        await peer.hear("5")


async def test_orders(venue: Counterparty) -> None:
    """The venue rests, replaces, cancels and refuses orders as FIX says."""
    async with logged_on(venue) as peer:
        await peer.say("D", *order("o-1", "1.0"))
        (rests,) = await peer.hear("8")
        await peer.say("G", (41, "o-1"), *order("o-2", "1.01", 50))
        (replaced,) = await peer.hear("8")
        chain = [text(replaced, tag) for tag in (150, 39, 11, 41, 38, 151)]
        assert chain == ["5", "0", "o-2", "o-1", "50", "50"]
        await peer.say("F", (41, "o-2"), *order("o-3"))
        (canceled,) = await peer.hear("8")
        assert [text(canceled, tag) for tag in (150, 39, 41, 151)] == ["4", "4", "o-2", "0"]
        await peer.say("F", (41, "o-2"), *order("o-4"))
        (refused,) = await peer.hear("9")
        assert [text(refused, tag) for tag in (434, 39, 41)] == ["1", "4", "o-2"]
        await peer.say("F", (41, "nobody"), *order("o-5"))
        (unknown,) = await peer.hear("9")
        assert [text(unknown, tag) for tag in (37, 102, 39)] == ["NONE", "1", "8"]
        await peer.say("D", *order("o-1"))
        (used,) = await peer.hear("8")
        assert [text(used, tag) for tag in (150, 39, 58)] == ["8", "8", "ClOrdID was used before"]
        assert text(rests, 39) == "0"


async def test_partial_fill(venue: Counterparty) -> None:
    """An order larger than the venue fills at once is filled in part and works on."""
    async with logged_on(venue) as peer:
        await peer.say("D", *order("big", quantity=3_000_000))
        _, fill = await peer.hear("8", "8")
        assert [text(fill, tag) for tag in (39, 14, 151)] == ["1", "1000000", "2000000"]


async def test_market_data(venue: Counterparty) -> None:
    """A request is answered with a snapshot, then with every change; an unknown symbol with a reject."""
    async with logged_on(venue) as peer:
        head = ((262, "r"), (263, 1), (264, 0), (267, 1), (269, 0))
        await peer.say("V", *head, (146, 2), (55, "EUR/USD"), (55, "NO/NE"))
        snapshot, _ = await peer.hear("W", "Y")
        assert text(snapshot, 268) == "10"
        await venue.move("EUR/USD")
        (change,) = await peer.hear("X")
        assert [change.get(269, nth) for nth in (1, 2)] == [b"2", b"0"]


async def test_kept_over_connections(venue: Counterparty) -> None:
    """Numbers run on over a broken connection, and what was missed meanwhile is to be had."""
    async with logged_on(venue) as peer:
        await peer.say("D", *order("o-1"))
        await peer.hear("8", "8")
        number = peer.number
    await until(lambda: venue.link is None)
    async with calling(venue.port, "US", "VENUE") as peer:
        peer.number = number
        await peer.say("A", *LOGON)
        (logon,) = await peer.hear("A")
        assert text(logon, 34) == "4"
        await peer.say("2", (7, 3), (16, 3))
        (fill,) = await peer.hear("8")
        assert (text(fill, 34), text(fill, 39), text(fill, 43)) == ("3", "2", "Y")


async def test_second_socket(venue: Counterparty) -> None:
    """A second socket for a session is refused without a word; the first one goes on."""
    async with logged_on(venue) as first:
        async with calling(venue.port, "US", "VENUE") as second:
            await second.say("A", *LOGON)
            assert await second.ended() == b""
        assert venue.acceptor.refused == 1
        await first.say("1", (112, "still"))
        await first.hear("0")


@pytest.mark.parametrize(("us", "them", "first"), [("OTHER", "VENUE", "A"), ("US", "OTHER", "A"), ("US", "VENUE", "D")])
async def test_strangers(venue: Counterparty, us: str, them: str, first: str) -> None:
    """Who is not this session, or begins with anything but a Logon, is told nothing and uses no number."""
    async with calling(venue.port, us, them) as peer:
        await peer.say(first, *LOGON)
        assert await peer.ended() == b""
    async with logged_on(venue) as peer:
        assert text(peer.heard[0], 34) == "1"


class Trader:
    """An application that keeps what it is given."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.link: Link | None = None
        self.given: list[Deliver] = []
        self.ended: list[str] = []

    async def opened(self) -> None:
        """Have nothing under way."""

    async def logged_on(self, link: Link) -> None:
        """Keep the link."""
        self.link = link

    async def logged_off(self, reason: str) -> None:
        """Keep the reason."""
        self.link = None
        self.ended.append(reason)

    async def take(self, delivered: Sequence[Deliver], next_in: int) -> None:  # noqa: ARG002 - the store keeps it
        """Keep the messages."""
        self.given += delivered


def initiator(trader: Trader, port: int, stores: MemoryFixStores, terms: Terms | None = None) -> FixInitiator:
    """Make our initiator; it connects again at once."""
    identity = Identity("US", "VENUE")
    line = Line(identity, terms or Terms(), leased(stores, identity), trader, lambda *_, **__: None)
    return FixInitiator(line, host="127.0.0.1", port=port, backoff_s=0.001, backoff_max_s=0.01)


@contextlib.asynccontextmanager
async def running(carrier: FixInitiator) -> AsyncIterator[None]:
    """Run while the block does."""
    task = asyncio.create_task(carrier.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_initiator() -> None:
    """Our initiator logs on to a peer on another library, orders, is filled, gets a resend, and is logged out."""
    trader, stores = Trader(), MemoryFixStores()
    request = NewOrder("o-1", "EUR/USD", "1", 0, "2", Decimal(100), Decimal("1.1"))
    report = ((37, "x"), (17, "e"), (150, "F"), (39, 2), (54, 1), (151, 0), (14, 100), (6, "1.1"), (11, "o-1"))
    async with called("VENUE", "US") as (port, call), running(initiator(trader, port, stores)):
        peer = await call()
        (logon,) = await peer.hear("A")
        assert (text(logon, 98), text(logon, 108), text(logon, 34)) == ("0", "30", "1")
        await peer.say("A", *LOGON)
        await until(lambda: trader.link is not None)
        assert trader.link is not None
        await trader.link.send(request)
        (order_,) = await peer.hear("D")
        assert [text(order_, tag) for tag in (11, 38, 44)] == ["o-1", "100", "1.1"]
        await peer.say("8", *report, number=3)
        (ask,) = await peer.hear("2")
        assert (text(ask, 7), text(ask, 16)) == ("2", "0")
        await peer.say("8", *report, number=2, dup=True)
        await until(lambda: len(trader.given) == 2)
        assert [number_of(one.message) for one in trader.given] == [2, 3]
        assert read(trader.given[0].message, ExecutionReport).cumulative_quantity == 100
        peer.number = 4
        await peer.say("2", (7, 2), (16, 0))
        (again, fill) = await peer.hear("D", "4")
        assert (text(again, 11), text(again, 43), text(fill, 36)) == ("o-1", "Y", "4")
        await peer.say("5")
        await peer.hear("5")
        peer.close()
        peer = await call()
        (logon,) = await peer.hear("A")
        assert text(logon, 34) == "5"


async def test_initiator_is_persistent() -> None:
    """A dropped connection is made again, and what was sent meanwhile is asked for and taken."""
    trader, stores = Trader(), MemoryFixStores()
    async with called("VENUE", "US") as (port, call), running(initiator(trader, port, stores)):
        peer = await call()
        await peer.hear("A")
        await peer.say("A", *LOGON)
        await until(lambda: trader.link is not None)
        peer.close()
        peer = await call()
        await peer.hear("A")
        await peer.say("A", *LOGON, number=4)
        (ask,) = await peer.hear("2")
        assert text(ask, 7) == "2"
        await peer.say("B", (148, "missed"), number=2, dup=True)
        await peer.say("4", (123, "Y"), (36, 5), number=3, dup=True)
        await peer.say("B", (148, "new"), number=5)
        await until(lambda: len(trader.given) == 2)
    assert [one.message.text(148) for one in trader.given] == ["missed", "new"]
    assert stores.read(Identity("US", "VENUE")).numbers.next_in == 6


async def test_stop_says_so() -> None:
    """An initiator that is stopped logs out; sending on the link of an ended session is refused."""
    trader, stores = Trader(), MemoryFixStores()
    async with called("VENUE", "US") as (port, call):
        async with running(initiator(trader, port, stores)):
            peer = await call()
            await peer.hear("A")
            await peer.say("A", *LOGON)
            await until(lambda: trader.link is not None)
            link = trader.link
        await peer.hear("5")
    assert link is not None
    with pytest.raises(NotLoggedOn):
        await link.send(("B", [(148, "late")]))


async def test_silent_peer() -> None:
    """A peer that falls silent is tested, then given up, and called again."""
    trader, stores = Trader(), MemoryFixStores()
    terms = Terms(heartbeat_s=1)
    async with called("VENUE", "US") as (port, call), running(initiator(trader, port, stores, terms)):
        peer = await call()
        await peer.hear("A")
        await peer.say("A", (98, 0), (108, 1))
        (test,) = await peer.hear("1")
        assert text(test, 112)
        await peer.ended()
        await (await call()).hear("A")
        assert trader.ended == ["the peer is silent"]
