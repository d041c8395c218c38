"""A signal is explained from its id alone, by what lies in the folder's logs and the registry of models."""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from counts import count
from scored import SHARD, Row, features_of

from functions.adapters.onnx import load_model
from functions.cli import main
from functions.domain.decisions import Action, ModelScore, Signal
from functions.domain.explain import alone
from functions.domain.market import FeatureBatch
from functions.domain.predictions import predict_batch
from functions.handlers.infer.main import Settings as InferSettings
from functions.local.attributions import ask_again
from functions.local.explanations import NotExplained, explain
from functions.local.log import DiskLog
from functions.models import anomaly
from functions.tables.signals.main import Settings, compose
from functions.wire.codecs.features import FEATURE_BATCH, encode_feature_batch
from functions.wire.codecs.predictions import PREDICTION_BATCH, encode_prediction_batch
from functions.wire.codecs.signals import SIGNAL, decode_signal
from functions.wire.envelope import Event
from functions.wire.facts import sequence_text

MODELS = anomaly.FOLDER.parent
ROWS = 60
SUM_ERROR_MAX = 1e-9
NEEDED = load_model(anomaly.FOLDER).spec.features


def features(seed: int, rows: int) -> FeatureBatch:
    """Make up rows with all features that decide, some of them far out."""
    rng = np.random.default_rng(seed)
    made = []
    for bar in range(rows):
        z = rng.normal(0, 1.8)
        made.append(
            Row(
                bar + 100,
                {
                    "return_1": rng.normal(0, 1e-3),
                    "range_bps": abs(rng.normal(8, 6)),
                    "rsi_14": float(np.clip(50 + 13 * z + rng.normal(0, 5), 1, 99)),
                    "bb_percent": 0.5 + z / 4 + rng.normal(0, 0.1),
                    "zscore_20": z,
                    "volume_zscore_20": rng.normal(0, 2),
                    "macd_hist": rng.normal(0, 20),
                    "sma_20": 60_000.0,
                    "atr_14": 40 + abs(rng.normal(0, 20)),
                },
            )
        )
    return features_of(made)


