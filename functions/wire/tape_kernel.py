"""Read the times and rows of a tape's lines; loops over arrays that run plain or compiled with the same results."""

from typing import Final

from functions.domain.market import Int64, UInt8

INLINED: Final = frozenset[str]()

DIGITS: Final = 19
"""Of a receive time in nanoseconds; a space follows."""


def times(data: UInt8, start: Int64, end: Int64, ts: Int64) -> None:
    """Read the time that each line begins with.

    Args:
        data: Where they stand.
        start: (n,) where each begins.
        end: (n,) where each ends.
        ts: (n,) takes the times; -1 where a line does not begin with 19 digits and a space, or with a 9: some of those
            are no int64.
    """
    for row in range(len(start)):
        first, space = start[row], start[row] + DIGITS
        time = -1
        if space < end[row] and data[space] == ord(" ") and data[first] < ord("9"):
            time = 0
            for i in range(first, space):
                if not ord("0") <= data[i] <= ord("9"):
                    time = -1
                    break
                time = 10 * time + int(data[i]) - ord("0")
        ts[row] = time


def join(data: UInt8, start: Int64, end: Int64, payload: UInt8) -> int:
    """Put rows one behind the other.

    Args:
        data: Where they stand.
        start: (n,) where each begins.
        end: (n,) where each ends.
        payload: Where they go; there is room for all.

    Returns:
        How many bytes they are.
    """
    at = 0
    for row in range(len(start)):
        source = data[start[row] : end[row]]
        target = payload[at : at + len(source)]
        for i in range(len(target)):  # views from 0 on: this becomes one copy
            target[i] = source[i]
        at += len(source)
    return at
