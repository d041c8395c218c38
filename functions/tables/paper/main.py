"""Compose the paper venue from its settings, and serve it: `python -m functions.tables.paper.main`."""

from dataclasses import dataclass
from typing import Final

from functions.domain.money import plain_decimal
from functions.domain.orders.resting import VenueRules
from functions.runtime import table_app
from functions.runtime.hosting import HostedTable
from functions.tables.paper import CARD
from functions.tables.paper.table import PaperTable
from functions.wire.codecs.venue import VENUE_REQUEST

_BPS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Say how the venue behaves, and which faults it has.

    Args:
        paper_latency_ms: How long an order, cancel or replace is on its way, milliseconds.
        paper_share_bps: Most of a second's volume that fills our orders, basis points.
        paper_maker_bps: Fee of what rested, basis points of its value, a plain decimal; less than 0 is a rebate.
        paper_taker_bps: Fee of what took, likewise.
        paper_reject_bps: Share of orders that are refused, basis points; which ones follows from their ids.
        paper_silent_from_ns: Venue time from which reports are held back, as by a broken connection.
        paper_silent_until_ns: Venue time from which they are told; the same twice is never silent.
    """

    paper_latency_ms: int = 0
    paper_share_bps: int = 2_500
    paper_maker_bps: str = "0"
    paper_taker_bps: str = "0"
    paper_reject_bps: int = 0
    paper_silent_from_ns: int = 0
    paper_silent_until_ns: int = 0

    def __post_init__(self) -> None:
        """Refuse a venue that cannot be."""
        if not 0 <= self.paper_share_bps <= _BPS_MAX or not 0 <= self.paper_reject_bps <= _BPS_MAX:
            message = f"paper_share_bps and paper_reject_bps must be 0 to {_BPS_MAX}"
            raise ValueError(message)
        if self.paper_latency_ms < 0 or not 0 <= self.paper_silent_from_ns <= self.paper_silent_until_ns:
            message = "paper_latency_ms must not be negative, and no silence may end before it begins"
            raise ValueError(message)
        rules_of(self)


def rules_of(settings: Settings) -> VenueRules:
    """Read the venue's rules from settings.

    Raises:
        ValueError: A fee is no plain decimal.
    """
    return VenueRules(
        latency_ms=settings.paper_latency_ms,
        share_bps=settings.paper_share_bps,
        maker_bps=plain_decimal(settings.paper_maker_bps),
        taker_bps=plain_decimal(settings.paper_taker_bps),
        reject_bps=settings.paper_reject_bps,
        silent_from_ns=settings.paper_silent_from_ns,
        silent_until_ns=settings.paper_silent_until_ns,
    )


def compose(settings: Settings) -> HostedTable:
    """Build the table; nothing is opened."""
    fold = PaperTable(rules_of(settings))
    return HostedTable(card=CARD, fold=fold, unnumbered=frozenset((VENUE_REQUEST,)))


if __name__ == "__main__":
    table_app.serve(Settings, compose)
