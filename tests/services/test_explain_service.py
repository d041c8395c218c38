"""A signal is explained from its id alone, by what brokers hold and registered models; in process and over gRPC."""

import asyncio
import contextlib
import json
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import msgspec
import numpy as np
import pytest
from counts import FULL, count
from explained import ENVIRON, ROWS, explain, explain_all, features, make_run, own_settings, signals
from scored import Row, features_of
from tickloom.explain.v1 import service_pb2, service_pb2_grpc

from functions.adapters.log_history import LogHistory
from functions.adapters.model_versions import FileVersions
from functions.adapters.onnx import load_model
from functions.adapters.rulebooks import Deciding, strategy_of
from functions.domain.decisions import Action, ModelScore
from functions.domain.explain import alone
from functions.domain.explanation import NotExplained
from functions.models import anomaly
from functions.ports.errors import Overloaded
from functions.ports.history import Placed
from functions.ports.models import ModelFailed, Opened
from functions.runtime import grpc_app
from functions.services.explain import memory
from functions.services.explain.attributing import ask_again
from functions.services.explain.explaining import Explaining
from functions.services.explain.main import Settings, compose
from functions.wire.codecs.explanations import explanation_value
from functions.wire.codecs.features import FEATURE_BATCH
from functions.wire.codecs.predictions import PREDICTION_BATCH
from functions.wire.codecs.signals import SIGNAL
from functions.wire.errors import Malformed
from functions.wire.facts import batch_id

if TYPE_CHECKING:
    from functions.wire.envelope import Event

MODELS = anomaly.FOLDER.parent
SUM_ERROR_MAX = 1e-9
NOBODY = batch_id("/tickloom/tests", 1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the logs of a run."""
    folder = tmp_path_factory.mktemp("run")
    make_run(folder)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Give a copy of the run that a test may change."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def forget(folder: Path, broker: str, type_: str) -> None:
    """Lose all events of a type from a log."""
    with contextlib.closing(sqlite3.connect(folder / "log" / f"{broker}.sqlite")) as database, database:
        database.execute("DELETE FROM events WHERE type = ?", (type_,))


def test_every_signal_is_made_again(whole: Path) -> None:
    """Every signal of a run, decided again from the logs, is the one that was sent, in every field, with its turns."""
    sent = signals(whole)
    assert len(sent) > 5
    for signal, told in zip(sent, explain_all(whole, [one.signal_id for one in sent]), strict=True):
        assert told.signal == signal
        assert told.decided is not None
        assert told.decided.differs == ()
        assert not told.notes


def test_sums(whole: Path) -> None:
    """Parts of confidence and of the model's score sum to them, and the model asked again says the same bits."""
    for told in explain_all(whole, [one.signal_id for one in signals(whole)]):
        (model,) = told.models
        assert model.attribution is not None
        assert model.again == model.attribution.total == model.score.score
        assert max(abs(one.residual) for one in (told.strength, told.confidence, model.attribution)) <= SUM_ERROR_MAX
        assert model.base_set.startswith("16 of the 32 golden rows of anomaly 1.0.0")
        assert not model.problem


def test_flips_are_told(whole: Path) -> None:
    """Signals of a usual market have a flip to another action, of few spreads."""
    told = explain_all(whole, [one.signal_id for one in signals(whole)[:8]])
    found = [one.decided for one in told]
    flips = [one.flip for one in found if one is not None and one.flip is not None]
    assert len(flips) > 4
    assert all(flip.action in {Action.HOLD, Action.BUY, Action.SELL} and flip.spreads > 0 for flip in flips)


def test_first_bar(folder: Path) -> None:
    """On the first bar anybody saw a flip is found too: figures are measured by their own size, and this is said."""
    first = signals(folder)[0]
    number = explain(folder, first.signal_id).links[1].sequence
    with contextlib.closing(sqlite3.connect(folder / "log" / "desk.sqlite")) as database, database:
        database.execute("DELETE FROM events WHERE type = ? AND id <> ?", (PREDICTION_BATCH, f"infer-{number}"))
    told = explain(folder, first.signal_id).decided
    assert told is not None
    assert told.flip is not None
    assert (told.batches, told.rows, told.by_size) == (0, 1, told.levers)


def test_links(whole: Path) -> None:
    """The events it came from are named with broker, place and number, nearest first."""
    signal = signals(whole)[-1]
    told = explain(whole, signal.signal_id)
    assert [(link.broker, link.type) for link in told.links] == [
        ("desk", SIGNAL),
        ("desk", PREDICTION_BATCH),
        ("market", FEATURE_BATCH),
    ]
    assert told.links[1].id == signal.evidence.causation_id
    assert told.links[1].sequence == told.links[2].sequence


def test_deterministic(whole: Path) -> None:
    """Explained twice, a signal has equal explanations."""
    id_ = signals(whole)[0].signal_id
    assert msgspec.json.encode(explain(whole, id_)) == msgspec.json.encode(explain(whole, id_))


def test_unknown_signal(whole: Path) -> None:
    """An id that no signal has is answered so, also when it is another event's."""
    with pytest.raises(NotExplained, match=f"no signal {NOBODY} is stored"):
        explain(whole, NOBODY)
    with pytest.raises(Malformed, match="'infer-3' is no id of a signal"):
        explain(whole, "infer-3")


def test_other_rules(whole: Path) -> None:
    """Rules other than those it was decided by show: what differs is named, and no flip of another decision is told."""
    signal = next(one for one in signals(whole) if one.confidence < 80)
    told = explain(whole, signal.signal_id, {"TICKLOOM_SIGNALS_MIN_CONFIDENCE": "80"})
    assert told.decided is not None
    assert (told.decided.differs, told.decided.flip) == (("action",), None)


def test_rules_of_another_strategy(whole: Path, tmp_path: Path) -> None:
    """Rules of another name cannot make the decision again, and this is said; its parts are told all the same."""
    rules = tmp_path / "mine.rules"
    rules.write_text("strategy mine\nbuy 50 low rsi_14 < 30\n")
    signal = signals(whole)[0]
    told = explain(whole, signal.signal_id, {"TICKLOOM_SIGNALS_RULES_PATH": str(rules)})
    assert told.decided is None
    assert "strategy mine; name the file of mean_reversion" in told.notes[0]
    assert told.confidence.total == signal.confidence
    assert told.models[0].attribution is not None


def test_lost_batch(folder: Path) -> None:
    """Without the batch it was decided on a signal still has the parts that it carries itself."""
    forget(folder, "desk", PREDICTION_BATCH)
    told = explain(folder, signals(folder)[0].signal_id)
    assert told.decided is None
    assert "is not stored any more" in told.notes[0]
    assert told.strength.parts
    assert told.models[0].problem == "the row that it saw is not stored any more"


def test_lost_features(folder: Path) -> None:
    """Without the feature batch the features that travelled on are used: the shipped model needs no others."""
    forget(folder, "market", FEATURE_BATCH)
    told = explain(folder, signals(folder)[0].signal_id)
    assert told.models[0].attribution is not None


def registry(tmp_path: Path, **changes: object) -> Path:
    """Give a registry whose model has another manifest."""
    root = tmp_path / "models"
    shutil.copytree(anomaly.FOLDER, root / "anomaly", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    manifest = root / "anomaly" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))
    return root