def event(type_: str, source: str, number: int, data: bytes, *, cause: str = "") -> Event:
    """Make an event of the shard, named by its source's name and its number."""
    more = {"causationid": cause} if cause else {}
    id_ = f"{source.split('/')[3]}-{number}"
    return Event(
        id_, source, type_, data, extensions={"sequence": sequence_text(number), "partitionkey": SHARD, **more}
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the logs of a run: features, the shipped model's predictions, and the table's signals."""
    folder, batch, model = tmp_path_factory.mktemp("run"), features(7, ROWS), load_model(anomaly.FOLDER)
    table = compose(Settings(signals_cooldown_bars=2)).fold
    state = table.start("desk")
    with (
        contextlib.closing(DiskLog(folder / "log" / "market.sqlite")) as market,
        contextlib.closing(DiskLog(folder / "log" / "desk.sqlite")) as desk,
    ):
        for number in range(ROWS):
            one = FeatureBatch(SHARD, alone(batch.columns, number))
            known = event(FEATURE_BATCH, f"/tickloom/tables/features/{SHARD}", number, encode_feature_batch(one))
            market.append(known)
            answer = predict_batch(one, (model.score(one.columns),), InferSettings().infer_features)
            data, source = encode_prediction_batch(answer), f"/tickloom/handlers/infer/{SHARD}"
            scored = event(PREDICTION_BATCH, source, number, data, cause=known.id)
            desk.append(scored)
            state, told = table.fold(state, scored)
            for signal in told:
                desk.append(signal)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Give a copy of the run that a test may change."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


ENVIRON: Mapping[str, str] = {"TICKLOOM_SIGNALS_COOLDOWN_BARS": "2"}


def signals(folder: Path) -> list[Signal]:
    """Read the signals of a folder, oldest first."""
    with contextlib.closing(DiskLog(folder / "log" / "desk.sqlite")) as log:
        return [decode_signal(one.data or b"") for _, _, one in log.scan() if one.type == SIGNAL]


def forget(folder: Path, broker: str, type_: str) -> None:
    """Lose all events of a type from a log."""
    with contextlib.closing(sqlite3.connect(folder / "log" / f"{broker}.sqlite")) as database, database:
        database.execute("DELETE FROM events WHERE type = ?", (type_,))


def test_every_signal_is_made_again(whole: Path) -> None:
    """Every signal of a run, decided again from the logs, is the one that was sent, in every field, with its turns."""
    sent = signals(whole)
    assert len(sent) > 5
    for signal in sent:
        told = explain(whole, signal.signal_id, ENVIRON)
        assert told.signal == signal
        assert told.decided is not None
        assert told.decided.differs == ()
        assert not told.notes


def test_sums(whole: Path) -> None:
    """Parts of confidence and of the model's score sum to them, and the model asked again says the same bits."""
    for signal in signals(whole)[:5]:
        told = explain(whole, signal.signal_id, ENVIRON)
        (model,) = told.models
        assert model.attribution is not None
        assert model.again == model.attribution.total == model.score.score
        assert max(abs(one.residual) for one in (told.strength, told.confidence, model.attribution)) <= SUM_ERROR_MAX
        assert model.base_set.startswith("32 golden rows of anomaly 1.0.0")
        assert not model.problem


def test_flips_are_told(whole: Path) -> None:
    """Signals of a usual market have a flip to another action, of few spreads."""
    found = [explain(whole, signal.signal_id, ENVIRON).decided for signal in signals(whole)[:8]]
    flips = [one.flip for one in found if one is not None and one.flip is not None]
    assert len(flips) > 4
    assert all(flip.action in {Action.HOLD, Action.BUY, Action.SELL} and flip.spreads > 0 for flip in flips)


def test_first_bar(folder: Path) -> None:
    """On the first bar anybody saw a flip is found too: figures are measured by their own size, and this is said."""
    first = signals(folder)[0]
    number = explain(folder, first.signal_id, ENVIRON).links[1].sequence
    with contextlib.closing(sqlite3.connect(folder / "log" / "desk.sqlite")) as database, database:
        database.execute("DELETE FROM events WHERE type = ? AND id <> ?", (PREDICTION_BATCH, f"infer-{number}"))
    told = explain(folder, first.signal_id, ENVIRON).decided
    assert told is not None
    assert told.flip is not None
    assert (told.batches, told.rows, told.by_size) == (0, 1, told.levers)


def test_links(whole: Path) -> None:
    """The events it came from are named with broker, place and number, nearest first."""
    signal = signals(whole)[-1]
    told = explain(whole, signal.signal_id, ENVIRON)
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
    assert msgspec.json.encode(explain(whole, id_, ENVIRON)) == msgspec.json.encode(explain(whole, id_, ENVIRON))


def test_unknown_signal(whole: Path) -> None:
    """An id that no signal has is answered so, also when it is another event's."""
    with pytest.raises(NotExplained, match="no signal infer-3"):
        explain(whole, "infer-3", ENVIRON)


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
    told = explain(folder, signals(folder)[0].signal_id, ENVIRON)
    assert told.decided is None
    assert "is in no log" in told.notes[0]
    assert told.strength.parts
    assert told.models[0].problem == "the row that it saw is in no log of the folder"


def test_lost_features(folder: Path) -> None:
    """Without the feature batch the features that travelled on are used: the shipped model needs no others."""
    forget(folder, "market", FEATURE_BATCH)
    told = explain(folder, signals(folder)[0].signal_id, ENVIRON)
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


def test_sums_on_many_rows() -> None:
    """On 1,000 rows the parts of the shipped model's score sum to score less base."""
    batch, model = features(11, count(1000)), load_model(anomaly.FOLDER)
    scores = model.score(batch.columns).scores.tolist()
    for row, score in enumerate(scores):
        said = ModelScore("anomaly", "1.0.0", score, model.spec.threshold)
        told, asked = ask_again(MODELS, said, alone(batch.columns, row), key=str(row))
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
    told, asked = ask_again(MODELS, said, columns, key="k")
    assert told.again == pytest.approx(said.score)
    assert told.attribution is not None
    assert told.attribution.exact
    assert abs(told.attribution.residual) <= SUM_ERROR_MAX
    assert asked is not None
    assert asked.figures({}) == {}
    assert asked.figures({names[0]: 0.0}).keys() == {f"{name}.{one}" for one in ("score", *model.spec.figures)}


def test_cold_row() -> None:
    """A row of which a needed feature is not valid was never scored; this is said."""
    columns = replace(features(1, 1).columns)
    columns = replace(columns, states=np.zeros_like(columns.states))
    told, asked = ask_again(MODELS, ModelScore("anomaly", "1.0.0", 0.5, 0.6), columns, key="k")
    assert (told.problem, asked) == ("a feature of the row is not valid", None)


def test_text(whole: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The verb writes each figure as a sum, and says what would have flipped the signal and where it came from."""
    monkeypatch.setenv("TICKLOOM_SIGNALS_COOLDOWN_BARS", "2")
    signal = signals(whole)[0]
    assert main.main(["explain", signal.signal_id, "--folder", str(whole)]) == 0
    shown = capsys.readouterr().out
    for text in (
        f"signal {signal.signal_id}",
        "is the sum",
        "asked again: the same",
        "exact: every coalition was asked",
    ):
        assert text in shown
    assert f"{signal.action.value.upper()} becomes " in shown
    assert "the same signal in every field" in shown
    assert "market" in shown


def test_text_of_other_rules(
    whole: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What could not be done stands in the text: other settings, another strategy, a model that is not on disk."""
    signal = next(one for one in signals(whole) if one.confidence < 80)
    rules = tmp_path / "mine.rules"
    rules.write_text("strategy mine\nbuy 50 low rsi_14 < 30\n")
    words = ["explain", signal.signal_id, "--folder", str(whole)]
    assert main.main([*words, "--rules", str(rules), "--models", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "not looked for: the decision could not be made again" in shown
    assert "name the file of mean_reversion with --rules" in shown
    assert "NOTE model anomaly: there is no version 1.0.0, only none" in shown
    monkeypatch.setenv("TICKLOOM_SIGNALS_MIN_CONFIDENCE", "80")
    assert main.main(words) == 0
    shown = capsys.readouterr().out
    assert "DIFFERENT in action" in shown
    assert "another one already" in shown


def test_json(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON there is all of it, for programs, with what the sums miss at most."""
    signal = signals(whole)[0]
    assert main.main(["explain", signal.signal_id, "--folder", str(whole), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["signal"]["signal_id"] == signal.signal_id
    assert told["residual_max"] <= SUM_ERROR_MAX
    assert {"strength", "confidence", "models", "decided", "links", "notes", "price"} <= told.keys()


def test_unknown_is_one_sentence(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A signal that is not there is answered in one sentence, and so is a folder without logs."""
    assert main.main(["explain", "none", "--folder", str(whole)]) == 1
    assert "no signal none in the logs" in capsys.readouterr().err
    assert main.main(["explain", "none", "--folder", str(whole / "nothing")]) == 1
    assert "no event log under" in capsys.readouterr().err
