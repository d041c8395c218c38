"""The real calendar files are read whole: counts, times and figures equal an independent computation."""

import csv
import json
import pathlib
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from documented import CSV, DAY, NOW, as_json, raw

from functions.domain.calendar import CalendarBatch, CalendarEvent, EventState, Form, Impact, Timing
from functions.wire.batcher import Cut
from functions.wire.news.cutting import document_batcher
from functions.wire.news.digesting import digest
from functions.wire.news.times import time_ns

JSON_DIALECT = "calendar.forexfactory.json"
CSV_DIALECT = "calendar.forexfactory.csv"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
IMPACTS = {
    "Low Impact Expected": Impact.LOW,
    "Medium Impact Expected": Impact.MEDIUM,
    "High Impact Expected": Impact.HIGH,
    "Non-Economic": Impact.NON_ECONOMIC,
}


def calendar(dialect: str, *rows: bytes) -> CalendarBatch:
    """Digest calendar documents."""
    found = digest(raw(dialect, *rows))
    assert isinstance(found, CalendarBatch)
    return found


def only(**changes: object) -> CalendarEvent:
    """Give the event of a day's JSON with some of its fields changed."""
    (event,) = calendar(JSON_DIALECT, as_json({**DAY, "events": [{**DAY["events"][0], **changes}]})).events
    return event


def numbers(text: str) -> list[Decimal]:
    """Read a figure's numbers by taking its text apart, independently of the parser."""
    if re.fullmatch(r"\d+-\d+-\d+", text):
        return [Decimal(part) for part in text.split("-")]
    parts = text.split("|")
    factors = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
    found = []
    for part in parts:
        bare = part.strip("<>%KMBT")
        if not re.fullmatch(r"-?\d+(\.\d+)?", bare):
            return []
        found.append(Decimal(bare) * factors.get(part[-1], 1))
    return found


def nanoseconds(moment: datetime) -> int:
    """Count nanoseconds since 1970 with whole numbers alone."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


# --- the captures -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def days(captures: pathlib.Path) -> list[bytes]:
    """Give the 118 days."""
    return [file.read_bytes() for file in sorted((captures / "econ_calendar" / "date").glob("*.json"))]


@pytest.fixture(scope="module")
def events(days: list[bytes]) -> list[CalendarEvent]:
    """Digest the days as the feed cuts them."""
    cutter = document_batcher(Cut("C-0", "C-0.calendar", JSON_DIALECT), _keep_nothing, lambda: NOW)
    found = [digest(batch) for batch in cutter.cut((day, NOW) for day in days)]
    assert len(found) > 1
    assert all(isinstance(one, CalendarBatch) and one.rejections == () for one in found)
    return [event for one in found if isinstance(one, CalendarBatch) for event in one.events]


def _keep_nothing(_name: str, _row: bytes) -> None:
    raise AssertionError


def test_counts(days: list[bytes], events: list[CalendarEvent]) -> None:
    """118 files give 1,705 events, each impact as often as the files say, every one in its row."""
    told = [entry["impact"] for day in days for entry in json.loads(day)["events"]]
    assert (len(days), len(events), len(told)) == (118, 1705, 1705)
    assert Counter(one.impact for one in events) == Counter(IMPACTS[one] for one in told)
    assert Counter(one.impact for one in events)[Impact.HIGH] == 339
    rows = [n for n, day in enumerate(days) for _ in json.loads(day)["events"]]
    assert [one.row for one in events] == rows


def test_every_field(days: list[bytes], events: list[CalendarEvent]) -> None:
    """Names, currencies, times and texts are the files' own, and what could be known is known since the capture."""
    told = [(json.loads(day)["timestamp"], entry) for day in days for entry in json.loads(day)["events"]]
    for event, (captured, entry) in zip(events, told, strict=True):
        assert (event.native_id, event.name) == (entry["event_id"], entry["event"])
        assert event.currency == entry["currency"].upper()
        assert event.ts_scheduled == nanoseconds(datetime.fromisoformat(entry["event_dt"]))
        assert event.ts_available == event.revision == nanoseconds(datetime.fromisoformat(captured))
        figures = (event.actual, event.forecast, event.previous)
        assert [one.text for one in figures] == [entry[name] for name in ("actual", "forecast", "previous")]


def test_figures(days: list[bytes], events: list[CalendarEvent]) -> None:
    """Every published figure's numbers equal those of its text taken apart; 1,254 are empty, and one is a word."""
    texts = [
        entry[name]
        for day in days
        for entry in json.loads(day)["events"]
        for name in ("actual", "forecast", "previous")
    ]
    figures = [one for event in events for one in (event.actual, event.forecast, event.previous)]
    assert [list(one.values) for one in figures] == [numbers(text) for text in texts]
    assert Counter(one.form for one in figures) == {
        Form.NONE: 1254,
        Form.WORDS: 1,
        Form.YIELD_AND_COVER: sum("|" in text for text in texts),
        Form.VOTES: sum(bool(re.fullmatch(r"\d+-\d+-\d+", text)) for text in texts),
        Form.PERCENT: sum(text.endswith("%") for text in texts),
        Form.NUMBER: sum(bool(re.fullmatch(r"-?\d+(\.\d+)?[KMBT]?", text)) for text in texts),
    }


def test_moved_events_stay_themselves(events: list[CalendarEvent]) -> None:
    """An event that is on two days is one event with two versions."""
    versions = Counter(one.event_id for one in events)
    assert len(versions) == len({one.native_id for one in events})
    assert sum(count > 1 for count in versions.values()) == 4
    assert len({(one.event_id, one.content_key) for one in events}) == 1705


