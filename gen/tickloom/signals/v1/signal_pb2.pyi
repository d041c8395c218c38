from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTION_UNSPECIFIED: _ClassVar[Action]
    ACTION_BUY: _ClassVar[Action]
    ACTION_SELL: _ClassVar[Action]
    ACTION_HOLD: _ClassVar[Action]

class ConfidenceKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONFIDENCE_KIND_UNSPECIFIED: _ClassVar[ConfidenceKind]
    CONFIDENCE_KIND_RULE_WEIGHT: _ClassVar[ConfidenceKind]
    CONFIDENCE_KIND_CALIBRATED: _ClassVar[ConfidenceKind]
ACTION_UNSPECIFIED: Action
ACTION_BUY: Action
ACTION_SELL: Action
ACTION_HOLD: Action
CONFIDENCE_KIND_UNSPECIFIED: ConfidenceKind
CONFIDENCE_KIND_RULE_WEIGHT: ConfidenceKind
CONFIDENCE_KIND_CALIBRATED: ConfidenceKind

class Signal(_message.Message):
    __slots__ = ("signal_id", "strategy", "instrument_id", "interval_s", "bar_start_ns", "as_of_ns", "action", "confidence", "price_exponent", "size_exponent", "price", "bid_price", "bid_size", "ask_price", "ask_size", "reasons", "model_scores", "stop_loss", "take_profit", "risk_reward_ratio", "bar_revision", "degraded", "shard", "market_flags", "evidence")
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    BAR_START_NS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    PRICE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    SIZE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    BID_PRICE_FIELD_NUMBER: _ClassVar[int]
    BID_SIZE_FIELD_NUMBER: _ClassVar[int]
    ASK_PRICE_FIELD_NUMBER: _ClassVar[int]
    ASK_SIZE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    MODEL_SCORES_FIELD_NUMBER: _ClassVar[int]
    STOP_LOSS_FIELD_NUMBER: _ClassVar[int]
    TAKE_PROFIT_FIELD_NUMBER: _ClassVar[int]
    RISK_REWARD_RATIO_FIELD_NUMBER: _ClassVar[int]
    BAR_REVISION_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    MARKET_FLAGS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    signal_id: str
    strategy: str
    instrument_id: str
    interval_s: int
    bar_start_ns: int
    as_of_ns: int
    action: Action
    confidence: float
    price_exponent: int
    size_exponent: int
    price: int
    bid_price: int
    bid_size: int
    ask_price: int
    ask_size: int
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    model_scores: _containers.RepeatedCompositeFieldContainer[ModelScore]
    stop_loss: int
    take_profit: int
    risk_reward_ratio: float
    bar_revision: int
    degraded: bool
    shard: str
    market_flags: int
    evidence: Evidence
    def __init__(self, signal_id: _Optional[str] = ..., strategy: _Optional[str] = ..., instrument_id: _Optional[str] = ..., interval_s: _Optional[int] = ..., bar_start_ns: _Optional[int] = ..., as_of_ns: _Optional[int] = ..., action: _Optional[_Union[Action, str]] = ..., confidence: _Optional[float] = ..., price_exponent: _Optional[int] = ..., size_exponent: _Optional[int] = ..., price: _Optional[int] = ..., bid_price: _Optional[int] = ..., bid_size: _Optional[int] = ..., ask_price: _Optional[int] = ..., ask_size: _Optional[int] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., model_scores: _Optional[_Iterable[_Union[ModelScore, _Mapping]]] = ..., stop_loss: _Optional[int] = ..., take_profit: _Optional[int] = ..., risk_reward_ratio: _Optional[float] = ..., bar_revision: _Optional[int] = ..., degraded: _Optional[bool] = ..., shard: _Optional[str] = ..., market_flags: _Optional[int] = ..., evidence: _Optional[_Union[Evidence, _Mapping]] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("wanted", "strength", "confidence_kind", "event", "horizon_bars", "probability", "probability_low", "expected_value", "kelly_fraction", "position_size_pct", "primary_factor", "supporting_indicators", "feature_importance", "model_predictions", "gates", "feature_schema", "causation_id")
    WANTED_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_KIND_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    HORIZON_BARS_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_LOW_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VALUE_FIELD_NUMBER: _ClassVar[int]
    KELLY_FRACTION_FIELD_NUMBER: _ClassVar[int]
    POSITION_SIZE_PCT_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_FACTOR_FIELD_NUMBER: _ClassVar[int]
    SUPPORTING_INDICATORS_FIELD_NUMBER: _ClassVar[int]
    FEATURE_IMPORTANCE_FIELD_NUMBER: _ClassVar[int]
    MODEL_PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    GATES_FIELD_NUMBER: _ClassVar[int]
    FEATURE_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    CAUSATION_ID_FIELD_NUMBER: _ClassVar[int]
    wanted: Action
    strength: float
    confidence_kind: ConfidenceKind
    event: str
    horizon_bars: int
    probability: float
    probability_low: float
    expected_value: float
    kelly_fraction: float
    position_size_pct: float
    primary_factor: str
    supporting_indicators: _containers.RepeatedScalarFieldContainer[str]
    feature_importance: _containers.RepeatedCompositeFieldContainer[Importance]
    model_predictions: ModelPredictions
    gates: _containers.RepeatedCompositeFieldContainer[Gate]
    feature_schema: str
    causation_id: str
    def __init__(self, wanted: _Optional[_Union[Action, str]] = ..., strength: _Optional[float] = ..., confidence_kind: _Optional[_Union[ConfidenceKind, str]] = ..., event: _Optional[str] = ..., horizon_bars: _Optional[int] = ..., probability: _Optional[float] = ..., probability_low: _Optional[float] = ..., expected_value: _Optional[float] = ..., kelly_fraction: _Optional[float] = ..., position_size_pct: _Optional[float] = ..., primary_factor: _Optional[str] = ..., supporting_indicators: _Optional[_Iterable[str]] = ..., feature_importance: _Optional[_Iterable[_Union[Importance, _Mapping]]] = ..., model_predictions: _Optional[_Union[ModelPredictions, _Mapping]] = ..., gates: _Optional[_Iterable[_Union[Gate, _Mapping]]] = ..., feature_schema: _Optional[str] = ..., causation_id: _Optional[str] = ...) -> None: ...

class Importance(_message.Message):
    __slots__ = ("indicator", "share")
    INDICATOR_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    indicator: str
    share: float
    def __init__(self, indicator: _Optional[str] = ..., share: _Optional[float] = ...) -> None: ...

class Gate(_message.Message):
    __slots__ = ("name", "text")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class ModelPredictions(_message.Message):
    __slots__ = ("forecasts", "anomaly_score", "is_anomaly", "sentiment", "regime", "regime_probability", "votes", "up", "horizon_bars", "abstained", "down")
    FORECASTS_FIELD_NUMBER: _ClassVar[int]
    ANOMALY_SCORE_FIELD_NUMBER: _ClassVar[int]
    IS_ANOMALY_FIELD_NUMBER: _ClassVar[int]
    SENTIMENT_FIELD_NUMBER: _ClassVar[int]
    REGIME_FIELD_NUMBER: _ClassVar[int]
    REGIME_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    UP_FIELD_NUMBER: _ClassVar[int]
    HORIZON_BARS_FIELD_NUMBER: _ClassVar[int]
    ABSTAINED_FIELD_NUMBER: _ClassVar[int]
    DOWN_FIELD_NUMBER: _ClassVar[int]
    forecasts: _containers.RepeatedCompositeFieldContainer[Forecast]
    anomaly_score: float
    is_anomaly: bool
    sentiment: float
    regime: str
    regime_probability: float
    votes: _containers.RepeatedCompositeFieldContainer[Vote]
    up: float
    horizon_bars: int
    abstained: str
    down: float
    def __init__(self, forecasts: _Optional[_Iterable[_Union[Forecast, _Mapping]]] = ..., anomaly_score: _Optional[float] = ..., is_anomaly: _Optional[bool] = ..., sentiment: _Optional[float] = ..., regime: _Optional[str] = ..., regime_probability: _Optional[float] = ..., votes: _Optional[_Iterable[_Union[Vote, _Mapping]]] = ..., up: _Optional[float] = ..., horizon_bars: _Optional[int] = ..., abstained: _Optional[str] = ..., down: _Optional[float] = ...) -> None: ...

class Forecast(_message.Message):
    __slots__ = ("model", "version", "horizon_bars", "expected_return", "up", "price", "low_80", "high_80", "low_95", "high_95")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HORIZON_BARS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_RETURN_FIELD_NUMBER: _ClassVar[int]
    UP_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    LOW_80_FIELD_NUMBER: _ClassVar[int]
    HIGH_80_FIELD_NUMBER: _ClassVar[int]
    LOW_95_FIELD_NUMBER: _ClassVar[int]
    HIGH_95_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: str
    horizon_bars: int
    expected_return: float
    up: float
    price: int
    low_80: int
    high_80: int
    low_95: int
    high_95: int
    def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., horizon_bars: _Optional[int] = ..., expected_return: _Optional[float] = ..., up: _Optional[float] = ..., price: _Optional[int] = ..., low_80: _Optional[int] = ..., high_80: _Optional[int] = ..., low_95: _Optional[int] = ..., high_95: _Optional[int] = ...) -> None: ...

class Vote(_message.Message):
    __slots__ = ("model", "weight", "up", "down", "down_weight")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    UP_FIELD_NUMBER: _ClassVar[int]
    DOWN_FIELD_NUMBER: _ClassVar[int]
    DOWN_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    model: str
    weight: float
    up: float
    down: float
    down_weight: float
    def __init__(self, model: _Optional[str] = ..., weight: _Optional[float] = ..., up: _Optional[float] = ..., down: _Optional[float] = ..., down_weight: _Optional[float] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("rule", "text", "weight")
    RULE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    rule: str
    text: str
    weight: float
    def __init__(self, rule: _Optional[str] = ..., text: _Optional[str] = ..., weight: _Optional[float] = ...) -> None: ...

class ModelScore(_message.Message):
    __slots__ = ("model", "version", "score", "threshold")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: str
    score: float
    threshold: float
    def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., score: _Optional[float] = ..., threshold: _Optional[float] = ...) -> None: ...
