"""Turn a whole raw batch into columns: known rows all at once, the others one by one, with equal results.

A venue brings what its rows mean (`Venue`); this file brings the order of work. First every row's layout is looked up;
then each section's numbers are read as columns; rows that are new, odd or break a rule go to `rows`, which gives the
tick or the reason; at last both are joined in tape order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final, Protocol, TypeAlias

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
from functions.wire.codecs.market import NO_BOOK, NO_CANDLES, NO_QUOTES, NO_TRADES
from functions.wire.venues import merging
from functions.wire.venues.digits import NO_POINT, PAD, BadText, parse, rescale, windows
from functions.wire.venues.layouts import (
    BOOK,
    ID,
    MIXED,
    MORE_IDS,
    PRICES,
    QUOTE,
    SIZES,
    SLOTS,
    SLOW,
    TIME,
    TRADE,
    Form,
    Layout,
    Layouts,
    Style,
    blanked,
    leading_zeros,
)
from functions.wire.venues.levels import Levels, Span, find_levels, no_levels, read_levels, without_levels
from functions.wire.venues.rows import (
    LEVELS_MAX,
    NS_PER_MS,
    BookRow,
    CandleRow,
    IgnoredRow,
    Limits,
    MarketRow,
    QuoteRow,
    Reading,
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
_NOWHERE: Final = np.zeros(0, np.int64)

Instruments: TypeAlias = Mapping[str, InstrumentRef]
"""Reference by venue symbol."""


@dataclass(frozen=True, slots=True)
class Venue:
    """Say what a venue's rows mean.

    Args:
        code: Venue code, the last part of an instrument id.
        read_form: What a form of row means, or None when its rows are read one by one.
        read_row: What one message means; its second argument is the symbol of rows that name none.
        level_marks: What stands before a message's first bid level, and between its bids and asks, by message form.
        unknown: Instrument of a symbol without reference.
    """

    code: str
    read_form: Callable[[Form], Layout | None]
    read_row: Callable[[bytes, str], Reading]
    level_marks: tuple[tuple[bytes, bytes], ...]
    unknown: Callable[[str], InstrumentRef]


@dataclass(slots=True)
class Scan:
    """Hold one batch while it is read; `slow` marks rows that are left to be read one by one."""

    batch: RawBatch
    layouts: Layouts
    venue: Venue
    instruments: Instruments
    skew_ms_max: int
    ids: Int64
    styles: Int64
    spans: dict[int, Span]
    slow: NDArray[np.bool_]
    refs: list[InstrumentRef] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, symbol: str) -> int:
        """Give a symbol's place in the batch's dictionary, adding it when it is new."""
        place = self.numbers.get(symbol)
        if place is None:
            place = self.numbers[symbol] = len(self.refs)
            self.refs.append(self.instruments.get(symbol) or self.venue.unknown(symbol))
        return place


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold what every row's numbers say, whatever its section; a slow row's columns say nothing."""

    kind: Int64
    kinds: frozenset[int]
    instrument: Int64
    price_exponent: int | Int64
    size_exponent: int | Int64
    numbers: Int64  # (slots, n)
    prices: Int64  # (2, n): a trade's price, or bid and ask
    sizes: Int64  # (2, n)
    ts_event: Int64

    def of(self, kind: int) -> Int64:
        """Give the places of the rows of one kind."""
        return np.flatnonzero(self.kind == kind) if kind in self.kinds else _NOWHERE


