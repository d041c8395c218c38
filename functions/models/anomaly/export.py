"""Write an isolation forest as an ONNX graph that takes named features and returns scores.

The graph makes the scale-free inputs itself, so that the model file is the whole model. Leaf path lengths are multiples
of 2^-13 and their sum stays below 2^24 such units, so float32 addition is exact in any order: a row's score has the
same bits alone and among others. Split thresholds are rounded down to float32, which keeps `x <= threshold` for
every float32 x as scikit-learn decides it in float64.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from functions.domain.market import Float64
from functions.models.anomaly.graph import close, derivation, doubles, integers

UNITS: Final = 8192.0


def average_path(samples: NDArray[np.int64]) -> Float64:
    """Compute the mean depth of an unsuccessful search in a binary tree of n samples; 0 for one, 1 for two.

    Source: Liu, Ting, Zhou, "Isolation Forest", ICDM 2008, equation 1.
    """
    n = np.maximum(np.asarray(samples, dtype=np.float64), 3.0)
    long = 2.0 * (np.log(n - 1.0) + np.euler_gamma) - 2.0 * (n - 1.0) / n
    return np.where(np.asarray(samples) <= 1, 0.0, np.where(np.asarray(samples) == 2, 1.0, long))  # noqa: PLR2004


def to_onnx(trees: Sequence[Any], samples: int) -> bytes:
    """Write fitted trees, each grown from `samples` rows, as a model: features (n, f) float64 in, scores (n,) out."""
    nodes, constants = derivation()
    scale = -1.0 / (len(trees) * float(average_path(np.array([samples]))[0]))
    constants += [doubles("scale", scale), doubles("two", 2.0), integers("axis_1", [1])]
    nodes += [
        helper.make_node("Cast", ["derived"], ["x"], to=TensorProto.FLOAT),
        _flatten(trees).node(),
        helper.make_node("Cast", ["paths"], ["paths_64"], to=TensorProto.DOUBLE),
        helper.make_node("Squeeze", ["paths_64", "axis_1"], ["path"]),
        helper.make_node("Mul", ["path", "scale"], ["exponent"]),
        helper.make_node("Pow", ["two", "exponent"], ["scores"]),
    ]
    return close("isolation_forest", nodes, constants)


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
    leaf: list[float] = field(default_factory=list)

    def node(self) -> onnx.NodeProto:
        """Make the operator: `x` in, the sum of path lengths out."""
        return helper.make_node(
            "TreeEnsemble",
            ["x"],
            ["paths"],
            domain="ai.onnx.ml",
            n_targets=1,
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
            leaf_targetids=[0] * len(self.leaf),
            leaf_weights=numpy_helper.from_array(np.array(self.leaf, dtype=np.float32), "paths_of_leaves"),
        )


def _flatten(trees: Sequence[Any]) -> _Flat:
    flat = _Flat()
    for tree in trees:
        is_leaf = tree.children_left < 0
        inner, leaves = np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)
        place = np.empty(tree.node_count, dtype=np.int64)
        place[inner] = len(flat.split) + np.arange(len(inner))
        place[leaves] = len(flat.leaf) + np.arange(len(leaves))
        left, right = tree.children_left[inner], tree.children_right[inner]
        flat.roots.append(len(flat.split))
        flat.feature += tree.feature[inner].tolist()
        flat.split += _round_down(tree.threshold[inner]).tolist()
        flat.true += place[left].tolist()
        flat.true_leaf += is_leaf[left].astype(np.int64).tolist()
        flat.false += place[right].tolist()
        flat.false_leaf += is_leaf[right].astype(np.int64).tolist()
        paths = _depths(tree)[leaves] + average_path(tree.n_node_samples[leaves])
        flat.leaf += (np.rint(paths * UNITS) / UNITS).tolist()
    return flat


def _depths(tree: Any) -> Float64:  # noqa: ANN401 - scikit-learn's tree has no type
    depths = np.zeros(tree.node_count)
    for node in np.flatnonzero(tree.children_left >= 0):  # a parent stands before its children
        depths[[tree.children_left[node], tree.children_right[node]]] = depths[node] + 1.0
    return depths


def _round_down(values: Float64) -> NDArray[np.float32]:
    nearest = values.astype(np.float32)
    above = nearest.astype(np.float64) > values
    return np.where(above, np.nextafter(nearest, np.float32(-np.inf)), nearest)
