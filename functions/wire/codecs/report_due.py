"""Write and read what asks for a daily report: a `ReportDue` as protobuf or, from a timer, as JSON."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from google.protobuf import json_format
from tickloom.portfolio.v1 import report_pb2

from functions.wire.attributes import essence
from functions.wire.codecs.messages import parse
from functions.wire.codecs.risk import check_name
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

REPORT_DUE: Final = "tickloom.portfolio.v1.ReportDue"
PING: Final = "dev.knative.sources.ping"
"""Type of every event of a PingSource, whatever its data is."""

_JSON: Final = "application/json"
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARS: Final = ("1971", "2115")
"""Whose days fit in 64 bits of nanoseconds, in any zone."""


@dataclass(frozen=True, slots=True)
class ReportDue:
    """Ask for the report on an account's day.

    Args:
        account: Whose.
        date: Which day; None for the last whole one before the event.
        asked_ns: Time of the event, UTC nanoseconds.
    """

    account: str
    date: dt.date | None
    asked_ns: int


def encode_report_due(account: str, date: dt.date) -> bytes:
    """Write what asks for a report."""
    return report_pb2.ReportDue(account=account, date=date.isoformat()).SerializeToString(deterministic=True)


def decode_report_due(event: Event) -> ReportDue:
    """Read what asks for a report.

    Raises:
        Malformed: The data is no ReportDue, names no account or no date there is, or the event has no time.
    """
    data = event.data or b""
    message = _of_json(data) if essence(event.datacontenttype or "") == _JSON else parse(report_pb2.ReportDue, data)
    check_name("account", message.account)
    if not event.time_ns:
        detail = f"event {event.id} of {event.source} has no time, so no day ended before it"
        raise Malformed(detail)
    return ReportDue(message.account, date_of(message.date) if message.date else None, event.time_ns)


def date_of(text: str) -> dt.date:
    """Read a date, written YYYY-MM-DD.

    Raises:
        Malformed: It is none, or of a year that no time is kept of.
    """
    try:
        if _DATE.fullmatch(text):
            found = dt.date.fromisoformat(text)
            if _YEARS[0] <= text[:4] <= _YEARS[1]:
                return found
    except ValueError:
        pass
    detail = f"date {text[:20]!r} is no day of {_YEARS[0]} to {_YEARS[1]} written YYYY-MM-DD"
    raise Malformed(detail)


def _of_json(data: bytes) -> report_pb2.ReportDue:
    try:
        return json_format.Parse(data, report_pb2.ReportDue())
    except (json_format.ParseError, UnicodeDecodeError) as error:
        detail = f"{len(data)} bytes of JSON are no {REPORT_DUE}: {error}"
        raise Malformed(detail) from error
