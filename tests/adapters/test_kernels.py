"""Compiled kernels are the plain ones: one source, one twin, and code that is found again."""

import io
import os
import pathlib
import shutil
import subprocess
import sys
from types import FunctionType

import functions
from functions.adapters.kernels import compile_all, compiled
from functions.domain.activity import kernel as activity
from functions.domain.bars import kernel as bars
from functions.domain.indicators import kernel as indicators
from functions.domain.pairs import kernel as pairs


def test_every_function() -> None:
    """Every function of a kernel has a compiled twin made from its own source, and the plain one stays as it is."""
    for module in (bars, activity, indicators, pairs):
        twin = compiled(module)
        for name, value in vars(module).items():
            if isinstance(value, FunctionType) and value.__module__ == module.__name__:
                assert getattr(twin, name).py_func.__code__.co_code == value.__code__.co_code, name


def test_once() -> None:
    """A process compiles a module once."""
    assert compiled(bars) is compiled(bars)


def test_inlined_exist() -> None:
    """What a kernel asks to have inlined is there."""
    for module in (bars, activity, indicators, pairs):
        assert all(isinstance(getattr(module, name), FunctionType) for name in module.INLINED)


def test_compile_all() -> None:
    """Compiling says what it did and how long it took."""
    said = io.StringIO()
    compile_all(said)
    told = [line.split()[0] for line in said.getvalue().splitlines()]
    assert told == ["bars", "features", "plans", "fix", "scan", "activity", "pairs", "texts", "tape"]


def test_cached_elsewhere(tmp_path: pathlib.Path) -> None:
    """Where the install cannot be written to, compiled code is kept where NUMBA_CACHE_DIR says."""
    script = (
        "from functions.adapters.kernels import compiled; from functions.domain.indicators import kernel;"
        "print(compiled(kernel)._price(250, 1.0, 100.0))"
    )
    environ = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter
    assert done.stdout == "2.5\n"
    assert list(tmp_path.rglob("*.nbi"))


def test_another_clone(tmp_path: pathlib.Path) -> None:
    """A copy of the compiled code serves sources that lie elsewhere: nothing is compiled again."""
    install = tmp_path / "elsewhere"
    shutil.copytree(
        pathlib.Path(functions.__file__).parent, install / "functions", ignore=shutil.ignore_patterns("__pycache__")
    )
    script = (
        "from functions.adapters.kernels import compiled; from functions.domain.pairs import kernel; import functions;"
        "from functions.adapters.kernels import exercise_pairs; exercise_pairs();"
        "twin = compiled(kernel); print(functions.__file__, sum(twin.step.stats.cache_misses.values()))"
    )
    compiled_here = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    ran = [
        subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", script], env=compiled_here, cwd=cwd, capture_output=True, text=True, check=True
        ).stdout
        for cwd in (pathlib.Path(functions.__file__).parents[1], install)
    ]
    assert [one.split()[1] for one in ran] == ["1", "0"]
    assert str(install) in ran[1]
