from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RiskMetrics(_message.Message):
    __slots__ = ("account", "start_ns", "end_ns", "part", "revision", "fills_count", "currency", "capital", "balances", "positions", "totals", "peak_equity", "drawdown", "exposure_ratio", "value_at_risk", "flags", "broken_limits")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    END_NS_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    FILLS_COUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    CAPITAL_FIELD_NUMBER: _ClassVar[int]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    PEAK_EQUITY_FIELD_NUMBER: _ClassVar[int]
    DRAWDOWN_FIELD_NUMBER: _ClassVar[int]
    EXPOSURE_RATIO_FIELD_NUMBER: _ClassVar[int]
    VALUE_AT_RISK_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    BROKEN_LIMITS_FIELD_NUMBER: _ClassVar[int]
    account: str
    start_ns: int
    end_ns: int
    part: int
    revision: int
    fills_count: int
    currency: str
    capital: str
    balances: _containers.RepeatedCompositeFieldContainer[Balance]
    positions: _containers.RepeatedCompositeFieldContainer[Position]
    totals: Totals
    peak_equity: str
    drawdown: float
    exposure_ratio: float
    value_at_risk: ValueAtRisk
    flags: int
    broken_limits: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, account: _Optional[str] = ..., start_ns: _Optional[int] = ..., end_ns: _Optional[int] = ..., part: _Optional[int] = ..., revision: _Optional[int] = ..., fills_count: _Optional[int] = ..., currency: _Optional[str] = ..., capital: _Optional[str] = ..., balances: _Optional[_Iterable[_Union[Balance, _Mapping]]] = ..., positions: _Optional[_Iterable[_Union[Position, _Mapping]]] = ..., totals: _Optional[_Union[Totals, _Mapping]] = ..., peak_equity: _Optional[str] = ..., drawdown: _Optional[float] = ..., exposure_ratio: _Optional[float] = ..., value_at_risk: _Optional[_Union[ValueAtRisk, _Mapping]] = ..., flags: _Optional[int] = ..., broken_limits: _Optional[_Iterable[str]] = ...) -> None: ...

class Balance(_message.Message):
    __slots__ = ("currency", "amount")
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    currency: str
    amount: str
    def __init__(self, currency: _Optional[str] = ..., amount: _Optional[str] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("instrument_id", "currency", "quantity", "cost", "mark_price", "value", "realized_pnl", "unrealized_pnl", "fees")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    MARK_PRICE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    REALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    FEES_FIELD_NUMBER: _ClassVar[int]
    instrument_id: str
    currency: str
    quantity: str
    cost: str
    mark_price: str
    value: str
    realized_pnl: str
    unrealized_pnl: str
    fees: str
    def __init__(self, instrument_id: _Optional[str] = ..., currency: _Optional[str] = ..., quantity: _Optional[str] = ..., cost: _Optional[str] = ..., mark_price: _Optional[str] = ..., value: _Optional[str] = ..., realized_pnl: _Optional[str] = ..., unrealized_pnl: _Optional[str] = ..., fees: _Optional[str] = ...) -> None: ...

class Totals(_message.Message):
    __slots__ = ("cash", "positions_value", "equity", "gross_exposure", "net_exposure", "realized_pnl", "unrealized_pnl", "realized_pnl_fifo", "unrealized_pnl_fifo", "fees")
    CASH_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_VALUE_FIELD_NUMBER: _ClassVar[int]
    EQUITY_FIELD_NUMBER: _ClassVar[int]
    GROSS_EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    NET_EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    REALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    REALIZED_PNL_FIFO_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_PNL_FIFO_FIELD_NUMBER: _ClassVar[int]
    FEES_FIELD_NUMBER: _ClassVar[int]
    cash: str
    positions_value: str
    equity: str
    gross_exposure: str
    net_exposure: str
    realized_pnl: str
    unrealized_pnl: str
    realized_pnl_fifo: str
    unrealized_pnl_fifo: str
    fees: str
    def __init__(self, cash: _Optional[str] = ..., positions_value: _Optional[str] = ..., equity: _Optional[str] = ..., gross_exposure: _Optional[str] = ..., net_exposure: _Optional[str] = ..., realized_pnl: _Optional[str] = ..., unrealized_pnl: _Optional[str] = ..., realized_pnl_fifo: _Optional[str] = ..., unrealized_pnl_fifo: _Optional[str] = ..., fees: _Optional[str] = ...) -> None: ...

class ValueAtRisk(_message.Message):
    __slots__ = ("returns_count", "historical_95", "historical_99", "parametric_95", "parametric_99", "shortfall_95", "shortfall_99")
    RETURNS_COUNT_FIELD_NUMBER: _ClassVar[int]
    HISTORICAL_95_FIELD_NUMBER: _ClassVar[int]
    HISTORICAL_99_FIELD_NUMBER: _ClassVar[int]
    PARAMETRIC_95_FIELD_NUMBER: _ClassVar[int]
    PARAMETRIC_99_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_95_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_99_FIELD_NUMBER: _ClassVar[int]
    returns_count: int
    historical_95: float
    historical_99: float
    parametric_95: float
    parametric_99: float
    shortfall_95: float
    shortfall_99: float
    def __init__(self, returns_count: _Optional[int] = ..., historical_95: _Optional[float] = ..., historical_99: _Optional[float] = ..., parametric_95: _Optional[float] = ..., parametric_99: _Optional[float] = ..., shortfall_95: _Optional[float] = ..., shortfall_99: _Optional[float] = ...) -> None: ...

class LimitBreach(_message.Message):
    __slots__ = ("account", "limit", "start_ns", "end_ns", "part", "revision", "found", "allowed", "withdrawn")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    END_NS_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    account: str
    limit: str
    start_ns: int
    end_ns: int
    part: int
    revision: int
    found: str
    allowed: str
    withdrawn: bool
    def __init__(self, account: _Optional[str] = ..., limit: _Optional[str] = ..., start_ns: _Optional[int] = ..., end_ns: _Optional[int] = ..., part: _Optional[int] = ..., revision: _Optional[int] = ..., found: _Optional[str] = ..., allowed: _Optional[str] = ..., withdrawn: _Optional[bool] = ...) -> None: ...
