"""Keep daily reports in memory: the twin of the PostgreSQL adapter."""

import datetime as dt

from functions.ports.reports import Report


class MemoryReports:
    """Keep the newest report of each account, day and zone."""

    def __init__(self) -> None:
        """Start with none."""
        self._kept: dict[tuple[str, dt.date, str], Report] = {}

    async def put(self, report: Report) -> None:
        """Keep a report unless a newer one is there; keeping the same twice changes nothing."""
        key = (report.account, report.date, report.zone)
        had = self._kept.get(key)
        if had is None or had.made_ns <= report.made_ns:
            self._kept[key] = report

    async def get(self, account: str, date: dt.date, zone: str) -> Report | None:
        """Give the report on a day; None when there is none."""
        return self._kept.get((account, date, zone))
