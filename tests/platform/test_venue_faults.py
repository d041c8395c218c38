"""Simulated venues fail as they are told to, answer what is no request, and offer over REST what a line lost."""

import asyncio
import time

import pytest
from aiohttp import web
from venue_clients import (
    BINANCE,
    REST,
    STREAMING,
    ask,
    heard,
    plan,
    playing,
    said,
    trade_ids,
    wanted,
)
from websockets.exceptions import ConnectionClosed

from functions.local.venues.clients import QUEUE_MESSAGES_MAX, Client
from functions.local.venues.exchange import Exchange, serving
from functions.local.venues.faults import Fault, FaultRates, rates_of
from functions.local.venues.plans import KITS, build


async def history(venue: Exchange, dialect: str, symbol: str, last: int) -> list[int]:
    """Fetch every trade behind an id as a client of this venue would, a small page at a time."""
    found: list[int] = []
    if dialect in BINANCE:
        while True:
            path = f"{REST[dialect]}/historicalTrades?symbol={symbol}&limit=7&fromId={(found or [last])[-1] + 1}"
            _, page = await ask(venue, path)
            if not page:
                return found
            found += [one["id"] for one in page]
    if dialect == "kraken.v2":
        _, reply = await ask(venue, f"/0/public/Trades?pair={symbol}&since=0")
        return [row[6] for row in next(iter(reply["result"].values())) if row[6] > last]
    after = ""
    while True:
        _, page = await ask(venue, f"/products/{symbol}/trades?limit=7{after}")
        found += [one["trade_id"] for one in page if one["trade_id"] > last]
        if not page or page[-1]["trade_id"] <= last:
            return sorted(found)
        after = f"&after={page[-1]['trade_id']}"


async def faulty(fault: str, **query: str) -> tuple[list[int], list[int]]:
    """Play with one armed fault: (trades heard, trades said)."""
    async with playing(plan("binance.spot")) as (venue, socket):
        await socket.send(wanted("binance.spot", "trade")[0])
        await heard(socket, "binance.spot")
        text = "&".join(f"{name}={value}" for name, value in query.items())
        await ask(venue, f"/faults/{fault}?kind=trade&symbol=BTCUSDT&{text}", "POST")
        await venue.play(2)
        return trade_ids("binance.spot", await heard(socket, "binance.spot")), said(venue, "binance.spot", "BTCUSDT")


async def test_gap() -> None:
    """A withheld message is missing, and the others come."""
    ids, all_ids = await faulty("gap", count="3")
    assert ids == all_ids[3:]


async def test_duplicate() -> None:
    """A doubled message comes twice in a row."""
    ids, all_ids = await faulty("duplicate")
    assert ids == all_ids[:1] + all_ids


async def test_reorder() -> None:
    """A late message comes behind the next one, and none is lost."""
    ids, all_ids = await faulty("reorder")
    assert ids == [all_ids[1], all_ids[0], *all_ids[2:]]


async def test_garbage() -> None:
    """Rubbish comes as it is, between good messages."""
    async with playing(plan("binance.spot")) as (venue, socket):
        await socket.send(wanted("binance.spot", "trade")[0])
        await heard(socket, "binance.spot")
        await ask(venue, "/faults/garbage", "POST", data="not json")
        assert await asyncio.wait_for(socket.recv(), 5) == "not json"


async def test_silence_says_nothing() -> None:
    """A silent venue keeps the connection and says nothing; what it would have said stays unsaid."""
    async with playing(plan("coinbase.exchange")) as (venue, socket):
        await socket.send(wanted("coinbase.exchange", "trade")[0])
        await heard(socket, "coinbase.exchange")
        await ask(venue, "/faults/silent", "POST")
        await venue.play(1)
        await ask(venue, "/faults", "DELETE")
        assert trade_ids("coinbase.exchange", await heard(socket, "coinbase.exchange")) == []
        assert len(venue.ledger)


@pytest.mark.parametrize(("fault", "status"), [("throttle", 429), ("fail", 503)])
async def test_rest_faults(fault: str, status: int) -> None:
    """A request that a fault befalls is refused with the venue's status, the next one is answered."""
    async with serving(build(plan("binance.spot"))) as venue:
        await ask(venue, f"/faults/{fault}", "POST")
        assert [(await ask(venue, "/api/v3/ping"))[0] for _ in range(2)] == [status, 200]