def test_wrong_version(whole: Path, tmp_path: Path) -> None:
    """A version that is not on disk is said with those that are, and nothing of another one is told."""
    environ = {**ENVIRON, "TICKLOOM_MODELS_FOLDER": str(registry(tmp_path, version="2.0.0"))}
    (told,) = explain(whole, signals(whole)[0].signal_id, environ).models
    assert told.problem == "model anomaly: there is no version 1.0.0, only 2.0.0"
    assert (told.again, told.attribution) == (None, None)


def test_other_content(whole: Path, tmp_path: Path) -> None:
    """A model file that is not the manifest's is said."""
    environ = {**ENVIRON, "TICKLOOM_MODELS_FOLDER": str(registry(tmp_path, sha256="0" * 64))}
    (told,) = explain(whole, signals(whole)[0].signal_id, environ).models
    assert "has digest" in told.problem
    assert told.attribution is None


def test_no_base_set(whole: Path, tmp_path: Path) -> None:
    """A version without golden rows has no base, so no parts: this is said, and the model is asked again."""
    root = registry(tmp_path)
    (root / "anomaly" / "golden.json").unlink()
    environ = {**ENVIRON, "TICKLOOM_MODELS_FOLDER": str(root)}
    (told,) = explain(whole, signals(whole)[0].signal_id, environ).models
    assert told.again == told.score.score
    assert (told.attribution, told.problem) == (None, "version 1.0.0 has no golden.json to be the base set")


VERSIONS = FileVersions(MODELS)


