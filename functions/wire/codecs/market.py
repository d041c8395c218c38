"""Write and read raw batches, tick batches and gaps; pairs of `encode_x` and `decode_x` between domain and bytes.

A section of a batch is a table of columns here: its name and dtype. Columns are read with `numpy.frombuffer`, so what
comes back is read-only, and checked against each other before anyone sees them.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Final, Generic, TypeAlias, TypeVar

import lz4.block  # type: ignore[import-untyped]  # it ships no types
import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray
from tickloom.market.v1 import gap_pb2, raw_pb2, tick_pb2
from tickloom.reference.v1 import instrument_pb2

from functions.domain.market import (
    Book,
    Candles,
    GapDetected,
    InstrumentRef,
    OversizedRow,
    Quotes,
    RawBatch,
    Rejection,
    TickBatch,
    Trades,
)
from functions.wire.codecs.messages import head, parse
from functions.wire.codecs.once import Once
from functions.wire.errors import Malformed

RAW_BATCH: Final = "tickloom.market.v1.RawBatch"
TICK_BATCH: Final = "tickloom.market.v1.TickBatch"
GAP_DETECTED: Final = "tickloom.market.v1.GapDetected"

_U8: Final = np.dtype("<u1")
_U16: Final = np.dtype("<u2")
_U32: Final = np.dtype("<u4")
_U64: Final = np.dtype("<u8")
_I64: Final = np.dtype("<i8")

PAYLOAD_BYTES_MAX: Final = 1024 * 1024
"""Rows that a compressed payload may give back: what is read decides how much memory is taken for it."""

BATCHES_MAX: Final = 128
"""Batches remembered of each kind: as many as a table may be behind the feed (`LAG_EVENTS_MAX` of the platform), for
half or more of what it passes on the way are other events; who comes later reads the bytes."""

S = TypeVar("S", Trades, Quotes, Book, Candles)
Columns: TypeAlias = tuple[tuple[str, np.dtype[Any]], ...]

_WHERE: Final[Columns] = (("row", _U32), ("instrument", _U16), ("ts_event", _I64), ("ts_receive", _I64))


class Section(Generic[S]):
    """Pack and unpack one kind of section.

    Args:
        kind: The domain's class of it.
        field: The batch's field that holds it.
        columns: Name and dtype of each column, in the order of the class's fields; those of levels come last.
        levels: How many columns have an entry a level instead of an entry a row.
    """

    def __init__(self, kind: type[S], field: str, columns: Columns, levels: int = 0) -> None:
        """Keep the table of columns, and which come when in protobuf's order."""
        self.names = [name for name, _ in columns]
        self.dtypes = [dtype for _, dtype in columns]
        self._kind: type[S] = kind
        self._take = attrgetter(*self.names)
        self._sizes = [dtype.itemsize for _, dtype in columns[: len(columns) - levels]]
        self.empty: S = kind(*[np.frombuffer(b"", dtype) for dtype in self.dtypes])
        numbers = getattr(tick_pb2, kind.__name__).DESCRIPTOR.fields_by_name
        self._number = tick_pb2.TickBatch.DESCRIPTOR.fields_by_name[field].number
        self._written = sorted((numbers[name].number, place) for place, name in enumerate(self.names))

    def pack(self, section: S) -> list[Any]:
        """Write a section as a field of its batch, in bytes and columns to be joined; none when it has no rows."""
        if not len(section.row):
            return []
        columns = [*map(np.ascontiguousarray, self._take(section))]  # what is joined has no gaps
        dtypes = [column.dtype for column in columns]
        assert dtypes == self.dtypes, f"{self._kind.__name__}: {dtypes} stand where {self.dtypes} belong"  # noqa: S101
        pieces: list[Any] = []
        size = 0
        for number, place in self._written:
            if length := columns[place].nbytes:  # what is empty is left out
                before = head(number, length)
                size += len(before) + length
                pieces += before, columns[place]
        return [head(self._number, size), *pieces]

    def unpack(self, message: Message, known: int) -> S:
        """Read a section whose batch knows so many instruments.

        Raises:
            Malformed: Columns differ in length, or an instrument index is outside the dictionary.
        """
        packed: tuple[bytes, ...] = self._take(message)
        rows = len(packed[0]) // _U32.itemsize
        by_row: tuple[bytes, ...] = packed[: len(self._sizes)]  # columns of levels come behind
        if [*map(len, by_row)] != [rows * size for size in self._sizes]:
            raise Malformed(self._misfit(by_row, rows))
        _check_index(packed[1], known)
        for place in range(len(self._sizes), len(packed)):
            _whole(packed[place], self.dtypes[place], self.names[place])
        return self._kind(*map(np.frombuffer, packed, self.dtypes))

    def _misfit(self, packed: tuple[bytes, ...], rows: int) -> str:
        sizes = zip(self.names, packed, self._sizes, strict=False)
        name, data, size = next(column for column in sizes if len(column[1]) != rows * column[2])
        return f"column {name}: {len(data)} bytes for {rows} rows of {size} bytes"


