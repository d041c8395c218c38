"""Remember what instruments were worth at each minute, and how far each shard has come.

A mark is the close of a final bar of 60 s; revised ones are not applied, for rows that stood on the first have been
told. Marks are kept by minute on one grid, so that any minute still kept can be looked at again whatever came later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from functions.domain.bars.fold import BARS_PER_BATCH_MAX
from functions.domain.errors import Rejected
from functions.domain.market import BAR_FINAL, NS_PER_S, BarBatch, Float64, InstrumentRef, Int64
from functions.domain.money import EXPONENT_MAX

MARK_S: Final = 60
MARK_NS: Final = MARK_S * NS_PER_S
MINUTES: Final = 256
"""Minutes that are kept: the window of returns, and over two hours behind which rows can be worked out again."""
NEVER: Final = -1
FOREVER: Final = 1 << 62

_NOMINAL_FROM_S: Final = 14_400
"""Bars from here on end where the instrument's day does, which their start does not tell."""


class Mark(NamedTuple):
    """Hold a price and the number of the minute at whose end it was known."""

    price: int
    minute: int


@dataclass(slots=True)
class Marked:
    """Remember an instrument.

    Args:
        place: Its row among the marks.
        shard: Shard of its first bar; bars of it from elsewhere are not its own.
        ref: Its units.
        seen: How many marks were seen of it.
        before: The newest mark that is no longer on the grid.
    """

    place: int
    shard: str
    ref: InstrumentRef
    seen: int = 0
    before: Mark | None = None


@dataclass(slots=True)
class Clock:
    """Remember how far a shard has come: all its bars that end up to `passed_ns` have been seen."""

    passed_ns: int = NEVER
    ended: bool = False


@dataclass(slots=True, eq=False)
class Marks:
    """Remember the marks of a desk.

    Args:
        closes: Close mantissas (instruments_max, MINUTES) at place minute % MINUTES; 0 where there was none.
        instruments: By id; those beyond `instruments_max` are not marked.
        clocks: By shard.
        newest: Number of the newest minute (minutes since the epoch, of its end); NEVER before the first.
    """

    closes: Int64
    instruments: dict[str, Marked] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)
    newest: int = NEVER

    @property
    def oldest(self) -> int:
        """Give the oldest minute that is still kept."""
        return max(self.newest - MINUTES + 1, 0)

    def mark(self, instrument_id: str, minute: int) -> Mark | None:
        """Give the newest mark that was known at the end of a minute; None when there was none, or it is not kept."""
        one = self.instruments.get(instrument_id)
        if one is None:
            return None
        for at in range(min(minute, self.newest), self.oldest - 1, -1):
            price = int(self.closes[one.place, at % MINUTES])
            if price:
                return Mark(price, at)
        return one.before if one.before is not None and one.before.minute <= minute else None

    def is_marked(self, instrument_id: str, minute: int) -> bool:
        """Tell whether an instrument closed in this very minute."""
        one = self.instruments.get(instrument_id)
        if one is None or not self.oldest <= minute <= self.newest:
            return False
        return bool(self.closes[one.place, minute % MINUTES])

    def seen(self, instrument_id: str, minute: int) -> int:
        """Count the marks of an instrument up to a minute."""
        one = self.instruments.get(instrument_id)
        if one is None:
            return 0
        later = sum(self.is_marked(instrument_id, at) for at in range(max(minute + 1, self.oldest), self.newest + 1))
        return one.seen - later

    def waits(self, instrument_id: str, time_ns: int, *, silence_ns: int, now_ns: int) -> bool:
        """Tell whether bars of an instrument that end by a time may still come, and are waited for."""
        one = self.instruments.get(instrument_id)
        clock = None if one is None else self.clocks.get(one.shard)
        if clock is None or clock.ended or clock.passed_ns >= time_ns:
            return False
        return now_ns < time_ns + silence_ns

    def returns(self, instrument_ids: Sequence[str], minute: int, count: int) -> Float64:
        """Give past returns of instruments, side by side.

        Args:
            instrument_ids: Which, k of them.
            minute: The last minute that counts.
            count: Most returns.

        Returns:
            Simple returns over one minute (n, k), oldest first: of the last n <= count minutes in which one of them
            closed and before which all had. One that did not close in a minute returned 0 in it.
        """
        places = [self.instruments[name].place for name in instrument_ids]
        at = np.arange(self.oldest, min(minute, self.newest) + 1)
        if not places or not len(at):
            return np.zeros((0, len(places)))
        closes = self.closes[places][:, at % MINUTES].T
        closed = closes > 0
        last = np.maximum.accumulate(np.where(closed, np.arange(len(at))[:, None], NEVER), axis=0)
        counts = np.flatnonzero((last[:-1] >= 0).all(axis=1) & closed[1:].any(axis=1))[-count:]
        each = np.arange(len(places))
        found: Float64 = closes[last[counts + 1], each] / closes[last[counts], each] - 1.0
        return found


