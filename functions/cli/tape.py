"""Look into captures, and stretch one for long runs."""

import argparse
import contextlib
import gzip
import itertools
import json
import pathlib
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, cast

from functions.adapters.tapes import Reel, Spool, reading, sniff_tape
from functions.cli.counting import at_least
from functions.cli.errors import CliError
from functions.cli.progress import bar
from functions.domain.market import NS_PER_S, RawBatch
from functions.wire.stretch import TAPE_BYTES_MAX, Stretch
from functions.wire.tape import TapeOptions, kind_of

GZIP_LEVEL: Final = 6
_MORE_THAN_ANY_LINE: Final = 2**40


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    info = what.add_parser("info", help="say what a capture holds")
    info.add_argument("file", type=pathlib.Path, metavar="FILE", help="capture, plain or gzip")
    info.add_argument("--dialect", default="", help="dialect of the rows (default: told from the file)")
    info.add_argument("--json", action="store_true", help="print JSON, for programs")
    stretch = what.add_parser(
        "stretch", help="repeat a capture of Binance: times and ids shifted so that each repetition continues the last"
    )
    stretch.add_argument("file", type=pathlib.Path, metavar="IN", help="capture, plain or gzip")
    size = stretch.add_mutually_exclusive_group(required=True)
    size.add_argument("--messages", type=at_least(1), help="how many messages to write")
    size.add_argument("--times", type=at_least(1), help="how often to repeat it")
    stretch.add_argument(
        "--out", type=pathlib.Path, required=True, help="file to write; compressed when it ends in .gz"
    )
    stretch.add_argument("--json", action="store_true", help="print JSON, for programs")


def run(args: argparse.Namespace) -> int:
    """Do what was asked for."""
    if not args.file.is_file():
        msg = f"there is no capture at {args.file}"
        raise CliError(msg)
    if args.what == "info":
        _say(info(args.file, dialect=args.dialect), as_json=args.json)
    else:
        told = stretch(args.file, args.out, messages=args.messages, times=args.times)
        words = f"{told['messages']:,} messages, {told['bytes']:,} bytes, in {args.out}\n"
        sys.stdout.write(json.dumps({**told, "file": str(args.out)}) + "\n" if args.json else words)
    return 0


def info(path: pathlib.Path, *, dialect: str = "") -> dict[str, Any]:
    """Count what a capture holds.

    Raises:
        Malformed: Its dialect is not given and cannot be told.
    """
    told = sniff_tape(path, dialect=dialect)
    options = TapeOptions("", "", told.dialect, line_bytes_max=_MORE_THAN_ANY_LINE)
    kinds: Counter[str] = Counter()
    first, last = 0, 0
    # Rows of any length are counted here, so nothing is ever spooled.
    for batch in Reel((path,), options, Spool(pathlib.Path())).batches():
        kinds.update(map(kind_of, _rows(batch)))
        if batch.row_count:
            first = min(first or sys.maxsize, int(batch.ts_receive.min()))
            last = max(last, int(batch.ts_receive.max()))
    return {
        "file": str(path),
        "dialect": told.dialect,
        "symbol": told.symbol,
        "bar_channel": told.bar_channel,
        "messages": kinds.total(),
        "kinds": dict(sorted(kinds.items())),
        "first_receive_ns": first,
        "last_receive_ns": last,
        "span_s": (last - first) / NS_PER_S,
    }


def stretch(
    path: pathlib.Path, out: pathlib.Path, *, messages: int | None = None, times: int | None = None, dialect: str = ""
) -> dict[str, int]:
    """Repeat a capture into a file; the same input and size give the same bytes.

    Args:
        path: The capture.
        out: File to write.
        messages: How many messages to write, or None.
        times: How often to repeat the capture when messages is None.
        dialect: Dialect of the rows; empty to tell it from the file.

    Raises:
        CliError: It is of another venue than Binance: repeated as it is, all its trades would be taken for doubles.
        Malformed: The capture has no message, is too large to be held, or is compressed and damaged.
    """
    told = sniff_tape(path, dialect=dialect).dialect
    if not told.startswith("binance."):
        msg = f"{path} is of {told}; only captures of Binance can be stretched, whose times and ids are known"
        raise CliError(msg)
    with reading(path) as file:
        tape = Stretch(file.read(TAPE_BYTES_MAX + 1))
    count = messages or tape.lines * (times or 1)
    written = size = 0
    with _writing(out) as file, bar("stretching", total=count) as step:
        for text in tape.messages(count):
            file.write(text)
            size += len(text)
            written = min(written + tape.lines, count)
            step(written, f"{written:,} messages")
    return {"messages": written, "bytes": size}


@contextlib.contextmanager
def _writing(out: pathlib.Path) -> Iterator[BinaryIO]:
    """Write a file under another name first, so that a half-written one is never taken for whole."""
    partial = out.with_name(f"{out.name}.partial")
    with partial.open("wb") as file:
        if out.suffix == ".gz":
            # No name and no time inside, so that equal content is equal bytes.
            with gzip.GzipFile("", "wb", GZIP_LEVEL, file, 0) as zipped:
                yield cast("BinaryIO", zipped)
        else:
            yield file
    partial.replace(out)


def _rows(batch: RawBatch) -> Iterator[bytes]:
    for begin, end in itertools.pairwise(batch.offsets.tolist()):
        yield batch.payload[begin:end]


def _say(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(told) + "\n")
        return
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in told["kinds"].items())
    sys.stdout.write(
        f"{told['file']}: {told['dialect']}, first symbol {told['symbol']}, {told['messages']:,} messages "
        f"over {told['span_s']:,.1f} s ({kinds})\n"
    )
