from tickloom.orders.v1 import order_pb2 as _order_pb2
from tickloom.orders.v1 import venue_pb2 as _venue_pb2
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

class SubmitManyRequest(_message.Message):
    __slots__ = ("orders",)
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[SubmitRequest]
    def __init__(self, orders: _Optional[_Iterable[_Union[SubmitRequest, _Mapping]]] = ...) -> None: ...

class SubmitManyResponse(_message.Message):
    __slots__ = ("orders",)
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[SubmitResponse]
    def __init__(self, orders: _Optional[_Iterable[_Union[SubmitResponse, _Mapping]]] = ...) -> None: ...

class TradeRequest(_message.Message):
    __slots__ = ("tag", "submit", "submit_many", "cancel", "replace")
    TAG_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_MANY_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    tag: int
    submit: SubmitRequest
    submit_many: SubmitManyRequest
    cancel: CancelRequest
    replace: ReplaceRequest
    def __init__(self, tag: _Optional[int] = ..., submit: _Optional[_Union[SubmitRequest, _Mapping]] = ..., submit_many: _Optional[_Union[SubmitManyRequest, _Mapping]] = ..., cancel: _Optional[_Union[CancelRequest, _Mapping]] = ..., replace: _Optional[_Union[ReplaceRequest, _Mapping]] = ...) -> None: ...

class TradeResponse(_message.Message):
    __slots__ = ("tag", "submit", "submit_many", "cancel", "replace", "fault")
    TAG_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_MANY_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    tag: int
    submit: SubmitResponse
    submit_many: SubmitManyResponse
    cancel: CancelResponse
    replace: ReplaceResponse
    fault: TradeFault
    def __init__(self, tag: _Optional[int] = ..., submit: _Optional[_Union[SubmitResponse, _Mapping]] = ..., submit_many: _Optional[_Union[SubmitManyResponse, _Mapping]] = ..., cancel: _Optional[_Union[CancelResponse, _Mapping]] = ..., replace: _Optional[_Union[ReplaceResponse, _Mapping]] = ..., fault: _Optional[_Union[TradeFault, _Mapping]] = ...) -> None: ...

class TradeFault(_message.Message):
    __slots__ = ("code", "text", "retry")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    code: str
    text: str
    retry: bool
    def __init__(self, code: _Optional[str] = ..., text: _Optional[str] = ..., retry: _Optional[bool] = ...) -> None: ...

class CancelRequest(_message.Message):
    __slots__ = ("request_id", "account", "client_order_id", "as_of_ns")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    account: str
    client_order_id: str
    as_of_ns: int
    def __init__(self, request_id: _Optional[str] = ..., account: _Optional[str] = ..., client_order_id: _Optional[str] = ..., as_of_ns: _Optional[int] = ...) -> None: ...

class CancelResponse(_message.Message):
    __slots__ = ("update",)
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    update: _order_pb2.OrderUpdate
    def __init__(self, update: _Optional[_Union[_order_pb2.OrderUpdate, _Mapping]] = ...) -> None: ...

class ReplaceRequest(_message.Message):
    __slots__ = ("request_id", "account", "client_order_id", "quantity", "limit_price", "quote", "as_of_ns")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    QUOTE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    account: str
    client_order_id: str
    quantity: int
    limit_price: int
    quote: _service_pb2.Quote
    as_of_ns: int
    def __init__(self, request_id: _Optional[str] = ..., account: _Optional[str] = ..., client_order_id: _Optional[str] = ..., quantity: _Optional[int] = ..., limit_price: _Optional[int] = ..., quote: _Optional[_Union[_service_pb2.Quote, _Mapping]] = ..., as_of_ns: _Optional[int] = ...) -> None: ...

class ReplaceResponse(_message.Message):
    __slots__ = ("update",)
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    update: _order_pb2.OrderUpdate
    def __init__(self, update: _Optional[_Union[_order_pb2.OrderUpdate, _Mapping]] = ...) -> None: ...

class MassCancelRequest(_message.Message):
    __slots__ = ("request_id", "account", "instrument_id", "as_of_ns")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    account: str
    instrument_id: str
    as_of_ns: int
    def __init__(self, request_id: _Optional[str] = ..., account: _Optional[str] = ..., instrument_id: _Optional[str] = ..., as_of_ns: _Optional[int] = ...) -> None: ...

class MassCancelResponse(_message.Message):
    __slots__ = ("updates",)
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    updates: _containers.RepeatedCompositeFieldContainer[_order_pb2.OrderUpdate]
    def __init__(self, updates: _Optional[_Iterable[_Union[_order_pb2.OrderUpdate, _Mapping]]] = ...) -> None: ...

class SetKillSwitchRequest(_message.Message):
    __slots__ = ("account", "desk", "engaged", "reason")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DESK_FIELD_NUMBER: _ClassVar[int]
    ENGAGED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    account: str
    desk: str
    engaged: bool
    reason: str
    def __init__(self, account: _Optional[str] = ..., desk: _Optional[str] = ..., engaged: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class SetKillSwitchResponse(_message.Message):
    __slots__ = ("engaged", "updates")
    ENGAGED_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    engaged: bool
    updates: _containers.RepeatedCompositeFieldContainer[_order_pb2.OrderUpdate]
    def __init__(self, engaged: _Optional[bool] = ..., updates: _Optional[_Iterable[_Union[_order_pb2.OrderUpdate, _Mapping]]] = ...) -> None: ...

class ListOrdersRequest(_message.Message):
    __slots__ = ("account", "working", "instrument_id", "page_size", "page_token")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    WORKING_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    account: str
    working: bool
    instrument_id: str
    page_size: int
    page_token: str
    def __init__(self, account: _Optional[str] = ..., working: _Optional[bool] = ..., instrument_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListOrdersResponse(_message.Message):
    __slots__ = ("updates", "next_page_token")
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    updates: _containers.RepeatedCompositeFieldContainer[_order_pb2.OrderUpdate]
    next_page_token: str
    def __init__(self, updates: _Optional[_Iterable[_Union[_order_pb2.OrderUpdate, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchOrdersRequest(_message.Message):
    __slots__ = ("account", "from_sequence")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    FROM_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    account: str
    from_sequence: int
    def __init__(self, account: _Optional[str] = ..., from_sequence: _Optional[int] = ...) -> None: ...

class WatchOrdersResponse(_message.Message):
    __slots__ = ("sequence", "update", "fill")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    FILL_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    update: _order_pb2.OrderUpdate
    fill: _order_pb2.Fill
    def __init__(self, sequence: _Optional[int] = ..., update: _Optional[_Union[_order_pb2.OrderUpdate, _Mapping]] = ..., fill: _Optional[_Union[_order_pb2.Fill, _Mapping]] = ...) -> None: ...

class ReportRequest(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: _venue_pb2.ExecutionReport
    def __init__(self, report: _Optional[_Union[_venue_pb2.ExecutionReport, _Mapping]] = ...) -> None: ...

class ReportResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
