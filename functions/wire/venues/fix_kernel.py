"""Scan FIX 4.4 market data byte by byte: what every plain W and X tells, and a zero for every row that is not plain.

Loops over arrays only, so they run plain or compiled with the same results. A row is plain when it is a whole message
with SOH between its fields, right length and sum, no data fields, and values in their common form: decimals of at most
18 digits, times of at most nanoseconds after 1970, visible ASCII symbols.
Everything else keeps kind 0 and is read by `fix`, which is the authority; a kernel never rejects.
"""

from typing import Final, TypeAlias

from functions.domain.market import (
    BOOK_SNAPSHOT,
    BOOK_WITHOUT_IDS,
    NO_VENUE_TIME,
    QUOTE_CROSSED,
    QUOTE_LOCKED,
    SIDE_BUY,
    SIDE_SELL,
    SIDE_UNKNOWN,
    TRADE_CANCEL,
    TRADE_CORRECTION,
    TRADE_INFORMS_ONLY,
    TRADE_WITHOUT_ID,
    Int64,
    UInt8,
    UInt16,
    UInt32,
)

Batch: TypeAlias = tuple[UInt8, UInt32, Int64, Int64]
Room: TypeAlias = tuple[Int64, Int64, Int64]
Symbols: TypeAlias = tuple[Int64, UInt16]
Notes: TypeAlias = tuple[Int64, Int64, UInt8]
Sections: TypeAlias = tuple[Int64, Int64, Int64, Int64]

# A call hands over seven words for each array, which costs more than what these do.
INLINED: Final = frozenset(
    (
        *("_body", "_is_sealed", "_kind", "_field", "_is_announced", "_note", "_power", "_decimal"),
        *("_scaled", "_fit", "_byte", "_two", "_clock", "_date", "_stamp", "_nearest", "_time"),
        *("_number", "_intern", "_group", "_link", "_trade", "_level"),
    )
)

NOT_PLAIN, SNAPSHOT, INCREMENTAL = range(3)
TRADES, QUOTES, BOOKS, LEVELS, SYMBOLS, COUNTS = range(6)
ROW, SYMBOL, TIME, PRICE, PRICE_FRACTION, SIZE, SIZE_FRACTION = range(7)
SIDE, ID, FLAGS, TRADE_COLUMNS = range(7, 11)
ASK, ASK_FRACTION, ASK_SIZE, ASK_SIZE_FRACTION, QUOTE_FLAGS, QUOTE_COLUMNS = range(7, 13)
BIDS, ASKS, BOOK_FLAGS, BOOK_COLUMNS = range(3, 7)
LEVEL_COLUMNS: Final = 7

# Places of the fields that count: those of the entry at hand, then those of the message.
NO_SLOT, KIND, ACTION, NAME, AT_PRICE, AT_SIZE, DATE, CLOCK, TRANSACT = range(9)
NUMBER, AGGRESSOR, MAKER, ORDER, POSITION, DEPTH, IN_ENTRY = range(9, 16)
COUNT, SENT, FIRST_NAME, SLOTS = range(16, 20)
LENGTH: Final = 99
"""Slot of a field behind which one of that many bytes comes."""

NEXT: Final = 0  # of an entry, where a section has its row; -1 behind the last
SORT: Final = 1  # where a section has its symbol
ENTRY_COLUMNS: Final = TRADE_COLUMNS
GROUP_SYMBOL, GROUP_FIRST, GROUP_LAST, GROUP_COLUMNS = range(4)
ENTRIES, GROUPS, CURRENT, LATEST, LINE = range(5)
SYMBOLS_MAX: Final = 4096
"""Symbols of one batch; rows that name more are not plain."""
HASH_SLOTS: Final = 2 * SYMBOLS_MAX
SYMBOL_BYTES_MAX: Final = 64
MERGED_MAX: Final = 4096
"""Levels of a side of a snapshot, each of which is compared with those before it."""
LEVELS_MAX: Final = 65535
FIELDS_MAX: Final = 90_000
DIGITS_MAX: Final = 18
_INT64_MAX: Final = 2**63 - 1
_MISSING: Final = -1
_NO_TIME: Final = 0
_NS_PER_S: Final = 1_000_000_000
_DAY_NS: Final = 86_400 * _NS_PER_S
_BID, _OFFER, _TRADE, _OTHER = range(4)

