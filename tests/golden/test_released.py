"""The contract gate: what the last release said, this release reads and handles, every type of it.

`released/` is an archive of made-up events (`tests/released.py`); `make release-archive` writes it anew at a release.
"""

import pathlib
from typing import Final

import pytest
from released import BYTES_MAX, FOLDER, heard

from functions.local.archive import Archive, open_archive
from functions.local.foundation import Options
from functions.local.platform import running
from functions.wire import rows
from functions.wire.envelope import Event

ARCHIVE_BYTES_MAX: Final = 200 * 1024
REFUSED_FOR_WHAT_IT_SAYS: Final = {("tickloom.orders.v1.ExecutionReport", "422")}
"""A report on an order that no ledger holds is refused for that, and so was read."""


@pytest.fixture(scope="module")
def released() -> Archive:
    """Open the archive of the last release; its digests are checked."""
    return open_archive(FOLDER)


def test_holds_every_type(released: Archive) -> None:
    """Each type that a broker can carry stands in the archive, so none can change without this gate seeing it."""
    missing = {
        broker: types - {one.event.type for one in released.records(broker)} for broker, types in heard().items()
    }
    assert not any(missing.values()), f"`make release-archive` writes it anew; it lacks {missing}"


def test_is_small_and_made_up(released: Archive) -> None:
    """The archive stays small, and holds nothing but what the simulator and the tests made up."""
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < ARCHIVE_BYTES_MAX
    assert released.manifest.made_of == "released"
    events = [one.event for broker in heard() for one in released.records(broker)]
    assert max(len(event.data or b"") for event in events) <= BYTES_MAX


async def test_decodes_and_is_handled(released: Archive, tmp_path: pathlib.Path) -> None:
    """On this release's platform every archived event reaches its hearers, and none cannot read or handle it."""
    async with running(Options(tmp_path, log="memory")) as platform:
        counts: dict[str, int] = {}
        for broker in heard():
            for record in released.records(broker):
                platform.publish(broker, record.event)
                counts[broker] = counts.get(broker, 0) + 1
        await platform.drained()
        buried = [event for sink in platform.topology.sinks for _, _, event in platform.logs[sink].scan()]
        assert {(event.type, code(event)) for event in buried} <= REFUSED_FOR_WHAT_IT_SAYS, [
            (event.type, event.id, event.extensions) for event in buried
        ]
        idle = [table.name for table in platform.tables if table.folded == 0]
        assert not idle, "each table folds at least one"
        assert all(platform.logs[broker].head >= count > 0 for broker, count in counts.items())


def code(event: Event) -> str:
    """Say how an event was refused."""
    return str(event.extensions.get("knativeerrorcode"))


def test_rows_are_rendered(released: Archive) -> None:
    """What the rows hash knows of the archive's types is read without an error."""
    streams = {
        row.stream for broker in heard() for record in released.records(broker) for row in rows.render(record.event)
    }
    assert {"ticks", "bars", "features", "predictions", "signals", "orders"} <= streams
