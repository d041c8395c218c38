"""Make scale-free inputs of named features: what the anomaly models look at, in numpy.

`graph.py` writes the same operations, in the same order, into a model file.
"""

from typing import Final

import numpy as np

from functions.domain.market import Float64

CLIP: Final = 1e6
"""Derived inputs are clipped here, so that an almost flat bar cannot make an infinity."""

INPUTS: Final = (
    ("return_1", "sma_20", "atr_14"),
    ("range_bps", "sma_20", "atr_14"),
    ("macd_hist", "", "atr_14"),
    ("rsi_14", "", ""),
    ("zscore_20", "", ""),
    ("volume_zscore_20", "", ""),
)
"""What the models look at: (feature, times, over); an empty name is left out."""

FEATURES: Final = tuple(dict.fromkeys(name for triple in INPUTS for name in triple if name))


def derive(rows: Float64) -> Float64:
    """Make the inputs (n, 6) from named features (n, f), with the operations of the graph, in its order.

    Args:
        rows: Values of `FEATURES`, in that order, all valid; an ATR that is not positive counts as the smallest float.

    Returns:
        Inputs in the order of `INPUTS`, each within `CLIP` of zero; no rows give none.
    """
    columns = dict(zip(FEATURES, rows.T, strict=True))
    derived = []
    for feature, times, over in INPUTS:
        column = columns[feature]
        column = column * columns[times] if times else column
        column = column / np.maximum(columns[over], np.finfo(np.float64).tiny) if over else column
        derived.append(np.clip(column, -CLIP, CLIP))
    return np.column_stack(derived)
