from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ActionKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTION_KIND_UNSPECIFIED: _ClassVar[ActionKind]
    ACTION_KIND_SIGN_IN: _ClassVar[ActionKind]
    ACTION_KIND_SIGN_OUT: _ClassVar[ActionKind]
    ACTION_KIND_READ: _ClassVar[ActionKind]
    ACTION_KIND_EXPORT: _ClassVar[ActionKind]
    ACTION_KIND_ENTER_ORDER: _ClassVar[ActionKind]
    ACTION_KIND_CANCEL_ORDER: _ClassVar[ActionKind]
    ACTION_KIND_STOP_TRADING: _ClassVar[ActionKind]
    ACTION_KIND_RESUME_TRADING: _ClassVar[ActionKind]
    ACTION_KIND_CHANGE_SETTING: _ClassVar[ActionKind]
    ACTION_KIND_ACKNOWLEDGE: _ClassVar[ActionKind]
    ACTION_KIND_REDRIVE: _ClassVar[ActionKind]

class ActionOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTION_OUTCOME_UNSPECIFIED: _ClassVar[ActionOutcome]
    ACTION_OUTCOME_ACCEPTED: _ClassVar[ActionOutcome]
    ACTION_OUTCOME_REFUSED: _ClassVar[ActionOutcome]
    ACTION_OUTCOME_FAILED: _ClassVar[ActionOutcome]
ACTION_KIND_UNSPECIFIED: ActionKind
ACTION_KIND_SIGN_IN: ActionKind
ACTION_KIND_SIGN_OUT: ActionKind
ACTION_KIND_READ: ActionKind
ACTION_KIND_EXPORT: ActionKind
ACTION_KIND_ENTER_ORDER: ActionKind
ACTION_KIND_CANCEL_ORDER: ActionKind
ACTION_KIND_STOP_TRADING: ActionKind
ACTION_KIND_RESUME_TRADING: ActionKind
ACTION_KIND_CHANGE_SETTING: ActionKind
ACTION_KIND_ACKNOWLEDGE: ActionKind
ACTION_KIND_REDRIVE: ActionKind
ACTION_OUTCOME_UNSPECIFIED: ActionOutcome
ACTION_OUTCOME_ACCEPTED: ActionOutcome
ACTION_OUTCOME_REFUSED: ActionOutcome
ACTION_OUTCOME_FAILED: ActionOutcome

class UserAction(_message.Message):
    __slots__ = ("action_id", "origin", "request_id", "actor", "session", "kind", "object", "parameters", "outcome", "reason", "ts_receive_ns", "account")
    ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TS_RECEIVE_NS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    action_id: str
    origin: str
    request_id: str
    actor: str
    session: str
    kind: ActionKind
    object: str
    parameters: _containers.RepeatedCompositeFieldContainer[Parameter]
    outcome: ActionOutcome
    reason: str
    ts_receive_ns: int
    account: str
    def __init__(self, action_id: _Optional[str] = ..., origin: _Optional[str] = ..., request_id: _Optional[str] = ..., actor: _Optional[str] = ..., session: _Optional[str] = ..., kind: _Optional[_Union[ActionKind, str]] = ..., object: _Optional[str] = ..., parameters: _Optional[_Iterable[_Union[Parameter, _Mapping]]] = ..., outcome: _Optional[_Union[ActionOutcome, str]] = ..., reason: _Optional[str] = ..., ts_receive_ns: _Optional[int] = ..., account: _Optional[str] = ...) -> None: ...

class Parameter(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
