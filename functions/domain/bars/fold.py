"""Fold one batch of ticks into one shard's bars; pure but for the state's own arrays.

Everything is decided row by row in tape order, so cutting a tape differently never changes a bar. Each row

1. updates its instrument's quote or book. A crossed quote, a break in the book's chain or a book whose bid reaches its
   ask loses the book until the next snapshot;
2. moves the watermark to its venue time less the lateness, if it has venue time;
3. closes what the watermark has passed, by (end, interval, instrument); bars that late rows changed are emitted first,
   one revision each;
4. is folded into its second, unless its venue id was seen before, among the last thousands of ids or the last trades; a
   second that closes is rolled up into the longer bars. A trade for a closed bar that is still kept changes it; where
   no bar had closed, the bar appears as revision 1 with no quote, because an indicator must not meet a first bar out of
   order. Beyond what is kept the row is rejected as `too_late`, while longer intervals still take it.

What a trade counts for follows from its sale condition: open and close, high and low, volume with notional and count.
A bar whose trades tell no open and close, or no high and low, has 0 there and says so; one whose trades count for
nothing is not shown. A cancel takes back the trade of its venue id in every bar that is kept, a correction replaces it
in its own time and row; either revises what had closed. Prices are worked out anew from the last trades and the shorter
bars. Where a bar or what its prices follow from is no longer kept, it stays as it was and the row is rejected as
`too_late`; the cancel of an id that never came is rejected as `unknown_trade`, and a correction of one is the trade
itself. A row that only informs and cancels acts where it can and is never rejected.

Days are those of the instrument's calendar as it was told first, UTC days without one; parts of a day are four hours
from its start on, the last one as long as the day is.

A batch with rows before some that were folded already, sent again or found again, is late as a whole: its trades are
late trades, and its quotes and book messages, which were overtaken, are left out.

What each feed was like is counted beside, in windows of ten seconds of the watermark (`quality`); a bar of whose trades
some are missing, by the venue's consecutive ids, says so in its flags. Quotes count in the second that the greatest
venue time has reached when they come.

A bar says in its flags whether its instrument was halted, or the regular session of its calendar not open, when it
ended.

An interval without trades has no bar, unless the rules fill gaps: then so many bars may follow one another at the close
before, flagged synthetic, while the regular session is open. The closing quote and depth are those known at the row
that closed the bar; a revision keeps them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Final, TypeVar

import numpy as np

from functions.domain import market
from functions.domain.bars import columns as col
from functions.domain.bars.days import DayTables
from functions.domain.bars.layout import Book, Kernel, Quotes, Sink, Trades
from functions.domain.bars.state import (
    BOOK_LEVELS_MAX,
    INSTRUMENTS_MAX,
    STREAM_BYTES_MAX,
    STREAMS_MAX,
    UTC_DAYS,
    BarState,
)
from functions.domain.bars.trading import trading_flags
from functions.domain.enrichment import InstrumentFacts
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
from functions.domain.reference import Status

LATENESS_MS_MAX: Final = 10_000
FILL_MAX: Final = 86_400
"""A day of synthetic seconds."""
BARS_PER_BATCH_MAX: Final = 27
"""A bar with its features weighs some 2.2 kB, so this many stay below 64 KiB."""

Section = TypeVar("Section", market.Quotes, market.Book)

_INTERVALS: Final = np.array(INTERVALS_S, np.int32)
_LOW_BITS: Final = np.uint64(62)
"""What the kernel keeps of a notional in its low number; the two low bits of the high one stand above them."""

_REASONS: Final = ("too_late", "shard_full", "out_of_range", "unknown_trade")


@dataclass(frozen=True, slots=True)
class BarRules:
    """Say how bars are folded.

    Args:
        lateness_ms: How far the watermark stays behind the greatest venue time, at most `LATENESS_MS_MAX`.
        provisional: Whether each 1 s close also shows the longer bars it belongs to.
        instruments_max: How many instruments a shard holds.
        book_levels_max: How many book levels a side are kept.
        fill: How many synthetic bars may follow one another where no trade came while the market is open; 0 for none.
        lateness_ms_of: Lateness of venues that have their own.
        days: Days of session calendars.
    """

    lateness_ms: int = 250
    provisional: bool = False
    instruments_max: int = INSTRUMENTS_MAX
    book_levels_max: int = BOOK_LEVELS_MAX
    fill: int = 0
    lateness_ms_of: Mapping[str, int] = field(default_factory=dict)
    days: DayTables = UTC_DAYS

    def __post_init__(self) -> None:
        """Refuse a lateness that the rings of open bars cannot hold."""
        for name, lateness_ms in (("lateness_ms", self.lateness_ms), *self.lateness_ms_of.items()):
            if not 0 <= lateness_ms <= LATENESS_MS_MAX:
                message = f"the lateness of {name} is {lateness_ms} ms, expected 0 to {LATENESS_MS_MAX}"
                raise ValueError(message)
        if self.instruments_max < 1 or self.book_levels_max < col.DEPTH_LEVELS:
            message = (
                f"{self.instruments_max} instruments and {self.book_levels_max} book levels, expected 1 and 10 or more"
            )
            raise ValueError(message)
        if not 0 <= self.fill <= FILL_MAX:
            message = f"{self.fill} synthetic bars in a row, expected 0 to {FILL_MAX}"
            raise ValueError(message)

    def lateness_ns(self, shard: str) -> int:
        """Give the lateness of a shard: its venue's own, or the one of all others.

        >>> rules = BarRules(lateness_ms_of={"BINANCE": 100, "BINANCE-USDM": 50})
        >>> [rules.lateness_ns(shard) for shard in ("BINANCE-0", "BINANCE-USDM-0", "BINANCE-X-1", "KRAKEN-0")]
        [100000000, 50000000, 100000000, 250000000]
        """
        market = shard.rpartition("-")[0]
        of = self.lateness_ms_of
        return of.get(market, of.get(market.partition("-")[0], self.lateness_ms)) * 1_000_000


def venue_lateness(text: str) -> tuple[str, int]:
    """Read a venue's lateness, milliseconds, as settings write it.

    Raises:
        ValueError: It is not written so.

    >>> venue_lateness("KRAKEN=500")
    ('KRAKEN', 500)
    """
    venue, _, number = text.partition("=")
    if not venue or not number.isascii() or not number.isdigit():
        message = f"a venue's lateness is {text!r}, expected VENUE=MILLISECONDS"
        raise ValueError(message)
    return venue, int(number)


def fold_batch(
    kernel: Kernel, state: BarState, batch: TickBatch, rules: BarRules, facts: Sequence[InstrumentFacts] = ()
) -> tuple[BarBatch, ...]:
    """Fold a batch into a shard; return what closed, in closing order and at most `BARS_PER_BATCH_MAX` bars a piece.

    Args:
        kernel: Loops to run, plain or compiled.
        state: State of the batch's shard; its arrays change in place.
        batch: Batch to fold.
        rules: How bars are folded.
        facts: What is known of the batch's instruments, in their order; none where days are UTC's.

    Returns:
        Nothing while no bar closed and no row was refused; at the end of a tape always at least one batch, the last of
        which says so.

    Raises:
        Rejected: An instrument's exponents differ from those it was first seen with; the state is unchanged.
    """
    mapping = _mapping(state, batch, rules.instruments_max, facts)
    if facts is not state.facts:
        _hear(state, facts)
    batch = _in_turn(state, batch)
    rows = len(batch.trades.row) + len(batch.quotes.row) + len(batch.book.row)
    config = (rules.lateness_ns(state.shard), int(rules.provisional) | rules.fill << 1, batch.first_row)
    fills = _fills(state, batch, rules) if rules.fill else 0
    sink = state.room(rows, provisional=rules.provisional, fills=fills, tables=rules.days)
    regs = state.arrays[0]
    regs[col.OUT] = 0
    regs[col.REJECTED] = 0
    regs[col.QUALITY_OUT] = 0
    if rows == len(batch.trades.row) > 0:
        kernel.fold_trades(state.arrays, sink, mapping, _trades(batch), config)
    elif rows:
        kernel.fold_rows(state.arrays, sink, mapping, _trades(batch), _quotes(batch), _book(batch), config)
    if batch.heartbeat:
        kernel.advance(state.arrays, sink, batch.ts_cut_ns, config)
    if batch.end_of_tape:
        _finish(kernel, state, sink)
    return tuple(_pieces(state, batch, sink, rules.days))


def _finish(kernel: Kernel, state: BarState, sink: Sink) -> None:
    """End a tape; what is open is shown from a copy, for it stays open."""
    kernel.finish(state.arrays, sink)
    regs, bars, market, levels, seen, prints = state.arrays
    spent = (regs.copy(), bars.copy(), market.copy(), levels, seen, prints)
    kernel.show_open(spent, sink)
    regs[col.OUT] = spent[0][col.OUT]


def _fills(state: BarState, batch: TickBatch, rules: BarRules) -> int:
    """Bound the synthetic bars that a batch can make: those in the time it spans, and in a row behind each bar."""
    times = [int(part.ts_event.max()) for part in (batch.trades, batch.quotes, batch.book) if len(part.ts_event)]
    mark = int(state.arrays[0][col.WATERMARK])
    latest = max([*times, batch.ts_cut_ns if batch.heartbeat else 0, mark])
    earliest = min([mark, *(int(part.ts_event.min()) for part in (batch.trades, batch.quotes) if len(part.ts_event))])
    if mark > -col.NEVER:
        earliest = mark
    # A heartbeat's clock may run ahead of the venue's by its skew.
    span = max(latest - earliest, 0) + abs(int(state.arrays[0][col.SKEW]))
    bars = len(batch.trades.row) + col.SLOTS
    each = sum(min(span // length + 2, bars * rules.fill) for length in col.INTERVAL_NS)
    return each * len(state.instruments)


def quality(state: BarState) -> FeedQuality | None:
    """Tell what a shard's feeds were like in the windows that ended in the batch folded last; None when none did."""
    told = int(state.arrays[0][col.QUALITY_OUT])
    if not told or state.sink is None:
        return None
    return FeedQuality(state.shard, tuple(_quality(state.instruments, row) for row in state.sink[3][:told].tolist()))


