"""Hold one raw batch while it is turned into ticks, and say what a venue brings to that work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import Book, InstrumentRef, Quotes, RawBatch, Trades
from functions.wire.venues.digits import Kernel
from functions.wire.venues.layouts import Form, Layout
from functions.wire.venues.plans import Plan
from functions.wire.venues.rows import Reading

Instruments: TypeAlias = Mapping[str, InstrumentRef]
"""Reference by venue symbol."""


@dataclass(frozen=True, slots=True)
class Found:
    """Hold the sections that a fast path found, in tape order, and how many rows of each kind it took."""

    trades: Trades
    quotes: Quotes
    book: Book
    kinds: dict[str, int]


@dataclass(frozen=True, slots=True)
class Venue:
    """Say what a venue's rows mean.

    Args:
        code: Venue code, the last part of an instrument id.
        read_form: What a form of row means; one that knows no form leaves all to `read_row`.
        read_row: What one message means; its second argument is the symbol of rows that name none.
        level_marks: What stands before a message's first bid level, and between its bids and asks, by message form.
        unknown: Instrument of a symbol without reference.
        fast: Reads a batch's plain rows at once and leaves the others to `read_row`; None does so by forms. It must
            give what `read_row` gives for every row it takes.
        plans: Where plain rows have their prints and quotes, for a kernel that reads them before `fast` does; each is
            given what those before it left.
        ids_sparse: Whether an instrument's trade ids skip numbers although no trade is missing: ids of a whole tape,
            exchange or day.
        ids_day_hours: What, added to UTC, gives the date of the day whose trade ids are unique, see `sessions`; None
            where ids never start again.
    """

    code: str
    read_form: Callable[[Form], Layout | None]
    read_row: Callable[[bytes, str], Reading]
    level_marks: tuple[tuple[bytes, bytes], ...]
    unknown: Callable[[str], InstrumentRef]
    fast: "Callable[[Work], Found] | None" = None
    plans: tuple[Plan, ...] = ()
    ids_sparse: bool = False
    ids_day_hours: int | None = None


@dataclass(slots=True)
class Work:
    """Hold one batch while it is read.

    Args:
        batch: The batch.
        venue: Its venue.
        instruments: Reference by venue symbol.
        skew_ms_max: How far venue time may be ahead of receive time.
        slow: Marks rows that are still to be read; those that stay so are read one by one.
        loops: Reads columns of texts; None does so with numpy.
        refs: Instruments in the order they were found.
        numbers: Their places, by symbol.
    """

    batch: RawBatch
    venue: Venue
    instruments: Instruments
    skew_ms_max: int
    slow: NDArray[np.bool_]
    loops: Kernel | None = None
    refs: list[InstrumentRef] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, symbol: str) -> int:
        """Give a symbol's place in the batch's dictionary, adding it when it is new."""
        place = self.numbers.get(symbol)
        if place is None:
            place = self.numbers[symbol] = len(self.refs)
            self.refs.append(self.ref(symbol))
        return place

    def ref(self, symbol: str) -> InstrumentRef:
        """Give a symbol's instrument."""
        return self.instruments.get(symbol) or self.venue.unknown(symbol)

    def leave(self, rows: NDArray[np.bool_] | None) -> None:
        """Leave rows to be read one by one."""
        if rows is not None:
            self.slow |= rows
