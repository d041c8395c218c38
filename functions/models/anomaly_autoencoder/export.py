"""Write an autoencoder as an ONNX graph that takes named features and returns scores; scaler and error are inside.

Everything is float64 and made of operations that give a row the same bits alone and among others: products with narrow
matrices, softsign and plain arithmetic (a tanh would not: the runtime's depends on the place in the batch).
"""

import onnx
from onnx import helper

from functions.models.anomaly.graph import close, derivation, doubles, integers
from functions.models.anomaly_autoencoder.network import Network


def to_onnx(network: Network) -> bytes:
    """Write a fitted network as a model: features (n, f) float64 in, scores (n,) out."""
    nodes, constants = derivation()
    layered, more = _layers(network)
    constants += [*more, integers("axis_1", [1])]
    constants += [
        doubles(name, getattr(network, name)) for name in ("mean", "deviation", "residual", "whitening", "usual")
    ]
    nodes += [
        helper.make_node("Sub", ["derived", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "deviation"], ["x_0"]),
        *layered,
        helper.make_node("Sub", ["x_0", f"x_{len(network.layers)}"], ["apart"]),
        helper.make_node("Sub", ["apart", "residual"], ["apart_centred"]),
        helper.make_node("MatMul", ["apart_centred", "whitening"], ["whitened"]),
        helper.make_node("Mul", ["whitened", "whitened"], ["squares"]),
        helper.make_node("ReduceMean", ["squares", "axis_1"], ["error"], keepdims=0),
        helper.make_node("Add", ["error", "usual"], ["error_and_usual"]),
        helper.make_node("Div", ["error", "error_and_usual"], ["scores"]),
    ]
    return close("autoencoder", nodes, constants)


def _layers(network: Network) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Make the nodes that turn `x_0` into `x_k` through k layers, and their constants."""
    nodes, constants = [], []
    last = len(network.layers)
    for number, (weights, offsets) in enumerate(network.layers, start=1):
        constants += [doubles(f"weights_{number}", weights), doubles(f"offsets_{number}", offsets)]
        into = f"x_{number}" if number == last else f"sum_{number}"
        nodes.append(helper.make_node("MatMul", [f"x_{number - 1}", f"weights_{number}"], [f"product_{number}"]))
        nodes.append(helper.make_node("Add", [f"product_{number}", f"offsets_{number}"], [into]))
        if number < last:
            nodes.append(helper.make_node("Softsign", [into], [f"x_{number}"]))
    return nodes, constants
