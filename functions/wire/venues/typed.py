"""Read the rows of a batch whose shapes are known, field by field into columns: a fast path for venues that write JSON.

A venue says which shapes its rows have (msgspec types, strict, numbers as text) and, for each shape, what it says: a
few lines that append a print, a quote or a book message to `Taken`. Then all prices, sizes and times are read as
columns. A row that has no such shape, or breaks a rule anywhere, is left to the venue's `read_row`, whole.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress, pairwise
from typing import Annotated, Any, Final, TypeAlias

import msgspec
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
    UInt8,
    UInt64,
)
from functions.wire.codecs.market import NO_BOOK, NO_QUOTES, NO_TRADES
from functions.wire.venues.digits import INT64_MAX, BadText, exact
from functions.wire.venues.rows import ID_DIGITS_MAX, LEVELS_MAX, NS_PER_MS, symbol
from functions.wire.venues.times import Clock
from functions.wire.venues.work import Found, Work

Bools: TypeAlias = NDArray[np.bool_]
WholeNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)]
"""A whole number that is never negative and fits int64, as `rows.whole` wants it."""

ODD: Final = (
    *(msgspec.DecodeError, RecursionError, BadText),
    *(AttributeError, IndexError, KeyError, TypeError, ValueError),
)
"""What says that a row has none of the shapes a venue knows; a shape's reader may raise them too."""
NAMELESS: Final = -1
"""Place of a symbol that is none."""
NUMBER_DIGITS_MAX: Final = 4300
"""Digits of a number that Python reads; `int` refuses longer ones."""
_LONG_NUMBER: Final = re.compile(rb"[0-9]{%d}" % (NUMBER_DIGITS_MAX + 1)).search
_ROW, _KIND, _SYMBOL, _TIME = range(4)
_VISIBLE: Final = ord(" ")

Time: TypeAlias = str | int | None
"""A time as the dialect's clock reads it; None where the venue tells none."""
Figure: TypeAlias = str | int
"""A price or size: a number's text, or a whole number itself."""
Print: TypeAlias = tuple[int, str, str, Time, Figure, Figure, int, int, int]
"""A print: row, kind, symbol, time, price, size, aggressor side, id, flags."""
BestQuote: TypeAlias = tuple[int, str, str, Time, Figure, Figure, Figure, Figure, int]
"""A best bid and offer: row, kind, symbol, time, bid price and size, ask price and size, update id."""
Message: TypeAlias = tuple[int, str, str, Time, int, Sequence[Figure], Sequence[Figure], int, int]
"""A book message of a venue that numbers none: row, kind, symbol, time, number of bid levels; prices and sizes of the
bid levels, then of the ask levels; flags, checksum."""


@dataclass(slots=True)
class Taken:
    """Hold what was read of a batch so far. A reader appends once, at its end, so that a row is taken whole or not."""

    trades: list[Print] = field(default_factory=list)
    quotes: list[BestQuote] = field(default_factory=list)
    book: list[Message] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Typed:
    """Read a dialect's rows by their shapes.

    Args:
        decode: Reads a row of any of its shapes, see `shapes`.
        readers: What a row of each shape says: it is told where to append, the row's index and its content.
        clock: How the dialect writes its times.
        name: Gives the symbol that a symbol as written stands for.
    """

    decode: Callable[[bytes], object]
    readers: Mapping[type, Callable[[Taken, int, Any], None]]
    clock: Clock
    name: Callable[[str], str] = str

    def __call__(self, work: Work) -> Found:
        """Read what is plain, and leave the rest in `work.slow`."""
        taken, left = self._take(work), int(np.count_nonzero(work.slow))
        told = [tuple(zip(*part, strict=True)) for part in (taken.trades, taken.quotes, taken.book)]
        if not any(told):
            return Found(NO_TRADES, NO_QUOTES, NO_BOOK, {})
        entries = _entries(work, told, self.clock, self.name)
        values = _values(work, told, entries)
        trades, quotes, book = told
        keep = _settled(work, entries, values)
        return Found(
            _trades(work, trades, entries, keep, values),
            _quotes(work, quotes, entries, keep, values),
            _book(work, book, entries, keep, values),
            _kinds(left - int(np.count_nonzero(work.slow)), _each(told, _KIND), entries, keep),
        )

    def _take(self, work: Work) -> Taken:
        taken, decode, readers = Taken(), self.decode, self.readers
        for row, raw in _plain_rows(work):
            try:
                content = decode(raw)
                readers[type(content)](taken, row, content)
            except ODD:
                continue
        return taken


