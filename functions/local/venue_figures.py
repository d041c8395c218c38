"""Time each venue's messages from bytes to exact columns, by kind, beside plain parsers of the same bytes.

The messages are written here after the venues' documentation and captures, with prices, sizes, ids and times that
change from one to the next. Ours includes the batching: it takes messages, and gives a batch's columns. Beside it
stand msgspec and orjson, parsing alone, and orjson with what a plain Python client does next: a record with floats.
"""

import gc
import importlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np

from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX, InstrumentRef, RawBatch
from functions.local.figures import GC_ALLOCATIONS, Figure, seconds_of
from functions.wire.venues.columns import Decode
from functions.wire.venues.registry import decoder_of

MESSAGES: Final = 8 * ROWS_PER_BATCH_MAX
"""Messages of a kind that are timed together."""
TRADE_US_MAX: Final = "3"
"""What no trade or quote may take, microseconds."""
Json: TypeAlias = Any
"""What a message says, before anyone has looked."""

_BEGIN_MS: Final = 1_700_000_000_000
_NS_PER_MS: Final = 1_000_000
_US: Final = 1e6


@dataclass(frozen=True, slots=True)
class Sample:
    """Say how a venue writes one kind of message.

    Args:
        dialect: The dialect.
        kind: Its kind.
        text: The message, with `{n}`, `{price}`, `{size}`, `{ms}`, `{iso}` and `{s}` where those stand.
        levels: Levels of a book message; 0 for a trade or a quote.
    """

    dialect: str
    kind: str
    text: str
    levels: int = 0

    def write(self, n: int) -> bytes:
        """Write message `n`."""
        ms = _BEGIN_MS + 7 * n
        second, milli = divmod(ms, 1000)
        clock = np.datetime64(second, "s")
        marks = {
            "{n}": str(880_000_000 + n),
            "{price}": f"{26_800 + n * 37 % 997}.{n % 100:02d}",
            "{size}": f"{n % 13}.{n * 7919 % 1_000_000:06d}",
            "{ms}": str(ms),
            "{iso}": f"{clock}.{milli:03d}{n % 1000:03d}Z",
            "{s}": f"{second}.{milli:03d}{n % 1000:03d}",
        }
        text = self.text
        for mark, value in marks.items():
            text = text.replace(mark, value)
        return text.encode()


