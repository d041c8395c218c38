from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelPerformance(_message.Message):
    __slots__ = ("shard", "as_of_ns", "entries")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    shard: str
    as_of_ns: int
    entries: _containers.RepeatedCompositeFieldContainer[Performance]
    def __init__(self, shard: _Optional[str] = ..., as_of_ns: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Performance, _Mapping]]] = ...) -> None: ...

class Performance(_message.Message):
    __slots__ = ("name", "version", "shadow", "interval_s", "horizon_bars", "predictions_count", "flagged_count", "outcomes_count", "missing_count", "effective_count", "accuracy", "precision", "recall", "f1_score", "false_positive_rate", "hit_rate", "mae", "mae_naive", "rmse", "brier", "coverage_80", "coverage_95", "reliability", "resolution", "uncertainty", "curve", "skill", "broken", "last_updated_ns")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    HORIZON_BARS_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS_COUNT_FIELD_NUMBER: _ClassVar[int]
    FLAGGED_COUNT_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_COUNT_FIELD_NUMBER: _ClassVar[int]
    MISSING_COUNT_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_COUNT_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    F1_SCORE_FIELD_NUMBER: _ClassVar[int]
    FALSE_POSITIVE_RATE_FIELD_NUMBER: _ClassVar[int]
    HIT_RATE_FIELD_NUMBER: _ClassVar[int]
    MAE_FIELD_NUMBER: _ClassVar[int]
    MAE_NAIVE_FIELD_NUMBER: _ClassVar[int]
    RMSE_FIELD_NUMBER: _ClassVar[int]
    BRIER_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_80_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_95_FIELD_NUMBER: _ClassVar[int]
    RELIABILITY_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    UNCERTAINTY_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    SKILL_FIELD_NUMBER: _ClassVar[int]
    BROKEN_FIELD_NUMBER: _ClassVar[int]
    LAST_UPDATED_NS_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    shadow: bool
    interval_s: int
    horizon_bars: int
    predictions_count: int
    flagged_count: int
    outcomes_count: int
    missing_count: int
    effective_count: float
    accuracy: float
    precision: float
    recall: float
    f1_score: float
    false_positive_rate: float
    hit_rate: float
    mae: float
    mae_naive: float
    rmse: float
    brier: float
    coverage_80: float
    coverage_95: float
    reliability: float
    resolution: float
    uncertainty: float
    curve: _containers.RepeatedCompositeFieldContainer[ReliabilityBin]
    skill: float
    broken: str
    last_updated_ns: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., shadow: _Optional[bool] = ..., interval_s: _Optional[int] = ..., horizon_bars: _Optional[int] = ..., predictions_count: _Optional[int] = ..., flagged_count: _Optional[int] = ..., outcomes_count: _Optional[int] = ..., missing_count: _Optional[int] = ..., effective_count: _Optional[float] = ..., accuracy: _Optional[float] = ..., precision: _Optional[float] = ..., recall: _Optional[float] = ..., f1_score: _Optional[float] = ..., false_positive_rate: _Optional[float] = ..., hit_rate: _Optional[float] = ..., mae: _Optional[float] = ..., mae_naive: _Optional[float] = ..., rmse: _Optional[float] = ..., brier: _Optional[float] = ..., coverage_80: _Optional[float] = ..., coverage_95: _Optional[float] = ..., reliability: _Optional[float] = ..., resolution: _Optional[float] = ..., uncertainty: _Optional[float] = ..., curve: _Optional[_Iterable[_Union[ReliabilityBin, _Mapping]]] = ..., skill: _Optional[float] = ..., broken: _Optional[str] = ..., last_updated_ns: _Optional[int] = ...) -> None: ...

class ReliabilityBin(_message.Message):
    __slots__ = ("forecast", "observed", "count")
    FORECAST_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    forecast: float
    observed: float
    count: float
    def __init__(self, forecast: _Optional[float] = ..., observed: _Optional[float] = ..., count: _Optional[float] = ...) -> None: ...
