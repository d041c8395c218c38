"""Measure the platform on this machine, each part in a process of its own, so that none inherits another's memory.

    python -m functions.local.benchmarks PART    the request as JSON on stdin; progress and result as JSON lines

The end to end part feeds a tape into a whole platform: the platform's process is pinned to one core, its services and
stores to the other. The clock runs from before the first line is read until the end of the tape has left the last
stage, the last sink has acknowledged, the outbox is empty and the logs are committed.
"""

import asyncio
import importlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final

import numpy as np

from functions.adapters.kernels import compile_all
from functions.adapters.tapes import tape_length, time_before
from functions.domain.market import NS_PER_S
from functions.domain.simulation import LISTINGS, Market
from functions.local import explanation_figures, leash, loop
from functions.local.figures import Tell, pin
from functions.local.foundation import Options
from functions.local.platforms import AnyPlatform, running
from functions.local.summary import summarise
from functions.local.topology import DEFAULT_FOLDER
from functions.local.venues.binance import SPOT, Binance
from functions.runtime import settings
from functions.tables.bars import main as bars
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.tape import read_line

PARTS: Final = {
    "end_to_end": "functions.local.benchmarks",
    "stages": "functions.local.stages",
    "windows": "functions.local.window_figures",
    "venues": "functions.local.venue_figures",
    "calls": "functions.local.calls",
}
"""Module of each part; its `measure(request, tell)` gives the result."""

GRACE_S: Final = 180.0
"""What a part may take beside what it measures: starting and stopping stores, reading its logs again."""

PROGRESS_S: Final = 0.5
SIMULATED_SEED: Final = 7
SIMULATED_RATE: Final = 60.0
SIMULATED_START_NS: Final = 1_700_000_000 * NS_PER_S
_LOG_TAIL_CHARACTERS: Final = 2000


class PartFailedError(RuntimeError):
    """A part ended without a result; the message holds the end of what it said."""


# --- parts in processes of their own ----------------------------------------------------------------------------------


def run_part(part: str, request: Mapping[str, Any], *, log: pathlib.Path, seconds_max: float, tell: Tell) -> Any:  # noqa: ANN401 - a part's own JSON
    """Run a part to its end in a process of its own, which ends with this one.

    Args:
        part: One of `PARTS`.
        request: What it is asked, for JSON.
        log: File for what it says.
        seconds_max: Time it may measure; `GRACE_S` later it is ended.
        tell: Told how far it has come.

    Raises:
        PartFailedError: It gave no result.
    """
    leashed = (sys.executable, "-I", "-S", str(leash.__file__), str(int(signal.SIGTERM)), str(os.getpid()))
    command = (*leashed, sys.executable, "-m", "functions.local.benchmarks", part)
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w", encoding="utf-8") as said,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True) as process,  # noqa: S603 - no shell, the command is ours
    ):
        watch = threading.Timer(seconds_max + GRACE_S, process.terminate)
        watch.start()
        try:
            result = _talk(process, request, tell)
        finally:
            watch.cancel()
    if result is None:
        tail = log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL_CHARACTERS:].strip()
        message = f"the {part} part of the benchmark ended with status {process.returncode}; see {log}:\n{tail}"
        raise PartFailedError(message)
    return result


def _talk(process: "subprocess.Popen[str]", request: Mapping[str, Any], tell: Tell) -> Any:  # noqa: ANN401 - see above
    assert process.stdin and process.stdout  # noqa: S101, PT018 - both are pipes
    process.stdin.write(json.dumps(request))
    process.stdin.close()
    result = None
    for line in process.stdout:
        message = json.loads(line)
        if "result" in message:
            result = message["result"]
        else:
            tell(message["done"], message["of"], message["words"])
    return result


def main(part: str) -> None:
    """Be a part: read the request, measure, write the result."""
    request = json.load(sys.stdin)
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as talk:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else is printed belongs to the log

        def tell(done: int, of: int, words: str) -> None:
            _write(talk, {"done": done, "of": of, "words": words})

        module = importlib.import_module(PARTS[part]) if part != "end_to_end" else sys.modules[__name__]
        measured: Callable[[dict[str, Any], Tell], dict[str, Any]] = module.measure
        _write(talk, {"result": measured(request, tell)})


def _write(talk: IO[str], message: Mapping[str, Any]) -> None:
    talk.write(json.dumps(message) + "\n")
    talk.flush()


# --- the input --------------------------------------------------------------------------------------------------------


def simulate(path: pathlib.Path, *, seconds: float) -> None:
    """Write simulated history as a capture; the same length gives the same bytes."""
    market = Market(
        LISTINGS[:4], np.random.default_rng(SIMULATED_SEED), start_ns=SIMULATED_START_NS, rate=SIMULATED_RATE
    )
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="ascii") as file:
        file.writelines(Binance(SPOT).history(market, SIMULATED_START_NS + int(seconds * NS_PER_S)))
    partial.replace(path)


def recorded_s(path: pathlib.Path) -> float:
    """Tell how much receive time a capture spans, seconds; at least a nanosecond."""
    with path.open("rb") as file:
        first = read_line(file.readline()).ts_receive
    return max(time_before(path, tape_length(path)) - first, 1) / NS_PER_S


