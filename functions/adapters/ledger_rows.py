"""Write what a ledger keeps as rows of its tables, and read rows back; no statement lives here.

Rows travel as JSON documents, decimals as plain text, so that a group of any size is one parameter.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final, TypeAlias

import asyncpg
import msgspec

from functions.domain.decisions import (
    ExecType,
    Fill,
    OrderIntent,
    OrderStatus,
    OrderUpdate,
    Quote,
    Side,
    Submission,
    TimeInForce,
)
from functions.domain.money import mantissa_of, plain, scaled
from functions.domain.orders.account import Account, Position
from functions.domain.orders.booking import in_motion
from functions.domain.orders.life import Order, Replacement, Trade
from functions.ports.ledger import Carried, Chapter, KeptOrder, Placed, RequestAnswer
from functions.ports.venue_orders import MessageKind, VenueMessage
from functions.wire import facts
from functions.wire.codecs.risk import decimal_text
from functions.wire.envelope import Event, ExtensionValue

Row: TypeAlias = asyncpg.Record
Document: TypeAlias = dict[str, object]

FIGURES_KEPT_MAX: Final = 4096
"""Sizes and prices whose text is remembered: orders of one instrument repeat each other's."""


def documents(rows: Iterable[Document]) -> str:
    """Write rows as one JSON document."""
    return msgspec.json.encode(list(rows)).decode()


def order_documents(chapter: Chapter) -> tuple[str, str]:
    """Write the orders a chapter begins, and those it touched that began before."""
    lives = {order.submission.client_order_id: order for order in chapter.orders}
    opened = {step.client_order_id: step.sequence for step in reversed(chapter.steps)}
    begun = [
        _placed(one, lives.pop(one.submission.client_order_id), opened[one.submission.client_order_id])
        for one in chapter.placed
    ]
    touched: list[Document] = [
        {"client_order_id": name, "working": in_motion(order), "life": _life(order)} for name, order in lives.items()
    ]
    return documents(begun), documents(touched)


def _placed(placed: Placed, order: Order, opened: int) -> Document:
    submission = placed.submission
    asked, quote = submission.order, submission.quote
    price, size = asked.price_exponent, asked.size_exponent
    return {
        "client_order_id": submission.client_order_id,
        "instrument_id": asked.instrument_id,
        "side": asked.side.value,
        "quantity": _figure(asked.quantity, size),
        "limit_price": _figure(asked.limit_price, price),
        "bid_price": _figure(quote.bid_price, price),
        "bid_size": _figure(quote.bid_size, size),
        "ask_price": _figure(quote.ask_price, price),
        "ask_size": _figure(quote.ask_size, size),
        "quote_ns": quote.ts_event,
        "as_of_ns": submission.as_of_ns,
        "limits_version": placed.limits_version,
        "signal_id": submission.signal_id,
        "causation_id": submission.causation_id,
        "correlation_id": submission.correlation_id,
        "time_in_force": asked.time_in_force.value,
        "price_exponent": price,
        "size_exponent": size,
        "opened": opened,
        "answer_n": placed.answer_n,
        "working": in_motion(order),
        "life": _life(order),
    }


@lru_cache(maxsize=FIGURES_KEPT_MAX)
def _figure(mantissa: int, exponent: int) -> str:
    return plain(scaled(mantissa, exponent))


def _life(order: Order) -> Document:
    wanted = order.replacement
    return {
        "quantity": order.quantity,
        "limit_price": order.limit_price,
        "steps": order.steps,
        "acknowledged": order.acknowledged,
        "ended": order.ended.value if order.ended else None,
        "cancel_id": order.cancel_id,
        "replacement": [wanted.request_id, wanted.quantity, wanted.limit_price] if wanted else None,
        "fills": order.fills,
        "venue_order_id": order.venue_order_id,
        "unknown": order.unknown,
    }


