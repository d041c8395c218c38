"""Hold what is known about instruments; `loads` has the rules by which new records change it.

An instrument's id is for ever; its symbols, steps, statuses and actions have validity, and its units (exponents) are
those of its first record. Times are UTC nanoseconds, intervals half-open.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from functions.domain.adjustments import ActionKind, CorporateAction
from functions.domain.market import InstrumentRef
from functions.domain.sessions import FOREVER

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_US: Final = 1000
_DAY_NS: Final = 86_400 * 1_000_000_000


class AssetClass(IntEnum):
    """Name a kind of instrument; the numbers are those of `instrument.proto`."""

    UNKNOWN = 0
    EQUITY = 1
    FUND = 2
    FX = 3
    CRYPTO = 4
    FUTURE = 5
    PERPETUAL = 6
    OPTION = 7
    INDEX = 8
    BOND = 9
    COMMODITY = 10


class TradingStatus(IntEnum):
    """Name what an instrument may do; the numbers are those of `status.proto`."""

    UNKNOWN = 0
    TRADING = 1
    HALTED = 2
    CLOSED = 3


@dataclass(frozen=True, slots=True)
class Steps:
    """Hold the steps of prices and sizes during [from_ns, to_ns).

    Args:
        tick_size: Smallest price step, in quote currency.
        lot_size: Smallest size step, in base currency.
        from_ns: First time they held; 0 for always before.
        to_ns: First time they no longer held.
    """

    tick_size: Decimal
    lot_size: Decimal
    from_ns: int = 0
    to_ns: int = FOREVER

    def __post_init__(self) -> None:
        """Refuse a step that is none, and time that runs backwards."""
        for step in (self.tick_size, self.lot_size):
            if not step.is_finite() or step <= 0:
                message = f"steps of {step}; a step is positive and finite"
                raise ValueError(message)
        if self.from_ns >= self.to_ns:
            message = f"steps from {self.from_ns} to {self.to_ns} never hold"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Status:
    """Say what holds for an instrument from a time on, and why."""

    status: TradingStatus
    from_ns: int
    reason: str = ""


ALWAYS_TRADING: Final = Status(TradingStatus.TRADING, 0)


@dataclass(frozen=True, slots=True)
class Instrument:
    """Hold all that is known about one instrument.

    Args:
        ref: Its id and the units its mantissas count.
        venue_symbol: The venue's own symbol today, `ETHUSDT`.
        venue: Venue code, `BINANCE`.
        steps: Steps by validity, ascending, without overlap, at least one.
        aliases: Further symbols the venue uses for it.
        asset_class: What kind of thing it is.
        multiplier: Units that one unit of size stands for; None when not told, which counts as 1.
        quote_currency: Currency of prices; empty when unknown.
        base_currency: Currency or asset of sizes; empty when unknown.
        sector: Sector; empty when none is known.
        market_cap: Market capitalisation in quote currency; None when unknown.
        market_cap_as_of_ns: Time of which it is told.
        calendar: Code of its session calendar; empty when unknown.
        listed_from_ns: First time the venue lists it; 0 for always.
        listed_to_ns: First time the venue no longer lists it.
        restricted: Our own desk may not trade it; None when not told, which counts as no.
        actions: Corporate actions, ascending by ex date, then knowledge time.
        statuses: Halts and their ends, ascending by time.
    """

    ref: InstrumentRef
    venue_symbol: str
    venue: str
    steps: tuple[Steps, ...]
    aliases: tuple[str, ...] = ()
    asset_class: AssetClass = AssetClass.UNKNOWN
    multiplier: Decimal | None = None
    quote_currency: str = ""
    base_currency: str = ""
    sector: str = ""
    market_cap: Decimal | None = None
    market_cap_as_of_ns: int = 0
    calendar: str = ""
    listed_from_ns: int = 0
    listed_to_ns: int = FOREVER
    restricted: bool | None = None
    actions: tuple[CorporateAction, ...] = ()
    statuses: tuple[Status, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a record whose names, steps or times do not fit each other."""
        problem = _problem(self)
        if problem:
            message = f"{self.ref.instrument_id or self.venue_symbol!r}: {problem}"
            raise ValueError(message)

    @property
    def instrument_id(self) -> str:
        """Give its canonical id."""
        return self.ref.instrument_id

    def steps_at(self, ts_ns: int) -> Steps:
        """Give the steps in force; before the first record of them, the first."""
        return next((one for one in reversed(self.steps) if one.from_ns <= ts_ns), self.steps[0])

    def status_at(self, ts_ns: int) -> Status:
        """Give what it may do: CLOSED while it is not listed, else its latest status; TRADING without any."""
        if not self.listed_from_ns <= ts_ns < self.listed_to_ns:
            return Status(TradingStatus.CLOSED, self.listed_to_ns, "not listed")
        return next((one for one in reversed(self.statuses) if one.from_ns <= ts_ns), ALWAYS_TRADING)

    def symbol_at(self, ts_ns: int) -> str:
        """Give the venue's symbol; a rename takes effect at the start of its ex date, UTC, or when learnt that day."""
        renames = [one for one in self.actions if one.kind is ActionKind.RENAME and _renamed_ns(one) > ts_ns]
        return renames[0].old_symbol if renames else self.venue_symbol


