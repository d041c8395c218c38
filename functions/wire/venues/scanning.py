"""Decode a batch with a byte-scanning kernel; a batch the kernel does not take whole goes the usual way."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import (
    TRADE_INFORMS_ONLY,
    Book,
    InstrumentRef,
    Int64,
    Quotes,
    RawBatch,
    TickBatch,
    Trades,
    UInt8,
    UInt32,
)
from functions.wire.codecs.market import NO_BOOK, NO_CANDLES, NO_QUOTES, NO_TRADES
from functions.wire.venues import binance_kernel as kernel
from functions.wire.venues.columns import FUTURE_SKEW_MS_MAX, Decoder, Instruments
from functions.wire.venues.rows import NS_PER_MS

SYMBOLS_MAX: Final = 4096
"""Symbols the kernel is told of, and searches one after the other; batches that name others go the usual way."""
CHANNELS_MAX: Final = 16
"""Channels that feed bars whose flags are remembered; a venue has one or two."""
LEVEL_BYTES_MIN: Final = 10  # ["1","2"],
_U1, _U2, _U4, _U8, _I8 = (np.dtype(name) for name in ("u1", "u2", "u4", "u8", "i8"))
_WHERE: Final = (_U4, _U2, _I8, _I8)
_TRADES, _QUOTES, _BOOK = (
    (*_WHERE, _I8, _I8, _U1, _U8, _U1),
    (*_WHERE, _I8, _I8, _I8, _I8, _U8, _U1),
    (*_WHERE, _U8, _U8, _U8, _U2, _U2, _U1),
)
"""Columns of trades, quotes and book messages, in the order of their classes, as the kernel fills them."""
KINDS: Final = ("", "trade", "aggTrade", "bookTicker", "depthUpdate")

_Words: TypeAlias = tuple[UInt8, UInt8, UInt8, UInt8, UInt8, UInt8]
_Table: TypeAlias = tuple[UInt8, Int64, Int64]
_Section: TypeAlias = tuple[NDArray[Any], ...]


class Kernel(Protocol):
    """Run `binance_kernel`'s loops, plain or compiled."""

    def scan(  # noqa: D102, PLR0913, PLR0917 - see binance_kernel.scan
        self,
        batch: tuple[UInt8, UInt32, Int64],
        skew_ns: int,
        words: _Words,
        symbols: _Table,
        scratch: _Table,
        notes: tuple[Int64, Int64, Int64, Int64, UInt8],
        trades: _Section,
        quotes: _Section,
        book: _Section,
        levels: Int64,
        /,
    ) -> None: ...


def _word(text: str) -> UInt8:
    return np.frombuffer(text.encode(), np.uint8)


WORDS: Final[_Words] = (
    _word('{"stream":"'),
    _word(',"data":'),
    _word("trade"),
    _word("aggTrade"),
    _word("bookTicker"),
    _word("depthUpdate"),
)


