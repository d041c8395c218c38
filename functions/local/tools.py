"""Find programs that are no Python, and make those that are not here: kustomize, kn, func, promtool and otelcol.

A program on PATH comes first; else one made before, in the cache that all checkouts share (`tools` below
TICKLOOM_CACHE, by default `~/.cache/tickloom`). `make tools` fills it. Go builds from the modules pinned in
`knative/tools`, whose digest is part of the name, so that another pin is another program; what would take Go minutes
and Debian has is taken from Debian's package.

ToolError    one cannot be made; the message says why and what to do
"""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import functions
from functions.local.kafka import CACHE

MODULES: Final = pathlib.Path(functions.__file__).parents[1] / "knative/tools"
BUILD_S: Final = 1800.0  # func is 600 modules; on two busy cores it takes a third of this
FETCH_S: Final = 300.0
WORDS_MAX: Final = 400  # of what a failed command said last


class ToolError(Exception):
    """A tool cannot be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a program is made.

    Attributes:
        lost: What does not work without it.
        needs: The programs that make it.
        package: Go: the package to build in its pinned module. Debian: the package to unpack.
        inside: Debian: where the program lies in the package; empty = it is built with Go.
        slow: It takes minutes of two cores, so only `make tools` makes it, never a test.
    """

    lost: str
    needs: tuple[str, ...]
    package: str
    inside: str = ""
    slow: bool = False


RECIPES: Final[Mapping[str, Recipe]] = {
    "kustomize": Recipe("overlays are not rendered", ("go",), "sigs.k8s.io/kustomize/kustomize/v5"),
    "promtool": Recipe("alert rules are not unit-tested", ("apt-get", "dpkg"), "prometheus", "usr/bin/promtool"),
    "kn": Recipe("no lines of kn are run", ("go",), "knative.dev/client/cmd/kn", slow=True),
    "otelcol": Recipe("no collector is started", ("go",), ".", slow=True),
    "func": Recipe("no handler is asked by func", ("go",), "knative.dev/func/cmd/func", slow=True),
}
"""Every tool, the cheapest first."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, or why there is none.

    Attributes:
        name: Its name.
        path: Where it is; None = it is not here.
        reason: Where it came from, or why it is not here and how to get it.
    """

    name: str
    path: pathlib.Path | None
    reason: str


def find(name: str) -> Tool:
    """Look for a tool on PATH, then among those made before.

    Args:
        name: One of `RECIPES`.
    """
    recipe = RECIPES[name]
    if there := shutil.which(name):
        return Tool(name, pathlib.Path(there), "PATH")
    if (made := _place(name)).is_file():
        return Tool(name, made, "make tools")
    lacking = lacks(name)
    how = f"install {name}, or {' and '.join(lacking)} for `make tools`" if lacking else f"`make tools` makes {name}"
    return Tool(name, None, f"not here, so {recipe.lost}: {how}")


def lacks(name: str) -> tuple[str, ...]:
    """Name what is missing here to make a tool."""
    needs = tuple(one for one in RECIPES[name].needs if shutil.which(one) is None)
    pinned = RECIPES[name].inside or (MODULES / name / "go.mod").is_file()
    return needs if pinned else (*needs, "a checkout of Tickloom")


def make(name: str) -> Tool:
    """Give a tool, made now if it is not here; who comes second waits for the first.

    Raises:
        ToolError: It cannot be made.
    """
    place = _place(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = find(name)
        if found.path is not None:
            return found
        if lacks(name):
            message = f"{name} is {found.reason}"
            raise ToolError(message)
        with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
            way: Callable[[str, pathlib.Path], pathlib.Path] = _unpacked if RECIPES[name].inside else _built
            way(name, pathlib.Path(scratch)).rename(place)
    return find(name)


def _place(name: str) -> pathlib.Path:
    """Say where a tool lies once it is made: what it is made from is part of its name."""
    cache = pathlib.Path(os.environ.get(CACHE) or pathlib.Path.home() / ".cache/tickloom")
    return cache / "tools" / f"{name}-{_mark(name)}"


def _mark(name: str) -> str:
    if RECIPES[name].inside:
        return "debian"
    digest = hashlib.sha256()
    for file in sorted((MODULES / name).glob("*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _built(name: str, scratch: pathlib.Path) -> pathlib.Path:
    """Build a Go program from a copy of its pinned module; no C, and no path of this machine in it.

    Go fills in the modules of its own project that are not listed: their versions follow from those that are, and their
    sums are those of Go's checksum database.
    """
    program, module = scratch / name, scratch / "module"
    shutil.copytree(MODULES / name, module)
    flags = ("-mod=mod", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(program))
    _run(("go", "build", *flags, RECIPES[name].package), module, BUILD_S, CGO_ENABLED="0", GOWORK="off")
    return program


def _unpacked(name: str, scratch: pathlib.Path) -> pathlib.Path:
    """Take a program out of Debian's package without installing it; lists of packages are fetched if there are none."""
    recipe = RECIPES[name]
    lists = scratch / "lists"
    (lists / "partial").mkdir(parents=True)
    own = ("apt-get", "-qq", "-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={scratch}")
    try:
        _run(("apt-get", "-qq", "download", recipe.package), scratch, FETCH_S)
    except ToolError:
        _run((*own, "update"), scratch, FETCH_S)
        _run((*own, "download", recipe.package), scratch, FETCH_S)
    (package,) = scratch.glob("*.deb")
    _run(("dpkg", "-x", str(package), str(scratch)), scratch, FETCH_S)
    return scratch / recipe.inside


def _run(words: Sequence[str], folder: pathlib.Path, seconds: float, **variables: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours
            words, cwd=folder, env={**os.environ, **variables}, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        message = f"`{words[0]} {words[1]}` took more than {seconds:g} s in {folder}; try again on a quiet machine"
        raise ToolError(message) from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-WORDS_MAX:]
        message = f"`{words[0]} {words[1]}` failed in {folder}: {said}"
        raise ToolError(message)


def main(names: Sequence[str]) -> int:
    """Make the named tools, or all; 1 where one could not be made."""
    status = 0
    for name in names or RECIPES:
        start = time.perf_counter()
        try:
            tool = make(name)
        except ToolError as error:
            sys.stderr.write(f"{name}: {error}\n")
            status = 1
        else:
            sys.stdout.write(f"{name:<10} {tool.path}  [{tool.reason}, {time.perf_counter() - start:.1f} s]\n")
            sys.stdout.flush()
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
