"""Make records of what a listing tells; what every reader needs and nothing of any one venue."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from functions.domain.loads import Told, Update
from functions.domain.market import InstrumentRef
from functions.domain.reference import Instrument, Steps, exponent_of

NS_PER_MS: Final = 1_000_000
DAY_NS: Final = 86_400_000_000_000
DECIMALS_MAX: Final = 18  # int64 holds 18 whole digits

Decimals: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=DECIMALS_MAX)]

_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Listing:
    """Hold the records of one answer or file.

    Args:
        updates: Its instruments.
        at_ns: Time it tells itself, UTC nanoseconds; None when it tells none.
    """

    updates: tuple[Update, ...]
    at_ns: int | None = None


def update_from(
    instrument_id: str,
    symbol: str,
    steps: Steps,
    *,
    finest: tuple[int, int] = (0, 0),
    told: Told = Told.NOW,
    **facts: Any,  # noqa: ANN401 - further fields of an Instrument
) -> Update:
    """Make a record whose units hold its steps and the finest exponents its venue tells.

    Raises:
        ValueError: The record cannot be.
    """
    exponents = (exponent_of(steps.tick_size), exponent_of(steps.lot_size))
    ref = InstrumentRef(instrument_id, *(min(pair) for pair in zip(exponents, finest, strict=True)))
    return Update(Instrument(ref=ref, venue_symbol=symbol, steps=(steps,), **facts), told)


def unit_of(decimals: int) -> Decimal:
    """Give the step that a number of decimals stands for.

    >>> unit_of(2)
    Decimal('0.01')
    """
    return Decimal(1).scaleb(-decimals)


def midnight_ns(day: date) -> int:
    """Give the first nanosecond of a date, UTC."""
    return (day - _EPOCH).days * DAY_NS