_TRADES: Final = Section(
    Trades, "trades", (*_WHERE, ("price", _I64), ("size", _I64), ("side", _U8), ("trade_id", _U64), ("flags", _U8))
)
_QUOTES: Final = Section(
    Quotes,
    "quotes",
    (
        *_WHERE,
        *(("bid_price", _I64), ("bid_size", _I64), ("ask_price", _I64), ("ask_size", _I64)),
        *(("update_id", _U64), ("flags", _U8)),
    ),
)
_BOOK: Final = Section(
    Book,
    "book",
    (
        *_WHERE,
        *(("first_update_id", _U64), ("last_update_id", _U64), ("previous_update_id", _U64)),
        *(("bids", _U16), ("asks", _U16), ("flags", _U8), ("checksum", _U32)),
        *(("level_price", _I64), ("level_size", _I64)),
    ),
    levels=2,
)
_CANDLES: Final = Section(
    Candles,
    "candles",
    (
        *_WHERE,
        *(("interval_ns", _I64), ("open", _I64), ("high", _I64), ("low", _I64), ("close", _I64)),
        *(("volume", _I64), ("trades", _I64), ("flags", _U8)),
    ),
)

NO_TRADES: Final = _TRADES.empty
NO_QUOTES: Final = _QUOTES.empty
NO_BOOK: Final = _BOOK.empty
NO_CANDLES: Final = _CANDLES.empty


def encode_raw_batch(batch: RawBatch) -> bytes:
    """Write a raw batch; equal batches give equal bytes."""
    message = raw_pb2.RawBatch(
        shard=batch.shard,
        stream=batch.stream,
        dialect=batch.dialect,
        first_row=batch.first_row,
        offsets=_packed(batch.offsets, _U32),
        ts_receive=_packed(batch.ts_receive, _I64),
        symbol=batch.symbol,
        bar_channel=batch.bar_channel,
        oversized=[
            raw_pb2.OversizedRow(index=row.index, length=row.length, sha256=row.sha256, spool_ref=row.spool_ref)
            for row in batch.oversized
        ],
        heartbeat=batch.heartbeat,
        end_of_tape=batch.end_of_tape,
        tape_offset=batch.tape_offset,
        ts_cut_ns=batch.ts_cut_ns,
        **_payload_fields(batch.payload),
    )
    return message.SerializeToString(deterministic=True)


def decode_raw_batch(data: bytes) -> RawBatch:
    """Read a raw batch.

    Raises:
        Malformed: The bytes are no RawBatch, its offsets, times and payload do not fit each other, or it says nothing.
    """
    message = parse(raw_pb2.RawBatch, data)
    ts_receive = _column(message.ts_receive, _I64, "ts_receive")
    if not (len(ts_receive) or message.heartbeat or message.end_of_tape):  # cut off behind a field, as protobuf allows
        reason = f"{RAW_BATCH}: it has no rows, and is neither a heartbeat nor the end of a tape"
        raise Malformed(reason)
    payload = _payload(message)
    return RawBatch(
        shard=message.shard,
        stream=message.stream,
        dialect=message.dialect,
        first_row=message.first_row,
        payload=payload,
        offsets=_offsets(message.offsets, rows=len(ts_receive), size=len(payload)),
        ts_receive=ts_receive,
        symbol=message.symbol,
        bar_channel=message.bar_channel,
        oversized=_oversized(message.oversized, len(ts_receive)),
        heartbeat=message.heartbeat,
        end_of_tape=message.end_of_tape,
        tape_offset=message.tape_offset,
        ts_cut_ns=message.ts_cut_ns,
    )


read_raw_batch: Final = Once(decode_raw_batch, values_max=BATCHES_MAX)
"""Read a batch that this process may have written."""


