"""Time each stage of the way from tape to decision by itself, in one process on one core, on the input's own rows.

What a stage is given is made beforehand; a figure is the median of several rounds over the same input. Each round
starts from a fresh state, and the first one, which loads code and caches, is not counted.
"""

import asyncio
import itertools
import pathlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from functions.adapters.kernels import CompiledDecoders
from functions.adapters.onnx import load_model
from functions.adapters.reference import FileReference
from functions.adapters.tapes import Reel, Spool
from functions.domain.market import (
    BYTES_PER_BATCH_MAX,
    ROWS_PER_BATCH_MAX,
    InstrumentRef,
    RawBatch,
    TickBatch,
)
from functions.feeds.replay import CARD as REPLAY
from functions.handlers.enrich import main as enrich
from functions.handlers.normalize import main as normalize
from functions.handlers.normalize.handler import units_from
from functions.local import chain_peer, risk_figures
from functions.local.figures import Figure, Tell, pin, seconds_of, settle
from functions.local.inference_figures import golden_columns, in_process
from functions.local.window_samples import CROWD, crowd_ticks
from functions.models.anomaly import FOLDER as ANOMALY
from functions.runtime.hosting import Handle
from functions.tables.bars import main as bars
from functions.tables.features import CARD as FEATURES
from functions.tables.features import main as features
from functions.wire.codecs.features import decode_feature_batch
from functions.wire.codecs.market import decode_tick_batch, encode_tick_batch
from functions.wire.envelope import Event
from functions.wire.raw import raw_event
from functions.wire.tape import TapeOptions, kind_of
from functions.wire.venues.columns import Decode
from functions.wire.venues.registry import decoder_of

if TYPE_CHECKING:
    from functions.ports.fold import Fold

T = TypeVar("T")

KINDS: Final = ("trade", "bookTicker", "depth")
KIND_ROWS_MAX: Final = 50_000
ORDERS_A_CALL: Final = 1000
LOOPS: Final = 1_000_000
CODED_TICKS: Final = 64 * ROWS_PER_BATCH_MAX

_US: Final = 1e6
_PEER_READS: Final = "binance.spot"
_NOW_NS: Final = 1_700_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """Say what is measured.

    Args:
        tape: Capture.
        dialect: Its dialect; empty to tell it from its head.
        messages: How many of its messages are used.
        cut_ms: Receive time a batch may span, milliseconds.
        rounds: Rounds a figure is the median of.
        calls: Calls for quantiles of short work.
        cpu: Core to stay on; -1 for any.
    """

    tape: str
    dialect: str
    messages: int
    cut_ms: int
    rounds: int
    calls: int
    cpu: int


class _Bench:
    """The inputs of all stages; each stage leaves what the next one reads."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.reel = Reel(
            (pathlib.Path(request.tape),),
            TapeOptions("", "", request.dialect, cut_ms=request.cut_ms),
            Spool(pathlib.Path(request.tape).parent / "spool"),
        )
        self.raw: list[RawBatch] = list(self.cut())
        self.rows = sum(batch.row_count for batch in self.raw)
        self.ticks: list[Event] = []
        self.enriched: list[Event] = []
        self.runner = asyncio.Runner()

    def cut(self) -> Iterator[RawBatch]:
        """Read the tape up to the asked number of messages."""
        left = self.request.messages
        for batch in self.reel.batches():
            yield batch
            left -= batch.row_count
            if left <= 0:
                return

    def us(self, units: int, work: Callable[[], object]) -> float:
        """Give the median time of a unit of work, microseconds."""
        return self.us_from(units, lambda: None, lambda _: work())

    def us_from(self, units: int, prepare: Callable[[], T], work: Callable[[T], object]) -> float:
        """Give the same of work on something that is made anew for each round, outside of the time."""
        return seconds_of(self.request.rounds, work, prepare) / units * _US

    def handle(self, handle: Handle, events: Sequence[Event]) -> list[Event]:
        """Have a handler answer events, one after the other."""

        async def answer() -> list[Event]:
            return [reply for event in events if (reply := await handle(event)) is not None]

        return self.runner.run(answer())


def measure(request: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Measure every stage; give its figures for JSON."""
    asked = Request(**request)
    if asked.cpu >= 0:
        pin(asked.cpu)
    bench = _Bench(asked)
    stages = (_machine, _tape, _normalize, _tick_codec, _bars, _features, _embedded, _inference, _risk)
    figures: list[Figure] = []
    for number, stage in enumerate(stages):
        tell(number, len(stages), stage.__name__.strip("_").replace("_", " "))
        settle()
        figures += stage(bench)
    bench.runner.close()
    return {"messages": bench.rows, "rounds": asked.rounds, "figures": [one.as_dict() for one in figures]}


