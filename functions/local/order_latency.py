"""Follow orders back to the market messages behind them, in a folder's logs, and say how long every step took.

A step's time is when a broker stored its event, all by one clock. An event that a bridge carried to another broker is
stored there once more: the step `bridge`. Before the first event lie two times that it tells of: when the feed received
its newest message, and when the venue says that it happened, which is another clock.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

from functions.domain.decisions import Fill, OrderUpdate
from functions.local.log import find
from functions.local.waterfall import stage_of
from functions.wire.codecs.market import RAW_BATCH
from functions.wire.codecs.orders import FILL, ORDER_UPDATE, decode_fill, decode_order_update
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

STEPS_MAX: Final = 65_536
"""Newest updates and fills that are looked at."""
CAUSES_MAX: Final = 16
"""Most causes that are followed back from an order; today a raw batch is the seventh."""
NS_PER_MS: Final = 1_000_000

VENUE: Final = "venue"
RECEIVED: Final = "received"
FEED: Final = "feed"
BRIDGE: Final = "bridge"
SIGNALS: Final = "signals"
FILLED: Final = "orders: fill"
_ORDERS: Final = "orders"
_RESTED: Final = "rested"
_REPLAY: Final = "replay"


class Origin(Enum):
    """Say where an order's way begins."""

    LIVE = "live"
    """A message that a feed received."""
    REPLAYED = "replayed"
    """A tape: its batches came as fast as they were read, so they waited for each other."""
    DIRECT = "direct"
    """A client, who named no cause."""
    CUT = "cut"
    """A cause that the logs do not hold."""


@dataclass(frozen=True, slots=True)
class Step:
    """Hold one step.

    Args:
        stage: Who did it: a function's name, or one of this module's words.
        at_ns: When, UTC nanoseconds.
        took_ns: Time since the step before; None for the first. May be negative after `venue`, whose clock is another.
        broker: Where its event was stored; empty where there is none.
        type: The event's type.
        id: The event's id.
    """

    stage: str
    at_ns: int
    took_ns: int | None
    broker: str = ""
    type: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class OrderWaterfall:
    """Hold the steps of one order, oldest first."""

    client_order_id: str
    account: str
    instrument_id: str
    signal_id: str
    origin: Origin
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Hold exact quantiles, milliseconds; None where no duration lies beyond one, so that it would be the greatest."""

    count: int
    p50_ms: float
    p90_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    max_ms: float


@dataclass(frozen=True, slots=True)
class _Stored:
    broker: str
    recorded_ns: int
    event: Event

    @property
    def cause(self) -> str:
        return str(self.event.extensions.get("causationid", ""))


_Told: TypeAlias = tuple[_Stored, OrderUpdate | Fill]


def follow(folder: Path, wanted: str = "") -> tuple[OrderWaterfall, ...]:
    """Follow the orders of a folder back to their beginnings.

    Args:
        folder: Folder of a platform, with its logs.
        wanted: A client_order_id or the id of a signal; empty for all among the newest steps.

    Returns:
        The orders, oldest first; none when there are none.
    """
    paths = [path for path in sorted((folder / "log").glob("*.sqlite")) if not path.stem.endswith("-dead-letters")]
    orders = _orders(paths, wanted)
    causes = _causes(paths, {told[0][0].cause for told in orders})
    return tuple(_waterfall(told, causes) for told in orders)


def figures_of(waterfalls: Iterable[OrderWaterfall]) -> dict[str, Figures]:
    """Give the figures of every stage, and of the ways over several, in the order of an order's way.

    A way of several is `message to signal`, `signal to answer`, `signal to fill` and `message to fill`; the message is
    its receipt, or where it came off a tape its batch. Fills of an order that rested count for none: they are the
    market's time, not ours.
    """
    took: defaultdict[str, list[int]] = defaultdict(list)
    spans: defaultdict[str, list[int]] = defaultdict(list)
    for one in waterfalls:
        for step in one.steps:
            if step.took_ns is not None:
                took[step.stage].append(step.took_ns)
        for name, span_ns in _spans(one.steps):
            spans[name].append(span_ns)
    return {name: _figures(durations) for name, durations in (took | spans).items()}


def _spans(steps: Sequence[Step]) -> Iterator[tuple[str, int]]:
    """Measure the ways over several steps that an order went."""
    at: dict[str, int] = {}
    for step in steps:
        at.setdefault(step.stage, step.at_ns)
        if step.stage.startswith(_ORDERS):
            at.setdefault(_ORDERS, step.at_ns)
    if FEED in at:
        at.setdefault(RECEIVED, at[FEED])
    for start, end, name in (
        (RECEIVED, SIGNALS, "message to signal"),
        (SIGNALS, _ORDERS, "signal to answer"),
        (SIGNALS, FILLED, "signal to fill"),
        (RECEIVED, FILLED, "message to fill"),
    ):
        if start in at and end in at:
            yield name, at[end] - at[start]


def _figures(durations_ns: list[int]) -> Figures:
    ordered = sorted(durations_ns)

    def quantile(permille: int) -> float | None:
        """Give the least duration that so many of a thousand do not exceed."""
        if len(ordered) * (1000 - permille) < 1000:  # noqa: PLR2004 - a thousand of a thousand: one whole duration
            return None
        return ordered[-(-len(ordered) * permille // 1000) - 1] / NS_PER_MS

    middle = ordered[(len(ordered) - 1) // 2] / NS_PER_MS
    return Figures(len(ordered), middle, quantile(900), quantile(990), quantile(999), ordered[-1] / NS_PER_MS)


def _orders(paths: Sequence[Path], wanted: str) -> list[list[_Told]]:
    """Give what was stored of each order, as it was stored; a redelivered step counts once."""
    found: defaultdict[str, dict[str, _Told]] = defaultdict(dict)
    for path in paths:
        for _, recorded_ns, event in find(path, where="type IN (?, ?)", values=(ORDER_UPDATE, FILL), newest=STEPS_MAX):
            value = _read(event)
            if value is not None and (not wanted or wanted in {value.client_order_id, value.signal_id}):
                found[value.client_order_id].setdefault(event.id, (_Stored(path.stem, recorded_ns, event), value))
    orders = [sorted(told.values(), key=lambda one: (one[0].recorded_ns, one[1].sequence)) for told in found.values()]
    return sorted(orders, key=lambda told: told[0][0].recorded_ns)


def _read(event: Event) -> OrderUpdate | Fill | None:
    """Read a step; None when whoever posted it wrote something else."""
    try:
        return (decode_fill if event.type == FILL else decode_order_update)(event.data or b"")
    except Malformed:
        return None


def _causes(paths: Sequence[Path], wanted: set[str]) -> dict[str, dict[str, _Stored]]:
    """Look up events and the causes behind them, all orders' together: one look at each log for each step back."""
    known: dict[str, dict[str, _Stored]] = {}
    for _ in range(CAUSES_MAX):
        wanted = {id_ for id_ in wanted if id_ and id_ not in known}
        if not wanted:
            break
        where, values = "id IN (SELECT value FROM json_each(?))", (json.dumps(sorted(wanted)),)
        found = [
            _Stored(path.stem, recorded_ns, event)
            for path in paths
            for _, recorded_ns, event in find(path, where=where, values=values, bodies=False)
        ]
        for one in found:
            known.setdefault(one.event.id, {}).setdefault(one.broker, one)
        wanted = {one.cause for one in found}
    return known


