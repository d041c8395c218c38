"""Kill, stop and continue real orders processes over a real PostgreSQL: nothing is lost, nothing is sent twice."""

import asyncio
import multiprocessing
import os
import pathlib
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from multiprocessing.context import ForkServerProcess
from typing import Self

import grpc
import grpc.aio
import orders_process
import pytest
from counts import count
from orders_process import LABELS, Fuse
from stores import fresh_database
from tickloom.orders.v1 import order_pb2, service_pb2, service_pb2_grpc
from trading import ETH, order, paper, submission

from functions.adapters.postgres import Pool
from functions.adapters.postgres_ledger import PostgresLedger
from functions.domain.decisions import Submission, TimeInForce
from functions.domain.orders.account import Account
from functions.services.orders.writer import Lead
from functions.wire.codecs.orders import submission_message

FORKED = multiprocessing.get_context("forkserver")
WITHIN_S = 120
UNANSWERED = frozenset((grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN))


class Running:
    """Hold one orders process and a channel to it."""

    def __init__(self, process: ForkServerProcess, port: int) -> None:
        """Open a channel."""
        self.process = process
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self.stub: service_pb2_grpc.OrdersServiceAsyncStub = service_pb2_grpc.OrdersServiceStub(self.channel)

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    async def close(self) -> None:
        """Kill it and let go of it."""
        self.process.kill()
        await asyncio.to_thread(self.process.join)
        await self.channel.close()


class Shop:
    """Keep one orders process running, whatever kills it."""

    def __init__(self, url: str, venue: pathlib.Path, lead: Lead) -> None:
        """Start nothing yet."""
        self.url, self.venue, self.lead = url, venue, lead
        self.fuse = Fuse()
        self.starts = 0
        self.running: Running | None = None
        self._all: list[Running] = []
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Give it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Kill every process; a channel is closed only now, for that cancels the calls on it."""
        for one in self._all:
            await one.close()

    async def alive(self) -> Running:
        """Give the running process; start another when it died. A fuse burns in one process only."""
        async with self._starting:
            if self.running is not None and self.running.process.is_alive():
                return self.running
            ours, theirs = FORKED.Pipe(duplex=False)
            told = (self.url, self.venue, self.lead, self.fuse, theirs)
            process = FORKED.Process(target=orders_process.serve, args=told, daemon=True)
            await asyncio.to_thread(process.start)
            theirs.close()  # so that a process that dies before it is ready is found out
            self.fuse = Fuse()
            self.starts += 1
            self.running = Running(process, await asyncio.to_thread(ours.recv))
            self._all.append(self.running)
            return self.running

    async def call(self, ask: "Callable[[service_pb2_grpc.OrdersServiceAsyncStub], Awaitable[object]]") -> object:
        """Ask until there is an answer, as a client does that was told nothing."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                running = await self.alive()
                try:
                    return await ask(running.stub)
                except grpc.aio.AioRpcError as error:
                    _check_unanswered(error)

    async def submit(self, number: int, quantity: int = 0) -> order_pb2.OrderUpdate:
        """Hand in a resting order until it is answered."""
        message = submission_message(resting(number, quantity or number))
        answer = await self.call(lambda stub: stub.Submit(message, timeout=WITHIN_S))
        assert isinstance(answer, service_pb2.SubmitResponse)
        return answer.update

    async def watch(self) -> AsyncIterator[service_pb2.WatchOrdersResponse]:
        """Follow the account across processes, each time from one behind the last number seen."""
        following = 0
        while True:
            running = await self.alive()
            asked = service_pb2.WatchOrdersRequest(account="paper", from_sequence=following)
            try:
                async for step in running.stub.WatchOrders(asked):
                    assert step.sequence == following
                    following += 1
                    yield step
            except grpc.aio.AioRpcError as error:
                _check_unanswered(error)


def _check_unanswered(error: grpc.aio.AioRpcError) -> None:
    """Any other status is an answer, and none that was expected."""
    assert error.code() in UNANSWERED, error


def resting(number: int, quantity: int) -> Submission:
    """Hand in an order that rests; even quantities are filled by the venue."""
    asked = replace(order(quantity=quantity, limit=249_000), time_in_force=TimeInForce.GOOD_TILL_CANCEL)
    return submission(number, asked)


