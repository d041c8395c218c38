"""Compose the pairs table from its settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from functions.adapters.kernels import exercise_pairs, loading, loops
from functions.domain.pairs import kernel
from functions.domain.pairs.pairing import parse_pairs
from functions.runtime import table_app
from functions.runtime.hosting import HostedTable
from functions.runtime.settings import at_least_one
from functions.tables.pairs import CARD
from functions.tables.pairs.table import PairsTable

if TYPE_CHECKING:
    from functions.domain.pairs.layout import Kernel

SHIPPED: Final = Path(__file__).parent / "pairs.txt"


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what is paired and how long a shard is waited for.

    Args:
        kernels: `compiled`, or `plain` for the same loops uncompiled: slow, equal.
        pairs_path: File of pairs; empty for the shipped one.
        pairs_silence_s: How far behind the other a shard is waited for, seconds of venue time (buckets of 1 s).
    """

    kernels: str = "compiled"
    pairs_path: str = ""
    pairs_silence_s: int = 300

    def __post_init__(self) -> None:
        """Refuse to wait for nobody."""
        at_least_one(self, "pairs_silence_s")


def compose(settings: Settings) -> HostedTable:
    """Build the table of the pairs in the file, read now; a kernel is loaded by `load`, or with its first batch.

    Raises:
        WrongPairs: The file pairs nothing, or not so.
    """
    pairs = parse_pairs(Path(settings.pairs_path or SHIPPED).read_text())
    kernel_loops = cast("Kernel", loops(settings.kernels, kernel))
    fold = PairsTable(kernel_loops, pairs, settings.pairs_silence_s)
    return HostedTable(card=CARD, fold=fold, load=loading(settings.kernels, exercise_pairs))


if __name__ == "__main__":
    table_app.serve(Settings, compose)
