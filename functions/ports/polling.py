"""Say how a venue is polled: series by series, page by page, each from a cursor on."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Page:
    """Hold one reply as it came in.

    Args:
        row: Its bytes; empty when there was nothing to ask for yet.
        ts_receive: When it came in, UTC nanoseconds.
        symbol: What the reply does not say itself, for its decoder.
        cursor: Where the series goes on behind this page.
        more: Whether the next page is there already.
    """

    row: bytes
    ts_receive: int
    symbol: str
    cursor: str
    more: bool


class Poller(Protocol):
    """Ask a venue, as patiently and as seldom as it wants to be asked."""

    @property
    def series(self) -> tuple[str, ...]:
        """Name everything that is polled."""
        ...

    def every_s(self, name: str) -> float:
        """Say how long to wait before a series that has no more pages is asked again, seconds."""
        ...

    async def page(self, name: str, cursor: str) -> Page:
        """Give the next page of a series; failures are waited out, so this ends only well or by cancelling.

        Args:
            name: The series.
            cursor: Where the last page left off; empty before the first.
        """
        ...
