"""Say where limits are kept: every version that was ever loaded, the newest in force."""

from typing import Protocol

from functions.domain.risk.limits import Limits


class LimitsStore(Protocol):
    """Keep files of limits."""

    async def load(self) -> Limits | None:
        """Give the limits in force; None when none were ever loaded.

        Raises:
            Unavailable: They cannot be read.
            Malformed: What is kept is no file of limits; nothing may be decided by it.
        """
        ...

    async def add(self, content: bytes) -> Limits:
        """Put a file of limits in force, and give what it says.

        Raises:
            Malformed: It is no file of limits; nothing was kept.
            Unavailable: It is not known whether it was kept; add it again.
        """
        ...
