"""Keep files of limits in PostgreSQL, as they were written: what decided years ago can be read again."""

from typing import Final

from functions.adapters.postgres import Pool, port_errors
from functions.domain.risk.limits import Limits
from functions.wire.codecs.limits import decode_limits

_NEWEST: Final = (
    "SELECT number, CASE WHEN number > $1 THEN content END AS content FROM risk_limits ORDER BY number DESC LIMIT 1"
)
_ADD: Final = "INSERT INTO risk_limits (version, content) VALUES ($1, $2)"


class PostgresLimits:
    """Limits in the table `risk_limits`; the row of the greatest number is in force, and read once."""

    def __init__(self, pool: Pool) -> None:
        """Use a pool, which opens on first use."""
        self._pool = pool
        self._number = 0
        self._newest: Limits | None = None

    async def load(self) -> Limits | None:
        """Give the limits in force.

        Raises:
            Unavailable: PostgreSQL did not answer.
            Malformed: The newest row is no file of limits.
        """
        with port_errors():
            pool = await self._pool.get()
            row = await pool.fetchrow(_NEWEST, self._number)
        if row is not None and row["content"] is not None:
            self._newest, self._number = decode_limits(row["content"]), row["number"]
        return self._newest

    async def add(self, content: bytes) -> Limits:
        """Put a file of limits in force; it is the newest even when an older one said the same.

        Raises:
            Malformed: It is no file of limits; nothing was kept.
            Unavailable: PostgreSQL did not answer.
        """
        limits = decode_limits(content)
        with port_errors():
            pool = await self._pool.get()
            await pool.execute(_ADD, limits.version, content)
        return limits
