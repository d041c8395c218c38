"""Hold what venues' messages look like, and what a plain Python client makes of each: a record with floats.

The messages are written after the venues' documentation and captures, with prices, sizes, ids and times that change
from one to the next.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from functions.wire.fix.codec import encode

Json: TypeAlias = Any
"""What a message says, before anyone has looked."""
BEGIN_MS: Final = 1_700_000_000_000
_OPEN_MS: Final = 34_200_000
_WALL: Final = 10  # where the time of day begins, behind the date


@dataclass(frozen=True, slots=True)
class Sample:
    """Say how a venue writes one kind of message.

    Args:
        dialect: The dialect.
        kind: Its kind.
        text: The message, with names such as `{n}` and `{price}` where those stand, see `write`.
        levels: Levels of a book message; 0 for a trade or a quote.
        symbol: Whose it is, where the batch has to say so.
    """

    dialect: str
    kind: str
    text: str
    levels: int = 0
    symbol: str = ""

    @property
    def is_json(self) -> bool:
        """Say whether parsers of JSON read it."""
        return '"' in self.text

    def write(self, n: int) -> bytes:
        """Write message `n`."""
        ms = BEGIN_MS + 7 * n
        second, milli = divmod(ms, 1000)
        clock = np.datetime64(second, "s")
        marks = {
            "{n}": str(880_000_000 + n),
            "{rate}": f"1.{n * 37 % 99_991:05d}",
            "{cents}": str(1_820_000 + n * 37 % 9_970 * 100),
            "{price}": f"{26_800 + n * 37 % 997}.{n % 100:02d}",
            "{size}": f"{n % 13}.{n * 7919 % 1_000_000:06d}",
            "{ms}": str(ms),
            "{day_ms}": str(_OPEN_MS + 7 * n),
            "{own}": f"{str(clock)[:_WALL].replace('-', '')} {str(clock)[_WALL + 1 :]}.{milli:03d}",
            "{iso}": f"{clock}.{milli:03d}{n % 1000:03d}Z",
            "{s}": f"{second}.{milli:03d}{n % 1000:03d}",
        }
        text = self.text
        for mark, value in marks.items():
            text = text.replace(mark, value)
        return _fix(text) if self.dialect.startswith("fix.") else text.encode()


def _fix(text: str) -> bytes:
    """Write a FIX message from its fields behind the head: length and sum are not sampled, they are right."""
    pairs = (field.split("=", 1) for field in text.split("|"))
    return encode("FIX.4.4", [(int(tag), value) for tag, value in pairs])


_IDS: Final = '"maker_order_id":"27fff20b-af29-4f45-8744-56dd1ef57dc0","taker_order_id":"1da6ce16-c8da-4732-9f71"'
_HEAD: Final = "49=V|56=T|34=2|52=20231114-22:13:20.000"
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
        "spread",
        '[1,["{price}000","{price}000","{s}","{size}00","1{size}00"],"spread","XBT/USD"]',
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
    Sample(
        "polygon.stocks",
        "trade",
        '[{"ev":"T","sym":"MSFT","x":4,"i":"12345","z":3,"p":{price},"s":100,"c":[0,12],"t":{ms},"q":{n}}]',
    ),
    Sample(
        "polygon.stocks",
        "quote",
        '[{"ev":"Q","sym":"MSFT","bx":4,"bp":{price},"bs":100,"ax":7,"ap":9{price},"as":160,"c":0,"i":[604],"t":{ms},'
        '"q":{n},"z":3}]',
    ),
    Sample("nyse.json", "trade", '{"s":"IBM","p":{price},"v":100,"t":{ms},"c":"@F","z":"A","i":{n}}'),
    Sample(
        "lseg.json",
        "trade",
        '[{"ID":5,"Type":"Update","UpdateType":"Trade","Key":{"Service":"ELEKTRON_DD","Name":"IBM.N"},"SeqNumber":{n},'
        '"Fields":{"TRDPRC_1":{price},"TRDVOL_1":100,"TRADE_DATE":"2023-11-14","SALTIM_MS":{day_ms}}}]',
    ),
    Sample(
        "lseg.json",
        "quote",
        '[{"ID":5,"Type":"Update","UpdateType":"Quote","Key":{"Service":"ELEKTRON_DD","Name":"IBM.N"},"SeqNumber":{n},'
        '"Fields":{"BID":{price},"BIDSIZE":3,"ASK":9{price},"ASKSIZE":5,"QUOTE_DATE":"2023-11-14",'
        '"QUOTIM_MS":{day_ms}}}]',
    ),
    Sample(
        "bloomberg.json",
        "trade",
        '{"security":"IBM US Equity","MKTDATA_EVENT_TYPE":"TRADE","MKTDATA_EVENT_SUBTYPE":"NEW","LAST_PRICE":{price},'
        '"SIZE_LAST_TRADE":100,"TRADE_UPDATE_STAMP_RT":"{iso}"}',
    ),
    Sample(
        "bloomberg.json",
        "quote",
        '{"security":"IBM US Equity","MKTDATA_EVENT_TYPE":"QUOTE","MKTDATA_EVENT_SUBTYPE":"PAIRED","BID":{price},'
        '"BID_SIZE":3,"ASK":9{price},"ASK_SIZE":5,"BID_UPDATE_STAMP_RT":"{iso}","ASK_UPDATE_STAMP_RT":"{iso}"}',
    ),
    Sample("lean.equity", "trade", "{day_ms},{cents},100,D,20000020,0", symbol="IBM@2013-10-07"),
    Sample("lean.equity", "quote", "{day_ms},{cents},3,9{cents},5,P,0,0", symbol="IBM@2013-10-07"),
    Sample("lean.forex", "quote", "{day_ms},{rate},9{rate}", symbol="EURUSD@2014-05-08"),
    Sample("truefx.csv", "quote", "EUR/USD,{own},{rate},9{rate}"),
    Sample(
        "fix.44", "W", f"35=W|{_HEAD}|55=EUR/USD|268=2|269=0|270={{rate}}|271={{size}}|269=1|270=9{{rate}}|271={{size}}"
    ),
    Sample("fix.44", "X", f"35=X|{_HEAD}|268=1|279=0|269=2|55=EUR/USD|270={{rate}}|271=1{{size}}|1003={{n}}"),
)
"""The messages that are timed."""


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
    ("kraken.v1", "spread"): lambda it: Record(it[-1], float(it[1][2]), *(float(it[1][at]) for at in (0, 3, 1, 4))),
    ("kraken.v1", "book"): lambda it: _levels(it[-1], [one[:2] for one in it[1]["a"]]),
    ("kraken.v2", "trade"): lambda it: [_record(one, "symbol", "timestamp", "price", "qty") for one in it["data"]],
    ("kraken.v2", "ticker"): lambda it: [
        _record(one, "symbol", "timestamp", "bid", "bid_qty", "ask", "ask_qty") for one in it["data"]
    ],
    ("kraken.v2", "book"): lambda it: [
        _levels(one["symbol"], [(level["price"], level["qty"]) for level in one["bids"]]) for one in it["data"]
    ],
    ("polygon.stocks", "trade"): lambda it: [_record(one, "sym", "t", "p", "s") for one in it],
    ("polygon.stocks", "quote"): lambda it: [_record(one, "sym", "t", "bp", "bs", "ap", "as") for one in it],
    ("nyse.json", "trade"): lambda it: _record(it, "s", "t", "p", "v"),
    ("lseg.json", "trade"): lambda it: [
        _record({**one["Key"], **one["Fields"]}, "Name", "SALTIM_MS", "TRDPRC_1", "TRDVOL_1") for one in it
    ],
    ("lseg.json", "quote"): lambda it: [
        _record({**one["Key"], **one["Fields"]}, "Name", "QUOTIM_MS", "BID", "BIDSIZE", "ASK", "ASKSIZE") for one in it
    ],
    ("bloomberg.json", "trade"): lambda it: _record(
        it, "security", "TRADE_UPDATE_STAMP_RT", "LAST_PRICE", "SIZE_LAST_TRADE"
    ),
    ("bloomberg.json", "quote"): lambda it: _record(
        it, "security", "BID_UPDATE_STAMP_RT", "BID", "BID_SIZE", "ASK", "ASK_SIZE"
    ),
}
"""What a plain client makes of a parsed message."""


def _record(content: Json, name: str, time: str, *numbers: str) -> Record:
    return Record(content[name], content[time], *(float(content[number]) for number in numbers))


def _levels(name: str, levels: Sequence[Sequence[str]]) -> list[Record]:
    return [Record(name, None, float(price), float(size)) for price, size in levels]
