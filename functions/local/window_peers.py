"""Fold the same trades into the same bars by other means: a plain Python loop, polars and bytewax.

Each folds every trade into bars of all intervals, with volume, bought volume, notional and count, and rolls seconds up
into the longer bars, as ours does. None knows late or repeated trades, cancels, quotes, books or revisions, which ours
looks for at every row. Libraries are tools of measuring that nothing here needs, so they are loaded when asked for.
"""

import importlib
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any, Final, TypeAlias

from functions.domain.market import INTERVALS_S, NS_PER_S, SIDE_BUY, BarBatch, Trades

Row: TypeAlias = tuple[int, int, int, int, int]
"""(instrument, ts_event, price, size, side)."""
Bar: TypeAlias = list[int]
"""[start, open, high, low, close, volume, buy_volume, notional, trades]."""
Bars: TypeAlias = Mapping[tuple[int, int, int], tuple[float, ...]]
"""What a bar says, in the order of `Bar` without its start, by instrument, interval in seconds and start."""
Frame: TypeAlias = Any
"""A frame of polars', which is loaded when asked for."""

SECOND_NS: Final = INTERVALS_S[0] * NS_PER_S
LONGER_NS: Final = tuple(interval * NS_PER_S for interval in INTERVALS_S[1:])
NOTIONAL: Final = 6
"""Place of the notional in what a bar says: the one sum that polars, without integers of its size, does in floats."""

_COLUMNS: Final = ("open", "high", "low", "close", "volume", "buy_volume", "notional", "trades")


@dataclass(frozen=True, slots=True)
class BarPeer:
    """Say how another folds trades.

    Args:
        name: What it is.
        library: Its distribution; empty for none.
        fold: Takes batches, and gives what it made of them.
        read: Reads the bars out of that, closed and open ones.
        note: What it does differently.
    """

    name: str
    library: str
    fold: Callable[[Sequence[Trades]], Any]
    read: Callable[[Any], Bars]
    note: str


def missing(library: str) -> str:
    """Say why a library cannot be asked; empty when it can."""
    if not library:
        return ""
    try:
        version(library)
    except PackageNotFoundError:
        limit = ", which has it for Python below 3.13" if library == "bytewax" else ""
        return f"{library} is not installed (extra `bench`{limit})"
    return ""


def bars_of(batches: Iterable[BarBatch]) -> Bars:
    """Read our own bars; what comes last counts."""
    found: dict[tuple[int, int, int], tuple[float, ...]] = {}
    for batch in batches:
        notional = [
            (hi << 64) | lo for hi, lo in zip(batch.notional_hi.tolist(), batch.notional_lo.tolist(), strict=True)
        ]
        plain = (batch.open, batch.high, batch.low, batch.close, batch.volume, batch.buy_volume)
        sums = zip(*(column.tolist() for column in plain), notional, batch.trades.tolist(), strict=True)
        names = [int(batch.instruments[index].instrument_id[1:].partition("-")[0]) for index in batch.instrument]
        keys = zip(names, batch.interval_s.tolist(), batch.start_ns.tolist(), strict=True)
        found.update(zip(keys, sums, strict=True))
    return found


def difference(ours: Bars, theirs: Bars) -> str:
    """Say in what bars differ; empty when in nothing. A notional may differ by the rounding of floats."""
    if ours.keys() != theirs.keys():
        return f"{len(ours)} bars of ours and {len(theirs)} of theirs, {len(ours.keys() ^ theirs.keys())} in one alone"
    for key, mine in ours.items():
        other = theirs[key]
        same = mine[:NOTIONAL] == other[:NOTIONAL] and mine[NOTIONAL + 1 :] == other[NOTIONAL + 1 :]
        if not same or not math.isclose(mine[NOTIONAL], other[NOTIONAL], rel_tol=1e-12):
            return f"the bar {key} is {mine} of ours and {other} of theirs"
    return ""


# --- a plain Python loop ----------------------------------------------------------------------------------------------


class PlainBars:
    """Keep the open bars of some instruments in dicts."""

    def __init__(self) -> None:
        """Start with no bars."""
        self.seconds: dict[int, Bar] = {}
        self.longer: dict[tuple[int, int], Bar] = {}
        self.closed: list[tuple[int, int, Bar]] = []

    def fold(self, rows: Iterable[Row]) -> None:
        """Fold trades that come in order of time."""
        seconds = self.seconds
        for instrument, ts, price, size, side in rows:
            start = ts - ts % SECOND_NS
            bought = size if side == SIDE_BUY else 0
            bar = seconds.get(instrument)
            if bar is None or bar[0] != start:
                if bar is not None:
                    self._close_second(instrument, bar)
                seconds[instrument] = [start, price, price, price, price, size, bought, price * size, 1]
                continue
            if price > bar[2]:
                bar[2] = price
            elif price < bar[3]:
                bar[3] = price
            bar[4] = price
            bar[5] += size
            bar[6] += bought
            bar[7] += price * size
            bar[8] += 1

    def _close_second(self, instrument: int, second: Bar) -> None:
        self.closed.append((instrument, SECOND_NS, second))
        for length in LONGER_NS:
            start = second[0] - second[0] % length
            bar = self.longer.get((instrument, length))
            if bar is not None and bar[0] == start:
                bar[2], bar[3], bar[4] = max(bar[2], second[2]), min(bar[3], second[3]), second[4]
                for column in range(5, 9):
                    bar[column] += second[column]
                continue
            if bar is not None:
                self.closed.append((instrument, length, bar))
            self.longer[instrument, length] = [start, *second[1:]]

    def end(self) -> list[tuple[int, int, Bar]]:
        """Close everything; give all bars with their instruments and lengths in nanoseconds."""
        for instrument, bar in self.seconds.items():
            self._close_second(instrument, bar)
        open_bars = [(instrument, length, bar) for (instrument, length), bar in self.longer.items()]
        return self.closed + open_bars


