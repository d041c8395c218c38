"""Read captures of venue messages and cut them into raw batches by the file alone; no file is opened here.

A capture is text, one message a line, in one of two forms that may be mixed:

    1723161254024619568 {"stream":...}                              receive time in nanoseconds
    1633998512.0633569: {"stream":...}                              receive time in seconds
    https://host/path?symbol=X -> 1633998512.320639: {...}          a REST reply
    wss://host/... <-> 1633998511.159679                            a control line, no row; an empty line is none either
    configuration: {...}                                            one too: what the capture was asked for

Where a batch ends depends on the rows and the options only, never on how the file was read (design R3).
"""

import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX, Int64, OversizedRow, RawBatch, UInt8
from functions.wire.errors import Malformed

LINE_BYTES_MAX: Final = 256 * 1024
OVERSIZED_HEAD_BYTES: Final = 1024
CARRY_BYTES_MAX: Final = 256 * 1024 * 1024
SNIFF_LINES: Final = 10_000
NS_PER_MS: Final = 1_000_000

SPOT: Final = "binance.spot"
USDM: Final = "binance.usdm"
DIALECTS: Final = (
    *(SPOT, USDM, "binance.coinm", "coinbase.advanced", "coinbase.exchange"),
    *("kraken.futures", "kraken.v1", "kraken.v2"),
)
"""Dialects that the head of a tape may tell; others are named."""

Keep = Callable[[str, bytes], None]
"""Keep the bytes of an oversized row under a name, before its batch leaves; keeping twice is keeping once."""

Block: TypeAlias = bytes | memoryview
"""Bytes of a tape, to be read before whoever gave them goes on."""


@dataclass(frozen=True, slots=True)
class TapeOptions:
    """Say whose rows a tape holds and how they are cut.

    Args:
        shard: Shard of every batch.
        stream: Stream inside the shard; the last segment of the feed's source.
        dialect: Which decoder reads the rows.
        symbol: Venue symbol of rows that name none themselves; empty when unknown.
        bar_channel: Channel whose trades feed bars.
        rows_max: Most rows of a batch.
        bytes_max: Most payload bytes of a batch; one longer row travels alone.
        cut_ms: Receive time a batch may span, milliseconds.
        line_bytes_max: Longest row that travels whole.
    """

    shard: str
    stream: str
    dialect: str
    symbol: str = ""
    bar_channel: str = "trade"
    rows_max: int = ROWS_PER_BATCH_MAX
    bytes_max: int = BYTES_PER_BATCH_MAX
    cut_ms: int = 1000
    line_bytes_max: int = LINE_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Position:
    """Say where on a tape reading goes on.

    Args:
        offset: Byte offset in this capture.
        row: Index of the next row on the stream.
        ts_receive: Receive time of the row before; 0 at the head.
        base: Bytes of the captures read before this one.
    """

    offset: int = 0
    row: int = 0
    ts_receive: int = 0
    base: int = 0


START: Final = Position()


@dataclass(frozen=True, slots=True)
class Sniffed:
    """Say what the head of a tape tells: its dialect, its first symbol, and the channel that feeds bars."""

    dialect: str
    symbol: str
    bar_channel: str


# --- one line ---------------------------------------------------------------------------------------------------------

