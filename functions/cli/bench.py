"""Measure rates and latencies on this machine: end to end, by stage, by venue, and round trips beside bare twins."""

import argparse
import contextlib
import json
import os
import pathlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from functions.cli.environment import own_environment
from functions.cli.errors import CliError
from functions.cli.progress import bar
from functions.cli.tape import stretch

CAPTURE: Final = pathlib.Path("binance_spot_ws_ethusdt/ethusdt_20240808.gz")
"""The real capture that is taken where TICKLOOM_DATA has it."""

MESSAGES: Final = 5_000_000
MESSAGES_QUICK: Final = 200_000
SIMULATED_S: Final = 600.0
PACED_SHARE: Final = 0.5
"""The paced run goes at this share of the rate that the disk log just reached."""

PACED_CUT_MS: Final = 10
"""Batches of the paced run are cut as a live feed cuts them, by wall time."""

BATCH_TICKS: Final = 512
"""Ticks of a batch that the effort for bars is counted in."""

LIVE_SPEED: Final = 25
"""The live run goes so many times faster than the tape was received: as often do bars close in it each second."""

PRIORITY: Final = {
    True: "real time (SCHED_RR), peers and echoes too: what else runs here waits; runs as fast as they can are like\n"
    "  anything else, for Linux keeps a twentieth of a core from whatever would have all of it in real time",
    False: "as whatever else runs here; real time takes CAP_SYS_NICE",
}

TO_FEATURES: Final = ("normalize", "enrich", "bars", "features")
"""What is wired of the run over Kafka that ends with features."""

LATENCY_STAGES: Final = ("normalize", "enrich", "bars", "features", "infer", "signals", "orders")

PARTS: Final = ("stages", "windows", "venues", "runs", "calls")

END_TO_END: Final = """\
End to end, from the first line read to the last sink's acknowledgement after the end of the tape; kernels are loaded
before. The first two runs go as fast as they can, so their latency holds the wait for a busy core; their batches end at
512 rows, 128 KiB or {cut:,} ms of receive time (10 ms would imitate live). The paced run goes at half the disk log's
rate, its batches cut every {paced_cut} ms as a live feed cuts them; the live run at {live} times the speed of the tape,
cut alike, each bar with its signal, be it to hold. Of the runs over Kafka one ends with features: nothing behind them
is wired. Latency is p50 / p99, from the broker accepting the RawBatch that moved the watermark past the bar's end, or
from the acknowledged features, to the acknowledged event; the allowed lateness is {lateness} ms of venue time. While a
run is paced or live, a loop of idle priority keeps each core from halting."""

STAGES: Final = """\
Each stage by itself, in one process on one core: medians of {rounds} rounds, on {messages:,} messages of the tape where
a row does not say otherwise; processor time, but p50 and p99 are time on the clock."""

VENUES: Final = """\
Each venue's messages from bytes to exact columns, batching and validation included, beside parsers that give Python
objects: medians of {rounds} rounds of {messages:,} messages on one core; microseconds of processor time for a message,
or for a level where it says so. The record is a plain client's, with floats; {peer}, to its callback,
stands beside the kinds that it reads."""

WINDOWS: Final = """\
The two folds over windows, on made-up input, beside what others make of the same: results are compared before anything
is timed. Medians of {rounds} rounds on one core, processor time of all threads. Bars are of {ticks:,} ticks, the
others' of the first {peer_ticks:,}, with volume, bought volume, notional and count in all intervals; ours also orders
by venue time, knows late and repeated ticks and what is taken back, and counts what the feed is like. Indicators of
others are a dozen; the time of each value is beside, as ours are more."""

CALLS: Final = """\
Round trips over loopback, servers on one core and the client on the other: medians of {rounds} rounds, {size} bytes a
question. Open loop: 1,000 questions/s, each timed from when it was due, refused ones apart. At saturation {at_once}
calls are under way. A loop of idle priority keeps each core from halting."""