def shapes(union: object) -> Callable[[bytes], object]:
    """Make the decoder of a venue's shapes; a JSON number in a field of type Any stays the text it was.

    Args:
        union: Type of a row, such as a union of tagged structs.
    """
    return msgspec.json.Decoder(union, float_hook=str).decode


def number(text: str) -> int:
    """Read an id that is written as a text of digits, as `rows.numbered` does.

    Raises:
        ValueError: It is no such text.
    """
    if not text.isdigit() or len(text) > ID_DIGITS_MAX:
        raise ValueError(text)
    return int(text)


def _plain_rows(work: Work) -> Iterable[tuple[int, bytes]]:
    """Give the rows at hand that are visible ASCII without escapes: about anything else readings of JSON may differ."""
    batch = work.batch
    payload = batch.payload
    offsets = batch.offsets.tolist()
    if not work.slow.all():
        places = np.flatnonzero(work.slow).tolist()
        numbered: Iterable[tuple[int, bytes]] = [(row, payload[offsets[row] : offsets[row + 1]]) for row in places]
    else:
        numbered = enumerate([payload[begin:end] for begin, end in pairwise(offsets)])
    if not is_plain(payload) or batch.oversized or int(np.diff(batch.offsets).max(initial=0)) > NUMBER_DIGITS_MAX:
        oversized = {row.index for row in batch.oversized}
        return [(row, raw) for row, raw in numbered if row not in oversized and is_plain(raw) and _is_short(raw)]
    return numbered


def _is_short(raw: bytes) -> bool:
    """Say whether no number is longer than Python reads: a shape passes over fields that `read_row` has to read."""
    return len(raw) <= NUMBER_DIGITS_MAX or _LONG_NUMBER(raw) is None


def is_plain(text: bytes) -> bool:
    """Say whether a text is visible ASCII without escapes."""
    return (
        b"\x7f" not in text
        and text.isascii()
        and b"\\" not in text
        and int(np.frombuffer(text, np.uint8).min(initial=255)) >= _VISIBLE
    )


Told: TypeAlias = Sequence[tuple[Any, ...]]
"""Prints, quotes and book messages, each as columns of what the readers appended; () where there is none."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Hold e prints, quotes and book messages, one after the other; `odd` ones break a rule."""

    row: Int64
    instrument: Int64
    ts_event: Int64
    timed: Bools
    odd: Bools
    trades: int
    quotes: int


@dataclass(frozen=True, slots=True)
class Values:
    """Hold v prices and sizes: those of prints, then bids and asks of quotes, then levels of book messages."""

    price: Int64
    size: Int64
    odd: Bools
    owner: Int64  # (v,) its entry
    bids: Int64  # (messages,)
    levels: Int64  # (messages,)


def _count(part: tuple[Any, ...]) -> int:
    return len(part[0]) if part else 0


def _each(told: Told, column: int) -> Iterable[Any]:
    return chain.from_iterable(part[column] for part in told if part)