def rows_of(batch: Trades) -> Iterable[Row]:
    """Give a batch's trades one by one, as Python's own numbers."""
    columns = (batch.instrument, batch.ts_event, batch.price, batch.size, batch.side)
    return zip(*(column.tolist() for column in columns), strict=True)


def fold_plainly(batches: Sequence[Trades]) -> PlainBars:
    """Fold trades by a plain loop."""
    bars = PlainBars()
    for batch in batches:
        bars.fold(rows_of(batch))
    return bars


def _by_key(bars: Iterable[tuple[int, int, Bar]]) -> Bars:
    return {(instrument, length // NS_PER_S, bar[0]): tuple(bar[1:]) for instrument, length, bar in bars}


# --- polars -----------------------------------------------------------------------------------------------------------


def polars() -> ModuleType:
    """Load polars, with one thread where it was not loaded before: figures are of one core."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    return importlib.import_module("polars")


def fold_by_frames(batches: Sequence[Trades]) -> list[Frame]:
    """Group each batch by second, as it comes; then the seconds into the bars of every interval."""
    pl = polars()
    seconds = [_seconds(pl, batch) for batch in batches]
    whole = pl.concat(seconds).sort("start", maintain_order=True) if len(seconds) > 1 else seconds[0].sort("start")
    # The pieces of a second that lies in two batches are joined first.
    first = _rolled(pl, whole, SECOND_NS) if len(seconds) > 1 else whole
    return [first, *(_rolled(pl, first, length) for length in LONGER_NS)]


def _seconds(pl: ModuleType, batch: Trades) -> Frame:
    names = ("instrument", "ts_event", "price", "size", "side")
    frame = pl.DataFrame({name: getattr(batch, name) for name in names})
    price, size = pl.col("price"), pl.col("size")
    return frame.group_by(
        "instrument", (pl.col("ts_event") // SECOND_NS * SECOND_NS).alias("start"), maintain_order=True
    ).agg(
        open=price.first(),
        high=price.max(),
        low=price.min(),
        close=price.last(),
        volume=size.sum(),
        buy_volume=pl.when(pl.col("side") == SIDE_BUY).then(size).otherwise(0).sum(),
        notional=(price.cast(pl.Float64) * size.cast(pl.Float64)).sum(),
        trades=pl.len().cast(pl.Int64),
    )


def _rolled(pl: ModuleType, seconds: Frame, length: int) -> Frame:
    """Roll bars up that stand in order of time."""
    col = pl.col
    return seconds.group_by("instrument", (col("start") // length * length), maintain_order=True).agg(
        col("open").first(),
        col("high").max(),
        col("low").min(),
        col("close").last(),
        *(col(name).sum() for name in _COLUMNS[4:]),
    )


def _frames(frames: Sequence[Frame]) -> Bars:
    found: dict[tuple[int, int, int], tuple[float, ...]] = {}
    for interval_s, frame in zip(INTERVALS_S, frames, strict=True):
        for row in frame.select("instrument", "start", *_COLUMNS).iter_rows():
            found[row[0], interval_s, row[1]] = row[2:]
    return found


# --- bytewax ----------------------------------------------------------------------------------------------------------


def fold_by_dataflow(batches: Sequence[Trades]) -> list[tuple[str, tuple[int, int, Bar]]]:
    """Run a dataflow of one worker: trades, keyed by instrument, into a stateful step that is given them in batches."""
    operators, testing = (importlib.import_module(f"bytewax.{name}") for name in ("operators", "testing"))
    flow = importlib.import_module("bytewax.dataflow").Dataflow("bars")
    rows = [(str(row[0]), row) for batch in batches for row in rows_of(batch)]
    source = testing.TestingSource(rows, batch_size=len(batches[0].row))
    out: list[tuple[str, tuple[int, int, Bar]]] = []
    logic = _logic(operators)
    ticks = operators.input("ticks", flow, source)
    operators.output("out", operators.stateful_batch("bars", ticks, lambda _: logic()), testing.TestingSink(out))
    testing.run_main(flow)
    return out


def _logic(operators: ModuleType) -> type:
    """Make the class of the stateful step, whose base is loaded here: the plain loop, one instrument each."""

    def begin(step: Any) -> None:  # noqa: ANN401 - of a class that has no type here
        step.bars = PlainBars()

    def on_batch(step: Any, rows: list[Row]) -> tuple[list[tuple[int, int, Bar]], bool]:  # noqa: ANN401 - see above
        step.bars.fold(rows)
        closed, step.bars.closed = step.bars.closed, []
        return closed, False

    def on_eof(step: Any) -> tuple[list[tuple[int, int, Bar]], bool]:  # noqa: ANN401 - see above
        return step.bars.end(), True

    members = {"__init__": begin, "on_batch": on_batch, "on_eof": on_eof, "snapshot": lambda _: None}
    return type("BarLogic", (operators.StatefulBatchLogic,), members)


BAR_PEERS: Final = (
    BarPeer("plain Python loop", "", fold_plainly, lambda bars: _by_key(bars.end()), "dicts of open bars"),
    BarPeer("polars", "polars", fold_by_frames, _frames, "seconds of each batch, joined and rolled up at the end"),
    BarPeer(
        "bytewax",
        "bytewax",
        fold_by_dataflow,
        lambda out: _by_key(bar for _, bar in out),
        "one worker, one step with the plain loop's code",
    ),
)