def test_csv_capture(captures: pathlib.Path) -> None:
    """126 lines give 126 events; the UTC times are those of India's clock, less five and a half hours."""
    data = (captures / "econ_calendar" / "forexfactory_export_20251109.csv").read_bytes()
    lines = list(csv.DictReader(data.decode().splitlines()))
    found = calendar(CSV_DIALECT, data)
    assert (len(lines), len(found.events), found.rejections) == (126, 126, ())
    for event, line in zip(found.events, lines, strict=True):
        midnight = datetime.fromisoformat(line["date"]).replace(tzinfo=UTC)
        assert (event.native_id, event.impact.value) == (line["event_uid"], line["impact"])
        assert list(event.actual.values) == numbers(line["actual"])
        assert event.ts_available == nanoseconds(datetime.fromisoformat(line["last_updated"]))
        timing = {"Tentative": Timing.TENTATIVE, "All Day": Timing.ALL_DAY}.get(line["time_utc"], Timing.EXACT)
        assert event.timing is timing
        local = datetime.strptime(line["time"], "%I:%M%p") if timing is Timing.EXACT else datetime(1900, 1, 1)  # noqa: DTZ001, DTZ007 - a time of day
        shift = local - datetime(1900, 1, 1) - timedelta(hours=5.5) * (timing is Timing.EXACT)  # noqa: DTZ001 - likewise
        assert event.ts_scheduled == nanoseconds(midnight + shift)
    assert Counter(one.timing for one in found.events) == {Timing.EXACT: 116, Timing.TENTATIVE: 4, Timing.ALL_DAY: 6}


# --- rules ------------------------------------------------------------------------------------------------------------


def test_states() -> None:
    """An event with an actual figure is released; one whose figure replaces another in the batch is revised."""
    assert only(actual="").state is EventState.SCHEDULED
    assert only().state is EventState.RELEASED
    rows = [as_json({**DAY, "events": [{**DAY["events"][0], "actual": text}]}) for text in ("", "1%", "1%", "2%")]
    assert [one.state.value for one in calendar(JSON_DIALECT, *rows).events] == [
        "scheduled",
        "released",
        "released",
        "revised",
    ]


def test_csv_times() -> None:
    """A local morning may be the day before in UTC; tentative and all-day events have a day alone."""
    one, early, tentative, all_day = calendar(CSV_DIALECT, CSV).events
    assert one.ts_scheduled == time_ns("2025-12-02T07:45:00Z")
    assert early.ts_scheduled == time_ns("2025-11-30T23:50:00Z")
    assert (tentative.timing, tentative.ts_scheduled) == (Timing.TENTATIVE, time_ns("2025-12-02"))
    assert (all_day.timing, all_day.currency, all_day.country) == (Timing.ALL_DAY, "ALL", "")
    assert (one.country, one.impact, tentative.impact) == ("FR", Impact.LOW, Impact.UNKNOWN)


def test_the_weekly_export() -> None:
    """The site's own export names its fields otherwise, has no ids and no capture time: then receipt counts."""
    row = {
        "title": "CPI m/m",
        "country": "USD",
        "date": "2025-11-13T08:30:00-05:00",
        "impact": "High",
        "forecast": "0.3%",
    }
    (event,) = calendar(JSON_DIALECT, b"[" + as_json(row) + b"]").events
    assert (event.native_id, event.currency, event.impact) == ("USD:CPI m/m:2025-11-13", "USD", Impact.HIGH)
    assert event.ts_scheduled == time_ns("2025-11-13T13:30:00Z")
    assert (event.ts_available, event.revision) == (NOW, 0)


def test_one_name_twice_a_day() -> None:
    """Without ids, an event of the same name later on the day is another event; one told twice is the same."""
    row = {"title": "President Lagarde Speaks", "country": "EUR", "impact": "Medium"}
    times = ("2024-01-18T04:15:00-05:00", "2024-01-18T10:15:00-05:00", "2024-01-18T04:15:00-05:00")
    events = calendar(JSON_DIALECT, as_json({"events": [{**row, "date": one} for one in times]})).events
    name = "EUR:President Lagarde Speaks:2024-01-18"
    assert [one.native_id for one in events] == [name, f"{name}#2", name]
    assert len({one.event_id for one in events}) == 2


@pytest.mark.parametrize(
    ("dialect", "document", "reason"),
    [
        (JSON_DIALECT, b"<html>", "bad_json"),
        (JSON_DIALECT, b'{"timestamp":"soon","events":[]}', "bad_time"),
        (JSON_DIALECT, as_json({"events": [{}]}), "missing_field"),
        (
            JSON_DIALECT,
            as_json({"events": [{"event": "x", "currency": "EURO", "event_dt": "2020-01-01"}]}),
            "wrong_type",
        ),
        (
            JSON_DIALECT,
            as_json({"events": [{"event": "x", "currency": "EUR", "event_dt": "2020-01-01", "impact": "Dire"}]}),
            "unknown_kind",
        ),
        (CSV_DIALECT, b"", "missing_field"),
        (CSV_DIALECT, b"id,date\n1,2025-12-02\n", "missing_field"),
        (CSV_DIALECT, b"\xff\xfe", "bad_csv"),
        (CSV_DIALECT, CSV + b'5,"open', "bad_csv"),
        (CSV_DIALECT, CSV.replace(b"07:45", b"07:46"), "inconsistent_time"),
        (CSV_DIALECT, CSV.replace(b"07:45", b"7.45"), "bad_time"),
        (CSV_DIALECT, CSV.replace(b"1:15pm", b"13:15pm"), "bad_time"),
        (CSV_DIALECT, CSV.replace(b"IST,07", b"XST,07"), "bad_time"),
    ],
)
def test_refusals(dialect: str, document: bytes, reason: str) -> None:
    """What cannot be read is refused with the reason."""
    (rejection,) = calendar(dialect, document).rejections
    assert rejection.reason == reason
