"""Keep features in memory: the twins of the store adapters, with a clock that is moved by hand."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from functions.adapters.redis_features import EXPIRED_KEPT_MS, MOVES_KEPT, START, TTL_MS
from functions.domain.features import FeatureKey, FeatureRow, Latest, PointInTime, Presence
from functions.domain.market import FeatureBatch, Int64
from functions.ports.features import Moves

_Form: TypeAlias = tuple[int, FeatureRow]
"""Sequence of the batch that brought a row, and the row."""

ENTRIES_MAX: Final = 512


class MemoryOnline:
    """Keep the newest row of each series in a dict; rows expire by a clock that is an argument.

    Args:
        ttl_ms: Milliseconds a row is served after the next one was due.
        now_ms: The clock, milliseconds.
        moves_kept: How many moves are kept.
    """

    def __init__(
        self, *, ttl_ms: int = TTL_MS, now_ms: Callable[[], int] = lambda: 0, moves_kept: int = MOVES_KEPT
    ) -> None:
        """Start empty."""
        self.rows: dict[FeatureKey, tuple[FeatureRow, int]] = {}
        self._ttl_ms = ttl_ms
        self._now_ms = now_ms
        self._moves_kept = moves_kept
        self._moves: list[FeatureKey] = []
        self._forgotten = 0
        self._moved = asyncio.Event()

    async def put(self, batch: FeatureBatch, *, available_ns: Int64) -> None:
        """Move series forward; a series moves at most once a batch."""
        newest: dict[FeatureKey, FeatureRow] = {}
        for row in rows_of(batch, available_ns):
            if row.key not in newest or _rank(row) > _rank(newest[row.key]):
                newest[row.key] = row
        for key, row in newest.items():
            had = self.rows.get(key)
            if had is None or _rank(row) > _rank(had[0]) or self._left_ms(key, had[1]) <= -EXPIRED_KEPT_MS:
                self.rows[key] = (row, self._now_ms())
                self._move(key)

    async def latest(self, keys: Sequence[FeatureKey]) -> list[Latest]:
        """Say what there is, in the order of the keys."""
        return [self._latest(key) for key in keys]

    async def head(self) -> str:
        """Give the cursor behind the newest move."""
        return f"0-{self._forgotten + len(self._moves)}" if self._moves else START

    async def covers(self, cursor: str) -> bool:
        """Tell whether every move behind a cursor is still there."""
        return self._forgotten <= _number(cursor) <= self._forgotten + len(self._moves)

    async def moves(self, cursor: str, *, wait_ms: int) -> Moves:
        """Give moves behind a cursor; with none, wait up to so long for the first."""
        at = max(_number(cursor) - self._forgotten, 0)
        if at >= len(self._moves):
            self._moved.clear()
            try:
                await asyncio.wait_for(self._moved.wait(), wait_ms / 1000)
            except TimeoutError:
                return Moves((), cursor)
        keys = tuple(self._moves[at : at + ENTRIES_MAX])
        return Moves(keys, f"0-{self._forgotten + at + len(keys)}")

    async def known(self) -> tuple[FeatureKey, ...]:
        """Give every series that may have a row, ordered."""
        return tuple(sorted(self.rows))

    async def close(self) -> None:
        """Let go of nothing; rows stay readable."""

    def _move(self, key: FeatureKey) -> None:
        self._moves.append(key)
        if len(self._moves) > self._moves_kept:
            del self._moves[0]
            self._forgotten += 1
        self._moved.set()

    def _latest(self, key: FeatureKey) -> Latest:
        if key not in self.rows:
            return Latest(Presence.MISSING)
        row, put_ms = self.rows[key]
        left_ms = self._left_ms(key, put_ms)
        if left_ms <= -EXPIRED_KEPT_MS:
            return Latest(Presence.MISSING)
        return Latest(Presence.EXPIRED) if left_ms <= 0 else Latest(Presence.FOUND, row)

    def _left_ms(self, key: FeatureKey, put_ms: int) -> int:
        return put_ms + key.interval_s * 1000 + self._ttl_ms - self._now_ms()


class MemoryOffline:
    """Keep every row in a dict by (series, start, revision), with when it was known.

    Args:
        intervals_s: Intervals whose rows are kept, seconds; empty keeps all.
    """

    def __init__(self, *, intervals_s: tuple[int, ...] = ()) -> None:
        """Start empty."""
        self.rows: dict[FeatureKey, dict[tuple[int, int], _Form]] = {}
        self._intervals_s = intervals_s

    async def put(self, batch: FeatureBatch, *, available_ns: Int64, sequence: int) -> None:
        """Keep rows by (series, start, revision); of two forms of one row the higher sequence stays."""
        for row in rows_of(batch, available_ns):
            if self._intervals_s and row.key.interval_s not in self._intervals_s:
                continue
            series = self.rows.setdefault(row.key, {})
            if sequence > series.get(_rank(row), (-1, row))[0]:
                series[_rank(row)] = (sequence, row)

    async def as_of(self, points: Sequence[PointInTime]) -> list[FeatureRow | None]:
        """Give for each point the newest bar's newest revision that was known then; None when nothing was."""
        return [self._as_of(point) for point in points]

    async def close(self) -> None:
        """Let go of nothing; rows stay readable."""

    def _as_of(self, point: PointInTime) -> FeatureRow | None:
        known = [row for _, row in self.rows.get(point.key, {}).values() if row.available_ns <= point.as_of_ns]
        return max(known, key=_rank, default=None)


def rows_of(batch: FeatureBatch, available_ns: Int64) -> Iterator[FeatureRow]:
    """Give the rows of a batch one by one."""
    columns = batch.columns
    for at in range(columns.row_count):
        ref = columns.instruments[columns.instrument[at]]
        yield FeatureRow(
            key=FeatureKey(ref.instrument_id, int(columns.interval_s[at])),
            start_ns=int(columns.start_ns[at]),
            revision=int(columns.bar_revision[at]),
            available_ns=int(available_ns[at]),
            close=int(columns.close[at]),
            price_exponent=ref.price_exponent,
            names=columns.names,
            values=columns.values[at],
            states=columns.states[at],
        )


def _rank(row: FeatureRow) -> tuple[int, int]:
    return row.start_ns, row.revision


def _number(cursor: str) -> int:
    """Give how many moves lie before a cursor; one of a real store lies behind all of ours."""
    time_ms, _, number = cursor.partition("-")
    return int(number) if time_ms == "0" else sys.maxsize
