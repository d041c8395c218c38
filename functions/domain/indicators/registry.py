"""List every feature there is; its place in the list is its column."""

from typing import Final

from functions.domain.indicators import (
    book,
    direction,
    history,
    momentum,
    oscillators,
    statistics,
    trend,
    volatility,
    volume,
)
from functions.domain.indicators.feature import Feature

FAMILIES: Final[dict[str, tuple[Feature, ...]]] = {
    "momentum": (*momentum.FEATURES, *oscillators.FEATURES),
    "trend": (*trend.FEATURES, *direction.FEATURES),
    "volatility": volatility.FEATURES,
    "volume": volume.FEATURES,
    "statistics": statistics.FEATURES,
    "book": book.FEATURES,
    "history": history.FEATURES,
}
"""Features by family, in the order of their columns."""

FEATURES: Final = tuple(feature for family in FAMILIES.values() for feature in family)
NAMES: Final = tuple(feature.name for feature in FEATURES)
