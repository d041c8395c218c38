"""Models over texts are registered, promoted and reloaded by the rules of the others."""

import json
import pathlib
import shutil

import pytest

from functions.adapters.model_registry import FEATURES, TEXTS, FileModels, Serving, promote, register, serves
from functions.adapters.onnx import ModelError
from functions.adapters.text_models import SHIPPED, FolderTexts
from functions.ports.models import ModelRegistry

FILES = ("text_manifest.json", "model.onnx", "golden.json")


def trained(folder: pathlib.Path, version: str) -> pathlib.Path:
    """Make a model folder of a version, as training leaves it."""
    folder.mkdir(parents=True)
    for file in FILES:
        shutil.copyfile(SHIPPED / file, folder / file)
    manifest = json.loads((folder / FILES[0]).read_bytes())
    (folder / FILES[0]).write_text(json.dumps(manifest | {"version": version}))
    return folder


def asked(registry: ModelRegistry) -> list[tuple[str, str, str]]:
    """Look, and give name, version and fault of what is asked."""
    registry.refresh()
    return [(one.name, own.spec.version, own.broken) for one in registry.lineups for own in one.models]


def test_registered_and_promoted(tmp_path: pathlib.Path) -> None:
    """A version is kept as a file of the registry and asked once it is promoted; others stand beside or get a share."""
    root = tmp_path / "registry"
    places = [register(trained(tmp_path / version, version), root) for version in ("1", "2", "3")]
    assert [place.relative_to(root).as_posix() for place in places] == [f"sentiment/{n}" for n in "123"]
    assert not serves(root, TEXTS)
    registry = FileModels(root, kind=TEXTS, instead=SHIPPED.parent)
    assert [(name, broken) for name, _, broken in asked(registry)] == [("sentiment", "")]  # the shipped, until promoted
    promote(root, "sentiment", Serving(champion="1", challenger="2", share=0.1, shadows=("3",)))
    assert asked(registry) == [("sentiment", version, "") for version in "123"]
    assert (serves(root, TEXTS), serves(root, FEATURES)) == (True, False)
    promote(root, "sentiment", Serving(champion="2"))
    assert asked(registry) == [("sentiment", "2", "")]
    assert asked(FileModels(root)) == []


def test_versions_never_change(tmp_path: pathlib.Path) -> None:
    """Another content under a registered version is refused, and what is broken later leaves what was asked."""
    root = tmp_path / "registry"
    place = register(trained(tmp_path / "a", "1"), root)
    other = trained(tmp_path / "b", "1")
    (other / FILES[0]).write_text((other / FILES[0]).read_text() + " ")
    with pytest.raises(ModelError, match="versions never change"):
        register(other, root)
    promote(root, "sentiment", Serving(champion="1"))
    registry = FileModels(root, kind=TEXTS)
    assert asked(registry) == [("sentiment", "1", "")]
    shutil.copyfile(other / FILES[0], place / FILES[0])
    (change,) = registry.refresh()
    assert "versions never change" in change.refused
    assert asked(registry) == [("sentiment", "1", "")]


def test_kinds_do_not_mix() -> None:
    """The shipped registry holds both kinds, and each is asked by its own."""
    shipped = SHIPPED.parent
    assert [name for name, *_ in asked(FileModels(shipped, kind=TEXTS))] == ["sentiment"]
    assert "sentiment" not in {name for name, *_ in asked(FileModels(shipped))}


def test_folder_is_reloaded(tmp_path: pathlib.Path) -> None:
    """A folder that is named by path is loaded again when it changes; one that breaks leaves what was there."""
    folder = trained(tmp_path / "mine", "1")
    registry = FolderTexts(folder)
    assert asked(registry) == [("sentiment", "1", "")]
    assert registry.refresh() == ()
    manifest = json.loads((folder / FILES[0]).read_bytes())
    (folder / FILES[0]).write_text(json.dumps(manifest | {"version": "1.1"}))
    assert asked(registry) == [("sentiment", "1.1", "")]
    (folder / FILES[1]).write_bytes(b"")
    (change,) = registry.refresh()
    assert "has digest" in change.refused
    assert asked(registry) == [("sentiment", "1.1", "")]
