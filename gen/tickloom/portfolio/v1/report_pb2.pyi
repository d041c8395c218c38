from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ReportDue(_message.Message):
    __slots__ = ("account", "date")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DATE_FIELD_NUMBER: _ClassVar[int]
    account: str
    date: str
    def __init__(self, account: _Optional[str] = ..., date: _Optional[str] = ...) -> None: ...
