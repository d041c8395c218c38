"""Keep how accounts stood in PostgreSQL: one statement writes what many calls brought, the highest revision wins."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, TypeAlias

import msgspec

from functions.adapters.group_commit import GroupCommit
from functions.adapters.postgres import Pool, port_errors
from functions.domain.money import plain
from functions.domain.portfolio.metrics import Holding, LimitBreach, RiskMetrics, Tail, Window

Row: TypeAlias = dict[str, Any]
"""A row by column name."""

MONEY: Final = {
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
"""Columns of sums, each with the name it has in `Totals`."""

_TAIL: Final = tuple(field.name for field in fields(Tail))
_WINDOW: Final = {"end_ns": "bigint", "start_ns": "bigint", "part": "integer"}
_METRICS: Final = {
    "account": "text",
    **_WINDOW,
    "revision": "bigint",
    "fills_count": "bigint",
    "currency": "text",
    "capital": "numeric",
    **dict.fromkeys(MONEY, "numeric"),
    "peak_equity": "numeric",
    "drawdown": "double precision",
    "exposure_ratio": "double precision",
    **dict.fromkeys(_TAIL, "double precision"),
    "returns_count": "integer",
    "flags": "integer",
    "broken_limits": "jsonb",
    "balances": "jsonb",
    "positions": "jsonb",
}
_BREACH: Final = {
    "account": "text",
    "limit_name": "text",
    **_WINDOW,
    "revision": "bigint",
    "found": "numeric",
    "allowed": "numeric",
    "withdrawn": "boolean",
}


def _put(table: str, columns: Mapping[str, str], key: Sequence[str]) -> str:
    """Write the statement that keeps the highest revision of each row."""
    return f"""
INSERT INTO {table} AS kept ({", ".join(columns)})
SELECT DISTINCT ON ({", ".join(key)}) {", ".join(columns)}
FROM jsonb_to_recordset($1::jsonb) AS p ({", ".join(f"{name} {kind}" for name, kind in columns.items())})
ORDER BY {", ".join(key)}, revision DESC
ON CONFLICT ({", ".join(key)}) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)}
WHERE excluded.revision > kept.revision
"""  # noqa: S608 - built of the constants above alone


_PUT_METRICS: Final = _put("risk_metrics", _METRICS, ("account", *_WINDOW))
_PUT_BREACH: Final = _put("limit_breaches", _BREACH, ("account", "limit_name", *_WINDOW))


class PostgresExposures:
    """Keep how accounts stood in PostgreSQL; calls that come together share a statement.

    Args:
        pool: Where to write; opened on first use, closed by its owner.
    """

    def __init__(self, pool: Pool) -> None:
        """Open nothing."""
        self._pool = pool
        self._metrics = GroupCommit[RiskMetrics](self._write_metrics)
        self._breaches = GroupCommit[LimitBreach](self._write_breaches)

    async def put_risk_metrics(self, row: RiskMetrics) -> None:
        """Keep a row by (account, window); the highest revision wins."""
        await self._metrics.put(row, rows=1)

    async def put_limit_breach(self, breach: LimitBreach) -> None:
        """Keep a breach by (account, limit, window); the highest revision wins, withdrawn ones too."""
        await self._breaches.put(breach, rows=1)

    async def close(self) -> None:
        """Wait until everything handed over is stored or has failed."""
        for group in (self._metrics, self._breaches):
            await group.close()

    async def _write_metrics(self, told: list[RiskMetrics]) -> None:
        await self._write(_PUT_METRICS, list(map(metrics_row, told)))

    async def _write_breaches(self, told: list[LimitBreach]) -> None:
        await self._write(_PUT_BREACH, list(map(breach_row, told)))

    async def _write(self, statement: str, rows: list[Row]) -> None:
        with port_errors():
            await (await self._pool.get()).execute(statement, msgspec.json.encode(rows).decode())


def metrics_row(row: RiskMetrics) -> Row:
    """Write a row as one of the table, money as text; what is not known is None."""
    sums = row.totals
    return {
        "account": row.account,
        **_window_row(row.window),
        "revision": row.revision,
        "fills_count": row.fills,
        "currency": row.currency,
        "capital": plain(row.capital),
        **{name: None if sums is None else plain(getattr(sums, own)) for name, own in MONEY.items()},
        "peak_equity": plain(row.peak),
        "drawdown": row.drawdown,
        "exposure_ratio": row.exposure_ratio,
        **{name: None if row.tail is None else getattr(row.tail, name) for name in _TAIL},
        "flags": row.flags,
        "broken_limits": list(row.broken),
        "balances": {currency: plain(amount) for currency, amount in row.balances},
        "positions": list(map(_position, row.holdings)),
    }


def breach_row(breach: LimitBreach) -> Row:
    """Write a breach as a row of the table, money as text."""
    return {
        "account": breach.account,
        "limit_name": breach.limit,
        **_window_row(breach.window),
        "revision": breach.revision,
        "found": plain(breach.found),
        "allowed": plain(breach.allowed),
        "withdrawn": breach.withdrawn,
    }


def _window_row(window: Window) -> Row:
    return {"end_ns": window.end_ns, "start_ns": window.start_ns, "part": window.part}


def _position(held: Holding) -> Row:
    return {
        "instrument_id": held.instrument_id,
        "currency": held.currency,
        "quantity": plain(held.quantity),
        "cost": plain(held.cost),
        "mark_price": plain(held.mark),
        "value": plain(held.value),
        "realized_pnl": plain(held.realised),
        "unrealized_pnl": plain(held.unrealised),
        "fees": plain(held.fees),
    }