# Repeated because a compiled copy freezes what it reads.
_CROSSED, _LOCKED, _TIMELESS = QUOTE_CROSSED, QUOTE_LOCKED, NO_VENUE_TIME
_WHOLE_BOOK, _NO_IDS = BOOK_SNAPSHOT, BOOK_WITHOUT_IDS
_BUY, _SELL, _EITHER = SIDE_BUY, SIDE_SELL, SIDE_UNKNOWN
_INFORMS, _NAMELESS, _CANCEL, _CORRECTION = TRADE_INFORMS_ONLY, TRADE_WITHOUT_ID, TRADE_CANCEL, TRADE_CORRECTION

# Bytes by the characters they stand for.
_SOH, _DASH, _POINT, _ZERO, _ONE, _TWO, _NINE, _COLON, _EQUALS, _W, _X = 1, 45, 46, 48, 49, 50, 57, 58, 61, 87, 88
_VISIBLE_FIRST, _VISIBLE_LAST = 33, 126


def scan(
    batch: Batch, head: UInt8, slots: UInt8, spots: Int64, room: Room, symbols: Symbols, notes: Notes, told: Sections
) -> None:
    """Write down what the rows that are plain tell; prices and sizes as digits and how many stand behind the point.

    Args:
        batch: Payload, row offsets, (n,) receive times, and (n,) the latest venue time allowed, nanoseconds.
        head: What a message begins with, up to its length.
        slots: Slot of each tag, 0 of one that says nothing.
        spots: (SLOTS, 2) where the fields of the entry and the message at hand begin and end.
        room: Entries and groups of the message at hand, long enough for every message; (s, 2) the row, counted from
            1, that named a symbol last, and the symbol's group there.
        symbols: (s, 2) where in the payload each symbol stands, and a hash table of their numbers, counted from 1.
        notes: A line for the message at hand; counts of trades, quotes, book messages, levels and symbols; and (n,)
            the kind of each row, 0 where not plain.
        told: Columns of trades, quotes, book messages and levels, long enough for every entry and row.
    """
    payload, offsets, ts_receive, ts_latest = batch
    line, _, kinds = notes
    for row in range(len(offsets) - 1):
        kinds[row] = NOT_PLAIN
        begin, end = int(offsets[row]), int(offsets[row + 1])
        body = _body(payload, begin, end, head)
        kind = _kind(payload, body) if body >= 0 else NOT_PLAIN
        if kind == NOT_PLAIN:
            continue
        line[ENTRIES], line[GROUPS], line[CURRENT], line[LATEST] = 0, 0, _MISSING, _NO_TIME
        if not _read(payload, row, body + 5, end - 7, kind, int(ts_latest[row]), slots, spots, room, symbols, notes):
            continue
        if kind == SNAPSHOT and not _tell_state(row, int(ts_receive[row]), room, notes, told):
            continue
        if kind == INCREMENTAL and not _tell_changes(row, int(ts_receive[row]), room, notes, told):
            continue
        _tell_trades(row, int(ts_receive[row]), room, notes, told)
        kinds[row] = kind


def scale(exponents: Int64, notes: Notes, told: Sections) -> None:
    """Turn digits into units of their instruments, and take away the kind of each row where one does not fit exactly.

    Args:
        exponents: (s, 2) each symbol's price and size exponents.
        notes: As `scan` left them.
        told: As `scan` left them.
    """
    _, counts, kinds = notes
    trades, quotes, _, levels = told
    for at in range(counts[TRADES]):
        if not _fit(trades, at, PRICE, exponents):
            kinds[trades[at, ROW]] = NOT_PLAIN
    for at in range(counts[LEVELS]):
        if not _fit(levels, at, PRICE, exponents):
            kinds[levels[at, ROW]] = NOT_PLAIN
    for at in range(counts[QUOTES]):
        bid_fits, ask_fits = _fit(quotes, at, PRICE, exponents), _fit(quotes, at, ASK, exponents)
        if not (bid_fits and ask_fits):
            kinds[quotes[at, ROW]] = NOT_PLAIN
        bid, ask = quotes[at, PRICE], quotes[at, ASK]
        if bid >= ask > 0:  # a price of 0 says that this side is empty, so there is nothing to cross
            quotes[at, QUOTE_FLAGS] |= _CROSSED if bid > ask else _LOCKED


