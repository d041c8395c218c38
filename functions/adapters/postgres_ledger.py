"""Keep accounts, orders and their outbox in PostgreSQL: one chapter, one statement, one transaction.

The account's row is the lock and the fence: a chapter moves it only under the writer's own fencing number, so that a
writer who was followed by another has stored nothing. Leases run by the clock of the database.
"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from functions.adapters import ledger_rows as rows_of
from functions.adapters.postgres import Pool, port_errors
from functions.domain.decisions import OrderOutcome, OrderUpdate
from functions.domain.orders.account import Account
from functions.domain.orders.requests import OrdersPage
from functions.ports.ledger import Carried, Chapter, Fenced, KeptOrder, Led, OrderTaken, OutboxRow
from functions.ports.venue_orders import VenueMessage
from functions.wire.envelope import Event

_OPEN_ACCOUNT: Final = """
WITH opened AS (
    INSERT INTO ledger_account (account, capital, cash, next_sequence) VALUES ($1, $2, $3, $4)
    ON CONFLICT (account) DO NOTHING RETURNING account
), held AS (
    INSERT INTO ledger_position (account, instrument_id, quantity, price, opening_quantity, opening_price)
    SELECT account, one.*, one.quantity, one.price FROM opened, json_to_recordset($5::json) AS one (
        instrument_id text, quantity numeric, price numeric)
)
SELECT count(*) FROM opened
"""
_ACCOUNT: Final = """
SELECT capital, cash, next_sequence, peak_equity, instrument_id, quantity, price
FROM ledger_account LEFT JOIN ledger_position USING (account) WHERE account = $1
"""
_LEAD: Final = """
UPDATE ledger_account
SET fence = fence + 1, holder = $2, leased_until = clock_timestamp() + $3 * interval '1 millisecond'
WHERE account = $1 AND (holder = $2 OR leased_until <= clock_timestamp()) RETURNING fence
"""
_LEADER: Final = "SELECT holder FROM ledger_account WHERE account = $1"
_RENEW: Final = """
UPDATE ledger_account SET leased_until = clock_timestamp() + $3 * interval '1 millisecond'
WHERE account = $1 AND fence = $2 RETURNING true
"""
_RELEASE: Final = "UPDATE ledger_account SET leased_until = '-infinity' WHERE account = $1 AND fence = $2"
# One statement is one transaction and one round trip: nothing is stored unless the account's row moves.
_STORE: Final = """
WITH moved AS (
    UPDATE ledger_account SET cash = $4, next_sequence = $5, peak_equity = $23,
        leased_until = clock_timestamp() + $6 * interval '1 millisecond'
    WHERE account = $1 AND fence = $2 AND next_sequence = $3 RETURNING account
), put_orders AS (
    INSERT INTO ledger_order (account, client_order_id, instrument_id, side, quantity, limit_price, bid_price, bid_size,
        ask_price, ask_size, quote_ns, as_of_ns, limits_version, signal_id, causation_id, correlation_id,
        time_in_force, price_exponent, size_exponent, opened, answer_n, working, life)
    SELECT account, one.* FROM moved, json_to_recordset($7::json) AS one (
        client_order_id text, instrument_id text, side text, quantity numeric, limit_price numeric, bid_price numeric,
        bid_size numeric, ask_price numeric, ask_size numeric, quote_ns bigint, as_of_ns bigint, limits_version text,
        signal_id text, causation_id text, correlation_id text, time_in_force text, price_exponent integer,
        size_exponent integer, opened bigint, answer_n integer, working boolean, life jsonb)
), moved_orders AS (
    UPDATE ledger_order AS o SET working = one.working, life = one.life
    FROM moved, json_to_recordset($8::json) AS one (client_order_id text, working boolean, life jsonb)
    WHERE o.client_order_id = one.client_order_id AND o.account = moved.account
), put_updates AS (
    INSERT INTO ledger_order_update (client_order_id, n, sequence, status, quantity, limit_price, cumulative_quantity,
        leaves_quantity, reasons, as_of_ns, exec_type, venue_order_id, request_id, average_price, outcome_unknown)
    SELECT one.* FROM moved, json_to_recordset($9::json) AS one (
        client_order_id text, n integer, sequence bigint, status text, quantity numeric, limit_price numeric,
        cumulative_quantity numeric, leaves_quantity numeric, reasons jsonb, as_of_ns bigint, exec_type text,
        venue_order_id text, request_id text, average_price numeric, outcome_unknown boolean)
), put_fills AS (
    INSERT INTO ledger_fill (client_order_id, n, sequence, quantity, price, as_of_ns, exec_id, fee, currency,
        multiplier, replaces_exec_id)
    SELECT one.* FROM moved, json_to_recordset($10::json) AS one (
        client_order_id text, n integer, sequence bigint, quantity numeric, price numeric, as_of_ns bigint,
        exec_id text, fee numeric, currency text, multiplier numeric, replaces_exec_id text)
), put_positions AS (
    INSERT INTO ledger_position (account, instrument_id, quantity, price)
    SELECT account, one.* FROM moved, json_to_recordset($11::json) AS one (
        instrument_id text, quantity numeric, price numeric)
    ON CONFLICT (account, instrument_id) DO UPDATE SET quantity = excluded.quantity, price = excluded.price
), put_answers AS (
    INSERT INTO ledger_request (account, request_id, client_order_id, n, reasons)
    SELECT account, one.* FROM moved, json_to_recordset($12::json) AS one (
        request_id text, client_order_id text, n integer, reasons jsonb)
), put_messages AS (
    INSERT INTO ledger_venue_message
        (account, sequence, kind, client_order_id, request_id, quantity, limit_price, as_of_ns)
    SELECT account, one.* FROM moved, json_to_recordset($13::json) AS one (
        sequence bigint, kind text, client_order_id text, request_id text, quantity bigint, limit_price bigint,
        as_of_ns bigint)
), put_events AS (
    INSERT INTO ledger_outbox
        (account, sequence, event_id, source, type, time_ns, subject, content_type, extensions, data)
    SELECT account, one.* FROM moved, unnest($14::bigint[], $15::text[], $16::text[], $17::text[], $18::bigint[],
        $19::text[], $20::text[], $21::jsonb[], $22::bytea[]) AS one
)
SELECT count(*) FROM moved
"""
_FOUND: Final = "SELECT * FROM ledger_last_step WHERE client_order_id = $1"
_ORDERS: Final = "SELECT * FROM ledger_last_step WHERE client_order_id = ANY($1::text[])"
_WORKING: Final = "SELECT * FROM ledger_last_step WHERE account = $1 AND working ORDER BY opened"
_ANSWERED: Final = "SELECT * FROM ledger_step WHERE client_order_id = ANY($1::text[]) AND n = answer_n"
_FILLS: Final = "SELECT * FROM ledger_fill WHERE client_order_id = ANY($1::text[]) ORDER BY client_order_id, n"
_REQUESTS: Final = """
SELECT s.*, r.request_id AS asked, r.reasons AS other_reasons
FROM ledger_request r LEFT JOIN ledger_step s ON s.client_order_id = r.client_order_id AND s.n = r.n
WHERE r.account = $1 AND r.request_id = ANY($2::text[]) ORDER BY r.request_id, s.opened
"""
_MESSAGES: Final = """
SELECT * FROM ledger_venue_message WHERE account = $1 AND state <> 'sent' ORDER BY sequence
"""
# A message has the number of the step that asks: found by keys alone.
_TOLD: Final = """
SELECT m.* FROM ledger_order AS o JOIN ledger_order_update AS u USING (client_order_id)
JOIN ledger_venue_message AS m ON m.account = o.account AND m.sequence = u.sequence
WHERE o.client_order_id = $1 ORDER BY m.sequence
"""
_UNSETTLED: Final = """
SELECT account FROM ledger_account AS a
WHERE EXISTS (SELECT FROM ledger_order AS o WHERE o.account = a.account AND o.working)
    OR EXISTS (SELECT FROM ledger_venue_message AS m WHERE m.account = a.account AND m.state <> 'sent')
