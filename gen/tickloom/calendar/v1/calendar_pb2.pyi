from tickloom.market.v1 import tick_pb2 as _tick_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Impact(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPACT_UNSPECIFIED: _ClassVar[Impact]
    IMPACT_LOW: _ClassVar[Impact]
    IMPACT_MEDIUM: _ClassVar[Impact]
    IMPACT_HIGH: _ClassVar[Impact]
    IMPACT_NON_ECONOMIC: _ClassVar[Impact]

class Timing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TIMING_UNSPECIFIED: _ClassVar[Timing]
    TIMING_EXACT: _ClassVar[Timing]
    TIMING_TENTATIVE: _ClassVar[Timing]
    TIMING_ALL_DAY: _ClassVar[Timing]

class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATE_UNSPECIFIED: _ClassVar[State]
    STATE_SCHEDULED: _ClassVar[State]
    STATE_RELEASED: _ClassVar[State]
    STATE_REVISED: _ClassVar[State]

class Form(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FORM_UNSPECIFIED: _ClassVar[Form]
    FORM_NUMBER: _ClassVar[Form]
    FORM_PERCENT: _ClassVar[Form]
    FORM_YIELD_AND_COVER: _ClassVar[Form]
    FORM_VOTES: _ClassVar[Form]
    FORM_WORDS: _ClassVar[Form]

class Comparison(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPARISON_UNSPECIFIED: _ClassVar[Comparison]
    COMPARISON_LESS: _ClassVar[Comparison]
    COMPARISON_MORE: _ClassVar[Comparison]
IMPACT_UNSPECIFIED: Impact
IMPACT_LOW: Impact
IMPACT_MEDIUM: Impact
IMPACT_HIGH: Impact
IMPACT_NON_ECONOMIC: Impact
TIMING_UNSPECIFIED: Timing
TIMING_EXACT: Timing
TIMING_TENTATIVE: Timing
TIMING_ALL_DAY: Timing
STATE_UNSPECIFIED: State
STATE_SCHEDULED: State
STATE_RELEASED: State
STATE_REVISED: State
FORM_UNSPECIFIED: Form
FORM_NUMBER: Form
FORM_PERCENT: Form
FORM_YIELD_AND_COVER: Form
FORM_VOTES: Form
FORM_WORDS: Form
COMPARISON_UNSPECIFIED: Comparison
COMPARISON_LESS: Comparison
COMPARISON_MORE: Comparison

class CalendarBatch(_message.Message):
    __slots__ = ("shard", "stream", "first_row", "row_count", "events", "rejections", "kinds", "heartbeat", "end_of_tape", "ts_cut_ns")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    END_OF_TAPE_FIELD_NUMBER: _ClassVar[int]
    TS_CUT_NS_FIELD_NUMBER: _ClassVar[int]
    shard: str
    stream: str
    first_row: int
    row_count: int
    events: _containers.RepeatedCompositeFieldContainer[CalendarEvent]
    rejections: _containers.RepeatedCompositeFieldContainer[_tick_pb2.Rejection]
    kinds: _containers.RepeatedCompositeFieldContainer[_tick_pb2.KindCount]
    heartbeat: bool
    end_of_tape: bool
    ts_cut_ns: int
    def __init__(self, shard: _Optional[str] = ..., stream: _Optional[str] = ..., first_row: _Optional[int] = ..., row_count: _Optional[int] = ..., events: _Optional[_Iterable[_Union[CalendarEvent, _Mapping]]] = ..., rejections: _Optional[_Iterable[_Union[_tick_pb2.Rejection, _Mapping]]] = ..., kinds: _Optional[_Iterable[_Union[_tick_pb2.KindCount, _Mapping]]] = ..., heartbeat: _Optional[bool] = ..., end_of_tape: _Optional[bool] = ..., ts_cut_ns: _Optional[int] = ...) -> None: ...

class CalendarEvent(_message.Message):
    __slots__ = ("event_id", "source", "native_id", "currency", "country", "impact", "name", "ts_scheduled_ns", "timing", "actual", "forecast", "previous", "state", "ts_available_ns", "ts_receive_ns", "revision", "content_key", "row")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    NATIVE_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    IMPACT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TS_SCHEDULED_NS_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    FORECAST_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TS_AVAILABLE_NS_FIELD_NUMBER: _ClassVar[int]
    TS_RECEIVE_NS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CONTENT_KEY_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    source: str
    native_id: str
    currency: str
    country: str
    impact: Impact
    name: str
    ts_scheduled_ns: int
    timing: Timing
    actual: Figure
    forecast: Figure
    previous: Figure
    state: State
    ts_available_ns: int
    ts_receive_ns: int
    revision: int
    content_key: str
    row: int
    def __init__(self, event_id: _Optional[str] = ..., source: _Optional[str] = ..., native_id: _Optional[str] = ..., currency: _Optional[str] = ..., country: _Optional[str] = ..., impact: _Optional[_Union[Impact, str]] = ..., name: _Optional[str] = ..., ts_scheduled_ns: _Optional[int] = ..., timing: _Optional[_Union[Timing, str]] = ..., actual: _Optional[_Union[Figure, _Mapping]] = ..., forecast: _Optional[_Union[Figure, _Mapping]] = ..., previous: _Optional[_Union[Figure, _Mapping]] = ..., state: _Optional[_Union[State, str]] = ..., ts_available_ns: _Optional[int] = ..., ts_receive_ns: _Optional[int] = ..., revision: _Optional[int] = ..., content_key: _Optional[str] = ..., row: _Optional[int] = ...) -> None: ...

class Figure(_message.Message):
    __slots__ = ("text", "form", "values", "comparison")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    text: str
    form: Form
    values: _containers.RepeatedScalarFieldContainer[str]
    comparison: Comparison
    def __init__(self, text: _Optional[str] = ..., form: _Optional[_Union[Form, str]] = ..., values: _Optional[_Iterable[str]] = ..., comparison: _Optional[_Union[Comparison, str]] = ...) -> None: ...
