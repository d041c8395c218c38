"""Say what a feature is; the families list theirs, the registry all of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """Name a column of features.

    Args:
        name: Column name; its parameters stand in it where there may be others.
        window: Bars until it is first valid.
        unit: Unit of its values: price, size, ratio (dimensionless), bps, percent (0 to 100), bars, or what it says.
        text: Formula, and when it is degenerate.
        source: Who defined it, and which variant it is where there are several.
        parameters: Names and values of its parameters.
    """

    name: str
    window: int
    unit: str
    text: str
    source: str
    parameters: tuple[tuple[str, float], ...] = ()
