"""What a worker loads before it joins its group is what its first batch would have waited for."""

import subprocess
import sys

import pytest

from functions.runtime.hosting import loaded
from functions.tables.bars import main as bars
from functions.tables.outcomes import main as outcomes

COUNTED = """
from functions.adapters.kernels import compiled
from functions.domain.{family} import kernel
from functions.tables.{table} import main
main.compose(main.Settings()).load()
print(len(compiled(kernel).{entry}.signatures))
"""


@pytest.mark.parametrize(
    ("table", "family", "entry"),
    [
        ("activity", "activity", "fold_trades"),
        ("bars", "bars", "fold_rows"),
        ("features", "indicators", "fold_bars"),
        ("pairs", "pairs", "step"),
    ],
)
def test_compiled(table: str, family: str, entry: str) -> None:
    """A table that was loaded, in a process of its own, has compiled code of the one form it is called in."""
    code = COUNTED.format(table=table, family=family, entry=entry)
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603 - ours
    assert said.stdout.split() == ["1"]


def test_plain() -> None:
    """A table with plain kernels, or without any, has nothing to load."""
    assert outcomes.compose(outcomes.Settings()).load is loaded
    assert bars.compose(bars.Settings(kernels="plain")).load() is None
