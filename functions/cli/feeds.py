"""Show every feed's state and quality, from the market broker's log."""

import argparse
import json
import pathlib
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

from functions.cli.events import logs
from functions.domain.market import NS_PER_S, RawBatch
from functions.domain.quality import InstrumentQuality
from functions.local.log import find
from functions.wire.codecs.market import RAW_BATCH, decode_raw_batch
from functions.wire.codecs.quality import FEED_QUALITY, decode_quality
from functions.wire.envelope import Event

WINDOWS_MAX: Final = 512
"""Quality events looked at: the newest so many."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Say where a feed stands.

    Args:
        source: Event source; its last part is the stream.
        dialect: Dialect of its rows; empty before the first.
        batches: Batches it has sent in all, heartbeats included.
        rows: Rows it has sent in all.
        ts_cut_ns: Its clock when it sent the newest, UTC nanoseconds.
        state: `live`, `ended` after the end of its tape.
    """

    source: str
    dialect: str
    batches: int
    rows: int
    ts_cut_ns: int
    state: str


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")


def run(args: argparse.Namespace) -> int:
    """Show feeds, then the newest window of each instrument."""
    (path,) = logs(args.folder, "market")
    feeds = [_feed(path, source) for source in _sources(path)]
    told = find(path, where="type = ?", values=(FEED_QUALITY,), newest=WINDOWS_MAX)
    quality = newest(event for _, _, event in told)
    if args.json:
        whole = {"feeds": [asdict(one) for one in feeds], "quality": [asdict(one) for one in quality]}
        sys.stdout.write(json.dumps(whole) + "\n")
        return 0
    sys.stdout.writelines(f"{line}\n" for line in (*_feed_lines(feeds), "", *_quality_lines(quality)))
    return 0


def newest(events: Iterable[Event]) -> list[InstrumentQuality]:
    """Give the newest window of each instrument, by instrument."""
    found: dict[str, InstrumentQuality] = {}
    for event in events:
        for one in decode_quality(event.data or b"").instruments:
            had = found.get(one.instrument_id)
            if had is None or one.window_end_ns >= had.window_end_ns:
                found[one.instrument_id] = one
    return [found[name] for name in sorted(found)]


def _sources(path: pathlib.Path) -> list[str]:
    """Find the feeds: a source's first batch has sequence 0."""
    where = "type = ? AND offset IN (SELECT min(offset) FROM events GROUP BY source)"
    first = find(path, where=where, values=(RAW_BATCH,))
    return sorted({event.source for _, _, event in first})


def _feed(path: pathlib.Path, source: str) -> Feed:
    ((_, _, event),) = find(path, where="type = ? AND source = ?", values=(RAW_BATCH, source), newest=1)
    batch = decode_raw_batch(event.data or b"")
    return Feed(
        source=source,
        dialect=batch.dialect,
        batches=int(str(event.extensions["sequence"])) + 1,
        rows=batch.first_row + batch.row_count,
        ts_cut_ns=_clock(batch),
        state="ended" if batch.end_of_tape else "live",
    )


def _clock(batch: RawBatch) -> int:
    return batch.ts_cut_ns or (int(batch.ts_receive[-1]) if batch.row_count else 0)


def _feed_lines(feeds: list[Feed]) -> list[str]:
    if not feeds:
        return ["no feed has sent anything yet"]
    head = f"{'source':<48} {'dialect':<18} {'state':<6} {'batches':>9} {'rows':>11}  newest"
    return [head, *(_feed_line(one) for one in feeds)]


def _feed_line(one: Feed) -> str:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(one.ts_cut_ns // NS_PER_S)) if one.ts_cut_ns else "-"
    return f"{one.source:<48} {one.dialect:<18} {one.state:<6} {one.batches:>9,} {one.rows:>11,}  {stamp}"


def _quality_lines(quality: list[InstrumentQuality]) -> list[str]:
    if not quality:
        return ["no window of quality has ended yet"]
    names = ("rows", "repeated", "missing", "breaks", "disorder", "crossed ms", "silence ms", "delay ms")
    head = f"{'instrument':<28} {'window to':<8} " + " ".join(f"{name:>10}" for name in names)
    return [head, *(_quality_line(one) for one in quality)]


def _quality_line(one: InstrumentQuality) -> str:
    stamp = time.strftime("%H:%M:%S", time.gmtime(one.window_end_ns // NS_PER_S))
    counts = (one.rows, one.repeated, one.missing_trades, one.book_breaks, one.out_of_order)
    times = (one.crossed_ns, one.silence_ns_max, one.delay_ns_mean)
    figures = " ".join([*(f"{count:>10,}" for count in counts), *(f"{value / 1e6:>10,.1f}" for value in times)])
    return f"{one.instrument_id:<28} {stamp:<9} {figures}"
