"""The shipped text classifier is what its manifest says, says what it was trained to, and fails by degrading."""

import importlib
import json
import pathlib
import random
import shutil
from types import ModuleType

import msgspec
import numpy as np
import pytest
from counts import DEEP, count

from functions.adapters.onnx import ModelError
from functions.adapters.text_models import load_text_model
from functions.adapters.texts import BrokenTextModel, HashedModel, load_hashed
from functions.domain.lexicon import BEARISH, BULLISH
from functions.domain.sentiment import NAMES
from functions.models.sentiment import FOLDER, GOLDEN, Golden

GOLD = msgspec.json.decode((FOLDER / GOLDEN).read_bytes(), type=Golden)
WORDS = (
    *sorted(BULLISH),
    *sorted(BEARISH),
    *("the", "of", "profit", "shares", "outlook", "$ABC", "12%", "-3%", "bank", "says", "réport", "Q2", "deal"),
)
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def model() -> HashedModel:
    """Load the shipped model."""
    return load_hashed(FOLDER)


@pytest.fixture
def copy(tmp_path: pathlib.Path) -> pathlib.Path:
    """Copy the model's folder, so that a test may break it."""
    for name in ("text_manifest.json", "model.onnx"):
        shutil.copy(FOLDER / name, tmp_path / name)
    return tmp_path


def made_up(number: int, *, seed: int = 7) -> list[str]:
    """Make texts of words of all kinds, the same every time."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    return [" ".join(rng.choices(WORDS, k=rng.randint(1, 24))) for _ in range(number)]


def test_golden(model: HashedModel) -> None:
    """Golden texts get their golden scores and probabilities to the bit."""
    output = model.score(GOLD.texts)
    assert (output.model, output.version, output.names, output.degraded) == ("sentiment", "1.0.0", NAMES, False)
    assert output.values.tolist() == GOLD.values
    assert output.scores.tolist() == GOLD.scores


def test_probabilities(model: HashedModel) -> None:
    """Probabilities lie between 0 and 1 and sum to 1; the score is bullish less bearish."""
    output = model.score(made_up(300))
    assert ((output.values >= 0) & (output.values <= 1)).all()
    assert np.abs(output.values.sum(axis=1) - 1).max() < 1e-12
    assert output.scores.tolist() == (output.values[:, 2] - output.values[:, 0]).tolist()


def test_alone_or_among_others(model: HashedModel) -> None:
    """A text has the same bits in a batch of 1, 50 or 500, whatever the longest text beside it is."""
    texts = made_up(500)
    whole = model.score(texts).values
    fifty = np.concatenate([model.score(texts[at : at + 50]).values for at in range(0, 500, 50)])
    single = np.concatenate([model.score([text]).values for text in texts])
    assert whole.tobytes() == fifty.tobytes() == single.tobytes()


def test_text_without_words(model: HashedModel) -> None:
    """A text without a word gets no score; its neighbours keep theirs. No texts, no rows."""
    output = model.score([GOLD.texts[0], " !! ", "", GOLD.texts[1]])
    assert output.states.tolist() == [1, 0, 0, 1]
    assert output.scores.tolist() == [GOLD.scores[0], 0.0, 0.0, GOLD.scores[1]]
    assert len(model.score([]).scores) == 0


def test_plain_words(model: HashedModel) -> None:
    """What everybody would say of a headline, the model says too."""
    bearish, bullish = model.score(["Bank cuts $XYZ to Sell", "Profit beats estimates, shares jump"]).scores
    assert bearish < -0.5 < 0.5 < bullish


def test_changed_file(copy: pathlib.Path) -> None:
    """A model file with one changed byte is refused by its digest, and stands in as broken."""
    content = bytearray((copy / "model.onnx").read_bytes())
    content[100] ^= 1
    (copy / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="has digest"):
        load_hashed(copy)
    broken = load_text_model(copy)
    assert isinstance(broken, BrokenTextModel)
    output = broken.score(["a", "b"])
    assert (output.model, output.degraded, output.states.tolist()) == ("sentiment", True, [0, 0])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"buckets": 17_000}, "does not take indices"),
        ({"figures": ["up", "down", "flat"]}, "is needed"),
        ({"file": "gone.onnx"}, "No such file"),
        ({"threshold": "high"}, "Expected `float`"),
    ],
)
def test_manifest_that_does_not_fit(copy: pathlib.Path, change: dict[str, object], found: str) -> None:
    """A manifest that says something else than the file is refused with what was found."""
    manifest = json.loads((copy / "text_manifest.json").read_bytes())
    (copy / "text_manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(ModelError, match=found):
        load_hashed(copy)


def test_no_model_there(tmp_path: pathlib.Path) -> None:
    """A folder without a model answers degraded, with what was looked for."""
    output = load_text_model(tmp_path).score(["a"])
    assert output.degraded
    assert "neither text_manifest.json nor config.json" in output.degraded_reason


def test_failing_run_degrades(model: HashedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that fails, or a figure that is no number, degrades the whole answer."""
    monkeypatch.setattr(model, "_run", lambda texts: np.full((len(texts), 3), np.nan))
    assert model.score(["up"]).degraded_reason == "a score is not a finite number"
    monkeypatch.setattr(model, "_run", lambda texts: texts[99])
    assert model.score(["up"]).degraded_reason == "the model could not be run"


