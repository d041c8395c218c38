"""Say which files of a context a build may see, as a .dockerignore does: the last pattern that matches decides."""

import pathlib
import re
from collections.abc import Iterator
from typing import Final

_PARTS: Final = re.compile(r"(\*\*/|\*\*|\*|\?)")
_REGEX: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class Ignoring:
    """The patterns of one .dockerignore.

    Args:
        text: The whole file.

    Raises:
        ValueError: A pattern has character classes or escapes, which nobody needs here.
    """

    def __init__(self, text: str) -> None:
        """Read the patterns."""
        lines = [line.strip() for line in text.splitlines()]
        self._rules = [_rule(line) for line in lines if line and not line.startswith("#")]

    def hides(self, path: str) -> bool:
        """Tell whether a path, relative to the context and with slashes, is kept from the build.

        A pattern that matches a folder matches all below it.
        """
        parts = path.split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        hidden = False
        for pattern, again in self._rules:
            if any(pattern.fullmatch(one) for one in above):
                hidden = not again
        return hidden


def _rule(line: str) -> tuple[re.Pattern[str], bool]:
    again = line.startswith("!")
    pattern = line.removeprefix("!").strip("/")
    if set(pattern) & set("[]\\"):
        message = f"pattern {line!r} is not known here"
        raise ValueError(message)
    parts = (_REGEX.get(part) or re.escape(part) for part in _PARTS.split(pattern))
    return re.compile("".join(parts)), again


def seen(context: pathlib.Path, ignoring: Ignoring, below: str) -> Iterator[pathlib.Path]:
    """List what a COPY of one path takes: the file itself, or all files and folders below a folder, in order.

    Args:
        context: Root of the context.
        ignoring: What is hidden.
        below: A path inside the context.

    Raises:
        FileNotFoundError: The path is not there, or hidden with all below it.
    """
    start = context / below
    found = [start] if start.is_file() else sorted(one for one in start.rglob("*") if not one.is_dir())
    left = [one for one in found if not ignoring.hides(one.relative_to(context).as_posix())]
    if not left:
        message = f"{below} is not in the context"
        raise FileNotFoundError(message)
    yield from left
