"""Answer from the online store, from the offline store where that is asked for, and follow what moves."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from functions.domain.features import FeatureKey, FeatureRow, Latest, PointInTime, Presence
from functions.ports.errors import Overloaded
from functions.ports.features import MovesReader, OfflineReader, OnlineReader

WAIT_MS: Final = 1000
"""How long one look for moves waits."""

SLOW_S: Final = 0.5
"""A reader that comes back later than this may have missed moves that are no longer kept."""

BACKLOG: Final = 512
"""Moves that tell of a reader behind: it reads on before it sends, so that each series is sent once."""

ROUNDS_MAX: Final = 64


class Online(OnlineReader, MovesReader, Protocol):
    """What the store needs of the online side."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Say how much is served at once.

    Args:
        keys: Most series in one message of a stream.
        streams: Most streams at a time.
        stream_s: Seconds after which a stream ends; its reader goes on with the cursor.
    """

    keys: int = 256
    streams: int = 64
    stream_s: float = 240.0


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Hold what is known of a series; `offline` where the online store did not have it."""

    key: FeatureKey
    presence: Presence
    row: FeatureRow | None = None
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """Choose series; empty takes all."""

    instrument_ids: tuple[str, ...] = ()
    intervals_s: tuple[int, ...] = ()

    def __contains__(self, key: FeatureKey) -> bool:
        """Tell whether a series is chosen."""
        return (not self.instrument_ids or key.instrument_id in self.instrument_ids) and (
            not self.intervals_s or key.interval_s in self.intervals_s
        )

    @property
    def named(self) -> tuple[FeatureKey, ...]:
        """Give every series that is named by itself; none where some part is open."""
        return tuple(FeatureKey(one, interval_s) for one in self.instrument_ids for interval_s in self.intervals_s)


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """Hold what moved: answers, how many moves of each are skipped, and where to go on."""

    answers: tuple[Answer, ...]
    conflated: tuple[int, ...]
    cursor: str
    snapshot: bool = False


class FeatureStore:
    """Read features, now and then.

    Args:
        online: Newest rows.
        offline: Every row with when it was known.
        limits: How much is served at once.
    """

    def __init__(self, online: Online, offline: OfflineReader, limits: Limits | None = None) -> None:
        """Read from these."""
        self._online = online
        self._offline = offline
        self._limits = limits or Limits()
        self._streams = 0

    async def latest(self, keys: Sequence[FeatureKey], *, known_by_ns: int, fall_back_ns: int) -> list[Answer]:
        """Give the newest rows.

        Args:
            keys: Series.
            known_by_ns: A row known later than this is not shown, UTC nanoseconds; 0 shows any.
            fall_back_ns: Time as of which the offline store is asked for the others, UTC nanoseconds; 0 asks it not.

        Raises:
            Unavailable: A store that was needed cannot be reached.
        """
        found = await self._online.latest(keys)
        answers = [_answer(key, one, known_by_ns) for key, one in zip(keys, found, strict=True)]
        lacking = [at for at, one in enumerate(answers) if one.row is None] if fall_back_ns else []
        rows = await self._offline.as_of([PointInTime(keys[at], fall_back_ns) for at in lacking]) if lacking else []
        for at, row in zip(lacking, rows, strict=True):
            if row is not None:
                answers[at] = Answer(keys[at], Presence.FOUND, row, offline=True)
        return answers

    async def as_of(self, points: Sequence[PointInTime]) -> list[Answer]:
        """Give for each point what was known then.

        Raises:
            Unavailable: The offline store cannot be reached.
        """
        rows = await self._offline.as_of(points)
        return [
            Answer(point.key, Presence.FOUND if row is not None else Presence.MISSING, row)
            for point, row in zip(points, rows, strict=True)
        ]

    async def follow(self, wanted: Wanted, cursor: str) -> AsyncIterator[Moved]:
        """Give what moves behind a cursor, each series with its newest row; a reader who is slow skips rows.

        Without a cursor, and where moves behind it are no longer kept, everything that is there now comes first.

        Raises:
            Overloaded: There are too many streams already.
            Unavailable: The online store cannot be reached.
        """
        if self._streams >= self._limits.streams:
            message = f"{self._streams} streams of features are open already; close some"
            raise Overloaded(message)
        self._streams += 1
        try:
            async for moved in self._follow(wanted, cursor):
                yield moved
        finally:
            self._streams -= 1

    async def _follow(self, wanted: Wanted, cursor: str) -> AsyncIterator[Moved]:
        clock = asyncio.get_running_loop().time
        until, seen = clock() + self._limits.stream_s, 0.0
        while clock() < until:
            if clock() - seen > SLOW_S and not (cursor and await self._online.covers(cursor)):
                cursor = await self._online.head()
                async for moved in self._snapshot(wanted, cursor):
                    yield moved
            counts, cursor = await self._moves(wanted, cursor)
            seen = clock()
            pieces = _pieces(tuple(counts), self._limits.keys)
            for number, keys in enumerate(pieces, start=1):
                answers = await self.latest(keys, known_by_ns=0, fall_back_ns=0)
                reached = cursor if number == len(pieces) else ""
                yield Moved(tuple(answers), tuple(counts[key] - 1 for key in keys), reached)

    async def _moves(self, wanted: Wanted, cursor: str) -> tuple[Counter[FeatureKey], str]:
        """Read what moved, all of it where there is much, and count the moves of each series."""
        counts: Counter[FeatureKey] = Counter()
        wait_ms = WAIT_MS
        for _ in range(ROUNDS_MAX):
            got = await self._online.moves(cursor, wait_ms=wait_ms)
            counts.update(key for key in got.keys if key in wanted)
            cursor, wait_ms = got.cursor, 1
            if len(got.keys) < BACKLOG:
                break
        return counts, cursor

    async def _snapshot(self, wanted: Wanted, cursor: str) -> AsyncIterator[Moved]:
        """Give everything that is there; what is named but not there is said to be missing."""
        named = wanted.named
        keys = named or tuple(key for key in await self._online.known() if key in wanted)
        pieces = _pieces(keys, self._limits.keys) or [()]
        for number, piece in enumerate(pieces, start=1):
            found = await self.latest(piece, known_by_ns=0, fall_back_ns=0)
            answers = tuple(one for one in found if named or one.row is not None)
            reached = cursor if number == len(pieces) else ""
            yield Moved(answers, (0,) * len(answers), reached, snapshot=True)


def _answer(key: FeatureKey, found: Latest, known_by_ns: int) -> Answer:
    if found.row is not None and known_by_ns and found.row.available_ns > known_by_ns:
        return Answer(key, Presence.MISSING)
    return Answer(key, found.presence, found.row)


def _pieces(keys: tuple[FeatureKey, ...], size: int) -> list[tuple[FeatureKey, ...]]:
    return [keys[at : at + size] for at in range(0, len(keys), size)]