class ScanningDecoder:
    """Decode Binance's dialects with a kernel where a batch is all plain rows, and as `plain` does where it is not.

    What it remembers between batches only saves time.
    """

    def __init__(self, plain: Decoder, loops: Kernel) -> None:
        """Know no symbol yet."""
        self.venue = plain.venue
        self._plain = plain
        self._loops = loops
        self._told: Instruments | None = None
        self._refs: list[InstrumentRef] = []
        self._symbols = _table({})
        self._line, self._counts = np.zeros(kernel.COLUMNS, np.int64), np.zeros(kernel.COUNTS, np.int64)
        self._places = self._order = np.empty(0, np.int64)
        self._levels = np.empty((0, 2), np.int64)
        most = kernel.FIELDS
        self._scratch = (np.zeros(most, np.uint8), np.zeros((most, 2), np.int64), np.zeros(most + 1, np.int64))

    def __call__(
        self, batch: RawBatch, instruments: Instruments, *, future_skew_ms_max: int = FUTURE_SKEW_MS_MAX
    ) -> TickBatch:
        """Turn every row of a batch into a tick, a rejection or a count; see `columns.Decoder`."""
        if batch.row_count and not batch.oversized:
            if instruments is not self._told:
                self._learn(instruments)
            found = self._scan(batch, future_skew_ms_max)
            if not found.counts[kernel.NOT_PLAIN]:
                return self._ticks(batch, found)
        return self._plain(batch, instruments, future_skew_ms_max=future_skew_ms_max)

    def _learn(self, instruments: Instruments) -> None:
        """Tell the kernel of the symbols in the reference."""
        known = {symbol: ref for symbol, ref in list(instruments.items())[:SYMBOLS_MAX] if symbol.isascii()}
        self._told, self._refs, self._symbols = instruments, list(known.values()), _table(known)
        self._places, self._order = np.full(len(known), -1, np.int64), np.empty(len(known), np.int64)

    def _ticks(self, batch: RawBatch, found: "Found") -> TickBatch:
        trades, quotes, book = found.sections()
        return TickBatch(
            shard=batch.shard,
            stream=batch.stream,
            first_row=batch.first_row,
            row_count=batch.row_count,
            instruments=tuple([self._refs[number] for number in found.order]),
            trades=trades,
            quotes=quotes,
            book=book,
            candles=NO_CANDLES,
            kinds=tuple(sorted([one for one in zip(KINDS, found.counts, strict=False) if one[1]])),
            heartbeat=batch.heartbeat,
            end_of_tape=batch.end_of_tape,
            ts_cut_ns=batch.ts_cut_ns,
        )

    def warm(self) -> None:
        """Run the kernel once on nothing, so that it is compiled."""
        none = np.zeros(0, np.int64)
        none.flags.writeable = False
        self._scan(RawBatch("", "", "", 0, b"", np.frombuffer(bytes(4), np.uint32), none), 0)

    def _scan(self, batch: RawBatch, future_skew_ms_max: int) -> "Found":
        rows = batch.row_count
        room = len(batch.payload) // LEVEL_BYTES_MIN + 1
        if len(self._levels) < room:
            self._levels = np.empty((room, 2), np.int64)
        trades, quotes, book = _room(rows, _TRADES), _room(rows, _QUOTES), _room(rows, _BOOK)
        self._loops.scan(
            (np.frombuffer(batch.payload, np.uint8), batch.offsets, batch.ts_receive),
            future_skew_ms_max * NS_PER_MS,
            WORDS,
            self._symbols,
            self._scratch,
            (self._line, self._counts, self._places, self._order, _informing(batch.bar_channel)),
            trades,
            quotes,
            book,
            self._levels,
        )
        counts: list[int] = self._counts.tolist()
        order: list[int] = self._order[: counts[kernel.INSTRUMENTS]].tolist()
        return Found(counts, order, trades, quotes, book, self._levels)


@dataclass(frozen=True, slots=True)
class Found:
    """Hold what the kernel found; the columns are longer than what was found."""

    counts: list[int]  # rows by kind, levels, instruments
    order: list[int]  # known symbols, as the batch names them first
    trades: _Section
    quotes: _Section
    book: _Section
    levels: Int64

    def sections(self) -> tuple[Trades, Quotes, Book]:
        """Give the sections."""
        _, trade, agg_trade, quotes, books, levels, _ = self.counts
        trades = trade + agg_trade
        return (
            Trades(*_first(trades, self.trades)) if trades else NO_TRADES,
            Quotes(*_first(quotes, self.quotes)) if quotes else NO_QUOTES,
            self._book(books, levels) if books else NO_BOOK,
        )

    def _book(self, books: int, levels: int) -> Book:
        checksum = np.zeros(books, np.uint32)
        return Book(*_first(books, self.book), *[checksum, *self.levels[:levels].T.copy()])


def _room(rows: int, dtypes: tuple[np.dtype[Any], ...]) -> _Section:
    return tuple([np.empty(rows, dtype) for dtype in dtypes])


def _first(count: int, columns: _Section) -> list[NDArray[Any]]:
    return [column[:count] for column in columns]


@lru_cache(maxsize=CHANNELS_MAX)
def _informing(bar_channel: str) -> UInt8:
    """Give the flags of trades by their kind: those of a channel that does not feed bars only inform."""
    return np.array([TRADE_INFORMS_ONLY if bar_channel not in ("", name) else 0 for name in KINDS], np.uint8)


def _table(known: Mapping[str, InstrumentRef]) -> _Table:
    texts = [symbol.encode() for symbol in known]
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64) if texts else np.zeros(0, np.int64)
    exponents = np.array([(ref.price_exponent, ref.size_exponent) for ref in known.values()], np.int64).reshape(-1, 2)
    return np.frombuffer(b"".join(texts), np.uint8), ends, exponents
