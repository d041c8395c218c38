"""`tickloom sim` serves a venue in its own dialect, says where, and ends when told to."""

import asyncio
import json
import os
import pathlib
import signal
import sys
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect

from functions.cli.main import main
from functions.local.venues.plans import KITS

MODULE = (sys.executable, "-m", "functions.cli.main", "sim")


async def served(*words: str) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
    """Start the verb as its own process and read where it listens."""
    process = await asyncio.create_subprocess_exec(*MODULE, *words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    return process, json.loads(await asyncio.wait_for(process.stdout.readline(), 30))


async def ended(process: asyncio.subprocess.Process) -> int:
    process.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(process.wait(), 15)


async def test_a_venue_is_served() -> None:
    """The line says where streams and REST are, trades come in the venue's words, and SIGTERM ends it well."""
    process, told = await served(
        "coinbase.exchange", "--symbols", "BTC-USD", "--rate", "200", "--fault", "duplicate:0.1"
    )
    async with connect(told["websocket"]) as socket, asyncio.timeout(20):
        await socket.send('{"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches"]}')
        while json.loads(await socket.recv())["type"] != "match":
            pass
    async with aiohttp.ClientSession() as session, session.get(f"{told['rest']}/products/BTC-USD/trades") as response:
        assert (await response.json())[0]["trade_id"]
    assert await ended(process) == 0


async def test_a_capture_is_served(captures: pathlib.Path) -> None:
    """A recorded channel is played to whoever subscribes to it, byte for byte."""
    path = captures / "kraken_ws_20210417/KRAKEN.ws.48.0"
    process, told = await served("kraken.v1", "--symbols", "XMR/USD", "--capture", str(path), "--rate", "1000")
    async with connect(told["websocket"]) as socket, asyncio.timeout(20):
        await socket.send('{"event":"subscribe","pair":["XMR/USD"],"subscription":{"name":"trade"}}')
        while not (text := str(await socket.recv())).startswith("["):
            pass
    assert text == '[993,[["354.11000000","0.89594024","1618678142.557535","s","l",""]],"trade","XMR/USD"]'
    assert await ended(process) == 0


@pytest.mark.parametrize("side", ["mt4.bridge", "mt4.orders"])
async def test_a_bridge_is_served(side: str) -> None:
    """Both sides of the MetaTrader 4 bridge are simulated by the same verb."""
    process, told = await served(side, "--symbols", "EURUSD")
    assert told == {"venue": side, "port": told["port"], "address": f"127.0.0.1:{told['port']}"}
    reader, writer = await asyncio.open_connection("127.0.0.1", told["port"])
    writer.write(b"HELLO 1 me\n")
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HELLO 1 ")
    writer.close()
    assert await ended(process) == 0


def test_time_can_be_bounded() -> None:
    """With `--seconds` it ends by itself."""
    assert main(["sim", "kraken.v2", "--seconds", "0.05"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "kraken.v2"),
        (["kraken.v2", "--symbols", "XX/USD"], "BTC"),
        (["kraken.v2", "--fault", "flood:1"], "duplicate"),
        (["kraken.v2", "--fault", "gap:x"], "NAME:VALUE"),
        (["kraken.v2", "--fault", "gap:7"], "probability"),
        (["kraken.v2", "--rate", "0"], "rate"),
        (["kraken.v2", "--shock", "1:BTC/USD"], "AT_S:SYMBOL:MOVE:SECONDS"),
        (["kraken.v2", "--shock", "1:BTC/USD:-3:4"], "-0.03 is 3 % down"),
        (["kraken.v2", "--shock", "1:BTC/USD:nan:4"], "expected a fraction above -1"),
        (["kraken.v2", "--shock", "1:BTC/USD:-0.03:0"], "more than 0 s"),
        (["kraken.v2", "--shock", "1:BTCUSDT:-0.03:4"], "no shock can move BTCUSDT; made up are BTC/USD, ETH/USD"),
        (["kraken.v2", "--history", "h.txt"], "no history"),
        (["kraken.v1", "--capture", f"{os.devnull}/none"], "none"),
    ],
)
def test_wrong_usage_is_one_sentence(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be simulated is wrong usage, and the sentence says what can."""
    assert main(["sim", *words]) == 2
    assert message in capsys.readouterr().err


def test_help_names_every_dialect(capsys: pytest.CaptureFixture[str]) -> None:
    """The help lists what can be simulated."""
    assert main(["sim", "--help"]) == 0
    shown = "".join(capsys.readouterr().out.split())
    assert all(name in shown for name in (*KITS, "mt4.bridge"))
