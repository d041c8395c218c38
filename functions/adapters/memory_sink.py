"""Keep published events in a list: the twin of the real sinks, for tests and dry runs."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from functions.ports.errors import Overloaded
from functions.wire.envelope import Event

EVENTS_MAX: Final = 1_000_000  # a day of one busy instrument in batches; memory, not time, is what runs out


class MemorySink:
    """Collect events in the order they were published.

    Args:
        answers: What the next calls do: raise this error, or None to keep the event; then every event is kept.
        events_max: Events that are kept before the sink asks to slow down.
    """

    def __init__(self, answers: Iterable[Exception | None] = (), *, events_max: int = EVENTS_MAX) -> None:
        """Begin empty."""
        self.events: list[Event] = []
        self.answers = deque(answers)
        self._events_max = events_max

    async def publish(self, event: Event) -> None:
        """Keep one event, or do what the next answer says."""
        answer = self.answers.popleft() if self.answers else None
        if answer is not None:
            raise answer
        if len(self.events) >= self._events_max:
            msg = f"the sink holds {self._events_max} events already"
            raise Overloaded(msg)
        self.events.append(event)
