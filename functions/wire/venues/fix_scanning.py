"""Read a batch of FIX rows with a byte-scanning kernel, and leave to `fix` what the kernel does not take."""

from collections import Counter
from dataclasses import replace
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import TRADE_INFORMS_ONLY, Book, Int64, Quotes, RawBatch, Trades, UInt8
from functions.wire.fix.codec import BEGIN_FIX44, DATA_FIELDS, SOH
from functions.wire.fix.messages import INCREMENTAL, SNAPSHOT
from functions.wire.venues import fix_kernel as kernel
from functions.wire.venues.columns import Decoder
from functions.wire.venues.fix import DIALECT, VENUE
from functions.wire.venues.rows import NS_PER_MS
from functions.wire.venues.work import Found, Work

T = TypeVar("T", np.uint32, np.int64)

KINDS: Final = ("", SNAPSHOT, INCREMENTAL)
"""MsgTypes by the kinds of the kernel."""
ENTRY_BYTES_MIN: Final = len("269=0|")
_HEAD: Final = np.frombuffer(b"8=%b%b9=" % (BEGIN_FIX44.encode(), SOH), np.uint8)
_SLOTS: Final = {
    269: kernel.KIND,
    279: kernel.ACTION,
    55: kernel.NAME,
    270: kernel.AT_PRICE,
    271: kernel.AT_SIZE,
    272: kernel.DATE,
    273: kernel.CLOCK,
    60: kernel.TRANSACT,
    1003: kernel.NUMBER,
    2446: kernel.AGGRESSOR,
    5797: kernel.MAKER,
    278: kernel.ORDER,
    290: kernel.POSITION,
    1023: kernel.DEPTH,
    268: kernel.COUNT,
    52: kernel.SENT,
    **dict.fromkeys(DATA_FIELDS, kernel.LENGTH),
}
"""What the kernel does with a tag."""


class Kernel(Protocol):
    """Run `fix_kernel`'s loops, plain or compiled."""

    def scan(  # noqa: D102, PLR0913, PLR0917 - see fix_kernel.scan
        self,
        batch: kernel.Batch,
        head: UInt8,
        slots: UInt8,
        spots: Int64,
        room: kernel.Room,
        symbols: kernel.Symbols,
        notes: kernel.Notes,
        told: kernel.Sections,
        /,
    ) -> None: ...

    def scale(self, exponents: Int64, notes: kernel.Notes, told: kernel.Sections, /) -> None: ...  # noqa: D102


def scanning(loops: Kernel) -> Decoder:
    """Give FIX's decoder with a kernel before it.

    Args:
        loops: The kernel, plain or compiled.
    """
    return Decoder(replace(VENUE, fast=Scan(loops)))


class Scan:
    """Read what is plain in a batch; it remembers nothing."""

    def __init__(self, loops: Kernel) -> None:
        """Take the kernel."""
        self._loops = loops

    def __call__(self, work: Work) -> Found:
        """Read what is plain, and leave the rest in `work.slow`."""
        batch = work.batch
        room = len(batch.payload) // ENTRY_BYTES_MIN + batch.row_count + 1
        counts, kinds = np.zeros(kernel.COUNTS, np.int64), np.zeros(batch.row_count, np.uint8)
        notes = (np.zeros(kernel.LINE, np.int64), counts, kinds)
        told = (
            np.empty((room, kernel.TRADE_COLUMNS), np.int64),
            np.empty((batch.row_count, kernel.QUOTE_COLUMNS), np.int64),
            np.empty((room, kernel.BOOK_COLUMNS), np.int64),
            np.empty((room, kernel.LEVEL_COLUMNS), np.int64),
        )
        where = np.empty((kernel.SYMBOLS_MAX, 2), np.int64)
        latest = batch.ts_receive + work.skew_ms_max * NS_PER_MS
        self._loops.scan(
            (np.frombuffer(batch.payload, np.uint8), _frozen(batch.offsets), _frozen(batch.ts_receive), latest),
            _HEAD,
            _TABLE,
            np.empty((kernel.SLOTS, 2), np.int64),
            _room(room),
            (where, np.zeros(kernel.HASH_SLOTS, np.uint16)),
            notes,
            told,
        )
        if batch.oversized:
            kinds[[row.index for row in batch.oversized]] = kernel.NOT_PLAIN
        names, exponents = _named(work, where[: counts[kernel.SYMBOLS]])
        self._loops.scale(exponents, notes, told)
        work.slow[:] = kinds == kernel.NOT_PLAIN
        trades, quotes, books, levels = (
            part[:count][~work.slow[part[:count, kernel.ROW]]]
            for part, count in zip(told, counts.tolist()[: len(told)], strict=True)
        )
        informing = np.array([_informs(kind, batch.bar_channel) for kind in KINDS], np.int64)
        trades[:, kernel.FLAGS] |= informing[kinds[trades[:, kernel.ROW]]]
        return Found(
            _trades(work, trades, names),
            _quotes(work, quotes, names),
            _book(work, books, levels, names),
            {KINDS[kind]: count for kind, count in Counter(kinds.tolist()).items() if kind != kernel.NOT_PLAIN},
        )

    def warm(self) -> None:
        """Run the kernel once on nothing, so that it is compiled."""
        batch = RawBatch("", "", DIALECT, 0, b"", np.zeros(1, np.uint32), np.zeros(0, np.int64))
        self(Work(batch, VENUE, {}, 0, np.zeros(0, np.bool_)))