# --- end to end -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """Say how a tape is run through the platform.

    Args:
        tape: Capture, plain.
        dialect: Its dialect; empty to tell it from its head.
        folder: Where logs and stores lie; removed before and after.
        log: `disk`, `memory` or `kafka`.
        environ: Settings of functions and stores.
        cut_ms: Receive time a batch may span, milliseconds.
        speed: How many times faster than received; 0 is as fast as the platform takes it.
        feed_s: Seconds after which the feed is cut off; 0 feeds the whole tape.
        seconds_max: Seconds after which the run is given up.
        cpus: Core of the platform, core of services and stores; empty = do not pin.
        explained: Whether signals are explained when the run has ended.
        wired: Functions and tables that are wired, with every broker, sink and source; empty = all there are.
    """

    tape: str
    dialect: str
    folder: str
    log: str
    environ: Mapping[str, str] = field(repr=False)
    cut_ms: int
    speed: float
    feed_s: float
    seconds_max: float
    cpus: Sequence[int]
    explained: bool = False
    wired: Sequence[str] = ()


def measure(request: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Run the end to end part; give its figures for JSON."""
    return loop.run(_end_to_end(Request(**request), tell))


async def _end_to_end(request: Request, tell: Tell) -> dict[str, Any]:
    folder = pathlib.Path(request.folder)
    shutil.rmtree(folder, ignore_errors=True)
    compile_all(sys.stderr)  # kernels load with their first batch, and that is not what is measured
    size = tape_length(pathlib.Path(request.tape))
    options = Options(
        folder=folder,
        log=request.log,
        environ=request.environ,
        cpus=tuple(request.cpus),
        bulk=not request.speed,
        wiring=_slice(folder / "wiring", request.wired) if request.wired else DEFAULT_FOLDER,
    )
    async with running(options) as platform:
        if request.cpus:
            pin(request.cpus[0])
        teller = asyncio.create_task(_tell(platform, tell, size=size))
        meter = _Meter()
        try:
            finished = await _drive(platform, request)
            platform.commit()
        finally:
            teller.cancel()
        used = meter.read()
        summary = summarise(platform, seconds=used["seconds"])
    told = {"explanations": await explanation_figures.measured(folder, request.environ)} if request.explained else {}
    shutil.rmtree(folder, ignore_errors=True)
    return _result(request, summary, used) | {"finished": finished} | told


def _slice(folder: pathlib.Path, names: Sequence[str]) -> pathlib.Path:
    """Copy of the wiring what every platform needs, and those who are named; give the folder."""
    for file in DEFAULT_FOLDER.rglob("*.yaml"):
        if file.parent.name in {"brokers", "sinks", "sources"} or file.stem in names:
            copy = folder / file.relative_to(DEFAULT_FOLDER)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    return folder


async def _drive(platform: AnyPlatform, request: Request) -> bool:
    """Feed the tape and wait for all that comes of it; False when time ran out before."""
    feed = {
        "TICKLOOM_PATHS": request.tape,
        "TICKLOOM_DIALECT": request.dialect,
        "TICKLOOM_SPOOL": str(pathlib.Path(request.folder) / "spool"),
        "TICKLOOM_CUT_MS": str(request.cut_ms),
        "TICKLOOM_SPEED": str(request.speed),
    }
    try:
        async with asyncio.timeout(request.seconds_max):
            try:
                async with asyncio.timeout(request.feed_s or None):
                    await platform.run_feed("replay", feed)
            except TimeoutError:
                if not request.feed_s:
                    raise
            await platform.drained()
    except TimeoutError:
        return False
    return True


def _result(request: Request, summary: Mapping[str, Any], used: Mapping[str, Any]) -> dict[str, Any]:
    rows = summary["rows_in"]
    bar_settings = settings.load(bars.Settings, settings.share(bars.Settings, request.environ))
    return {
        "log": request.log,
        "speed": request.speed,
        "cut_ms": request.cut_ms,
        "messages": rows,
        "messages_per_second": rows / used["seconds"],
        "cpu_us_per_message": used["cpu_s"] / max(rows, 1) * 1e6,
        **used,
        "lateness_ms": bar_settings.bars_lateness_ms,
        "accepted": summary["rows_accepted"],
        "rejected": summary["rows_rejected"],
        "kinds": summary["rows_by_kind"],
        "events": summary["events"],
        "orders": summary["orders"],
        "latency": summary["latency"],
    }


async def _tell(platform: AnyPlatform, tell: Tell, *, size: int) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(PROGRESS_S)
        if platform.newest_raw is not None:
            batch = decode_raw_batch(platform.newest_raw.data or b"")
            rows, seconds = batch.first_row + batch.row_count, time.monotonic() - began
            tell(batch.tape_offset, size, f"{rows:,} messages, {rows / seconds:,.0f}/s, {platform.lag} events behind")


class _Meter:
    """Read what the machine spends between two moments."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._cpu_s = time.process_time()
        self._cores = _cores()

    def read(self) -> dict[str, Any]:
        """Give seconds, this process's own, each core's shares, and the most memory this process ever had."""
        seconds = time.perf_counter() - self._began
        cpu_s = time.process_time() - self._cpu_s
        shares = {}
        for name, (busy, stolen) in _cores().items():
            was_busy, was_stolen = self._cores[name]
            shares[name] = {"busy": (busy - was_busy) / seconds, "stolen": (stolen - was_stolen) / seconds}
        return {"seconds": seconds, "cpu_s": cpu_s, "rss_mib": _peak_mib(), "cores": shares}


def _cores() -> dict[str, tuple[float, float]]:
    """Read for each core how long it was busy, and how long the machine below it took it away, seconds.

    Work that is nice is not counted: it keeps the core awake. Source: proc(5), /proc/stat: user nice system idle iowait
    irq softirq steal.
    """
    ticks = os.sysconf("SC_CLK_TCK")
    found = {}
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        name, *numbers = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, _, system, _, _, irq, softirq, steal = map(int, numbers[:8])
            found[name.removeprefix("cpu")] = ((user + system + irq + softirq) / ticks, steal / ticks)
    return found


def _peak_mib() -> float:
    """Read the greatest resident size of this process; unlike getrusage's it knows nothing of who started us."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main(sys.argv[1])
