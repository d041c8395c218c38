"""Scan Binance's rows byte by byte: the columns of every row that is plain, and a zero for every row that is not.

Loops over arrays only, so they run plain or compiled with the same results. A row is plain when it is compact JSON of
one-letter fields (and `pu`) in an optional combined-stream envelope, with unsigned whole numbers of at most 18 digits
and decimals in quotes, of a kind and a symbol that are known, and breaks no rule. Everything else keeps kind 0 and is
read by `rows`, which is the authority; a kernel never rejects. A backslash or a byte that is no visible ASCII makes a
row not plain, wherever it stands.
"""

from typing import Final, TypeAlias

from functions.domain.market import (
    BOOK_TELLS_PREVIOUS,
    NO_VENUE_TIME,
    QUOTE_CROSSED,
    QUOTE_LOCKED,
    SIDE_BUY,
    SIDE_SELL,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
)

Trades: TypeAlias = tuple[UInt32, UInt16, Int64, Int64, Int64, Int64, UInt8, UInt64, UInt8]
Quotes: TypeAlias = tuple[UInt32, UInt16, Int64, Int64, Int64, Int64, Int64, Int64, UInt64, UInt8]
Book: TypeAlias = tuple[UInt32, UInt16, Int64, Int64, UInt64, UInt64, UInt64, UInt16, UInt16, UInt8]

# A call hands over seven words for each array, which costs more than what these do.
INLINED: Final = frozenset(
    (
        "_is_at",
        "_is_visible",
        "_power",
        "_forget",
        "_place",
        "_store",
        "_fields",
        "_field",
        "_value",
        "_spells",
        "_text_end",
        "_whole",
        "_decimal",
        "_shifted",
        "_classify",
        "_symbol",
        "_time",
        "_trade",
        "_figure",
    )
)

KIND, SYMBOL, TIME, PRICE, PRICE_2, SIZE, SIZE_2, ID, FIRST_ID, PREVIOUS_ID, MAKER, BIDS, ASKS, COLUMNS = range(14)
NOT_PLAIN, TRADE, AGG_TRADE, QUOTE, DEPTH = range(5)
LEVELS, INSTRUMENTS, COUNTS = range(5, 8)
NO_TIME: Final = -1
NO_PREVIOUS: Final = -1

_NONE, _WHOLE, _TEXT, _FLAG, _LEVELS, _DECIMAL = range(6)
PU: Final = 128  # the place of the one field with two letters
FIELDS: Final = 129
DIGITS_MAX: Final = 18
LEVELS_MAX: Final = 65535
_NS_PER_MS: Final = 1_000_000
_INT64_MAX: Final = 2**63 - 1

_NO_VENUE_TIME, _CROSSED, _LOCKED, _TELLS_PREVIOUS = NO_VENUE_TIME, QUOTE_CROSSED, QUOTE_LOCKED, BOOK_TELLS_PREVIOUS
_BUY, _SELL = SIDE_BUY, SIDE_SELL

# Bytes by the characters they stand for.
_QUOTE, _COLON, _COMMA, _POINT, _OPEN, _CLOSE, _LIST, _END = 34, 58, 44, 46, 123, 125, 91, 93
_SPACE, _TILDE, _BACKSLASH = 32, 126, 92
_ZERO, _NINE, _T, _F = 48, 57, 116, 102
_A, _B, _E, _M, _P, _Q, _S, _U = 97, 98, 101, 109, 112, 113, 115, 117
_BIG_A, _BIG_B, _BIG_E, _BIG_T, _BIG_U = 65, 66, 69, 84, 85


