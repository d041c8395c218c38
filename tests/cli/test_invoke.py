"""`tickloom invoke` sends one CloudEvent and prints what comes back."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from ticking import T0, Trade, batch

from functions.cli import main
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.envelope import Event
from functions.wire.facts import PROTOBUF
from functions.wire.http_binding import from_http, to_http

Serve = Callable[[web.Request], Awaitable[web.Response]]
TICKS = "tickloom.market.v1.TickBatch"


@contextlib.asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """Run a small server; give its address."""
    app = web.Application()
    app.router.add_post("/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def invoke(*words: str) -> int:
    """Run the verb in a thread, as it has a loop of its own."""
    return await asyncio.to_thread(main.main, ["invoke", *words])


def saying(status: int, text: str = "") -> Serve:
    """Make a server that always says the same."""

    async def serve(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text or None)

    return serve


async def test_sends_what_was_said(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The event has the attributes and the bytes of the command."""
    heard: list[Event] = []

    async def serve(request: web.Request) -> web.Response:
        heard.append(from_http(request.raw_headers, await request.read()))
        return web.Response(status=204)

    file = tmp_path / "data"
    file.write_bytes(b"\x00\xff")
    async with serving(serve) as url:
        words = ["--type", "a.b", "--id", "7", "--source", "/x", "-e", "sequence=3", "-e", "note=a=b"]
        assert await invoke(url, *words, "--file", str(file)) == 0
    extensions = {"sequence": "3", "note": "a=b"}
    assert heard == [Event("7", "/x", "a.b", b"\x00\xff", datacontenttype=PROTOBUF, extensions=extensions)]
    assert capsys.readouterr().out == "204 No Content\n"


async def test_prints_the_reply(capsys: pytest.CaptureFixture[str]) -> None:
    """A reply is shown with its attributes and its rows."""
    data = encode_tick_batch(batch([Trade(T0, id=41)]))
    reply = Event("r", "/tickloom/handlers/normalize/x", TICKS, data, datacontenttype=PROTOBUF)

    async def serve(_: web.Request) -> web.Response:
        headers, body = to_http(reply)
        return web.Response(body=body, headers={name.decode(): value.decode() for name, value in headers})

    async with serving(serve) as url:
        assert await invoke(url, "--type", "a.b") == 0
    told = capsys.readouterr().out
    assert told.startswith("200 OK\n")
    assert f'"type": "{TICKS}"' in told
    assert '"trade_id":41' in told


@pytest.mark.parametrize("status", [400, 422, 503])
async def test_refused(status: int, capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal is shown with its reason and is a failure."""
    async with serving(saying(status, "because")) as url:
        assert await invoke(url, "--type", "a.b") == 1
    told = capsys.readouterr().out
    assert told.startswith(str(status))
    assert "because" in told


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--file", "x", "--data", "y"], 2, "--file or --data, not both"),
        (["-e", "nothing"], 2, "NAME=VALUE"),
        (["-e", "Upper=1"], 2, "attribute names are"),
        (["--id", "\x07"], 2, "attribute id"),
        (["--file", "/nowhere/x"], 1, "there is no file /nowhere/x"),
        ([], 1, "is it running?"),
    ],
)
def test_mistakes(words: list[str], status: int, *, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake is one sentence with what to do."""
    assert main.main(["invoke", "http://127.0.0.1:1/", "--type", "a.b", *words]) == status
    assert said in capsys.readouterr().err
