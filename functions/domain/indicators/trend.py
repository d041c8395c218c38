"""Trend: averages of prices, and what they say of the direction; `direction` is the rest of this family."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from functions.domain.indicators import columns, loops
from functions.domain.indicators.feature import Feature

if TYPE_CHECKING:
    from functions.domain.market import Float64, UInt8

INLINED: Final[tuple[str, ...]] = ("_emas", "_chains", "_macd", "_ppo")

_SMA: Final = "Mean of the last n closes."
_EMA: Final = "e += 2/(n+1) (close - e), seeded with the mean of the first n closes."
_WMA: Final = "Mean of the last n closes with weights 1 to n, the newest heaviest."
_JAW: Final = "(high + low) / 2 smoothed by Wilder, seeded with the mean of the first n; not shifted forward."
_WILLIAMS: Final = "Williams 1995, alligator"
_5: Final = (("period", 5.0),)
_10: Final = (("period", 10.0),)
_20: Final = (("period", 20.0),)
_50: Final = (("period", 50.0),)
_MACD: Final = (("fast", 12.0), ("slow", 26.0), ("signal", 9.0))
_APO: Final = (("fast", 12.0), ("slow", 26.0))
_OFFSET: Final = 0.85
_SIGMA: Final = 6.0

FEATURES: Final = (
    Feature("sma_5", 5, "price", _SMA, "TA-Lib SMA", _5),
    Feature("sma_10", 10, "price", _SMA, "TA-Lib SMA", _10),
    Feature("sma_20", 20, "price", _SMA, "TA-Lib SMA", _20),
    Feature("sma_50", 50, "price", _SMA, "TA-Lib SMA", _50),
    Feature("ema_5", 5, "price", _EMA, "TA-Lib EMA", _5),
    Feature("ema_9", 9, "price", _EMA, "TA-Lib EMA", (("period", 9.0),)),
    Feature("ema_12", 12, "price", _EMA, "TA-Lib EMA", (("period", 12.0),)),
    Feature("ema_20", 20, "price", _EMA, "TA-Lib EMA", _20),
    Feature("ema_26", 26, "price", _EMA, "TA-Lib EMA", (("period", 26.0),)),
    Feature("ema_50", 50, "price", _EMA, "TA-Lib EMA", _50),
    Feature("wma_10", 10, "price", _WMA, "TA-Lib WMA", _10),
    Feature("wma_20", 20, "price", _WMA, "TA-Lib WMA", _20),
    Feature("trima_20", 20, "price", "Mean of the last n closes with weights 1 to n/2 and back.", "TA-Lib TRIMA", _20),
    Feature(
        "dema_20",
        39,
        "price",
        "2 e - e(e), e the EMA; e(e) seeded with the first n of e.",
        "Mulloy 1994; TA-Lib DEMA",
        _20,
    ),
    Feature(
        "tema_20",
        58,
        "price",
        "3 e - 3 e(e) + e(e(e)), e the EMA; each seeded with the first n of the one within.",
        "Mulloy 1994; TA-Lib TEMA",
        _20,
    ),
    Feature(
        "t3_5",
        25,
        "price",
        "-v^3 e6 + (3 v^2 + 3 v^3) e5 - (6 v^2 + 3 v + 3 v^3) e4 + (1 + 3 v + v^3 + 3 v^2) e3, each e the EMA of the "
        "one before, seeded with its first n.",
        "Tillson 1998; TA-Lib T3",
        (("period", 5.0), ("v", 0.7)),
    ),
    Feature(
        "kama_10",
        11,
        "price",
        "k += s^2 (close - k) with s = r (2/3 - 2/31) + 2/31 and r = |change over n bars| / sum of |changes|, 1 when "
        "nothing moved; k begins as the n-th close.",
        "Kaufman 1995; TA-Lib KAMA",
        (("period", 10.0), ("fast", 2.0), ("slow", 30.0)),
    ),
    Feature(
        "hma_20",
        23,
        "price",
        "WMA of 4 of 2 WMA(n/2) - WMA(n).",
        "Hull 2005; the root of n is rounded down",
        _20,
    ),
    Feature(
        "zlema_20",
        29,
        "price",
        "EMA of 2 close - close 9 bars ago, seeded with the mean of its first n.",
        "Ehlers and Way 2010",
        (("period", 20.0), ("lag", 9.0)),
    ),
    Feature(
        "alma_9",
        9,
        "price",
        "Mean of the last n closes with weights exp(-(i - offset (n-1))^2 / (2 (n / sigma)^2)), i from 0, the oldest.",
        "Legoux and Kouzis-Loukas 2009",
        (("period", 9.0), ("offset", _OFFSET), ("sigma", _SIGMA)),
    ),
    Feature("alligator_jaw", 13, "price", _JAW, _WILLIAMS, (("period", 13.0),)),
    Feature("alligator_teeth", 8, "price", _JAW, _WILLIAMS, (("period", 8.0),)),
    Feature("alligator_lips", 5, "price", _JAW, _WILLIAMS, _5),
    Feature(
        "vwma_20",
        20,
        "price",
        "Mean of the last n closes weighted by volume; degenerate when nothing was traded.",
        "definition",
        _20,
    ),
    Feature(
        "macd",
        34,
        "price",
        "Fast less slow EMA of closes, the fast one seeded with closes 15 to 26 so that both start together. Shown "
        "with its first signal.",
        "Appel 1979; TA-Lib MACD",
        _MACD,
    ),
    Feature("macd_signal", 34, "price", "EMA of macd, seeded with the mean of its first 9.", "TA-Lib MACD", _MACD),
    Feature("macd_hist", 34, "price", "macd - macd_signal.", "TA-Lib MACD", _MACD),
    Feature("apo", 26, "price", "ema_12 - ema_26: as macd, but for the seed.", "TA-Lib APO of EMAs", _APO),
    Feature(
        "ppo",
        26,
        "percent",
        "100 (ema_12 - ema_26) / ema_26; degenerate when that is 0.",
        "TA-Lib PPO of EMAs",
        _APO,
    ),
    Feature(
        "ppo_signal",
        34,
        "percent",
        "EMA of ppo, seeded with the mean of its first 9; degenerate with it.",
        "Appel 2005",
        _MACD,
    ),
    Feature("ppo_hist", 34, "percent", "ppo - ppo_signal; degenerate with them.", "Appel 2005", _MACD),
    Feature(
        "dpo_20",
        20,
        "price",
        "Close n/2 + 1 bars ago less the mean of the last n closes; nothing is shifted back.",
        "Detrended price oscillator, form without look-ahead",
        _20,
    ),
    Feature("bias_ema_50", 50, "ratio", "close / ema_50 - 1; degenerate when that is 0.", "definition", _50),
)
(
    SMA_5,
    SMA_10,
    SMA_20,
    SMA_50,
    EMA_5,
    EMA_9,
    EMA_12,
    EMA_20,
    EMA_26,
    EMA_50,
    WMA_10,
    WMA_20,
    TRIMA_20,
    DEMA_20,
    TEMA_20,
    T3_5,
    KAMA_10,
    HMA_20,
    ZLEMA_20,
    ALMA_9,
    ALLIGATOR_JAW,
    ALLIGATOR_TEETH,
    ALLIGATOR_LIPS,
    VWMA_20,
    MACD,
    MACD_SIGNAL,
    MACD_HIST,
    APO,
    PPO,
    PPO_SIGNAL,
    PPO_HIST,
    DPO_20,
    BIAS_EMA_50,
) = range(33)

# Memory.
E5: Final = 0
E9: Final = 1
E12: Final = 2
E20: Final = 3
E26: Final = 4
E50: Final = 5
TWICE: Final = 6  # EMA of E20
THRICE: Final = 7
TILLSON: Final = 8  # five averages, one of the other, the first of E5
KAUFMAN: Final = 13
HULL: Final = 14  # the last three, the newest first
ZERO_LAG: Final = 17
JAW: Final = 18
TEETH: Final = 19
LIPS: Final = 20
FAST: Final = 21
SIGNAL: Final = 22
PPO_SMOOTH: Final = 23
MEMORY: Final = 24

_V: Final = 0.7
_C6: Final = -_V * _V * _V
_C5: Final = 3.0 * (_V * _V - _C6)
_C4: Final = -6.0 * _V * _V - 3.0 * (_V - _C6)
_C3: Final = 1.0 + 3.0 * _V - _C6 + 3.0 * _V * _V
_SLOWEST: Final = 2.0 / 31.0
_FASTEST: Final = 2.0 / 3.0
_ALMA: Final = tuple(math.exp(-((n - _OFFSET * 8.0) ** 2) / (2.0 * (9.0 / _SIGMA) ** 2)) for n in range(9))
_ALMA_SUM: Final = math.fsum(_ALMA)


def update(x: Float64, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Take the count-th bar; see `momentum.update`."""
    close = x[columns.CLOSE]
    _emas(memory, values, states, close, count)
    _chains(memory, values, states, close, count)
    _macd(memory, values, states, close, count)
    _means(count, rings, memory, values, states)
    _alligator((x[columns.HIGH] + x[columns.LOW]) / 2.0, count, memory, values, states)
    _kaufman(close, count, rings, memory, values, states)
    if count >= 9:
        _legoux(count, rings, values, states)
    if count >= 10:
        lagged = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, 9)
        loops.ema(memory, ZERO_LAG, 2.0 * close - lagged, count - 9, 20)
    if count >= 20:
        _by_volume(count, rings, values, states)
    if count >= 29:
        loops.tell(values, states, ZLEMA_20, memory[ZERO_LAG])


