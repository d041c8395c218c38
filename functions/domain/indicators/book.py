"""Order book: what quotes, resting orders and the flow between them say at the close.

What needs a quote is cold while none is known and degenerate while it is crossed or lacks a side; what needs depth is
cold while the book is not valid. Averages of quotes run over the bars that had one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from functions.domain.indicators import columns, loops
from functions.domain.indicators.feature import Feature

if TYPE_CHECKING:
    from functions.domain.market import Float64, UInt8

INLINED: Final[tuple[str, ...]] = ()

_BPS: Final = 10_000.0
_20: Final = (("period", 20.0),)
_LEVELS: Final = (("levels", 10.0),)

FEATURES: Final = (
    Feature("spread_bps", 1, "bps", "10,000 (ask - bid) / mid of the closing quote.", "definition"),
    Feature("spread", 1, "price", "ask - bid of the closing quote.", "definition"),
    Feature("mid", 1, "price", "(bid + ask) / 2 of the closing quote.", "definition"),
    Feature(
        "microprice",
        1,
        "price",
        "(bid ask_size + ask bid_size) / (bid_size + ask_size); degenerate without sizes.",
        "Gatheral, Oomen 2010",
    ),
    Feature("microprice_bps", 1, "bps", "10,000 (microprice - mid) / mid.", "definition"),
    Feature(
        "queue_imbalance",
        1,
        "ratio",
        "(bid_size - ask_size) / (bid_size + ask_size) of the best quote, -1 to 1; degenerate without sizes.",
        "Gould, Bonart 2016",
    ),
    Feature("effective_spread_bps", 1, "bps", "20,000 |close - mid| / mid.", "Huang, Stoll 1996, at the close"),
    Feature("close_to_mid_bps", 1, "bps", "10,000 (close - mid) / mid.", "definition"),
    Feature("spread_ema_20", 20, "bps", "EMA of spread_bps, seeded with the mean of its first n.", "definition", _20),
    Feature(
        "spread_ratio_20", 20, "ratio", "spread_bps / spread_ema_20; degenerate when that is 0.", "definition", _20
    ),
    Feature(
        "depth_imbalance",
        1,
        "ratio",
        "(bid - ask) / (bid + ask) of the ten-level depth sums, -1 to 1.",
        "definition",
        _LEVELS,
    ),
    Feature("depth", 1, "size", "Sizes of the ten best levels of both sides.", "definition", _LEVELS),
    Feature(
        "bid_slope",
        1,
        "size per bps",
        "Size of the ten best bids / their reach from the mid in bps; degenerate without a quote or a reach.",
        "Naes, Skjeltorp 2006, over the ten levels as one",
        _LEVELS,
    ),
    Feature("ask_slope", 1, "size per bps", "As bid_slope, of asks.", "Naes, Skjeltorp 2006", _LEVELS),
    Feature("slope_imbalance", 1, "ratio", "(bid_slope - ask_slope) / (bid_slope + ask_slope).", "definition", _LEVELS),
    Feature(
        "ofi",
        1,
        "size",
        "Order flow imbalance of the bar: what the best bid gained and the best ask lost, less the other way round; "
        "cold without quote updates.",
        "Cont, Kukanov, Stoikov 2014, equation 4",
    ),
    Feature(
        "ofi_ratio",
        1,
        "ratio",
        "ofi / (bid_size + ask_size) of the closing quote; degenerate without sizes.",
        "definition",
    ),
    Feature("ofi_ema_20", 20, "size", "EMA of ofi over bars with quote updates.", "definition", _20),
    Feature("quote_updates", 1, "updates", "Updates of the best quote within the bar.", "definition"),
    Feature("quotes_per_trade", 1, "ratio", "quote_updates / trades; degenerate without trades.", "definition"),
    Feature(
        "roll_spread_bps_20",
        22,
        "bps",
        "20,000 sqrt(-cov(change, change before)) / close over n pairs; degenerate when the covariance is above 0.",
        "Roll 1984",
        _20,
    ),
    Feature(
        "corwin_schultz_bps",
        2,
        "bps",
        "Spread from the highs and lows of two bars, 0 where the estimate is negative.",
        "Corwin, Schultz 2012, equation 14",
    ),
    Feature(
        "kyle_lambda_20",
        21,
        "price per size",
        "EMA of change times net volume / EMA of net volume squared; degenerate without net volume.",
        "Kyle 1985, as a regression through zero",
        _20,
    ),
    Feature(
        "toxicity_20",
        20,
        "ratio",
        "EMA of |bought - sold| / EMA of volume, 0 to 1; degenerate without volume.",
        "Easley, Lopez de Prado, O'Hara 2012, over bars of time",
        _20,
    ),
)
_NAMES: Final = tuple(feature.name for feature in FEATURES)
SPREAD_BPS: Final = _NAMES.index("spread_bps")
SPREAD: Final = _NAMES.index("spread")
MID: Final = _NAMES.index("mid")
MICROPRICE: Final = _NAMES.index("microprice")
MICROPRICE_BPS: Final = _NAMES.index("microprice_bps")
QUEUE_IMBALANCE: Final = _NAMES.index("queue_imbalance")
EFFECTIVE_SPREAD: Final = _NAMES.index("effective_spread_bps")
CLOSE_TO_MID: Final = _NAMES.index("close_to_mid_bps")
SPREAD_EMA: Final = _NAMES.index("spread_ema_20")
SPREAD_RATIO: Final = _NAMES.index("spread_ratio_20")
DEPTH_IMBALANCE: Final = _NAMES.index("depth_imbalance")
DEPTH: Final = _NAMES.index("depth")
BID_SLOPE: Final = _NAMES.index("bid_slope")
ASK_SLOPE: Final = _NAMES.index("ask_slope")
SLOPE_IMBALANCE: Final = _NAMES.index("slope_imbalance")
OFI: Final = _NAMES.index("ofi")
OFI_RATIO: Final = _NAMES.index("ofi_ratio")
OFI_EMA: Final = _NAMES.index("ofi_ema_20")
QUOTE_UPDATES: Final = _NAMES.index("quote_updates")
QUOTES_PER_TRADE: Final = _NAMES.index("quotes_per_trade")
ROLL_SPREAD: Final = _NAMES.index("roll_spread_bps_20")
CORWIN_SCHULTZ: Final = _NAMES.index("corwin_schultz_bps")
KYLE_LAMBDA: Final = _NAMES.index("kyle_lambda_20")
TOXICITY: Final = _NAMES.index("toxicity_20")

# Memory.
QUOTED_BARS: Final = 0  # bars with a quote
SPREADS: Final = 1
UPDATED_BARS: Final = 2  # bars with quote updates
FLOWS: Final = 3
IMPACT: Final = 4
PRESSURE: Final = 5
ONE_SIDED: Final = 6
VOLUMES: Final = 7
MEMORY: Final = 8

_CORWIN_SCHULTZ: Final = 0.1715728752538097  # 3 - 2 sqrt 2
_ROOT_2: Final = 1.4142135623730951


def update(x: Float64, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Take the count-th bar; see `momentum.update`."""
    if x[columns.QUOTED] != 0.0:
        memory[QUOTED_BARS] += 1.0
        _quote(x, memory, values, states)
    elif x[columns.CROSSED] != 0.0:
        for name in range(SPREAD_RATIO + 1):
            loops.lack(states, name)
    if x[columns.BOOK_VALID] != 0.0:
        _depth(x, values, states)
    _flow(x, memory, values, states)
    _pressure(x, count, memory, values, states)
    if count >= 2:
        _corwin_schultz(count, rings, values, states)
    if count >= 22:
        _roll(x[columns.CLOSE], count, rings, values, states)


