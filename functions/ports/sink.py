"""Say how an event leaves a feed or a relay."""

from typing import Protocol

from functions.wire.envelope import Event


class Sink(Protocol):
    """Take events for one broker."""

    async def publish(self, event: Event) -> None:
        """Hand over one event; return once it is stored.

        Raises:
            Unavailable: The broker cannot be reached.
            Overloaded: The broker asks to slow down.
            Malformed: The broker refuses the event for good.
        """
        ...
