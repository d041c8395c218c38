from tickloom.reference.v1 import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Side(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIDE_UNSPECIFIED: _ClassVar[Side]
    SIDE_BUY: _ClassVar[Side]
    SIDE_SELL: _ClassVar[Side]

class Decision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_UNSPECIFIED: _ClassVar[Decision]
    DECISION_ACCEPTED: _ClassVar[Decision]
    DECISION_REJECTED: _ClassVar[Decision]

class TimeInForce(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TIME_IN_FORCE_UNSPECIFIED: _ClassVar[TimeInForce]
    TIME_IN_FORCE_IMMEDIATE_OR_CANCEL: _ClassVar[TimeInForce]
    TIME_IN_FORCE_FILL_OR_KILL: _ClassVar[TimeInForce]
    TIME_IN_FORCE_DAY: _ClassVar[TimeInForce]
    TIME_IN_FORCE_GOOD_TILL_CANCEL: _ClassVar[TimeInForce]
SIDE_UNSPECIFIED: Side
SIDE_BUY: Side
SIDE_SELL: Side
DECISION_UNSPECIFIED: Decision
DECISION_ACCEPTED: Decision
DECISION_REJECTED: Decision
TIME_IN_FORCE_UNSPECIFIED: TimeInForce
TIME_IN_FORCE_IMMEDIATE_OR_CANCEL: TimeInForce
TIME_IN_FORCE_FILL_OR_KILL: TimeInForce
TIME_IN_FORCE_DAY: TimeInForce
TIME_IN_FORCE_GOOD_TILL_CANCEL: TimeInForce

class OrderIntent(_message.Message):
    __slots__ = ("account", "instrument_id", "side", "quantity", "limit_price", "price_exponent", "size_exponent", "time_in_force")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    PRICE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    SIZE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    TIME_IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    account: str
    instrument_id: str
    side: Side
    quantity: int
    limit_price: int
    price_exponent: int
    size_exponent: int
    time_in_force: TimeInForce
    def __init__(self, account: _Optional[str] = ..., instrument_id: _Optional[str] = ..., side: _Optional[_Union[Side, str]] = ..., quantity: _Optional[int] = ..., limit_price: _Optional[int] = ..., price_exponent: _Optional[int] = ..., size_exponent: _Optional[int] = ..., time_in_force: _Optional[_Union[TimeInForce, str]] = ...) -> None: ...

class Quote(_message.Message):
    __slots__ = ("bid_price", "bid_size", "ask_price", "ask_size", "ts_event")
    BID_PRICE_FIELD_NUMBER: _ClassVar[int]
    BID_SIZE_FIELD_NUMBER: _ClassVar[int]
    ASK_PRICE_FIELD_NUMBER: _ClassVar[int]
    ASK_SIZE_FIELD_NUMBER: _ClassVar[int]
    TS_EVENT_FIELD_NUMBER: _ClassVar[int]
    bid_price: int
    bid_size: int
    ask_price: int
    ask_size: int
    ts_event: int
    def __init__(self, bid_price: _Optional[int] = ..., bid_size: _Optional[int] = ..., ask_price: _Optional[int] = ..., ask_size: _Optional[int] = ..., ts_event: _Optional[int] = ...) -> None: ...

class AccountState(_message.Message):
    __slots__ = ("capital", "gross_exposure", "position", "position_price", "net_exposure_low", "net_exposure_high", "equity", "peak_equity", "working_losses", "working_buys", "working_sells", "resting_buy_price", "resting_sell_price")
    CAPITAL_FIELD_NUMBER: _ClassVar[int]
    GROSS_EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    POSITION_PRICE_FIELD_NUMBER: _ClassVar[int]
    NET_EXPOSURE_LOW_FIELD_NUMBER: _ClassVar[int]
    NET_EXPOSURE_HIGH_FIELD_NUMBER: _ClassVar[int]
    EQUITY_FIELD_NUMBER: _ClassVar[int]
    PEAK_EQUITY_FIELD_NUMBER: _ClassVar[int]
    WORKING_LOSSES_FIELD_NUMBER: _ClassVar[int]
    WORKING_BUYS_FIELD_NUMBER: _ClassVar[int]
    WORKING_SELLS_FIELD_NUMBER: _ClassVar[int]
    RESTING_BUY_PRICE_FIELD_NUMBER: _ClassVar[int]
    RESTING_SELL_PRICE_FIELD_NUMBER: _ClassVar[int]
    capital: str
    gross_exposure: str
    position: int
    position_price: int
    net_exposure_low: str
    net_exposure_high: str
    equity: str
    peak_equity: str
    working_losses: str
    working_buys: int
    working_sells: int
    resting_buy_price: int
    resting_sell_price: int
    def __init__(self, capital: _Optional[str] = ..., gross_exposure: _Optional[str] = ..., position: _Optional[int] = ..., position_price: _Optional[int] = ..., net_exposure_low: _Optional[str] = ..., net_exposure_high: _Optional[str] = ..., equity: _Optional[str] = ..., peak_equity: _Optional[str] = ..., working_losses: _Optional[str] = ..., working_buys: _Optional[int] = ..., working_sells: _Optional[int] = ..., resting_buy_price: _Optional[int] = ..., resting_sell_price: _Optional[int] = ...) -> None: ...

class CheckRequest(_message.Message):
    __slots__ = ("order", "quote", "account", "as_of_ns", "status")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    QUOTE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    order: OrderIntent
    quote: Quote
    account: AccountState
    as_of_ns: int
    status: _status_pb2.TradingStatus
    def __init__(self, order: _Optional[_Union[OrderIntent, _Mapping]] = ..., quote: _Optional[_Union[Quote, _Mapping]] = ..., account: _Optional[_Union[AccountState, _Mapping]] = ..., as_of_ns: _Optional[int] = ..., status: _Optional[_Union[_status_pb2.TradingStatus, str]] = ...) -> None: ...

class CheckResponse(_message.Message):
    __slots__ = ("decision", "violations", "limits_version")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_VERSION_FIELD_NUMBER: _ClassVar[int]
    decision: Decision
    violations: _containers.RepeatedCompositeFieldContainer[Violation]
    limits_version: str
    def __init__(self, decision: _Optional[_Union[Decision, str]] = ..., violations: _Optional[_Iterable[_Union[Violation, _Mapping]]] = ..., limits_version: _Optional[str] = ...) -> None: ...

class Violation(_message.Message):
    __slots__ = ("rule", "text")
    RULE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    rule: str
    text: str
    def __init__(self, rule: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class CheckManyRequest(_message.Message):
    __slots__ = ("checks",)
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    checks: _containers.RepeatedCompositeFieldContainer[CheckRequest]
    def __init__(self, checks: _Optional[_Iterable[_Union[CheckRequest, _Mapping]]] = ...) -> None: ...

class CheckManyResponse(_message.Message):
    __slots__ = ("checks",)
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    checks: _containers.RepeatedCompositeFieldContainer[CheckResponse]
    def __init__(self, checks: _Optional[_Iterable[_Union[CheckResponse, _Mapping]]] = ...) -> None: ...

class CheckStreamRequest(_message.Message):
    __slots__ = ("tag", "checks", "columns")
    TAG_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    tag: int
    checks: _containers.RepeatedCompositeFieldContainer[CheckRequest]
    columns: CheckColumns
    def __init__(self, tag: _Optional[int] = ..., checks: _Optional[_Iterable[_Union[CheckRequest, _Mapping]]] = ..., columns: _Optional[_Union[CheckColumns, _Mapping]] = ...) -> None: ...

class CheckColumns(_message.Message):
    __slots__ = ("accounts", "instruments", "price_exponent", "size_exponent", "account", "instrument", "side", "status", "quantity", "limit_price", "bid_price", "ask_price", "quote_ns", "as_of_ns", "position", "position_price", "working_buys", "working_sells", "resting_buy_price", "resting_sell_price")
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    PRICE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    SIZE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    BID_PRICE_FIELD_NUMBER: _ClassVar[int]
    ASK_PRICE_FIELD_NUMBER: _ClassVar[int]
    QUOTE_NS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    POSITION_PRICE_FIELD_NUMBER: _ClassVar[int]
    WORKING_BUYS_FIELD_NUMBER: _ClassVar[int]
    WORKING_SELLS_FIELD_NUMBER: _ClassVar[int]
    RESTING_BUY_PRICE_FIELD_NUMBER: _ClassVar[int]
    RESTING_SELL_PRICE_FIELD_NUMBER: _ClassVar[int]
    accounts: _containers.RepeatedCompositeFieldContainer[AccountMoney]
    instruments: _containers.RepeatedScalarFieldContainer[str]
    price_exponent: bytes
    size_exponent: bytes
    account: bytes
    instrument: bytes
    side: bytes
    status: bytes
    quantity: bytes
    limit_price: bytes
    bid_price: bytes
    ask_price: bytes
    quote_ns: bytes
    as_of_ns: bytes
    position: bytes
    position_price: bytes
    working_buys: bytes
    working_sells: bytes
    resting_buy_price: bytes
    resting_sell_price: bytes
    def __init__(self, accounts: _Optional[_Iterable[_Union[AccountMoney, _Mapping]]] = ..., instruments: _Optional[_Iterable[str]] = ..., price_exponent: _Optional[bytes] = ..., size_exponent: _Optional[bytes] = ..., account: _Optional[bytes] = ..., instrument: _Optional[bytes] = ..., side: _Optional[bytes] = ..., status: _Optional[bytes] = ..., quantity: _Optional[bytes] = ..., limit_price: _Optional[bytes] = ..., bid_price: _Optional[bytes] = ..., ask_price: _Optional[bytes] = ..., quote_ns: _Optional[bytes] = ..., as_of_ns: _Optional[bytes] = ..., position: _Optional[bytes] = ..., position_price: _Optional[bytes] = ..., working_buys: _Optional[bytes] = ..., working_sells: _Optional[bytes] = ..., resting_buy_price: _Optional[bytes] = ..., resting_sell_price: _Optional[bytes] = ...) -> None: ...

class AccountMoney(_message.Message):
    __slots__ = ("account", "capital", "gross_exposure", "net_exposure_low", "net_exposure_high", "equity", "peak_equity", "working_losses")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CAPITAL_FIELD_NUMBER: _ClassVar[int]
    GROSS_EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    NET_EXPOSURE_LOW_FIELD_NUMBER: _ClassVar[int]
    NET_EXPOSURE_HIGH_FIELD_NUMBER: _ClassVar[int]
    EQUITY_FIELD_NUMBER: _ClassVar[int]
    PEAK_EQUITY_FIELD_NUMBER: _ClassVar[int]
    WORKING_LOSSES_FIELD_NUMBER: _ClassVar[int]
    account: str
    capital: str
    gross_exposure: str
    net_exposure_low: str
    net_exposure_high: str
    equity: str
    peak_equity: str
    working_losses: str
    def __init__(self, account: _Optional[str] = ..., capital: _Optional[str] = ..., gross_exposure: _Optional[str] = ..., net_exposure_low: _Optional[str] = ..., net_exposure_high: _Optional[str] = ..., equity: _Optional[str] = ..., peak_equity: _Optional[str] = ..., working_losses: _Optional[str] = ...) -> None: ...

class CheckStreamResponse(_message.Message):
    __slots__ = ("tag", "checks", "fault", "columns")
    TAG_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    tag: int
    checks: _containers.RepeatedCompositeFieldContainer[CheckResponse]
    fault: CheckFault
    columns: DecisionColumns
    def __init__(self, tag: _Optional[int] = ..., checks: _Optional[_Iterable[_Union[CheckResponse, _Mapping]]] = ..., fault: _Optional[_Union[CheckFault, _Mapping]] = ..., columns: _Optional[_Union[DecisionColumns, _Mapping]] = ...) -> None: ...

class DecisionColumns(_message.Message):
    __slots__ = ("decision", "limits_version", "rejected")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    LIMITS_VERSION_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    decision: bytes
    limits_version: str
    rejected: _containers.RepeatedCompositeFieldContainer[Rejected]
    def __init__(self, decision: _Optional[bytes] = ..., limits_version: _Optional[str] = ..., rejected: _Optional[_Iterable[_Union[Rejected, _Mapping]]] = ...) -> None: ...

class Rejected(_message.Message):
    __slots__ = ("violations",)
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    violations: _containers.RepeatedCompositeFieldContainer[Violation]
    def __init__(self, violations: _Optional[_Iterable[_Union[Violation, _Mapping]]] = ...) -> None: ...

class CheckFault(_message.Message):
    __slots__ = ("code", "text", "retry")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    code: str
    text: str
    retry: bool
    def __init__(self, code: _Optional[str] = ..., text: _Optional[str] = ..., retry: _Optional[bool] = ...) -> None: ...

class SetKillSwitchRequest(_message.Message):
    __slots__ = ("account", "engaged", "reason", "desk")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ENGAGED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DESK_FIELD_NUMBER: _ClassVar[int]
    account: str
    engaged: bool
    reason: str
    desk: str
    def __init__(self, account: _Optional[str] = ..., engaged: _Optional[bool] = ..., reason: _Optional[str] = ..., desk: _Optional[str] = ...) -> None: ...

class SetKillSwitchResponse(_message.Message):
    __slots__ = ("engaged",)
    ENGAGED_FIELD_NUMBER: _ClassVar[int]
    engaged: bool
    def __init__(self, engaged: _Optional[bool] = ...) -> None: ...
