"""Make bars and compute their features: what the tests of every family of indicators share."""

from dataclasses import fields, replace
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from functions.adapters.kernels import compiled
from functions.domain.indicators import kernel
from functions.domain.indicators.fold import fold_batch
from functions.domain.indicators.layout import Kernel
from functions.domain.indicators.registry import NAMES
from functions.domain.indicators.state import FeatureState, start
from functions.domain.market import (
    BAR_FINAL,
    MARKET_BOOK_VALID,
    MARKET_QUOTED,
    STATE_VALID,
    BarBatch,
    FeatureBatch,
    Float64,
    InstrumentRef,
    Int64,
)

T0 = 1_700_006_400_000_000_000
MINUTE = 60_000_000_000
LOOPS = cast("Kernel", compiled(kernel))
PLAIN = cast("Kernel", kernel)


def bars(close: ArrayLike, first: int = 0, **columns: Any) -> BarBatch:  # noqa: ANN401 - any column
    """Make one-minute bars with two decimals from closes in cents; any column may be given."""
    closes = np.asarray(close, np.int64)
    n = len(closes)
    volume = np.asarray(columns.pop("volume", np.full(n, 10)), np.int64)
    notional = closes * volume
    had = {
        "instrument": np.zeros(n, np.uint16),
        "interval_s": np.full(n, 60, np.int32),
        "start_ns": T0 + (first + np.arange(n)) * MINUTE,
        "finality": np.full(n, BAR_FINAL, np.uint8),
        "revision": np.zeros(n, np.int32),
        "volume": volume,
        "buy_volume": volume // 2,
        "notional_hi": np.zeros(n, np.int64),
        "notional_lo": notional.astype(np.uint64),
        "trades": np.full(n, 1, np.int32),
        "flags": np.zeros(n, np.uint8),
        **dict.fromkeys(("open", "high", "low", "close"), closes),
        **dict.fromkeys(
            ("bid_price", "bid_size", "ask_price", "ask_size", "bid_depth", "ask_depth", "bid_edge", "ask_edge", "ofi"),
            np.zeros(n, np.int64),
        ),
        "quotes": np.zeros(n, np.int32),
    }
    refs = columns.pop("instruments", (InstrumentRef("ETH-USDT.BINANCE", -2, -3),))
    return BarBatch(shard="BINANCE-0", instruments=refs, **(had | columns))


def run(batch: BarBatch, state: FeatureState | None = None, loops: Kernel = LOOPS) -> FeatureBatch:
    """Compute the features of a batch that has some."""
    batch_out = fold_batch(loops, state or start("BINANCE-0"), batch)
    assert batch_out is not None
    return batch_out


def column(batch: FeatureBatch, name: str) -> Float64:
    """Take a feature's values, NaN where it is not valid."""
    at = NAMES.index(name)
    values = batch.columns.values[:, at].copy()
    values[batch.columns.states[:, at] != STATE_VALID] = np.nan
    return values


def states(batch: FeatureBatch, name: str) -> list[int]:
    """Take a feature's states."""
    return batch.columns.states[:, NAMES.index(name)].tolist()


def walk(seed: int, n: int = 300) -> tuple[Int64, Int64, Int64]:
    """Draw high, low and close in cents, as a random walk."""
    draw = np.random.default_rng(seed)
    close = 100_000 + np.cumsum(draw.integers(-300, 301, n))
    return close + draw.integers(0, 200, n), close - draw.integers(0, 200, n), close


def lively(seed: int, n: int = 300) -> BarBatch:
    """Draw bars of a random walk in which everything moves: prices, volumes, quotes, depths and flows."""
    draw = np.random.default_rng(seed)
    high, low, close = walk(seed, n)
    opened = draw.integers(low, high + 1)
    volume = draw.integers(100, 2**20, n)
    spread, away = draw.integers(1, 20, n), draw.integers(20, 90, n)
    return bars(
        close,
        open=opened,
        high=high,
        low=low,
        volume=volume,
        buy_volume=draw.integers(1, volume),
        trades=draw.integers(1, 500, n).astype(np.int32),
        bid_price=close - spread,
        ask_price=close + spread + draw.integers(0, 2, n),
        bid_size=draw.integers(1, 10_000, n),
        ask_size=draw.integers(1, 10_000, n),
        bid_depth=draw.integers(10_000, 90_000, n),
        ask_depth=draw.integers(10_000, 90_000, n),
        bid_edge=close - spread - away,
        ask_edge=close + spread + away,
        ofi=draw.integers(-50_000, 50_000, n),
        quotes=draw.integers(1, 500, n).astype(np.int32),
        flags=np.full(n, MARKET_QUOTED | MARKET_BOOK_VALID, np.uint8),
    )


def cut(batch: BarBatch, part: slice | NDArray[np.bool_]) -> BarBatch:
    """Take some of a batch's bars."""
    columns = {
        column.name: getattr(batch, column.name)[part]
        for column in fields(batch)
        if isinstance(getattr(batch, column.name), np.ndarray) and len(getattr(batch, column.name))
    }
    return replace(batch, **columns)
