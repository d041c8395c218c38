"""Fold one batch of ticks into one shard's bars; pure but for the state's own arrays.

Everything is decided row by row in tape order, so cutting a tape differently never changes a bar. Each row

1. updates its instrument's quote or book. A crossed quote, a break in the book's chain or a book whose bid reaches its
   ask loses the book until the next snapshot;
2. moves the watermark to its venue time less the lateness, if it has venue time;
3. closes what the watermark has passed, by (end, interval, instrument); bars that late rows changed are emitted first,
   one revision each;
4. is folded into its bar of every interval, unless its venue id was seen before. A trade for a closed bar that is still
   kept changes it; where no bar had closed, the bar appears as revision 1 with no quote, because an indicator must not
   meet a first bar out of order. Beyond what is kept the row is rejected as `too_late`, while longer intervals still
   take it.

A batch with rows before some that were folded already, sent again or found again, is late as a whole: its trades are
late trades, and its quotes and book messages, which were overtaken, are left out.

What each feed was like is counted beside, in windows of ten seconds of the watermark (`quality`); a bar of whose trades
some are missing, by the venue's consecutive ids, says so in its flags.

An interval without trades has no bar: nothing fills gaps. The closing quote and depth are those known at the row that
closed the bar; a revision keeps them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Final, TypeVar

import numpy as np

from functions.domain import market
from functions.domain.bars import kernel as layout
from functions.domain.bars.layout import Book, Kernel, Quotes, Sink, Trades
from functions.domain.bars.state import BOOK_LEVELS_MAX, INSTRUMENTS_MAX, STREAM_BYTES_MAX, STREAMS_MAX, BarState
from functions.domain.errors import Rejected
from functions.domain.market import (
    INTERVALS_S,
    BarBatch,
    InstrumentRef,
    Int32,
    Int64,
    Rejection,
    TickBatch,
    UInt16,
    UInt64,
)
from functions.domain.quality import FeedQuality, InstrumentQuality

LATENESS_MS_MAX: Final = 10_000
BARS_PER_BATCH_MAX: Final = 256
"""A bar with its features weighs some 240 bytes, so this many stay below 64 KiB."""

Section = TypeVar("Section", market.Quotes, market.Book)

_INTERVALS: Final = np.array(INTERVALS_S, np.int32)
_LOW_BITS: Final = np.uint64(62)
"""What the kernel keeps of a notional in its low number; the two low bits of the high one stand above them."""

_REASONS: Final = ("too_late", "shard_full", "out_of_range")


@dataclass(frozen=True, slots=True)
class BarRules:
    """Say how bars are folded.

    Args:
        lateness_ms: How far the watermark stays behind the greatest venue time, at most `LATENESS_MS_MAX`.
        provisional: Whether each 1 s close also shows the longer bars it belongs to.
        instruments_max: How many instruments a shard holds.
        book_levels_max: How many book levels a side are kept.
    """

    lateness_ms: int = 250
    provisional: bool = False
    instruments_max: int = INSTRUMENTS_MAX
    book_levels_max: int = BOOK_LEVELS_MAX

    def __post_init__(self) -> None:
        """Refuse a lateness that the rings of open bars cannot hold."""
        if not 0 <= self.lateness_ms <= LATENESS_MS_MAX:
            message = f"lateness_ms is {self.lateness_ms}, expected 0 to {LATENESS_MS_MAX}"
            raise ValueError(message)
        if self.instruments_max < 1 or self.book_levels_max < layout.DEPTH_LEVELS:
            message = (
                f"{self.instruments_max} instruments and {self.book_levels_max} book levels, expected 1 and 10 or more"
            )
            raise ValueError(message)


def fold_batch(kernel: Kernel, state: BarState, batch: TickBatch, rules: BarRules) -> tuple[BarBatch, ...]:
    """Fold a batch into a shard; return what closed, in closing order and at most `BARS_PER_BATCH_MAX` bars a piece.

    Args:
        kernel: Loops to run, plain or compiled.
        state: State of the batch's shard; its arrays change in place.
        batch: Batch to fold.
        rules: How bars are folded.

    Returns:
        Nothing while no bar closed and no row was refused; at the end of a tape always at least one batch, the last of
        which says so.

    Raises:
        Rejected: An instrument's exponents differ from those it was first seen with; the state is unchanged.
    """
    mapping = _mapping(state, batch, rules.instruments_max)
    batch = _in_turn(state, batch)
    rows = len(batch.trades.row) + len(batch.quotes.row) + len(batch.book.row)
    sink = state.room(rows, provisional=rules.provisional)
    regs = state.arrays[0]
    regs[layout.OUT] = 0
    regs[layout.REJECTED] = 0
    regs[layout.QUALITY_OUT] = 0
    config = (rules.lateness_ms * 1_000_000, int(rules.provisional), batch.first_row)
    if rows:
        kernel.fold_rows(state.arrays, sink, mapping, _trades(batch), _quotes(batch), _book(batch), config)
    if batch.heartbeat:
        kernel.advance(state.arrays, sink, batch.ts_cut_ns, config)
    if batch.end_of_tape:
        kernel.finish(state.arrays, sink)
    return tuple(_pieces(state, batch, sink))


def quality(state: BarState) -> FeedQuality | None:
    """Tell what a shard's feeds were like in the windows that ended in the batch folded last; None when none did."""
    told = int(state.arrays[0][layout.QUALITY_OUT])
    if not told or state.sink is None:
        return None
    return FeedQuality(state.shard, tuple(_quality(state.instruments, row) for row in state.sink[3][:told].tolist()))


