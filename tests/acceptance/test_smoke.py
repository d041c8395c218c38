"""`tickloom smoke` says of each step of a running system when it was seen, and fails where one is missing."""

import asyncio
import json
import pathlib
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from runs import BIN, environment, tickloom

from functions.cli.main import main
from functions.local.foundation import WHERE
from functions.local.ingress import Ingress
from functions.local.servers import Stores
from functions.wire.envelope import Event

READY_S = 60


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """Keep `tickloom up` running, and give its folder."""
    folder = tmp_path_factory.mktemp("up")
    command = [str(BIN / "tickloom"), "up", "--folder", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:  # noqa: S603 - ours
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("broker")  # said once it is up
            yield folder
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=READY_S)


def steps(said: str) -> list[str]:
    """Give the first word of each line."""
    return [line.split(maxsplit=1)[0] for line in said.splitlines()]


def test_by_folder(up: pathlib.Path) -> None:
    """A document passes everything between the ingress and the stores, each time anew."""
    for _ in range(2):
        said = tickloom("smoke", "--folder", up).stdout
        assert steps(said) == ["ingress", "sent", "news", "sentiment", "well"]


def test_by_address(up: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a cluster, the ingress and the store may be named."""
    note: dict[str, Any] = json.loads((up / WHERE).read_text())
    monkeypatch.setenv("DATABASE_URL", note["database_url"])
    said = tickloom("smoke", "--ingress", f"http://127.0.0.1:{note['ingress_port']}/tickloom").stdout
    assert steps(said)[-1] == "well"


def test_nothing_runs(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing runs, that is said, and what to start."""
    assert main(["smoke", "--folder", str(tmp_path)]) == 1
    assert "tickloom up" in capsys.readouterr().err


def test_no_store(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An ingress alone is wrong usage: nothing could be read back."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(["smoke", "--ingress", "http://127.0.0.1:9/tickloom"]) == 2
    assert "DATABASE_URL" in capsys.readouterr().err


async def swallow(_broker: str, _event: Event) -> None:
    """Take an event, and do nothing with it."""


async def test_nobody_hears(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that takes the document and delivers it to nobody is found out when the time is over."""
    monkeypatch.setenv("DATABASE_URL", stores.database_url)
    ingress = Ingress({"desk": None}, swallow)
    await ingress.start()
    words = ("smoke", "--ingress", f"http://127.0.0.1:{ingress.port}/tickloom", "--timeout-s", "1")
    done = await asyncio.to_thread(tickloom, *words, check=False)
    await ingress.stop()
    assert done.returncode == 1
    assert steps(done.stdout) == ["ingress", "sent", "failed"]


async def test_no_broker(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ingress that has no such broker is told by its answer."""
    monkeypatch.setenv("DATABASE_URL", stores.database_url)
    ingress = Ingress({}, swallow)
    await ingress.start()
    done = await asyncio.to_thread(
        tickloom, "smoke", "--ingress", f"http://127.0.0.1:{ingress.port}/tickloom", check=False
    )
    await ingress.stop()
    assert done.returncode == 1
    assert "404" in done.stdout
