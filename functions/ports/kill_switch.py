"""Say where it is kept that trading is stopped."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol


class Switch(NamedTuple):
    """Name a switch: an account's, a desk's, or with neither the one for all."""

    account: str = ""
    desk: str = ""


EVERYONE: Final = Switch()
"""The switch that stops all accounts."""


class KillSwitches(Protocol):
    """Keep switches."""

    async def load(self) -> Mapping[Switch, bool]:
        """Give every switch that was ever set: True means that trading is stopped.

        Raises:
            Unavailable: The switches cannot be read.
        """
        ...

    async def set(self, switch: Switch, *, engaged: bool, reason: str) -> None:
        """Throw or release a switch; it stays so until it is set again.

        Raises:
            Unavailable: It is not known whether the switch was set; set it again.
        """
        ...
