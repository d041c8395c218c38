"""Make instruments for tests."""

from decimal import Decimal
from typing import Any

from functions.domain.market import InstrumentRef
from functions.domain.reference import Instrument, Steps, exponent_of


def instrument(
    name: str = "X-Y.V",
    *,
    symbol: str = "XY",
    tick: str = "0.01",
    lot: str = "0.001",
    **facts: Any,  # noqa: ANN401 - fields
) -> Instrument:
    """Make one whose units hold its steps."""
    steps = Steps(Decimal(tick), Decimal(lot))
    ref = InstrumentRef(name, exponent_of(steps.tick_size), exponent_of(steps.lot_size))
    return Instrument(
        **{"ref": ref, "venue_symbol": symbol, "venue": name.rpartition(".")[2], "steps": (steps,), **facts}
    )