_NANOSECONDS: Final = re.compile(rb"(\d{1,19}) ")
_SECONDS: Final = re.compile(rb"(?:(\S+) -> )?(\d{1,10})(?:\.(\d+))?: ?")
_CONTROL: Final = re.compile(rb"wss?://\S+ <-|configuration: ")
_URL_SYMBOL: Final = re.compile(rb"[?&]symbol=([A-Za-z0-9_.@/-]+)")
_INT64_MAX: Final = 2**63 - 1
_FRACTION_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one capture line: where its JSON starts, when it was received (-1 unknown), and the symbol its URL names."""

    start: int
    ts_receive: int
    symbol: str = ""
    control: bool = False


def read_line(line: bytes) -> Line:
    """Read the part of a capture line that stands before the JSON.

    A line whose time cannot be read is a row from its first byte on, with time -1.

    >>> read_line(b'1633998512.0633569: {}')
    Line(start=20, ts_receive=1633998512063356900, symbol='', control=False)
    """
    found = _NANOSECONDS.match(line)
    if found and int(found[1]) <= _INT64_MAX:
        return Line(found.end(), int(found[1]))
    if _CONTROL.match(line) or not line.strip():
        return Line(len(line), -1, control=True)
    found = _SECONDS.match(line)
    if not found:
        return Line(0, -1)
    return Line(found.end(), _nanoseconds(found[2], found[3] or b""), _url_symbol(found[1] or b""))


def _nanoseconds(whole: bytes, fraction: bytes) -> int:
    # From text: a float of seconds since 1970 holds only about a quarter of a microsecond.
    return min(int(whole + fraction[:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, b"0")), _INT64_MAX)


def _url_symbol(url: bytes) -> str:
    found = _URL_SYMBOL.search(url)
    return found[1].decode().upper() if found else ""


# --- the head of a tape -----------------------------------------------------------------------------------------------

_STREAM: Final = re.compile(rb'"stream":"([^"@]{1,64})@')
_TRADE_MARKS: Final = (b'@trade"', b'"e":"trade"', b'"isBuyerMaker":')
_MARKS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "coinbase.advanced": (b"advanced-trade-ws", b"api.coinbase.com", b'"sequence_num":', b'"pricebook":'),
    "coinbase.exchange": (
        *(b"pro.coinbase.com", b"exchange.coinbase.com", b'"type":"match"', b'"type":"last_match"'),
        *(b'"type":"l2update"', b'"maker_order_id":'),
    ),
    "kraken.futures": (b"futures.kraken.com", b'"feed":"', b'"PI_XBTUSD"', b'"PF_'),
    "kraken.v2": (b"ws.kraken.com/v2", b'"channel":"status"', b'"data":[{"symbol":"', b'"interval_begin":'),
    "kraken.v1": (
        *(b"ws.kraken.com", b"api.kraken.com", b'"channelName":"', b'"event":"systemStatus"'),
        *(b']],"trade","', b'},"ticker","', b'},"book-', b'],"ohlc-'),
    ),
    "binance.coinm": (b"dapi.binance.com", b"dstream.binance.com", b'USD_PERP"', b"usd_perp@"),
    USDM: (b'"pu":', b"@depth@0ms", b'"e":"bookTicker"', b"fapi.binance.com", b"fstream.binance.com"),
    SPOT: (b'"stream":"', b'"lastUpdateId":', b'"e":"trade"', b'"e":"aggTrade"', b"binance.com"),
}
"""What tells a dialect; the first of which anything is seen is the tape's."""
_BAR_CHANNELS: Final[Mapping[str, str]] = {"coinbase.exchange": "match", "coinbase.advanced": "market_trades"}
"""Channel whose trades feed bars, where it is not `trade`."""


def sniff(lines: Iterable[bytes], *, dialect: str = "") -> Sniffed:
    """Tell dialect, symbol and bar channel from the first lines of a tape; a given dialect is not questioned.

    Raises:
        Malformed: The lines are of no dialect we know.
    """
    text = b"\n".join(itertools.islice(lines, SNIFF_LINES))
    found = dialect or _dialect_of(text)
    return Sniffed(found, _symbol_in(text), _bar_channel(found, text))


def _symbol_in(text: bytes) -> str:
    """Take the first stream's symbol, else the first that a URL names."""
    found = _STREAM.search(text)
    return found[1].decode("ascii", "replace").upper() if found else _url_symbol(text)


def _dialect_of(text: bytes) -> str:
    for dialect, marks in _MARKS.items():
        if any(mark in text for mark in marks):
            return dialect
    message = f"no line at the tape's head is of a known dialect; name it with --dialect ({' or '.join(DIALECTS)})"
    raise Malformed(message)


def _bar_channel(dialect: str, text: bytes) -> str:
    """Binance sends trades one by one, in aggregates, or both; other venues have one channel of trades."""
    if dialect.startswith("binance."):
        return "trade" if any(mark in text for mark in _TRADE_MARKS) else "aggTrade"
    return _BAR_CHANNELS.get(dialect, "trade" if dialect in DIALECTS else "")


_KIND: Final = re.compile(
    rb'"stream":"[^"@]{0,64}@([A-Za-z]+)|"(?:e|type|channel|feed|event)":"([A-Za-z0-9_]+)"|"(lastUpdateId)":'
)
_CHANNEL: Final = re.compile(rb'"([a-z]+)(?:-[0-9]+)?","[^"]*"\]\s*\Z')
_TAIL: Final = 128
_KINDS: Final = {"depthUpdate": "depth", "lastUpdateId": "snapshot"}


