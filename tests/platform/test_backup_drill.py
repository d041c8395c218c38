"""The restore drill: a platform is backed up at work, loses all it has, and ends with what it would have had."""

import asyncio
import contextlib
import pathlib
import shutil
import time

from counts import FULL
from runs import stored
from simulated import DIALECT, tape

from functions.local.archive import Manifest, open_archive
from functions.local.backups import DiskSource, backup
from functions.local.foundation import Options
from functions.local.platform import Platform, running
from functions.local.restores import restore
from functions.local.rows import event_hash, export
from functions.local.topology import load
from functions.wire.codecs.market import RAW_BATCH
from functions.wire.envelope import Event

SECONDS = 120 if FULL else 60
HALF = SECONDS // 2
"""Batches of the tape, which cuts one a second, that are published before the backup begins."""


class Drill:
    """One platform's folder and the tape it replays."""

    def __init__(self, at: pathlib.Path, tape: pathlib.Path) -> None:
        """Lay out where all lies."""
        self.folder = at / "up"
        self.target = at / "backup"
        self.out = at / "out"
        self._feed = {
            "TICKLOOM_PATHS": str(tape),
            "TICKLOOM_DIALECT": DIALECT,
            "TICKLOOM_SPOOL": str(at / "spool"),
        }

    async def run(self, *, backed_up: bool = False) -> tuple[dict[str, str], str, Manifest | None]:
        """Run the tape from where the folder is to its end, and back up half way if asked; give hashes."""
        async with running(Options(self.folder)) as platform:
            manifest = await self._backed_up(platform) if backed_up else None
            await platform.run_feed("replay", self._feed)
            await platform.drained()
            platform.commit()
            logs = platform.logs
            hashes = export(logs, platform.topology.sinks, self.out)
            return hashes, event_hash(logs[name] for name in platform.topology.brokers), manifest

    async def _backed_up(self, platform: Platform) -> Manifest:
        """Feed half of the tape, and back up while the functions are still at it."""
        half = asyncio.Event()
        platform.observers.append(
            lambda event: half.set() if event.type == RAW_BATCH and number(event) == HALF else None
        )
        feeding = asyncio.create_task(platform.run_feed("replay", self._feed))
        await half.wait()
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await feeding
        platform.commit()  # else a busy machine may not have committed anything yet
        source = DiskSource(self.folder, platform.topology)
        return await backup(source, platform.stores.database_url, self.target)


def number(event: Event) -> int:
    """Read an event's number in its source."""
    return int(str(event.extensions["sequence"]))


def test_restore_drill(tmp_path: pathlib.Path) -> None:
    """Backed up half way, destroyed at the end, restored and fed the tail: rows, events and stores are those it had."""
    played = tape(tmp_path / "tape.txt", seconds=SECONDS)
    drill = Drill(tmp_path, played)
    hashes, events, manifest = asyncio.run(drill.run(backed_up=True))
    had = stored(drill.folder)
    assert manifest is not None
    kept = {name: part.events for name, part in manifest.logs.items()}
    behind = [kept["market"] - at for (at,) in manifest.logs["market"].cursors.values()]
    shutil.rmtree(drill.folder)
    shutil.rmtree(drill.out)

    began = time.monotonic()
    asyncio.run(restore(open_archive(drill.target), drill.folder, load(), environ={}))
    restored = time.monotonic() - began
    again, events_again, _ = asyncio.run(drill.run())
    print(  # noqa: T201 - the record
        f"RTO {restored:.1f} s to restored stores and logs, {time.monotonic() - began:.1f} s to the end of the tape; "
        f"RPO 0: {sum(kept.values())} events kept, up to {max(behind)} delivered again, the rest from the tape"
    )
    assert again == hashes
    assert events_again == events
    assert stored(drill.folder) == had
    assert max(behind) > 0, "the backup was taken while functions were at work"
    assert had["bars"][0] > 0
    if FULL:
        assert asyncio.run(Drill(tmp_path / "undisturbed", played).run())[0] == hashes
