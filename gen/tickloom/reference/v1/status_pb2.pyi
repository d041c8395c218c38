from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TradingStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRADING_STATUS_UNSPECIFIED: _ClassVar[TradingStatus]
    TRADING_STATUS_TRADING: _ClassVar[TradingStatus]
    TRADING_STATUS_HALTED: _ClassVar[TradingStatus]
    TRADING_STATUS_CLOSED: _ClassVar[TradingStatus]
TRADING_STATUS_UNSPECIFIED: TradingStatus
TRADING_STATUS_TRADING: TradingStatus
TRADING_STATUS_HALTED: TradingStatus
TRADING_STATUS_CLOSED: TradingStatus

class InstrumentStatus(_message.Message):
    __slots__ = ("instrument_id", "status", "from_ns", "reason")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    FROM_NS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    instrument_id: str
    status: TradingStatus
    from_ns: int
    reason: str
    def __init__(self, instrument_id: _Optional[str] = ..., status: _Optional[_Union[TradingStatus, str]] = ..., from_ns: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...
