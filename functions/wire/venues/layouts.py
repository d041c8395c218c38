"""Remember what rows look like once their digits are blanked, so that a known row costs one dictionary look-up.

A venue's rows repeat a few forms: blank the digits, and what is left says which kind of message it is, whose it is, and
where each number stands. Such a form is read once, as JSON, and kept as a layout: one column of the tables here. The
tables are a bounded memory of a pure function, so what a decoder answers never depends on what it has seen before.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from functions.domain.market import Int64
from functions.wire.venues.digits import DIGITS_MAX, FRACTION_MAX, NO_POINT, Masks, masks_of

_TEN: Final = 10  # digits
T = TypeVar("T")

PRICES, SIZES, ID, TIME, MORE_IDS = slice(0, 2), slice(2, 4), 4, 5, slice(6, 8)
"""Slots of a row's numbers: price or bid and ask, their sizes, id, venue time, and two more ids of a book message."""
SLOTS: Final = 8
SLOTS_WITHOUT_BOOK: Final = 6
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


Fractions: TypeAlias = tuple[int | None, int | None]
"""Digits behind the point of a row's prices and of its sizes; None where they differ."""


def _fractions(layout: Layout) -> Fractions | None:
    prices = {run.fraction for run in layout.slots[PRICES] if run}
    sizes = {run.fraction for run in layout.slots[SIZES] if run}
    if not prices | sizes:
        return None
    return prices.pop() if len(prices) == 1 else None, sizes.pop() if len(sizes) == 1 else None


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
        self.layouts: list[Layout] = [Layout(SLOW, "", "")]
        self._named: dict[tuple[int, bytes], int] = {}
        self._names: dict[str, int] = {"": 0}
        self._symbols: dict[str, int] = {"": 0}
        self._fractions: dict[Fractions | None, int] = {None: 0}
        self.names: list[str] = [""]
        self.symbols: list[str] = [""]
        self.fractions: list[Fractions | None] = [None]
        self.kind = np.zeros(LAYOUTS_MAX, np.int64)
        self.symbol = np.zeros(LAYOUTS_MAX, np.int64)
        self.fractions_of = np.zeros(LAYOUTS_MAX, np.int64)
        self.name = np.zeros(LAYOUTS_MAX, np.int64)
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

    def make_room(self) -> None:
        """Forget everything when another batch could overflow the tables."""
        if len(self.ids) + len(self._numbered) > LAYOUTS_MAX - ROWS_FREE or len(self.layouts) > LAYOUTS_MAX - ROWS_FREE:
            self.forget()

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
        except (ValueError, KeyError, TypeError, RecursionError, msgspec.DecodeError):
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
        self.name[column] = _listed(layout.name, self._names, self.names)
        self.symbol[column] = _listed(layout.symbol, self._symbols, self.symbols)
        self.fractions_of[column] = _listed(_fractions(layout), self._fractions, self.fractions)
        self.flags[column] = layout.flags
        self.side[column] = layout.side
        for slot, run in enumerate(layout.slots):
            if run is not None:
                self._add_number(slot, column, run)
        self.checked[: len(checked), column] = checked
        self.checked_most = max(self.checked_most, len(checked))
        return column

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


def _listed(value: T, numbers: dict[T, int], values: list[T]) -> int:
    number = numbers.setdefault(value, len(values))
    if number == len(values):
        values.append(value)
    return number


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


def leading_zeros(text: NDArray[np.uint8], starts: Int64) -> NDArray[np.bool_]:
    """Say which rows have an unquoted number that begins with 0; `starts` is (CHECKED_MAX, n), an unused one on 0."""
    found: NDArray[np.bool_] = np.logical_or.reduce(text.take(starts) == ord("0"), axis=0)
    return found
