"""A registry says which versions are asked, notices what changes, and never lets go of what works for what does not."""

import shutil
from pathlib import Path

import pytest
from modelled import FILE, sound, squared, write_model, wrong_shape

from functions.adapters import model_registry
from functions.adapters.model_registry import SERVING, FileModels, Serving, promote, register
from functions.adapters.onnx import ModelError
from functions.ports.models import Change, Lineup


def version(root: Path, number: str, *, promoted: float = 1.0) -> Path:
    """Register version `number` of model `m`."""
    return write_model(root / "m" / number, name="m", version=number, metrics={"promoted": promoted})


def asked(lineup: Lineup) -> dict[str, object]:
    """Say by version who does what."""
    return {
        "champion": lineup.champion and lineup.champion.spec.version,
        "challenger": lineup.challenger and lineup.challenger.spec.version,
        "shadows": [one.spec.version for one in lineup.shadows],
    }


def test_as_shipped(tmp_path: Path) -> None:
    """A model alone in its folder decides; folders without a model are passed over."""
    write_model(tmp_path / "b")
    write_model(tmp_path / "a")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "README.md").touch()
    models = FileModels(tmp_path)
    assert models.refresh() == (Change("a", ("1",)), Change("b", ("1",)))
    assert [one.name for one in models.lineups] == ["a", "b"]
    assert models.refresh() == ()


def test_no_registry(tmp_path: Path) -> None:
    """A folder that is not there holds no models."""
    models = FileModels(tmp_path / "nowhere")
    assert (models.refresh(), models.lineups) == ((), ())


def test_versions(tmp_path: Path) -> None:
    """`serving.json` says who decides, who is tried and who stands beside, among the shipped and the registered."""
    write_model(tmp_path / "m", version="1")
    version(tmp_path, "2")
    version(tmp_path, "3")
    promote(tmp_path, "m", Serving(champion="2", challenger="3", share=0.25, shadows=("1",)))
    models = FileModels(tmp_path)
    models.refresh()
    (lineup,) = models.lineups
    assert asked(lineup) == {"champion": "2", "challenger": "3", "shadows": ["1"]}
    assert lineup.share == 0.25


def test_not_promoted_never_decides(tmp_path: Path) -> None:
    """A version that lost to its baseline stands beside, whatever `serving.json` says."""
    version(tmp_path, "1", promoted=0.0)
    promote(tmp_path, "m", Serving(champion="1"))
    models = FileModels(tmp_path)
    models.refresh()
    assert asked(models.lineups[0]) == {"champion": None, "challenger": None, "shadows": ["1"]}


def test_asked_once(tmp_path: Path) -> None:
    """A version that `serving.json` names twice is asked once, as what decides."""
    for one in ("1", "2"):
        version(tmp_path, one)
    promote(tmp_path, "m", Serving(champion="1", challenger="1", share=0.5, shadows=("1", "2", "2")))
    models = FileModels(tmp_path)
    models.refresh()
    assert asked(models.lineups[0]) == {"champion": "1", "challenger": None, "shadows": ["2"]}


def test_versions_without_a_word(tmp_path: Path) -> None:
    """Versions of which none is said to decide answer degraded."""
    version(tmp_path, "1")
    (change,) = FileModels(tmp_path).refresh()
    assert change.refused == "model m: no serving.json says which of its versions decides"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", "serving.json: "),
        ('{"champion": "9"}', "there is no version 9"),
        ('{"champion": "1", "share": 2}', "serving.json: "),
        ('{"champion": "1", "winner": "1"}', "serving.json: "),
    ],
)
def test_broken_serving_leaves_what_was_there(tmp_path: Path, text: str, found: str) -> None:
    """What `serving.json` gets wrong is refused with its reason, and what was asked still is, until it is put right."""
    version(tmp_path, "1")
    promote(tmp_path, "m", Serving(champion="1"))
    models = FileModels(tmp_path)
    models.refresh()
    (before,) = models.lineups
    (tmp_path / "m" / SERVING).write_text(text)
    (change,) = models.refresh()
    assert found in change.refused
    assert models.lineups == (before,)
    promote(tmp_path, "m", Serving(champion="1", share=0.5))
    assert models.refresh() == (Change("m", ("1",)),)


def test_new_version(tmp_path: Path) -> None:
    """A promoted version takes over; a version that stays is not loaded again."""
    version(tmp_path, "1")
    promote(tmp_path, "m", Serving(champion="1"))
    models = FileModels(tmp_path)
    models.refresh()
    (old,) = models.lineups
    version(tmp_path, "2")
    promote(tmp_path, "m", Serving(champion="2", shadows=("1",)))
    assert models.refresh() == (Change("m", ("2", "1")),)
    (new,) = models.lineups
    assert new.shadows[0] is old.champion


