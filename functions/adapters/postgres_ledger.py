"""Keep accounts, orders and their outbox in PostgreSQL: one booking, one transaction.

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
from functions.domain.orders import Account, Booking, Position
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
_FILLS: Final = "SELECT n, quantity, price FROM ledger_fill WHERE client_order_id = $1 ORDER BY n"
_MOVE: Final = """
UPDATE ledger_account SET cash = $3, next_sequence = $4 WHERE account = $1 AND next_sequence = $2 RETURNING true
"""
_PUT_ORDER: Final = """
INSERT INTO ledger_order (client_order_id, account, instrument_id, side, quantity, limit_price, bid_price, bid_size,
    ask_price, ask_size, quote_ns, as_of_ns, limits_version, signal_id, causation_id, correlation_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""
_PUT_UPDATE: Final = """
INSERT INTO ledger_order_update (client_order_id, n, status, cumulative_quantity, leaves_quantity, reasons)
VALUES ($1, $2, $3, $4, $5, $6)
"""
_PUT_FILL: Final = "INSERT INTO ledger_fill (client_order_id, n, quantity, price) VALUES ($1, $2, $3, $4)"
_PUT_POSITION: Final = """
INSERT INTO ledger_position (account, instrument_id, quantity, price) VALUES ($1, $2, $3, $4)
ON CONFLICT (account, instrument_id) DO UPDATE SET quantity = excluded.quantity, price = excluded.price
"""
_PUT_EVENT: Final = """
INSERT INTO ledger_outbox (account, sequence, event_id, source, type, time_ns, subject, content_type, extensions, data)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
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
        if not rows:
            return None
        held = {
            row["instrument_id"]: Position(row["instrument_id"], row["quantity"], row["price"])
            for row in rows
            if row["instrument_id"] is not None
        }
        return Account(name, rows[0]["capital"], rows[0]["cash"], held, rows[0]["next_sequence"])

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
            async with (await self._pool.get()).acquire() as connection:
                try:
                    await _store(connection, booking, events)
                except asyncpg.UniqueViolationError as error:
                    message = f"order {booking.submission.client_order_id} was booked first by another writer"
                    raise AccountMoved(message) from error

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


async def _store(connection: asyncpg.pool.PoolConnectionProxy, booking: Booking, events: tuple[Event, ...]) -> None:
    account, order_id = booking.account, booking.submission.client_order_id
    async with connection.transaction():
        if not await connection.fetchval(_MOVE, account.name, booking.sequence, account.cash, account.sequence):
            message = f"account {account.name!r} was booked by another writer; load it again"
            raise AccountMoved(message)
        await connection.execute(_PUT_ORDER, *_order(booking))
        await connection.executemany(_PUT_UPDATE, [_update(one) for one in booking.updates])
        if booking.fills:
            await connection.executemany(
                _PUT_FILL, [(order_id, one.n, one.quantity, one.price) for one in booking.fills]
            )
        held = account.positions.get(booking.submission.order.instrument_id)
        if held is not None:
            await connection.execute(_PUT_POSITION, *_position(account.name, held))
        await connection.executemany(_PUT_EVENT, [_outbox(account.name, event) for event in events])


def _held(account: Account) -> tuple[Position, ...]:
    return tuple(account.positions.values())


def _position(account: str, position: Position) -> tuple[str, str, Decimal, Decimal]:
    return account, position.instrument_id, position.quantity, position.price


def _order(booking: Booking) -> tuple[str | int | Decimal, ...]:
    submission = booking.submission
    order, quote = submission.order, submission.quote
    return (
        submission.client_order_id,
        order.account,
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
    )


def _update(update: OrderUpdate) -> tuple[str, int, str, Decimal, Decimal, list[str]]:
    return (
        update.client_order_id,
        update.n,
        update.status.value,
        update.cumulative_quantity,
        update.leaves_quantity,
        list(update.reasons),
    )


def _outbox(account: str, event: Event) -> tuple[str | int | bytes | None, ...]:
    return (
        account,
        facts.sequence_of(event),
        event.id,
        event.source,
        event.type,
        event.time_ns,
        event.subject,
        event.datacontenttype,
        json.dumps(dict(event.extensions), sort_keys=True),
        event.data,
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
        reasons=tuple(row["reasons"]),
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
