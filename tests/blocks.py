"""Find the code blocks of a page, and run those that are shell."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
from collections.abc import Mapping
from typing import Final

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK_S_MAX: Final = 120


def blocks_of(text: str) -> list[tuple[str, str]]:
    """List the blocks of a page: language and text of each."""
    found: list[tuple[str, str]] = _FENCE.findall(text)
    assert text.count("```") == 2 * len(found), "a block does not end"
    return found


def run_shell(block: str, *, cwd: pathlib.Path, environ: Mapping[str, str], said: pathlib.Path) -> None:
    """Run a shell block from its first line to its last, wait for what it began, and end what is left of it.

    Args:
        block: The lines.
        cwd: Where they run.
        environ: Their environment.
        said: File for what they say.
    """
    with said.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - a block of our own pages
            ("bash", "-eo", "pipefail", "-c", f"{block}\nwait"),  # noqa: S607 - any bash
            cwd=cwd,
            env=dict(environ),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
        try:
            status = process.wait(BLOCK_S_MAX)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert status == 0, said.read_text()
