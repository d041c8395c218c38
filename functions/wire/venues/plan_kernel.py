"""Fill columns of prints and quotes with the rows of a batch that a plan can read, and leave the others.

Loops over arrays only, so they run plain or compiled with the same results. `scan` walks each row and writes a line for
every print and quote; then the symbols it met are looked up; then `settle` puts the lines into units and columns. A row
is taken whole or left whole, and a kernel never rejects: what is left is read by the venue's other readers. What the
tables hold says `plans`.
"""

from typing import Final

from functions.domain.market import NO_VENUE_TIME, QUOTE_CROSSED, QUOTE_LOCKED, TRADE_WITHOUT_ID, Int64, UInt8
from functions.wire.venues import row_kernel as rows
from functions.wire.venues import text_kernel

# A call hands over seven words for each array, which costs more than what these do.
INLINED: Final = frozenset(("_cell",))

SECTION, ENTRIES, COUNT, GUARDS, GUARD_COUNT, TRIGGERS, TRIGGER_COUNT = range(7)
"""Columns of a shape: its section, the entries it may be of as bits, how many columns the row has or -1, and where its
guards and triggers stand among all."""
SYMBOL, CLOCK, ID, ID_FORM, SIDES, SIDE_COUNT, SIDE, FLAGS, FLAG_FORM, FLAG_TABLE, OPTIONAL = range(7, 18)
"""Columns of a shape: slots of symbol, id, side and flags, how time, id and flags are written, the words for sides, the
table of flags, and what may be missing as bits: each figure, the id, the time."""
TIMES, FIGURES, FRACTIONS = 18, 22, 26
"""The first of four columns each: slots of time and its further parts, slots of figures, and how many of a figure's
digits stand behind a point that is not written."""
SHAPE_COLUMNS: Final = 30
OPTIONAL_ID, OPTIONAL_TIME = 4, 5
TRADE, QUOTE = range(2)
NO_CLOCK, ISO, LATER_ISO, MILLISECONDS, SECONDS, DATE_MILLISECONDS, WALL, COMPACT = range(8)
"""How a time is written; COMPACT is `20130101 22:00:00.295`."""
NO_ID, WHOLE_ID, DIGITS_ID, ANY_ID = range(4)
NO_FLAGS, NUMBERS, LETTERS, HEX = range(4)
GUARD_SLOT, GUARD_WORD, GUARD_END, GUARD_OPTIONAL = range(4)
SIDE_WORD, SIDE_END, SIDE_IS = range(3)
TABLE_SIZE: Final = 256
LEFT: Final = -1
"""Flags of a number or letter at which the row is left."""

LEAVE, READ, CHECK = range(3)
ROW, SHAPE, INSTRUMENT, TS, VALUES, PLACES, IS_SIDE, NUMBER, MORE = 0, 1, 2, 3, 4, 8, 12, 13, 14
LINE_COLUMNS: Final = 15
LINES, NAMES = range(2)
NO_TIME: Final = -1
NAMES_MAX: Final = 1024
LETTERS_MAX: Final = 8
DIGITS_MAX: Final = 18
_HEX_MAX: Final = 8
_WALL_DIGITS_MAX: Final = 9
_DATE: Final = 10
_HOUR_MS: Final = 3_600_000
_NS_PER_MS: Final = 1_000_000
_DAY_MS: Final = 86_400_000
_INT64_MAX: Final = 2**63 - 1
_HASH: Final = 31
_HASH_MASK: Final = 2**40 - 1

_NO_VENUE_TIME, _CROSSED, _LOCKED, _WITHOUT_ID = NO_VENUE_TIME, QUOTE_CROSSED, QUOTE_LOCKED, TRADE_WITHOUT_ID

# Bytes by the characters they stand for.
_COMMA, _POINT, _ZERO, _NINE, _BIG_A, _BIG_F, _A, _F, _BLANK = 44, 46, 48, 57, 65, 70, 97, 102, 32


