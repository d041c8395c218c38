"""Keep kill switches in memory."""

from collections.abc import Mapping

from functions.ports.kill_switch import Switch


class MemoryKillSwitches:
    """Switches that are forgotten with their process."""

    def __init__(self) -> None:
        """Start with no switch set."""
        self._engaged: dict[Switch, bool] = {}

    async def load(self) -> Mapping[Switch, bool]:
        """Give every switch that was ever set."""
        return dict(self._engaged)

    async def set(self, switch: Switch, *, engaged: bool, reason: str) -> None:  # noqa: ARG002 - nobody reads it back
        """Throw or release a switch."""
        self._engaged[switch] = engaged