def scan(
    batch: tuple[UInt8, UInt32, Int64],
    skew_ns: int,
    words: tuple[UInt8, UInt8, UInt8, UInt8, UInt8, UInt8],
    symbols: tuple[UInt8, Int64, Int64],
    scratch: tuple[UInt8, Int64, Int64],
    notes: tuple[Int64, Int64, Int64, Int64, UInt8],
    trades: Trades,
    quotes: Quotes,
    book: Book,
    levels: Int64,
) -> None:
    """Fill the sections' columns with the rows that are plain.

    Args:
        batch: Payload, row offsets, and (n,) receive times.
        skew_ns: How far venue time may be ahead of receive time, nanoseconds.
        words: Texts that rows are compared with.
        symbols: Known symbols back to back, their ends, and (s, 2) their price and size exponents.
        scratch: Fields of the row at hand, by their letter.
        notes: A line for the row at hand; counts of rows of each kind, 0 where not plain, of levels and of instruments;
            (s,) each symbol's place in the batch's dictionary, -1 before and behind; (s,) that dictionary's symbols;
            and the flags of trades by their kind.
        trades: Columns of the section, long enough for every row.
        quotes: The same.
        book: The same.
        levels: (k, 2) price and size, long enough for every level.
    """
    payload, offsets, ts_receive = batch
    line, counts, places, order, informs = notes
    for i in range(len(counts)):
        counts[i] = 0
    for row in range(len(offsets) - 1):
        line[KIND] = NOT_PLAIN
        filled = int(counts[LEVELS])
        begin, end = int(offsets[row]), int(offsets[row + 1])
        seen, ended = _fields(payload, begin, end, words, symbols, scratch, levels, filled)
        if seen >= 0:
            _classify(payload, words, scratch, line)
        if line[KIND] != NOT_PLAIN and line[TIME] * _NS_PER_MS > int(ts_receive[row]) + skew_ns:
            line[KIND] = NOT_PLAIN
        if line[KIND] == DEPTH:
            counts[LEVELS] = ended
        if line[KIND] != NOT_PLAIN:
            _place(line, counts, places, order)
            _store(row, int(ts_receive[row]), line, counts, informs, trades, quotes, book)
        counts[line[KIND]] += 1
        _forget(scratch)
    for i in range(counts[INSTRUMENTS]):
        places[order[i]] = -1


def _place(line: Int64, counts: Int64, places: Int64, order: Int64) -> None:
    """Number instruments in the order in which the batch names them first."""
    symbol = line[SYMBOL]
    if places[symbol] < 0:
        places[symbol] = counts[INSTRUMENTS]
        order[counts[INSTRUMENTS]] = symbol
        counts[INSTRUMENTS] += 1
    line[SYMBOL] = places[symbol]


def _store(
    row: int,
    ts_receive: int,
    line: Int64,
    counts: Int64,
    informs: UInt8,
    trades: Trades,
    quotes: Quotes,
    book: Book,
) -> None:
    ts_event = ts_receive if line[TIME] == NO_TIME else int(line[TIME]) * _NS_PER_MS
    timeless = _NO_VENUE_TIME if line[TIME] == NO_TIME else 0
    if line[KIND] == QUOTE:
        at = counts[QUOTE]
        quotes[0][at], quotes[1][at], quotes[2][at], quotes[3][at] = row, line[SYMBOL], ts_event, ts_receive
        bid, ask = line[PRICE], line[PRICE_2]
        quotes[4][at], quotes[5][at], quotes[6][at], quotes[7][at] = bid, line[SIZE], ask, line[SIZE_2]
        touching = 0
        if bid >= ask > 0:  # a price of 0 says that this side is empty, so there is nothing to cross
            touching = _CROSSED if bid > ask else _LOCKED
        quotes[8][at], quotes[9][at] = line[ID], timeless | touching
    elif line[KIND] == DEPTH:
        at = counts[DEPTH]
        book[0][at], book[1][at], book[2][at], book[3][at] = row, line[SYMBOL], ts_event, ts_receive
        told = line[PREVIOUS_ID] != NO_PREVIOUS
        book[4][at], book[5][at] = line[FIRST_ID], line[ID]
        book[6][at] = line[PREVIOUS_ID] if told else 0
        book[7][at], book[8][at], book[9][at] = line[BIDS], line[ASKS], _TELLS_PREVIOUS if told else 0
    else:
        at = counts[TRADE] + counts[AGG_TRADE]
        trades[0][at], trades[1][at], trades[2][at], trades[3][at] = row, line[SYMBOL], ts_event, ts_receive
        trades[4][at], trades[5][at] = line[PRICE], line[SIZE]
        trades[6][at], trades[7][at] = _SELL if line[MAKER] == 1 else _BUY, line[ID]
        trades[8][at] = informs[line[KIND]]


def _forget(scratch: tuple[UInt8, Int64, Int64]) -> None:
    found, _, keys = scratch
    for at in range(1, int(keys[0]) + 1):
        found[keys[at]] = _NONE
    keys[0] = 0


def _is_at(payload: UInt8, at: int, end: int, word: UInt8) -> bool:
    """Say whether a word stands at a place."""
    if at + len(word) > end:
        return False
    for i in range(len(word)):
        if payload[at + i] != word[i]:
            return False
    return True