def scan(
    batch: tuple[UInt8, Int64],
    plan: tuple[Int64, Int64, UInt8, Int64],
    shapes: tuple[Int64, Int64, Int64, UInt8, Int64, Int64],
    scratch: tuple[Int64, Int64],
    names: tuple[Int64, Int64],
    lines: Int64,
    counts: Int64,
    taken: UInt8,
    is_csv: bool,
) -> None:
    """Write a line for every print and quote of the rows that the plan can read.

    Args:
        batch: Payload and row offsets.
        plan: See `row_kernel.walk`.
        shapes: Shapes, guards, words for sides, bytes of words, tables of flags, and (24,) when each hour of the wall
            clock's day begins.
        scratch: See `row_kernel.walk`.
        names: Hash table of symbols, -1 at first, and (NAMES_MAX, 2) where each stands first in the payload.
        lines: (k, LINE_COLUMNS) filled.
        counts: Counts of lines and of symbols, 0 at first.
        taken: (n,) LEAVE, READ, or CHECK for a row that must first be seen to be text; made LEAVE or READ.
        is_csv: Whether rows are columns parted by commas.
    """
    payload, offsets = batch
    for row in range(len(taken)):
        begin, end, asked = int(offsets[row]), int(offsets[row + 1]), int(taken[row])
        taken[row] = LEAVE
        if asked == LEAVE or (asked == CHECK and not rows.is_text(payload, begin, end)):
            continue
        entries, columns = 1, -1
        if is_csv:
            columns = rows.columns(payload, begin, end, plan[0], scratch[1])
        else:
            entries = rows.walk(payload, begin, end, plan, scratch)
        before = counts[LINES]
        is_read = entries > 0
        for entry in range(1, entries + 1):
            if not _tell(payload, shapes, scratch[1], names, lines, counts, row, entry, columns):
                is_read = False
                break
        if is_read:
            taken[row] = READ
        else:
            counts[LINES] = before


def _tell(
    payload: UInt8,
    shapes: tuple[Int64, Int64, Int64, UInt8, Int64, Int64],
    cells: Int64,
    names: tuple[Int64, Int64],
    lines: Int64,
    counts: Int64,
    row: int,
    entry: int,
    columns: int,
) -> bool:
    """Write the lines of one entry; say whether it has any and all of it could be read."""
    before = counts[LINES]
    for shape in range(len(shapes[0])):
        if not _applies(payload, shapes, shape, cells, entry, columns):
            continue
        line = counts[LINES]
        if line == len(lines):
            return False
        lines[line, ROW], lines[line, SHAPE] = row, shape
        if not _fill(payload, shapes, shape, cells, entry, lines, int(line)):
            return False
        name = _named(payload, shapes[0], shape, cells, entry, names, counts)
        if name < 0:
            return False
        lines[line, INSTRUMENT] = name
        counts[LINES] += 1
    return bool(counts[LINES] > before)


def _cell(cells: Int64, slot: int, entry: int) -> tuple[int, int, int]:
    """Give what stands in a slot of an entry, or of its row, and where."""
    where = entry
    if slot < 0:  # the row's own
        where, slot = 0, -slot
    return int(cells[where, slot, 0]), int(cells[where, slot, 1]), int(cells[where, slot, 2])


def _applies(
    payload: UInt8,
    shapes: tuple[Int64, Int64, Int64, UInt8, Int64, Int64],
    shape: int,
    cells: Int64,
    entry: int,
    columns: int,
) -> bool:
    """Say whether an entry is of a shape: where it stands, what its guards say, and that a trigger is there."""
    told, guards, _, words, _, _ = shapes
    if not (told[shape, ENTRIES] >> cells[entry, 0, rows.WHAT]) & 1:
        return False
    if columns != told[shape, COUNT]:
        return False
    first = int(told[shape, GUARDS])
    for guard in range(first, first + int(told[shape, GUARD_COUNT])):
        what, begin, end = _cell(cells, int(guards[guard, GUARD_SLOT]), entry)
        if what == rows.NONE and guards[guard, GUARD_OPTIONAL] == 1:
            continue
        if what != rows.TEXT or not _is_word(
            payload, begin, end, words, int(guards[guard, GUARD_WORD]), int(guards[guard, GUARD_END])
        ):
            return False
    first, count = int(told[shape, TRIGGERS]), int(told[shape, TRIGGER_COUNT])
    for trigger in range(first, first + count):
        what, _, _ = _cell(cells, int(guards[trigger, GUARD_SLOT]), entry)
        if what != rows.NONE:
            return True
    return count == 0


