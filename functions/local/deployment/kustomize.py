"""Render overlays with kustomize, and say where two renders differ, object by object.

RenderError    kustomize is not here, or it refused; the message says what it said
"""

import pathlib
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from functions.local import tools
from functions.local.deployment.generated import KNATIVE
from functions.local.deployment.objects import NAMESPACE, ManifestError, Object, load_text

RENDER_S: Final = 60.0
OVERLAYS: Final = KNATIVE / "overlays"
NOTHING: Final = "nothing"
"""What is shown for a value that one side does not have."""

ENVIRONMENT: Final = "tickloom.dev/environment"
"""Label that each object of an overlay has."""

Identity: TypeAlias = tuple[str, str, str]
"""Group, kind and name. Not the namespace: each environment has one of its own, and what is in it corresponds."""

Objects: TypeAlias = Mapping[Identity, Object]
Trees: TypeAlias = dict[Identity, Any]  # documents, as YAML has them


class RenderError(Exception):
    """An overlay cannot be rendered; the message says why and what to do."""


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One difference between two renders.

    Attributes:
        where: The object, as `Kind name`.
        path: The field inside it; empty where the whole object is on one side only.
        before: The value of the first render, as text.
        after: The value of the second.
    """

    where: str
    path: str
    before: str
    after: str

    def __str__(self) -> str:
        """Show it as one line."""
        return f"{self.where}: {self.path or 'the object'}: {self.before} -> {self.after}"


def overlays() -> tuple[str, ...]:
    """Name the overlays there are."""
    return tuple(sorted(file.parent.name for file in OVERLAYS.glob("*/kustomization.yaml")))


def folder_of(overlay: str) -> pathlib.Path:
    """Give the folder of an overlay.

    Args:
        overlay: A name, or the path of a folder with a kustomization.

    Raises:
        RenderError: There is none.
    """
    for folder in (OVERLAYS / overlay, pathlib.Path(overlay)):
        if (folder / "kustomization.yaml").is_file():
            return folder
    message = f"there is no overlay `{overlay}`; there are {', '.join(overlays())}, or name a folder"
    raise RenderError(message)


def render(overlay: str) -> str:
    """Give everything that an overlay deploys, as one YAML stream.

    Args:
        overlay: A name, or the path of a folder with a kustomization.

    Raises:
        RenderError: There is no such overlay, no kustomize, or it refused.
    """
    folder = folder_of(overlay)
    words = (*_command(), str(folder))
    done = subprocess.run(words, capture_output=True, text=True, timeout=RENDER_S, check=False)  # noqa: S603 - our words
    if done.returncode:
        message = f"kustomize refuses {folder}: {done.stderr.strip()}"
        raise RenderError(message)
    return done.stdout


def _command() -> tuple[str, ...]:
    """Take kustomize, or the one inside kubectl."""
    found = tools.find("kustomize")
    if found.path is not None:
        return (str(found.path), "build")
    if kubectl := shutil.which("kubectl"):
        return (kubectl, "kustomize")
    raise RenderError(found.reason)


def identified(text: str, name: str) -> Objects:
    """Index the objects of a render.

    Args:
        text: The render.
        name: What it is called in errors.

    Raises:
        ManifestError: It is no YAML, or has an object twice.
    """
    found: dict[Identity, Object] = {}
    for one in load_text(text, name):
        identity = (one.group, one.kind, one.name)
        if identity in found:
            raise ManifestError(one.place(), f"{one.kind} {one.name} stands here a second time")
        found[identity] = one
    return found


def changes(before: Objects, after: Objects) -> list[Change]:
    """Say what differs, sorted by kind, name and path.

    Where the namespaces differ, that is told once: names and texts that hold them correspond.

    Args:
        before: Objects of one render.
        after: Objects of the other.
    """
    here, there = _namespace(before), _namespace(after)
    if here == there:
        return sorted(_changes(_documents(before), _documents(after)))
    moved = Change(f"Namespace {there}", "metadata.name", here, there)
    return [moved, *sorted(_changes(_placed(before, here), _placed(after, there)))]


def _changes(before: Trees, after: Trees) -> Iterator[Change]:
    for identity in before.keys() | after.keys():
        where = f"{identity[1]} {identity[2]}"
        if identity not in before:
            yield Change(where, "", NOTHING, "there")
        elif identity not in after:
            yield Change(where, "", "there", NOTHING)
        else:
            found = _differences(before[identity], after[identity], "")
            yield from (Change(where, path, old, new) for path, old, new in found)


def _namespace(objects: Objects) -> str:
    return next((name for _, kind, name in objects if kind == "Namespace"), NAMESPACE)


def _documents(objects: Objects) -> Trees:
    return {identity: one.document for identity, one in objects.items()}


def _placed(objects: Objects, namespace: str) -> Trees:
    """Give documents as if they were in the namespace of the base, without the name of their environment."""

    def placed(value: Any) -> Any:  # noqa: ANN401 - any YAML
        if isinstance(value, Mapping):
            return {key: placed(one) for key, one in value.items() if key != ENVIRONMENT}
        if isinstance(value, list):
            return [placed(one) for one in value]
        return value.replace(namespace, NAMESPACE) if isinstance(value, str) else value

    return {(group, kind, placed(name)): placed(one.document) for (group, kind, name), one in objects.items()}


def _differences(before: Any, after: Any, path: str) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 - any YAML
    """Give path and both values of each leaf that differs; elements of a list that have names are paired by them."""
    if isinstance(before, list) and isinstance(after, list):
        before, after = _keyed(before, after)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            step = str(key) if not path or str(key).startswith("[") else f".{key}"
            yield from _differences(before.get(key), after.get(key), path + step)
    elif before != after:
        yield path, _shown(before), _shown(after)


def _keyed(before: Sequence[Any], after: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    named = all(isinstance(one, Mapping) and "name" in one for one in (*before, *after))
    if named:
        return {f"[{one['name']}]": one for one in before}, {f"[{one['name']}]": one for one in after}
    return {f"[{at}]": one for at, one in enumerate(before)}, {f"[{at}]": one for at, one in enumerate(after)}


def _shown(value: object) -> str:
    return NOTHING if value is None else str(value)
