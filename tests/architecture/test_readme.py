"""Every code block of the README runs."""

import pathlib

import pytest
from blocks import blocks_of, run_shell
from demonstrated import Demo, environ

ROOT = pathlib.Path(__file__).parents[2]
BLOCKS = blocks_of((ROOT / "README.md").read_text())
PICTURE = "text"


def of(language: str) -> list[str]:
    """List the blocks of a language."""
    return [text for name, text in BLOCKS if name == language]


def test_every_block_is_known() -> None:
    """A block is Python, shell or a picture; whatever else would not be run, so it may not be there."""
    assert {name for name, _ in BLOCKS} == {"python", "sh", PICTURE}


@pytest.mark.parametrize("block", of("python"))
def test_python(block: str) -> None:
    """A Python block runs by itself."""
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102 - our own README


@pytest.mark.parametrize("block", of("sh"))
def test_shell(block: str, demo: Demo, tmp_path: pathlib.Path) -> None:
    """A shell block runs after the demo, from its first line to its last, and ends what it began."""
    assert demo.status == 0, demo.said
    run_shell(block, cwd=demo.at, environ=environ(), said=tmp_path / "said")