ORDER BY account LIMIT $1
"""
_PAGE: Final = """
SELECT * FROM ledger_last_step
WHERE account = $1 AND (working OR NOT $2) AND ($3 = '' OR instrument_id = $3) AND ($4::bigint IS NULL OR opened < $4)
ORDER BY opened DESC LIMIT $5
"""
_EVENTS: Final = """
SELECT event_id, source, type, time_ns, subject, content_type, extensions, data
FROM ledger_outbox WHERE account = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3
"""
_SENDING: Final = """
WITH mine AS (SELECT account FROM ledger_account WHERE account = $1 AND fence = $2 FOR SHARE), marked AS (
    UPDATE ledger_venue_message AS m SET state = 'sending' FROM mine
    WHERE m.account = mine.account AND m.sequence = ANY($3::bigint[]) AND m.state = 'stored' RETURNING m.sequence
)
SELECT (SELECT count(*) FROM mine) AS mine, array(SELECT sequence FROM marked ORDER BY sequence) AS marked
"""
_SENT: Final = "UPDATE ledger_venue_message SET state = 'sent' WHERE account = $1 AND sequence = ANY($2::bigint[])"
_PENDING: Final = "SELECT count(*) FROM ledger_outbox WHERE state = 'pending'"
_UNPUBLISHED: Final = """
SELECT outbox_position, event_id, source, type, time_ns, subject, content_type, extensions, data
FROM ledger_outbox WHERE state = 'pending' ORDER BY outbox_position LIMIT $1
"""
_PUBLISHED: Final = "UPDATE ledger_outbox SET state = 'published' WHERE outbox_position = ANY($1::bigint[])"
_REFUSED: Final = "UPDATE ledger_outbox SET state = 'refused', refusal = $2 WHERE outbox_position = $1"


class PostgresLedger:
    """The ledger of record, in the tables `ledger_*`."""

    def __init__(self, pool: Pool) -> None:
        """Use a pool, which opens on first use."""
        self._pool = pool

    async def open_account(self, account: Account) -> bool:
        """Open an account with its positions unless it exists."""
        held = rows_of.position_documents(account.positions.values())
        row = (account.name, account.capital, account.cash, account.sequence, held)
        with port_errors():
            return bool(await (await self._pool.get()).fetchval(_OPEN_ACCOUNT, *row))

    async def account(self, name: str) -> Account | None:
        """Give an account as last stored."""
        with port_errors():
            rows = await (await self._pool.get()).fetch(_ACCOUNT, name)
        return rows_of.account_value(name, rows) if rows else None

    async def lead(self, account: str, holder: str, *, lease_ms: int) -> Led | None:
        """Take the lead of an account, and load it; who led it before can store nothing from then on.

        Raises:
            Fenced: Another holder leads it.
        """
        with port_errors():
            async with (await self._pool.get()).acquire() as connection:
                fence = await connection.fetchval(_LEAD, account, holder, lease_ms)
                if fence is None:
                    leader = await connection.fetchval(_LEADER, account)
                    if leader is None:
                        return None
                    message = f"account {account!r} is led by {leader!r}; ask there, or wait until its lease runs out"
                    raise Fenced(message)
                found = await connection.fetch(_ACCOUNT, account)
                working = await _kept(connection, await connection.fetch(_WORKING, account))
                messages = await _carried(connection, await connection.fetch(_MESSAGES, account))
                return Led(fence, rows_of.account_value(account, found), working, messages)

    async def renew(self, account: str, fence: int, *, lease_ms: int) -> None:
        """Lengthen a lease.

        Raises:
            Fenced: Another writer leads the account.
        """
        with port_errors():
            if not await (await self._pool.get()).fetchval(_RENEW, account, fence, lease_ms):
                raise _fenced(account)

    async def release(self, account: str, fence: int) -> None:
        """Let go of the lead."""
        with port_errors():
            await (await self._pool.get()).execute(_RELEASE, account, fence)

    async def store(self, chapter: Chapter, *, lease_ms: int) -> None:
        """Store a chapter in one transaction.

        Raises:
            Fenced: Another writer leads the account.
            OrderTaken: An order that would begin here exists already.
            Unavailable: PostgreSQL did not answer; whether it stored the chapter is unknown.
        """
        name = chapter.account.name
        head = (name, chapter.fence, chapter.before, chapter.account.cash, chapter.account.sequence, lease_ms)
        with port_errors():
            pool = await self._pool.get()
            try:
                moved = await pool.fetchval(_STORE, *head, *_contents(chapter), chapter.account.peak_equity)
            except asyncpg.UniqueViolationError as error:
                message = f"account {name!r}: an order or a request of this id was stored before; ask again"
                raise OrderTaken(message) from error
        if not moved:
            raise _fenced(name)

    async def find(self, client_order_id: str) -> OrderOutcome | None:
        """Give how an order stands."""
        with port_errors():
            async with (await self._pool.get()).acquire() as connection:
                row = await connection.fetchrow(_FOUND, client_order_id)
                if row is None:
                    return None
                fills = await connection.fetch(_FILLS, [client_order_id])
        update = rows_of.update_value(row)
        return OrderOutcome(update, tuple(rows_of.fill_value(one, update) for one in fills))

    async def answered(self, client_order_ids: Sequence[str]) -> dict[str, OrderOutcome]:
        """Give what was first answered about these orders."""
        with port_errors():
            async with (await self._pool.get()).acquire() as connection:
                rows = await connection.fetch(_ANSWERED, list(client_order_ids))
                updates = {row["client_order_id"]: rows_of.update_value(row) for row in rows}
                fills = await connection.fetch(_FILLS, list(updates)) if updates else []
        return {
            name: OrderOutcome(
                update,
                tuple(
                    rows_of.fill_value(one, update)
                    for one in fills
                    if one["client_order_id"] == name and one["sequence"] <= update.sequence
                ),
            )
            for name, update in updates.items()
        }

    async def requests(self, account: str, request_ids: Sequence[str]) -> dict[str, tuple[OrderUpdate, ...]]:
        """Give what these requests were answered."""
        with port_errors():
            rows = await (await self._pool.get()).fetch(_REQUESTS, account, list(request_ids))
        found: dict[str, tuple[OrderUpdate, ...]] = {}
        for row in rows:
            told = (rows_of.answer_value(row),) if row["client_order_id"] is not None else ()
            found[row["asked"]] = (*found.get(row["asked"], ()), *told)
        return found

    async def orders(self, client_order_ids: Sequence[str]) -> dict[str, KeptOrder]:
        """Give orders as they stand."""
        with port_errors():
            async with (await self._pool.get()).acquire() as connection:
                kept = await _kept(connection, await connection.fetch(_ORDERS, list(client_order_ids)))
        return {one.update.client_order_id: one for one in kept}

    async def page(self, wanted: OrdersPage) -> tuple[tuple[int, OrderUpdate], ...]:
        """Give the last step of each order of a page."""
        asked = (wanted.account, wanted.working, wanted.instrument_id, wanted.before, wanted.limit)
        with port_errors():
            rows = await (await self._pool.get()).fetch(_PAGE, *asked)
        return tuple((row["opened"], rows_of.update_value(row)) for row in rows)

    async def events(self, account: str, from_sequence: int, limit: int) -> tuple[Event, ...]:
        """Give an account's events from a sequence number on."""
        with port_errors():
            rows = await (await self._pool.get()).fetch(_EVENTS, account, from_sequence, limit)
        return tuple(map(rows_of.event_value, rows))

    async def mark_sending(self, account: str, fence: int, sequences: Sequence[int]) -> tuple[int, ...]:
        """Remember that we set out to send these messages.

        Raises:
            Fenced: Another writer leads the account.
        """
        with port_errors():
            row = await (await self._pool.get()).fetchrow(_SENDING, account, fence, list(sequences))
        assert row is not None, "a SELECT without FROM gives one row"  # noqa: S101 - programmer error
        if not row["mine"]:
            raise _fenced(account)
        return tuple(row["marked"])

    async def mark_sent(self, account: str, sequences: Sequence[int]) -> None:
        """Remember that these messages left."""
        with port_errors():
            await (await self._pool.get()).execute(_SENT, account, list(sequences))

    async def messages(self, client_order_id: str) -> tuple[VenueMessage, ...]:
        """Give every message about an order."""
        with port_errors():
            async with (await self._pool.get()).acquire() as connection:
                rows = await connection.fetch(_TOLD, client_order_id)
                return tuple(one.message for one in await _carried(connection, rows))

    async def unsettled(self, limit: int) -> tuple[str, ...]:
        """Name the accounts with something under way."""
        with port_errors():
            rows = await (await self._pool.get()).fetch(_UNSETTLED, limit)
        return tuple(row["account"] for row in rows)

    async def pending(self) -> int:
        """Count what is still to be published."""
        with port_errors():
            return int(await (await self._pool.get()).fetchval(_PENDING))

    async def unpublished(self, limit: int) -> tuple[OutboxRow, ...]:
        """Give the oldest events that are still to be published."""
        with port_errors():
            rows = await (await self._pool.get()).fetch(_UNPUBLISHED, limit)
        return tuple(OutboxRow(row["outbox_position"], rows_of.event_value(row)) for row in rows)

    async def mark_published(self, positions: tuple[int, ...]) -> None:
        """Remember that the broker accepted these events."""
        with port_errors():
            await (await self._pool.get()).execute(_PUBLISHED, list(positions))

    async def mark_refused(self, position: int, reason: str) -> None:
        """Remember that the broker refuses this event for good."""
        with port_errors():
            await (await self._pool.get()).execute(_REFUSED, position, reason)


