"""A client in another language, made from the contracts alone, submits an order and follows it."""

import asyncio
import json
import pathlib
import shutil
import time
from functools import partial

import pytest
from counts import FULL
from tickloom.orders.v1 import service_pb2_grpc
from trading import ETH, LIMITS, paper, serving

from functions.adapters.memory_ledger import MemoryLedger
from functions.adapters.risk_memory import MemoryRisk
from functions.services.orders import CARD
from functions.services.orders.desk import OrderDesk
from functions.services.orders.service import OrdersServicer
from functions.services.orders.writer import Lead

ROOT = pathlib.Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "js"
INSTALL_S = 240
TRADE_S = 60


async def run(*arguments: str, folder: pathlib.Path, timeout_s: float) -> str:
    """Run a program to its end; give what it said."""
    process = await asyncio.create_subprocess_exec(
        *arguments, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(timeout_s):
        said, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return said.decode()


@pytest.fixture
async def client(tmp_path: pathlib.Path) -> pathlib.Path:
    """Install the client and make its stubs in a folder of its own."""
    if not (shutil.which("node") and shutil.which("npm")):
        assert not FULL, "node and npm are needed in the full tier"
        pytest.skip("node and npm are not installed")
    if not FULL:
        pytest.skip("installs packages: only in the full tier")
    folder = tmp_path / "clients" / "js"
    shutil.copytree(CLIENT, folder, ignore=shutil.ignore_patterns("node_modules", "gen"))
    (tmp_path / "protos").symlink_to(ROOT / "protos")
    await run("npm", "ci", "--no-audit", "--no-fund", folder=folder, timeout_s=INSTALL_S)
    await run("npm", "run", "generate", folder=folder, timeout_s=INSTALL_S)
    return folder


async def test_submits_and_follows(client: pathlib.Path) -> None:
    """The order is filled, and its steps and fills come on the stream in their order."""
    ledger = MemoryLedger()
    await ledger.open_account(paper())
    desk = OrderDesk(ledger, MemoryRisk(LIMITS), now_ns=time.time_ns, lead=Lead("first", 600_000))
    servicer = OrdersServicer(desk, ledger, fault=lambda error: (type(error).__name__, False))
    register = partial(service_pb2_grpc.add_OrdersServiceServicer_to_server, servicer)
    async with serving(CARD, register) as target:
        arguments = ("paper", ETH, "buy", "10000", "250010", "249990", "250010")
        said = await run("node", "trade.mjs", f"http://{target}", *arguments, folder=client, timeout_s=TRADE_S)
    await desk.close()
    answer, *steps = [json.loads(line) for line in said.splitlines()]
    assert answer["answer"] == "FILLED"
    assert steps[-1]["update"] == "FILLED"
    assert [(one["fill"], one["price"]) for one in steps if "fill" in one] == [("1", "2500.1")]
    numbers = [int(one["sequence"]) for one in steps]
    assert numbers == sorted(numbers)
