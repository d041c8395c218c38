"""The inference service answers over gRPC what its models say, and its client never raises."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from scored import Row, columns_of
from tickloom.inference.v1 import service_pb2, service_pb2_grpc

from functions.adapters import inference_client
from functions.adapters.inference_client import ROWS_MAX, InferenceClient
from functions.adapters.inference_memory import MemoryInference
from functions.adapters.onnx import BrokenModel
from functions.domain.market import FeatureColumns, Float64, ModelOutput
from functions.domain.serving import ModelSpec, Scored, output_of, select
from functions.ports.models import Lineup, Model
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.runtime.settings import Hosting
from functions.services.inference import CARD
from functions.services.inference.asking import Asking
from functions.services.inference.main import Settings, compose
from functions.services.inference.scoring import Limits, Scoring
from functions.services.inference.service import InferenceServicer

ROWS = columns_of([Row(features={"rsi_14": 25.0}), Row(bar=101, features={"rsi_14": 75.0})])


class Percent:
    """Score rows with their RSI."""

    broken = ""

    def __init__(self, name: str) -> None:
        """Answer under this name."""
        self.spec = ModelSpec(name, "1", ("rsi_14",), 0.7)

    def run(self, rows: Float64) -> Scored:
        """Divide RSI by 100."""
        return Scored(rows[:, 0] / 100)

    def stop(self) -> None:
        """Stop nothing: it is quick."""

    def score(self, columns: FeatureColumns) -> ModelOutput:
        """Score in process, for the memory twin."""
        selected = select(columns, self.spec.features)
        return output_of(self.spec, selected, self.run(selected.rows))


def scoring_of(*models: Model, limits: Limits | None = None) -> Scoring:
    """Ask models that decide, each under its name, in the caller's thread."""
    scoring = Scoring(Asking(bound_s=0), limits)
    scoring.serve([Lineup(model.spec.name, model) for model in models])
    return scoring


@contextlib.asynccontextmanager
async def serve(*models: Model, port: int = 0, servicer: InferenceServicer | None = None) -> AsyncIterator[str]:
    """Serve models on loopback as the runtime hosts them; give the address."""
    servicer = servicer or InferenceServicer(scoring_of(*models))

    def register(server: grpc.aio.Server) -> None:
        service_pb2_grpc.add_InferenceServiceServicer_to_server(servicer, server)

    hosted = HostedService(CARD, register, ())
    hosting = replace(Hosting(), drain_ms=0)
    running = await grpc_app.start(hosted, host="127.0.0.1", port=port, hosting=hosting)
    try:
        yield f"127.0.0.1:{running.port}"
    finally:
        await running.stop()


async def ask(target: str, *models: str, deadline_ms: int = 5000) -> tuple[ModelOutput, ...]:
    """Ask with a fresh client."""
    client = InferenceClient(target, models, deadline_ms=deadline_ms)
    try:
        return await client.predict(ROWS)
    finally:
        await client.close()


async def test_scores_travel() -> None:
    """Outputs come in name order, bit for bit what the memory twin gives."""
    models = (Percent("b"), Percent("a"))
    async with serve(*models) as target:
        outputs = await ask(target, "a", "b")
    twin = await MemoryInference(models).predict(ROWS)
    assert [output.model for output in outputs] == [output.model for output in twin] == ["a", "b"]
    assert [output.scores.tobytes() for output in outputs] == [output.scores.tobytes() for output in twin]


class Counting(InferenceServicer):
    """Count the requests of each call."""

    def __init__(self, scoring: Scoring) -> None:
        """Start with no call."""
        super().__init__(scoring)
        self.requests: list[int] = []

    async def PredictEach(  # noqa: N802 - the name of the contract
        self,
        request: service_pb2.PredictEachRequest,
        context: grpc.aio.ServicerContext[service_pb2.PredictEachRequest, service_pb2.PredictEachResponse],
    ) -> service_pb2.PredictEachResponse:
        """Count, then answer."""
        self.requests.append(len(request.requests))
        return await super().PredictEach(request, context)


async def test_what_waits_travels_together() -> None:
    """Requests that wait share a call, a bounded number of rows each, and every answer is that of its own rows."""
    sizes = [1, ROWS_MAX - 2, 1, 1, ROWS_MAX + 1, 1]
    asked = [columns_of([Row(features={"rsi_14": float(n)})] * rows) for n, rows in enumerate(sizes)]
    servicer = Counting(scoring_of(Percent("a")))
    async with serve(servicer=servicer) as target:
        client = InferenceClient(target, ("a",), deadline_ms=5000)
        answers = await asyncio.gather(*map(client.predict, asked))
        await client.close()
    twin = MemoryInference([Percent("a")])
    alone = [await twin.predict(columns) for columns in asked]
    assert [one.scores.tobytes() for (one,) in answers] == [one.scores.tobytes() for (one,) in alone]
    assert servicer.requests == [3, 1, 1, 1]


