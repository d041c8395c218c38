"""Add up what batches of ticks say, exactly, to hold it against an independent reading."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import InstrumentRef, TickBatch

Column: TypeAlias = NDArray[Any]


@dataclass(slots=True)
class Figures:
    """What a capture says in all; `times` are the venue's, nanoseconds."""

    kinds: Counter[str] = field(default_factory=Counter)
    trades: int = 0
    quotes: int = 0
    levels: int = 0
    candles: int = 0
    sizes: Decimal = Decimal(0)  # of trades, quotes, levels and candles, all together
    notional: Decimal = Decimal(0)  # price x size of trades
    times: tuple[int, int] = (0, 0)

    def see(self, times: Iterable[int]) -> None:
        """Widen the span of times."""
        for ns in times:
            low, high = self.times
            self.times = (min(low or ns, ns), max(high, ns))


def ours(batches: list[TickBatch]) -> Figures:
    """Add up what came out."""
    found = Figures()
    for batch in batches:
        found.kinds.update(dict(batch.kinds))
        found.trades += len(batch.trades.row)
        found.quotes += len(batch.quotes.row)
        found.levels += len(batch.book.level_size)
        found.candles += len(batch.candles.row)
        for price, size in _exact(batch, batch.trades.instrument, batch.trades.price, batch.trades.size):
            found.sizes += size
            found.notional += price * size
        found.sizes += sum(size for _, size in _sizes(batch))
        for section in (batch.trades, batch.quotes, batch.book, batch.candles):
            timed = section.ts_event != section.ts_receive
            found.see(section.ts_event[timed].tolist())
    return found


def _exact(batch: TickBatch, instrument: Column, price: Column, size: Column) -> Iterator[tuple[Decimal, Decimal]]:
    for at, left, right in zip(instrument.tolist(), price.tolist(), size.tolist(), strict=True):
        ref: InstrumentRef = batch.instruments[at]
        yield Decimal(left).scaleb(ref.price_exponent), Decimal(right).scaleb(ref.size_exponent)


def _sizes(batch: TickBatch) -> Iterator[tuple[Decimal, Decimal]]:
    quotes, book, candles = batch.quotes, batch.book, batch.candles
    yield from _exact(batch, quotes.instrument, quotes.bid_price, quotes.bid_size)
    yield from _exact(batch, quotes.instrument, quotes.ask_price, quotes.ask_size)
    owners = np.repeat(book.instrument, book.bids.astype(np.int64) + book.asks)
    yield from _exact(batch, owners, book.level_price, book.level_size)
    yield from _exact(batch, candles.instrument, candles.close, candles.volume)
