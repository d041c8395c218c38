"""Write the LSTM as graph: one LSTM operator over 32 steps, its last state through one linear layer."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from functions.models.forecasting.graph import Body, constant

HIDDEN: Final = 16


def body(weights: dict[str, NDArray[np.float32]]) -> Body:
    """Write fitted weights: `into` (1, 4h), `again` (h, 4h), `bias` (4h,) in the order i, o, f, c; `out`, `offset`."""
    node = helper.make_node
    nodes = (
        node("Cast", ["scaled"], ["steps_last"], to=TensorProto.FLOAT),
        node("Transpose", ["steps_last"], ["steps_first"], perm=[1, 0]),
        node("Unsqueeze", ["steps_first", "axes_2"], ["sequence"]),
        node("LSTM", ["sequence", "into", "again", "bias"], ["", "state"], hidden_size=HIDDEN),
        node("Squeeze", ["state", "axes_0"], ["last_state"]),
        node("MatMul", ["last_state", "out"], ["product"]),
        node("Add", ["product", "offset"], ["raw_32"]),
        node("Cast", ["raw_32"], ["raw"], to=TensorProto.DOUBLE),
    )
    single = np.float32
    constants = (
        constant("into", weights["into"].T[None], single),
        constant("again", weights["again"].T[None], single),
        constant("bias", np.concatenate([weights["bias"], np.zeros(4 * HIDDEN)])[None], single),
        constant("out", weights["out"], single),
        constant("offset", weights["offset"], single),
        constant("axes_0", [0], np.int64),
    )
    return Body(nodes, constants)
