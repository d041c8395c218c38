"""Who may reach a service that asks nobody who calls, and what its settings must say before it asks."""

import os
import subprocess
import sys
from typing import Any

import grpc
import grpc.aio
import pytest
from identified import ISSUER

from functions.ports.card import Card, Kind
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.runtime.settings import Hosting, SettingsError

SERVICE = "tickloom.orders.v1.OrdersService"
CARD = Card("orders", Kind.SERVICE, "1", "Count what is to be published.")


def register(server: grpc.aio.Server) -> None:
    """Answer one RPC."""

    async def pending(request: bytes, context: object) -> bytes:  # noqa: ARG001 - gRPC's signature
        return b"0"

    handlers = {"GetOutbox": grpc.unary_unary_rpc_method_handler(pending)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"authentication": "maybe"}, "authentication must be off, mesh or required"),
        ({"tls_certificate_path": "x"}, "come together"),
        ({"jwks_path": "x"}, "come together"),
        ({"tls_client_ca_path": "x"}, "needs tls_certificate_path"),
        ({"principals_path": "x"}, "needs tls_client_ca_path"),
        ({"service_certificate_path": "x", "service_key_path": "x"}, "needs service_ca_path"),
        ({"token_lifetime_s_max": 0}, "at least 1"),
    ],
)
def test_halves(changes: dict[str, Any], reason: str) -> None:
    """Settings that make sense only together are refused alone."""
    with pytest.raises(ValueError, match=reason):
        Hosting(**changes)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "tickloom.test"])  # noqa: S104 - what is refused
async def test_open_to_anybody(host: str) -> None:
    """A service that asks nobody who calls starts where only its machine reaches it, or behind a mesh."""
    with pytest.raises(SettingsError, match="anybody could call"):
        await grpc_app.start(HostedService(CARD, register, ()), host=host, port=0)


@pytest.mark.parametrize(
    ("host", "reached", "authentication"),
    [
        ("127.0.0.1", "127.0.0.1", "off"),
        ("127.0.0.9", "127.0.0.9", "off"),
        ("localhost", "localhost", "off"),
        ("0.0.0.0", "127.0.0.1", "mesh"),  # noqa: S104 - what the mesh may reach
    ],
)
async def test_asks_nobody(host: str, reached: str, authentication: str) -> None:
    """Where only its own machine reaches it, or a mesh, it answers whoever calls."""
    settings = Hosting(authentication=authentication, drain_ms=0, graceful_s=1)
    running = await grpc_app.start(HostedService(CARD, register, ()), host=host, port=0, hosting=settings)
    async with grpc.aio.insecure_channel(f"{reached}:{running.port}") as channel:
        assert await channel.unary_unary(f"/{SERVICE}/GetOutbox")(b"", timeout=5) == b"0"
    await running.stop()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "neither jwks_path nor principals_path"),
        ({"jwks_path": "/nowhere", "token_issuer": ISSUER, "token_audience": "x"}, "/nowhere cannot be used"),
        ({"tls_certificate_path": "/nowhere", "tls_key_path": "/nowhere", "authentication": "mesh"}, "/nowhere"),
    ],
)
async def test_start_refused(changes: dict[str, Any], reason: str) -> None:
    """A service that could know nobody, or cannot read a file, does not start."""
    settings = Hosting(**{"authentication": "required"} | changes)
    with pytest.raises(SettingsError, match=reason):
        await grpc_app.start(HostedService(CARD, register, ()), host="127.0.0.1", port=0, hosting=settings)


def test_process_refused() -> None:
    """The process of a service that anybody could call ends with 2 before it listens, and says what to set."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TICKLOOM_")}
    command = [sys.executable, "-m", "functions.services.inference.main"]
    done = subprocess.run(command, env={**environ, "PORT": "0"}, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 2
    assert "start_refused" in done.stderr
    assert "TICKLOOM_AUTHENTICATION" in done.stderr
