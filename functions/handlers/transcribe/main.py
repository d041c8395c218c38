"""Compose and serve `transcribe`."""

from dataclasses import dataclass

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.handlers.transcribe import CARD, handler
from functions.runtime import event_app
from functions.runtime.hosting import HostedHandler


@dataclass(frozen=True, slots=True)
class Settings:
    """Need nothing: what a message says is decided by the message."""


def compose(_: Settings) -> HostedHandler:
    """Host the handler; it has no collaborators."""
    return HostedHandler(card=CARD, handle=handler.handle)


respond = event_app.endpoint(Settings, compose)


@functions_framework.aio.http
async def handle(request: Request) -> Response:
    """Answer one request; functions-framework finds this name."""
    return await respond(request)


if __name__ == "__main__":
    event_app.serve(respond, handle)
