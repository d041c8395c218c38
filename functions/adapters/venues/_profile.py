"""Describe a venue's connection: where it is, how it is subscribed to, and how to glance at what it says.

A profile is data and pure functions, one for each dialect; `_connection` does the rest for all of them. The part of a
dialect before its first dot names the module beside this one, and the module's `PROFILES` names its dialects.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Final

from functions.adapters import venues
from functions.adapters.resilience import Rate
from functions.domain.books import BookMessage, Rule

UNIT_DIGITS: Final = 18
"""Decimals of the units that books are kept in here; no venue writes more."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Say what is listened to.

    Args:
        symbols: Symbols in the venue's own writing.
        channels: Channels of each symbol, in the venue's own words.
        depth: Levels a side of a book; 0 is the profile's own.
    """

    symbols: tuple[str, ...]
    channels: tuple[str, ...]
    depth: int = 0


# --- what a message says ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trades:
    """Hold which trades a message tells: ids `first` to `last` of one channel, which counts them without holes.

    A message that only says which trade was the last (a heartbeat) has `first = last + 1`.
    """

    channel: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Glance:
    """Hold the little of a message that keeps the connection right, for one symbol.

    Args:
        symbol: Venue symbol; empty for what is about the connection.
        quote: Whether it tells the best bid and offer and nothing else, so that a newer one replaces it.
        crossed: Whether that bid is above the offer.
        book: What it says of the book, in units of 10^-18.
        digits: Most decimals of its prices and of its sizes, where a checksum needs them.
        trades: Which trades it tells.
        number: Its number on the connection, which counts without holes; None where the venue has none.
        refused: Why the venue does not take a subscription, in its words; empty for everything else.
    """

    symbol: str = ""
    quote: bool = False
    crossed: bool = False
    book: BookMessage | None = None
    digits: tuple[int, int] = (0, 0)
    trades: Trades | None = None
    number: int | None = None
    refused: str = ""


def units(text: str) -> int:
    """Give a plain decimal in units of 10^-18.

    Raises:
        ValueError: It is no plain decimal, or finer.

    >>> units("0.05")
    50000000000000000
    """
    whole, _, fraction = text.partition(".")
    if len(fraction) > UNIT_DIGITS:
        msg = f"{text[:64]!r} has more than {UNIT_DIGITS} decimals"
        raise ValueError(msg)
    return int(whole + fraction.ljust(UNIT_DIGITS, "0"))


def digits(text: str) -> int:
    """Count the decimals that a text shows.

    >>> digits("0.0500"), digits("7")
    (4, 0)
    """
    return len(text.partition(".")[2])


# --- what is asked over REST ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """Say what to ask over REST.

    Args:
        path: Path behind the venue's base.
        query: Names and values, in order.
        weight: What it costs of the venue's allowance.
        headers: Names and values to send along.
    """

    path: str
    query: Mapping[str, str]
    weight: float = 1.0
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Missing:
    """Say which trades are missing.

    Args:
        symbol: Venue symbol.
        channel: Channel whose ids these are.
        first: First missing id.
        last: Last missing id; None when it is not known how far they go.
    """

    symbol: str
    channel: str
    first: int
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Say which trades an answer holds: lowest and highest id, and how many; an empty one is all zeros."""

    first: int = 0
    last: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Backfill:
    """Say how missed trades are asked for.

    Args:
        request: Makes the request for the next page; None where this channel is not offered.
        page: Reads which trades an answer holds. Raises ValueError when it is none.
        rows: Trades of a full page; fewer say that there are no more.
        ascending: Whether pages go from old to new; else from new to old.
    """

    request: Callable[[Missing, str], Request | None]
    page: Callable[[bytes], Page]
    rows: int
    ascending: bool = True

    def rest(self, missing: Missing, page: Page) -> Missing | None:
        """Say what is still missing after a page; None when nothing is, or no more is offered.

        >>> Backfill(lambda *_: None, lambda _: Page(), rows=2).rest(Missing("X", "trade", 5), Page(5, 6, 2))
        Missing(symbol='X', channel='trade', first=7, last=None)
        """
        if page.count == 0 or (page.count < self.rows and (self.ascending or missing.last is None)):
            return None
        if self.ascending:
            done = missing.last is not None and page.last >= missing.last
            return None if done else replace(missing, first=max(page.last, missing.first) + 1)
        return None if page.first <= missing.first else replace(missing, last=page.first - 1)