def _power(exponent: int) -> int:
    result = 1
    for _ in range(exponent):
        result *= 10
    return result


def _fields(
    payload: UInt8,
    begin: int,
    end: int,
    words: tuple[UInt8, UInt8, UInt8, UInt8, UInt8, UInt8],
    symbols: tuple[UInt8, Int64, Int64],
    scratch: tuple[UInt8, Int64, Int64],
    levels: Int64,
    filled: int,
) -> tuple[int, int]:
    """Read a row's fields into the scratch; return how many and the levels' end, or -1 where the row is not plain."""
    at = begin
    wrapped = _is_at(payload, at, end, words[0])
    if wrapped:
        at = _text_end(payload, at + len(words[0]), end)
        if at < 0 or not _is_at(payload, at, end, words[1]):
            return -1, filled
        at += len(words[1])
    if at >= end or payload[at] != _OPEN:
        return -1, filled
    at += 1
    count, kept = 0, filled
    while True:
        at, kept = _field(payload, at, end, symbols, scratch, levels, kept)
        if at < 0 or at >= end:
            return -1, filled
        count += 1
        if payload[at] == _CLOSE:
            break
        if payload[at] != _COMMA:
            return -1, filled
        at += 1
    at += 1
    if wrapped:
        if at >= end or payload[at] != _CLOSE:
            return -1, filled
        at += 1
    return (count, kept) if at == end else (-1, filled)


def _field(
    payload: UInt8,
    at: int,
    end: int,
    symbols: tuple[UInt8, Int64, Int64],
    scratch: tuple[UInt8, Int64, Int64],
    levels: Int64,
    kept: int,
) -> tuple[int, int]:
    """Read one `"name":value`; return the place behind it, or -1, and the levels' end."""
    if at + 4 >= end or payload[at] != _QUOTE:
        return -1, kept
    key = int(payload[at + 1])
    if payload[at + 2] == _QUOTE and key != _QUOTE and _is_visible(key):
        at += 3
    elif key == _P and payload[at + 2] == _U and payload[at + 3] == _QUOTE:
        key = PU
        at += 4
    else:
        return -1, kept
    if payload[at] != _COLON:
        return -1, kept
    at += 1
    found, _, keys = scratch
    if at >= end or found[key] != _NONE or keys[0] + 1 >= len(keys):
        return -1, kept
    return _value(payload, at, end, key, symbols, scratch, levels, kept)


def _value(
    payload: UInt8,
    at: int,
    end: int,
    key: int,
    symbols: tuple[UInt8, Int64, Int64],
    scratch: tuple[UInt8, Int64, Int64],
    levels: Int64,
    kept: int,
) -> tuple[int, int]:
    """Read a value; a price or a size is plain only behind the symbol, which has its units."""
    found, values, keys = scratch
    first = payload[at]
    behind = -1
    if first == _QUOTE and (key == _P or key == _B or key == _A or key == _Q or key == _BIG_B or key == _BIG_A):
        if found[_S] == _TEXT:
            unit = 0 if key == _P or key == _B or key == _A else 1
            behind, values[key, 0] = _decimal(payload, at + 1, end, int(symbols[2][values[_S, 0], unit]))
            found[key] = _DECIMAL
    elif first == _QUOTE:
        behind = _text_end(payload, at + 1, end)
        found[key], values[key, 0], values[key, 1] = _TEXT, at + 1, behind - 1
        if key == _S:
            values[key, 0] = _symbol(payload, at + 1, behind - 1, symbols)
            behind = behind if values[key, 0] >= 0 else -1
    elif _ZERO <= first <= _NINE:
        behind, whole = _whole(payload, at, end)
        found[key], values[key, 0] = _WHOLE, whole
    elif first == _T or first == _F:
        length = 4 if first == _T else 5
        behind = at + length if _spells(payload, at, end, first == _T) else -1
        found[key], values[key, 0] = _FLAG, int(first == _T)
    elif first == _LIST and (key == _B or key == _A) and found[_S] == _TEXT:
        behind, kept, values[key, 0] = _list(payload, at + 1, end, symbols[2][values[_S, 0]], levels, kept)
        found[key] = _LEVELS
    if behind >= 0:
        keys[0] += 1
        keys[keys[0]] = key
    else:
        found[key] = _NONE
    return behind, kept