def _waterfall(told: Sequence[_Told], causes: dict[str, dict[str, _Stored]]) -> OrderWaterfall:
    (first, value), behind = told[0], _behind(told[0][0], causes)
    head = behind[0][1] if behind else first
    origin = _origin(head)
    steps = list(_before(behind)) if origin is Origin.LIVE else []
    steps += [_step(name, one) for name, one in (*behind, *_named(told))]
    timed = (steps[0], *(_after(step, before) for before, step in pairwise(steps)))
    return OrderWaterfall(value.client_order_id, value.account, value.instrument_id, value.signal_id, origin, timed)


def _behind(first: _Stored, causes: dict[str, dict[str, _Stored]]) -> list[tuple[str, _Stored]]:
    """Give what lies behind an order, oldest first: each event where it was stored, and where it was bridged to."""
    behind: list[tuple[str, _Stored]] = []
    effect = first
    while effect.cause in causes and len(behind) < 2 * CAUSES_MAX:
        stored = causes[effect.cause]
        made = min(stored.values(), key=lambda one: one.recorded_ns)
        heard = stored.get(effect.broker, made)
        if heard is not made:
            behind.append((BRIDGE, heard))
        behind.append((FEED if made.event.type == RAW_BATCH else stage_of(made.event.source), made))
        effect = made
    return behind[::-1]


def _origin(head: _Stored) -> Origin:
    if head.event.type == RAW_BATCH:
        return Origin.REPLAYED if stage_of(head.event.source) == _REPLAY else Origin.LIVE
    return Origin.CUT if head.cause else Origin.DIRECT


def _before(behind: Sequence[tuple[str, _Stored]]) -> Iterator[Step]:
    """Give the times that the first events tell of: a batch's receipt is the raw one's, the venue's its answer's."""
    received_ns = behind[0][1].event.time_ns
    told = next((one.event.time_ns for name, one in behind[1:] if name != BRIDGE), None)
    if received_ns is None:
        return
    if told is not None and told != received_ns:  # a batch without a venue's time keeps the receipt
        yield Step(VENUE, told, None)
    yield Step(RECEIVED, received_ns, None)


def _named(told: Sequence[_Told]) -> Iterator[tuple[str, _Stored]]:
    """Name an order's own steps; what came of an order that rested is told apart by the later time it was as of."""
    begun_ns = told[0][0].event.time_ns
    for stored, value in told:
        what = "fill" if isinstance(value, Fill) else value.status.value
        yield f"{_ORDERS if stored.event.time_ns == begun_ns else _RESTED}: {what}", stored


def _step(name: str, one: _Stored) -> Step:
    return Step(name, one.recorded_ns, None, one.broker, one.event.type, one.event.id)


def _after(step: Step, before: Step) -> Step:
    return Step(step.stage, step.at_ns, step.at_ns - before.at_ns, step.broker, step.type, step.id)