# --- messages ---------------------------------------------------------------------------------------------------------


def _body(payload: UInt8, begin: int, end: int, head: UInt8) -> int:
    """Find where a message's body begins, or -1 where its head, length or sum is not right."""
    at = begin + len(head)
    if at + 16 > end:
        return -1
    for i in range(len(head)):
        if payload[begin + i] != head[i]:
            return -1
    first, length = at, 0
    while at < end and _ZERO <= payload[at] <= _NINE:
        length = length * 10 + (int(payload[at]) - _ZERO)
        at += 1
        if at - first > 10:
            return -1
    if at == first or at >= end or payload[at] != _SOH or at + 1 + length + 7 != end or length < 6:
        return -1
    return at + 1 if _is_sealed(payload, begin, end - 7) else -1


def _is_sealed(payload: UInt8, begin: int, stop: int) -> bool:
    """Say whether a right CheckSum stands behind a message's fields; it takes seven bytes."""
    if payload[stop - 1] != _SOH or payload[stop] != _ONE or payload[stop + 1] != _ZERO or payload[stop + 2] != _EQUALS:
        return False
    told, total = _number(payload, stop + 3, stop + 6, 3), 0
    for i in range(begin, stop):
        total += int(payload[i])
    return payload[stop + 6] == _SOH and (total & 255) == told


def _kind(payload: UInt8, body: int) -> int:
    """Say whether a body begins with 35=W or 35=X; it has six bytes at least."""
    if payload[body] != 51 or payload[body + 1] != 53 or payload[body + 2] != _EQUALS or payload[body + 4] != _SOH:
        return NOT_PLAIN
    return SNAPSHOT if payload[body + 3] == _W else INCREMENTAL if payload[body + 3] == _X else NOT_PLAIN


def _read(
    payload: UInt8,
    row: int,
    at: int,
    stop: int,
    kind: int,
    latest: int,
    slots: UInt8,
    spots: Int64,
    room: Room,
    symbols: Symbols,
    notes: Notes,
) -> bool:
    """Read the fields behind MsgType into entries and groups; say whether all are plain and as many as announced."""
    begins = KIND if kind == SNAPSHOT else ACTION
    for slot in range(SLOTS):
        spots[slot, 0] = 0
    opened, read = False, 0
    while at < stop:
        tag, begin, at = _field(payload, at)
        slot = int(slots[tag]) if 0 <= tag < len(slots) else NO_SLOT
        read += 1
        if tag < 0 or slot == LENGTH or read > FIELDS_MAX:
            return False
        if slot == begins and spots[COUNT, 0] > 0:
            if opened and not _close(payload, row, kind, latest, spots, room, symbols, notes):
                return False
            for old in range(IN_ENTRY):
                spots[old, 0] = 0
            opened = True
        if slot != NO_SLOT:
            _note(spots, slot, begin, at)
        at += 1
    if opened and not _close(payload, row, kind, latest, spots, room, symbols, notes):
        return False
    return _is_announced(payload, kind, spots, room, symbols, notes)


def _field(payload: UInt8, at: int) -> tuple[int, int, int]:
    """Read a field that a separator ends; return its tag, -1 where it is not plain, and where its value is."""
    tag, first = 0, at
    while _ZERO <= payload[at] <= _NINE:
        tag = tag * 10 + (int(payload[at]) - _ZERO)
        at += 1
        if at - first > 9:
            return -1, at, at
    begin = at + 1
    if at == first or payload[first] == _ZERO or payload[at] != _EQUALS or payload[begin] == _SOH:
        return -1, at, at
    at = begin
    while payload[at] != _SOH:
        at += 1
    return tag, begin, at