def test_sums_on_many_rows() -> None:
    """On 1,000 rows the parts of the shipped model's score sum to score less base."""
    batch, model = features(11, count(1000)), load_model(anomaly.FOLDER)
    scores = model.score(batch.columns).scores.tolist()
    for row, score in enumerate(scores):
        said = ModelScore("anomaly", "1.0.0", score, model.spec.threshold)
        told, asked = ask_again(VERSIONS, said, alone(batch.columns, row), key=str(row))
        assert asked is not None
        assert told.attribution is not None
        assert abs(told.attribution.residual) <= SUM_ERROR_MAX
        assert told.again == score


@pytest.mark.parametrize(
    "name", ["anomaly_autoencoder", "forecast_boosted", "forecast_lstm", "forecast_transformer", "regime"]
)
def test_shipped_models(name: str) -> None:
    """Every shipped model's score is shared out exactly, and what it would have said can be asked."""
    model = load_model(MODELS / name)
    golden = json.loads((MODELS / name / anomaly.GOLDEN).read_text())
    names = tuple(golden["features"])
    columns = features_of([Row(features=dict(zip(names, golden["rows"][1], strict=True)))]).columns
    said = ModelScore(name, model.spec.version, golden["scores"][1], model.spec.threshold)
    told, asked = ask_again(VERSIONS, said, columns, key="k")
    assert told.again == pytest.approx(said.score)
    assert told.attribution is not None
    assert told.attribution.exact
    assert abs(told.attribution.residual) <= SUM_ERROR_MAX
    assert asked is not None
    assert asked.figures({}) == {}
    assert asked.figures({names[0]: 0.0}).keys() == {f"{name}.{one}" for one in ("score", *model.spec.figures)}


def test_a_large_base_set_is_thinned() -> None:
    """Of a base set that would make a model be asked for too many rows evenly spread ones are taken; this is said."""
    opened = VERSIONS.open("regime", load_model(MODELS / "regime").spec.version)
    names, row = opened.model.spec.features, opened.base[0]
    columns = features_of([Row(features=dict(zip(names, row.tolist(), strict=True)))]).columns
    told, _ = ask_again(VERSIONS, ModelScore("regime", opened.model.spec.version, 0.0, 1.0), columns, key="k")
    assert told.base_set.startswith("8 of the 24 golden rows of regime")
    assert told.attribution is not None
    assert told.attribution.base == pytest.approx(float(opened.model.run(opened.base[::3]).scores.mean()))
    assert abs(told.attribution.residual) <= SUM_ERROR_MAX


def test_cold_row() -> None:
    """A row of which a needed feature is not valid was never scored; this is said."""
    columns = replace(features(1, 1).columns)
    columns = replace(columns, states=np.zeros_like(columns.states))
    told, asked = ask_again(VERSIONS, ModelScore("anomaly", "1.0.0", 0.5, 0.6), columns, key="k")
    assert (told.problem, asked) == ("a feature of the row is not valid", None)