def _emas(memory: Float64, values: Float64, states: UInt8, close: float, count: int) -> None:
    loops.ema(memory, E5, close, count, 5)
    loops.ema(memory, E9, close, count, 9)
    loops.ema(memory, E12, close, count, 12)
    loops.ema(memory, E20, close, count, 20)
    loops.ema(memory, E26, close, count, 26)
    loops.ema(memory, E50, close, count, 50)
    if count >= 5:
        loops.tell(values, states, EMA_5, memory[E5])
    if count >= 9:
        loops.tell(values, states, EMA_9, memory[E9])
    if count >= 12:
        loops.tell(values, states, EMA_12, memory[E12])
    if count >= 20:
        loops.tell(values, states, EMA_20, memory[E20])
    if count >= 26:
        loops.tell(values, states, EMA_26, memory[E26])
    if count >= 50:
        loops.tell(values, states, EMA_50, memory[E50])
        if memory[E50] == 0.0:
            loops.lack(states, BIAS_EMA_50)
        else:
            loops.tell(values, states, BIAS_EMA_50, close / memory[E50] - 1.0)


def _chains(memory: Float64, values: Float64, states: UInt8, close: float, count: int) -> None:
    """Smooth what is smoothed: DEMA and TEMA go on from the EMA of 20, T3 from that of 5."""
    if count >= 20:
        loops.ema(memory, TWICE, memory[E20], count - 19, 20)
    if count >= 39:
        loops.ema(memory, THRICE, memory[TWICE], count - 38, 20)
        loops.tell(values, states, DEMA_20, 2.0 * memory[E20] - memory[TWICE])
    if count >= 58:
        loops.tell(values, states, TEMA_20, 3.0 * memory[E20] - 3.0 * memory[TWICE] + memory[THRICE])
    before = memory[E5]
    for n in range(5):
        ready = 4 * n + 5
        if count >= ready:
            loops.ema(memory, TILLSON + n, before, count - ready + 1, 5)
            before = memory[TILLSON + n]
    if count >= 25:
        t3 = _C6 * memory[TILLSON + 4] + _C5 * memory[TILLSON + 3]
        loops.tell(values, states, T3_5, t3 + _C4 * memory[TILLSON + 2] + _C3 * memory[TILLSON + 1])