def _is_announced(payload: UInt8, kind: int, spots: Int64, room: Room, symbols: Symbols, notes: Notes) -> bool:
    """Say whether there are as many entries as announced; a snapshot's only group is of the message's symbol."""
    line, counts, _ = notes
    if spots[COUNT, 0] == 0 or _number(payload, int(spots[COUNT, 0]), int(spots[COUNT, 1]), 9) != line[ENTRIES]:
        return False
    if kind == INCREMENTAL:
        return True
    if spots[FIRST_NAME, 0] == 0:
        return False
    named = _intern(payload, int(spots[FIRST_NAME, 0]), int(spots[FIRST_NAME, 1]), symbols, counts)
    room[1][0, GROUP_SYMBOL] = named
    return named >= 0


def _note(spots: Int64, slot: int, begin: int, end: int) -> None:
    """Note where a field stands; of the same ones the first counts, in the message as in an entry."""
    if spots[slot, 0] == 0:
        spots[slot, 0], spots[slot, 1] = begin, end
    if slot == NAME and spots[FIRST_NAME, 0] == 0:
        spots[FIRST_NAME, 0], spots[FIRST_NAME, 1] = begin, end


def _close(
    payload: UInt8, row: int, kind: int, latest: int, spots: Int64, room: Room, symbols: Symbols, notes: Notes
) -> bool:
    """Add the entry at hand to its group; say whether it is plain."""
    line, counts, _ = notes
    entries, groups, marks = room
    at = line[ENTRIES]
    line[ENTRIES] += 1
    group = 0
    if kind == INCREMENTAL:
        if spots[NAME, 0] > 0:
            line[CURRENT] = _intern(payload, int(spots[NAME, 0]), int(spots[NAME, 1]), symbols, counts)
        if line[CURRENT] < 0:
            return False
        group = _group(row, int(line[CURRENT]), line, groups, marks)
    elif line[GROUPS] == 0:
        line[GROUPS] = 1
        groups[0, GROUP_FIRST], groups[0, GROUP_LAST] = _MISSING, _MISSING
    time = _time(payload, spots)
    sort = _byte(payload, spots, KIND)
    action = _byte(payload, spots, ACTION) if kind == INCREMENTAL else _ZERO
    if time < 0 or time > latest or sort < 0 or not _ZERO <= action <= _TWO:
        return False
    line[LATEST] = max(line[LATEST], time)
    if not _ZERO <= sort <= _TWO:
        return True
    entries[at, SORT], entries[at, TIME] = sort - _ZERO, time
    _link(entries, groups, at, group)
    if sort - _ZERO == _TRADE:
        return _trade(payload, kind, action, spots, entries, at)
    return _level(payload, kind, action, spots, entries, at)


def _group(row: int, symbol: int, line: Int64, groups: Int64, marks: Int64) -> int:
    """Give a symbol's group in the message, a new one when it is named first."""
    if marks[symbol, 0] != row + 1:
        marks[symbol, 0], marks[symbol, 1] = row + 1, line[GROUPS]
        new = line[GROUPS]
        groups[new, GROUP_SYMBOL], groups[new, GROUP_FIRST], groups[new, GROUP_LAST] = symbol, _MISSING, _MISSING
        line[GROUPS] += 1
    return int(marks[symbol, 1])


def _link(entries: Int64, groups: Int64, at: int, group: int) -> None:
    """Put an entry behind the last of its group."""
    entries[at, NEXT] = _MISSING
    if groups[group, GROUP_LAST] < 0:
        groups[group, GROUP_FIRST] = at
    else:
        entries[groups[group, GROUP_LAST], NEXT] = at
    groups[group, GROUP_LAST] = at


