from tickloom.market.v1 import tick_pb2 as _tick_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_UNSPECIFIED: _ClassVar[Kind]
    KIND_NEWS: _ClassVar[Kind]
    KIND_SOCIAL: _ClassVar[Kind]

class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATUS_UNSPECIFIED: _ClassVar[Status]
    STATUS_PUBLISHED: _ClassVar[Status]
    STATUS_UPDATED: _ClassVar[Status]
    STATUS_CORRECTED: _ClassVar[Status]
    STATUS_WITHDRAWN: _ClassVar[Status]

class Symbology(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SYMBOLOGY_UNSPECIFIED: _ClassVar[Symbology]
    SYMBOLOGY_TICKER: _ClassVar[Symbology]
    SYMBOLOGY_RIC: _ClassVar[Symbology]
    SYMBOLOGY_CASHTAG: _ClassVar[Symbology]
KIND_UNSPECIFIED: Kind
KIND_NEWS: Kind
KIND_SOCIAL: Kind
STATUS_UNSPECIFIED: Status
STATUS_PUBLISHED: Status
STATUS_UPDATED: Status
STATUS_CORRECTED: Status
STATUS_WITHDRAWN: Status
SYMBOLOGY_UNSPECIFIED: Symbology
SYMBOLOGY_TICKER: Symbology
SYMBOLOGY_RIC: Symbology
SYMBOLOGY_CASHTAG: Symbology

class NewsBatch(_message.Message):
    __slots__ = ("shard", "stream", "first_row", "row_count", "items", "rejections", "kinds", "heartbeat", "end_of_tape", "ts_cut_ns")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    END_OF_TAPE_FIELD_NUMBER: _ClassVar[int]
    TS_CUT_NS_FIELD_NUMBER: _ClassVar[int]
    shard: str
    stream: str
    first_row: int
    row_count: int
    items: _containers.RepeatedCompositeFieldContainer[NewsItem]
    rejections: _containers.RepeatedCompositeFieldContainer[_tick_pb2.Rejection]
    kinds: _containers.RepeatedCompositeFieldContainer[_tick_pb2.KindCount]
    heartbeat: bool
    end_of_tape: bool
    ts_cut_ns: int
    def __init__(self, shard: _Optional[str] = ..., stream: _Optional[str] = ..., first_row: _Optional[int] = ..., row_count: _Optional[int] = ..., items: _Optional[_Iterable[_Union[NewsItem, _Mapping]]] = ..., rejections: _Optional[_Iterable[_Union[_tick_pb2.Rejection, _Mapping]]] = ..., kinds: _Optional[_Iterable[_Union[_tick_pb2.KindCount, _Mapping]]] = ..., heartbeat: _Optional[bool] = ..., end_of_tape: _Optional[bool] = ..., ts_cut_ns: _Optional[int] = ...) -> None: ...

class NewsItem(_message.Message):
    __slots__ = ("news_id", "kind", "source", "native_id", "headline", "body", "body_truncated", "url", "language", "author", "tickers", "symbology", "subjects", "urgency", "ts_published_ns", "ts_available_ns", "ts_receive_ns", "revision", "status", "syndication_key", "content_key", "duplicate_of", "row")
    NEWS_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    NATIVE_ID_FIELD_NUMBER: _ClassVar[int]
    HEADLINE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    BODY_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    TICKERS_FIELD_NUMBER: _ClassVar[int]
    SYMBOLOGY_FIELD_NUMBER: _ClassVar[int]
    SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    URGENCY_FIELD_NUMBER: _ClassVar[int]
    TS_PUBLISHED_NS_FIELD_NUMBER: _ClassVar[int]
    TS_AVAILABLE_NS_FIELD_NUMBER: _ClassVar[int]
    TS_RECEIVE_NS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SYNDICATION_KEY_FIELD_NUMBER: _ClassVar[int]
    CONTENT_KEY_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_OF_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    news_id: str
    kind: Kind
    source: str
    native_id: str
    headline: str
    body: str
    body_truncated: bool
    url: str
    language: str
    author: str
    tickers: _containers.RepeatedScalarFieldContainer[str]
    symbology: Symbology
    subjects: _containers.RepeatedScalarFieldContainer[str]
    urgency: int
    ts_published_ns: int
    ts_available_ns: int
    ts_receive_ns: int
    revision: int
    status: Status
    syndication_key: str
    content_key: str
    duplicate_of: str
    row: int
    def __init__(self, news_id: _Optional[str] = ..., kind: _Optional[_Union[Kind, str]] = ..., source: _Optional[str] = ..., native_id: _Optional[str] = ..., headline: _Optional[str] = ..., body: _Optional[str] = ..., body_truncated: _Optional[bool] = ..., url: _Optional[str] = ..., language: _Optional[str] = ..., author: _Optional[str] = ..., tickers: _Optional[_Iterable[str]] = ..., symbology: _Optional[_Union[Symbology, str]] = ..., subjects: _Optional[_Iterable[str]] = ..., urgency: _Optional[int] = ..., ts_published_ns: _Optional[int] = ..., ts_available_ns: _Optional[int] = ..., ts_receive_ns: _Optional[int] = ..., revision: _Optional[int] = ..., status: _Optional[_Union[Status, str]] = ..., syndication_key: _Optional[str] = ..., content_key: _Optional[str] = ..., duplicate_of: _Optional[str] = ..., row: _Optional[int] = ...) -> None: ...
