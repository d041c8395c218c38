from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FeedbackOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEEDBACK_OUTCOME_UNSPECIFIED: _ClassVar[FeedbackOutcome]
    FEEDBACK_OUTCOME_WIN: _ClassVar[FeedbackOutcome]
    FEEDBACK_OUTCOME_LOSS: _ClassVar[FeedbackOutcome]
    FEEDBACK_OUTCOME_SCRATCH: _ClassVar[FeedbackOutcome]
    FEEDBACK_OUTCOME_DISMISSED: _ClassVar[FeedbackOutcome]
FEEDBACK_OUTCOME_UNSPECIFIED: FeedbackOutcome
FEEDBACK_OUTCOME_WIN: FeedbackOutcome
FEEDBACK_OUTCOME_LOSS: FeedbackOutcome
FEEDBACK_OUTCOME_SCRATCH: FeedbackOutcome
FEEDBACK_OUTCOME_DISMISSED: FeedbackOutcome

class Feedback(_message.Message):
    __slots__ = ("signal_id", "who", "outcome", "actual_entry_price", "actual_exit_price", "profit_loss_pct", "notes", "as_of_ns")
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_ENTRY_PRICE_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_EXIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    PROFIT_LOSS_PCT_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    signal_id: str
    who: str
    outcome: FeedbackOutcome
    actual_entry_price: str
    actual_exit_price: str
    profit_loss_pct: str
    notes: str
    as_of_ns: int
    def __init__(self, signal_id: _Optional[str] = ..., who: _Optional[str] = ..., outcome: _Optional[_Union[FeedbackOutcome, str]] = ..., actual_entry_price: _Optional[str] = ..., actual_exit_price: _Optional[str] = ..., profit_loss_pct: _Optional[str] = ..., notes: _Optional[str] = ..., as_of_ns: _Optional[int] = ...) -> None: ...
