"""What hosted pipelines run is what `.ci/run` runs: the Makefile's targets, and nothing that only they know."""

import pathlib
import re
from typing import Any, Final

import pytest
import yaml

ROOT: Final = pathlib.Path(__file__).parents[2]
GITHUB: Final = ROOT / ".github/workflows/ci.yml"
GITLAB: Final = ROOT / ".gitlab-ci.yml"
RUN: Final = ROOT / ".ci/run"
TARGETS: Final = frozenset(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
OFFICIAL: Final = re.compile(r"actions/[a-z-]+@v[0-9]+")


def made(lines: list[str]) -> list[str]:
    """Take the targets that lines of shell make, in order."""
    return [found[1] for line in lines if (found := re.fullmatch(r"make ([a-z-]+)", line.strip()))]


def github() -> dict[str, Any]:
    """Read GitHub's jobs."""
    jobs: dict[str, Any] = yaml.safe_load(GITHUB.read_text())["jobs"]
    return jobs


def gitlab() -> dict[str, Any]:
    """Read GitLab's jobs."""
    everything = yaml.safe_load(GITLAB.read_text())
    return {name: one for name, one in everything.items() if isinstance(one, dict) and "script" in one}


def scripts() -> dict[str, list[str]]:
    """Give the shell lines of every job by its name."""
    ours = {f"github {name}": [step["run"] for step in job["steps"] if "run" in step] for name, job in github().items()}
    return ours | {f"gitlab {name}": job["script"] for name, job in gitlab().items()}


@pytest.mark.parametrize("job", scripts())
def test_jobs_make_targets_that_exist(job: str) -> None:
    """Every line of a job makes a target of the Makefile, and nothing is built or tested in another way."""
    lines = scripts()[job]
    assert len(made(lines)) == len(lines) > 0
    assert set(made(lines)) <= TARGETS


@pytest.mark.parametrize("job", ["github full", "gitlab full"])
def test_the_full_job_is_the_gate(job: str) -> None:
    """The full job makes what `.ci/run` makes, in its order, in the full tier."""
    assert made(scripts()[job]) == made(RUN.read_text().splitlines())
    assert github()["full"]["env"] == {"TICKLOOM_TESTS": "full"}
    assert gitlab()["full"]["variables"]["TICKLOOM_TESTS"] == "full"


def test_both_try_the_same_pythons() -> None:
    """The versions of Python that are tried agree, and reach down to the least that the project takes."""
    ours = github()["quick"]["strategy"]["matrix"]["python"]
    assert ours == gitlab()["quick"]["parallel"]["matrix"][0]["PYTHON"]
    assert f'requires-python = ">={ours[0]}"' in (ROOT / "pyproject.toml").read_text()


def test_no_secrets_and_no_strangers() -> None:
    """No pipeline names a secret, writes to the repository, or runs an action that is not GitHub's own."""
    text = GITHUB.read_text() + GITLAB.read_text()
    assert "secrets." not in text
    assert yaml.safe_load(GITHUB.read_text())["permissions"] == {"contents": "read"}
    used = [step["uses"] for job in github().values() for step in job["steps"] if "uses" in step]
    assert used
    assert all(OFFICIAL.fullmatch(one) for one in used)
