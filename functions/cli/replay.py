"""Replay captures through the whole platform; with --verify, do it twice and compare."""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from functions.adapters.csv_tapes import is_csv_tape, write_capture
from functions.adapters.tapes import sniff_tape
from functions.cli.environment import own_environment
from functions.cli.errors import CliError, UsageError
from functions.cli.folders import drop
from functions.cli.progress import bar
from functions.local import loop
from functions.local.foundation import Options
from functions.local.platforms import KAFKA
from functions.local.replays import Progress, Result, replay
from functions.wire.venues.registry import decoder_of

HEAD_BYTES: Final = 64 * 1024
DIGEST_CHARS: Final = 16


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "files",
        nargs="+",
        type=pathlib.Path,
        metavar="FILE",
        help="capture, plain or gzip; with --dialect also .csv, .zip or .json without receive times",
    )
    parser.add_argument("--out", type=pathlib.Path, help="folder for output rows and summary.json (default FOLDER/out)")
    parser.add_argument(
        "--folder", type=pathlib.Path, default=pathlib.Path("var/replay"), help="where logs and stores lie"
    )
    parser.add_argument("--fresh", action="store_true", help="remove what an earlier run left in the folder")
    parser.add_argument(
        "--log", choices=("disk", "memory"), default="disk", help="where event logs live (default disk)"
    )
    parser.add_argument(
        "--speed", type=float, default=0.0, help="times receive time; 0 (default) = as fast as possible"
    )
    parser.add_argument("--rows-max", type=int, default=512, help="most rows of a batch (default 512)")
    parser.add_argument("--cut-ms", type=int, default=1000, help="most receive time of a batch, ms (default 1000)")
    parser.add_argument("--dialect", default="", help="dialect of the rows (default: told from the file)")
    parser.add_argument("--symbol", default="", help="what a .csv, .zip or .json file's rows leave out, such as AAPL")
    parser.add_argument("--processes", action="store_true", help="run each handler as its own HTTP process")
    parser.add_argument("--kafka", action="store_true", help="run over Kafka: handlers as processes, tables on Faust")
    parser.add_argument(
        "--verify", action="store_true", help="replay twice into fresh folders and compare every output row"
    )
    parser.add_argument("--strict", action="store_true", help="with --verify: compare every event as well")


def run(args: argparse.Namespace) -> int:
    """Replay, print the summary."""
    for file in args.files:
        if not file.is_file():
            msg = f"there is no capture at {file}"
            raise CliError(msg)
    if not args.speed >= 0:
        msg = f"--speed is {args.speed:g}, expected times receive time, or 0 for as fast as possible"
        raise UsageError(msg)
    if args.strict and not args.verify:
        msg = "--strict compares two replays; add --verify"
        raise UsageError(msg)
    if args.kafka and args.verify and os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        msg = "--verify replays twice from nothing, each over a broker of its own; unset KAFKA_BOOTSTRAP_SERVERS"
        raise UsageError(msg)
    if args.fresh:
        drop(args.folder, needed=args.files)
    named, args.files = args.files, [capture_of(file, args) for file in args.files]
    if args.log == "disk" and not args.verify:
        check_tape(args.folder, named, (args.dialect, args.symbol))
    if args.verify:
        return _verify(args)
    out = args.out or args.folder / "out"
    result = _replay(args, args.folder, out)
    (out / "summary.json").write_text(json.dumps(result.summary, indent=1) + "\n")
    sys.stdout.write(json.dumps(result.summary, indent=1) + "\n" if args.json else report(result.summary, out))
    return 0


def check_tape(folder: pathlib.Path, files: Sequence[pathlib.Path], words: Sequence[str]) -> None:
    """Note what is replayed into a folder, and refuse another tape: it would be taken for the rest of the first.

    Args:
        folder: The platform's.
        files: What is replayed.
        words: How it is read.

    Raises:
        CliError: The folder holds another tape.
    """
    note = folder / "tape.json"
    tape: list[object] = [*words]
    for file in files:
        with file.open("rb") as opened:
            head = hashlib.sha256(opened.read(HEAD_BYTES)).hexdigest()
        tape.append([file.name, file.stat().st_size, head])
    if note.exists() and json.loads(note.read_text()) != tape:
        msg = f"{folder} holds the replay of another tape; add --fresh to drop it, or name another --folder"
        raise CliError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(tape))


