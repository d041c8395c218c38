"""Make the input of the window figures: trades of many instruments, and bars that close together.

Everything follows from its arguments: the same ones give the same columns.
"""

from typing import Any, Final

import numpy as np

from functions.domain.bars.fold import BARS_PER_BATCH_MAX
from functions.domain.market import (
    BAR_FINAL,
    MARKET_BOOK_VALID,
    MARKET_QUOTED,
    NS_PER_S,
    ROWS_PER_BATCH_MAX,
    BarBatch,
    InstrumentRef,
    Int64,
    TickBatch,
    Trades,
)
from functions.wire.codecs.bars import decode_bar_batch, encode_bar_batch
from functions.wire.codecs.market import NO_BOOK, NO_CANDLES, NO_QUOTES, decode_tick_batch, encode_tick_batch

CROWD: Final = 50
"""Instruments of the made-up shard: the number the project's bars are set for."""
TICK_SPACING_NS: Final = 20_000
"""50,000 trades a second over all instruments, so that bars close at their usual rate beside the trades."""
MINUTE_S: Final = 60

_BEGIN_NS: Final = 1_700_000_000_000_000_000
_MINUTES_NS: Final = 1_700_006_400 * NS_PER_S  # a midnight, so that the day's sums begin with the bars


def crowd_ticks(ticks: int, *, rows: int = ROWS_PER_BATCH_MAX, instruments: int = CROWD) -> list[TickBatch]:
    """Make trades of many instruments, evenly spaced, with contiguous ids; read-only columns, as decoded ones are.

    Args:
        ticks: Trades in all; cutting them differently gives the same ones.
        rows: Trades of a batch; the last one may have fewer.
        instruments: Instruments they are of.
    """
    rng = np.random.default_rng(1)
    instrument = rng.integers(0, instruments, ticks).astype(np.uint16)
    order = np.argsort(instrument, kind="stable")
    first = np.searchsorted(instrument[order], np.arange(instruments))
    ids = np.empty(ticks, np.uint64)
    ids[order] = np.arange(ticks) - first[instrument[order]] + 1
    price, size = rng.integers(260_000_000_000, 270_000_000_000, ticks), rng.integers(1, 1_000_000_000, ticks)
    side = rng.integers(1, 3, ticks).astype(np.uint8)
    when = _BEGIN_NS + np.arange(ticks) * TICK_SPACING_NS
    names = tuple(InstrumentRef(f"I{number}-USDT.MADEUP", -8, -8) for number in range(instruments))
    made = []
    for begin in range(0, ticks, rows):
        at = slice(begin, min(begin + rows, ticks))
        row = np.arange(at.stop - begin, dtype=np.uint32)
        times = (when[at], when[at])
        trades = Trades(row, instrument[at], *times, price[at], size[at], side[at], ids[at], np.zeros_like(side[at]))
        batch = TickBatch("MADEUP-0", "MADEUP-0.bench", begin, len(row), names, trades, NO_QUOTES, NO_BOOK, NO_CANDLES)
        made.append(decode_tick_batch(encode_tick_batch(batch)))
    return made


def crowd_bars(instruments: int, *, first: int, closes: int) -> list[BarBatch]:
    """Make one-minute bars of a random walk in which everything moves; every instrument's bars close together.

    Args:
        instruments: Instruments they are of.
        first: Number of the first minute; each minute is drawn by itself, so that a series can be gone on with.
        closes: Minutes.

    Returns:
        Batches with bars in closing order, cut as the bars table cuts them.
    """
    refs = tuple(InstrumentRef(f"I{number}-USDT.MADEUP", -2, -3) for number in range(instruments))
    made = []
    for minute in range(first, first + closes):
        columns = _minute(minute, instruments)
        for begin in range(0, instruments, BARS_PER_BATCH_MAX):
            part: dict[str, Any] = {
                name: column[begin : begin + BARS_PER_BATCH_MAX] for name, column in columns.items()
            }
            batch = BarBatch(shard="MADEUP-0", instruments=refs, **part)
            made.append(decode_bar_batch(encode_bar_batch(batch)))
    return made


def _minute(number: int, n: int) -> dict[str, Any]:
    """Draw the bars of one minute: columns of a BarBatch, one row an instrument."""
    draw = np.random.default_rng(number)
    close = _close(number, n)
    high, low = close + draw.integers(1, 200, n), close - draw.integers(1, 200, n)
    volume = draw.integers(100, 2**20, n)
    spread, away = draw.integers(1, 20, n), draw.integers(20, 90, n)
    return {
        "instrument": np.arange(n, dtype=np.uint16),
        "interval_s": np.full(n, MINUTE_S, np.int32),
        "start_ns": np.full(n, _MINUTES_NS + number * MINUTE_S * NS_PER_S, np.int64),
        "finality": np.full(n, BAR_FINAL, np.uint8),
        "revision": np.zeros(n, np.int32),
        "open": draw.integers(low, high + 1),
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
        "buy_volume": draw.integers(1, volume),
        "notional_hi": np.zeros(n, np.int64),
        "notional_lo": (close * volume).astype(np.uint64),
        "trades": draw.integers(1, 500, n).astype(np.int32),
        "bid_price": close - spread,
        "bid_size": draw.integers(1, 10_000, n),
        "ask_price": close + spread,
        "ask_size": draw.integers(1, 10_000, n),
        "bid_depth": draw.integers(10_000, 90_000, n),
        "ask_depth": draw.integers(10_000, 90_000, n),
        "bid_edge": close - spread - away,
        "ask_edge": close + spread + away,
        "ofi": draw.integers(-50_000, 50_000, n),
        "quotes": draw.integers(1, 500, n).astype(np.int32),
        "flags": np.full(n, MARKET_QUOTED | MARKET_BOOK_VALID, np.uint8),
    }


def _close(number: int, n: int) -> Int64:
    """Give a minute's closes in cents: slow waves of each instrument's own, and noise."""
    at = np.arange(n)
    noise = np.random.default_rng((number, 1)).integers(-200, 201, n)
    waves = 5000 * np.sin(number / (90 + at)) + 1500 * np.sin(number / (11 + at % 7))
    closes: Int64 = (100_000 + waves).astype(np.int64) + noise
    return closes
