"""Compose the signals table from its settings, and serve it: `python -m functions.tables.signals.main`."""

from dataclasses import dataclass

from functions.domain.signals import Strategy
from functions.runtime import table_app
from functions.runtime.hosting import HostedTable
from functions.tables.signals import CARD
from functions.tables.signals.table import SignalsTable


@dataclass(frozen=True, slots=True)
class Settings:
    """Say when signals are given.

    Args:
        signals_intervals_s: Bar intervals that decide, seconds.
        signals_min_confidence: Least confidence that acts, percent.
        signals_cooldown_bars: Bars of an instrument and interval between two signals of one direction.
        signals_emit_hold: Whether a bar on which nothing is done gives a HOLD signal.
        signals_tracks_max: Most (instrument, interval) pairs that are remembered.
    """

    signals_intervals_s: tuple[str, ...] = ("5", "60")
    signals_min_confidence: float = 60.0
    signals_cooldown_bars: int = 5
    signals_emit_hold: bool = False
    signals_tracks_max: int = 2048


def compose(settings: Settings) -> HostedTable:
    """Build the table; nothing is opened."""
    strategy = Strategy(
        intervals_s=tuple(map(int, settings.signals_intervals_s)),
        min_confidence=settings.signals_min_confidence,
        cooldown_bars=settings.signals_cooldown_bars,
        emit_hold=settings.signals_emit_hold,
        tracks_max=settings.signals_tracks_max,
    )
    return HostedTable(card=CARD, fold=SignalsTable(strategy))


if __name__ == "__main__":
    table_app.serve(Settings, compose)