def test_manifest_tells_the_baselines(model: HashedModel) -> None:
    """The shipped figures stand beside the baselines' and beat them; shuffled labels give what chance gives."""
    metrics = model.manifest.metrics
    assert metrics["macro_f1"] > metrics["lexicon_macro_f1"] > metrics["majority_macro_f1"]
    assert metrics["brier"] < metrics["lexicon_brier"] < metrics["majority_brier"]
    assert metrics["shuffled_macro_f1"] < metrics["majority_macro_f1"] + 0.1


def test_card_shows_the_manifest(model: HashedModel) -> None:
    """Every figure of the manifest stands in the card as it is."""
    card = (FOLDER / "card.md").read_text()
    manifest = model.manifest
    figures = {name: value for name, value in manifest.metrics.items() if not name.startswith("n_")}
    counts = [f"{int(value)} {name[2:]}" for name, value in manifest.metrics.items() if name not in figures]
    texts = (manifest.version, str(manifest.window["temperature"]), f"{manifest.window['report_texts']}", *counts)
    assert [text for text in (*texts, *(f"{value:.4f}" for value in figures.values())) if text not in card] == []


def test_small_enough() -> None:
    """All of it stays below a megabyte."""
    assert sum(file.stat().st_size for file in FOLDER.glob("*.*")) < 1_000_000