def settled(update: order_pb2.OrderUpdate, quantity: int) -> bool:
    """Tell whether an order has come as far as the venue brings it."""
    wanted = order_pb2.ORDER_STATUS_NEW if quantity % 2 else order_pb2.ORDER_STATUS_FILLED
    return update.status == wanted and not update.outcome_unknown


@asynccontextmanager
async def shop(url: str, folder: pathlib.Path) -> AsyncIterator[Shop]:
    """Open a shop with the account `paper` on a database of its own."""
    own = await fresh_database(url)
    pool = Pool(own)
    await PostgresLedger(pool).open_account(paper(10**9))
    await pool.close()
    FORKED.set_forkserver_preload(["functions.services.orders.main", "functions.adapters.risk_memory"])
    async with Shop(own, folder / "venue.jsonl", Lead("desk", 60_000)) as one:
        yield one


async def check(one: Shop, numbers: range) -> None:
    """Follow the stream until every order has settled; then nothing is lost, doubled or out of place."""
    waiting = set(numbers)
    async with asyncio.timeout(WITHIN_S):
        async for step in one.watch():
            if step.WhichOneof("step") == "update":
                number = int(step.update.client_order_id.removeprefix("order-"))
                if settled(step.update, number):
                    waiting.discard(number)
            if not waiting:
                break
    sent = Counter((line["kind"], line["id"]) for line in orders_process.reached(one.venue))
    assert sent == {("new", f"order-{number}"): 1 for number in numbers}
    account, filled = await stored(one.url), Decimal(sum(number for number in numbers if number % 2 == 0)).scaleb(-4)
    assert {name: held.quantity for name, held in account.positions.items()} == ({ETH: filled} if filled else {})
    assert account.cash == Decimal(10**9) - filled * 2490


async def stored(url: str) -> Account:
    """Read the account."""
    pool = Pool(url)
    account = await PostgresLedger(pool).account("paper")
    await pool.close()
    assert account is not None
    return account


@pytest.mark.parametrize("label", LABELS)
async def test_killed_at(label: str, postgres_url: str, tmp_path: pathlib.Path) -> None:
    """Killed at a named point, the service goes on: each order reaches the venue once, and the stream has no gap."""
    async with shop(postgres_url, tmp_path) as one:
        one.fuse = Fuse(label, times=2)
        numbers = range(1, 9)
        answers = await asyncio.gather(*(one.submit(number) for number in numbers))
        assert [answer.client_order_id for answer in answers] == [f"order-{number}" for number in numbers]
        await check(one, numbers)
        assert one.starts == 2


async def test_killed_anywhere(postgres_url: str, tmp_path: pathlib.Path) -> None:
    """Killed at random under load, again and again, every order that was accepted is there, and was sent once."""
    kills, chosen = count(25), random.Random(6)  # noqa: S311 - chooses when to kill
    numbers = range(1, 8 * kills + 17)  # the last ones are there for kills that had to wait for a process
    deadly = {8 * one + 1 + chosen.randrange(8) for one in range(kills)}
    async with shop(postgres_url, tmp_path) as one:
        room = asyncio.Semaphore(6)
        done = due = 0
        killed: list[Running] = []

        async def submit(number: int) -> None:
            nonlocal done, due
            async with room:
                await one.submit(number)
                done += 1
                due += done in deadly
                if due and one.running is not None and one.running not in killed:  # else it is dead already
                    due -= 1
                    killed.append(one.running)
                    one.running.process.kill()

        await asyncio.gather(*map(submit, numbers))
        await check(one, numbers)
        assert len(killed) == kills
        assert one.starts == kills + 1


async def test_paused(postgres_url: str, tmp_path: pathlib.Path) -> None:
    """A process that was stopped before a commit, longer than its lease, finds itself fenced off by who followed it."""
    async with shop(postgres_url, tmp_path) as first, Shop(first.url, first.venue, Lead("second", 60_000)) as second:
        first.lead, first.fuse = Lead("first", 300), Fuse("before_store", times=2, number=signal.SIGSTOP)
        await first.submit(1)
        paused = await first.alive()
        late = asyncio.ensure_future(paused.stub.Submit(submission_message(resting(3, 3)), timeout=WITHIN_S))
        await second.submit(5)  # refused until the lease has run out
        paused.signal(signal.SIGCONT)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await late
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await paused.stub.Submit(submission_message(resting(7, 7)), timeout=WITHIN_S)
        assert "is led by 'second'" in str(caught.value.details())
        assert (await second.submit(3)).n == 1
        await check(second, range(1, 6, 2))
