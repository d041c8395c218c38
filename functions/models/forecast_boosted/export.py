"""Write boosted trees as graph: inputs derived from scaled returns, then one TreeEnsemble for all horizons.

Derived inputs are made with cumulative sums, which run in one order everywhere. Leaves are multiples of 2^-22 and sums
stay below 2^24 such units, so float32 addition is exact in any order. Split thresholds are rounded down to float32,
which keeps `x <= threshold` for every float32 x as scikit-learn decides it in float64.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from functions.domain.market import Float64
from functions.models.forecasting import HORIZONS, STEPS
from functions.models.forecasting.graph import Body, constant

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
    flat = _Flat()
    for target, trees in enumerate(stages):
        for tree in trees:
            flat.add(tree, target, rate)
    cast = helper.make_node("Cast", ["sum"], ["raw"], to=TensorProto.DOUBLE)
    return Body((*nodes, flat.node(), cast), tuple(constants))


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


@dataclass(slots=True)
class _Flat:
    """Hold all trees as the operator wants them: inner nodes in one list, leaves in another."""

    roots: list[int] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    split: list[float] = field(default_factory=list)
    true: list[int] = field(default_factory=list)
    true_leaf: list[int] = field(default_factory=list)
    false: list[int] = field(default_factory=list)
    false_leaf: list[int] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    leaf: list[float] = field(default_factory=list)

    def add(self, tree: Any, target: int, rate: float) -> None:  # noqa: ANN401 - scikit-learn's tree has no type
        """Append one tree; one that never split becomes a split that leads to its only leaf both ways."""
        is_leaf = tree.children_left < 0
        inner, leaves = np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)
        place = np.empty(tree.node_count, dtype=np.int64)
        place[inner] = len(self.split) + np.arange(len(inner))
        place[leaves] = len(self.leaf) + np.arange(len(leaves))
        left, right = tree.children_left[inner], tree.children_right[inner]
        feature, split = tree.feature[inner], _round_down(tree.threshold[inner])
        if not len(inner):
            left = right = leaves
            feature, split = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.float32)
        self.roots.append(len(self.split))
        self.feature += feature.tolist()
        self.split += split.tolist()
        self.true += place[left].tolist()
        self.true_leaf += is_leaf[left].astype(np.int64).tolist()
        self.false += place[right].tolist()
        self.false_leaf += is_leaf[right].astype(np.int64).tolist()
        self.target += [target] * len(leaves)
        self.leaf += (np.rint(tree.value[leaves, 0, 0] * rate * UNITS) / UNITS).tolist()

    def node(self) -> onnx.NodeProto:
        """Make the operator: `x` in, the sum of leaves (n, 3) out."""
        return helper.make_node(
            "TreeEnsemble",
            ["x"],
            ["sum"],
            domain="ai.onnx.ml",
            n_targets=len(HORIZONS),
            aggregate_function=1,  # sum
            post_transform=0,  # none
            tree_roots=self.roots,
            nodes_featureids=self.feature,
            nodes_splits=numpy_helper.from_array(np.array(self.split, dtype=np.float32), "splits"),
            nodes_modes=numpy_helper.from_array(np.zeros(len(self.split), dtype=np.uint8), "modes"),  # x <= split
            nodes_truenodeids=self.true,
            nodes_trueleafs=self.true_leaf,
            nodes_falsenodeids=self.false,
            nodes_falseleafs=self.false_leaf,
            leaf_targetids=self.target,
            leaf_weights=numpy_helper.from_array(np.array(self.leaf, dtype=np.float32), "leaves"),
        )


def _round_down(values: Float64) -> NDArray[np.float32]:
    nearest = values.astype(np.float32)
    above = nearest.astype(np.float64) > values
    return np.where(above, np.nextafter(nearest, np.float32(-np.inf)), nearest)