STREAM_BAR: Final = """\
- must hold over one bidirectional stream: p99 < 1 ms, p50 <= 1.3 x its echo, <= 3 x TCP echo; 50 in a message
  <= 0.6 ms. One echo is built, written and read as the check's message at both ends, as by generated stubs, and does
  nothing with it; the other passes on bytes that were made before. What p99.9 says of ours, it says of the machine
  where the TCP echo's is as long
- must hold of submitted orders, each stored before it is answered: p99 < 10 ms; 1,000/s are more than one account may
  store here, and then the open loop says how long its queue got"""


@dataclass(frozen=True, slots=True)
class Effort:
    """Say how much is measured.

    Attributes:
        rounds: Rounds a figure is the median of.
        stage_messages: Messages of the tape that stages are timed on.
        batches: Made-up batches of 512 ticks for the bars kernel.
        closes: Bar closes for the indicators, of all instruments together.
        history: Bars of the long history that indicators are timed after.
        calls: Calls for the quantiles of short work.
        closed_calls: Calls of a closed loop, each round.
        open_s: Seconds of an open loop, each round.
        http_s: Seconds of an HTTP load, each round.
        paced_s: Seconds of the paced run.
    """

    rounds: int
    stage_messages: int
    batches: int
    closes: int
    history: int
    calls: int
    closed_calls: int
    open_s: float
    http_s: float
    paced_s: float


WHOLE: Final = Effort(5, 500_000, 2000, 5000, 5000, 5000, 2000, 3.0, 3.0, 30.0)
QUICK: Final = Effort(3, 50_000, 200, 1000, 1000, 1000, 200, 0.4, 0.4, 3.0)


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "--input",
        type=pathlib.Path,
        metavar="CAPTURE",
        help="capture to stretch (default: the real one under TICKLOOM_DATA, else a simulated one)",
    )
    parser.add_argument("--dialect", default="", help="dialect of the capture (default: told from the file)")
    parser.add_argument(
        "--messages", type=int, help=f"messages end to end (default {MESSAGES:,}; quick {MESSAGES_QUICK:,})"
    )
    parser.add_argument(
        "--folder", type=pathlib.Path, default=pathlib.Path("var/bench"), help="where tape, logs and stores lie"
    )
    parser.add_argument(
        "--cut-ms",
        type=int,
        default=10_000,
        help="most receive time of a batch, ms (default 10000: 512 rows and 128 KiB bound it; 10 imitates live)",
    )
    parser.add_argument("--seconds-max", type=float, default=600, help="give a run up after this long (default 600)")
    parser.add_argument("--quick", action="store_true", help="fewer messages and rounds: a look in about a minute")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.add_argument(
        "--only", action="append", choices=PARTS, default=[], metavar="PART", help=f"just this part: {', '.join(PARTS)}"
    )


def run(args: argparse.Namespace) -> int:
    """Measure, report, keep the figures in the folder; 1 when a run did not come to its end."""
    if args.input and not args.input.is_file():
        message = f"there is no capture at {args.input}"
        raise CliError(message)
    args.folder.mkdir(parents=True, exist_ok=True)
    began, load = time.monotonic(), os.getloadavg()
    tape = prepare(args)
    from functions.local.awake import preferred  # noqa: PLC0415 - `tickloom --help` need not pay for it
    from functions.local.benchmarks import PartFailedError  # noqa: PLC0415 - as above
    from functions.local.summary import machine_facts  # noqa: PLC0415 - as above

    cores = sorted(os.sched_getaffinity(0))
    told: dict[str, Any] = {
        "measured_on": time.strftime("%Y-%m-%d"),
        "quick": args.quick,
        "machine": machine_facts(),
        "interpreter": sys.base_prefix,
        "load_before": load[0],
        "input": tape,
        "cores": {"platform": cores[0], "services_and_stores": cores[-1]},
        "failed": [],
    }
    kept = args.folder / "bench.json"
    measuring = _measures(args, tape, (cores[0], cores[-1]))
    with preferred() as told["preferred"]:
        pass  # whether it may be had
    for part in args.only or PARTS:
        try:
            told[part] = measuring[part]()
        except PartFailedError as error:  # what the other parts measure stays true
            told["failed"].append(str(error))
        told["seconds"] = time.monotonic() - began
        kept.write_text(json.dumps(told, indent=1) + "\n")
    sys.stdout.write(json.dumps(told, indent=1) + "\n" if args.json else report(told) + f"\n\nFigures: {kept}\n")
    sys.stderr.writelines(f"tickloom bench: {one}\n" for one in told["failed"])
    return 1 if told["failed"] or any(fault_of(one, tape) for one in told.get("runs", ())) else 0


