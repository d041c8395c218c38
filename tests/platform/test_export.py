"""What a run produced is written once, sorted, and hashed so that anyone can check it."""

import dataclasses
import hashlib
import itertools
import json
import pathlib
import shutil
import subprocess

import pytest
from accounted import breached
from active import rules, run
from barred import Bar, bar_batch
from paired import fold, perp, spot
from ticking import T0, Trade, batch, cut

from functions.domain.market import BAR_FINAL, BAR_OPEN, BAR_REVISED, TRADE_CANCEL
from functions.local.log import EventLog, MemoryLog
from functions.local.rows import count_events, event_hash, export
from functions.wire.codecs.activity import encode_activity_bar_batch
from functions.wire.codecs.bars import encode_bar_batch
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.codecs.pairs import encode_pair_batch
from functions.wire.codecs.portfolio import LIMIT_BREACH, RISK_METRICS, encode_limit_breach
from functions.wire.envelope import Event
from functions.wire.facts import sequence_text
from functions.wire.rows import STREAMS

TRADES = [Trade(T0 + at, price=100 + at % 7, id=at) for at in range(40)]


def event(number: int, data: bytes = b"", name: str = "market.v1.TickBatch") -> Event:
    """Make a numbered event of one of our types."""
    had = {"sequence": sequence_text(number), "partitionkey": "X-0"}
    return Event(id=str(number), source="/s", type=f"tickloom.{name}", data=data, extensions=had)


def log_of(*events: Event) -> MemoryLog:
    """Make a log that holds events."""
    log = MemoryLog()
    for one in events:
        log.append(one)
    return log


def ticks(size: int) -> list[Event]:
    """Make the tape's events, cut at a size."""
    return [event(at, encode_tick_batch(one)) for at, one in enumerate(cut(TRADES, size))]


def test_hash_is_what_anyone_computes(tmp_path: pathlib.Path) -> None:
    """A stream's hash is that of `LC_ALL=C sort -u FILE | sha256sum`."""
    hashes = export({"market": log_of(*ticks(7))}, (), tmp_path)
    assert set(hashes) == set(STREAMS)
    for stream, told in hashes.items():
        command = f"LC_ALL=C sort -u {tmp_path}/{stream}.jsonl | sha256sum"
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)  # noqa: S603, S607
        assert done.stdout.split()[0] == told
    assert len((tmp_path / "ticks.jsonl").read_bytes().splitlines()) == len(TRADES)
    assert not list(tmp_path.glob("*.unsorted"))


