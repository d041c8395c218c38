"""Keep daily reports in PostgreSQL."""

import datetime as dt
from typing import Final

from functions.adapters.postgres import Pool, port_errors
from functions.ports.reports import Report

_PUT: Final = """
INSERT INTO report (account, report_date, zone, made_ns, json, csv, html) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (account, report_date, zone) DO UPDATE
SET made_ns = excluded.made_ns, json = excluded.json, csv = excluded.csv, html = excluded.html
WHERE report.made_ns <= excluded.made_ns
"""
_GET: Final = "SELECT made_ns, json, csv, html FROM report WHERE account = $1 AND report_date = $2 AND zone = $3"


class PostgresReports:
    """Keep the newest report of each account, day and zone."""

    def __init__(self, pool: Pool) -> None:
        """Use a pool, which opens on first use."""
        self._pool = pool

    async def put(self, report: Report) -> None:
        """Keep a report unless a newer one is there; keeping the same twice changes nothing."""
        row = (report.account, report.date, report.zone, report.made_ns, report.json, report.csv, report.html)
        with port_errors():
            await (await self._pool.get()).execute(_PUT, *row)

    async def get(self, account: str, date: dt.date, zone: str) -> Report | None:
        """Give the report on a day; None when there is none."""
        with port_errors():
            row = await (await self._pool.get()).fetchrow(_GET, account, date, zone)
        return None if row is None else Report(account, date, zone, **dict(row))
