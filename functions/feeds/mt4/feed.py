"""Take a bridge's lines, cut them by rows, bytes and wall time, and publish each batch with the cursor behind it."""

import asyncio
from dataclasses import dataclass

from functions.ports.lines import Line, Lines
from functions.ports.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Say when to cut.

    Args:
        rows_max: Most rows of a batch.
        bytes_max: Most payload bytes of a batch; one longer row travels alone.
        queue_rows_max: Lines held between socket and broker before the bridge has to wait.
        flush_s: Longest a row waits for others, seconds.
        heartbeat_s: Time between two of the feed's clock, seconds.
        duration_s: When the tape ends, seconds; 0 is never.
    """

    rows_max: int
    bytes_max: int
    queue_rows_max: int
    flush_s: float
    heartbeat_s: float
    duration_s: float = 0.0


async def listen(lines: Lines, outbox: Outbox, rhythm: Rhythm) -> None:
    """Run until the tape ends or this is cancelled; what has come in by then is published either way."""
    queue: asyncio.Queue[Line] = asyncio.Queue(rhythm.queue_rows_max)
    held: list[Line] = []  # taken from the queue, and waiting for company
    reader = asyncio.create_task(lines.run(queue.put, outbox.standing.cursors), name="mt4-reader")
    try:
        await _pump(reader, queue, held, outbox, rhythm)
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        while held or not queue.empty():
            await _publish(_drained(queue, held, rhythm), outbox)
    await outbox.end()


async def _pump(
    reader: asyncio.Task[None], queue: asyncio.Queue[Line], held: list[Line], outbox: Outbox, rhythm: Rhythm
) -> None:
    now = asyncio.get_running_loop().time
    end = now() + rhythm.duration_s if rhythm.duration_s else float("inf")
    beat = now() + rhythm.heartbeat_s
    while now() < end:
        first = await _next(queue, min(beat, end) - now())
        if first is not None:
            held.append(first)
        if reader.done():
            reader.result()
        if held:
            await asyncio.sleep(rhythm.flush_s)
            await _publish(_drained(queue, held, rhythm), outbox)
        if now() >= beat:
            await outbox.heartbeat()
            beat = max(beat + rhythm.heartbeat_s, now())


async def _next(queue: asyncio.Queue[Line], timeout_s: float) -> Line | None:
    try:
        async with asyncio.timeout(max(timeout_s, 0.0)):
            return await queue.get()
    except TimeoutError:
        return None


def _drained(queue: asyncio.Queue[Line], held: list[Line], rhythm: Rhythm) -> list[Line]:
    found = held.copy()
    held.clear()
    size = sum(len(line.row) for line in found)
    while not queue.empty() and len(found) < rhythm.rows_max and size < rhythm.bytes_max:
        found.append(queue.get_nowait())
        size += len(found[-1].row)
    return found


async def _publish(lines: list[Line], outbox: Outbox) -> None:
    rows = [(line.row, line.ts_receive) for line in lines]
    await outbox.publish(rows, cursors={line.name: line.cursor for line in lines if line.name})
