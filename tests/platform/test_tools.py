"""Programs that are no Python are found, made once, or missed with a sentence that says what to do."""

import os
import pathlib
import stat
import subprocess
from collections.abc import Callable
from typing import Final

import pytest

from functions.local import tools
from functions.local.tools import RECIPES, ToolError, find, lacks, make
from functions.runtime.settings import check

GO: Final = """\
#!/bin/sh
echo "$@" >> "$COUNTED"
for word; do [ "$before" = -o ] && echo "#!/bin/sh" > "$word" && chmod +x "$word"; before=$word; done
"""


@pytest.fixture(autouse=True)
def _empty(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be nothing in the cache, and on PATH only what a test puts there and a shell needs."""
    monkeypatch.setenv("TICKLOOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    (tmp_path / "bin").mkdir()


def program(place: pathlib.Path, text: str) -> pathlib.Path:
    """Put a program somewhere."""
    place.write_text(text)
    place.chmod(place.stat().st_mode | stat.S_IXUSR)
    return place


@pytest.mark.parametrize("name", RECIPES)
def test_path_comes_first(name: str, tmp_path: pathlib.Path) -> None:
    """A tool on PATH is taken as it is."""
    there = program(tmp_path / "bin" / name, "#!/bin/sh\n")
    assert find(name).path == there


@pytest.mark.parametrize("name", RECIPES)
def test_missed(name: str) -> None:
    """A tool that is nowhere is missed with what is lost and what would make it."""
    found = find(name)
    assert found.path is None
    assert RECIPES[name].lost in found.reason
    assert all(one in found.reason for one in RECIPES[name].needs)
    with pytest.raises(ToolError, match=f"{name} is not here"):
        make(name)


def test_made_once(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go makes a tool at the first call, and later ones find it, also where Go is gone."""
    monkeypatch.setenv("COUNTED", str(tmp_path / "counted"))
    program(tmp_path / "bin/go", GO)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.defpath}")
    first = make("kustomize")
    assert first == make("kustomize")
    assert (tmp_path / "counted").read_text().count("\n") == 1
    monkeypatch.setenv("PATH", "")
    assert find("kustomize") == first


def test_another_pin_is_another_program(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made from other pins is not taken."""
    monkeypatch.setenv("COUNTED", str(tmp_path / "counted"))
    program(tmp_path / "bin/go", GO)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.defpath}")
    made = make("kn").path
    modules = tmp_path / "modules/kn"
    modules.mkdir(parents=True)
    (modules / "go.mod").write_text("module other\n")
    monkeypatch.setattr(tools, "MODULES", modules.parent)
    assert find("kn").path is None
    assert make("kn").path != made


def test_failure_says_why(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Go says last of a failure is told, and nothing half made is left."""
    program(tmp_path / "bin/go", "#!/bin/sh\necho no such module >&2\nexit 1\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.defpath}")
    with pytest.raises(ToolError, match="no such module"):
        make("kustomize")
    assert find("kustomize").path is None
    assert [file.name for file in (tmp_path / "cache/tools").iterdir()] == ["kustomize.lock"]


def test_without_a_checkout(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our modules are not, as in an installed package, that is what is lacking."""
    program(tmp_path / "bin/go", GO)
    monkeypatch.setattr(tools, "MODULES", tmp_path)
    assert lacks("kustomize") == ("a checkout of Tickloom",)


def test_cache_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names the cache can still start a platform: it is no unknown setting."""
    check(os.environ, ())
    monkeypatch.setenv("TICKLOOM_CACHED", "x")
    with pytest.raises(Exception, match="TICKLOOM_CACHED"):
        check(os.environ, ())


@pytest.mark.parametrize("name", RECIPES)
def test_runs(name: str, monkeypatch: pytest.MonkeyPatch, tool: Callable[[str], pathlib.Path]) -> None:
    """A tool that is here answers when it is asked for help."""
    monkeypatch.undo()  # this one looks at what this machine has
    assert subprocess.run((tool(name), "--help"), capture_output=True, timeout=30, check=False).returncode == 0  # noqa: S603 - our own tool
