"""Sum up an account's day: what it was worth, what each instrument earned, and how it got there.

A day is one of a time zone, from its first midnight to the next day's: of 23 or 25 hours where clocks change. It opens
with what was known when it began, so a correction told in a day, of whatever day, is earned in that day; the profits of
days add up.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from functions.domain.market import NS_PER_S, Int64
from functions.domain.money import EXACT
from functions.domain.portfolio.analytics import (
    Holding,
    Marks,
    Performance,
    Standing,
    percent,
    performance,
    standing,
)
from functions.domain.portfolio.books import BookRules, Position
from functions.domain.portfolio.history import Folded, History, fold

_DAY: Final = dt.timedelta(days=1)
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Earned:
    """Say what one instrument earned in a day.

    Args:
        instrument_id: Which.
        opening: Signed quantity when the day began.
        closing: Signed quantity when it ended.
        price: What a unit was worth at its end; None of what was flat.
        realised: Earned by what was closed, at average cost, after all fees.
        unrealised: How much more what is held would earn than before.
        fees: Paid, in realised already.
        fills: How many, corrections counted with what they correct.
    """

    instrument_id: str
    opening: Decimal
    closing: Decimal
    price: Decimal | None
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    fills: int

    @property
    def profit(self) -> Decimal:
        """Give what it earned in all."""
        return EXACT.add(self.realised, self.unrealised)


@dataclass(frozen=True, slots=True, eq=False)
class Daily:
    """Hold an account's day; the profits of the instruments add up to closing less opening value, exactly.

    Args:
        account: Whose.
        begin_ns: When it began, UTC nanoseconds.
        end_ns: When it ended; the day does not include it.
        opening: As it began.
        closing: As it ended.
        instruments: What was held or traded, by instrument.
        performance: How it went; its curve knows the day's corrections from the beginning.
    """

    account: str
    begin_ns: int
    end_ns: int
    opening: Standing
    closing: Standing
    instruments: tuple[Earned, ...]
    performance: Performance

    @property
    def realised(self) -> Decimal:
        """Give what was earned by what was closed, after all fees."""
        return EXACT.subtract(self.closing.realised, self.opening.realised)

    @property
    def unrealised(self) -> Decimal:
        """Give how much more what is held would earn than before."""
        return EXACT.subtract(self.closing.unrealised, self.opening.unrealised)

    @property
    def fees(self) -> Decimal:
        """Give the fees paid, in realised already."""
        return EXACT.subtract(self.closing.fees, self.opening.fees)

    @property
    def profit(self) -> Decimal:
        """Give what the day earned, after fees."""
        return EXACT.subtract(self.closing.value, self.opening.value)

    @property
    def return_pct(self) -> Decimal | None:
        """Give that in percent of what the account was worth before; None where that was nothing."""
        return percent(self.profit, self.opening.value) if self.opening.value > 0 else None


def day_span(date: dt.date, zone: dt.tzinfo) -> tuple[int, int]:
    """Give the begin and the end of a zone's day, UTC nanoseconds.

    >>> begin, end = day_span(dt.date(2024, 3, 1), dt.timezone(dt.timedelta(hours=1)))
    >>> (end - begin) // NS_PER_S, begin // NS_PER_S
    (86400, 1709247600)
    """
    return _midnight_ns(date, zone), _midnight_ns(date + _DAY, zone)


def last_whole_day(before_ns: int, zone: dt.tzinfo) -> dt.date:
    """Give the last day of a zone that had ended by a time, UTC nanoseconds.

    >>> last_whole_day(1_709_251_200 * NS_PER_S, dt.timezone.utc)
    datetime.date(2024, 2, 29)
    """
    return dt.datetime.fromtimestamp(before_ns // NS_PER_S, zone).date() - _DAY


def _midnight_ns(date: dt.date, zone: dt.tzinfo) -> int:
    """Give the first midnight of a date; where clocks skip it, the moment they do."""
    return round(dt.datetime.combine(date, dt.time(), zone).timestamp()) * NS_PER_S


def daily(history: History, marks: Marks, *, rules: BookRules, times: Int64, step_s: int) -> Daily:
    """Sum up a day.

    Args:
        history: What is known of the account, later things too.
        marks: By instrument, the close known at each of the times.
        rules: How books are kept.
        times: From the begin of the day to its end, UTC nanoseconds (n,); a fill at its very end is the next day's.
        step_s: Seconds between two of them.
    """
    begin_ns, end_ns = int(times[0]), int(times[-1])
    # What happens at a time lies behind it: a nanosecond earlier it has not.
    before, after = (fold(history, rules=rules, as_of_ns=at - 1) for at in (begin_ns, end_ns))
    opening, closing = (
        standing(folded, {name: row[at] for name, row in marks.items()}) for folded, at in ((before, 0), (after, -1))
    )
    return Daily(
        account=history.account,
        begin_ns=begin_ns,
        end_ns=end_ns,
        opening=opening,
        closing=closing,
        instruments=_earned(after, opening, closing),
        performance=replace(performance(after, marks, times=times - 1, step_s=step_s), times=times),
    )


def _earned(folded: Folded, opening: Standing, closing: Standing) -> tuple[Earned, ...]:
    before = {one.instrument_id: one for one in opening.booked}
    held, holds = ({one.position.instrument_id: one for one in side.holdings} for side in (opening, closing))
    fills = Counter(one.instrument_id for one in folded.booked if one.as_of_ns > opening.as_of_ns and one.quantity)
    return tuple(
        _change(before.get(one.instrument_id), one, held.get(one.instrument_id), holds.get(one.instrument_id), fills)
        for one in closing.booked
        if one.quantity or one.instrument_id in held or fills[one.instrument_id] or _moved(before, one)
    )


def _moved(before: Mapping[str, Position], after: Position) -> bool:
    """Tell whether what an instrument had earned or cost moved, be it by corrections that leave it flat."""
    had = before.get(after.instrument_id)
    return (after.realised, after.fees) != ((had.realised, had.fees) if had else (_ZERO, _ZERO))


def _change(
    before: Position | None, after: Position, held: Holding | None, holds: Holding | None, fills: Counter[str]
) -> Earned:
    fees = EXACT.subtract(after.fees, before.fees if before else _ZERO)
    earned = EXACT.subtract(after.realised, before.realised if before else _ZERO)
    return Earned(
        instrument_id=after.instrument_id,
        opening=before.quantity if before else _ZERO,
        closing=after.quantity,
        price=holds.mark.price if holds else None,
        realised=EXACT.subtract(earned, fees),
        unrealised=EXACT.subtract(holds.unrealised if holds else _ZERO, held.unrealised if held else _ZERO),
        fees=fees,
        fills=fills[after.instrument_id],
    )
