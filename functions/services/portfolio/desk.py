"""Ask the stores, then fold: one account's standing, performance and trades as of a time.

Long histories are folded in a thread, so that others are answered meanwhile.
"""

import asyncio
from collections.abc import Sequence

from functions.domain.errors import Rejected
from functions.domain.market import Int64
from functions.domain.portfolio.analytics import (
    Marks,
    Performance,
    Standing,
    performance,
    rates_at,
    rates_throughout,
    standing,
    times_between,
)
from functions.domain.portfolio.books import BookRules
from functions.domain.portfolio.history import History, Trip, fold
from functions.ports.valuation import Valuation


class PortfolioDesk:
    """Tell of portfolios.

    Args:
        valuation: What they are told from.
        rules: How books are kept.
        rates: Instruments whose price is a rate between currencies.
    """

    def __init__(self, valuation: Valuation, rules: BookRules, rates: Sequence[str] = ()) -> None:
        """Tell from these."""
        self._valuation = valuation
        self._rules = rules
        self._rates = tuple(rates)

    async def standing(self, account: str, *, as_of_ns: int) -> tuple[Standing, Performance]:
        """Tell what an account holds, and how it did from just before its first fill on.

        Raises:
            Rejected: There is no such account, or it has too many fills.
            Unavailable: A store cannot be reached.
        """
        history = await self._history(account)
        times, step_s = times_between(min(history.begin_ns, as_of_ns), as_of_ns)
        marks = await self._closes(history, times)
        last = {name: found[-1] for name, found in marks.items()}

        def work() -> tuple[Standing, Performance]:
            told = rates_at(marks, self._rates, self._rules.currency)
            rates = {name: rate for name, series in told.items() if (rate := series[-1]) is not None}
            folded = fold(history, rules=self._rules, as_of_ns=as_of_ns, rated=rates)
            return standing(folded, last, rates), self._did(history, marks, times, step_s)

        return await asyncio.to_thread(work)

    async def performance(self, account: str, *, from_ns: int, to_ns: int) -> Performance:
        """Tell how an account did; from just before its first fill on where `from_ns` is 0.

        Raises:
            Rejected: There is no such account, or it has too many fills.
            Unavailable: A store cannot be reached.
        """
        history = await self._history(account)
        times, step_s = times_between(from_ns or min(history.begin_ns, to_ns), to_ns)
        marks = await self._closes(history, times)

        return await asyncio.to_thread(self._did, history, marks, times, step_s)

    async def trips(self, account: str, *, as_of_ns: int) -> tuple[Trip, ...]:
        """Tell what an account traded, oldest first.

        Raises:
            Rejected: There is no such account, or it has too many fills.
            Unavailable: A store cannot be reached.
        """
        history = await self._history(account)
        return (await asyncio.to_thread(fold, history, rules=self._rules, as_of_ns=as_of_ns)).trips

    async def _history(self, account: str) -> History:
        found = await self._valuation.history(account)
        if found is None:
            message = f"there is no account {account}"
            raise Rejected(message)
        return found

    async def _closes(self, history: History, times: Int64) -> Marks:
        return await self._valuation.closes(tuple(sorted({*history.instruments, *self._rates})), times)

    def _did(self, history: History, marks: Marks, times: Int64, step_s: int) -> Performance:
        told = rates_at(marks, self._rates, self._rules.currency)
        rates = rates_throughout(told, history, times, self._rules)
        folded = fold(history, rules=self._rules, as_of_ns=int(times[-1]), rated=rates)
        return performance(folded, marks, times=times, step_s=step_s, rates=rates)
