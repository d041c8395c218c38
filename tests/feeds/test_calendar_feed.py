"""The calendar feed gives every document on as it came, keeps its clock, and ends its tape."""

import pathlib

import pytest
from documented import CSV, DAY, as_json

from functions.adapters.memory_sink import MemorySink
from functions.feeds.calendar.main import Settings, compose
from functions.handlers.digest.handler import handle
from functions.local.delivery import compile_filters
from functions.local.topology import load
from functions.wire.codecs.calendar import decode_calendar_batch
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event


async def run(**settings: object) -> list[Event]:
    """Run the composed feed for one round."""
    sink = MemorySink()
    hosted = compose(Settings(rounds=1, **settings))  # type: ignore[arg-type] # fields are picked by the caller
    await hosted.run(sink)
    await hosted.close()
    return sink.events


@pytest.mark.parametrize(
    ("name", "data", "dialect", "events"),
    [
        ("day.json", as_json(DAY), "calendar.forexfactory.json", 1),
        ("export.csv", CSV, "calendar.forexfactory.csv", 4),
    ],
)
async def test_from_file_to_facts(tmp_path: pathlib.Path, name: str, data: bytes, dialect: str, events: int) -> None:
    """A file that the composed feed reads comes out of `digest` as what it says; the wiring lets it through."""
    (tmp_path / name).write_bytes(data)
    batch, end = await run(calendar_paths=(str(tmp_path),), calendar_dialect=dialect)
    assert batch.source == "/tickloom/feeds/calendar/CALENDAR-0.calendar"
    assert decode_raw_batch(batch.data or b"").payload == data
    assert decode_raw_batch(end.data or b"").end_of_tape
    (trigger,) = [one for one in load().subscriptions if one.subscriber == "digest"]
    assert compile_filters(trigger.filters, "test")(batch)
    assert load().sources["calendar"] == trigger.broker
    reply = await handle(batch)
    assert reply is not None
    assert len(decode_calendar_batch(reply.data or b"").events) == events


async def test_a_quiet_round_is_the_clock(tmp_path: pathlib.Path) -> None:
    """A round that finds nothing says so, and `digest` answers it."""
    clock, end = await run(calendar_paths=(str(tmp_path),))
    assert [decode_raw_batch(one.data or b"").heartbeat for one in (clock, end)] == [True, False]
    reply = await handle(clock)
    assert reply is not None
    assert decode_calendar_batch(reply.data or b"").heartbeat


async def test_the_captures(captures: pathlib.Path) -> None:
    """118 days go through as they are: the bytes of the files, whole and in order."""
    folder = captures / "econ_calendar" / "date"
    *batches, _ = await run(calendar_paths=(str(folder),))
    payload = b"".join(decode_raw_batch(one.data or b"").payload for one in batches)
    assert payload == b"".join(file.read_bytes() for file in sorted(folder.glob("*.json")))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, "at least one of calendar_paths and calendar_urls"),
        ({"calendar_paths": ("x",), "calendar_dialect": "news.rss"}, "calendar_dialect must be one of"),
        ({"calendar_paths": ("x",), "stream": "C-0.live"}, "stream must end in .calendar"),
        ({"calendar_paths": ("x",), "timeout_s": 0.0}, "timeout_s"),
    ],
)
def test_wrong_settings_stop_the_start(change: dict[str, object], found: str) -> None:
    """A feed that would ask for nothing, or that nobody would hear, does not start."""
    with pytest.raises(ValueError, match=found):
        Settings(**change)  # type: ignore[arg-type] # fields are picked by the test
