"""Write what a run produced as canonical rows, and hash it: rows for conformance, events for strict equality."""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from functions.wire.codecs.portfolio import LIMIT_BREACH, RISK_METRICS
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.rows import STREAMS, Row, render

MIXED: Final = frozenset({RISK_METRICS, LIMIT_BREACH})
"""Types whose revisions follow from how fills and bars were mixed, which no tape says: a window that a fill reached
after its last bar was told once more. What metrics and breaches told of it last does not depend on that, and is a row.
"""


class Scanned(Protocol):
    """A log that can be read from its beginning."""

    def scan(self, start: int = 0) -> Iterator[tuple[int, int, Event]]:
        """Read (offset, recorded_ns, event) from an offset on."""
        ...


def export(logs: Mapping[str, Scanned], sinks: Iterable[str], folder: pathlib.Path) -> dict[str, str]:
    """Write every output stream as sorted JSON lines without repetitions; return the hash of each.

    Events that were delivered again appear once, and of a bar only its highest revision.

    Args:
        logs: Broker and sink logs by name.
        sinks: Names of the dead letter sinks among them.
        folder: Where `<stream>.jsonl` files go; made if missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    buried = frozenset(sinks)
    bars: dict[tuple[str, tuple[str | int, ...]], Row] = {}
    files = {stream: (folder / f"{stream}.unsorted").open("wb") for stream in STREAMS}
    try:
        for name, log in logs.items():
            for row in _rows(log, dead=name in buried):
                if row.key is None:
                    files[row.stream].write(row.line + b"\n")
                    continue
                known = bars.setdefault((row.stream, row.key), row)
                if known.rank <= row.rank:  # of an open bar the last is the fullest
                    bars[row.stream, row.key] = row
        for (stream, _), row in bars.items():
            if row.line:
                files[stream].write(row.line + b"\n")
    finally:
        for file in files.values():
            file.close()
    return {stream: _settle(folder / f"{stream}.unsorted", folder / f"{stream}.jsonl") for stream in STREAMS}


def _rows(log: Scanned, *, dead: bool) -> Iterator[Row]:
    for _, _, event in log.scan():
        if dead:
            yield _buried(event)
            continue
        with contextlib.suppress(Malformed):  # whoever heard it refused it, so its row is the dead letter
            yield from render(event)


def _buried(event: Event) -> Row:
    line = {
        "code": event.extensions.get("knativeerrorcode"),
        "destination": event.extensions.get("knativeerrordest"),
        "sequence": event.extensions.get("sequence"),
        "source": event.source,
    }
    return Row("deadletters", json.dumps(line, separators=(",", ":"), sort_keys=True).encode())


def _settle(unsorted: pathlib.Path, settled: pathlib.Path) -> str:
    """Sort bytewise, drop repetitions, hash; `sort` spills to disk where a list would not fit."""
    if shutil.which("sort"):
        environ = {**os.environ, "LC_ALL": "C"}
        subprocess.run(["sort", "-u", "-S", "256M", "-o", str(settled), str(unsorted)], check=True, env=environ)  # noqa: S603, S607 - fixed program
    else:
        settled.write_bytes(b"".join(sorted(set(unsorted.read_bytes().splitlines(keepends=True)))))
    unsorted.unlink()
    with settled.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def event_hash(logs: Iterable[Scanned]) -> str:
    """Hash every event but for traces and times of recording, by (source, sequence); repetitions count once.

    Events of `MIXED` types are left to their rows.
    """
    lines: dict[tuple[str, str, str], bytes] = {}
    for log in logs:
        for _, _, event in log.scan():
            if event.type not in MIXED:
                lines[event.source, str(event.extensions.get("sequence", "")), event.id] = _digest(event)
    total = hashlib.sha256()
    for key in sorted(lines):
        total.update(lines[key])
    return total.hexdigest()


def _digest(event: Event) -> bytes:
    had = event.extensions
    named = (
        event.source,
        had.get("sequence"),
        event.id,
        event.type,
        event.time_ns,
        event.subject,
        had.get("partitionkey"),
        had.get("causationid"),
        hashlib.sha256(event.data or b"").hexdigest(),
    )
    return hashlib.sha256(repr(named).encode()).digest()


def count_events(logs: Mapping[str, Scanned]) -> dict[str, dict[str, int]]:
    """Count events by log and type."""
    return {name: dict(Counter(event.type for _, _, event in log.scan())) for name, log in logs.items()}