def _spells(payload: UInt8, at: int, end: int, truth: bool) -> bool:
    """Say whether `true` or `false` stands here; its first letter does."""
    if truth:
        return at + 4 <= end and payload[at + 1] == 114 and payload[at + 2] == _U and payload[at + 3] == _E
    return (
        at + 5 <= end
        and payload[at + 1] == _A
        and payload[at + 2] == 108
        and payload[at + 3] == _S
        and payload[at + 4] == _E
    )


def _text_end(payload: UInt8, at: int, end: int) -> int:
    """Find the place behind a text's closing quote; -1 for one that is cut off or does not stand for itself."""
    while at < end and _is_visible(int(payload[at])):
        if payload[at] == _QUOTE:
            return at + 1
        at += 1
    return -1


def _is_visible(byte: int) -> bool:
    """Say whether a byte stands for itself: visible ASCII, and no escape."""
    return _SPACE <= byte <= _TILDE and byte != _BACKSLASH


def _whole(payload: UInt8, at: int, end: int) -> tuple[int, int]:
    """Read an unsigned whole number; return the place behind it, or -1, and the number."""
    begin, number = at, 0
    while at < end and _ZERO <= payload[at] <= _NINE:
        number = number * 10 + (int(payload[at]) - _ZERO)
        at += 1
        if at - begin > DIGITS_MAX:
            return -1, 0
    if payload[begin] == _ZERO and at - begin > 1:
        return -1, 0
    if at < end and payload[at] != _COMMA and payload[at] != _CLOSE:
        return -1, 0
    return at, number


def _decimal(payload: UInt8, at: int, end: int, exponent: int) -> tuple[int, int]:
    """Read a decimal and the quote behind it; return the place behind both, or -1, and it in units of 10^exponent."""
    begin, number, left = at, 0, -exponent
    while at < end and at - begin < DIGITS_MAX and _ZERO <= payload[at] <= _NINE:
        number = number * 10 + (int(payload[at]) - _ZERO)
        at += 1
    if at == begin or (payload[begin] == _ZERO and at - begin > 1):
        return -1, 0
    if at < end and payload[at] == _POINT:
        at += 1
        behind_point = at
        while at < end and left > 0 and _ZERO <= payload[at] <= _NINE:
            number = number * 10 + (int(payload[at]) - _ZERO)
            left -= 1
            at += 1
        while at < end and payload[at] == _ZERO:  # finer than the unit
            at += 1
        if at == behind_point or at - begin - 1 > DIGITS_MAX:
            return -1, 0
    if at >= end or payload[at] != _QUOTE:
        return -1, 0
    if left != 0:
        number = _shifted(number, left)
    return (at + 1, number) if number >= 0 else (-1, 0)


def _shifted(number: int, shift: int) -> int:
    """Give number * 10^shift; -1 where that is not exact or does not fit."""
    if shift > DIGITS_MAX or shift < -DIGITS_MAX:
        return -1
    if shift >= 0:
        power = _power(shift)
        return number * power if number <= _INT64_MAX // power else -1
    power = _power(-shift)
    return number // power if number % power == 0 else -1


def _list(payload: UInt8, at: int, end: int, exponents: Int64, levels: Int64, kept: int) -> tuple[int, int, int]:
    """Read `["price","size"],...]` behind its first bracket; return the place behind, the levels' end and the count."""
    if at < end and payload[at] == _END:
        return at + 1, kept, 0
    begin = kept
    while at + 1 < end:
        if payload[at] != _LIST or payload[at + 1] != _QUOTE or kept >= len(levels):
            return -1, begin, 0
        at, levels[kept, 0] = _decimal(payload, at + 2, end, int(exponents[0]))
        if at < 0 or at + 1 >= end or payload[at] != _COMMA or payload[at + 1] != _QUOTE:
            return -1, begin, 0
        at, levels[kept, 1] = _decimal(payload, at + 2, end, int(exponents[1]))
        if at < 0 or at + 1 >= end or payload[at] != _END:
            return -1, begin, 0
        kept += 1
        at += 2
        if payload[at - 1] == _END:
            return at, kept, kept - begin
        if payload[at - 1] != _COMMA:
            return -1, begin, 0
    return -1, begin, 0


