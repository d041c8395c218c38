"""Hold reports on models: how each did of late at each horizon, and which series have left their reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from functions.domain.drift import Shift
from functions.domain.falls import Lower
from functions.domain.reliability import ReliabilityBin


class Watched(Enum):
    """What kind of series has drifted."""

    FEATURE = "feature"
    SCORE = "score"
    RESIDUAL = "residual"


@dataclass(frozen=True, slots=True)
class Performance:
    """Say how one model did of late at one horizon, as far as the shard's outcomes say.

    Args:
        name: Model.
        version: Its version.
        shadow: Whether it only stands beside the one that decides.
        interval_s: Bar interval, seconds.
        horizon_bars: Horizon; 0 for what is counted of any model.
        predictions_count: Scored rows (horizon 0), or forecasts that were followed.
        flagged_count: Scored rows at or above the model's threshold (horizon 0).
        outcomes_count: Forecasts that were settled.
        missing_count: Forecasts whose bar never came.
        effective_count: Outcomes of equal weight behind the figures.
        figures: Recent figures by name, those of `domain.reliability.FIGURES` that exist.
        curve: Reliability curve.
        skill: How much better than the base rate, 0 to 1; None while unknown.
        broken: How the promise of calibration is broken; empty while it is kept or unknown.
        last_updated_ns: When its newest row was known, UTC nanoseconds.
        lower: How its chances of a lower price did, where they are followed; only told to who decides.
    """

    name: str
    version: str
    shadow: bool
    interval_s: int
    horizon_bars: int
    predictions_count: int
    flagged_count: int
    outcomes_count: int
    missing_count: int
    effective_count: float
    figures: Mapping[str, float]
    curve: tuple[ReliabilityBin, ...]
    skill: float | None
    broken: str
    last_updated_ns: int
    lower: Lower | None = None


@dataclass(frozen=True, slots=True)
class ModelPerformance:
    """Report on all models of a shard; the natural key is (shard, as_of_ns)."""

    shard: str
    as_of_ns: int
    entries: tuple[Performance, ...]


@dataclass(frozen=True, slots=True)
class DriftDetected:
    """Say that a series has left its reference.

    Args:
        shard: Which shard.
        watched: What kind of series it is.
        name: Feature or model.
        version: Version of the model; empty for a feature.
        instrument_id: Instrument; empty for residuals, which are of all instruments of the shard.
        interval_s: Bar interval, seconds.
        horizon_bars: Horizon of a residual; else 0.
        as_of_ns: When it was seen, UTC nanoseconds.
        shift: How it moved.
    """

    shard: str
    watched: Watched
    name: str
    version: str
    instrument_id: str
    interval_s: int
    horizon_bars: int
    as_of_ns: int
    shift: Shift