def test_broken_version_leaves_the_old(tmp_path: Path) -> None:
    """A version whose file is not what its manifest says never takes over."""
    version(tmp_path, "1")
    promote(tmp_path, "m", Serving(champion="1"))
    models = FileModels(tmp_path)
    models.refresh()
    (version(tmp_path, "2") / FILE).write_bytes(b"half a file")
    promote(tmp_path, "m", Serving(champion="2"))
    (change,) = models.refresh()
    assert change.versions == ("1",)
    assert "has digest" in change.refused


def test_broken_shadow_gives_no_way(tmp_path: Path) -> None:
    """A shadow that was broken from the start does not let a broken version take over; it stands in until mended."""
    version(tmp_path, "1")
    whole = (version(tmp_path, "2") / FILE).read_bytes()
    for one in ("2", "3"):
        (version(tmp_path, one) / FILE).write_bytes(b"half a file")
    promote(tmp_path, "m", Serving(champion="1", shadows=("2",)))
    models = FileModels(tmp_path)
    models.refresh()
    for named in (Serving(champion="3", shadows=("2",)), Serving(champion="2"), Serving(champion="1", shadows=("3",))):
        promote(tmp_path, "m", named)
        (change,) = models.refresh()
        assert (change.versions, bool(change.refused)) == (("1", "2"), True)
    promote(tmp_path, "m", Serving(champion="1", challenger="2", share=0.5))
    (change,) = models.refresh()
    assert models.lineups[0].share == 0.5
    (tmp_path / "m" / "2" / FILE).write_bytes(whole)
    assert models.refresh() == (Change("m", ("1", "2")),)


def test_versions_never_change(tmp_path: Path) -> None:
    """Another content under a version that was loaded is refused, live and when it is registered."""
    write_model(tmp_path / "m", sound)
    models = FileModels(tmp_path)
    models.refresh()
    write_model(tmp_path / "m", wrong_shape)
    (change,) = models.refresh()
    assert change.refused == "model m: version 1 was another one when it was loaded; versions never change"
    root = tmp_path / "root"
    register(tmp_path / "m", root)
    write_model(tmp_path / "m", sound)
    with pytest.raises(ModelError, match="another version 1 is registered"):
        register(tmp_path / "m", root)


def test_missing_file_comes_back(tmp_path: Path) -> None:
    """A model whose file is missing at the start answers why, and is loaded when the file is there."""
    folder = write_model(tmp_path / "m")
    (folder / FILE).rename(tmp_path / "aside")
    models = FileModels(tmp_path)
    (change,) = models.refresh()
    assert "No such file" in change.refused
    assert models.lineups[0].models[0].broken
    (tmp_path / "aside").rename(folder / FILE)
    assert models.refresh() == (Change("m", ("1",)),)


def test_broken_challenger_spares_the_champion(tmp_path: Path) -> None:
    """At the start a broken version stands in as such, and the others are loaded."""
    version(tmp_path, "1")
    (version(tmp_path, "2") / FILE).unlink()
    promote(tmp_path, "m", Serving(champion="1", challenger="2", share=0.5))
    models = FileModels(tmp_path)
    models.refresh()
    assert [bool(one.broken) for one in models.lineups[0].models] == [False, True]


def test_withdrawn(tmp_path: Path) -> None:
    """A model whose folder is gone is asked no longer."""
    write_model(tmp_path / "m")
    models = FileModels(tmp_path)
    models.refresh()
    shutil.rmtree(tmp_path / "m")
    assert models.refresh() == (Change("m", ()),)
    assert models.lineups == ()


def test_folder_and_manifest_agree(tmp_path: Path) -> None:
    """A manifest that names another model than its folder is refused."""
    write_model(tmp_path / "m", name="other")
    (change,) = FileModels(tmp_path).refresh()
    assert change.refused == "model m: the manifest of version 1 is of other 1"


def test_versions_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More versions than are kept are refused, with what to do."""
    monkeypatch.setattr(model_registry, "VERSIONS_MAX", 1)
    version(tmp_path, "1")
    version(tmp_path, "2")
    (change,) = FileModels(tmp_path).refresh()
    assert change.refused == "model m: 2 versions, at most 1 are kept; take some away"


def test_register(tmp_path: Path) -> None:
    """A trained model becomes a version of its own; once more changes nothing, and only what is whole is taken."""
    made = write_model(tmp_path / "trained", squared, name="m", version="4", figures=("x", "square"))
    place = register(made, tmp_path / "root")
    assert place == register(made, tmp_path / "root") == tmp_path / "root" / "m" / "4"
    assert sorted(file.name for file in place.iterdir()) == ["manifest.json", FILE]
    (made / FILE).write_bytes(b"")
    with pytest.raises(ModelError, match="has digest"):
        register(made, tmp_path / "other")


def test_promote_what_is_there(tmp_path: Path) -> None:
    """A version that is not registered cannot be promoted."""
    version(tmp_path, "1")
    with pytest.raises(ModelError, match="there is no version 2, 3"):
        promote(tmp_path, "m", Serving(champion="2", shadows=("3",)))