def _classify(
    payload: UInt8,
    words: tuple[UInt8, UInt8, UInt8, UInt8, UInt8, UInt8],
    scratch: tuple[UInt8, Int64, Int64],
    line: Int64,
) -> None:
    """Say what the fields mean, and fill the row's line."""
    found, values, _ = scratch
    if found[_S] != _TEXT:
        return
    line[SYMBOL] = values[_S, 0]
    line[TIME] = _time(found, values)
    if line[TIME] < NO_TIME or line[TIME] > _INT64_MAX // _NS_PER_MS:
        return
    if found[_E] == _NONE:
        _quote(scratch, line)
        return
    if found[_E] != _TEXT:
        return
    begin, end = int(values[_E, 0]), int(values[_E, 1])
    if end - begin == len(words[2]) and _is_at(payload, begin, end, words[2]):
        _trade(scratch, line, TRADE, _T)
    elif end - begin == len(words[3]) and _is_at(payload, begin, end, words[3]):
        _trade(scratch, line, AGG_TRADE, _A)
    elif end - begin == len(words[4]) and _is_at(payload, begin, end, words[4]):
        _quote(scratch, line)
    elif end - begin == len(words[5]) and _is_at(payload, begin, end, words[5]):
        _depth(scratch, line)


def _symbol(payload: UInt8, begin: int, end: int, symbols: tuple[UInt8, Int64, Int64]) -> int:
    texts, ends, _ = symbols
    start = 0
    for number in range(len(ends)):
        behind = int(ends[number])
        if behind - start == end - begin:
            same = True
            for i in range(end - begin):
                if texts[start + i] != payload[begin + i]:
                    same = False
                    break
            if same:
                return number
        start = behind
    return -1


def _time(found: UInt8, values: Int64) -> int:
    """Give venue time: T, else E, else none; less than none where the field is no whole number."""
    if found[_BIG_T] != _NONE:
        return int(values[_BIG_T, 0]) if found[_BIG_T] == _WHOLE else NO_TIME - 1
    if found[_BIG_E] != _NONE:
        return int(values[_BIG_E, 0]) if found[_BIG_E] == _WHOLE else NO_TIME - 1
    return NO_TIME


def _figure(scratch: tuple[UInt8, Int64, Int64], key: int) -> int:
    """Give a price or a size in its unit; -1 where it is missing."""
    found, values, _ = scratch
    return int(values[key, 0]) if found[key] == _DECIMAL else -1


def _trade(scratch: tuple[UInt8, Int64, Int64], line: Int64, kind: int, id_key: int) -> None:
    found, values, _ = scratch
    if found[id_key] != _WHOLE or found[_M] != _FLAG or found[_BIG_T] != _WHOLE:
        return
    line[PRICE], line[SIZE] = _figure(scratch, _P), _figure(scratch, _Q)
    line[ID], line[MAKER] = values[id_key, 0], values[_M, 0]
    if line[PRICE] > 0 and line[SIZE] > 0:
        line[KIND] = kind


def _quote(scratch: tuple[UInt8, Int64, Int64], line: Int64) -> None:
    found, values, _ = scratch
    if found[_U] != _WHOLE:
        return
    line[PRICE], line[PRICE_2] = _figure(scratch, _B), _figure(scratch, _A)
    line[SIZE], line[SIZE_2] = _figure(scratch, _BIG_B), _figure(scratch, _BIG_A)
    line[ID] = values[_U, 0]
    if line[PRICE] >= 0 and line[PRICE_2] >= 0 and line[SIZE] >= 0 and line[SIZE_2] >= 0:
        line[KIND] = QUOTE


def _depth(scratch: tuple[UInt8, Int64, Int64], line: Int64) -> None:
    found, values, keys = scratch
    if found[_B] != _LEVELS or found[_A] != _LEVELS or found[_U] != _WHOLE or found[_BIG_U] != _WHOLE:
        return
    if line[TIME] == NO_TIME or (found[PU] != _NONE and found[PU] != _WHOLE):
        return
    for at in range(1, int(keys[0]) + 1):  # asks before bids would leave the levels in the wrong order
        if keys[at] == _A:
            return
        if keys[at] == _B:
            break
    line[ID], line[FIRST_ID] = values[_U, 0], values[_BIG_U, 0]
    line[PREVIOUS_ID] = values[PU, 0] if found[PU] == _WHOLE else NO_PREVIOUS
    line[BIDS], line[ASKS] = values[_B, 0], values[_A, 0]
    if line[BIDS] <= LEVELS_MAX and line[ASKS] <= LEVELS_MAX:
        line[KIND] = DEPTH
