"""Join bars of two instruments on buckets of venue time; pure but for the state's own arrays.

**Order does not matter.** A shard's bars close by their ends (design R11), so behind an event of it every bar that ends
up to the latest end in it has been seen: that is how far the shard has come. A bucket is evaluated once both members'
shards have come past its end, with what each knew then. What is computed of it follows from each shard's own sequence,
however the sequences were mixed.

**A member without a bar** in a bucket stands at the close of its last one before, flagged stale; never at a newer
one. Buckets in which neither has a bar give no row; up to `GAP_MAX` of them in a row are returns of 0, behind more the
windows are cold. Rows begin with the first bucket as of which both members have closed.

**Silence.** A shard that has come `silence_s` less far than the other is not waited for: the bucket is evaluated with
that member missing, flagged, and its windows are cold from there. So is what a shard's tape no longer reaches once it
has ended. Only here, when shards are further apart than that, do rows depend on how their events were mixed.

**Finality.** Only bars that are final for the first time count; a revised one is not applied, because windows that it
stood in have been told of. Behind batches that were lost a member is not known before its next bar, and the windows of
its pairs are cold. Bars of more than an hour are passed over: they end where an instrument's day does.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from functions.domain.bars.fold import BARS_PER_BATCH_MAX
from functions.domain.errors import Rejected
from functions.domain.market import (
    BAR_FINAL,
    MARKET_CROSSED,
    MARKET_QUOTED,
    NS_PER_S,
    BarBatch,
    Float64,
    InstrumentRef,
)
from functions.domain.pairs import kernel as layout
from functions.domain.pairs.batch import MISSING_A, MISSING_B, STALE_A, STALE_B, PairBatch
from functions.domain.pairs.layout import Kernel, Output
from functions.domain.pairs.pairing import INTERVAL_S_MAX
from functions.domain.pairs.state import HOLES_MAX, NEVER, Bar, Clock, Join, PairState, Routes, Side, Track, meet

GAP_MAX: Final = layout.RETURNS
"""Buckets without a bar of either after which nothing real is left in a window."""

EXPONENT_MAX: Final = 18
"""10**18 is the greatest power of ten an int64 holds."""

_FOREVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Told:
    """Hold what a join has to say: a batch, its number, when its buckets end, and the event that brought its bars."""

    batch: PairBatch
    number: int
    time_ns: int
    cause: str


@dataclass(frozen=True, slots=True)
class _Row:
    """Hold one bucket of a track, before it stands in columns."""

    track: Track
    start_ns: int
    closes: tuple[int, int]
    flags: int
    cause: str


def fold_bars(kernel: Kernel, state: PairState, batch: BarBatch, cause: str, *, silence_s: int) -> tuple[Told, ...]:
    """Take a shard's bars, and evaluate what can be.

    Args:
        kernel: Loops to run, plain or compiled.
        state: What the desk remembers; changes in place.
        batch: Bars of one shard, in the order in which they closed.
        cause: Id of the event that brought them.
        silence_s: How far behind the other a shard is waited for, seconds of venue time.

    Returns:
        One batch for each join and end of buckets, in ascending order for each join.

    Raises:
        Rejected: An instrument's exponents changed, or are not within `EXPONENT_MAX`; the state is unchanged.
    """
    dictionary, heard = state.heard.get(batch.shard, ((), ()))
    if batch.instruments != dictionary:
        heard = tuple(state.routes.get(ref.instrument_id) for ref in batch.instruments)
        if not any(heard):
            return ()
        _check(state, batch)
    ends = _take(state, batch, heard, cause, silence_ns=silence_s * NS_PER_S)
    clock = state.clocks.get(batch.shard)
    if clock is None:  # its instruments of ours are those of another shard, or have no bar yet
        return ()
    state.heard[batch.shard] = batch.instruments, heard
    _advance_clock(clock, batch, ends, cause)
    joins = [join for _, join in sorted(state.joins.items()) if join.tracks and batch.shard in join.shards]
    return tuple(told for join in joins for told in _advance(kernel, state, join, silence_s * NS_PER_S))


def lose_bars(state: PairState, shard: str) -> None:
    """Learn that batches of a shard are missing from here on; what it is paired with turns cold behind this point."""
    clock = state.clocks.get(shard)
    if clock is None:
        return
    for track in state.tracks:
        for side in track.sides:
            if side.shard == shard and (not side.holes or side.holes[-1] != clock.passed_ns):
                if len(side.holes) >= HOLES_MAX:
                    side.holes.pop()
                side.holes.append(clock.passed_ns)


def _check(state: PairState, batch: BarBatch) -> None:
    for ref in batch.instruments:
        sides = [side for routes in state.routes.get(ref.instrument_id, {}).values() for _, side in routes]
        known = [side.ref for side in sides if side.ref is not None and side.shard == batch.shard]
        if sides and (abs(ref.price_exponent) > EXPONENT_MAX or any(had != ref for had in known)):
            message = f"{ref} in {batch.shard}, known as {known or 'new'}: exponents stay, and within {EXPONENT_MAX}"
            raise Rejected(message)


def _take(
    state: PairState,
    batch: BarBatch,
    heard: Sequence[Routes | None],
    cause: str,
    *,
    silence_ns: int,
) -> list[int]:
    """Put bars where they wait; return the ends of all that count."""
    ends = []
    which = (batch.instrument, batch.interval_s, batch.start_ns, batch.finality)
    columns = (*which, batch.close, batch.bid_price, batch.ask_price, batch.flags)
    rows = zip(*[one.tolist() for one in columns], strict=True)
    for instrument, interval_s, start_ns, finality, close, bid, ask, flags in rows:
        if finality != BAR_FINAL or interval_s > INTERVAL_S_MAX:
            continue
        end_ns = start_ns + interval_s * NS_PER_S
        ends.append(end_ns)
        # A bar whose trades may set no close is none, but tells how far its shard has come.
        routes = heard[instrument] if close > 0 else None
        sides = routes.get(interval_s) if routes else None
        if sides:
            bar = Bar(end_ns, close, bid, ask, flags, cause)
            for track, side in sides:
                _put(state, track, side, batch.shard, batch.instruments[instrument], bar, silence_ns)
    return ends


def _put(state: PairState, track: Track, side: Side, shard: str, ref: InstrumentRef, bar: Bar, silence_ns: int) -> None:
    if not side.shard:
        side.shard, side.ref = shard, ref
        state.clocks.setdefault(shard, Clock())
        meet(state, track)
    if side.shard != shard:
        return
    newest = side.waiting[-1] if side.waiting else side.last
    if newest is not None and bar.end_ns <= newest.end_ns:  # told before
        return
    if track.join is not None and bar.end_ns <= track.join.passed_ns:
        side.last = bar  # after a silence: known from here on, but told of no more
        return
    side.waiting.append(bar)
    while track.join is None and side.waiting[0].end_ns <= bar.end_ns - silence_ns:
        side.last = side.waiting.popleft()


def _advance_clock(clock: Clock, batch: BarBatch, ends: list[int], cause: str) -> None:
    """Move a clock to the latest end; a full batch may be followed by others of that very end."""
    if ends:
        is_last = len(batch.start_ns) < BARS_PER_BATCH_MAX or batch.end_of_tape
        clock.passed_ns = max(clock.passed_ns, max(ends) - (not is_last))
        clock.ended = False
    if batch.end_of_tape:
        clock.ended, clock.ended_by = True, cause


def _advance(kernel: Kernel, state: PairState, join: Join, silence_ns: int) -> Iterator[Told]:
    """Evaluate what a join can, end by end."""
    clocks = [state.clocks[shard] for shard in join.shards]
    newest = max(clock.passed_ns for clock in clocks)
    waited = min(_FOREVER if clock.ended else clock.passed_ns for clock in clocks)
    horizon = max(waited, newest - silence_ns)
    while True:
        end_ns = min((_next_end(track) for track in join.tracks), default=_FOREVER)
        if end_ns > horizon or end_ns == _FOREVER:
            break
        rows: list[_Row] = []
        for track in join.tracks:
            if _next_end(track) == end_ns:
                rows += _evaluate(kernel, state, track, end_ns, len(rows))
        if rows:
            yield _say(join, _columns(join, rows, state.output), end_ns, rows[0].cause)
    join.passed_ns = max(join.passed_ns, min(horizon, newest))
    if waited < _FOREVER:
        join.told_end = False
    elif not join.told_end:
        join.told_end = True
        yield _say(join, _columns(join, [], state.output, end_of_tape=True), newest, clocks[0].ended_by)


def _next_end(track: Track) -> int:
    a, b = track.sides
    end_a = a.waiting[0].end_ns if a.waiting else _FOREVER
    end_b = b.waiting[0].end_ns if b.waiting else _FOREVER
    return min(end_a, end_b)


def _evaluate(kernel: Kernel, state: PairState, track: Track, end_ns: int, at: int) -> list[_Row]:
    """Evaluate a bucket of a track into row `at` of the output; nothing comes of it before both members have closed."""
    a, b = track.sides
    holes = [_pass_hole(side, end_ns) for side in track.sides]
    fresh_a, fresh_b = (_pass_bar(side, end_ns) for side in track.sides)
    if any(holes):
        _forget(kernel, state, track)
    if a.last is None or b.last is None:
        return []
    missing_a = not fresh_a and state.clocks[a.shard].passed_ns < end_ns
    missing_b = not fresh_b and state.clocks[b.shard].passed_ns < end_ns
    if missing_a or missing_b:
        _forget(kernel, state, track)
        for part in state.output:
            part[at] = 0
    else:
        _compute(kernel, state, track, end_ns, at, both_fresh=fresh_a and fresh_b)
    return [
        _Row(
            track=track,
            start_ns=end_ns - track.interval_s * NS_PER_S,
            closes=(0 if missing_a else a.last.close, 0 if missing_b else b.last.close),
            flags=_flag(fresh_a, missing_a, STALE_A, MISSING_A) | _flag(fresh_b, missing_b, STALE_B, MISSING_B),
            cause=a.last.cause if fresh_a else b.last.cause,
        )
    ]


def _flag(fresh: bool, missing: bool, stale_bit: int, missing_bit: int) -> int:
    return 0 if fresh else missing_bit if missing else stale_bit


def _pass_bar(side: Side, end_ns: int) -> bool:
    """Let the bar of a bucket, if there is one, be the last that is known; tell whether there was."""
    if not side.waiting or side.waiting[0].end_ns != end_ns:
        return False
    side.last = side.waiting.popleft()
    return True


def _pass_hole(side: Side, end_ns: int) -> bool:
    """Tell whether batches of a member were lost since the bucket before; then its price is not known."""
    passed = False
    while side.holes and side.holes[0] < end_ns:
        side.holes.popleft()
        side.last, passed = None, True
    return passed


def _forget(kernel: Kernel, state: PairState, track: Track) -> None:
    kernel.forget(state.arrays, track.place)
    track.end_ns = NEVER


def _compute(kernel: Kernel, state: PairState, track: Track, end_ns: int, at: int, *, both_fresh: bool) -> None:
    """Move a track's windows to this bucket, over the empty ones before it."""
    skipped = 0 if track.end_ns == NEVER else (end_ns - track.end_ns) // (track.interval_s * NS_PER_S) - 1
    if skipped > GAP_MAX:
        _forget(kernel, state, track)
        skipped = 0
    a, b = ((side.last, side.ref) for side in track.sides)
    inputs = state.inputs
    price_a, price_b = _fill(inputs, layout.IN_BID_A, *a), _fill(inputs, layout.IN_BID_B, *b)
    known = track.end_ns != NEVER
    inputs[layout.IN_RETURN_A] = math.log(price_a / track.prices[0]) if known else 0.0
    inputs[layout.IN_RETURN_B] = math.log(price_b / track.prices[1]) if known else 0.0
    inputs[layout.IN_PRICE_A], inputs[layout.IN_PRICE_B] = price_a, price_b
    inputs[layout.IN_LOG_RATIO] = math.log(price_a / price_b)
    inputs[layout.IN_QUOTES] = _quoted(a[0], b[0]) if both_fresh else layout.QUOTES_UNKNOWN
    inputs[layout.IN_SAME] = float(track.pair.same_asset)
    kernel.step(state.arrays, track.place, skipped, inputs, state.scratch, state.output, at)
    track.end_ns, track.prices = end_ns, (price_a, price_b)


