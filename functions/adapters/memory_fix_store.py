"""Remember FIX sessions in memory: the twin of the store on disk, by the same rules; it forgets with its process."""

from dataclasses import replace

from functions.adapters.fix_store import SENT_MAX
from functions.ports.fix_store import Remembered, SessionTaken, Staged
from functions.wire.fix.actions import Numbers
from functions.wire.fix.rules import Identity


class MemoryFixStores:
    """Open stores that outlive their closing, so that a restart can be played.

    Args:
        sent_max: Sent messages that a session keeps for a resend.
    """

    def __init__(self, *, sent_max: int = SENT_MAX) -> None:
        """Know no session."""
        self._sent_max = sent_max
        self._known: dict[Identity, Remembered] = {}
        self._taken: set[Identity] = set()

    def open(self, identity: Identity) -> "MemoryFixStore":
        """Take a session and give its store.

        Raises:
            SessionTaken: Somebody keeps it already.
        """
        if identity in self._taken:
            msg = f"FIX session {identity.sender}-{identity.target} is kept by another socket; end that one first"
            raise SessionTaken(msg)
        self._taken.add(identity)
        return MemoryFixStore(self, identity)

    def read(self, identity: Identity) -> Remembered:
        """Give what a session remembers; its numbers are the ones that are kept, not a copy."""
        return self._known.setdefault(identity, Remembered(Numbers()))

    def write(self, identity: Identity, remembered: Remembered) -> None:
        """Change what a session remembers."""
        self._known[identity] = remembered

    def trim(self, sent: dict[int, bytes]) -> None:
        """Forget the oldest messages beyond the bound."""
        while len(sent) > self._sent_max:
            del sent[next(iter(sent))]

    def let_go(self, identity: Identity) -> None:
        """Let others keep a session."""
        self._taken.discard(identity)


class MemoryFixStore:
    """Remember one session.

    Args:
        stores: Where it is remembered.
        identity: Whose session it is.
    """

    def __init__(self, stores: MemoryFixStores, identity: Identity) -> None:
        """Begin with what the stores remember."""
        self._stores = stores
        self._identity = identity

    def load(self) -> Remembered:
        """Give what is remembered."""
        found = self._stores.read(self._identity)
        numbers = found.numbers
        return replace(found, numbers=Numbers(numbers.next_in, numbers.next_out, dict(numbers.sent)))

    def keep_sent(self, number: int, data: bytes | None) -> None:
        """Remember that a number is used."""
        numbers = self._stores.read(self._identity).numbers
        numbers.next_out = number + 1
        if data is not None:
            numbers.sent[number] = data
        self._stores.trim(numbers.sent)

    def keep_next_in(self, number: int) -> None:
        """Remember the inbound number that is expected next."""
        self._stores.read(self._identity).numbers.next_in = number

    def reset(self, next_in: int, next_out: int) -> None:
        """Remember both numbers and forget what was sent."""
        found = self._stores.read(self._identity)
        self._stores.write(self._identity, replace(found, numbers=Numbers(next_in, next_out)))

    def stage(self, staged: Staged) -> None:
        """Remember what is about to be published."""
        self._stores.write(self._identity, replace(self._stores.read(self._identity), staged=staged))

    def settle(self, next_in: int | None, memo: bytes) -> None:
        """Remember that what was staged is published."""
        found = self._stores.read(self._identity)
        if next_in is not None:
            found.numbers.next_in = next_in
        self._stores.write(self._identity, replace(found, memo=memo, staged=None))

    def close(self) -> None:
        """Let go of the session."""
        self._stores.let_go(self._identity)