def kind_of(row: bytes) -> str:
    """Say what a message is at a glance: its channel (`trade`, `depth` ...), `snapshot`, or `other`.

    >>> kind_of(b'{"stream":"ethusdt@depth@100ms","data":{}}'), kind_of(b'[1,{"a":[]},"book-10","XBT/USD"]')
    ('depth', 'book')
    """
    if row.startswith(b"["):
        channel = _CHANNEL.search(row, max(0, len(row) - _TAIL))
        return channel[1].decode() if channel else "other"
    found = _KIND.search(row, 0, 256)
    if not found:
        return "other"
    name = (found[1] or found[2] or found[3]).decode()
    return _KINDS.get(name, name)


# --- many lines at once -----------------------------------------------------------------------------------------------

_PREFIX: Final = 20  # 19 digits and a space
_READ_AT_ONCE_MAX: Final = 9 * 10**18 - 1  # of 19 digits that begin with a 9, some are no int64
_ALL_ZERO: Final = np.uint64(0x3030303030303030)
_ABOVE_NINE: Final = np.uint64(0x4646464646464646)
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_PAIRS: Final = np.uint64(0x000000FF000000FF)
_HUNDREDS: Final = np.uint64(0x000F424000000064)  # 100 + (1,000,000 << 32)
_UNITS: Final = np.uint64(0x0000271000000001)  # 1 + (10,000 << 32)
_TEN: Final = np.uint64(10)
_8: Final = np.uint64(8)
_16: Final = np.uint64(16)
_32: Final = np.uint64(32)


def _are_digits(word: NDArray[np.uint64]) -> NDArray[np.bool_]:
    high = ((word + _ABOVE_NINE) | (word - _ALL_ZERO)) & _HIGH_BITS
    digits: NDArray[np.bool_] = high == np.uint64(0)
    return digits


def _eight_digits(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # Eight ASCII digits in one little-endian word, by pairs. Source: D. Lemire, "Quickly parsing eight digits", 2018.
    pairs = word - _ALL_ZERO
    pairs = pairs * _TEN + (pairs >> _8)
    return ((pairs & _PAIRS) * _HUNDREDS + ((pairs >> _16) & _PAIRS) * _UNITS) >> _32


def read_times(data: Block, start: Int64, end: Int64) -> Int64:
    """Read the 19-digit time at each line's start; -1 where a line begins with none, or one after the year 2255."""
    if len(data) < _PREFIX:
        return np.full(len(start), -1, np.int64)
    at = np.minimum(start, len(data) - _PREFIX)
    words = np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))
    first, second, last = words[at], words[at + 8], words[at + 11]
    ts = _eight_digits(first) * np.uint64(10**11) + _eight_digits(second) * np.uint64(1000)
    ts += _eight_digits(last) % np.uint64(1000)
    space = np.frombuffer(data, np.uint8)[at + 19] == ord(" ")
    fits = (end - start >= _PREFIX) & (ts <= np.uint64(_READ_AT_ONCE_MAX))
    good = _are_digits(first) & _are_digits(second) & _are_digits(last) & space & fits
    return np.where(good, ts.astype(np.int64), np.int64(-1))


def join_rows(data: Block, start: Int64, end: Int64) -> bytes:
    """Put rows one behind the other."""
    return b"".join([data[a:b] for a, b in zip(start.tolist(), end.tolist(), strict=True)])


@dataclass(frozen=True, slots=True)
class Loops:
    """Do what is done to every line, given what n of them stand in and (n,) where each begins and ends.

    Args:
        times: Reads the times that lines begin with.
        join: Puts rows one behind the other.
    """

    times: Callable[[Block, Int64, Int64], Int64] = read_times
    join: Callable[[Block, Int64, Int64], bytes] = join_rows


