"""Carry out a Dockerfile's own instructions over a clean root, without Docker: folders, chroot and namespaces.

What it knows is in `dockerfile.FLAGS`; all else is refused before anything runs. A build writes below its folder and
into its caches, nowhere else: programs run in a root of their own, and what is copied is packed and unpacked by
programs inside those roots, so that no link leads out. As in an image that went through a registry, files keep their
times in whole seconds, and nothing that was mounted stays.
"""

import io
import os
import pathlib
import re
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import cells
import ignoring
from dockerfile import Dockerfile, Instruction, Refused, Stage

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What programs see where no ENV says otherwise."""
PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
"""Arguments that need no ARG and stay in no layer: Docker predefines them."""
NETWORK: Final = ("/etc/resolv.conf", "/etc/hosts")
"""What a build gets from outside for its network, and finds empty in its layers."""

_USER: Final = re.compile(r"(\d+):(\d+)")
_MOUNTS: Final = {"cache": {"target", "type"}, "secret": {"id", "target", "type"}}
"""Kinds of mounts for a step, each with all it says."""


@dataclass(frozen=True, slots=True)
class Context:
    """Say what a build has from outside.

    Attributes:
        folder: The context.
        ignoring: What of it is hidden.
        bases: Roots of base images by the name that FROM gives; they are copied.
        work: Folder for the stages' roots; the caller removes it.
        caches: Folder for `--mount=type=cache`, which later builds find again.
        secrets: Files for `--mount=type=secret` by id; others are not there, as where none is given.
        arguments: Values for ARGs.
        told: Called with each step before it begins, and how long the one before it took.
    """

    folder: pathlib.Path
    ignoring: ignoring.Ignoring
    bases: Mapping[str, pathlib.Path]
    work: pathlib.Path
    caches: pathlib.Path
    secrets: Mapping[str, pathlib.Path] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    told: Callable[[str], None] = lambda _: None


@dataclass(slots=True)
class Image:
    """A root and what it is started with; a stage while it is built."""

    root: pathlib.Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    workdir: str = "/"
    user: tuple[int, int] = (0, 0)
    labels: dict[str, str] = field(default_factory=dict)
    exposed: tuple[int, ...] = ()
    command: tuple[str, ...] = ()


class Build:
    """One build: stages are made when they are needed, once each.

    Args:
        file: The Dockerfile.
        context: What it has from outside.

    Raises:
        Refused: It says what is not understood; everything that can be refused before anything runs, is.
    """

    def __init__(self, file: Dockerfile, context: Context) -> None:
        """Read the arguments that hold for every FROM."""
        self._file = file
        self._context = context
        self._made: dict[int, Image] = {}
        self._globals: dict[str, str] = {}
        for one in file.arguments:
            self._globals |= _argument(one, self._globals, self._context.arguments, {})
        check(file)

    def image(self, name: str = "") -> Image:
        """Make a stage, by default the last, and what it needs.

        Raises:
            Refused: A step does not fit what is there.
            subprocess.CalledProcessError: A step failed; its output says why.
        """
        stage = self._file.stage(name) if name else self._file.stages[-1]
        if stage is None:
            raise Refused(1, f"there is no stage {name}")
        if stage.line not in self._made:
            self._made[stage.line] = self._make(stage)
        return self._made[stage.line]

    def _make(self, stage: Stage) -> Image:
        source = stage.source.words(self._globals)[0]
        below = self._file.stage(source)
        root = self._context.work / f"stage-{stage.line}"
        if below is not None and below.line < stage.line:
            under = self.image(source)
            _copy_root(under.root, root)
            image = replace(under, root=root, env=dict(under.env), labels=dict(under.labels))
        elif source in self._context.bases:
            _copy_root(self._context.bases[source], root)
            image = Image(root)
        else:
            raise Refused(stage.line, f"{source} is no stage above and no base that is here")
        arguments = {name: self._context.arguments[name] for name in PROXIES if name in self._context.arguments}
        for step in stage.steps:
            began = time.perf_counter()
            _STEPS[step.name](self, image, step, arguments)
            self._context.told(f"{time.perf_counter() - began:6.1f} s  {step.name} {step.rest:.90}")
        _settle(root)
        return image

    # --- the instructions: each changes the image, or what later ones know ------------------------------------------

    def _arg(self, image: Image, step: Instruction, arguments: dict[str, str]) -> None:
        arguments |= _argument(step, arguments | image.env, self._context.arguments, self._globals)

    def _env(self, image: Image, step: Instruction, arguments: dict[str, str]) -> None:
        image.env |= step.pairs(arguments | image.env)

    def _label(self, image: Image, step: Instruction, arguments: dict[str, str]) -> None:
        image.labels |= step.pairs(arguments | image.env)

    def _user(self, image: Image, step: Instruction, arguments: dict[str, str]) -> None:
        image.user = _user_of(step, arguments | image.env)

    def _expose(self, image: Image, step: Instruction, arguments: dict[str, str]) -> None:
        image.exposed = (*image.exposed, *map(int, step.words(arguments | image.env)))

    def _cmd(self, image: Image, step: Instruction, _: dict[str, str]) -> None:
        image.command = step.program()

    def _workdir(self, image: Image, step: Instruction, arguments: dict[str, str]) -> None:
        (path,) = step.words(arguments | image.env)
        image.workdir = str(pathlib.PurePosixPath(image.workdir) / path)
        _inside(image, "mkdir", "-p", image.workdir)

    def _copy(self, image: Image, step: Instruction, arguments: dict[str, str]) -> None:
        words = step.words(arguments | image.env)
        if len(words) != 2:
            raise Refused(step.line, "COPY takes one source and one destination")
        source, to = words[0], str(pathlib.PurePosixPath(image.workdir) / words[1])
        if stage := dict(step.flags).get("from"):
            packed: subprocess.Popen[bytes] | bytes = _packed_from(self.image(stage), source)
        elif not (words[1].endswith("/") or (self._context.folder / source).is_dir()):
            raise Refused(step.line, f"a file goes into a folder: {words[1]}/")
        else:
            try:
                packed = _packed(self._context, source)
            except FileNotFoundError as error:
                raise Refused(step.line, str(error)) from None
        _inside(image, "mkdir", "-p", to)
        _unpack(image, to, packed)

    def _run(self, image: Image, step: Instruction, arguments: dict[str, str]) -> None:
        if image.user != (0, 0):
            raise Refused(step.line, "only root runs steps here")
        mounts = [cells.Mount(one, one, read_only=True) for one in NETWORK]
        for wanted in _mounts_of(step):
            mounts += self._mount(wanted)
        home = {"HOME": "/root"}
        command = ("/bin/sh", "-c", step.rest)
        program = cells.Program(image.root, command, home | arguments | image.env, image.workdir, mounts=mounts)
        made = [one for one in mounts if not (image.root / one.at.lstrip("/")).exists()]
        cells.run(program)
        for one in made:  # places that were only made to mount over
            _inside(image, "rm" if pathlib.Path(one.source).is_file() else "rmdir", one.at)

    def _mount(self, wanted: Mapping[str, str]) -> Iterator[cells.Mount]:
        if wanted["type"] == "secret":
            source = self._context.secrets.get(wanted["id"])
            if source is not None:
                yield cells.Mount(wanted["target"], str(source), read_only=True)
            return
        folder = self._context.caches / wanted["target"].strip("/").replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        yield cells.Mount(wanted["target"], str(folder))


_STEPS: Final[Mapping[str, Callable[[Build, Image, Instruction, dict[str, str]], None]]] = {
    "ARG": Build._arg,  # noqa: SLF001 - one table for one class
    "CMD": Build._cmd,  # noqa: SLF001
    "COPY": Build._copy,  # noqa: SLF001
    "ENV": Build._env,  # noqa: SLF001
    "EXPOSE": Build._expose,  # noqa: SLF001
    "LABEL": Build._label,  # noqa: SLF001
    "RUN": Build._run,  # noqa: SLF001
    "USER": Build._user,  # noqa: SLF001
    "WORKDIR": Build._workdir,  # noqa: SLF001
}


def check(file: Dockerfile) -> None:
    """Read every instruction once, before anything runs.

    Raises:
        Refused: One cannot be read, or a COPY names a stage that is not above it.
    """
    above: dict[str, dict[str, str]] = {}
    outer: dict[str, str] = {}
    for one in file.arguments:
        outer |= _argument(one, outer, {}, {})
    for stage in file.stages:
        source = stage.source.words(outer)[0]
        env = dict(above.get(source, {"PATH": PATH}))
        declared: dict[str, str] = {}
        for step in stage.steps:
            if step.name == "ARG":
                declared |= _argument(step, declared | env, {}, outer)
            elif step.name == "ENV":
                env |= step.pairs(declared | env)
            else:
                _check_step(step, declared | env, above)
        above[stage.name] = env


def _check_step(step: Instruction, declared: Mapping[str, str], above: Mapping[str, object]) -> None:
    if step.name == "LABEL":
        step.pairs(declared)
    elif step.name == "CMD":
        step.program()
    elif step.name == "USER":
        _user_of(step, declared)
    elif step.name == "RUN":
        _mounts_of(step)
    else:
        step.words(declared)
    if step.name == "COPY" and (source := dict(step.flags).get("from")) and source not in above:
        raise Refused(step.line, f"{source} is no stage above")


def _argument(
    step: Instruction, known: Mapping[str, str], given: Mapping[str, str], outer: Mapping[str, str]
) -> dict[str, str]:
    """Read an ARG: what is given goes before its default; without one it is what stands before the first FROM."""
    words = step.words(known)
    if len(words) != 1:
        raise Refused(step.line, "ARG takes one name")
    name, has_default, default = words[0].partition("=")
    if name in given:
        return {name: given[name]}
    if has_default:
        return {name: default}
    if name in outer:
        return {name: outer[name]}
    raise Refused(step.line, f"nobody gives a value for {name}")


def _mounts_of(step: Instruction) -> list[dict[str, str]]:
    found = []
    for _, text in step.flags:
        parts = dict(part.partition("=")[::2] for part in text.split(","))
        if set(parts) != _MOUNTS.get(parts.get("type", "")) or not parts["target"].startswith("/"):
            raise Refused(step.line, f"--mount={text} is not known here")
        found.append(parts)
    return found


def _user_of(step: Instruction, known: Mapping[str, str]) -> tuple[int, int]:
    match = _USER.fullmatch(" ".join(step.words(known)))
    if match is None:
        raise Refused(
            step.line, "USER takes numbers, UID:GID: a name says nothing to who must know that it is not root"
        )
    return int(match[1]), int(match[2])


# --- roots ------------------------------------------------------------------------------------------------------------


def _copy_root(source: pathlib.Path, to: pathlib.Path) -> None:
    subprocess.run(("cp", "-a", "--reflink=auto", str(source), str(to)), check=True)  # noqa: S603, S607


def _inside(image: Image, *command: str) -> None:
    """Run a program of the root's own in it."""
    subprocess.run(("chroot", str(image.root), *command), check=True, env={"PATH": PATH})  # noqa: S603, S607


