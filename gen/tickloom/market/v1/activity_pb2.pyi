from tickloom.market.v1 import tick_pb2 as _tick_pb2
from tickloom.reference.v1 import instrument_pb2 as _instrument_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ActivityBarBatch(_message.Message):
    __slots__ = ("shard", "instruments", "instrument", "basis", "day", "ordinal", "finality", "revision", "threshold_hi", "threshold_lo", "start_ns", "end_ns", "open", "high", "low", "close", "volume", "buy_volume", "notional_hi", "notional_lo", "trades", "flags", "rejections", "stream", "end_of_tape")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    DAY_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    FINALITY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_HI_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_LO_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    END_NS_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    BUY_VOLUME_FIELD_NUMBER: _ClassVar[int]
    NOTIONAL_HI_FIELD_NUMBER: _ClassVar[int]
    NOTIONAL_LO_FIELD_NUMBER: _ClassVar[int]
    TRADES_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    END_OF_TAPE_FIELD_NUMBER: _ClassVar[int]
    shard: str
    instruments: _containers.RepeatedCompositeFieldContainer[_instrument_pb2.InstrumentRef]
    instrument: bytes
    basis: bytes
    day: bytes
    ordinal: bytes
    finality: bytes
    revision: bytes
    threshold_hi: bytes
    threshold_lo: bytes
    start_ns: bytes
    end_ns: bytes
    open: bytes
    high: bytes
    low: bytes
    close: bytes
    volume: bytes
    buy_volume: bytes
    notional_hi: bytes
    notional_lo: bytes
    trades: bytes
    flags: bytes
    rejections: _containers.RepeatedCompositeFieldContainer[_tick_pb2.Rejection]
    stream: str
    end_of_tape: bool
    def __init__(self, shard: _Optional[str] = ..., instruments: _Optional[_Iterable[_Union[_instrument_pb2.InstrumentRef, _Mapping]]] = ..., instrument: _Optional[bytes] = ..., basis: _Optional[bytes] = ..., day: _Optional[bytes] = ..., ordinal: _Optional[bytes] = ..., finality: _Optional[bytes] = ..., revision: _Optional[bytes] = ..., threshold_hi: _Optional[bytes] = ..., threshold_lo: _Optional[bytes] = ..., start_ns: _Optional[bytes] = ..., end_ns: _Optional[bytes] = ..., open: _Optional[bytes] = ..., high: _Optional[bytes] = ..., low: _Optional[bytes] = ..., close: _Optional[bytes] = ..., volume: _Optional[bytes] = ..., buy_volume: _Optional[bytes] = ..., notional_hi: _Optional[bytes] = ..., notional_lo: _Optional[bytes] = ..., trades: _Optional[bytes] = ..., flags: _Optional[bytes] = ..., rejections: _Optional[_Iterable[_Union[_tick_pb2.Rejection, _Mapping]]] = ..., stream: _Optional[str] = ..., end_of_tape: _Optional[bool] = ...) -> None: ...
