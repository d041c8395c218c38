"""Write boosted trees as graph: inputs derived from scaled returns, then one TreeEnsemble for all horizons.

Derived inputs are made with cumulative sums, which run in one order everywhere. Leaves are multiples of 2^-22 and sums
stay below 2^24 such units, so that sums are exact.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper

from functions.domain.market import Float64
from functions.models.forecasting import HORIZONS, STEPS
from functions.models.forecasting.graph import Body, constant
from functions.models.trees import Trees

UNITS: Final = 4_194_304.0
LATEST: Final = 8
"""Newest returns the trees see one by one."""
SPANS: Final = (2, 4, 8, 16, 32)
"""Bars over which they see the sum of returns, over its root, and the mean square."""


def derive(scaled: Float64) -> Float64:
    """Make the trees' inputs (n, 18) of scaled returns (n, 32), with the operations of the graph, in its order."""
    sums, squares = np.cumsum(scaled, axis=1), np.cumsum(scaled * scaled, axis=1)
    columns = [scaled[:, STEPS - LATEST :]]
    for total, root in ((sums, 0.5), (squares, 1.0)):
        end = total[:, -1:]
        columns += [(end - total[:, STEPS - span - 1 : STEPS - span]) / span**root for span in SPANS[:-1]]
        columns.append(end / STEPS**root)
    return np.hstack(columns)


def body(stages: Sequence[Sequence[Any]], rate: float) -> Body:
    """Write fitted trees, one sequence a horizon, each leaf times `rate`."""
    nodes, constants = _derivation()
    flat = Trees()
    for target, trees in enumerate(stages):
        for tree in trees:
            flat.add(tree, np.rint(tree.value[:, 0, 0] * rate * UNITS) / UNITS, target=target)
    cast = helper.make_node("Cast", ["sum"], ["raw"], to=TensorProto.DOUBLE)
    return Body((*nodes, flat.node("sum", leaves="leaves", targets=len(HORIZONS)), cast), tuple(constants))


def _derivation() -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Make the nodes that compute `derive` as float32 `x`, and their constants."""
    node = helper.make_node
    places = sorted({STEPS - LATEST, STEPS - 1, STEPS, *(STEPS - span + off for span in SPANS[:-1] for off in (-1, 0))})
    constants = [constant(f"at_{place}", [place], np.int64) for place in places]
    nodes = [
        node("Slice", ["scaled", f"at_{STEPS - LATEST}", f"at_{STEPS}", "axes_1"], ["latest"]),
        node("CumSum", ["scaled", "axis_1"], ["scaled_sums"]),
        node("Mul", ["scaled", "scaled"], ["scaled_squares"]),
        node("CumSum", ["scaled_squares", "axis_1"], ["square_sums"]),
    ]
    derived = ["latest"]
    for total, root in (("scaled_sums", 0.5), ("square_sums", 1.0)):
        nodes.append(node("Slice", [total, f"at_{STEPS - 1}", f"at_{STEPS}", "axes_1"], [f"{total}_end"]))
        for span in SPANS:
            name, over = f"{total}_{span}", f"{total}_end"
            constants.append(constant(f"{name}_root", span**root))
            if span < STEPS:
                bounds = [f"at_{STEPS - span - 1}", f"at_{STEPS - span}"]
                nodes.append(node("Slice", [total, *bounds, "axes_1"], [f"{name}_before"]))
                nodes.append(node("Sub", [over, f"{name}_before"], [f"{name}_over"]))
                over = f"{name}_over"
            nodes.append(node("Div", [over, f"{name}_root"], [name]))
            derived.append(name)
    nodes.append(node("Concat", derived, ["derived"], axis=1))
    nodes.append(node("Cast", ["derived"], ["x"], to=TensorProto.FLOAT))
    return nodes, constants