# --- the tape ---------------------------------------------------------------------------------------------------------


def prepare(args: argparse.Namespace) -> dict[str, Any]:
    """Stretch the input to the asked size, unless the folder has that tape already."""
    from functions.local.benchmarks import recorded_s, simulate  # noqa: PLC0415 - see above

    source, what, dialect = source_of(args)
    if what == "simulated" and not source.exists():
        with bar("simulating", total=0):
            simulate(source, seconds=SIMULATED_S)
    count = args.messages or (MESSAGES_QUICK if args.quick else MESSAGES)
    out, note = args.folder / f"tape-{count}.txt", args.folder / f"tape-{count}.json"
    asked = {"source": str(source.resolve()), "source_bytes": source.stat().st_size, "messages": count}
    known = json.loads(note.read_text()) if note.exists() and out.exists() else {}
    reused = known == {**asked, "bytes": out.stat().st_size if out.exists() else 0}
    if not reused:
        known = {**asked, "bytes": stretch(source, out, messages=count, dialect=dialect)["bytes"]}
        note.write_text(json.dumps(known) + "\n")
    span_s = recorded_s(out)
    return {**known, "capture": what, "tape": str(out), "reused": reused, "dialect": dialect, "span_s": span_s}


def source_of(args: argparse.Namespace) -> tuple[pathlib.Path, str, str]:
    """Choose the input: what was given, the real capture, or simulated history; say which, and its dialect."""
    if args.input:
        return args.input, "given", args.dialect
    real = pathlib.Path(os.environ.get("TICKLOOM_DATA") or os.devnull) / CAPTURE
    if real.is_file():
        return real, "real", args.dialect
    return args.folder / "simulated.txt", "simulated", "binance.spot"


# --- measuring --------------------------------------------------------------------------------------------------------


def _measures(args: argparse.Namespace, tape: Mapping[str, Any], cpus: Sequence[int]) -> dict[str, Callable[[], Any]]:
    """Say how each part is measured."""
    effort = QUICK if args.quick else WHOLE
    source = {"tape": tape["tape"], "dialect": tape["dialect"]}
    stages = {
        **source,
        "messages": min(effort.stage_messages, tape["messages"]),
        "cut_ms": args.cut_ms,
        "rounds": effort.rounds,
        "calls": effort.calls,
        "cpu": cpus[0],
    }
    windows = {
        "rounds": effort.rounds,
        "ticks": effort.batches * BATCH_TICKS,
        "closes": effort.closes,
        "history": effort.history,
        "cpu": cpus[0],
    }
    calls = {
        **source,
        "folder": str(args.folder / "calls"),
        "environ": own_environment(),
        "rounds": effort.rounds,
        "calls": effort.closed_calls,
        "open_s": effort.open_s,
        "http_s": effort.http_s,
        "cpus": cpus,
    }
    return {
        "stages": lambda: _part(args, "stages", stages),
        "windows": lambda: _part(args, "windows", windows),
        "venues": lambda: _part(args, "venues", {"rounds": effort.rounds, "cpu": cpus[0]}),
        "runs": lambda: list(_runs(args, tape, effort, cpus)),
        "calls": lambda: _part(args, "calls", calls),
    }


