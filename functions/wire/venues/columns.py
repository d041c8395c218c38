"""Turn a whole raw batch into columns: known rows all at once, the others one by one, with equal results.

A venue brings what its rows mean (`Venue`); this file brings the order of work. First every row's layout is looked up;
then each section's numbers are read as columns; rows that are new, odd or break a rule go to `rows`, which gives the
tick or the reason; at last both are joined in tape order.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import (
    NO_VENUE_TIME,
    QUOTE_LOCKED,
    TRADE_INFORMS_ONLY,
    Book,
    InstrumentRef,
    Int64,
    OversizedRow,
    Quotes,
    RawBatch,
    Rejection,
    TickBatch,
    Trades,
)
from functions.wire.venues import merging
from functions.wire.venues.digits import INT64_MAX, PAD, BadText, parse, rescale, windows
from functions.wire.venues.layouts import BOOK, QUOTE, SLOW, TRADE, Form, Layout, Layouts, blanked, leading_zeros
from functions.wire.venues.levels import Levels, Span, find_levels, read_levels, without_levels
from functions.wire.venues.rows import (
    LEVELS_MAX,
    NS_PER_MS,
    BookRow,
    IgnoredRow,
    Limits,
    QuoteRow,
    Row,
    Tick,
    TradeRow,
    bad,
    tick,
)

RAW_BYTES_MAX: Final = 1024
"""Bytes of a rejected row that travel with its rejection."""
FUTURE_SKEW_MS_MAX: Final = 10_000
"""How far venue time may be ahead of receive time; real captures are 1.3 s ahead on every row."""
REJECTED: Final = "rejected"
"""Kind under which rejected rows are counted."""

_PADDING: Final = b" " * PAD
_TRADE_SLOTS, _QUOTE_SLOTS, _BOOK_SLOTS = 4, 6, 4
_TS_MS_MAX: Final = INT64_MAX // NS_PER_MS

S = TypeVar("S", Trades, Quotes)
Instruments: TypeAlias = Mapping[str, InstrumentRef]
"""Reference by venue symbol."""


@dataclass(frozen=True, slots=True)
class Venue:
    """Say what a venue's rows mean.

    Args:
        code: Venue code, the last part of an instrument id.
        read_form: What a form of row means, or None when its rows are read one by one.
        read_row: What one row means; its second argument is the symbol of rows that name none.
        level_marks: What stands before a message's first bid level, and between its bids and asks, by message form.
        unknown: Instrument of a symbol without reference.
    """

    code: str
    read_form: Callable[[Form], Layout | None]
    read_row: Callable[[bytes, str], Row]
    level_marks: tuple[tuple[bytes, bytes], ...]
    unknown: Callable[[str], InstrumentRef]


@dataclass(slots=True)
class Scan:
    """Hold one batch while it is read; `slow` marks rows that are left to be read one by one."""

    batch: RawBatch
    layouts: Layouts
    venue: Venue
    instruments: Instruments
    skew_ns: int
    ids: Int64
    slow: NDArray[np.bool_]
    base: Int64
    view: NDArray[np.void]
    spans: dict[int, Span]
    refs: list[InstrumentRef] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, symbol: str) -> int:
        """Give a symbol's place in the batch's dictionary, adding it when it is new."""
        place = self.numbers.get(symbol)
        if place is None:
            place = self.numbers[symbol] = len(self.refs)
            self.refs.append(self.instruments.get(symbol) or self.venue.unknown(symbol))
        return place


class Decoder:
    """Decode one dialect; what it remembers between batches only saves time."""

    def __init__(self, venue: Venue) -> None:
        """Start with an empty memory of row forms."""
        self.venue = venue
        self._layouts = Layouts(venue.read_form)

    def __call__(
        self, batch: RawBatch, instruments: Instruments, *, future_skew_ms_max: int = FUTURE_SKEW_MS_MAX
    ) -> TickBatch:
        """Turn every row of a batch into a tick, a rejection or a count.

        Args:
            batch: Rows as received.
            instruments: Reference by venue symbol.
            future_skew_ms_max: How far venue time may be ahead of receive time.
        """
        scan = self._scan(batch, instruments, future_skew_ms_max)
        rows = _rows_by_kind(scan)
        trades, quotes = _trades(scan, rows[TRADE]), _quotes(scan, rows[QUOTE])
        book = _book(scan, rows[BOOK])
        ticks, rejections, slow_kinds = _read_slowly(scan, future_skew_ms_max)
        ts_receive = batch.ts_receive
        trades, quotes, book, refs = merging.renumber(
            (
                merging.merge_rows(trades, ticks[TradeRow], scan.numbers, ts_receive),
                merging.merge_rows(quotes, ticks[QuoteRow], scan.numbers, ts_receive),
                merging.merge_book(book, ticks[BookRow], scan.numbers, ts_receive),
            ),
            scan.refs,
        )
        return TickBatch(
            shard=batch.shard,
            stream=batch.stream,
            first_row=batch.first_row,
            row_count=batch.row_count,
            instruments=refs,
            trades=trades,
            quotes=quotes,
            book=book,
            rejections=rejections,
            kinds=_kinds(scan, slow_kinds),
            heartbeat=batch.heartbeat,
            end_of_tape=batch.end_of_tape,
            ts_cut_ns=batch.ts_cut_ns,
        )

    def _scan(self, batch: RawBatch, instruments: Instruments, future_skew_ms_max: int) -> Scan:
        self._layouts.make_room()
        data = _PADDING + batch.payload
        base = batch.offsets[:-1].astype(np.int64)
        base += PAD
        ids, spans = self._find_layouts(batch)
        slow = ids == SLOW
        checked = self._layouts.checked[: self._layouts.checked_most]
        slow |= leading_zeros(np.frombuffer(data, np.uint8), checked.take(ids, axis=1) + base)
        skew_ns = future_skew_ms_max * NS_PER_MS
        return Scan(batch, self._layouts, self.venue, instruments, skew_ns, ids, slow, base, windows(data), spans)

    def _find_layouts(self, batch: RawBatch) -> tuple[Int64, dict[int, Span]]:
        blank = blanked(batch.payload)
        offsets = batch.offsets.tolist()
        get = self._layouts.ids.get
        ids = np.array([get(blank[a:b], -1) for a, b in zip(offsets[:-1], offsets[1:], strict=True)], np.int64)
        spans: dict[int, Span] = {}
        for row in np.flatnonzero(ids < 0).tolist():
            begin, end = offsets[row], offsets[row + 1]
            ids[row] = self._find(blank[begin:end], batch.payload[begin:end], row, spans)
        if batch.oversized:
            ids[[row.index for row in batch.oversized]] = SLOW
        return ids, spans

    def _find(self, blank: bytes, row: bytes, place: int, spans: dict[int, Span]) -> int:
        for marks in self.venue.level_marks:
            span = find_levels(blank, marks)
            if span is not None and span[1] + span[3] > span[0] + span[2]:
                spans[place] = span
                return self._layouts.find(without_levels(blank, span), without_levels(row, span))
        return self._layouts.find(blank, row)


def _rows_by_kind(scan: Scan) -> dict[int, Int64]:
    kind = scan.layouts.kind.take(scan.ids)
    kind[scan.slow] = SLOW
    rows = {one: np.flatnonzero(kind == one) for one in (TRADE, QUOTE, BOOK)}
    return rows


def _instruments(scan: Scan, rows: Int64, ids: Int64) -> tuple[int | Int64, Int64]:
    """Give the instrument of each row: one number when there is only one, and always the column."""
    symbols = scan.layouts.symbol.take(ids)
    first = int(symbols[0])
    known = scan.layouts.symbols()
    if bool((symbols == first).all()):
        place = _number(scan, known[first])
        return place, np.full(len(rows), place, np.int64)
    names, places = np.unique(symbols, return_inverse=True)
    numbers = np.array([_number(scan, known[name]) for name in names.tolist()], np.int64)
    column = numbers[places]
    return column, column


def _number(scan: Scan, symbol: str) -> int:
    return scan.number(symbol or scan.batch.symbol)
