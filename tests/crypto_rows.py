"""Example rows of the crypto dialects, each with the symbol of its batch; tests mutate them.

They stand in `crypto_rows.txt`, a line each: dialect, symbol of the batch and row, parted by tabs. They are sample
payloads, lines of captures and examples of the venues' documentation.
"""

from collections import defaultdict
from pathlib import Path
from typing import Final


def _read() -> dict[str, tuple[tuple[bytes, str], ...]]:
    found: dict[str, list[tuple[bytes, str]]] = defaultdict(list)
    for line in Path(__file__).with_suffix(".txt").read_text(encoding="ascii").splitlines():
        dialect, symbol, row = line.split("\t")
        found[dialect].append((row.encode(), symbol))
    return {dialect: tuple(rows) for dialect, rows in found.items()}


EXAMPLES: Final = _read()
"""Rows and the symbol of their batch, by dialect."""
