"""Say of bars whether their instrument could be traded when they ended, for a decision is made then.

The end of a bar is asked, never the time of the batch that closed it: however rows are cut, a bar is flagged alike.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from functions.domain.bars.days import DayTables
from functions.domain.market import FLAGS_LOW, MARKET_CLOSED, MARKET_HALTED, NO_FLAGS, Int64, UInt8
from functions.domain.reference import Status, TradingStatus

_SHUT: Final = {TradingStatus.HALTED: MARKET_HALTED, TradingStatus.CLOSED: MARKET_CLOSED}


def trading_flags(
    instrument: Int64, end_ns: Int64, *, statuses: Sequence[Iterable[Status]], calendars: Sequence[str], days: DayTables
) -> UInt8:
    """Give the bars' flags above `FLAGS_LOW`.

    Args:
        instrument: Index of each bar's instrument, (n,).
        end_ns: Ends of the bars, UTC nanoseconds, (n,).
        statuses: Halts and their ends as each instrument was told last, ascending.
        calendars: Code of each instrument's calendar.
        days: Calendars by code.

    Returns:
        MARKET_HALTED and MARKET_CLOSED, shifted, (n,); (0,) when none is set.
    """
    if not any(statuses) and not any(map(days.closes, calendars)):
        return NO_FLAGS
    rows = zip(instrument.tolist(), end_ns.tolist(), strict=True)
    found = [_halted(statuses[at], end) | MARKET_CLOSED * (not days.is_open(calendars[at], end)) for at, end in rows]
    return (np.array(found) >> FLAGS_LOW).astype(np.uint8) if any(found) else NO_FLAGS


def _halted(statuses: Iterable[Status], end_ns: int) -> int:
    """Give the flag of the last status that had begun; before the first one it trades."""
    found = 0
    for one in statuses:
        if one.from_ns <= end_ns:
            found = _SHUT.get(one.status, 0)
    return found