def _macd(memory: Float64, values: Float64, states: UInt8, close: float, count: int) -> None:
    # The fast average starts late, so that its seed ends with the slow one's.
    if count <= 14:
        return
    loops.ema(memory, FAST, close, count - 14, 12)
    if count < 26:
        return
    macd = memory[FAST] - memory[E26]
    loops.ema(memory, SIGNAL, macd, count - 25, 9)
    if count >= 34:
        loops.tell(values, states, MACD, macd)
        loops.tell(values, states, MACD_SIGNAL, memory[SIGNAL])
        loops.tell(values, states, MACD_HIST, macd - memory[SIGNAL])
    _ppo(count - 25, memory, values, states)


def _ppo(count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    apo = memory[E12] - memory[E26]
    loops.tell(values, states, APO, apo)
    ppo = 100.0 * (apo / memory[E26]) if memory[E26] != 0.0 else 0.0
    loops.ema(memory, PPO_SMOOTH, ppo, count, 9)
    if memory[E26] == 0.0:
        loops.lack(states, PPO)
    else:
        loops.tell(values, states, PPO, ppo)
    if count >= 9 and memory[E26] == 0.0:
        loops.lack(states, PPO_SIGNAL)
        loops.lack(states, PPO_HIST)
    elif count >= 9:
        loops.tell(values, states, PPO_SIGNAL, memory[PPO_SMOOTH])
        loops.tell(values, states, PPO_HIST, ppo - memory[PPO_SMOOTH])


def _means(count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Average windows that all end with the newest close, in one scan from it back.

    The sum of the sums of the newest 1, 2, ... n is the sum weighted n to 1.
    """
    at = (count - 1) % columns.CLOSES_KEPT
    found, weighted = 0.0, 0.0
    found_10, weighted_10 = 0.0, 0.0
    for n in range(1, min(count, 20) + 1):
        found += rings[columns.CLOSES + at]
        weighted += found
        at = at - 1 if at > 0 else columns.CLOSES_KEPT - 1
        if n == 5:
            loops.tell(values, states, SMA_5, found / 5.0)
        elif n == 10:
            found_10, weighted_10 = found, weighted
            loops.tell(values, states, SMA_10, found / 10.0)
            loops.tell(values, states, WMA_10, weighted / 55.0)
    if count >= 20:
        ago = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, 11)
        loops.tell(values, states, SMA_20, found / 20.0)
        loops.tell(values, states, DPO_20, ago - found / 20.0)
        loops.tell(values, states, WMA_20, weighted / 210.0)
        # 1 to 20 less what is too much of the newest ten: 20 - 1, 19 - 2, ... 11 - 10.
        loops.tell(values, states, TRIMA_20, (weighted - 2.0 * weighted_10 + found_10) / 110.0)
        _hull(2.0 * (weighted_10 / 55.0) - weighted / 210.0, count - 19, memory, values, states)
    if count >= 50:
        for _ in range(30):
            found += rings[columns.CLOSES + at]
            at = at - 1 if at > 0 else columns.CLOSES_KEPT - 1
        loops.tell(values, states, SMA_50, found / 50.0)


def _hull(newest: float, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    if count >= 4:
        older = 3.0 * memory[HULL] + 2.0 * memory[HULL + 1] + memory[HULL + 2]
        loops.tell(values, states, HMA_20, (4.0 * newest + older) / 10.0)
    memory[HULL + 2] = memory[HULL + 1]
    memory[HULL + 1] = memory[HULL]
    memory[HULL] = newest


def _alligator(median: float, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    loops.wilder(memory, JAW, median, count, 13)
    loops.wilder(memory, TEETH, median, count, 8)
    loops.wilder(memory, LIPS, median, count, 5)
    if count >= 5:
        loops.tell(values, states, ALLIGATOR_LIPS, memory[LIPS])
    if count >= 8:
        loops.tell(values, states, ALLIGATOR_TEETH, memory[TEETH])
    if count >= 13:
        loops.tell(values, states, ALLIGATOR_JAW, memory[JAW])


def _kaufman(close: float, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    if count == 10:
        memory[KAUFMAN] = close
    if count <= 10:
        return
    at = (count - 1) % columns.CLOSES_KEPT
    later = close
    moved = 0.0
    for _ in range(10):
        at = at - 1 if at > 0 else columns.CLOSES_KEPT - 1
        moved += abs(later - rings[columns.CLOSES + at])
        later = rings[columns.CLOSES + at]
    efficiency = 1.0 if moved < loops.NOTHING else abs(close - later) / moved
    smoothing = efficiency * (_FASTEST - _SLOWEST) + _SLOWEST
    memory[KAUFMAN] += smoothing * smoothing * (close - memory[KAUFMAN])
    loops.tell(values, states, KAMA_10, memory[KAUFMAN])


def _legoux(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    found = 0.0
    at = (count - 9) % columns.CLOSES_KEPT
    for n in range(9):
        found += _ALMA[n] * rings[columns.CLOSES + at]
        at = at + 1 if at + 1 < columns.CLOSES_KEPT else 0
    loops.tell(values, states, ALMA_9, found / _ALMA_SUM)


def _by_volume(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    notional, volume = 0.0, 0.0
    close, traded = (count - 20) % columns.CLOSES_KEPT, (count - 20) % columns.VOLUMES_KEPT
    for _ in range(20):
        notional += rings[columns.CLOSES + close] * rings[columns.VOLUMES + traded]
        volume += rings[columns.VOLUMES + traded]
        close = close + 1 if close + 1 < columns.CLOSES_KEPT else 0
        traded = traded + 1 if traded + 1 < columns.VOLUMES_KEPT else 0
    if volume > 0.0:
        loops.tell(values, states, VWMA_20, notional / volume)
    else:
        loops.lack(states, VWMA_20)
