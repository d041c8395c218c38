"""Serve the bare twins of our servers, so that their figures stand beside ours: what a call costs that does nothing.

    python -m functions.local.echo grpc|tcp|http PORT

`grpc` is grpc.aio with one unary method and one that is a lasting stream, bytes in and the same bytes out, and a stream
that reads each as the message of a risk check and writes that again, as stubs do; `tcp` gives back what it reads;
`http` is a function that answers every event with itself, hosted as handlers are.
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from functions.local import loop

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from functions.wire.envelope import Event

METHOD: Final = "/tickloom.echo.Echo/Echo"
STREAM: Final = "/tickloom.echo.Echo/Converse"
MESSAGES: Final = "/tickloom.echo.Echo/ConverseInMessages"
HOST: Final = "127.0.0.1"


async def _until_stopped() -> None:
    gc.collect()
    gc.freeze()  # as our own servers do once they stand
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()


async def _grpc(port: int) -> None:
    import grpc  # noqa: PLC0415 - each kind imports what it serves with, and nothing of the others

    from functions.wire.codecs.risk import questions_message  # noqa: PLC0415 - as above

    async def echo(request: bytes, _context: object) -> bytes:
        return request

    async def converse(requests: AsyncIterator[Any], _context: object) -> AsyncIterator[Any]:
        async for request in requests:
            yield request

    _, service, name = METHOD.split("/")
    kind = type(questions_message(0, ()))
    methods: dict[str, Any] = {
        name: grpc.unary_unary_rpc_method_handler(echo),
        STREAM.rpartition("/")[2]: grpc.stream_stream_rpc_method_handler(converse),
        MESSAGES.rpartition("/")[2]: grpc.stream_stream_rpc_method_handler(
            converse, kind.FromString, kind.SerializeToString
        ),
    }
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
    server.add_insecure_port(f"{HOST}:{port}")
    await server.start()
    await _until_stopped()
    await server.stop(None)


class _Parrot(asyncio.Protocol):
    """Give back what comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


async def _tcp(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Parrot, HOST, port)
    async with server:
        await _until_stopped()


@dataclass(frozen=True, slots=True)
class _NoSettings:
    """Say nothing: an echo has nothing to know."""


def _http(port: int) -> None:
    import functions_framework.aio  # noqa: PLC0415 - as above

    from functions.ports.card import Card, Kind  # noqa: PLC0415
    from functions.runtime import event_app  # noqa: PLC0415
    from functions.runtime.hosting import HostedHandler  # noqa: PLC0415

    async def echo(event: "Event") -> "Event":
        return event

    card = Card("echo", Kind.HANDLER, "1", "Answers every event with itself.", consumes=("*",))
    respond = event_app.endpoint(_NoSettings, lambda _: HostedHandler(card, echo))

    @functions_framework.aio.http
    async def handle(request: "Request") -> "Response":
        return await respond(request)

    os.environ |= {"PORT": str(port), "TICKLOOM_HOST": HOST}
    event_app.serve(respond, handle)


_LOOPS: Final[dict[str, Callable[[int], Coroutine[Any, Any, None]]]] = {"grpc": _grpc, "tcp": _tcp}


def main(kind: str, port: int) -> None:
    """Serve until SIGTERM."""
    if kind == "http":
        _http(port)
    else:
        loop.run(_LOOPS[kind](port))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
