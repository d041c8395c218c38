from tickloom.orders.v1 import order_pb2 as _order_pb2
from tickloom.risk.v1 import service_pb2 as _service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubmitRequest(_message.Message):
    __slots__ = ("client_order_id", "order", "quote", "as_of_ns", "signal_id", "causation_id", "correlation_id")
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    QUOTE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSATION_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    client_order_id: str
    order: _service_pb2.OrderIntent
    quote: _service_pb2.Quote
    as_of_ns: int
    signal_id: str
    causation_id: str
    correlation_id: str
    def __init__(self, client_order_id: _Optional[str] = ..., order: _Optional[_Union[_service_pb2.OrderIntent, _Mapping]] = ..., quote: _Optional[_Union[_service_pb2.Quote, _Mapping]] = ..., as_of_ns: _Optional[int] = ..., signal_id: _Optional[str] = ..., causation_id: _Optional[str] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class SubmitResponse(_message.Message):
    __slots__ = ("update", "fills")
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    FILLS_FIELD_NUMBER: _ClassVar[int]
    update: _order_pb2.OrderUpdate
    fills: _containers.RepeatedCompositeFieldContainer[_order_pb2.Fill]
    def __init__(self, update: _Optional[_Union[_order_pb2.OrderUpdate, _Mapping]] = ..., fills: _Optional[_Iterable[_Union[_order_pb2.Fill, _Mapping]]] = ...) -> None: ...

class GetOrderRequest(_message.Message):
    __slots__ = ("client_order_id",)
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    client_order_id: str
    def __init__(self, client_order_id: _Optional[str] = ...) -> None: ...

class GetOrderResponse(_message.Message):
    __slots__ = ("update", "fills")
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    FILLS_FIELD_NUMBER: _ClassVar[int]
    update: _order_pb2.OrderUpdate
    fills: _containers.RepeatedCompositeFieldContainer[_order_pb2.Fill]
    def __init__(self, update: _Optional[_Union[_order_pb2.OrderUpdate, _Mapping]] = ..., fills: _Optional[_Iterable[_Union[_order_pb2.Fill, _Mapping]]] = ...) -> None: ...

class GetOutboxRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetOutboxResponse(_message.Message):
    __slots__ = ("pending",)
    PENDING_FIELD_NUMBER: _ClassVar[int]
    pending: int
    def __init__(self, pending: _Optional[int] = ...) -> None: ...