def _entries(work: Work, told: Told, clock: Clock, name: Callable[[str], str]) -> Entries:
    row = _whole(_each(told, _ROW))
    symbols = list(_each(told, _SYMBOL))
    instrument = _chosen(symbols, {one: place(work, name(one)) for one in dict.fromkeys(symbols)})
    texts = list(_each(told, _TIME))
    ts_receive = work.batch.ts_receive[row]
    odd = instrument == NAMELESS
    if all(texts):  # no None; what else is false goes the longer way
        timed = np.ones(len(texts), np.bool_)
        ts_event, odd_times = clock(texts, work.loops)
        odd |= odd_times
    else:
        timed = np.array([one is not None for one in texts], np.bool_)
        ts_event = ts_receive.copy()
        if timed.any():
            ts_event[timed], odd_times = clock([one for one in texts if one is not None], work.loops)
            odd[timed] |= odd_times
    odd |= ts_event > ts_receive + work.skew_ms_max * NS_PER_MS
    return Entries(row, instrument, ts_event, timed, odd, *map(_count, told[:2]))


def _whole(numbers: Iterable[int]) -> Int64:
    return np.fromiter(numbers, np.int64)


def _chosen(keys: Sequence[str], values: Mapping[str, int]) -> Int64:
    """Make a column of what keys stand for; most batches have but one."""
    if len(values) == 1:
        return np.full(len(keys), next(iter(values.values())), np.int64)
    return _whole(map(values.__getitem__, keys))


def place(work: Work, name: str) -> int:
    """Give a symbol's place in the batch's dictionary, NAMELESS when it is no symbol."""
    try:
        return work.number(symbol({"": name}, ""))
    except BadText:
        return NAMELESS


def _values(work: Work, told: Told, entries: Entries) -> Values:
    trades, quotes, book = told
    first, behind = entries.trades, entries.trades + entries.quotes
    prices, sizes, owners = list(trades[4:5]), list(trades[5:6]), [np.arange(first)]
    if quotes:
        prices, sizes = [*prices, quotes[4], quotes[6]], [*sizes, quotes[5], quotes[7]]
        owners += [np.arange(first, behind)] * 2
    levels = _whole(map(len, book[5]) if book else ())
    if book:
        prices, sizes = [*prices, *book[5]], [*sizes, *book[6]]
        owners.append(np.arange(behind, len(entries.row)).repeat(levels))
    owner = np.concatenate(owners)
    units = np.array([(ref.price_exponent, ref.size_exponent) for ref in work.refs] or [(0, 0)], np.int64)
    found, odd = exact(list(chain(*prices, *sizes)), units.T[:, entries.instrument[owner]].reshape(-1), work.loops)
    price, size = found.reshape(2, -1)
    odd_price, odd_size = odd.reshape(2, -1)
    bids = _whole(book[4] if book else ())
    return Values(price, size, odd_price | odd_size, owner, bids, levels)


def _settled(work: Work, entries: Entries, values: Values) -> Bools:
    """Say which entries are good, and leave the rows of the others whole."""
    odd, prints = entries.odd, entries.trades
    if values.odd.any():
        odd[values.owner[values.odd]] = True
    odd[:prints] |= (values.price[:prints] == 0) | (values.size[:prints] == 0)
    odd[len(odd) - len(values.levels) :] |= np.maximum(values.bids, values.levels - values.bids) > LEVELS_MAX
    if not odd.any():
        work.slow[entries.row] = False
        return ~odd
    bad = np.zeros(len(work.slow), np.bool_)
    bad[entries.row[odd]] = True
    keep = ~bad[entries.row]
    work.slow[entries.row[keep]] = False
    return keep


def _kinds(rows: int, kinds: Iterable[str], entries: Entries, keep: Bools) -> dict[str, int]:
    """Count the rows that were taken by kind."""
    if rows != len(keep):  # some row says several things, or something odd
        counted = compress(zip(entries.row.tolist(), kinds, strict=True), keep.tolist())
        # A row that says several things counts as the first, so the first of a row is put last.
        kinds = dict(reversed(list(counted))).values()
    return dict(Counter(kinds))


