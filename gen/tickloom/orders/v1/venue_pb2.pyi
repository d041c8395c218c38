from tickloom.orders.v1 import order_pb2 as _order_pb2
from tickloom.risk.v1 import service_pb2 as _service_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VenueRequestKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VENUE_REQUEST_KIND_UNSPECIFIED: _ClassVar[VenueRequestKind]
    VENUE_REQUEST_KIND_NEW: _ClassVar[VenueRequestKind]
    VENUE_REQUEST_KIND_CANCEL: _ClassVar[VenueRequestKind]
    VENUE_REQUEST_KIND_REPLACE: _ClassVar[VenueRequestKind]
    VENUE_REQUEST_KIND_STATUS: _ClassVar[VenueRequestKind]
VENUE_REQUEST_KIND_UNSPECIFIED: VenueRequestKind
VENUE_REQUEST_KIND_NEW: VenueRequestKind
VENUE_REQUEST_KIND_CANCEL: VenueRequestKind
VENUE_REQUEST_KIND_REPLACE: VenueRequestKind
VENUE_REQUEST_KIND_STATUS: VenueRequestKind

class VenueRequest(_message.Message):
    __slots__ = ("kind", "client_order_id", "request_id", "account", "number", "order", "quantity", "limit_price", "quote", "as_of_ns")
    KIND_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    QUOTE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    kind: VenueRequestKind
    client_order_id: str
    request_id: str
    account: str
    number: int
    order: _service_pb2.OrderIntent
    quantity: int
    limit_price: int
    quote: _service_pb2.Quote
    as_of_ns: int
    def __init__(self, kind: _Optional[_Union[VenueRequestKind, str]] = ..., client_order_id: _Optional[str] = ..., request_id: _Optional[str] = ..., account: _Optional[str] = ..., number: _Optional[int] = ..., order: _Optional[_Union[_service_pb2.OrderIntent, _Mapping]] = ..., quantity: _Optional[int] = ..., limit_price: _Optional[int] = ..., quote: _Optional[_Union[_service_pb2.Quote, _Mapping]] = ..., as_of_ns: _Optional[int] = ...) -> None: ...

class ExecutionReport(_message.Message):
    __slots__ = ("client_order_id", "account", "exec_type", "as_of_ns", "exec_id", "quantity", "price", "replaces_exec_id", "venue_order_id", "request_id", "text", "status", "fee", "currency", "multiplier")
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    EXEC_TYPE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    EXEC_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    REPLACES_EXEC_ID_FIELD_NUMBER: _ClassVar[int]
    VENUE_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    client_order_id: str
    account: str
    exec_type: _order_pb2.ExecType
    as_of_ns: int
    exec_id: str
    quantity: int
    price: int
    replaces_exec_id: str
    venue_order_id: str
    request_id: str
    text: str
    status: _order_pb2.OrderStatus
    fee: str
    currency: str
    multiplier: str
    def __init__(self, client_order_id: _Optional[str] = ..., account: _Optional[str] = ..., exec_type: _Optional[_Union[_order_pb2.ExecType, str]] = ..., as_of_ns: _Optional[int] = ..., exec_id: _Optional[str] = ..., quantity: _Optional[int] = ..., price: _Optional[int] = ..., replaces_exec_id: _Optional[str] = ..., venue_order_id: _Optional[str] = ..., request_id: _Optional[str] = ..., text: _Optional[str] = ..., status: _Optional[_Union[_order_pb2.OrderStatus, str]] = ..., fee: _Optional[str] = ..., currency: _Optional[str] = ..., multiplier: _Optional[str] = ...) -> None: ...