PLAIN: Final = Loops()


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Hold n rows of one block: `data[start[i]:end[i]]` is row i, `behind[i]` the tape offset behind its line."""

    data: Block
    start: Int64
    end: Int64
    behind: Int64
    ts_receive: Int64
    symbols: tuple[str, ...] | None  # None: every row has the tape's symbol
    ordered: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    """Hold the rows of one block as they will travel: up to where, running payload size, rows too long to travel."""

    rows: _Rows
    end: Int64
    total: Int64
    long: list[int]

    def size_before(self, i: int) -> int:
        return int(self.total[i - 1]) if i else 0


# --- cutting ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Open:
    """Hold the batch that is still filling."""

    symbol: str = ""
    pieces: list[bytes] = field(default_factory=list)
    ends: list[Int64] = field(default_factory=list)
    ts_receive: list[Int64] = field(default_factory=list)
    oversized: list[OversizedRow] = field(default_factory=list)
    first_ts: int = 0
    rows: int = 0
    size: int = 0
    behind: int = 0


class Cutter:
    """Cut blocks of a tape, given in order, into raw batches.

    Args:
        options: Whose rows these are and how they are cut.
        keep: Keeps oversized rows.
        position: Where the first block starts; always the end of a batch, or `START`.
        loops: Do what is done to every line.
    """

    def __init__(self, options: TapeOptions, keep: Keep, position: Position = START, *, loops: Loops = PLAIN) -> None:
        """Begin at a position."""
        self._loops = loops
        self._options = options
        self._keep = keep
        self._row = position.row
        self._offset = position.base + position.offset
        self._last_ts = position.ts_receive
        self._carry: list[bytes] = []
        self._marks = np.empty(0, np.bool_)
        self._open = _Open()
        self.control_lines = 0

    @property
    def offset(self) -> int:
        """Say up to where the tape has been read, whole lines only."""
        return self._offset

    def feed(self, block: Block) -> Iterator[RawBatch]:
        """Take the next block; give the batches that it completes."""
        end = self._ends(np.frombuffer(block, np.uint8))
        if not len(end):
            self._hold(bytes(block))
            return
        first = 0
        if self._carry:
            # Only the line that spans two blocks is copied; the rest is read where it lies.
            first = int(end[0]) + 1
            line = b"".join((*self._carry, block[:first]))
            self._carry = []
            yield from self._cut(self._rows(line, 0, np.array([len(line) - 1])))
            end = end[1:]
        if len(end):
            yield from self._cut(self._rows(block, first, end))
            first = int(end[-1]) + 1
        if first < len(block):
            self._hold(bytes(block[first:]))

    def finish(self) -> Iterator[RawBatch]:
        """Take the end of the tape: a last line without a line end is a row too."""
        if any(self._carry):
            data = b"".join(self._carry)
            self._carry = []
            self._offset -= 1  # the line end added here is not on the tape
            yield from self._cut(self._rows(data, 0, np.array([len(data)])))
        if self._open.rows:
            yield self._close()

    def _ends(self, data: UInt8) -> Int64:
        if len(self._marks) < len(data):
            self._marks = np.empty(len(data), np.bool_)
        return np.flatnonzero(np.equal(data, ord("\n"), out=self._marks[: len(data)]))

    def _hold(self, rest: bytes) -> None:
        self._carry.append(rest)
        if sum(map(len, self._carry)) > CARRY_BYTES_MAX:
            message = f"a line behind byte {self._offset} is longer than {CARRY_BYTES_MAX} bytes; this is no capture"
            raise Malformed(message)

    def _rows(self, data: Block, first: int, end: Int64) -> _Rows:
        """Read the rows of `data` from byte `first`, a line's start, whose lines end at `end`."""
        start = np.empty_like(end)
        start[0] = first
        start[1:] = end[:-1] + 1
        ts = self._loops.times(data, start, end)
        behind = end + (self._offset + 1 - first)
        self._offset = int(behind[-1])
        odd = np.flatnonzero(ts < 0)
        start += _PREFIX
        rows = _Rows(data, start, end, behind, ts, None, ordered=bool((ts[1:] >= ts[:-1]).all()))
        if len(odd):
            rows = self._read_singly(rows, odd.tolist())
        self._last_ts = int(ts[-1])
        return rows

    def _read_singly(self, rows: _Rows, odd: list[int]) -> _Rows:
        """Read the lines that do not begin with 19 digits one by one, and leave control lines out."""
        start, ts = rows.start, rows.ts_receive
        symbols = [self._options.symbol] * len(ts)
        kept = np.ones(len(ts), np.bool_)
        for i in odd:
            begin = int(start[i]) - _PREFIX
            line = read_line(bytes(rows.data[begin : int(rows.end[i])]))
            before = int(ts[i - 1]) if i else self._last_ts
            start[i] = begin + line.start
            ts[i] = before if line.ts_receive < 0 else line.ts_receive
            symbols[i] = line.symbol or symbols[i]
            kept[i] = not line.control
        self.control_lines += len(ts) - int(np.count_nonzero(kept))
        return _Rows(
            rows.data,
            start[kept],
            rows.end[kept],
            rows.behind[kept],
            ts[kept],
            tuple(symbol for symbol, keep in zip(symbols, kept.tolist(), strict=True) if keep),
            ordered=bool((np.diff(ts[kept]) >= 0).all()),
        )

    def _cut(self, rows: _Rows) -> Iterator[RawBatch]:
        length = rows.end - rows.start
        long = np.flatnonzero(length > self._options.line_bytes_max)
        if len(long):
            length[long] = np.minimum(length[long], OVERSIZED_HEAD_BYTES)
        chunk = _Chunk(rows, rows.start + length, np.cumsum(length), long.tolist())
        i, count = 0, len(length)
        while i < count:
            j = self._reach(chunk, i)
            if j > i:
                self._take(chunk, i, j)
            i = j
            if i < count:
                yield self._close()

    def _reach(self, chunk: _Chunk, i: int) -> int:
        """Say up to which row, from row i on, the open batch may grow; i when it is full."""
        now, options, rows = self._open, self._options, chunk.rows
        if not now.rows:
            now.symbol = rows.symbols[i] if rows.symbols else options.symbol
            now.first_ts = int(rows.ts_receive[i])
        least = i if now.rows else i + 1  # a batch's first row always fits
        size = options.bytes_max - now.size + chunk.size_before(i)
        j = min(i + options.rows_max - now.rows, len(chunk.total))
        j = min(j, int(chunk.total.searchsorted(size, side="right")))
        j = min(j, _first_at(rows, i, j, now.first_ts + options.cut_ms * NS_PER_MS))
        if rows.symbols:
            j = next((k for k in range(i, j) if rows.symbols[k] != now.symbol), j)
        return max(j, least)

    def _take(self, chunk: _Chunk, i: int, j: int) -> None:
        now, rows = self._open, chunk.rows
        for k in chunk.long:
            if i <= k < j:
                self._spool(now.rows + k - i, bytes(rows.data[int(rows.start[k]) : int(rows.end[k])]))
        now.pieces.append(self._loops.join(rows.data, rows.start[i:j], chunk.end[i:j]))
        now.ends.append(chunk.total[i:j] + (now.size - chunk.size_before(i)))
        now.ts_receive.append(rows.ts_receive[i:j])
        now.rows += j - i
        now.size += len(now.pieces[-1])
        now.behind = int(rows.behind[j - 1])

    def _spool(self, index: int, row: bytes) -> None:
        entry = oversized_row(index, row)
        self._keep(entry.spool_ref, row)
        self._open.oversized.append(entry)

    def _close(self) -> RawBatch:
        now = self._open
        self._open = _Open()
        offsets = np.zeros(now.rows + 1, np.uint32)
        offsets[1:] = now.ends[0] if len(now.ends) == 1 else np.concatenate(now.ends)
        payload = now.pieces[0] if len(now.pieces) == 1 else b"".join(now.pieces)
        ts = now.ts_receive[0] if len(now.ts_receive) == 1 else np.concatenate(now.ts_receive)
        options = self._options
        batch = RawBatch(
            shard=options.shard,
            stream=options.stream,
            dialect=options.dialect,
            first_row=self._row,
            payload=payload,
            offsets=offsets,
            ts_receive=ts,
            symbol=now.symbol,
            bar_channel=options.bar_channel,
            oversized=tuple(now.oversized),
            tape_offset=now.behind,
            ts_cut_ns=int(ts[-1]),
        )
        self._row += now.rows
        return batch


