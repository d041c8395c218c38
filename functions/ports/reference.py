"""Say where instruments come from: their names, and the steps their prices and sizes move in."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from functions.domain.market import InstrumentRef


@dataclass(frozen=True, slots=True)
class Instrument:
    """Describe one instrument as its venue lists it.

    Args:
        instrument_id: Canonical id, `ETH-USDT.BINANCE`.
        venue_symbol: The venue's own symbol, `ETHUSDT`.
        venue: Venue code, `BINANCE`.
        tick_size: Smallest price step today, in quote currency.
        lot_size: Smallest size step today, in base currency.
        finest_tick: Finest price step an order may still rest at: venues change their steps, old orders keep theirs.
        finest_lot: Finest size step an order may still rest at.
    """

    instrument_id: str
    venue_symbol: str
    venue: str
    tick_size: Decimal
    lot_size: Decimal
    finest_tick: Decimal
    finest_lot: Decimal

    @property
    def ref(self) -> InstrumentRef:
        """Give the units its mantissas count: the powers of ten of its finest steps.

        >>> Instrument("X-Y.V", "XY", "V", *map(Decimal, ("0.5", "1", "0.5", "0.0001"))).ref
        InstrumentRef(instrument_id='X-Y.V', price_exponent=-1, size_exponent=-4)
        """
        return InstrumentRef(self.instrument_id, exponent_of(self.finest_tick), exponent_of(self.finest_lot))


class Reference(Protocol):
    """Know the instruments of a venue."""

    def instruments(self, venue: str) -> Mapping[str, Instrument]:
        """Give a venue's instruments by venue symbol; empty when the venue is not known."""
        ...


def exponent_of(step: Decimal) -> int:
    """Give the power of ten that every multiple of a step is a multiple of, 0 at most.

    >>> exponent_of(Decimal("0.0100")), exponent_of(Decimal("0.5")), exponent_of(Decimal("10"))
    (-2, -1, 0)
    """
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int), f"a step of {step} is not finite"  # noqa: S101 - the adapter has checked it
    return min(exponent, 0)