def _good(keep: Bools) -> slice | Int64:
    """Give the good ones of a section's entries: all of them as a slice, which costs no copy."""
    return slice(None) if keep.all() else np.flatnonzero(keep)


def _where(work: Work, entries: Entries, section: slice, good: slice | Int64) -> dict[str, NDArray[Any]]:
    row = entries.row[section][good]
    return {
        "row": row.astype(np.uint32),
        "instrument": entries.instrument[section][good].astype(np.uint16),
        "ts_event": entries.ts_event[section][good],
        "ts_receive": work.batch.ts_receive[row],
    }


def _small(numbers: Sequence[int]) -> UInt8:
    """Make a column of numbers that fit a byte, several times faster than numpy reads them one by one."""
    return np.frombuffer(bytes(numbers), np.uint8)


def _ids(numbers: Sequence[int]) -> UInt64:
    return _whole(numbers).view(np.uint64)


def _trades(work: Work, part: tuple[Any, ...], entries: Entries, keep: Bools, values: Values) -> Trades:
    section = slice(entries.trades)
    if not keep[section].any():
        return NO_TRADES
    good = _good(keep[section])
    channel = work.batch.bar_channel
    flags = _small(part[8])
    if channel:
        informing = {kind: TRADE_INFORMS_ONLY if channel != kind else 0 for kind in dict.fromkeys(part[_KIND])}
        flags = flags | _chosen(part[_KIND], informing).astype(np.uint8)
    return Trades(
        **_where(work, entries, section, good),
        price=values.price[section][good],
        size=values.size[section][good],
        side=_small(part[6])[good],
        trade_id=_ids(part[7])[good],
        flags=flags[good],
    )


def _timeless(entries: Entries, section: slice, good: slice | Int64) -> UInt8:
    """Flag the entries whose venue tells no time."""
    return np.where(entries.timed[section][good], 0, NO_VENUE_TIME).astype(np.uint8)


def _quotes(work: Work, part: tuple[Any, ...], entries: Entries, keep: Bools, values: Values) -> Quotes:
    before, behind = entries.trades, entries.trades + entries.quotes
    section, asks = slice(before, behind), slice(behind, behind + entries.quotes)
    if not keep[section].any():
        return NO_QUOTES
    good = _good(keep[section])
    bid, ask = values.price[section][good], values.price[asks][good]
    flags = _timeless(entries, section, good)
    touching = bid >= ask
    if touching.any():
        # A price of 0 says that this side is empty, so there is nothing to cross.
        touching &= ask > 0
        flags[touching] |= np.where(bid > ask, QUOTE_CROSSED, QUOTE_LOCKED).astype(np.uint8)[touching]
    return Quotes(
        **_where(work, entries, section, good),
        bid_price=bid,
        bid_size=values.size[section][good],
        ask_price=ask,
        ask_size=values.size[asks][good],
        update_id=_ids(part[8])[good],
        flags=flags,
    )


def _book(work: Work, part: tuple[Any, ...], entries: Entries, keep: Bools, values: Values) -> Book:
    section = slice(entries.trades + entries.quotes, len(keep))
    if not keep[section].any():
        return NO_BOOK
    good = _good(keep[section])
    bids, levels = values.bids[good], values.levels[good]
    first = entries.trades + 2 * entries.quotes  # behind the prices of prints and quotes
    kept = slice(first, None) if isinstance(good, slice) else np.flatnonzero(keep[values.owner[first:]]) + first
    none = np.zeros(len(bids), np.uint64)
    return Book(
        **_where(work, entries, section, good),
        first_update_id=none,
        last_update_id=none,
        previous_update_id=none,
        bids=bids.astype(np.uint16),
        asks=(levels - bids).astype(np.uint16),
        flags=_small(part[7])[good] | _timeless(entries, section, good),
        checksum=_whole(part[8]).astype(np.uint32)[good],
        level_price=values.price[kept],
        level_size=values.size[kept],
    )
