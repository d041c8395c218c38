"""Say how documents come in: files and pages that are asked for again and again, and only what is new is given."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Document:
    """Hold one document as it came in.

    Args:
        row: Its bytes.
        ts_receive: When it came in, UTC nanoseconds.
    """

    row: bytes
    ts_receive: int


class Documents(Protocol):
    """Give documents that were not given before."""

    @property
    def more(self) -> bool:
        """Tell whether the last poll left some that can be had at once."""
        ...

    async def poll(self) -> list[Document]:
        """Ask once; what cannot be had now is asked for the next time, and nothing is raised for it."""
        ...

    async def close(self) -> None:
        """Let go of what was opened."""
        ...


class Report(Protocol):
    """Take what an operator should know: an event in the past tense, ids and units as keys."""

    def __call__(self, event: str, **keys: object) -> None:
        """Write it down."""
        ...
