"""Build bars of two shards for tests, fold them in any order, and read what is told."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from barred import Bar, bar_batch

from functions.domain.market import NS_PER_S, BarBatch, InstrumentRef
from functions.domain.pairs import kernel
from functions.domain.pairs.batch import PairBatch
from functions.domain.pairs.fold import Told, fold_bars
from functions.domain.pairs.layout import Kernel
from functions.domain.pairs.pairing import Pair
from functions.domain.pairs.state import PairState, start

SPOT = InstrumentRef("ETH-USDT.BINANCE", -2, -4)
PERP = InstrumentRef("ETH-USDT-PERP.BINANCEUSDM", -2, -3)
COIN = InstrumentRef("BTC-USDT.BINANCE", -1, -5)
HERE, THERE = "BINANCE-0", "BINANCEUSDM-0"
BASIS = Pair(SPOT.instrument_id, PERP.instrument_id, (1,), same_asset=True)
SILENCE_S = 50


def batch(shard: str, *bars: Bar, refs: Sequence[InstrumentRef], end_of_tape: bool = False) -> BarBatch:
    """Lay a shard's bars out as a batch."""
    return replace(bar_batch(bars, instruments=tuple(refs)), shard=shard, end_of_tape=end_of_tape)


def spot(*bars: Bar, end_of_tape: bool = False) -> BarBatch:
    """Lay bars of the spot's shard out; instrument 1 of it is another coin."""
    return batch(HERE, *bars, refs=(SPOT, COIN), end_of_tape=end_of_tape)


def perp(*bars: Bar, end_of_tape: bool = False) -> BarBatch:
    """Lay bars of the perpetual's shard out."""
    return batch(THERE, *bars, refs=(PERP,), end_of_tape=end_of_tape)


def fold(
    batches: Iterable[BarBatch],
    *,
    pairs: Sequence[Pair] = (BASIS,),
    state: PairState | None = None,
    loops: Kernel = kernel,
    silence_s: int = SILENCE_S,
) -> list[Told]:
    """Fold batches in turn; each has an id that follows from its shard and its last bar."""
    memory = start(pairs) if state is None else state
    return [told for one in batches for told in fold_bars(loops, memory, one, name_of(one), silence_s=silence_s)]


def name_of(one: BarBatch) -> str:
    """Name a batch by what it holds."""
    return f"{one.shard}:{one.start_ns.tolist()}:{one.end_of_tape}"


Line = tuple[object, ...]


def lines(told: Iterable[Told]) -> list[Line]:
    """Write everything that was told, bit for bit, in the order of each join."""
    return [
        (
            one.batch.join,
            one.number,
            one.time_ns,
            one.cause,
            one.batch.instruments,
            *(getattr(one.batch, name).tobytes() for name in COLUMNS),
            one.batch.end_of_tape,
        )
        for one in sorted(told, key=lambda one: (one.batch.join, one.number))
    ]


COLUMNS = ("instrument_a", "instrument_b", "interval_s", "start_ns", "close_a", "close_b", "flags", "values", "states")


def rows(told: Iterable[Told]) -> list[tuple[int, int, int, int]]:
    """Write rows short: number of the bucket, both closes, flags."""
    return [
        (start // (interval * NS_PER_S), a, b, flags)
        for one in told
        for start, interval, a, b, flags in zip(
            *(getattr(one.batch, name).tolist() for name in ("start_ns", "interval_s", "close_a", "close_b", "flags")),
            strict=True,
        )
    ]


def column(told: Iterable[Told], name: str) -> list[float | None]:
    """Give a figure of every row; None where it is not warm, NaN where it is degenerate."""
    found: list[float | None] = []
    for one in told:
        found += _column(one.batch, kernel.NAMES.index(name))
    return found


def _column(batch: PairBatch, at: int) -> list[float | None]:
    cells = zip(batch.values[:, at].tolist(), batch.states[:, at].tolist(), strict=True)
    return [(None, value, float("nan"))[state] for value, state in cells]


def walk(seed: int, count: int, *, pull: float = 0.7) -> tuple[list[int], list[int]]:
    """Draw two price paths that move together, as mantissas."""
    rng = np.random.default_rng(seed)
    common, own_a, own_b = rng.normal(0, 40, (3, count))
    a = 300_000 + np.cumsum(pull * common + (1 - pull) * own_a)
    b = 300_100 + np.cumsum(pull * common + (1 - pull) * own_b)
    return a.round().astype(int).tolist(), b.round().astype(int).tolist()
