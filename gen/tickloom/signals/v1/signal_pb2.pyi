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
ACTION_UNSPECIFIED: Action
ACTION_BUY: Action
ACTION_SELL: Action
ACTION_HOLD: Action

class Signal(_message.Message):
    __slots__ = ("signal_id", "strategy", "instrument_id", "interval_s", "bar_start_ns", "as_of_ns", "action", "confidence", "price_exponent", "size_exponent", "price", "bid_price", "bid_size", "ask_price", "ask_size", "reasons", "model_scores", "stop_loss", "take_profit", "risk_reward_ratio", "bar_revision", "degraded", "shard", "market_flags")
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
    def __init__(self, signal_id: _Optional[str] = ..., strategy: _Optional[str] = ..., instrument_id: _Optional[str] = ..., interval_s: _Optional[int] = ..., bar_start_ns: _Optional[int] = ..., as_of_ns: _Optional[int] = ..., action: _Optional[_Union[Action, str]] = ..., confidence: _Optional[float] = ..., price_exponent: _Optional[int] = ..., size_exponent: _Optional[int] = ..., price: _Optional[int] = ..., bid_price: _Optional[int] = ..., bid_size: _Optional[int] = ..., ask_price: _Optional[int] = ..., ask_size: _Optional[int] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., model_scores: _Optional[_Iterable[_Union[ModelScore, _Mapping]]] = ..., stop_loss: _Optional[int] = ..., take_profit: _Optional[int] = ..., risk_reward_ratio: _Optional[float] = ..., bar_revision: _Optional[int] = ..., degraded: _Optional[bool] = ..., shard: _Optional[str] = ..., market_flags: _Optional[int] = ...) -> None: ...

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