class Decode(Protocol):
    """Turn a batch of one dialect into ticks, rejections and counts."""

    @property
    def venue(self) -> Venue:
        """Give the venue; its code names the reference the decoder takes."""
        ...

    def __call__(self, batch: RawBatch, instruments: Instruments, *, future_skew_ms_max: int = ...) -> TickBatch:
        """Decode a batch; see `Decoder`."""
        ...


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
        known = _rows(scan)
        trades, quotes, book = _trades(scan, known), _quotes(scan, known), _book(scan, known)
        ticks, rejections, slow_kinds = _read_slowly(scan)
        ts_receive = batch.ts_receive
        trades, quotes, book, candles, refs = merging.renumber(
            (
                merging.merge_rows(trades, ticks[TradeRow], scan.numbers, ts_receive),
                merging.merge_rows(quotes, ticks[QuoteRow], scan.numbers, ts_receive),
                merging.merge_book(book, ticks[BookRow], scan.numbers, ts_receive),
                merging.merge_rows(NO_CANDLES, ticks[CandleRow], scan.numbers, ts_receive),
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
            candles=candles,
            rejections=rejections,
            kinds=_kinds(scan, slow_kinds),
            heartbeat=batch.heartbeat,
            end_of_tape=batch.end_of_tape,
            ts_cut_ns=batch.ts_cut_ns,
        )

    def _scan(self, batch: RawBatch, instruments: Instruments, future_skew_ms_max: int) -> Scan:
        self._layouts.make_room()
        ids, spans = self._find_layouts(batch)
        slow = ids == SLOW
        styles = self._layouts.style.take(ids)
        if not batch.symbol:  # a row that names no symbol has none then
            slow |= self._layouts.nameless.take(ids)
        return Scan(batch, self._layouts, self.venue, instruments, future_skew_ms_max, ids, styles, spans, slow)

    def _find_layouts(self, batch: RawBatch) -> tuple[Int64, dict[int, Span]]:
        blank = blanked(batch.payload)
        offsets = batch.offsets.tolist()
        ids = self._layouts.known(blank, [end - begin for begin, end in pairwise(offsets)])
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
        candles=NO_CANDLES,
        heartbeat=batch.heartbeat,
        end_of_tape=batch.end_of_tape,
        ts_cut_ns=batch.ts_cut_ns,
    )


def _rows(scan: Scan) -> Rows:
    """Read every number of every known row, and leave the rows that break a rule to be read one by one."""
    layouts, ids, batch = scan.layouts, scan.ids, scan.batch
    styles = [layouts.styles[style] for style in np.flatnonzero(np.bincount(scan.styles)).tolist()]
    data = b"".join((_PADDING, batch.payload, b" "))  # the space is where an empty last row begins
    base = batch.offsets[:-1] + np.int64(PAD)
    slots = _slots(styles)
    ends = layouts.end[:slots].take(ids, axis=1)
    ends += base
    numbers = parse(windows(data), ends, layouts.masks(slots, ids))
    checked = layouts.checked[: layouts.checked_most].take(ids, axis=1)
    checked += base
    _leave(scan, leading_zeros(np.frombuffer(data, np.uint8), checked))
    instrument, price_exponent, size_exponent = _instruments(scan, styles)
    price_fraction, size_fraction = _fractions(scan, styles)
    prices, odd_prices = rescale(numbers[PRICES], price_fraction, price_exponent)
    sizes, odd_sizes = rescale(numbers[SIZES], size_fraction, size_exponent)
    for odd in (odd_prices, odd_sizes):
        _leave(scan, None if odd is None else odd[0] | odd[1])
    kinds = frozenset(style.kind for style in styles)
    kind = layouts.kind.take(ids)
    if TRADE in kinds:
        _leave(scan, (kind == TRADE) & ((prices[0] == 0) | (sizes[0] == 0)))
    ts_event = _times(scan, styles, numbers)
    kind[scan.slow] = SLOW
    return Rows(kind, kinds, instrument, price_exponent, size_exponent, numbers, prices, sizes, ts_event)


def _leave(scan: Scan, rows: NDArray[np.bool_] | None) -> None:
    """Leave rows to be read one by one."""
    if rows is not None:
        scan.slow |= rows


def _slots(styles: list[Style]) -> int:
    """Say how many slots these styles fill."""
    if any(style.kind == BOOK for style in styles):
        return SLOTS
    return TIME + 1 if any(style.timed for style in styles) else ID + 1


def _instruments(scan: Scan, styles: list[Style]) -> tuple[Int64, int | Int64, int | Int64]:
    names = {style.symbol or scan.batch.symbol for style in styles if style.kind != SLOW}
    rows = scan.batch.row_count
    if len(names) == 1:
        place = scan.number(names.pop())
        ref = scan.refs[place]
        return np.full(rows, place, np.int64), ref.price_exponent, ref.size_exponent
    # Instruments by style; the column of a slow row says nothing.
    known = scan.layouts.styles
    places = np.zeros(len(known), np.int64)
    for number in np.unique(scan.styles).tolist():
        if known[number].kind != SLOW:
            places[number] = scan.number(known[number].symbol or scan.batch.symbol)
    instrument: Int64 = places.take(scan.styles)
    exponents = np.array([(ref.price_exponent, ref.size_exponent) for ref in scan.refs] or [(0, 0)], np.int64)
    return instrument, exponents[instrument, 0], exponents[instrument, 1]


