from tickloom.reference.v1 import instrument_pb2 as _instrument_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TickBatch(_message.Message):
    __slots__ = ("shard", "stream", "first_row", "row_count", "instruments", "trades", "quotes", "book", "rejections", "kinds", "heartbeat", "end_of_tape", "ts_cut_ns", "candles")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    TRADES_FIELD_NUMBER: _ClassVar[int]
    QUOTES_FIELD_NUMBER: _ClassVar[int]
    BOOK_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    END_OF_TAPE_FIELD_NUMBER: _ClassVar[int]
    TS_CUT_NS_FIELD_NUMBER: _ClassVar[int]
    CANDLES_FIELD_NUMBER: _ClassVar[int]
    shard: str
    stream: str
    first_row: int
    row_count: int
    instruments: _containers.RepeatedCompositeFieldContainer[_instrument_pb2.InstrumentRef]
    trades: Trades
    quotes: Quotes
    book: Book
    rejections: _containers.RepeatedCompositeFieldContainer[Rejection]
    kinds: _containers.RepeatedCompositeFieldContainer[KindCount]
    heartbeat: bool
    end_of_tape: bool
    ts_cut_ns: int
    candles: Candles
    def __init__(self, shard: _Optional[str] = ..., stream: _Optional[str] = ..., first_row: _Optional[int] = ..., row_count: _Optional[int] = ..., instruments: _Optional[_Iterable[_Union[_instrument_pb2.InstrumentRef, _Mapping]]] = ..., trades: _Optional[_Union[Trades, _Mapping]] = ..., quotes: _Optional[_Union[Quotes, _Mapping]] = ..., book: _Optional[_Union[Book, _Mapping]] = ..., rejections: _Optional[_Iterable[_Union[Rejection, _Mapping]]] = ..., kinds: _Optional[_Iterable[_Union[KindCount, _Mapping]]] = ..., heartbeat: _Optional[bool] = ..., end_of_tape: _Optional[bool] = ..., ts_cut_ns: _Optional[int] = ..., candles: _Optional[_Union[Candles, _Mapping]] = ...) -> None: ...

class Trades(_message.Message):
    __slots__ = ("row", "instrument", "ts_event", "ts_receive", "price", "size", "side", "trade_id", "flags")
    ROW_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    TS_EVENT_FIELD_NUMBER: _ClassVar[int]
    TS_RECEIVE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    TRADE_ID_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    row: bytes
    instrument: bytes
    ts_event: bytes
    ts_receive: bytes
    price: bytes
    size: bytes
    side: bytes
    trade_id: bytes
    flags: bytes
    def __init__(self, row: _Optional[bytes] = ..., instrument: _Optional[bytes] = ..., ts_event: _Optional[bytes] = ..., ts_receive: _Optional[bytes] = ..., price: _Optional[bytes] = ..., size: _Optional[bytes] = ..., side: _Optional[bytes] = ..., trade_id: _Optional[bytes] = ..., flags: _Optional[bytes] = ...) -> None: ...

class Quotes(_message.Message):
    __slots__ = ("row", "instrument", "ts_event", "ts_receive", "bid_price", "bid_size", "ask_price", "ask_size", "update_id", "flags")
    ROW_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    TS_EVENT_FIELD_NUMBER: _ClassVar[int]
    TS_RECEIVE_FIELD_NUMBER: _ClassVar[int]
    BID_PRICE_FIELD_NUMBER: _ClassVar[int]
    BID_SIZE_FIELD_NUMBER: _ClassVar[int]
    ASK_PRICE_FIELD_NUMBER: _ClassVar[int]
    ASK_SIZE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    row: bytes
    instrument: bytes
    ts_event: bytes
    ts_receive: bytes
    bid_price: bytes
    bid_size: bytes
    ask_price: bytes
    ask_size: bytes
    update_id: bytes
    flags: bytes
    def __init__(self, row: _Optional[bytes] = ..., instrument: _Optional[bytes] = ..., ts_event: _Optional[bytes] = ..., ts_receive: _Optional[bytes] = ..., bid_price: _Optional[bytes] = ..., bid_size: _Optional[bytes] = ..., ask_price: _Optional[bytes] = ..., ask_size: _Optional[bytes] = ..., update_id: _Optional[bytes] = ..., flags: _Optional[bytes] = ...) -> None: ...

