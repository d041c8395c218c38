from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OrderFlowKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_FLOW_KIND_UNSPECIFIED: _ClassVar[OrderFlowKind]
    ORDER_FLOW_KIND_NEW_ORDER_SINGLE: _ClassVar[OrderFlowKind]
    ORDER_FLOW_KIND_CANCEL: _ClassVar[OrderFlowKind]
    ORDER_FLOW_KIND_REPLACE: _ClassVar[OrderFlowKind]
    ORDER_FLOW_KIND_EXECUTION_REPORT: _ClassVar[OrderFlowKind]
    ORDER_FLOW_KIND_CANCEL_REJECT: _ClassVar[OrderFlowKind]
    ORDER_FLOW_KIND_REJECT: _ClassVar[OrderFlowKind]
    ORDER_FLOW_KIND_BUSINESS_REJECT: _ClassVar[OrderFlowKind]
ORDER_FLOW_KIND_UNSPECIFIED: OrderFlowKind
ORDER_FLOW_KIND_NEW_ORDER_SINGLE: OrderFlowKind
ORDER_FLOW_KIND_CANCEL: OrderFlowKind
ORDER_FLOW_KIND_REPLACE: OrderFlowKind
ORDER_FLOW_KIND_EXECUTION_REPORT: OrderFlowKind
ORDER_FLOW_KIND_CANCEL_REJECT: OrderFlowKind
ORDER_FLOW_KIND_REJECT: OrderFlowKind
ORDER_FLOW_KIND_BUSINESS_REJECT: OrderFlowKind

class OrderFlow(_message.Message):
    __slots__ = ("shard", "stream", "entries")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    shard: str
    stream: str
    entries: _containers.RepeatedCompositeFieldContainer[OrderFlowEntry]
    def __init__(self, shard: _Optional[str] = ..., stream: _Optional[str] = ..., entries: _Optional[_Iterable[_Union[OrderFlowEntry, _Mapping]]] = ...) -> None: ...

class OrderFlowEntry(_message.Message):
    __slots__ = ("row", "kind", "sender", "target", "sequence_number", "cl_ord_id", "orig_cl_ord_id", "order_id", "exec_id", "exec_type", "ord_status", "symbol", "side", "quantity", "price", "last_quantity", "last_price", "leaves_quantity", "cumulative_quantity", "average_price", "text", "poss_resend", "ts_event", "ts_sent", "ts_receive", "reason", "flaw")
    ROW_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CL_ORD_ID_FIELD_NUMBER: _ClassVar[int]
    ORIG_CL_ORD_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    EXEC_ID_FIELD_NUMBER: _ClassVar[int]
    EXEC_TYPE_FIELD_NUMBER: _ClassVar[int]
    ORD_STATUS_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    LAST_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LAST_PRICE_FIELD_NUMBER: _ClassVar[int]
    LEAVES_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CUMULATIVE_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_PRICE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    POSS_RESEND_FIELD_NUMBER: _ClassVar[int]
    TS_EVENT_FIELD_NUMBER: _ClassVar[int]
    TS_SENT_FIELD_NUMBER: _ClassVar[int]
    TS_RECEIVE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FLAW_FIELD_NUMBER: _ClassVar[int]
    row: int
    kind: OrderFlowKind
    sender: str
    target: str
    sequence_number: int
    cl_ord_id: str
    orig_cl_ord_id: str
    order_id: str
    exec_id: str
    exec_type: str
    ord_status: str
    symbol: str
    side: str
    quantity: str
    price: str
    last_quantity: str
    last_price: str
    leaves_quantity: str
    cumulative_quantity: str
    average_price: str
    text: str
    poss_resend: bool
    ts_event: int
    ts_sent: int
    ts_receive: int
    reason: str
    flaw: str
    def __init__(self, row: _Optional[int] = ..., kind: _Optional[_Union[OrderFlowKind, str]] = ..., sender: _Optional[str] = ..., target: _Optional[str] = ..., sequence_number: _Optional[int] = ..., cl_ord_id: _Optional[str] = ..., orig_cl_ord_id: _Optional[str] = ..., order_id: _Optional[str] = ..., exec_id: _Optional[str] = ..., exec_type: _Optional[str] = ..., ord_status: _Optional[str] = ..., symbol: _Optional[str] = ..., side: _Optional[str] = ..., quantity: _Optional[str] = ..., price: _Optional[str] = ..., last_quantity: _Optional[str] = ..., last_price: _Optional[str] = ..., leaves_quantity: _Optional[str] = ..., cumulative_quantity: _Optional[str] = ..., average_price: _Optional[str] = ..., text: _Optional[str] = ..., poss_resend: _Optional[bool] = ..., ts_event: _Optional[int] = ..., ts_sent: _Optional[int] = ..., ts_receive: _Optional[int] = ..., reason: _Optional[str] = ..., flaw: _Optional[str] = ...) -> None: ...
