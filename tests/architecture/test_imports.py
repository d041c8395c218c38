"""Rooms import one way, and a handler's process imports only what it uses."""

import os
import pathlib
import subprocess
import sys

import pytest

from functions.local import catalogue
from functions.ports.card import Card, Kind

ROOT = pathlib.Path(__file__).parents[2]
HANDLERS = [card for card in catalogue.cards().values() if card.kind is Kind.HANDLER]
KERNELS_AND_MODELS = {"numba", "llvmlite", "onnxruntime"}
TELEMETRY = {"opentelemetry.sdk", "opentelemetry.exporter"}
CLIENTS = {"grpc", "asyncpg", "redis", "aiohttp"}


def imported(module: str) -> set[str]:
    """Import a module in a fresh process and list all it brought."""
    script = f"import sys, {module}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    return set(done.stdout.split())


def test_import_contracts() -> None:
    """Every room's imports go the way the house is built."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(pathlib.Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout
    assert ", 0 broken" in done.stdout


@pytest.mark.parametrize("card", HANDLERS, ids=lambda card: card.name)
def test_handlers_start_light(card: Card) -> None:
    """A handler's process brings neither kernels nor models, nor telemetry that is switched off."""
    # redis-py imports the telemetry it would report to wherever that is installed.
    unasked = set() if "redis" in card.stores else TELEMETRY
    assert not imported(f"functions.handlers.{card.name}.main") & (KERNELS_AND_MODELS | unasked)


@pytest.mark.parametrize("card", HANDLERS, ids=lambda card: card.name)
def test_handlers_know_no_clients(card: Card) -> None:
    """What decides in a handler knows no client of any store or service."""
    found = imported(f"functions.handlers.{card.name}.handler")
    assert not found & (CLIENTS | KERNELS_AND_MODELS | TELEMETRY | {"functions_framework", "starlette"})