@pytest.fixture(scope="module")
def train() -> ModuleType:
    """Import the training script, which needs its extra."""
    for name in ("sklearn", "scipy", "onnx"):
        pytest.importorskip(name, reason="the extra `train` is not installed")
    return importlib.import_module("functions.models.sentiment.train")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Write made-up texts with the labels that the word list gives them."""
    file = tmp_path_factory.mktemp("texts") / "texts.csv"
    rng = random.Random(3)  # noqa: S311 - no secret
    lines = []
    for number, text in enumerate(made_up(400)):
        lean = sum(word in BULLISH for word in text.split()) - sum(word in BEARISH for word in text.split())
        unlike = " ".join(rng.sample(("alpha", "beta", "gamma", "delta", "omega", "kappa"), 5))
        lines.append(f'"{text} {unlike} n{number}",{0 if lean < -1 else 1 if lean > 1 else 2}')
    file.write_text("\n".join(["text,label", *lines, ""]))
    return file


def test_decides_as_the_trainer(train: ModuleType, labelled: pathlib.Path) -> None:
    """On 10,000 texts the file's probabilities are the trainer's within the tolerance, and so are its labels."""
    grown = train.grow(train.read(labelled), strengths=(10.0,))
    texts = made_up(count(10_000), seed=11)
    expected, (_, values) = train.probabilities(grown.model, texts), train.run(grown.content, texts)
    assert np.abs(values - expected).max() < TOLERANCE
    apart = np.diff(np.sort(expected, axis=1)[:, 1:], axis=1)[:, 0] > 2 * TOLERANCE
    assert apart.mean() > 0.9
    assert (values.argmax(axis=1) == expected.argmax(axis=1))[apart].all()


def test_written_folder_loads(train: ModuleType, labelled: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """What training writes is a model that loads and says what its golden file says."""
    grown = train.grow(train.read(labelled), strengths=(10.0,))
    train.write(tmp_path, grown, train.measure(grown))
    golden = msgspec.json.decode((tmp_path / GOLDEN).read_bytes(), type=Golden)
    assert load_hashed(tmp_path).score(golden.texts).values.tolist() == golden.values


def test_parts_share_no_text(train: ModuleType, labelled: pathlib.Path) -> None:
    """No group of alike texts stands in two parts, and the parts are the whole."""
    known = train.read(labelled)
    found = train.parts(known)
    groups = [set(part.group.tolist()) for part in found]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert sum(len(part.texts) for part in found) == len(known.texts)


def test_parts_follow_the_text(train: ModuleType, labelled: pathlib.Path) -> None:
    """Where a text goes depends on what it says, and not on where it stands."""
    known = train.read(labelled)
    turned = train.Texts(known.texts[::-1], known.labels[::-1], known.group[::-1])
    for part, other in zip(train.parts(known), train.parts(turned), strict=True):
        assert sorted(part.texts) == sorted(other.texts)


@pytest.mark.parametrize("content", ["text,label\n", "text,label\na,7\n", "headline,label\na,1\n"])
def test_no_labelled_texts(train: ModuleType, content: str, tmp_path: pathlib.Path) -> None:
    """A file without labelled texts is refused with what was found."""
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(ValueError, match=r"x\.csv: \d rows"):
        train.read(tmp_path)


def test_a_mark_of_byte_order_is_no_letter(labelled: pathlib.Path, train: ModuleType, tmp_path: pathlib.Path) -> None:
    """A file that begins with a byte order mark, as spreadsheets write them, holds the same texts."""
    (tmp_path / "marked.csv").write_text(labelled.read_text(), encoding="utf-8-sig")
    assert train.read(tmp_path / "marked.csv").texts == train.read(labelled).texts


@pytest.mark.parametrize("content", [b"text,label\nS\xe4gewerk up,1\n", b'text,label\n"' + b"a" * 200_000], ids=len)
def test_no_csv(train: ModuleType, content: bytes, tmp_path: pathlib.Path) -> None:
    """A file of other letters, or with a quotation mark that nothing closes, is refused by its name."""
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.csv is no CSV in UTF-8"):
        train.read(tmp_path)


def test_every_label_is_needed(labelled: pathlib.Path, train: ModuleType, tmp_path: pathlib.Path) -> None:
    """Texts without one of the labels are refused, whether to train on or to measure on."""
    known = train.read(labelled)
    head, *rows = labelled.read_text().splitlines()
    (tmp_path / "two.csv").write_text("\n".join([head, *(row for row in rows if not row.endswith(",2"))]))
    with pytest.raises(ValueError, match=r"the trained part has \d+ bearish, \d+ bullish, 0 neutral"):
        train.train(tmp_path / "two.csv", tmp_path / "out")
    with pytest.raises(ValueError, match="give more texts, some of each label"):
        train.grow(known.where(np.arange(len(known.labels)) < 5), strengths=(10.0,))


def test_training_needs_texts(train: ModuleType, tmp_path: pathlib.Path) -> None:
    """Without labelled texts there is nothing to train on, and that is said."""
    with pytest.raises(ValueError, match="cannot be made up"):
        train.train(None, tmp_path)


def test_reported_figures(captures: pathlib.Path, train: ModuleType, model: HashedModel) -> None:
    """Measured again on the reported part, the shipped model has the figures of its manifest."""
    lines = {line.scorer: dict(line.figures) for line in train.evaluate(captures / "news_sentiment")}
    metrics = model.manifest.metrics
    for scorer, prefix in (("model", ""), ("lexicon", "lexicon_"), ("majority", "majority_")):
        found = {name: round(lines[scorer][name], 4) for name in ("macro_f1", "accuracy", "brier")}
        assert found == {name: metrics[prefix + name] for name in found}


@pytest.mark.skipif(not DEEP, reason="training takes half a minute: deep tier only")
def test_training_again(captures: pathlib.Path, train: ModuleType, model: HashedModel) -> None:
    """Training again gives what the shipped model says."""
    grown = train.grow(train.read(captures / "news_sentiment"))
    assert grown.strength == model.manifest.window["strength"]
    assert train.run(grown.content, GOLD.texts)[1] == pytest.approx(np.array(GOLD.values), abs=1e-3)
