"""Keep models by name and version in a folder, and say which of them are asked.

    <root>/<name>/manifest.json              one version, as shipped; it decides unless `serving.json` says otherwise
                  text_manifest.json         the same of a model over texts
    <root>/<name>/<version>/manifest.json    further versions, each with its model file; they never change
    <root>/<name>/serving.json               which version decides, which is tried for a share, which stand beside

A version is known by the digest of its manifest, which holds the digest of its model file: another content under a
version that was loaded is refused. What is broken at the start answers degraded; what breaks later leaves what was
there.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final, TypeAlias

import msgspec

from functions.adapters.onnx import (
    CPU,
    GOLDEN,
    MANIFEST,
    BrokenModel,
    Manifest,
    ModelError,
    OnnxModel,
    load_model,
    providers_of,
    read_manifest,
)
from functions.adapters.texts import MANIFEST as TEXT_MANIFEST
from functions.adapters.texts import HashedModel, TextManifest, load_hashed, read_text_manifest
from functions.ports.models import Change, Lineup

SERVING: Final = "serving.json"
SHADOW: Final = "shadow"
VERSIONS_MAX: Final = 64
"""Most versions of one model; with more it is refused until some are taken away."""

_Loaded: TypeAlias = OnnxModel | HashedModel
_Model: TypeAlias = _Loaded | BrokenModel
_Traces: TypeAlias = tuple[tuple[str, bytes | tuple[int, int]], ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """Say how models of a kind lie in a folder.

    Args:
        manifest: Name of their manifest; kinds have different ones, so that a registry may hold them all.
        read: Reads it.
        load: Loads one, given what sessions run on.
    """

    manifest: str
    read: Callable[[Path], Manifest | TextManifest]
    load: Callable[[Path, Sequence[str]], _Loaded]


FEATURES: Final = Kind(MANIFEST, read_manifest, lambda folder, providers: load_model(folder, providers=providers))
TEXTS: Final = Kind(TEXT_MANIFEST, read_text_manifest, lambda folder, _: load_hashed(folder))
_KINDS: Final = (FEATURES, TEXTS)


class Serving(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say which versions of a model are asked; the content of `serving.json`.

    Args:
        champion: Version that decides; empty for none.
        challenger: Version that decides for its share; empty for none.
        share: Share of (instrument, UTC day) pairs that the challenger gets, 0 to 1.
        shadows: Versions that only answer beside.
    """

    champion: str = ""
    challenger: str = ""
    share: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.0
    shadows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """Say what is registered: a version of a model, and what it is asked for.

    Args:
        name: Model name.
        version: Its version; empty where `problem` keeps from reading any.
        digest: What the version is known by.
        role: `champion`, `challenger`, `shadow`, or nothing for one that is not asked.
        share: Share that a challenger gets, 0 to 1.
        metrics: Figures of its manifest.
        problem: Why it cannot be served; empty for nothing.
    """

    name: str
    version: str = ""
    digest: str = ""
    role: str = ""
    share: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    problem: str = ""


@dataclass(slots=True)
class _Known:
    """What is known of one model: what its folder looked like, what of it is asked, and the digests of its versions."""

    traces: _Traces = ()
    lineup: Lineup | None = None
    digests: dict[str, str] = field(default_factory=dict)
    loaded: dict[str, _Loaded] = field(default_factory=dict)


