"""Read a batch's plain prints and quotes with a plan and its kernel; the rows it leaves go the usual way."""

from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import TRADE_INFORMS_ONLY, Int64, Quotes, Trades, UInt8
from functions.wire.codecs.market import NO_BOOK, NO_QUOTES, NO_TRADES
from functions.wire.venues import plan_kernel as kernel
from functions.wire.venues import row_kernel
from functions.wire.venues.plans import NO_HOURS, Facts, Plan
from functions.wire.venues.rows import NS_PER_MS
from functions.wire.venues.typed import NAMELESS, is_plain, place
from functions.wire.venues.work import Found, Work

NAMES_SIZE: Final = 4 * kernel.NAMES_MAX
"""Places of the hash table of symbols."""
LINE_BYTES_MIN: Final = 32
"""Bytes of a row's text for each line there is room for; denser rows go the usual way."""
NOTHING: Final = Found(NO_TRADES, NO_QUOTES, NO_BOOK, {})
_U1, _U2, _U4, _U8, _I8 = (np.dtype(name) for name in ("u1", "u2", "u4", "u8", "i8"))
_TRADES: Final = tuple(zip(Trades.__dataclass_fields__, (_U4, _U2, _I8, _I8, _I8, _I8, _U1, _U8, _U1), strict=True))
_QUOTES: Final = tuple(
    zip(Quotes.__dataclass_fields__, (_U4, _U2, _I8, _I8, _I8, _I8, _I8, _I8, _U8, _U1), strict=True)
)


class Kernel(Protocol):
    """Run `plan_kernel`'s loops, plain or compiled."""

    def scan(  # noqa: D102, PLR0913, PLR0917 - see plan_kernel.scan
        self,
        batch: tuple[UInt8, Int64],
        plan: tuple[Int64, Int64, UInt8, Int64],
        shapes: tuple[Int64, Int64, Int64, UInt8, Int64, Int64],
        scratch: tuple[Int64, Int64],
        names: tuple[Int64, Int64],
        lines: Int64,
        counts: Int64,
        taken: UInt8,
        is_csv: bool,  # noqa: FBT001 - numba takes flags by position
        /,
    ) -> None: ...

    def settle(  # noqa: D102, PLR0913, PLR0917 - see plan_kernel.settle
        self,
        times: tuple[Int64, int],
        shapes: tuple[Int64, Int64],
        instruments: Int64,
        lines: Int64,
        counts: Int64,
        taken: UInt8,
        trades: Int64,
        quotes: Int64,
        told: Int64,
        /,
    ) -> None: ...