def _frozen(column: NDArray[T]) -> NDArray[T]:
    """View a column as read-only, whoever made it: a kernel is compiled for either kind."""
    view = column.view()
    view.flags.writeable = False
    return view


def _table() -> UInt8:
    table = np.zeros(max(_SLOTS) + 1, np.uint8)
    table[list(_SLOTS)] = list(_SLOTS.values())
    return table


_TABLE: Final = _table()


def _room(entries: int) -> kernel.Room:
    return (
        np.empty((entries, kernel.ENTRY_COLUMNS), np.int64),
        np.empty((entries, kernel.GROUP_COLUMNS), np.int64),
        np.zeros((kernel.SYMBOLS_MAX, 2), np.int64),
    )


def _named(work: Work, where: Int64) -> tuple[Int64, Int64]:
    """Give each symbol's place in the batch's dictionary, and (s, 2) its price and size exponents."""
    payload = work.batch.payload
    places = [work.number(payload[begin:end].decode("ascii")) for begin, end in where.tolist()]
    refs = [work.refs[place] for place in places]
    exponents = np.array([(ref.price_exponent, ref.size_exponent) for ref in refs], np.int64).reshape(-1, 2)
    return np.array(places, np.int64), exponents


def _informs(kind: str, bar_channel: str) -> int:
    return TRADE_INFORMS_ONLY if bar_channel not in {"", kind} else 0


def _where(work: Work, part: Int64, names: Int64) -> dict[str, NDArray[Any]]:
    row = part[:, kernel.ROW]
    return {
        "row": row.astype(np.uint32),
        "instrument": names[part[:, kernel.SYMBOL]].astype(np.uint16),
        "ts_event": part[:, kernel.TIME].copy(),
        "ts_receive": work.batch.ts_receive[row],
    }


def _trades(work: Work, part: Int64, names: Int64) -> Trades:
    return Trades(
        **_where(work, part, names),
        price=part[:, kernel.PRICE].copy(),
        size=part[:, kernel.SIZE].copy(),
        side=part[:, kernel.SIDE].astype(np.uint8),
        trade_id=part[:, kernel.ID].astype(np.uint64),
        flags=part[:, kernel.FLAGS].astype(np.uint8),
    )


def _quotes(work: Work, part: Int64, names: Int64) -> Quotes:
    return Quotes(
        **_where(work, part, names),
        bid_price=part[:, kernel.PRICE].copy(),
        bid_size=part[:, kernel.SIZE].copy(),
        ask_price=part[:, kernel.ASK].copy(),
        ask_size=part[:, kernel.ASK_SIZE].copy(),
        update_id=np.zeros(len(part), np.uint64),
        flags=part[:, kernel.QUOTE_FLAGS].astype(np.uint8),
    )


def _book(work: Work, part: Int64, levels: Int64, names: Int64) -> Book:
    none = np.zeros(len(part), np.uint64)
    return Book(
        **_where(work, part, names),
        first_update_id=none,
        last_update_id=none,
        previous_update_id=none,
        bids=part[:, kernel.BIDS].astype(np.uint16),
        asks=part[:, kernel.ASKS].astype(np.uint16),
        flags=part[:, kernel.BOOK_FLAGS].astype(np.uint8),
        checksum=np.zeros(len(part), np.uint32),
        level_price=levels[:, kernel.PRICE].copy(),
        level_size=levels[:, kernel.SIZE].copy(),
    )