def start(instruments_max: int) -> Marks:
    """Make the marks of a desk that has seen nothing."""
    return Marks(np.zeros((instruments_max, MINUTES), np.int64))


def mark_bars(marks: Marks, batch: BarBatch) -> dict[str, int]:
    """Take a shard's bars.

    Returns:
        For each instrument with a new mark, the first minute of one.

    Raises:
        Rejected: An instrument's exponents changed, or are beyond `EXPONENT_MAX`; nothing was taken.
    """
    _check(marks, batch)
    ends = []
    fresh: dict[str, int] = {}
    rows = zip(
        *(one.tolist() for one in (batch.instrument, batch.interval_s, batch.start_ns, batch.finality, batch.close)),
        strict=True,
    )
    for instrument, interval_s, start_ns, finality, close in rows:
        if finality != BAR_FINAL or interval_s >= _NOMINAL_FROM_S:
            continue
        end_ns = start_ns + interval_s * NS_PER_S
        ends.append(end_ns)
        if interval_s == MARK_S and close > 0:
            ref, minute = batch.instruments[instrument], end_ns // MARK_NS
            if _put(marks, batch.shard, ref, minute, close):
                fresh[ref.instrument_id] = min(fresh.get(ref.instrument_id, minute), minute)
    _pass(marks.clocks.setdefault(batch.shard, Clock()), batch, ends)
    return fresh


def _check(marks: Marks, batch: BarBatch) -> None:
    for ref in batch.instruments:
        known = marks.instruments.get(ref.instrument_id)
        changed = known is not None and known.shard == batch.shard and known.ref != ref
        if changed or abs(ref.price_exponent) > EXPONENT_MAX:
            had = "new" if known is None else known.ref
            message = f"{ref} in {batch.shard}, known as {had}: exponents stay, and within {EXPONENT_MAX}"
            raise Rejected(message)


def _put(marks: Marks, shard: str, ref: InstrumentRef, minute: int, close: int) -> bool:
    """Put a mark where it belongs; False when it is known, too old, of another shard than before, or has no place."""
    one = marks.instruments.get(ref.instrument_id)
    if one is None and len(marks.instruments) < len(marks.closes):
        one = marks.instruments[ref.instrument_id] = Marked(len(marks.instruments), shard, ref)
    if one is None or one.shard != shard or minute < marks.oldest:
        return False
    if minute > marks.newest:
        _move(marks, minute)
    if marks.closes[one.place, minute % MINUTES]:
        return False
    marks.closes[one.place, minute % MINUTES] = close
    one.seen += 1
    return True


def _move(marks: Marks, minute: int) -> None:
    """Let the grid end with a minute; what falls off it is remembered once for each instrument."""
    leaving = range(min(minute - MINUTES, marks.newest), marks.oldest - 1, -1)
    for one in marks.instruments.values():
        last = next((at for at in leaving if marks.closes[one.place, at % MINUTES]), None)
        if last is not None:
            one.before = Mark(int(marks.closes[one.place, last % MINUTES]), last)
    coming = np.arange(max(marks.newest, minute - MINUTES) + 1, minute + 1)
    marks.closes[:, coming % MINUTES] = 0
    marks.newest = minute


def _pass(clock: Clock, batch: BarBatch, ends: Sequence[int]) -> None:
    """Move a clock to the latest end; a full batch may be followed by others of that very end."""
    if ends:
        is_last = len(batch.start_ns) < BARS_PER_BATCH_MAX or batch.end_of_tape
        clock.passed_ns = max(clock.passed_ns, max(ends) - (not is_last))
        clock.ended = False
    clock.ended = clock.ended or batch.end_of_tape
