"""Write a forecast model as one ONNX graph: returns in; scaled, forecast by a body, and told as promises.

A body is the part that differs: nodes that make `raw` (n, 3) float64 from `scaled` (n, 32) float64. Sums run oldest
first (CumSum), as numpy's cumulative sum does.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from functions.models.forecasting import FEATURES, FIGURES, HORIZONS, SCORED, STEPS
from functions.models.forecasting.promises import CLIP_RETURN, FLOOR, REACH, Calibration

OPSET: Final = 18
OPSET_ML: Final = 5
"""First version with the compact TreeEnsemble operator."""
IR_VERSION: Final = 9

Array: TypeAlias = NDArray[np.generic]


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """Hold the nodes and constants that make `raw` from `scaled`."""

    nodes: tuple[onnx.NodeProto, ...]
    constants: tuple[onnx.TensorProto, ...]


def to_onnx(name: str, body: Body, calibration: Calibration) -> bytes:
    """Write a model: features (n, 32) float64 in, scores (n,) and values (n, 18) float64 out."""
    graph = helper.make_graph(
        [*_scaling(), *body.nodes, *_telling()],
        name,
        [helper.make_tensor_value_info("features", TensorProto.DOUBLE, ["n", len(FEATURES)])],
        [
            helper.make_tensor_value_info("scores", TensorProto.DOUBLE, ["n"]),
            helper.make_tensor_value_info("values", TensorProto.DOUBLE, ["n", len(FIGURES)]),
        ],
        [*_constants(calibration), *body.constants],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="tickloom")
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def constant(name: str, value: object, kind: type[np.generic] = np.float64) -> onnx.TensorProto:
    """Name a constant."""
    return numpy_helper.from_array(np.asarray(value, dtype=kind), name)


def _scaling() -> list[onnx.NodeProto]:
    """Make `reach` (n, 3) and `scaled` (n, 32) of `features`, as `promises.volatility` and `scaled` do."""
    node = helper.make_node
    return [
        node("Clip", ["features", "least_return", "most_return"], ["returns"]),
        node("Mul", ["returns", "returns"], ["squares"]),
        node("CumSum", ["squares", "axis_1"], ["sums"]),
        node("Slice", ["sums", "last", "end", "axes_1"], ["total"]),
        node("Div", ["total", "steps"], ["mean_square"]),
        node("Sqrt", ["mean_square"], ["root_mean_square"]),
        node("Max", ["root_mean_square", "floor"], ["volatility"]),
        node("Div", ["returns", "volatility"], ["scaled"]),
        node("Mul", ["volatility", "roots"], ["reach"]),
    ]


def _telling() -> list[onnx.NodeProto]:
    """Make `values` and `scores` of `raw`, as `promises.tell` does."""
    node = helper.make_node
    nodes = [
        node("Mul", ["raw", "shrink"], ["shrunk"]),
        node("Mul", ["shrunk", "reach"], ["expected"]),
        node("Mul", ["raw", "slope"], ["sloped"]),
        node("Add", ["sloped", "intercept"], ["logit"]),
        node("Sigmoid", ["logit"], ["up"]),
        node("Gather", ["up", "scored"], ["scores"], axis=1),
    ]
    for level in ("80", "95"):
        nodes += [
            node("Mul", ["reach", f"radius{level}"], [f"around{level}"]),
            node("Sub", ["expected", f"around{level}"], [f"low{level}"]),
            node("Add", ["expected", f"around{level}"], [f"high{level}"]),
        ]
    columns = ("expected", "low80", "high80", "low95", "high95", "up")
    nodes += [node("Unsqueeze", [column, "axes_2"], [f"{column}_column"]) for column in columns]
    nodes.append(node("Concat", [f"{column}_column" for column in columns], ["figures"], axis=2))
    nodes.append(node("Reshape", ["figures", "shape"], ["values"]))
    return nodes


def _constants(calibration: Calibration) -> list[onnx.TensorProto]:
    row = (1, len(HORIZONS))
    told = ("shrink", "radius80", "radius95", "slope", "intercept")
    return [
        *(constant(name, getattr(calibration, name).reshape(row)) for name in told),
        constant("roots", REACH.reshape(row)),
        constant("least_return", -CLIP_RETURN),
        constant("most_return", CLIP_RETURN),
        constant("floor", FLOOR),
        constant("steps", STEPS),
        constant("scored", SCORED, np.int64),
        constant("axis_1", 1, np.int64),
        constant("last", [STEPS - 1], np.int64),
        constant("end", [STEPS], np.int64),
        constant("axes_1", [1], np.int64),
        constant("axes_2", [2], np.int64),
        constant("shape", [-1, len(FIGURES)], np.int64),
    ]
