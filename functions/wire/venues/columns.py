"""Turn a whole raw batch into columns: known rows all at once, the others one by one, with equal results.

A venue brings what its rows mean (`Venue`); this file brings the order of work. First every row's layout is looked up;
then each section's numbers are read as columns; rows that are new, odd or break a rule go to `rows`, which gives the
tick or the reason; at last both are joined in tape order.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

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
from functions.wire.venues.levels import Span, find_levels, read_levels, without_levels
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

_U8, _U16, _U32, _U64, _I64 = (np.empty(0, dtype) for dtype in (np.uint8, np.uint16, np.uint32, np.uint64, np.int64))
NO_TRADES: Final = Trades(_U32, _U16, _I64, _I64, _I64, _I64, _U8, _U64, _U8)
NO_QUOTES: Final = Quotes(_U32, _U16, _I64, _I64, _I64, _I64, _I64, _I64, _U64, _U8)
NO_BOOK: Final = Book(_U32, _U16, _I64, _I64, _U64, _U64, _U64, _U16, _U16, _U8, _I64, _I64)

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
        if not batch.row_count:
            return _without_rows(batch)
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
        if not batch.symbol:  # a row that names none has no symbol then
            slow |= self._layouts.symbol.take(ids) == 0
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
            found, span = self._find(blank, begin, end)
            symbol = self._layouts.layouts[found].symbol_span
            if symbol is not None:
                found = self._layouts.named(found, batch.payload[begin + symbol[0] : begin + symbol[1]])
            ids[row] = found
            if span is not None:
                spans[row] = span
        if batch.oversized:
            ids[[row.index for row in batch.oversized]] = SLOW
        return ids, spans

    def _find(self, blank: bytes, begin: int, end: int) -> tuple[int, Span | None]:
        for marks in self.venue.level_marks:
            span = find_levels(blank, begin, end, marks)
            if span is not None:
                return self._layouts.find(without_levels(blank, begin, end, span)), span
        return self._layouts.find(blank[begin:end]), None


def _without_rows(batch: RawBatch) -> TickBatch:
    return TickBatch(
        shard=batch.shard,
        stream=batch.stream,
        first_row=batch.first_row,
        row_count=0,
        instruments=(),
        trades=NO_TRADES,
        quotes=NO_QUOTES,
        book=NO_BOOK,
        heartbeat=batch.heartbeat,
        end_of_tape=batch.end_of_tape,
        ts_cut_ns=batch.ts_cut_ns,
    )


def _rows_by_kind(scan: Scan) -> dict[int, Int64]:
    kind = scan.layouts.kind.take(scan.ids)
    kind[scan.slow] = SLOW
    return {one: np.flatnonzero(kind == one) for one in (TRADE, QUOTE, BOOK)}


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one section: their numbers as digits, and what else their layouts say."""

    rows: Int64
    ids: Int64
    place: int | None  # the one instrument of all rows, if there is only one
    instrument: Int64
    values: Int64  # (slots, n)
    fraction: Int64  # (slots, n)
    flags: NDArray[np.uint8]
    ts_receive: Int64
    ts_event: Int64
    timely: NDArray[np.bool_]

    def exponents(self, scan: Scan) -> tuple[int | Int64, int | Int64]:
        """Give the exponents of price and size: one for all rows, or a column."""
        if self.place is not None:
            ref = scan.refs[self.place]
            return ref.price_exponent, ref.size_exponent
        pairs = np.array([(ref.price_exponent, ref.size_exponent) for ref in scan.refs], np.int64)
        price, size = pairs[self.instrument].T
        return price, size


def _group(scan: Scan, rows: Int64, slots: int) -> Group:
    layouts, ids = scan.layouts, scan.ids[rows]
    place, instrument = _instruments(scan, ids)
    fraction = layouts.fraction[:slots].take(ids, axis=1)
    ends = layouts.end[:slots].take(ids, axis=1)
    ends += scan.base[rows]
    values = parse(scan.view, ends, layouts.digits[:slots].take(ids, axis=1), fraction)
    flags = layouts.flags.take(ids)
    ts_receive = scan.batch.ts_receive[rows]
    ts_event = values[1] * NS_PER_MS
    timely = values[1] <= _TS_MS_MAX
    timely &= ts_event <= ts_receive + scan.skew_ns
    timeless = (flags & NO_VENUE_TIME) != 0
    if timeless.any():
        ts_event[timeless] = ts_receive[timeless]
        timely |= timeless
    return Group(rows, ids, place, instrument, values, fraction, flags, ts_receive, ts_event, timely)


