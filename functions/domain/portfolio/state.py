"""Hold what a desk remembers of its accounts, and write it down as plain lines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from functions.domain.errors import DomainError
from functions.domain.market import InstrumentRef
from functions.domain.portfolio.books import LOTS_MAX, Books, Earned, Position, Trade, open_books
from functions.domain.portfolio.marks import FOREVER, MINUTES, NEVER, Clock, Mark, Marked, Marks
from functions.domain.portfolio.marks import start as start_marks
from functions.domain.portfolio.metrics import MetricRules

BLOB_BYTES_MAX: Final = 240 * 1024
"""What a state may weigh; a host stores 256 KiB, sequence numbers and holes of its sources among them."""
TRADE_BYTES: Final = 160
ROW_BYTES: Final = 90
POSITION_BYTES: Final = 420
LOT_BYTES: Final = 60
INSTRUMENT_BYTES: Final = 8 * MINUTES + 80

_ZERO: Final = Decimal(0)

Holdings: TypeAlias = tuple[tuple[str, Decimal, Decimal], ...]
"""(instrument, signed quantity, price) of each opening position."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Say what an account was opened with: capital in its currency, and positions booked at their prices."""

    capital: Decimal
    held: Holdings = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """Say which accounts are kept, how, and how much is remembered.

    Args:
        metrics: How books are kept and valued.
        openings: What accounts were opened with, by name; others have no capital, which their rows say.
        silence_ns: How far behind the newest time a shard is waited for, nanoseconds of event time.
        accounts_max: Most accounts.
        fills_max: Newest fills of an account that can be corrected, and whose windows can be told again.
        rows_max: Newest windows of an account that can be told again.
        instruments_max: Most instruments that are marked.
    """

    metrics: MetricRules = field(default_factory=MetricRules)
    openings: Mapping[str, Opening] = field(default_factory=dict)
    silence_ns: int = 10_000_000_000
    accounts_max: int = 4
    fills_max: int = 128
    rows_max: int = 128
    instruments_max: int = 24

    @property
    def weight(self) -> int:
        """Say how many bytes a full state weighs, at figures of the usual length."""
        books = self.metrics.books.positions_max * (POSITION_BYTES + LOTS_MAX * LOT_BYTES)
        account = self.fills_max * TRADE_BYTES + self.rows_max * ROW_BYTES + books
        return self.accounts_max * account + self.instruments_max * INSTRUMENT_BYTES


class Told(NamedTuple):
    """Remember a row: where it stands among the others, its revision, the peak behind it, and which limits it broke."""

    order: tuple[int, int, int]  # end, -start, part
    revision: int
    peak: Decimal
    broken: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Account:
    """Remember an account.

    Args:
        name: Which account.
        capital: What it was opened with; 0 when nobody says.
        base: Books of the fills that are settled, in the order of its stream.
        peak: Greatest equity behind the last row that is no longer kept.
        trades: Fills that are not settled, in the order of its stream.
        settled: How many fills are.
        settled_ns: Rows that end up to here are not told again.
        bucket: Number of the latest window that settled fills are of, and how many.
        lost: Settled corrections of executions that were not known.
        rows: Rows that may be told again, in order.
        due_ns: Rows that end after it are to be looked at; FOREVER when none is.
        clock_ns: Greatest time on its stream.
        next: Number of the stream's next event.
        missing: Numbers below it that never came.
        emitted: Number of the next event that is told of it.
    """

    name: str
    capital: Decimal
    base: Books
    peak: Decimal
    trades: list[Trade] = field(default_factory=list)
    settled: int = 0
    settled_ns: int = NEVER
    bucket: tuple[int, int] = (NEVER, 0)
    lost: int = 0
    rows: list[Told] = field(default_factory=list)
    due_ns: int = FOREVER
    clock_ns: int = NEVER
    next: int = 0
    missing: int = 0
    emitted: int = 0
    booked: "Booked | None" = None  # scratch, not part of the state


class Booked(NamedTuple):
    """Keep the books of the row that was looked at last: most rows only add to them."""

    base: Books
    trades: tuple[Trade, ...]
    books: Books


@dataclass(slots=True, eq=False)
class Desk:
    """Remember the accounts of a desk, by name, and its marks."""

    marks: Marks
    accounts: dict[str, Account] = field(default_factory=dict)


