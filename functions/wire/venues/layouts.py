"""Remember what rows look like once their digits are blanked, so that a known row costs one dictionary look-up.

A venue's rows repeat a few forms: blank the digits, and what is left says which kind of message it is, whose it is, and
where each number stands. Such a form is read once, as JSON, and kept as a layout: one column of the tables here. The
tables are a bounded memory of a pure function, so what a decoder answers never depends on what it has seen before.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from functions.domain.errors import Rejected
from functions.domain.market import Int64
from functions.wire.venues.digits import DIGITS_MAX, FRACTION_MAX, NO_POINT, Masks, masks_of

PRICES, SIZES, ID, TIME, MORE_IDS = slice(0, 2), slice(2, 4), 4, 5, slice(6, 8)
"""Slots of a row's numbers: price or bid and ask, their sizes, id, venue time, and two more ids of a book message."""
SLOTS: Final = 8
CHECKED_MAX: Final = 8
"""Unquoted numbers of one row that are checked for leading zeros."""
LAYOUTS_MAX: Final = 8192
"""Forms that are remembered; when full, all are forgotten and learnt again."""
ROWS_FREE: Final = 2048
"""Forms that one batch may add: at most four for each of its 512 rows."""
FORM_BYTES_MAX: Final = 1024
"""Longest blanked row that is remembered."""

SLOW: Final = 0
TRADE: Final = 1
QUOTE: Final = 2
BOOK: Final = 3

