"""Hold the economic calendar: scheduled events, their figures, and how the text of a figure is read."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Final

from functions.domain.market import Rejection
from functions.domain.money import EXACT

FIGURE_CHARS_MAX: Final = 64
"""Longest text of a figure; the longest of the captures has 10 characters."""


class Impact(Enum):
    """Say how much an event is expected to move markets; the value is its word in rows and stores."""

    UNKNOWN = ""
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    NON_ECONOMIC = "non_economic"


class Timing(Enum):
    """Say how well the time of an event is known; the value is its word in rows and stores."""

    EXACT = "exact"
    TENTATIVE = "tentative"
    ALL_DAY = "all_day"


class EventState(Enum):
    """Say how far an event has come; the value is its word in rows and stores."""

    SCHEDULED = "scheduled"
    RELEASED = "released"
    REVISED = "revised"


class Form(Enum):
    """Say how the text of a figure was read; the value is its word in rows and stores."""

    NONE = ""
    NUMBER = "number"
    PERCENT = "percent"
    YIELD_AND_COVER = "yield_and_cover"
    VOTES = "votes"
    WORDS = "words"


class Comparison(Enum):
    """Say how a value stands to what was measured; the value is its sign."""

    EQUAL = ""
    LESS = "<"
    MORE = ">"


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold a published figure: the source's text, and its numbers multiplied out where the text could be read."""

    text: str
    form: Form
    values: tuple[Decimal, ...] = ()
    comparison: Comparison = Comparison.EQUAL


NO_FIGURE: Final = Figure("", Form.NONE)


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """Hold one version of a scheduled event; see `calendar.proto` for each field's meaning and unit."""

    event_id: str
    source: str
    native_id: str
    currency: str
    country: str
    impact: Impact
    name: str
    ts_scheduled: int
    timing: Timing
    ts_available: int
    ts_receive: int
    content_key: str
    row: int
    actual: Figure = NO_FIGURE
    forecast: Figure = NO_FIGURE
    previous: Figure = NO_FIGURE
    state: EventState = EventState.SCHEDULED
    revision: int = 0


@dataclass(frozen=True, slots=True)
class CalendarBatch:
    """Hold the events of one raw batch, in tape order; a heartbeat and the end of a tape have no rows."""

    shard: str
    stream: str
    first_row: int
    row_count: int
    events: tuple[CalendarEvent, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    kinds: tuple[tuple[str, int], ...] = ()
    heartbeat: bool = False
    end_of_tape: bool = False
    ts_cut_ns: int = 0


_POWERS: Final = MappingProxyType({"": 0, "K": 3, "M": 6, "B": 9, "T": 12})
_DECIMAL: Final = r"[+-]?\d{1,18}(?:\.\d{1,18})?"
_ONE: Final = re.compile(rf"([<>]?)({_DECIMAL})([%KMBT]?)", re.ASCII)
_YIELD_AND_COVER: Final = re.compile(rf"({_DECIMAL})\|({_DECIMAL})", re.ASCII)
_VOTES: Final = re.compile(r"(\d{1,3})-(\d{1,3})-(\d{1,3})", re.ASCII)


def figure(text: str) -> Figure:
    """Read the text of a figure; what cannot be read stays as words, and nothing is refused.

    >>> figure("-5.1B").values, figure("<0.1%").comparison.value, figure("0.41|1.6").form.value, figure("Pass").values
    ((Decimal('-5100000000'),), '<', 'yield_and_cover', ())
    """
    text = text.strip()
    if not text:
        return NO_FIGURE
    if found := _ONE.fullmatch(text):
        comparison, number, unit = found.groups()
        form = Form.PERCENT if unit == "%" else Form.NUMBER
        value = Decimal(number).scaleb(_POWERS.get(unit, 0), EXACT)
        return Figure(text, form, (_plain(value),), Comparison(comparison))
    for pattern, form in ((_YIELD_AND_COVER, Form.YIELD_AND_COVER), (_VOTES, Form.VOTES)):
        if found := pattern.fullmatch(text):
            return Figure(text, form, tuple(_plain(Decimal(one)) for one in found.groups()))
    return Figure(text, Form.WORDS)


def _plain(value: Decimal) -> Decimal:
    """Write 5.1E+9 as 5100000000, and keep the decimals that were published: 0.0 % is measured to a tenth."""
    exponent = value.as_tuple().exponent
    return value.quantize(Decimal(1), context=EXACT) if isinstance(exponent, int) and exponent > 0 else value


_EURO_AREA: Final = "EU"
_COUNTRIES: Final = MappingProxyType(
    {
        "AUD": "AU",
        "CAD": "CA",
        "CHF": "CH",
        "CNY": "CN",
        "EUR": _EURO_AREA,
        "GBP": "GB",
        "JPY": "JP",
        "NZD": "NZ",
        "USD": "US",
    }
)
_MEMBERS: Final = MappingProxyType(
    {
        "Austrian": "AT",
        "Belgian": "BE",
        "Dutch": "NL",
        "Finnish": "FI",
        "French": "FR",
        "German": "DE",
        "Greek": "GR",
        "Irish": "IE",
        "Italian": "IT",
        "Portuguese": "PT",
        "Spanish": "ES",
    }
)
"""Members of the euro area by the word their figures' names begin with."""


def country_of(currency: str, name: str) -> str:
    """Tell the country an event is about from its currency and name; empty where neither tells.

    >>> country_of("EUR", "German PPI m/m"), country_of("USD", "CPI m/m"), country_of("ALL", "OPEC Meetings")
    ('DE', 'US', '')
    """
    country = _COUNTRIES.get(currency, "")
    if country == _EURO_AREA:
        return _MEMBERS.get(name.partition(" ")[0], country)
    return country