def _trade(payload: UInt8, kind: int, action: int, spots: Int64, entries: Int64, at: int) -> bool:
    price, fraction = _decimal(payload, spots, AT_PRICE)
    size, size_fraction = _decimal(payload, spots, AT_SIZE)
    if fraction < 0 or size_fraction < 0 or price == 0 or size == 0:
        return False
    number = _MISSING
    if spots[NUMBER, 0] > 0:
        number = _number(payload, int(spots[NUMBER, 0]), int(spots[NUMBER, 1]), DIGITS_MAX)
    if number < 0 and action != _ZERO:
        return False
    flags = _CANCEL if action == _TWO else _CORRECTION if action == _ONE else 0
    flags |= _INFORMS if kind == SNAPSHOT else 0
    said = _byte(payload, spots, AGGRESSOR if spots[AGGRESSOR, 0] > 0 else MAKER)
    entries[at, PRICE], entries[at, PRICE_FRACTION] = price, fraction
    entries[at, SIZE], entries[at, SIZE_FRACTION] = size, size_fraction
    entries[at, SIDE] = _BUY if said == _ONE else _SELL if said == _TWO else _EITHER
    entries[at, ID] = max(number, 0)
    entries[at, FLAGS] = flags | (_NAMELESS if number < 0 else 0)
    return True


def _level(payload: UInt8, kind: int, action: int, spots: Int64, entries: Int64, at: int) -> bool:
    if kind == INCREMENTAL and spots[ORDER, 0] > 0 and spots[POSITION, 0] == 0 and spots[DEPTH, 0] == 0:
        return False
    price, fraction = _decimal(payload, spots, AT_PRICE)
    if fraction < 0:
        return False
    size, size_fraction = 0, 0
    if kind == SNAPSHOT and spots[AT_SIZE, 0] == 0:
        size_fraction = _MISSING
    elif action != _TWO:
        size, size_fraction = _decimal(payload, spots, AT_SIZE)
        if size_fraction < 0:
            return False
    entries[at, PRICE], entries[at, PRICE_FRACTION] = price, fraction
    entries[at, SIZE], entries[at, SIZE_FRACTION] = size, size_fraction
    return True


# --- sections ---------------------------------------------------------------------------------------------------------


def _tell_trades(row: int, ts_receive: int, room: Room, notes: Notes, told: Sections) -> None:
    """Write down the message's trades, symbol by symbol."""
    line, counts, _ = notes
    entries, groups, _ = room
    trades = told[0]
    for group in range(line[GROUPS]):
        entry = groups[group, GROUP_FIRST]
        while entry >= 0:
            if entries[entry, SORT] == _TRADE:
                at = counts[TRADES]
                counts[TRADES] += 1
                for column in range(PRICE, TRADE_COLUMNS):
                    trades[at, column] = entries[entry, column]
                trades[at, ROW], trades[at, SYMBOL] = row, groups[group, GROUP_SYMBOL]
                trades[at, TIME] = entries[entry, TIME] if entries[entry, TIME] != _NO_TIME else ts_receive
            entry = entries[entry, NEXT]


def _tell_state(row: int, ts_receive: int, room: Room, notes: Notes, told: Sections) -> bool:
    """Write down a snapshot's quote or book; say whether that could be done."""
    line, counts, _ = notes
    entries, groups, _ = room
    bids, asks, last_bid, last_ask, sized = 0, 0, _MISSING, _MISSING, True
    entry = groups[0, GROUP_FIRST] if line[GROUPS] > 0 else _MISSING
    while entry >= 0:
        if entries[entry, SORT] == _BID:
            bids, last_bid = bids + 1, int(entry)
        elif entries[entry, SORT] == _OFFER:
            asks, last_ask = asks + 1, int(entry)
        if entries[entry, SIZE_FRACTION] < 0:
            sized = False
        entry = entries[entry, NEXT]
    if bids + asks == 0 and line[ENTRIES] > 0:
        return True
    if max(bids, asks) == 1:
        _tell_quote(row, ts_receive, last_bid, last_ask, room, notes, told[1])
        return True
    filled = counts[LEVELS]
    if not sized or max(bids, asks) > MERGED_MAX:
        return False
    symbol = int(groups[0, GROUP_SYMBOL])
    bids = _merge(row, symbol, _BID, room, notes, told[3]) if bids > 0 else 0
    asks = _merge(row, symbol, _OFFER, room, notes, told[3]) if asks > 0 and bids >= 0 else 0
    if bids < 0 or asks < 0:
        counts[LEVELS] = filled
        return False
    _tell_book(row, symbol, ts_receive, int(line[LATEST]), bids, asks, _WHOLE_BOOK, counts, told[2])
    return True