def _runs(
    args: argparse.Namespace, tape: Mapping[str, Any], effort: Effort, cpus: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Run the tape through the platform: with each log as fast as it goes, then paced, for latency without a queue."""
    asked = {
        "tape": tape["tape"],
        "dialect": tape["dialect"],
        "folder": str(args.folder / "run"),
        "environ": own_environment(),
        "cut_ms": args.cut_ms,
        "speed": 0.0,
        "feed_s": 0.0,
        "seconds_max": args.seconds_max,
        "cpus": cpus,
    }
    disk = _part(args, "end_to_end", {**asked, "log": "disk"}, label="end to end, disk log")
    yield {"name": "disk log", **disk}
    yield {
        "name": "memory log",
        **_part(args, "end_to_end", {**asked, "log": "memory"}, label="end to end, memory log"),
    }
    speed = max(disk["messages_per_second"] * PACED_SHARE * tape["span_s"] / tape["messages"], 1e-6)
    paced = {
        "log": "disk",
        "speed": speed,
        "feed_s": min(effort.paced_s, args.seconds_max),
        "cut_ms": max(round(PACED_CUT_MS * speed), 1),
    }
    yield {"name": "disk log, paced", **_part(args, "end_to_end", {**asked, **paced}, label="end to end, paced")}
    live = paced | {
        "speed": LIVE_SPEED,
        "cut_ms": PACED_CUT_MS * LIVE_SPEED,
        "environ": asked["environ"] | {"TICKLOOM_SIGNALS_EMIT_HOLD": "true"},
        "explained": True,
    }
    yield {"name": "disk log, live", **_part(args, "end_to_end", {**asked, **live}, label="end to end, live")}
    yield from _kafka_runs(args, tape, effort, asked)


def _kafka_runs(
    args: argparse.Namespace, tape: Mapping[str, Any], effort: Effort, asked: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Run the tape over Kafka, everything on all cores, as fast as it goes and paced; nothing where none can be had."""
    from functions.local.kafka import choose  # noqa: PLC0415 - see above

    if not choose().kind:
        return
    over = {**asked, "log": "kafka", "cpus": []}
    fast = _part(args, "end_to_end", over, label="end to end, Kafka")
    yield {"name": "Kafka", **fast}
    features = {**over, "wired": TO_FEATURES}
    yield {"name": "Kafka, to features", **_part(args, "end_to_end", features, label="end to end, Kafka to features")}
    speed = max(fast["messages_per_second"] * PACED_SHARE * tape["span_s"] / tape["messages"], 1e-6)
    paced = {
        "speed": speed,
        "feed_s": min(effort.paced_s, args.seconds_max),
        "cut_ms": max(round(PACED_CUT_MS * speed), 1),
    }
    yield {"name": "Kafka, paced", **_part(args, "end_to_end", {**over, **paced}, label="end to end, Kafka paced")}


def _part(args: argparse.Namespace, part: str, request: Mapping[str, Any], *, label: str = "") -> dict[str, Any]:
    from functions.local.awake import awake, preferred  # noqa: PLC0415 - as above
    from functions.local.benchmarks import run_part  # noqa: PLC0415 - see above

    waits = part == "calls" or request.get("speed")  # most of the time, and what is timed is how soon it goes on
    driven = part == "end_to_end" and not waits
    sleepless = sorted(os.sched_getaffinity(0)) if waits else []
    log = args.folder / "log" / f"{(label or part).replace(',', '').replace(' ', '-')}.log"
    began = time.monotonic()
    priority = contextlib.nullcontext() if driven else preferred()
    with bar(label or part, total=1000) as step, priority, awake(sleepless):

        def tell(done: int, of: int, words: str) -> None:
            step(1000 * done // max(of, 1), words)

        found: dict[str, Any] = run_part(part, request, log=log, seconds_max=args.seconds_max, tell=tell)
    return found | {"part_seconds": time.monotonic() - began}


def fault_of(run: Mapping[str, Any], tape: Mapping[str, Any]) -> str:
    """Say what a run's figures lack; empty when nothing."""
    if not run["finished"]:
        return f"given up after {run['seconds']:.0f} s: raise --seconds-max or lower --messages"
    if not run["speed"] and run["messages"] != tape["messages"]:
        return f"{tape['messages'] - run['messages']:,} messages are not accounted for"
    return ""


# --- the report -------------------------------------------------------------------------------------------------------


def report(told: Mapping[str, Any]) -> str:
    """Put the figures into words and tables (Markdown), each beside the bar it is held against."""
    words = {"runs": _end_to_end, "stages": _stages, "windows": _windows, "venues": _venues, "calls": _calls}
    parts = [_head(told), *(say(told) for part, say in words.items() if part in told)]
    return "\n\n".join("\n".join(part) for part in parts)


def _head(told: Mapping[str, Any]) -> Iterator[str]:
    machine, tape, cores = told["machine"], told["input"], told["cores"]
    libraries = ", ".join(f"{name} {machine[name]}" for name in ("numpy", "numba", "onnxruntime", "grpcio"))
    yield f"Measured {told['measured_on']}{' (quick look)' if told['quick'] else ''} in {told['seconds']:.0f} s:"
    yield ""
    yield f"- machine: {machine['processor']}, {machine['cpus']} cores, {libraries},"
    yield f"  Python {machine['python']} of {told['interpreter']};"
    yield f"  load average {told['load_before']:.2f} when it began (well below 1 means that nobody else was measured)"
    yield f"- input: {tape['capture']} capture {pathlib.Path(tape['source']).name}, stretched to {tape['messages']:,}"
    made = "there already" if tape["reused"] else "made now"
    yield f"  messages ({tape['bytes'] / 2**20:,.0f} MiB) in {tape['tape']}, {made}"
    yield f"- cores: platform on {cores['platform']}; services and stores on {cores['services_and_stores']}"
    yield f"- priority: {PRIORITY[told['preferred']]}"


def _end_to_end(told: Mapping[str, Any]) -> Iterator[str]:
    runs, platform = told["runs"], str(told["cores"]["platform"])
    cut, paced = runs[0]["cut_ms"], runs[2]
    yield END_TO_END.format(cut=cut, paced_cut=PACED_CUT_MS, live=LIVE_SPEED, lateness=paced["lateness_ms"])
    yield ""
    yield from _table(("", *(one["name"] for one in runs), "must hold", "goal"), _run_rows(runs, platform, told))
    for one in runs:
        if fault := fault_of(one, told["input"]):
            yield f"{one['name']}: {fault}"


def _run_rows(runs: Sequence[Mapping[str, Any]], platform: str, told: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    services = str(told["cores"]["services_and_stores"])
    yield ("messages", *(f"{one['messages']:,}" for one in runs), "", "")
    yield ("accepted + rejected", *(f"{one['accepted']:,} + {one['rejected']:,}" for one in runs), "", "")
    yield ("seconds", *(f"{one['seconds']:,.1f}" for one in runs), "", "")
    yield (
        "raw messages/s",
        *(f"{one['messages_per_second']:,.0f}" for one in runs),
        ">= 150,000, later 300,000; Kafka to features 100,000",
        "1,000,000",
    )
    yield ("platform CPU, us/message", *(f"{one['cpu_us_per_message']:.2f}" for one in runs), "", "")
    busy = [f"{one['cores'][platform]['busy']:.0%} ({one['cpu_s'] / one['seconds']:.0%})" for one in runs]
    yield ("platform's core busy (with it)", *busy, "", "")
    yield ("services' core busy", *(f"{one['cores'][services]['busy']:.0%}" for one in runs), "", "")
    yield ("platform peak RSS, MiB", *(f"{one['rss_mib']:,.0f}" for one in runs), "", "")
    orders = [f"{one['orders']['accepted']:,} / {one['orders']['rejected']:,}" for one in runs]
    yield ("orders accepted / rejected", *orders, "", "")
    for stage in LATENCY_STAGES:
        bars = ("p99 < 200 (Kafka)", "") if stage == "signals" else ("", "")
        found = [one["latency"]["after_raw_batch"].get(stage) for one in runs]
        yield (f"raw batch to {stage}, ms", *map(_quantiles, found), *bars)
    for stage in LATENCY_STAGES[LATENCY_STAGES.index("features") + 1 :]:
        found = [one["latency"]["after_features"].get(stage) for one in runs]
        yield (f"features to {stage}, ms", *map(_quantiles, found), "p99 < 20 (live)" if stage == "signals" else "", "")
    explained = [_quantiles(one.get("explanations")) for one in runs]
    yield ("explanation of a signal, ms", *explained, "<= 50", "")
    for stage in LATENCY_STAGES:
        found = [one["latency"]["after_cause"].get(stage) for one in runs]
        yield (f"{stage} after its cause, ms", *map(_quantiles, found), "", "")


def _quantiles(found: Mapping[str, Any] | None) -> str:
    return f"{found['p50_ms']:,.2f} / {found['p99_ms']:,.2f}" if found and found["count"] else "-"


def _stages(told: Mapping[str, Any]) -> Iterator[str]:
    stages = told["stages"]
    yield STAGES.format(**stages)
    yield ""
    yield from _table(("stage", "measured", "must hold", "goal"), map(_figure_row, stages["figures"]))


def _windows(told: Mapping[str, Any]) -> Iterator[str]:
    windows = told["windows"]
    yield WINDOWS.format(**windows)
    yield ""
    yield from _table(("fold", "measured", "must hold", "goal"), map(_figure_row, windows["figures"]))
    if windows["missing"]:
        yield ""
    for words in windows["missing"]:
        yield f"- missing beside ours: {words}"


def _venues(told: Mapping[str, Any]) -> Iterator[str]:
    venues = told["venues"]
    yield VENUES.format(**venues)
    yield ""
    others = ("msgspec alone", "orjson alone", "orjson and a record", "cryptofeed")
    head = ("message", "bytes", "ours", *others, "must hold")
    yield from _table(head, map(_venue_row, venues["venues"]))


def _venue_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    name = f"{one['name']}, a level of {one['levels']}" if one["levels"] else one["name"]
    figures = [one[key] for key in ("ours", "msgspec", "orjson", "record", "cryptofeed")]
    told = ["-" if figure is None else f"{figure:.2f}" for figure in figures]
    return name, str(one["bytes"]), *told, f"<= {one['must']}" if one["must"] else ""


def _calls(told: Mapping[str, Any]) -> Iterator[str]:
    calls = told["calls"]
    trips = calls["round_trips"]
    yield CALLS.format(rounds=calls["rounds"], size=trips[0]["bytes"], at_once=calls["at_once"])
    yield ""
    head = (
        "call: p50 / p99 / p99.9, ms",
        "one at a time",
        "calls/s",
        "open loop",
        "sent late p99, ms",
        "at saturation",
        "questions/s",
    )
    yield from _table(head, map(_trip_row, trips))
    yield ""
    yield from _against(trips)
    yield STREAM_BAR
    yield ""
    yield from _table(
        ("one function over HTTP, 32 connections", "measured", "must hold", "goal"), map(_figure_row, calls["figures"])
    )
    yield ""
    yield from _table(("scoring", "measured", "must hold", "goal"), map(_figure_row, calls["inferences"]))


def _against(trips: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Hold each call against the bare echo that goes its way, and against TCP, the first row."""
    tcp, named = trips[0], {one["name"]: one for one in trips}
    for ours, echo in [(one, named[name]) for one in trips for name in one["beside"]]:
        for what, key in (("one at a time", "closed_p50_ms"), ("open loop", "open_p50_ms")):
            against = f"{ours[key] / echo[key]:.2f} x {echo['name']}"
            if ours["questions"] == tcp["questions"]:
                against += f", {ours[key] / tcp[key]:.2f} x {tcp['name']}"
            yield f"- {ours['name']}, p50 {what}: {against}"


def _figure_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    sign = ">= " if "/s" in one["unit"] else "<= "
    must = f"{sign}{one['must']}" if one["must"] else ""
    note = f" ({one['note']})" if one["note"] else ""
    return one["name"], f"{_number(one['value'])} {one['unit']}{note}", must, one["goal"]


def _trip_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    loops = [
        " / ".join(f"{one[f'{loop}_{share}_ms']:.3f}" for share in ("p50", "p99", "p999"))
        for loop in ("closed", "open", "full")
    ]
    if one["open_refused"]:
        loops[1] += f" ({one['open_refused']:,.0f} refused)"
    answered = f"{one['full_per_second'] * one['questions']:,.0f}"
    late = f"{one['sent_late_p99_ms']:.3f}"
    return one["name"], loops[0], f"{one['closed_per_second']:,.0f}", loops[1], late, loops[2], answered


def _number(value: float) -> str:
    """Write three figures that count.

    >>> _number(12345.6), _number(12.34), _number(0.01234)
    ('12,346', '12.3', '0.0123')
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - from here on all digits are before the point


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    """Lay a Markdown table out so that it reads as text, too."""
    lines = [tuple(head), *map(tuple, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, tuple("-" * width for width in widths))
    for line in lines:
        yield "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |"
