from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FeedQuality(_message.Message):
    __slots__ = ("shard", "instruments")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    shard: str
    instruments: _containers.RepeatedCompositeFieldContainer[InstrumentQuality]
    def __init__(self, shard: _Optional[str] = ..., instruments: _Optional[_Iterable[_Union[InstrumentQuality, _Mapping]]] = ...) -> None: ...

class InstrumentQuality(_message.Message):
    __slots__ = ("instrument_id", "window_start_ns", "window_end_ns", "rows", "trades", "quotes", "book_messages", "repeated", "missing_trades", "book_breaks", "out_of_order", "crossed_ns", "silence_ns_max", "delay_ns_mean")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    WINDOW_START_NS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_END_NS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    TRADES_FIELD_NUMBER: _ClassVar[int]
    QUOTES_FIELD_NUMBER: _ClassVar[int]
    BOOK_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    MISSING_TRADES_FIELD_NUMBER: _ClassVar[int]
    BOOK_BREAKS_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_ORDER_FIELD_NUMBER: _ClassVar[int]
    CROSSED_NS_FIELD_NUMBER: _ClassVar[int]
    SILENCE_NS_MAX_FIELD_NUMBER: _ClassVar[int]
    DELAY_NS_MEAN_FIELD_NUMBER: _ClassVar[int]
    instrument_id: str
    window_start_ns: int
    window_end_ns: int
    rows: int
    trades: int
    quotes: int
    book_messages: int
    repeated: int
    missing_trades: int
    book_breaks: int
    out_of_order: int
    crossed_ns: int
    silence_ns_max: int
    delay_ns_mean: int
    def __init__(self, instrument_id: _Optional[str] = ..., window_start_ns: _Optional[int] = ..., window_end_ns: _Optional[int] = ..., rows: _Optional[int] = ..., trades: _Optional[int] = ..., quotes: _Optional[int] = ..., book_messages: _Optional[int] = ..., repeated: _Optional[int] = ..., missing_trades: _Optional[int] = ..., book_breaks: _Optional[int] = ..., out_of_order: _Optional[int] = ..., crossed_ns: _Optional[int] = ..., silence_ns_max: _Optional[int] = ..., delay_ns_mean: _Optional[int] = ...) -> None: ...
