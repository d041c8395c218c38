"""The `bench` verb measures end to end, by stage and by call, and reports every figure beside its bar."""

import argparse
import dataclasses
import json
import pathlib
from dataclasses import dataclass
from typing import Any

import pytest
from counts import DEEP

from functions.cli import bench
from functions.cli.errors import CliError
from functions.local.benchmarks import PartFailedError, recorded_s, run_part, simulate
from functions.local.kafka import choose
from functions.local.round_trips import TCP

MESSAGES = 9_000
TINY = bench.Effort(
    rounds=1,
    stage_messages=3_000,
    batches=40,
    closes=100,
    history=100,
    calls=40,
    closed_calls=40,
    open_s=0.05,
    http_s=1.0,
    paced_s=2.0,
)


def parsed(*words: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    bench.register(parser)
    return parser.parse_args([str(word) for word in words])


@dataclass(frozen=True)
class Ran:
    """What one run left: its status, the capture it was given, the figures."""

    status: int
    folder: pathlib.Path
    found: dict[str, Any]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Measure a little, once for this module."""
    folder = tmp_path_factory.mktemp("bench")
    capture = folder / "capture.txt"
    simulate(capture, seconds=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "QUICK", TINY)
        if not DEEP:  # starting it takes a minute a run, and tests/kafka replays over it
            patch.setattr(bench, "_kafka_runs", lambda *_: ())
        words = ("--quick", "--input", capture, "--dialect", "binance.spot", "--messages", MESSAGES)
        status = bench.run(parsed(*words, "--folder", folder / "run", "--json"))
    return Ran(status, folder / "run", json.loads((folder / "run" / "bench.json").read_text()))


def test_every_message_is_measured(ran: Ran) -> None:
    """Every log takes the whole tape; every message is accounted for, and every run came to its end."""
    runs = {one["name"]: one for one in ran.found["runs"]}
    assert ran.status == 0
    assert [one["log"] for one in runs.values()] == [
        "disk",
        "memory",
        "disk",
        "disk",
        *(["kafka"] * 3 if DEEP and choose().kind else ()),
    ]
    assert all(one["finished"] for one in runs.values())
    assert runs["disk log"]["messages"] == runs["memory log"]["messages"] == MESSAGES
    assert runs["disk log"]["accepted"] + runs["disk log"]["rejected"] == MESSAGES


@pytest.mark.parametrize("key", ["seconds", "messages_per_second", "cpu_us_per_message", "rss_mib", "lateness_ms"])
def test_runs_have_figures(ran: Ran, key: str) -> None:
    """A run says its rate, what it cost, and how late a row may be."""
    assert all(one[key] > 0 for one in ran.found["runs"])


def test_latency_reaches_the_bars(ran: Ran) -> None:
    """Each stage's latency is counted from the raw batch that caused it."""
    after = ran.found["runs"][0]["latency"]["after_raw_batch"]
    assert after["bars"]["count"] > 0
    assert after["infer"]["p50_ms"] >= after["normalize"]["p50_ms"] > 0


def test_explanations_are_timed(ran: Ran) -> None:
    """Signals of the live run are explained, as many as there are; where there is none, that stands there."""
    (told,) = [one["explanations"] for one in ran.found["runs"] if "explanations" in one]
    assert (told["count"] > 0) == (told["p99_ms"] >= told["p50_ms"] > 0)
    assert "| explanation of a signal, ms" in bench.report(ran.found)


def test_stages_have_figures(ran: Ran) -> None:
    """Every stage from the tape to the risk check has a positive figure."""
    figures = ran.found["stages"]["figures"]
    assert all(one["value"] > 0 for one in figures)
    whats = {one["name"].split(":")[0].split(" ")[0] for one in figures}
    assert whats >= {"tape", "normalize", "TickBatch", "bars", "features", "inference", "risk"}


def test_windows_have_figures(ran: Ran) -> None:
    """Bars and features are timed beside a plain loop, and who else could not be asked is said."""
    windows = ran.found["windows"]
    assert all(one["value"] > 0 for one in windows["figures"])
    said = bench.report(ran.found)
    assert all(one["name"] in said for one in windows["figures"])
    told = bench.report(ran.found | {"windows": {**windows, "missing": ["polars is not installed (extra `bench`)"]}})
    assert "- missing beside ours: polars is not installed" in told


def test_venues_have_figures(ran: Ran) -> None:
    """Every venue's messages are timed, and have a row of the report."""
    found = ran.found["venues"]["venues"]
    assert {one["name"].split(".")[0] for one in found} >= {"binance", "coinbase", "kraken", "polygon", "lseg", "lean"}
    assert all(one["ours"] > 0 for one in found)
    said = bench.report(ran.found)
    assert all(f"| {one['name']}" in said for one in found)


def test_calls_have_figures(ran: Ran) -> None:
    """Checks and orders stand beside a TCP echo and each beside its gRPC echo, and functions over HTTP have rates."""
    trips = ran.found["calls"]["round_trips"]
    assert [one["name"] for one in trips] == [
        "bare TCP echo",
        "bare grpc.aio echo, unary",
        "risk check, unary",
        "bare grpc.aio echo, stream",
        "bare grpc.aio echo of messages, stream",
        "risk check, stream",
        "bare grpc.aio echo, stream, 50 x",
        "risk checks, stream, 50 in a message",
        "order submitted, unary",
        "order submitted, stream",
        "orders submitted, stream, 50 in a message",
    ]
    said = bench.report(ran.found)
    assert all(f"- {one['name']}, p50 open loop: " in said for one in trips if one["beside"])
    echoes = {name for one in trips for name in one["beside"]}
    assert {one["name"] for one in trips if not one["beside"]} == echoes | {TCP}
    assert all(
        value > 0 for one in trips for key, value in one.items() if key not in {"name", "beside", "open_refused"}
    )
    assert all(one["value"] > 0 for one in ran.found["calls"]["figures"])
    scored = [one["name"] for one in ran.found["calls"]["inferences"] if one["value"] > 0]
    assert scored == [
        f"inference: {rows} over gRPC, {share}" for rows in ("1 row", "50 rows") for share in ("p50", "p99")
    ]


def test_report_names_machine_log_and_bars(ran: Ran) -> None:
    """The report says on what it was measured, with which log, and what each figure is held against."""
    said = bench.report(ran.found)
    wanted = (ran.found["machine"]["processor"], "given capture capture.txt", "| disk log", "| memory log")
    assert all(
        words in said
        for words in (*wanted, ">= 150,000", "<= 0.6", "x bare grpc.aio echo, stream", "lateness is 250 ms")
    )
    assert all(one["name"] in said for one in ran.found["stages"]["figures"])


def test_tape_is_made_once(ran: Ran) -> None:
    """The same input and size find the tape there; another size makes another."""
    words = ("--input", ran.folder.parent / "capture.txt", "--folder", ran.folder, "--messages")
    again, other = bench.prepare(parsed(*words, MESSAGES)), bench.prepare(parsed(*words, 50))
    assert (ran.found["input"]["reused"], again["reused"], other["reused"]) == (False, True, False)
    assert pathlib.Path(other["tape"]).read_text().count("\n") == 50


def test_run_that_takes_too_long(ran: Ran) -> None:
    """A run that is given up says after how long, and what to do."""
    run = ran.found["runs"][0] | {"finished": False}
    assert bench.fault_of(run, ran.found["input"]).endswith("raise --seconds-max or lower --messages")
    assert "disk log: given up after" in bench.report(ran.found | {"runs": [run, *ran.found["runs"][1:]]})


def test_lost_messages_are_a_fault(ran: Ran) -> None:
    """A run that did not account for every message is said to be wrong."""
    run = ran.found["runs"][1] | {"messages": MESSAGES - 7}
    assert bench.fault_of(run, ran.found["input"]) == "7 messages are not accounted for"


def test_input(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given goes before the real capture, and that before a simulated one."""
    monkeypatch.delenv("TICKLOOM_DATA", raising=False)
    assert bench.source_of(parsed("--folder", tmp_path))[:2] == (tmp_path / "simulated.txt", "simulated")
    real = tmp_path / bench.CAPTURE
    real.parent.mkdir(parents=True)
    real.touch()
    monkeypatch.setenv("TICKLOOM_DATA", str(tmp_path))
    assert bench.source_of(parsed())[:2] == (real, "real")
    assert bench.source_of(parsed("--input", "mine.txt"))[:2] == (pathlib.Path("mine.txt"), "given")


def test_missing_input() -> None:
    """A capture that is not there is named before anything is made."""
    with pytest.raises(CliError, match=r"nowhere\.txt"):
        bench.run(parsed("--input", "nowhere.txt"))


def test_simulated_input(tmp_path: pathlib.Path) -> None:
    """Simulated history is the same each time, and spans what was asked."""
    for name in ("one", "two"):
        simulate(tmp_path / name, seconds=3)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert recorded_s(tmp_path / "one") == pytest.approx(3, abs=0.5)


def test_part_that_fails(tmp_path: pathlib.Path) -> None:
    """A part that ends without a result says why."""
    with pytest.raises(PartFailedError, match="nonsense"):
        run_part("stages", {"nonsense": 1}, log=tmp_path / "log", seconds_max=60, tell=lambda *_: None)


def test_what_was_measured_stays(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the parts that were asked for are measured; one that fails is named and takes no other's figures along."""
    capture = tmp_path / "capture.txt"
    simulate(capture, seconds=5)
    monkeypatch.setattr(bench, "QUICK", dataclasses.replace(TINY, batches=-1))  # no such number of made-up batches
    words = ("--quick", "--input", capture, "--dialect", "binance.spot", "--messages", 2_000, "--folder", tmp_path)
    assert bench.run(parsed(*words, "--only", "stages", "--only", "windows")) == 1
    told = json.loads((tmp_path / "bench.json").read_text())
    assert told["stages"]["figures"]
    assert not {"windows", "venues", "runs", "calls"} & set(told)
    said = capsys.readouterr()
    assert "the windows part" in said.err
    assert "Each stage by itself" in said.out
