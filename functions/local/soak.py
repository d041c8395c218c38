"""Run the platform over Kafka for long at half of what it can, and look at what must stay: memory, lag, counts.

    python -m functions.local.soak CAPTURE [--minutes 30] [--rate ROWS_A_SECOND] [--folder var/soak]

Without --rate the capture is first run as fast as it goes, and half of that rate is taken. The capture is stretched to
last the whole time. Resident memory of every process is looked at every few seconds; the table shows it at a fifth of
the time, when caches are warm, at the end, and at its greatest. Every row that went in must have come out.
"""

import argparse
import asyncio
import pathlib
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from functions.adapters.tapes import open_tape, tape_length, time_before
from functions.domain.market import NS_PER_S
from functions.local import loop
from functions.local.foundation import Options
from functions.local.kafka_platform import KafkaPlatform, running
from functions.local.summary import summarise
from functions.wire.stretch import TAPE_BYTES_MAX, Stretch
from functions.wire.tape import read_line

LOOK_S: Final = 5.0
PROBE_ROWS: Final = 300_000
PROBE_CUT_MS: Final = "10000"
SHARE: Final = 0.5
WARM_SHARE: Final = 0.2
GROWTH_MAX: Final = 1.1
"""Memory at the end over memory when warm; more is told as growth."""

ENDS_S: Final = 120.0


@dataclass(slots=True)
class Memory:
    """Resident MiB of each process as it was looked at, with the moment."""

    seen: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def look(self, platform: KafkaPlatform, at_s: float) -> None:
        """Look at every child and at this process."""
        pids = {name: str(platform.children[name].pid) for name in platform.children.names()}
        for name, pid in {"platform": "self", **pids}.items():
            if (size := _rss_mib(pid)) is not None:
                self.seen.setdefault(name, []).append((at_s, size))

    def rows(self, seconds: float) -> Iterator[tuple[str, float, float, float]]:
        """Give name, MiB when warm, at the end, and at most, of each process."""
        for name, found in sorted(self.seen.items()):
            warm = next((size for at, size in found if at >= seconds * WARM_SHARE), found[-1][1])
            yield name, warm, found[-1][1], max(size for _, size in found)


def _rss_mib(pid: str) -> float | None:
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = status.partition("VmRSS:")[2].split()
    return int(found[0]) / 1024 if found else None


def lengthen(capture: pathlib.Path, out: pathlib.Path, rows: int) -> None:
    """Repeat a capture, times and ids shifted, to so many rows."""
    with open_tape(capture) as file:
        tape = Stretch(file.read(TAPE_BYTES_MAX + 1))
    with out.open("wb") as target:
        target.writelines(tape.messages(rows))


def span_s(tape: pathlib.Path) -> float:
    """Tell how much receive time a plain tape spans, seconds."""
    with tape.open("rb") as file:
        first = read_line(file.readline()).ts_receive
    return max(time_before(tape, tape_length(tape)) - first, 1) / NS_PER_S


async def run(tape: pathlib.Path, folder: pathlib.Path, *, speed: float, memory: Memory) -> Mapping[str, object]:
    """Run a tape to its end over Kafka; give the summary with the lag at the end."""
    shutil.rmtree(folder, ignore_errors=True)
    feed = {
        "TICKLOOM_PATHS": str(tape),
        "TICKLOOM_SPOOL": str(folder / "spool"),
        "TICKLOOM_SPEED": str(speed),
        "TICKLOOM_CUT_MS": PROBE_CUT_MS if not speed else str(max(round(10 * speed), 1)),
    }
    async with running(Options(folder=folder, log="kafka")) as platform:
        began = time.monotonic()
        feeding = asyncio.create_task(platform.run_feed("replay", feed))
        while not feeding.done():
            await asyncio.wait([feeding], timeout=LOOK_S)
            memory.look(platform, time.monotonic() - began)
        feeding.result()
        async with asyncio.timeout(ENDS_S):
            await platform.drained()
        seconds = time.monotonic() - began
        return {**summarise(platform, seconds=seconds), "lag": platform.lag}


def report(told: Mapping[str, object], memory: Memory, rows: int) -> tuple[str, bool]:
    """Put a run into words; also say whether it was well."""
    seconds = float(str(told["seconds"]))
    lines = [
        f"rows         {rows:,} fed, {told['rows_in']:,} came out; {told['rows_per_second']:,}/s over {seconds:,.0f} s",
        f"lag          {told['lag']} events at the end",
        "",
        "| process | MiB when warm | at the end | at most | |",
        "|---|---|---|---|---|",
    ]
    well = told["rows_in"] == rows and not told["lag"]
    for name, warm, last, most in memory.rows(seconds):
        grew = last > warm * GROWTH_MAX
        lines.append(f"| {name} | {warm:,.0f} | {last:,.0f} | {most:,.0f} | {'grew' if grew else ''} |")
    return "\n".join(lines), well


async def soak(capture: pathlib.Path, folder: pathlib.Path, *, minutes: float, rate: float) -> bool:
    """Measure, run for so long, and tell."""
    tape = folder / "tape.txt"
    if not rate:
        lengthen(capture, tape, PROBE_ROWS)
        probe = await run(tape, folder / "run", speed=0.0, memory=Memory())
        rate = float(str(probe["rows_per_second"])) * SHARE
        sys.stdout.write(f"at most      {probe['rows_per_second']:,} rows/s; half of it for {minutes:g} min\n")
    rows = round(rate * minutes * 60)
    lengthen(capture, tape, rows)
    memory = Memory()
    told = await run(tape, folder / "run", speed=span_s(tape) * rate / rows, memory=memory)
    text, well = report(told, memory, rows)
    sys.stdout.write(f"{text}\n")
    (folder / "soak.md").write_text(f"{text}\n")
    return well


def main() -> int:
    """Soak; 1 where rows or lag are not as they must be."""
    parser = argparse.ArgumentParser(description="Run the platform over Kafka for long, at half of what it can.")
    parser.add_argument("capture", type=pathlib.Path, help="capture to stretch, plain or gzip")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (default 30)")
    parser.add_argument("--rate", type=float, default=0.0, help="rows a second (default: half of what is measured)")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/soak"), help="where all lies")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    return 0 if loop.run(soak(args.capture, args.folder, minutes=args.minutes, rate=args.rate)) else 1


if __name__ == "__main__":
    sys.exit(main())
