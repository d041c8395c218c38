"""Make the market the model is trained on: a seeded walk with clustering volatility, and labelled shocks.

Prices have two speeds of volatility (a stochastic volatility model with Student innovations), volume rises with
volatility and with the size of a move, and most seconds are nearly all bought or all sold, more often bought when the
price rises. The spread of volumes and of the buyers' part was set by eye to look like a real venue's; no data is used.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from functions.domain.market import (
    BAR_FINAL,
    MARKET_QUOTED,
    NS_PER_S,
    BarBatch,
    Float64,
    InstrumentRef,
    Int64,
)

START_NS: Final = 1_704_067_200 * NS_PER_S  # 2024-01-01T00:00:00Z, the origin of the synthetic tape
SECONDS_PER_YEAR: Final = 365 * 86_400
PRICE_EXPONENT: Final = -4
SIZE_EXPONENT: Final = -3
SHOCK_EVERY_S: Final = 1800
_KINDS: Final = ("jump", "burst", "pressure")


@dataclass(frozen=True, slots=True)
class Shock:
    """Label one disturbance: seconds from the start of the tape, half open."""

    instrument: int
    kind: str
    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """Hold m instruments over s seconds: prices, sizes and the part that buyers took, (m, s), and the labels."""

    price: Float64
    volume: Float64
    bought: Float64
    shocks: tuple[Shock, ...]


def simulate(seed: int, *, instruments: int, seconds: int, shocks_from_s: int) -> Tape:
    """Walk `instruments` prices for `seconds`; shocks come about every half hour from `shocks_from_s` on."""
    rng = np.random.default_rng(seed)
    shape = (instruments, seconds)
    unrest = _clusters(rng, shape, memory_s=1800, deviation=0.5) + _clusters(rng, shape, memory_s=60, deviation=0.4)
    yearly = rng.uniform(0.2, 1.2, size=(instruments, 1))
    sigma = yearly / np.sqrt(SECONDS_PER_YEAR) * np.exp(unrest)
    noise = rng.standard_t(4, size=shape) / np.sqrt(2.0)
    drift, busier, buyers = np.zeros(shape), np.ones(shape), np.zeros(shape)
    shocks = tuple(_shocks(rng, instruments, seconds, shocks_from_s))
    for shock in shocks:
        _disturb(rng, shock, drift, busier, buyers)
    walk = np.cumsum(sigma * (noise + drift), axis=1)
    bounce = 0.5e-4 * rng.choice((-1.0, 1.0), size=shape)
    volume = np.exp(rng.normal(0.0, 1.4, size=shape) + 0.5 * unrest) * (1.0 + np.abs(noise)) * busier
    leaning = 1.5 * noise + rng.normal(0.0, 3.0, size=shape)
    share = np.clip(1.0 / (1.0 + np.exp(-leaning)) + buyers, 0.0, 1.0)
    start = np.exp(rng.uniform(np.log(1.0), np.log(50_000.0), size=(instruments, 1)))
    return Tape(start * np.exp(walk + bounce), volume, volume * share, shocks)


def bars(tape: Tape, instrument: int, interval_s: int) -> BarBatch:
    """Fold one instrument's seconds into final bars, each with a quote around its close and no book."""
    price = np.rint(tape.price[instrument] / 10.0**PRICE_EXPONENT).astype(np.int64).reshape(-1, interval_s)
    size = _sizes(tape.volume[instrument]).reshape(-1, interval_s)
    bought = np.minimum(_sizes(tape.bought[instrument]).reshape(-1, interval_s), size)
    count = len(price)
    close = price[:, -1].copy()
    volume = size.sum(axis=1)
    notional = [
        sum(p * q for p, q in zip(ps, qs, strict=True)) for ps, qs in zip(price.tolist(), size.tolist(), strict=True)
    ]
    none = np.zeros(count, dtype=np.int64)
    return BarBatch(
        shard="SYNTHETIC-0",
        instruments=(InstrumentRef(f"S{instrument}.SYNTHETIC", PRICE_EXPONENT, SIZE_EXPONENT),),
        instrument=np.zeros(count, dtype=np.uint16),
        interval_s=np.full(count, interval_s, dtype=np.int32),
        start_ns=START_NS + np.arange(count, dtype=np.int64) * interval_s * NS_PER_S,
        finality=np.full(count, BAR_FINAL, dtype=np.uint8),
        revision=np.zeros(count, dtype=np.int32),
        open=price[:, 0].copy(),
        high=price.max(axis=1),
        low=price.min(axis=1),
        close=close,
        volume=volume,
        buy_volume=bought.sum(axis=1),
        notional_hi=np.array([n >> 64 for n in notional], dtype=np.int64),
        notional_lo=np.array([n & (1 << 64) - 1 for n in notional], dtype=np.uint64),
        trades=np.full(count, interval_s, dtype=np.int32),
        bid_price=close - 1,
        bid_size=none + 1000,
        ask_price=close + 1,
        ask_size=none + 1000,
        bid_depth=none,
        ask_depth=none,
        bid_edge=none,
        ask_edge=none,
        ofi=none,
        quotes=np.zeros(count, dtype=np.int32),
        flags=np.full(count, MARKET_QUOTED, dtype=np.uint8),
    )


def _sizes(volume: Float64) -> Int64:
    return np.asarray(np.rint(volume / 10.0**SIZE_EXPONENT), dtype=np.int64)


def _clusters(rng: np.random.Generator, shape: tuple[int, int], *, memory_s: int, deviation: float) -> Float64:
    """Draw mean-reverting log volatility: AR(1) with the given memory and stationary deviation."""
    keep = np.exp(-1.0 / memory_s)
    push = rng.normal(0.0, deviation * np.sqrt(1.0 - keep * keep), size=shape)
    push[:, 0] = rng.normal(0.0, deviation, size=shape[0])
    for second in range(1, shape[1]):
        push[:, second] += keep * push[:, second - 1]
    return push


def _shocks(rng: np.random.Generator, instruments: int, seconds: int, from_s: int) -> list[Shock]:
    """Place one shock in each half hour, away from its ends, with a kind and a length drawn for it."""
    shocks = []
    for instrument in range(instruments):
        for block in range(from_s, seconds - SHOCK_EVERY_S + 1, SHOCK_EVERY_S):
            kind = _KINDS[int(rng.integers(len(_KINDS)))]
            length = {"jump": (3, 11), "burst": (5, 21), "pressure": (30, 91)}[kind]
            start = block + int(rng.integers(300, SHOCK_EVERY_S - 300))
            shocks.append(Shock(instrument, kind, start, start + int(rng.integers(*length))))
    return shocks


def _disturb(rng: np.random.Generator, shock: Shock, drift: Float64, busier: Float64, buyers: Float64) -> None:
    """Write a shock into the drift (in deviations a second), the volume factor and the buyers' share."""
    where = (shock.instrument, slice(shock.start_s, shock.end_s))
    sign = float(rng.choice((-1.0, 1.0)))
    if shock.kind == "jump":
        drift[where] = sign * rng.uniform(10.0, 60.0) / (shock.end_s - shock.start_s)
        busier[where] = rng.uniform(3.0, 15.0)
    elif shock.kind == "burst":
        busier[where] = rng.uniform(8.0, 30.0)
    else:
        drift[where] = sign * rng.uniform(0.3, 1.0)
        busier[where] = 2.0
        buyers[where] = sign * 0.45
