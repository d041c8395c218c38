"""What is committed passes the check; whatever is written instead, the check names a line and never fails itself."""

import copy
import json
import pathlib
from typing import Any

import pytest
import yaml
from counts import examples
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from functions.cli.main import main
from functions.local import catalogue, topology
from functions.local.deployment import check, kustomize, objects, places
from functions.local.deployment.schemas import core_folder

ROOT = pathlib.Path(__file__).parents[2]
BASE = ROOT / "knative" / "base"
CARDS = catalogue.cards()
WIRING = topology.load()
COMMITTED = objects.load_files(objects.files_of(BASE), ROOT)

LENGTH = {file: len((ROOT / file).read_text().splitlines()) for file in {one.source for one in COMMITTED}}


def test_the_base_is_whole(schemas: pathlib.Path) -> None:
    """The manifests as committed, before any overlay, have no findings."""
    assert len({one.kind for one in COMMITTED}) > 10
    report = check.check(COMMITTED, WIRING, CARDS, schemas)
    assert report.findings == ()
    assert (report.unchecked == ()) == (core_folder() is not None)


@pytest.mark.parametrize("overlay", kustomize.overlays())
def test_an_overlay_has_no_findings(overlay: str, tool: Any, schemas: pathlib.Path) -> None:  # noqa: ANN401 - a function
    """Each overlay as kustomize renders it has no findings."""
    tool("kustomize")
    rendered = objects.load_text(kustomize.render(overlay), overlay)
    moved = places.load(kustomize.folder_of(overlay) / "places.yaml")
    assert check.check(rendered, WIRING, CARDS, schemas, places=moved).findings == ()


def test_a_function_without_a_manifest_is_missed() -> None:
    """A card whose workload is not there is told."""
    kept = [one for one in COMMITTED if one.source != "knative/tables/bars.yaml"]
    found = [one.message for one in check.wrong(kept, WIRING, CARDS) if one.rule == "deployed"]
    assert found == ["table bars has no workload in these manifests"]


# ---- lines ---------------------------------------------------------------------------------------

KEYS = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
TREES = st.recursive(
    st.integers() | st.booleans() | KEYS | st.none(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=3),
    max_leaves=12,
)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.dictionaries(KEYS, TREES, min_size=1, max_size=4), min_size=1, max_size=3), st.booleans())
def test_each_value_knows_its_line(documents: list[dict[str, Any]], flow: bool) -> None:  # noqa: FBT001 - hypothesis
    """Each key of a text, in either style, is found on the line that is told, and each value is what YAML says."""
    text = yaml.safe_dump_all(documents, sort_keys=False, default_flow_style=flow)
    lines = text.splitlines()
    read = objects.load_text(text, "a.yaml")
    assert [one.document for one in read] == documents
    for one in read:
        for path, line in one.lines.items():
            assert one.place(path) == f"a.yaml:{line}"
            assert not path or isinstance(path[-1], int) or f"{path[-1]}:" in lines[line - 1].replace("'", "")
            assert one.place((*path, "not there")) == f"a.yaml:{line}"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: b\nc: [d\n", "x.yaml:3", "not YAML"),
        ("a: b\n---\n- c\n", "x.yaml:3", "no mapping"),
        ("a: *b\n", "x.yaml:1", "not YAML"),
    ],
)
def test_a_text_that_is_no_manifest_is_refused(text: str, place: str, message: str) -> None:
    """What cannot be read is refused with the line."""
    with pytest.raises(objects.ManifestError, match=message) as caught:
        objects.load_text(text, "x.yaml")
    assert caught.value.place == place


def test_a_missing_resource_is_refused(tmp_path: pathlib.Path) -> None:
    """A kustomization that names what is not there is refused with the line, and a folder without one as well."""
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\nresources:\n- here.yaml\n- nowhere.yaml\n")
    (tmp_path / "here.yaml").write_text("kind: ConfigMap\n")
    with pytest.raises(objects.ManifestError, match="nowhere"):
        objects.files_of(tmp_path)
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\nresources:\n- here.yaml\n")
    assert objects.files_of(tmp_path) == [tmp_path / "here.yaml"]
    with pytest.raises(objects.ManifestError, match="no kustomization"):
        objects.files_of(tmp_path.parent)