def _is_word(payload: UInt8, begin: int, end: int, words: UInt8, word: int, word_end: int) -> bool:
    if end - begin != word_end - word:
        return False
    for i in range(end - begin):
        if payload[begin + i] != words[word + i]:
            return False
    return True


def _named(
    payload: UInt8,
    told: Int64,
    shape: int,
    cells: Int64,
    entry: int,
    names: tuple[Int64, Int64],
    counts: Int64,
) -> int:
    """Number the symbols of a batch as they come; 0 is the batch's own. -1 where there is none, or one too many."""
    if told[shape, SYMBOL] == 0:
        return 0
    what, begin, end = _cell(cells, int(told[shape, SYMBOL]), entry)
    if what != rows.TEXT or begin == end:
        return -1
    table, spans = names
    key = end - begin
    for at in range(begin, end):
        key = (key * _HASH + int(payload[at])) & _HASH_MASK
    mask = len(table) - 1
    place = (key ^ (key >> 15)) & mask
    while table[place] >= 0:
        known = int(table[place])
        if _is_word(payload, begin, end, payload, int(spans[known, 0]), int(spans[known, 1])):
            return known
        place = (place + 1) & mask
    number = int(counts[NAMES]) + 1
    if number >= len(spans):
        return -1
    counts[NAMES] = number
    table[place], spans[number, 0], spans[number, 1] = number, begin, end
    return number


def _fill(
    payload: UInt8,
    shapes: tuple[Int64, Int64, Int64, UInt8, Int64, Int64],
    shape: int,
    cells: Int64,
    entry: int,
    lines: Int64,
    line: int,
) -> bool:
    """Read an entry's values; say whether all are there and plain."""
    told = shapes[0]
    ts = _time(payload, shapes, shape, cells, entry)
    if ts < NO_TIME:
        return False
    lines[line, TS] = ts
    for figure in range(2 if told[shape, SECTION] == TRADE else 4):
        if not _figure(payload, told, shape, cells, entry, figure, lines, line):
            return False
    flags = _flags(payload, shapes, shape, cells, entry)
    if flags < 0:
        return False
    number = _id(payload, told, shape, cells, entry)
    if number < NO_TIME:
        return False
    if number < 0:
        number, flags = 0, flags | (_WITHOUT_ID if told[shape, SECTION] == TRADE else 0)
    side = _side(payload, shapes, shape, cells, entry)
    lines[line, NUMBER], lines[line, MORE], lines[line, IS_SIDE] = number, flags, side
    return side >= 0


def _time(
    payload: UInt8,
    shapes: tuple[Int64, Int64, Int64, UInt8, Int64, Int64],
    shape: int,
    cells: Int64,
    entry: int,
) -> int:
    """Give the time, UTC nanoseconds; -1 where there is none, -2 where it cannot be read."""
    told = shapes[0]
    clock = told[shape, CLOCK]
    if clock == NO_CLOCK:
        return NO_TIME
    if clock == DATE_MILLISECONDS:
        return _day_ns(payload, told, shape, cells, entry)
    what, begin, end = _cell(cells, int(told[shape, TIMES]), entry)
    if what == rows.NONE:
        return NO_TIME if (told[shape, OPTIONAL] >> OPTIONAL_TIME) & 1 else NO_TIME - 1
    ts = -1
    if clock == MILLISECONDS:
        ts = text_kernel.whole(payload, begin, end) if what == rows.WHOLE else -1
        ts = ts * _NS_PER_MS if ts <= _INT64_MAX // _NS_PER_MS else -1
    elif what == rows.TEXT:
        ts = _text_ns(payload, int(clock), begin, end, shapes[5])
        if clock == LATER_ISO:
            what, begin, end = _cell(cells, int(told[shape, TIMES + 1]), entry)
            later = text_kernel.utc_ns(payload, begin, end - begin) if what == rows.TEXT else -1
            ts = max(ts, later) if later >= 0 and ts >= 0 else -1
    return ts if ts >= 0 else NO_TIME - 1


