"""The inference service scores texts over gRPC as its model does, and its client never raises."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import pytest
from numpy.typing import NDArray
from tickloom.inference.v1 import service_pb2, service_pb2_grpc
from worded import Polar

from functions.adapters import texts_client
from functions.adapters.text_models import load_text_model
from functions.adapters.texts import BrokenTextModel
from functions.adapters.texts_client import CALL_CHARS_MAX, TEXT_CHARS_MAX, TEXTS_MAX, TextsClient, cut
from functions.adapters.texts_memory import MemoryTexts
from functions.domain.market import ModelOutput
from functions.domain.news import syndication_key
from functions.domain.serving import Scored, draw
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.models import Lineup, Model
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.runtime.settings import Hosting
from functions.services.inference import CARD
from functions.services.inference.asking import Asking
from functions.services.inference.main import Settings, compose
from functions.services.inference.scoring import Limits, Scoring
from functions.services.inference.service import InferenceServicer
from functions.services.inference.texts import ALWAYS, WAITING_MAX, TextScoring
from functions.wire.errors import Malformed

TEXTS = ["Shares rise", "Shares fall", "Meeting"]


def scoring_of(model: Model, *, bound_s: float = 30.0) -> TextScoring:
    """Ask one model, as the service does."""
    texts = TextScoring(Asking(bound_s=bound_s), Limits(TEXTS_MAX, WAITING_MAX))
    texts.serve([Lineup("sentiment", model)])
    return texts


@contextlib.asynccontextmanager
async def serve(model: Model | None, *, bound_s: float = 30.0) -> AsyncIterator[str]:
    """Serve a model on loopback as the runtime hosts it, or none; give the address."""
    texts = scoring_of(model, bound_s=bound_s) if model is not None else None
    servicer = InferenceServicer(Scoring(Asking(bound_s=0)), texts)

    def register(server: grpc.aio.Server) -> None:
        service_pb2_grpc.add_InferenceServiceServicer_to_server(servicer, server)

    hosted = HostedService(CARD, register, ())
    running = await grpc_app.start(hosted, host="127.0.0.1", port=0, hosting=replace(Hosting(), drain_ms=0))
    try:
        yield f"127.0.0.1:{running.port}"
    finally:
        await running.stop()


async def ask(target: str, texts: Sequence[str] = TEXTS, *, deadline_ms: int = 5000) -> tuple[ModelOutput, ...]:
    """Ask with a fresh client."""
    client = TextsClient(target, ("sentiment",), deadline_ms=deadline_ms)
    try:
        return await client.score_texts(texts)
    finally:
        await client.close()


async def test_scores_travel() -> None:
    """Outputs are bit for bit what the memory twin gives."""
    async with serve(Polar()) as target:
        (output,) = await ask(target)
    (twin,) = await MemoryTexts([Polar()]).score_texts(TEXTS)
    assert output.values.tobytes() == twin.values.tobytes()
    assert (output.scores.tolist(), output.names) == (twin.scores.tolist(), twin.names)


async def test_many_texts_are_parted() -> None:
    """More texts than a request may have travel in several, and their answers stand behind each other."""
    model, texts = Polar(), [f"{n} {TEXTS[n % 3]}" for n in range(TEXTS_MAX + 3)]
    async with serve(model) as target:
        (output,) = await ask(target, texts)
    assert model.asked == texts
    assert output.scores.tolist() == Polar().score(texts).scores.tolist()


def test_parts_keep_their_bounds() -> None:
    """A call has a bounded number of texts and characters; an endless text is cut, half a letter replaced."""
    assert [len(part) for part in cut(["x"] * (2 * TEXTS_MAX + 1))] == [TEXTS_MAX, TEXTS_MAX, 1]
    long = list(cut(["x" * 2 * TEXT_CHARS_MAX] * 40))
    assert all(sum(map(len, part)) <= CALL_CHARS_MAX for part in long)
    assert {len(text) for part in long for text in part} == {TEXT_CHARS_MAX}
    assert list(cut(["\ud800"])) == [["?"]]
    assert list(cut([])) == []


async def test_no_text_no_call() -> None:
    """Without texts nobody is asked, and the answer has no rows."""
    (output,) = await ask("127.0.0.1:1", [])
    assert (output.model, len(output.scores), output.degraded) == ("sentiment", 0, False)


async def test_service_away() -> None:
    """Without the service the answer is degraded at the deadline."""
    (output,) = await ask("127.0.0.1:1", deadline_ms=50)
    assert (output.degraded_reason, output.states.tolist()) == ("no answer within 50 ms", [0, 0, 0])


async def test_service_without_a_model() -> None:
    """A service that has no such model is heard as that."""
    async with serve(None) as target:
        (output,) = await ask(target)
    assert output.degraded_reason == "the service has no such model"


async def test_broken_model() -> None:
    """A broken model says why."""
    async with serve(BrokenTextModel("sentiment", "its file is gone")) as target:
        (output,) = await ask(target)
    assert (output.degraded, output.degraded_reason) == (True, "its file is gone")


async def test_too_slow() -> None:
    """An answer later than the deadline is degraded, and the next one is heard again."""
    gate = threading.Event()

    class Slow(Polar):
        def run(self, rows: NDArray[np.object_]) -> Scored:
            gate.wait(30)
            return super().run(rows)

    async with serve(Slow()) as target:
        (output,) = await ask(target, deadline_ms=200)
        gate.set()
        (again,) = await ask(target)
    assert output.degraded_reason == "no answer within 200 ms"
    assert not again.degraded


async def test_one_at_a_time() -> None:
    """Callers that give up leave no runs beside each other: the next one waits until the thread is free."""
    gate, running, most = threading.Event(), [0], [0]

    class Slow(Polar):
        def run(self, rows: NDArray[np.object_]) -> Scored:
            running[0] += 1
            most[0] = max(most[0], running[0])
            gate.wait(30)
            running[0] -= 1
            return super().run(rows)

    async with serve(Slow()) as target:
        for _ in range(3):
            (output,) = await ask(target, deadline_ms=100)
            assert output.degraded
        gate.set()
        (again,) = await ask(target)
    assert not again.degraded
    assert most == [1]


async def test_failing_model() -> None:
    """A model that fails is heard as that, and nothing is raised."""

    class Failing(Polar):
        def run(self, rows: NDArray[np.object_]) -> Scored:
            raise ZeroDivisionError(rows)

    async with serve(Failing()) as target:
        (output,) = await ask(target)
    assert output.degraded_reason == "the model raised ZeroDivisionError"


async def test_answer_of_other_length() -> None:
    """An answer that does not fit the texts is degraded, not believed."""

    class Short(Polar):
        def run(self, rows: NDArray[np.object_]) -> Scored:
            return super().run(rows[:1])

    async with serve(Short()) as target:
        (output,) = await ask(target)
    assert output.degraded_reason == "the model gave 1 scores of 3 rows"


async def test_model_that_changed_between_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts scored by two versions are no one answer."""

    class Changing(Polar):
        def run(self, rows: NDArray[np.object_]) -> Scored:
            self.spec = replace(self.spec, version=self.spec.version + "+")
            return super().run(rows)

    monkeypatch.setattr(texts_client, "TEXTS_MAX", 2)
    async with serve(Changing()) as target:
        (output,) = await ask(target)
    assert output.degraded_reason == "the model changed between two calls"