# ---- anything may stand anywhere -----------------------------------------------------------------

JUNK: tuple[Any, ...] = (None, 0, -1, True, "", "junk", [], {}, ["junk"], {"junk": "junk"}, [None], [[]], 1.5)


def paths(value: Any, path: objects.Path = ()) -> list[objects.Path]:  # noqa: ANN401 - any YAML
    """List every path below a value."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, below in steps for found in ((*path, key), *paths(below, (*path, key)))]


@st.composite
def spoilt(draw: st.DrawFn) -> dict[int, str]:
    """Put junk somewhere into each of some manifests; give their texts by number."""
    texts = {}
    for number in draw(st.sets(st.integers(0, len(COMMITTED) - 1), min_size=1, max_size=12)):
        document: Any = copy.deepcopy(dict(COMMITTED[number].document))
        *above, last = draw(st.sampled_from(paths(document)))
        at = document
        for key in above:
            at = at[key]
        at[last] = draw(st.sampled_from(JUNK))
        texts[number] = yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False)
    return texts


@settings(max_examples=examples(60), deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(spoilt())
def test_no_manifest_breaks_the_check(texts: dict[int, str]) -> None:
    """Whatever stands wherever in a manifest, the check answers with findings on lines that there are."""
    read = {number: objects.load_text(text, f"{number}.yaml") for number, text in texts.items()}
    manifests = [one for number, kept in enumerate(COMMITTED) for one in read.get(number, (kept,))]
    length = {f"{number}.yaml": len(text.splitlines()) for number, text in texts.items()} | LENGTH
    for one in check.wrong(manifests, WIRING, CARDS):
        file, _, line = one.place.rpartition(":")
        assert 1 <= int(line) <= length[file]


# ---- the command ---------------------------------------------------------------------------------


@pytest.fixture
def wrong(tmp_path: pathlib.Path) -> pathlib.Path:
    """Write the base into one file, with a handler that asks for no memory."""
    texts = [file.read_text() for file in objects.files_of(BASE)]
    file = tmp_path / "all.yaml"
    file.write_text("---\n".join(texts).replace("            memory: 128Mi\n", "", 1))
    return file


def test_the_command_names_lines(
    wrong: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`deploy check FILE` prints `file:line: rule: message` and what it could not check; it leaves with 1."""
    monkeypatch.delenv("TICKLOOM_SCHEMAS", raising=False)
    assert main(["deploy", "check", str(wrong)]) == 1
    first, *others, summary = capsys.readouterr().out.splitlines()
    place, rule, message = first.split(": ", 2)
    assert (rule, message) == ("resources", "Service digest has no resources.requests.memory")
    assert wrong.read_text().splitlines()[int(place.rpartition(":")[2]) - 1].strip() == "requests:"
    assert any("not checked" in one and "TICKLOOM_SCHEMAS" in one for one in others)
    assert summary == f"{wrong}: {len(COMMITTED)} manifests, 1 finding"


def test_the_command_speaks_json(wrong: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` the same findings come as JSON."""
    assert main(["deploy", "check", str(wrong), "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert found["rule"] == "resources"


def test_a_folder_of_schemas_that_is_not_there_is_wrong_usage(wrong: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Schemas that are named and not there stop the check."""
    assert main(["deploy", "check", str(wrong), "--schemas", str(tmp_path / "none")]) == 2


def test_the_command_checks_an_overlay(
    tool: Any,  # noqa: ANN401 - the fixture's function
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An overlay is rendered into a file, whose lines findings name; without any it leaves with 0."""
    tool("kustomize")
    assert main(["deploy", "check", "dev", "--into", str(tmp_path)]) == 0
    assert (tmp_path / "dev.yaml").is_file()
    assert capsys.readouterr().out.endswith("manifests, 0 findings\n")
