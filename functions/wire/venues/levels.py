"""Read the price levels of many order book messages as columns.

The levels of all messages of a batch are laid end to end, `["1.20","3.4"],["1.19","0.0"],...`; quotes and points are
found in one pass each, and every other byte must be what it has to be there, else the messages take the slower road.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import Int64, UInt8
from functions.wire.venues.digits import DIGITS_MAX, FRACTION_MAX, PAD, masks_of, parse, windows

Span: TypeAlias = tuple[int, int, int, int]
"""Where a message's levels stand in the payload: begin and end of the bids, then of the asks, brackets left out."""

_PADDING: Final = b" " * PAD


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels of m messages, each message's bids before its asks; prices and sizes as digits and fraction."""

    bids: Int64  # (m,)
    asks: Int64  # (m,)
    values: Int64  # (2, k)
    fraction: Int64  # (2, k)
    unread: NDArray[np.bool_]  # (m,) messages whose levels could not be read; they have none here


def find_levels(text: bytes, begin: int, end: int, marks: tuple[bytes, bytes]) -> Span | None:
    """Find the levels of the row that stands at text[begin:end]; None when it carries none.

    Args:
        text: The rows.
        begin: Where the row begins.
        end: Where it ends.
        marks: What stands in front of the first bid level, and between the bids and the asks, brackets included.
    """
    before, between = marks
    bids = text.find(before, begin, end)
    if bids < 0:
        return None
    bids += len(before)
    bids_end = text.find(between, bids, end)
    if bids_end < 0:
        return None
    asks = bids_end + len(between)
    if text[asks : asks + 1] == b"]":
        return bids, bids_end, asks, asks
    asks_end = text.rfind(b'"]]', asks, end)
    return None if asks_end < 0 else (bids, bids_end, asks, asks_end + 2)


def without_levels(text: bytes, begin: int, end: int, span: Span) -> bytes:
    """Take the levels out of a row, so that rows with more and fewer levels look alike."""
    return text[begin : span[0]] + text[span[1] : span[2]] + text[span[3] : end]


def read_levels(sides: list[bytes]) -> Levels | None:
    """Read the levels of m messages, or None when some are not written as `["price","size"]` throughout.

    Args:
        sides: (2 m) the levels of each message's bids, then of its asks; brackets of the list left out.
    """
    told = [side for side in sides if side]
    data = _PADDING + b",".join(told)
    text = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(text == ord('"'))
    points = np.flatnonzero(text == ord("."))
    if len(quotes) % 4 or len(points) * 2 != len(quotes):
        return None
    opened, closed = np.ascontiguousarray(quotes.reshape(-1, 2, 2).transpose(2, 1, 0))
    points = np.ascontiguousarray(points.reshape(-1, 2).T)
    if not _well_formed(data, text, opened, closed):
        return None
    counts = _counts(sides, told, opened[0])
    digits = closed - opened - 2
    fraction = closed - points - 1
    if counts is None or bool(((points <= opened + 1) | (fraction < 1)).any()):
        return None
    if int(digits.max(initial=0)) > DIGITS_MAX or int(fraction.max(initial=0)) > FRACTION_MAX:
        return None
    # Every quote, point, comma and bracket stands where it must; so whatever else there is has to be a digit.
    if int(np.count_nonzero(text - np.uint8(ord("0")) < 10)) != int(digits.sum()):  # noqa: PLR2004 - ten digits
        return None
    values = parse(windows(data), closed, masks_of(digits, fraction))
    return Levels(counts[0::2], counts[1::2], values, fraction, np.zeros(len(sides) // 2, np.bool_))


def no_levels(messages: int) -> Levels:
    """Give the levels of messages that have none."""
    none = np.zeros(messages, np.int64)
    return Levels(none, none, np.zeros((2, 0), np.int64), np.zeros((2, 0), np.int64), none != 0)


def _well_formed(data: bytes, text: UInt8, opened: Int64, closed: Int64) -> bool:
    """Say whether quotes, commas and brackets stand as in `["1","2"],["3","4"]`, whatever the quotes hold."""
    if opened.shape[1] == 0:
        return len(data) == PAD
    between, joint = closed[0], closed[1][:-1]
    return bool(
        data.startswith(b'["', PAD)
        and data.endswith(b'"]')
        and opened[0][0] == PAD + 1
        and closed[1][-1] == len(data) - 2
        and (opened[1] - between == len('","') - 1).all()
        and (opened[0][1:] - joint == len('"],["') - 1).all()
        and _everywhere(text, between, '","')
        and _everywhere(text, joint, '"],["')
    )


def _everywhere(text: UInt8, places: Int64, wanted: str) -> bool:
    inner = enumerate(wanted[1:-1], start=1)
    return all(bool((text.take(places + offset) == ord(char)).all()) for offset, char in inner)


def _counts(sides: list[bytes], told: list[bytes], opened: Int64) -> Int64 | None:
    begins = np.array([0, *accumulate(len(side) + 1 for side in told)], np.int64) + PAD
    first = np.searchsorted(opened, begins)
    if told and not bool((opened.take(first[:-1], mode="clip") == begins[:-1] + 1).all()):
        return None
    counts = np.zeros(len(sides), np.int64)
    counts[[index for index, side in enumerate(sides) if side]] = np.diff(first)
    return counts