async def test_bounds_of_a_request() -> None:
    """More or longer texts than the contract takes are malformed; before loading, nobody is answered."""
    with pytest.raises(Unavailable):
        await TextScoring(Asking(bound_s=0)).score_texts(["x"])
    scoring = scoring_of(Polar())
    for texts in (["x"] * (TEXTS_MAX + 1), ["x" * (TEXT_CHARS_MAX + 1)]):
        with pytest.raises(Malformed):
            await scoring.score_texts(texts)
    assert len((await scoring.score_texts([]))[0].scores) == 0


async def test_waiting_is_bounded() -> None:
    """One request more than may wait is refused at once; the others are answered."""
    gate, begun = threading.Event(), threading.Event()

    class Slow(Polar):
        def run(self, rows: NDArray[np.object_]) -> Scored:
            begun.set()
            gate.wait(30)
            return super().run(rows)

    scoring = scoring_of(Slow())
    first = asyncio.create_task(scoring.score_texts(["x"]))
    await asyncio.to_thread(begun.wait, 30)
    asked = [asyncio.create_task(scoring.score_texts(["x"])) for _ in range(WAITING_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await scoring.score_texts(["x"])
    gate.set()
    assert len(await asyncio.gather(first, *asked)) == WAITING_MAX + 1


async def test_challenger_and_shadow() -> None:
    """A challenger answers its share of stories, the same ones always, and a shadow stands beside; all travel."""
    texts = TextScoring(Asking(bound_s=30.0))
    old, new, beside = Polar(), Polar(version="2"), Polar(version="3")
    texts.serve([Lineup("sentiment", old, new, 0.5, (beside,))])
    stories = [f"Shares rise, says paper {n}" for n in "abcdefghijklmnopqrstuvwxyz"]
    first, second, shadow = await texts.score_texts(stories)
    theirs = [draw("sentiment", syndication_key(one, ""), ALWAYS) < 0.5 for one in stories]
    assert second.states.tolist() == theirs
    assert first.states.tolist() == [not one for one in theirs]
    assert 0 < sum(theirs) < len(theirs)
    assert (shadow.version, shadow.shadow, shadow.states.all()) == ("3", True, True)
    await texts.close()


async def test_too_long_a_run() -> None:
    """A run beyond its bound is degraded, the next is refused while it goes on, and then all is well again."""
    gate, ended = threading.Event(), threading.Event()

    class Slow(Polar):
        def run(self, rows: NDArray[np.object_]) -> Scored:
            gate.wait(30)
            ended.set()
            return super().run(rows)

    scoring = scoring_of(Slow(), bound_s=0.05)
    (output,) = await scoring.score_texts(["Shares rise"])
    assert output.degraded_reason == "the model gave no answer within 50 ms"
    (output,) = await scoring.score_texts(["Shares rise"])
    assert output.degraded_reason == "the model is still at an earlier request"
    gate.set()
    await asyncio.to_thread(ended.wait, 30)
    while output.degraded:
        (output,) = await scoring.score_texts(["Shares rise"])
    await scoring.close()


async def test_compose_serves_the_shipped_model() -> None:
    """By default the shipped model is loaded at the start, and says over gRPC what it says in process."""
    hosted = compose(Settings())
    running = await grpc_app.start(hosted, host="127.0.0.1", port=0, hosting=replace(Hosting(), drain_ms=0))
    (output,) = await ask(f"127.0.0.1:{running.port}")
    await running.stop()
    assert output.values.tobytes() == load_text_model().score(TEXTS).values.tobytes()
    assert np.abs(output.scores).max() > 0.5


async def test_folder_of_yours(tmp_path: Path) -> None:
    """A folder that is named is taken, and one without a model is no error: it answers degraded."""
    hosted = compose(Settings(texts_folder=str(tmp_path)))
    running = await grpc_app.start(hosted, host="127.0.0.1", port=0, hosting=replace(Hosting(), drain_ms=0))
    (output,) = await ask(f"127.0.0.1:{running.port}")
    await running.stop()
    assert "neither text_manifest.json nor config.json" in output.degraded_reason


async def test_texts_and_rows_share_a_service() -> None:
    """The method is one of the service that scores rows."""
    methods = service_pb2.DESCRIPTOR.services_by_name["InferenceService"].methods_by_name
    assert {"Predict", "ScoreTexts"} <= set(methods)
