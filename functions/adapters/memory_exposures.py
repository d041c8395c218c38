"""Keep how accounts stood in memory: the twin of `postgres_exposures`, row for row."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, TypeAlias

from functions.adapters.postgres_exposures import MONEY, Row, breach_row, metrics_row
from functions.domain.portfolio.metrics import LimitBreach, RiskMetrics

Key: TypeAlias = tuple[object, ...]

_WINDOW: Final = ("end_ns", "start_ns", "part")
_EXACT: Final = ("capital", *MONEY, "peak_equity", "found", "allowed")


class MemoryExposures:
    """Keep rows in dicts by their keys; they have the columns of the tables."""

    def __init__(self) -> None:
        """Start empty."""
        self.risk_metrics: dict[Key, Row] = {}
        self.limit_breaches: dict[Key, Row] = {}

    async def put_risk_metrics(self, row: RiskMetrics) -> None:
        """Keep a row by (account, window); the highest revision wins."""
        _keep(self.risk_metrics, metrics_row(row), ("account", *_WINDOW))

    async def put_limit_breach(self, breach: LimitBreach) -> None:
        """Keep a breach by (account, limit, window); the highest revision wins, withdrawn ones too."""
        _keep(self.limit_breaches, breach_row(breach), ("account", "limit_name", *_WINDOW))

    async def close(self) -> None:
        """Let go of nothing; rows stay readable."""


def _keep(rows: dict[Key, Row], row: Row, names: Sequence[str]) -> None:
    key = tuple(row[name] for name in names)
    if key not in rows or rows[key]["revision"] < row["revision"]:
        exact = {name: Decimal(row[name]) for name in _EXACT if row.get(name) is not None}
        rows[key] = {**row, **exact}
