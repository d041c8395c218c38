"""Make the report on an account's day: read what was asked, one fold, three texts; made again, it is the same."""

import asyncio
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from functions.domain.errors import Rejected
from functions.domain.portfolio.analytics import times_between
from functions.domain.portfolio.books import BookRules
from functions.domain.portfolio.daily import daily, day_span, last_whole_day
from functions.handlers.report import texts
from functions.handlers.report.page import page
from functions.ports.reports import Report, Reports
from functions.ports.valuation import Valuation
from functions.wire.codecs.report_due import decode_report_due
from functions.wire.envelope import Event


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handler needs.

    Args:
        valuation: What accounts are told from.
        reports: Where reports are kept.
        rules: How books are kept.
        zone: Whose days are reported on.
    """

    valuation: Valuation
    reports: Reports
    rules: BookRules
    zone: ZoneInfo


async def handle(event: Event, *, deps: Deps) -> None:
    """Make and keep a report; nothing of after the day is in it.

    Raises:
        Malformed: The event does not ask for a report.
        Rejected: There is no such account, it has too many fills, or the day has not ended.
        Unavailable: A store cannot be reached.
    """
    due = decode_report_due(event)
    date = due.date or last_whole_day(due.asked_ns, deps.zone)
    begin_ns, end_ns = day_span(date, deps.zone)
    if end_ns > due.asked_ns:
        message = f"{date} has not ended in {deps.zone.key}; ask for it after {texts.time_of(end_ns)}"
        raise Rejected(message)
    history = await deps.valuation.history(due.account)
    if history is None:
        message = f"there is no account {due.account}"
        raise Rejected(message)
    times, step_s = times_between(begin_ns, end_ns)
    marks = await deps.valuation.closes(history.instruments, times)
    made = await asyncio.to_thread(daily, history, marks, rules=deps.rules, times=times, step_s=step_s)
    told = texts.told(made, date=date, zone=deps.zone.key, currency=deps.rules.currency)
    report = Report(
        account=due.account,
        date=date,
        zone=deps.zone.key,
        made_ns=due.asked_ns,
        json=texts.as_json(told),
        csv=texts.as_csv(told),
        html=page(made, told),
    )
    await deps.reports.put(report)
