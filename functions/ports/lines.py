"""Say how a line-by-line source is heard: in order, each line once, with the cursor behind it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one line as it came in, without its line end.

    Args:
        row: Its bytes.
        ts_receive: When it came in, UTC nanoseconds.
        name: What it moves on; empty for a line that moves nothing.
        cursor: Where that goes on behind this line.
    """

    row: bytes
    ts_receive: int
    name: str = ""
    cursor: str = ""


PutLine: TypeAlias = Callable[[Line], Awaitable[None]]


class Lines(Protocol):
    """Listen to a source, whatever its connections do."""

    async def run(self, put: PutLine, cursors: Mapping[str, str]) -> None:
        """Hand over every line behind the cursors (of what has none: from now on); ends only by cancelling."""
        ...
