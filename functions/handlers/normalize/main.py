"""Compose and serve `normalize`."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.adapters.reference import SHIPPED, FileReference
from functions.handlers.normalize import CARD, handler
from functions.runtime import event_app
from functions.runtime.hosting import HostedHandler


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what rows are held against.

    Args:
        future_skew_ms_max: How far venue time may be ahead of receive time, milliseconds; the captures are 1,272 ahead.
        reference: File of instruments; empty takes the shipped one.
    """

    future_skew_ms_max: int = 10_000
    reference: str = ""


def compose(settings: Settings) -> HostedHandler:
    """Join the handler with its reference, which is read here, once."""
    reference = FileReference(Path(settings.reference) if settings.reference else SHIPPED)
    deps = handler.Deps(units=handler.units_of(reference), future_skew_ms_max=settings.future_skew_ms_max)
    return HostedHandler(card=CARD, handle=partial(handler.handle, deps=deps))


respond = event_app.endpoint(Settings, compose)


@functions_framework.aio.http
async def handle(request: Request) -> Response:
    """Answer one request; functions-framework finds this name."""
    return await respond(request)


if __name__ == "__main__":
    event_app.serve(respond, handle)
