"""Send one harmless document through a running system, and wait until what became of it can be read back.

An article of our own, about a symbol that no venue has, goes to the broker of decisions as a news feed would send it.
It passes the ingress, Triggers, `digest`, `sentiment`, the inference service, `project` and PostgreSQL; no table hears
it, and nothing is decided by it. Each run leaves one item of news and what a model said of it, named by their time.
"""

import argparse
import asyncio
import json
import pathlib
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from functions.adapters.http_sink import HttpSink
from functions.adapters.postgres import Pool
from functions.adapters.postgres_news import PostgresNews
from functions.adapters.postgres_sentiment import PostgresSentiment
from functions.cli import stores
from functions.cli.environment import own_environment
from functions.cli.errors import CliError, UsageError
from functions.domain.market import RawBatch
from functions.domain.news import NewsItem, Symbology
from functions.domain.sentiment import Told
from functions.local.ingress import NAMESPACE
from functions.ports.errors import Overloaded, Unavailable
from functions.wire.errors import Malformed
from functions.wire.news.digesting import digest
from functions.wire.raw import raw_event

BROKER: Final = "desk"
SHARD: Final = "SMOKE-0"
STREAM: Final = f"{SHARD}.news"  # Triggers know a news feed by the end of its stream
SYMBOL: Final = "TICKLOOM-SMOKE"
NS_PER_MS: Final = 1_000_000
POLL_S: Final = 0.05
TIMEOUT_S: Final = 60.0  # functions may start from zero: an image that must be pulled takes most of it

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Places:
    """Say where a system is spoken to.

    Attributes:
        ingress: Address of the brokers' ingress with the namespace, without a broker.
        database_url: Its PostgreSQL.
    """

    ingress: str
    database_url: str


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "--folder", type=pathlib.Path, default=pathlib.Path("var/up"), help="of a running `tickloom up`"
    )
    parser.add_argument(
        "--ingress",
        metavar="URL",
        help="the brokers' ingress of a cluster: http://HOST/tickloom; DATABASE_URL names the store to read back from",
    )
    parser.add_argument("--timeout-s", type=float, default=TIMEOUT_S, help=f"longest wait (default {TIMEOUT_S:g})")


def run(args: argparse.Namespace) -> int:
    """Send it, and say of each step when it was seen; 1 where one was not."""
    return asyncio.run(_smoke(_places(args), args.timeout_s))


def _places(args: argparse.Namespace) -> Places:
    """Find the running system.

    Raises:
        CliError: None runs in the folder.
        UsageError: An ingress is named and no store.
    """
    note = {} if args.ingress else stores.running(args.folder)
    url = own_environment().get("DATABASE_URL", "") or note.get("database_url", "")
    if args.ingress and not url:
        msg = "an ingress needs DATABASE_URL as well: what became of the document is read back from there"
        raise UsageError(msg)
    if not args.ingress and not note:
        msg = f"nothing runs in {args.folder}; start `tickloom up`, name its --folder, or a cluster's --ingress"
        raise CliError(msg)
    return Places(args.ingress or f"http://127.0.0.1:{note['ingress_port']}/{NAMESPACE}", url)


def article(now_ns: int) -> RawBatch:
    """Write the document; its time makes it another one each time."""
    story = {
        "id": f"smoke-{now_ns}",
        "source": {"name": "tickloom smoke"},
        "title": f"Smoke test {now_ns}: nothing happened",
        "tickers": [SYMBOL],
        "language": "en",
    }
    row = json.dumps(story).encode()
    return RawBatch(
        *(SHARD, STREAM, "news.json", 0, row),
        offsets=np.array([0, len(row)], "<u4"),
        ts_receive=np.array([now_ns], "<i8"),
    )


async def _smoke(places: Places, timeout_s: float) -> int:
    began = time.monotonic()
    batch = article(time.time_ns())
    (item,) = digest(batch).items  # type: ignore[union-attr]  # a document of news
    pool = Pool(places.database_url, size=1)
    try:
        async with asyncio.timeout(timeout_s):
            await _send(places, batch)
            news = PostgresNews(pool)
            await _seen(
                "news", "digest, project, PostgreSQL", began, lambda: news.news_at(item.news_id, item.ts_available)
            )
            sentiment = PostgresSentiment(pool)
            told = await _seen("sentiment", "sentiment, inference, project", began, lambda: _told(sentiment, item))
    except TimeoutError:
        _say("failed", f"not seen within {timeout_s:g} s; `tickloom dlq list` shows what could not be delivered")
        return 1
    except (Unavailable, Overloaded, Malformed) as error:
        _say("failed", str(error))
        return 1
    finally:
        await pool.close()
    return _verdict(told, began)


async def _send(places: Places, batch: RawBatch) -> None:
    event = raw_event(batch, int(batch.ts_receive[0]) // NS_PER_MS, feed="news")  # no two runs name one event
    url = f"{places.ingress.rstrip('/')}/{BROKER}"
    _say("ingress", url)
    async with HttpSink(url) as sink:
        await sink.publish(event)
    _say("sent", f"RawBatch {event.id}: one article about {SYMBOL}, taken by the broker")


async def _told(sentiment: PostgresSentiment, item: NewsItem) -> Told | None:
    names = [(Symbology.TICKER, SYMBOL)]
    found = await sentiment.texts_of(names, after_ns=item.ts_available - 1, as_of_ns=item.ts_available)
    return next((one for one in found if one.item.news_id == item.news_id), None)


async def _seen(what: str, through: str, began: float, ask: Callable[[], Awaitable[T | None]]) -> T:
    """Ask again and again until there is an answer."""
    while (found := await ask()) is None:  # noqa: ASYNC110 - another process stores it; there is no event of ours
        await asyncio.sleep(POLL_S)
    _say(what, f"read back {time.monotonic() - began:.2f} s after the start: {through} work")
    return found


def _verdict(told: Told, began: float) -> int:
    if told.score is None:
        _say("failed", f"model {told.model} said nothing: the inference service is away, or too slow")
        return 1
    _say("well", f"model {told.model} {told.version} leans {told.score:+.2f}; {time.monotonic() - began:.2f} s in all")
    return 0


def _say(step: str, text: str) -> None:
    sys.stdout.write(f"{step:<10} {text}\n")
    sys.stdout.flush()