def capture_of(file: pathlib.Path, args: argparse.Namespace) -> pathlib.Path:
    """Give a capture as it is; write other files down as one, once for each content and way to read it.

    Raises:
        UsageError: A path has a comma in it, or a file that is no capture comes without a dialect.
        Malformed: No decoder reads the dialect, or it is not given and cannot be told.
    """
    for path in (file, args.folder):
        if "," in str(path):  # the feed's setting is a list of paths
            msg = f"{path} has a comma in it, which separates captures; rename it, or link to it under another name"
            raise UsageError(msg)
    if args.dialect:
        decoder_of(args.dialect)
    if not is_csv_tape(file):
        sniff_tape(file, dialect=args.dialect)  # what cannot be read is refused before anything is started or noted
        return file
    if not args.dialect:
        msg = f"{file} does not tell its dialect; name it with --dialect"
        raise UsageError(msg)
    read_as = hashlib.sha256(f"{args.dialect} {args.symbol} {_digest(file)}".encode()).hexdigest()
    capture: pathlib.Path = args.folder / "tapes" / f"{file.name}-{read_as[:DIGEST_CHARS]}.txt"
    if not capture.exists():
        capture.parent.mkdir(parents=True, exist_ok=True)
        partial = capture.with_suffix(".partial")
        with partial.open("wb") as target:
            write_capture(file, target, dialect=args.dialect, symbol=args.symbol)
        partial.rename(capture)
    return capture


def _digest(file: pathlib.Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _replay(args: argparse.Namespace, folder: pathlib.Path, out: pathlib.Path, *, label: str = "replaying") -> Result:
    log = KAFKA if args.kafka else args.log
    options = Options(folder=folder, log=log, processes=args.processes, environ=own_environment(), bulk=not args.speed)
    feed = {
        "TICKLOOM_ROWS_MAX": str(args.rows_max),
        "TICKLOOM_CUT_MS": str(args.cut_ms),
        "TICKLOOM_SPEED": str(args.speed),
        "TICKLOOM_DIALECT": args.dialect,
    }
    total = sum(file.stat().st_size for file in args.files if file.suffix != ".gz")
    with bar(label, total=total) as step:
        return loop.run(replay(options, args.files, feed=feed, out=out, strict=args.strict, progress=told_by(step)))


def told_by(step: Callable[[int, str], None]) -> Callable[[Progress], None]:
    """Show how far a replay has come on a progress bar."""
    return lambda at: step(
        at.tape_offset, f"{at.rows:,} rows, {at.rows / at.seconds:,.0f} rows/s, {at.lag} events behind"
    )


def _verify(args: argparse.Namespace) -> int:
    results = []
    for number in (1, 2):
        folder = args.folder / f"run-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        results.append(_replay(args, folder, folder / "out", label=f"run {number} of 2"))
    first, second = results
    differing = [name for name in first.hashes if first.hashes[name] != second.hashes[name]]
    if args.strict and first.events != second.events:
        differing.append("events")
    told = {"identical": not differing, "differing": differing, "hashes": first.hashes, "event_hash": first.events}
    if args.json:
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
    else:
        sys.stdout.writelines(f"{name:<12} {value}\n" for name, value in first.hashes.items())
        sys.stdout.write(f"{'events':<12} {first.events}\n" if args.strict else "")
        sys.stdout.write(
            "identical\n" if not differing else f"DIFFERENT: {', '.join(differing)}; rows lie in {args.folder}\n"
        )
    return 1 if differing else 0


def report(summary: dict[str, Any], out: pathlib.Path) -> str:
    """Put a summary into words."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in summary["rows_by_kind"].items())
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in summary["rejections_by_reason"].items()) or "none"
    rows, accepted, rejected = summary["rows_in"], summary["rows_accepted"], summary["rows_rejected"]
    how = f"({summary['log']} log, handlers {summary['handlers']})"
    lines = [
        f"rows in      {rows:,} = {accepted:,} accepted + {rejected:,} rejected",
        f"by kind      {kinds}",
        f"rejections   {reasons}",
        f"orders       {summary['orders']['accepted']} accepted, {summary['orders']['rejected']} rejected",
        f"rate         {summary['rows_per_second']:,} rows/s over {summary['seconds']} s {how}",
        *(_latency(stage, one) for stage, one in summary["latency"]["after_raw_batch"].items()),
        f"output       {out}",
    ]
    return "\n".join(lines) + "\n"


def _latency(stage: str, one: dict[str, Any]) -> str:
    quantiles = f"{one['p50_ms']} ms p50, {one['p99_ms']} ms p99 after its raw batch"
    return f"latency      {stage:<10} {quantiles} ({one['count']:,} events)"
