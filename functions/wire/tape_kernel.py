"""Put the rows of a tape one behind the other; a loop over arrays that runs plain or compiled with the same results."""

from typing import Final

from functions.domain.market import Int64, UInt8

INLINED: Final = frozenset[str]()


def join(data: UInt8, start: Int64, end: Int64, payload: UInt8) -> None:
    """Copy rows into a payload that is as long as all of them.

    Args:
        data: Where they stand.
        start: (n,) where each begins.
        end: (n,) where each ends.
        payload: Where they go.
    """
    at = 0
    for row in range(len(start)):
        source = data[start[row] : end[row]]
        target = payload[at : at + len(source)]
        for i in range(len(target)):  # views from 0 on: this becomes one copy
            target[i] = source[i]
        at += len(source)
