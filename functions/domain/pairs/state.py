"""Hold what the joins of a desk remember, and write it down: bars that wait, windows, how far each shard has come."""

import json
import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from functions.domain.errors import DomainError
from functions.domain.market import Float64, InstrumentRef
from functions.domain.pairs import kernel as layout
from functions.domain.pairs.layout import Output, State
from functions.domain.pairs.pairing import Pair

BLOB_BYTES_MAX: Final = 200 * 1024
"""What a state may weigh; a host stores 256 KiB, sequence numbers and holes of its sources among them."""
BAR_BYTES_MAX: Final = 140
TRACK_BYTES_MAX: Final = 8 * (layout.COUNTS + layout.MEMORY) + 600
HOLES_MAX: Final = 16
"""Holes of one member that are remembered until the join has passed them; of more, the latest stand together."""

NEVER: Final = -1

_SideLine: TypeAlias = tuple[str, tuple[int, int] | None, "Bar | None", "list[Bar]", list[int]]
_MAGIC: Final = b"TLPAIR01"
_HEAD: Final = struct.Struct("<8sI")


class Bar(NamedTuple):
    """Hold what a join needs of a final bar, and the id of the event that brought it."""

    end_ns: int
    close: int
    bid: int
    ask: int
    flags: int
    cause: str


@dataclass(slots=True, eq=False)
class Side:
    """Remember one member of a track.

    Args:
        instrument_id: Which instrument.
        shard: Shard of its first bar; bars of it from elsewhere are not its own. Empty before.
        ref: Its units; None before its first bar.
        last: Last bar whose bucket the join has passed.
        waiting: Bars behind it, ascending.
        holes: Up to where the shard had come, each time that batches of it were lost.
    """

    instrument_id: str
    shard: str = ""
    ref: InstrumentRef | None = None
    last: Bar | None = None
    waiting: deque[Bar] = field(default_factory=deque)
    holes: deque[int] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class Track:
    """Remember one pair on one interval.

    Args:
        pair: Which pair.
        interval_s: Length of its buckets, seconds.
        place: Its place in the arrays.
        sides: The members, a and b.
        end_ns: End of the last bucket in its windows; NEVER while they are cold.
        prices: Prices of a and b there.
        join: Where its buckets are evaluated; None until both members have been seen.
    """

    pair: Pair
    interval_s: int
    place: int
    sides: tuple[Side, Side]
    end_ns: int = NEVER
    prices: tuple[float, float] = (0.0, 0.0)
    join: "Join | None" = None


@dataclass(slots=True, eq=False)
class Clock:
    """Remember how far a shard has come: all its bars that end up to `passed_ns` have been seen."""

    passed_ns: int = NEVER
    ended: bool = False
    ended_by: str = ""


@dataclass(slots=True, eq=False)
class Join:
    """Join one or two shards: buckets up to `passed_ns` are done, `emitted` is the next number of its sequence."""

    shards: tuple[str, ...]
    tracks: list[Track] = field(default_factory=list)
    passed_ns: int = NEVER
    emitted: int = 0
    told_end: bool = False

    @property
    def name(self) -> str:
        """Name the join by its shards."""
        return "~".join(self.shards)


Routes: TypeAlias = dict[int, list[tuple[Track, Side]]]
"""Who hears an instrument's bars, by interval."""

Heard: TypeAlias = tuple[tuple[InstrumentRef, ...], tuple[Routes | None, ...]]
"""A dictionary of instruments, and who hears each."""


@dataclass(slots=True, eq=False)
class PairState:
    """Remember all joins of a desk.

    Args:
        tracks: Every pair and interval, by place.
        arrays: (counts, memory) in the kernel's layout; change in place.
        clocks: How far each shard with a member has come.
        joins: By name.
        routes: Who hears an instrument's bars: sides and their tracks, by instrument and interval.
    """

    tracks: tuple[Track, ...]
    arrays: State
    clocks: dict[str, Clock] = field(default_factory=dict)
    joins: dict[str, Join] = field(default_factory=dict)
    routes: dict[str, Routes] = field(default_factory=dict)
    heard: dict[str, Heard] = field(default_factory=dict)  # each shard's last dictionary; not part of the state
    inputs: Float64 = field(default_factory=lambda: np.zeros(layout.INPUTS))  # scratch, as the following
    scratch: Float64 = field(default_factory=lambda: np.zeros((layout.SCRATCH, layout.RETURNS)))
    output: Output = (np.zeros((0, 0)), np.zeros((0, 0), np.uint8))


def start(pairs: Sequence[Pair]) -> PairState:
    """Make the state of a desk that has seen nothing.

    >>> len(start([Pair("A.X", "B.X", (1, 60))]).tracks)
    2
    """
    keys = sorted((interval, number) for number, pair in enumerate(pairs) for interval in pair.intervals_s)
    tracks = tuple(
        Track(pairs[number], interval, place, (Side(pairs[number].instrument_a), Side(pairs[number].instrument_b)))
        for place, (interval, number) in enumerate(keys)
    )
    arrays = np.zeros((len(tracks), layout.COUNTS), np.int64), np.zeros((len(tracks), layout.MEMORY))
    routes: dict[str, Routes] = {}
    for track in tracks:
        for side in track.sides:
            routes.setdefault(side.instrument_id, {}).setdefault(track.interval_s, []).append((track, side))
    width = len(tracks), len(layout.NAMES)
    return PairState(tracks, arrays, routes=routes, output=(np.zeros(width), np.zeros(width, np.uint8)))


