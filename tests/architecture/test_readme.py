"""Every code block of the README runs."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess

import pytest
from demonstrated import Demo, environ

ROOT = pathlib.Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS: list[tuple[str, str]] = FENCE.findall((ROOT / "README.md").read_text())
PICTURE = "text"
BLOCK_S_MAX = 120


def of(language: str) -> list[str]:
    """List the blocks of a language."""
    return [text for name, text in BLOCKS if name == language]


def test_every_block_is_known() -> None:
    """A block is Python, shell or a picture; whatever else would not be run, so it may not be there."""
    assert {name for name, _ in BLOCKS} == {"python", "sh", PICTURE}
    assert (ROOT / "README.md").read_text().count("```") == 2 * len(BLOCKS)


@pytest.mark.parametrize("block", of("python"))
def test_python(block: str) -> None:
    """A Python block runs by itself."""
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102 - our own README


@pytest.mark.parametrize("block", of("sh"))
def test_shell(block: str, demo: Demo, tmp_path: pathlib.Path) -> None:
    """A shell block runs after the demo, from its first line to its last, and ends what it began."""
    assert demo.status == 0, demo.said
    said = tmp_path / "said"
    with said.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - our own README
            ["bash", "-e", "-o", "pipefail", "-c", f"{block}\nwait"],  # noqa: S607 - any bash
            cwd=demo.at,
            env=environ(),
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