def test_without_sort(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no `sort` is installed the same file comes out."""
    logs: dict[str, EventLog] = {"market": log_of(*ticks(7))}
    with_sort = export(logs, (), tmp_path / "a")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert export(logs, (), tmp_path / "b") == with_sort


@pytest.mark.parametrize("size", [1, 7, 512])
def test_cut_and_redelivery_do_not_show(size: int, tmp_path: pathlib.Path) -> None:
    """Neither the cut nor events delivered again change a rows hash."""
    plain = export({"market": log_of(*ticks(64))}, (), tmp_path / "a")
    again = export({"market": log_of(*ticks(size), *ticks(size))}, (), tmp_path / "b")
    assert again == plain


def test_highest_revision_wins(tmp_path: pathlib.Path) -> None:
    """Of a bar only its highest revision is written, in whatever order they were stored."""
    forms = [
        Bar(finality=BAR_OPEN),
        Bar(),
        Bar(finality=BAR_REVISED, revision=1),
        Bar(finality=BAR_REVISED, revision=2),
    ]
    found = set()
    for order in itertools.permutations(forms):
        batches = [event(at, encode_bar_batch(bar_batch([one])), "market.v1.BarBatch") for at, one in enumerate(order)]
        export({"market": log_of(*batches)}, (), tmp_path)
        found.add((tmp_path / "bars.jsonl").read_text())
    (line,) = found
    assert (json.loads(line)["finality"], json.loads(line)["revision"]) == ("revised", 2)


def test_final_replaces_open(tmp_path: pathlib.Path) -> None:
    """A bucket that was open at an earlier end is written as it closed."""
    batches = [encode_bar_batch(bar_batch([Bar(finality=finality)])) for finality in (BAR_FINAL, BAR_OPEN)]
    export({"market": log_of(*(event(at, one, "market.v1.BarBatch") for at, one in enumerate(batches)))}, (), tmp_path)
    assert json.loads((tmp_path / "bars.jsonl").read_text())["finality"] == "final"


@pytest.mark.parametrize("size", [1, 7, 512])
def test_activity_bars(size: int, tmp_path: pathlib.Path) -> None:
    """Of an activity bar only its newest form is written, whatever the cut and whatever is delivered again."""
    rows = [*TRADES, Trade(T0, id=38, flags=TRADE_CANCEL)]
    made = [encode_activity_bar_batch(one) for one in run(rows, rules(ticks=2), size)]
    events = [event(at, one, "market.v1.ActivityBarBatch") for at, one in enumerate(made)]
    export({"market": log_of(*events, *reversed(events))}, (), tmp_path)
    found = [json.loads(line) for line in (tmp_path / "activity.jsonl").read_bytes().splitlines()]
    assert sorted(one["ordinal"] for one in found) == list(range(20))
    assert [(one["ordinal"], one["trades"]) for one in found if one["finality"] == "revised"] == [(19, 1)]
    assert not (tmp_path / "bars.jsonl").read_bytes()


def test_buried_events_are_dead_letters(tmp_path: pathlib.Path) -> None:
    """A buried event is one dead letter with where it went and the code, not what it would have been."""
    buried = dataclasses.replace(
        ticks(512)[0], extensions={"sequence": "4", "knativeerrordest": "http://x/", "knativeerrorcode": "422"}
    )
    export({"market": log_of(), "graves": log_of(buried)}, ("graves",), tmp_path)
    line = json.loads((tmp_path / "deadletters.jsonl").read_text())
    assert line == {"code": "422", "destination": "http://x/", "sequence": "4", "source": "/s"}
    assert (tmp_path / "ticks.jsonl").read_bytes() == b""


def test_unreadable_event_has_no_rows(tmp_path: pathlib.Path) -> None:
    """An event nobody can read leaves the rows of all others as they are."""
    good = export({"market": log_of(*ticks(64))}, (), tmp_path / "a")
    assert export({"market": log_of(event(99, b"\xff"), *ticks(64))}, (), tmp_path / "b") == good


@pytest.mark.parametrize("name", ["traceparent", "tracestate", "recordedtime", "stagetimes"])
def test_event_hash_leaves_out_how_it_went(name: str) -> None:
    """Traces and times of recording do not count."""
    first, second = (dataclasses.replace(event(0), extensions={"sequence": "0", name: text}) for text in "12")
    assert event_hash([log_of(first)]) == event_hash([log_of(second)])


@pytest.mark.parametrize(
    "change",
    [
        {"id": "other"},
        {"source": "/t"},
        {"type": "t"},
        {"time_ns": 1},
        {"subject": "s"},
        {"data": b"x"},
        {"extensions": {"sequence": "1"}},
        {"extensions": {"sequence": sequence_text(0), "partitionkey": "Y-0"}},
        {"extensions": {"sequence": sequence_text(0), "partitionkey": "X-0", "causationid": "c"}},
    ],
)
def test_event_hash_counts_facts(change: dict[str, object]) -> None:
    """Whatever says what an event is counts."""
    one = event(0)
    assert event_hash([log_of(dataclasses.replace(one, **change))]) != event_hash([log_of(one)])  # type: ignore[arg-type]


def test_event_hash_counts_once_in_any_order() -> None:
    """Order and repetition, in one log or in two, do not change the hash."""
    first, second = event(0), event(1)
    expected = event_hash([log_of(first, second)])
    assert event_hash([log_of(second, first, second)]) == expected
    assert event_hash([log_of(first), log_of(second, first)]) == expected


@pytest.mark.parametrize("kind", [RISK_METRICS, LIMIT_BREACH])
def test_event_hash_leaves_mixtures_to_rows(kind: str) -> None:
    """How often a window was told, which follows from the mixture of fills and bars, does not count."""
    told = dataclasses.replace(event(1), type=kind)
    assert event_hash([log_of(event(0), told)]) == event_hash([log_of(event(0))])


def test_breaches_do_not_depend_on_the_mixture(tmp_path: pathlib.Path) -> None:
    """A breach told once or over many revisions is one row, and one that was withdrawn in the end is none."""
    _, breach = breached()
    later = dataclasses.replace(breach, revision=breach.revision + 3)
    gone = dataclasses.replace(later, revision=later.revision + 1, withdrawn=True)
    runs = [(later,), (breach, later), (later, breach)], [(), (breach, gone), (gone, breach, later)]
    for alike in runs:
        hashes = set()
        for told in alike:
            made = [event(at, encode_limit_breach(one), "portfolio.v1.LimitBreach") for at, one in enumerate(told)]
            hashes.add(export({"desk": log_of(*made)}, (), tmp_path)["breaches"])
        assert len(hashes) == 1
    assert hashes == {hashlib.sha256(b"").hexdigest()}


def test_events_are_counted() -> None:
    """Events are counted by log and type."""
    assert count_events({"a": log_of(*ticks(512)), "b": log_of()}) == {
        "a": {"tickloom.market.v1.TickBatch": 2},
        "b": {},
    }


def test_empty_run(tmp_path: pathlib.Path) -> None:
    """A run without events has every file, empty, and the hash of nothing."""
    hashes = export({}, (), tmp_path)
    assert set(hashes.values()) == {hashlib.sha256(b"").hexdigest()}
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(f"{stream}.jsonl" for stream in STREAMS)


def test_batches_carry_their_stream(tmp_path: pathlib.Path) -> None:
    """Two feeds of one shard stay apart: a row's shard is its stream."""
    one = batch(TRADES[:1])
    two = dataclasses.replace(one, stream="BINANCE-0.other")
    export({"market": log_of(event(0, encode_tick_batch(one)), event(1, encode_tick_batch(two)))}, (), tmp_path)
    shards = [json.loads(line)["shard"] for line in (tmp_path / "ticks.jsonl").read_bytes().splitlines()]
    assert sorted(shards) == ["BINANCE-0.other", "BINANCE-0.replay"]


@pytest.mark.parametrize("silence_s", [1, 50])
def test_pairs(silence_s: int, tmp_path: pathlib.Path) -> None:
    """A row of a pair has its prices and figures by name; what is missing or not warm is null."""
    told = fold([spot(Bar()), perp(Bar()), spot(Bar(bar=101), Bar(bar=102))], silence_s=silence_s)
    made = [event(at, encode_pair_batch(one.batch), "features.v1.PairBatch") for at, one in enumerate(told)]
    export({"desk": log_of(*made, *made)}, (), tmp_path)
    first, *others = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_bytes().splitlines()]
    assert (first["close_a"], first["close_b"], first["interval"], first["flags"]) == ("3000", "3000", "1s", 0)
    assert (first["figures"]["spread_bps"], first["figures"]["return_a"]) == (0.0, None)
    assert [one["close_b"] for one in others] == [None] * len(told[1:])
