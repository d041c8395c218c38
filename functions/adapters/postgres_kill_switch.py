"""Keep kill switches in PostgreSQL, so that a restart does not re-open trading."""

from collections.abc import Mapping
from typing import Final

from functions.adapters.postgres import Pool, port_errors
from functions.ports.kill_switch import Switch

_LOAD: Final = "SELECT account, desk, engaged FROM risk_kill_switch"
_SET: Final = """
INSERT INTO risk_kill_switch (account, desk, engaged, reason) VALUES ($1, $2, $3, $4)
ON CONFLICT (account, desk) DO UPDATE SET engaged = excluded.engaged, reason = excluded.reason, changed_at = now()
"""


class PostgresKillSwitches:
    """Switches in the table `risk_kill_switch`."""

    def __init__(self, pool: Pool) -> None:
        """Use a pool, which opens on first use."""
        self._pool = pool

    async def load(self) -> Mapping[Switch, bool]:
        """Give every switch that was ever set.

        Raises:
            Unavailable: PostgreSQL did not answer.
        """
        with port_errors():
            pool = await self._pool.get()
            return {Switch(row["account"], row["desk"]): row["engaged"] for row in await pool.fetch(_LOAD)}

    async def set(self, switch: Switch, *, engaged: bool, reason: str) -> None:
        """Throw or release a switch, with why and when.

        Raises:
            Unavailable: PostgreSQL did not answer.
        """
        with port_errors():
            pool = await self._pool.get()
            await pool.execute(_SET, switch.account, switch.desk, engaged, reason)