def _machine(bench: _Bench) -> Iterator[Figure]:
    """Time what every machine can do, so that figures of two machines, or of two moments of one, can be compared."""

    def count() -> None:
        number = 0
        while number < LOOPS:
            number += 1

    nanoseconds = bench.us(LOOPS, count) * 1000
    yield Figure("the machine itself: a plain Python loop", nanoseconds, "ns/turn")


# --- tape and normalize -----------------------------------------------------------------------------------------------


def _tape(bench: _Bench) -> Iterator[Figure]:
    yield Figure("tape: read and cut", bench.us(bench.rows, lambda: sum(1 for _ in bench.cut())), "us/message")
    yield Figure("tape: RawBatch to event", bench.us(bench.rows, lambda: _raw_events(bench.raw)), "us/message")


def _raw_events(batches: Sequence[RawBatch]) -> list[Event]:
    return [raw_event(batch, number, feed=REPLAY.name) for number, batch in enumerate(batches)]


def _normalize(bench: _Bench) -> Iterator[Figure]:
    handle = normalize.compose(normalize.Settings(normalize_kernels="compiled")).handle
    events = _raw_events(bench.raw)
    bench.ticks = bench.handle(handle, events)
    whole = bench.us(bench.rows, lambda: bench.handle(handle, events))
    yield Figure("normalize: the tape's mix, event to event", whole, "us/message")
    plain = normalize.compose(normalize.Settings()).handle
    whole = bench.us(bench.rows, lambda: bench.handle(plain, events))
    yield Figure("normalize: the same without its kernel", whole, "us/message")
    decode = decoder_of(bench.raw[0].dialect, CompiledDecoders())
    units = bench.runner.run(_units(decode.venue.code))
    for kind, batches in _by_kind(bench.raw).items():
        rows = sum(batch.row_count for batch in batches)
        whole = bench.us(rows, partial(bench.handle, handle, _raw_events(batches)))
        yield Figure(f"normalize: {kind}, event to event", whole, "us/message")
        decoded = bench.us(rows, partial(_decoded, decode, units, batches))
        bar = ("0.6", "0.3") if kind == "trade" else ("", "")
        yield Figure(f"normalize: {kind}, decode + validate + exact columns", decoded, "us/message", *bar)


async def _units(venue: str) -> Mapping[str, InstrumentRef]:
    return await units_from(FileReference())(venue, _NOW_NS)


def _decoded(decode: Decode, units: Mapping[str, InstrumentRef], batches: Sequence[RawBatch]) -> list[TickBatch]:
    skew = normalize.Settings().future_skew_ms_max
    return [decode(batch, units, future_skew_ms_max=skew) for batch in batches]


def _by_kind(batches: Sequence[RawBatch]) -> dict[str, list[RawBatch]]:
    """Sort the rows by kind, those kinds that are measured by themselves, and cut each kind to full batches."""
    rows: dict[str, list[tuple[bytes, int]]] = defaultdict(list)
    for batch in batches:
        for (begin, end), received in zip(
            itertools.pairwise(batch.offsets.tolist()), batch.ts_receive.tolist(), strict=True
        ):
            row = batch.payload[begin:end]
            rows[kind_of(row)].append((row, received))
    return {kind: list(_batches(rows[kind][:KIND_ROWS_MAX], batches[0])) for kind in KINDS if rows[kind]}


def _batches(rows: Sequence[tuple[bytes, int]], like: RawBatch) -> Iterator[RawBatch]:
    begin = size = 0
    for end, (row, _) in enumerate((*rows, (b"", 0))):
        whole = end - begin == ROWS_PER_BATCH_MAX or size + len(row) > BYTES_PER_BATCH_MAX
        if end > begin and (whole or end == len(rows)):
            texts, received = zip(*rows[begin:end], strict=True)
            yield replace(
                like,
                first_row=begin,
                payload=b"".join(texts),
                offsets=np.cumsum([0, *map(len, texts)]).astype("<u4"),
                ts_receive=np.array(received, "<i8"),
                oversized=(),
            )
            begin, size = end, 0
        size += len(row)


# --- ticks and bars ---------------------------------------------------------------------------------------------------


def _tick_codec(bench: _Bench) -> Iterator[Figure]:
    for name, batches in (
        (f"{ROWS_PER_BATCH_MAX} trades of 1 instrument", crowd_ticks(CODED_TICKS, instruments=1)),
        (f"{ROWS_PER_BATCH_MAX} trades of {CROWD} instruments", crowd_ticks(CODED_TICKS)),
        ("the tape's mix", [decode_tick_batch(event.data or b"") for event in bench.ticks]),
    ):
        ticks = sum(_tick_count(batch) for batch in batches)
        spent = bench.us(ticks, partial(_there_and_back, batches))
        bar = ("0.03", "0.02") if name.endswith("of 1 instrument") else ("", "")
        yield Figure(f"TickBatch encode + decode: {name}", spent, "us/tick", *bar)


def _there_and_back(batches: Sequence[TickBatch]) -> list[TickBatch]:
    return [decode_tick_batch(encode_tick_batch(batch)) for batch in batches]


