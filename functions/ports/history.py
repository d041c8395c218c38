"""Say where what was is looked up: past signals with their outcomes, and the events that a decision came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from functions.domain.history import Likeness, Past
from functions.wire.envelope import Event


class SignalHistory(Protocol):
    """Look up what came of signals."""

    async def past_of(self, likeness: Likeness) -> tuple[Past, ...]:
        """Give the outcomes of like signals, at most `PAST_MAX`, newest bar first.

        One whose bars were not all seen up to the last horizon is left out, also where it had ended before the hole:
        of those only the quick ones would count.

        Raises:
            Unavailable: The store cannot be reached.
        """
        ...


@dataclass(frozen=True, slots=True)
class Placed:
    """Hold an event and where it lies.

    Args:
        event: The event.
        broker: Broker it was sent to.
        offset: Its place there, or in its partition.
        recorded_ns: When the broker stored it, UTC nanoseconds.
        partition: Its partition; 0 where a broker has none.
    """

    event: Event
    broker: str
    offset: int
    recorded_ns: int
    partition: int = 0


class EventHistory(Protocol):
    """Look up events that brokers have stored; whatever is looked for, a bounded number of them is looked at."""

    async def signal(self, id_: str) -> Placed | None:
        """Give the event of a signal by its id; None when none is found.

        Raises:
            Unavailable: What is stored cannot be reached.
        """
        ...

    async def causes(self, effect: Placed, most: int) -> Sequence[Placed]:
        """Follow an event's causes back, by the ids that events name, nearest first.

        Args:
            effect: The event; it is not given itself.
            most: Most causes that are given; fewer where one names none, or is not found.

        Raises:
            Unavailable: What is stored cannot be reached.
        """
        ...

    async def before(self, last: Placed, since: int) -> Sequence[Event]:
        """Give the events of the same type and source with numbers from `since` on that come before another.

        Args:
            last: An event with a sequence number; it is not given itself.
            since: Least sequence number.

        Returns:
            In sequence, each number once; those that are not found are left out.

        Raises:
            Unavailable: What is stored cannot be reached.
        """
        ...

    async def close(self) -> None:
        """Let go of what was opened."""
        ...
