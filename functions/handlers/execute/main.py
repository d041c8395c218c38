"""Bind `execute` to the orders service, and serve it."""

from dataclasses import dataclass
from functools import partial

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.adapters.orders_client import DEADLINE_MS, GrpcOrders
from functions.handlers.execute import CARD, handler
from functions.runtime import event_app
from functions.runtime.hosting import HostedHandler
from functions.runtime.settings import at_least_one


@dataclass(frozen=True, slots=True)
class Settings:
    """Say where reports go.

    Args:
        orders_target: Address of the orders service, `host:port`.
        orders_deadline_ms: Longest wait until a report is stored, before it is delivered again.
    """

    orders_target: str = "127.0.0.1:50053"
    orders_deadline_ms: int = DEADLINE_MS

    def __post_init__(self) -> None:
        """Refuse to wait for nothing."""
        at_least_one(self, "orders_deadline_ms")


def compose(settings: Settings) -> HostedHandler:
    """Join the handler with its client; the channel opens with the first report."""
    orders = GrpcOrders(settings.orders_target, deadline_ms=settings.orders_deadline_ms)
    return HostedHandler(CARD, partial(handler.handle, deps=handler.Deps(orders.report)), orders.close)


respond = event_app.endpoint(Settings, compose)


@functions_framework.aio.http
async def handle(request: Request) -> Response:
    """Answer one request; functions-framework finds this name."""
    return await respond(request)


if __name__ == "__main__":
    event_app.serve(respond, handle)