def encode_tick_batch(batch: TickBatch) -> bytes:
    """Write a tick batch; equal batches give equal bytes: protobuf's own, which would copy the columns twice more."""
    begin = tick_pb2.TickBatch(
        shard=batch.shard,
        stream=batch.stream,
        first_row=batch.first_row,
        row_count=batch.row_count,
        instruments=instrument_fields(batch.instruments),
    )
    end = tick_pb2.TickBatch(
        rejections=rejection_messages(batch.rejections),
        kinds=[{"kind": kind, "count": count} for kind, count in batch.kinds],
        heartbeat=batch.heartbeat,
        end_of_tape=batch.end_of_tape,
        ts_cut_ns=batch.ts_cut_ns,
    )
    pieces = [
        begin.SerializeToString(deterministic=True),
        *_TRADES.pack(batch.trades),
        *_QUOTES.pack(batch.quotes),
        *_BOOK.pack(batch.book),
        end.SerializeToString(deterministic=True),
        *_CANDLES.pack(batch.candles),
    ]
    return b"".join(pieces)


def decode_tick_batch(data: bytes) -> TickBatch:
    """Read a tick batch; a section that is absent comes back as empty columns.

    Raises:
        Malformed: The bytes are no TickBatch, columns of a section differ in length, an instrument index is outside
            the dictionary, or the book's levels do not add up.
    """
    message = parse(tick_pb2.TickBatch, data)
    instruments = instrument_values(message.instruments)
    known = len(instruments)
    return TickBatch(
        shard=message.shard,
        stream=message.stream,
        first_row=message.first_row,
        row_count=message.row_count,
        instruments=instruments,
        trades=_TRADES.unpack(message.trades, known) if message.HasField("trades") else NO_TRADES,
        quotes=_QUOTES.unpack(message.quotes, known) if message.HasField("quotes") else NO_QUOTES,
        book=_checked(_BOOK.unpack(message.book, known)) if message.HasField("book") else NO_BOOK,
        candles=_CANDLES.unpack(message.candles, known) if message.HasField("candles") else NO_CANDLES,
        rejections=rejection_values(message.rejections),
        kinds=tuple([(kind.kind, kind.count) for kind in message.kinds]),
        heartbeat=message.heartbeat,
        end_of_tape=message.end_of_tape,
        ts_cut_ns=message.ts_cut_ns,
    )


read_tick_batch: Final = Once(decode_tick_batch, values_max=BATCHES_MAX)
"""Read a batch that this process may have written."""


def encode_gap(gap: GapDetected) -> bytes:
    """Write a gap."""
    message = gap_pb2.GapDetected(
        shard=gap.shard, source=gap.source, first_missing=gap.first_missing, last_missing=gap.last_missing
    )
    return message.SerializeToString(deterministic=True)


def decode_gap(data: bytes) -> GapDetected:
    """Read a gap.

    Raises:
        Malformed: The bytes are no GapDetected, or it ends before it begins.
    """
    message = parse(gap_pb2.GapDetected, data)
    if message.last_missing < message.first_missing:
        reason = f"{GAP_DETECTED}: the gap ends at {message.last_missing}, before it begins at {message.first_missing}"
        raise Malformed(reason)
    return GapDetected(message.shard, message.source, message.first_missing, message.last_missing)


def instrument_fields(refs: Iterable[InstrumentRef]) -> list[dict[str, Any]]:
    """Write an instrument dictionary as fields by name, for the message that carries it; messages would be copied."""
    return [
        {
            "instrument_id": ref.instrument_id,
            "price_exponent": ref.price_exponent,
            "size_exponent": ref.size_exponent,
        }
        for ref in refs
    ]


def instrument_values(refs: Iterable[instrument_pb2.InstrumentRef]) -> tuple[InstrumentRef, ...]:
    """Read an instrument dictionary."""
    return tuple([InstrumentRef(ref.instrument_id, ref.price_exponent, ref.size_exponent) for ref in refs])


def rejection_messages(rejections: Iterable[Rejection]) -> list[tick_pb2.Rejection]:
    """Write rejected rows."""
    return [
        tick_pb2.Rejection(
            row=one.row,
            reason=one.reason,
            detail=one.detail,
            raw=one.raw,
            dialect=one.dialect,
            ts_receive=one.ts_receive,
            symbol=one.symbol,
            spool_ref=one.spool_ref,
        )
        for one in rejections
    ]