def _instruments(scan: Scan, ids: Int64) -> tuple[int | None, Int64]:
    symbols = scan.layouts.symbol.take(ids)
    names = scan.layouts.symbols
    first = int(symbols[0])
    if bool((symbols == first).all()):
        place = scan.number(names[first] or scan.batch.symbol)
        return place, np.full(len(ids), place, np.int64)
    found, places = np.unique(symbols, return_inverse=True)
    numbers = [scan.number(names[name] or scan.batch.symbol) for name in found.tolist()]
    return None, np.array(numbers, np.int64)[places]


def _columns(group: Group, kept: NDArray[np.bool_] | slice, **more: NDArray[Any]) -> dict[str, NDArray[Any]]:
    columns = {
        "row": group.rows.astype(np.uint32),
        "instrument": group.instrument.astype(np.uint16),
        "ts_event": group.ts_event,
        "ts_receive": group.ts_receive,
        **more,
    }
    return columns if isinstance(kept, slice) else {name: column[kept] for name, column in columns.items()}


def _kept(scan: Scan, group: Group, good: NDArray[np.bool_]) -> NDArray[np.bool_] | slice:
    """Leave the rows that are not good to be read one by one."""
    if good.all():
        return slice(None)
    scan.slow[group.rows[~good]] = True
    return good


def _trades(scan: Scan, rows: Int64) -> Trades:
    if not len(rows):
        return NO_TRADES
    group = _group(scan, rows, _TRADE_SLOTS)
    price_exponent, size_exponent = group.exponents(scan)
    price, good = rescale(group.values[2], group.fraction[2], price_exponent)
    size, exact = rescale(group.values[3], group.fraction[3], size_exponent)
    good = good & exact & group.timely & (price > 0) & (size > 0)
    flags, channel = group.flags, scan.batch.bar_channel
    if channel:
        bars = scan.layouts.names.index(channel) if channel in scan.layouts.names else -1
        flags = flags | np.where(scan.layouts.name.take(group.ids) == bars, 0, TRADE_INFORMS_ONLY).astype(np.uint8)
    return Trades(
        **_columns(
            group,
            _kept(scan, group, good),
            price=price,
            size=size,
            side=scan.layouts.side.take(group.ids),
            trade_id=group.values[0].view(np.uint64),
            flags=flags,
        )
    )


def _quotes(scan: Scan, rows: Int64) -> Quotes:
    if not len(rows):
        return NO_QUOTES
    group = _group(scan, rows, _QUOTE_SLOTS)
    price_exponent, size_exponent = group.exponents(scan)
    prices, good = rescale(group.values[2:4], group.fraction[2:4], price_exponent)
    sizes, exact = rescale(group.values[4:6], group.fraction[4:6], size_exponent)
    good = good & exact
    bid, ask = prices
    flags = (bid > ask).view(np.uint8)
    flags += (bid == ask).view(np.uint8) * np.uint8(QUOTE_LOCKED)
    # A price of 0 says that this side is empty, so there is nothing to cross.
    flags *= ((bid > 0) & (ask > 0)).view(np.uint8)
    return Quotes(
        **_columns(
            group,
            _kept(scan, group, good[0] & good[1] & group.timely),
            bid_price=bid,
            bid_size=sizes[0],
            ask_price=ask,
            ask_size=sizes[1],
            update_id=group.values[0].view(np.uint64),
            flags=flags | group.flags,
        )
    )


