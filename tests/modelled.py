"""Write tiny model folders for tests: one feature `x`, a score, and a fault that rows below 0 bring about."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pytest

from functions.adapters.onnx import MANIFEST, Manifest
from functions.domain.market import Float64

onnx = pytest.importorskip("onnx", reason="the extra `train` is not installed")
helper, numpy_helper = onnx.helper, onnx.numpy_helper

FILE: Final = "model.onnx"
LOOPS: Final = 50_000_000
"""Turns of a loop that takes many seconds on any machine."""
TOO_MANY: Final = 2.0**57
"""Numbers that no machine has memory for: 2^60 bytes."""

Nodes = tuple[list[Any], Mapping[str, Any]]


def node(kind: str, given: str, made: str, **attributes: object) -> Any:  # noqa: ANN401 - onnx has no types here
    """Make a node of names parted by spaces."""
    return helper.make_node(kind, given.split(), made.split(), **attributes)


def sound() -> Nodes:
    """Score a row with twice its feature."""
    return [node("Squeeze", "features axis", "x"), node("Mul", "x two", "scores")], {}


def nan() -> Nodes:
    """Score with a root, which numbers below 0 have not."""
    return [node("Squeeze", "features axis", "x"), node("Sqrt", "x", "scores")], {}


def wrong_shape() -> Nodes:
    """Leave out rows below 0."""
    nodes = [
        node("Squeeze", "features axis", "x"),
        node("GreaterOrEqual", "x zero", "kept"),
        node("Compress", "x kept", "scores", axis=0),
    ]
    return nodes, {}


def _below() -> list[Any]:
    """Say by how much the least row is below 0, as one integer in a vector, times `often`."""
    return [
        node("Squeeze", "features axis", "x"),
        node("ReduceMin", "x", "least", keepdims=0),
        node("Neg", "least", "negated"),
        node("Max", "negated zero", "below"),
        node("Mul", "below often", "count"),
        node("Cast", "count", "whole", to=onnx.TensorProto.INT64),
        node("Unsqueeze", "whole first", "shape"),
    ]


def out_of_memory() -> Nodes:
    """Ask for more memory than there is."""
    nodes = [
        *_below(),
        node("ConstantOfShape", "shape", "wide", value=numpy_helper.from_array(np.zeros(1))),
        node("ReduceSum", "wide", "sum", keepdims=0),
        node("Add", "x sum", "scores"),
    ]
    return nodes, {"often": TOO_MANY}


def slow() -> Nodes:
    """Turn round for many seconds."""
    scalar = lambda name, kind: helper.make_tensor_value_info(name, kind, [])  # noqa: E731 - used thrice, here
    double, boolean, integer = onnx.TensorProto.DOUBLE, onnx.TensorProto.BOOL, onnx.TensorProto.INT64
    body = helper.make_graph(
        [node("Identity", "going", "on"), node("Add", "held held", "kept")],
        "turn",
        [scalar("turn", integer), scalar("going", boolean), scalar("held", double)],
        [scalar("on", boolean), scalar("kept", double)],
    )
    nodes = [*_below(), node("Loop", "whole true zero", "turned", body=body), node("Add", "x turned", "scores")]
    return nodes, {"often": float(LOOPS), "true": True}


def squared() -> Nodes:
    """Give a row's double as its score, and beside it the feature and its square."""
    nodes = [
        *sound()[0],
        node("Mul", "features features", "square"),
        node("Concat", "features square", "values", axis=1),
    ]
    return nodes, {}


def matrix(width: int = 64) -> Nodes:
    """Multiply in float32 by a matrix: the last bits may depend on how many rows there are."""
    rng = np.random.default_rng(7)
    weights = rng.normal(size=(1, width)).astype(np.float32), rng.normal(size=(width, 1)).astype(np.float32)
    nodes = [
        node("Cast", "features", "narrow", to=onnx.TensorProto.FLOAT),
        node("MatMul", "narrow first_weights", "hidden"),
        node("Tanh", "hidden", "bent"),
        node("MatMul", "bent last_weights", "joined"),
        node("Cast", "joined", "wide", to=onnx.TensorProto.DOUBLE),
        node("Squeeze", "wide axis", "scores"),
    ]
    return nodes, {"first_weights": weights[0], "last_weights": weights[1]}


def content_of(made: Nodes, *, values: int = 0) -> bytes:
    """Write a graph as a model file."""
    nodes, more = made
    constants = {"axis": np.array([1]), "first": np.array([0]), "zero": 0.0, "two": 2.0, **more}
    outputs = [helper.make_tensor_value_info("scores", onnx.TensorProto.DOUBLE, ["m"])]
    if values:
        outputs.append(helper.make_tensor_value_info("values", onnx.TensorProto.DOUBLE, ["m", values]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("features", onnx.TensorProto.DOUBLE, ["n", 1])],
        outputs,
        [numpy_helper.from_array(np.array(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    written: bytes = model.SerializeToString()
    return written


def write_model(
    folder: Path, made: Callable[[], Nodes] = sound, *, figures: Sequence[str] = (), **said: object
) -> Path:
    """Write a model's folder, with what its manifest should say beside the usual. Give the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    content = content_of(made(), values=len(figures))
    (folder / FILE).write_bytes(content)
    usual = {
        "name": folder.name,
        "version": "1",
        "file": FILE,
        "sha256": hashlib.sha256(content).hexdigest(),
        "features": ("x",),
        "threshold": 0.5,
        "window": {},
        "metrics": {},
        "figures": tuple(figures),
    }
    (folder / MANIFEST).write_bytes(msgspec.json.encode(msgspec.convert(usual | said, Manifest)))
    return folder


def rows_of(*numbers: float) -> Float64:
    """Lay numbers out as rows of the one feature."""
    return np.array(numbers, dtype=np.float64).reshape(-1, 1)
