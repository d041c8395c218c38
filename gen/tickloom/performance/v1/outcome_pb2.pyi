from tickloom.signals.v1 import signal_pb2 as _signal_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Exit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXIT_UNSPECIFIED: _ClassVar[Exit]
    EXIT_STOP_LOSS: _ClassVar[Exit]
    EXIT_TAKE_PROFIT: _ClassVar[Exit]
    EXIT_HORIZON: _ClassVar[Exit]
    EXIT_MISSING: _ClassVar[Exit]
EXIT_UNSPECIFIED: Exit
EXIT_STOP_LOSS: Exit
EXIT_TAKE_PROFIT: Exit
EXIT_HORIZON: Exit
EXIT_MISSING: Exit

class Outcome(_message.Message):
    __slots__ = ("signal_id", "strategy", "instrument_id", "interval_s", "bar_start_ns", "action", "confidence", "price_exponent", "price", "exit", "exit_price", "exit_ns", "bars", "gain", "return_1", "return_4", "return_24", "shard")
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    BAR_START_NS_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    PRICE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    EXIT_FIELD_NUMBER: _ClassVar[int]
    EXIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    EXIT_NS_FIELD_NUMBER: _ClassVar[int]
    BARS_FIELD_NUMBER: _ClassVar[int]
    GAIN_FIELD_NUMBER: _ClassVar[int]
    RETURN_1_FIELD_NUMBER: _ClassVar[int]
    RETURN_4_FIELD_NUMBER: _ClassVar[int]
    RETURN_24_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    signal_id: str
    strategy: str
    instrument_id: str
    interval_s: int
    bar_start_ns: int
    action: _signal_pb2.Action
    confidence: float
    price_exponent: int
    price: int
    exit: Exit
    exit_price: int
    exit_ns: int
    bars: int
    gain: float
    return_1: float
    return_4: float
    return_24: float
    shard: str
    def __init__(self, signal_id: _Optional[str] = ..., strategy: _Optional[str] = ..., instrument_id: _Optional[str] = ..., interval_s: _Optional[int] = ..., bar_start_ns: _Optional[int] = ..., action: _Optional[_Union[_signal_pb2.Action, str]] = ..., confidence: _Optional[float] = ..., price_exponent: _Optional[int] = ..., price: _Optional[int] = ..., exit: _Optional[_Union[Exit, str]] = ..., exit_price: _Optional[int] = ..., exit_ns: _Optional[int] = ..., bars: _Optional[int] = ..., gain: _Optional[float] = ..., return_1: _Optional[float] = ..., return_4: _Optional[float] = ..., return_24: _Optional[float] = ..., shard: _Optional[str] = ...) -> None: ...