async def test_unknown_fault_is_refused() -> None:
    """A fault nobody knows is answered with those there are."""
    async with serving(build(plan("binance.spot"))) as venue:
        status, content = await ask(venue, "/faults/earthquake", "POST")
        assert (status, "duplicate" in content["message"]) == (404, True)


async def test_drawn_faults_are_counted() -> None:
    """With a probability of one half about half of the messages are missing, and the count says how many."""
    async with playing(plan("binance.spot", faults=FaultRates(gap=0.5))) as (venue, socket):
        await socket.send(wanted("binance.spot", "trade")[0])
        await heard(socket, "binance.spot")
        await venue.play(5)
        ids = trade_ids("binance.spot", await heard(socket, "binance.spot"))
        assert len(ids) + venue.faults.counts[Fault.GAP] == len(said(venue, "binance.spot", "BTCUSDT"))
        assert 0.3 < len(ids) / len(said(venue, "binance.spot", "BTCUSDT")) < 0.7


@pytest.mark.parametrize("rates", [{"gap": 1.5}, {"gap": -0.1}, {"slow": -1.0}, {"flood": 0.1}])
def test_impossible_rates_are_refused(rates: dict[str, float]) -> None:
    """What is no probability, or no fault, is refused."""
    with pytest.raises(ValueError, match="fault"):
        rates_of(rates)


async def test_a_slow_venue_takes_its_time() -> None:
    """A slow venue waits before each message, and none of them is lost."""
    async with playing(plan("binance.spot")) as (venue, socket):
        await socket.send(wanted("binance.spot", "trade")[0])
        await heard(socket, "binance.spot")
        await ask(venue, "/faults/slow?seconds=0.02", "POST")
        await venue.play(0.5)
        began = time.monotonic()
        ids = trade_ids("binance.spot", await heard(socket, "binance.spot"))
        assert ids == said(venue, "binance.spot", "BTCUSDT")
        assert time.monotonic() - began >= 0.02 * len(ids) > 0


async def test_who_reads_too_slowly_is_dropped() -> None:
    """A client whose queue is full is told goodbye, as venues do; what it did not read is not kept."""
    client = Client(web.WebSocketResponse(), None)
    for _ in range(QUEUE_MESSAGES_MAX):
        client.offer("x")
    assert not client.lagging
    client.offer("x")
    assert client.lagging
    assert client.queue.qsize() == QUEUE_MESSAGES_MAX


@pytest.mark.parametrize("dialect", STREAMING)
@pytest.mark.parametrize(
    "request_text",
    [
        *("", "{", "[]", "7", "null", '{"method":5}', '{"event":"subscribe"}', '{"type":"subscribe","channels":5}'),
        '{"method":"subscribe","params":{"channel":"book","symbol":["NO/NO"],"depth":"x"}}',
        '{"event":"subscribe","pair":["NO/NO"],"subscription":{"name":"book","depth":7}}',
    ],
)
async def test_requests_that_are_none_are_answered(dialect: str, request_text: str) -> None:
    """Whatever a client sends, the venue answers in its own words and goes on serving."""
    async with playing(plan(dialect)) as (venue, socket):
        await socket.send(request_text)
        await heard(socket, dialect)
        for request in wanted(dialect, "trade"):
            await socket.send(request)
        await heard(socket, dialect)
        await venue.play(0.5)
        symbol = KITS[dialect].symbols[0]
        assert trade_ids(dialect, await heard(socket, dialect)) == said(venue, dialect, symbol)


@pytest.mark.parametrize("dialect", ["binance.spot", "binance.usdm", "coinbase.exchange", "kraken.v2"])
async def test_rest_has_what_a_cut_connection_missed(dialect: str) -> None:
    """Trades said while nobody listened are in the REST history; with them a feed has the ledger again."""
    symbol = KITS[dialect].symbols[0]
    async with playing(plan(dialect)) as (venue, socket):
        for request in wanted(dialect, "trade"):
            await socket.send(request)
        await heard(socket, dialect)
        await venue.play(1)
        before = trade_ids(dialect, await heard(socket, dialect))
        await ask(venue, "/faults/disconnect", "POST")
        with pytest.raises(ConnectionClosed):
            await heard(socket, dialect)
        await venue.play(2)
        missed = await history(venue, dialect, symbol, before[-1])
        assert before + missed == said(venue, dialect, symbol)
        assert len(missed) > 10
