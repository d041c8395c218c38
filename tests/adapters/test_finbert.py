"""Any directory in the form of FinBERT is read as it says of itself, and one of another form is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from functions.adapters.finbert import FinBert
from functions.adapters.onnx import ModelError
from functions.adapters.text_models import load_text_model
from functions.adapters.texts import BrokenTextModel
from functions.domain.sentiment import NAMES

onnx = pytest.importorskip("onnx", reason="the extra `train` is not installed")
PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "stock", "##s", "rise", "fall", "!")
LOGITS = {"rise": (3.0, 0.0, 1.0), "fall": (0.0, 3.0, 1.0)}
"""What a piece adds to the logits, in FinBERT's order: positive, negative, neutral."""
LABELS = {"0": "positive", "1": "negative", "2": "neutral"}


def graph(*, types: bool = True, classes: int = 3) -> bytes:
    """Make a model in the shape of BERT: embeddings of three numbers each, weighed by the mask and summed."""
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - where the extra is installed

    table = np.zeros((len(PIECES), classes), dtype=np.float32)
    for piece, logits in LOGITS.items():
        table[PIECES.index(piece)] = logits[:classes]
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if types else [])]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["embedded"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["embedded", "wide"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "middle"], ["logits"], keepdims=0),
    ]
    made = helper.make_graph(
        nodes,
        "bert",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "m"]) for name in names],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", classes])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([2]), "last"),
            numpy_helper.from_array(np.array([1]), "middle"),
        ],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a whole directory."""
    (tmp_path / "config.json").write_text(json.dumps({"id2label": LABELS, "max_position_embeddings": 512}))
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    (tmp_path / "model.onnx").write_bytes(graph())
    return tmp_path


def softmax(*logits: float) -> list[float]:
    """Give the probabilities of logits."""
    grown = np.exp(np.array(logits) - max(logits))
    return list((grown / grown.sum()).tolist())


def test_scores(folder: Path) -> None:
    """Texts are cut into pieces and run; figures stand in our order, whatever the directory's is."""
    output = FinBert(folder).score(["Stocks RISE!", "stock fall fall"])
    assert (output.model, output.names, output.degraded) == ("sentiment", NAMES, False)
    assert output.values[0].tolist() == pytest.approx(softmax(0.0, 1.0, 3.0))
    assert output.values[1].tolist() == pytest.approx(softmax(6.0, 2.0, 0.0))
    assert output.scores.tolist() == (output.values[:, 2] - output.values[:, 0]).tolist()


@pytest.mark.parametrize("labels", [("neutral", "positive", "negative"), ("Bearish", "NEUTRAL", "bullish")])
def test_label_order_comes_from_the_config(folder: Path, labels: tuple[str, ...]) -> None:
    """The order of the logits is that of id2label, in our words or FinBERT's, in any case."""
    (folder / "config.json").write_text(json.dumps({"id2label": {str(at): name for at, name in enumerate(labels)}}))
    (output,) = FinBert(folder).score(["rise"]).values
    ours = {"positive": "bullish", "negative": "bearish"}
    by_name = {ours.get(name.lower(), name.lower()): LOGITS["rise"][at] for at, name in enumerate(labels)}
    assert output.tolist() == pytest.approx(softmax(*(by_name[name] for name in NAMES)))


def test_alone_or_among_others(folder: Path) -> None:
    """A text has the same bits alone and among longer ones."""
    model, texts = FinBert(folder), ["rise", "stocks fall " * 200, "stock rise fall!"]
    alone = [model.score([text]).values[0].tobytes() for text in texts]
    assert [row.tobytes() for row in model.score(texts).values] == alone


def test_512_tokens(folder: Path) -> None:
    """What stands behind 512 tokens is not read."""
    model = FinBert(folder)
    long = "stock " * 510
    assert model.score([long + "rise"]).values.tolist() == model.score([long]).values.tolist()


def test_shorter_model(folder: Path) -> None:
    """A model of fewer positions reads as many."""
    (folder / "config.json").write_text(json.dumps({"id2label": LABELS, "max_position_embeddings": 3}))
    model = FinBert(folder)
    assert model.score(["stock rise"]).values.tolist() == model.score(["stock"]).values.tolist()


def test_no_text(folder: Path) -> None:
    """A text without a piece has no score; no texts have no rows."""
    output = FinBert(folder).score(["rise", " \n"])
    assert output.states.tolist() == [1, 0]
    assert FinBert(folder).score([]).values.shape == (0, 3)


def test_other_places(folder: Path) -> None:
    """The vocabulary may lie in tokenizer.json, the model in onnx/, and need no token types."""
    (folder / "vocab.txt").unlink()
    (folder / "model.onnx").unlink()
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(graph(types=False))
    vocabulary = {piece: at for at, piece in enumerate(PIECES)}
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "WordPiece", "vocab": vocabulary}}))
    assert FinBert(folder).score(["Rise"]).scores[0] > 0.5


def test_version_is_the_digest(folder: Path) -> None:
    """Another file is another version."""
    first = FinBert(folder).spec.version
    (folder / "model.onnx").write_bytes(graph(types=False))
    assert first.startswith("finbert-")
    assert FinBert(folder).spec.version != first


BROKEN: dict[str, tuple[str, Any, str]] = {
    "no config": ("config.json", b"{", "config.json"),
    "two labels": ("config.json", b'{"id2label": {"0": "positive", "1": "negative"}}', "one each of"),
    "label without a name": (
        "config.json",
        b'{"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}',
        "LABEL_0",
    ),
    "no frame": ("vocab.txt", b"[UNK]\nstock", r"lacks \['\[CLS\]', '\[SEP\]'\]"),
    "no model": ("model.onnx", b"not a model", "cannot be read"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken(folder: Path, case: str) -> None:
    """A directory that is not what it should be is refused with what was found, and stands in as broken."""
    name, content, found = BROKEN[case]
    (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=found):
        FinBert(folder)
    (folder / "config.json").touch()
    model = load_text_model(folder)
    assert isinstance(model, BrokenTextModel)
    assert model.score(["rise"]).degraded


def test_other_shapes(folder: Path) -> None:
    """A model of two classes, and a directory without one, are refused at once."""
    (folder / "model.onnx").write_bytes(graph(classes=2))
    with pytest.raises(ModelError, match=r"shape \(1, 2\), not \(1, 3\)"):
        FinBert(folder)
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"no model\.onnx"):
        FinBert(folder)


def test_other_tokeniser(folder: Path) -> None:
    """A tokeniser of another kind is refused."""
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE", "vocab": {}}}))
    with pytest.raises(ModelError, match="its tokeniser is BPE"):
        FinBert(folder)


def test_piece_outside_the_table(folder: Path) -> None:
    """A vocabulary greater than the model degrades the answer and raises nothing."""
    (folder / "vocab.txt").write_text("\n".join((*PIECES, "beyond")))
    model = FinBert(folder)
    assert model.score(["beyond"]).degraded_reason == "the model could not be run"
    assert not model.score(["rise"]).degraded
