"""Start a pod's container in an image, as a kubelet does: its volumes, its user, its hosts, its probe, its end."""

import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import cells
import interpreter
import pods

NAMED: Final = ("KAFKA_BOOTSTRAP_SERVERS", "TICKLOOM_QUEUE_SERVERS", "K_SINK")
"""Variables that name hosts which a pod must reach to be ready; they are all on its loopback."""
_HOST: Final = re.compile(r"(?:https?://)?([a-z0-9.-]+)")


def start(
    image: interpreter.Image,
    pod: pods.Pod,
    *,
    ports: Mapping[int, int],
    within_s: float,
    claimed: Mapping[str, bytes],
) -> cells.Told:
    """Start a container, wait until it is ready or has ended, and stop it.

    Args:
        image: What it is made of.
        pod: How it is started.
        ports: Which ports of its loopback lead to which of this machine; there is no other network.
        within_s: How long it may take.
        claimed: Files that lie in its claims.
    """
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pod-", dir="/var/tmp"))
    try:
        program = cells.Program(
            image.root,
            pod.args or image.command,
            {**image.env, **pod.env},
            image.workdir,
            uid=image.user[0],
            gid=image.user[1],
            groups=[pod.group] if pod.group else [],
            mounts=list(_mounts(pod, folder, claimed)),
            read_only=True,
            drop_all=True,
        )
        return cells.watch(program, replace(pod.probe, within_s=within_s), ports=ports)
    finally:
        shutil.rmtree(folder)


def _mounts(pod: pods.Pod, folder: pathlib.Path, claimed: Mapping[str, bytes]) -> Iterator[cells.Mount]:
    """Make the volumes: a claim is a folder that only root may write to, unless the pod names a group for it."""
    hosts = folder / "hosts"
    names = {match[1] for name in NAMED if (match := _HOST.match(pod.env.get(name, "")))}
    hosts.write_text(" ".join(("127.0.0.1 localhost", *sorted(names))) + "\n", encoding="ascii")
    yield cells.Mount("/etc/hosts", str(hosts), read_only=True)
    for number, volume in enumerate(pod.volumes):
        if volume.kind == "memory":
            yield cells.Mount(volume.at, size=volume.size, read_only=volume.read_only)
            continue
        source = folder / f"volume-{number}"
        source.mkdir(mode=0o755)
        for name, content in (claimed if volume.kind == "claim" else volume.files).items():
            (source / name).write_bytes(content)
        if volume.kind == "claim" and pod.group:
            shutil.chown(source, group=pod.group)
            source.chmod(0o2775)
        yield cells.Mount(volume.at, str(source), read_only=volume.read_only)
