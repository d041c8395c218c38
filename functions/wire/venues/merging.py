"""Join what was read as columns with what was read row by row, in tape order, under one instrument dictionary."""

from dataclasses import replace
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import Book, Candles, InstrumentRef, Int64, Quotes, Trades, UInt16
from functions.wire.venues.rows import Tick
from functions.wire.venues.work import Found

S = TypeVar("S", Trades, Quotes, Candles)

_NONE: Final = np.iinfo(np.int64).max
_PLACE_BITS: Final = 32
_ROW_BITS: Final = 34  # a place in a section, and two bits for which of the four it is
_SLOW_COLUMNS: Final = {
    Trades: ("price", "size", "side", "trade_id", "flags"),
    Quotes: ("bid_price", "bid_size", "ask_price", "ask_size", "update_id", "flags"),
    Candles: ("interval_ns", "open", "high", "low", "close", "volume", "trades", "flags"),
}
_BOOK_COLUMNS: Final = (
    *("first_update_id", "last_update_id", "previous_update_id"),
    *("bids", "asks", "flags", "checksum"),
)


def join(found: Found, more: Found) -> Found:
    """Join what two readers found of one batch; only one of them may have found books."""
    if not found.kinds:
        return more
    kinds = {kind: found.kinds.get(kind, 0) + more.kinds.get(kind, 0) for kind in {**found.kinds, **more.kinds}}
    book = more.book if len(more.book.row) else found.book
    return Found(_in_order(found.trades, more.trades), _in_order(found.quotes, more.quotes), book, kinds)


def _in_order(section: S, more: S) -> S:
    """Join two sections in tape order; no row is in both."""
    if not len(section.row) or not len(more.row):
        return section if len(section.row) else more
    order = np.argsort(np.concatenate([section.row, more.row]), kind="stable")
    names = type(section).__dataclass_fields__
    return type(section)(
        **{name: np.concatenate([getattr(section, name), getattr(more, name)])[order] for name in names}
    )


def merge_rows(section: S, ticks: list[Tick], numbers: dict[str, int], ts_receive: Int64) -> S:
    """Add single ticks to a section of trades, quotes or candles.

    Args:
        section: What was read as columns, in tape order.
        ticks: What was read row by row.
        numbers: Instrument index of each symbol.
        ts_receive: (n,) receive time of every row of the batch.
    """
    if not ticks:
        return section
    added = _columns(ticks, _SLOW_COLUMNS[type(section)], numbers, ts_receive)
    joined = {name: _joined(getattr(section, name), added[name]) for name in added}
    order = np.argsort(joined["row"], kind="stable")
    return replace(section, **{name: column[order] for name, column in joined.items()})


def merge_book(book: Book, ticks: list[Tick], numbers: dict[str, int], ts_receive: Int64) -> Book:
    """Add single messages to a book section; see `merge_rows`."""
    if not ticks:
        return book
    added = _columns(ticks, _BOOK_COLUMNS, numbers, ts_receive)
    joined = {name: _joined(getattr(book, name), added[name]) for name in added}
    levels = np.array([level for tick in ticks for level in tick.levels], np.int64).reshape(-1, 2)
    price, size = _joined(book.level_price, levels[:, 0]), _joined(book.level_size, levels[:, 1])
    order = np.argsort(joined["row"], kind="stable")
    counts = joined["bids"].astype(np.int64) + joined["asks"]
    ends = np.cumsum(counts)
    pick = np.concatenate([np.arange(ends[i] - counts[i], ends[i]) for i in order])
    columns = {name: column[order] for name, column in joined.items()}
    return replace(book, **columns, level_price=price[pick], level_size=size[pick])


def renumber(
    sections: tuple[Trades, Quotes, Book, Candles], refs: list[InstrumentRef]
) -> tuple[Trades, Quotes, Book, Candles, tuple[InstrumentRef, ...]]:
    """Number the instruments in the order in which the batch names them first, leaving out those without a tick.

    A message that names several at once names those of its trades first, then of its quotes, its book and its candles,
    so that the order does not depend on how its rows were read.
    """
    trades, quotes, book, candles = sections
    if len(refs) == 1 and any(len(section.row) for section in sections):
        return trades, quotes, book, candles, tuple(refs)
    first = np.full(len(refs), _NONE, np.int64)
    told: tuple[Trades | Quotes | Book | Candles, ...] = sections
    for number, section in enumerate(told):
        if len(section.row):
            places = (section.row.astype(np.int64) << _ROW_BITS) + (number << _PLACE_BITS) + np.arange(len(section.row))
            np.minimum.at(first, section.instrument, places)
    order = [index for index in np.argsort(first, kind="stable").tolist() if first[index] != _NONE]
    if order == list(range(len(refs))):
        return trades, quotes, book, candles, tuple(refs)
    numbers = np.zeros(len(refs), np.uint16)
    numbers[order] = np.arange(len(order), dtype=np.uint16)
    return (
        replace(trades, instrument=_placed(numbers, trades.instrument)),
        replace(quotes, instrument=_placed(numbers, quotes.instrument)),
        replace(book, instrument=_placed(numbers, book.instrument)),
        replace(candles, instrument=_placed(numbers, candles.instrument)),
        tuple(refs[index] for index in order),
    )


def _placed(places: UInt16, instrument: UInt16) -> UInt16:
    return places[instrument] if len(instrument) else instrument


def _columns(
    ticks: list[Tick], names: tuple[str, ...], numbers: dict[str, int], ts_receive: Int64
) -> dict[str, NDArray[Any]]:
    rows = np.array([tick.row for tick in ticks], np.int64)
    columns: dict[str, NDArray[Any]] = {
        "row": rows,
        "instrument": np.array([numbers[tick.symbol] for tick in ticks]),
        "ts_event": np.array([tick.ts_event for tick in ticks], np.int64),
        "ts_receive": ts_receive[rows],
    }
    for place, name in enumerate(names):
        columns[name] = np.array([tick.values[place] for tick in ticks], np.int64)
    return columns


def _joined(fast: NDArray[Any], slow: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([fast, slow.astype(fast.dtype)])
