from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class GapDetected(_message.Message):
    __slots__ = ("shard", "source", "first_missing", "last_missing")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    FIRST_MISSING_FIELD_NUMBER: _ClassVar[int]
    LAST_MISSING_FIELD_NUMBER: _ClassVar[int]
    shard: str
    source: str
    first_missing: int
    last_missing: int
    def __init__(self, shard: _Optional[str] = ..., source: _Optional[str] = ..., first_missing: _Optional[int] = ..., last_missing: _Optional[int] = ...) -> None: ...
