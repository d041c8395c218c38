"""Start a real Kafka broker for one test session; the fixture in `conftest` hands out its address."""

import asyncio
import contextlib
import pathlib
import shutil
from collections.abc import Iterator

import pytest
from counts import FULL

from functions.local.children import ChildError, Children
from functions.local.kafka import KafkaError, start_kafka


@contextlib.contextmanager
def running(folder: pathlib.Path) -> Iterator[str]:
    """Keep a broker running in a folder that is removed at the end; skip (full tier: fail) where it cannot."""
    children = Children(folder)
    try:
        servers = asyncio.run(_start(folder, children))
    except (ChildError, KafkaError) as error:
        asyncio.run(children.close())
        if FULL:
            pytest.fail(f"no broker: {error}")
        pytest.skip(f"no broker: {error}")
    try:
        yield servers
    finally:
        asyncio.run(children.close())
        shutil.rmtree(folder, ignore_errors=True)


async def _start(folder: pathlib.Path, children: Children) -> str:
    await children.open()
    return (await start_kafka(folder, children)).servers
