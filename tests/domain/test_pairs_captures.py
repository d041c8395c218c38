"""Spot and perpetual of one asset, captured in the same minutes, move together on every bucket."""

import pathlib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl
import pytest
from paired import HERE, PERP, SPOT, THERE, column, fold, lines, rows
from ticking import Depth, Row, batch, spot

from functions.adapters.kernels import compiled
from functions.domain.bars import kernel as bar_kernel
from functions.domain.bars.fold import BarRules, fold_batch
from functions.domain.bars.state import start as start_bars
from functions.domain.market import BAR_FINAL, NS_PER_S, BarBatch
from functions.domain.pairs import kernel
from functions.domain.pairs.fold import Told
from functions.domain.pairs.pairing import Pair

if TYPE_CHECKING:
    from functions.domain.bars.layout import Kernel as BarKernel
    from functions.domain.pairs.layout import Kernel

BARS = cast("BarKernel", compiled(bar_kernel))
LOOPS = cast("Kernel", compiled(kernel))
FILES = {HERE: "binance_spot_ws_ethusdt/ethusdt_20240808.gz", THERE: "binance_usdm_ws_ethusdt/ethusdt_20240808.gz"}
REFS = {shard: replace(ref, price_exponent=-8, size_exponent=-8) for shard, ref in ((HERE, SPOT), (THERE, PERP))}
FIGURES = ("start_ns", "close", "interval_s", "finality")


@cache
def trades_and_quotes(file: pathlib.Path) -> list[Row]:
    """Read a capture once; without its book, which no figure of a pair needs."""
    return [row for row in spot(file) if not isinstance(row, Depth)]


@cache
def bars_of(captures: pathlib.Path, shard: str, size: int) -> tuple[BarBatch, ...]:
    """Fold a capture, cut at `size` rows, into the bars of its shard."""
    taken, state, known = trades_and_quotes(captures / FILES[shard]), start_bars(shard), (REFS[shard],)
    cuts = [batch(taken[n : n + size], n, known) for n in range(0, len(taken), size)]
    cuts.append(batch((), len(taken), known, end_of_tape=True))
    return tuple(bar for one in cuts for bar in fold_batch(BARS, state, replace(one, shard=shard), BarRules()))


def together(captures: pathlib.Path, interval_s: int, size: int = 512, *, ahead: int = 0) -> list[Told]:
    """Join both captures; the perpetual's events come `ahead` batches before the spot's."""
    here, there = (list(bars_of(captures, shard, size)) for shard in (HERE, THERE))
    left = [(n + ahead, 0, one) for n, one in enumerate(here)]
    right = [(n * len(here) / len(there), 1, one) for n, one in enumerate(there)]
    order = sorted([*left, *right], key=lambda one: one[:2])
    pair = Pair(SPOT.instrument_id, PERP.instrument_id, (interval_s,), same_asset=True)
    return fold((one for *_, one in order), pairs=(pair,), loops=LOOPS, silence_s=400)


@pytest.mark.parametrize(("interval_s", "least"), [(1, 300), (5, 60), (60, 4)])
def test_move_together(captures: pathlib.Path, interval_s: int, least: int) -> None:
    """Returns of spot and perpetual correlate by more than 0.5, and their prices are within some basis points."""
    told = together(captures, interval_s)
    a = [value for value in column(told, "return_a") if value is not None]
    b = [value for value in column(told, "return_b") if value is not None]
    assert len(a) == len(b) >= least
    assert np.corrcoef(a, b)[0, 1] > 0.5
    spreads = [value for value in column(told, "spread_bps") if value is not None]
    assert max(map(abs, spreads)) < 20
    both = [value for value in column(told, "sell_a_buy_b_bps") if value is not None]
    other = [value for value in column(told, "sell_b_buy_a_bps") if value is not None]
    assert all(one + two < 0 for one, two in zip(both, other, strict=True))  # nobody pays to cross two spreads


def test_windows(captures: pathlib.Path) -> None:
    """On buckets of a second every window fills, correlations are positive and neither market leads by seconds."""
    told = together(captures, 1)
    correlations = [value for value in column(told, "correlation_60") if value is not None]
    assert len(correlations) > 200
    assert min(correlations) > 0
    assert np.median(correlations) > 0.5
    leads = [value for value in column(told, "lead_lag") if value is not None]
    assert len(leads) > 150
    assert abs(np.median(leads)) <= 1


def test_closes(captures: pathlib.Path) -> None:
    """Every bucket's closes are those that polars joins as of its end from the bars of both."""
    frames = []
    for shard, side in ((HERE, "a"), (THERE, "b")):
        parts = [
            (start + NS_PER_S, close)
            for one in bars_of(captures, shard, 512)
            for start, close, interval, form in zip(*(getattr(one, name).tolist() for name in FIGURES), strict=True)
            if interval == 1 and form == BAR_FINAL
        ]
        frames.append(pl.DataFrame(parts, schema=["end", side], orient="row").sort("end"))
    a, b = frames
    ends = pl.concat([a.select("end"), b.select("end")]).unique().sort("end")
    joined = ends.join_asof(a, on="end").join_asof(b, on="end").drop_nulls()
    ended = min(a["end"].max(), b["end"].max())  # type: ignore[type-var]  # integers both
    wanted = [(end // NS_PER_S - 1, x, y) for end, x, y in joined.rows() if end <= ended]
    assert [row[:3] for row in rows(together(captures, 1)) if row[0] < ended // NS_PER_S] == wanted


@pytest.mark.parametrize(("size", "ahead"), [(64, 0), (512, 40), (512, -40)])
def test_cut_and_order(captures: pathlib.Path, size: int, ahead: int) -> None:
    """Neither how a tape was cut nor which market is heard first changes a row."""

    def said(told: list[Told]) -> list[tuple[object, ...]]:
        return [(*line[:3], *line[5:]) for line in lines(told)]  # causes are named by the cut

    assert said(together(captures, 1, size, ahead=ahead)) == said(together(captures, 1))
