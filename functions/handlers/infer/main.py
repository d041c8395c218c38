"""Compose and serve `infer`."""

from dataclasses import dataclass
from functools import partial

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.adapters.inference_client import DEADLINE_MS, InferenceClient
from functions.handlers.infer import CARD, handler
from functions.runtime import event_app
from functions.runtime.hosting import HostedHandler
from functions.runtime.settings import at_least_one


@dataclass(frozen=True, slots=True)
class Settings:
    """Say who scores, and what travels on.

    Args:
        inference_target: Address of the inference service, `host:port`.
        inference_deadline_ms: Longest wait for an answer before it is degraded; a replay sets minutes.
        inference_models: Models that should be heard; one that is not answers degraded.
        infer_features: Features that travel on: those the rules weigh and those the models need.
    """

    inference_target: str = "127.0.0.1:50051"
    inference_deadline_ms: int = DEADLINE_MS
    inference_models: tuple[str, ...] = ("anomaly",)
    infer_features: tuple[str, ...] = (
        "return_1",
        "range_bps",
        "rsi_14",
        "bb_percent",
        "zscore_20",
        "volume_zscore_20",
        "macd_hist",
        "sma_20",
        "atr_14",
    )

    def __post_init__(self) -> None:
        """Refuse to wait for nothing: every answer would be degraded."""
        at_least_one(self, "inference_deadline_ms")


def compose(settings: Settings) -> HostedHandler:
    """Join the handler with its client; the connection opens with the first event."""
    client = InferenceClient(
        settings.inference_target, settings.inference_models, deadline_ms=settings.inference_deadline_ms
    )
    deps = handler.Deps(inference=client, features=settings.infer_features)
    return HostedHandler(card=CARD, handle=partial(handler.handle, deps=deps), close=client.close)


respond = event_app.endpoint(Settings, compose)


@functions_framework.aio.http
async def handle(request: Request) -> Response:
    """Answer one request; functions-framework finds this name."""
    return await respond(request)


if __name__ == "__main__":
    event_app.serve(respond, handle)
