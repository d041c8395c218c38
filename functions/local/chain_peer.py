"""Put a plain chain beside ours: the same messages taken one at a time, as programs without columns do it.

Each message is parsed to a record, the record is written and read once as a broker would have it, trades are folded
into bars of all intervals by a plain loop, each closed second goes through TA-Lib's twelve streaming indicators, and
each of those through one model's session. There is no log, no store and no order, nothing is checked but what parsing
checks, and nothing survives a fault: it shows what the machine gives, not what a system needs.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from functions.domain.market import SIDE_BUY, SIDE_SELL
from functions.local.indicator_peers import Candle, Instrument, start_talib
from functions.local.window_peers import SECOND_NS, PlainBars, Row, missing

NAME: Final = "the same rows one at a time, plain Python"
LIBRARY: Final = "ta-lib"
_NS_PER_MS: Final = 1_000_000
_WARM_BARS: Final = 64
_TRADE: Final = "trade"


class _Record(msgspec.Struct, frozen=True, array_like=True):
    """Hold one message: kind, venue time (ns), and its prices and sizes as floats."""

    kind: str
    ts_event: int
    numbers: tuple[float, ...]
    side: int


@dataclass(slots=True)
class Chain:
    """Take Binance spot messages to scores, one at a time.

    Args:
        score: Scores the values of the last bar.
    """

    score: Callable[[list[float]], object]
    bars: PlainBars = field(default_factory=PlainBars)
    scored: int = 0
    _seen: int = 0
    _history: list[Candle] = field(default_factory=list)
    _indicators: Instrument | None = None

    def take(self, rows: Iterable[bytes]) -> int:
        """Take rows the whole way; give how many scores there are by now."""
        parse, write = msgspec.json.Decoder().decode, msgspec.msgpack.Encoder().encode
        read = msgspec.msgpack.Decoder(_Record).decode
        for row in rows:
            record = read(write(_record(parse(row))))
            if record.kind == _TRADE:
                self.bars.fold((_trade(record),))
                self._close()
        return self.scored

    def _close(self) -> None:
        """Take the seconds that closed since the last look through indicators and model."""
        for _, length, bar in self.bars.closed[self._seen :]:
            if length == SECOND_NS:
                self._advance((bar[1], bar[2], bar[3], bar[4], bar[5]))
        self._seen = len(self.bars.closed)

    def _advance(self, candle: Candle) -> None:
        if self._indicators is not None:
            self._indicators.step(candle)
            self.score([float(value) for value in self._indicators.values()])
            self.scored += 1
            return
        self._history.append(candle)
        if len(self._history) == _WARM_BARS:
            self._indicators = start_talib(self._history)


def why_not() -> str:
    """Say why the chain cannot be run; empty when it can."""
    return missing(LIBRARY)


def _record(message: Any) -> _Record:  # noqa: ANN401 - any JSON
    data = message.get("data", message)
    if data.get("e") == _TRADE:
        side = SIDE_SELL if data["m"] else SIDE_BUY
        return _Record(_TRADE, data["T"] * _NS_PER_MS, (float(data["p"]), float(data["q"])), side)
    if "A" in data:
        return _Record("quote", 0, (float(data["b"]), float(data["B"]), float(data["a"]), float(data["A"])), 0)
    levels = [*data.get("b", ()), *data.get("a", ())]
    return _Record("book", data.get("E", 0) * _NS_PER_MS, tuple(float(text) for level in levels for text in level), 0)


def _trade(record: _Record) -> Row:
    """Give a trade as the plain loop takes it; sizes in ten-thousandths, so that sums of sizes stay whole."""
    price, size = record.numbers
    return 0, record.ts_event, round(price * 100), round(size * 10_000), record.side
