"""The protos are the contract: linted, formatted, compatible with what was released; the stubs are made from them."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(sys.executable).parent
ENVIRON = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
AGAINST = str(ROOT / "protos" / "released.binpb")
FIELD = "string correlation_id"


def ran(*words: str, cwd: pathlib.Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a tool of the environment."""
    return subprocess.run(words, cwd=cwd, env=ENVIRON, capture_output=True, text=True, check=False)  # noqa: S603


def files(folder: pathlib.Path) -> dict[str, bytes]:
    """Read every generated file of a folder."""
    found = (file for file in folder.rglob("*.py*") if "__pycache__" not in file.parts)
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}


@pytest.fixture
def copy(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a copy of the contracts to spoil."""
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", [("lint",), ("format", "-d", "--exit-code"), ("breaking", "--against", AGAINST)])
def test_contracts_hold(words: tuple[str, ...]) -> None:
    """Protos follow the standard, are formatted, and break nobody who uses the released ones."""
    done = ran("buf", *words)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_removing_a_field_is_refused(copy: pathlib.Path) -> None:
    """A released field cannot be taken away."""
    file = copy / "protos/tickloom/orders/v1/service.proto"
    lines = file.read_text().splitlines(keepends=True)
    kept = [line for line in lines if FIELD not in line]
    assert len(kept) == len(lines) - 1
    file.write_text("".join(kept))
    done = ran("buf", "breaking", "--against", AGAINST, cwd=copy)
    assert done.returncode != 0
    assert "was deleted" in done.stdout


@pytest.mark.parametrize(
    "wrong",
    ["message Bare {}", "// Has a field without a comment.\nmessage Bare {\n  int64 bare_ns = 1;\n}"],
)
def test_everything_has_a_comment(wrong: str, copy: pathlib.Path) -> None:
    """A message or a field without its meaning and unit is refused."""
    file = copy / "protos/tickloom/orders/v1/service.proto"
    file.write_text(f"{file.read_text()}\n{wrong}\n")
    done = ran("buf", "lint", cwd=copy)
    assert done.returncode != 0
    assert "non-empty comment" in done.stdout


def test_stubs_are_made_from_the_protos(tmp_path: pathlib.Path) -> None:
    """Making the stubs again gives the same bytes, and nothing else lies beside them."""
    made = tmp_path / "gen"
    assert ran("buf", "generate", "-o", str(tmp_path)).returncode == 0
    services = sorted(str(file) for file in (ROOT / "protos").glob("tickloom/*/v1/service.proto"))
    outputs = (f"--grpc_python_out={made}", f"--mypy_grpc_out=quiet:{made}")
    done = ran("python", "-m", "grpc_tools.protoc", f"-I{ROOT / 'protos'}", *outputs, *services)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(made) == files(ROOT / "gen")
