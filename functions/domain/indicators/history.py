"""History: the log returns of the bars before, so that a model of sequences reads its window from one row.

With `log_return_1` as lag 0 a row holds the last 32 log returns; oldest first they are lag 31 to lag 1, then
`log_return_1`. Nobody behind the table keeps windows. Beside them stands how much returns moved over far longer than
that window, for models that ask whether it is a usual one. See `momentum` for what a family is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from functions.domain.indicators import columns, loops
from functions.domain.indicators.feature import Feature

if TYPE_CHECKING:
    from functions.domain.market import Float64, UInt8

INLINED: Final[tuple[str, ...]] = ()

LAGS: Final = 31

LONG: Final = 120

_LAGS: Final = tuple(
    Feature(
        f"log_return_lag_{lag}",
        lag + 2,
        "ratio",
        "log_return_1 of the bar n bars ago, ln(close[t - n] / close[t - n - 1]); degenerate unless both are above 0.",
        "definition",
        (("lag", float(lag)),),
    )
    for lag in range(1, LAGS + 1)
)
FEATURES: Final = (
    *_LAGS,
    Feature(
        "long_volatility_120",
        LONG + 1,
        "ratio",
        "Square root of v += (r^2 - v) / n over log returns, seeded with the mean of the first n squares.",
        "J.P. Morgan/Reuters, RiskMetrics 1996, with Wilder's smoothing in place of its decay",
        (("period", float(LONG)),),
    ),
)
LONG_VOLATILITY: Final = LAGS

# Memory.
SQUARES: Final = 0
MEMORY: Final = 1


def update(x: Float64, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Take the count-th bar; see `momentum.update`. The bar itself is at lag 0, which `log_return_1` is."""
    if count > 1:
        latest = loops.back(rings, columns.RETURNS, columns.RETURNS_KEPT, count, 0)
        loops.wilder(memory, SQUARES, latest * latest, count - 1, LONG)
        if count > LONG:
            loops.tell(values, states, LONG_VOLATILITY, math.sqrt(memory[SQUARES]))
    for lag in range(1, min(LAGS, count - 2) + 1):
        close = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, lag)
        before = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, lag + 1)
        if close > 0.0 and before > 0.0:
            loops.tell(values, states, lag - 1, loops.back(rings, columns.RETURNS, columns.RETURNS_KEPT, count, lag))
        else:
            loops.lack(states, lag - 1)