def _quality(instruments: tuple[InstrumentRef, ...], row: list[int]) -> InstrumentQuality:
    instrument, end, *counts = row
    timed, delay = counts[col.TIMED], counts[col.DELAY_NS]
    return InstrumentQuality(
        instrument_id=instruments[instrument].instrument_id,
        window_start_ns=end - col.QUALITY_NS,
        window_end_ns=end,
        rows=counts[col.ROWS],
        trades=counts[col.TRADE_ROWS],
        quotes=counts[col.QUOTE_ROWS],
        book_messages=counts[col.BOOK_ROWS],
        repeated=counts[col.REPEATED],
        missing_trades=counts[col.MISSING],
        book_breaks=counts[col.BREAKS],
        out_of_order=counts[col.DISORDER],
        crossed_ns=counts[col.CROSSED_NS],
        silence_ns_max=counts[col.SILENCE_NS],
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


def _mapping(state: BarState, batch: TickBatch, instruments_max: int, facts: Sequence[InstrumentFacts]) -> Int32:
    """Map a batch's instruments to the shard's; -1 for one that has no place."""
    if batch.instruments == state.dictionary:
        return state.mapping
    known = {ref.instrument_id: index for index, ref in enumerate(state.instruments)}
    for ref in batch.instruments:
        had = state.instruments[known[ref.instrument_id]] if ref.instrument_id in known else ref
        if had != ref:
            message = f"{ref} in {batch.shard}, known as {had}: exponents never change within a tape"
            raise Rejected(message)
    calendars = {one.instrument_id: one.calendar for one in facts}
    for ref in _by_first_row(batch):
        if ref.instrument_id not in known and len(known) < instruments_max:
            known[ref.instrument_id] = len(known)
            state.instruments = (*state.instruments, ref)
            state.calendars = (*state.calendars, calendars.get(ref.instrument_id, ""))
            state.statuses = (*state.statuses, ())
            state.days = None
    state.arrays[0][col.INSTRUMENTS] = len(known)
    mapping = np.array([known.get(ref.instrument_id, -1) for ref in batch.instruments], np.int32)
    if len(known) == instruments_max or -1 not in mapping:
        state.dictionary, state.mapping = batch.instruments, mapping
    return mapping


def _hear(state: BarState, facts: Sequence[InstrumentFacts]) -> None:
    """Take up what is told of halts; of an instrument that is not named, what was told last stands."""
    told = {one.instrument_id: _plain(one.statuses) for one in facts}
    known = zip(state.instruments, state.statuses, strict=True)
    state.statuses = tuple([told.get(ref.instrument_id, had) for ref, had in known])
    state.facts = facts


def _plain(statuses: Iterable[Status]) -> tuple[Status, ...]:
    """Leave the reasons out, which bars do not tell."""
    return tuple([Status(one.status, one.from_ns) for one in statuses])


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


def _pieces(state: BarState, batch: TickBatch, sink: Sink, days: DayTables) -> Iterator[BarBatch]:
    regs = state.arrays[0]
    closed = int(regs[col.OUT])
    refused = sink[1][: int(regs[col.REJECTED])]
    if not closed and not len(refused) and not batch.end_of_tape:
        return
    rejections = tuple(_rejection(batch, row) for row in refused.tolist())
    for begin in range(0, max(closed, 1), BARS_PER_BATCH_MAX):
        end = min(begin + BARS_PER_BATCH_MAX, closed)
        is_last = end == closed
        rows = sink[0][begin:end]
        yield _bar_batch(
            state, batch, rows, rejections if is_last else (), ends=is_last and batch.end_of_tape, days=days
        )


def _bar_batch(
    state: BarState, batch: TickBatch, rows: Int64, rejections: tuple[Rejection, ...], *, ends: bool, days: DayTables
) -> BarBatch:
    figures = list(rows.T.copy())  # the sink is written again
    of = figures[col.OUT_BAR :]
    which = figures[col.OUT_INSTRUMENT]
    high, low = of[col.NOTIONAL_HI], of[col.NOTIONAL_LO]
    return BarBatch(
        shard=state.shard,
        instruments=state.instruments,
        instrument=which.astype(np.uint16),
        interval_s=_INTERVALS[figures[col.OUT_INTERVAL]],
        start_ns=of[col.START],
        finality=figures[col.OUT_FINALITY].astype(np.uint8),
        revision=(of[col.STATUS] >> col.STATUS_BITS).astype(np.int32),
        open=of[col.OPEN],
        high=of[col.HIGH],
        low=of[col.LOW],
        close=of[col.CLOSE],
        volume=of[col.VOLUME],
        buy_volume=of[col.BUY_VOLUME],
        notional_hi=high >> 2,
        notional_lo=(high.view(np.uint64) << _LOW_BITS) | low.view(np.uint64),
        trades=of[col.TRADES].astype(np.int32),
        bid_price=of[col.BID_PRICE],
        bid_size=of[col.BID_SIZE],
        ask_price=of[col.ASK_PRICE],
        ask_size=of[col.ASK_SIZE],
        bid_depth=of[col.BID_DEPTH],
        ask_depth=of[col.ASK_DEPTH],
        bid_edge=of[col.BID_EDGE],
        ask_edge=of[col.ASK_EDGE],
        ofi=of[col.OFI],
        quotes=of[col.QUOTES].astype(np.int32),
        flags=of[col.FLAGS].astype(np.uint8),
        rejections=rejections,
        stream=batch.stream,
        end_of_tape=ends,
        flags_hi=trading_flags(which, of[col.END], statuses=state.statuses, calendars=state.calendars, days=days),
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
        f"{ref.instrument_id} trade at {ts_event} takes back one of an id that never came",
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
