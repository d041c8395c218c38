"""Bars of real captures equal an independent computation."""

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import polars as pl
import pytest
from ticking import MS, Row, Trade, batch, closed, cut, instruments, lines, spot

from functions.adapters.kernels import compiled
from functions.domain.bars import columns, kernel
from functions.domain.bars.fold import BarRules, fold_batch
from functions.domain.bars.state import start
from functions.domain.market import BAR_FINAL, BAR_OPEN, INTERVALS_S, SIDE_BUY

if TYPE_CHECKING:
    from functions.domain.bars.layout import Kernel

LOOPS = cast("Kernel", compiled(kernel))
RULES = BarRules()
CAPTURES = [
    ("binance_spot_ws_ethusdt/ethusdt_20240808.gz", 6_106),
    ("binance_spot_ws_ethusdt/ethusdt_20240809.gz", 8_409),
    ("binance_usdm_ws_ethusdt/ethusdt_20240808.gz", 14_076),
]


def run(rows: Sequence[Row], size: int) -> list[tuple[Any, ...]]:
    """Fold a capture cut at `size` rows."""
    state = start("BINANCE-0")
    return lines(one for each in cut(rows, size, instruments(1)) for one in fold_batch(LOOPS, state, each, RULES))


def independent(rows: Sequence[Row], interval_s: int) -> list[tuple[int, ...]]:
    """Compute the same bars with polars: start, open, high, low, close, volume, bought, notional, trades."""
    trades = [
        (row.ts, n, row.price, row.size, row.side == SIDE_BUY) for n, row in enumerate(rows) if isinstance(row, Trade)
    ]
    frame = pl.DataFrame(trades, schema=["ts", "row", "price", "size", "buy"], orient="row").sort("ts", "row")
    price, size = pl.col("price"), pl.col("size")
    found = frame.group_by((pl.col("ts") // (interval_s * 1000 * MS) * interval_s * 1000 * MS).alias("start")).agg(
        price.first().alias("open"),
        price.max().alias("high"),
        price.min().alias("low"),
        price.last().alias("close"),
        size.sum().alias("volume"),
        size.filter(pl.col("buy")).sum().alias("bought"),
        (price.cast(pl.Int128) * size).sum().alias("notional"),
        size.len().alias("trades"),
    )
    return found.sort("start").rows()


@pytest.mark.parametrize(("name", "trades"), CAPTURES)
def test_against_polars(captures: pathlib.Path, name: str, trades: int) -> None:
    """Every bar of every interval equals one that polars computes from the same lines."""
    rows = spot(captures / name)
    bars = run(rows, 512)
    for interval_s in INTERVALS_S:
        ours = sorted(line for line in bars if line[1] == interval_s)
        assert {line[3] for line in ours} <= {BAR_FINAL, BAR_OPEN}
        got = [(line[2], *line[5:11], (line[11] << 64) + line[12], line[13]) for line in ours]
        assert got == independent(rows, interval_s)
        assert sum(line[13] for line in ours) == trades


@pytest.mark.parametrize("size", [7, 64])
def test_cut(captures: pathlib.Path, size: int) -> None:
    """A capture cut anywhere gives the same bars in the same order."""
    rows = spot(captures / CAPTURES[0][0])[:10_000]
    assert run(rows, size) == run(rows, 512)


def test_both_days(captures: pathlib.Path) -> None:
    """Two captures, one continuing the other, give each bar between them once."""
    rows = spot(captures / CAPTURES[0][0]) + spot(captures / CAPTURES[1][0])
    state = start("BINANCE-0")
    parts = [batch(rows[n : n + 512], n) for n in range(0, len(rows), 512)]
    bars = lines(one for each in parts for one in fold_batch(LOOPS, state, each, RULES))
    assert len(closed(bars)) == len(bars)
    assert int(state.arrays[0][columns.DUPLICATES]) == 0
