"""Read one broker's log for one Trigger, and keep its cursor there."""

import asyncio
import zlib

from functions.local.dispatch import Cursor, Dispatcher, Outbound, Subscriber
from functions.local.log import EventLog
from functions.local.topology import Subscription
from functions.wire.envelope import Event
from functions.wire.facts import partition_of


class Consumer:
    """Read one broker for one Trigger."""

    def __init__(  # noqa: PLR0913 - what it reads, who answers, where answers go
        self,
        subscription: Subscription,
        subscriber: Subscriber,
        *,
        log: EventLog,
        outbound: Outbound,
        partitions: int,
        bulk: bool = False,
    ) -> None:
        """Start at the Trigger's cursor, a new one at the beginning; unless `bulk`, others go on in between."""
        self.name = subscription.name
        self.dispatcher = Dispatcher(subscription, subscriber, outbound)
        self._accepts = subscription.accepts
        self._ordered = subscription.ordered
        self._log = log
        self._partitions = partitions
        self._bulk = bulk
        self._cursor = Cursor(log.cursors.setdefault(self.name, 0))

    @property
    def caught_up(self) -> bool:
        """Tell whether every event so far is done."""
        return self._cursor.next == self._log.head

    @property
    def lag(self) -> int:
        """Count the events not done yet."""
        return self._log.head - self._cursor.next

    async def run(self) -> None:
        """Deliver for ever; cancel to stop."""
        log, cursor, accepts, dispatcher = self._log, self._cursor, self._accepts, self.dispatcher
        try:
            while True:
                await log.wait(cursor.at, self._passes)
                for event in log.read(cursor.at):
                    if not accepts(event):
                        cursor.at += 1
                        continue
                    await dispatcher.take(event, lane=self._lane(event), offset=cursor.take(), done=self._finish)
                    if dispatcher.inline and not self._bulk and cursor.at < log.head:
                        await asyncio.sleep(0)
                self._note()
                if cursor.at < log.head:  # else waiting lets the others run
                    await asyncio.sleep(0)
        finally:
            dispatcher.stop()

    def _lane(self, event: Event) -> int:
        if not self._ordered:
            return 0
        return zlib.crc32(partition_of(event).encode()) % self._partitions

    def _passes(self, event: Event) -> bool:
        """Step over an event that is not for this Trigger while it sleeps at the head."""
        if self._accepts(event):
            return False
        self._cursor.at += 1
        self._note()
        return True

    def _finish(self, offset: int) -> None:
        self._cursor.finish(offset)
        self._note()

    def _note(self) -> None:
        self._log.cursors[self.name] = self._cursor.next