_IDS: Final = '"maker_order_id":"27fff20b-af29-4f45-8744-56dd1ef57dc0","taker_order_id":"1da6ce16-c8da-4732-9f71"'
SAMPLES: Final = (
    Sample(
        "binance.spot",
        "trade",
        '{"stream":"btcusdt@trade","data":{"e":"trade","E":{ms},"s":"BTCUSDT","t":{n},"p":"{price}000000",'
        '"q":"1{size}00","T":{ms},"m":true,"M":true}}',
    ),
    Sample(
        "binance.spot",
        "bookTicker",
        '{"stream":"btcusdt@bookTicker","data":{"u":{n},"s":"BTCUSDT","b":"{price}000000","B":"1{size}00",'
        '"a":"9{price}000000","A":"1{size}00"}}',
    ),
    Sample(
        "binance.usdm",
        "depthUpdate",
        '{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":{ms},"T":{ms},"s":"BTCUSDT","U":{n},"u":{n},'
        '"pu":{n},"b":[["{price}","1.5"],["{price}","0"]],"a":[["{price}","2.5"],["{price}","{size}"]]}}',
        levels=4,
    ),
    Sample(
        "coinbase.exchange",
        "match",
        '{"type":"match","trade_id":{n},' + _IDS + ',"side":"sell","size":"1{size}","price":"{price}",'
        '"product_id":"BTC-USD","sequence":{n},"time":"{iso}"}',
    ),
    Sample(
        "coinbase.exchange",
        "ticker",
        '{"type":"ticker","sequence":{n},"product_id":"BTC-USD","price":"{price}","open_24h":"26000.00","volume_24h":'
        '"2610.78138576","low_24h":"25900.00","high_24h":"27000.00","volume_30d":"70067.30304764","best_bid":"{price}",'
        '"best_ask":"{price}","side":"buy","time":"{iso}","trade_id":{n},"last_size":"1{size}"}',
    ),
    Sample(
        "coinbase.exchange",
        "l2update",
        '{"type":"l2update","product_id":"BTC-USD","changes":[["buy","{price}","{size}"]],"time":"{iso}"}',
        levels=1,
    ),
    Sample(
        "coinbase.advanced",
        "market_trades",
        '{"channel":"market_trades","client_id":"","timestamp":"{iso}","sequence_num":{n},"events":[{"type":"update",'
        '"trades":[{"trade_id":"{n}","product_id":"BTC-USD","price":"{price}","size":"1{size}","side":"BUY",'
        '"time":"{iso}"}]}]}',
    ),
    Sample(
        "coinbase.advanced",
        "ticker",
        '{"channel":"ticker","client_id":"","timestamp":"{iso}","sequence_num":{n},"events":[{"type":"update",'
        '"tickers":[{"type":"ticker","product_id":"BTC-USD","price":"{price}","best_bid":"{price}",'
        '"best_bid_quantity":"{size}","best_ask":"{price}","best_ask_quantity":"{size}"}]}]}',
    ),
    Sample("kraken.v1", "trade", '[993,[["{price}000","1{size}00","{s}","s","l",""]],"trade","XBT/USD"]'),
    Sample(
        "kraken.v1",
        "ticker",
        '[1668,{"a":["{price}000",35,"{size}00"],"b":["{price}000",185,"{size}00"],"c":["{price}000","3.71672000"],'
        '"v":["26560.85364463","72035.05488104"],"p":["26700.52900","26713.73472"],"t":[640,1353],'
        '"l":["26100.02180","26100.02180"],"h":["27000.94200","27000.21120"],"o":["26800.80400","26800.42830"]},'
        '"ticker","XBT/USD"]',
    ),
    Sample(
        "kraken.v1",
        "book",
        '[1920,{"a":[["{price}000","{size}00","{s}"]],"c":"{n}"},"book-1000","XBT/USD"]',
        levels=1,
    ),
    Sample(
        "kraken.v2",
        "trade",
        '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":{price},"qty":1{size},'
        '"ord_type":"limit","trade_id":{n},"timestamp":"{iso}"}]}',
    ),
    Sample(
        "kraken.v2",
        "ticker",
        '{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":{price},"bid_qty":{size},"ask":{price},'
        '"ask_qty":{size},"last":{price},"volume":163.28908096,"vwap":26904.39279,"low":26711.00,"high":27613.10,'
        '"change":250.00,"change_pct":0.24,"timestamp":"{iso}"}]}',
    ),
    Sample(
        "kraken.v2",
        "book",
        '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":{price},"qty":{size}}],'
        '"asks":[],"checksum":{n},"timestamp":"{iso}"}]}',
        levels=1,
    ),
)
"""The messages that are timed."""


def venue_figures(*, rounds: int, samples: Sequence[Sample] = SAMPLES) -> list[Figure]:
    """Time every kind of message of every venue.

    Args:
        rounds: How often each is timed; a figure is the median.
        samples: What is timed.
    """
    before = gc.get_threshold()
    gc.set_threshold(GC_ALLOCATIONS)  # as the platform has it
    try:
        return [figure for sample in samples for figure in _figures(sample, rounds)]
    finally:
        gc.set_threshold(*before)


def _figures(sample: Sample, rounds: int) -> Iterator[Figure]:
    rows = [sample.write(n) for n in range(MESSAGES)]
    decode = decoder_of(sample.dialect)
    name = f"{sample.dialect} {sample.kind}"
    each = MESSAGES * max(sample.levels, 1)
    unit = "us a level" if sample.levels else "us"
    must = "" if sample.levels else TRADE_US_MAX
    note = f"messages of {sum(map(len, rows)) // MESSAGES} bytes, cut to batches and decoded to exact columns"

    def timed(work: Callable[[Sequence[bytes]], object]) -> float:
        return seconds_of(rounds, work, lambda: rows) / each * _US

    yield Figure(name, timed(lambda given: _decode_all(decode, given, sample.dialect)), unit, must, note=note)
    yield Figure(f"{name}: msgspec alone", timed(_each(msgspec.json.Decoder().decode)), unit)
    orjson = _orjson()
    if orjson is not None:
        yield Figure(f"{name}: orjson alone", timed(_each(orjson.loads)), unit)
        record = RECORDS[sample.dialect, sample.kind]
        yield Figure(f"{name}: orjson and a record", timed(_each(lambda row: record(orjson.loads(row)))), unit)


