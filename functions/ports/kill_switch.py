"""Say where it is kept that trading is stopped."""

from collections.abc import Mapping
from typing import Protocol


class KillSwitches(Protocol):
    """Keep one switch an account; the empty account stands for all."""

    async def load(self) -> Mapping[str, bool]:
        """Give every switch that was ever set: True means that trading is stopped.

        Raises:
            Unavailable: The switches cannot be read.
        """
        ...

    async def set(self, account: str, *, engaged: bool, reason: str) -> None:
        """Throw or release a switch; it stays so until it is set again.

        Raises:
            Unavailable: It is not known whether the switch was set; set it again.
        """
        ...
