from tickloom.market.v1 import tick_pb2 as _tick_pb2
from tickloom.reference.v1 import instrument_pb2 as _instrument_pb2
from tickloom.reference.v1 import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SessionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SESSION_STATE_UNSPECIFIED: _ClassVar[SessionState]
    SESSION_STATE_CLOSED: _ClassVar[SessionState]
    SESSION_STATE_PRE: _ClassVar[SessionState]
    SESSION_STATE_REGULAR: _ClassVar[SessionState]
    SESSION_STATE_BREAK: _ClassVar[SessionState]
    SESSION_STATE_POST: _ClassVar[SessionState]
SESSION_STATE_UNSPECIFIED: SessionState
SESSION_STATE_CLOSED: SessionState
SESSION_STATE_PRE: SessionState
SESSION_STATE_REGULAR: SessionState
SESSION_STATE_BREAK: SessionState
SESSION_STATE_POST: SessionState

class EnrichedBatch(_message.Message):
    __slots__ = ("ticks", "facts")
    TICKS_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    ticks: _tick_pb2.TickBatch
    facts: _containers.RepeatedCompositeFieldContainer[InstrumentFacts]
    def __init__(self, ticks: _Optional[_Union[_tick_pb2.TickBatch, _Mapping]] = ..., facts: _Optional[_Iterable[_Union[InstrumentFacts, _Mapping]]] = ...) -> None: ...

class InstrumentFacts(_message.Message):
    __slots__ = ("instrument_id", "known", "asset_class", "multiplier", "quote_currency", "tick_size", "lot_size", "sector", "market_cap", "market_cap_as_of_ns", "session_state", "session_change_ns", "session_date", "status", "status_reason", "restricted", "price_factor", "size_factor", "calendar", "statuses")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    ASSET_CLASS_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    QUOTE_CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TICK_SIZE_FIELD_NUMBER: _ClassVar[int]
    LOT_SIZE_FIELD_NUMBER: _ClassVar[int]
    SECTOR_FIELD_NUMBER: _ClassVar[int]
    MARKET_CAP_FIELD_NUMBER: _ClassVar[int]
    MARKET_CAP_AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    SESSION_STATE_FIELD_NUMBER: _ClassVar[int]
    SESSION_CHANGE_NS_FIELD_NUMBER: _ClassVar[int]
    SESSION_DATE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STATUS_REASON_FIELD_NUMBER: _ClassVar[int]
    RESTRICTED_FIELD_NUMBER: _ClassVar[int]
    PRICE_FACTOR_FIELD_NUMBER: _ClassVar[int]
    SIZE_FACTOR_FIELD_NUMBER: _ClassVar[int]
    CALENDAR_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    instrument_id: str
    known: bool
    asset_class: _instrument_pb2.AssetClass
    multiplier: str
    quote_currency: str
    tick_size: str
    lot_size: str
    sector: str
    market_cap: str
    market_cap_as_of_ns: int
    session_state: SessionState
    session_change_ns: int
    session_date: str
    status: _status_pb2.TradingStatus
    status_reason: str
    restricted: bool
    price_factor: float
    size_factor: float
    calendar: str
    statuses: _containers.RepeatedCompositeFieldContainer[_status_pb2.InstrumentStatus]
    def __init__(self, instrument_id: _Optional[str] = ..., known: _Optional[bool] = ..., asset_class: _Optional[_Union[_instrument_pb2.AssetClass, str]] = ..., multiplier: _Optional[str] = ..., quote_currency: _Optional[str] = ..., tick_size: _Optional[str] = ..., lot_size: _Optional[str] = ..., sector: _Optional[str] = ..., market_cap: _Optional[str] = ..., market_cap_as_of_ns: _Optional[int] = ..., session_state: _Optional[_Union[SessionState, str]] = ..., session_change_ns: _Optional[int] = ..., session_date: _Optional[str] = ..., status: _Optional[_Union[_status_pb2.TradingStatus, str]] = ..., status_reason: _Optional[str] = ..., restricted: _Optional[bool] = ..., price_factor: _Optional[float] = ..., size_factor: _Optional[float] = ..., calendar: _Optional[str] = ..., statuses: _Optional[_Iterable[_Union[_status_pb2.InstrumentStatus, _Mapping]]] = ...) -> None: ...