def _fractions(scan: Scan, styles: list[Style]) -> tuple[int | Int64, int | Int64]:
    prices = {style.price_fraction for style in styles if style.price_fraction is not None}
    sizes = {style.size_fraction for style in styles if style.size_fraction is not None}
    return _fraction(scan, prices, PRICES), _fraction(scan, sizes, SIZES)


def _fraction(scan: Scan, found: set[int], slots: slice) -> int | Int64:
    if not found:
        return NO_POINT
    if len(found) == 1 and MIXED not in found:
        return found.pop()
    return scan.layouts.fraction[slots].take(scan.ids, axis=1)


def _times(scan: Scan, styles: list[Style], numbers: Int64) -> Int64:
    ts_receive = scan.batch.ts_receive
    if not any(style.timed for style in styles):
        return ts_receive
    ts_ms = numbers[TIME]
    _leave(scan, ts_ms > (ts_receive + scan.skew_ms_max * NS_PER_MS) // NS_PER_MS)
    ts_event: Int64 = ts_ms * NS_PER_MS
    if not all(style.timed for style in styles):
        timeless = (scan.layouts.flags.take(scan.ids) & NO_VENUE_TIME) != 0
        np.copyto(ts_event, ts_receive, where=timeless)
    return ts_event


def _where(scan: Scan, rows: Rows, places: Int64) -> dict[str, NDArray[Any]]:
    return {
        "row": places.astype(np.uint32),
        "instrument": rows.instrument[places].astype(np.uint16),
        "ts_event": rows.ts_event[places],
        "ts_receive": scan.batch.ts_receive[places],
    }


def _trades(scan: Scan, rows: Rows) -> Trades:
    places = rows.of(TRADE)
    if not len(places):
        return NO_TRADES
    layout = scan.ids[places]
    return Trades(
        **_where(scan, rows, places),
        price=rows.prices[0][places],
        size=rows.sizes[0][places],
        side=scan.layouts.side.take(layout),
        trade_id=rows.numbers[ID][places].view(np.uint64),
        flags=scan.layouts.flags.take(layout) | _informing(scan, places),
    )


def _informing(scan: Scan, places: Int64) -> NDArray[np.uint8]:
    """Flag the trades of channels that do not feed bars."""
    channel = scan.batch.bar_channel
    by_style = [TRADE_INFORMS_ONLY if channel not in ("", style.name) else 0 for style in scan.layouts.styles]
    return np.array(by_style, np.uint8).take(scan.styles[places])


def _quotes(scan: Scan, rows: Rows) -> Quotes:
    places = rows.of(QUOTE)
    if not len(places):
        return NO_QUOTES
    bid, ask = rows.prices[0][places], rows.prices[1][places]
    flags = scan.layouts.flags.take(scan.ids[places])
    touching = bid >= ask
    if touching.any():
        # A price of 0 says that this side is empty, so there is nothing to cross.
        touching &= ask > 0
        flags[touching] |= np.where(bid > ask, QUOTE_CROSSED, QUOTE_LOCKED).astype(np.uint8)[touching]
    return Quotes(
        **_where(scan, rows, places),
        bid_price=bid,
        bid_size=rows.sizes[0][places],
        ask_price=ask,
        ask_size=rows.sizes[1][places],
        update_id=rows.numbers[ID][places].view(np.uint64),
        flags=flags,
    )


def _book(scan: Scan, rows: Rows) -> Book:
    places = rows.of(BOOK)
    if not len(places):
        return NO_BOOK
    levels = _levels(scan, places)
    price, size, odd = _level_columns(rows, places, levels)
    good = (levels.bids <= LEVELS_MAX) & (levels.asks <= LEVELS_MAX) & ~levels.unread
    if odd is not None:
        good[_messages(levels)[odd]] = False
    if not good.all():
        picked = good[_messages(levels)]
        price, size = price[picked], size[picked]
        scan.slow[places[~good]] = True
        places = places[good]
    return Book(
        **_where(scan, rows, places),
        first_update_id=rows.numbers[MORE_IDS][0][places].view(np.uint64),
        last_update_id=rows.numbers[ID][places].view(np.uint64),
        previous_update_id=rows.numbers[MORE_IDS][1][places].view(np.uint64),
        bids=levels.bids[good].astype(np.uint16),
        asks=levels.asks[good].astype(np.uint16),
        flags=scan.layouts.flags.take(scan.ids[places]),
        checksum=np.zeros(len(places), np.uint32),
        level_price=price,
        level_size=size,
    )


def _messages(levels: Levels) -> Int64:
    """Give the message of each level."""
    return np.arange(len(levels.bids)).repeat(levels.bids + levels.asks)


def _levels(scan: Scan, places: Int64) -> Levels:
    """Read the levels of all messages; where one is odd, read them message by message and leave the odd ones unread."""
    sides = [side for row in places.tolist() for side in _sides(scan, row)]
    levels = read_levels(sides)
    if levels is not None:
        return levels
    pairs = [(bids, asks) for bids, asks in zip(sides[::2], sides[1::2], strict=True)]
    plain = [read_levels([bids, asks]) is not None for bids, asks in pairs]
    kept = [side for pair, is_plain in zip(pairs, plain, strict=True) for side in (pair if is_plain else (b"", b""))]
    return replace(read_levels(kept) or no_levels(len(pairs)), unread=~np.array(plain, np.bool_))


def _level_columns(rows: Rows, places: Int64, levels: Levels) -> tuple[Int64, Int64, NDArray[np.bool_] | None]:
    counts = levels.bids + levels.asks
    columns: list[Int64] = []
    odd: NDArray[np.bool_] | None = None
    for side, exponent in enumerate((rows.price_exponent, rows.size_exponent)):
        fraction = levels.fraction[side]
        alike = len(fraction) > 0 and bool((fraction == fraction[0]).all())
        column, bad_levels = rescale(
            levels.values[side],
            int(fraction[0]) if alike else fraction,
            exponent if isinstance(exponent, int) else exponent[places].repeat(counts),
        )
        columns.append(column)
        odd = bad_levels if odd is None else odd if bad_levels is None else odd | bad_levels
    return columns[0], columns[1], odd


def _sides(scan: Scan, row: int) -> tuple[bytes, bytes]:
    span = scan.spans.get(row)
    if span is None:
        return b"", b""
    payload = scan.batch.payload
    return payload[span[0] : span[1]], payload[span[2] : span[3]]


def _read_slowly(
    scan: Scan,
) -> tuple[dict[type[MarketRow], list[Tick]], tuple[Rejection, ...], dict[str, int]]:
    ticks: dict[type[MarketRow], list[Tick]] = {TradeRow: [], QuoteRow: [], BookRow: [], CandleRow: []}
    rejections: list[Rejection] = []
    kinds: dict[str, int] = {}
    oversized = {row.index: row for row in scan.batch.oversized}
    for row in np.flatnonzero(scan.slow).tolist():
        limits = Limits(int(scan.batch.ts_receive[row]), scan.skew_ms_max)
        try:
            kind, found = _read_row(scan, row, oversized.get(row), limits)
        except BadText as error:
            kinds[REJECTED] = kinds.get(REJECTED, 0) + 1
            rejections.append(_rejection(scan.batch, row, oversized.get(row), error))
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        for read, one in found:
            ticks[type(read)].append(one)
    return ticks, tuple(rejections), kinds


def _read_row(
    scan: Scan, row: int, oversized: OversizedRow | None, limits: Limits
) -> tuple[str, list[tuple[MarketRow, Tick]]]:
    """Give a message's kind and its ticks; one bad row refuses the whole message."""
    if oversized is not None:
        detail = f"the row has {oversized.length} bytes, sha256 {oversized.sha256.hex()}; its bytes stay in the spool"
        reason = "oversized"
        raise bad(reason, detail)
    found = scan.venue.read_row(_raw(scan.batch, row), scan.batch.symbol)
    if isinstance(found, IgnoredRow):
        return found.kind, []
    several = found if isinstance(found, tuple) else (found,)
    ticks = [(read, _tick(scan, row, read, limits)) for read in several]
    for read in several:
        scan.number(read.symbol)
    return several[0].kind, ticks


def _tick(scan: Scan, row: int, read: MarketRow, limits: Limits) -> Tick:
    ref = scan.instruments.get(read.symbol) or scan.venue.unknown(read.symbol)
    return tick(row, read, ref, limits, bar_channel=scan.batch.bar_channel)


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


def _kinds(scan: Scan, slow_kinds: dict[str, int]) -> tuple[tuple[str, int], ...]:
    counts = np.bincount(scan.styles[~scan.slow]).tolist()
    kinds = dict(slow_kinds)
    for style, count in zip(scan.layouts.styles, counts, strict=False):  # counts end with the last style there is
        if count:
            kinds[style.name] = kinds.get(style.name, 0) + count
    return tuple(sorted(kinds.items()))