def _quote(x: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    bid, ask, close = x[columns.BID], x[columns.ASK], x[columns.CLOSE]
    mid = (bid + ask) / 2.0
    wide = _BPS * (ask - bid) / mid
    loops.tell(values, states, SPREAD_BPS, wide)
    loops.tell(values, states, SPREAD, ask - bid)
    loops.tell(values, states, MID, mid)
    loops.tell(values, states, EFFECTIVE_SPREAD, 2.0 * _BPS * abs(close - mid) / mid)
    loops.tell(values, states, CLOSE_TO_MID, _BPS * (close - mid) / mid)
    both = x[columns.BID_SIZE] + x[columns.ASK_SIZE]
    if both > 0.0:
        fair = (bid * x[columns.ASK_SIZE] + ask * x[columns.BID_SIZE]) / both
        loops.tell(values, states, MICROPRICE, fair)
        loops.tell(values, states, MICROPRICE_BPS, _BPS * (fair - mid) / mid)
        loops.tell(values, states, QUEUE_IMBALANCE, (x[columns.BID_SIZE] - x[columns.ASK_SIZE]) / both)
    else:
        loops.lack(states, MICROPRICE)
        loops.lack(states, MICROPRICE_BPS)
        loops.lack(states, QUEUE_IMBALANCE)
    quoted = int(memory[QUOTED_BARS])
    loops.ema(memory, SPREADS, wide, quoted, 20)
    if quoted >= 20:
        loops.tell(values, states, SPREAD_EMA, memory[SPREADS])
        if memory[SPREADS] > 0.0:
            loops.tell(values, states, SPREAD_RATIO, wide / memory[SPREADS])
        else:
            loops.lack(states, SPREAD_RATIO)


def _depth(x: Float64, values: Float64, states: UInt8) -> None:
    bids, asks = x[columns.BID_DEPTH], x[columns.ASK_DEPTH]
    loops.tell(values, states, DEPTH, bids + asks)
    if bids + asks > 0.0:
        loops.tell(values, states, DEPTH_IMBALANCE, (bids - asks) / (bids + asks))
    else:
        loops.lack(states, DEPTH_IMBALANCE)
    mid = (x[columns.BID] + x[columns.ASK]) / 2.0
    if x[columns.QUOTED] == 0.0 or x[columns.BID_EDGE] >= mid or x[columns.ASK_EDGE] <= mid:
        loops.lack(states, BID_SLOPE)
        loops.lack(states, ASK_SLOPE)
        loops.lack(states, SLOPE_IMBALANCE)
        return
    bid_slope = bids / (_BPS * (mid - x[columns.BID_EDGE]) / mid)
    ask_slope = asks / (_BPS * (x[columns.ASK_EDGE] - mid) / mid)
    loops.tell(values, states, BID_SLOPE, bid_slope)
    loops.tell(values, states, ASK_SLOPE, ask_slope)
    if bid_slope + ask_slope > 0.0:
        loops.tell(values, states, SLOPE_IMBALANCE, (bid_slope - ask_slope) / (bid_slope + ask_slope))
    else:
        loops.lack(states, SLOPE_IMBALANCE)


def _flow(x: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    updates = x[columns.QUOTES]
    loops.tell(values, states, QUOTE_UPDATES, updates)
    if x[columns.TRADES] > 0.0:
        loops.tell(values, states, QUOTES_PER_TRADE, updates / x[columns.TRADES])
    else:
        loops.lack(states, QUOTES_PER_TRADE)
    if updates == 0.0:
        return
    memory[UPDATED_BARS] += 1.0
    updated = int(memory[UPDATED_BARS])
    loops.ema(memory, FLOWS, x[columns.OFI], updated, 20)
    loops.tell(values, states, OFI, x[columns.OFI])
    both = x[columns.BID_SIZE] + x[columns.ASK_SIZE]
    if x[columns.QUOTED] != 0.0 and both > 0.0:
        loops.tell(values, states, OFI_RATIO, x[columns.OFI] / both)
    else:
        loops.lack(states, OFI_RATIO)
    if updated >= 20:
        loops.tell(values, states, OFI_EMA, memory[FLOWS])


def _pressure(x: Float64, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    """Compute how prices answer to net volume, and how one-sided volume is."""
    net = 2.0 * x[columns.BUY_VOLUME] - x[columns.VOLUME]
    loops.ema(memory, ONE_SIDED, abs(net), count, 20)
    loops.ema(memory, VOLUMES, x[columns.VOLUME], count, 20)
    if count >= 20:
        if memory[VOLUMES] > loops.FADED:
            loops.tell(values, states, TOXICITY, memory[ONE_SIDED] / memory[VOLUMES])
        else:
            loops.lack(states, TOXICITY)
    if count == 1:
        return
    loops.ema(memory, IMPACT, (x[columns.CLOSE] - x[columns.PREVIOUS]) * net, count - 1, 20)
    loops.ema(memory, PRESSURE, net * net, count - 1, 20)
    if count >= 21:
        if memory[PRESSURE] > loops.FADED:
            loops.tell(values, states, KYLE_LAMBDA, memory[IMPACT] / memory[PRESSURE])
        else:
            loops.lack(states, KYLE_LAMBDA)


def _corwin_schultz(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    high = loops.back(rings, columns.HIGHS, columns.RANGES_KEPT, count, 0)
    low = loops.back(rings, columns.LOWS, columns.RANGES_KEPT, count, 0)
    high_before = loops.back(rings, columns.HIGHS, columns.RANGES_KEPT, count, 1)
    low_before = loops.back(rings, columns.LOWS, columns.RANGES_KEPT, count, 1)
    now, before = math.log(high / low), math.log(high_before / low_before)
    single = now * now + before * before
    both = math.log(max(high, high_before) / min(low, low_before))
    alpha = (_ROOT_2 - 1.0) * math.sqrt(single) / _CORWIN_SCHULTZ - math.sqrt(both * both / _CORWIN_SCHULTZ)
    spread = 2.0 * (math.exp(alpha) - 1.0) / (1.0 + math.exp(alpha))
    loops.tell(values, states, CORWIN_SCHULTZ, _BPS * max(spread, 0.0))


def _roll(close: float, count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    now = 0.0
    before = 0.0
    for age in range(20):
        now += _change(rings, count, age) / 20
        before += _change(rings, count, age + 1) / 20
    covariance = 0.0
    for age in range(19, -1, -1):
        covariance += (_change(rings, count, age) - now) * (_change(rings, count, age + 1) - before)
    if covariance < 0.0:
        loops.tell(values, states, ROLL_SPREAD, 2.0 * _BPS * math.sqrt(-covariance / 20) / close)
    elif covariance == 0.0:
        loops.tell(values, states, ROLL_SPREAD, 0.0)
    else:
        loops.lack(states, ROLL_SPREAD)


def _change(rings: Float64, count: int, age: int) -> float:
    later = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, age)
    return later - loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, age + 1)