async def test_one_request_spoils_no_other() -> None:
    """A request the service cannot read is degraded alone; those that shared its call are answered."""
    unreadable = replace(ROWS, states=ROWS.states[:1])
    async with serve(Percent("a")) as target:
        client = InferenceClient(target, ("a",), deadline_ms=5000)
        answers = await asyncio.gather(*map(client.predict, (ROWS, unreadable, ROWS)))
        await client.close()
    assert [output.degraded for (output,) in answers] == [False, True, False]
    assert answers[1][0].degraded_reason == "the service answered INVALID_ARGUMENT"


async def test_waiting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request more than may wait is degraded at once, and the others at their deadline."""
    monkeypatch.setattr(inference_client, "WAITING_MAX", 2)
    client = InferenceClient("127.0.0.1:1", ("a",), deadline_ms=50)
    outputs = [output for (output,) in await asyncio.gather(*[client.predict(ROWS) for _ in range(3)])]
    await client.close()
    assert [output.degraded for output in outputs] == [True] * 3
    assert outputs[2].degraded_reason == "2 requests wait already"


async def test_each_has_its_own_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who joins a call late does not pay for who waited longest in it: only that one is degraded, in time."""
    client = InferenceClient("127.0.0.1:1", ("a",), deadline_ms=500)
    scoring = scoring_of(Percent("a"))

    class Slow:
        """Answer each call after 300 ms, within the deadline."""

        async def __call__(
            self,
            request: bytes,
            timeout: float,  # noqa: ASYNC109 - as gRPC has it
            *,
            wait_for_ready: bool,
        ) -> service_pb2.PredictEachResponse:
            assert wait_for_ready
            await asyncio.sleep(min(0.3, timeout))
            if timeout < 0.3:
                nothing = grpc.aio.Metadata()
                raise grpc.aio.AioRpcError(grpc.StatusCode.DEADLINE_EXCEEDED, nothing, nothing)
            read = service_pb2.PredictEachRequest.FromString(request)
            return await InferenceServicer(scoring).PredictEach(read, None)  # type: ignore[arg-type]

    monkeypatch.setattr(client, "_service", Slow)
    loop, asked = asyncio.get_running_loop(), []
    begun = loop.time()
    for at_s in (0.0, 0.05, 0.25):
        await asyncio.sleep(max(begun + at_s - loop.time(), 0.0))
        asked.append(asyncio.create_task(client.predict(ROWS)))
    outputs = [output for (output,) in await asyncio.gather(*asked)]
    await client.close()
    assert [output.degraded_reason for output in outputs] == ["", "no answer within 500 ms", ""]


async def test_close_lets_nobody_wait() -> None:
    """Who waits for an answer when the client is closed is cancelled."""
    client = InferenceClient("127.0.0.1:1", ("a",), deadline_ms=60_000)
    asking = asyncio.create_task(client.predict(ROWS))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_no_models() -> None:
    """A service without models serves; who expects one gets a degraded answer."""
    async with serve() as target:
        (output,) = await ask(target, "anomaly")
    assert (output.degraded, output.degraded_reason) == (True, "the service has no such model")
    assert (output.scores.tolist(), output.states.tolist()) == ([0.0, 0.0], [0, 0])


async def test_broken_model() -> None:
    """A broken model answers degraded beside a sound one."""
    async with serve(BrokenModel("broken", "its file is gone"), Percent("sound")) as target:
        broken, sound = await ask(target, "broken", "sound")
    assert (broken.degraded, broken.degraded_reason) == (True, "its file is gone")
    assert not sound.degraded


async def test_too_slow() -> None:
    """An answer later than the deadline is degraded."""

    async def never(request: bytes, context: object) -> bytes:
        del request, context
        await asyncio.Event().wait()
        raise AssertionError

    server = grpc.aio.server()
    methods: dict[str, Any] = {"PredictEach": grpc.unary_unary_rpc_method_handler(never)}
    service = grpc.method_handlers_generic_handler("tickloom.inference.v1.InferenceService", methods)
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    (output,) = await ask(f"127.0.0.1:{port}", "anomaly", deadline_ms=50)
    await server.stop(None)
    assert output.degraded_reason == "no answer within 50 ms"


