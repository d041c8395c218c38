"""A full table is there again from its compacted changelog alone; how long that takes is printed."""

import asyncio
import json
import os
import pathlib
from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from counts import count
from working import Bench, producer

from functions.runtime.groups import CHANGELOG, changelog_of

PARTITIONS = 4
KEYS = count(160)
"""States of a partition; each is as large as a state may be."""
WRITES = 3
STATE_BYTES = 256 * 1024
MIB = 1024 * 1024


@pytest.fixture
async def bench(kafka_servers: str, tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Make a topic of this test's own, and end its workers."""
    made = Bench(kafka_servers, request.node.name, tmp_path, partitions=PARTITIONS)
    await made.create()
    yield made
    made.stop()


async def _fill(bench: Bench) -> int:
    """Write a full table into its changelog several times over; give the bytes."""
    name = changelog_of(f"{bench.name}-group")
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.servers)
    await admin.start()
    await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=CHANGELOG)])
    await admin.close()
    async with producer(bench.servers) as out:
        for write in range(WRITES):
            value = write.to_bytes(8, "big") + os.urandom(STATE_BYTES)
            sent = [
                await out.send(name, value, key=f"BINANCE-{key}".encode(), partition=partition)
                for partition in range(PARTITIONS)
                for key in range(KEYS)
            ]
            await asyncio.gather(*sent)
    return WRITES * PARTITIONS * KEYS * STATE_BYTES


async def test_full_table_recovers(bench: Bench) -> None:
    """A worker with nothing but the broker has every state of a full table before it says that it is ready."""
    size = await _fill(bench)
    bench.start()
    told = json.loads(await bench.said("partitions_assigned"))
    assert told["states"] == PARTITIONS * KEYS
    speed = size / MIB / max(told["recovery_ms"], 1) * 1_000
    print(f"{told['states']} states, {size // MIB} MiB of changelog: {told['recovery_ms']} ms, {speed:.0f} MiB/s")  # noqa: T201 - the figure is the point
