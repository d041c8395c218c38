"""Write the forward filter as one ONNX graph: 32 returns and their scale in, probabilities of the states out.

Densities of all steps are taken at once; then one step follows the other, each brought back to a sum of 1. The graph
has float64 throughout and does what `train.filtered` does.
"""

from typing import Final

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from functions.models.forecasting import STEPS
from functions.models.forecasting.graph import IR_VERSION, OPSET, constant
from functions.models.regime import FEATURES, NAME, STATES
from functions.models.regime.hmm import Hmm
from functions.models.regime.series import CLIP, FLOOR

TURBULENT: Final = STATES - 1


def to_onnx(model: Hmm) -> bytes:
    """Write a model whose states are sorted: features (n, 33) in, scores (n,) and values (n, 3) out, all float64."""
    graph = helper.make_graph(
        [*_densities(), *_filter(), *_answers()],
        NAME,
        [helper.make_tensor_value_info("features", TensorProto.DOUBLE, ["n", len(FEATURES)])],
        [
            helper.make_tensor_value_info("scores", TensorProto.DOUBLE, ["n"]),
            helper.make_tensor_value_info("values", TensorProto.DOUBLE, ["n", STATES]),
        ],
        _constants(model),
    )
    written = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="tickloom"
    )
    onnx.checker.check_model(written)
    return written.SerializeToString(deterministic=True)


def from_onnx(content: bytes) -> Hmm:
    """Read back the model that `to_onnx` wrote; `first` is its stationary distribution."""
    held = {one.name: numpy_helper.to_array(one) for one in onnx.load_model_from_string(content).graph.initializer}
    first, mean, deviation = (held[name].reshape(-1) for name in ("stationary", "mean", "deviation"))
    return Hmm(first, held["moves"], mean, deviation)


def _densities() -> list[NodeProto]:
    """Make `likely_0` to `likely_31` (1, n, 3) of `features`: each step's densities, the greatest of a step 1."""
    node = helper.make_node
    return [
        node("Slice", ["features", "zero", "steps", "one"], ["returns"]),
        node("Slice", ["features", "steps", "width", "one"], ["told_scale"]),
        node("Max", ["told_scale", "floor"], ["scale"]),
        node("Div", ["returns", "scale"], ["divided"]),
        node("Clip", ["divided", "least", "most"], ["cut"]),
        node("Transpose", ["cut"], ["by_step"], perm=[1, 0]),
        node("Unsqueeze", ["by_step", "two"], ["columns"]),
        node("Sub", ["columns", "mean"], ["distance"]),
        node("Div", ["distance", "deviation"], ["away"]),
        node("Mul", ["away", "away"], ["squares"]),
        node("Mul", ["squares", "minus_half"], ["exponents"]),
        node("Sub", ["exponents", "log_deviation"], ["logs"]),
        node("ReduceMax", ["logs", "two"], ["peak"], keepdims=1),
        node("Sub", ["logs", "peak"], ["below"]),
        node("Exp", ["below"], ["likely"]),
        node("Split", ["likely"], [f"likely_{step}" for step in range(STEPS)], axis=0, num_outputs=STEPS),
    ]


def _filter() -> list[NodeProto]:
    """Make `known_31` (1, n, 3): what is believed behind the last return.

    Sums are products with ones: a sum along the last axis gives other bits for an odd number of rows.
    """
    node = helper.make_node
    nodes = []
    belief = "stationary"
    for step in range(STEPS):
        nodes += [
            node("Mul", [belief, f"likely_{step}"], [f"joint_{step}"]),
            node("MatMul", [f"joint_{step}", "ones"], [f"total_{step}"]),
            node("Div", [f"joint_{step}", f"total_{step}"], [f"known_{step}"]),
        ]
        belief = f"belief_{step + 1}"
        if step + 1 < STEPS:
            nodes.append(node("MatMul", [f"known_{step}", "moves"], [belief]))
    return nodes


def _answers() -> list[NodeProto]:
    node = helper.make_node
    return [
        node("Squeeze", [f"known_{STEPS - 1}", "zero"], ["values"]),
        node("Gather", ["values", "turbulent"], ["scores"], axis=1),
    ]


def _constants(model: Hmm) -> list[TensorProto]:
    row = (1, 1, STATES)
    return [
        constant("mean", model.mean.reshape(row)),
        constant("deviation", model.deviation.reshape(row)),
        constant("log_deviation", np.log(model.deviation).reshape(row)),
        constant("stationary", model.stationary.reshape(row)),
        constant("moves", model.moves),
        constant("ones", np.ones((STATES, STATES))),
        constant("floor", FLOOR),
        constant("least", -CLIP),
        constant("most", CLIP),
        constant("minus_half", -0.5),
        constant("zero", [0], np.int64),
        constant("one", [1], np.int64),
        constant("two", [2], np.int64),
        constant("steps", [STEPS], np.int64),
        constant("width", [STEPS + 1], np.int64),
        constant("turbulent", TURBULENT, np.int64),
    ]
