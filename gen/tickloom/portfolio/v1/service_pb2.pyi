from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PriceSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRICE_SOURCE_UNSPECIFIED: _ClassVar[PriceSource]
    PRICE_SOURCE_BAR: _ClassVar[PriceSource]
    PRICE_SOURCE_FILL: _ClassVar[PriceSource]
PRICE_SOURCE_UNSPECIFIED: PriceSource
PRICE_SOURCE_BAR: PriceSource
PRICE_SOURCE_FILL: PriceSource

class Holding(_message.Message):
    __slots__ = ("symbol", "quantity", "avg_entry_price", "current_price", "market_value", "unrealized_pnl", "pnl_pct", "price_source", "price_ns")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AVG_ENTRY_PRICE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_PRICE_FIELD_NUMBER: _ClassVar[int]
    MARKET_VALUE_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    PNL_PCT_FIELD_NUMBER: _ClassVar[int]
    PRICE_SOURCE_FIELD_NUMBER: _ClassVar[int]
    PRICE_NS_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    quantity: str
    avg_entry_price: str
    current_price: str
    market_value: str
    unrealized_pnl: str
    pnl_pct: str
    price_source: PriceSource
    price_ns: int
    def __init__(self, symbol: _Optional[str] = ..., quantity: _Optional[str] = ..., avg_entry_price: _Optional[str] = ..., current_price: _Optional[str] = ..., market_value: _Optional[str] = ..., unrealized_pnl: _Optional[str] = ..., pnl_pct: _Optional[str] = ..., price_source: _Optional[_Union[PriceSource, str]] = ..., price_ns: _Optional[int] = ...) -> None: ...

class GetPortfolioRequest(_message.Message):
    __slots__ = ("account", "as_of_ns")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    account: str
    as_of_ns: int
    def __init__(self, account: _Optional[str] = ..., as_of_ns: _Optional[int] = ...) -> None: ...

class GetPortfolioResponse(_message.Message):
    __slots__ = ("account", "as_of_ns", "capital", "total_value", "cash_balance", "positions_value", "unrealized_pnl", "realized_pnl", "fees", "total_return_pct", "sharpe_ratio", "max_drawdown_pct", "win_rate", "positions", "left_out")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    CAPITAL_FIELD_NUMBER: _ClassVar[int]
    TOTAL_VALUE_FIELD_NUMBER: _ClassVar[int]
    CASH_BALANCE_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_VALUE_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    REALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    FEES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_RETURN_PCT_FIELD_NUMBER: _ClassVar[int]
    SHARPE_RATIO_FIELD_NUMBER: _ClassVar[int]
    MAX_DRAWDOWN_PCT_FIELD_NUMBER: _ClassVar[int]
    WIN_RATE_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    account: str
    as_of_ns: int
    capital: str
    total_value: str
    cash_balance: str
    positions_value: str
    unrealized_pnl: str
    realized_pnl: str
    fees: str
    total_return_pct: str
    sharpe_ratio: float
    max_drawdown_pct: float
    win_rate: float
    positions: _containers.RepeatedCompositeFieldContainer[Holding]
    left_out: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, account: _Optional[str] = ..., as_of_ns: _Optional[int] = ..., capital: _Optional[str] = ..., total_value: _Optional[str] = ..., cash_balance: _Optional[str] = ..., positions_value: _Optional[str] = ..., unrealized_pnl: _Optional[str] = ..., realized_pnl: _Optional[str] = ..., fees: _Optional[str] = ..., total_return_pct: _Optional[str] = ..., sharpe_ratio: _Optional[float] = ..., max_drawdown_pct: _Optional[float] = ..., win_rate: _Optional[float] = ..., positions: _Optional[_Iterable[_Union[Holding, _Mapping]]] = ..., left_out: _Optional[_Iterable[str]] = ...) -> None: ...

class GetPerformanceRequest(_message.Message):
    __slots__ = ("account", "from_ns", "to_ns")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    FROM_NS_FIELD_NUMBER: _ClassVar[int]
    TO_NS_FIELD_NUMBER: _ClassVar[int]
    account: str
    from_ns: int
    to_ns: int
    def __init__(self, account: _Optional[str] = ..., from_ns: _Optional[int] = ..., to_ns: _Optional[int] = ...) -> None: ...

