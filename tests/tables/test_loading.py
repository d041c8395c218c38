"""What a worker loads before it joins its group is what its first batch would have waited for."""

from types import ModuleType

import pytest

from functions.adapters.kernels import compiled
from functions.domain.activity import kernel as activity_kernel
from functions.domain.bars import kernel as bar_kernel
from functions.domain.indicators import kernel as feature_kernel
from functions.domain.pairs import kernel as pair_kernel
from functions.runtime.hosting import HostedTable, loaded
from functions.tables.activity import main as activity
from functions.tables.bars import main as bars
from functions.tables.features import main as features
from functions.tables.outcomes import main as outcomes
from functions.tables.pairs import main as pairs


@pytest.mark.parametrize(
    ("hosted", "kernel", "entry"),
    [
        (activity.compose(activity.Settings()), activity_kernel, "fold_trades"),
        (bars.compose(bars.Settings()), bar_kernel, "fold_rows"),
        (features.compose(features.Settings()), feature_kernel, "fold_bars"),
        (pairs.compose(pairs.Settings()), pair_kernel, "step"),
    ],
    ids=lambda value: value.card.name if isinstance(value, HostedTable) else "",
)
def test_compiled(hosted: HostedTable, kernel: ModuleType, entry: str) -> None:
    """A table that was loaded has compiled code for what it calls."""
    hosted.load()
    assert getattr(compiled(kernel), entry).signatures


def test_plain() -> None:
    """A table with plain kernels, or without any, has nothing to load."""
    assert outcomes.compose(outcomes.Settings()).load is loaded
    assert bars.compose(bars.Settings(kernels="plain")).load() is None
