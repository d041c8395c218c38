"""Write an isolation forest as an ONNX graph that takes named features and returns scores.

The graph makes the scale-free inputs itself, so that the model file is the whole model. Leaf path lengths are multiples
of 2^-13 and their sum stays below 2^24 such units, so a row's score has the same bits alone and among others.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from functions.domain.market import Float64
from functions.models.anomaly.graph import close, derivation, doubles, integers
from functions.models.trees import Trees

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
        _flatten(trees).node("paths", leaves="paths_of_leaves"),
        helper.make_node("Cast", ["paths"], ["paths_64"], to=TensorProto.DOUBLE),
        helper.make_node("Squeeze", ["paths_64", "axis_1"], ["path"]),
        helper.make_node("Mul", ["path", "scale"], ["exponent"]),
        helper.make_node("Pow", ["two", "exponent"], ["scores"]),
    ]
    return close("isolation_forest", nodes, constants)


def _flatten(trees: Sequence[Any]) -> Trees:
    flat = Trees()
    for tree in trees:
        paths = _depths(tree) + average_path(tree.n_node_samples)
        flat.add(tree, np.rint(paths * UNITS) / UNITS)
    return flat


def _depths(tree: Any) -> Float64:  # noqa: ANN401 - scikit-learn's tree has no type
    depths = np.zeros(tree.node_count)
    for node in np.flatnonzero(tree.children_left >= 0):  # a parent stands before its children
        depths[[tree.children_left[node], tree.children_right[node]]] = depths[node] + 1.0
    return depths