_CUTS: Final = [f"{size}s" for size in range(FORM_BYTES_MAX + 1)]
_TEN: Final = 10  # digits
_RUN: Final = re.compile(rb"[0.]*0[0.]*")
_DECIMAL: Final = re.compile(rb"0+(?:\.(0+))?")
_SYMBOL: Final = re.compile(r"[!-~]{1,64}")
_FIRST_LABEL: Final = 1000  # labels have four digits and never begin with 0, so they are legal JSON numbers
_RUNS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Run:
    """Say where a number stands in its row, and how it is written."""

    end: int
    digits: int
    fraction: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Say what one form of row means.

    Args:
        kind: TRADE, QUOTE or BOOK.
        name: The venue's name of the kind.
        symbol: Venue symbol; empty when the rows name none, or when it has digits.
        slots: Where its numbers stand, by slot; one that is None or missing reads as 0.
        flags: Flags of the section's column.
        side: Aggressor side of a trade.
        symbol_span: Where the symbol stands when it has digits of its own.
    """

    kind: int
    name: str
    symbol: str
    slots: tuple[Run | None, ...] = ()
    flags: int = 0
    side: int = 0
    symbol_span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Style:
    """What of a layout does not change from row to row.

    `price_fraction` and `size_fraction` are the digits behind the point: a number, MIXED, or None without decimals.
    """

    kind: int
    name: str
    symbol: str
    timed: bool
    price_fraction: int | None
    size_fraction: int | None


MIXED: Final = -2
"""Fraction of prices or sizes that differ in it."""


def _style(layout: Layout) -> Style:
    return Style(
        kind=layout.kind,
        name=layout.name,
        symbol=layout.symbol,
        timed=len(layout.slots) > TIME and layout.slots[TIME] is not None,
        price_fraction=_fraction(layout.slots[PRICES]),
        size_fraction=_fraction(layout.slots[SIZES]),
    )


def _fraction(slots: tuple[Run | None, ...]) -> int | None:
    found = {run.fraction for run in slots if run}
    return MIXED if len(found) > 1 else found.pop() if found else None


class Form:
    """Read one blanked row as JSON whose numbers are labels, so that a field leads back to where it stands."""

    def __init__(self, blank: bytes) -> None:
        """Label the numbers.

        Raises:
            ValueError: The form is not one that can be read at a glance: it has escapes, text beyond ASCII, too many
                numbers, or is no JSON.
        """
        spans = [match.span() for match in _RUN.finditer(blank)]
        if b"\\" in blank or not blank.isascii() or len(spans) > _RUNS_MAX:
            message = "the form has escapes, text beyond ASCII or too many numbers"
            raise ValueError(message)
        self.blank = blank
        self.runs = [_run(blank, start, end) for start, end in spans]
        # A leading zero is illegal where a number is not quoted.
        self.checked = [
            start for start, end in spans if blank[start - 1 : start] != b'"' and blank[start + 1 : start + 2] == b"0"
        ]
        if len(self.checked) > CHECKED_MAX:
            message = "the form has too many unquoted numbers"
            raise ValueError(message)
        labels = iter(range(_FIRST_LABEL, _FIRST_LABEL + len(spans)))
        self.content: object = msgspec.json.decode(_RUN.sub(lambda _: b"%d" % next(labels), blank))

    def number(self, value: object, *, quoted: bool) -> Run:
        """Lead a field's value back to its number.

        Raises:
            ValueError: The value is no lone number, or not written as this field's numbers are.
        """
        label = value if type(value) is int else -1
        if quoted and isinstance(value, str) and len(value) == len(str(_FIRST_LABEL)) and value.isdigit():
            label = int(value)
        index = label - _FIRST_LABEL
        if not 0 <= index < len(self.runs) or (not quoted and self.runs[index].fraction != NO_POINT):
            message = f"{value!r} is no number of this field"
            raise ValueError(message)
        return self.runs[index]

    def symbol(self, value: object) -> tuple[str, tuple[int, int] | None]:
        """Give the symbol, or where it stands when digits are part of it.

        Raises:
            ValueError: There is no symbol, or it cannot be found.
        """
        if not isinstance(value, str) or _SYMBOL.fullmatch(value) is None:
            message = "the form has no symbol"
            raise ValueError(message)
        if not any(char.isdigit() for char in value):
            return value, None
        start = self.blank.find(b'"s":"') + len(b'"s":"')
        end = self.blank.find(b'"', start)
        if start < len(b'"s":"') or self.blank.count(b'"s":') != 1:
            message = "the symbol has digits and cannot be found"
            raise ValueError(message)
        return "", (start, end)


def _run(blank: bytes, start: int, end: int) -> Run:
    match = _DECIMAL.fullmatch(blank, start, end)
    behind = match.group(1) if match else None
    fraction = NO_POINT if behind is None else len(behind)
    digits = end - start - (behind is not None)
    if match is None or digits > DIGITS_MAX or fraction > FRACTION_MAX:
        message = "the form has a number that is no plain decimal, or a long one"
        raise ValueError(message)
    return Run(end, digits, fraction)


class Layouts:
    """Hold the layouts as tables: column `i` of each is layout `i`; layout 0 is SLOW, a row to be read by itself."""

    def __init__(self, read: Callable[[Form], Layout | None]) -> None:
        """Start empty; `read` says what a form means, or None when it takes a slower look."""
        self._read = read
        self.forget()

    def forget(self) -> None:
        """Forget everything."""
        self._numbered: dict[bytes, int] = {}
        self.ids: dict[bytes, int] = {}
        self.layouts: list[Layout] = []
        self._named: dict[tuple[int, bytes], int] = {}
        self._styles: dict[Style, int] = {}
        self.styles: list[Style] = []
        self.kind = np.zeros(LAYOUTS_MAX, np.int64)
        self.style = np.zeros(LAYOUTS_MAX, np.int64)
        self.nameless = np.zeros(LAYOUTS_MAX, np.bool_)
        self.flags = np.zeros(LAYOUTS_MAX, np.uint8)
        self.side = np.zeros(LAYOUTS_MAX, np.uint8)
        self.end = np.zeros((SLOTS, LAYOUTS_MAX), np.int64)
        self.last = np.zeros((SLOTS, LAYOUTS_MAX), np.uint64)
        self.middle = np.zeros((SLOTS, LAYOUTS_MAX), np.uint64)
        self.first = np.zeros((SLOTS, LAYOUTS_MAX), np.uint64)
        self.long = False
        self.fraction = np.full((SLOTS, LAYOUTS_MAX), NO_POINT, np.int64)
        self.checked = np.zeros((CHECKED_MAX, LAYOUTS_MAX), np.int64)
        self.checked_most = 0
        self._add(Layout(SLOW, "", ""), [])

    def make_room(self) -> None:
        """Forget everything when another batch could overflow the tables."""
        if len(self.ids) + len(self._numbered) > LAYOUTS_MAX - ROWS_FREE or len(self.layouts) > LAYOUTS_MAX - ROWS_FREE:
            self.forget()

    def known(self, blank: bytes, lengths: list[int]) -> Int64:
        """Give the layouts of a batch's rows, -1 for those that must be looked at.

        Args:
            blank: The rows, blanked, back to back.
            lengths: (n) length of each row.
        """
        # One unpacking cuts the rows apart several times faster than slicing does; long rows are skipped.
        cut = struct.Struct("".join([_CUTS[size] if size <= FORM_BYTES_MAX else f"{size}x" for size in lengths]))
        found = list(map(self.ids.get, cut.unpack(blank), repeat(-1)))
        if len(found) == len(lengths):
            return np.array(found, np.int64)
        ids = np.full(len(lengths), -1, np.int64)
        ids[[row for row, size in enumerate(lengths) if size <= FORM_BYTES_MAX]] = found
        return ids

    def find(self, blank: bytes) -> int:
        """Give the layout of a form, learning it when it is new."""
        found = self.ids.get(blank)
        if found is None:
            found = self._numbered.get(blank)
        if found is None:
            found = self._learn(blank)
            if len(blank) <= FORM_BYTES_MAX:
                # A form whose symbol has digits must be looked at each time, so it is kept out of the quick look-up.
                known = self.ids if self.layouts[found].symbol_span is None else self._numbered
                known[blank] = found
        return found

    def named(self, found: int, symbol: bytes) -> int:
        """Give the layout for one symbol of a form whose symbols have digits."""
        key = (found, symbol)
        name = self._named.get(key)
        if name is None:
            was = self.layouts[found]
            layout = replace(was, symbol=symbol.decode("ascii"), symbol_span=None)
            name = self._add(layout, self._starts(found))
            self._named[key] = name
        return name

    def _learn(self, blank: bytes) -> int:
        try:
            form = Form(blank)
            layout = self._read(form)
        except (Rejected, ValueError, KeyError, TypeError, RecursionError, msgspec.DecodeError):
            return SLOW
        return SLOW if layout is None else self._add(layout, form.checked)

    def _starts(self, found: int) -> list[int]:
        column: NDArray[np.int64] = self.checked[:, found]
        return [int(start) for start in column if start]

    def _add(self, layout: Layout, checked: list[int]) -> int:
        column = len(self.layouts)
        if column == LAYOUTS_MAX:
            return SLOW
        self.layouts.append(layout)
        self.kind[column] = layout.kind
        self.style[column] = self._style_number(layout)
        self.nameless[column] = not layout.symbol
        self.flags[column] = layout.flags
        self.side[column] = layout.side
        for slot, run in enumerate(layout.slots):
            if run is not None:
                self._add_number(slot, column, run)
        self.checked[: len(checked), column] = checked
        self.checked_most = max(self.checked_most, len(checked))
        return column

    def _style_number(self, layout: Layout) -> int:
        style = _style(layout)
        number = self._styles.setdefault(style, len(self.styles))
        if number == len(self.styles):
            self.styles.append(style)
        return number

    def _add_number(self, slot: int, column: int, run: Run) -> None:
        masks = masks_of(np.array([run.digits]), np.array([run.fraction]))
        self.end[slot, column] = run.end
        self.fraction[slot, column] = run.fraction
        self.last[slot, column], self.middle[slot, column] = masks.last[0], masks.middle[0]
        if masks.first is not None:
            self.first[slot, column] = masks.first[0]
            self.long = True

    def masks(self, slots: int, ids: Int64) -> Masks:
        """Give the masks of the first slots of rows, (slots, n)."""
        first = self.first[:slots].take(ids, axis=1) if self.long else None
        return Masks(self.last[:slots].take(ids, axis=1), self.middle[:slots].take(ids, axis=1), first)


def blanked(data: bytes) -> bytes:
    """Write 0 over every digit.

    >>> blanked(b'{"p":"27.50"}')
    b'{"p":"00.00"}'
    """
    text = np.frombuffer(data, np.uint8)
    from_zero = text - np.uint8(48)
    is_digit = (from_zero < _TEN).view(np.int8)
    np.negative(is_digit, out=is_digit)
    from_zero &= is_digit.view(np.uint8)
    return (text - from_zero).tobytes()


def leading_zeros(text: NDArray[np.uint8], starts: Int64) -> NDArray[np.bool_] | None:
    """Say which rows have an unquoted number that begins with 0, None when none has; `starts` is (numbers, n)."""
    zeros: NDArray[np.bool_] = text.take(starts) == ord("0")
    return np.logical_or.reduce(zeros, axis=0) if zeros.any() else None
