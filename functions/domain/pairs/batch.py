"""Hold figures of pairs as columns, and the constants of their columns; see `pair.proto` for each column's unit."""

from dataclasses import dataclass
from typing import Final

from functions.domain.market import Float64, InstrumentRef, Int32, Int64, UInt8, UInt16

STALE_A: Final = 1
STALE_B: Final = 2
MISSING_A: Final = 4
MISSING_B: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class PairBatch:
    """Hold n rows of f features over buckets that end together.

    `values` and `states` are (n, f). A value counts only where its state is STATE_VALID; elsewhere it is 0.
    """

    join: str
    instruments: tuple[InstrumentRef, ...]
    instrument_a: UInt16
    instrument_b: UInt16
    interval_s: Int32
    start_ns: Int64
    close_a: Int64
    close_b: Int64
    flags: UInt8
    names: tuple[str, ...]
    values: Float64
    states: UInt8
    end_of_tape: bool = False

    @property
    def row_count(self) -> int:
        """Count the rows."""
        return len(self.start_ns)
