"""Write derived inputs as ONNX nodes, and close nodes into a model: what the anomaly models' exports share."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

from functions.models.anomaly.inputs import CLIP, FEATURES, INPUTS

OPSET: Final = 18
OPSET_ML: Final = 5
"""First version with the compact TreeEnsemble operator."""
IR_VERSION: Final = 9


def derivation() -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Make the nodes that compute `derived` (n, 6) float64 from `features`, as `derive` does, and their constants."""
    tiny = float(np.finfo(np.float64).tiny)
    constants = [doubles("tiny", tiny), doubles("low", -CLIP), doubles("high", CLIP)]
    nodes = []
    for place, name in enumerate(FEATURES):
        constants.append(integers(f"place_{name}", [place]))
        nodes.append(helper.make_node("Gather", ["features", f"place_{name}"], [name], axis=1))
    units = sorted({over for _, _, over in INPUTS if over})
    nodes += [helper.make_node("Max", [over, "tiny"], [f"{over}_positive"]) for over in units]
    for number, (feature, times, over) in enumerate(INPUTS):
        at = feature
        if times:
            nodes.append(helper.make_node("Mul", [at, times], [f"times_{number}"]))
            at = f"times_{number}"
        if over:
            nodes.append(helper.make_node("Div", [at, f"{over}_positive"], [f"over_{number}"]))
            at = f"over_{number}"
        nodes.append(helper.make_node("Clip", [at, "low", "high"], [f"derived_{number}"]))
    derived = [f"derived_{number}" for number in range(len(INPUTS))]
    nodes.append(helper.make_node("Concat", derived, ["derived"], axis=1))
    return nodes, constants


def close(name: str, nodes: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto]) -> bytes:
    """Close nodes into a checked model: `features` (n, f) float64 in, `scores` (n,) float64 out; the same bytes again.

    Raises:
        onnx.checker.ValidationError: The nodes make no model.
    """
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("features", TensorProto.DOUBLE, ["n", len(FEATURES)])],
        [helper.make_tensor_value_info("scores", TensorProto.DOUBLE, ["n"])],
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="tickloom")
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def doubles(name: str, values: ArrayLike) -> onnx.TensorProto:
    """Make a constant of float64."""
    return numpy_helper.from_array(np.asarray(values, dtype=np.float64), name)


def integers(name: str, values: list[int]) -> onnx.TensorProto:
    """Make a constant of int64."""
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)
