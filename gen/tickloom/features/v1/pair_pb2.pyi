from tickloom.reference.v1 import instrument_pb2 as _instrument_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PairBatch(_message.Message):
    __slots__ = ("join", "instruments", "instrument_a", "instrument_b", "interval_s", "start_ns", "close_a", "close_b", "flags", "names", "values", "states", "end_of_tape")
    JOIN_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_A_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_B_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    CLOSE_A_FIELD_NUMBER: _ClassVar[int]
    CLOSE_B_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    END_OF_TAPE_FIELD_NUMBER: _ClassVar[int]
    join: str
    instruments: _containers.RepeatedCompositeFieldContainer[_instrument_pb2.InstrumentRef]
    instrument_a: bytes
    instrument_b: bytes
    interval_s: bytes
    start_ns: bytes
    close_a: bytes
    close_b: bytes
    flags: bytes
    names: _containers.RepeatedScalarFieldContainer[str]
    values: bytes
    states: bytes
    end_of_tape: bool
    def __init__(self, join: _Optional[str] = ..., instruments: _Optional[_Iterable[_Union[_instrument_pb2.InstrumentRef, _Mapping]]] = ..., instrument_a: _Optional[bytes] = ..., instrument_b: _Optional[bytes] = ..., interval_s: _Optional[bytes] = ..., start_ns: _Optional[bytes] = ..., close_a: _Optional[bytes] = ..., close_b: _Optional[bytes] = ..., flags: _Optional[bytes] = ..., names: _Optional[_Iterable[str]] = ..., values: _Optional[bytes] = ..., states: _Optional[bytes] = ..., end_of_tape: _Optional[bool] = ...) -> None: ...
