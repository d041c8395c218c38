"""A fresh clone needs only Python, make and git: `make demo` sets everything up."""

import os
import pathlib
import shutil
import subprocess
import sys
import time
from typing import Any

import pytest
from counts import FULL
from demonstrated import in_a_minute

ROOT = pathlib.Path(__file__).parents[2]
KERNELS = ROOT / "functions" / "adapters" / "__pycache__" / "kernels"
NOBODY = 65534
WITHIN_S = 1500

pytestmark = pytest.mark.skipif(not FULL, reason="installs once more: only in the full tier")


def python_for_everyone() -> str | None:
    """Find a Python of at least 3.11 that an ordinary user may run, venv included."""
    for name in ("python3.13", "python3.12", "python3.11", "python3"):
        for folder in ("/usr/local/bin", "/usr/bin"):
            path = pathlib.Path(folder) / name
            probe = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
            if path.exists() and subprocess.run([path, "-c", probe], check=False, capture_output=True).returncode == 0:  # noqa: S603 - a found interpreter
                return str(path)
    return None


def clone(at: pathlib.Path) -> pathlib.Path:
    """Clone what is committed."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(at)], check=True)  # noqa: S603, S607 - git of this machine
    return at


def environment(home: pathlib.Path) -> dict[str, str]:
    """Give a user's environment: a home of its own, none of our settings and no environment of ours on the PATH.

    Compiled kernels are a copy of this checkout's, which its own set-up made: compiling them once more takes minutes
    and shows nothing new. Another Python than ours compiles its own.
    """
    shutil.copytree(KERNELS, home / "kernels")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TICKLOOM_", "MAKE", "MFLAGS"))}
    path = os.pathsep.join(one for one in kept["PATH"].split(os.pathsep) if not one.startswith(str(ROOT)))
    return {**kept, "PATH": path, "HOME": str(home), "NUMBA_CACHE_DIR": str(home / "kernels")}


def seconds_of(said: str) -> float:
    """Read how long the demo took, installation not counted."""
    (line,) = [one for one in said.splitlines() if one.startswith("time ")]
    return float(line.split()[1])


def test_demo_as_a_normal_user() -> None:
    """In a fresh clone without an environment, `make demo` ends 0, in less than a minute after installation.

    Root makes a user without rights do it, in a folder of its own; for root itself `.ci/run` begins with `make demo`.
    """
    root = os.geteuid() == 0
    python = python_for_everyone() if root else sys.executable
    assert python, "no Python 3.11 with venv that an ordinary user may run: install python3-venv"
    user: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if root else {}
    home = pathlib.Path("/var/tmp") / f"tickloom-{os.getpid()}"  # noqa: S108 - ours alone, made below
    home.mkdir(mode=0o700)
    try:
        at, environ = clone(home / "tickloom"), environment(home)
        for path in (home, *home.rglob("*")) if root else ():
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        began = time.monotonic()
        done = subprocess.run(  # noqa: S603 - a found interpreter
            ["make", "demo", f"PYTHON={python}"],  # noqa: S607 - make of this machine
            cwd=at,
            env=environ,
            **user,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        print(f"with installation {time.monotonic() - began:.0f} s")  # noqa: T201 - the record
        assert done.returncode == 0, done.stdout + done.stderr
        assert in_a_minute(seconds_of(done.stdout))
    finally:
        shutil.rmtree(home, ignore_errors=True)