class Odd(InferenceServicer):
    """Answer one row, whatever was asked."""

    async def PredictEach(  # noqa: N802 - the name of the contract
        self,
        request: service_pb2.PredictEachRequest,
        context: grpc.aio.ServicerContext[service_pb2.PredictEachRequest, service_pb2.PredictEachResponse],
    ) -> service_pb2.PredictEachResponse:
        """Answer too little."""
        del context
        output = {"model": "anomaly", "version": "1", "scores": bytes(8), "states": bytes(1)}
        answer = service_pb2.PredictResponse(outputs=[output])
        return service_pb2.PredictEachResponse(responses=[answer for _ in request.requests])


async def test_answer_of_other_length() -> None:
    """An answer that does not fit the rows is degraded, not believed."""
    async with serve(servicer=Odd(scoring_of())) as target:
        (output,) = await ask(target, "anomaly")
    assert output.degraded
    assert "column scores has 8 bytes" in output.degraded_reason


class Failing(Percent):
    """Fail with a bug."""

    def run(self, rows: Float64) -> Scored:
        """Raise what no model should."""
        raise ZeroDivisionError(rows)


async def test_bug_of_a_model() -> None:
    """A model that raises whatever it likes is degraded; the others are answered."""
    async with serve(Failing("a"), Percent("b")) as target:
        outputs = await ask(target, "a", "b")
    assert [(one.model, one.degraded) for one in outputs] == [("a", True), ("b", False)]
    assert outputs[0].degraded_reason == "the model raised ZeroDivisionError"


async def test_overload() -> None:
    """More requests than may wait are refused as RESOURCE_EXHAUSTED, which the client degrades."""
    servicer = InferenceServicer(scoring_of(Percent("a"), limits=Limits(waiting=0)))
    async with serve(servicer=servicer) as target:
        (output,) = await ask(target, "a")
    assert output.degraded_reason == "the service answered RESOURCE_EXHAUSTED"


async def test_shadow_is_not_heard() -> None:
    """A model that only stands as a shadow is not there for who should hear it; its answer comes all the same."""
    scoring = scoring_of()
    scoring.serve([Lineup("a", None, shadows=(Percent("a"),))])
    async with serve(servicer=InferenceServicer(scoring)) as target:
        decides, beside = await ask(target, "a")
    assert (decides.degraded, decides.shadow) == (True, False)
    assert (beside.degraded, beside.shadow, beside.scores.tolist()) == (False, True, [0.25, 0.75])


async def test_client_waits_for_a_late_start(unused_tcp_port: int) -> None:
    """Within its deadline a client waits for a service that is not up yet: in a replay a restart degrades nothing."""
    asking = asyncio.create_task(ask(f"127.0.0.1:{unused_tcp_port}", "a", deadline_ms=20_000))
    await asyncio.sleep(0)
    async with serve(Percent("a"), port=unused_tcp_port):
        (output,) = await asking
    assert output.scores.tolist() == [0.25, 0.75]


async def test_no_rows_no_call() -> None:
    """Without rows nothing is asked."""
    empty = columns_of([], names=("rsi_14",))
    assert await InferenceClient("127.0.0.1:1", ("anomaly",)).predict(empty) == ()
    assert await MemoryInference([Percent("a")]).predict(empty) == ()


async def test_impossible_request() -> None:
    """Columns that cannot be are an invalid argument."""
    request = service_pb2.PredictRequest()
    request.columns.start_ns = b"\x00" * 8
    async with serve() as target, grpc.aio.insecure_channel(target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await service_pb2_grpc.InferenceServiceStub(channel).Predict(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_compose_serves_the_shipped_model() -> None:
    """By default the shipped models are loaded at the start."""
    hosted = compose(Settings(models_reload_s=0))
    running = await grpc_app.start(hosted, host="127.0.0.1", port=0, hosting=replace(Hosting(), drain_ms=0))
    outputs = await ask(f"127.0.0.1:{running.port}", "anomaly")
    await running.stop()
    (reason,) = [one.degraded_reason for one in outputs if one.model == "anomaly"]
    assert reason == "the rows lack feature return_1"
    assert hosted.service_names == ("tickloom.inference.v1.InferenceService",)


async def test_empty_folder_serves(tmp_path: Path) -> None:
    """A folder without models is no error."""
    hosted = compose(Settings(models_folder=str(tmp_path), models_reload_s=0))
    await hosted.start()
    await hosted.close()
    assert hosted.card.name == "inference"


@pytest.mark.parametrize(
    "wrong",
    [
        {"inference_rows_max": 0},
        {"inference_waiting_max": 0},
        {"inference_linger_ms": 2.1},
        {"model_timeout_ms": -1},
        {"models_reload_s": -1.0},
        {"model_failures_max": 0},
        {"model_open_s": 0.0},
        {"model_device": "abacus"},
    ],
)
def test_settings_that_serve_nothing(wrong: dict[str, Any]) -> None:
    """Bounds that would serve nothing stop the start."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)
