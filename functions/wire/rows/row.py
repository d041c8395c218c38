"""Hold one canonical row, and the words in which all of them are written."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from functions.domain.market import (
    BAR_FINAL,
    BAR_OPEN,
    BAR_PROVISIONAL,
    BAR_REVISED,
    Rejection,
)

FINALITY: Final = {BAR_PROVISIONAL: "provisional", BAR_FINAL: "final", BAR_REVISED: "revised", BAR_OPEN: "open"}
SIDES: Final = {0: "unknown", 1: "buy", 2: "sell"}
INTERVALS: Final = {1: "1s", 5: "5s", 60: "1m", 300: "5m", 900: "15m", 3600: "1h", 14_400: "4h", 86_400: "1d"}

json_line: Final = msgspec.json.Encoder().encode
"""Write a line whose keys are sorted already."""
sorted_line: Final = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one canonical row: its output stream, its line, and a bar's key and rank, by which the newest is kept.

    An empty line takes the row of its key back.
    """

    stream: str
    line: bytes
    key: tuple[str | int, ...] | None = None
    rank: int = 0


def decimal_text(mantissa: int, exponent: int) -> str:
    """Write mantissa * 10^exponent without exponent or trailing zeros.

    >>> decimal_text(268380, -2), decimal_text(5, 2), decimal_text(0, -8), decimal_text(-15, -1)
    ('2683.8', '500', '0', '-1.5')
    """
    if exponent >= 0:
        return str(mantissa * 10**exponent)
    digits = str(abs(mantissa)).rjust(1 - exponent, "0")
    fraction = digits[exponent:].rstrip("0")
    whole = digits[:exponent]
    text = f"{whole}.{fraction}" if fraction else whole
    return f"-{text}" if mantissa < 0 else text


def interval_text(interval_s: int) -> str:
    """Name a bar interval.

    >>> interval_text(5), interval_text(900), interval_text(3600), interval_text(7)
    ('5s', '15m', '1h', '7s')
    """
    return INTERVALS.get(interval_s, f"{interval_s}s")


def rejections(refused: tuple[Rejection, ...], stream: str) -> Iterator[Row]:
    """Write rows that were refused, each a dead letter."""
    for one in refused:
        yield Row("deadletters", json_line({"reason": one.reason, "row": one.row, "shard": stream}))