class FileModels:
    """Port `ModelRegistry` over the models of one kind in a folder."""

    def __init__(self, root: Path, *, kind: Kind = FEATURES, device: str = "cpu", instead: Path | None = None) -> None:
        """Name the folder, what sessions run on (`cpu` or `auto`), and the folder while it serves none of the kind."""
        self._root = root
        self._instead = instead
        self._kind = kind
        self._providers = providers_of(device)
        self._known: dict[str, _Known] = {}

    @property
    def lineups(self) -> tuple[Lineup, ...]:
        """Give what is asked, in name order, as of the last look."""
        return tuple(known.lineup for _, known in sorted(self._known.items()) if known.lineup is not None)

    def refresh(self) -> tuple[Change, ...]:
        """Look at every model's files, and load what changed; a model whose folder is gone is asked no longer."""
        root = self._root if self._instead is None or serves(self._root, self._kind) else self._instead
        folders = {folder.name: folder for folder in _model_folders(root, self._kind)}
        gone = [Change(name, ()) for name in sorted(set(self._known) - set(folders))]
        self._known = {name: known for name, known in self._known.items() if name in folders}
        changes = [self._look(name, folder) for name, folder in sorted(folders.items())]
        return (*gone, *(change for change in changes if change is not None))

    def _look(self, name: str, folder: Path) -> Change | None:
        known = self._known.setdefault(name, _Known())
        traces = _traces(folder, self._kind)
        if traces == known.traces:
            return None
        known.traces = traces  # before loading: what changes meanwhile is seen by the next look
        lineup, refused = self._lineup(name, folder, known)
        if known.lineup is not None and _breaks(lineup, known.lineup):
            lineup = known.lineup
        known.lineup = lineup
        asked = {one.spec.version for one in lineup.models}
        known.loaded = {version: model for version, model in known.loaded.items() if version in asked}
        return Change(name, tuple(one.spec.version for one in lineup.models), refused)

    def _lineup(self, name: str, folder: Path, known: _Known) -> tuple[Lineup, str]:
        """Load what a folder says; also give the first thing that is wrong with it."""
        try:
            places = _versions(folder, self._kind)
            serving = _serving(folder, places)
        except ModelError as error:
            return Lineup(name, BrokenModel(name, str(error))), str(error)

        def load(version: str) -> _Model:
            try:
                return self._load(name, places, version, known)
            except ModelError as error:
                return BrokenModel(name, str(error), version)

        named = tuple(dict.fromkeys((serving.champion, serving.challenger)))  # a version is asked once
        deciding = [load(version) if version else None for version in (*named, "")[:2]]
        shadows = [load(version) for version in dict.fromkeys(serving.shadows) if version not in named]
        champion, challenger = (None if one is None or one.spec.shadow else one for one in deciding)
        shadows += [one for one in deciding if one is not None and one.spec.shadow]
        lineup = Lineup(name, champion, challenger, serving.share, tuple(shadows))
        return lineup, next((one.broken for one in lineup.models if one.broken), "")

    def _load(self, name: str, places: Mapping[str, Path], version: str, known: _Known) -> _Loaded:
        if version not in places:
            detail = f"model {name}: there is no version {version or 'without a name'}"
            raise ModelError(detail)
        digest = digest_of(places[version], self._kind)
        if known.digests.get(version, digest) != digest:
            detail = f"model {name}: version {version} was another one when it was loaded; versions never change"
            raise ModelError(detail)
        model = known.loaded.get(version) or self._kind.load(places[version], self._providers)
        if (model.spec.name, model.spec.version) != (name, version):
            detail = f"model {name}: the manifest of version {version} is of {model.spec.name} {model.spec.version}"
            raise ModelError(detail)
        known.digests[version] = digest
        known.loaded[version] = model
        return model


def register(folder: Path, root: Path) -> Path:
    """Copy a trained model into a registry as a version of its own: manifest, model file, and golden rows if any.

    Args:
        folder: Folder with a manifest and the model file it names.
        root: Registry.

    Returns:
        The version's folder; that of an equal version that is there already is left as it is.

    Raises:
        ModelError: The model is not what its manifest says, another one is registered under its version, or there
            are too many versions.
    """
    kind = kind_of(folder)
    manifest = kind.load(folder, (CPU,)).manifest
    name, version = Path(manifest.name).name, Path(manifest.version).name
    place = root / name / version
    if (place / kind.manifest).exists():
        if digest_of(place, kind) != digest_of(folder, kind):
            detail = f"model {name}: another version {version} is registered; versions never change"
            raise ModelError(detail)
        return place
    if len(_version_folders(root / name, kind)) >= VERSIONS_MAX:
        detail = f"model {name}: {VERSIONS_MAX} versions are registered already; take some away"
        raise ModelError(detail)
    place.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", dir=place.parent) as aside:
        whole = Path(aside) / version
        whole.mkdir()
        beside = [GOLDEN] if (folder / GOLDEN).exists() else []
        for file in (Path(manifest.file).name, *beside, kind.manifest):
            shutil.copyfile(folder / file, whole / file)
        whole.rename(place)
    return place


def promote(root: Path, name: str, serving: Serving) -> None:
    """Say from now on which versions of a registered model are asked.

    Raises:
        ModelError: A version is not registered.
    """
    folder = root / name
    places = {version: place for kind in _KINDS for version, place in _versions(folder, kind).items()}
    named = (serving.champion, serving.challenger, *serving.shadows)
    absent = [version for version in named if version and version not in places]
    if absent:
        detail = f"model {name}: there is no version {', '.join(absent)}"
        raise ModelError(detail)
    unfinished = folder / f".{SERVING}"
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(serving), indent=1) + b"\n")
    unfinished.replace(folder / SERVING)


def listed(root: Path) -> Iterator[Listed]:
    """List every version there is, by model; nothing is loaded."""
    for kind in _KINDS:
        for folder in _model_folders(root, kind):
            places: dict[str, Path] = {}
            serving = Serving()
            try:
                places = _versions(folder, kind)
                serving = _serving(folder, places)
            except ModelError as error:
                yield Listed(folder.name, problem=str(error))
            yield from (_listed(folder.name, version, places[version], serving) for version in sorted(places))


