"""Compose the activity table from its settings."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, cast

from functions.adapters.kernels import exercise_activity, loading, loops
from functions.domain.activity import kernel
from functions.domain.activity.fold import ActivityRules, Thresholds
from functions.domain.activity.state import INSTRUMENTS_MAX
from functions.runtime import table_app
from functions.runtime.hosting import HostedTable
from functions.tables.activity import CARD
from functions.tables.activity.table import ActivityTable

if TYPE_CHECKING:
    from functions.domain.activity.layout import Kernel


@dataclass(frozen=True, slots=True)
class Settings:
    """Say how much activity makes a bar: `PATTERN=NUMBER` by instrument id, the first that fits; a number fits all.

    Args:
        kernels: `compiled`, or `plain` for the same loops uncompiled: slow, equal.
        activity_ticks: Trades of a bar; empty for no tick bars.
        activity_volume: Size of a bar, in units of the instrument; what no pattern fits has no volume bars.
        activity_notional: Sum of price times size of a bar, in quote currency.
        activity_instruments_max: Most instruments of a shard; more need more shards.
    """

    kernels: str = "compiled"
    activity_ticks: tuple[str, ...] = ("1000",)
    activity_volume: tuple[str, ...] = ("BTC-*=50", "ETH-*=1000")
    activity_notional: tuple[str, ...] = ("1000000",)
    activity_instruments_max: int = INSTRUMENTS_MAX


def compose(settings: Settings) -> HostedTable:
    """Build the table; nothing is opened, and a kernel is loaded by `load`, or with its first batch."""
    rules = ActivityRules(
        ticks=_thresholds(settings.activity_ticks),
        volume=_thresholds(settings.activity_volume),
        notional=_thresholds(settings.activity_notional),
        instruments_max=settings.activity_instruments_max,
    )
    kernel_loops = cast("Kernel", loops(settings.kernels, kernel))
    fold = ActivityTable(kernel_loops, rules)
    return HostedTable(card=CARD, fold=fold, load=loading(settings.kernels, exercise_activity))


def _thresholds(texts: tuple[str, ...]) -> Thresholds:
    """Read patterns with their thresholds.

    >>> _thresholds(("ETH-*=2.5", "10"))
    (('ETH-*', Decimal('2.5')), ('*', Decimal('10')))
    """
    return tuple(_threshold(text) for text in texts)


def _threshold(text: str) -> tuple[str, Decimal]:
    pattern, _, number = text.rpartition("=")
    try:
        return pattern or "*", Decimal(number)
    except InvalidOperation:
        message = f"a threshold is {text!r}, expected a number, or PATTERN=NUMBER"
        raise ValueError(message) from None


if __name__ == "__main__":
    table_app.serve(Settings, compose)
