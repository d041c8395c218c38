"""Read questions to the portfolio service and write its answers as `tickloom.portfolio.v1` messages."""

import re
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from tickloom.portfolio.v1 import service_pb2

from functions.domain.money import plain
from functions.domain.portfolio.analytics import Holding, Performance, Standing
from functions.domain.portfolio.history import Trip
from functions.wire.codecs.risk import check_name
from functions.wire.errors import Malformed

PAGE_MAX: Final = 1000
PAGE: Final = 100
TIME_NS_MAX: Final = 2**62
"""Latest time, in the year 2116: steps behind it still fit in 64 bits."""

_PERCENT: Final = 100.0
_TOKEN: Final = re.compile(r"[0-9]{0,9}")


def account_name(name: str) -> str:
    """Read an account's name.

    Raises:
        Malformed: It is no name.
    """
    check_name("account", name)
    return name


def span_value(from_ns: int, to_ns: int) -> tuple[int, int]:
    """Read a span of time; 0 stands for what the service puts there.

    Raises:
        Malformed: A time is negative or beyond `TIME_NS_MAX`, or the end lies before the begin.
    """
    if min(from_ns, to_ns) < 0 or 0 < to_ns < from_ns or max(from_ns, to_ns) > TIME_NS_MAX:
        _refuse(f"from_ns {from_ns} and to_ns {to_ns} are no span of time")
    return from_ns, to_ns


def page_value(page_size: int, page_token: str) -> tuple[int, int]:
    """Read which page is asked for.

    Returns:
        The number of its first row, and how many rows it has at most.

    Raises:
        Malformed: The size is none, or the token is not ours.
    """
    if not 0 <= page_size <= PAGE_MAX:
        _refuse(f"page_size {page_size} is not 0 to {PAGE_MAX}")
    if _TOKEN.fullmatch(page_token) is None:
        _refuse(f"page_token {page_token[:20]!r} is not one of ours")
    return int(page_token or 0), page_size or PAGE


def standing_message(account: str, value: Standing, life: Performance) -> service_pb2.GetPortfolioResponse:
    """Write what an account holds; `life` is its performance up to the same time."""
    return service_pb2.GetPortfolioResponse(
        account=account,
        as_of_ns=value.as_of_ns,
        capital=plain(value.capital),
        total_value=plain(value.value),
        cash_balance=plain(value.cash),
        positions_value=plain(value.worth),
        unrealized_pnl=plain(value.unrealised),
        realized_pnl=plain(value.realised),
        fees=plain(value.fees),
        total_return_pct=plain(value.return_pct),
        sharpe_ratio=life.sharpe,
        max_drawdown_pct=_PERCENT * float(life.drawdown.max()),
        win_rate=life.win_rate,
        positions=map(_holding_message, value.holdings),
        left_out=value.left_out,
    )


def _holding_message(value: Holding) -> service_pb2.Holding:
    source = service_pb2.PRICE_SOURCE_FILL if value.mark.fill else service_pb2.PRICE_SOURCE_BAR
    return service_pb2.Holding(
        symbol=value.position.instrument_id,
        quantity=plain(value.position.quantity),
        avg_entry_price=plain(value.entry_price),
        current_price=plain(value.mark.price),
        market_value=plain(value.worth),
        unrealized_pnl=plain(value.unrealised),
        pnl_pct=plain(value.gain_pct),
        price_source=source,
        price_ns=value.mark.at_ns,
    )


def performance_message(account: str, value: Performance) -> service_pb2.GetPerformanceResponse:
    """Write how an account did."""
    points = zip(value.times.tolist(), value.equity, value.drawdown.tolist(), strict=True)
    return service_pb2.GetPerformanceResponse(
        account=account,
        from_ns=int(value.times[0]),
        to_ns=int(value.times[-1]),
        step_s=value.step_s,
        points=(service_pb2.EquityPoint(at_ns=at, equity=plain(one), drawdown=fall) for at, one, fall in points),
        profit=plain(value.profit),
        fees=plain(value.fees),
        total_return_pct="" if value.return_pct is None else plain(value.return_pct),
        sharpe_ratio=value.sharpe,
        sortino_ratio=value.sortino,
        volatility=value.volatility,
        max_drawdown_pct=_PERCENT * float(value.drawdown.max()),
        win_rate=value.win_rate,
        closed_trades=len(value.trips),
        fills=value.fills,
        left_out=value.left_out,
    )


def trade_message(value: Trip) -> service_pb2.Trade:
    """Write one trade."""
    return service_pb2.Trade(
        instrument_id=value.instrument_id,
        side="buy" if value.long else "sell",
        quantity=plain(value.entered),
        avg_entry_price=plain(value.entry_price),
        avg_exit_price="" if value.exit_price is None else plain(value.exit_price),
        entry_ns=value.entry_ns,
        exit_ns=value.exit_ns,
        fees=plain(value.fees),
        profit=plain(value.profit),
        closed=value.closed,
    )


def as_json(account: str, value: Standing, did: Performance, trips: Sequence[Trip]) -> dict[str, Any]:
    """Write what the service answers as JSON, int64 as text; of the curve of `did` the figures alone."""
    performance = performance_message(account, did)
    del performance.points[:]
    return {
        "portfolio": _dict(standing_message(account, value, did)),
        "performance": _dict(performance),
        "trades": [_dict(trade_message(one)) for one in trips],
    }


def _dict(message: Message) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def _refuse(detail: str) -> NoReturn:
    raise Malformed(detail)