def _book(scan: Scan, rows: Int64) -> Book:
    if not len(rows):
        return NO_BOOK
    sides = [side for row in rows.tolist() for side in _sides(scan, row)]
    levels = read_levels(sides)
    if levels is None:
        return _book_without_odd_rows(scan, rows, sides)
    group = _group(scan, rows, _BOOK_SLOTS)
    counts = levels.bids + levels.asks
    exponents = (
        one if isinstance(one, int) else one.repeat(counts) for one in group.exponents(scan)
    )
    price, good = rescale(levels.values[0], levels.fraction[0], next(exponents))
    size, exact = rescale(levels.values[1], levels.fraction[1], next(exponents))
    good &= exact
    message = np.arange(len(rows)).repeat(counts)
    fits = group.timely & (levels.bids <= LEVELS_MAX) & (levels.asks <= LEVELS_MAX)
    fits[message[~good]] = False
    kept = _kept(scan, group, fits)
    picked = kept if isinstance(kept, slice) else kept[message]
    return Book(
        **_columns(
            group,
            kept,
            first_update_id=group.values[0].view(np.uint64),
            last_update_id=group.values[2].view(np.uint64),
            previous_update_id=group.values[3].view(np.uint64),
            bids=levels.bids.astype(np.uint16),
            asks=levels.asks.astype(np.uint16),
            flags=group.flags,
        ),
        level_price=price[picked],
        level_size=size[picked],
    )


def _sides(scan: Scan, row: int) -> tuple[bytes, bytes]:
    span = scan.spans.get(row)
    if span is None:
        return b"", b""
    payload = scan.batch.payload
    return payload[span[0] : span[1]], payload[span[2] : span[3]]


def _book_without_odd_rows(scan: Scan, rows: Int64, sides: list[bytes]) -> Book:
    """Leave those messages aside whose levels cannot be read as columns; there is at least one."""
    plain = [read_levels(sides[2 * place : 2 * place + 2]) is not None for place in range(len(rows))]
    good = np.array(plain, np.bool_)
    # Each alone may pass where all together did not; then all are read one by one.
    good &= not good.all()
    scan.slow[rows[~good]] = True
    return _book(scan, rows[good])


def _read_slowly(
    scan: Scan, future_skew_ms_max: int
) -> tuple[dict[type[Row], list[Tick]], tuple[Rejection, ...], Counter[str]]:
    ticks: dict[type[Row], list[Tick]] = {TradeRow: [], QuoteRow: [], BookRow: []}
    rejections: list[Rejection] = []
    kinds: Counter[str] = Counter()
    oversized = {row.index: row for row in scan.batch.oversized}
    for row in np.flatnonzero(scan.slow).tolist():
        limits = Limits(int(scan.batch.ts_receive[row]), future_skew_ms_max)
        try:
            found, one = _read_row(scan, row, oversized.get(row), limits)
        except BadText as error:
            kinds[REJECTED] += 1
            rejections.append(_rejection(scan.batch, row, oversized.get(row), error))
            continue
        kinds[found.kind] += 1
        if one is not None:
            ticks[type(found)].append(one)
    return ticks, tuple(rejections), kinds


def _read_row(scan: Scan, row: int, oversized: OversizedRow | None, limits: Limits) -> tuple[Row, Tick | None]:
    if oversized is not None:
        detail = f"the row has {oversized.length} bytes, sha256 {oversized.sha256.hex()}; its bytes stay in the spool"
        reason = "oversized"
        raise bad(reason, detail)
    found = scan.venue.read_row(_raw(scan.batch, row), scan.batch.symbol)
    if isinstance(found, IgnoredRow):
        return found, None
    ref = scan.instruments.get(found.symbol) or scan.venue.unknown(found.symbol)
    one = tick(row, found, ref, limits, bar_channel=scan.batch.bar_channel)
    scan.number(found.symbol)
    return found, one


def _raw(batch: RawBatch, row: int) -> bytes:
    return batch.payload[int(batch.offsets[row]) : int(batch.offsets[row + 1])]


def _rejection(batch: RawBatch, row: int, oversized: OversizedRow | None, error: BadText) -> Rejection:
    return Rejection(
        row=batch.first_row + row,
        reason=error.reason,
        detail=str(error),
        raw=_raw(batch, row)[:RAW_BYTES_MAX],
        dialect=batch.dialect,
        ts_receive=int(batch.ts_receive[row]),
        symbol=batch.symbol,
        spool_ref=oversized.spool_ref if oversized else "",
    )


def _kinds(scan: Scan, slow_kinds: Counter[str]) -> tuple[tuple[str, int], ...]:
    names = scan.layouts.name.take(scan.ids)
    counts = np.bincount(names[~scan.slow]).tolist()
    kinds = {scan.layouts.names[name]: count for name, count in enumerate(counts) if count}
    for kind, count in slow_kinds.items():
        kinds[kind] = kinds.get(kind, 0) + count
    return tuple(sorted(kinds.items()))
