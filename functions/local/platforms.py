"""Choose the platform: everything in one process, or over Kafka. Both offer the same to those who drive one."""

import contextlib
from collections.abc import AsyncIterator
from typing import TypeAlias

from functions.local import kafka_platform, platform
from functions.local.foundation import Options
from functions.local.kafka_platform import KafkaPlatform
from functions.local.platform import Platform

KAFKA = "kafka"

AnyPlatform: TypeAlias = Platform | KafkaPlatform


@contextlib.asynccontextmanager
async def running(options: Options) -> AsyncIterator[AnyPlatform]:
    """Start the platform that `options.log` names, give it, and stop it whatever happens."""
    if options.log == KAFKA:
        async with kafka_platform.running(options) as over_kafka:
            yield over_kafka
    else:
        async with platform.running(options) as embedded:
            yield embedded
