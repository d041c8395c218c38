"""Show how far long work has come: a bar with rate and time left on a terminal, silence elsewhere."""

import contextlib
import sys
from collections.abc import Callable, Iterator

Step = Callable[[int, str], None]


@contextlib.contextmanager
def bar(label: str, *, total: int) -> Iterator[Step]:
    """Give a function that is told how much is done and one phrase more.

    Args:
        label: What is being done.
        total: When it is done; 0 when nobody knows, so that only the phrase is shown.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _words: None
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn(label),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total or None, words="")
        yield lambda done, words: progress.update(task, completed=done, words=words)
