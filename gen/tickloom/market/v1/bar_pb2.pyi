from tickloom.market.v1 import tick_pb2 as _tick_pb2
from tickloom.reference.v1 import instrument_pb2 as _instrument_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BarBatch(_message.Message):
    __slots__ = ("shard", "instruments", "instrument", "interval_s", "start_ns", "finality", "revision", "open", "high", "low", "close", "volume", "buy_volume", "notional_hi", "notional_lo", "trades", "bid_price", "bid_size", "ask_price", "ask_size", "bid_depth", "ask_depth", "flags", "rejections", "stream", "end_of_tape", "bid_edge", "ask_edge", "ofi", "quotes", "flags_hi")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    FINALITY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    BUY_VOLUME_FIELD_NUMBER: _ClassVar[int]
    NOTIONAL_HI_FIELD_NUMBER: _ClassVar[int]
    NOTIONAL_LO_FIELD_NUMBER: _ClassVar[int]
    TRADES_FIELD_NUMBER: _ClassVar[int]
    BID_PRICE_FIELD_NUMBER: _ClassVar[int]
    BID_SIZE_FIELD_NUMBER: _ClassVar[int]
    ASK_PRICE_FIELD_NUMBER: _ClassVar[int]
    ASK_SIZE_FIELD_NUMBER: _ClassVar[int]
    BID_DEPTH_FIELD_NUMBER: _ClassVar[int]
    ASK_DEPTH_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    END_OF_TAPE_FIELD_NUMBER: _ClassVar[int]
    BID_EDGE_FIELD_NUMBER: _ClassVar[int]
    ASK_EDGE_FIELD_NUMBER: _ClassVar[int]
    OFI_FIELD_NUMBER: _ClassVar[int]
    QUOTES_FIELD_NUMBER: _ClassVar[int]
    FLAGS_HI_FIELD_NUMBER: _ClassVar[int]
    shard: str
    instruments: _containers.RepeatedCompositeFieldContainer[_instrument_pb2.InstrumentRef]
    instrument: bytes
    interval_s: bytes
    start_ns: bytes
    finality: bytes
    revision: bytes
    open: bytes
    high: bytes
    low: bytes
    close: bytes
    volume: bytes
    buy_volume: bytes
    notional_hi: bytes
    notional_lo: bytes
    trades: bytes
    bid_price: bytes
    bid_size: bytes
    ask_price: bytes
    ask_size: bytes
    bid_depth: bytes
    ask_depth: bytes
    flags: bytes
    rejections: _containers.RepeatedCompositeFieldContainer[_tick_pb2.Rejection]
    stream: str
    end_of_tape: bool
    bid_edge: bytes
    ask_edge: bytes
    ofi: bytes
    quotes: bytes
    flags_hi: bytes
    def __init__(self, shard: _Optional[str] = ..., instruments: _Optional[_Iterable[_Union[_instrument_pb2.InstrumentRef, _Mapping]]] = ..., instrument: _Optional[bytes] = ..., interval_s: _Optional[bytes] = ..., start_ns: _Optional[bytes] = ..., finality: _Optional[bytes] = ..., revision: _Optional[bytes] = ..., open: _Optional[bytes] = ..., high: _Optional[bytes] = ..., low: _Optional[bytes] = ..., close: _Optional[bytes] = ..., volume: _Optional[bytes] = ..., buy_volume: _Optional[bytes] = ..., notional_hi: _Optional[bytes] = ..., notional_lo: _Optional[bytes] = ..., trades: _Optional[bytes] = ..., bid_price: _Optional[bytes] = ..., bid_size: _Optional[bytes] = ..., ask_price: _Optional[bytes] = ..., ask_size: _Optional[bytes] = ..., bid_depth: _Optional[bytes] = ..., ask_depth: _Optional[bytes] = ..., flags: _Optional[bytes] = ..., rejections: _Optional[_Iterable[_Union[_tick_pb2.Rejection, _Mapping]]] = ..., stream: _Optional[str] = ..., end_of_tape: _Optional[bool] = ..., bid_edge: _Optional[bytes] = ..., ask_edge: _Optional[bytes] = ..., ofi: _Optional[bytes] = ..., quotes: _Optional[bytes] = ..., flags_hi: _Optional[bytes] = ...) -> None: ...
