"""Write fitted decision trees as one `TreeEnsemble` operator of ONNX.

Split thresholds are rounded down to float32, which keeps `x <= threshold` for every float32 x as scikit-learn decides
it in float64. Where all leaves are multiples of one power of two and a row's sum stays below 2^24 of them, float32
addition is exact in any order: a row's sum has the same bits alone and among others.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from functions.domain.market import Float64


@dataclass(slots=True)
class Trees:
    """Hold trees as the operator wants them: inner nodes in one list, leaves in another."""

    roots: list[int] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    split: list[float] = field(default_factory=list)
    true: list[int] = field(default_factory=list)
    true_leaf: list[int] = field(default_factory=list)
    false: list[int] = field(default_factory=list)
    false_leaf: list[int] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    leaf: list[float] = field(default_factory=list)

    def add(self, tree: Any, values: Float64, *, target: int = 0) -> None:  # noqa: ANN401 - scikit-learn's tree has no type
        """Append one tree; one that never split becomes a split that leads to its only leaf both ways.

        Args:
            tree: A fitted `sklearn.tree._tree.Tree`.
            values: What each of its nodes gives as a leaf (nodes,).
            target: Which sum its leaves go to.
        """
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
        self.leaf += values[leaves].tolist()

    def node(self, output: str, *, leaves: str, targets: int = 1) -> onnx.NodeProto:
        """Make the operator: `x` (n, f) float32 in, sums of leaves (n, targets) out.

        Args:
            output: Name of what it gives.
            leaves: Name of the tensor of its leaves.
            targets: How many sums there are.
        """
        return helper.make_node(
            "TreeEnsemble",
            ["x"],
            [output],
            domain="ai.onnx.ml",
            n_targets=targets,
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
            leaf_weights=numpy_helper.from_array(np.array(self.leaf, dtype=np.float32), leaves),
        )


def _round_down(values: Float64) -> NDArray[np.float32]:
    nearest = values.astype(np.float32)
    above = nearest.astype(np.float64) > values
    return np.where(above, np.nextafter(nearest, np.float32(-np.inf)), nearest)