# --- the profile ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limits:
    """Hold what the venue documents that it allows.

    Args:
        connects: Connections that may be tried.
        messages: Messages that may be sent over a connection.
        requests: Weight that may be asked for over REST.
        streams_max: Symbols times channels that one connection carries.
        age_max_s: Age at which the venue ends a connection, so that it is left before; 0 is never.
    """

    connects: Rate
    messages: Rate
    requests: Rate
    streams_max: int
    age_max_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Keepalive:
    """Say how a connection is kept, and when it counts as dead.

    Args:
        idle_s: Silence after which it counts as dead, seconds.
        ping_s: Time between WebSocket pings, and for an answer to one, seconds.
        text: Message that keeps it open where the venue wants one; empty for none.
        text_s: Time between two of them, seconds.
    """

    idle_s: float = 30.0
    ping_s: float = 20.0
    text: str = ""
    text_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Profile:
    """Describe a venue's connection.

    Args:
        dialect: Dialect of everything it says.
        websocket_url: Base of the streams.
        rest_url: Base of the REST answers.
        channels: Channels that are listened to unless others are named.
        limits: What the venue allows.
        glance: Reads the little that matters from a row; `symbol` is that of a REST answer, else empty. It gives
            nothing for what it cannot read: such a row travels on, and is refused where it is decoded.
        path: Gives what stands behind the base of the streams.
        subscribe: Gives the messages that subscribe to everything.
        rule: How a copy of a book is checked.
        depth: Levels a side of a book.
        bar_channel: Chooses the channel whose trades feed bars; empty where there is but one.
        keepalive: How a connection is kept.
        snapshot: Makes the request for a book, where the venue gives it over REST.
        resubscribe: Gives the messages that bring a symbol's book anew, where the venue gives it on subscription.
        backfill: How missed trades are asked for; None where the venue offers none by id.
        is_book: Tells whether a channel is a book's.
    """

    dialect: str
    websocket_url: str
    rest_url: str
    channels: tuple[str, ...]
    limits: Limits
    glance: Callable[[bytes, str], tuple[Glance, ...]]
    path: Callable[[Subscription], str]
    subscribe: Callable[[Subscription], tuple[str, ...]]
    rule: Rule
    depth: int
    bar_channel: Callable[[tuple[str, ...]], str]
    keepalive: Keepalive = field(default_factory=Keepalive)
    snapshot: Callable[[str, int], Request] | None = None
    resubscribe: Callable[[Subscription, str], tuple[str, ...]] | None = None
    backfill: Backfill | None = None
    is_book: Callable[[str], bool] = lambda _channel: True

    def __post_init__(self) -> None:
        """Refuse a book that could never be brought anew."""
        if (self.snapshot is None) == (self.resubscribe is None):
            msg = f"{self.dialect}: a book comes anew either by snapshot or by resubscribe"
            raise ValueError(msg)

    def check(self, wanted: Subscription) -> None:
        """Refuse what one connection cannot carry.

        Raises:
            ValueError: It is nothing, or more than the venue allows.
        """
        streams = len(wanted.symbols) * len(wanted.channels)
        if not 0 < streams <= self.limits.streams_max:
            most = self.limits.streams_max
            msg = f"one connection carries 1 to {most} streams; symbols times channels is {streams}"
            raise ValueError(msg)


# --- finding one ------------------------------------------------------------------------------------------------------

_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,31}")


def profile_of(dialect: str) -> Profile:
    """Find the profile of a dialect.

    Raises:
        ValueError: There is none.

    >>> profile_of("kraken.v1").websocket_url
    'wss://ws.kraken.com'
    """
    found = _profiles(dialect.partition(".")[0]).get(dialect)
    if found is None:
        msg = f"no venue is connected to as {dialect[:64]!r}; known are {', '.join(connected_dialects())}"
        raise ValueError(msg)
    return found


def connected_dialects() -> tuple[str, ...]:
    """Name every dialect that can be connected to; this loads every venue."""
    return tuple(sorted(dialect for name in _modules() for dialect in _profiles(name)))


def _modules() -> Iterator[str]:
    return (found.name for found in pkgutil.iter_modules(venues.__path__) if _NAME.fullmatch(found.name))


def _profiles(name: str) -> Mapping[str, Profile]:
    module = _module(name) if _NAME.fullmatch(name) else None
    profiles: Mapping[str, Profile] = getattr(module, "PROFILES", {})
    return profiles


def _module(name: str) -> ModuleType | None:
    full = f"{venues.__name__}.{name}"
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        if error.name != full:
            raise
        return None
