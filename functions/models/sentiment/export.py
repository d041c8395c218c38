"""Write a linear text classifier as an ONNX graph that takes numbers of terms and returns probabilities.

The table has a row of whole numbers for each bucket: three weights and the square of the term's weight by rarity, all
in units of 2^-10, and one row of zeros that fills short texts up. Whole numbers add up to the same sum in any order, so
a text has the same score bits alone, among others, and whatever the longest text beside it is.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from functions.domain.market import Float64
from functions.domain.texts import TERMS_MAX

OPSET: Final = 18
IR_VERSION: Final = 9
UNITS: Final = 1024.0
INT32_MAX: Final = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """Hold a classifier of k classes over b buckets: logits = scale * (x . weights) + bias, x of length 1.

    x is the rarity of each distinct term of the text, divided by the root of the sum of their squares.
    """

    weights: Float64  # (b, k)
    rarity: Float64  # (b,)
    scale: float
    bias: Float64  # (k,)


def table_of(model: Linear) -> NDArray[np.int32]:
    """Lay out the whole numbers (b + 1, k + 1): weights times rarity, the square of rarity, and a row of zeros.

    Raises:
        ValueError: A text of the greatest length could overflow 32 bits.
    """
    columns = np.column_stack([model.weights * model.rarity[:, None], model.rarity**2])
    whole = np.rint(np.vstack([columns, np.zeros(columns.shape[1])]) * UNITS)
    if np.abs(whole).max() * TERMS_MAX > INT32_MAX:
        detail = f"a weight of {np.abs(whole).max() / UNITS:.1f} is too great for {TERMS_MAX} terms"
        raise ValueError(detail)
    return whole.astype(np.int32)


def to_onnx(model: Linear, names: tuple[str, ...]) -> bytes:
    """Write the classifier: indices (n, m) int64 in; scores (n,) and values (n, k) float64 out, in the order of names.

    The score is the probability of `bullish` less that of `bearish`.
    """
    classes = len(names)
    signs = np.array([(name == "bullish") - (name == "bearish") for name in names], dtype=np.float64)
    constants = [
        numpy_helper.from_array(table_of(model), "table"),
        _doubles("scale", [model.scale / np.sqrt(UNITS)]),
        _doubles("bias", model.bias),
        _doubles("one", [1.0]),
        _doubles("e", [math.e]),
        _doubles("signs", signs),
        _integers("axis_1", [1]),
        _integers("zero", [0]),
        _integers("classes", [classes]),
        _integers("width", [classes + 1]),
    ]
    nodes = [
        helper.make_node("Gather", ["table", "indices"], ["rows"], axis=0),
        helper.make_node("ReduceSum", ["rows", "axis_1"], ["whole"], keepdims=0),
        helper.make_node("Cast", ["whole"], ["sums"], to=TensorProto.DOUBLE),
        helper.make_node("Slice", ["sums", "zero", "classes", "axis_1"], ["weighed"]),
        helper.make_node("Slice", ["sums", "classes", "width", "axis_1"], ["squares"]),
        helper.make_node("Max", ["squares", "one"], ["positive"]),
        helper.make_node("Sqrt", ["positive"], ["length"]),
        helper.make_node("Div", ["weighed", "length"], ["direction"]),
        helper.make_node("Mul", ["direction", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["logits"]),
        *_softmax(classes),
        helper.make_node("Mul", ["values", "signs"], ["signed"]),
        helper.make_node("ReduceSum", ["signed", "axis_1"], ["scores"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "hashed_terms",
        [helper.make_tensor_value_info("indices", TensorProto.INT64, ["n", "m"])],
        [
            helper.make_tensor_value_info("scores", TensorProto.DOUBLE, ["n"]),
            helper.make_tensor_value_info("values", TensorProto.DOUBLE, ["n", classes]),
        ],
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    written = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="tickloom")
    onnx.checker.check_model(written)
    return written.SerializeToString(deterministic=True)


def _softmax(classes: int) -> list[onnx.NodeProto]:
    """Turn logits into values by operators that treat every element alike.

    `Softmax` and `Exp` take several at a time and the last ones otherwise: a text's bits would depend on its place.
    """
    parts = [f"part_{number}" for number in range(classes)]
    sums = ["part_0", *(f"sum_{number}" for number in range(1, classes))]
    return [
        helper.make_node("ReduceMax", ["logits", "axis_1"], ["greatest"], keepdims=1),
        helper.make_node("Sub", ["logits", "greatest"], ["below"]),
        helper.make_node("Pow", ["e", "below"], ["grown"]),
        helper.make_node("Split", ["grown"], parts, axis=1, num_outputs=classes),
        *(helper.make_node("Add", [sums[at - 1], parts[at]], [sums[at]]) for at in range(1, classes)),
        helper.make_node("Div", ["grown", sums[-1]], ["values"]),
    ]


def _doubles(name: str, values: object) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype=np.float64), name)


def _integers(name: str, values: list[int]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)
