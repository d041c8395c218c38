from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RawBatch(_message.Message):
    __slots__ = ("shard", "stream", "dialect", "first_row", "payload", "offsets", "ts_receive", "symbol", "bar_channel", "oversized", "heartbeat", "end_of_tape", "tape_offset", "ts_cut_ns", "payload_lz4", "payload_size")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    DIALECT_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_FIELD_NUMBER: _ClassVar[int]
    TS_RECEIVE_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    BAR_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    OVERSIZED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    END_OF_TAPE_FIELD_NUMBER: _ClassVar[int]
    TAPE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    TS_CUT_NS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_LZ4_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_SIZE_FIELD_NUMBER: _ClassVar[int]
    shard: str
    stream: str
    dialect: str
    first_row: int
    payload: bytes
    offsets: bytes
    ts_receive: bytes
    symbol: str
    bar_channel: str
    oversized: _containers.RepeatedCompositeFieldContainer[OversizedRow]
    heartbeat: bool
    end_of_tape: bool
    tape_offset: int
    ts_cut_ns: int
    payload_lz4: bytes
    payload_size: int
    def __init__(self, shard: _Optional[str] = ..., stream: _Optional[str] = ..., dialect: _Optional[str] = ..., first_row: _Optional[int] = ..., payload: _Optional[bytes] = ..., offsets: _Optional[bytes] = ..., ts_receive: _Optional[bytes] = ..., symbol: _Optional[str] = ..., bar_channel: _Optional[str] = ..., oversized: _Optional[_Iterable[_Union[OversizedRow, _Mapping]]] = ..., heartbeat: _Optional[bool] = ..., end_of_tape: _Optional[bool] = ..., tape_offset: _Optional[int] = ..., ts_cut_ns: _Optional[int] = ..., payload_lz4: _Optional[bytes] = ..., payload_size: _Optional[int] = ...) -> None: ...

class OversizedRow(_message.Message):
    __slots__ = ("index", "length", "sha256", "spool_ref")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    SPOOL_REF_FIELD_NUMBER: _ClassVar[int]
    index: int
    length: int
    sha256: bytes
    spool_ref: str
    def __init__(self, index: _Optional[int] = ..., length: _Optional[int] = ..., sha256: _Optional[bytes] = ..., spool_ref: _Optional[str] = ...) -> None: ...
