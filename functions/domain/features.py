"""Hold feature rows one by one, as a store keeps them and gives them back; their keys, their times, their choice.

On the way from tables to stores features are columns (`market.FeatureBatch`); a store answers about single rows.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

import numpy as np

from functions.domain.market import NS_PER_S, FeatureColumns, Float64, Int64, UInt8

STATE_ABSENT: Final = 3
"""State of a value that the row does not have at all; stores never keep it, readers may be told it."""

SCHEMA_BYTES: Final = 8
"""Length of a digest: schemas are few, and a collision of two needs some billions."""

LAYOUTS_MAX: Final = 256
"""Ways to choose columns that are remembered: schemas of a few releases, with a few choices each."""


@dataclass(frozen=True, slots=True, order=True)
class FeatureKey:
    """Name a series of feature rows."""

    instrument_id: str
    interval_s: int


@dataclass(frozen=True, slots=True)
class PointInTime:
    """Name a series, and the time whose knowledge is asked for, UTC nanoseconds."""

    key: FeatureKey
    as_of_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class FeatureRow:
    """Hold what a bar gave: `values` and `states` are (f,), by `names`; a value counts only where STATE_VALID.

    Args:
        key: Instrument and interval.
        start_ns: Start of the bar, UTC nanoseconds.
        revision: Revision of the bar.
        available_ns: When the row was first known, UTC nanoseconds of venue time; never before the bar's end.
        close: Closing price mantissa.
        price_exponent: Power of ten of one price unit.
        names: Names of the features.
        values: Their values; 0 where the state is not STATE_VALID.
        states: Their states.
    """

    key: FeatureKey
    start_ns: int
    revision: int
    available_ns: int
    close: int
    price_exponent: int
    names: tuple[str, ...]
    values: Float64
    states: UInt8

    @property
    def end_ns(self) -> int:
        """Give the end of the bar, UTC nanoseconds."""
        return self.start_ns + self.key.interval_s * NS_PER_S

    def get(self, name: str) -> tuple[float, int]:
        """Give one feature's value and state; a name the row does not have is 0 and STATE_ABSENT."""
        if name not in self.names:
            return 0.0, STATE_ABSENT
        at = self.names.index(name)
        return float(self.values[at]), int(self.states[at])


class Presence(Enum):
    """Say whether an online store has a row, and if not, why."""

    FOUND = "found"
    MISSING = "missing"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, eq=False)
class Latest:
    """Hold what an online store says about a key; a row only when it was found."""

    presence: Presence
    row: FeatureRow | None = None


def known_from(columns: FeatureColumns, *, told_ns: int, lateness_ns: int) -> Int64:
    """Say for each row when it was first known, in venue time.

    A bar is final once the watermark, which stays the allowed lateness behind the newest row, passes its end: so its
    features are known from its end plus that lateness. A row of a revised bar is known from its batch on.

    Args:
        columns: The rows.
        told_ns: Time of the event that brought them: the greatest end of a bar in it.
        lateness_ns: Allowed lateness of the bars.

    Returns:
        Times, (n,), UTC nanoseconds.

    """
    ends = columns.start_ns + columns.interval_s.astype(np.int64) * NS_PER_S
    if np.count_nonzero(columns.bar_revision):
        ends = np.where(columns.bar_revision > 0, np.maximum(ends, told_ns), ends)
    times: Int64 = ends + lateness_ns
    return times


@lru_cache(maxsize=LAYOUTS_MAX)
def schema_digest(names: tuple[str, ...]) -> bytes:
    """Give the digest that stands for a list of names, `SCHEMA_BYTES` long.

    >>> schema_digest(("rsi_14", "sma_20")).hex()
    'fa6c72e007fdd890'
    """
    return hashlib.sha256("\n".join(names).encode()).digest()[:SCHEMA_BYTES]


def choose(row: FeatureRow, names: tuple[str, ...]) -> tuple[Float64, UInt8]:
    """Lay a row out by other names: what it does not have is 0 with STATE_ABSENT.

    Returns:
        Values and states, both (len(names),).
    """
    if row.names == names:
        return row.values, row.states
    places, missing = _layout(row.names, names)
    if not row.names:
        return np.zeros(len(names)), np.full(len(names), STATE_ABSENT, np.uint8)
    values, states = row.values[places], row.states[places]
    values[missing], states[missing] = 0.0, STATE_ABSENT
    return values, states


def all_names(rows: Sequence[FeatureRow | None]) -> tuple[str, ...]:
    """Give every name that any row has, in the order of the first row that has it."""
    schemas = dict.fromkeys(row.names for row in rows if row is not None)
    return tuple(dict.fromkeys(name for schema in schemas for name in schema))


@lru_cache(maxsize=LAYOUTS_MAX)
def _layout(had: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[Int64, Int64]:
    """Give for each wanted name its place, 0 where there is none, and the places in `wanted` where there is none."""
    at = {name: place for place, name in enumerate(had)}
    places = np.array([at.get(name, 0) for name in wanted], np.int64)
    return places, np.array([place for place, name in enumerate(wanted) if name not in at], np.int64)
