from tickloom.signals.v1 import signal_pb2 as _signal_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Explanation(_message.Message):
    __slots__ = ("signal", "strength", "confidence", "models", "decided", "links", "notes")
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    signal: _signal_pb2.Signal
    strength: Attribution
    confidence: Attribution
    models: _containers.RepeatedCompositeFieldContainer[ModelTold]
    decided: Decided
    links: _containers.RepeatedCompositeFieldContainer[Link]
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, signal: _Optional[_Union[_signal_pb2.Signal, _Mapping]] = ..., strength: _Optional[_Union[Attribution, _Mapping]] = ..., confidence: _Optional[_Union[Attribution, _Mapping]] = ..., models: _Optional[_Iterable[_Union[ModelTold, _Mapping]]] = ..., decided: _Optional[_Union[Decided, _Mapping]] = ..., links: _Optional[_Iterable[_Union[Link, _Mapping]]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class Attribution(_message.Message):
    __slots__ = ("base", "total", "parts", "exact")
    BASE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    base: float
    total: float
    parts: _containers.RepeatedCompositeFieldContainer[Part]
    exact: bool
    def __init__(self, base: _Optional[float] = ..., total: _Optional[float] = ..., parts: _Optional[_Iterable[_Union[Part, _Mapping]]] = ..., exact: _Optional[bool] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("name", "value", "error")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    error: float
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., error: _Optional[float] = ...) -> None: ...

class ModelTold(_message.Message):
    __slots__ = ("score", "again", "attribution", "base_set", "problem")
    SCORE_FIELD_NUMBER: _ClassVar[int]
    AGAIN_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    BASE_SET_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    score: _signal_pb2.ModelScore
    again: float
    attribution: Attribution
    base_set: str
    problem: str
    def __init__(self, score: _Optional[_Union[_signal_pb2.ModelScore, _Mapping]] = ..., again: _Optional[float] = ..., attribution: _Optional[_Union[Attribution, _Mapping]] = ..., base_set: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...

class Decided(_message.Message):
    __slots__ = ("batches", "since", "differs", "flip", "levers", "by_size", "rows", "asked_again")
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    DIFFERS_FIELD_NUMBER: _ClassVar[int]
    FLIP_FIELD_NUMBER: _ClassVar[int]
    LEVERS_FIELD_NUMBER: _ClassVar[int]
    BY_SIZE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    ASKED_AGAIN_FIELD_NUMBER: _ClassVar[int]
    batches: int
    since: int
    differs: _containers.RepeatedScalarFieldContainer[str]
    flip: Flip
    levers: _containers.RepeatedScalarFieldContainer[str]
    by_size: _containers.RepeatedScalarFieldContainer[str]
    rows: int
    asked_again: _signal_pb2.Action
    def __init__(self, batches: _Optional[int] = ..., since: _Optional[int] = ..., differs: _Optional[_Iterable[str]] = ..., flip: _Optional[_Union[Flip, _Mapping]] = ..., levers: _Optional[_Iterable[str]] = ..., by_size: _Optional[_Iterable[str]] = ..., rows: _Optional[int] = ..., asked_again: _Optional[_Union[_signal_pb2.Action, str]] = ...) -> None: ...

class Flip(_message.Message):
    __slots__ = ("action", "moves", "spreads")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    MOVES_FIELD_NUMBER: _ClassVar[int]
    SPREADS_FIELD_NUMBER: _ClassVar[int]
    action: _signal_pb2.Action
    moves: _containers.RepeatedCompositeFieldContainer[Move]
    spreads: float
    def __init__(self, action: _Optional[_Union[_signal_pb2.Action, str]] = ..., moves: _Optional[_Iterable[_Union[Move, _Mapping]]] = ..., spreads: _Optional[float] = ...) -> None: ...

class Move(_message.Message):
    __slots__ = ("name", "was", "now", "spreads")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WAS_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    SPREADS_FIELD_NUMBER: _ClassVar[int]
    name: str
    was: float
    now: float
    spreads: float
    def __init__(self, name: _Optional[str] = ..., was: _Optional[float] = ..., now: _Optional[float] = ..., spreads: _Optional[float] = ...) -> None: ...

class Link(_message.Message):
    __slots__ = ("broker", "offset", "type", "source", "sequence", "id", "partition")
    BROKER_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    broker: str
    offset: int
    type: str
    source: str
    sequence: int
    id: str
    partition: int
    def __init__(self, broker: _Optional[str] = ..., offset: _Optional[int] = ..., type: _Optional[str] = ..., source: _Optional[str] = ..., sequence: _Optional[int] = ..., id: _Optional[str] = ..., partition: _Optional[int] = ...) -> None: ...
