"""Read the price levels of many order book messages as columns.

The levels of all messages of a batch are laid end to end, `["1.20","3.4"],["1.19","0.0"],...`; quotes and points are
found in one pass each, and every other byte must be what it has to be there, else the messages take the slower road.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import Int64, UInt8
from functions.wire.venues.digits import DIGITS_MAX, NO_POINT, PAD, masks_of, parse, windows

Span: TypeAlias = tuple[int, int, int, int]
"""Where a message's levels stand in the payload: begin and end of the bids, then of the asks, brackets left out."""

_PADDING: Final = b" " * PAD
_AFTER: Final = b",["  # what follows every level but the last of all
_STRUCTURE: Final = len('["",""],')  # bytes of a level beside its two numbers, with the comma behind it
_WITHIN, _BETWEEN = (np.array(int.from_bytes(text, "little"), np.uint32) for text in (b'","', b'"],['))
_THREE_BYTES: Final = np.array(0xFFFFFF, np.uint32)
_POINT_TO_NINE: Final = ord("9") - ord(".") + 1


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
    if not all(map(_begins, told)):
        return None
    data = _PADDING + b",".join(told) + _AFTER
    text = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(text == ord('"'))
    if len(quotes) % 4:
        return None
    opened, closed = np.ascontiguousarray(quotes.reshape(-1, 2, 2).transpose(2, 1, 0))
    points = np.flatnonzero(text == ord("."))
    fraction = _fractions(points, opened, closed)
    if len(points) != np.count_nonzero(fraction >= 0):  # a text has two, or one stands outside of all
        return None
    digits = closed - opened - 1 - (fraction >= 0)
    if not _well_formed(data, text, closed, len(points) + int(digits.sum())) or not _decimal(digits, fraction):
        return None
    counts = np.array([side.count(b"]") for side in sides], np.int64)
    values = parse(windows(data), closed, masks_of(digits, fraction))
    return Levels(counts[0::2], counts[1::2], values, fraction, np.zeros(len(sides) // 2, np.bool_))


def _begins(side: bytes) -> bool:
    return side.startswith(b'["')


def _fractions(points: Int64, opened: Int64, closed: Int64) -> Int64:
    """Give the characters behind each text's point, or NO_POINT."""
    if len(points) == closed.size:
        # One each, if all is well; a text with two leaves another with one outside of it.
        return closed - points.reshape(-1, 2).T - 1
    before = np.searchsorted(points, closed) - 1
    last = points.take(before, mode="clip") if len(points) else np.zeros(closed.shape, np.int64)
    return np.where((before >= 0) & (last > opened), closed - last - 1, NO_POINT)


def _well_formed(data: bytes, text: UInt8, closed: Int64, inside: int) -> bool:
    """Say whether the text is `["1.0","2.0"],["3.0","4"]`, given where quotes close and how much is between them.

    Each closing quote is followed by what has to follow. The length leaves no room for anything else between one level
    and the next, and the count of digits and points none for anything but those between quotes.
    """
    levels = closed.shape[1]
    ahead = np.ndarray((len(data) - 3,), "<u4", data, 0, (1,))[closed]
    is_number = text - np.uint8(ord(".")) < _POINT_TO_NINE
    return bool(
        len(data) == PAD + len(_AFTER) + inside + levels * _STRUCTURE - (levels > 0)
        and int(np.count_nonzero(is_number)) == inside
        and ((ahead[0] & _THREE_BYTES) == _WITHIN).all()
        and (ahead[1] == _BETWEEN).all()
        and b"/" not in data
    )


def _decimal(digits: Int64, fraction: Int64) -> bool:
    """Say whether each text has digits on both sides of its point, if it has one, and not too many."""
    if not digits.size:
        return True
    whole = digits - np.maximum(fraction, 0)
    return int(whole.min()) > 0 and bool((fraction != 0).all()) and int(digits.max()) <= DIGITS_MAX


def no_levels(messages: int) -> Levels:
    """Give the levels of messages that have none."""
    none = np.zeros(messages, np.int64)
    return Levels(none, none, np.zeros((2, 0), np.int64), np.zeros((2, 0), np.int64), none != 0)