def _tick_count(batch: TickBatch) -> int:
    return len(batch.trades.row) + len(batch.quotes.row) + len(batch.book.row)


def _bars(bench: _Bench) -> Iterator[Figure]:
    handle = enrich.compose(enrich.Settings()).handle
    bench.enriched = enriched = bench.handle(handle, bench.ticks)
    spent = bench.us(bench.rows, lambda: bench.handle(handle, bench.ticks))
    yield Figure("enrich: the tape, event to event", spent, "us/message")
    fold = bars.compose(bars.Settings()).fold
    spent = bench.us_from(bench.rows, lambda: fold.start("BINANCE-0"), lambda state: _folded(fold, state, enriched))
    yield Figure("bars table: the tape, event to events", spent, "us/message")


def _folded(fold: "Fold[Any]", state: object, events: Sequence[Event]) -> list[Event]:
    emitted: list[Event] = []
    for event in events:
        state, more = fold.fold(state, event)
        emitted += more
    return emitted


# --- features, inference, risk ----------------------------------------------------------------------------------------


def _features(bench: _Bench) -> Iterator[Figure]:
    table = features.compose(features.Settings()).fold
    bar_table = bars.compose(bars.Settings()).fold
    said = _folded(bar_table, bar_table.start("BINANCE-0"), bench.enriched)
    events = [event for event in said if event.type in FEATURES.consumes]
    rows = sum(
        decode_feature_batch(one.data or b"").columns.row_count for one in _folded(table, table.start(""), events)
    )
    if rows:
        spent = bench.us_from(rows, lambda: table.start(""), lambda state: _folded(table, state, events))
        yield Figure("features table: the tape, event to events", spent, "us/bar row", note=f"{rows:,} bar rows")


def _embedded(bench: _Bench) -> Iterator[Figure]:
    """Take raw batches to features, each event through all of its stages before the next one, with nothing between."""
    through = _Way.compose()
    events = _raw_events(bench.raw)

    def fresh() -> list[Event]:
        # What was read is remembered by its bytes, so every round is given bytes of its own.
        return [replace(event, data=bytes(bytearray(event.data or b""))) for event in events]

    spent = bench.us_from(bench.rows, fresh, lambda given: bench.runner.run(through.all(given)))
    said = "normalize, enrich, bars and features, codecs included, from raw batches in memory, no broker"
    yield Figure("embedded: raw messages to features", _US / spent, "messages/s", "300,000", "1,000,000", said)
    why = chain_peer.why_not() or ("" if bench.raw[0].dialect == _PEER_READS else f"it reads {_PEER_READS}")
    if not why:
        rows = [row for batch in bench.raw for row in _texts(batch)]
        spent = bench.us(len(rows), lambda: chain_peer.Chain(_scorer()).take(rows))
        said = "parse, record, msgpack and back, bars, 12 indicators by TA-Lib, one model: no broker, no stores"
        yield Figure(f"peer: {chain_peer.NAME}", _US / spent, "messages/s", note=said)


def _texts(batch: RawBatch) -> Iterator[bytes]:
    return (batch.payload[begin:end] for begin, end in itertools.pairwise(batch.offsets.tolist()))


def _scorer() -> Callable[[list[float]], object]:
    """Make what scores a dozen's values: the shipped model, given as many of them as it takes."""
    model = load_model(ANOMALY)
    width = len(model.manifest.features)
    columns = golden_columns(1)
    return lambda values: model.score(replace(columns, values=np.array([values[:width]])))


@dataclass(frozen=True, slots=True)
class _Way:
    """The handlers and tables between a raw batch and its features."""

    normalize: Handle
    enrich: Handle
    bars: "Fold[Any]"
    features: "Fold[Any]"

    @classmethod
    def compose(cls) -> "_Way":
        """Compose them as the platform does, with compiled kernels."""
        return cls(
            normalize.compose(normalize.Settings(normalize_kernels="compiled")).handle,
            enrich.compose(enrich.Settings()).handle,
            bars.compose(bars.Settings()).fold,
            features.compose(features.Settings()).fold,
        )

    async def all(self, events: Sequence[Event]) -> list[Event]:
        """Take events the whole way; give what came of them."""
        shard = str(events[0].extensions["partitionkey"])
        barred, featured = self.bars.start(shard), self.features.start(shard)
        said: list[Event] = []
        for event in events:
            ticks = await self.normalize(event)
            enriched = None if ticks is None else await self.enrich(ticks)
            if enriched is None:
                continue
            barred, emitted = self.bars.fold(barred, enriched)
            for one in emitted:
                if one.type in FEATURES.consumes:
                    featured, more = self.features.fold(featured, one)
                    said += more
        return said


def _inference(bench: _Bench) -> Iterator[Figure]:
    yield from in_process(bench.request.calls)


def _risk(bench: _Bench) -> Iterator[Figure]:
    yield from risk_figures.in_process(bench.request.calls)
