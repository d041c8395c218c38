"""Every shell block of knative/README.md runs; every other command there is named as needing a cluster."""

import os
import pathlib
import re
import shutil
import sys
from collections.abc import Callable
from typing import Final

import pytest
from blocks import blocks_of, run_shell

from functions.local.deployment.generated import KNATIVE
from functions.local.tools import RECIPES

ROOT: Final = KNATIVE.parent
TEXT: Final = (KNATIVE / "README.md").read_text()
BLOCKS: Final = blocks_of(TEXT)


def test_every_block_is_known() -> None:
    """A block runs, or says first that it needs a cluster."""
    assert [text for kind, text in BLOCKS if kind != "sh" and not text.startswith("# needs a cluster\n")] == []


def test_every_tool_is_named() -> None:
    """What `make tools` makes is what the README says it makes."""
    assert [name for name in RECIPES if name.replace("otelcol", "OpenTelemetry Collector") not in TEXT] == []


def needed(block: str) -> list[str]:
    """Name the tools that a block runs, by itself or through `tickloom deploy`."""
    called = set(re.findall(r"^(func|kn)\b", block, re.MULTILINE))
    called |= {"kn"} if "| sh" in block else set()
    return sorted(called | ({"kustomize"} if "deploy render" in block else set()))


@pytest.mark.parametrize("block", [text for kind, text in BLOCKS if kind == "sh"])
def test_runs(block: str, tool: Callable[[str], pathlib.Path], tmp_path: pathlib.Path) -> None:
    """A shell block runs from its first line to its last."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in needed(block):
        (programs / name).symlink_to(tool(name))
    for file in ROOT.glob("functions/handlers/*/func.yaml"):
        (tmp_path / file.relative_to(ROOT)).parent.mkdir(parents=True)
        shutil.copy(file, tmp_path / file.relative_to(ROOT))
    (tmp_path / "protos").symlink_to(ROOT / "protos")
    path = f"{programs}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "HOME": str(tmp_path)}
    run_shell(block, cwd=tmp_path, environ=environ, said=tmp_path / "said")
