from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Watched(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WATCHED_UNSPECIFIED: _ClassVar[Watched]
    WATCHED_FEATURE: _ClassVar[Watched]
    WATCHED_SCORE: _ClassVar[Watched]
    WATCHED_RESIDUAL: _ClassVar[Watched]

class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_UNSPECIFIED: _ClassVar[Direction]
    DIRECTION_UP: _ClassVar[Direction]
    DIRECTION_DOWN: _ClassVar[Direction]
WATCHED_UNSPECIFIED: Watched
WATCHED_FEATURE: Watched
WATCHED_SCORE: Watched
WATCHED_RESIDUAL: Watched
DIRECTION_UNSPECIFIED: Direction
DIRECTION_UP: Direction
DIRECTION_DOWN: Direction

class DriftDetected(_message.Message):
    __slots__ = ("shard", "watched", "name", "version", "instrument_id", "interval_s", "horizon_bars", "as_of_ns", "direction", "level", "reference_mean", "reference_deviation")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    WATCHED_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    HORIZON_BARS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_MEAN_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_DEVIATION_FIELD_NUMBER: _ClassVar[int]
    shard: str
    watched: Watched
    name: str
    version: str
    instrument_id: str
    interval_s: int
    horizon_bars: int
    as_of_ns: int
    direction: Direction
    level: float
    reference_mean: float
    reference_deviation: float
    def __init__(self, shard: _Optional[str] = ..., watched: _Optional[_Union[Watched, str]] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., instrument_id: _Optional[str] = ..., interval_s: _Optional[int] = ..., horizon_bars: _Optional[int] = ..., as_of_ns: _Optional[int] = ..., direction: _Optional[_Union[Direction, str]] = ..., level: _Optional[float] = ..., reference_mean: _Optional[float] = ..., reference_deviation: _Optional[float] = ...) -> None: ...
