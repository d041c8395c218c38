"""Hand events to a platform: to the one that runs in a folder, else to the folder's own, started for the command."""

import pathlib
from collections.abc import Sequence

from functions.adapters.http_sink import HttpSink
from functions.cli import stores
from functions.cli.environment import own_environment
from functions.local.foundation import Options
from functions.local.ingress import NAMESPACE
from functions.local.platform import running
from functions.wire.envelope import Event


async def send(folder: pathlib.Path, broker: str, events: Sequence[Event]) -> None:
    """Hand the events to the running platform, or start the folder's own and let it finish.

    Args:
        folder: Folder of the platform.
        broker: Which broker hears them.
        events: In the order in which they are to be sent.
    """
    note = stores.running(folder)
    if note:
        sink = HttpSink(f"http://127.0.0.1:{note['ingress_port']}/{NAMESPACE}/{broker}")
        try:
            for event in events:
                await sink.publish(event)
        finally:
            await sink.close()
        return
    async with running(Options(folder=folder, environ=own_environment())) as platform:
        for event in events:
            platform.publish(broker, event)
        await platform.drained()
