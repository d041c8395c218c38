from tickloom.features.v1 import feature_pb2 as _feature_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PredictionBatch(_message.Message):
    __slots__ = ("shard", "columns", "outputs", "end_of_tape")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    END_OF_TAPE_FIELD_NUMBER: _ClassVar[int]
    shard: str
    columns: _feature_pb2.FeatureColumns
    outputs: _containers.RepeatedCompositeFieldContainer[ModelOutput]
    end_of_tape: bool
    def __init__(self, shard: _Optional[str] = ..., columns: _Optional[_Union[_feature_pb2.FeatureColumns, _Mapping]] = ..., outputs: _Optional[_Iterable[_Union[ModelOutput, _Mapping]]] = ..., end_of_tape: _Optional[bool] = ...) -> None: ...

class ModelOutput(_message.Message):
    __slots__ = ("model", "version", "scores", "states", "threshold", "degraded", "degraded_reason", "names", "values", "shadow")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_REASON_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: str
    scores: bytes
    states: bytes
    threshold: float
    degraded: bool
    degraded_reason: str
    names: _containers.RepeatedScalarFieldContainer[str]
    values: bytes
    shadow: bool
    def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., scores: _Optional[bytes] = ..., states: _Optional[bytes] = ..., threshold: _Optional[float] = ..., degraded: _Optional[bool] = ..., degraded_reason: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., values: _Optional[bytes] = ..., shadow: _Optional[bool] = ...) -> None: ...
