"""Say what was known about an instrument at a time: a pure function of its record, its calendar and the time."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from functions.domain.adjustments import NO_CHANGE, Factors, factors_until
from functions.domain.reference import ALWAYS_TRADING, AssetClass, Instrument, Status, Steps
from functions.domain.sessions import FOREVER, NS_PER_S, Calendar, SessionState, Span


@dataclass(frozen=True, slots=True)
class InstrumentFacts:
    """Hold what was known about one instrument at a time; `enriched.proto` has each field's unit.

    Args:
        instrument_id: Its id.
        known: Whether the reference knows it; without, nothing below is told.
        asset_class: What kind of thing it is.
        multiplier: Units that one unit of size stands for.
        quote_currency: Currency of prices.
        steps: Steps in force; None when not known.
        sector: Sector.
        market_cap: Market capitalisation; None when unknown.
        market_cap_as_of_ns: Time of which it is told.
        session: State of the session and how long it lasts.
        status: Whether it trades, and why not.
        restricted: Our own desk may not trade it.
        price_factor: Product of price factors up to this session, or UTC date without one; 0 when one is not known.
        size_factor: The same for sizes.
        calendar: Code of its session calendar, by which its days are cut; empty when it has none.
        statuses: Halts and their ends around the time, ascending: the last `STATUSES_MAX` that had begun, and as many
            of those to come that are known already; a bar that ends between two events finds its own.
    """

    instrument_id: str
    known: bool = False
    asset_class: AssetClass = AssetClass.UNKNOWN
    multiplier: Decimal = Decimal(1)
    quote_currency: str = ""
    steps: Steps | None = None
    sector: str = ""
    market_cap: Decimal | None = None
    market_cap_as_of_ns: int = 0
    session: Span = Span(SessionState.UNKNOWN, None, 0, FOREVER)  # noqa: RUF009 - a frozen value
    status: Status = ALWAYS_TRADING
    restricted: bool = False
    price_factor: float = 1.0
    size_factor: float = 1.0
    calendar: str = ""
    statuses: tuple[Status, ...] = ()


@dataclass(frozen=True, slots=True)
class Stay:
    """Hold facts and how long they stay the same: [since_ns, until_ns)."""

    facts: InstrumentFacts
    since_ns: int
    until_ns: int


STATUSES_MAX: Final = 2
"""Statuses that are told to each side of a time. Halts last minutes, what one batch and its lateness span seconds."""

_START: Final = -(2**63)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_NS: Final = 86_400 * NS_PER_S


def facts_at(instrument: Instrument, calendar: Calendar | None, ts_ns: int) -> Stay:
    """Say what was known about an instrument at a time, and for how long it stays so.

    Args:
        instrument: Its record.
        calendar: Its session calendar; None when it has none or none of that code is known.
        ts_ns: The time, UTC nanoseconds.

    Returns:
        The facts; at any time of [since_ns, until_ns) they are equal.
    """
    session = _NO_SESSION if calendar is None else calendar.span_at(ts_ns)
    factors = NO_CHANGE
    if instrument.actions:
        until = session.session or _date_of(ts_ns)
        found = factors_until(instrument.actions, until, known_at_ns=ts_ns)
        factors = _UNKNOWN if found is None else found
    capitalised = instrument.market_cap is not None and instrument.market_cap_as_of_ns <= ts_ns
    facts = InstrumentFacts(
        instrument_id=instrument.instrument_id,
        known=True,
        asset_class=instrument.asset_class,
        multiplier=instrument.multiplier or Decimal(1),
        quote_currency=instrument.quote_currency,
        steps=instrument.steps_at(ts_ns),
        sector=instrument.sector,
        market_cap=instrument.market_cap if capitalised else None,
        market_cap_as_of_ns=instrument.market_cap_as_of_ns if capitalised else 0,
        session=session,
        status=instrument.status_at(ts_ns),
        restricted=bool(instrument.restricted),
        price_factor=float(factors.price),
        size_factor=float(factors.size),
        calendar=instrument.calendar,
        statuses=_around(instrument.statuses, ts_ns),
    )
    return Stay(facts, *_while(instrument, session, ts_ns))


def unknown(instrument_id: str) -> Stay:
    """Say that nothing is known about an instrument, at any time."""
    return Stay(InstrumentFacts(instrument_id), _START, FOREVER)


_NO_SESSION: Final = Span(SessionState.UNKNOWN, None, _START, FOREVER)
_UNKNOWN: Final = Factors(Decimal(0), Decimal(0))


def _date_of(ts_ns: int) -> date:
    """Give the UTC date of a time."""
    return (_EPOCH + timedelta(seconds=ts_ns // NS_PER_S)).date()


def _around(statuses: Sequence[Status], ts_ns: int) -> tuple[Status, ...]:
    """Keep the statuses next to a time."""
    begun = bisect_right(statuses, ts_ns, key=lambda one: one.from_ns)
    return tuple(statuses[max(begun - STATUSES_MAX, 0) : begun + STATUSES_MAX])


def _while(instrument: Instrument, session: Span, ts_ns: int) -> tuple[int, int]:
    """Give the interval around a time in which nothing about it changes; an ex date without a session is UTC's."""
    edges = [
        session.since_ns,
        session.until_ns,
        instrument.listed_from_ns,
        instrument.listed_to_ns,
        instrument.market_cap_as_of_ns,
        *(one.from_ns for one in instrument.steps),
        *(one.from_ns for one in instrument.statuses),
        *(one.known_ns for one in instrument.actions),
    ]
    if session.session is None and instrument.actions:
        edges += [ts_ns - ts_ns % _DAY_NS, ts_ns - ts_ns % _DAY_NS + _DAY_NS]
    since = max((edge for edge in edges if edge <= ts_ns), default=_START)
    return since, min((edge for edge in edges if edge > ts_ns), default=FOREVER)
