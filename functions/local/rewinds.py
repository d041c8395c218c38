"""Replay what one Trigger or table heard since a time into a shadow: the same function, composed anew, beside the live.

A shadow is a platform's folder of its own: `log/` holds what the function said, its stores what it wrote, and nothing
of it reaches the live brokers and stores. A handler reads the facts that are stored today, for no store keeps those of
then; a table is folded from the beginning of its log, so that its state at that time is the state of then. Settings are
those of the environment the rewind runs in.

RewindError    it cannot be rewound; the message says why and what to do
"""

import asyncio
import contextlib
import difflib
import gzip
import importlib
import pathlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias, cast

import asyncpg

from functions.domain.sequence import REORDER_EVENTS_MAX
from functions.local import subscribers
from functions.local.children import Children
from functions.local.dispatch import Subscriber
from functions.local.dumps import dump, load
from functions.local.foundation import REPLAY, Foundation, Options
from functions.local.kept import Kept
from functions.local.log import DiskLog
from functions.local.topology import Topology
from functions.runtime import settings
from functions.runtime.keeping import KEYS_MAX, SOURCES_MAX, Bounds, Keeper
from functions.wire.envelope import Event

if TYPE_CHECKING:
    from functions.ports.card import Card
    from functions.runtime.hosting import HostedHandler, HostedTable

EVENTS_MAX: Final = 100_000
AT_ONCE: Final = 32
"""Events a handler is given at once, fewer than a Trigger has under way."""

COMMIT_EVENTS: Final = 256
WRITES: Final[Mapping[str, tuple[str, ...]]] = {
    "project": (
        "activity_bars",
        "bars",
        "calendar_versions",
        "drifts",
        "feature_rows",
        "feature_schemas",
        "feed_quality",
        "feedback",
        "fills",
        "limit_breaches",
        "model_performance",
        "news_versions",
        "order_flow",
        "order_updates",
        "outcomes",
        "pairs",
        "reentry_decisions",
        "risk_metrics",
        "sentiment_versions",
        "signals",
    ),
    "quarantine": ("dead_letters",),
    "report": ("report",),
}
"""The tables that each handler writes: they begin empty in its shadow, all others as they are today."""

Accepts: TypeAlias = Callable[[Event], bool]


