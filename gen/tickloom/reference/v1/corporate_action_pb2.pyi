from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CorporateActionKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CORPORATE_ACTION_KIND_UNSPECIFIED: _ClassVar[CorporateActionKind]
    CORPORATE_ACTION_KIND_SPLIT: _ClassVar[CorporateActionKind]
    CORPORATE_ACTION_KIND_DIVIDEND: _ClassVar[CorporateActionKind]
    CORPORATE_ACTION_KIND_RENAME: _ClassVar[CorporateActionKind]
CORPORATE_ACTION_KIND_UNSPECIFIED: CorporateActionKind
CORPORATE_ACTION_KIND_SPLIT: CorporateActionKind
CORPORATE_ACTION_KIND_DIVIDEND: CorporateActionKind
CORPORATE_ACTION_KIND_RENAME: CorporateActionKind

class CorporateAction(_message.Message):
    __slots__ = ("kind", "ex_date", "known_ns", "ratio", "amount", "previous_close", "old_symbol", "new_symbol")
    KIND_FIELD_NUMBER: _ClassVar[int]
    EX_DATE_FIELD_NUMBER: _ClassVar[int]
    KNOWN_NS_FIELD_NUMBER: _ClassVar[int]
    RATIO_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_CLOSE_FIELD_NUMBER: _ClassVar[int]
    OLD_SYMBOL_FIELD_NUMBER: _ClassVar[int]
    NEW_SYMBOL_FIELD_NUMBER: _ClassVar[int]
    kind: CorporateActionKind
    ex_date: str
    known_ns: int
    ratio: str
    amount: str
    previous_close: str
    old_symbol: str
    new_symbol: str
    def __init__(self, kind: _Optional[_Union[CorporateActionKind, str]] = ..., ex_date: _Optional[str] = ..., known_ns: _Optional[int] = ..., ratio: _Optional[str] = ..., amount: _Optional[str] = ..., previous_close: _Optional[str] = ..., old_symbol: _Optional[str] = ..., new_symbol: _Optional[str] = ...) -> None: ...