def update_documents(steps: Iterable[OrderUpdate | Fill]) -> str:
    """Write the steps of orders' lives."""
    return documents(
        {
            "client_order_id": one.client_order_id,
            "n": one.n,
            "sequence": one.sequence,
            "status": one.status.value,
            "quantity": decimal_text(one.quantity),
            "limit_price": decimal_text(one.limit_price),
            "cumulative_quantity": decimal_text(one.cumulative_quantity),
            "leaves_quantity": decimal_text(one.leaves_quantity),
            "reasons": one.reasons,
            "as_of_ns": one.as_of_ns,
            "exec_type": one.exec_type.value if one.exec_type else "",
            "venue_order_id": one.venue_order_id,
            "request_id": one.request_id,
            "average_price": decimal_text(one.average_price),
            "outcome_unknown": one.outcome_unknown,
        }
        for one in steps
        if isinstance(one, OrderUpdate)
    )


def fill_documents(steps: Iterable[OrderUpdate | Fill]) -> str:
    """Write executions."""
    return documents(
        {
            "client_order_id": one.client_order_id,
            "n": one.n,
            "sequence": one.sequence,
            "quantity": decimal_text(one.quantity),
            "price": decimal_text(one.price),
            "as_of_ns": one.as_of_ns,
            "exec_id": one.exec_id,
            "fee": decimal_text(one.fee),
            "currency": one.currency,
            "multiplier": decimal_text(one.multiplier),
            "replaces_exec_id": one.replaces_exec_id,
        }
        for one in steps
        if isinstance(one, Fill)
    )


def position_documents(positions: Iterable[Position]) -> str:
    """Write positions."""
    return documents(
        {"instrument_id": one.instrument_id, "quantity": decimal_text(one.quantity), "price": decimal_text(one.price)}
        for one in positions
    )


def answer_documents(answers: Iterable[RequestAnswer]) -> str:
    """Write what requests were answered."""
    return documents(
        {
            "request_id": one.request_id,
            "client_order_id": one.client_order_id,
            "n": one.n,
            "reasons": one.reasons,
        }
        for one in answers
    )


def message_documents(messages: Iterable[VenueMessage]) -> str:
    """Write what a venue is to be told."""
    return documents(
        {
            "sequence": one.sequence,
            "kind": one.kind.value,
            "client_order_id": one.client_order_id,
            "request_id": one.request_id,
            "quantity": one.quantity,
            "limit_price": one.limit_price,
            "as_of_ns": one.as_of_ns,
        }
        for one in messages
    )


def event_columns(events: Sequence[Event]) -> tuple[list[object], ...]:
    """Write events as columns: bytes do not travel in JSON."""
    return (
        [facts.sequence_of(event) for event in events],
        [event.id for event in events],
        [event.source for event in events],
        [event.type for event in events],
        [event.time_ns for event in events],
        [event.subject for event in events],
        [event.datacontenttype for event in events],
        [msgspec.json.encode(dict(event.extensions)).decode() for event in events],
        [event.data for event in events],
    )


def event_value(row: Row) -> Event:
    """Read an event, as it was stored."""
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


def account_value(name: str, rows: Sequence[Row]) -> Account:
    """Read an account from its row beside each of its positions."""
    held = {
        row["instrument_id"]: Position(row["instrument_id"], row["quantity"], row["price"])
        for row in rows
        if row["instrument_id"] is not None
    }
    first = rows[0]
    return Account(name, first["capital"], first["cash"], held, first["next_sequence"], first["peak_equity"])


def update_value(row: Row) -> OrderUpdate:
    """Read a step of an order's life from its row beside its order's."""
    return OrderUpdate(
        client_order_id=row["client_order_id"],
        n=row["n"],
        account=row["account"],
        instrument_id=row["instrument_id"],
        side=Side(row["side"]),
        status=OrderStatus(row["status"]),
        quantity=row["step_quantity"],
        limit_price=row["step_limit_price"],
        cumulative_quantity=row["cumulative_quantity"],
        leaves_quantity=row["leaves_quantity"],
        reasons=tuple(json.loads(row["reasons"])),
        signal_id=row["signal_id"],
        as_of_ns=row["step_as_of_ns"],
        exec_type=ExecType(row["exec_type"]) if row["exec_type"] else None,
        venue_order_id=row["venue_order_id"],
        request_id=row["request_id"],
        average_price=row["average_price"],
        outcome_unknown=row["outcome_unknown"],
        sequence=row["sequence"],
    )


