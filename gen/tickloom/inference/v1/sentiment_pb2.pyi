from tickloom.inference.v1 import prediction_pb2 as _prediction_pb2
from tickloom.news.v1 import news_pb2 as _news_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SentimentBatch(_message.Message):
    __slots__ = ("shard", "stream", "first_row", "row_count", "items", "outputs", "heartbeat", "end_of_tape", "ts_cut_ns")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    END_OF_TAPE_FIELD_NUMBER: _ClassVar[int]
    TS_CUT_NS_FIELD_NUMBER: _ClassVar[int]
    shard: str
    stream: str
    first_row: int
    row_count: int
    items: _containers.RepeatedCompositeFieldContainer[SentimentItem]
    outputs: _containers.RepeatedCompositeFieldContainer[_prediction_pb2.ModelOutput]
    heartbeat: bool
    end_of_tape: bool
    ts_cut_ns: int
    def __init__(self, shard: _Optional[str] = ..., stream: _Optional[str] = ..., first_row: _Optional[int] = ..., row_count: _Optional[int] = ..., items: _Optional[_Iterable[_Union[SentimentItem, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[_prediction_pb2.ModelOutput, _Mapping]]] = ..., heartbeat: _Optional[bool] = ..., end_of_tape: _Optional[bool] = ..., ts_cut_ns: _Optional[int] = ...) -> None: ...

class SentimentItem(_message.Message):
    __slots__ = ("news_id", "content_key", "syndication_key", "kind", "source", "tickers", "symbology", "status", "revision", "ts_available_ns", "ts_receive_ns", "row", "duplicate_of")
    NEWS_ID_FIELD_NUMBER: _ClassVar[int]
    CONTENT_KEY_FIELD_NUMBER: _ClassVar[int]
    SYNDICATION_KEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TICKERS_FIELD_NUMBER: _ClassVar[int]
    SYMBOLOGY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    TS_AVAILABLE_NS_FIELD_NUMBER: _ClassVar[int]
    TS_RECEIVE_NS_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_OF_FIELD_NUMBER: _ClassVar[int]
    news_id: str
    content_key: str
    syndication_key: str
    kind: _news_pb2.Kind
    source: str
    tickers: _containers.RepeatedScalarFieldContainer[str]
    symbology: _news_pb2.Symbology
    status: _news_pb2.Status
    revision: int
    ts_available_ns: int
    ts_receive_ns: int
    row: int
    duplicate_of: str
    def __init__(self, news_id: _Optional[str] = ..., content_key: _Optional[str] = ..., syndication_key: _Optional[str] = ..., kind: _Optional[_Union[_news_pb2.Kind, str]] = ..., source: _Optional[str] = ..., tickers: _Optional[_Iterable[str]] = ..., symbology: _Optional[_Union[_news_pb2.Symbology, str]] = ..., status: _Optional[_Union[_news_pb2.Status, str]] = ..., revision: _Optional[int] = ..., ts_available_ns: _Optional[int] = ..., ts_receive_ns: _Optional[int] = ..., row: _Optional[int] = ..., duplicate_of: _Optional[str] = ...) -> None: ...