def _quality(instruments: tuple[InstrumentRef, ...], row: list[int]) -> InstrumentQuality:
    instrument, end, *counts = row
    timed, delay = counts[layout.TIMED], counts[layout.DELAY_NS]
    return InstrumentQuality(
        instrument_id=instruments[instrument].instrument_id,
        window_start_ns=end - layout.QUALITY_NS,
        window_end_ns=end,
        rows=counts[layout.ROWS],
        trades=counts[layout.TRADE_ROWS],
        quotes=counts[layout.QUOTE_ROWS],
        book_messages=counts[layout.BOOK_ROWS],
        repeated=counts[layout.REPEATED],
        missing_trades=counts[layout.MISSING],
        book_breaks=counts[layout.BREAKS],
        out_of_order=counts[layout.DISORDER],
        crossed_ns=counts[layout.CROSSED_NS],
        silence_ns_max=counts[layout.SILENCE_NS],
        delay_ns_mean=delay // timed if timed else 0,
    )


def _in_turn(state: BarState, batch: TickBatch) -> TickBatch:
    """Take quotes and book messages out of a batch that comes late: later rows have told of the market since."""
    told = state.next_rows
    if batch.first_row < told.get(batch.stream, 0):
        return replace(batch, quotes=_without_rows(batch.quotes), book=_without_rows(batch.book))
    if len(batch.stream.encode()) <= STREAM_BYTES_MAX:
        if batch.stream not in told and len(told) >= STREAMS_MAX:
            del told[next(iter(told))]
        told[batch.stream] = batch.first_row + batch.row_count
    return batch


def _without_rows(section: Section) -> Section:
    return replace(section, **{column.name: getattr(section, column.name)[:0] for column in fields(section)})


def _mapping(state: BarState, batch: TickBatch, instruments_max: int) -> Int32:
    """Map a batch's instruments to the shard's; -1 for one that has no place."""
    if batch.instruments == state.dictionary:
        return state.mapping
    known = {ref.instrument_id: index for index, ref in enumerate(state.instruments)}
    for ref in batch.instruments:
        had = state.instruments[known[ref.instrument_id]] if ref.instrument_id in known else ref
        if had != ref:
            message = f"{ref} in {batch.shard}, known as {had}: exponents never change within a tape"
            raise Rejected(message)
    for ref in _by_first_row(batch):
        if ref.instrument_id not in known and len(known) < instruments_max:
            known[ref.instrument_id] = len(known)
            state.instruments = (*state.instruments, ref)
    state.arrays[0][layout.INSTRUMENTS] = len(known)
    mapping = np.array([known.get(ref.instrument_id, -1) for ref in batch.instruments], np.int32)
    if len(known) == instruments_max or -1 not in mapping:
        state.dictionary, state.mapping = batch.instruments, mapping
    return mapping


