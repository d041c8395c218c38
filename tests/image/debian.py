"""Make a clean root of a Debian release, which stands for the base image of that release; kept between runs.

It takes debootstrap: of this machine, or else its package, which is unpacked into the cache and changes nothing here.
Remove the folder in the cache to have a root of today's packages.
"""

import os
import pathlib
import shutil
import subprocess
from dataclasses import dataclass
from typing import Final

RELEASES: Final = {"debian:bookworm-slim": "bookworm"}
"""Release by the name of the base image; nothing else can stand for one."""
CERTIFICATES: Final = pathlib.Path("/usr/local/share/ca-certificates")
FETCH_S: Final = 300


class NoRoot(Exception):  # noqa: N818 - reads as what happened
    """This machine cannot make one; the message says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Debootstrap:
    """A debootstrap that can be run: its program, and the folder of its scripts."""

    program: str
    scripts: str


def caches() -> pathlib.Path:
    """Give our folder among the user's caches."""
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "tickloom" / "image"


def why_not() -> str:
    """Say why roots cannot be made or entered here; empty where they can.

    A root needs root: its files have owners, and namespaces of mounts and networks are asked for.
    """
    if os.geteuid() != 0:
        return "needs root, for a root folder has owners and mounts of its own"
    if missing := [one for one in ("unshare", "chroot", "mount", "tar") if shutil.which(one) is None]:
        return f"needs {', '.join(missing)}"
    entered = subprocess.run(
        ("unshare", "--mount", "--net", "--pid", "--fork", "mount", "-t", "tmpfs", "none", "/mnt"),  # noqa: S607
        capture_output=True,
        check=False,
    )
    return "" if entered.returncode == 0 else f"may not make namespaces: {entered.stderr.decode().strip()}"


def base(image: str) -> pathlib.Path:
    """Give the root that stands for a base image, made once.

    Raises:
        NoRoot: It cannot be made here.
    """
    release = RELEASES[image]
    kept = caches() / f"debian-{release}"
    if kept.is_dir():
        return kept
    found = _debootstrap()
    making = kept.with_name(f"{kept.name}.{os.getpid()}")
    command = (found.program, "--variant=minbase", release, str(making))  # from its own mirror
    env = {**os.environ, "DEBOOTSTRAP_DIR": found.scripts}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=FETCH_S, check=False)  # noqa: S603
    if done.returncode:
        shutil.rmtree(making, ignore_errors=True)
        message = f"debootstrap failed: {done.stdout[-500:]}{done.stderr[-500:]}"
        raise NoRoot(message)
    _clean(making)
    try:
        making.rename(kept)
    except OSError:  # another run was faster
        shutil.rmtree(making, ignore_errors=True)
    return kept


def _debootstrap() -> Debootstrap:
    if program := shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        return Debootstrap(program, "/usr/share/debootstrap")
    folder = caches() / "debootstrap"
    if not (folder / "usr").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _fetch(folder)
        except (OSError, subprocess.CalledProcessError) as error:
            message = f"needs debootstrap (apt install debootstrap), and its package cannot be fetched: {error}"
            raise NoRoot(message) from error
    return Debootstrap(str(folder / "usr/sbin/debootstrap"), str(folder / "usr/share/debootstrap"))


def _fetch(folder: pathlib.Path) -> None:
    """Fetch the package and unpack it beside everything else: nothing is installed."""
    fetch = ("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", "debootstrap")
    subprocess.run(fetch, cwd=folder, check=True, capture_output=True, timeout=FETCH_S)  # noqa: S603
    (package,) = folder.glob("debootstrap_*.deb")
    subprocess.run(("dpkg", "-x", package.name, "."), cwd=folder, check=True, capture_output=True)  # noqa: S603, S607


def _clean(root: pathlib.Path) -> None:
    """Take out what a base image does not carry: packages that were fetched, and this machine's name and network."""
    for package in (root / "var/cache/apt/archives").glob("*.deb"):
        package.unlink()
    for name in ("etc/resolv.conf", "etc/hostname", "etc/hosts"):
        (root / name).unlink(missing_ok=True)
        (root / name).touch()
    if CERTIFICATES.is_dir():  # where a network is only reached through a site's own authority, its bases trust it
        shutil.copytree(CERTIFICATES, root / CERTIFICATES.relative_to("/"), dirs_exist_ok=True)
