from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OrderStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_STATUS_UNSPECIFIED: _ClassVar[OrderStatus]
    ORDER_STATUS_NEW: _ClassVar[OrderStatus]
    ORDER_STATUS_PARTIALLY_FILLED: _ClassVar[OrderStatus]
    ORDER_STATUS_FILLED: _ClassVar[OrderStatus]
    ORDER_STATUS_CANCELED: _ClassVar[OrderStatus]
    ORDER_STATUS_REJECTED: _ClassVar[OrderStatus]
ORDER_STATUS_UNSPECIFIED: OrderStatus
ORDER_STATUS_NEW: OrderStatus
ORDER_STATUS_PARTIALLY_FILLED: OrderStatus
ORDER_STATUS_FILLED: OrderStatus
ORDER_STATUS_CANCELED: OrderStatus
ORDER_STATUS_REJECTED: OrderStatus

class OrderUpdate(_message.Message):
    __slots__ = ("client_order_id", "n", "account", "instrument_id", "side", "status", "quantity", "limit_price", "cumulative_quantity", "leaves_quantity", "reasons", "signal_id", "as_of_ns")
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    CUMULATIVE_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LEAVES_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    client_order_id: str
    n: int
    account: str
    instrument_id: str
    side: str
    status: OrderStatus
    quantity: str
    limit_price: str
    cumulative_quantity: str
    leaves_quantity: str
    reasons: _containers.RepeatedScalarFieldContainer[str]
    signal_id: str
    as_of_ns: int
    def __init__(self, client_order_id: _Optional[str] = ..., n: _Optional[int] = ..., account: _Optional[str] = ..., instrument_id: _Optional[str] = ..., side: _Optional[str] = ..., status: _Optional[_Union[OrderStatus, str]] = ..., quantity: _Optional[str] = ..., limit_price: _Optional[str] = ..., cumulative_quantity: _Optional[str] = ..., leaves_quantity: _Optional[str] = ..., reasons: _Optional[_Iterable[str]] = ..., signal_id: _Optional[str] = ..., as_of_ns: _Optional[int] = ...) -> None: ...

class Fill(_message.Message):
    __slots__ = ("client_order_id", "n", "account", "instrument_id", "side", "quantity", "price", "signal_id", "as_of_ns")
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    client_order_id: str
    n: int
    account: str
    instrument_id: str
    side: str
    quantity: str
    price: str
    signal_id: str
    as_of_ns: int
    def __init__(self, client_order_id: _Optional[str] = ..., n: _Optional[int] = ..., account: _Optional[str] = ..., instrument_id: _Optional[str] = ..., side: _Optional[str] = ..., quantity: _Optional[str] = ..., price: _Optional[str] = ..., signal_id: _Optional[str] = ..., as_of_ns: _Optional[int] = ...) -> None: ...
