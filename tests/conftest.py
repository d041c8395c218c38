"""Make the test helpers importable and name the folders of captures and schemas."""

import asyncio
import os
import pathlib
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from demonstrated import Demo

    from functions.local.servers import Stores

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from counts import FULL

LONG = ("kafka", "acceptance", "image", "cli", "models")
"""Rooms with files that take minutes; they begin, so that no worker is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the rooms that take longest, else in the order of names."""
    here = pathlib.Path(__file__).parent

    def place(item: pytest.Item) -> int:
        room = item.path.relative_to(here).parts[0]
        return LONG.index(room) if room in LONG else len(LONG)

    items.sort(key=place)


def _folder(variable: str, what: str) -> pathlib.Path:
    value = os.environ.get(variable)
    if value and pathlib.Path(value).is_dir():
        return pathlib.Path(value)
    reason = f"{what} not here: set {variable} to their folder"
    if FULL:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def captures() -> pathlib.Path:
    """Give the folder of real captures, or skip with the reason."""
    return _folder("TICKLOOM_DATA", "captures")


@pytest.fixture(scope="session")
def schemas() -> pathlib.Path:
    """Give the folder of Knative's schemas, or skip with the reason."""
    return _folder("TICKLOOM_SCHEMAS", "schemas")


@pytest.fixture(scope="session")
def tool() -> "Callable[[str], pathlib.Path]":
    """Give a function from a tool's name to its program, or skip with the reason; `toolbox` says when one is made."""
    from toolbox import program  # noqa: PLC0415 - beside this file, and only tests that need tools pay for it

    return program


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Stores]":
    """Run one PostgreSQL and one Valkey for the session (with xdist: for the worker), or skip with the reason."""
    from stores import running  # noqa: PLC0415 - beside this file, and only tests that need stores pay for it

    with running(tmp_path_factory.mktemp("stores") / "run") as started:
        yield started


@pytest.fixture(scope="session")
def postgres_url(stores: "Stores") -> str:
    """Give the URL of the session's PostgreSQL; make your own database on it with `stores.fresh_database`."""
    return stores.database_url


@pytest.fixture(scope="module")
def database_url(postgres_url: str) -> str:
    """Give the URL of an empty database of this module's own."""
    from stores import fresh_database  # noqa: PLC0415 - beside this file

    return asyncio.run(fresh_database(postgres_url))


@pytest.fixture(scope="session")
def redis_url(stores: "Stores") -> str:
    """Give the URL of the session's Valkey; modules that need it empty flush it, or choose their own number 0-15."""
    return stores.redis_url


@pytest.fixture(scope="session")
def kafka_servers(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[str]":
    """Run one real Kafka broker for the session (with xdist: for the worker), or skip with the reason."""
    from brokers import running  # noqa: PLC0415 - beside this file, and only tests that need a broker pay for it

    with running(tmp_path_factory.mktemp("kafka") / "run") as servers:
        yield servers


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> "Demo":
    """Run the demo to its end, once for the session (with xdist: for the worker); its folder stays for later tests."""
    from demonstrated import run_demo  # noqa: PLC0415 - beside this file, and only tests of the demo pay for it

    return run_demo(tmp_path_factory.mktemp("demo"))
