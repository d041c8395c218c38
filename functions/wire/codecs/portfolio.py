"""Write what accounts stand at, and the limits they break, as `tickloom.portfolio.v1` messages, and read them back."""

import math
from typing import Any, Final

from tickloom.portfolio.v1 import portfolio_pb2

from functions.domain.money import plain
from functions.domain.portfolio.metrics import Holding, LimitBreach, RiskMetrics, Tail, Totals, Window
from functions.wire.codecs.messages import parse_named, refuse
from functions.wire.codecs.risk import decimal_value

RISK_METRICS: Final = "tickloom.portfolio.v1.RiskMetrics"
LIMIT_BREACH: Final = "tickloom.portfolio.v1.LimitBreach"

# Field of the message, field of the value.
_HOLDING: Final = {
    "quantity": "quantity",
    "cost": "cost",
    "mark_price": "mark",
    "value": "value",
    "realized_pnl": "realised",
    "unrealized_pnl": "unrealised",
    "fees": "fees",
}
_TOTALS: Final = {
    "cash": "cash",
    "positions_value": "positions_value",
    "equity": "equity",
    "gross_exposure": "gross",
    "net_exposure": "net",
    "realized_pnl": "realised",
    "unrealized_pnl": "unrealised",
    "realized_pnl_fifo": "realised_fifo",
    "unrealized_pnl_fifo": "unrealised_fifo",
    "fees": "fees",
}
_TAIL: Final = {
    "historical_95": "var_95",
    "historical_99": "var_99",
    "parametric_95": "var_95_parametric",
    "parametric_99": "var_99_parametric",
    "shortfall_95": "shortfall_95",
    "shortfall_99": "shortfall_99",
}
_WINDOW: Final = ("start_ns", "end_ns", "part")


def encode_risk_metrics(value: RiskMetrics) -> bytes:
    """Write a row; equal rows give equal bytes."""
    message = portfolio_pb2.RiskMetrics(
        account=value.account,
        **_window_fields(value.window),
        revision=value.revision,
        fills_count=value.fills,
        currency=value.currency,
        capital=plain(value.capital),
        balances=[portfolio_pb2.Balance(currency=name, amount=plain(amount)) for name, amount in value.balances],
        positions=map(_position_message, value.holdings),
        totals=None if value.totals is None else portfolio_pb2.Totals(**_texts(value.totals, _TOTALS)),
        peak_equity=plain(value.peak),
        drawdown=value.drawdown,
        exposure_ratio=value.exposure_ratio,
        value_at_risk=None if value.tail is None else _tail_message(value.tail),
        flags=value.flags,
        broken_limits=value.broken,
    )
    return message.SerializeToString(deterministic=True)


def decode_risk_metrics(data: bytes) -> RiskMetrics:
    """Read a row.

    Raises:
        Malformed: The bytes are no RiskMetrics, name no account, or hold what no row can.
    """
    message = parse_named(portfolio_pb2.RiskMetrics, data, by="account")
    what = f"metrics of {message.account!r}"
    _check_window(what, message)
    return RiskMetrics(
        account=message.account,
        window=_window(message),
        revision=message.revision,
        fills=message.fills_count,
        currency=message.currency,
        capital=decimal_value(what, message.capital),
        balances=tuple((one.currency, decimal_value(what, one.amount)) for one in message.balances),
        holdings=tuple(_holding(what, one) for one in message.positions),
        totals=Totals(**_decimals(what, message.totals, _TOTALS)) if message.HasField("totals") else None,
        peak=decimal_value(what, message.peak_equity),
        tail=_tail(what, message.value_at_risk) if message.HasField("value_at_risk") else None,
        flags=message.flags,
        broken=tuple(message.broken_limits),
    )


def encode_limit_breach(value: LimitBreach) -> bytes:
    """Write a breach; equal ones give equal bytes."""
    message = portfolio_pb2.LimitBreach(
        account=value.account,
        limit=value.limit,
        **_window_fields(value.window),
        revision=value.revision,
        found=plain(value.found),
        allowed=plain(value.allowed),
        withdrawn=value.withdrawn,
    )
    return message.SerializeToString(deterministic=True)


def decode_limit_breach(data: bytes) -> LimitBreach:
    """Read a breach.

    Raises:
        Malformed: The bytes are no LimitBreach, name no account or limit, or hold what no breach can.
    """
    message = parse_named(portfolio_pb2.LimitBreach, data, by="account")
    what = f"breach of {message.limit!r} by {message.account!r}"
    refuse(what, {"it names no limit": not message.limit})
    _check_window(what, message)
    return LimitBreach(
        account=message.account,
        limit=message.limit,
        window=_window(message),
        revision=message.revision,
        found=decimal_value(what, message.found),
        allowed=decimal_value(what, message.allowed),
        withdrawn=message.withdrawn,
    )


def _position_message(value: Holding) -> portfolio_pb2.Position:
    return portfolio_pb2.Position(instrument_id=value.instrument_id, currency=value.currency, **_texts(value, _HOLDING))


def _holding(what: str, message: portfolio_pb2.Position) -> Holding:
    return Holding(instrument_id=message.instrument_id, currency=message.currency, **_decimals(what, message, _HOLDING))


def _tail_message(value: Tail) -> portfolio_pb2.ValueAtRisk:
    figures = {name: getattr(value, own) for name, own in _TAIL.items()}
    return portfolio_pb2.ValueAtRisk(returns_count=value.returns_count, **figures)


def _tail(what: str, message: portfolio_pb2.ValueAtRisk) -> Tail:
    figures = {own: getattr(message, name) for name, own in _TAIL.items()}
    refuse(what, {"a value at risk is not finite": not all(map(math.isfinite, figures.values()))})
    return Tail(returns_count=message.returns_count, **figures)


def _window_fields(window: Window) -> dict[str, Any]:
    return {name: getattr(window, name) for name in _WINDOW}


def _window(message: portfolio_pb2.RiskMetrics | portfolio_pb2.LimitBreach) -> Window:
    return Window(message.start_ns, message.end_ns, message.part)


def _check_window(what: str, message: portfolio_pb2.RiskMetrics | portfolio_pb2.LimitBreach) -> None:
    refuse(
        what,
        {
            f"its window {message.start_ns} to {message.end_ns} does not end behind its start": (
                message.end_ns <= message.start_ns
            ),
            "its part or revision is negative": min(message.part, message.revision) < 0,
        },
    )


def _texts(value: object, names: dict[str, str]) -> dict[str, Any]:
    return {name: plain(getattr(value, own)) for name, own in names.items()}


def _decimals(what: str, message: object, names: dict[str, str]) -> dict[str, Any]:
    return {own: decimal_value(what, getattr(message, name)) for name, own in names.items()}
