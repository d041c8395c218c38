"""Read manifests so that each value knows its line; a `Node` walks them, and what is missing is an empty node.

ManifestError    a text that is no YAML, or no manifest
"""

import pathlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import yaml

from functions.local.topology import YAML_LOADER

Tree: TypeAlias = Mapping[str, Any]  # a manifest as written: what it holds is asked of it, never assumed
Path: TypeAlias = tuple[str | int, ...]

NAMESPACE: Final = "tickloom"
_KUSTOMIZE: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")


class ManifestError(ValueError):
    """A text cannot be read as manifests; the message says where and why."""

    def __init__(self, place: str, message: str) -> None:
        """Keep the place apart, so that it can be shown like any finding's."""
        super().__init__(f"{place}: {message}")
        self.place = place
        self.message = message


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What a check found wrong.

    Attributes:
        place: Where, as `file:line`.
        rule: Which rule says so.
        message: What was found, and what is expected.
    """

    place: str
    rule: str
    message: str

    def __str__(self) -> str:
        """Show it as compilers do."""
        return f"{self.place}: {self.rule}: {self.message}"


@dataclass(frozen=True, eq=False)
class Object:
    """One manifest.

    Attributes:
        source: The file it stands in, or the name of the text.
        document: Its content.
        lines: Line of each key and each element of a list, by path.
        repeated: Lines and names of keys that one mapping has twice; the last would win silently.
    """

    source: str
    document: Tree
    lines: Mapping[Path, int]
    repeated: tuple[tuple[int, str], ...] = ()

    @property
    def root(self) -> "Node":
        """Give the whole of it."""
        return Node(self, (), self.document)

    def __getitem__(self, key: str) -> "Node":
        """Step to a field."""
        return self.root[key]

    @cached_property
    def api_version(self) -> str:
        """Give group and version."""
        return self["apiVersion"].text

    @cached_property
    def group(self) -> str:
        """Give the group alone; the core group is empty."""
        return self.api_version.rpartition("/")[0]

    @cached_property
    def kind(self) -> str:
        """Give its kind."""
        return self["kind"].text

    @cached_property
    def name(self) -> str:
        """Give its name."""
        return self["metadata"]["name"].text

    @cached_property
    def namespace(self) -> str:
        """Give its namespace; empty where it says none."""
        return self["metadata"]["namespace"].text

    def place(self, path: Path = ()) -> str:
        """Say where a path is, or the nearest above it that is written."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.source}:{self.lines[path]}"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A place in a manifest and its value; None where nothing is written."""

    owner: Object
    path: Path
    value: Any  # any YAML: those who ask look at its kind

    def __getitem__(self, key: str | int) -> "Node":
        """Step down; a step into nothing gives nothing."""
        below = (*self.path, key)
        if isinstance(self.value, dict) and isinstance(key, str):
            return Node(self.owner, below, self.value.get(key))
        if isinstance(self.value, list) and isinstance(key, int) and key < len(self.value):
            return Node(self.owner, below, self.value[key])
        return Node(self.owner, below, None)

    def __iter__(self) -> Iterator["Node"]:
        """Give the elements of a list; anything else has none."""
        for number in range(len(self.value) if isinstance(self.value, list) else 0):
            yield self[number]

    def __bool__(self) -> bool:
        """Tell whether something is written there."""
        return self.value is not None

    def pairs(self) -> Iterator[tuple[str, "Node"]]:
        """Give the fields of a mapping; anything else has none."""
        for key in self.value if isinstance(self.value, dict) else ():
            yield str(key), self[key]

    @property
    def text(self) -> str:
        """Give a text; anything else is empty."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def number(self) -> int | None:
        """Give a whole number, also one in quotes; None for anything else."""
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return self.value
        return int(self.text) if self.text.isascii() and self.text.isdigit() else None

    @property
    def texts(self) -> dict[str, str]:
        """Give the fields of a mapping whose values are texts."""
        return {key: node.value for key, node in self.pairs() if isinstance(node.value, str)}

    @property
    def place(self) -> str:
        """Say where it stands."""
        return self.owner.place(self.path)

    def finding(self, rule: str, message: str) -> Finding:
        """Say what is wrong here."""
        return Finding(self.place, rule, message)


def load_text(text: str, source: str) -> tuple[Object, ...]:
    """Read every manifest of a text.

    Args:
        text: YAML, any number of documents; empty ones are left out.
        source: What the text is called in findings.

    Raises:
        ManifestError: It is no YAML, or a document is no mapping.
    """
    loader = YAML_LOADER(text)
    found = []
    try:
        while loader.check_node():
            node: yaml.Node = loader.get_node()
            document: object = loader.construct_document(node)
            if isinstance(document, dict):
                found.append(Object(source, document, *_lines(node)))
            elif document is not None:
                place = f"{source}:{node.start_mark.line + 1}"
                raise ManifestError(place, "expected a manifest, found no mapping")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place, reason = f"{source}:{mark.line + 1 if mark else 1}", f"not YAML: {getattr(error, 'problem', error)}"
        raise ManifestError(place, reason) from error
    finally:
        loader.dispose()
    return tuple(found)


def load_files(files: Iterable[pathlib.Path], root: pathlib.Path | None = None) -> tuple[Object, ...]:
    """Read every manifest of some files; `root` is left out of their names."""
    return tuple(
        one for file in files for one in load_text(file.read_text(), str(file.relative_to(root) if root else file))
    )


def files_of(folder: pathlib.Path) -> list[pathlib.Path]:
    """List the files that a kustomize folder names as resources, through the folders it names; no file twice.

    Raises:
        ManifestError: The folder has no kustomization, or names what is not there.
    """
    head = next((folder / name for name in _KUSTOMIZE if (folder / name).is_file()), None)
    if head is None:
        place = f"{folder}:1"
        raise ManifestError(place, "no kustomization here")
    found: dict[pathlib.Path, None] = {}
    for kustomization in load_text(head.read_text(), str(head)):
        for node in kustomization["resources"]:
            one = (folder / node.text).resolve()
            if not one.exists():
                message = f"names {node.text!r}, which is not there"
                raise ManifestError(node.place, message)
            found.update(dict.fromkeys(files_of(one) if one.is_dir() else [one]))
    return list(found)


def _lines(node: yaml.Node) -> tuple[dict[Path, int], tuple[tuple[int, str], ...]]:
    lines: dict[Path, int] = {(): node.start_mark.line + 1}
    repeated: list[tuple[int, str]] = []

    def walk(one: yaml.Node, path: Path) -> None:
        if isinstance(one, yaml.MappingNode):
            for key, value in one.value:
                below = (*path, str(key.value))
                line = key.start_mark.line + 1
                if below in lines:
                    repeated.append((line, str(key.value)))
                lines[below] = line
                walk(value, below)
        elif isinstance(one, yaml.SequenceNode):
            for number, value in enumerate(one.value):
                lines[*path, number] = value.start_mark.line + 1
                walk(value, (*path, number))

    walk(node, ())
    return lines, tuple(repeated)