def exponent_of(step: Decimal) -> int:
    """Give the power of ten that every multiple of a step is a multiple of, 0 at most.

    >>> exponent_of(Decimal("0.0100")), exponent_of(Decimal("0.5")), exponent_of(Decimal("10"))
    (-2, -1, 0)
    """
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int), f"a step of {step} is not finite"  # noqa: S101 - `Steps` has checked it
    return min(exponent, 0)


def with_status(known: Instrument, status: Status) -> Instrument:
    """Give the instrument with one more status; one of the same time is replaced.

    >>> one = Instrument(InstrumentRef("A.V", 0, 0), "A", "V", (Steps(Decimal(1), Decimal(1)),))
    >>> with_status(one, Status(TradingStatus.HALTED, 5, "LUDP")).status_at(7).status.name
    'HALTED'
    """
    kept = [one for one in known.statuses if one.from_ns != status.from_ns]
    return replace(known, statuses=tuple(sorted((*kept, status), key=lambda one: one.from_ns)))


def symbols_at(instruments: Iterable[Instrument], ts_ns: int) -> dict[str, Instrument]:
    """Give those listed at a time by every symbol they had then; a venue's own symbol wins over another's alias.

    >>> steps = (Steps(Decimal(1), Decimal(1)),)
    >>> old = Instrument(InstrumentRef("OLD.V", 0, 0), "T", "V", steps, listed_to_ns=10)
    >>> new = Instrument(InstrumentRef("NEW.V", 0, 0), "T", "V", steps, listed_from_ns=10)
    >>> [symbols_at([old, new], ts_ns)["T"].instrument_id for ts_ns in (9, 10)]
    ['OLD.V', 'NEW.V']
    """
    listed = [one for one in instruments if one.listed_from_ns <= ts_ns < one.listed_to_ns]
    found = {alias: one for one in listed for alias in one.aliases}
    return found | {one.symbol_at(ts_ns): one for one in listed}


class SymbolTable:
    """Give a venue's units by symbol at a time, worked out again only where a symbol changed hands.

    Args:
        instruments: Every instrument the venue ever listed.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        """Find the times at which symbols change."""
        self._instruments = tuple(instruments)
        edges = {edge for one in self._instruments for edge in _symbol_edges(one)}
        self._edges = (-FOREVER, *sorted(edges), FOREVER)
        self._tables: dict[int, Mapping[str, InstrumentRef]] = {}

    def refs_at(self, ts_ns: int) -> Mapping[str, InstrumentRef]:
        """Give the units by every symbol of a time; the same object for times between two changes."""
        place = bisect_right(self._edges, ts_ns)
        table = self._tables.get(place)
        if table is None:
            found = symbols_at(self._instruments, self._edges[place - 1])
            table = self._tables[place] = MappingProxyType({symbol: one.ref for symbol, one in found.items()})
        return table


def _symbol_edges(one: Instrument) -> Iterator[int]:
    yield one.listed_from_ns
    yield one.listed_to_ns
    yield from (_renamed_ns(action) for action in one.actions if action.kind is ActionKind.RENAME)


def _renamed_ns(rename: CorporateAction) -> int:
    """Say when a rename takes effect: rows that came on its ex date before it was learnt had the old symbol."""
    midnight = _midnight_ns(rename.ex_date)
    return rename.known_ns if midnight <= rename.known_ns < midnight + _DAY_NS else midnight


def _midnight_ns(day: date) -> int:
    return (day - _EPOCH.date()).days * _DAY_NS


def _problem(one: Instrument) -> str:
    """Find what cannot be about a record; empty when it can."""
    follows = [late.from_ns >= early.to_ns for early, late in zip(one.steps, one.steps[1:], strict=False)]
    problems = {
        "an instrument has an id, a venue and a symbol": not (one.ref.instrument_id and one.venue and one.venue_symbol),
        "it has no steps": not one.steps,
        "its steps overlap": not all(follows),
        f"its multiplier is {one.multiplier}": one.multiplier is not None
        and not (one.multiplier.is_finite() and one.multiplier > 0),
        f"its market cap is {one.market_cap}": one.market_cap is not None
        and not (one.market_cap.is_finite() and one.market_cap >= 0),
        "its listing ends before it begins": one.listed_from_ns > one.listed_to_ns,
    }
    return next((problem for problem, found in problems.items() if found), "")
