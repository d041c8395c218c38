"""Read Forex Factory's calendar: a day as JSON, the weekly JSON export, and the CSV export of a scraper.

A document tells when it was captured (`timestamp`, `last_updated`): its figures could be known since then, and no
event's own time says so. The CSV has local times with the zone's letters and the same in UTC; both must agree.
Sources: the calendar export linked from forexfactory.com/calendar, and real files of both kinds.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from functions.domain.calendar import (
    FIGURE_CHARS_MAX,
    NO_FIGURE,
    CalendarEvent,
    EventState,
    Figure,
    Impact,
    Timing,
    country_of,
    figure,
)
from functions.domain.news import content_key
from functions.wire.codecs.calendar import CALENDAR_EVENT
from functions.wire.facts import fact_id
from functions.wire.news.articles import moment
from functions.wire.news.reading import (
    ENTRIES_MAX,
    ID_CHARS_MAX,
    LINE_CHARS_MAX,
    Found,
    RowReader,
    each,
    json_document,
    json_list,
    json_object,
    line,
    need,
    text_of,
)
from functions.wire.news.times import NS_PER_DAY, NS_PER_S, day_ns, time_ns
from functions.wire.venues.digits import BadText

SOURCE: Final = "forexfactory"

_IMPACTS: Final = MappingProxyType(
    {"": Impact.UNKNOWN, "low": Impact.LOW, "medium": Impact.MEDIUM, "high": Impact.HIGH}
    | dict.fromkeys(("non-economic", "holiday"), Impact.NON_ECONOMIC)
)
_DAYS: Final = MappingProxyType({"tentative": Timing.TENTATIVE, "all day": Timing.ALL_DAY, "": Timing.TENTATIVE})
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_LOCAL: Final = re.compile(r"(\d{1,2}):(\d{2})(am|pm)", re.ASCII)
_UTC: Final = re.compile(r"(\d{2}):(\d{2})", re.ASCII)
_OFFSETS_MIN: Final = MappingProxyType({"UTC": 0, "GMT": 0, "IST": 330, "EST": -300, "EDT": -240})
"""Zones by the letters that exports use; IST is India's, whose offset the file's own UTC column confirms."""
_COLUMNS: Final = frozenset(("date", "currency", "impact", "event", "actual", "forecast", "previous", "time_utc"))
_NOON: Final = 12
_HOUR_MAX, _MINUTE_MAX = 23, 59


@dataclass(frozen=True, slots=True)
class Draft:
    """Hold what the source said about an event, before it is named; figures are read already.

    Where the source gives no id it is told by currency, name and day, and `has_id` is False.
    """

    native_id: str
    has_id: bool
    currency: str
    impact: Impact
    name: str
    ts_scheduled: int
    timing: Timing
    actual: Figure
    forecast: Figure
    previous: Figure
    ts_known: int | None


def event(draft: Draft, *, row: int, ts_receive: int) -> CalendarEvent:
    """Make an event of a draft; see `stories.item` for when it can be known.

    Args:
        draft: What the source said.
        row: Index of the row on its stream.
        ts_receive: When the row was received, UTC nanoseconds.
    """
    figures = (draft.actual, draft.forecast, draft.previous)
    texts = tuple(one.text for one in figures)
    said = (draft.currency, draft.impact.value, draft.name, draft.ts_scheduled, draft.timing.value, texts)
    return CalendarEvent(
        event_id=fact_id(CALENDAR_EVENT, SOURCE, draft.native_id),
        source=SOURCE,
        native_id=draft.native_id,
        currency=draft.currency,
        country=country_of(draft.currency, draft.name),
        impact=draft.impact,
        name=draft.name,
        ts_scheduled=draft.ts_scheduled,
        timing=draft.timing,
        actual=draft.actual,
        forecast=draft.forecast,
        previous=draft.previous,
        state=EventState.SCHEDULED if draft.actual == NO_FIGURE else EventState.RELEASED,
        ts_available=ts_receive if draft.ts_known is None else min(draft.ts_known, ts_receive),
        ts_receive=ts_receive,
        revision=draft.ts_known or 0,
        content_key=content_key(*said),
        row=row,
    )


# --- JSON -------------------------------------------------------------------------------------------------------------


def parse_json(data: bytes) -> Found[Draft]:
    """Read a day or week as JSON.

    Raises:
        BadText: It is no JSON, or no list of events.
    """
    document = json_document(data)
    known = moment(document, "timestamp") if isinstance(document, dict) else None
    return _told_apart(each(json_list(document, "events"), lambda entry: _of_json(json_object(entry), known)))


def _of_json(content: Mapping[str, object], known: int | None) -> Draft:
    name = line(need(content, "event", "title"))
    currency = _currency(need(content, "currency", "country"))
    when, own_id = need(content, "event_dt", "date"), text_of(content, "event_id", "id")
    return Draft(
        native_id=line(own_id or f"{currency}:{name}:{when[:10]}", ID_CHARS_MAX),
        has_id=bool(own_id),
        currency=currency,
        impact=_impact(text_of(content, "impact")),
        name=name,
        ts_scheduled=time_ns(when),
        timing=Timing.EXACT,
        actual=_figure(text_of(content, "actual")),
        forecast=_figure(text_of(content, "forecast")),
        previous=_figure(text_of(content, "previous")),
        ts_known=known,
    )


# --- CSV --------------------------------------------------------------------------------------------------------------


def parse_csv(data: bytes) -> Found[Draft]:
    """Read a CSV export: a header that names the columns, then one event a line.

    Raises:
        BadText: It is no UTF-8, no CSV, or its header lacks a column.
    """
    try:
        rows = list(_csv_rows(data.decode("utf-8-sig")))
    except (csv.Error, UnicodeDecodeError) as error:
        reason = "bad_csv"
        raise BadText(reason, f"the row is no CSV: {str(error)[:160]}") from None
    return _told_apart(each(rows, _of_csv))


JSON_READER: Final = RowReader(parse_json)
CSV_READER: Final = RowReader(parse_csv)


def _csv_rows(text: str) -> Iterator[dict[str, str]]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = next(lines, [])
    missing = _COLUMNS - set(header)
    if missing:
        reason = "missing_field"
        raise BadText(reason, f"the header lacks {', '.join(sorted(missing))}")
    for number, values in enumerate(lines):
        if number >= ENTRIES_MAX:
            reason = "out_of_range"
            raise BadText(reason, f"the export has more than {ENTRIES_MAX} lines")
        if values:
            yield dict(zip(header, values, strict=False))


def _of_csv(content: Mapping[str, str]) -> Draft:
    name, currency = line(need(content, "event")), _currency(need(content, "currency"))
    day, told = need(content, "date"), content.get("time_utc", "").strip().lower()
    timing = _DAYS.get(told, Timing.EXACT)
    updated, own_id = text_of(content, "last_updated", "updated_at"), text_of(content, "event_uid", "id")
    return Draft(
        native_id=line(own_id or f"{currency}:{name}:{day}", ID_CHARS_MAX),
        has_id=bool(own_id),
        currency=currency,
        impact=_impact(content.get("impact", "")),
        name=name,
        ts_scheduled=_moment(content, day_ns(day), told) if timing is Timing.EXACT else day_ns(day),
        timing=timing,
        actual=_figure(content.get("actual", "")),
        forecast=_figure(content.get("forecast", "")),
        previous=_figure(content.get("previous", "")),
        ts_known=time_ns(updated) if updated else None,
    )


def _moment(content: Mapping[str, str], day: int, told: str) -> int:
    """Read a local date and time as UTC, and hold it against the UTC time beside it.

    The date is the local one: 5:20am in India is 23:50 UTC of the day before.
    """
    utc, local = _UTC.fullmatch(told), _LOCAL.fullmatch(content.get("time", "").strip().lower())
    offset_min = _OFFSETS_MIN.get(content.get("time_zone", "").strip().upper())
    if utc is None or local is None or offset_min is None:
        shown = "/".join(str(content.get(one, ""))[:16] for one in ("time", "time_zone", "time_utc"))
        reason, detail = "bad_time", f"found {shown!r} where a time, its zone and the time in UTC belong"
        raise BadText(reason, detail)
    hour, minute = int(local[1]) % _NOON + (_NOON if local[3] == "pm" else 0), int(local[2])
    if int(local[1]) > _NOON or max(minute, int(utc[2])) > _MINUTE_MAX or int(utc[1]) > _HOUR_MAX:
        reason, detail = "bad_time", f"{local[0]!r} or {utc[0]!r} is no time of day"
        raise BadText(reason, detail)
    ns = day + (hour * 60 + minute - offset_min) * 60 * NS_PER_S
    if ns % NS_PER_DAY != (int(utc[1]) * 60 + int(utc[2])) * 60 * NS_PER_S:
        reason = "inconsistent_time"
        raise BadText(reason, f"{local[0]!r} at {offset_min:+} minutes is not {utc[0]!r} UTC")
    return ns


# --- both -------------------------------------------------------------------------------------------------------------


def _told_apart(found: Found[Draft]) -> Found[Draft]:
    """Number events without an id that have one name on one day at several times, as speeches do: from `#2` on."""
    numbers: dict[str, dict[int, int]] = {}
    for one in found.entries:
        times = numbers.setdefault(one.native_id, {})
        times.setdefault(one.ts_scheduled, len(times) + 1)
    return replace(
        found, entries=tuple(_numbered(one, numbers[one.native_id][one.ts_scheduled]) for one in found.entries)
    )


def _numbered(draft: Draft, number: int) -> Draft:
    if draft.has_id or number == 1:
        return draft
    mark = f"#{number}"
    return replace(draft, native_id=f"{draft.native_id[: ID_CHARS_MAX - len(mark)]}{mark}")


def _currency(text: str) -> str:
    found = text.strip().upper()
    if _CURRENCY.fullmatch(found) is None:
        reason, detail = "wrong_type", f"found {text[:48]!r} where a currency or `All` belongs"
        raise BadText(reason, detail)
    return found


def _impact(text: str) -> Impact:
    words = text.lower().split()
    found = _IMPACTS.get(words[0] if words else "")
    if found is None:
        reason, detail = "unknown_kind", f"impact {text[:48]!r} is not known"
        raise BadText(reason, detail)
    return found


def _figure(text: str) -> Figure:
    return figure(line(text, min(FIGURE_CHARS_MAX, LINE_CHARS_MAX)))
