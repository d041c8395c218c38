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
    ORDER_STATUS_PENDING_NEW: _ClassVar[OrderStatus]
    ORDER_STATUS_PENDING_CANCEL: _ClassVar[OrderStatus]
    ORDER_STATUS_PENDING_REPLACE: _ClassVar[OrderStatus]
    ORDER_STATUS_EXPIRED: _ClassVar[OrderStatus]
    ORDER_STATUS_DONE_FOR_DAY: _ClassVar[OrderStatus]

class ExecType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXEC_TYPE_UNSPECIFIED: _ClassVar[ExecType]
    EXEC_TYPE_NEW: _ClassVar[ExecType]
    EXEC_TYPE_TRADE: _ClassVar[ExecType]
    EXEC_TYPE_CANCELED: _ClassVar[ExecType]
    EXEC_TYPE_REPLACED: _ClassVar[ExecType]
    EXEC_TYPE_PENDING_CANCEL: _ClassVar[ExecType]
    EXEC_TYPE_PENDING_REPLACE: _ClassVar[ExecType]
    EXEC_TYPE_PENDING_NEW: _ClassVar[ExecType]
    EXEC_TYPE_REJECTED: _ClassVar[ExecType]
    EXEC_TYPE_EXPIRED: _ClassVar[ExecType]
    EXEC_TYPE_DONE_FOR_DAY: _ClassVar[ExecType]
    EXEC_TYPE_TRADE_CORRECT: _ClassVar[ExecType]
    EXEC_TYPE_TRADE_CANCEL: _ClassVar[ExecType]
    EXEC_TYPE_ORDER_STATUS: _ClassVar[ExecType]
    EXEC_TYPE_CANCEL_REJECT: _ClassVar[ExecType]
    EXEC_TYPE_UNKNOWN: _ClassVar[ExecType]
ORDER_STATUS_UNSPECIFIED: OrderStatus
ORDER_STATUS_NEW: OrderStatus
ORDER_STATUS_PARTIALLY_FILLED: OrderStatus
ORDER_STATUS_FILLED: OrderStatus
ORDER_STATUS_CANCELED: OrderStatus
ORDER_STATUS_REJECTED: OrderStatus
ORDER_STATUS_PENDING_NEW: OrderStatus
ORDER_STATUS_PENDING_CANCEL: OrderStatus
ORDER_STATUS_PENDING_REPLACE: OrderStatus
ORDER_STATUS_EXPIRED: OrderStatus
ORDER_STATUS_DONE_FOR_DAY: OrderStatus
EXEC_TYPE_UNSPECIFIED: ExecType
EXEC_TYPE_NEW: ExecType
EXEC_TYPE_TRADE: ExecType
EXEC_TYPE_CANCELED: ExecType
EXEC_TYPE_REPLACED: ExecType
EXEC_TYPE_PENDING_CANCEL: ExecType
EXEC_TYPE_PENDING_REPLACE: ExecType
EXEC_TYPE_PENDING_NEW: ExecType
EXEC_TYPE_REJECTED: ExecType
EXEC_TYPE_EXPIRED: ExecType
EXEC_TYPE_DONE_FOR_DAY: ExecType
EXEC_TYPE_TRADE_CORRECT: ExecType
EXEC_TYPE_TRADE_CANCEL: ExecType
EXEC_TYPE_ORDER_STATUS: ExecType
EXEC_TYPE_CANCEL_REJECT: ExecType
EXEC_TYPE_UNKNOWN: ExecType

class OrderUpdate(_message.Message):
    __slots__ = ("client_order_id", "n", "account", "instrument_id", "side", "status", "quantity", "limit_price", "cumulative_quantity", "leaves_quantity", "reasons", "signal_id", "as_of_ns", "exec_type", "venue_order_id", "request_id", "average_price", "outcome_unknown", "sequence")
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
    EXEC_TYPE_FIELD_NUMBER: _ClassVar[int]
    VENUE_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_PRICE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
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
    exec_type: ExecType
    venue_order_id: str
    request_id: str
    average_price: str
    outcome_unknown: bool
    sequence: int
    def __init__(self, client_order_id: _Optional[str] = ..., n: _Optional[int] = ..., account: _Optional[str] = ..., instrument_id: _Optional[str] = ..., side: _Optional[str] = ..., status: _Optional[_Union[OrderStatus, str]] = ..., quantity: _Optional[str] = ..., limit_price: _Optional[str] = ..., cumulative_quantity: _Optional[str] = ..., leaves_quantity: _Optional[str] = ..., reasons: _Optional[_Iterable[str]] = ..., signal_id: _Optional[str] = ..., as_of_ns: _Optional[int] = ..., exec_type: _Optional[_Union[ExecType, str]] = ..., venue_order_id: _Optional[str] = ..., request_id: _Optional[str] = ..., average_price: _Optional[str] = ..., outcome_unknown: _Optional[bool] = ..., sequence: _Optional[int] = ...) -> None: ...

class Fill(_message.Message):
    __slots__ = ("client_order_id", "n", "account", "instrument_id", "side", "quantity", "price", "signal_id", "as_of_ns", "exec_id", "fee", "currency", "multiplier", "replaces_exec_id", "sequence")
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    EXEC_ID_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    REPLACES_EXEC_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    client_order_id: str
    n: int
    account: str
    instrument_id: str
    side: str
    quantity: str
    price: str
    signal_id: str
    as_of_ns: int
    exec_id: str
    fee: str
    currency: str
    multiplier: str
    replaces_exec_id: str
    sequence: int
    def __init__(self, client_order_id: _Optional[str] = ..., n: _Optional[int] = ..., account: _Optional[str] = ..., instrument_id: _Optional[str] = ..., side: _Optional[str] = ..., quantity: _Optional[str] = ..., price: _Optional[str] = ..., signal_id: _Optional[str] = ..., as_of_ns: _Optional[int] = ..., exec_id: _Optional[str] = ..., fee: _Optional[str] = ..., currency: _Optional[str] = ..., multiplier: _Optional[str] = ..., replaces_exec_id: _Optional[str] = ..., sequence: _Optional[int] = ...) -> None: ...
