"""Compose and serve the inference service."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc.aio
from tickloom.inference.v1 import service_pb2, service_pb2_grpc

from functions.adapters.model_registry import TEXTS, FileModels
from functions.adapters.resilience import BreakerLimits, CircuitBreaker
from functions.adapters.text_models import FolderTexts
from functions.ports.models import ModelRegistry
from functions.ports.telemetry import Telemetry
from functions.runtime import grpc_app, logs
from functions.runtime.hosting import HostedService
from functions.runtime.settings import at_least_one
from functions.services.inference import CARD
from functions.services.inference.asking import Asking
from functions.services.inference.reloading import Reloading
from functions.services.inference.scoring import LINGER_MS_MAX, ROWS_MAX, WAITING_MAX, Limits, Scoring
from functions.services.inference.service import InferenceServicer
from functions.services.inference.texts import WAITING_MAX as TEXTS_WAITING_MAX
from functions.services.inference.texts import TextScoring

SHIPPED: Final = Path(__file__).resolve().parents[2] / "models"
DEVICES: Final = ("auto", "cpu")
TEXTS_TIMES: Final = 25
"""Times the bound of a run over rows that one over texts has: 2 s by default, within what news may wait."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Say where models lie, and how they are asked.

    Args:
        models_folder: Registry, a folder with one folder a model; empty for the shipped models.
        texts_folder: One model over texts, ours or a directory in the form of FinBERT, in place of those of the
            registry; a registry without any has the shipped one.
        models_reload_s: Seconds between two looks whether it changed; 0 looks at the start only, as a replay does.
        model_timeout_ms: Longest time one run of a model may take before its answer is degraded, 25 times that over
            texts; with 0, as in a replay, neither this bound nor breakers act.
        model_failures_max: Failures in a row, within a minute, after which a model is left alone.
        model_open_s: For how long, seconds; then one request tries it.
        model_device: `auto` takes an accelerator where the installed runtime lists one, `cpu` never does.
        inference_rows_max: Most rows of requests that are scored together.
        inference_waiting_max: Most requests that wait; with more, a call is answered RESOURCE_EXHAUSTED.
        inference_linger_ms: How long a request waits for others, 0 to 2; with 0 only those that are there already join.
    """

    models_folder: str = ""
    texts_folder: str = ""
    models_reload_s: float = 2.0
    model_timeout_ms: int = 80
    model_failures_max: int = 5
    model_open_s: float = 5.0
    model_device: str = "auto"
    inference_rows_max: int = ROWS_MAX
    inference_waiting_max: int = WAITING_MAX
    inference_linger_ms: float = 0.0

    def __post_init__(self) -> None:
        """Refuse bounds that would serve nothing, and a device there is not."""
        at_least_one(self, "inference_rows_max", "inference_waiting_max", "model_failures_max")
        if self.models_reload_s < 0 or self.model_timeout_ms < 0 or self.model_open_s <= 0:
            message = "models_reload_s and model_timeout_ms must be at least 0, model_open_s more"
            raise ValueError(message)
        if not 0 <= self.inference_linger_ms <= LINGER_MS_MAX:
            message = f"inference_linger_ms must be between 0 and {LINGER_MS_MAX:g}"
            raise ValueError(message)
        if self.model_device not in DEVICES:
            message = f"model_device must be one of {', '.join(DEVICES)}"
            raise ValueError(message)

    def breaker(self) -> CircuitBreaker | None:
        """Make a model's breaker, where they act."""
        limits = BreakerLimits(self.model_failures_max, open_s=self.model_open_s)
        return CircuitBreaker(limits, time.monotonic) if self.model_timeout_ms else None


def compose(settings: Settings) -> HostedService:
    """Build the service; models are read when it starts."""
    log = logs.logger(CARD.name)
    limits = Limits(settings.inference_rows_max, settings.inference_waiting_max, settings.inference_linger_ms / 1000)
    asking = Asking(bound_s=settings.model_timeout_ms / 1000)
    scoring = Scoring(asking, limits, breaker=settings.breaker, log=log)
    folder = Path(settings.models_folder) if settings.models_folder else SHIPPED
    registry = FileModels(folder, device=settings.model_device)
    reloading = Reloading(registry, scoring, every_s=settings.models_reload_s, log=log)
    texts = TextScoring(
        Asking(bound_s=TEXTS_TIMES * settings.model_timeout_ms / 1000),
        Limits(1, TEXTS_WAITING_MAX),  # a model over texts reads one by one: joined, they would share one bound
        breaker=settings.breaker,
        log=log,
    )
    reloading_texts = Reloading(_texts(settings, folder), texts, every_s=settings.models_reload_s, log=log)
    servicer = InferenceServicer(scoring, texts)

    async def start() -> None:
        await reloading.start()
        await reloading_texts.start()

    def register(server: grpc.aio.Server) -> None:
        service_pb2_grpc.add_InferenceServiceServicer_to_server(servicer, server)

    def measure(kept: Telemetry) -> None:
        scoring.telemetry = reloading.telemetry = texts.telemetry = reloading_texts.telemetry = kept

    async def close() -> None:
        for one in (reloading, reloading_texts, scoring, texts):
            await one.close()

    name = service_pb2.DESCRIPTOR.services_by_name["InferenceService"].full_name
    return HostedService(CARD, register, (name,), start=start, close=close, measure=measure)


def _texts(settings: Settings, registry: Path) -> ModelRegistry:
    """Say where models over texts are registered."""
    if settings.texts_folder:
        return FolderTexts(Path(settings.texts_folder))
    return FileModels(registry, kind=TEXTS, instead=SHIPPED)


if __name__ == "__main__":
    grpc_app.run(Settings, compose)
