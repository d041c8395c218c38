"""Run the platform until interrupted: stores, services, handlers, tables, and an ingress for anyone to post to."""

import argparse
import asyncio
import pathlib
import signal
import sys

from functions.cli.environment import own_environment
from functions.cli.ports import check_port
from functions.local import loop
from functions.local.foundation import Options
from functions.local.ingress import NAMESPACE
from functions.local.kafka_platform import KafkaPlatform
from functions.local.platforms import KAFKA, AnyPlatform, running


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/up"), help="where logs and stores lie")
    parser.add_argument("--port", type=int, default=8080, help="port of the brokers' ingress (default 8080)")
    parser.add_argument("--processes", action="store_true", help="run each handler as its own HTTP process")
    parser.add_argument("--kafka", action="store_true", help="run over Kafka: handlers as processes, tables on Faust")
    parser.add_argument(
        "--feed", action="append", default=[], help="also run this feed, for example stream; settings by environment"
    )


def run(args: argparse.Namespace) -> int:
    """Run until SIGINT or SIGTERM."""
    check_port(args.port)
    options = Options(
        folder=args.folder,
        log=KAFKA if args.kafka else "disk",
        processes=args.processes,
        live=True,
        environ=own_environment(),
        port=args.port,
        beside=("explain",),
    )
    loop.run(_run(options, args.feed))
    return 0


async def _run(options: Options, feeds: list[str]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(options) as platform:
        sys.stdout.write(_where(platform))
        sys.stdout.flush()
        tasks = [asyncio.create_task(platform.run_feed(name, {})) for name in feeds]
        waiting = asyncio.create_task(_until(stop))
        failing = asyncio.create_task(platform.failed())
        try:
            done, _ = await asyncio.wait([waiting, failing, *tasks], return_when=asyncio.FIRST_COMPLETED)
            while done and done <= set(tasks):  # a feed that came to its end is no reason to leave
                for task in done:
                    task.result()
                    tasks.remove(task)
                done, _ = await asyncio.wait([waiting, failing, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {waiting}:
                task.result()
        finally:
            for task in (waiting, failing, *tasks):
                task.cancel()
            await asyncio.gather(waiting, failing, *tasks, return_exceptions=True)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


def _look(platform: AnyPlatform) -> str:
    """Say where the events can be seen."""
    if isinstance(platform, KafkaPlatform):
        return f"kafka    {platform.kafka.servers}; {platform.kafka.origin}"
    return f"try      tickloom events follow --folder {platform.options.folder}"


def _where(platform: AnyPlatform) -> str:
    lines = [
        *(f"broker   {platform.ingress.url(name)}" for name in platform.topology.brokers),
        f"stores   {platform.stores.database_origin}; {platform.stores.redis_origin}",
        f"folder   {platform.options.folder}",
        _look(platform),
        f"explain  tickloom explain SIGNAL_ID --address {platform.target('explain')}",
        f"send     tickloom invoke http://127.0.0.1:{platform.ingress.port}/{NAMESPACE}/market --type ... --file ...",
    ]
    return "\n".join(lines) + "\n"
