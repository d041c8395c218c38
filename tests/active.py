"""Fold tapes into bars of equal activity, and count the same bars anew, print by print, with Python's own integers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, cast

from ticking import T0, Row, Trade, cut, instruments

from functions.adapters.kernels import compiled
from functions.domain.activity import kernel
from functions.domain.activity.batch import (
    ACTIVITY_AMENDED,
    ACTIVITY_SHORT,
    BASIS_NOTIONAL,
    BASIS_TICKS,
    BASIS_VOLUME,
    ActivityBarBatch,
)
from functions.domain.activity.fold import ActivityRules, fold_batch
from functions.domain.activity.layout import Kernel
from functions.domain.activity.state import ActivityState, start
from functions.domain.market import (
    BAR_FINAL,
    BAR_OPEN,
    BAR_REVISED,
    SIDE_BUY,
    TRADE_CANCEL,
    TRADE_CORRECTION,
    TRADE_INFORMS_ONLY,
    TRADE_NOT_HIGH_LOW,
    TRADE_NOT_LAST,
    TRADE_NOT_VOLUME,
    TRADE_WITHOUT_ID,
)

LOOPS = cast("Kernel", compiled(kernel))
PLAIN = cast("Kernel", kernel)
DAY = 86_400_000_000_000
KEPT = 9
"""The last bars of a basis that can be revised, the open one too."""


class Line(NamedTuple):
    """One bar as it was emitted, sums joined."""

    instrument: str
    basis: int
    day: int
    ordinal: int
    finality: int
    revision: int
    start_ns: int
    end_ns: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    buy_volume: int
    notional: int
    trades: int
    flags: int


def every(number: str) -> tuple[tuple[str, Decimal], ...]:
    """Give one threshold to all instruments."""
    return (("*", Decimal(number)),)


def rules(ticks: int = 0, volume: int = 0, notional: int = 0) -> ActivityRules:
    """Give thresholds in mantissas of the instruments of `ticking`, whose exponents are -2 and -3; 0 for none."""
    return ActivityRules(
        ticks=every(str(ticks)) if ticks else (),
        volume=every(f"{volume}e-3") if volume else (),
        notional=every(f"{notional}e-5") if notional else (),
    )


def active_batch() -> ActivityBarBatch:
    """Give a batch of one bar that closed: two trades that reach a notional."""
    (one,) = run([Trade(T0, 100, 1, id=1), Trade(T0, 100, 1, id=2)], rules(notional=200))[:1]
    return one


def begin() -> ActivityState:
    """Make an empty state."""
    return start("BINANCE-0")


def run(
    rows: Sequence[Row], given: ActivityRules, size: int = 512, *, count_of: int = 2, loops: Kernel = LOOPS
) -> list[ActivityBarBatch]:
    """Fold a whole tape cut at `size` rows."""
    state = begin()
    return [one for each in cut(rows, size, instruments(count_of)) for one in fold_batch(loops, state, each, given)]


def lines(batches: Iterable[ActivityBarBatch]) -> list[Line]:
    """List every bar in the order of emission."""
    return [line for batch in batches for line in _lines(batch)]


def _lines(batch: ActivityBarBatch) -> Iterator[Line]:
    for at in range(batch.row_count):
        sums = {"notional": (int(batch.notional_hi[at]) << 64) + int(batch.notional_lo[at])}
        figures = {name: int(getattr(batch, name)[at]) for name in Line._fields[1:] if name not in sums}
        yield Line(batch.instruments[int(batch.instrument[at])].instrument_id, **figures, **sums)


def latest(emitted: Iterable[Line]) -> dict[tuple[Any, ...], Line]:
    """Keep the last form of each bar, as a sink does."""
    return {line[:4]: line for line in emitted}


def refused(batches: Iterable[ActivityBarBatch]) -> list[tuple[int, str]]:
    """List the refused rows with their reasons."""
    return [(one.row, one.reason) for each in batches for one in each.rejections]


@dataclass
class Print:
    """A counted trade as it stands now."""

    row: Trade
    price: int
    size: int
    buy: bool


@dataclass
class Bar:
    """A bar of the independent count."""

    day: int
    ordinal: int
    prints: list[Print] = field(default_factory=list)
    closed: bool = False
    revision: int = 0
    flags: int = 0
    widened: list[int] = field(default_factory=list)


@dataclass
class Count:
    """Count one instrument's bars of every basis; ids are all within the window."""

    limits: dict[int, int]
    bars: dict[int, list[Bar]] = field(default_factory=dict)
    ids: dict[int, Print] = field(default_factory=dict)
    today: int = -1

    def take(self, row: Trade) -> str:
        """Take a trade; return why it was refused, or nothing."""
        number = None if row.flags & TRADE_WITHOUT_ID else row.id
        if row.flags & TRADE_CANCEL:
            return self.change(number, None, row)
        if row.flags & (TRADE_INFORMS_ONLY | TRADE_NOT_VOLUME):
            return ""
        if number in self.ids:
            return self.change(number, row, row) if row.flags & TRADE_CORRECTION else ""
        return self.count(number, row)

    def count(self, number: int | None, row: Trade) -> str:
        """Count a print in every basis."""
        if row.ts // DAY > self.today:
            self.today = row.ts // DAY
            for bars in self.bars.values():
                if bars and not bars[-1].closed:
                    bars[-1].closed = True
                    bars[-1].flags |= ACTIVITY_SHORT
        made = Print(row, row.price, row.size, row.side == SIDE_BUY)
        if number is not None:
            self.ids[number] = made
        for basis, limit in self.limits.items():
            bars = self.bars.setdefault(basis, [])
            if not bars or bars[-1].closed:
                bars.append(Bar(self.today, sum(bar.day == self.today for bar in bars)))
            bars[-1].prints.append(made)
            bars[-1].closed = self.sums(bars[-1])[basis] >= limit
        return ""

    def sums(self, bar: Bar) -> dict[int, int]:
        """Add up a bar by each basis."""
        live = [one for one in bar.prints if one.size]
        return {
            BASIS_TICKS: len(live),
            BASIS_VOLUME: sum(one.size for one in live),
            BASIS_NOTIONAL: sum(one.price * one.size for one in live),
        }

    def change(self, number: int | None, to: Trade | None, row: Trade) -> str:
        """Take a print back, or put another in its place."""
        informs = bool(row.flags & TRADE_INFORMS_ONLY)
        made = self.ids.get(number) if number is not None else None
        if made is None:
            return "" if informs else "unknown_trade"
        price, size, buy = (made.price, 0, False) if to is None else (to.price, to.size, to.side == SIDE_BUY)
        if not made.size or (made.price, made.size, made.buy) == (price, size, buy):
            return ""
        missed = False
        for bars in self.bars.values():
            kept = [bar for bar in bars[-KEPT:] if any(one is made for one in bar.prints)]
            missed |= not kept
            for bar in kept:
                bar.flags |= ACTIVITY_AMENDED
                bar.revision += bar.closed
                if to is not None and not row.flags & TRADE_NOT_HIGH_LOW:
                    bar.widened.append(price)
        self.gone(made, price, size, buy)
        return "too_late" if missed else ""

    def gone(self, made: Print, price: int, size: int, buy: bool) -> None:  # noqa: FBT001 - a figure of a print
        """Freeze the bars that are no longer kept by giving them a copy, then change the print."""
        for bars in self.bars.values():
            for bar in bars[:-KEPT]:
                bar.prints = [
                    Print(one.row, one.price, one.size, one.buy) if one is made else one for one in bar.prints
                ]
        made.price, made.size, made.buy = price, size, buy

    def lines(self, instrument: str) -> Iterator[Line]:
        """Write every bar as it stands at the end."""
        for basis, bars in self.bars.items():
            for bar in bars:
                rows = [one.row for one in bar.prints]
                last = [row.price for row in rows if not row.flags & TRADE_NOT_LAST]
                range_of = [row.price for row in rows if not row.flags & TRADE_NOT_HIGH_LOW] + bar.widened
                form = BAR_OPEN if not bar.closed else BAR_REVISED if bar.revision else BAR_FINAL
                sums = self.sums(bar)
                yield Line(
                    instrument,
                    basis,
                    bar.day,
                    bar.ordinal,
                    form,
                    bar.revision,
                    rows[0].ts,
                    rows[-1].ts,
                    last[0] if last else 0,
                    max(range_of, default=0),
                    min(range_of, default=0),
                    last[-1] if last else 0,
                    sums[BASIS_VOLUME],
                    sum(one.size for one in bar.prints if one.buy),
                    sums[BASIS_NOTIONAL],
                    sums[BASIS_TICKS],
                    bar.flags,
                )


def counted(rows: Sequence[Row], limits: dict[int, int]) -> tuple[dict[tuple[Any, ...], Line], list[tuple[int, str]]]:
    """Count a tape anew: the last form of each bar but for what is missing, and the refused rows."""
    counts: dict[int, Count] = {}
    bad = []
    for number, row in enumerate(rows):
        if isinstance(row, Trade):
            reason = counts.setdefault(row.instrument, Count(limits)).take(row)
            if reason:
                bad.append((number, reason))
    found = (line for at, count in counts.items() for line in count.lines(instruments(at + 1)[at].instrument_id))
    return latest(found), bad