def _listed(name: str, version: str, place: Path, serving: Serving) -> Listed:
    kind = kind_of(place)
    try:
        manifest = kind.read(place)
    except ModelError as error:
        return Listed(name, version, problem=str(error))
    deciding = {serving.champion: "champion", serving.challenger: "challenger"}
    role = deciding.get(version, SHADOW if version in serving.shadows else "")
    share = serving.share if role == "challenger" else 0.0
    if role and manifest.spec.shadow:
        role = SHADOW
    return Listed(name, version, digest_of(place, kind), role, share, manifest.metrics)


def find_version(root: Path, name: str, version: str) -> Path:
    """Say where a version of a model lies, whether it is asked or not.

    Raises:
        ModelError: It is not there; the message names those that are.
    """
    places = _versions(root / Path(name).name, FEATURES)
    if version not in places:
        detail = f"model {name}: there is no version {version}, only {', '.join(sorted(places)) or 'none'}"
        raise ModelError(detail)
    return places[version]


def kind_of(folder: Path) -> Kind:
    """Say of which kind the model in a folder is: by its manifest; without any it is one over features."""
    return next((kind for kind in _KINDS if (folder / kind.manifest).is_file()), FEATURES)


def serves(root: Path, kind: Kind) -> bool:
    """Tell whether a registry says of a model of a kind which version is asked; registered versions alone do not."""
    return any((one / kind.manifest).is_file() or (one / SERVING).is_file() for one in _model_folders(root, kind))


def digest_of(folder: Path, kind: Kind = FEATURES) -> str:
    """Give the digest that a version is known by: its manifest's, which holds its model file's.

    Raises:
        ModelError: There is no manifest.
    """
    try:
        return hashlib.sha256((folder / kind.manifest).read_bytes()).hexdigest()
    except OSError as error:
        detail = f"model {folder.name}: {error}"
        raise ModelError(detail) from error


def _breaks(new: Lineup, old: Lineup) -> bool:
    """Tell whether a lineup breaks what an old one has: its champion, or a version that was not broken there."""
    if old.champion is not None and old.champion.broken:
        return False
    if new.champion is not None and new.champion.broken:
        return True
    known = {one.spec.version for one in old.models if one.broken}
    return any(one.broken and one.spec.version not in known for one in new.models)


def _serving(folder: Path, places: Mapping[str, Path]) -> Serving:
    """Read which versions are asked; without a word, the one that stands in the model's own folder."""
    try:
        return msgspec.json.decode((folder / SERVING).read_bytes(), type=Serving)
    except FileNotFoundError:
        shipped = [version for version, place in places.items() if place == folder]
        if not shipped:
            detail = f"model {folder.name}: no {SERVING} says which of its versions decides"
            raise ModelError(detail) from None
        return Serving(champion=shipped[0])
    except (OSError, msgspec.DecodeError) as error:
        detail = f"model {folder.name}: {SERVING}: {error}"
        raise ModelError(detail) from error


def _versions(folder: Path, kind: Kind) -> dict[str, Path]:
    """Say where each version lies.

    Raises:
        ModelError: The manifest in the model's own folder cannot be read, or there are too many versions.
    """
    places = {place.name: place for place in _version_folders(folder, kind)}
    if len(places) > VERSIONS_MAX:
        detail = f"model {folder.name}: {len(places)} versions, at most {VERSIONS_MAX} are kept; take some away"
        raise ModelError(detail)
    if (folder / kind.manifest).exists():
        places[kind.read(folder).version] = folder
    return places


def _model_folders(root: Path, kind: Kind) -> Iterator[Path]:
    """Give the folders below a registry that hold a model or its versions; where nothing else is, `serving.json` is."""
    if root.is_dir():
        for folder in sorted(root.iterdir()):
            held = [one for one in _KINDS if (folder / one.manifest).is_file() or _version_folders(folder, one)]
            if kind in held or (not held and kind is FEATURES and (folder / SERVING).is_file()):
                yield folder


def _version_folders(folder: Path, kind: Kind) -> list[Path]:
    return sorted(place.parent for place in folder.glob(f"[!.]*/{kind.manifest}"))


def _traces(folder: Path, kind: Kind) -> _Traces:
    """Give what shows that a model changed: what its manifests say, and when and how big its other files were made."""
    return tuple(
        (os.path.relpath(file, folder), trace)
        for place in (folder, *_version_folders(folder, kind))
        for file in sorted(place.iterdir())
        if (trace := _trace(file)) is not None
    )


def _trace(file: Path) -> bytes | tuple[int, int] | None:
    try:
        if file.name in {MANIFEST, TEXT_MANIFEST, SERVING}:
            return hashlib.sha256(file.read_bytes()).digest()
        found = file.stat()
    except OSError:  # it went away meanwhile
        return None
    return (found.st_mtime_ns, found.st_size) if file.is_file() else None
