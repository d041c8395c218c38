"""Time orders that are handed in: checked, executed and stored in PostgreSQL before each is answered.

Orders are immediate, against the quote that they come with, so that none works on and a run may be as long as it likes;
buys and sells take turns. Limits are wide, for what is refused is stored sooner.
"""

import asyncio
import contextlib
import itertools
import json
import pathlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import grpc.aio
from tickloom.orders.v1 import service_pb2, service_pb2_grpc

from functions.adapters.orders_client import GrpcOrders
from functions.domain.decisions import OrderIntent, OrderStatus, Quote, Side, Submission
from functions.local.echo import HOST
from functions.local.round_trips import ANSWER_MS, STREAMED, UNARY, Way, streamed
from functions.wire.codecs.orders import submission_message

MANY: Final = 50
"""Orders in one message."""

ACCOUNT: Final = "bench"
CAPITAL: Final = "1000000000"
LIMITS: Final = {
    "exposure_ratio_max": "0.95",
    "quote_age_ms_max": 60_000,
    "quote_ahead_ms_max": 60_000,
    "default": {
        "order_notional_max": "1000000",
        "position_notional_max": "100000000",
        "price_collar_bps_max": "100",
    },
}
"""Wide, and without rates; in force while the database has none."""

_WEIGHT: Final = 4
"""An order takes about as many times longer than a check."""


def settings(folder: pathlib.Path) -> dict[str, str]:
    """Write the limits down; say how the orders service is started."""
    folder.mkdir(parents=True, exist_ok=True)
    limits = folder / "limits.json"
    limits.write_text(json.dumps(LIMITS))
    return {
        "TICKLOOM_ACCOUNT": ACCOUNT,
        "TICKLOOM_CAPITAL": CAPITAL,
        "TICKLOOM_ORDERS_VENUE": "",
        "TICKLOOM_RISK_LIMITS_PATH": str(limits),
    }


@contextlib.asynccontextmanager
async def ways(ports: Mapping[str, int]) -> AsyncIterator[list[Way]]:
    """Open every way to hand in orders.

    Args:
        ports: Port of `orders` on loopback.
    """
    asked = orders()
    client = GrpcOrders(f"{HOST}:{ports['orders']}", deadline_ms=ANSWER_MS)

    async def unary() -> None:
        outcome = await client.submit(next(asked))
        assert outcome.update.status is OrderStatus.FILLED, outcome  # noqa: S101 - else refusals would be timed

    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(client.close)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"{HOST}:{ports['orders']}"))
        trades = _Trades(channel)
        stack.push_async_callback(trades.close)
        size, sizes = (trades.message(list(itertools.islice(asked, n))).ByteSize() for n in (1, MANY))
        yield [
            Way("order submitted, unary", size, 1, unary, UNARY, _WEIGHT),
            Way("order submitted, stream", size, 1, lambda: trades.submit([next(asked)]), STREAMED, _WEIGHT),
            Way(
                f"orders submitted, stream, {MANY} in a message",
                sizes,
                MANY,
                lambda: trades.submit(list(itertools.islice(asked, MANY))),
                streamed(MANY),
                _WEIGHT * MANY // 2,
            ),
        ]


def orders() -> Iterator[Submission]:
    """Give orders for ever: a coin each, bought and sold in turns, at the quote of the moment."""
    run = uuid4().hex[:8]
    for number in itertools.count():
        side, limit = ((Side.BUY, 250_010), (Side.SELL, 249_990))[number % 2]
        now_ns = time.time_ns()
        quote = Quote(bid_price=249_990, bid_size=50_000, ask_price=250_010, ask_size=50_000, ts_event=now_ns)
        order = OrderIntent(ACCOUNT, "ETH-USDT.BINANCE", side, 10_000, limit, price_exponent=-2, size_exponent=-4)
        yield Submission(f"{run}-{number}", order, quote, now_ns, "", "", "")


class _Trades:
    """Hand in orders over one conversation."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        stub: Any = service_pb2_grpc.OrdersServiceStub(channel)
        self._call = stub.Trade(wait_for_ready=True)
        self._waiting: dict[int, asyncio.Future[service_pb2.TradeResponse]] = {}
        self._tags = itertools.count(1)
        self._writing = asyncio.Lock()  # a stream takes one message at a time
        self._reading = asyncio.create_task(self._read())

    def message(self, submissions: Sequence[Submission]) -> service_pb2.TradeRequest:
        """Write what is handed in at once."""
        written = [submission_message(one) for one in submissions]
        request = service_pb2.TradeRequest(tag=next(self._tags))
        if len(written) == 1:
            request.submit.CopyFrom(written[0])
        else:
            request.submit_many.orders.extend(written)
        return request

    async def submit(self, submissions: Sequence[Submission]) -> None:
        """Hand in orders, and return once all are answered.

        Raises:
            RuntimeError: One was not executed.
        """
        request = self.message(submissions)
        waiter = self._waiting[request.tag] = asyncio.get_running_loop().create_future()
        async with self._writing:
            await self._call.write(request)
        answer = await waiter
        answered = answer.submit_many.orders if answer.HasField("submit_many") else [answer.submit]
        if answer.HasField("fault") or not all(one.fills for one in answered):
            message = f"an order was not executed: {answer}"
            raise RuntimeError(message)

    async def _read(self) -> None:
        async for answer in self._call:
            self._waiting.pop(answer.tag).set_result(answer)

    async def close(self) -> None:
        """Hang up."""
        self._call.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
