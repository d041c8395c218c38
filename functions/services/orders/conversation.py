"""Hold one conversation: what is asked goes to the desk as it comes, each answer goes back by its tag."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Final, TypeAlias

from tickloom.orders.v1 import service_pb2

ASKED_MAX: Final = 256
"""Requests of one conversation that may wait for an answer; more are read once some are answered."""

Fault: TypeAlias = Callable[[Exception], tuple[str, bool]]
"""Gives the gRPC status name of an error, and whether the same may be asked again."""


async def converse(
    requests: AsyncIterable[service_pb2.TradeRequest],
    answer: Callable[[service_pb2.TradeRequest], Awaitable[service_pb2.TradeResponse]],
    fault: Fault,
) -> AsyncIterator[service_pb2.TradeResponse]:
    """Answer all that is asked until the caller has said everything; orders are decided as they were sent."""
    answers: asyncio.Queue[service_pb2.TradeResponse | None] = asyncio.Queue()
    room = asyncio.Semaphore(ASKED_MAX)
    asked: set[asyncio.Task[None]] = set()

    async def one(request: service_pb2.TradeRequest) -> None:
        try:
            answers.put_nowait(await answer(request))
        except Exception as error:  # noqa: BLE001 - whatever it is, this request has no answer and the others go on
            code, retry = fault(error)
            told = service_pb2.TradeFault(code=code, text=str(error) if code != "INTERNAL" else "", retry=retry)
            answers.put_nowait(service_pb2.TradeResponse(tag=request.tag, fault=told))

    async def read() -> None:
        try:
            async for request in requests:
                await room.acquire()
                task = asyncio.create_task(one(request))
                asked.add(task)
                task.add_done_callback(asked.discard)
            await asyncio.gather(*asked)
        finally:
            answers.put_nowait(None)

    reading = asyncio.create_task(read())
    try:
        while (told := await answers.get()) is not None:
            yield told
            room.release()
        await reading
    finally:
        for task in (reading, *asked):
            task.cancel()
        await asyncio.gather(reading, *asked, return_exceptions=True)
