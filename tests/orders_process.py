"""Be an orders process that dies, or stops, at a named point; and a venue that is a file, which outlives it.

`serve` runs in a process of its own. Every message that reaches the venue is a line of the file; orders whose quantity
is even are filled whole at once.
"""

import asyncio
import json
import os
import pathlib
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection

from tickloom.orders.v1 import service_pb2_grpc
from trading import NOW, WIDE

from functions.adapters.postgres import Pool
from functions.adapters.postgres_ledger import PostgresLedger
from functions.adapters.risk_memory import MemoryRisk
from functions.domain.decisions import ExecType, OrderStatus
from functions.domain.orders.life import Report
from functions.ports.ledger import Chapter
from functions.ports.venue_orders import Connected, Heard, MessageKind, VenueMessage
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.runtime.outcomes import code_of
from functions.runtime.settings import Hosting
from functions.services.orders import CARD
from functions.services.orders.desk import OrderDesk
from functions.services.orders.service import OrdersServicer
from functions.services.orders.writer import Lead

LABELS = ("before_store", "after_store", "before_send", "after_send", "before_ack", "after_ack")


@dataclass(slots=True)
class Fuse:
    """Send the own process a signal when a point is reached for the `times`-th time."""

    label: str = ""
    times: int = 1
    number: int = signal.SIGKILL

    def reach(self, label: str) -> None:
        """Reach a point."""
        if label == self.label:
            self.times -= 1
            if not self.times:
                os.kill(os.getpid(), self.number)


class FusedLedger(PostgresLedger):
    """A ledger of record whose process may die around a store."""

    def __init__(self, pool: Pool, fuse: Fuse) -> None:
        """Use a pool and a fuse."""
        super().__init__(pool)
        self._fuse = fuse

    async def store(self, chapter: Chapter, *, lease_ms: int) -> None:
        """Store a chapter."""
        self._fuse.reach("before_store")
        await super().store(chapter, lease_ms=lease_ms)
        self._fuse.reach("after_store")


class FileVenue:
    """A venue that is a file of what reached it; its answers are functions of that file."""

    def __init__(self, path: pathlib.Path, fuse: Fuse) -> None:
        """Use a file and a fuse."""
        self._path = path
        self._fuse = fuse
        self._heard: Heard | None = None
        self._saying: set[asyncio.Task[None]] = set()

    async def start(self, heard: Heard, connected: Connected) -> None:
        """Take who listens; a file is never out of reach."""
        del connected
        self._heard = heard

    async def close(self) -> None:
        """Finish what is being said."""
        await asyncio.gather(*self._saying, return_exceptions=True)

    async def send(self, message: VenueMessage) -> None:
        """Write a message down, and answer it beside."""
        self._fuse.reach("before_send")
        line = {"kind": message.kind.value, "id": message.client_order_id, "quantity": message.quantity}
        with self._path.open("ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")
        self._fuse.reach("after_send")
        task = asyncio.create_task(self._answer(message.client_order_id, message.quantity))
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    async def ask(self, client_order_id: str) -> tuple[Report, ...]:
        """Tell how an order stands by what is written."""
        for line in reached(self._path):
            if line["id"] == client_order_id and line["kind"] == MessageKind.NEW.value:
                filled = int(str(line["quantity"])) if int(str(line["quantity"])) % 2 == 0 else 0
                status = OrderStatus.FILLED if filled else OrderStatus.NEW
                standing = Report(ExecType.ORDER_STATUS, NOW, quantity=filled, status=status, venue_order_id="V")
                return (*_trades(client_order_id, filled), standing)
        return (Report(ExecType.ORDER_STATUS, NOW),)

    async def _answer(self, client_order_id: str, quantity: int) -> None:
        assert self._heard is not None
        filled = quantity if quantity % 2 == 0 else 0
        for report in (Report(ExecType.NEW, NOW, venue_order_id="V"), *_trades(client_order_id, filled)):
            self._fuse.reach("before_ack")
            await self._heard(client_order_id, report)
            self._fuse.reach("after_ack")


def _trades(client_order_id: str, quantity: int) -> tuple[Report, ...]:
    if not quantity:
        return ()
    return (Report(ExecType.TRADE, NOW, exec_id=f"E-{client_order_id}", quantity=quantity, price=249_000),)


def reached(path: pathlib.Path) -> list[dict[str, object]]:
    """Read what reached the venue."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def serve(url: str, venue: pathlib.Path, lead: Lead, fuse: Fuse, ready: Connection) -> None:
    """Serve orders until killed; say the port once it answers."""
    asyncio.run(_serve(url, venue, lead, fuse, ready))


async def _serve(url: str, venue: pathlib.Path, lead: Lead, fuse: Fuse, ready: Connection) -> None:
    ledger = FusedLedger(Pool(url), fuse)
    desk = OrderDesk(ledger, MemoryRisk(WIDE), now_ns=lambda: NOW, lead=lead, venue=FileVenue(venue, fuse))
    servicer = OrdersServicer(desk, ledger, fault=lambda error: (code_of(error), True))
    await desk.start()
    hosted = HostedService(
        CARD, lambda server: service_pb2_grpc.add_OrdersServiceServicer_to_server(servicer, server), ()
    )
    running = await grpc_app.start(hosted, host="127.0.0.1", port=0, hosting=Hosting(drain_ms=0, graceful_s=1))
    ready.send(running.port)
    await asyncio.Event().wait()
