"""Every shell block of knative/README.md runs; every other command there is named as needing a cluster."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Final

import pytest

from functions.local.deployment.generated import KNATIVE
from functions.local.tools import RECIPES

ROOT: Final = KNATIVE.parent
TEXT: Final = (KNATIVE / "README.md").read_text()
FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS: Final[list[tuple[str, str]]] = FENCE.findall(TEXT)
BLOCK_S_MAX: Final = 120


def test_every_block_is_known() -> None:
    """A block runs, or says first that it needs a cluster."""
    assert TEXT.count("```") == 2 * len(BLOCKS)
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
    said = tmp_path / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own README
            ("bash", "-eo", "pipefail", "-c", block),  # noqa: S607 - any bash
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "HOME": str(tmp_path)},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            status = process.wait(BLOCK_S_MAX)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert status == 0, said.read_text()