def _first_at(rows: _Rows, i: int, j: int, limit: int) -> int:
    """Find the first row of [i, j) received at or behind the limit; j when there is none."""
    if rows.ordered:
        return i + int(rows.ts_receive[i:j].searchsorted(limit))
    late = rows.ts_receive[i:j] >= limit
    return i + int(late.argmax()) if late.any() else j


def end_of_tape(options: TapeOptions, *, row: int, offset: int, ts_cut_ns: int) -> RawBatch:
    """Make the batch without rows that closes every stage behind a feed."""
    return RawBatch(
        shard=options.shard,
        stream=options.stream,
        dialect=options.dialect,
        first_row=row,
        payload=b"",
        offsets=np.zeros(1, np.uint32),
        ts_receive=np.empty(0, np.int64),
        bar_channel=options.bar_channel,
        end_of_tape=True,
        tape_offset=offset,
        ts_cut_ns=ts_cut_ns,
    )


def shard_of(dialect: str) -> str:
    """Name the first shard of a dialect: two markets of one venue number their rows apart.

    >>> shard_of("binance.spot"), shard_of("binance.usdm")
    ('BINANCE-0', 'BINANCE-USDM-0')
    """
    return f"{dialect.removesuffix('.spot').replace('.', '-').upper()}-0"


def oversized_row(index: int, row: bytes) -> OversizedRow:
    """Stand for a row that is too long to travel; its spool name is its digest, so keeping it twice is harmless."""
    digest = hashlib.sha256(row)
    return OversizedRow(index, len(row), digest.digest(), f"{digest.hexdigest()}.row")
