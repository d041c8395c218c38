"""Build tapes for the bar tests: rows as small tuples, batches cut from them at will, captures read independently."""

import gzip
import json
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import (
    BAR_OPEN,
    BOOK_SNAPSHOT,
    BOOK_TELLS_PREVIOUS,
    NO_VENUE_TIME,
    QUOTE_CROSSED,
    SIDE_BUY,
    SIDE_SELL,
    BarBatch,
    Book,
    InstrumentRef,
    Quotes,
    TickBatch,
    Trades,
)
from functions.wire.codecs.market import NO_CANDLES

T0 = 1_700_006_400_000_000_000
"""A whole hour, UTC nanoseconds."""
MS = 1_000_000
S = 1_000_000_000


class Trade(NamedTuple):
    """One print."""

    ts: int
    price: int = 100
    size: int = 1
    side: int = SIDE_BUY
    id: int = 0
    flags: int = 0
    instrument: int = 0
    receive: int | None = None


class Quote(NamedTuple):
    """One best bid and offer."""

    ts: int
    bid: int = 99
    ask: int = 101
    bid_size: int = 5
    ask_size: int = 7
    flags: int = 0
    instrument: int = 0
    receive: int | None = None
    update: int = 0


class Depth(NamedTuple):
    """One book message."""

    ts: int
    first: int
    last: int
    bids: Sequence[tuple[int, int]] = ()
    asks: Sequence[tuple[int, int]] = ()
    previous: int = 0
    flags: int = 0
    instrument: int = 0
    receive: int | None = None


Row = Trade | Quote | Depth


def instruments(count: int) -> tuple[InstrumentRef, ...]:
    """Name some instruments."""
    return tuple(InstrumentRef(f"I{n}-USDT.BINANCE", -2, -3) for n in range(count))


def batch(
    rows: Sequence[Row], first_row: int = 0, known: tuple[InstrumentRef, ...] = instruments(1), **more: bool | int
) -> TickBatch:
    """Put rows into one batch."""
    numbered = list(enumerate(rows))
    return TickBatch(
        shard="BINANCE-0",
        stream="BINANCE-0.replay",
        first_row=first_row,
        row_count=len(rows),
        instruments=known,
        trades=_trades([(n, row) for n, row in numbered if isinstance(row, Trade)]),
        quotes=_quotes([(n, row) for n, row in numbered if isinstance(row, Quote)]),
        book=_book([(n, row) for n, row in numbered if isinstance(row, Depth)]),
        candles=NO_CANDLES,
        **more,
    )


def cut(rows: Sequence[Row], size: int, known: tuple[InstrumentRef, ...] = instruments(1)) -> Iterator[TickBatch]:
    """Cut rows into batches of a size, and end the tape."""
    for begin in range(0, len(rows), size):
        yield batch(rows[begin : begin + size], begin, known)
    yield batch((), len(rows), known, end_of_tape=True)


def lines(batches: Iterable[BarBatch]) -> list[tuple[Any, ...]]:
    """Write every bar as a tuple, in emission order: instrument, interval, start, finality, revision, then figures."""
    return [line for one in batches for line in _lines(one)]


