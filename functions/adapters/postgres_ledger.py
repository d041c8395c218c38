"""Keep accounts, orders and their outbox in PostgreSQL: one booking, one statement, one transaction.

The account's row is the lock: a booking moves `next_sequence` from exactly the number it was decided on, so a second
writer waits, finds the number moved, and has stored nothing.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import asyncpg

from functions.adapters.postgres import Pool, port_errors
from functions.domain.decisions import Fill, OrderOutcome, OrderStatus, OrderUpdate, Side
from functions.domain.money import scaled
from functions.domain.orders.account import Account, Position
from functions.domain.orders.booking import Booking
from functions.ports.ledger import AccountMoved, OutboxRow
from functions.wire import facts
from functions.wire.envelope import Event, ExtensionValue

_OPEN_ACCOUNT: Final = """
INSERT INTO ledger_account (account, capital, cash, next_sequence) VALUES ($1, $2, $3, $4)
ON CONFLICT (account) DO NOTHING RETURNING true
"""
_ACCOUNT: Final = """
SELECT capital, cash, next_sequence, instrument_id, quantity, price
FROM ledger_account LEFT JOIN ledger_position USING (account) WHERE account = $1
"""
_ORDER: Final = """
SELECT o.account, o.instrument_id, o.side, o.quantity, o.limit_price, o.signal_id, o.as_of_ns,
       u.n, u.status, u.cumulative_quantity, u.leaves_quantity, u.reasons
FROM ledger_order o JOIN ledger_order_update u USING (client_order_id)
WHERE client_order_id = $1 ORDER BY u.n DESC LIMIT 1
"""
_LOOK_UP: Final = """
SELECT EXISTS (SELECT FROM ledger_order WHERE client_order_id = $2) AS known,
       a.capital, a.cash, a.next_sequence, p.instrument_id, p.quantity, p.price
FROM (VALUES ($1::text)) AS asked (account)
LEFT JOIN ledger_account a USING (account) LEFT JOIN ledger_position p USING (account)
"""
_FILLS: Final = "SELECT n, quantity, price FROM ledger_fill WHERE client_order_id = $1 ORDER BY n"
_PUT_POSITION: Final = "INSERT INTO ledger_position (account, instrument_id, quantity, price) VALUES ($1, $2, $3, $4)"
# One statement is one transaction and one round trip: nothing is stored unless the account's row moves.
_COMMIT: Final = """
WITH moved AS (
    UPDATE ledger_account SET cash = $3, next_sequence = $4 WHERE account = $1 AND next_sequence = $2 RETURNING account
), put_order AS (
    INSERT INTO ledger_order (account, client_order_id, instrument_id, side, quantity, limit_price, bid_price, bid_size,
        ask_price, ask_size, quote_ns, as_of_ns, limits_version, signal_id, causation_id, correlation_id)
    SELECT account, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19 FROM moved
), put_updates AS (
    INSERT INTO ledger_order_update (client_order_id, n, status, cumulative_quantity, leaves_quantity, reasons)
    SELECT $5, one.* FROM moved, unnest(
        $20::integer[], $21::text[], $22::numeric[], $23::numeric[], $24::jsonb[]) AS one
), put_fills AS (
    INSERT INTO ledger_fill (client_order_id, n, quantity, price)
    SELECT $5, one.* FROM moved, unnest($25::integer[], $26::numeric[], $27::numeric[]) AS one
), put_position AS (
    INSERT INTO ledger_position (account, instrument_id, quantity, price)
    SELECT account, $6, $28::numeric, $29::numeric FROM moved WHERE $28::numeric IS NOT NULL
    ON CONFLICT (account, instrument_id) DO UPDATE SET quantity = excluded.quantity, price = excluded.price
), put_events AS (
    INSERT INTO ledger_outbox
        (account, sequence, event_id, source, type, time_ns, subject, content_type, extensions, data)
    SELECT account, one.* FROM moved, unnest($30::bigint[], $31::text[], $32::text[], $33::text[], $34::bigint[],
        $35::text[], $36::text[], $37::jsonb[], $38::bytea[]) AS one
)
SELECT count(*) FROM moved
"""
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
        with port_errors():
            async with (await self._pool.get()).acquire() as connection, connection.transaction():
                row = (account.name, account.capital, account.cash, account.sequence)
                if not await connection.fetchval(_OPEN_ACCOUNT, *row):
                    return False
                await connection.executemany(_PUT_POSITION, [_position(account.name, one) for one in _held(account)])
                return True

    async def account(self, name: str) -> Account | None:
        """Give an account as last booked."""
        with port_errors():
            rows = await (await self._pool.get()).fetch(_ACCOUNT, name)
        return _account(name, rows) if rows else None

    async def look_up(self, client_order_id: str, account: str) -> OrderOutcome | Account | None:
        """Give an order's stored outcome, else its account as last booked, in one round trip."""
        with port_errors():
            rows = await (await self._pool.get()).fetch(_LOOK_UP, account, client_order_id)
        if rows[0]["known"]:
            return await self.find(client_order_id)
        return None if rows[0]["capital"] is None else _account(account, rows)

    async def find(self, client_order_id: str) -> OrderOutcome | None:
        """Give the outcome that is stored for an order."""
        with port_errors():
            async with (await self._pool.get()).acquire() as connection:
                row = await connection.fetchrow(_ORDER, client_order_id)
                if row is None:
                    return None
                fills = await connection.fetch(_FILLS, client_order_id)
        return _outcome(client_order_id, row, fills)

    async def commit(self, booking: Booking, events: tuple[Event, ...]) -> None:
        """Store a booking and its events in one transaction.

        Raises:
            AccountMoved: The account or the order was booked first by another.
            Unavailable: PostgreSQL did not answer; whether it stored the booking is unknown.
        """
        with port_errors():
            pool = await self._pool.get()
            try:
                moved = await pool.fetchval(_COMMIT, *_booking(booking), *_events(events))
            except asyncpg.UniqueViolationError as error:
                message = f"order {booking.submission.client_order_id} was booked first by another writer"
                raise AccountMoved(message) from error
        if not moved:
            message = f"account {booking.account.name!r} was booked by another writer; load it again"
            raise AccountMoved(message)

    async def pending(self) -> int:
        """Count what is still to be published."""
        with port_errors():
            return int(await (await self._pool.get()).fetchval(_PENDING))

    async def unpublished(self, limit: int) -> tuple[OutboxRow, ...]:
        """Give the oldest events that are still to be published."""
        with port_errors():
            rows = await (await self._pool.get()).fetch(_UNPUBLISHED, limit)
        return tuple(OutboxRow(row["outbox_position"], _event(row)) for row in rows)

    async def mark_published(self, positions: tuple[int, ...]) -> None:
        """Remember that the broker accepted these events."""
        with port_errors():
            await (await self._pool.get()).execute(_PUBLISHED, list(positions))

    async def mark_refused(self, position: int, reason: str) -> None:
        """Remember that the broker refuses this event for good."""
        with port_errors():
            await (await self._pool.get()).execute(_REFUSED, position, reason)