async def _kept(connection: asyncpg.pool.PoolConnectionProxy, rows: Sequence[asyncpg.Record]) -> tuple[KeptOrder, ...]:
    names = [row["client_order_id"] for row in rows]
    fills = await connection.fetch(_FILLS, names) if names else []
    executed: dict[str, list[asyncpg.Record]] = {}
    for one in fills:
        executed.setdefault(one["client_order_id"], []).append(one)
    return tuple(rows_of.kept_order(row, executed.get(row["client_order_id"], ())) for row in rows)


async def _carried(connection: asyncpg.pool.PoolConnectionProxy, rows: Sequence[asyncpg.Record]) -> tuple[Carried, ...]:
    names = [row["client_order_id"] for row in rows]
    kept = await _kept(connection, await connection.fetch(_ORDERS, names)) if names else ()
    orders = {one.update.client_order_id: one.order.submission for one in kept}
    return tuple(rows_of.carried_value(row, orders[row["client_order_id"]]) for row in rows)


def _contents(chapter: Chapter) -> tuple[object, ...]:
    """Give parameters 7 to 22 of a store."""
    return (
        *rows_of.order_documents(chapter),
        rows_of.update_documents(chapter.steps),
        rows_of.fill_documents(chapter.steps),
        rows_of.position_documents(chapter.positions),
        rows_of.answer_documents(chapter.answers),
        rows_of.message_documents(chapter.messages),
        *rows_of.event_columns(chapter.events),
    )


def _fenced(account: str) -> Fenced:
    return Fenced(f"account {account!r} is led by another writer now; ask there")
