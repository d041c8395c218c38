"""The door before each way to write a servicer: what reads and writes on the context is checked like what iterates."""

import asyncio
import pathlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from identified import claims, hosting, token
from tickloom.orders.v1 import order_pb2, service_pb2

from functions.ports.telemetry import NULL
from functions.runtime.authentication import authentication
from functions.runtime.authorisation import Permission, Role
from functions.runtime.door import Door
from functions.runtime.grpc_app import Guard

NAME = "test.v1.Ways"
ROW = Permission(frozenset({Role.TRADER}), ("account",), answers=("update.account",))
Asked = service_pb2.CancelRequest
Told = service_pb2.CancelResponse


def told(account: str) -> service_pb2.CancelResponse:
    """Answer about an account."""
    return Told(update=order_pb2.OrderUpdate(account=account))


class Servicer:
    """Echo accounts in each way gRPC allows."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self.seen: list[str] = []

    def echo(self, request: service_pb2.CancelRequest) -> service_pb2.CancelResponse:
        """Note an account and answer about it; `x` answers about another's."""
        self.seen.append(request.account)
        return told("another" if request.request_id == "x" else request.account)

    async def by_reading(self, _: object, context: Any) -> None:  # noqa: ANN401 - gRPC's
        """Read and write on the context."""
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(self.echo(request))

    async def by_iterating(self, requests: AsyncIterator[Any], _: object) -> AsyncIterator[Any]:
        """Iterate and yield."""
        async for request in requests:
            yield self.echo(request)

    async def by_a_task(self, requests: AsyncIterator[Any], context: Any) -> None:  # noqa: ANN401
        """Iterate in a task of its own, whose end nobody asks about."""

        async def read() -> None:
            async for request in requests:
                await context.write(self.echo(request))

        await asyncio.wait((asyncio.create_task(read()),))

    async def of_many(self, requests: AsyncIterator[Any], _: object) -> Any:  # noqa: ANN401
        """Answer once, about the last."""
        answers = [self.echo(request) async for request in requests]
        return answers[-1]

    async def by_writing(self, request: Any, context: Any) -> None:  # noqa: ANN401
        """Write one answer, then wait for ever."""
        await context.write(self.echo(request))
        await asyncio.Event().wait()

    async def in_time(self, request: Any, context: Any) -> Any:  # noqa: ANN401, ARG002
        """Give up by itself, which has nothing to do with the caller's time."""
        raise TimeoutError

    async def abort(self, request: Any, context: Any) -> None:  # noqa: ANN401, ARG002
        """End with a status of its own, on a context that knows all that gRPC's does."""
        await context.abort(grpc.StatusCode.DATA_LOSS, context.peer()[:4])

    def register(self, server: grpc.aio.Server) -> None:
        """Serve all ways."""
        codec: dict[str, Any] = {
            "request_deserializer": Asked.FromString,
            "response_serializer": lambda message: message.SerializeToString(),
        }
        stream, stream_one = grpc.stream_stream_rpc_method_handler, grpc.stream_unary_rpc_method_handler
        one_stream = grpc.unary_stream_rpc_method_handler
        ways: dict[str, Any] = {
            "Reading": stream(self.by_reading, **codec),
            "Iterating": stream(self.by_iterating, **codec),
            "Task": stream(self.by_a_task, **codec),
            "OfMany": stream_one(self.of_many, **codec),
            "Writing": one_stream(self.by_writing, **codec),
            "InTime": one_stream(self.in_time, **codec),
            "Abort": one_stream(self.abort, **codec),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, ways),))


@pytest.fixture
def servicer() -> Servicer:
    """Give a servicer."""
    return Servicer()