def test_order_of_questions(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was asked before, and however little is remembered, a signal has the explanation it has from nothing."""
    ids = [one.signal_id for one in signals(whole)]
    monkeypatch.setattr(memory, "WINDOW", 16)
    alone = {id_: msgspec.json.encode(explain(whole, id_)) for id_ in ids[:: 2 if FULL else 4]}
    mixed = [*np.random.default_rng(3).permutation([*alone, *alone]).tolist(), *alone]
    for lanes, size in ((8, memory.MARKS_BYTES_MAX), (1, 3000)):
        monkeypatch.setattr(memory, "LANES_MAX", lanes)
        monkeypatch.setattr(memory, "MARKS_BYTES_MAX", size)
        for id_, told in zip(mixed, explain_all(whole, mixed), strict=True):
            assert msgspec.json.encode(told) == alone[id_]


def test_window(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than two windows of batches are folded anew, and not less than one where there are so many."""
    monkeypatch.setattr(memory, "WINDOW", 16)
    told = [one.decided for one in explain_all(whole, [one.signal_id for one in signals(whole)])]
    folded = [one.batches for one in told if one is not None and one.since]
    assert max(folded) <= 32
    assert min(folded) >= 16
    assert ROWS > 32


def test_figures_of_other_rows(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spreads are taken over a bounded number of rows, the signal's own among them."""
    monkeypatch.setattr(memory, "SPREAD_ROWS_MAX", 10)
    told = explain(whole, signals(whole)[-1].signal_id).decided
    assert told is not None
    assert told.rows == 10


class Gated:
    """A history that answers when it may."""

    def __init__(self) -> None:
        """Wait for the gate."""
        self.gate = asyncio.Event()

    async def signal(self, id_: str) -> Placed | None:
        """Find nothing, once the gate is open."""
        del id_
        await self.gate.wait()
        return None

    async def causes(self, effect: Placed, most: int) -> Sequence[Placed]:
        """Find nothing."""
        del effect, most
        return ()

    async def before(self, last: Placed, since: int) -> "Sequence[Event]":
        """Find nothing."""
        del last, since
        return ()

    async def close(self) -> None:
        """Do nothing."""


async def test_a_full_queue() -> None:
    """A bounded number of questions waits; one more is refused at once, and room that is left is used again."""
    history = Gated()
    strategy, rules = strategy_of(Deciding())
    asked = Explaining(history, FileVersions(MODELS), strategy, rules=rules, waiting_max=2)
    waiting = [asyncio.ensure_future(asked.explain(NOBODY)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="2 questions wait already"):
        await asked.explain(NOBODY)
    history.gate.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in found] == [NotExplained, NotExplained]
    with pytest.raises(NotExplained):
        await asked.explain(NOBODY)
    await asked.close()


class Watched:
    """Note in which thread models are opened."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self.threads: list[int] = []

    def open(self, model: str, version: str) -> Opened:
        """Note it, and have no model."""
        self.threads.append(threading.get_ident())
        message = f"no {model} {version}"
        raise ModelFailed(message)


async def test_work_is_done_beside_the_loop(whole: Path) -> None:
    """What takes time is done in one other thread, so that the loop can answer others meanwhile."""
    watched = Watched()
    strategy, rules = strategy_of(Deciding(signals_cooldown_bars=2))
    asked = Explaining(LogHistory(whole), watched, strategy, rules=rules)
    await asyncio.gather(*(asked.explain(one.signal_id) for one in signals(whole)[:4]))
    await asked.close()
    assert len(watched.threads) == 4
    assert len(set(watched.threads)) == 1
    assert threading.get_ident() not in watched.threads


@pytest.fixture
async def stub(whole: Path) -> AsyncIterator["service_pb2_grpc.ExplainServiceAsyncStub"]:
    """Serve a run's folder, and give a stub."""
    running = await grpc_app.start(compose(own_settings(whole)), host="127.0.0.1", port=0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel:
        yield service_pb2_grpc.ExplainServiceStub(channel)
    await running.stop()


async def test_over_grpc(whole: Path, stub: "service_pb2_grpc.ExplainServiceAsyncStub") -> None:
    """Every signal has over gRPC the explanation it has in process, to the last bit."""
    ids = [one.signal_id for one in signals(whole)]
    for id_, here in zip(ids, await asyncio.to_thread(explain_all, whole, ids), strict=True):
        answer = await stub.Explain(service_pb2.ExplainRequest(signal_id=id_), timeout=30)
        assert explanation_value(answer.explanation) == here


async def test_refusals(stub: "service_pb2_grpc.ExplainServiceAsyncStub") -> None:
    """An id that no signal has is NOT_FOUND, what is no id INVALID_ARGUMENT; both say so in words."""
    for id_, code, words in (
        (NOBODY, grpc.StatusCode.NOT_FOUND, f"no signal {NOBODY} is stored"),
        ("none", grpc.StatusCode.INVALID_ARGUMENT, "'none' is no id"),
        ("", grpc.StatusCode.INVALID_ARGUMENT, "'' is no id"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Explain(service_pb2.ExplainRequest(signal_id=id_), timeout=30)
        assert refused.value.code() is code
        assert words in (refused.value.details() or "")


async def test_unreachable(tmp_path: Path) -> None:
    """Without what it looks into a service answers UNAVAILABLE, so that a caller asks again, and goes on."""
    running = await grpc_app.start(compose(own_settings(tmp_path)), host="127.0.0.1", port=0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel:
        stub = service_pb2_grpc.ExplainServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Explain(service_pb2.ExplainRequest(signal_id=NOBODY), timeout=30)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        await asyncio.to_thread(make_run, tmp_path)
        signal = signals(tmp_path)[0]
        answer = await stub.Explain(service_pb2.ExplainRequest(signal_id=signal.signal_id), timeout=30)
        assert answer.explanation.signal.signal_id == signal.signal_id
    await running.stop()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"explain_history": "mind"}, "must be folder or kafka"),
        ({"explain_history": "folder"}, "needs explain_folder"),
        ({"kafka_servers": "a:1"}, "needs KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL"),
        ({"explain_history": "folder", "explain_folder": "a", "explain_waiting_max": 0}, "at least 1"),
    ],
)
def test_settings(changes: Mapping[str, object], words: str) -> None:
    """Settings that would find nothing stop the start."""
    with pytest.raises(ValueError, match=words):
        Settings(**changes)  # type: ignore[arg-type]  # each of them is of its field's type
