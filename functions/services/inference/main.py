"""Compose and serve the inference service."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc.aio
from tickloom.inference.v1 import service_pb2, service_pb2_grpc

from functions.adapters.onnx import load_models
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.services.inference import CARD
from functions.services.inference.service import InferenceServicer

SHIPPED: Final = Path(__file__).resolve().parents[2] / "models"


@dataclass(frozen=True, slots=True)
class Settings:
    """Say where models lie.

    Args:
        models_folder: Folder with one folder a model; empty for the shipped ones.
    """

    models_folder: str = ""


def compose(settings: Settings) -> HostedService:
    """Build the service; models are read when it starts."""
    folder = Path(settings.models_folder) if settings.models_folder else SHIPPED
    servicer = InferenceServicer()

    async def start() -> None:
        servicer.models = await asyncio.to_thread(load_models, folder)

    def register(server: grpc.aio.Server) -> None:
        service_pb2_grpc.add_InferenceServiceServicer_to_server(servicer, server)

    name = service_pb2.DESCRIPTOR.services_by_name["InferenceService"].full_name
    return HostedService(card=CARD, register=register, service_names=(name,), start=start)


if __name__ == "__main__":
    grpc_app.run(Settings, compose)