def _text_ns(payload: UInt8, clock: int, begin: int, end: int, hours: Int64) -> int:
    """Read a time that is written as a text; -1 where it is none."""
    if clock == ISO or clock == LATER_ISO:
        return text_kernel.utc_ns(payload, begin, end - begin)
    if clock == SECONDS:
        number, fraction = text_kernel.decimal(payload, begin, end)
        return text_kernel.in_units(number, fraction, -9)
    if clock == WALL:
        return _wall_ns(payload, begin, end, hours)
    return text_kernel.compact_ns(payload, begin, end - begin)


def _day_ns(payload: UInt8, told: Int64, shape: int, cells: Int64, entry: int) -> int:
    """Read a date and whole milliseconds since its midnight: the entry's own, else those of all its fields."""
    date, begin, end = _cell(cells, int(told[shape, TIMES]), entry)
    within, first, last = _cell(cells, int(told[shape, TIMES + 1]), entry)
    if date == rows.NONE or within == rows.NONE:
        date, begin, end = _cell(cells, int(told[shape, TIMES + 2]), entry)
    if within == rows.NONE:
        within, first, last = _cell(cells, int(told[shape, TIMES + 3]), entry)
    if date == rows.NONE or within == rows.NONE:
        return NO_TIME
    if date != rows.TEXT or within != rows.WHOLE or end - begin != _DATE:
        return NO_TIME - 1
    since, days = text_kernel.whole(payload, first, last), text_kernel.date_days(payload, begin)
    if since < 0 or since >= _DAY_MS or days < 0:
        return NO_TIME - 1
    return (days * _DAY_MS + since) * _NS_PER_MS


