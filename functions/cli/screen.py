"""Show a run while it goes: a live table on a terminal, a line every five seconds elsewhere."""

import contextlib
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from functions.domain.decisions import ExecType, Signal
from functions.wire.codecs.bars import decode_bar_batch
from functions.wire.codecs.market import decode_tick_batch
from functions.wire.codecs.orders import decode_order_update
from functions.wire.codecs.signals import decode_signal
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.rows import decimal_text

LINE_EVERY_S: Final = 5.0
SIGNALS_SHOWN: Final = 5
REASONS_SHOWN: Final = 3


@dataclass(slots=True)
class Board:
    """Count what goes by."""

    phase: str = "replaying history"
    rows: int = 0
    bars: int = 0
    signals: int = 0
    accepted: int = 0
    rejected: int = 0
    latest: deque[Signal] = field(default_factory=lambda: deque(maxlen=SIGNALS_SHOWN))
    _seen: deque[tuple[float, int]] = field(default_factory=lambda: deque(((time.monotonic(), 0),), maxlen=8))

    def observe(self, event: Event) -> None:
        """Take note of an event that was just stored; what cannot be read is not counted."""
        with contextlib.suppress(Malformed):
            self._count(event)

    def _count(self, event: Event) -> None:
        data = event.data or b""
        match event.type.rsplit(".", 1)[-1]:
            case "TickBatch":
                self.rows += decode_tick_batch(data).row_count
            case "BarBatch":
                self.bars += len(decode_bar_batch(data).start_ns)
            case "Signal":
                self.signals += 1
                self.latest.append(decode_signal(data))
            case "OrderUpdate":
                step = decode_order_update(data).exec_type
                self.rejected += step is ExecType.REJECTED
                self.accepted += step is ExecType.NEW

    def rate(self) -> float:
        """Give rows a second over the last few looks."""
        now = time.monotonic()
        self._seen.append((now, self.rows))
        (then, rows) = self._seen[0]
        return (self.rows - rows) / (now - then) if now > then else 0.0

    def line(self) -> str:
        """Put the counts into one line."""
        orders = f"{self.accepted} orders accepted, {self.rejected} rejected"
        rows = f"{self.rows:,} messages ({self.rate():,.0f}/s)"
        return f"{self.phase}: {rows}, {self.bars:,} bars, {self.signals} signals, {orders}"


@contextlib.contextmanager
def screen(board: Board) -> Iterator[Callable[[], None]]:
    """Give a function that shows the board as it stands."""
    if sys.stdout.isatty():
        with _terminal(board) as show:
            yield show
        return
    told = time.monotonic()

    def refresh() -> None:
        nonlocal told
        if time.monotonic() - told >= LINE_EVERY_S:
            told = time.monotonic()
            sys.stdout.write(board.line() + "\n")
            sys.stdout.flush()

    yield refresh


@contextlib.contextmanager
def _terminal(board: Board) -> Iterator[Callable[[], None]]:
    from rich.console import Group  # noqa: PLC0415 - only a terminal pays for it
    from rich.live import Live  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    def picture() -> Group:
        table = Table("time", "instrument", "action", "price", "confidence", "reasons", box=None, header_style="dim")
        for one in reversed(board.latest):
            reasons = "; ".join(reason.text for reason in one.reasons[:REASONS_SHOWN])
            stamp = time.strftime("%H:%M:%S", time.gmtime(one.as_of_ns / 1e9))
            price = decimal_text(one.price, one.price_exponent)
            table.add_row(stamp, one.instrument_id, one.action.value.upper(), price, f"{one.confidence:.0f} %", reasons)
        return Group(board.line(), table)

    with Live(picture(), refresh_per_second=4) as live:
        yield lambda: live.update(picture())
