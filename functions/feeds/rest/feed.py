"""Ask for the next page of every series, publish it, and only then go on to its cursor; a clock ticks beside it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from functions.ports.outbox import Outbox
from functions.ports.polling import Poller


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Say when to do what.

    Args:
        every_s: Time between two requests of a series that has no more pages, seconds; 0 is the venue's own.
        heartbeat_s: Time between two of the feed's clock, seconds.
        pause: Waits for seconds.
        rounds: How often each series is polled until it has no more pages before the tape ends; 0 is for ever.
    """

    every_s: float
    heartbeat_s: float
    pause: Callable[[float], Awaitable[None]]
    rounds: int = 0


async def poll(poller: Poller, outbox: Outbox, rhythm: Rhythm) -> None:
    """Run until all rounds are done, which ends the tape, or this is cancelled."""
    async with asyncio.TaskGroup() as tasks:
        clock = tasks.create_task(_beat(outbox, rhythm), name="rest-clock")
        await asyncio.gather(*(_follow(name, poller, outbox, rhythm) for name in poller.series))
        clock.cancel()
    await outbox.end()


async def _follow(name: str, poller: Poller, outbox: Outbox, rhythm: Rhythm) -> None:
    """Follow one series."""
    rounds = 0
    while True:
        cursor = outbox.standing.cursors.get(name, "")
        page = await poller.page(name, cursor)
        if page.row and page.cursor != cursor:
            await outbox.publish([(page.row, page.ts_receive)], symbol=page.symbol, cursors={name: page.cursor})
        if page.more:
            continue
        rounds += 1
        if rounds == rhythm.rounds:
            return
        await rhythm.pause(rhythm.every_s or poller.every_s(name))


async def _beat(outbox: Outbox, rhythm: Rhythm) -> None:
    while True:
        await rhythm.pause(rhythm.heartbeat_s)
        await outbox.heartbeat()
