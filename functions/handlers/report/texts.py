"""Tell a day in figures, and write them as JSON and CSV: money as plain decimals, what does not exist as null."""

import csv
import datetime as dt
import io
import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from functions.domain.money import plain
from functions.domain.portfolio.daily import Daily, Earned
from functions.domain.portfolio.history import Trip
from functions.wire.attributes import time_text

Told: TypeAlias = Mapping[str, Any]
"""A day as JSON has it."""

COLUMNS: Final = (
    "instrument_id",
    "opening_quantity",
    "closing_quantity",
    "price",
    "fills",
    "fees",
    "realized_pnl",
    "unrealized_change",
    "profit",
)
ACCOUNT: Final = "ALL"
"""Stands for the instrument in the last line of a CSV: the account's own."""


def time_of(time_ns: int) -> str:
    """Write a time in UTC to the second.

    >>> time_of(1_709_251_200_000_000_000)
    '2024-03-01T00:00:00Z'
    """
    return f"{time_text(time_ns)[:19]}Z"


def told(day: Daily, *, date: dt.date, zone: str, currency: str) -> Told:
    """Tell a day in figures; equal days are told alike."""
    did, closing = day.performance, day.closing
    return {
        "account": day.account,
        "date": date.isoformat(),
        "zone": zone,
        "currency": currency,
        "begin_ns": day.begin_ns,
        "end_ns": day.end_ns,
        "opening_value": plain(day.opening.value),
        "closing_value": plain(closing.value),
        "cash_balance": plain(closing.cash),
        "positions_value": plain(closing.worth),
        "profit": plain(day.profit),
        "return_pct": None if day.return_pct is None else plain(day.return_pct),
        "realized_pnl": plain(day.realised),
        "unrealized_change": plain(day.unrealised),
        "fees": plain(day.fees),
        "fills": did.fills,
        "closed_trades": len(did.trips),
        "win_rate": did.win_rate,
        "sharpe_ratio": did.sharpe,
        "max_drawdown_pct": 100.0 * float(did.drawdown.max()),
        "instruments": [_instrument(one) for one in day.instruments],
        "trades": [_trade(one) for one in did.trips],
        "step_s": did.step_s,
        "curve": [[at, plain(value)] for at, value in zip(did.times.tolist(), did.equity, strict=True)],
        "left_out": list(closing.left_out),
    }


def _instrument(one: Earned) -> dict[str, Any]:
    return {
        "instrument_id": one.instrument_id,
        "opening_quantity": plain(one.opening),
        "closing_quantity": plain(one.closing),
        "price": None if one.price is None else plain(one.price),
        "fills": one.fills,
        "fees": plain(one.fees),
        "realized_pnl": plain(one.realised),
        "unrealized_change": plain(one.unrealised),
        "profit": plain(one.profit),
    }


def _trade(one: Trip) -> dict[str, Any]:
    return {
        "instrument_id": one.instrument_id,
        "side": "buy" if one.long else "sell",
        "quantity": plain(one.entered),
        "avg_entry_price": plain(one.entry_price),
        "avg_exit_price": None if one.exit_price is None else plain(one.exit_price),
        "entry_ns": one.entry_ns,
        "exit_ns": one.exit_ns,
        "fees": plain(one.fees),
        "profit": plain(one.profit),
    }


def as_json(report: Told) -> str:
    """Write all of it, keys sorted; equal reports give equal bytes."""
    return json.dumps(report, sort_keys=True, allow_nan=False) + "\n"


def as_csv(report: Told) -> str:
    """Write a line for each instrument and a last one for the account, whose profit is their sum (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("account", "date", "zone", "currency", *COLUMNS))
    head = [report[name] for name in ("account", "date", "zone", "currency")]
    whole = {"instrument_id": ACCOUNT, "opening_quantity": "", "closing_quantity": "", "price": ""}
    for row in (*report["instruments"], {**report, **whole}):
        writer.writerow((*head, *("" if row[name] is None else row[name] for name in COLUMNS)))
    return out.getvalue()
