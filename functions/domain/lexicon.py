"""Know a small list of words that traders say of rising and of falling things.

The list is our own, written from the market's everyday speech before any classifier was trained. It is the baseline of
the text classifier and a cue that the classifier reads: a change of it is a change of the model.
"""

from collections.abc import Iterable
from typing import Final

_RISING: Final = (
    "beat beating beats boost boosted boosts bull bullish buy climb climbed climbs exceed exceeded exceeds expand "
    "expanded expands gain gained gains grow grows growth higher highs improve improved improves jump jumped "
    "jumps leap leaps outpace outperform outperforms overweight profit profitable rallied rallies rally rebound "
    "rebounded rebounds record recover recovers recovery rise rises rising rose soar soared soars strong stronger "
    "surge surged surges top topped tops up upbeat upgrade upgraded upgrades upside win wins"
)
_FALLING: Final = (
    "bankrupt bankruptcy bear bearish below crash crashes cut cuts cutting decline declined declines default down "
    "downbeat downgrade downgraded downgrades downside drop dropped drops fall falling falls fear fears fell "
    "fraud halt halts investigation lawsuit layoffs loss losses lower lows miss missed misses plunge plunged "
    "plunges probe recall recession sank sell selloff sink sinks slash slashed slashes slid slide slides slow "
    "slowdown slump slumped slumps tumble tumbled tumbles underperform underweight warn warned warning warns weak "
    "weaker weakness worse worst"
)

BULLISH: Final = frozenset((*_RISING.split(), "+0%"))
BEARISH: Final = frozenset((*_FALLING.split(), "-0%"))
"""Percentages stand here with their sign, as words are read."""


def cues(words: Iterable[str]) -> tuple[int, int]:
    """Count the bullish and the bearish words.

    Args:
        words: Words as `domain.texts.words` gives them.

    >>> cues(["shares", "rise", "and", "beat"]), cues(["outlook", "cut", "-0%"]), cues([])
    ((2, 0), (0, 2), (0, 0))
    """
    read = list(words)
    return sum(word in BULLISH for word in read), sum(word in BEARISH for word in read)
