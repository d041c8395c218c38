"""Cut closes into what the regime model sees and what it is fitted on: returns by their own long-run volatility.

The long-run volatility is the feature `long_volatility_120`, computed here as the features table does. It makes the
states comparable across instruments and intervals: `turbulent` means beside the last hundred or two of that
instrument's own bars. A scale of the 32 returns themselves would be circular, a fixed one that of one market.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from functions.domain.indicators.history import LONG
from functions.domain.market import Float64
from functions.models.forecasting import STEPS
from functions.models.forecasting.series import DataError, Market, Series

FLOOR: Final = 1e-9
"""Least scale: a hundred-thousandth of a basis point; a market that never moved is calm."""
CLIP: Final = 12.0
"""Returns are cut here, in units of their scale: one bar more says nothing about the state that this does not."""
CHUNK: Final = 256
"""Length of the sequences that are fitted on."""
TRAIN_SHARE: Final = 0.6
EMBARGO: Final = LONG
"""Bars left out between the windows: no window of the test and hardly any of its scale comes from the training."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Hold what is fitted on, and what is judged on.

    Args:
        chunks: Standardised returns to fit on, (n, CHUNK), each by the scale known before it.
        rows: Feature rows (m, 33) of the test window: 32 log returns and their scale.
        ahead: The log return behind each row, by the row's scale and cut as the model cuts, (m,).
        block: Number of each row's stretch of CHUNK bars in its series, for figures that allow for dependence, (m,).
    """

    chunks: Float64
    rows: Float64
    ahead: Float64
    block: Float64


def windows(market: Market) -> Windows:
    """Cut every series by its clock: the first part to fit on, then the embargo, then the test.

    Raises:
        DataError: No series is long enough for one chunk and one row of test.
    """
    chunks: list[Float64] = []
    tested: list[Float64] = []
    blocks = 0
    for series in market.series:
        split = int(len(series.closes) * TRAIN_SHARE)
        chunks.extend(_chunks(series, split))
        found = _tested(series, split + EMBARGO)
        if len(found):
            found[:, -1] += blocks
            blocks = int(found[-1, -1]) + 1
            tested.append(found)
    if not chunks or not tested:
        msg = f"{market.source} is too short: some {4 * CHUNK} bars of one series are needed"
        raise DataError(msg)
    rows = np.concatenate(tested)
    return Windows(np.array(chunks), rows[:, :-2], rows[:, -2], rows[:, -1])


def rows_of(closes: Float64) -> Float64:
    """Make the feature rows (m, 33) of all bars from the first that is warm on; too few closes give none."""
    returns = np.diff(np.log(closes))
    scale = long_volatility(returns)
    if len(returns) < LONG:
        return np.empty((0, STEPS + 1))
    past = np.lib.stride_tricks.sliding_window_view(returns, STEPS)[LONG - STEPS :]
    return np.column_stack([past, scale[LONG - 1 :]])


def long_volatility(returns: Float64) -> Float64:
    """Give the feature of that name behind each return, (n,), NaN before it is warm."""
    found = np.full(len(returns), np.nan)
    average = 0.0
    for n, square in enumerate((returns * returns).tolist(), 1):
        average = (average * (LONG - 1) + square) / LONG if n > LONG else average + square / LONG
        if n >= LONG:
            found[n - 1] = np.sqrt(average)
    return found


def standardised(returns: Float64, scale: Float64) -> Float64:
    """Divide returns by their scale, with the operations of the graph."""
    found: Float64 = np.clip(returns / np.maximum(scale, FLOOR), -CLIP, CLIP)
    return found


def _chunks(series: Series, split: int) -> Iterator[Float64]:
    returns = np.diff(np.log(series.closes[:split]))
    scale = long_volatility(returns)
    values = standardised(returns[LONG:], scale[LONG - 1 : -1])
    for at in range(0, len(values) - CHUNK + 1, CHUNK):
        yield values[at : at + CHUNK]


def _tested(series: Series, begin: int) -> Float64:
    """Give rows whose window begins at or behind a bar, each with what follows it and its block, (m, 33 + 2)."""
    rows = rows_of(series.closes)
    # Row n is that of bar n + LONG; the last one has nothing behind it.
    rows = rows[max(begin + STEPS - LONG, 0) :]
    ahead = standardised(rows[1:, STEPS - 1], rows[:-1, STEPS])
    return np.column_stack([rows[:-1], ahead, np.arange(len(ahead)) // CHUNK])
