"""Time each venue's messages from bytes to exact columns, by kind, beside plain parsers of the same bytes.

Ours includes the batching: it takes messages, and gives a batch's columns, with compiled kernels. Beside it stand
msgspec and orjson, parsing alone, orjson with what a plain Python client does next: a record with floats, and the whole
parser of cryptofeed.
"""

import dataclasses
import gc
import importlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, Final

import msgspec
import numpy as np

from functions.adapters.kernels import CompiledDecoders
from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX, InstrumentRef, RawBatch
from functions.local import venue_peers
from functions.local.figures import GC_ALLOCATIONS, Tell, pin, seconds_of
from functions.local.venue_samples import BEGIN_MS, RECORDS, SAMPLES, Sample
from functions.wire.venues.columns import Decode

MESSAGES: Final = 8 * ROWS_PER_BATCH_MAX
"""Messages of a kind that are timed together."""
TRADE_US_MAX: Final = "3"
"""What no trade or quote may take, microseconds."""
MUST: Final = {("binance.spot", "trade"): "0.6"}
"""What kinds must hold where it is less than that."""

_NS_PER_MS: Final = 1_000_000
_US: Final = 1e6


@dataclass(frozen=True, slots=True)
class VenueFigure:
    """Hold what a message of one kind takes, microseconds, or a level of a book message.

    Args:
        name: Dialect and kind.
        bytes: Length of a message.
        levels: Levels of a book message; 0 for a trade or a quote.
        ours: From messages to exact columns.
        msgspec: To parse alone; None where the message is no JSON.
        orjson: To parse alone; None where it is not installed, too.
        record: With orjson, to a record with floats.
        cryptofeed: Through cryptofeed's parser, to its callback; None where it is not installed or reads no such kind.
        must: What ours must hold in the end; empty where nothing is promised.
    """

    name: str
    bytes: int
    levels: int
    ours: float
    msgspec: float | None
    orjson: float | None
    record: float | None
    cryptofeed: float | None
    must: str


def measure(request: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Time every kind of message; give the figures for JSON.

    Args:
        request: `rounds`, how often each is timed, and `cpu`, the core to stay on; -1 for any.
        tell: Told how far it has come.
    """
    if request["cpu"] >= 0:
        pin(request["cpu"])
    found = []
    for number, sample in enumerate(SAMPLES):
        tell(number, len(SAMPLES), f"{sample.dialect} {sample.kind}")
        found += venue_figures(rounds=request["rounds"], samples=(sample,))
    return {
        "messages": MESSAGES,
        "rounds": request["rounds"],
        "peer": venue_peers.told(),
        "venues": [dataclasses.asdict(one) for one in found],
    }


def venue_figures(*, rounds: int, samples: Sequence[Sample] = SAMPLES) -> list[VenueFigure]:
    """Time kinds of messages.

    Args:
        rounds: How often each is timed; a figure is the median.
        samples: What is timed.
    """
    before = gc.get_threshold()
    gc.set_threshold(GC_ALLOCATIONS)  # as the platform has it
    try:
        return [_figure(sample, rounds) for sample in samples]
    finally:
        gc.set_threshold(*before)


def _figure(sample: Sample, rounds: int) -> VenueFigure:
    rows = [sample.write(n) for n in range(MESSAGES)]
    each = MESSAGES * max(sample.levels, 1)

    def timed(work: Callable[[Sequence[bytes]], object]) -> float:
        return seconds_of(rounds, work, lambda: rows) / each * _US

    return VenueFigure(
        name=f"{sample.dialect} {sample.kind}",
        bytes=sum(map(len, rows)) // MESSAGES,
        levels=sample.levels,
        ours=timed(partial(_decode_all, _COMPILED[sample.dialect], sample)),
        **_others(sample, rows, timed),
        must="" if sample.levels else MUST.get((sample.dialect, sample.kind), TRADE_US_MAX),
    )


def _others(
    sample: Sample, rows: Sequence[bytes], timed: Callable[[Callable[[Sequence[bytes]], object]], float]
) -> dict[str, float | None]:
    """Time plain parsers, where they can read the message and are installed."""
    orjson = _orjson() if sample.is_json else None
    record = RECORDS[sample.dialect, sample.kind] if sample.is_json else None
    peer = venue_peers.parser(sample.dialect, sample.kind, rows)
    return {
        "msgspec": timed(_each(msgspec.json.Decoder().decode)) if sample.is_json else None,
        "orjson": timed(_each(orjson.loads)) if orjson else None,
        "record": timed(_each(lambda row: record(orjson.loads(row)))) if orjson and record else None,
        "cryptofeed": timed(peer) if peer else None,
    }


def _each(parse: Callable[[bytes], object]) -> Callable[[Sequence[bytes]], object]:
    return lambda rows: [parse(row) for row in rows]


def _orjson() -> ModuleType | None:
    """Give orjson where it is installed: it is a tool of development, and nothing here needs it."""
    try:
        return importlib.import_module("orjson")
    except ImportError:
        return None


def _decode_all(decode: Decode, sample: Sample, rows: Sequence[bytes]) -> None:
    for batch in batches_of(rows, sample.dialect, sample.symbol):
        ticks = decode(batch, _UNITS)
        if ticks.rejections:
            message = f"{sample.dialect}: {ticks.rejections[0].detail}; a sample has to be right"
            raise ValueError(message)


_COMPILED: Final = CompiledDecoders()
_UNITS: Final[Mapping[str, InstrumentRef]] = {
    symbol: InstrumentRef(symbol, -8, -8) for symbol in ("BTCUSDT", "BTC-USD", "BTC/USD")
}


def batches_of(rows: Sequence[bytes], dialect: str, symbol: str = "") -> Iterator[RawBatch]:
    """Cut messages to full batches, as a feed does."""
    ends = np.fromiter(itertools.accumulate(map(len, rows), initial=0), np.int64, len(rows) + 1)
    begin = 0
    while begin < len(rows):
        fitting = int(ends.searchsorted(ends[begin] + BYTES_PER_BATCH_MAX, side="right")) - 1
        end = max(min(fitting, begin + ROWS_PER_BATCH_MAX), begin + 1)
        yield RawBatch(
            shard="BENCH-0",
            stream="BENCH-0.bench",
            dialect=dialect,
            first_row=begin,
            payload=b"".join(rows[begin:end]),
            offsets=(ends[begin : end + 1] - ends[begin]).astype(np.uint32),
            ts_receive=np.full(end - begin, (BEGIN_MS + 7 * MESSAGES) * _NS_PER_MS, np.int64),
            symbol=symbol,
        )
        begin = end
