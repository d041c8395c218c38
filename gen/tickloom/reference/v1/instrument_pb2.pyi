from tickloom.reference.v1 import corporate_action_pb2 as _corporate_action_pb2
from tickloom.reference.v1 import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AssetClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ASSET_CLASS_UNSPECIFIED: _ClassVar[AssetClass]
    ASSET_CLASS_EQUITY: _ClassVar[AssetClass]
    ASSET_CLASS_FUND: _ClassVar[AssetClass]
    ASSET_CLASS_FX: _ClassVar[AssetClass]
    ASSET_CLASS_CRYPTO: _ClassVar[AssetClass]
    ASSET_CLASS_FUTURE: _ClassVar[AssetClass]
    ASSET_CLASS_PERPETUAL: _ClassVar[AssetClass]
    ASSET_CLASS_OPTION: _ClassVar[AssetClass]
    ASSET_CLASS_INDEX: _ClassVar[AssetClass]
    ASSET_CLASS_BOND: _ClassVar[AssetClass]
    ASSET_CLASS_COMMODITY: _ClassVar[AssetClass]
ASSET_CLASS_UNSPECIFIED: AssetClass
ASSET_CLASS_EQUITY: AssetClass
ASSET_CLASS_FUND: AssetClass
ASSET_CLASS_FX: AssetClass
ASSET_CLASS_CRYPTO: AssetClass
ASSET_CLASS_FUTURE: AssetClass
ASSET_CLASS_PERPETUAL: AssetClass
ASSET_CLASS_OPTION: AssetClass
ASSET_CLASS_INDEX: AssetClass
ASSET_CLASS_BOND: AssetClass
ASSET_CLASS_COMMODITY: AssetClass

class InstrumentRef(_message.Message):
    __slots__ = ("instrument_id", "price_exponent", "size_exponent")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    SIZE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    instrument_id: str
    price_exponent: int
    size_exponent: int
    def __init__(self, instrument_id: _Optional[str] = ..., price_exponent: _Optional[int] = ..., size_exponent: _Optional[int] = ...) -> None: ...

class Instrument(_message.Message):
    __slots__ = ("instrument_id", "venue_symbol", "venue", "tick_size", "lot_size", "finest_tick", "finest_lot", "asset_class", "multiplier", "quote_currency", "base_currency", "sector", "market_cap", "market_cap_as_of_ns", "calendar", "listed_from_ns", "listed_to_ns", "restricted", "steps", "corporate_actions", "statuses", "aliases", "price_exponent", "size_exponent", "units")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    VENUE_SYMBOL_FIELD_NUMBER: _ClassVar[int]
    VENUE_FIELD_NUMBER: _ClassVar[int]
    TICK_SIZE_FIELD_NUMBER: _ClassVar[int]
    LOT_SIZE_FIELD_NUMBER: _ClassVar[int]
    FINEST_TICK_FIELD_NUMBER: _ClassVar[int]
    FINEST_LOT_FIELD_NUMBER: _ClassVar[int]
    ASSET_CLASS_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    QUOTE_CURRENCY_FIELD_NUMBER: _ClassVar[int]
    BASE_CURRENCY_FIELD_NUMBER: _ClassVar[int]
    SECTOR_FIELD_NUMBER: _ClassVar[int]
    MARKET_CAP_FIELD_NUMBER: _ClassVar[int]
    MARKET_CAP_AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    CALENDAR_FIELD_NUMBER: _ClassVar[int]
    LISTED_FROM_NS_FIELD_NUMBER: _ClassVar[int]
    LISTED_TO_NS_FIELD_NUMBER: _ClassVar[int]
    RESTRICTED_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    CORPORATE_ACTIONS_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    PRICE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    SIZE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    instrument_id: str
    venue_symbol: str
    venue: str
    tick_size: str
    lot_size: str
    finest_tick: str
    finest_lot: str
    asset_class: AssetClass
    multiplier: str
    quote_currency: str
    base_currency: str
    sector: str
    market_cap: str
    market_cap_as_of_ns: int
    calendar: str
    listed_from_ns: int
    listed_to_ns: int
    restricted: bool
    steps: _containers.RepeatedCompositeFieldContainer[Steps]
    corporate_actions: _containers.RepeatedCompositeFieldContainer[_corporate_action_pb2.CorporateAction]
    statuses: _containers.RepeatedCompositeFieldContainer[_status_pb2.InstrumentStatus]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    price_exponent: int
    size_exponent: int
    units: bool
    def __init__(self, instrument_id: _Optional[str] = ..., venue_symbol: _Optional[str] = ..., venue: _Optional[str] = ..., tick_size: _Optional[str] = ..., lot_size: _Optional[str] = ..., finest_tick: _Optional[str] = ..., finest_lot: _Optional[str] = ..., asset_class: _Optional[_Union[AssetClass, str]] = ..., multiplier: _Optional[str] = ..., quote_currency: _Optional[str] = ..., base_currency: _Optional[str] = ..., sector: _Optional[str] = ..., market_cap: _Optional[str] = ..., market_cap_as_of_ns: _Optional[int] = ..., calendar: _Optional[str] = ..., listed_from_ns: _Optional[int] = ..., listed_to_ns: _Optional[int] = ..., restricted: _Optional[bool] = ..., steps: _Optional[_Iterable[_Union[Steps, _Mapping]]] = ..., corporate_actions: _Optional[_Iterable[_Union[_corporate_action_pb2.CorporateAction, _Mapping]]] = ..., statuses: _Optional[_Iterable[_Union[_status_pb2.InstrumentStatus, _Mapping]]] = ..., aliases: _Optional[_Iterable[str]] = ..., price_exponent: _Optional[int] = ..., size_exponent: _Optional[int] = ..., units: _Optional[bool] = ...) -> None: ...

class Steps(_message.Message):
    __slots__ = ("tick_size", "lot_size", "from_ns", "to_ns")
    TICK_SIZE_FIELD_NUMBER: _ClassVar[int]
    LOT_SIZE_FIELD_NUMBER: _ClassVar[int]
    FROM_NS_FIELD_NUMBER: _ClassVar[int]
    TO_NS_FIELD_NUMBER: _ClassVar[int]
    tick_size: str
    lot_size: str
    from_ns: int
    to_ns: int
    def __init__(self, tick_size: _Optional[str] = ..., lot_size: _Optional[str] = ..., from_ns: _Optional[int] = ..., to_ns: _Optional[int] = ...) -> None: ...
