"""Send one CloudEvent to a URL: a running handler, or a broker's ingress; print what comes back."""

import argparse
import asyncio
import json
import pathlib
import sys
import uuid

import aiohttp

from functions.cli.errors import CliError, UsageError
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.facts import PROTOBUF
from functions.wire.http_binding import from_http, to_http
from functions.wire.rows import render


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("url", help="where to, for example http://127.0.0.1:8080/")
    parser.add_argument("--type", required=True, help="event type, for example tickloom.market.v1.RawBatch")
    parser.add_argument("--source", default="/tickloom/cli/invoke", help="source (default /tickloom/cli/invoke)")
    parser.add_argument("--id", default="", help="id (default: a new one)")
    parser.add_argument("--file", type=pathlib.Path, help="file with the data")
    parser.add_argument("--data", help="the data as text")
    parser.add_argument("--content-type", default=PROTOBUF, help=f"media type of the data (default {PROTOBUF})")
    parser.add_argument(
        "-e", "--extension", action="append", default=[], metavar="NAME=VALUE", help="extension attribute"
    )


def run(args: argparse.Namespace) -> int:
    """Send it and print the answer."""
    if args.file and args.data is not None:
        msg = "give --file or --data, not both"
        raise UsageError(msg)
    if args.file and not args.file.is_file():
        msg = f"there is no file {args.file} to take the data from"
        raise CliError(msg)
    data = args.file.read_bytes() if args.file else (args.data or "").encode()
    try:
        event = Event(
            id=args.id or str(uuid.uuid4()),
            source=args.source,
            type=args.type,
            data=data,
            datacontenttype=args.content_type,
            extensions=dict(_pair(text) for text in args.extension),
        )
    except Malformed as error:
        raise UsageError(str(error)) from error
    return asyncio.run(_send(args.url, event))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        msg = f"an extension is NAME=VALUE, found {text!r}"
        raise UsageError(msg)
    return name, value


async def _send(url: str, event: Event) -> int:
    headers, body = to_http(event)
    sent = {name.decode(): value.decode() for name, value in headers}
    try:
        async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=sent) as response:
            answer = await response.read()
    except aiohttp.ClientError as error:
        msg = f"no answer from {url}: {error}; is it running?"
        raise CliError(msg) from error
    sys.stdout.write(f"{response.status} {response.reason}\n")
    if response.status // 100 != 2:  # noqa: PLR2004 - class of 2xx
        sys.stdout.write(answer.decode(errors="replace") + "\n")
        return 1
    if answer or "ce-id" in response.headers:
        reply = from_http(response.raw_headers, answer)
        told = {"id": reply.id, "source": reply.source, "type": reply.type, **reply.extensions}
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
        sys.stdout.writelines(row.line.decode() + "\n" for row in render(reply) if row.line)
    return 0
