"""Real captures through the whole platform: every line accounted for, and bars equal an independent computation."""

import gzip
import json
import pathlib
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from counts import FULL
from runs import replay, rows, silent, tickloom

CAPTURES = {
    "binance_spot_ws_ethusdt/ethusdt_20240808.gz": {
        "trade": 6106,
        "bookTicker": 24077,
        "depthUpdate": 3434,
        "snapshot": 1,
    },
    "binance_spot_ws_ethusdt/ethusdt_20240809.gz": {"trade": 8409, "bookTicker": 34681, "depthUpdate": 3036},
    "binance_usdm_ws_ethusdt/ethusdt_20240808.gz": {
        "trade": 14076,
        "bookTicker": 53992,
        "depthUpdate": 6586,
        "snapshot": 1,
    },
}
IN_THIS_TIER = CAPTURES if FULL else dict(list(CAPTURES.items())[:1])


@pytest.fixture(scope="module", params=IN_THIS_TIER)
def run(
    request: pytest.FixtureRequest, captures: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Replay one capture with the log on disk."""
    folder = tmp_path_factory.mktemp("capture")
    return {
        "name": request.param,
        "tape": captures / request.param,
        "folder": folder,
        **replay(captures / request.param, folder),
    }


def trades_of(tape: pathlib.Path) -> pl.DataFrame:
    """Read the trades of a capture with nothing of ours: ids, exact decimals, venue times."""
    found = []
    with gzip.open(tape, "rt") as lines:
        for line in lines:
            data = json.loads(line[20:]).get("data", {})
            if data.get("e") == "trade":
                found.append((data["t"], data["T"], data["p"], data["q"]))
    columns = pl.DataFrame(found, schema=["id", "ms", "price", "size"], orient="row")
    return columns.with_columns(pl.col("price", "size").cast(pl.Decimal(38, 8)))


def test_every_line_is_accounted_for(run: dict[str, Any]) -> None:
    """Each line of the capture is counted under its kind, and the counts are the capture's own."""
    with gzip.open(run["tape"]) as lines:
        total = sum(1 for _ in lines)
    assert run["rows_by_kind"] == CAPTURES[run["name"]]
    assert run["rows_in"] == total
    assert run["rows_in"] == run["rows_accepted"] + run["rows_rejected"]


def test_trades_quotes_and_volume_are_the_captures(run: dict[str, Any]) -> None:
    """Trades, quotes and the traded volume equal an independent reading."""
    ticks = rows(run["folder"], "ticks")
    trades = trades_of(run["tape"])
    ours = [one for one in ticks if one["kind"] == "trade"]
    assert len(ours) == len(trades)
    assert sum(Decimal(one["size"]) for one in ours) == trades["size"].sum()
    assert sum(one["kind"] == "quote" for one in ticks) == CAPTURES[run["name"]]["bookTicker"]


def test_minute_bars_equal_polars(run: dict[str, Any]) -> None:
    """Open, high, low, close, volume and count of every 1m bar equal a group-by over the capture's trades."""
    minute = pl.col("ms") // 60_000
    expected = (
        trades_of(run["tape"])
        .sort("ms", "id", maintain_order=True)
        .group_by(minute.alias("minute"), maintain_order=True)
        .agg(
            pl.col("price").first().alias("open"),
            pl.col("price").max().alias("high"),
            pl.col("price").min().alias("low"),
            pl.col("price").last().alias("close"),
            pl.col("size").sum().alias("volume"),
            pl.len().alias("trades"),
        )
    )
    ours = {one["start_ns"]: one for one in rows(run["folder"], "bars") if one["interval"] == "1m"}
    assert len(ours) == len(expected)
    for bar in expected.iter_rows(named=True):
        mine = ours[bar["minute"] * 60_000_000_000]
        figures = tuple(Decimal(mine[name]) for name in ("open", "high", "low", "close", "volume"))
        assert figures == tuple(bar[name] for name in ("open", "high", "low", "close", "volume"))
        assert mine["trades"] == bar["trades"]


@pytest.fixture(scope="module")
def first(captures: pathlib.Path) -> pathlib.Path:
    """Name the capture that the equalities below are shown on."""
    return captures / "binance_spot_ws_ethusdt" / "ethusdt_20240808.gz"


def test_same_replay_same_events(first: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """The same replay twice gives the same events, byte for byte."""
    done = tickloom("replay", first, "--verify", "--strict", "--json", "--folder", tmp_path, "--log", "memory")
    told = json.loads(done.stdout)
    assert told["identical"]
    assert told["event_hash"]


@pytest.mark.parametrize("rows_max", [1, 7, 64] if FULL else [7])
def test_any_cut_gives_the_same_rows(rows_max: int, first: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """However the tape is cut into batches, every output stream has the same rows."""
    whole = replay(first, tmp_path / "whole", "--log", "memory")
    cut = replay(first, tmp_path / "cut", "--log", "memory", "--rows-max", rows_max, within_s=900)
    assert cut["hashes"] == whole["hashes"]
    assert not silent(whole)


def test_processes_give_the_same_rows(first: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Handlers as HTTP processes give the same rows as handlers in process."""
    inside = replay(first, tmp_path / "inside", "--log", "memory")
    outside = replay(first, tmp_path / "outside", "--log", "memory", "--processes", within_s=600)
    assert outside["hashes"] == inside["hashes"]
    assert not silent(inside)