def _tell_quote(row: int, ts_receive: int, bid: int, ask: int, room: Room, notes: Notes, quotes: Int64) -> None:
    line, counts, _ = notes
    entries, groups, _ = room
    at = counts[QUOTES]
    counts[QUOTES] += 1
    timeless = line[LATEST] == _NO_TIME
    quotes[at, ROW], quotes[at, SYMBOL] = row, groups[0, GROUP_SYMBOL]
    quotes[at, TIME] = ts_receive if timeless else line[LATEST]
    quotes[at, QUOTE_FLAGS] = _TIMELESS if timeless else 0
    for column in range(4):
        quotes[at, PRICE + column] = max(entries[bid, PRICE + column], 0) if bid >= 0 else 0
        quotes[at, ASK + column] = max(entries[ask, PRICE + column], 0) if ask >= 0 else 0


def _tell_book(
    row: int, symbol: int, ts_receive: int, ts_ns: int, bids: int, asks: int, flags: int, counts: Int64, books: Int64
) -> None:
    at = counts[BOOKS]
    counts[BOOKS] += 1
    books[at, ROW], books[at, SYMBOL] = row, symbol
    books[at, TIME] = ts_receive if ts_ns == _NO_TIME else ts_ns
    books[at, BIDS], books[at, ASKS] = bids, asks
    books[at, BOOK_FLAGS] = flags | _NO_IDS | (_TIMELESS if ts_ns == _NO_TIME else 0)


def _merge(row: int, symbol: int, side: int, room: Room, notes: Notes, levels: Int64) -> int:
    """Write down a side's levels, entries of one price as one; return how many, or -1 where a sum does not fit."""
    _, counts, _ = notes
    entries, groups, _ = room
    begin = int(counts[LEVELS])
    entry = groups[0, GROUP_FIRST]
    while entry >= 0:
        if entries[entry, SORT] == side:
            price, fraction = int(entries[entry, PRICE]), int(entries[entry, PRICE_FRACTION])
            while fraction > 0 and price % 10 == 0:
                price, fraction = price // 10, fraction - 1
            end = int(counts[LEVELS])
            at = begin
            while at < end and (levels[at, PRICE] != price or levels[at, PRICE_FRACTION] != fraction):
                at += 1
            if at == end:
                counts[LEVELS] += 1
                levels[at, ROW], levels[at, SYMBOL] = row, symbol
                levels[at, PRICE], levels[at, PRICE_FRACTION] = price, fraction
                levels[at, SIZE], levels[at, SIZE_FRACTION] = 0, 0
            total, total_fraction = _sum(
                int(levels[at, SIZE]),
                int(levels[at, SIZE_FRACTION]),
                int(entries[entry, SIZE]),
                int(entries[entry, SIZE_FRACTION]),
            )
            if total < 0:
                return -1
            levels[at, SIZE], levels[at, SIZE_FRACTION] = total, total_fraction
        entry = entries[entry, NEXT]
    return int(counts[LEVELS]) - begin


def _sum(one: int, one_fraction: int, other: int, other_fraction: int) -> tuple[int, int]:
    """Add two decimals; -1 where the sum does not fit."""
    fraction = max(one_fraction, other_fraction)
    one = _scaled(one, one_fraction, -fraction)
    other = _scaled(other, other_fraction, -fraction)
    if one < 0 or other < 0 or one > _INT64_MAX - other:
        return -1, 0
    return one + other, fraction


