"""Time the two folds over windows, ticks to bars and bars to features, beside what others do with the same input.

Everybody's results are compared once before anything is timed: a comparison of unequal work would say nothing. Time is
the processor's, of all threads of the process, so that a library's own threads count.
"""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numpy as np

from functions.adapters.kernels import compiled
from functions.domain.bars import columns as bar_columns
from functions.domain.bars import kernel as bar_kernel
from functions.domain.bars import state as bar_state
from functions.domain.bars.fold import BarRules
from functions.domain.bars.fold import fold_batch as fold_bars
from functions.domain.indicators import kernel as feature_kernel
from functions.domain.indicators import state as feature_state
from functions.domain.indicators.fold import fold_batch as fold_features
from functions.domain.indicators.registry import NAMES
from functions.domain.market import INTERVALS_S, STATE_VALID, BarBatch, FeatureBatch, TickBatch, Trades
from functions.local import indicator_peers, window_peers
from functions.local.figures import Figure, Tell, pin, seconds_of, settle
from functions.local.indicator_peers import Candle, IndicatorPeer, Instrument, candles_of
from functions.local.window_peers import BarPeer, missing
from functions.local.window_samples import CROWD, crowd_bars, crowd_ticks
from functions.wire.codecs.bars import decode_bar_batch, encode_bar_batch
from functions.wire.codecs.features import encode_feature_batch
from functions.wire.codecs.market import decode_tick_batch, encode_tick_batch

if TYPE_CHECKING:
    from functions.domain.bars.layout import Kernel
    from functions.domain.bars.layout import Trades as TradeColumns
    from functions.domain.indicators.layout import Kernel as FeatureKernel

T = TypeVar("T")

BATCH_ROWS: Final = (64, 512, 4096)
"""Ticks of a batch: a slow market's, the most of a batch of ours, and one that columns like."""
MUST_ROWS: Final = 512
"""Ticks of a batch that the bar is set for."""
PEER_TICKS_MAX: Final = 204_800
"""Ticks that others fold: four seconds of the market, so that bars close for them, too."""
INSTRUMENTS: Final = (1, CROWD, 500)
HISTORY: Final = 100
"""Bars that came before; every feature but few is warm then."""
PEER_HISTORY: Final = 50
COMPARED: Final = 700
"""Bars after which the seeds that indicators begin with are forgotten to less than what is compared."""
TOLERANCE: Final = 1e-9
"""Of a value, or of the price where that is greater."""

_US: Final = 1e6


class UnequalError(ValueError):
    """Somebody made something else of the same input, so that times cannot be compared."""


@dataclass(frozen=True, slots=True)
class Request:
    """Say what is measured.

    Args:
        rounds: Rounds a figure is the median of.
        ticks: Made-up ticks for the bars.
        closes: Bar closes for the features, of all instruments together.
        history: Bars of the long history.
        cpu: Core to stay on; -1 for any.
    """

    rounds: int
    ticks: int
    closes: int
    history: int
    cpu: int


