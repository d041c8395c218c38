"""Fold bars into labelled feature rows, and cut them by the clock: what anomaly models are trained and judged on."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from numpy.typing import NDArray

from functions.adapters.kernels import compiled
from functions.domain.indicators import fold, kernel, state
from functions.domain.market import NS_PER_S, STATE_VALID, BarBatch, Float64, Int64
from functions.models.anomaly.inputs import FEATURES
from functions.models.anomaly.synthetic import START_NS, Shock, Tape, bars, simulate

if TYPE_CHECKING:
    from functions.domain.indicators.layout import Kernel

SEED: Final = 20240101
INSTRUMENTS: Final = 16
INTERVALS_S: Final = (5, 60)
HOURS: Final = (6, 9, 12)
"""Where the training, validation and test windows end."""
SYNTHETIC: Final[dict[str, str | int | float]] = {
    "data": "synthetic",
    "seed": SEED,
    "start_ns": START_NS,
    "train_until_h": HOURS[0],
    "validate_until_h": HOURS[1],
    "test_until_h": HOURS[2],
}
"""What a manifest says of the windows of `market`."""
EMBARGO_BARS: Final = 60
"""Bars left out behind each boundary: more than any needed indicator's window, so that no row sees two windows."""
LATE_BARS: Final = 2
"""Bars after a shock within which an alert still counts as having seen it."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Hold n feature rows with where they come from; `event` is the number of the labelled event they meet, or -1."""

    values: Float64  # (n, f)
    instrument: Int64
    interval_s: Int64
    second: Int64
    event: Int64

    def where(self, chosen: NDArray[np.bool_]) -> "Rows":
        """Keep chosen rows."""
        return Rows(*(getattr(self, column.name)[chosen] for column in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Hold rows cut by the clock: to fit on, to choose a threshold on, and to judge on."""

    train: Rows
    validation: Rows
    test: Rows

    @property
    def sizes(self) -> dict[str, int]:
        """Count each window's rows, for a manifest."""
        return {f"{column.name}_rows": len(getattr(self, column.name).second) for column in fields(self)}


def market(*, instruments: int = INSTRUMENTS, hour_s: int = 3600) -> Windows:
    """Simulate the market, fold it and cut it; no shock comes before validation.

    Args:
        instruments: How many instruments there are.
        hour_s: Length of an hour of the windows, seconds; tests shorten it.
    """
    bounds = tuple(hours * hour_s for hours in (0, *HOURS))
    tape = simulate(SEED, instruments=instruments, seconds=bounds[-1], shocks_from_s=bounds[1])
    return cut(_collect(tape), bounds)


def cut(rows: Rows, bounds: Sequence[int]) -> Windows:
    """Cut rows at four seconds, each window without the embargo behind its start.

    Args:
        rows: Rows of any order.
        bounds: Where training begins, validation begins, the test begins, and the test ends.
    """
    return Windows(*(_window(rows, *pair) for pair in itertools.pairwise(bounds)))


def feature_rows(batch: BarBatch) -> tuple[Float64, Int64]:
    """Fold bars as the features table does; return the rows whose needed features are all valid, and their starts."""
    loops = cast("Kernel", compiled(kernel))
    folded = fold.fold_batch(loops, state.start(batch.shard), batch)
    if folded is None:
        return np.empty((0, len(FEATURES))), np.empty(0, dtype=np.int64)
    columns = folded.columns
    places = [columns.names.index(name) for name in FEATURES]
    valid = (columns.states[:, places] == STATE_VALID).all(axis=1)
    return columns.values[valid][:, places], columns.start_ns[valid]


def _collect(tape: Tape) -> Rows:
    """Fold every instrument's bars into features and label the rows whose bar, or one just before, held a shock."""
    parts = []
    for instrument in range(len(tape.price)):
        for interval_s in INTERVALS_S:
            values, start_ns = feature_rows(bars(tape, instrument, interval_s))
            second = (start_ns - START_NS) // NS_PER_S
            event = _label(second, interval_s, instrument, tape.shocks)
            count = np.ones(len(second), dtype=np.int64)
            parts.append(Rows(values, count * instrument, count * interval_s, second, event))
    return Rows(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Rows)))


def _label(second: Int64, interval_s: int, instrument: int, shocks: Sequence[Shock]) -> Int64:
    label = np.full(len(second), -1, dtype=np.int64)
    for number, shock in enumerate(shocks):
        if shock.instrument == instrument:
            ends = shock.end_s + LATE_BARS * interval_s
            label[(second + interval_s > shock.start_s) & (second < ends)] = number
    return label


def _window(rows: Rows, from_s: int, until_s: int) -> Rows:
    begins = from_s + EMBARGO_BARS * rows.interval_s
    return rows.where((rows.second >= begins) & (rows.second < until_s))
