"""Say what a venue's file must tell to be polled; a new venue is one file beside this one with `PROFILES` in it.

A channel is two pure functions. `ask` says what to ask next, from a cursor and the time; `read` says from the reply
where the series goes on. Where a venue answers by time, a channel asks for closed windows only: from its cursor up to a
boundary that has settled, so no row is asked for twice and none that came late is missed within the settling time.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from functions.adapters import polling
from functions.adapters.resilience import Rate

PAGE_ROWS: Final = 400
"""Rows of a page, so that a page of the usual row stays below 64 KiB."""
_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,31}")


class UnknownPollError(ValueError):
    """A dialect or channel that cannot be polled."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Say what time it is to a channel, UTC nanoseconds.

    Args:
        now_ns: Now.
        start_ns: Where a series without a cursor begins.
        settle_ns: How long after a window's end its rows may still come.
    """

    now_ns: int
    start_ns: int
    settle_ns: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Hold one request.

    Args:
        path: Path and query.
        symbol: What the reply does not say itself, for its decoder: the venue symbol, an `@` and more.
        weight: What it costs of the venue's limit.
        cursor: Cursor it was made from.
        end: End of the window it asks for, in the venue's unit; 0 where it asks for none.
        settled_ns: How long that end was past when it was asked for, where the venue may be behind its own time.
    """

    path: str
    symbol: str
    weight: float
    cursor: str
    end: int = 0
    settled_ns: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """Say where a series goes on, and whether the next page is there already."""

    cursor: str
    more: bool


AskNext: TypeAlias = Callable[[str, str, Moment], Ask | None]
"""Say what to ask for (symbol, cursor, moment); None when nothing has settled since the cursor."""
ReadReply: TypeAlias = Callable[[bytes, Ask], Answer]
"""Read where the series goes on. Raises ValueError, KeyError, IndexError or TypeError for a reply that is none."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Say how one kind of thing is polled.

    Args:
        ask: Says what to ask next.
        read: Reads where the series goes on.
        every_s: Time between two requests once nothing more is there, seconds.
    """

    ask: AskNext
    read: ReadReply
    every_s: float


@dataclass(frozen=True, slots=True)
class PollProfile:
    """Say how a dialect is polled.

    Args:
        dialect: Dialect of the replies.
        url: Address of the venue's REST interface.
        rate: What the venue lets an address spend.
        channel: Gives a channel by its name, for example `klines_1m`; raises `UnknownPollError`.
        channels: Names of channels, for messages and documentation.
        headers: Gives the headers that carry an API key.
    """

    dialect: str
    url: str
    rate: Rate
    channel: Callable[[str], Channel]
    channels: tuple[str, ...]
    headers: Callable[[str], Mapping[str, str]] = lambda _: {}


def profile_of(dialect: str) -> PollProfile:
    """Find a dialect's profile: `PROFILES` of the module named by its part before the first dot.

    Raises:
        UnknownPollError: There is none.

    >>> profile_of("binance.spot").url
    'https://api.binance.com'
    """
    name = dialect.partition(".")[0]
    found = None
    if _NAME.fullmatch(name):
        try:
            module = importlib.import_module(f"{polling.__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{polling.__name__}.{name}":
                raise
        else:
            profiles: Mapping[str, PollProfile] = module.PROFILES
            found = profiles.get(dialect)
    if found is None:
        msg = (
            f"dialect {dialect[:64]!r} cannot be polled; a module functions.adapters.polling.{name[:32]} would say how"
        )
        raise UnknownPollError(msg)
    return found
