from tickloom.reference.v1 import instrument_pb2 as _instrument_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FeatureBatch(_message.Message):
    __slots__ = ("shard", "columns", "end_of_tape")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    END_OF_TAPE_FIELD_NUMBER: _ClassVar[int]
    shard: str
    columns: FeatureColumns
    end_of_tape: bool
    def __init__(self, shard: _Optional[str] = ..., columns: _Optional[_Union[FeatureColumns, _Mapping]] = ..., end_of_tape: _Optional[bool] = ...) -> None: ...

class FeatureColumns(_message.Message):
    __slots__ = ("instruments", "instrument", "interval_s", "start_ns", "bar_revision", "close", "bid_price", "bid_size", "ask_price", "ask_size", "flags", "names", "values", "states", "flags_hi")
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    BAR_REVISION_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    BID_PRICE_FIELD_NUMBER: _ClassVar[int]
    BID_SIZE_FIELD_NUMBER: _ClassVar[int]
    ASK_PRICE_FIELD_NUMBER: _ClassVar[int]
    ASK_SIZE_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    FLAGS_HI_FIELD_NUMBER: _ClassVar[int]
    instruments: _containers.RepeatedCompositeFieldContainer[_instrument_pb2.InstrumentRef]
    instrument: bytes
    interval_s: bytes
    start_ns: bytes
    bar_revision: bytes
    close: bytes
    bid_price: bytes
    bid_size: bytes
    ask_price: bytes
    ask_size: bytes
    flags: bytes
    names: _containers.RepeatedScalarFieldContainer[str]
    values: bytes
    states: bytes
    flags_hi: bytes
    def __init__(self, instruments: _Optional[_Iterable[_Union[_instrument_pb2.InstrumentRef, _Mapping]]] = ..., instrument: _Optional[bytes] = ..., interval_s: _Optional[bytes] = ..., start_ns: _Optional[bytes] = ..., bar_revision: _Optional[bytes] = ..., close: _Optional[bytes] = ..., bid_price: _Optional[bytes] = ..., bid_size: _Optional[bytes] = ..., ask_price: _Optional[bytes] = ..., ask_size: _Optional[bytes] = ..., flags: _Optional[bytes] = ..., names: _Optional[_Iterable[str]] = ..., values: _Optional[bytes] = ..., states: _Optional[bytes] = ..., flags_hi: _Optional[bytes] = ...) -> None: ...
