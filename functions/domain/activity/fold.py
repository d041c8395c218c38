"""Fold one batch of trades into one shard's bars of equal activity; pure but for the state's own arrays.

A bar is a run of trades in tape order, row by row, so cutting a tape differently never changes one. Three bases count
beside each other: trades, size, and price times size.

1. A bar closes with the trade that brings its sum to the threshold or beyond: that trade belongs to it, whole, and
   the next trade begins the next bar. Source: Lopez de Prado, Advances in Financial Machine Learning (2018), section
   2.3.1, which samples "every time a pre-defined number" of transactions, units or value has been exchanged.
2. Bars are numbered from 0 within (instrument, basis, UTC day). A trade of a later day ends what is open, flagged as
   short; one of an earlier day, out of order, counts today. So a day's bars follow from that day's rows alone.
3. A venue id counts once among the last `IDS_KEPT`, and among the prints that are kept: ids that skip numbers are soon
   older than the former. What only informs, or by its sale condition does not count as
   volume, does not count here; one that may not set the last price or the extremes counts without setting them.
4. A cancel takes its print back, and a correction puts other figures in its place, in each bar that holds it: the open
   one, or one of the last eight that closed, which is revised at once. Sums change; boundaries stay, and so does every
   price, for which the bar is flagged; a correction may widen the extremes and never closes a bar. Beyond the kept
   bars, or the last `PRINTS_KEPT` prints, the row is rejected as `too_late`; a cancel of what never came as
   `unknown_trade`.

Quotes, books and heartbeats mean nothing here. A batch that comes late counts where it comes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

import numpy as np

from functions.domain.activity import kernel as layout
from functions.domain.activity.batch import BASIS_NAMES, BASIS_NOTIONAL, ActivityBarBatch, unit_exponent
from functions.domain.activity.layout import Kernel, Sink, Trades
from functions.domain.activity.state import INSTRUMENTS_MAX, ActivityState
from functions.domain.errors import Rejected
from functions.domain.market import InstrumentRef, Int32, Int64, Rejection, TickBatch

BARS_PER_BATCH_MAX: Final = 256
"""A bar weighs some 160 bytes, so this many stay below 64 KiB."""

Thresholds: TypeAlias = tuple[tuple[str, Decimal], ...]
"""Patterns of instrument ids, each with a threshold; the first that fits counts."""

_LOW_BITS: Final = np.uint64(62)
"""What the kernel keeps of a notional in its low number; the two low bits of the high one stand above them."""

_LIMIT_MAX: Final = (1 << 124) - 1
_REASONS: Final = ("too_late", "shard_full", "out_of_range", "unknown_trade")


@dataclass(frozen=True, slots=True)
class ActivityRules:
    """Say how much activity makes a bar; an instrument that no pattern of a basis fits has no bars of it.

    Args:
        ticks: Trades of a bar, by instrument.
        volume: Size of a bar, in units of the instrument.
        notional: Sum of price times size of a bar, in quote currency.
        instruments_max: How many instruments a shard holds.
    """

    ticks: Thresholds = ()
    volume: Thresholds = ()
    notional: Thresholds = ()
    instruments_max: int = INSTRUMENTS_MAX

    def __post_init__(self) -> None:
        """Refuse thresholds that every trade, or no trade, would reach."""
        for pattern, threshold in (*self.ticks, *self.volume, *self.notional):
            if not threshold.is_finite() or threshold <= 0:
                message = f"the threshold of {pattern} is {threshold}, expected a number above 0"
                raise ValueError(message)
        if self.instruments_max < 1:
            message = f"instruments_max is {self.instruments_max}, expected at least 1"
            raise ValueError(message)

    def limits(self, ref: InstrumentRef) -> Int64:
        """Give an instrument's thresholds, rounded up to whole units: (bases, 2) of hi * 2**62 + lo, 0 for none.

        A threshold beyond what a sum can hold exactly is none.

        >>> ActivityRules(volume=(("ETH-*", Decimal("2.5")),)).limits(InstrumentRef("ETH-USDT.X", -2, -4)).tolist()
        [[0, 0], [0, 25000], [0, 0]]
        """
        found = np.zeros((layout.BASES, 2), np.int64)
        for row, (basis, thresholds) in enumerate(
            zip(BASIS_NAMES, (self.ticks, self.volume, self.notional), strict=True)
        ):
            fitting = (limit for pattern, limit in thresholds if fnmatchcase(ref.instrument_id, pattern))
            numerator, denominator = next(fitting, Decimal(0)).as_integer_ratio()
            exponent = unit_exponent(basis, ref)
            whole = -(-numerator * 10 ** max(-exponent, 0) // (denominator * 10 ** max(exponent, 0)))
            if whole <= (_LIMIT_MAX if basis == BASIS_NOTIONAL else layout.MANTISSA_MAX):
                found[row] = divmod(whole, layout.MANTISSA_MAX + 1)
        return found


def fold_batch(
    kernel: Kernel, state: ActivityState, batch: TickBatch, rules: ActivityRules
) -> tuple[ActivityBarBatch, ...]:
    """Fold a batch into a shard; return what closed or was revised, at most `BARS_PER_BATCH_MAX` bars a piece.

    Args:
        kernel: Loops to run, plain or compiled.
        state: State of the batch's shard; its arrays change in place.
        batch: Batch to fold.
        rules: How much makes a bar.

    Returns:
        Nothing while no bar closed and no row was refused; at the end of a tape always at least one batch, the last of
        which says so.

    Raises:
        Rejected: An instrument's exponents differ from those it was first seen with; the state is unchanged.
    """
    rows = len(batch.trades.row)
    if not rows and not batch.end_of_tape:
        return ()
    mapping = _mapping(state, batch, rules)
    sink = state.room(rows)
    regs = state.arrays[0]
    regs[layout.OUT] = 0
    regs[layout.REJECTED] = 0
    if rows:
        kernel.fold_trades(state.arrays, sink, mapping, state.limits, _trades(batch))
    if batch.end_of_tape:
        kernel.finish(state.arrays, sink)
    return tuple(_pieces(state, batch, sink))


def _mapping(state: ActivityState, batch: TickBatch, rules: ActivityRules) -> Int32:
    """Map a batch's instruments to the shard's; -1 for one that has no place. Only one with a trade takes a place."""
    if batch.instruments == state.dictionary:
        return state.mapping
    known = {ref.instrument_id: index for index, ref in enumerate(state.instruments)}
    for ref in batch.instruments:
        had = state.instruments[known[ref.instrument_id]] if ref.instrument_id in known else ref
        if had != ref:
            message = f"{ref} in {batch.shard}, known as {had}: exponents never change within a tape"
            raise Rejected(message)
    indexes, first = np.unique(batch.trades.instrument, return_index=True)
    for index in indexes[np.argsort(first)].tolist():  # by first row, so that a different cut indexes them alike
        ref = batch.instruments[index]
        if ref.instrument_id not in known and len(known) < rules.instruments_max:
            known[ref.instrument_id] = len(known)
            state.instruments = (*state.instruments, ref)
    state.arrays[0][layout.INSTRUMENTS] = len(known)
    fresh = [rules.limits(ref) for ref in state.instruments[len(state.limits) :]]
    if fresh:
        state.limits = np.concatenate((state.limits, fresh))
    mapping = np.array([known.get(ref.instrument_id, -1) for ref in batch.instruments], np.int32)
    if len(known) == rules.instruments_max or -1 not in mapping:
        state.dictionary, state.mapping = batch.instruments, mapping
    return mapping


def _trades(batch: TickBatch) -> Trades:
    had = batch.trades
    # An id of 2**63 or more shows as negative and is treated as absent.
    ids = had.trade_id.view(np.int64)
    return (had.row, had.instrument, had.ts_event, had.price, had.size, had.side, ids, had.flags)


def _pieces(state: ActivityState, batch: TickBatch, sink: Sink) -> Iterator[ActivityBarBatch]:
    regs = state.arrays[0]
    closed = int(regs[layout.OUT])
    refused = sink[1][: int(regs[layout.REJECTED])]
    if not closed and not len(refused) and not batch.end_of_tape:
        return
    rejections = tuple(_rejection(batch, row) for row in refused.tolist())
    for begin in range(0, max(closed, 1), BARS_PER_BATCH_MAX):
        end = min(begin + BARS_PER_BATCH_MAX, closed)
        is_last = end == closed
        rows = sink[0][begin:end]
        yield _bar_batch(state, batch, rows, rejections if is_last else (), ends=is_last and batch.end_of_tape)


def _bar_batch(
    state: ActivityState, batch: TickBatch, rows: Int64, rejections: tuple[Rejection, ...], *, ends: bool
) -> ActivityBarBatch:
    figures = list(rows.T.copy())  # the sink is written again
    of = figures[layout.OUT_BAR :]
    threshold, notional = of[layout.LIMIT_HI], of[layout.NOTIONAL_HI]
    return ActivityBarBatch(
        shard=state.shard,
        instruments=state.instruments,
        instrument=figures[layout.OUT_INSTRUMENT].astype(np.uint16),
        basis=figures[layout.OUT_BASIS].astype(np.uint8),
        day=of[layout.DAY].astype(np.int32),
        ordinal=of[layout.ORDINAL].astype(np.int32),
        finality=figures[layout.OUT_FINALITY].astype(np.uint8),
        revision=of[layout.REVISION].astype(np.int32),
        threshold_hi=threshold >> 2,
        threshold_lo=(threshold.view(np.uint64) << _LOW_BITS) | of[layout.LIMIT_LO].view(np.uint64),
        start_ns=of[layout.START],
        end_ns=of[layout.END],
        open=of[layout.OPEN],
        high=of[layout.HIGH],
        low=of[layout.LOW],
        close=of[layout.CLOSE],
        volume=of[layout.VOLUME],
        buy_volume=of[layout.BUY_VOLUME],
        notional_hi=notional >> 2,
        notional_lo=(notional.view(np.uint64) << _LOW_BITS) | of[layout.NOTIONAL_LO].view(np.uint64),
        trades=of[layout.TRADES].astype(np.int32),
        flags=of[layout.FLAGS].astype(np.uint8),
        rejections=rejections,
        stream=batch.stream,
        end_of_tape=ends,
    )


def _rejection(batch: TickBatch, refused: list[int]) -> Rejection:
    """Describe a refused row; its bytes stay with the RawBatch that `first_row` and `row` name."""
    row, reason, place, instrument = refused
    ref = batch.instruments[instrument]
    number = int(batch.trades.trade_id[place])
    details = (
        f"{ref.instrument_id} trade {number}: a bar that holds the print to change is no longer kept",
        f"{ref.instrument_id}: {batch.shard} holds its most instruments already; spread them over more shards",
        f"{ref.instrument_id} trade {number}: time, price, size or a sum is outside 1 to 2**62 - 1",
        f"{ref.instrument_id} trade {number} is taken back and never came",
    )
    return Rejection(
        row=batch.first_row + row,
        reason=_REASONS[reason],
        detail=details[reason],
        raw=b"",
        dialect="",
        ts_receive=int(batch.trades.ts_receive[place]),
        symbol=ref.instrument_id,
    )