def _each(parse: Callable[[bytes], object]) -> Callable[[Sequence[bytes]], object]:
    return lambda rows: [parse(row) for row in rows]


def _orjson() -> ModuleType | None:
    """Give orjson where it is installed: it is a tool of development, and nothing here needs it."""
    try:
        return importlib.import_module("orjson")
    except ImportError:
        return None


def _decode_all(decode: Decode, rows: Sequence[bytes], dialect: str) -> None:
    for batch in batches_of(rows, dialect):
        ticks = decode(batch, _UNITS)
        if ticks.rejections:
            message = f"{dialect}: {ticks.rejections[0].detail}; a sample has to be right"
            raise ValueError(message)


_UNITS: Final[Mapping[str, InstrumentRef]] = {
    symbol: InstrumentRef(symbol, -8, -8) for symbol in ("BTCUSDT", "BTC-USD", "BTC/USD")
}


def batches_of(rows: Sequence[bytes], dialect: str) -> Iterator[RawBatch]:
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
            ts_receive=np.full(end - begin, (_BEGIN_MS + 7 * MESSAGES) * _NS_PER_MS, np.int64),
        )
        begin = end


# --- what a plain client does with a parsed message -------------------------------------------------------------------


@dataclass(slots=True)
class Record:
    """Hold a trade, quote or level as a plain client does: with floats."""

    symbol: str
    time: object
    price: float
    size: float
    other_price: float = 0.0
    other_size: float = 0.0


def _spot(data: Json) -> Json:
    return data["data"]


RECORDS: Final[Mapping[tuple[str, str], Callable[[Json], object]]] = {
    ("binance.spot", "trade"): lambda it: Record(
        _spot(it)["s"], _spot(it)["T"], float(_spot(it)["p"]), float(_spot(it)["q"])
    ),
    ("binance.spot", "bookTicker"): lambda it: Record(
        _spot(it)["s"], None, *(float(_spot(it)[name]) for name in ("b", "B", "a", "A"))
    ),
    ("binance.usdm", "depthUpdate"): lambda it: _levels(_spot(it)["s"], _spot(it)["b"] + _spot(it)["a"]),
    ("coinbase.exchange", "match"): lambda it: _record(it, "product_id", "time", "price", "size"),
    ("coinbase.exchange", "ticker"): lambda it: _record(it, "product_id", "time", "best_bid", "best_ask"),
    ("coinbase.exchange", "l2update"): lambda it: _levels(it["product_id"], [one[1:] for one in it["changes"]]),
    ("coinbase.advanced", "market_trades"): lambda it: [
        _record(one, "product_id", "time", "price", "size") for event in it["events"] for one in event["trades"]
    ],
    ("coinbase.advanced", "ticker"): lambda it: [
        _record(one, "product_id", "type", "best_bid", "best_bid_quantity", "best_ask", "best_ask_quantity")
        for event in it["events"]
        for one in event["tickers"]
    ],
    ("kraken.v1", "trade"): lambda it: [Record(it[-1], float(one[2]), float(one[0]), float(one[1])) for one in it[1]],
    ("kraken.v1", "ticker"): lambda it: Record(
        it[-1], None, *(float(it[1][side][at]) for side in ("b", "a") for at in (0, 2))
    ),
    ("kraken.v1", "book"): lambda it: _levels(it[-1], [one[:2] for one in it[1]["a"]]),
    ("kraken.v2", "trade"): lambda it: [_record(one, "symbol", "timestamp", "price", "qty") for one in it["data"]],
    ("kraken.v2", "ticker"): lambda it: [
        _record(one, "symbol", "timestamp", "bid", "bid_qty", "ask", "ask_qty") for one in it["data"]
    ],
    ("kraken.v2", "book"): lambda it: [
        _levels(one["symbol"], [(level["price"], level["qty"]) for level in one["bids"]]) for one in it["data"]
    ],
}
"""What a plain client makes of a parsed message."""


def _record(content: Json, name: str, time: str, *numbers: str) -> Record:
    return Record(content[name], content[time], *(float(content[number]) for number in numbers))


def _levels(name: str, levels: Sequence[Sequence[str]]) -> list[Record]:
    return [Record(name, None, float(price), float(size)) for price, size in levels]
