"""Bind the explain service to what brokers have stored, and to the registry of models."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc.aio
from tickloom.explain.v1 import service_pb2, service_pb2_grpc

from functions.adapters.log_history import LogHistory
from functions.adapters.model_versions import FileVersions
from functions.adapters.rulebooks import Deciding, strategy_of
from functions.ports.history import EventHistory
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.runtime.settings import at_least_one
from functions.services.explain import CARD
from functions.services.explain.explaining import WAITING_MAX, Explaining
from functions.services.explain.service import ExplainServicer

SHIPPED: Final = Path(__file__).resolve().parents[2] / "models"
FOLDER: Final = "folder"
KAFKA: Final = "kafka"


@dataclass(frozen=True, slots=True)
class Settings(Deciding):
    """Say where events are looked up, and beside it by which rules and settings signals were decided.

    Args:
        explain_history: `kafka` for the topics of brokers, `folder` for the logs of a platform on this machine.
        explain_folder: That platform's folder.
        explain_desk_topic: Topic of the broker of signals.
        explain_market_topic: Topic of the broker of what they came from.
        explain_waiting_max: Most questions at a time; with more, a call is answered RESOURCE_EXHAUSTED.
        kafka_servers: Addresses of Kafka's brokers, `host:port` separated by commas.
        database_url: PostgreSQL, as `postgresql://user:password@host:port/database`: it knows of when a signal is.
        models_folder: Registry, a folder with one folder a model; empty for the shipped models.
    """

    explain_history: str = KAFKA
    explain_folder: str = ""
    explain_desk_topic: str = "knative-broker-tickloom-desk"
    explain_market_topic: str = "knative-broker-tickloom-market"
    explain_waiting_max: int = WAITING_MAX
    kafka_servers: str = field(default="", metadata={"env": "KAFKA_BOOTSTRAP_SERVERS"})
    database_url: str = field(default="", repr=False, metadata={"env": "DATABASE_URL"})
    models_folder: str = ""

    def __post_init__(self) -> None:
        """Refuse what would find nothing, and what decides nothing."""
        Deciding.__post_init__(self)
        at_least_one(self, "explain_waiting_max")
        if self.explain_history not in {FOLDER, KAFKA}:
            message = f"explain_history must be {FOLDER} or {KAFKA}"
            raise ValueError(message)
        if self.explain_history == FOLDER and not self.explain_folder:
            message = f"explain_history={FOLDER} needs explain_folder"
            raise ValueError(message)
        if self.explain_history == KAFKA and not (self.kafka_servers and self.database_url):
            message = f"explain_history={KAFKA} needs KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL"
            raise ValueError(message)


def explaining(settings: Settings) -> Explaining:
    """Make what explains; it connects on first use.

    Raises:
        Malformed: The rules have mistakes; each is said with its line and column.
        OSError: There is no such file.
    """
    strategy, rules = strategy_of(settings)
    versions = FileVersions(Path(settings.models_folder) if settings.models_folder else SHIPPED)
    return Explaining(_history(settings), versions, strategy, rules=rules, waiting_max=settings.explain_waiting_max)


def _history(settings: Settings) -> EventHistory:
    if settings.explain_history == FOLDER:
        return LogHistory(Path(settings.explain_folder))
    from functions.adapters.kafka_history import KafkaHistory  # noqa: PLC0415 - 0.2 s that a folder does not need

    topics = (settings.explain_desk_topic, settings.explain_market_topic)
    return KafkaHistory(settings.kafka_servers, topics, settings.database_url)


def compose(settings: Settings) -> HostedService:
    """Join the service with what it looks into."""
    explains = explaining(settings)

    def register(server: grpc.aio.Server) -> None:
        service_pb2_grpc.add_ExplainServiceServicer_to_server(ExplainServicer(explains), server)

    name = service_pb2.DESCRIPTOR.services_by_name["ExplainService"].full_name
    return HostedService(CARD, register, (name,), close=explains.close)


if __name__ == "__main__":
    grpc_app.run(Settings, compose)
