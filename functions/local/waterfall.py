"""Measure where the time goes: how long after its cause, its features and its raw batch each event was stored."""

import math
from collections import OrderedDict, defaultdict
from functools import lru_cache
from typing import Final, TypeAlias

from functions.wire.envelope import Event

REMEMBERED_MAX: Final = 65_536
STAGES_MAX: Final = 1024
"""Sources whose stage is remembered; a platform has a few dozen."""

SOURCE_PARTS: Final = 5  # of "/tickloom/<kind>/<name>/<stream>", with the empty one before the first slash
FEATURES: Final = "features"
"""The stage whose events a decision begins with."""

_GROWTH: Final = math.log(1.02)


class Histogram:
    """Count durations in buckets that grow by two percent, so quantiles are right to two percent."""

    def __init__(self) -> None:
        """Start empty."""
        self.count = 0
        self._buckets: defaultdict[int, int] = defaultdict(int)

    def add(self, duration_ns: int) -> None:
        """Count one duration, nanoseconds; negative ones count as zero."""
        bucket = int(math.log(duration_ns) / _GROWTH) if duration_ns > 0 else 0
        self._buckets[bucket] += 1
        self.count += 1

    def quantile_ms(self, share: float) -> float | None:
        """Give the duration, milliseconds, that a share (0 to 1) of all stays below; None without any."""
        rest = share * self.count
        for bucket in sorted(self._buckets):
            rest -= self._buckets[bucket]
            if rest <= 0:
                return round(math.exp(bucket * _GROWTH) / 1e6, 4)
        return None

    def summary(self) -> dict[str, float | int | None]:
        """Give count and the usual quantiles."""
        shares = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "p999_ms": 0.999}
        return {"count": self.count} | {name: self.quantile_ms(share) for name, share in shares.items()}


@lru_cache(maxsize=STAGES_MAX)
def stage_of(source: str) -> str:
    """Take the function's name from a source of ours; whatever else anyone posts is `other`."""
    parts = source.split("/")
    return parts[3] if len(parts) == SOURCE_PARTS and parts[1] == "tickloom" else "other"


_Stored: TypeAlias = tuple[int, int, int]
"""When an event was stored, and the raw batch and the features it came of, nanoseconds; 0 without features."""


class Waterfall:
    """Follow `causationid` from event to event; remembers a bounded number of recent events."""

    def __init__(self) -> None:
        """Start empty."""
        self.stages: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.from_raw: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.from_features: defaultdict[str, Histogram] = defaultdict(Histogram)
        self._stored: OrderedDict[object, _Stored] = OrderedDict()

    def observe(self, event: Event, recorded_ns: int) -> None:
        """Take note of an event that was just stored."""
        cause = self._stored.get(event.extensions.get("causationid", ""))
        stage = stage_of(event.source)
        raw_ns, features_ns = recorded_ns, 0
        if cause is not None:
            at_ns, raw_ns, features_ns = cause
            self.stages[stage].add(recorded_ns - at_ns)
            self.from_raw[stage].add(recorded_ns - raw_ns)
            if features_ns:
                self.from_features[stage].add(recorded_ns - features_ns)
        self._stored[event.id] = (recorded_ns, raw_ns, recorded_ns if stage == FEATURES else features_ns)
        if len(self._stored) > REMEMBERED_MAX:
            self._stored.popitem(last=False)

    def summary(self) -> dict[str, dict[str, dict[str, float | int | None]]]:
        """Give quantiles for each stage: after its cause, the raw batch that began it, and the features it is of."""
        return {
            "after_cause": {stage: one.summary() for stage, one in self.stages.items()},
            "after_raw_batch": {stage: one.summary() for stage, one in self.from_raw.items()},
            "after_features": {stage: one.summary() for stage, one in self.from_features.items()},
        }
