"""Compose the features table from its settings."""

from dataclasses import dataclass
from typing import Final, cast

from functions.adapters.kernels import compiled
from functions.domain.indicators import kernel
from functions.domain.indicators.layout import Kernel
from functions.runtime.hosting import HostedTable
from functions.tables.features import CARD
from functions.tables.features.table import FeaturesTable

_KERNELS: Final = {"compiled": compiled, "plain": lambda module: module}


@dataclass(frozen=True, slots=True)
class Settings:
    """Say how features are computed.

    Args:
        kernels: `compiled`, or `plain` for the same loops uncompiled: slow, equal.
        features_instruments_max: Most instruments of a shard.
    """

    kernels: str = "compiled"
    features_instruments_max: int = 12


def compose(settings: Settings) -> HostedTable:
    """Build the table; nothing is opened, and a kernel is loaded with its first batch."""
    loops = cast("Kernel", _KERNELS[settings.kernels](kernel))
    return HostedTable(card=CARD, fold=FeaturesTable(loops, settings.features_instruments_max))
