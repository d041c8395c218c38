"""The inference service answers over gRPC what its models say, and its client never raises."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import pytest
from scored import Row, columns_of
from tickloom.inference.v1 import service_pb2, service_pb2_grpc

from functions.adapters.inference_client import InferenceClient
from functions.adapters.inference_memory import MemoryInference
from functions.adapters.onnx import BrokenModel
from functions.domain.market import FeatureColumns, ModelOutput
from functions.services.inference.main import Settings, compose
from functions.services.inference.service import InferenceServicer

ROWS = columns_of([Row(features={"rsi_14": 25.0}), Row(bar=101, features={"rsi_14": 75.0})])


class Percent:
    """Score rows with their RSI."""

    def __init__(self, name: str) -> None:
        """Answer under this name."""
        self.name = name

    def score(self, columns: FeatureColumns) -> ModelOutput:
        """Divide RSI by 100."""
        rows = columns.row_count
        return ModelOutput(self.name, "1", columns.values[:, 0] / 100, np.ones(rows, np.uint8), 0.7)


@pytest.fixture
async def served() -> AsyncIterator[tuple[InferenceServicer, str]]:
    """Serve a servicer on loopback."""
    servicer, server = InferenceServicer(), grpc.aio.server()
    service_pb2_grpc.add_InferenceServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, f"127.0.0.1:{port}"
    await server.stop(None)


async def ask(target: str, *models: str, deadline_ms: int = 5000) -> tuple[ModelOutput, ...]:
    """Ask with a fresh client."""
    client = InferenceClient(target, models, deadline_ms=deadline_ms)
    try:
        return await client.predict(ROWS)
    finally:
        await client.close()


async def test_scores_travel(served: tuple[InferenceServicer, str]) -> None:
    """Outputs come in name order, bit for bit what the memory twin gives."""
    servicer, target = served
    servicer.models = (Percent("b"), Percent("a"))
    outputs = await ask(target, "a", "b")
    twin = await MemoryInference(servicer.models).predict(ROWS)
    assert [output.model for output in outputs] == [output.model for output in twin] == ["a", "b"]
    assert [output.scores.tobytes() for output in outputs] == [output.scores.tobytes() for output in twin]


async def test_no_models(served: tuple[InferenceServicer, str]) -> None:
    """A service without models serves; who expects one gets a degraded answer."""
    _, target = served
    (output,) = await ask(target, "anomaly")
    assert (output.degraded, output.degraded_reason) == (True, "the service has no such model")
    assert (output.scores.tolist(), output.states.tolist()) == ([0.0, 0.0], [0, 0])


async def test_broken_model(served: tuple[InferenceServicer, str]) -> None:
    """A broken model answers degraded beside a sound one."""
    servicer, target = served
    servicer.models = (BrokenModel("broken", "its file is gone"), Percent("sound"))
    broken, sound = await ask(target, "broken", "sound")
    assert (broken.degraded, broken.degraded_reason) == (True, "its file is gone")
    assert not sound.degraded


async def test_too_slow(served: tuple[InferenceServicer, str]) -> None:
    """An answer later than the deadline is degraded."""
    servicer, target = served

    async def never(*_: object) -> service_pb2.PredictResponse:
        await asyncio.Event().wait()
        raise AssertionError

    servicer.Predict = never  # type: ignore[method-assign, assignment]
    server = grpc.aio.server()
    service_pb2_grpc.add_InferenceServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    (output,) = await ask(f"127.0.0.1:{port}", "anomaly", deadline_ms=50)
    await server.stop(None)
    assert target
    assert output.degraded_reason == "no answer within 50 ms"


async def test_answer_of_other_length(served: tuple[InferenceServicer, str]) -> None:
    """An answer that does not fit the rows is degraded, not believed."""
    servicer, target = served

    class Short(Percent):
        def score(self, columns: FeatureColumns) -> ModelOutput:
            del columns
            return ModelOutput(self.name, "1", np.zeros(1), np.ones(1, np.uint8), 0.7)

    servicer.models = (Short("anomaly"),)
    (output,) = await ask(target, "anomaly")
    assert output.degraded
    assert "column scores has 8 bytes" in output.degraded_reason


async def test_client_waits_for_a_late_start(unused_tcp_port: int) -> None:
    """Within its deadline a client waits for a service that is not up yet, so a restart degrades nothing in a replay."""
    asking = asyncio.create_task(ask(f"127.0.0.1:{unused_tcp_port}", "a", deadline_ms=20_000))
    await asyncio.sleep(0)
    servicer, server = InferenceServicer(), grpc.aio.server()
    servicer.models = (Percent("a"),)
    service_pb2_grpc.add_InferenceServiceServicer_to_server(servicer, server)
    server.add_insecure_port(f"127.0.0.1:{unused_tcp_port}")
    await server.start()
    (output,) = await asking
    await server.stop(None)
    assert output.scores.tolist() == [0.25, 0.75]


async def test_no_rows_no_call() -> None:
    """Without rows nothing is asked."""
    empty = columns_of([], names=("rsi_14",))
    assert await InferenceClient("127.0.0.1:1", ("anomaly",)).predict(empty) == ()
    assert await MemoryInference([Percent("a")]).predict(empty) == ()


async def test_impossible_request(served: tuple[InferenceServicer, str]) -> None:
    """Columns that cannot be are an invalid argument."""
    _, target = served
    async with grpc.aio.insecure_channel(target) as channel:
        request = service_pb2.PredictRequest()
        request.columns.start_ns = b"\x00" * 8
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await service_pb2_grpc.InferenceServiceStub(channel).Predict(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_compose_serves_the_shipped_model() -> None:
    """By default the shipped models are loaded at the start."""
    hosted, server = compose(Settings()), grpc.aio.server()
    hosted.register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await hosted.start()
    await server.start()
    (output,) = await ask(f"127.0.0.1:{port}", "anomaly")
    await server.stop(None)
    assert output.degraded_reason == "the rows lack feature return_1"
    assert hosted.service_names == ("tickloom.inference.v1.InferenceService",)


async def test_empty_folder_serves(tmp_path: Path) -> None:
    """A folder without models is no error."""
    hosted = compose(Settings(models_folder=str(tmp_path)))
    await hosted.start()
    assert hosted.card.name == "inference"
