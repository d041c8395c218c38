"""Compose the bars table from its settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from functions.adapters.kernels import loops
from functions.domain.bars import kernel
from functions.domain.bars.fold import BarRules
from functions.domain.bars.state import INSTRUMENTS_MAX
from functions.runtime.hosting import HostedTable
from functions.tables.bars import CARD
from functions.tables.bars.table import BarsTable

if TYPE_CHECKING:
    from functions.domain.bars.layout import Kernel


@dataclass(frozen=True, slots=True)
class Settings:
    """Say how bars are folded.

    Args:
        kernels: `compiled`, or `plain` for the same loops uncompiled: slow, equal.
        bars_lateness_ms: How far the watermark stays behind the greatest venue time, milliseconds.
        bars_provisional: Whether each 1 s close also shows the longer bars it belongs to.
        bars_instruments_max: Most instruments of a shard; more need more shards.
        bars_book_levels_max: Most book levels kept a side.
    """

    kernels: str = "compiled"
    bars_lateness_ms: int = 250
    bars_provisional: bool = False
    bars_instruments_max: int = INSTRUMENTS_MAX
    bars_book_levels_max: int = 256


def compose(settings: Settings) -> HostedTable:
    """Build the table; nothing is opened, and a kernel is loaded with its first batch."""
    rules = BarRules(
        lateness_ms=settings.bars_lateness_ms,
        provisional=settings.bars_provisional,
        instruments_max=settings.bars_instruments_max,
        book_levels_max=settings.bars_book_levels_max,
    )
    kernel_loops = cast("Kernel", loops(settings.kernels, kernel))
    return HostedTable(card=CARD, fold=BarsTable(kernel_loops, rules))