class Book(_message.Message):
    __slots__ = ("row", "instrument", "ts_event", "ts_receive", "first_update_id", "last_update_id", "previous_update_id", "bids", "asks", "flags", "level_price", "level_size", "checksum")
    ROW_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    TS_EVENT_FIELD_NUMBER: _ClassVar[int]
    TS_RECEIVE_FIELD_NUMBER: _ClassVar[int]
    FIRST_UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    BIDS_FIELD_NUMBER: _ClassVar[int]
    ASKS_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    LEVEL_PRICE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    row: bytes
    instrument: bytes
    ts_event: bytes
    ts_receive: bytes
    first_update_id: bytes
    last_update_id: bytes
    previous_update_id: bytes
    bids: bytes
    asks: bytes
    flags: bytes
    level_price: bytes
    level_size: bytes
    checksum: bytes
    def __init__(self, row: _Optional[bytes] = ..., instrument: _Optional[bytes] = ..., ts_event: _Optional[bytes] = ..., ts_receive: _Optional[bytes] = ..., first_update_id: _Optional[bytes] = ..., last_update_id: _Optional[bytes] = ..., previous_update_id: _Optional[bytes] = ..., bids: _Optional[bytes] = ..., asks: _Optional[bytes] = ..., flags: _Optional[bytes] = ..., level_price: _Optional[bytes] = ..., level_size: _Optional[bytes] = ..., checksum: _Optional[bytes] = ...) -> None: ...

class Candles(_message.Message):
    __slots__ = ("row", "instrument", "ts_event", "ts_receive", "interval_ns", "open", "high", "low", "close", "volume", "trades", "flags")
    ROW_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    TS_EVENT_FIELD_NUMBER: _ClassVar[int]
    TS_RECEIVE_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_NS_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    TRADES_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    row: bytes
    instrument: bytes
    ts_event: bytes
    ts_receive: bytes
    interval_ns: bytes
    open: bytes
    high: bytes
    low: bytes
    close: bytes
    volume: bytes
    trades: bytes
    flags: bytes
    def __init__(self, row: _Optional[bytes] = ..., instrument: _Optional[bytes] = ..., ts_event: _Optional[bytes] = ..., ts_receive: _Optional[bytes] = ..., interval_ns: _Optional[bytes] = ..., open: _Optional[bytes] = ..., high: _Optional[bytes] = ..., low: _Optional[bytes] = ..., close: _Optional[bytes] = ..., volume: _Optional[bytes] = ..., trades: _Optional[bytes] = ..., flags: _Optional[bytes] = ...) -> None: ...

class Rejection(_message.Message):
    __slots__ = ("row", "reason", "detail", "raw", "dialect", "ts_receive", "symbol", "spool_ref")
    ROW_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    DIALECT_FIELD_NUMBER: _ClassVar[int]
    TS_RECEIVE_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SPOOL_REF_FIELD_NUMBER: _ClassVar[int]
    row: int
    reason: str
    detail: str
    raw: bytes
    dialect: str
    ts_receive: int
    symbol: str
    spool_ref: str
    def __init__(self, row: _Optional[int] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ..., raw: _Optional[bytes] = ..., dialect: _Optional[str] = ..., ts_receive: _Optional[int] = ..., symbol: _Optional[str] = ..., spool_ref: _Optional[str] = ...) -> None: ...

class KindCount(_message.Message):
    __slots__ = ("kind", "count")
    KIND_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    count: int
    def __init__(self, kind: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...
