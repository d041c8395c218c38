"""Keep files of limits in memory."""

from functions.domain.risk.limits import Limits
from functions.wire.codecs.limits import decode_limits


class MemoryLimits:
    """Limits that are forgotten with their process."""

    def __init__(self) -> None:
        """Start with none."""
        self._newest: Limits | None = None

    async def load(self) -> Limits | None:
        """Give the limits in force."""
        return self._newest

    async def add(self, content: bytes) -> Limits:
        """Put a file of limits in force.

        Raises:
            Malformed: It is no file of limits.
        """
        self._newest = decode_limits(content)
        return self._newest
