"""Say which instruments are paired, and read it from text: one line a pair, faults told by line.

A line is `<instrument a> ~ <instrument b> <interval> ... [same]`; `#` begins a comment. Intervals are those of bars up
to an hour; longer ones are cut where an instrument's day is, so two venues share no bucket of them. `same` says that
both are one asset at two places or in two forms, so that their prices may be compared as they stand.
"""

from dataclasses import dataclass
from typing import Final

from functions.domain.errors import DomainError
from functions.domain.market import INTERVALS_S

INTERVAL_S_MAX: Final = 3600
INTERVALS: Final = {"1s": 1, "5s": 5, "1m": 60, "5m": 300, "15m": 900, "1h": 3600}
"""Intervals that may be joined, by their names, seconds."""
PAIRS_MAX: Final = 64
SAME: Final = "same"

assert set(INTERVALS.values()) == {one for one in INTERVALS_S if one <= INTERVAL_S_MAX}  # noqa: S101 - both say it


class WrongPairs(DomainError):  # noqa: N818 - says what the text is
    """The text pairs nothing, or not so; the message names every faulty line."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Name two instruments that are joined, a and b.

    Args:
        instrument_a: First member, canonical id.
        instrument_b: Second member; another instrument, in any shard of any venue.
        intervals_s: Buckets on which they are joined, seconds, ascending.
        same_asset: Whether both are the same asset, so that the difference of their prices is a spread.
    """

    instrument_a: str
    instrument_b: str
    intervals_s: tuple[int, ...]
    same_asset: bool = False


def parse_pairs(text: str) -> tuple[Pair, ...]:
    """Read pairs, in the order of their lines.

    Raises:
        WrongPairs: A line cannot be read or repeats a pair, or there are none or more than `PAIRS_MAX`.

    >>> parse_pairs("ETH-USDT.BINANCE ~ BTC-USDT.BINANCE 1m 1s  # the majors")
    (Pair(instrument_a='ETH-USDT.BINANCE', instrument_b='BTC-USDT.BINANCE', intervals_s=(1, 60), same_asset=False),)
    """
    pairs: list[Pair] = []
    faults: list[str] = []
    told: dict[frozenset[str], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        fault = _fault(words)
        members = frozenset((words[0], words[-1] if fault else words[2]))
        if not fault and members in told:
            fault = f"{words[0]} and {words[2]} are paired on line {told[members]} already"
        if fault:
            faults.append(f"line {number}: {fault}")
            continue
        told[members] = number
        pairs.append(_pair(words))
    if not faults and not 1 <= len(pairs) <= PAIRS_MAX:
        faults.append(f"{len(pairs)} pairs, expected 1 to {PAIRS_MAX}")
    if faults:
        raise WrongPairs("; ".join(faults))
    return tuple(pairs)


def _pair(words: list[str]) -> Pair:
    intervals = sorted({INTERVALS[word] for word in words[3:] if word != SAME})
    return Pair(words[0], words[2], tuple(intervals), same_asset=words[-1] == SAME)


def _fault(words: list[str]) -> str:
    """Say what is wrong with the words of one line; nothing when they are a pair."""
    if len(words) < 4 or words[1] != "~":
        return f"expected '<instrument> ~ <instrument> <interval> ... [{SAME}]', found {' '.join(words)!r:.80}"
    for member in (words[0], words[2]):
        symbol, dot, venue = member.rpartition(".")
        if not (symbol and dot and venue):
            return f"{member!r:.80} is no instrument, expected <symbol>.<VENUE>"
    if words[0] == words[2]:
        return f"{words[0]} is paired with itself"
    intervals = words[3:-1] if words[-1] == SAME else words[3:]
    wrong = [word for word in intervals if word not in INTERVALS]
    if wrong or not intervals:
        return f"intervals are {', '.join(INTERVALS)}, found {', '.join(wrong) or 'none'}"
    if len(set(intervals)) != len(intervals):
        return f"an interval is named twice: {' '.join(intervals)}"
    return ""
