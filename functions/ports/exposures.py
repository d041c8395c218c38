"""Say where it is kept how accounts stood, and which limits they broke: one row an account and window."""

from typing import Protocol

from functions.domain.portfolio.metrics import LimitBreach, RiskMetrics


class Exposures(Protocol):
    """Keep how accounts stood; keeping the same twice changes nothing, and a lower revision never replaces a higher.

    Every method raises `Unavailable` when the store cannot be reached, and `Overloaded` when too many writes wait.
    """

    async def put_risk_metrics(self, row: RiskMetrics) -> None:
        """Keep a row by (account, window); the highest revision wins."""
        ...

    async def put_limit_breach(self, breach: LimitBreach) -> None:
        """Keep a breach by (account, limit, window); the highest revision wins, withdrawn ones too."""
        ...
