"""Say what a FIX connection and the application behind it are to each other."""

from collections.abc import Sequence
from typing import Protocol

from functions.wire.fix.actions import Deliver


class Link(Protocol):
    """Send on a session that is active."""

    async def send(self, value: object) -> None:
        """Send an application message: one of `wire.fix.messages`' classes, or (MsgType, fields).

        It is kept first: if the connection breaks meanwhile, the other side gets it when it asks for what it missed.

        Raises:
            NotLoggedOn: The session is not active; nothing was sent.
        """
        ...

    async def logout(self, text: str = "") -> None:
        """Ask the other side to end the session."""
        ...


class Application(Protocol):
    """Take what a session delivers."""

    async def opened(self) -> None:
        """Finish what is under way; the session's numbers are read after this returns."""
        ...

    async def logged_on(self, link: Link) -> None:
        """Begin to talk."""
        ...

    async def take(self, delivered: Sequence[Deliver], next_in: int) -> None:
        """Take messages in order; their numbers are remembered once this returns.

        Args:
            delivered: Messages; those the session rejected say why.
            next_in: The number that is expected behind them.
        """
        ...

    async def logged_off(self, reason: str) -> None:
        """Stop talking: the connection has ended."""
        ...
