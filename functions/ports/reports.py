"""Say where daily reports are kept."""

import datetime as dt
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Report:
    """Hold a report on an account's day as it is read.

    Args:
        account: Whose.
        date: Day of the zone.
        zone: IANA name.
        made_ns: When it was asked for, UTC nanoseconds.
        json: All of it, for programs.
        csv: A line for each instrument, and one for the account.
        html: A page that needs nothing else.
    """

    account: str
    date: dt.date
    zone: str
    made_ns: int
    json: str
    csv: str
    html: str


class Reports(Protocol):
    """Keep one report for each account, day and zone: the one that was asked for last.

    Every method raises `Unavailable` when the store cannot be reached.
    """

    async def put(self, report: Report) -> None:
        """Keep a report unless a newer one is there; keeping the same twice changes nothing."""
        ...

    async def get(self, account: str, date: dt.date, zone: str) -> Report | None:
        """Give the report on a day; None when there is none."""
        ...