def rejection_values(rejections: Iterable[tick_pb2.Rejection]) -> tuple[Rejection, ...]:
    """Read rejected rows."""
    return tuple(
        Rejection(
            one.row, one.reason, one.detail, one.raw, one.dialect, one.ts_receive, one.symbol, spool_ref=one.spool_ref
        )
        for one in rejections
    )


def _packed(column: NDArray[Any], dtype: np.dtype[Any]) -> bytes:
    assert column.dtype == dtype, f"a column of {column.dtype} stands where {dtype} belongs"  # noqa: S101 - ours
    return column.tobytes()


def _column(data: bytes, dtype: np.dtype[Any], name: str) -> NDArray[Any]:
    _whole(data, dtype, name)
    return np.frombuffer(data, dtype)


def _whole(data: bytes, dtype: np.dtype[Any], name: str) -> None:
    if len(data) % dtype.itemsize:
        reason = f"column {name}: {len(data)} bytes are no whole number of {dtype.itemsize}-byte entries"
        raise Malformed(reason)


def _payload_fields(payload: bytes) -> dict[str, Any]:
    """Write rows as they are or as an LZ4 block, whichever is shorter; what could not be read back is not packed."""
    if len(payload) <= PAYLOAD_BYTES_MAX:
        packed = lz4.block.compress(payload, store_size=False)
        if len(packed) < len(payload):
            return {"payload_lz4": packed, "payload_size": len(payload)}
    return {"payload": payload}


def _payload(message: raw_pb2.RawBatch) -> bytes:
    """Read rows back, however they travelled."""
    packed, size = message.payload_lz4, message.payload_size
    if not packed and not size:
        return message.payload
    if message.payload or not packed or not 0 < size <= PAYLOAD_BYTES_MAX:
        reason = f"{RAW_BATCH}: {size} bytes of rows in a block of {len(packed)} beside {len(message.payload)} plain"
        raise Malformed(reason)
    try:
        payload: bytes = lz4.block.decompress(packed, uncompressed_size=size)
    except lz4.block.LZ4BlockError as error:
        reason = f"{RAW_BATCH}: {len(packed)} bytes are no LZ4 block of {size} bytes ({error})"
        raise Malformed(reason) from error
    if len(payload) != size:
        reason = f"{RAW_BATCH}: an LZ4 block gives {len(payload)} bytes, {size} are told"
        raise Malformed(reason)
    return payload


def _offsets(data: bytes, *, rows: int, size: int) -> NDArray[np.uint32]:
    offsets = _column(data, _U32, "offsets") if data else np.zeros(1, _U32)
    if len(offsets) != rows + 1:
        reason = f"{RAW_BATCH}: {len(offsets)} offsets for {rows} rows; there must be one more offset than rows"
        raise Malformed(reason)
    if offsets[0] != 0 or offsets[-1] != size or bool((offsets[1:] < offsets[:-1]).any()):
        reason = f"{RAW_BATCH}: offsets must rise from 0 to the payload's {size} bytes; they end at {offsets[-1]}"
        raise Malformed(reason)
    return offsets


def _oversized(rows: Iterable[raw_pb2.OversizedRow], row_count: int) -> tuple[OversizedRow, ...]:
    found = tuple(OversizedRow(row.index, row.length, row.sha256, row.spool_ref) for row in rows)
    for row in found:
        if row.index >= row_count:
            reason = f"{RAW_BATCH}: oversized row {row.index} is not among the batch's {row_count} rows"
            raise Malformed(reason)
    return found


def _checked(book: Book) -> Book:
    told = int(book.bids.sum()) + int(book.asks.sum())
    if len(book.level_price) != told or len(book.level_size) != told:
        reason = (
            f"book: {len(book.level_price)} prices and {len(book.level_size)} sizes "
            f"for {told} levels told by bids and asks"
        )
        raise Malformed(reason)
    return book


def _check_index(data: bytes, known: int) -> None:
    # One instrument is the common case, and comparing with zeros is far cheaper than looking for the greatest index.
    if known and data == bytes(len(data)):
        return
    if data and int(np.frombuffer(data, _U16).max()) >= known:
        reason = f"column instrument: index {int(np.frombuffer(data, _U16).max())} in a dictionary of {known}"
        raise Malformed(reason)
