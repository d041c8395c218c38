"""Compose the bars table from its settings, and serve it: `python -m functions.tables.bars.main`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from functions.adapters.calendars import shipped_calendars
from functions.adapters.kernels import exercise_bars, loading, loops
from functions.domain.bars import kernel
from functions.domain.bars.days import DayTables
from functions.domain.bars.fold import BarRules, venue_lateness
from functions.domain.bars.state import INSTRUMENTS_MAX
from functions.runtime import table_app
from functions.runtime.hosting import HostedTable
from functions.tables.bars import CARD
from functions.tables.bars.table import BarsTable

if TYPE_CHECKING:
    from functions.domain.bars.layout import Kernel


@dataclass(frozen=True, slots=True)
class Settings:
    """Say how bars are folded.

    Args:
        kernels: `compiled`, or `plain` for the same loops uncompiled: slow, equal.
        bars_lateness_ms: How far the watermark stays behind the greatest venue time, milliseconds.
        bars_lateness_ms_of: Venues that have their own, as `VENUE=MILLISECONDS`; also `VENUE-MARKET`.
        bars_fill: How many bars without a trade may follow one another in an interval, at the price before and flagged
            synthetic, while the market's regular session is open; 0 for none.
        bars_provisional: Whether each 1 s close also shows the longer bars it belongs to.
        bars_instruments_max: Most instruments of a shard; more need more shards.
        bars_book_levels_max: Most book levels kept a side.
    """

    kernels: str = "compiled"
    bars_lateness_ms: int = 250
    bars_lateness_ms_of: tuple[str, ...] = ()
    bars_fill: int = 0
    bars_provisional: bool = False
    bars_instruments_max: int = INSTRUMENTS_MAX
    bars_book_levels_max: int = 256


def compose(settings: Settings) -> HostedTable:
    """Build the table; nothing is opened, and a kernel is loaded by `load`, or with its first batch."""
    kernel_loops = cast("Kernel", loops(settings.kernels, kernel))
    fold = BarsTable(kernel_loops, rules_of(settings))
    return HostedTable(card=CARD, fold=fold, load=loading(settings.kernels, exercise_bars))


def rules_of(settings: Settings) -> BarRules:
    """Say by which rules bars are folded."""
    return BarRules(
        lateness_ms=settings.bars_lateness_ms,
        lateness_ms_of=dict(map(venue_lateness, settings.bars_lateness_ms_of)),
        fill=settings.bars_fill,
        days=DayTables(shipped_calendars(), fills=settings.bars_fill > 0),
        provisional=settings.bars_provisional,
        instruments_max=settings.bars_instruments_max,
        book_levels_max=settings.bars_book_levels_max,
    )


if __name__ == "__main__":
    table_app.serve(Settings, compose)
