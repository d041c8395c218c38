"""Write signals, orders, fills and what accounts were worth as rows."""

from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import msgspec

from functions.domain.decisions import Action, Signal
from functions.domain.money import plain
from functions.domain.portfolio.metrics import Holding, Totals
from functions.wire.codecs.flow import decode_order_flow
from functions.wire.codecs.orders import decode_fill, decode_order_update
from functions.wire.codecs.portfolio import decode_limit_breach, decode_risk_metrics
from functions.wire.codecs.signals import decode_signal
from functions.wire.rows.row import Row, decimal_text, interval_text, json_line, sorted_line


def signals(data: bytes) -> Iterator[Row]:
    """Write a signal with its evidence."""
    signal = decode_signal(data)
    if signal.action is Action.HOLD:
        return
    line = {
        "action": signal.action.value,
        "as_of_ns": signal.as_of_ns,
        "bar_revision": signal.bar_revision,
        "confidence": signal.confidence,
        "degraded": signal.degraded,
        "evidence": _evidence(signal),
        "instrument_id": signal.instrument_id,
        "interval": interval_text(signal.interval_s),
        "model_versions": {one.model: one.version for one in signal.model_scores},
        "price": decimal_text(signal.price, signal.price_exponent),
        "reasons": [[one.rule, one.text, one.weight] for one in signal.reasons],
        "risk_reward_ratio": signal.risk_reward_ratio,
        "signal_id": signal.signal_id,
        "start_ns": signal.bar_start_ns,
        "stop_loss": decimal_text(signal.stop_loss, signal.price_exponent),
        "strategy": signal.strategy,
        "take_profit": decimal_text(signal.take_profit, signal.price_exponent),
    }
    yield Row("signals", sorted_line(line))


def _evidence(signal: Signal) -> dict[str, Any]:
    """Write what a signal rests on, prices as decimals; not the event it was decided on, for that is an id."""
    told: dict[str, Any] = msgspec.to_builtins(signal.evidence)
    del told["causation_id"]
    for forecast in told["predictions"]["forecasts"]:
        for name in ("price", "low_80", "high_80", "low_95", "high_95"):
            forecast[name] = decimal_text(forecast[name], signal.price_exponent)
    return told


def orders(data: bytes) -> Iterator[Row]:
    """Write one step of an order's life."""
    update = decode_order_update(data)
    line = {
        "account": update.account,
        "as_of_ns": update.as_of_ns,
        "client_order_id": update.client_order_id,
        "cumulative_quantity": plain(update.cumulative_quantity),
        "instrument_id": update.instrument_id,
        "leaves_quantity": plain(update.leaves_quantity),
        "limit_price": plain(update.limit_price),
        "n": update.n,
        "quantity": plain(update.quantity),
        "reasons": list(update.reasons),
        "side": update.side.value,
        "signal_id": update.signal_id,
        "status": update.status.value,
    }
    yield Row("orders", json_line(line))


def flow(data: bytes) -> Iterator[Row]:
    """Write each entry of an order flow."""
    flow = decode_order_flow(data)
    for entry in flow.entries:
        line = {**asdict(entry), "kind": entry.kind.value, "shard": flow.stream}
        yield Row("flow", json_line(dict(sorted(line.items()))))


def fills(data: bytes) -> Iterator[Row]:
    """Write a fill."""
    fill = decode_fill(data)
    line = {
        "account": fill.account,
        "as_of_ns": fill.as_of_ns,
        "client_order_id": fill.client_order_id,
        "instrument_id": fill.instrument_id,
        "n": fill.n,
        "price": plain(fill.price),
        "quantity": plain(fill.quantity),
        "side": fill.side.value,
        "signal_id": fill.signal_id,
    }
    yield Row("fills", json_line(line))


def portfolio(data: bytes) -> Iterator[Row]:
    """Write what an account was worth over a window; of its revisions the newest is kept."""
    row = decode_risk_metrics(data)
    line = {
        "account": row.account,
        "balances": {currency: plain(amount) for currency, amount in row.balances},
        "broken": list(row.broken),
        "capital": plain(row.capital),
        "fills": row.fills,
        "flags": row.flags,
        "peak": plain(row.peak),
        "positions": list(map(_plain_fields, row.holdings)),
        "revision": row.revision,
        "tail": None if row.tail is None else asdict(row.tail),
        "totals": None if row.totals is None else _plain_fields(row.totals),
        "window": asdict(row.window),
    }
    key = row.account, row.window.start_ns, row.window.end_ns, row.window.part
    yield Row("portfolio", sorted_line(line), key, row.revision)


def breaches(data: bytes) -> Iterator[Row]:
    """Write which limit an account was beyond over a window; of its revisions the newest is kept, unless withdrawn."""
    one = decode_limit_breach(data)
    line = {
        "account": one.account,
        "allowed": plain(one.allowed),
        "found": plain(one.found),
        "limit": one.limit,
        "window": asdict(one.window),
    }
    key = one.account, one.limit, one.window.start_ns, one.window.end_ns, one.window.part
    yield Row("breaches", b"" if one.withdrawn else sorted_line(line), key, one.revision)


def _plain_fields(value: Holding | Totals) -> dict[str, str]:
    return {name: plain(one) if isinstance(one, Decimal) else one for name, one in asdict(value).items()}