def _unpack(image: Image, to: str, packed: "subprocess.Popen[bytes] | bytes") -> None:
    command = ("chroot", str(image.root), "tar", "-x", "-p", "--numeric-owner", "-C", to)
    if isinstance(packed, bytes):
        subprocess.run(command, input=packed, check=True, env={"PATH": PATH})  # noqa: S603
        return
    with packed:
        subprocess.run(command, stdin=packed.stdout, check=True, env={"PATH": PATH})  # noqa: S603
    if packed.returncode:
        raise subprocess.CalledProcessError(packed.returncode, packed.args)


def _packed_from(image: Image, folder: str) -> "subprocess.Popen[bytes]":
    command = ("chroot", str(image.root), "tar", "-c", "--numeric-owner", "-C", folder, ".")
    return subprocess.Popen(command, stdout=subprocess.PIPE, env={"PATH": PATH})  # noqa: S603


def _packed(context: Context, source: str) -> bytes:
    """Pack a file or a folder's content from the context: owned by root, with its own mode and time."""
    at = context.folder / source
    top = at if at.is_dir() else at.parent
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in ignoring.seen(context.folder, context.ignoring, source):
            info = archive.gettarinfo(file, file.relative_to(top).as_posix())
            info.uid = info.gid = 0
            info.uname = info.gname = "root"
            archive.addfile(info, io.BytesIO(file.read_bytes()) if info.isreg() else None)
    return buffer.getvalue()


def _settle(root: pathlib.Path) -> None:
    """Cut the times of files to whole seconds, as a layer holds them."""
    for folder, _, names in os.walk(root):
        for name in (".", *names):
            path = os.path.join(folder, name)  # noqa: PTH118 - tens of thousands of them
            seconds = int(os.lstat(path).st_mtime)
            os.utime(path, (seconds, seconds), follow_symlinks=False)