def _tell_changes(row: int, ts_receive: int, room: Room, notes: Notes, told: Sections) -> bool:
    """Write down an incremental refresh's levels, symbol by symbol, bids first; say whether they are not too many."""
    line, counts, _ = notes
    entries, groups, _ = room
    if line[ENTRIES] > LEVELS_MAX:
        return False
    levels = told[3]
    for group in range(line[GROUPS]):
        symbol, begin, bids, ts_ns = int(groups[group, GROUP_SYMBOL]), int(counts[LEVELS]), 0, _NO_TIME
        for side in range(_BID, _OFFER + 1):
            entry = groups[group, GROUP_FIRST]
            while entry >= 0:
                if entries[entry, SORT] == side:
                    at = counts[LEVELS]
                    counts[LEVELS] += 1
                    levels[at, ROW], levels[at, SYMBOL] = row, symbol
                    for column in range(PRICE, LEVEL_COLUMNS):
                        levels[at, column] = entries[entry, column]
                    ts_ns = max(ts_ns, int(entries[entry, TIME]))
                entry = entries[entry, NEXT]
            if side == _BID:
                bids = int(counts[LEVELS]) - begin
        asks = int(counts[LEVELS]) - begin - bids
        if bids + asks > 0:
            _tell_book(row, symbol, ts_receive, ts_ns, bids, asks, 0, counts, told[2])
    return True


# --- values -----------------------------------------------------------------------------------------------------------


def _byte(payload: UInt8, spots: Int64, slot: int) -> int:
    """Give a field's one character; 0 for a longer one, -1 where it is missing."""
    if spots[slot, 0] == 0:
        return -1
    return int(payload[spots[slot, 0]]) if spots[slot, 1] - spots[slot, 0] == 1 else 0


def _number(payload: UInt8, begin: int, end: int, digits_max: int) -> int:
    """Read a whole number; -1 where it is none, or longer."""
    if end - begin > digits_max or end <= begin:
        return -1
    number = 0
    for at in range(begin, end):
        if not _ZERO <= payload[at] <= _NINE:
            return -1
        number = number * 10 + (int(payload[at]) - _ZERO)
    return number


def _decimal(payload: UInt8, spots: Int64, slot: int) -> tuple[int, int]:
    """Read a decimal field; return its digits as one number, and how many stand behind the point, or -1."""
    begin, end = int(spots[slot, 0]), int(spots[slot, 1])
    if begin == 0:
        return 0, -1
    number, digits, point = 0, 0, -1
    for at in range(begin, end):
        byte = payload[at]
        if _ZERO <= byte <= _NINE:
            number = number * 10 + (int(byte) - _ZERO)
            digits += 1
            if digits > DIGITS_MAX:
                return 0, -1
        elif byte == _POINT and point < 0:
            point = at
        else:
            return 0, -1
    if digits == 0:
        return 0, -1
    return number, (end - 1 - point if point >= 0 else 0)


def _power(exponent: int) -> int:
    result = 1
    for _ in range(exponent):
        result *= 10
    return result


def _scaled(number: int, fraction: int, exponent: int) -> int:
    """Write number / 10^fraction in units of 10^exponent; -1 where that is not exact or does not fit."""
    shift = -fraction - exponent
    if shift > DIGITS_MAX or shift < -DIGITS_MAX:
        return -1
    if shift >= 0:
        power = _power(shift)
        return number * power if number <= _INT64_MAX // power else -1
    power = _power(-shift)
    return number // power if number % power == 0 else -1


def _fit(part: Int64, at: int, column: int, exponents: Int64) -> bool:
    """Scale a price and the size behind it."""
    symbol = part[at, SYMBOL]
    price = _scaled(int(part[at, column]), int(part[at, column + 1]), int(exponents[symbol, 0]))
    size = _scaled(int(part[at, column + 2]), int(part[at, column + 3]), int(exponents[symbol, 1]))
    part[at, column], part[at, column + 2] = price, size
    return price >= 0 and size >= 0


def _two(payload: UInt8, at: int) -> int:
    """Read two digits; far below 0 where they are none."""
    if not (_ZERO <= payload[at] <= _NINE and _ZERO <= payload[at + 1] <= _NINE):
        return -1_000_000
    return (int(payload[at]) - _ZERO) * 10 + (int(payload[at + 1]) - _ZERO)


def _clock(payload: UInt8, begin: int, end: int) -> int:
    """Read HH:MM:SS and up to nine digits of a second as nanoseconds since midnight; -1 where it is not that."""
    if end - begin < 8 or end - begin == 9 or end - begin > 18:
        return -1
    if payload[begin + 2] != _COLON or payload[begin + 5] != _COLON:
        return -1
    hours, minutes, seconds = _two(payload, begin), _two(payload, begin + 3), _two(payload, begin + 6)
    if not (0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds <= 60):
        return -1
    rest = 0
    if end - begin > 8:
        rest = _number(payload, begin + 9, end, 9)
        if rest < 0 or payload[begin + 8] != _POINT:
            return -1
        rest *= _power(9 - (end - begin - 9))
    return (hours * 3600 + minutes * 60 + seconds) * _NS_PER_S + rest


