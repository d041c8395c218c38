"""Every code block of the README runs."""

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
def test_shell(block: str, demo: Demo) -> None:
    """A shell block runs after the demo, from its first line to its last, and leaves nothing running."""
    assert demo.status == 0, demo.said
    command = ["bash", "-e", "-o", "pipefail", "-c", block]
    process = subprocess.Popen(  # noqa: S603 - our own README
        command,
        cwd=demo.at,
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=BLOCK_S_MAX)
    finally:
        left = _end_group(process.pid)
    assert process.returncode == 0, said
    assert not left, said


def _end_group(group: int) -> bool:
    """End what a block left running, and say whether there was anything."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
