"""Keep order flow in PostgreSQL: one statement writes what many calls brought, each message once."""

from dataclasses import asdict
from typing import Any, Final, TypeAlias

import msgspec

from functions.adapters.group_commit import GroupCommit
from functions.adapters.postgres import Pool, port_errors
from functions.domain.flow import FlowEntry, OrderFlow

Row: TypeAlias = dict[str, Any]
"""A row by column name."""

_COLUMNS: Final = {
    "stream": "text",
    "row_index": "bigint",
    "shard": "text",
    "kind": "text",
    "sender": "text",
    "target": "text",
    "sequence_number": "bigint",
    "cl_ord_id": "text",
    "orig_cl_ord_id": "text",
    "order_id": "text",
    "exec_id": "text",
    "exec_type": "text",
    "ord_status": "text",
    "symbol": "text",
    "side": "text",
    "quantity": "numeric",
    "price": "numeric",
    "last_quantity": "numeric",
    "last_price": "numeric",
    "leaves_quantity": "numeric",
    "cumulative_quantity": "numeric",
    "average_price": "numeric",
    "message_text": "text",
    "poss_resend": "boolean",
    "ts_event": "bigint",
    "ts_sent": "bigint",
    "ts_receive": "bigint",
    "reason": "text",
    "flaw": "text",
}
_PUT: Final = f"""
INSERT INTO order_flow ({", ".join(_COLUMNS)})
SELECT * FROM jsonb_to_recordset($1::jsonb) AS f ({", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())})
ON CONFLICT (stream, row_index) DO NOTHING
"""  # noqa: S608 - built of the constants above alone


class PostgresFlow:
    """Keep order flow in PostgreSQL; calls that come together share a statement.

    Args:
        pool: Where to write; opened on first use, closed by its owner.
    """

    def __init__(self, pool: Pool) -> None:
        """Open nothing."""
        self._pool = pool
        self._flows = GroupCommit[OrderFlow](self._write)

    async def put_order_flow(self, flow: OrderFlow) -> None:
        """Keep every entry by (stream, row)."""
        await self._flows.put(flow, rows=len(flow.entries))

    async def close(self) -> None:
        """Wait until everything handed over is stored or has failed."""
        await self._flows.close()

    async def _write(self, flows: list[OrderFlow]) -> None:
        document = msgspec.json.encode([row for flow in flows for row in rows_of(flow)]).decode()
        with port_errors():
            await (await self._pool.get()).execute(_PUT, document)


def rows_of(flow: OrderFlow) -> list[Row]:
    """Write entries as rows of the table; figures that are not said are null."""
    return [_row(flow, entry) for entry in flow.entries]


def _row(flow: OrderFlow, entry: FlowEntry) -> Row:
    said = asdict(entry)
    own = {"stream": flow.stream, "shard": flow.shard, "row_index": entry.row, "kind": entry.kind.value}
    named = {**said, **own, "message_text": entry.text}
    return {name: _value(named[name], kind) for name, kind in _COLUMNS.items()}


def _value(value: object, kind: str) -> object:
    if kind == "numeric":
        return value or None
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value  # PostgreSQL keeps no NUL in a text