def fill_value(row: Row, update: OrderUpdate) -> Fill:
    """Read an execution of an order of which a step is known."""
    return Fill(
        client_order_id=update.client_order_id,
        n=row["n"],
        account=update.account,
        instrument_id=update.instrument_id,
        side=update.side,
        quantity=row["quantity"],
        price=row["price"],
        signal_id=update.signal_id,
        as_of_ns=update.as_of_ns if row["as_of_ns"] is None else row["as_of_ns"],
        exec_id=row["exec_id"],
        fee=row["fee"],
        currency=row["currency"],
        multiplier=row["multiplier"],
        replaces_exec_id=row["replaces_exec_id"],
        sequence=row["sequence"],
    )


def answer_value(row: Row) -> OrderUpdate:
    """Read what a request was answered about an order: the step beside it, with other reasons if it has them."""
    reasons = tuple(json.loads(row["other_reasons"]))
    update = update_value(row)
    return replace(update, reasons=reasons) if reasons else update


def kept_order(row: Row, executed: Sequence[Row]) -> KeptOrder:
    """Read an order as its writer knows it, from its row beside its last step, and its executions, oldest first."""
    submission, update = _submission(row), update_value(row)
    life = json.loads(row["life"])
    wanted = life["replacement"]
    fills = [fill_value(one, update) for one in executed]
    trades = _trades(fills, submission.order)
    counted = {"", *(one.exec_id for one in trades)}
    order = Order(
        submission=submission,
        quantity=life["quantity"],
        limit_price=life["limit_price"],
        steps=life["steps"],
        acknowledged=life["acknowledged"],
        ended=OrderStatus(life["ended"]) if life["ended"] else None,
        cancel_id=life["cancel_id"],
        replacement=Replacement(*wanted) if wanted else None,
        trades=trades,
        fills=life["fills"],
        venue_order_id=life["venue_order_id"],
        unknown=life["unknown"],
        gone=tuple(one.replaces_exec_id for one in fills if one.replaces_exec_id not in counted),
    )
    return KeptOrder(order, update)


def _submission(row: Row) -> Submission:
    price, size = row["price_exponent"], row["size_exponent"]
    asked = OrderIntent(
        account=row["account"],
        instrument_id=row["instrument_id"],
        side=Side(row["side"]),
        quantity=mantissa_of(row["quantity"], size),
        limit_price=mantissa_of(row["limit_price"], price),
        price_exponent=price,
        size_exponent=size,
        time_in_force=TimeInForce(row["time_in_force"]),
    )
    return Submission(
        client_order_id=row["client_order_id"],
        order=asked,
        quote=Quote(
            mantissa_of(row["bid_price"], price),
            mantissa_of(row["bid_size"], size),
            mantissa_of(row["ask_price"], price),
            mantissa_of(row["ask_size"], size),
            row["quote_ns"],
        ),
        as_of_ns=row["as_of_ns"],
        signal_id=row["signal_id"],
        causation_id=row["causation_id"],
        correlation_id=row["correlation_id"],
    )


def _trades(fills: Sequence[Fill], order: OrderIntent) -> tuple[Trade, ...]:
    """Give the executions that count: each fill adds one, takes one back, or puts another in its place."""
    trades: list[Trade] = []
    for fill in fills:
        quantity = mantissa_of(fill.quantity, order.size_exponent)
        price = mantissa_of(fill.price, order.price_exponent)
        made = [Trade(fill.exec_id, quantity, price, fill.fee, fill.multiplier)] if quantity else []
        replaced = (at for at, one in enumerate(trades) if one.exec_id == fill.replaces_exec_id)
        place = next(replaced, len(trades)) if fill.replaces_exec_id else len(trades)
        trades[place : place + 1] = made
    return tuple(trades)


def carried_value(row: Row, submission: Submission) -> Carried:
    """Read a message that may not have reached its venue, beside the order it is about, as it was handed in."""
    kind = MessageKind(row["kind"])
    message = VenueMessage(
        kind=kind,
        sequence=row["sequence"],
        client_order_id=row["client_order_id"],
        request_id=row["request_id"],
        order=submission.order,
        quantity=row["quantity"],
        limit_price=row["limit_price"],
        as_of_ns=row["as_of_ns"],
        quote=submission.quote if kind is MessageKind.NEW else None,
    )
    return Carried(message, row["state"] == "sending")
