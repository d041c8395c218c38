"""Repeat a capture so that each repetition continues the last: times and ids shifted, mix and order unchanged; pure.

Only a capture of Binance can be repeated: which fields hold times and ids is known of its messages alone.

Times move by a whole number of seconds, so that every repetition falls on the same phase of the bars. Trade ids and
update ids of each symbol move by the range they cover, so no id comes twice and none is left out; the first depth
message of a repetition is joined to the last one before it. Control lines and empty lines are left out.

The fields to shift are found once. As long as they keep their number of digits, a repetition is the capture's own bytes
with the digits overwritten by numpy; only when one grows a digit are the lines written anew.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from functions.wire.errors import Malformed
from functions.wire.tape import NS_PER_MS, kind_of, read_line

TAPE_BYTES_MAX: Final = 1024 * 1024 * 1024
_MS_PER_S: Final = 1000
_NS_PER_S: Final = 1_000_000_000

_FIELD: Final = re.compile(rb'"(E|T|C|O|t|u|U|pu|a|f|l|F|L|lastUpdateId)":(\d{1,18})(?=[,}])')
_SYMBOL: Final = re.compile(rb'"s":"([^"]{1,64})"')
_DIGITS: Final = re.compile(rb"\d+")

_RECEIVED: Final = "received"
_EVENT: Final = "event"
_TRADES: Final = "trades"
_AGGREGATES: Final = "aggregates"
_UPDATES: Final = "updates"

_TIMES: Final = {b"E": _EVENT, b"T": _EVENT}
_SCALES: Final[dict[str, dict[bytes, str]]] = {
    "trade": {**_TIMES, b"t": _TRADES},
    "aggTrade": {**_TIMES, b"a": _AGGREGATES, b"f": _TRADES, b"l": _TRADES},
    "bookTicker": {**_TIMES, b"u": _UPDATES},
    "depth": {**_TIMES, b"U": _UPDATES, b"u": _UPDATES, b"pu": _UPDATES},
    "snapshot": {**_TIMES, b"lastUpdateId": _UPDATES},
    "kline": {**_TIMES, b"t": _EVENT, b"f": _TRADES, b"L": _TRADES},
}
"""Which fields of a kind are shifted, and along which scale; other kinds only in time."""

_ENDS: Final = {"kline": {b"T"}, "depth": {b"pu"}, "snapshot": {b"lastUpdateId"}}
"""Fields that lie outside what a scale covers: a candle's end is in the future, these ids were before the capture."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Hold one number to shift: where it stands, its value, and the scale it moves along."""

    start: int
    length: int
    value: int
    scale: tuple[str, str]


@dataclass(slots=True)
class _Range:
    """Hold the least and greatest value seen."""

    least: int
    most: int

    def cover(self, value: int) -> None:
        self.least = min(self.least, value)
        self.most = max(self.most, value)


@dataclass(slots=True)
class _Scan:
    """Hold what one pass over a capture found."""

    found: list[_Found] = field(default_factory=list)
    ranges: dict[tuple[str, str], _Range] = field(default_factory=dict)
    joints: dict[str, int] = field(default_factory=dict)
    """By symbol: index in `found` of the id by which the first depth message follows the one before it."""
    last: dict[str, int] = field(default_factory=dict)
    """By symbol: the last depth message's last update id."""

    def add(self, start: int, digits: bytes, scale: tuple[str, str], *, covers: bool = True) -> None:
        value = int(digits)
        self.found.append(_Found(start, len(digits), value, scale))
        if covers:
            self.ranges.setdefault(scale, _Range(value, value)).cover(value)


class Stretch:
    """Repeat a capture.

    Args:
        text: The whole capture.
    """

    def __init__(self, text: bytes) -> None:
        """Find what has to be shifted.

        Raises:
            Malformed: The capture has no line, or is larger than `TAPE_BYTES_MAX`.
        """
        lines = [line for line in text.split(b"\n") if line.strip() and not read_line(line[:4096]).control]
        if not lines or len(text) > TAPE_BYTES_MAX:
            message = f"a capture to stretch has 1 byte to {TAPE_BYTES_MAX} and at least one message; found {len(text)}"
            raise Malformed(message)
        self._text = b"".join(line + b"\n" for line in lines)
        self.ends = np.cumsum([len(line) + 1 for line in lines])
        scan = _scan(lines)
        self.period_s = _period_s(scan)
        self._start, self._length, self._value = (
            np.array([getattr(one, name) for one in scan.found], np.int64) for name in ("start", "length", "value")
        )
        self._shift = np.array([self._shift_of(one.scale, scan) for one in scan.found], np.int64)
        self._joints = {
            at: scan.last[symbol] + self._is_first_id(at) - int(self._shift[at]) for symbol, at in scan.joints.items()
        }

    @property
    def lines(self) -> int:
        """Count the lines of one repetition."""
        return len(self.ends)

    def repetitions(self) -> Iterator[bytes]:
        """Give one repetition after the other, for ever; the first is the capture itself."""
        yield self._text
        value = self._value.copy()
        for at, base in self._joints.items():
            value[at] = base
        page = _Page(self._text, self._start, self._length)
        while True:
            value += self._shift
            yield page.write(value)

    def messages(self, count: int) -> Iterator[bytes]:
        """Give so many lines, in pieces of whole lines."""
        left = count
        for text in self.repetitions():
            if left < self.lines:
                break
            yield text
            left -= self.lines
        if left:
            yield text[: _line_end(text, left)]

    def _is_first_id(self, at: int) -> bool:
        """Tell spot's `U`, one above the id before it, from futures' `pu`, which is that id."""
        begin = int(self._start[at])
        return self._text[begin - 5 : begin] != b'"pu":'

    def _shift_of(self, scale: tuple[str, str], scan: _Scan) -> int:
        kind = scale[0]
        if kind == _RECEIVED:
            return self.period_s * (_NS_PER_S if scale[1] == "ns" else 1)
        if kind == _EVENT:
            return self.period_s * _MS_PER_S
        covered = scan.ranges.get(scale)
        return covered.most - covered.least + 1 if covered else 1


