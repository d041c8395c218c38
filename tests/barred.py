"""Build bars for tests by naming only what matters to them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from functions.domain.market import BAR_FINAL, MARKET_BOOK_VALID, MARKET_QUOTED, NS_PER_S, BarBatch, InstrumentRef

ETH = InstrumentRef("ETH-USDT.BINANCE", -2, -4)
BTC = InstrumentRef("BTC-USDT.BINANCE", -1, -5)
SHARD = "BINANCE-0"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: number, form, and the figures; the range is flat unless a test needs another."""

    bar: int = 100
    close: int = 300_000
    finality: int = BAR_FINAL
    revision: int = 0
    interval_s: int = 1
    instrument: int = 0
    volume: int = 10_000
    notional: int = 3_000_000_000
    bid: int = 299_999
    ask: int = 300_001
    flags: int = MARKET_QUOTED | MARKET_BOOK_VALID


def bar_batch(bars: Sequence[Bar], *, instruments: tuple[InstrumentRef, ...] = (ETH, BTC)) -> BarBatch:
    """Lay bars out as a batch."""

    def integers(numbers: Sequence[int], kind: type[np.signedinteger] = np.int64) -> np.ndarray:
        return np.array(numbers, dtype=kind)

    closes = integers([bar.close for bar in bars])
    sizes = np.full(len(bars), 7, np.int64)
    return BarBatch(
        shard=SHARD,
        instruments=instruments,
        instrument=np.array([bar.instrument for bar in bars], np.uint16),
        interval_s=integers([bar.interval_s for bar in bars], np.int32),
        start_ns=integers([bar.bar * bar.interval_s * NS_PER_S for bar in bars]),
        finality=np.array([bar.finality for bar in bars], np.uint8),
        revision=integers([bar.revision for bar in bars], np.int32),
        open=closes,
        high=closes,
        low=closes,
        close=closes,
        volume=integers([bar.volume for bar in bars]),
        buy_volume=integers([bar.volume // 2 for bar in bars]),
        notional_hi=integers([bar.notional >> 64 for bar in bars]),
        notional_lo=np.array([bar.notional & (2**64 - 1) for bar in bars], np.uint64),
        trades=np.full(len(bars), 3, np.int32),
        bid_price=integers([bar.bid for bar in bars]),
        bid_size=sizes,
        ask_price=integers([bar.ask for bar in bars]),
        ask_size=sizes,
        bid_depth=sizes,
        ask_depth=sizes,
        bid_edge=integers([bar.bid - 9 for bar in bars]),
        ask_edge=integers([bar.ask + 9 for bar in bars]),
        ofi=np.full(len(bars), 2, np.int64),
        quotes=np.full(len(bars), 4, np.int32),
        flags=np.array([bar.flags for bar in bars], np.uint8),
    )
