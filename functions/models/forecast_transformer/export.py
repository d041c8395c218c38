"""Write the Transformer as graph: patches, attention, two dense layers, and the mean through a last one."""

from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from functions.models.forecasting.graph import Body, constant

PATCH: Final = 4
TOKENS: Final = 8
WIDTH: Final = 16
HEADS: Final = 2
INNER: Final = 32
EPSILON: Final = 1e-5
"""Keeps the divisor of a layer norm above 0; onnx has the same default."""


def body(weights: dict[str, NDArray[np.float32]]) -> Body:
    """Write fitted weights, named as in `train.SHAPES`; `norm*` are scales less 1."""
    node = helper.make_node
    nodes = [
        node("Cast", ["scaled"], ["scaled_32"], to=TensorProto.FLOAT),
        node("Reshape", ["scaled_32", "patched"], ["patches"]),
        *_linear("patches", "embed", "place", "tokens"),
        *_norm("tokens", "1", "before_attention"),
        *_attention(),
        node("Add", ["tokens", "attended"], ["tokens_2"]),
        *_norm("tokens_2", "2", "before_inner"),
        *_linear("before_inner", "inner", "inner_bias", "inner_sum"),
        node("Relu", ["inner_sum"], ["inner_state"]),
        *_linear("inner_state", "outer", "outer_bias", "outer_sum"),
        node("Add", ["tokens_2", "outer_sum"], ["tokens_3"]),
        *_norm("tokens_3", "3", "normed"),
        node("ReduceMean", ["normed", "axes_1"], ["mean"], keepdims=0),
        *_linear("mean", "out", "offset", "raw_32"),
        node("Cast", ["raw_32"], ["raw"], to=TensorProto.DOUBLE),
    ]
    constants = [constant(name, value + name.startswith("norm"), np.float32) for name, value in weights.items()]
    constants += [
        constant("patched", [-1, TOKENS, PATCH], np.int64),
        constant("heads", [-1, TOKENS, HEADS, WIDTH // HEADS], np.int64),
        constant("width", [-1, TOKENS, WIDTH], np.int64),
        constant("root", np.sqrt(WIDTH // HEADS), np.float32),
    ]
    return Body(tuple(nodes), tuple(constants))


def _linear(given: str, matrix: str, bias: str, made: str) -> list[onnx.NodeProto]:
    product = helper.make_node("MatMul", [given, matrix], [f"{made}_product"])
    return [product, helper.make_node("Add", [f"{made}_product", bias], [made])]


def _norm(given: str, number: str, made: str) -> list[onnx.NodeProto]:
    scales = [f"norm{number}", f"shift{number}"]
    return [helper.make_node("LayerNormalization", [given, *scales], [made], axis=-1, epsilon=EPSILON)]


def _attention() -> list[onnx.NodeProto]:
    """Make `attended` (n, 8, 16) of `before_attention`: two heads, every token sees every token."""
    node = helper.make_node
    nodes = []
    for name, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
        nodes.append(node("MatMul", ["before_attention", name], [f"{name}_flat"]))
        nodes.append(node("Reshape", [f"{name}_flat", "heads"], [f"{name}_split"]))
        nodes.append(node("Transpose", [f"{name}_split"], [f"{name}_heads"], perm=order))
    nodes += [
        node("MatMul", ["query_heads", "key_heads"], ["likeness"]),
        node("Div", ["likeness", "root"], ["logits"]),
        node("Softmax", ["logits"], ["attention"], axis=-1),
        node("MatMul", ["attention", "value_heads"], ["seen_heads"]),
        node("Transpose", ["seen_heads"], ["seen_split"], perm=[0, 2, 1, 3]),
        node("Reshape", ["seen_split", "width"], ["seen"]),
        node("MatMul", ["seen", "join"], ["attended"]),
    ]
    return nodes