def measure(request: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Measure both folds; give the figures for JSON, and who could not be asked.

    Raises:
        UnequalError: Results differ.
    """
    asked = Request(**request)
    if asked.cpu >= 0:
        pin(asked.cpu)
    if not missing("polars"):
        window_peers.polars()
    parts: list[tuple[str, Callable[[], Iterator[Figure]]]] = [("comparing", partial(_compare, asked))]
    parts += [(f"bars, {rows:,} ticks a batch", partial(_bars, asked, rows)) for rows in BATCH_ROWS]
    parts += [(f"features, {number} instruments", partial(_features, asked, number)) for number in INSTRUMENTS]
    figures: list[Figure] = []
    for number, (words, part) in enumerate(parts):
        tell(number, len(parts), words)
        settle()
        figures += part()
    libraries = [one.library for one in (*window_peers.BAR_PEERS, *indicator_peers.PEERS)]
    return {
        "ticks": asked.ticks,
        "peer_ticks": min(asked.ticks, PEER_TICKS_MAX),
        "rounds": asked.rounds,
        "figures": [one.as_dict() for one in figures],
        "missing": [words for library in libraries if (words := missing(library))],
    }


def _us(request: Request, units: int, prepare: Callable[[], T], work: Callable[[T], object]) -> float:
    """Give the median time of a unit of work, microseconds."""
    return seconds_of(request.rounds, work, prepare, clock=time.process_time) / units * _US


# --- comparing --------------------------------------------------------------------------------------------------------


def _compare(request: Request) -> Iterator[Figure]:
    """Compare what everybody makes of the same input; give no figures.

    Raises:
        UnequalError: Results differ.
    """
    compare_bars(crowd_ticks(min(request.ticks, PEER_TICKS_MAX)))
    compare_indicators(crowd_bars(1, first=0, closes=COMPARED))
    yield from ()


def compare_bars(batches: Sequence[TickBatch]) -> None:
    """Compare all bars of a tape, those that are open at its end too.

    Raises:
        UnequalError: They differ.
    """
    ours = window_peers.bars_of(_all_bars(batches))
    for peer in _asked(window_peers.BAR_PEERS):
        unequal = window_peers.difference(ours, peer.read(peer.fold(_trades(batches))))
        if unequal:
            message = f"{peer.name}: {unequal}"
            raise UnequalError(message)


def compare_indicators(batches: Sequence[BarBatch]) -> None:
    """Compare the last values of the dozen that all compute, over bars of one instrument.

    Raises:
        UnequalError: They differ by more than `TOLERANCE`.
    """
    *_, last = _all_features(batches, instruments=1)
    at = [NAMES.index(name) for name in indicator_peers.VALUES]
    ours, states = last.columns.values[-1, at], last.columns.states[-1, at]
    candles = [candle for batch in batches for candle in candles_of(batch)]
    for peer in _asked(indicator_peers.PEERS):
        instrument = peer.start(candles[:PEER_HISTORY])
        for candle in candles[PEER_HISTORY:]:
            instrument.step(candle)
        theirs = np.array(instrument.values())
        near = np.abs(ours - theirs) <= TOLERANCE * np.maximum(np.abs(ours), candles[-1][3])
        for name, mine, other, same, state in zip(indicator_peers.VALUES, ours, theirs, near, states, strict=True):
            if not same or state != STATE_VALID:
                message = f"{name} is {mine} of ours and {other} of {peer.name}"
                raise UnequalError(message)


Peer = TypeVar("Peer", BarPeer, IndicatorPeer)


def _asked(peers: Sequence[Peer]) -> list[Peer]:
    """Give those who can be asked here."""
    return [peer for peer in peers if not missing(peer.library)]


# --- bars -------------------------------------------------------------------------------------------------------------


def _bars(request: Request, rows: int) -> Iterator[Figure]:
    """Time ours, alone, with what it emits, and with the codecs on both sides; then the others."""
    loops, rules = cast("Kernel", compiled(bar_kernel)), BarRules(instruments_max=CROWD)
    opening, batches = _opened(request.ticks, rows)
    written = [encode_tick_batch(batch) for batch in batches]
    lateness_ns = rules.lateness_ns(opening.shard)
    columns = [(_trade_columns(batch.trades), (lateness_ns, 0, batch.first_row)) for batch in batches]

    def fresh() -> bar_state.BarState:
        state = bar_state.start(opening.shard, instruments_max=CROWD)
        fold_bars(loops, state, opening, rules)
        return state

    def alone(state: bar_state.BarState) -> None:
        sink, regs = state.room(rows, provisional=False), state.arrays[0]
        for trades, config in columns:
            regs[bar_columns.OUT] = regs[bar_columns.REJECTED] = regs[bar_columns.QUALITY_OUT] = 0
            loops.fold_trades(state.arrays, sink, state.mapping, trades, config)

    def emitting(state: bar_state.BarState) -> None:
        for batch in batches:
            fold_bars(loops, state, batch, rules)

    def coded(state: bar_state.BarState) -> None:
        for data in written:
            for batch in fold_bars(loops, state, decode_tick_batch(data), rules):
                encode_bar_batch(batch)

    what = f"bars, {rows:,} ticks a batch:"
    must = ("40", "80") if rows == MUST_ROWS else ("", "")
    told = f"{CROWD} instruments, {len(INTERVALS_S)} intervals"
    yield Figure(f"{what} kernel", 1 / _us(request, request.ticks, fresh, alone), "M ticks/s", *must, told)
    yield Figure(f"{what} with emission", 1 / _us(request, request.ticks, fresh, emitting), "M ticks/s")
    yield Figure(f"{what} with emission and codecs", 1 / _us(request, request.ticks, fresh, coded), "M ticks/s")
    yield from _peers_bars(request, rows)


def _opened(ticks: int, rows: int) -> tuple[TickBatch, list[TickBatch]]:
    """Give a batch with every instrument, so that the kernel can be told where each has its place, and what follows."""
    ahead = max(BATCH_ROWS)
    (opening, *_), batches = crowd_ticks(ticks + ahead, rows=ahead), crowd_ticks(ticks + ahead, rows=rows)
    assert len(np.unique(opening.trades.instrument)) == CROWD  # noqa: S101 - else the kernel would read beyond its mapping
    return opening, batches[ahead // rows :]


def _peers_bars(request: Request, rows: int) -> Iterator[Figure]:
    ticks = min(request.ticks, PEER_TICKS_MAX)
    batches = _trades(crowd_ticks(ticks, rows=rows))
    # Many small frames take long, and one round tells as much.
    seldom = replace(request, rounds=1) if rows == min(BATCH_ROWS) else request
    for peer in _asked(window_peers.BAR_PEERS):
        spent = _us(seldom, ticks, lambda: batches, peer.fold)
        yield Figure(f"bars, {rows:,} ticks a batch: {peer.name}", 1 / spent, "M ticks/s", note=peer.note)
    if rows == max(BATCH_ROWS) and not missing("polars"):
        whole = _trades(crowd_ticks(ticks, rows=ticks))
        spent = _us(request, ticks, lambda: whole, window_peers.fold_by_frames)
        yield Figure("bars, all ticks at once: polars", 1 / spent, "M ticks/s", note="no stream: what a batch job does")


def _all_bars(batches: Sequence[TickBatch]) -> list[BarBatch]:
    """Fold a tape to its end; give every bar, open ones too."""
    loops, rules = cast("Kernel", compiled(bar_kernel)), BarRules(instruments_max=CROWD)
    state = bar_state.start(batches[0].shard, instruments_max=CROWD)
    ended = (*batches[:-1], replace(batches[-1], end_of_tape=True))
    return [bars for batch in ended for bars in fold_bars(loops, state, batch, rules)]


def _trades(batches: Sequence[TickBatch]) -> list[Trades]:
    return [batch.trades for batch in batches]


def _trade_columns(had: Trades) -> "TradeColumns":
    ids = had.trade_id.view(np.int64)
    return (had.row, had.instrument, had.ts_event, had.ts_receive, had.price, had.size, had.side, ids, had.flags)


# --- features ---------------------------------------------------------------------------------------------------------


def _features(request: Request, instruments: int) -> Iterator[Figure]:
    """Time all of ours, after few bars and after many, and a dozen of others', by bar close and by value."""
    closes = min(max(request.closes // instruments, 2), 1000)
    said = f"{instruments} instrument{'s' * (instruments > 1)}"
    bar = ("5", "1") if instruments == CROWD else ("", "")
    spent = _ours(request, instruments, HISTORY, closes)
    yield from _both(f"{len(NAMES)} features, {said}", spent, len(NAMES), bar)
    if instruments == CROWD:
        spent = _ours(request, instruments, request.history, closes)
        yield Figure(f"features: the same after {request.history:,} bars, not {HISTORY}", spent, "us/bar close", *bar)
        spent = _ours(request, instruments, HISTORY, closes, coded=True)
        yield Figure("features: the same with bars read and features written", spent, "us/bar close")
    for peer in _asked(indicator_peers.PEERS):
        spent = _theirs(request, peer, instruments, closes)
        values = len(indicator_peers.VALUES)
        yield from _both(f"{peer.name}, {indicator_peers.INDICATORS} indicators, {said}", spent, values)


def _both(what: str, us: float, values: int, bar: tuple[str, str] = ("", "")) -> Iterator[Figure]:
    """Tell the time by bar close and by value: not everybody computes as many."""
    yield Figure(f"features: {what}", us, "us/bar close", *bar)
    yield Figure(f"features: {what}, each of {values} values", us / values, "us/value")


def _ours(request: Request, instruments: int, history: int, closes: int, *, coded: bool = False) -> float:
    """Give the time of a bar close, microseconds, after so many bars of each instrument."""
    loops = cast("FeatureKernel", compiled(feature_kernel))
    warm = feature_state.start("MADEUP-0", instruments_max=instruments)
    for batch in crowd_bars(instruments, first=0, closes=history):
        fold_features(loops, warm, batch)
    batches = crowd_bars(instruments, first=history, closes=closes)
    written = [encode_bar_batch(batch) for batch in batches]

    def fold(state: feature_state.FeatureState) -> None:
        for batch in batches:
            fold_features(loops, state, batch)

    def fold_coded(state: feature_state.FeatureState) -> None:
        for data in written:
            had = fold_features(loops, state, decode_bar_batch(data))
            if had is not None:
                encode_feature_batch(had)

    return _us(request, instruments * closes, lambda: copy.deepcopy(warm), fold_coded if coded else fold)


def _theirs(request: Request, peer: IndicatorPeer, instruments: int, closes: int) -> float:
    """Give the same of another; each instrument goes on from round to round."""
    # Every instrument begins alike, which is read once; what is timed is its own.
    history = [candle for batch in crowd_bars(1, first=0, closes=PEER_HISTORY) for candle in candles_of(batch)]
    crowd: list[Instrument] = [peer.start(history) for _ in range(instruments)]
    timed: list[tuple[Callable[[Candle], object], Candle]] = [
        (crowd[index].step, candle)
        for batch in crowd_bars(instruments, first=PEER_HISTORY, closes=closes)
        for index, candle in zip(batch.instrument.tolist(), candles_of(batch), strict=True)
    ]

    def step_all(_: None) -> None:
        for step, candle in timed:
            step(candle)

    return _us(request, len(timed), lambda: None, step_all)


def _all_features(batches: Sequence[BarBatch], *, instruments: int) -> list[FeatureBatch]:
    loops = cast("FeatureKernel", compiled(feature_kernel))
    state = feature_state.start("MADEUP-0", instruments_max=instruments)
    return [had for batch in batches if (had := fold_features(loops, state, batch)) is not None]
