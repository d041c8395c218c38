"""Record what a venue says to a tape that `tickloom replay` plays back."""

import argparse
import asyncio
import contextlib
import gzip
import pathlib
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from functions.adapters.venues._connection import Connection
from functions.adapters.venues._patience import Hands, Patience
from functions.adapters.venues._profile import Profile, Subscription, profile_of
from functions.cli.errors import CliError, UsageError
from functions.domain.market import NS_PER_S
from functions.local import loop
from functions.ports.venue import Received

FLUSH_S: Final = 1.0  # what a killed recorder loses at most
GZIP_LEVEL: Final = 6


class Recorder:
    """Write what is heard, and what passed beside it, in the form of captures (`wire.tape`).

    A message takes one line with its receive time before it. An answer over REST has its address before it, which names
    its symbol; where the venue's own address does not, a fragment behind it does, which no server is ever sent.

    Args:
        file: Takes the lines.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Begin with nothing heard."""
        self._file = file
        self.counts: Counter[str] = Counter()

    async def put(self, received: Received) -> None:
        """Write one message. A line end in it can only be white space between tokens, so a space is the same JSON."""
        row = received.row.replace(b"\r", b" ").replace(b"\n", b" ")
        if received.url:
            self._line(f"{_naming(received)} -> {_seconds(received.ts_receive)}: ".encode() + row)
        else:
            self._line(b"%d " % received.ts_receive + row)
        self.counts["messages"] += 1

    def connected(self, url: str, ts: int) -> None:
        """Write a control line: a connection was made."""
        self._line(f"{url} <-> {_seconds(ts)}".encode())
        self.counts["connections"] += 1

    def sent(self, url: str, ts: int, text: str) -> None:
        """Write a control line: this was sent."""
        self._line(f"{url} <- {_seconds(ts)}: {text}".encode())

    def report(self, event: str, **keys: object) -> None:
        """Tell whoever watches the terminal."""
        self.counts[event] += 1
        told = ", ".join(f"{key} {value}" for key, value in keys.items())
        sys.stderr.write(f"tickloom record: {event.replace('_', ' ')}: {told}\n")

    def _line(self, text: bytes) -> None:
        self._file.write(text + b"\n")
        self.counts["bytes"] += len(text) + 1


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--dialect", required=True, help="venue and version, for example binance.spot or kraken.v2")
    parser.add_argument("--symbols", required=True, help="in the venue's own writing, separated by commas")
    parser.add_argument("--channels", default="", help="in the venue's own words (default: trades, quotes and books)")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="tape to write; compressed when it ends in .gz")
    parser.add_argument("--seconds", type=float, default=0.0, help="stop after a time; 0 is when interrupted (default)")
    parser.add_argument("--depth", type=int, default=0, help="levels a side of a book (default: the venue's own)")
    parser.add_argument("--websocket-url", default="", help="base of the streams (default: the venue's public one)")
    parser.add_argument("--rest-url", default="", help="base of the REST answers (default: the venue's public one)")


def run(args: argparse.Namespace) -> int:
    """Record until the time is over or SIGINT or SIGTERM comes; the tape is whole either way."""
    if not args.seconds >= 0:
        msg = f"--seconds is {args.seconds:g}, expected how long to record, or 0 until interrupted"
        raise UsageError(msg)
    try:
        profile = profile_of(args.dialect)
        wanted = Subscription(_words(args.symbols), _words(args.channels) or profile.channels, args.depth)
        profile.check(wanted)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if args.out.exists():
        msg = f"{args.out} is there already; a tape is never written over"
        raise CliError(msg)
    with _writing(args.out) as file:
        counts = loop.run(_record(args, profile, wanted, file))
    told = f"{counts['messages']:,} messages over {counts['connections']:,} connections, {counts['bytes']:,} bytes"
    sys.stdout.write(f"{told}, in {args.out}\n")
    return 0


async def _record(args: argparse.Namespace, profile: Profile, wanted: Subscription, file: BinaryIO) -> Counter[str]:
    recorder = Recorder(file)
    patience = Patience(args.websocket_url, args.rest_url)
    connection = Connection(profile, wanted, patience, hands=Hands(recorder.report, tap=recorder))
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    listening = asyncio.create_task(connection.run(recorder.put), name="record")
    end = time.monotonic() + args.seconds if args.seconds else float("inf")
    try:
        while not (stopped.is_set() or listening.done()) and (left := end - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, FLUSH_S)):
                    await stopped.wait()
            file.flush()
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
    return recorder.counts


@contextlib.contextmanager
def _writing(out: pathlib.Path) -> Iterator[BinaryIO]:
    """Write where the tape shall lie, so that a killed recorder leaves what it heard."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("xb") as file:
        if out.suffix == ".gz":
            with gzip.GzipFile("", "wb", GZIP_LEVEL, file, 0) as zipped:
                yield cast("BinaryIO", zipped)
        else:
            yield file


def _naming(received: Received) -> str:
    """Give the address of an answer so that its symbol stands in it.

    >>> _naming(Received(b"[]", 0, "BTC-USD", url="https://x/products/BTC-USD/trades?limit=1"))
    'https://x/products/BTC-USD/trades?limit=1#&symbol=BTC-USD'
    """
    named = not received.symbol or f"symbol={received.symbol}" in received.url
    return received.url if named else f"{received.url}#&symbol={received.symbol}"


def _seconds(ts: int) -> str:
    return f"{ts // NS_PER_S}.{ts % NS_PER_S:09d}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)
