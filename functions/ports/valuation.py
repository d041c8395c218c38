"""Say what portfolios are told from: an account's history, and what instruments were worth.

Every method raises `Unavailable` when the store cannot be reached.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from functions.domain.market import Int64
from functions.domain.portfolio.analytics import Marks
from functions.domain.portfolio.history import History

FILLS_MAX: Final = 100_000
"""Most fills of an account that are folded for one answer."""

INSTRUMENTS_MAX: Final = 4096
"""Most instruments of an account."""

MARK_INTERVAL_S: Final = 60
"""Instruments are worth the close of their newest final bar of this length."""


class Valuation(Protocol):
    """Give what an account's portfolio is told from."""

    async def accounts(self) -> tuple[str, ...]:
        """Give the names of all accounts, in order."""
        ...

    async def history(self, account: str) -> History | None:
        """Give all that is known of an account; None when there is no such one.

        Raises:
            Rejected: It has more than `FILLS_MAX` fills.
        """
        ...

    async def closes(self, instrument_ids: Sequence[str], times: Int64) -> Marks:
        """Give for each instrument the close of the newest final bar that had ended at each time (n,), or None."""
        ...
