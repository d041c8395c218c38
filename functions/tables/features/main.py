"""Compose the features table from its settings, and serve it: `python -m functions.tables.features.main`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from functions.adapters.kernels import exercise_features, loading, loops
from functions.domain.indicators import kernel
from functions.domain.indicators.state import INSTRUMENTS_MAX
from functions.runtime import table_app
from functions.runtime.hosting import HostedTable
from functions.tables.features import CARD
from functions.tables.features.table import FeaturesTable

if TYPE_CHECKING:
    from functions.domain.indicators.layout import Kernel


@dataclass(frozen=True, slots=True)
class Settings:
    """Say how features are computed.

    Args:
        kernels: `compiled`, or `plain` for the same loops uncompiled: slow, equal.
        features_instruments_max: Most instruments of a shard, as many as `bars` has; more need more shards.
    """

    kernels: str = "compiled"
    features_instruments_max: int = INSTRUMENTS_MAX


def compose(settings: Settings) -> HostedTable:
    """Build the table; nothing is opened, and a kernel is loaded by `load`, or with its first batch."""
    kernel_loops = cast("Kernel", loops(settings.kernels, kernel))
    fold = FeaturesTable(kernel_loops, settings.features_instruments_max)
    return HostedTable(card=CARD, fold=fold, load=loading(settings.kernels, exercise_features))


if __name__ == "__main__":
    table_app.serve(Settings, compose)