def weight(pairs: Sequence[Pair], silence_s: int) -> int:
    """Say how many bytes a state of these pairs may weigh at most, one member of each waiting for the other."""
    waiting = sum(silence_s // interval + 2 for pair in pairs for interval in pair.intervals_s)
    tracks = sum(len(pair.intervals_s) for pair in pairs)
    return waiting * BAR_BYTES_MAX + tracks * (TRACK_BYTES_MAX + 2 * HOLES_MAX * 20)


def meet(state: PairState, track: Track) -> None:
    """Put a track into its join once both members have been seen; what the join has passed already waits no more."""
    shards = tuple(sorted({side.shard for side in track.sides}))
    if track.join is not None or "" in shards:
        return
    join = Join(shards)
    track.join = join = state.joins.setdefault(join.name, join)
    join.tracks.append(track)
    join.tracks.sort(key=lambda one: one.place)
    for side in track.sides:
        while side.waiting and side.waiting[0].end_ns <= join.passed_ns:
            side.last = side.waiting.popleft()


def dump(state: PairState) -> bytes:
    """Write a state down: a JSON head, then the arrays."""
    head = {
        "tracks": [_track_line(track) for track in state.tracks],
        "clocks": {name: (one.passed_ns, one.ended, one.ended_by) for name, one in sorted(state.clocks.items())},
        "joins": [(one.shards, one.passed_ns, one.emitted, one.told_end) for _, one in sorted(state.joins.items())],
    }
    text = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((_HEAD.pack(_MAGIC, len(text)), text, state.arrays[0].tobytes(), state.arrays[1].tobytes()))


def load(pairs: Sequence[Pair], blob: bytes) -> PairState:
    """Read what `dump` wrote, of whatever pairs there were then: those that are paired now go on, others are forgotten.

    Raises:
        DomainError: The blob is no such state.
    """
    magic, length = _HEAD.unpack_from(blob) if len(blob) >= _HEAD.size else (b"", 0)
    if magic != _MAGIC:
        message = f"state of pairs: {len(blob)} bytes that start with {blob[:8]!r}, expected {_MAGIC!r}"
        raise DomainError(message)
    head = json.loads(blob[_HEAD.size : _HEAD.size + length])
    arrays = _arrays(blob, _HEAD.size + length, len(head["tracks"]))
    state = start(pairs)
    state.clocks = {name: Clock(*figures) for name, figures in head["clocks"].items()}
    for shards, *figures in head["joins"]:
        join = Join(tuple(shards), [], *figures)
        state.joins[join.name] = join
    had = {tuple(key): (place, line) for place, (key, *line) in enumerate(head["tracks"])}
    for track in state.tracks:
        found = had.get(_key(track))
        if found is not None:
            place, line = found
            _fill(track, *line)
            for now, then in zip(state.arrays, arrays, strict=True):
                now[track.place] = then[place]
            meet(state, track)
    return state


def _key(track: Track) -> tuple[str, str, int]:
    return track.pair.instrument_a, track.pair.instrument_b, track.interval_s


def _track_line(track: Track) -> tuple[object, ...]:
    return (_key(track), track.end_ns, track.prices, *(_side_line(side) for side in track.sides))


def _side_line(side: Side) -> _SideLine:
    units = None if side.ref is None else (side.ref.price_exponent, side.ref.size_exponent)
    return side.shard, units, side.last, list(side.waiting), list(side.holes)


def _fill(track: Track, end_ns: int, prices: tuple[float, float], *sides: _SideLine) -> None:
    track.end_ns = end_ns
    track.prices = prices[0], prices[1]
    for side, (shard, units, last, waiting, holes) in zip(track.sides, sides, strict=True):
        side.shard = shard
        side.ref = None if units is None else InstrumentRef(side.instrument_id, *units)
        side.last = None if last is None else Bar(*last)
        side.waiting = deque(Bar(*one) for one in waiting)
        side.holes = deque(holes)


def _arrays(blob: bytes, offset: int, tracks: int) -> State:
    wanted = 8 * tracks * (layout.COUNTS + layout.MEMORY)
    if len(blob) - offset != wanted:
        message = f"state of pairs has {len(blob) - offset} bytes of arrays, expected {wanted} for {tracks} tracks"
        raise DomainError(message)
    counts = np.frombuffer(blob, np.int64, tracks * layout.COUNTS, offset).reshape(tracks, layout.COUNTS)
    offset += counts.nbytes
    return counts, np.frombuffer(blob, np.float64, tracks * layout.MEMORY, offset).reshape(tracks, layout.MEMORY)