def _by_first_row(batch: TickBatch) -> list[InstrumentRef]:
    """Order the instruments that have rows by their first one, so that a different cut indexes them alike."""
    first: dict[int, int] = {}
    for section in (batch.trades, batch.quotes, batch.book):
        indexes, places = np.unique(section.instrument, return_index=True)
        for index, place in zip(indexes.tolist(), places.tolist(), strict=True):
            first[index] = min(first.get(index, int(section.row[place])), int(section.row[place]))
    return [batch.instruments[index] for index in sorted(first, key=first.__getitem__)]


def _trades(batch: TickBatch) -> Trades:
    had = batch.trades
    # An id of 2**63 or more shows as negative and is treated as absent.
    ids = had.trade_id.view(np.int64)
    return (had.row, had.instrument, had.ts_event, had.ts_receive, had.price, had.size, had.side, ids, had.flags)


def _quotes(batch: TickBatch) -> Quotes:
    had = batch.quotes
    market = (had.bid_price, had.bid_size, had.ask_price, had.ask_size)
    return (had.row, had.instrument, had.ts_event, had.ts_receive, *market, had.flags)


def _book(batch: TickBatch) -> Book:
    had = batch.book
    ids = (_signed(had.first_update_id), _signed(had.last_update_id), _signed(had.previous_update_id))
    counts = (_wide(had.bids), _wide(had.asks))
    levels = (had.level_price, had.level_size)
    return (had.row, had.instrument, had.ts_event, had.ts_receive, *ids, *counts, had.flags, *levels)


def _signed(ids: UInt64) -> Int64:
    return ids.view(np.int64)


def _wide(counts: UInt16) -> Int64:
    return counts.astype(np.int64)


def _pieces(state: BarState, batch: TickBatch, sink: Sink) -> Iterator[BarBatch]:
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
    state: BarState, batch: TickBatch, rows: Int64, rejections: tuple[Rejection, ...], *, ends: bool
) -> BarBatch:
    figures = list(rows.T.copy())  # the sink is written again
    of = figures[layout.OUT_BAR :]
    high, low = of[layout.NOTIONAL_HI], of[layout.NOTIONAL_LO]
    return BarBatch(
        shard=state.shard,
        instruments=state.instruments,
        instrument=figures[layout.OUT_INSTRUMENT].astype(np.uint16),
        interval_s=_INTERVALS[figures[layout.OUT_INTERVAL]],
        start_ns=of[layout.START],
        finality=figures[layout.OUT_FINALITY].astype(np.uint8),
        revision=(of[layout.STATUS] >> layout.STATUS_BITS).astype(np.int32),
        open=of[layout.OPEN],
        high=of[layout.HIGH],
        low=of[layout.LOW],
        close=of[layout.CLOSE],
        volume=of[layout.VOLUME],
        buy_volume=of[layout.BUY_VOLUME],
        notional_hi=high >> 2,
        notional_lo=(high.view(np.uint64) << _LOW_BITS) | low.view(np.uint64),
        trades=of[layout.TRADES].astype(np.int32),
        bid_price=of[layout.BID_PRICE],
        bid_size=of[layout.BID_SIZE],
        ask_price=of[layout.ASK_PRICE],
        ask_size=of[layout.ASK_SIZE],
        bid_depth=of[layout.BID_DEPTH],
        ask_depth=of[layout.ASK_DEPTH],
        flags=of[layout.FLAGS].astype(np.uint8),
        rejections=rejections,
        stream=batch.stream,
        end_of_tape=ends,
    )


def _rejection(batch: TickBatch, refused: list[int]) -> Rejection:
    """Describe a refused row; its bytes stay with the RawBatch that `first_row` and `row` name."""
    row, reason, section, place, instrument = refused
    rows = (batch.trades, batch.quotes, batch.book)[section]
    ref = batch.instruments[instrument]
    ts_event = int(rows.ts_event[place])
    details = (
        f"{ref.instrument_id} trade at {ts_event}: a bar it belongs to is no longer kept",
        f"{ref.instrument_id}: {batch.shard} holds its most instruments already; spread them over more shards",
        f"{ref.instrument_id} trade at {ts_event}: price, size or a sum of them is outside 1 to 2**62 - 1",
    )
    return Rejection(
        row=batch.first_row + row,
        reason=_REASONS[reason],
        detail=details[reason],
        raw=b"",
        dialect="",
        ts_receive=int(rows.ts_receive[place]),
        symbol=ref.instrument_id,
    )
