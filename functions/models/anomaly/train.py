"""Train the anomaly model, choose its threshold, measure it, and write model file, manifest and golden scores.

Run as `python -m functions.models.anomaly.train`, with the extra `train` installed. The same versions give the same
files. What the figures mean, and what they do not, stands in `card.md`.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import IsolationForest  # type: ignore[import-untyped]  # it ships no types
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]  # it ships no types

from functions.adapters.onnx import MANIFEST, OnnxModel, Manifest
from functions.models.anomaly.market import Shock, Tape, simulate

Matrix: TypeAlias = NDArray[np.float64]

NAME: Final = "anomaly"
VERSION: Final = "1.0.0"
FEATURES: Final = (
    "return_1",
    "range_bps",
    "macd_hist",
    "rsi_14",
    "zscore_20",
    "volume_zscore_20",
    "buy_ratio",
    "sma_20",
    "atr_14",
)