class RewindError(Exception):
    """It cannot be rewound; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Hearer:
    """Who is rewound: its name in the wiring, the function, the broker it hears, and what it hears there."""

    name: str
    function: str
    broker: str
    accepts: Accepts
    is_table: bool
    card: "Card"

    @property
    def writes(self) -> tuple[str, ...]:
        """Name the tables it writes."""
        return () if self.is_table else WRITES.get(self.function, ())

    @property
    def source(self) -> str:
        """Give the beginning of the source of what it says."""
        return f"/tickloom/{'tables' if self.is_table else 'handlers'}/{self.function}/"


def hearer(topology: Topology, name: str) -> Hearer:
    """Find a Trigger or table that can be rewound.

    Raises:
        RewindError: There is none of this name, or what it does cannot be done in a shadow.
    """
    for table in topology.tables:
        if table.name == name:
            card: Card = importlib.import_module(f"functions.tables.{name}").CARD
            return Hearer(name, name, table.broker, _among(table.types), is_table=True, card=card)
    known = {one.name: one for one in topology.subscriptions}
    if name not in known:
        names = [*known, *(one.name for one in topology.tables)]
        near = difflib.get_close_matches(name, names, n=1)
        guess = f"did you mean {near[0]}? " if near else ""
        msg = f"there is no Trigger or table {name}; {guess}there are {', '.join(sorted(names))}"
        raise RewindError(msg)
    one = known[name]
    if one.subscriber_kind == "Broker":
        msg = f"{name} only carries events to broker {one.subscriber}; rewind who hears them there"
        raise RewindError(msg)
    card = importlib.import_module(f"functions.handlers.{one.subscriber}").CARD
    if "orders" in card.calls:
        msg = (
            f"{name} hands orders in, and what becomes of them follows from the books of then; replay the tape instead"
        )
        raise RewindError(msg)
    return Hearer(name, one.subscriber, one.broker, one.accepts, is_table=False, card=card)


def _among(types: Sequence[str]) -> Accepts:
    return lambda event: event.type in types


@dataclass(slots=True)
class Shadow:
    """What came of a rewind.

    Attributes:
        folder: The shadow's folder.
        since_ns: Since when it heard events, by their time of recording, UTC nanoseconds.
        heard: Ids of the events that it heard.
        refused: Answers that are dead letters, by status.
        database_url: The shadow's PostgreSQL while it runs; empty where the function has no stores.
    """

    folder: pathlib.Path
    since_ns: int
    heard: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)
    database_url: str = ""


@contextlib.asynccontextmanager
async def rewound(  # noqa: PLR0913 - who, what, since when, where to
    who: Hearer,
    kept: Kept,
    topology: Topology,
    *,
    since_ns: int,
    folder: pathlib.Path,
    environ: Mapping[str, str],
    live_url: str = "",
    events_max: int = EVENTS_MAX,
) -> AsyncIterator[Shadow]:
    """Run a function over what it heard since a time; its stores run as long as the shadow is looked at.

    Args:
        who: The Trigger or table.
        kept: The events.
        topology: The wiring.
        since_ns: Time of recording, UTC nanoseconds.
        folder: The shadow's; must not be there, or be empty.
        environ: Settings of functions; addresses of stores in it are not used.
        live_url: PostgreSQL whose facts a handler with stores reads.
        events_max: Most events that are heard.

    Raises:
        RewindError: The folder is in use, or there are more events.
        NotKeptError: Nothing is kept since then.
    """
    if folder.exists() and any(folder.iterdir()):  # noqa: ASYNC240 - one look before anything runs
        msg = f"{folder} is not empty; a shadow wants a folder of its own: name another with --into"
        raise RewindError(msg)
    kept.check(who.broker, since_ns, whole=who.is_table)
    shadow = Shadow(folder, since_ns)
    own = {name: value for name, value in environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    async with Children(folder) as children:
        foundation = Foundation(Options(folder, environ=own), topology, children)
        try:
            await _compose(who, foundation, shadow, live_url)
            said = DiskLog(folder / "log" / f"{who.broker}.sqlite")
            try:
                if who.is_table:
                    _fold(who, kept, _hosted(who, foundation), said, shadow=shadow, events_max=events_max)
                else:
                    handler = foundation.compose_handler(who.function)
                    await _hand_over(who, kept, handler, said, shadow=shadow, events_max=events_max)
            finally:
                said.close()
            yield shadow
        finally:
            await foundation.stop()


async def _compose(who: Hearer, foundation: Foundation, shadow: Shadow, live_url: str) -> None:
    if not (who.card.stores or who.card.calls):
        foundation.environ = {**REPLAY, **foundation.options.environ}
        return
    await foundation.start_stores()
    shadow.database_url = foundation.stores.database_url
    if live_url:
        await _copy_facts(live_url, shadow.database_url, shadow.folder / "facts", without=who.writes)
    if who.card.calls:  # and no other service: the orders of a shadow would log on to the venue that the settings name
        await foundation.start_services(lambda _: "", who.card.calls)


def _hosted(who: Hearer, foundation: Foundation) -> "HostedTable":
    module = importlib.import_module(f"functions.tables.{who.function}.main")
    hosted: HostedTable = module.compose(settings.load(module.Settings, foundation.share(module)))
    return hosted


def _fold(  # noqa: PLR0913 - who, over what, what is told
    who: Hearer, kept: Kept, hosted: "HostedTable", said: DiskLog, *, shadow: Shadow, events_max: int
) -> None:
    def emit(place: int, events: Sequence[Event]) -> None:
        if place >= since_ns:
            for event in events:
                said.append(event)

    def bury(place: int, event: Event, error: Exception) -> None:
        if place >= since_ns:
            shadow.refused[400] += 1
            said_of.append(f"{event.type} {event.id}: {error}")

    said_of: list[str] = []
    since_ns = shadow.since_ns
    keeper = Keeper[int](
        who.function,
        hosted.fold,
        emit=emit,
        bury=bury,
        bounds=Bounds(REORDER_EVENTS_MAX, KEYS_MAX, SOURCES_MAX),
        only_key=hosted.only_key,
        unnumbered=hosted.unnumbered,
    )
    for count, record in enumerate(record for record in kept.records(who.broker) if who.accepts(record.event)):
        if record.recorded_ns >= since_ns:
            _hear(who, shadow, record.event, events_max)
        if not keeper.take(record.recorded_ns, record.event):
            msg = f"{who.name} fails on {said_of[-1] if said_of else record.event.id}; mend it, then rewind again"
            raise RewindError(msg)
        if count % COMMIT_EVENTS == 0:
            said.commit()


async def promote_rows(who: Hearer, kept: Kept, shadow: Shadow, environ: Mapping[str, str]) -> Counter[int]:
    """Give a handler that writes what it heard once more, on the live stores: they take only what moves them forward.

    Args:
        who: The Trigger.
        kept: The events.
        shadow: Its rewind.
        environ: Settings, with the addresses of the live stores.

    Returns:
        Answers that are dead letters, by status.
    """
    module = importlib.import_module(f"functions.handlers.{who.function}.main")
    hosted: HostedHandler = module.compose(settings.load(module.Settings, settings.share(module.Settings, environ)))
    again = Shadow(shadow.folder, shadow.since_ns)
    try:
        handler = subscribers.in_process(hosted)
        await _hand_over(who, kept, handler, None, shadow=again, events_max=len(shadow.heard))
    finally:
        await hosted.close()
    return again.refused


async def _hand_over(  # noqa: PLR0913 - as `_fold`
    who: Hearer, kept: Kept, handler: Subscriber, said: DiskLog | None, *, shadow: Shadow, events_max: int
) -> None:
    """Give a handler every event again that it heard, some at once, and keep its replies in the order of causes."""
    page: list[Event] = []

    async def turn() -> None:
        for answer in await asyncio.gather(*map(handler.deliver, page)):
            if not answer.delivered:
                shadow.refused[answer.status] += 1
            elif answer.event is not None and said is not None:
                said.append(answer.event)
        page.clear()
        if said is not None:
            said.commit()

    for record in kept.records(who.broker, since_ns=shadow.since_ns):
        if who.accepts(record.event):
            _hear(who, shadow, record.event, events_max)
            page.append(record.event)
            if len(page) == AT_ONCE:
                await turn()
    await turn()


def _hear(who: Hearer, shadow: Shadow, event: Event, events_max: int) -> None:
    shadow.heard.add(event.id)
    if len(shadow.heard) > events_max:
        msg = f"{who.name} heard more than {events_max:,} events since then; take a later --to, or raise --limit"
        raise RewindError(msg)


async def _copy_facts(live_url: str, shadow_url: str, folder: pathlib.Path, *, without: Sequence[str]) -> None:
    """Copy what is stored today into a shadow's database, and empty the tables that its function writes."""

    @contextlib.contextmanager
    def writing(name: str) -> Iterator[BinaryIO]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(folder / name, "wb", 1) as file:
            yield cast("BinaryIO", file)

    def reading(name: str) -> BinaryIO:
        return cast("BinaryIO", gzip.open(folder / name, "rb"))

    facts = await dump(live_url, writing)
    await _run(shadow_url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")  # the live one may be older
    await load(shadow_url, facts, reading)
    if without:
        await _run(shadow_url, f"TRUNCATE {', '.join(without)}")


async def _run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
