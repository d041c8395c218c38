"""Be a venue in memory, as bad as a test wants it: the twin of real connections.

It keeps resting orders, fills them when told, and says what it did. Faults are set on it: delay, reject, drop,
disconnect, lose its answers.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from functions.domain.decisions import ExecType, OrderStatus
from functions.domain.orders.life import Report
from functions.ports.errors import Unavailable
from functions.ports.venue_orders import Connected, Heard, MessageKind, NotSent, VenueMessage

UNKNOWN_ORDER: Final = "unknown order"


@dataclass(slots=True)
class VenueOrder:
    """Hold an order as the venue knows it."""

    message: VenueMessage
    order_id: str
    quantity: int
    limit_price: int
    status: OrderStatus = OrderStatus.NEW
    trades: list[Report] = field(default_factory=list)

    @property
    def cumulative(self) -> int:
        """Give the quantity filled."""
        return sum(trade.quantity for trade in self.trades)


class MemoryVenue:
    """Port `VenueOrders`.

    Attributes:
        reached: Every message that reached it, in order.
        orders: Orders by client_order_id.
        connected: False while nothing can be sent; see `disconnect`.
        rejects: Whether new orders are refused.
        drops: How many of the next messages are lost on their way although the sender cannot know.
        fails: How many of the next messages arrive although the sender is told that nobody knows.
        mute: While True it says nothing of itself; what it would have said is said by `speak`.
    """

    def __init__(self) -> None:
        """Begin without orders."""
        self.reached: list[VenueMessage] = []
        self.orders: dict[str, VenueOrder] = {}
        self.connected = True
        self.rejects = False
        self.drops = 0
        self.fails = 0
        self.mute = False
        self._heard: Heard | None = None
        self._tell_connected: Connected | None = None
        self._said: deque[tuple[str, Report]] = deque()
        self._speaking: asyncio.Task[None] | None = None
        self._executions = 0

    async def start(self, heard: Heard, connected: Connected) -> None:
        """Take who listens."""
        self._heard, self._tell_connected = heard, connected

    async def close(self) -> None:
        """Say no more."""
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)
            self._speaking = None

    async def send(self, message: VenueMessage) -> None:
        """Take a message, or fail as it was told to.

        Raises:
            NotSent: It is disconnected.
            Unavailable: It was told to lose messages, or its answers.
        """
        if not self.connected:
            message_text = "the venue is disconnected"
            raise NotSent(message_text)
        lost = self.drops > 0
        if lost:
            self.drops -= 1
        else:
            self._take(message)
        if lost or self.fails > 0:
            self.fails -= not lost
            message_text = "the connection broke while a message was on its way"
            raise Unavailable(message_text)

    async def ask(self, client_order_id: str) -> tuple[Report, ...]:
        """Tell an order's executions and how it stands.

        Raises:
            Unavailable: It is disconnected.
        """
        if not self.connected:
            message = "the venue is disconnected"
            raise Unavailable(message)
        order = self.orders.get(client_order_id)
        if order is None:
            return (Report(ExecType.ORDER_STATUS, self._now_ns(), text=UNKNOWN_ORDER),)
        standing = Report(
            ExecType.ORDER_STATUS,
            order.message.as_of_ns,
            quantity=order.cumulative,
            venue_order_id=order.order_id,
            status=order.status,
        )
        return (*order.trades, standing)

    # --- what tests make it do ----------------------------------------------------------------------------------------

    def disconnect(self) -> None:
        """Break the connection: nothing is sent or said until `reconnect`."""
        self.connected = False

    async def reconnect(self) -> None:
        """Connect again, and say so."""
        self.connected = True
        self._speak()
        if self._tell_connected is not None:
            await self._tell_connected()

    def forget(self) -> None:
        """Lose every order, and what it would have said of them."""
        self.orders.clear()
        self._said.clear()

    def speak(self) -> None:
        """Say what was held back while it was mute."""
        self.mute = False
        self._speak()

    async def quiet(self) -> None:
        """Wait until everything said is stored."""
        while self._speaking is not None:
            await asyncio.wait((self._speaking,))

    def fill(self, client_order_id: str, quantity: int, *, price: int = 0, fee: Decimal = Decimal(0)) -> Report:
        """Fill an order, whatever its state: in part, late, after its cancel, or beyond its quantity."""
        order = self.orders[client_order_id]
        self._executions += 1
        trade = Report(
            ExecType.TRADE,
            order.message.as_of_ns,
            exec_id=f"E{self._executions}",
            quantity=quantity,
            price=price or order.limit_price,
            venue_order_id=order.order_id,
            fee=fee,
        )
        order.trades.append(trade)
        if order.status in {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED}:
            full = order.cumulative >= order.quantity
            order.status = OrderStatus.FILLED if full else OrderStatus.PARTIALLY_FILLED
        self.say(client_order_id, trade)
        return trade

    def say(self, client_order_id: str, report: Report) -> None:
        """Say something of an order, once more if it likes."""
        self._said.append((client_order_id, report))
        self._speak()

    # --- what it does by itself ---------------------------------------------------------------------------------------

    def _take(self, message: VenueMessage) -> None:
        self.reached.append(message)
        {MessageKind.NEW: self._open, MessageKind.CANCEL: self._cancel, MessageKind.REPLACE: self._replace}[
            message.kind
        ](message)

    def _open(self, message: VenueMessage) -> None:
        name = message.client_order_id
        if name in self.orders:
            return  # a ClOrdID that was used before: venues say so, and the order stands as it did
        order = VenueOrder(message, f"V{len(self.orders) + 1}", message.quantity, message.limit_price)
        self.orders[name] = order
        exec_type = ExecType.NEW
        if self.rejects:
            order.status, exec_type = OrderStatus.REJECTED, ExecType.REJECTED
        self.say(name, Report(exec_type, message.as_of_ns, venue_order_id=order.order_id))

    def _cancel(self, message: VenueMessage) -> None:
        order = self._working(message)
        if order is not None:
            order.status = OrderStatus.CANCELED
            self._answer(message, order, ExecType.CANCELED)

    def _replace(self, message: VenueMessage) -> None:
        order = self._working(message)
        if order is not None:
            order.quantity, order.limit_price = message.quantity, message.limit_price
            if order.cumulative >= order.quantity:
                order.status = OrderStatus.FILLED
            self._answer(message, order, ExecType.REPLACED)

    def _working(self, message: VenueMessage) -> VenueOrder | None:
        order = self.orders.get(message.client_order_id)
        if order is not None and order.status in {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED}:
            return order
        text = "too late to cancel" if order else UNKNOWN_ORDER
        refusal = Report(ExecType.CANCEL_REJECT, message.as_of_ns, request_id=message.request_id, text=text)
        self.say(message.client_order_id, refusal)
        return None

    def _answer(self, message: VenueMessage, order: VenueOrder, exec_type: ExecType) -> None:
        report = Report(exec_type, message.as_of_ns, venue_order_id=order.order_id, request_id=message.request_id)
        self.say(message.client_order_id, report)

    def _now_ns(self) -> int:
        """Give the time of the newest message: this venue has no clock."""
        return self.reached[-1].as_of_ns if self.reached else 1

    def _speak(self) -> None:
        if self._speaking is None and self._said and self.connected and not self.mute:
            self._speaking = asyncio.create_task(self._say_all())

    async def _say_all(self) -> None:
        try:
            while self._said and self.connected and not self.mute:
                if self._heard is not None:
                    await self._heard(*self._said[0])
                self._said.popleft()
        except Unavailable:
            return  # it was not stored: said again with whatever is said next
        finally:
            self._speaking = None
