"""Turn a whole raw batch into columns: plain rows all at once, the others one by one, with equal results.

A venue brings what its rows mean (`Venue`); this file brings the order of work. First a fast path reads what it knows;
rows that are new, odd or break a rule go to `rows`, which gives the tick or the reason; at last both are joined in tape
order.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, Protocol

import numpy as np

from functions.domain.market import (
    TRADE_IDS_SPARSE,
    TRADE_WITHOUT_ID,
    OversizedRow,
    RawBatch,
    Rejection,
    TickBatch,
    Trades,
)
from functions.wire.codecs.market import NO_BOOK, NO_CANDLES, NO_QUOTES, NO_TRADES
from functions.wire.venues import merging, sessions
from functions.wire.venues.digits import BadText, Kernel
from functions.wire.venues.forms import Forms
from functions.wire.venues.planned import NOTHING, Planned
from functions.wire.venues.planned import Kernel as PlanKernel
from functions.wire.venues.rows import (
    BookRow,
    CandleRow,
    IgnoredRow,
    Limits,
    MarketRow,
    QuoteRow,
    Tick,
    TradeRow,
    bad,
    tick,
)
from functions.wire.venues.work import Found, Instruments, Venue, Work

__all__ = ["FUTURE_SKEW_MS_MAX", "RAW_BYTES_MAX", "REJECTED", "Decode", "Decoder", "Instruments", "Venue"]

RAW_BYTES_MAX: Final = 1024
"""Bytes of a rejected row that travel with its rejection."""
FUTURE_SKEW_MS_MAX: Final = 10_000
"""How far venue time may be ahead of receive time; real captures are 1.3 s ahead on every row."""
REJECTED: Final = "rejected"
"""Kind under which rejected rows are counted."""


class Decode(Protocol):
    """Turn a batch of one dialect into ticks, rejections and counts."""

    @property
    def venue(self) -> Venue:
        """Give the venue; its code names the reference the decoder takes."""
        ...

    def __call__(self, batch: RawBatch, instruments: Instruments, *, future_skew_ms_max: int = ...) -> TickBatch:
        """Decode a batch; see `Decoder`."""
        ...


class Decoder:
    """Decode one dialect; what it remembers between batches only saves time."""

    def __init__(self, venue: Venue, loops: Kernel | None = None, plan_loops: PlanKernel | None = None) -> None:
        """Take the venue's fast path, or look rows up by their forms.

        Args:
            venue: The venue.
            loops: Reads columns of texts for venues that write any; None does so with numpy.
            plan_loops: Reads rows by the venue's plans first, where it has any; None leaves all to the fast path.
        """
        self.venue = venue
        self._loops = loops
        planned = [Planned(plan, plan_loops) for plan in venue.plans] if plan_loops else []
        self._readers: tuple[Callable[[Work], Found], ...] = (*planned, venue.fast or Forms(venue))

    def __call__(
        self, batch: RawBatch, instruments: Instruments, *, future_skew_ms_max: int = FUTURE_SKEW_MS_MAX
    ) -> TickBatch:
        """Turn every row of a batch into a tick, a rejection or a count.

        Args:
            batch: Rows as received.
            instruments: Reference by venue symbol.
            future_skew_ms_max: How far venue time may be ahead of receive time.
        """
        if not batch.row_count:
            return _without_rows(batch)
        work = Work(batch, self.venue, instruments, future_skew_ms_max, np.ones(batch.row_count, np.bool_), self._loops)
        found = NOTHING
        for read in self._readers:
            if work.slow.any():
                found = merging.join(found, read(work))
        return _joined(work, found)


def _joined(work: Work, found: Found) -> TickBatch:
    ticks, rejections, slow_kinds = _read_slowly(work)
    batch, numbers, ts_receive = work.batch, work.numbers, work.batch.ts_receive
    trades, quotes, book, candles, refs = merging.renumber(
        (
            merging.merge_rows(found.trades, ticks[TradeRow], numbers, ts_receive),
            merging.merge_rows(found.quotes, ticks[QuoteRow], numbers, ts_receive),
            merging.merge_book(found.book, ticks[BookRow], numbers, ts_receive),
            merging.merge_rows(NO_CANDLES, ticks[CandleRow], numbers, ts_receive),
        ),
        work.refs,
    )
    return TickBatch(
        shard=batch.shard,
        stream=batch.stream,
        first_row=batch.first_row,
        row_count=batch.row_count,
        instruments=refs,
        trades=_numbered(trades, work.venue),
        quotes=quotes,
        book=book,
        candles=candles,
        rejections=rejections,
        kinds=_kinds(found.kinds, slow_kinds),
        heartbeat=batch.heartbeat,
        end_of_tape=batch.end_of_tape,
        ts_cut_ns=batch.ts_cut_ns,
    )


def _numbered(trades: Trades, venue: Venue) -> Trades:
    """Give trades the ids that the rest knows them by, however their rows were read."""
    if not len(trades.row):
        return trades
    if venue.ids_day_hours is not None:
        trades = sessions.dated(trades, venue.ids_day_hours)
    return _without_holes(trades) if venue.ids_sparse else trades


def _without_holes(trades: Trades) -> Trades:
    """Say of ids that they are not consecutive: those that are skipped tell of no missing trade."""
    flags = np.where(trades.flags & TRADE_WITHOUT_ID, trades.flags, trades.flags | TRADE_IDS_SPARSE)
    return replace(trades, flags=flags)


def _without_rows(batch: RawBatch) -> TickBatch:
    return TickBatch(
        shard=batch.shard,
        stream=batch.stream,
        first_row=batch.first_row,
        row_count=0,
        instruments=(),
        trades=NO_TRADES,
        quotes=NO_QUOTES,
        book=NO_BOOK,
        candles=NO_CANDLES,
        heartbeat=batch.heartbeat,
        end_of_tape=batch.end_of_tape,
        ts_cut_ns=batch.ts_cut_ns,
    )


def _read_slowly(
    work: Work,
) -> tuple[dict[type[MarketRow], list[Tick]], tuple[Rejection, ...], dict[str, int]]:
    ticks: dict[type[MarketRow], list[Tick]] = {TradeRow: [], QuoteRow: [], BookRow: [], CandleRow: []}
    rejections: list[Rejection] = []
    kinds: dict[str, int] = {}
    oversized = {row.index: row for row in work.batch.oversized}
    for row in np.flatnonzero(work.slow).tolist():
        limits = Limits(int(work.batch.ts_receive[row]), work.skew_ms_max)
        try:
            kind, found = _read_row(work, row, oversized.get(row), limits)
        except BadText as error:
            kinds[REJECTED] = kinds.get(REJECTED, 0) + 1
            rejections.append(_rejection(work.batch, row, oversized.get(row), error))
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        for read, one in found:
            ticks[type(read)].append(one)
    return ticks, tuple(rejections), kinds


def _read_row(
    work: Work, row: int, oversized: OversizedRow | None, limits: Limits
) -> tuple[str, list[tuple[MarketRow, Tick]]]:
    """Give a message's kind and its ticks; one bad row refuses the whole message."""
    if oversized is not None:
        detail = f"the row has {oversized.length} bytes, sha256 {oversized.sha256.hex()}; its bytes stay in the spool"
        reason = "oversized"
        raise bad(reason, detail)
    found = work.venue.read_row(_raw(work.batch, row), work.batch.symbol)
    if isinstance(found, IgnoredRow):
        return found.kind, []
    several = found if isinstance(found, tuple) else (found,)
    ticks = [(read, _tick(work, row, read, limits)) for read in several]
    for read in several:
        work.number(read.symbol)
    return several[0].kind, ticks


def _tick(work: Work, row: int, read: MarketRow, limits: Limits) -> Tick:
    return tick(row, read, work.ref(read.symbol), limits, bar_channel=work.batch.bar_channel)


def _raw(batch: RawBatch, row: int) -> bytes:
    return batch.payload[int(batch.offsets[row]) : int(batch.offsets[row + 1])]


def _rejection(batch: RawBatch, row: int, oversized: OversizedRow | None, error: BadText) -> Rejection:
    return Rejection(
        row=batch.first_row + row,
        reason=error.reason,
        detail=str(error),
        raw=_raw(batch, row)[:RAW_BYTES_MAX],
        dialect=batch.dialect,
        ts_receive=int(batch.ts_receive[row]),
        symbol=batch.symbol,
        spool_ref=oversized.spool_ref if oversized else "",
    )


def _kinds(fast: Mapping[str, int], slow: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((kind, fast.get(kind, 0) + slow.get(kind, 0)) for kind in {**fast, **slow}))