@asynccontextmanager
async def behind_a_door(servicer: Servicer, folder: pathlib.Path) -> AsyncIterator[grpc.aio.Channel]:
    rows = {f"{NAME}/{way}": ROW for way in ("Reading", "Iterating", "Task", "OfMany", "Writing", "InTime", "Abort")}
    door = Door(authentication(hosting(folder), time.time), time.time, rows)
    server = grpc.aio.server(interceptors=(Guard("ways", NULL, door),))
    servicer.register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(0)


@pytest.fixture
async def channel(servicer: Servicer, tmp_path: pathlib.Path) -> AsyncIterator[grpc.aio.Channel]:
    """Give a channel to the servicer behind a door."""
    async with behind_a_door(servicer, tmp_path) as channel:
        yield channel


def conversation(channel: grpc.aio.Channel, way: str) -> Callable[..., Any]:
    """Give a function that asks a way about accounts, and gives the answers and the status."""
    make = {"OfMany": channel.stream_unary, "Writing": channel.unary_stream}.get(way, channel.stream_stream)
    make = {"InTime": channel.unary_stream, "Abort": channel.unary_stream}.get(way, make)
    stub: Any = make(
        f"/{NAME}/{way}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=Told.FromString,
    )

    async def ask(*asked: service_pb2.CancelRequest, lasts_s: int = 60) -> tuple[list[str], str, str]:
        now = int(time.time())
        shown = (("authorization", f"Bearer {token(claims(now, exp=now + lasts_s))}"),)
        requests = asked[0] if make == channel.unary_stream else iter(asked)
        answers: list[str] = []
        call = stub(requests, metadata=shown, timeout=30)
        try:
            if make == channel.stream_unary:
                answers.append((await call).update.account)
            else:
                async for answer in call:
                    answers.append(answer.update.account)  # noqa: PERF401 - what came before the end counts
        except grpc.aio.AioRpcError as error:
            return answers, error.code().name, error.details() or ""
        return answers, "OK", ""

    return ask


MINE, OTHER = Asked(account="paper"), Asked(account="another")


@pytest.mark.parametrize("way", ["Reading", "Iterating", "Task"])
async def test_conversations(channel: grpc.aio.Channel, servicer: Servicer, way: str) -> None:
    """However a conversation is written, another's account ends it and is not seen."""
    ask = conversation(channel, way)
    assert await ask(MINE, MINE) == (["paper", "paper"], "OK", "")
    servicer.seen.clear()
    assert await ask(MINE, OTHER, MINE) == (["paper"], "PERMISSION_DENIED", "not for your accounts")
    assert servicer.seen == ["paper"]


@pytest.mark.parametrize("way", ["Reading", "Iterating", "OfMany"])
async def test_answers(channel: grpc.aio.Channel, way: str) -> None:
    """However it is written, no answer about another's account leaves."""
    answers, code, _ = await conversation(channel, way)(Asked(account="paper", request_id="x"))
    assert (answers, code) == ([], "PERMISSION_DENIED")


async def test_one_answer_to_many(channel: grpc.aio.Channel) -> None:
    """An answer to many requests comes when all were the caller's."""
    ask = conversation(channel, "OfMany")
    assert await ask(MINE, MINE) == (["paper"], "OK", "")
    assert await ask(MINE, OTHER) == ([], "PERMISSION_DENIED", "not for your accounts")


async def test_writing_ends_in_time(channel: grpc.aio.Channel) -> None:
    """A stream that is written on the context ends with the token too."""
    ended = await conversation(channel, "Writing")(MINE, lasts_s=2)
    assert ended == (["paper"], "UNAUTHENTICATED", "what proves the caller has expired")


async def test_own_timeout(channel: grpc.aio.Channel) -> None:
    """A method's own TimeoutError stays its own."""
    assert await conversation(channel, "InTime")(MINE) == ([], "INTERNAL", "ways failed with TimeoutError")


async def test_own_status(channel: grpc.aio.Channel) -> None:
    """All else on the context is gRPC's."""
    assert await conversation(channel, "Abort")(MINE) == ([], "DATA_LOSS", "ipv4")
