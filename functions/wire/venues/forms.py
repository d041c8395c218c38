"""Read the rows of a batch whose forms are known, all at once: a fast path for venues whose rows repeat a few forms.

First every row's layout is looked up, then each section's numbers are read as columns; rows that are new, odd or break
a rule are left to be read one by one.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import (
    NO_VENUE_TIME,
    QUOTE_CROSSED,
    QUOTE_LOCKED,
    TRADE_INFORMS_ONLY,
    Book,
    Int64,
    Quotes,
    Trades,
)
from functions.wire.codecs.market import NO_BOOK, NO_QUOTES, NO_TRADES
from functions.wire.venues.digits import NO_POINT, PAD, parse, rescale, windows
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
    Layouts,
    Style,
    blanked,
    leading_zeros,
)
from functions.wire.venues.levels import Levels, Span, find_levels, no_levels, read_levels, without_levels
from functions.wire.venues.rows import LEVELS_MAX, NS_PER_MS
from functions.wire.venues.work import Found, Venue, Work

_PADDING: Final = b" " * PAD
_NOWHERE: Final = np.zeros(0, np.int64)


@dataclass(slots=True)
class Scan:
    """Hold one batch with the layout of each row, its style, and where its levels stand."""

    work: Work
    layouts: Layouts
    ids: Int64
    styles: Int64
    spans: dict[int, Span]


class Forms:
    """Read rows by their forms; what it remembers between batches only saves time."""

    def __init__(self, venue: Venue) -> None:
        """Start with an empty memory of row forms."""
        self._marks = venue.level_marks
        self._layouts = Layouts(venue.read_form)

    def __call__(self, work: Work) -> Found:
        """Read what is plain, and leave the rest in `work.slow`."""
        scan = self._scan(work)
        known = _rows(scan)
        trades, quotes, book = _trades(scan, known), _quotes(scan, known), _book(scan, known)
        return Found(trades, quotes, book, _kinds(scan))

    def _scan(self, work: Work) -> Scan:
        self._layouts.make_room()
        ids, spans = self._find_layouts(work)
        work.slow = ids == SLOW
        if not work.batch.symbol:  # a row that names no symbol has none then
            work.leave(self._layouts.nameless.take(ids))
        return Scan(work, self._layouts, ids, self._layouts.style.take(ids), spans)

    def _find_layouts(self, work: Work) -> tuple[Int64, dict[int, Span]]:
        batch = work.batch
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
        for marks in self._marks:
            span = find_levels(blank, begin, end, marks)
            if span is not None:
                return self._layouts.find(without_levels(blank, begin, end, span)), span
        return self._layouts.find(blank[begin:end]), None


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


def _rows(scan: Scan) -> Rows:
    """Read every number of every known row, and leave the rows that break a rule to be read one by one."""
    layouts, ids, batch = scan.layouts, scan.ids, scan.work.batch
    styles = [layouts.styles[style] for style in np.flatnonzero(np.bincount(scan.styles)).tolist()]
    data = b"".join((_PADDING, batch.payload, b" "))  # the space is where an empty last row begins
    base = batch.offsets[:-1] + np.int64(PAD)
    slots = _slots(styles)
    ends = layouts.end[:slots].take(ids, axis=1)
    ends += base
    numbers = parse(windows(data), ends, layouts.masks(slots, ids))
    checked = layouts.checked[: layouts.checked_most].take(ids, axis=1)
    checked += base
    scan.work.leave(leading_zeros(np.frombuffer(data, np.uint8), checked))
    instrument, price_exponent, size_exponent = _instruments(scan, styles)
    price_fraction, size_fraction = _fractions(scan, styles)
    prices, odd_prices = rescale(numbers[PRICES], price_fraction, price_exponent)
    sizes, odd_sizes = rescale(numbers[SIZES], size_fraction, size_exponent)
    for odd in (odd_prices, odd_sizes):
        scan.work.leave(None if odd is None else odd[0] | odd[1])
    kinds = frozenset(style.kind for style in styles)
    kind = layouts.kind.take(ids)
    if TRADE in kinds:
        scan.work.leave((kind == TRADE) & ((prices[0] == 0) | (sizes[0] == 0)))
    ts_event = _times(scan, styles, numbers)
    kind[scan.work.slow] = SLOW
    return Rows(kind, kinds, instrument, price_exponent, size_exponent, numbers, prices, sizes, ts_event)


def _slots(styles: list[Style]) -> int:
    """Say how many slots these styles fill."""
    if any(style.kind == BOOK for style in styles):
        return SLOTS
    return TIME + 1 if any(style.timed for style in styles) else ID + 1


def _instruments(scan: Scan, styles: list[Style]) -> tuple[Int64, int | Int64, int | Int64]:
    names = {style.symbol or scan.work.batch.symbol for style in styles if style.kind != SLOW}
    rows = scan.work.batch.row_count
    if len(names) == 1:
        place = scan.work.number(names.pop())
        ref = scan.work.refs[place]
        return np.full(rows, place, np.int64), ref.price_exponent, ref.size_exponent
    # Instruments by style; the column of a slow row says nothing.
    known = scan.layouts.styles
    places = np.zeros(len(known), np.int64)
    for number in np.unique(scan.styles).tolist():
        if known[number].kind != SLOW:
            places[number] = scan.work.number(known[number].symbol or scan.work.batch.symbol)
    instrument: Int64 = places.take(scan.styles)
    exponents = np.array([(ref.price_exponent, ref.size_exponent) for ref in scan.work.refs] or [(0, 0)], np.int64)
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
    ts_receive = scan.work.batch.ts_receive
    if not any(style.timed for style in styles):
        return ts_receive
    ts_ms = numbers[TIME]
    scan.work.leave(ts_ms > (ts_receive + scan.work.skew_ms_max * NS_PER_MS) // NS_PER_MS)
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
        "ts_receive": scan.work.batch.ts_receive[places],
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
    channel = scan.work.batch.bar_channel
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
        scan.work.slow[places[~good]] = True
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
    payload = scan.work.batch.payload
    return payload[span[0] : span[1]], payload[span[2] : span[3]]


def _kinds(scan: Scan) -> dict[str, int]:
    counts = np.bincount(scan.styles[~scan.work.slow]).tolist()
    kinds: dict[str, int] = {}
    for style, count in zip(scan.layouts.styles, counts, strict=False):  # counts end with the last style there is
        if count:
            kinds[style.name] = kinds.get(style.name, 0) + count
    return kinds