class EquityPoint(_message.Message):
    __slots__ = ("at_ns", "equity", "drawdown")
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    EQUITY_FIELD_NUMBER: _ClassVar[int]
    DRAWDOWN_FIELD_NUMBER: _ClassVar[int]
    at_ns: int
    equity: str
    drawdown: float
    def __init__(self, at_ns: _Optional[int] = ..., equity: _Optional[str] = ..., drawdown: _Optional[float] = ...) -> None: ...

class GetPerformanceResponse(_message.Message):
    __slots__ = ("account", "from_ns", "to_ns", "step_s", "points", "profit", "fees", "total_return_pct", "sharpe_ratio", "sortino_ratio", "volatility", "max_drawdown_pct", "win_rate", "closed_trades", "fills", "left_out")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    FROM_NS_FIELD_NUMBER: _ClassVar[int]
    TO_NS_FIELD_NUMBER: _ClassVar[int]
    STEP_S_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    PROFIT_FIELD_NUMBER: _ClassVar[int]
    FEES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_RETURN_PCT_FIELD_NUMBER: _ClassVar[int]
    SHARPE_RATIO_FIELD_NUMBER: _ClassVar[int]
    SORTINO_RATIO_FIELD_NUMBER: _ClassVar[int]
    VOLATILITY_FIELD_NUMBER: _ClassVar[int]
    MAX_DRAWDOWN_PCT_FIELD_NUMBER: _ClassVar[int]
    WIN_RATE_FIELD_NUMBER: _ClassVar[int]
    CLOSED_TRADES_FIELD_NUMBER: _ClassVar[int]
    FILLS_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    account: str
    from_ns: int
    to_ns: int
    step_s: int
    points: _containers.RepeatedCompositeFieldContainer[EquityPoint]
    profit: str
    fees: str
    total_return_pct: str
    sharpe_ratio: float
    sortino_ratio: float
    volatility: float
    max_drawdown_pct: float
    win_rate: float
    closed_trades: int
    fills: int
    left_out: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, account: _Optional[str] = ..., from_ns: _Optional[int] = ..., to_ns: _Optional[int] = ..., step_s: _Optional[int] = ..., points: _Optional[_Iterable[_Union[EquityPoint, _Mapping]]] = ..., profit: _Optional[str] = ..., fees: _Optional[str] = ..., total_return_pct: _Optional[str] = ..., sharpe_ratio: _Optional[float] = ..., sortino_ratio: _Optional[float] = ..., volatility: _Optional[float] = ..., max_drawdown_pct: _Optional[float] = ..., win_rate: _Optional[float] = ..., closed_trades: _Optional[int] = ..., fills: _Optional[int] = ..., left_out: _Optional[_Iterable[str]] = ...) -> None: ...

class ListTradesRequest(_message.Message):
    __slots__ = ("account", "instrument_id", "as_of_ns", "page_size", "page_token")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    account: str
    instrument_id: str
    as_of_ns: int
    page_size: int
    page_token: str
    def __init__(self, account: _Optional[str] = ..., instrument_id: _Optional[str] = ..., as_of_ns: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class Trade(_message.Message):
    __slots__ = ("instrument_id", "side", "quantity", "avg_entry_price", "avg_exit_price", "entry_ns", "exit_ns", "fees", "profit", "closed")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AVG_ENTRY_PRICE_FIELD_NUMBER: _ClassVar[int]
    AVG_EXIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_NS_FIELD_NUMBER: _ClassVar[int]
    EXIT_NS_FIELD_NUMBER: _ClassVar[int]
    FEES_FIELD_NUMBER: _ClassVar[int]
    PROFIT_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    instrument_id: str
    side: str
    quantity: str
    avg_entry_price: str
    avg_exit_price: str
    entry_ns: int
    exit_ns: int
    fees: str
    profit: str
    closed: bool
    def __init__(self, instrument_id: _Optional[str] = ..., side: _Optional[str] = ..., quantity: _Optional[str] = ..., avg_entry_price: _Optional[str] = ..., avg_exit_price: _Optional[str] = ..., entry_ns: _Optional[int] = ..., exit_ns: _Optional[int] = ..., fees: _Optional[str] = ..., profit: _Optional[str] = ..., closed: _Optional[bool] = ...) -> None: ...

class ListTradesResponse(_message.Message):
    __slots__ = ("trades", "next_page_token", "account")
    TRADES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    trades: _containers.RepeatedCompositeFieldContainer[Trade]
    next_page_token: str
    account: str
    def __init__(self, trades: _Optional[_Iterable[_Union[Trade, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., account: _Optional[str] = ...) -> None: ...
