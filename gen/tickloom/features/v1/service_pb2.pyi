from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Presence(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRESENCE_UNSPECIFIED: _ClassVar[Presence]
    PRESENCE_FOUND: _ClassVar[Presence]
    PRESENCE_MISSING: _ClassVar[Presence]
    PRESENCE_EXPIRED: _ClassVar[Presence]

class FeatureState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEATURE_STATE_UNSPECIFIED: _ClassVar[FeatureState]
    FEATURE_STATE_COLD: _ClassVar[FeatureState]
    FEATURE_STATE_VALID: _ClassVar[FeatureState]
    FEATURE_STATE_DEGENERATE: _ClassVar[FeatureState]
    FEATURE_STATE_ABSENT: _ClassVar[FeatureState]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_NEUTRAL: _ClassVar[Verdict]
    VERDICT_OVERBOUGHT: _ClassVar[Verdict]
    VERDICT_OVERSOLD: _ClassVar[Verdict]
    VERDICT_BULLISH: _ClassVar[Verdict]
    VERDICT_BEARISH: _ClassVar[Verdict]
    VERDICT_ABOVE_BANDS: _ClassVar[Verdict]
    VERDICT_BELOW_BANDS: _ClassVar[Verdict]
PRESENCE_UNSPECIFIED: Presence
PRESENCE_FOUND: Presence
PRESENCE_MISSING: Presence
PRESENCE_EXPIRED: Presence
FEATURE_STATE_UNSPECIFIED: FeatureState
FEATURE_STATE_COLD: FeatureState
FEATURE_STATE_VALID: FeatureState
FEATURE_STATE_DEGENERATE: FeatureState
FEATURE_STATE_ABSENT: FeatureState
VERDICT_UNSPECIFIED: Verdict
VERDICT_NEUTRAL: Verdict
VERDICT_OVERBOUGHT: Verdict
VERDICT_OVERSOLD: Verdict
VERDICT_BULLISH: Verdict
VERDICT_BEARISH: Verdict
VERDICT_ABOVE_BANDS: Verdict
VERDICT_BELOW_BANDS: Verdict

class FeatureVector(_message.Message):
    __slots__ = ("instrument_id", "interval_s", "presence", "start_ns", "end_ns", "revision", "available_ns", "age_ns", "close", "values", "states", "offline")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    PRESENCE_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    END_NS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_NS_FIELD_NUMBER: _ClassVar[int]
    AGE_NS_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FIELD_NUMBER: _ClassVar[int]
    instrument_id: str
    interval_s: int
    presence: Presence
    start_ns: int
    end_ns: int
    revision: int
    available_ns: int
    age_ns: int
    close: str
    values: bytes
    states: bytes
    offline: bool
    def __init__(self, instrument_id: _Optional[str] = ..., interval_s: _Optional[int] = ..., presence: _Optional[_Union[Presence, str]] = ..., start_ns: _Optional[int] = ..., end_ns: _Optional[int] = ..., revision: _Optional[int] = ..., available_ns: _Optional[int] = ..., age_ns: _Optional[int] = ..., close: _Optional[str] = ..., values: _Optional[bytes] = ..., states: _Optional[bytes] = ..., offline: _Optional[bool] = ...) -> None: ...

class GetFeaturesRequest(_message.Message):
    __slots__ = ("instrument_ids", "intervals_s", "names", "as_of_ns", "offline_fallback")
    INSTRUMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_S_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FALLBACK_FIELD_NUMBER: _ClassVar[int]
    instrument_ids: _containers.RepeatedScalarFieldContainer[str]
    intervals_s: _containers.RepeatedScalarFieldContainer[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    as_of_ns: int
    offline_fallback: bool
    def __init__(self, instrument_ids: _Optional[_Iterable[str]] = ..., intervals_s: _Optional[_Iterable[int]] = ..., names: _Optional[_Iterable[str]] = ..., as_of_ns: _Optional[int] = ..., offline_fallback: _Optional[bool] = ...) -> None: ...

class GetFeaturesResponse(_message.Message):
    __slots__ = ("names", "vectors", "as_of_ns")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    vectors: _containers.RepeatedCompositeFieldContainer[FeatureVector]
    as_of_ns: int
    def __init__(self, names: _Optional[_Iterable[str]] = ..., vectors: _Optional[_Iterable[_Union[FeatureVector, _Mapping]]] = ..., as_of_ns: _Optional[int] = ...) -> None: ...

class GetFeaturesAsOfRequest(_message.Message):
    __slots__ = ("instrument_ids", "intervals_s", "names", "as_of_ns")
    INSTRUMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_S_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    instrument_ids: _containers.RepeatedScalarFieldContainer[str]
    intervals_s: _containers.RepeatedScalarFieldContainer[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    as_of_ns: int
    def __init__(self, instrument_ids: _Optional[_Iterable[str]] = ..., intervals_s: _Optional[_Iterable[int]] = ..., names: _Optional[_Iterable[str]] = ..., as_of_ns: _Optional[int] = ...) -> None: ...

class GetFeaturesAsOfResponse(_message.Message):
    __slots__ = ("names", "vectors")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    vectors: _containers.RepeatedCompositeFieldContainer[FeatureVector]
    def __init__(self, names: _Optional[_Iterable[str]] = ..., vectors: _Optional[_Iterable[_Union[FeatureVector, _Mapping]]] = ...) -> None: ...

class GetTrainingSetRequest(_message.Message):
    __slots__ = ("instrument_ids", "instrument", "interval_s", "as_of_ns", "names")
    INSTRUMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    instrument_ids: _containers.RepeatedScalarFieldContainer[str]
    instrument: bytes
    interval_s: bytes
    as_of_ns: bytes
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, instrument_ids: _Optional[_Iterable[str]] = ..., instrument: _Optional[bytes] = ..., interval_s: _Optional[bytes] = ..., as_of_ns: _Optional[bytes] = ..., names: _Optional[_Iterable[str]] = ...) -> None: ...

class GetTrainingSetResponse(_message.Message):
    __slots__ = ("names", "found", "start_ns", "revision", "available_ns", "values", "states")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_NS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    found: bytes
    start_ns: bytes
    revision: bytes
    available_ns: bytes
    values: bytes
    states: bytes
    def __init__(self, names: _Optional[_Iterable[str]] = ..., found: _Optional[bytes] = ..., start_ns: _Optional[bytes] = ..., revision: _Optional[bytes] = ..., available_ns: _Optional[bytes] = ..., values: _Optional[bytes] = ..., states: _Optional[bytes] = ...) -> None: ...

class StreamFeaturesRequest(_message.Message):
    __slots__ = ("instrument_ids", "intervals_s", "names", "cursor")
    INSTRUMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_S_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    instrument_ids: _containers.RepeatedScalarFieldContainer[str]
    intervals_s: _containers.RepeatedScalarFieldContainer[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    cursor: str
    def __init__(self, instrument_ids: _Optional[_Iterable[str]] = ..., intervals_s: _Optional[_Iterable[int]] = ..., names: _Optional[_Iterable[str]] = ..., cursor: _Optional[str] = ...) -> None: ...

class StreamFeaturesResponse(_message.Message):
    __slots__ = ("names", "vectors", "conflated", "cursor", "snapshot")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    CONFLATED_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    vectors: _containers.RepeatedCompositeFieldContainer[FeatureVector]
    conflated: bytes
    cursor: str
    snapshot: bool
    def __init__(self, names: _Optional[_Iterable[str]] = ..., vectors: _Optional[_Iterable[_Union[FeatureVector, _Mapping]]] = ..., conflated: _Optional[bytes] = ..., cursor: _Optional[str] = ..., snapshot: _Optional[bool] = ...) -> None: ...

class ListFeaturesRequest(_message.Message):
    __slots__ = ("family",)
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    family: str
    def __init__(self, family: _Optional[str] = ...) -> None: ...

class ListFeaturesResponse(_message.Message):
    __slots__ = ("features",)
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    features: _containers.RepeatedCompositeFieldContainer[FeatureInfo]
    def __init__(self, features: _Optional[_Iterable[_Union[FeatureInfo, _Mapping]]] = ...) -> None: ...

class FeatureInfo(_message.Message):
    __slots__ = ("name", "family", "warm_up_bars", "formula", "unit", "source", "parameters")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    WARM_UP_BARS_FIELD_NUMBER: _ClassVar[int]
    FORMULA_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    name: str
    family: str
    warm_up_bars: int
    formula: str
    unit: str
    source: str
    parameters: _containers.RepeatedCompositeFieldContainer[FeatureParameter]
    def __init__(self, name: _Optional[str] = ..., family: _Optional[str] = ..., warm_up_bars: _Optional[int] = ..., formula: _Optional[str] = ..., unit: _Optional[str] = ..., source: _Optional[str] = ..., parameters: _Optional[_Iterable[_Union[FeatureParameter, _Mapping]]] = ...) -> None: ...

class FeatureParameter(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...

class GetIndicatorsRequest(_message.Message):
    __slots__ = ("instrument_id", "interval_s", "indicators", "as_of_ns")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    INDICATORS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    instrument_id: str
    interval_s: int
    indicators: _containers.RepeatedScalarFieldContainer[str]
    as_of_ns: int
    def __init__(self, instrument_id: _Optional[str] = ..., interval_s: _Optional[int] = ..., indicators: _Optional[_Iterable[str]] = ..., as_of_ns: _Optional[int] = ...) -> None: ...

class GetIndicatorsResponse(_message.Message):
    __slots__ = ("instrument_id", "interval_s", "presence", "start_ns", "available_ns", "age_ns", "close", "rsi", "macd", "bb", "sma", "ema")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    PRESENCE_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_NS_FIELD_NUMBER: _ClassVar[int]
    AGE_NS_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    RSI_FIELD_NUMBER: _ClassVar[int]
    MACD_FIELD_NUMBER: _ClassVar[int]
    BB_FIELD_NUMBER: _ClassVar[int]
    SMA_FIELD_NUMBER: _ClassVar[int]
    EMA_FIELD_NUMBER: _ClassVar[int]
    instrument_id: str
    interval_s: int
    presence: Presence
    start_ns: int
    available_ns: int
    age_ns: int
    close: str
    rsi: RsiIndicator
    macd: MacdIndicator
    bb: BollingerIndicator
    sma: AverageIndicator
    ema: AverageIndicator
    def __init__(self, instrument_id: _Optional[str] = ..., interval_s: _Optional[int] = ..., presence: _Optional[_Union[Presence, str]] = ..., start_ns: _Optional[int] = ..., available_ns: _Optional[int] = ..., age_ns: _Optional[int] = ..., close: _Optional[str] = ..., rsi: _Optional[_Union[RsiIndicator, _Mapping]] = ..., macd: _Optional[_Union[MacdIndicator, _Mapping]] = ..., bb: _Optional[_Union[BollingerIndicator, _Mapping]] = ..., sma: _Optional[_Union[AverageIndicator, _Mapping]] = ..., ema: _Optional[_Union[AverageIndicator, _Mapping]] = ...) -> None: ...

class RsiIndicator(_message.Message):
    __slots__ = ("state", "period", "value", "verdict")
    STATE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    state: FeatureState
    period: int
    value: float
    verdict: Verdict
    def __init__(self, state: _Optional[_Union[FeatureState, str]] = ..., period: _Optional[int] = ..., value: _Optional[float] = ..., verdict: _Optional[_Union[Verdict, str]] = ...) -> None: ...

class MacdIndicator(_message.Message):
    __slots__ = ("state", "macd", "signal", "histogram", "bias")
    STATE_FIELD_NUMBER: _ClassVar[int]
    MACD_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAM_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    state: FeatureState
    macd: float
    signal: float
    histogram: float
    bias: Verdict
    def __init__(self, state: _Optional[_Union[FeatureState, str]] = ..., macd: _Optional[float] = ..., signal: _Optional[float] = ..., histogram: _Optional[float] = ..., bias: _Optional[_Union[Verdict, str]] = ...) -> None: ...

class BollingerIndicator(_message.Message):
    __slots__ = ("state", "period", "upper", "middle", "lower", "verdict")
    STATE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    MIDDLE_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    state: FeatureState
    period: int
    upper: float
    middle: float
    lower: float
    verdict: Verdict
    def __init__(self, state: _Optional[_Union[FeatureState, str]] = ..., period: _Optional[int] = ..., upper: _Optional[float] = ..., middle: _Optional[float] = ..., lower: _Optional[float] = ..., verdict: _Optional[_Union[Verdict, str]] = ...) -> None: ...

class AverageIndicator(_message.Message):
    __slots__ = ("state", "period", "value", "bias")
    STATE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    state: FeatureState
    period: int
    value: float
    bias: Verdict
    def __init__(self, state: _Optional[_Union[FeatureState, str]] = ..., period: _Optional[int] = ..., value: _Optional[float] = ..., bias: _Optional[_Union[Verdict, str]] = ...) -> None: ...