def _fill(inputs: Float64, bid_at: int, bar: Bar | None, ref: InstrumentRef | None) -> float:
    """Write a member's quote where the kernel reads it, bid then ask; return its price."""
    assert bar is not None and ref is not None, "a member of a row has closed"  # noqa: S101, PT018 - as `_evaluate` saw
    inputs[bid_at] = _price(bar.bid, ref.price_exponent)
    inputs[bid_at + 1] = _price(bar.ask, ref.price_exponent)
    return _price(bar.close, ref.price_exponent)


def _price(mantissa: int, exponent: int) -> float:
    """Give the float nearest to mantissa * 10^exponent.

    >>> _price(268380, -2)
    2683.8
    """
    return float(mantissa * 10**exponent) if exponent >= 0 else mantissa / 10**-exponent


def _quoted(*bars: Bar | None) -> float:
    known = [bar for bar in bars if bar is not None and bar.flags & MARKET_QUOTED and bar.bid > 0 and bar.ask > 0]
    if len(known) < len(bars):
        return layout.QUOTES_UNKNOWN
    crossed = any(bar.flags & MARKET_CROSSED or bar.bid > bar.ask for bar in known)
    return layout.QUOTES_CROSSED if crossed else layout.QUOTES_KNOWN


def _say(join: Join, batch: PairBatch, time_ns: int, cause: str) -> Told:
    number = join.emitted
    join.emitted += 1
    return Told(batch, number, time_ns, cause)


def _columns(join: Join, rows: Sequence[_Row], output: Output, *, end_of_tape: bool = False) -> PairBatch:
    refs: dict[InstrumentRef, int] = {}
    members = [
        [refs.setdefault(side.ref, len(refs)) for side in row.track.sides if side.ref is not None] for row in rows
    ]
    return PairBatch(
        join=join.name,
        instruments=tuple(refs),
        instrument_a=np.array([a for a, _ in members], np.uint16),
        instrument_b=np.array([b for _, b in members], np.uint16),
        interval_s=np.array([row.track.interval_s for row in rows], np.int32),
        start_ns=np.array([row.start_ns for row in rows], np.int64),
        close_a=np.array([row.closes[0] for row in rows], np.int64),
        close_b=np.array([row.closes[1] for row in rows], np.int64),
        flags=np.array([row.flags for row in rows], np.uint8),
        names=layout.NAMES,
        values=output[0][: len(rows)].copy(),  # the next rows are written over these
        states=output[1][: len(rows)].copy(),
        end_of_tape=end_of_tape,
    )