def latest(emitted: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Keep the last form of each bar, as a sink does."""
    return {line[:3]: line[3:] for line in emitted}


def closed(emitted: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Keep the last form of each bar that closed."""
    return {key: line for key, line in latest(emitted).items() if line[0] != BAR_OPEN}


def spot(path: pathlib.Path) -> list[Row]:
    """Read a Binance capture with price and size exponents -8, every line one row; knows nothing of our decoders."""
    with gzip.open(path, "rt") as file:
        return [_capture_row(*line.split(" ", 1)) for line in file]


def _capture_row(receive: str, text: str) -> Row:
    message = json.loads(text)
    got = int(receive)
    if "stream" not in message:
        ts = message.get("E", 0) * MS
        flags = BOOK_SNAPSHOT | (0 if ts else NO_VENUE_TIME)
        last = message["lastUpdateId"]
        return Depth(ts or got, 0, last, _levels(message["bids"]), _levels(message["asks"]), 0, flags, 0, got)
    data = message["data"]
    channel = message["stream"].split("@")[1]
    if channel == "trade":
        side = SIDE_SELL if data["m"] else SIDE_BUY
        return Trade(data["T"] * MS, _fixed(data["p"]), _fixed(data["q"]), side, data["t"], 0, 0, got)
    if channel == "bookTicker":
        return _capture_quote(data, got)
    previous = data.get("pu")
    flags = 0 if previous is None else BOOK_TELLS_PREVIOUS
    bids, asks = _levels(data["b"]), _levels(data["a"])
    return Depth(data["E"] * MS, data["U"], data["u"], bids, asks, previous or 0, flags, 0, got)


def _capture_quote(data: dict[str, Any], got: int) -> Quote:
    ts = data.get("E", 0) * MS
    bid, ask = _fixed(data["b"]), _fixed(data["a"])
    flags = (0 if ts else NO_VENUE_TIME) | (QUOTE_CROSSED if bid > ask else 0)
    return Quote(ts or got, bid, ask, _fixed(data["B"]), _fixed(data["A"]), flags, 0, got, data["u"])


def _fixed(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(8, "0"))


def _levels(levels: list[list[str]]) -> list[tuple[int, int]]:
    return [(_fixed(price), _fixed(size)) for price, size in levels]


def _column(values: Iterable[int], dtype: type[np.integer[Any]]) -> NDArray[Any]:
    column = np.array(list(values), dtype)
    column.flags.writeable = False
    return column


def _where(rows: Sequence[tuple[int, Row]]) -> tuple[Any, Any, Any, Any]:
    return (
        _column((n for n, _ in rows), np.uint32),
        _column((row.instrument for _, row in rows), np.uint16),
        _column((row.ts for _, row in rows), np.int64),
        _column((row.ts if row.receive is None else row.receive for _, row in rows), np.int64),
    )


def _trades(rows: Sequence[tuple[int, Trade]]) -> Trades:
    return Trades(
        *_where(rows),
        _column((row.price for _, row in rows), np.int64),
        _column((row.size for _, row in rows), np.int64),
        _column((row.side for _, row in rows), np.uint8),
        _column((row.id for _, row in rows), np.uint64),
        _column((row.flags for _, row in rows), np.uint8),
    )


def _quotes(rows: Sequence[tuple[int, Quote]]) -> Quotes:
    return Quotes(
        *_where(rows),
        _column((row.bid for _, row in rows), np.int64),
        _column((row.bid_size for _, row in rows), np.int64),
        _column((row.ask for _, row in rows), np.int64),
        _column((row.ask_size for _, row in rows), np.int64),
        _column((row.update for _, row in rows), np.uint64),
        _column((row.flags for _, row in rows), np.uint8),
    )


def _book(rows: Sequence[tuple[int, Depth]]) -> Book:
    return Book(
        *_where(rows),
        _column((row.first for _, row in rows), np.uint64),
        _column((row.last for _, row in rows), np.uint64),
        _column((row.previous for _, row in rows), np.uint64),
        _column((len(row.bids) for _, row in rows), np.uint16),
        _column((len(row.asks) for _, row in rows), np.uint16),
        _column((row.flags for _, row in rows), np.uint8),
        _column((0 for _ in rows), np.uint32),
        _column((price for _, row in rows for price, _ in (*row.bids, *row.asks)), np.int64),
        _column((size for _, row in rows for _, size in (*row.bids, *row.asks)), np.int64),
    )


_FIGURES = (
    "interval_s",
    "start_ns",
    "finality",
    "revision",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "buy_volume",
    "notional_hi",
    "notional_lo",
    "trades",
    "bid_price",
    "bid_size",
    "ask_price",
    "ask_size",
    "bid_depth",
    "ask_depth",
    "flags",
)


def _lines(one: BarBatch) -> Iterator[tuple[Any, ...]]:
    names = [one.instruments[n].instrument_id for n in one.instrument.tolist()]
    yield from zip(names, *(getattr(one, figure).tolist() for figure in _FIGURES), strict=True)
