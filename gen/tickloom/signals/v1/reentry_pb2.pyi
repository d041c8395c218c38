from tickloom.signals.v1 import signal_pb2 as _signal_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Ending(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENDING_UNSPECIFIED: _ClassVar[Ending]
    ENDING_WIN: _ClassVar[Ending]
    ENDING_SCRATCH: _ClassVar[Ending]
    ENDING_LOSS: _ClassVar[Ending]

class Proximity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROXIMITY_UNSPECIFIED: _ClassVar[Proximity]
    PROXIMITY_NONE: _ClassVar[Proximity]
    PROXIMITY_BEFORE: _ClassVar[Proximity]
    PROXIMITY_AFTER: _ClassVar[Proximity]

class Reaction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REACTION_UNSPECIFIED: _ClassVar[Reaction]
    REACTION_REENTER: _ClassVar[Reaction]
    REACTION_REVERSE: _ClassVar[Reaction]
    REACTION_WAIT: _ClassVar[Reaction]
    REACTION_STOP: _ClassVar[Reaction]
ENDING_UNSPECIFIED: Ending
ENDING_WIN: Ending
ENDING_SCRATCH: Ending
ENDING_LOSS: Ending
PROXIMITY_UNSPECIFIED: Proximity
PROXIMITY_NONE: Proximity
PROXIMITY_BEFORE: Proximity
PROXIMITY_AFTER: Proximity
REACTION_UNSPECIFIED: Reaction
REACTION_REENTER: Reaction
REACTION_REVERSE: Reaction
REACTION_WAIT: Reaction
REACTION_STOP: Reaction

class ReentryDecision(_message.Message):
    __slots__ = ("decision_id", "signal_id", "strategy", "instrument_id", "interval_s", "as_of_ns", "ending", "duration", "proximity", "generation", "reaction", "side", "size_factor", "generation_max", "notional_factor_max", "rule_line", "rule", "rules_digest", "event_id", "event_name", "event_currency", "event_ns", "until_ns", "shard")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    ENDING_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    PROXIMITY_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    REACTION_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FACTOR_FIELD_NUMBER: _ClassVar[int]
    GENERATION_MAX_FIELD_NUMBER: _ClassVar[int]
    NOTIONAL_FACTOR_MAX_FIELD_NUMBER: _ClassVar[int]
    RULE_LINE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    RULES_DIGEST_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_NAME_FIELD_NUMBER: _ClassVar[int]
    EVENT_CURRENCY_FIELD_NUMBER: _ClassVar[int]
    EVENT_NS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    signal_id: str
    strategy: str
    instrument_id: str
    interval_s: int
    as_of_ns: int
    ending: Ending
    duration: str
    proximity: Proximity
    generation: int
    reaction: Reaction
    side: _signal_pb2.Action
    size_factor: str
    generation_max: int
    notional_factor_max: str
    rule_line: int
    rule: str
    rules_digest: str
    event_id: str
    event_name: str
    event_currency: str
    event_ns: int
    until_ns: int
    shard: str
    def __init__(self, decision_id: _Optional[str] = ..., signal_id: _Optional[str] = ..., strategy: _Optional[str] = ..., instrument_id: _Optional[str] = ..., interval_s: _Optional[int] = ..., as_of_ns: _Optional[int] = ..., ending: _Optional[_Union[Ending, str]] = ..., duration: _Optional[str] = ..., proximity: _Optional[_Union[Proximity, str]] = ..., generation: _Optional[int] = ..., reaction: _Optional[_Union[Reaction, str]] = ..., side: _Optional[_Union[_signal_pb2.Action, str]] = ..., size_factor: _Optional[str] = ..., generation_max: _Optional[int] = ..., notional_factor_max: _Optional[str] = ..., rule_line: _Optional[int] = ..., rule: _Optional[str] = ..., rules_digest: _Optional[str] = ..., event_id: _Optional[str] = ..., event_name: _Optional[str] = ..., event_currency: _Optional[str] = ..., event_ns: _Optional[int] = ..., until_ns: _Optional[int] = ..., shard: _Optional[str] = ...) -> None: ...
