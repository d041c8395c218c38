"""A venue is added from the templates with no change elsewhere, and is heard, decoded and recorded at once."""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]


def test_a_venue_from_the_template(tmp_path: pathlib.Path) -> None:
    """In a copy of the code, `venue new` writes three files; their test connects, hears and decodes, and passes."""
    for folder in ("functions", "gen"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests" / "adapters").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.py")}
    call(tmp_path, "-m", "functions.cli.main", "venue", "new", "acme")
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.py") if path not in before}
    assert written == {
        "functions/wire/venues/acme.py",
        "functions/adapters/venues/acme.py",
        "tests/adapters/test_venue_acme.py",
    }
    told = call(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/adapters/test_venue_acme.py")
    assert "1 passed" in told
    known = "from functions.wire.venues.registry import dialects; print(dialects())"
    assert "'acme.v1'" in call(tmp_path, "-c", known)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def call(folder: pathlib.Path, *words: str) -> str:
    """Run Python in the copy, with the copy's code before any other; fail with what it said."""
    path = os.pathsep.join((str(folder), str(folder / "gen")))
    environ = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, *words], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
