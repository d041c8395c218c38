"""List what features there are: the one place where the store looks at the indicators."""

from functions.domain.indicators.feature import Feature
from functions.domain.indicators.registry import FAMILIES


def listed(family: str = "") -> list[tuple[str, Feature]]:
    """Give every feature with its family, in column order; an empty family gives all."""
    return [(name, feature) for name, features in FAMILIES.items() for feature in features if family in ("", name)]
