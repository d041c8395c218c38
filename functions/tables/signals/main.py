"""Compose the signals table from its settings, and serve it: `python -m functions.tables.signals.main`."""

from dataclasses import dataclass

from functions.adapters.rulebooks import Deciding, strategy_of
from functions.runtime import table_app
from functions.runtime.hosting import HostedTable
from functions.tables.signals import CARD
from functions.tables.signals.table import SignalsTable


@dataclass(frozen=True, slots=True)
class Settings(Deciding):
    """Say when signals are given."""


def compose(settings: Settings) -> HostedTable:
    """Build the table from its rules, which are read and checked now.

    Raises:
        Malformed: The rules have mistakes; each is said with its line and column.
        OSError: There is no such file.
    """
    return HostedTable(card=CARD, fold=SignalsTable(*strategy_of(settings)))


if __name__ == "__main__":
    table_app.serve(Settings, compose)
