from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

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
    __slots__ = ("instrument_id", "venue_symbol", "venue", "tick_size", "lot_size")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    VENUE_SYMBOL_FIELD_NUMBER: _ClassVar[int]
    VENUE_FIELD_NUMBER: _ClassVar[int]
    TICK_SIZE_FIELD_NUMBER: _ClassVar[int]
    LOT_SIZE_FIELD_NUMBER: _ClassVar[int]
    instrument_id: str
    venue_symbol: str
    venue: str
    tick_size: str
    lot_size: str
    def __init__(self, instrument_id: _Optional[str] = ..., venue_symbol: _Optional[str] = ..., venue: _Optional[str] = ..., tick_size: _Optional[str] = ..., lot_size: _Optional[str] = ...) -> None: ...
