"""Keep trade ids apart that start again every day: the trading day's date is put before them.

Bars and activity count an id of an instrument once, so the next day's trades with the same numbers would be lost.
The day is that of the trade's own time, or of its receive time where it has none. A correction or a cancel names the
id of the day it is told on: one that comes a day later does not reach the trade of the day before, and reaches that
day's trade of the same number where there is one.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from functions.domain.market import TRADE_WITHOUT_ID, Trades
from functions.wire.venues.clocks import NS_PER_HOUR

NEW_YORK_HOURS: Final = -5
"""New York trades from 04:00 to 20:00, so UTC less five hours has the session's date, in winter and in summer."""
WORLD_HOURS: Final = 2
"""Hours of a day that begins at 22:00 UTC, for ids of whatever exchange. That is within the pause of CME, from 16:00 to
17:00 in Chicago, in winter and in summer, and behind B3's and Europe's evenings; UTC's midnight is amid CME's day."""
NUMBER_BITS: Final = 40
"""Bits of an id below its date; numbers that need more carry none."""
_HOURS_A_DAY: Final = 24
_DAYS: Final = 1 << 63 - NUMBER_BITS


def dated(trades: Trades, shift_hours: int) -> Trades:
    """Put the trading day, counted from 1970, before each trade's id.

    Ids above 2^40 - 1 stay as they are, as does 0 where there is no id.

    Args:
        trades: Trades with the ids that the venue wrote.
        shift_hours: What, added to UTC, gives the trading day's date.
    """
    day = (trades.ts_event // NS_PER_HOUR + shift_hours) // _HOURS_A_DAY % _DAYS
    is_dated = (trades.trade_id >> NUMBER_BITS == 0) & (trades.flags & TRADE_WITHOUT_ID == 0)
    return replace(trades, trade_id=trades.trade_id | np.where(is_dated, day << NUMBER_BITS, 0).view(np.uint64))