def _account(name: str, rows: Sequence[asyncpg.Record]) -> Account:
    held = {
        row["instrument_id"]: Position(row["instrument_id"], row["quantity"], row["price"])
        for row in rows
        if row["instrument_id"] is not None
    }
    return Account(name, rows[0]["capital"], rows[0]["cash"], held, rows[0]["next_sequence"])


def _held(account: Account) -> tuple[Position, ...]:
    return tuple(account.positions.values())


def _position(account: str, position: Position) -> tuple[str, str, Decimal, Decimal]:
    return account, position.instrument_id, position.quantity, position.price


def _booking(booking: Booking) -> tuple[object, ...]:
    """Give parameters 1 to 29 of a commit."""
    account, submission = booking.account, booking.submission
    order, quote = submission.order, submission.quote
    held = account.positions.get(order.instrument_id)
    return (
        account.name,
        booking.sequence,
        account.cash,
        account.sequence,
        submission.client_order_id,
        order.instrument_id,
        order.side.value,
        scaled(order.quantity, order.size_exponent),
        scaled(order.limit_price, order.price_exponent),
        scaled(quote.bid_price, order.price_exponent),
        scaled(quote.bid_size, order.size_exponent),
        scaled(quote.ask_price, order.price_exponent),
        scaled(quote.ask_size, order.size_exponent),
        quote.ts_event,
        submission.as_of_ns,
        booking.limits_version,
        submission.signal_id,
        submission.causation_id,
        submission.correlation_id,
        [one.n for one in booking.updates],
        [one.status.value for one in booking.updates],
        [one.cumulative_quantity for one in booking.updates],
        [one.leaves_quantity for one in booking.updates],
        [json.dumps(one.reasons) for one in booking.updates],
        [one.n for one in booking.fills],
        [one.quantity for one in booking.fills],
        [one.price for one in booking.fills],
        None if held is None else held.quantity,
        None if held is None else held.price,
    )


def _events(events: tuple[Event, ...]) -> tuple[list[object], ...]:
    """Give parameters 30 to 38 of a commit, a column each."""
    return (
        [facts.sequence_of(event) for event in events],
        [event.id for event in events],
        [event.source for event in events],
        [event.type for event in events],
        [event.time_ns for event in events],
        [event.subject for event in events],
        [event.datacontenttype for event in events],
        [json.dumps(dict(event.extensions), sort_keys=True) for event in events],
        [event.data for event in events],
    )


def _event(row: asyncpg.Record) -> Event:
    extensions: dict[str, ExtensionValue] = json.loads(row["extensions"])
    return Event(
        id=row["event_id"],
        source=row["source"],
        type=row["type"],
        data=row["data"],
        time_ns=row["time_ns"],
        subject=row["subject"],
        datacontenttype=row["content_type"],
        extensions=extensions,
    )


def _outcome(client_order_id: str, row: asyncpg.Record, fills: Sequence[asyncpg.Record]) -> OrderOutcome:
    side = Side(row["side"])
    update = OrderUpdate(
        client_order_id=client_order_id,
        n=row["n"],
        account=row["account"],
        instrument_id=row["instrument_id"],
        side=side,
        status=OrderStatus(row["status"]),
        quantity=row["quantity"],
        limit_price=row["limit_price"],
        cumulative_quantity=row["cumulative_quantity"],
        leaves_quantity=row["leaves_quantity"],
        reasons=tuple(json.loads(row["reasons"])),
        signal_id=row["signal_id"],
        as_of_ns=row["as_of_ns"],
    )
    return OrderOutcome(update, tuple(_fill(update, one) for one in fills))


def _fill(update: OrderUpdate, row: asyncpg.Record) -> Fill:
    return Fill(
        client_order_id=update.client_order_id,
        n=row["n"],
        account=update.account,
        instrument_id=update.instrument_id,
        side=update.side,
        quantity=row["quantity"],
        price=row["price"],
        signal_id=update.signal_id,
        as_of_ns=update.as_of_ns,
    )