def _wall_ns(payload: UInt8, begin: int, end: int, hours: Int64) -> int:
    """Read whole milliseconds since midnight on a wall clock."""
    since = text_kernel.whole(payload, begin, end)
    if since < 0 or since >= _DAY_MS or end - begin > _WALL_DIGITS_MAX:
        return -1
    return int(hours[since // _HOUR_MS]) + since % _HOUR_MS * _NS_PER_MS


def _figure(
    payload: UInt8, told: Int64, shape: int, cells: Int64, entry: int, figure: int, lines: Int64, line: int
) -> bool:
    slot = int(told[shape, FIGURES + figure])
    number, fraction = 0, 0
    what = rows.NONE
    if slot != 0:
        what, begin, end = _cell(cells, slot, entry)
        if what != rows.NONE:
            if what != rows.TEXT and what != rows.WHOLE and what != rows.FRACTION:
                return False
            number, fraction = text_kernel.decimal(payload, begin, end)
    if what == rows.NONE and not (told[shape, OPTIONAL] >> figure) & 1:
        return False
    if fraction < 0:
        return False
    shift = told[shape, FRACTIONS + figure]
    if shift > 0 and fraction > 0:  # such a price is a whole number
        return False
    lines[line, VALUES + figure], lines[line, PLACES + figure] = number, fraction + shift
    return True


def _id(payload: UInt8, told: Int64, shape: int, cells: Int64, entry: int) -> int:
    """Give the id; -1 where there is none, -2 where it cannot be read."""
    form = told[shape, ID_FORM]
    if form == NO_ID:
        return -1
    what, begin, end = _cell(cells, int(told[shape, ID]), entry)
    if what == rows.NONE:
        return -1 if (told[shape, OPTIONAL] >> OPTIONAL_ID) & 1 else -2
    is_read = what == rows.WHOLE and form != DIGITS_ID
    if what == rows.TEXT:
        is_read = form == DIGITS_ID or form == ANY_ID
    number = text_kernel.whole(payload, begin, end) if is_read else -1
    return number if number >= 0 else -2


def _side(
    payload: UInt8,
    shapes: tuple[Int64, Int64, Int64, UInt8, Int64, Int64],
    shape: int,
    cells: Int64,
    entry: int,
) -> int:
    """Give what a word says of the side, 0 where no word does; -1 where it is unknown."""
    told, _, sides, words, _, _ = shapes
    first, count = int(told[shape, SIDES]), int(told[shape, SIDE_COUNT])
    if count == 0:
        return 0
    what, begin, end = _cell(cells, int(told[shape, SIDE]), entry)
    if what == rows.TEXT:
        for side in range(first, first + count):
            if _is_word(payload, begin, end, words, int(sides[side, SIDE_WORD]), int(sides[side, SIDE_END])):
                return int(sides[side, SIDE_IS])
    return -1


def _flags(
    payload: UInt8,
    shapes: tuple[Int64, Int64, Int64, UInt8, Int64, Int64],
    shape: int,
    cells: Int64,
    entry: int,
) -> int:
    """Join the flags of an entry's numbers, letters or bits; -1 where they cannot be read."""
    told, table = shapes[0], int(shapes[0][shape, FLAG_TABLE])
    form = told[shape, FLAG_FORM]
    if form == NO_FLAGS:
        return 0
    what, at, end = _cell(cells, int(told[shape, FLAGS]), entry)
    if what == rows.NONE:
        return 0 if form != HEX else -1
    if form == NUMBERS:
        return _by_number(payload, at, end, shapes[4], table) if what == rows.NUMBERS else -1
    if what != rows.TEXT or end - at > LETTERS_MAX:
        return -1
    if form == HEX:
        return _by_bit(payload, at, end, shapes[4], table)
    flags = 0
    for place in range(at, end):
        flags |= int(shapes[4][table, int(payload[place])])
    return flags


def _by_number(payload: UInt8, at: int, end: int, tables: Int64, table: int) -> int:
    flags, number, digits = 0, 0, 0
    for place in range(at, end + 1):
        byte = _COMMA if place == end else int(payload[place])
        if byte == _COMMA:
            if number >= TABLE_SIZE:
                return -1
            flags |= int(tables[table, number]) if digits > 0 else 0
            number, digits = 0, 0
        elif byte != _BLANK:
            number = min(number * 10 + byte - _ZERO, TABLE_SIZE)
            digits += 1
    return flags


def _by_bit(payload: UInt8, at: int, end: int, tables: Int64, table: int) -> int:
    bits = 0
    for place in range(at, end):
        byte = int(payload[place])
        if _ZERO <= byte <= _NINE:
            bits = bits * 16 + byte - _ZERO
        elif _BIG_A <= byte <= _BIG_F:
            bits = bits * 16 + byte - _BIG_A + 10
        elif _A <= byte <= _F:
            bits = bits * 16 + byte - _A + 10
        else:
            return -1
    flags, bit = 0, 0
    while bits > 0:
        if bits & 1:
            flags |= int(tables[table, bit])
        bits >>= 1
        bit += 1
    return flags if end > at else -1


def settle(
    times: tuple[Int64, int],
    shapes: tuple[Int64, Int64],
    instruments: Int64,
    lines: Int64,
    counts: Int64,
    taken: UInt8,
    trades: Int64,
    quotes: Int64,
    told: Int64,
) -> None:
    """Put lines into units and columns; rows that break a rule are left.

    Args:
        times: (n,) receive times, and how far venue time may be ahead of them, nanoseconds.
        shapes: Shapes, and the flags that all of each have.
        instruments: (s, 3) number of each symbol's instrument, -1 for none, and its price and size exponents.
        lines: Of `scan`; put into units.
        counts: Of `scan`.
        taken: (n,) made 0 where a row is left.
        trades: (9, k) filled: the columns of `Trades`.
        quotes: (10, k) filled: the columns of `Quotes`.
        told: Counts of trades, of quotes, and of rows by shape, 0 at first; a row counts as its first print or quote.
    """
    begin, count = 0, int(counts[LINES])
    while begin < count:
        row = int(lines[begin, ROW])
        end, is_good = begin, True
        while end < count and lines[end, ROW] == row:
            is_good = is_good and _scale(times, shapes[0], instruments, lines, end)
            end += 1
        if is_good:
            first = begin
            for line in range(begin, end):
                if shapes[0][lines[line, SHAPE], SECTION] == TRADE:
                    _put_trade(times, shapes[1], lines, line, trades, told)
                    if shapes[0][lines[first, SHAPE], SECTION] == QUOTE:
                        first = line
                else:
                    _put_quote(times, lines, line, quotes, told)
            told[2 + lines[first, SHAPE]] += 1
        else:
            taken[row] = LEAVE
        begin = end


def _scale(times: tuple[Int64, int], shapes: Int64, instruments: Int64, lines: Int64, line: int) -> bool:
    """Put a line's figures into its instrument's units; say whether they and its time keep the rules."""
    row, name = int(lines[line, ROW]), int(lines[line, INSTRUMENT])
    if instruments[name, 0] < 0 or lines[line, TS] - times[1] > times[0][row]:
        return False
    is_trade = shapes[lines[line, SHAPE], SECTION] == TRADE
    for figure in range(2 if is_trade else 4):
        exponent = int(instruments[name, 1 + figure % 2])
        value = text_kernel.in_units(int(lines[line, VALUES + figure]), int(lines[line, PLACES + figure]), exponent)
        if value < 0 or (value == 0 and is_trade):
            return False
        lines[line, VALUES + figure] = value
    lines[line, INSTRUMENT] = instruments[name, 0]
    return True


def _put_trade(times: tuple[Int64, int], flags: Int64, lines: Int64, line: int, trades: Int64, told: Int64) -> None:
    at, row = told[0], lines[line, ROW]
    told[0] += 1
    ts, received = lines[line, TS], times[0][row]
    trades[0, at], trades[1, at] = row, lines[line, INSTRUMENT]
    trades[2, at], trades[3, at] = received if ts == NO_TIME else ts, received
    trades[4, at], trades[5, at] = lines[line, VALUES], lines[line, VALUES + 1]
    trades[6, at], trades[7, at] = lines[line, IS_SIDE], lines[line, NUMBER]
    trades[8, at] = lines[line, MORE] | flags[lines[line, SHAPE]]


def _put_quote(times: tuple[Int64, int], lines: Int64, line: int, quotes: Int64, told: Int64) -> None:
    at, row = told[1], lines[line, ROW]
    told[1] += 1
    ts, received = lines[line, TS], times[0][row]
    quotes[0, at], quotes[1, at] = row, lines[line, INSTRUMENT]
    quotes[2, at], quotes[3, at] = received if ts == NO_TIME else ts, received
    bid, ask = lines[line, VALUES], lines[line, VALUES + 2]
    quotes[4, at], quotes[5, at] = bid, lines[line, VALUES + 1]
    quotes[6, at], quotes[7, at] = ask, lines[line, VALUES + 3]
    quotes[8, at] = lines[line, NUMBER]
    flags = _NO_VENUE_TIME if ts == NO_TIME else 0
    if bid >= ask > 0:  # a price of 0 says that this side is empty, so there is nothing to cross
        flags |= _CROSSED if bid > ask else _LOCKED
    quotes[9, at] = flags
