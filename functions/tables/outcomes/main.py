"""Compose the outcomes table from its settings, and serve it: `python -m functions.tables.outcomes.main`."""

from dataclasses import dataclass

from functions.domain.reliability import Slo
from functions.domain.scorebook import Rules
from functions.runtime import table_app
from functions.runtime.hosting import HostedTable
from functions.tables.outcomes import CARD
from functions.tables.outcomes.table import OutcomesTable


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what is followed and how it is scored.

    Args:
        outcomes_intervals_s: Bar intervals that are followed, seconds.
        outcomes_report_s: How often models are reported on, seconds of bar time.
        outcomes_half_life: Outcomes after which one counts half.
        outcomes_tracks_max: Most (instrument, interval) pairs of a shard.
        outcomes_slo_min: Outcomes below which neither skill nor a breach is told.
        outcomes_slo_tolerance: Distance from the promise that is no breach, percentage points.
    """

    outcomes_intervals_s: tuple[str, ...] = ("5", "60")
    outcomes_report_s: int = 300
    outcomes_half_life: float = 256.0
    outcomes_tracks_max: int = 24
    outcomes_slo_min: float = 100.0
    outcomes_slo_tolerance: float = 3.0


def compose(settings: Settings) -> HostedTable:
    """Build the table; nothing is opened."""
    rules = Rules(
        intervals_s=tuple(map(int, settings.outcomes_intervals_s)),
        report_s=settings.outcomes_report_s,
        half_life=settings.outcomes_half_life,
        tracks_max=settings.outcomes_tracks_max,
        slo=Slo(outcomes_min=settings.outcomes_slo_min, tolerance=settings.outcomes_slo_tolerance / 100.0),
    )
    return HostedTable(card=CARD, fold=OutcomesTable(rules))


if __name__ == "__main__":
    table_app.serve(Settings, compose)
