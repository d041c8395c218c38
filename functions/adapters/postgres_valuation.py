"""Read from PostgreSQL what portfolios are told from: the ledger by its view `portfolio_fill`, and bars.

Bars are kept in their newest form alone: one that was revised since is shown as revised.
"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from functions.adapters.postgres import Pool, port_errors
from functions.domain.errors import Rejected
from functions.domain.market import NS_PER_S, Int64
from functions.domain.portfolio.analytics import Mark, Marks
from functions.domain.portfolio.books import Trade
from functions.domain.portfolio.history import History
from functions.ports.valuation import FILLS_MAX, MARK_INTERVAL_S

_ACCOUNTS: Final = "SELECT account FROM ledger_account ORDER BY account"
_CAPITAL: Final = "SELECT capital FROM ledger_account WHERE account = $1"
_HELD: Final = """
SELECT instrument_id, opening_quantity, opening_price FROM ledger_position
WHERE account = $1 AND opening_quantity <> 0 ORDER BY instrument_id
"""
_FILLS: Final = """
SELECT sequence, as_of_ns, instrument_id, quantity, price, fee, currency, multiplier, client_order_id, exec_id,
       replaces_exec_id
FROM portfolio_fill WHERE account = $1 ORDER BY sequence, as_of_ns, client_order_id, n LIMIT $2
"""
# For each time one look into the primary key, backwards from the last bar that may have ended; a close of 0 is none.
_CLOSES: Final = """
SELECT asked.place, found.start_ns, found.close
FROM unnest($2::bigint[]) WITH ORDINALITY AS asked (start_ns, place), LATERAL (
    SELECT start_ns, close FROM bars
    WHERE instrument_id = $1 AND interval_s = $3 AND bars.start_ns <= asked.start_ns
      AND finality IN ('final', 'revised') AND close <> 0
    ORDER BY bars.start_ns DESC LIMIT 1
) AS found
"""
_MARK_NS: Final = MARK_INTERVAL_S * NS_PER_S


class PostgresValuation:
    """Read the ledger of record and the bars that `project` keeps."""

    def __init__(self, pool: Pool) -> None:
        """Use a pool, which opens on first use."""
        self._pool = pool

    async def accounts(self) -> tuple[str, ...]:
        """Give the names of all accounts, in order."""
        with port_errors():
            rows = await (await self._pool.get()).fetch(_ACCOUNTS)
        return tuple(row["account"] for row in rows)

    async def history(self, account: str) -> History | None:
        """Give all that is known of an account; None when there is no such one.

        Raises:
            Rejected: It has more than `FILLS_MAX` fills.
        """
        with port_errors():
            async with (await self._pool.get()).acquire() as connection:
                capital = await connection.fetchval(_CAPITAL, account)
                if capital is None:
                    return None
                held = await connection.fetch(_HELD, account)
                rows = await connection.fetch(_FILLS, account, FILLS_MAX + 1)
        if len(rows) > FILLS_MAX:
            message = f"account {account!r} has more than {FILLS_MAX} fills, more than are folded for one answer"
            raise Rejected(message)
        opening = tuple((row["instrument_id"], row["opening_quantity"], row["opening_price"]) for row in held)
        return History(account, capital, opening, tuple(map(_trade, rows)))

    async def closes(self, instrument_ids: Sequence[str], times: Int64) -> Marks:
        """Give for each instrument the close of the newest final bar with a price ended at each time (n,), or None."""
        starts = (times - _MARK_NS).tolist()
        with port_errors():
            async with (await self._pool.get()).acquire() as connection:
                return {
                    one: _marks(await connection.fetch(_CLOSES, one, starts, MARK_INTERVAL_S), len(times))
                    for one in instrument_ids
                }


def _trade(row: asyncpg.Record) -> Trade:
    order = row["client_order_id"]
    return Trade(
        sequence=row["sequence"],
        as_of_ns=row["as_of_ns"],
        instrument_id=row["instrument_id"],
        quantity=row["quantity"],
        price=row["price"],
        fee=row["fee"],
        currency=row["currency"],
        multiplier=row["multiplier"],
        key=f"{order}/{row['exec_id']}" if row["exec_id"] else "",
        replaces=f"{order}/{row['replaces_exec_id']}" if row["replaces_exec_id"] else "",
    )


def _marks(rows: Sequence[asyncpg.Record], count: int) -> list[Mark | None]:
    found: list[Mark | None] = [None] * count
    for row in rows:
        found[row["place"] - 1] = Mark(row["close"], row["start_ns"] + _MARK_NS)
    return found
