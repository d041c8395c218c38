"""Compose and serve `sentiment`."""

from dataclasses import dataclass
from functools import partial

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.adapters.texts_client import DEADLINE_MS, TextsClient
from functions.handlers.sentiment import CARD, handler
from functions.runtime import event_app
from functions.runtime.hosting import HostedHandler
from functions.runtime.settings import at_least_one


@dataclass(frozen=True, slots=True)
class Settings:
    """Say who scores, and what is read.

    Args:
        inference_target: Address of the inference service, `host:port`.
        inference_deadline_ms: Longest wait for an answer before it is degraded; a replay sets minutes.
        sentiment_models: Models over texts that should be heard; one that is not answers degraded.
        sentiment_body: Bodies are read behind headlines: for a model of 512 tokens, not for the shipped one.
    """

    inference_target: str = "127.0.0.1:50051"
    inference_deadline_ms: int = DEADLINE_MS
    sentiment_models: tuple[str, ...] = ("sentiment",)
    sentiment_body: bool = False

    def __post_init__(self) -> None:
        """Refuse to wait for nothing: every answer would be degraded."""
        at_least_one(self, "inference_deadline_ms")


def compose(settings: Settings) -> HostedHandler:
    """Join the handler with its client; the connection opens with the first event."""
    client = TextsClient(
        settings.inference_target, settings.sentiment_models, deadline_ms=settings.inference_deadline_ms
    )
    deps = handler.Deps(texts=client, body=settings.sentiment_body)
    return HostedHandler(card=CARD, handle=partial(handler.handle, deps=deps), close=client.close)


respond = event_app.endpoint(Settings, compose)


@functions_framework.aio.http
async def handle(request: Request) -> Response:
    """Answer one request; functions-framework finds this name."""
    return await respond(request)


if __name__ == "__main__":
    event_app.serve(respond, handle)
