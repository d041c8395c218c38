"""Name the shapes the pairs kernel works on, and what a kernel offers; types only, no values."""

from typing import Protocol, TypeAlias

from functions.domain.market import Float64, Int64, UInt8

State: TypeAlias = tuple[Int64, Float64]
"""(counts, memory), by track; see `kernel` for their columns."""

Output: TypeAlias = tuple[Float64, UInt8]
"""(values, states) of rows."""


class Kernel(Protocol):
    """The loops of `functions.domain.pairs.kernel`, plain or compiled."""

    def step(
        self, state: State, track: int, skipped: int, inputs: Float64, scratch: Float64, output: Output, row: int
    ) -> None:
        """Take one bucket of a track and compute its row."""
        ...

    def forget(self, state: State, track: int) -> None:
        """Make a track cold."""
        ...
