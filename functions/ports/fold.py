"""Say what a table is to its host: a fold over events with a state that can be written down (design R7)."""

from typing import Protocol, TypeVar

from functions.domain.market import GapDetected
from functions.wire.envelope import Event

State = TypeVar("State")


class Fold(Protocol[State]):
    """Fold events of one key into a state; pure but for the state's own arrays, which may change in place."""

    def start(self, key: str) -> State:
        """Make the empty state of a key."""
        ...

    def fold(self, state: State, event: Event) -> tuple[State, tuple[Event, ...]]:
        """Take one event; return the state and what is to be emitted. The host has ordered and de-duplicated events.

        Raises:
            Malformed: The event cannot be read; the state is unchanged.
            Rejected: The event breaks a rule; the state is unchanged.
        """
        ...

    def gap(self, state: State, cause: Event, gap: GapDetected) -> tuple[State, tuple[Event, ...]]:
        """Learn that batches of a source were given up; `cause` is the event that was waiting behind them."""
        ...

    def dump(self, state: State) -> bytes:
        """Write the state down; at most 256 KiB."""
        ...

    def load(self, key: str, blob: bytes) -> State:
        """Read a state that `dump` wrote."""
        ...
