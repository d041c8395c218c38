"""Turn a whole raw batch into columns: known rows all at once, the others one by one, with equal results.

A venue brings what its rows mean (`Venue`); this file brings the order of work. First every row's layout is looked up;
then each section's numbers are read as columns; rows that are new, odd or break a rule go to `rows`, which gives the
tick or the reason; at last both are joined in tape order.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import (
    NO_VENUE_TIME,
    QUOTE_CROSSED,
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
from functions.wire.codecs.market import NO_BOOK, NO_QUOTES, NO_TRADES
from functions.wire.venues import merging
from functions.wire.venues.digits import PAD, BadText, parse, rescale, windows
from functions.wire.venues.layouts import (
    BOOK,
    FORM_BYTES_MAX,
    QUOTE,
    SLOW,
    TRADE,
    Form,
    Layout,
    Layouts,
    Style,
    blanked,
    leading_zeros,
)
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
_DECIMALS: Final = {TRADE: 2, QUOTE: 4, BOOK: 0}
_IDS: Final = {TRADE: 1, QUOTE: 1, BOOK: 3}

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
            slow |= self._layouts.nameless.take(ids)
        checked = self._layouts.checked[: self._layouts.checked_most]
        slow |= leading_zeros(np.frombuffer(data, np.uint8), checked.take(ids, axis=1) + base)
        skew_ns = future_skew_ms_max * NS_PER_MS
        return Scan(batch, self._layouts, self.venue, instruments, skew_ns, ids, slow, base, windows(data), spans)

    def _find_layouts(self, batch: RawBatch) -> tuple[Int64, dict[int, Span]]:
        blank = blanked(batch.payload)
        offsets = batch.offsets.tolist()
        get = self._layouts.ids.get
        ids = np.array([get(blank[a:b], -1) if b - a <= FORM_BYTES_MAX else -1 for a, b in pairwise(offsets)], np.int64)
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
    """Rows of one section, with all that is read alike whatever the section."""

    rows: Int64
    layout: Int64
    style: Style | None  # what all rows share; None when they do not
    values: Int64  # (decimals + ids, n) digits: prices, sizes, ids
    instrument: Int64
    price_exponent: int | Int64
    size_exponent: int | Int64
    ts_event: Int64
    ts_receive: Int64
    late: NDArray[np.bool_] | None  # rows whose venue time is too far ahead, if there are any


def _group(scan: Scan, kind: int, rows: Int64) -> Group:
    layouts, layout = scan.layouts, scan.ids[rows]
    styles = layouts.style.take(layout)
    alike = bool((styles == styles[0]).all())
    style = layouts.styles[int(styles[0])] if alike else None
    instrument, price_exponent, size_exponent = _instruments(scan, styles, alike=alike)
    slots = _DECIMALS[kind] + _IDS[kind] + (style is None or style.timed)
    ends = layouts.end[:slots].take(layout, axis=1)
    ends += scan.base[rows]
    values = parse(scan.view, ends, layouts.masks(slots, layout))
    ts_receive = scan.batch.ts_receive[rows]
    if style is not None and not style.timed:
        ts_event, late = ts_receive, None
    else:
        ts_event, late = _times(scan, layout, values[-1], ts_receive)
    return Group(rows, layout, style, values, instrument, price_exponent, size_exponent, ts_event, ts_receive, late)


def _times(scan: Scan, layout: Int64, ts_ms: Int64, ts_receive: Int64) -> tuple[Int64, NDArray[np.bool_] | None]:
    late = ts_ms > (ts_receive + scan.skew_ns) // NS_PER_MS
    ts_event = ts_ms * NS_PER_MS
    timeless = (scan.layouts.flags.take(layout) & NO_VENUE_TIME) != 0
    if timeless.any():
        ts_event[timeless] = ts_receive[timeless]
    return ts_event, late if late.any() else None


def _instruments(scan: Scan, styles: Int64, *, alike: bool) -> tuple[Int64, int | Int64, int | Int64]:
    known = scan.layouts.styles
    if alike:
        place = scan.number(known[int(styles[0])].symbol or scan.batch.symbol)
        ref = scan.refs[place]
        return np.full(len(styles), place, np.int64), ref.price_exponent, ref.size_exponent
    found, which = np.unique(styles, return_inverse=True)
    places = [scan.number(known[style].symbol or scan.batch.symbol) for style in found.tolist()]
    instrument = np.array(places, np.int64)[which]
    exponents = np.array([(ref.price_exponent, ref.size_exponent) for ref in scan.refs], np.int64)
    return instrument, exponents[instrument, 0], exponents[instrument, 1]


def _decimals(scan: Scan, group: Group, each: int) -> tuple[Int64, Int64, NDArray[np.bool_] | None]:
    """Give prices and sizes, (each, n), and the rows to leave, if there are any."""
    price_fraction = group.style.price_fraction if group.style else None
    size_fraction = group.style.size_fraction if group.style else None
    fraction = scan.layouts.fraction
    prices, odd = rescale(
        group.values[:each],
        fraction[:each].take(group.layout, axis=1) if price_fraction is None else price_fraction,
        group.price_exponent,
    )
    sizes, odder = rescale(
        group.values[each : 2 * each],
        fraction[each : 2 * each].take(group.layout, axis=1) if size_fraction is None else size_fraction,
        group.size_exponent,
    )
    left = [flags.any(axis=0) for flags in (odd, odder) if flags is not None]
    if group.late is not None:
        left.append(group.late)
    return prices, sizes, np.logical_or.reduce(left) if left else None


def _kept(scan: Scan, group: Group, left: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """Leave rows to be read one by one; say which are kept, None for all."""
    if left is None or not left.any():
        return None
    scan.slow[group.rows[left]] = True
    return ~left


def _columns(group: Group, kept: NDArray[np.bool_] | None, **more: NDArray[Any]) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {
        "row": group.rows.astype(np.uint32),
        "instrument": group.instrument.astype(np.uint16),
        "ts_event": group.ts_event,
        "ts_receive": group.ts_receive,
        **more,
    }
    return columns if kept is None else {name: column[kept] for name, column in columns.items()}


def _trades(scan: Scan, rows: Int64) -> Trades:
    if not len(rows):
        return NO_TRADES
    group = _group(scan, TRADE, rows)
    prices, sizes, left = _decimals(scan, group, 1)
    price, size = prices[0], sizes[0]
    empty = (price == 0) | (size == 0)
    kept = _kept(scan, group, empty if left is None else left | empty)
    flags, channel = scan.layouts.flags.take(group.layout), scan.batch.bar_channel
    if channel:
        bars = scan.layouts.names.index(channel) if channel in scan.layouts.names else -1
        flags |= (scan.layouts.name.take(group.layout) != bars).view(np.uint8) * np.uint8(TRADE_INFORMS_ONLY)
    return Trades(
        **_columns(
            group,
            kept,
            price=price,
            size=size,
            side=scan.layouts.side.take(group.layout),
            trade_id=group.values[2].view(np.uint64),
            flags=flags,
        )
    )


def _quotes(scan: Scan, rows: Int64) -> Quotes:
    if not len(rows):
        return NO_QUOTES
    group = _group(scan, QUOTE, rows)
    prices, sizes, left = _decimals(scan, group, 2)
    bid, ask = prices
    flags = scan.layouts.flags.take(group.layout)
    touching = bid >= ask
    if touching.any():
        # A price of 0 says that this side is empty, so there is nothing to cross.
        touching &= ask > 0
        flags[touching] |= np.where(bid > ask, QUOTE_CROSSED, QUOTE_LOCKED).astype(np.uint8)[touching]
    return Quotes(
        **_columns(
            group,
            _kept(scan, group, left),
            bid_price=bid,
            bid_size=sizes[0],
            ask_price=ask,
            ask_size=sizes[1],
            update_id=group.values[4].view(np.uint64),
            flags=flags,
        )
    )


def _book(scan: Scan, rows: Int64) -> Book:
    if not len(rows):
        return NO_BOOK
    sides = [side for row in rows.tolist() for side in _sides(scan, row)]
    levels = read_levels(sides)
    if levels is None:
        return _book_without_odd_rows(scan, rows, sides)
    group = _group(scan, BOOK, rows)
    price, size, odd = _level_columns(group, levels)
    counts = levels.bids + levels.asks
    message = np.arange(len(rows)).repeat(counts)
    left = (levels.bids > LEVELS_MAX) | (levels.asks > LEVELS_MAX)
    if group.late is not None:
        left |= group.late
    if odd is not None:
        left[message[odd]] = True
    kept = _kept(scan, group, left)
    picked = slice(None) if kept is None else kept[message]
    return Book(
        **_columns(
            group,
            kept,
            first_update_id=group.values[0].view(np.uint64),
            last_update_id=group.values[1].view(np.uint64),
            previous_update_id=group.values[2].view(np.uint64),
            bids=levels.bids.astype(np.uint16),
            asks=levels.asks.astype(np.uint16),
            flags=scan.layouts.flags.take(group.layout),
        ),
        level_price=price[picked],
        level_size=size[picked],
    )


def _level_columns(group: Group, levels: Levels) -> tuple[Int64, Int64, NDArray[np.bool_] | None]:
    counts = levels.bids + levels.asks
    columns: list[Int64] = []
    odd: NDArray[np.bool_] | None = None
    for side, exponent in enumerate((group.price_exponent, group.size_exponent)):
        fraction = levels.fraction[side]
        alike = bool((fraction == fraction[:1]).all()) and len(fraction) > 0
        column, bad = rescale(
            levels.values[side],
            int(fraction[0]) if alike else fraction,
            exponent if isinstance(exponent, int) else exponent.repeat(counts),
        )
        columns.append(column)
        odd = bad if odd is None else odd if bad is None else odd | bad
    return columns[0], columns[1], odd


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
