"""Validate manifests by schemas: Knative's (strict where there is one) and Kubernetes' own, and say what none covers.

Knative's lie in a folder that is named; Kubernetes' come with the package `kubernetes-validate`, of which only the data
are read. Schemas of other kinds (KEDA, Strimzi, Argo CD ...) are not here, and that is said too.
"""

import functools
import importlib.util
import json
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from functions.local.deployment.objects import Finding, Object, Path

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

RULE: Final = "schema"
KUBERNETES: Final = "1.34.0"
"""Whose schemas hold for the core kinds: the oldest Kubernetes that Knative 1.23 runs on is not newer."""

_PACKAGE: Final = "kubernetes_validate"
_DEFINITIONS: Final = "_definitions.json"
_CORE: Final = frozenset(("", "apps", "autoscaling", "batch", "policy"))
_CORE_SUFFIX: Final = ".k8s.io"

Key: TypeAlias = tuple[str, str]
"""apiVersion and kind."""


class Schemas:
    """Validate objects by those schemas that are here.

    Args:
        folder: Knative's schemas, with the tighter ones in `strict/`; None where there are none.
        core: Kubernetes' own; None where there are none.
    """

    def __init__(self, folder: pathlib.Path | None, core: pathlib.Path | None) -> None:
        """Look what is here; a schema is read when it is first needed."""
        self._folder = folder
        self._here = importlib.util.find_spec("jsonschema") is not None
        self._knative = _index(folder) if folder and self._here else {}
        self._core = core if self._here else None
        self._validators: dict[Key, Draft202012Validator | None] = {}

    def findings(self, one: Object) -> Iterator[Finding]:
        """Give what the schema of an object's kind refuses; nothing where no schema covers it."""
        validator = self._validator((one.api_version, one.kind))
        if validator is not None:
            for error in validator.iter_errors(without_nulls(one.document)):
                yield from _told(one, error)

    def unchecked(self, objects: Iterable[Object]) -> tuple[str, ...]:
        """Say which kinds no schema covered, and why."""
        if not self._here:
            return ("no kind by its schema: the package jsonschema is not installed",)
        kinds = {(one.api_version, one.kind) for one in objects}
        missing = sorted(key for key in kinds if self._validator(key) is None)
        core = [kind for version, kind in missing if _is_core(version)]
        knative = [kind for version, kind in missing if _is_knative(version)]
        other = [f"{version} {kind}" for version, kind in missing if not _is_core(version) and not _is_knative(version)]
        said = (
            (core, "the package kubernetes-validate is not installed" if self._core is None else "it has none"),
            (knative, "name Knative's with --schemas or TICKLOOM_SCHEMAS" if not self._knative else "it has none"),
            (other, "those who made them publish none that is here"),
        )
        return tuple(f"{', '.join(kinds)} by schema: {why}" for kinds, why in said if kinds)

    def _validator(self, key: Key) -> "Draft202012Validator | None":
        if key not in self._validators:
            self._validators[key] = self._made(key)
        return self._validators[key]

    def _made(self, key: Key) -> "Draft202012Validator | None":
        if key in self._knative:
            return _knative_validator(self._knative[key])
        if self._core is not None and _is_core(key[0]):
            return _core_validator(self._core, key)
        return None


def without_nulls(value: Any) -> Any:  # noqa: ANN401 - any YAML
    """Leave out fields without a value, as the API server does."""
    if isinstance(value, Mapping):
        return {key: without_nulls(below) for key, below in value.items() if below is not None}
    if isinstance(value, list):
        return [without_nulls(below) for below in value]
    return value


def _is_core(api_version: str) -> bool:
    group = api_version.rpartition("/")[0]
    return group in _CORE or group.endswith(_CORE_SUFFIX)


def _is_knative(api_version: str) -> bool:
    return ".knative.dev/" in api_version


@functools.cache
def _index(folder: pathlib.Path) -> dict[Key, pathlib.Path]:
    """Find Knative's schemas by kind; a strict one goes before the CRD's."""
    found = {}
    for file in (*sorted(folder.glob("*.json")), *sorted((folder / "strict").glob("*.json"))):
        for kind in json.loads(file.read_text()).get("x-kubernetes-group-version-kind", ()):
            found[f"{kind['group']}/{kind['version']}", kind["kind"]] = file
    return found


def core_folder() -> pathlib.Path | None:
    """Find Kubernetes' schemas in their package; None where it is not installed, or lacks this version."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = pathlib.Path(spec.submodule_search_locations[0]) / "kubernetes-json-schema" / f"v{KUBERNETES}-local-strict"
    return folder if folder.is_dir() else None


@functools.cache
def _knative_validator(file: pathlib.Path) -> "Draft202012Validator":
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - only here where tests and checks are made

    return Draft202012Validator(json.loads(file.read_text()))


@functools.cache
def _core_validator(folder: pathlib.Path, key: Key) -> "Draft202012Validator | None":
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - as above

    group, _, version = key[0].rpartition("/")
    name = "-".join(part for part in (key[1].lower(), group.split(".")[0], version) if part)
    file = folder / f"{name}.json"
    if not file.is_file():
        return None
    return Draft202012Validator(json.loads(file.read_text()), registry=_registry(folder))


@functools.cache
def _registry(folder: pathlib.Path) -> Any:  # noqa: ANN401 - its type needs two parameters that say nothing here
    from referencing import Registry, Resource  # noqa: PLC0415 - as above
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415 - as above

    definitions = json.loads((folder / _DEFINITIONS).read_text())
    resource = Resource.from_contents(definitions, default_specification=DRAFT202012)
    return Registry().with_resource(_DEFINITIONS, resource).crawl()


def _told(one: Object, error: "ValidationError") -> Iterator[Finding]:
    """Say an error where it stands; of alternatives, what is wrong with the likeliest."""
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - as above

    likely = best_match([error]) or error
    path: Path = tuple(likely.absolute_path)
    if likely.validator == "additionalProperties" and isinstance(likely.instance, Mapping):
        schema = likely.schema if isinstance(likely.schema, Mapping) else {}
        for key in sorted(set(likely.instance) - set(schema.get("properties", ()))):
            yield Finding(one.place((*path, key)), RULE, f"{one.kind} has no field {key!r} here")
        return
    yield Finding(one.place(path), RULE, f"{'.'.join(map(str, path)) or one.kind}: {_cut(likely.message)}")


def _cut(message: str, most: int = 200) -> str:
    return message if len(message) <= most else f"{message[:most]} ..."