def _date(payload: UInt8, begin: int, end: int) -> int:
    """Read YYYYMMDD, after 1970, as the nanoseconds of its midnight; -1 where it is not that.

    Source: days_from_civil, Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    """
    if end - begin != 8:
        return -1
    year = _two(payload, begin) * 100 + _two(payload, begin + 2)
    month, day = _two(payload, begin + 4), _two(payload, begin + 6)
    if not (1971 <= year <= 2261 and 1 <= month <= 12 and day >= 1):
        return -1
    days = 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31
    if month == 2:
        days = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    if day > days:
        return -1
    counted = year - 1 if month <= 2 else year
    era, moved = counted // 400, month + 9 if month <= 2 else month - 3
    of_era = counted - era * 400
    of_year = (153 * moved + 2) // 5 + day - 1
    return (era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468) * _DAY_NS


def _stamp(payload: UInt8, begin: int, end: int) -> int:
    """Read a UTCTimestamp as nanoseconds; -1 where it is not plain."""
    if end - begin < 17 or payload[begin + 8] != _DASH:
        return -1
    date, clock = _date(payload, begin, begin + 8), _clock(payload, begin + 9, end)
    return date + clock if date >= 0 and clock >= 0 else -1


def _nearest(sent: int, clock: int) -> int:
    """Give the time of day on the day that brings it nearest to SendingTime."""
    found = sent - sent % _DAY_NS + clock
    if found - sent > _DAY_NS // 2:
        return found - _DAY_NS
    return found + _DAY_NS if sent - found > _DAY_NS // 2 else found


def _time(payload: UInt8, spots: Int64) -> int:
    """Give an entry's time: its date and time, else its TransactTime, else 0; -1 where it is not plain."""
    if spots[CLOCK, 0] == 0:
        if spots[TRANSACT, 0] == 0:
            return _NO_TIME
        return _stamp(payload, int(spots[TRANSACT, 0]), int(spots[TRANSACT, 1]))
    clock = _clock(payload, int(spots[CLOCK, 0]), int(spots[CLOCK, 1]))
    if clock < 0:
        return -1
    if spots[DATE, 0] > 0:
        date = _date(payload, int(spots[DATE, 0]), int(spots[DATE, 1]))
        return date + clock if date >= 0 else -1
    if spots[SENT, 0] == 0:
        return -1
    sent = _stamp(payload, int(spots[SENT, 0]), int(spots[SENT, 1]))
    return _nearest(sent, clock) if sent >= 0 else -1


def _intern(payload: UInt8, begin: int, end: int, symbols: Symbols, counts: Int64) -> int:
    """Give a symbol's number in the batch, a new one when it is named first; -1 where it is not plain or one too many.

    Whatever hashes alike is found one place further; a table twice as long as its symbols always has free places.
    """
    where, table = symbols
    if end - begin > SYMBOL_BYTES_MAX:
        return -1
    mixed = 0
    for at in range(begin, end):
        if not _VISIBLE_FIRST <= payload[at] <= _VISIBLE_LAST:
            return -1
        mixed = (mixed * 31 + int(payload[at])) & 0xFFFFFFFF
    place = (mixed ^ (mixed >> 15)) % HASH_SLOTS
    while table[place] != 0:
        number = int(table[place]) - 1
        start = where[number, 0]
        if where[number, 1] - start == end - begin:
            same = True
            for i in range(end - begin):
                if payload[start + i] != payload[begin + i]:
                    same = False
                    break
            if same:
                return number
        place = (place + 1) % HASH_SLOTS
    number = int(counts[SYMBOLS])
    if number >= SYMBOLS_MAX:
        return -1
    counts[SYMBOLS] += 1
    table[place] = number + 1
    where[number, 0], where[number, 1] = begin, end
    return number
