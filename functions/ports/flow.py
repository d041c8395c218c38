"""Say where order flow is kept for reading: one row a message, by (stream, row)."""

from typing import Protocol

from functions.domain.flow import OrderFlow


class Flow(Protocol):
    """Keep what was said about orders; keeping the same twice changes nothing.

    Every method raises `Unavailable` when the store cannot be reached, and `Overloaded` when too many writes wait.
    """

    async def put_order_flow(self, flow: OrderFlow) -> None:
        """Keep every entry by (stream, row)."""
        ...
