"""Whatever a model does, it is degraded with its reason, the others answer in time, and it recovers by itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from modelled import FILE, Nodes, nan, out_of_memory, slow, sound, write_model, wrong_shape
from scored import Row, columns_of

from functions.adapters.inference_client import DEADLINE_MS, InferenceClient
from functions.adapters.model_registry import Serving, promote
from functions.domain.market import ModelOutput
from functions.runtime import grpc_app
from functions.runtime.settings import Hosting
from functions.services.inference.main import Settings, compose

BAD = columns_of([Row(features={"x": 1.0}), Row(features={"x": -1.0})])
GOOD = columns_of([Row(features={"x": 1.0}), Row(features={"x": 2.0})])
SECONDS = 20.0
"""Longest wait for a recovery, on any machine."""


@contextlib.asynccontextmanager
async def served(folder: Path, *models: str) -> AsyncIterator[InferenceClient]:
    """Serve a registry as it is live, only quicker to try again; give a client with the live deadline, times ten.

    A machine that tests run on stalls for longer than the live deadline; ten of them are still less than a slow model.
    """
    settings = Settings(
        str(folder), models_reload_s=0.02, model_timeout_ms=400, model_failures_max=2, model_open_s=0.05
    )
    hosted = compose(settings)
    running = await grpc_app.start(hosted, host="127.0.0.1", port=0, hosting=replace(Hosting(), drain_ms=0))
    client = InferenceClient(f"127.0.0.1:{running.port}", models, deadline_ms=10 * DEADLINE_MS)
    try:
        yield client
    finally:
        await client.close()
        await running.stop()


async def heard(client: InferenceClient, until: Callable[[tuple[ModelOutput, ...]], bool]) -> tuple[ModelOutput, ...]:
    """Ask with good rows until the answer is as it should be."""
    async with asyncio.timeout(SECONDS):
        while not until(outputs := await client.predict(GOOD)):
            pass
    return outputs


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (None, "No such file"),
        (wrong_shape, "output scores has shape (1,), not (2,)"),
        (nan, "a score is not a finite number"),
        (slow, "the model gave no answer within 400 ms"),
        (out_of_memory, "the model ran out of memory"),
    ],
    ids=["missing file", "wrong shape", "NaN output", "2 s slow", "out of memory"],
)
async def test_fault_table(tmp_path: Path, made: Callable[[], Nodes] | None, reason: str) -> None:
    """A fault degrades its model, never another; when it is over, the model is heard again without a hand."""
    file = write_model(tmp_path / "b", made or sound) / FILE
    for name in "ac":
        write_model(tmp_path / name)
    aside = file.rename(tmp_path / "aside") if made is None else None
    async with served(tmp_path, "a", "b", "c") as client:
        for _ in range(5):
            first, faulty, last = await client.predict(BAD)
            assert (first.scores.tolist(), last.scores.tolist()) == ([2.0, -2.0], [2.0, -2.0])
            assert faulty.degraded
            assert reason in faulty.degraded_reason or "earlier request" in faulty.degraded_reason
        if aside is not None:
            aside.rename(file)
        outputs = await heard(client, lambda outputs: not outputs[1].degraded)
    assert [one.states.tolist() for one in outputs] == [[1, 1]] * 3


async def test_hot_reload(tmp_path: Path) -> None:
    """A promoted version is asked without a restart; a broken one leaves the old serving."""
    for version in ("1", "2", "3"):
        write_model(tmp_path / "a" / version, name="a", version=version)
    (tmp_path / "a" / "2" / FILE).write_bytes(b"half a file")
    promote(tmp_path, "a", Serving(champion="1"))
    async with served(tmp_path, "a") as client:
        assert [one.version for one in await client.predict(GOOD)] == ["1"]
        promote(tmp_path, "a", Serving(champion="2"))
        assert [one.version for one in await client.predict(GOOD)] == ["1"]
        promote(tmp_path, "a", Serving(champion="3", shadows=("1",)))
        outputs = await heard(client, lambda outputs: outputs[0].version == "3")
    assert [(one.version, one.shadow) for one in outputs] == [("3", False), ("1", True)]
