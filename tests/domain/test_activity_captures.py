"""Activity bars of real captures equal an independent computation."""

import pathlib
from collections.abc import Sequence

import polars as pl
import pytest
from active import DAY, every, lines, refused, run
from ticking import Row, Trade, spot

from functions.domain.activity.batch import (
    ACTIVITY_SHORT,
    BASIS_NAMES,
    BASIS_NOTIONAL,
    BASIS_TICKS,
    BASIS_VOLUME,
)
from functions.domain.activity.fold import ActivityRules
from functions.domain.market import BAR_OPEN, SIDE_BUY

# In units of `ticking`, exponents -2 and -3: what the capture's mantissas of 10^-8 make of 100 trades, 50 and 10^6.
LIMITS = {BASIS_TICKS: 100, BASIS_VOLUME: 50 * 10**8, BASIS_NOTIONAL: 10**5 * 10**16}
RULES = ActivityRules(
    ticks=every(str(LIMITS[BASIS_TICKS])),
    volume=every(f"{LIMITS[BASIS_VOLUME]}e-3"),
    notional=every(f"{LIMITS[BASIS_NOTIONAL]}e-5"),
)
CAPTURES = [
    ("binance_spot_ws_ethusdt/ethusdt_20240808.gz", 6_106),
    ("binance_spot_ws_ethusdt/ethusdt_20240809.gz", 8_409),
    ("binance_usdm_ws_ethusdt/ethusdt_20240808.gz", 14_076),
]


def starts(amounts: Sequence[int], days: Sequence[int], limit: int) -> list[int]:
    """Say for each trade where its bar begins; the one thing that no window of polars can count."""
    begins, total, begin = [], 0, 0
    for at, (amount, day) in enumerate(zip(amounts, days, strict=True)):
        if total >= limit or day != days[begin]:
            begin, total = at, 0
        total += amount
        begins.append(begin)
    return begins


def independent(rows: Sequence[Row], basis: int) -> list[tuple[int, ...]]:
    """Compute the same bars with polars: day, number in it, boundaries, prices, sums, trades, whether it is short."""
    trades = [(row.ts, row.price, row.size, row.side == SIDE_BUY) for row in rows if isinstance(row, Trade)]
    price, size = pl.col("price"), pl.col("size")
    frame = pl.DataFrame(trades, schema=["ts", "price", "size", "buy"], orient="row").with_columns(
        notional=price.cast(pl.Int128) * size, day=pl.col("ts") // DAY
    )
    amounts = {BASIS_TICKS: [1] * len(frame), BASIS_VOLUME: frame["size"].to_list()}.get(basis) or [
        one[1] * one[2] for one in trades
    ]
    begin = pl.Series("begin", starts(amounts, frame["day"].to_list(), LIMITS[basis]))
    sums = {BASIS_TICKS: pl.len(), BASIS_VOLUME: size.sum(), BASIS_NOTIONAL: pl.col("notional").sum()}
    bars = (
        frame.with_columns(begin)
        .group_by("begin", maintain_order=True)
        .agg(
            day=pl.col("day").first(),
            start=pl.col("ts").first(),
            end=pl.col("ts").last(),
            open=price.first(),
            high=price.max(),
            low=price.min(),
            close=price.last(),
            volume=size.sum(),
            bought=size.filter(pl.col("buy")).sum(),
            notional=pl.col("notional").sum(),
            trades=pl.len(),
            short=sums[basis] < LIMITS[basis],
        )
    )
    numbered = bars.with_columns(ordinal=pl.int_range(pl.len()).over("day"))
    return numbered.select("day", "ordinal", *bars.columns[2:]).rows()


@pytest.mark.parametrize(("name", "trades"), CAPTURES)
def test_against_polars(captures: pathlib.Path, name: str, trades: int) -> None:
    """Every bar of every basis equals one that polars computes from the same lines."""
    rows = spot(captures / name)
    batches = run(rows, RULES, count_of=1)
    bars = lines(batches)
    assert refused(batches) == []
    for basis in BASIS_NAMES:
        ours = [line for line in bars if line.basis == basis]
        short = [bool(line.flags & ACTIVITY_SHORT) or line.finality == BAR_OPEN for line in ours]
        got = [(*line[2:4], *line[6:16], one) for line, one in zip(ours, short, strict=True)]
        assert got == independent(rows, basis)
        assert sum(line.trades for line in ours) == trades


@pytest.mark.parametrize("size", [1, 7, 64])
def test_cut(captures: pathlib.Path, size: int) -> None:
    """A capture cut anywhere gives the same bars in the same order."""
    rows = spot(captures / CAPTURES[0][0])[:10_000]
    assert lines(run(rows, RULES, size, count_of=1)) == lines(run(rows, RULES, count_of=1))