def start(rules: Rules) -> Desk:
    """Make the state of a desk that has seen nothing; accounts that are told of are open."""
    return Desk(
        start_marks(rules.instruments_max), {name: open_account(name, rules) for name in sorted(rules.openings)}
    )


def open_account(name: str, rules: Rules) -> Account:
    """Open an account as the rules say; without capital when they say nothing."""
    opening = rules.openings.get(name, Opening(_ZERO))
    return Account(
        name, opening.capital, open_books(opening.capital, opening.held, rules.metrics.books), opening.capital
    )


class BooksLine(NamedTuple):
    """Books, written down."""

    cash: dict[str, Decimal]
    positions: tuple[Position, ...]
    closed: dict[str, Earned]
    skipped: int


class AccountLine(NamedTuple):
    """An account, written down."""

    name: str
    capital: Decimal
    base: BooksLine
    peak: Decimal
    trades: tuple[Trade, ...]
    settled: int
    settled_ns: int
    bucket: tuple[int, int]
    lost: int
    rows: tuple[Told, ...]
    due_ns: int
    clock_ns: int
    next: int
    missing: int
    emitted: int


class DeskLine(NamedTuple):
    """A desk, written down; `closes` are the marks, row by row, as little-endian int64."""

    accounts: tuple[AccountLine, ...]
    instruments: dict[str, tuple[int, str, int, int, int, tuple[int, int] | None]]
    clocks: dict[str, tuple[int, bool]]
    newest: int
    closes: bytes


def line_of(desk: Desk) -> DeskLine:
    """Write a desk down."""
    marks = desk.marks
    return DeskLine(
        tuple(_account_line(one) for _, one in sorted(desk.accounts.items())),
        {name: _marked_line(one) for name, one in marks.instruments.items()},
        {name: (one.passed_ns, one.ended) for name, one in sorted(marks.clocks.items())},
        marks.newest,
        marks.closes[: len(marks.instruments)].astype("<i8").tobytes(),
    )


def desk_of(line: DeskLine, rules: Rules) -> Desk:
    """Read what `line_of` wrote, by these rules: accounts that they open since are opened.

    Raises:
        DomainError: The marks are not of these instruments, or more than the rules keep.
    """
    marks = start_marks(rules.instruments_max)
    count = len(line.instruments)
    if len(line.closes) != 8 * MINUTES * count or count > rules.instruments_max:
        message = f"{len(line.closes)} bytes are no marks of {count} instruments, at most {rules.instruments_max}"
        raise DomainError(message)
    marks.closes[:count] = np.frombuffer(line.closes, "<i8").reshape(count, MINUTES)
    for name, (place, shard, price_exponent, size_exponent, seen, before) in line.instruments.items():
        ref = InstrumentRef(name, price_exponent, size_exponent)
        marks.instruments[name] = Marked(place, shard, ref, seen, None if before is None else Mark(*before))
    marks.clocks = {name: Clock(*figures) for name, figures in line.clocks.items()}
    marks.newest = line.newest
    desk = start(rules)
    desk.marks = marks
    desk.accounts |= {one.name: _account(one) for one in line.accounts}
    return desk


def _marked_line(one: Marked) -> tuple[int, str, int, int, int, tuple[int, int] | None]:
    return one.place, one.shard, one.ref.price_exponent, one.ref.size_exponent, one.seen, one.before


def _account_line(one: Account) -> AccountLine:
    books = one.base
    base = BooksLine(dict(books.cash), tuple(books.positions.values()), dict(books.closed), books.skipped)
    kept = {name: getattr(one, name) for name in AccountLine._fields if name not in ("base", "trades", "rows")}
    return AccountLine(base=base, trades=tuple(one.trades), rows=tuple(one.rows), **kept)


def _account(line: AccountLine) -> Account:
    had = line.base
    positions = {one.instrument_id: one for one in had.positions}
    base = Books(MappingProxyType(had.cash), MappingProxyType(positions), MappingProxyType(had.closed), had.skipped)
    kept = {name: getattr(line, name) for name in AccountLine._fields if name not in ("base", "trades", "rows")}
    return Account(base=base, trades=list(line.trades), rows=list(line.rows), **kept)