class Planned:
    """Read rows by a plan; what it remembers between batches only saves time."""

    def __init__(self, plan: Plan, loops: Kernel) -> None:
        """Make room for one row."""
        self._plan = plan
        self._loops = loops
        told = self._told = plan.tables
        self._scratch = (
            np.zeros((row_kernel.DEPTH_MAX, row_kernel.STACK_COLUMNS), np.int64),
            np.zeros((row_kernel.ENTRIES_MAX + 1, told.slots, 3), np.int64),
        )
        self._names = (np.full(NAMES_SIZE, -1, np.int64), np.zeros((kernel.NAMES_MAX, 2), np.int64))
        self._flags = [shape.flags for shape in plan.shapes]
        self._is_named_by_batch = not all(shape.symbol for shape in plan.shapes)
        self._make_room(0)

    def __call__(self, work: Work) -> Found:
        """Read what is plain, and leave the rest in `work.slow`."""
        facts = self._plan.facts(work.batch.symbol)
        if facts is None:
            return NOTHING
        taken = np.full(work.batch.row_count, kernel.READ if is_plain(work.batch.payload) else kernel.CHECK, np.uint8)
        taken[~work.slow] = kernel.LEAVE
        if work.batch.oversized:
            taken[[row.index for row in work.batch.oversized]] = kernel.LEAVE
        counts = self._scan(work, facts, taken)
        if not counts[kernel.LINES]:
            return NOTHING
        told = self._settle(work, facts, counts, taken)
        trades, quotes, *rows = told.tolist()
        work.slow &= taken == kernel.LEAVE
        return Found(
            Trades(**_first(trades, _TRADES, self._trades)) if trades else NO_TRADES,
            Quotes(**_first(quotes, _QUOTES, self._quotes)) if quotes else NO_QUOTES,
            NO_BOOK,
            self._kinds(rows),
        )

    def warm(self) -> None:
        """Run the kernels once on nothing, so that they are compiled."""
        none, no_rows = np.zeros(0, np.int64), np.zeros(0, np.uint8)
        none.flags.writeable = False
        counts, told = np.zeros(2, np.int64), np.zeros(2 + len(self._flags), np.int64)
        self._run((np.frombuffer(b"", np.uint8), np.zeros(1, np.int64)), NO_HOURS, counts, no_rows)
        instruments, flags = np.zeros((1, 3), np.int64), np.array(self._flags, np.int64)
        self._loops.settle(
            (none, 0),
            (self._told.shapes, flags),
            *(instruments, self._lines, counts, no_rows, self._trades, self._quotes, told),
        )

    def _make_room(self, lines: int) -> None:
        self._lines = np.empty((lines, kernel.LINE_COLUMNS), np.int64)
        self._trades = np.empty((len(_TRADES), lines), np.int64)
        self._quotes = np.empty((len(_QUOTES), lines), np.int64)

    def _scan(self, work: Work, facts: Facts, taken: UInt8) -> Int64:
        batch, counts = work.batch, np.zeros(2, np.int64)
        room = len(batch.payload) // LINE_BYTES_MIN + batch.row_count
        if len(self._lines) < room:
            self._make_room(room)
        self._names[0].fill(-1)
        self._run((np.frombuffer(batch.payload, np.uint8), batch.offsets.astype(np.int64)), facts.hours, counts, taken)
        return counts

    def _run(self, batch: tuple[UInt8, Int64], hours: Int64, counts: Int64, taken: UInt8) -> None:
        told = self._told
        self._loops.scan(
            batch,
            (told.nodes, told.names, told.texts, told.choices),
            (told.shapes, told.guards, told.sides, told.texts, told.flags, hours),
            self._scratch,
            self._names,
            self._lines,
            counts,
            taken,
            self._plan.is_csv,
        )

    def _settle(self, work: Work, facts: Facts, counts: Int64, taken: UInt8) -> Int64:
        batch, plan = work.batch, self._plan
        told = np.zeros(2 + len(plan.shapes), np.int64)
        received = batch.ts_receive.view()
        received.flags.writeable = False  # as decoded ones are, so that one compiled form does for all
        flags = self._flags
        if batch.bar_channel:
            informs = [
                TRADE_INFORMS_ONLY if shape.section == kernel.TRADE and shape.kind != batch.bar_channel else 0
                for shape in plan.shapes
            ]
            flags = [one | more for one, more in zip(flags, informs, strict=True)]
        self._loops.settle(
            (received, work.skew_ms_max * NS_PER_MS),
            (self._told.shapes, np.array(flags, np.int64)),
            self._instruments(work, facts, int(counts[kernel.NAMES])),
            *(self._lines, counts, taken, self._trades, self._quotes, told),
        )
        return told

    def _instruments(self, work: Work, facts: Facts, count: int) -> Int64:
        """Look up the symbols that were met."""
        payload = work.batch.payload
        spans = self._names[1][1 : count + 1].tolist()
        texts = [facts.name(payload[begin:end].decode("ascii")) for begin, end in spans]
        found = []
        for name in (facts.symbol if self._is_named_by_batch else "", *texts):
            number = place(work, name) if name else NAMELESS
            ref = work.refs[number] if number != NAMELESS else None
            found.append((number, ref.price_exponent, ref.size_exponent) if ref else (NAMELESS, 0, 0))
        return np.array(found, np.int64)

    def _kinds(self, rows: list[int]) -> dict[str, int]:
        kinds: dict[str, int] = {}
        for shape, count in zip(self._plan.shapes, rows, strict=True):
            if count:
                kinds[shape.kind] = kinds.get(shape.kind, 0) + count
        return kinds


def _first(count: int, names: tuple[tuple[str, np.dtype[Any]], ...], columns: Int64) -> dict[str, NDArray[Any]]:
    return {name: columns[at, :count].astype(dtype) for at, (name, dtype) in enumerate(names)}
