"""Say where events of the economic calendar are read by their time, as they were known then."""

from collections.abc import Collection
from typing import Protocol

from functions.domain.reentry import Scheduled


class Schedule(Protocol):
    """Know which high-impact events are scheduled when; `News` keeps what is read here."""

    async def around(
        self, currencies: Collection[str], *, from_ns: int, to_ns: int, as_of_ns: int
    ) -> tuple[Scheduled, ...]:
        """Give the high-impact events whose exact time is in (from_ns, to_ns], by their newest versions known then.

        An event that was moved away, or whose impact was lowered, is left out from when that was known. One whose
        minute is not known (tentative, all day) is near no minute and always left out.

        Args:
            currencies: Currencies of the events; empty takes those of every one.
            from_ns: Start of the time that is looked at, UTC nanoseconds.
            to_ns: Its end.
            as_of_ns: What was known later does not count, UTC nanoseconds.

        Returns:
            At most a thousand, the earliest first.

        Raises:
            Unavailable: The store cannot be reached.
        """
        ...
