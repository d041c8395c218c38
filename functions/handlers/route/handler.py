"""Hand in the order a Signal asks for; the answer is 204 whether or not there was one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from functions.domain.decisions import OrderIntent, Signal, Submission
from functions.domain.orders.intents import Sizing, Unsized, size_order
from functions.handlers.route import CARD
from functions.ports.orders import Orders
from functions.wire import facts
from functions.wire.codecs.orders import ORDER
from functions.wire.codecs.signals import SIGNAL, decode_signal
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

FIRST_LEG: Final = 0
"""A signal makes one order; its leg is part of the order's id so that another strategy may make more."""


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handler needs: who takes orders, and how large these are."""

    orders: Orders
    sizing: Sizing


async def handle(event: Event, *, deps: Deps) -> Event | None:
    """Submit the order of one signal; one that holds, has no quote or is too small for one unit submits nothing.

    `measures` says why.

    Raises:
        Malformed: The event is no readable Signal.
        Rejected: The signal has no time, or the orders service refuses such an order for good.
        Unavailable: The outcome is unknown; the same signal makes the same order again.
    """
    if event.type != SIGNAL:
        detail = f"{CARD.name} reads {SIGNAL}, not {event.type}"
        raise Malformed(detail)
    signal = decode_signal(event.data or b"")
    order = size_order(signal, deps.sizing)
    if isinstance(order, OrderIntent):
        await deps.orders.submit(_submission(event, signal, order))
    return None


async def measures(event: Event, *, sizing: Sizing) -> list[tuple[str, Mapping[str, str], float]]:
    """Count what became of a signal: an order, or why there is none."""
    order = size_order(decode_signal(event.data or b""), sizing)
    outcome = order.value if isinstance(order, Unsized) else "ordered"
    return [("tickloom_signals_routed_total", {"outcome": outcome}, 1)]


def _submission(event: Event, signal: Signal, order: OrderIntent) -> Submission:
    return Submission(
        client_order_id=facts.fact_id(ORDER, order.account, signal.signal_id, FIRST_LEG),
        order=order,
        quote=signal.quote,
        as_of_ns=signal.as_of_ns,
        signal_id=signal.signal_id,
        causation_id=event.id,
        correlation_id=str(event.extensions.get("correlationid", "")),
    )
