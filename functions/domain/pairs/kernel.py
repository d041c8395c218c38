"""Compute the figures of two joined instruments, one bucket at a time: their list and the loops, and nothing else.

The loops are plain statements over arrays that also compile, as in `functions.domain.bars.kernel`; the list stands in
the same file because compiled code is kept by its source. Windows are computed anew over rings at each bucket, oldest
first and about their means, so no sum drifts and both forms give the same bits. Callers go through `fold.py`.

Returns are those of closes sampled on a regular grid, the last close before the end of each bucket standing for it
("previous tick"): a member without a bar in a bucket has a return of 0 there, which draws correlations toward 0 on
short buckets. Source: Dacorogna et al., An Introduction to High-Frequency Finance (2001), section 3.2; Epps,
"Comovements in Stock Prices in the Very Short Run", JASA 74 (1979).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from functions.domain.indicators.feature import Feature

if TYPE_CHECKING:
    from functions.domain.market import Float64, UInt8
    from functions.domain.pairs.layout import Output, State

SHORT: Final = 20
LONG: Final = 60
LAGS: Final = 5
LEAD_LAG: Final = 120
RETURNS: Final = LEAD_LAG + LAGS
"""Returns a track keeps, so that each lag has all its products."""

_PEARSON: Final = "sum((x - mean x)(y - mean y)) / sqrt(sum((x - mean x)^2) sum((y - mean y)^2))"
_LAG_SOURCE: Final = "Campbell, Lo, MacKinlay, The Econometrics of Financial Markets (1997), section 2.4: lead-lag"


def _lagged(lag: int) -> Feature:
    """Describe the correlation at one lag."""
    earlier = (
        f"a {lag} buckets earlier with b" if lag > 0 else f"a with b {-lag} buckets earlier" if lag else "a with b"
    )
    name = f"lag_correlation_{'p' if lag > 0 else 'm' if lag < 0 else ''}{abs(lag)}"
    text = f"Correlation of returns of {earlier}, over the last 120 buckets; degenerate when one does not move."
    return Feature(name, RETURNS + 1, "ratio", text, _LAG_SOURCE, (("lag", lag), ("window", LEAD_LAG)))


FEATURES: Final = (
    Feature("return_a", 2, "ratio", "ln(close / close of the bucket before) of a.", "Definition of a log return"),
    Feature("return_b", 2, "ratio", "ln(close / close of the bucket before) of b.", "Definition of a log return"),
    Feature(
        "correlation_20",
        SHORT + 1,
        "ratio",
        f"Of the last 20 returns x of a and y of b: {_PEARSON}; degenerate when one does not move.",
        "Pearson (1895)",
        (("window", SHORT),),
    ),
    Feature(
        "correlation_60",
        LONG + 1,
        "ratio",
        "As correlation_20 over 60 returns.",
        "Pearson (1895)",
        (("window", LONG),),
    ),
    Feature(
        "beta_60",
        LONG + 1,
        "ratio",
        "Slope of the least squares line of the returns of a on those of b, covariance / variance of b, over 60 "
        "returns; degenerate when b does not move.",
        "Sharpe, Journal of Finance 19 (1964)",
        (("window", LONG),),
    ),
    Feature(
        "spread_bps",
        1,
        "bps",
        "10,000 (a - b) / ((a + b) / 2) of the closes; degenerate for a pair of different assets.",
        "Definition of a relative spread",
    ),
    Feature(
        "mid_spread_bps",
        1,
        "bps",
        "As spread_bps, of the mids of the closing quotes of bars in this very bucket; cold without one of them, "
        "degenerate when one is crossed.",
        "Definition of a relative spread",
    ),
    Feature(
        "spread_zscore_60",
        LONG,
        "ratio",
        "(spread_bps - mean) / population deviation of the last 60 with this one; degenerate when flat, and for a pair "
        "of different assets.",
        "Gatev, Goetzmann, Rouwenhorst, Review of Financial Studies 19 (2006)",
        (("window", LONG),),
    ),
    Feature("log_ratio", 1, "ratio", "ln(close of a / close of b).", "Definition of a log price ratio"),
    Feature(
        "log_ratio_zscore_60",
        LONG,
        "ratio",
        "As spread_zscore_60, of log_ratio; for any pair.",
        "Gatev, Goetzmann, Rouwenhorst, Review of Financial Studies 19 (2006)",
        (("window", LONG),),
    ),
    Feature(
        "sell_a_buy_b_bps",
        1,
        "bps",
        "10,000 (bid of a - ask of b) / mean of all four prices, of the closing quotes of bars in this very bucket; "
        "before fees, above 0 where the venues' quotes cross. Cold without one of them, degenerate when one is crossed "
        "in itself and for a pair of different assets.",
        "Definition of a locational arbitrage",
    ),
    Feature(
        "sell_b_buy_a_bps",
        1,
        "bps",
        "As sell_a_buy_b_bps, the other way round.",
        "Definition of a locational arbitrage",
    ),
    Feature(
        "lead_lag",
        RETURNS + 1,
        "bars",
        "Lag, -5 to 5, whose correlation is greatest in absolute value, in buckets: above 0 a leads. Among equals the "
        "lag nearest 0, then a before b. Degenerate when one does not move.",
        _LAG_SOURCE,
        (("window", LEAD_LAG),),
    ),
    Feature(
        "lead_lag_correlation",
        RETURNS + 1,
        "ratio",
        "Correlation at lead_lag.",
        _LAG_SOURCE,
        (("window", LEAD_LAG),),
    ),
    *(_lagged(lag) for lag in range(-LAGS, LAGS + 1)),
)
"""Every figure of a pair; its place here is its column."""

NAMES: Final = tuple(feature.name for feature in FEATURES)

RETURN_A: Final = NAMES.index("return_a")
RETURN_B: Final = NAMES.index("return_b")
CORRELATION_20: Final = NAMES.index("correlation_20")
CORRELATION_60: Final = NAMES.index("correlation_60")
BETA_60: Final = NAMES.index("beta_60")
SPREAD_BPS: Final = NAMES.index("spread_bps")
MID_SPREAD_BPS: Final = NAMES.index("mid_spread_bps")
SPREAD_ZSCORE_60: Final = NAMES.index("spread_zscore_60")
LOG_RATIO: Final = NAMES.index("log_ratio")
LOG_RATIO_ZSCORE_60: Final = NAMES.index("log_ratio_zscore_60")
SELL_A_BUY_B_BPS: Final = NAMES.index("sell_a_buy_b_bps")
SELL_B_BUY_A_BPS: Final = NAMES.index("sell_b_buy_a_bps")
LEAD_LAG_LAG: Final = NAMES.index("lead_lag")
LEAD_LAG_CORRELATION: Final = NAMES.index("lead_lag_correlation")
LAG_0: Final = NAMES.index("lag_correlation_0")

INLINED: Final = ("_tell", "_lack", "_pearson", "_unroll", "_deviation")
"""Functions on the path of every bucket: a compiler should not call them."""

# Columns of counts.
BUCKETS: Final = 0  # since the track was cold
COUNTS: Final = 1

# Columns of memory: rings, the count-th value at place (count - 1) modulo their length.
RING_A: Final = 0
RING_B: Final = RING_A + RETURNS
SPREADS: Final = RING_B + RETURNS
RATIOS: Final = SPREADS + LONG
MEMORY: Final = RATIOS + LONG

# Columns of inputs.
IN_RETURN_A: Final = 0
IN_RETURN_B: Final = 1
IN_PRICE_A: Final = 2
IN_PRICE_B: Final = 3
IN_LOG_RATIO: Final = 4
IN_BID_A: Final = 5
IN_ASK_A: Final = 6
IN_BID_B: Final = 7
IN_ASK_B: Final = 8
IN_QUOTES: Final = 9  # 0 one is not known, 1 both are, 2 both are and one is crossed
IN_SAME: Final = 10  # 1 for a pair of one asset, else 0
INPUTS: Final = 11

# Rows of scratch: the rings unrolled, oldest first; then means and sums of squares by member and lag.
SCRATCH: Final = 3

QUOTES_UNKNOWN: Final = 0.0
QUOTES_KNOWN: Final = 1.0
QUOTES_CROSSED: Final = 2.0

_COLD: Final = 0
_VALID: Final = 1
_DEGENERATE: Final = 2
_BPS: Final = 10_000.0


def step(state: State, track: int, skipped: int, inputs: Float64, scratch: Float64, output: Output, row: int) -> None:
    """Take one bucket of a track and compute its row.

    Args:
        state: (counts, memory), by track.
        track: Which track.
        skipped: Buckets in which neither member had a bar, since the one before; prices stood still in them.
        inputs: (INPUTS,) of this bucket; returns count only when there was a bucket before.
        scratch: (SCRATCH, RETURNS), written over.
        output: (values, states), (rows, features) each.
        row: Which row of the output.
    """
    counts, memory = state[0][track], state[1][track]
    values, states = output[0][row], output[1][row]
    values[:] = 0.0
    states[:] = _COLD
    for _ in range(skipped):
        newest = (counts[BUCKETS] - 1) % LONG
        _push(memory, counts[BUCKETS], 0.0, 0.0, memory[SPREADS + newest], memory[RATIOS + newest])
        counts[BUCKETS] += 1
    spread = _BPS * (inputs[IN_PRICE_A] - inputs[IN_PRICE_B]) / ((inputs[IN_PRICE_A] + inputs[IN_PRICE_B]) / 2.0)
    _push(memory, counts[BUCKETS], inputs[IN_RETURN_A], inputs[IN_RETURN_B], spread, inputs[IN_LOG_RATIO])
    counts[BUCKETS] += 1
    same = inputs[IN_SAME] > 0.0
    _levels(memory, values, states, counts[BUCKETS], spread, inputs[IN_LOG_RATIO], same)
    _quotes(values, states, inputs, same)
    _relations(memory, values, states, counts[BUCKETS] - 1, scratch)


def forget(state: State, track: int) -> None:
    """Make a track cold: a window over a hole is wrong."""
    state[0][track, :] = 0
    state[1][track, :] = 0.0


def _push(memory: Float64, buckets: int, return_a: float, return_b: float, spread: float, ratio: float) -> None:
    """Write a bucket behind `buckets` others; the first has no return."""
    if buckets > 0:
        memory[RING_A + (buckets - 1) % RETURNS] = return_a
        memory[RING_B + (buckets - 1) % RETURNS] = return_b
    memory[SPREADS + buckets % LONG] = spread
    memory[RATIOS + buckets % LONG] = ratio


def _tell(values: Float64, states: UInt8, name: int, value: float) -> None:
    values[name] = value
    states[name] = _VALID


def _lack(states: UInt8, name: int) -> None:
    states[name] = _DEGENERATE


def _levels(
    memory: Float64,
    values: Float64,
    states: UInt8,
    buckets: int,
    spread: float,
    ratio: float,
    same: bool,
) -> None:
    """Compute what compares prices; equal values deviate by exactly 0 and have no z-score."""
    _tell(values, states, LOG_RATIO, ratio)
    if same:
        _tell(values, states, SPREAD_BPS, spread)
    else:
        _lack(states, SPREAD_BPS)
    if buckets < LONG:
        return
    mean, deviation = _deviation(memory, RATIOS, buckets)
    if deviation > 0.0:
        _tell(values, states, LOG_RATIO_ZSCORE_60, (ratio - mean) / deviation)
    else:
        _lack(states, LOG_RATIO_ZSCORE_60)
    mean, deviation = _deviation(memory, SPREADS, buckets)
    if same and deviation > 0.0:
        _tell(values, states, SPREAD_ZSCORE_60, (spread - mean) / deviation)
    else:
        _lack(states, SPREAD_ZSCORE_60)


def _deviation(memory: Float64, ring: int, buckets: int) -> tuple[float, float]:
    """Compute mean and population deviation of a full ring, oldest first."""
    total = 0.0
    least = memory[ring]
    most = least
    for n in range(LONG):
        value = memory[ring + (buckets + n) % LONG]
        total += value
        least = min(least, value)
        most = max(most, value)
    if least == most:
        return least, 0.0
    mean = total / LONG
    squares = 0.0
    for n in range(LONG):
        away = memory[ring + (buckets + n) % LONG] - mean
        squares += away * away
    return mean, math.sqrt(squares / LONG)


def _quotes(values: Float64, states: UInt8, inputs: Float64, same: bool) -> None:
    """Compute what the closing quotes of both give."""
    if inputs[IN_QUOTES] == QUOTES_UNKNOWN:
        return
    if inputs[IN_QUOTES] == QUOTES_CROSSED or not same:
        _lack(states, MID_SPREAD_BPS)
        _lack(states, SELL_A_BUY_B_BPS)
        _lack(states, SELL_B_BUY_A_BPS)
        return
    mid_a = (inputs[IN_BID_A] + inputs[IN_ASK_A]) / 2.0
    mid_b = (inputs[IN_BID_B] + inputs[IN_ASK_B]) / 2.0
    mid = (mid_a + mid_b) / 2.0
    _tell(values, states, MID_SPREAD_BPS, _BPS * (mid_a - mid_b) / mid)
    _tell(values, states, SELL_A_BUY_B_BPS, _BPS * (inputs[IN_BID_A] - inputs[IN_ASK_B]) / mid)
    _tell(values, states, SELL_B_BUY_A_BPS, _BPS * (inputs[IN_BID_B] - inputs[IN_ASK_A]) / mid)


def _relations(memory: Float64, values: Float64, states: UInt8, returns: int, scratch: Float64) -> None:
    """Compute what relates the returns of both."""
    if returns < 1:
        return
    newest = (returns - 1) % RETURNS
    _tell(values, states, RETURN_A, memory[RING_A + newest])
    _tell(values, states, RETURN_B, memory[RING_B + newest])
    if returns < SHORT:
        return
    _unroll(memory, RING_A, returns, scratch[0])
    _unroll(memory, RING_B, returns, scratch[1])
    _correlate(scratch, values, states, SHORT, CORRELATION_20)
    if returns < LONG:
        return
    _correlate(scratch, values, states, LONG, CORRELATION_60)
    if returns >= RETURNS:
        _lead_lag(scratch, values, states)


def _unroll(memory: Float64, ring: int, returns: int, line: Float64) -> None:
    """Copy a ring so that its newest value stands last; what is not there yet is 0."""
    first = returns % RETURNS
    for n in range(RETURNS - first):
        line[n] = memory[ring + first + n]
    for n in range(first):
        line[RETURNS - first + n] = memory[ring + n]


def _mean(line: Float64, first: int, count: int) -> float:
    total = 0.0
    for n in range(first, first + count):
        total += line[n]
    return total / count


def _squares(line: Float64, first: int, count: int, mean: float) -> float:
    """Sum the squared distances from the mean; exactly 0 for equal values."""
    least = line[first]
    most = least
    total = 0.0
    for n in range(first, first + count):
        least = min(least, line[n])
        most = max(most, line[n])
        away = line[n] - mean
        total += away * away
    return total if least < most else 0.0


def _pearson(products: float, squares_a: float, squares_b: float) -> float:
    """Divide; rounding never takes a correlation beyond 1. Squares are positive."""
    return max(-1.0, min(1.0, products / (math.sqrt(squares_a) * math.sqrt(squares_b))))


def _correlate(scratch: Float64, values: Float64, states: UInt8, count: int, name: int) -> None:
    """Compute correlation, and over the long window beta, of the last `count` returns."""
    a, b = scratch[0], scratch[1]
    first = RETURNS - count
    mean_a, mean_b = _mean(a, first, count), _mean(b, first, count)
    squares_a, squares_b = _squares(a, first, count, mean_a), _squares(b, first, count, mean_b)
    products = 0.0
    for n in range(first, RETURNS):
        products += (a[n] - mean_a) * (b[n] - mean_b)
    if squares_a > 0.0 and squares_b > 0.0:
        _tell(values, states, name, _pearson(products, squares_a, squares_b))
    else:
        _lack(states, name)
    if count == LONG:
        if squares_b > 0.0:
            _tell(values, states, BETA_60, products / squares_b)
        else:
            _lack(states, BETA_60)


def _lead_lag(scratch: Float64, values: Float64, states: UInt8) -> None:
    """Correlate at every lag; lag k moves a back by k, or b by -k. From lag 0 outward, a before b."""
    a, b, moments = scratch[0], scratch[1], scratch[2]
    for shift in range(LAGS + 1):
        first = LAGS - shift
        at = 4 * shift
        moments[at] = _mean(a, first, LEAD_LAG)
        moments[at + 1] = _squares(a, first, LEAD_LAG, moments[at])
        moments[at + 2] = _mean(b, first, LEAD_LAG)
        moments[at + 3] = _squares(b, first, LEAD_LAG, moments[at + 2])
    best = -1.0
    for turn in range(2 * LAGS + 1):
        lag = (turn + 1) // 2 if turn % 2 else -(turn // 2)
        back_a, back_b = max(lag, 0), max(-lag, 0)
        squares_a, squares_b = moments[4 * back_a + 1], moments[4 * back_b + 3]
        if squares_a <= 0.0 or squares_b <= 0.0:
            _lack(states, LAG_0 + lag)
            continue
        products = 0.0
        for n in range(LAGS, RETURNS):
            products += (a[n - back_a] - moments[4 * back_a]) * (b[n - back_b] - moments[4 * back_b + 2])
        found = _pearson(products, squares_a, squares_b)
        _tell(values, states, LAG_0 + lag, found)
        if abs(found) > best:
            best = abs(found)
            _tell(values, states, LEAD_LAG_LAG, float(lag))
            _tell(values, states, LEAD_LAG_CORRELATION, found)
    if best < 0.0:
        _lack(states, LEAD_LAG_LAG)
        _lack(states, LEAD_LAG_CORRELATION)
