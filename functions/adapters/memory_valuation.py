"""Keep in memory what portfolios are told from: the twin of the PostgreSQL adapter."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal

from functions.domain.errors import Rejected
from functions.domain.market import Int64
from functions.domain.portfolio.analytics import Mark, Marks
from functions.domain.portfolio.history import History
from functions.ports.valuation import FILLS_MAX


class MemoryValuation:
    """Answer from what it was given.

    Args:
        histories: Of each account.
        closes: Of each instrument, (end of the bar in UTC nanoseconds, close), ascending.
    """

    def __init__(
        self, histories: Sequence[History] = (), closes: Mapping[str, Sequence[tuple[int, Decimal]]] | None = None
    ) -> None:
        """Keep these."""
        self._histories = {one.account: one for one in histories}
        self._closes = dict(closes or {})

    async def accounts(self) -> tuple[str, ...]:
        """Give the names of all accounts, in order."""
        return tuple(sorted(self._histories))

    async def history(self, account: str) -> History | None:
        """Give all that is known of an account; None when there is no such one.

        Raises:
            Rejected: It has more than `FILLS_MAX` fills.
        """
        found = self._histories.get(account)
        if found is not None and len(found.trades) > FILLS_MAX:
            message = f"account {account!r} has more than {FILLS_MAX} fills, more than are folded for one answer"
            raise Rejected(message)
        return found

    async def closes(self, instrument_ids: Sequence[str], times: Int64) -> Marks:
        """Give for each instrument the close of the newest final bar that had ended at each time (n,), or None."""
        return {one: [_newest(self._closes.get(one, ()), at) for at in times.tolist()] for one in instrument_ids}


def _newest(closes: Sequence[tuple[int, Decimal]], at_ns: int) -> Mark | None:
    place = bisect_right(closes, at_ns, key=lambda one: one[0])
    return Mark(closes[place - 1][1], closes[place - 1][0]) if place else None