def _line_end(text: bytes, lines: int) -> int:
    return int(np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))[lines - 1]) + 1


def _scan(lines: list[bytes]) -> _Scan:
    scan = _Scan()
    at = 0
    symbol = ""
    for line in lines:
        head = read_line(line)
        if head.ts_receive >= 0:
            _scan_received(scan, line[: head.start], at)
        row = line[head.start :]
        named = _SYMBOL.search(row, 0, 512)
        symbol = named[1].decode("ascii", "replace") if named else head.symbol or symbol
        _scan_row(scan, row, at + head.start, symbol)
        at += len(line) + 1
    return scan


def _scan_received(scan: _Scan, head: bytes, at: int) -> None:
    """Note the receive time: all of its nanoseconds, or the whole part of its seconds."""
    begin = head.rfind(b" -> ") + len(b" -> ") if b" -> " in head else 0
    found = _DIGITS.match(head, begin)
    if found:
        unit = "ns" if head.endswith(b" ") and b":" not in head[begin:] else "s"
        scan.add(at + begin, found[0], (_RECEIVED, unit))


def _scan_row(scan: _Scan, row: bytes, at: int, symbol: str) -> None:
    kind = kind_of(row)
    scales, ends = _SCALES.get(kind, _TIMES), _ENDS.get(kind, set())
    for found in _FIELD.finditer(row):
        name = found[1]
        scale = scales.get(name)
        if scale is None:
            continue
        owner = "" if scale == _EVENT else symbol
        if kind == "depth" and (name == b"pu" or (name == b"U" and b'"pu":' not in row)):
            scan.joints.setdefault(symbol, len(scan.found))
        if kind == "depth" and name == b"u":
            scan.last[symbol] = int(found[2])
        scan.add(at + found.start(2), found[2], (scale, owner), covers=name not in ends)


def _period_s(scan: _Scan) -> int:
    """Give the whole seconds by which a repetition has to be later than the one before, so that no time comes twice."""
    spans = [1]
    for (kind, unit), covered in scan.ranges.items():
        span = covered.most - covered.least
        if kind == _RECEIVED:
            spans.append(span // NS_PER_MS if unit == "ns" else (span + 1) * _MS_PER_S)
        elif kind == _EVENT:
            spans.append(span)
    return max(spans) // _MS_PER_S + 1


class _Page:
    """Overwrite numbers in a text."""

    def __init__(self, text: bytes, start: NDArray[np.int64], length: NDArray[np.int64]) -> None:
        self._lay(text, start, length)

    def _lay(self, text: bytes, start: NDArray[np.int64], length: NDArray[np.int64]) -> None:
        self._text = np.frombuffer(text, np.uint8).copy()
        self._start = start
        self._length = length
        self._groups = [(int(size), np.flatnonzero(length == size)) for size in np.unique(length)]
        self._least = np.where(length > 1, 10 ** (length - 1), 0)
        self._most = 10**length - 1

    def write(self, value: NDArray[np.int64]) -> bytes:
        """Give the text with these numbers."""
        if ((value < self._least) | (value > np.where(self._length > _INT64_DIGITS, _INT64_MAX, self._most))).any():
            self._grow(value)
        for size, group in self._groups:
            rest = value[group]
            where = self._start[group] + size
            for _ in range(size):
                where -= 1
                tens = rest // 10
                self._text[where] = rest - tens * 10 + ord("0")
                rest = tens
        return self._text.tobytes()

    def _grow(self, value: NDArray[np.int64]) -> None:
        """Write every line anew, because a number changed its number of digits."""
        old = self._text.tobytes()
        pieces: list[bytes] = []
        starts, lengths = [], []
        at = size = 0
        for begin, length, number in zip(self._start.tolist(), self._length.tolist(), value.tolist(), strict=True):
            digits = b"%d" % number
            pieces += (old[at:begin], digits)
            starts.append(size + begin - at)
            lengths.append(len(digits))
            size = starts[-1] + len(digits)
            at = begin + length
        pieces.append(old[at:])
        self._lay(b"".join(pieces), np.array(starts, np.int64), np.array(lengths, np.int64))


_INT64_DIGITS: Final = 18
_INT64_MAX: Final = 2**63 - 1
