"""Each handler's `func.yaml` is valid, fresh, and says what its KService says."""

import importlib.util
import json
import os
import pathlib
import subprocess
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft4Validator

from functions.local.deployment import func_files
from functions.local.deployment.generated import KNATIVE
from functions.local.deployment.kn_lines import leaves, manifest_of

FILES: Final = {path.parent.name: path for path in func_files.texts()}
UNSAID: Final = {
    "apiVersion",
    "kind",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "timeoutSeconds",  # func takes Knative's 300 s
    "image",  # `--image` names it
    "args",  # FUNCTION_MODULE stands for it
    "containerPort",  # func takes Knative's 8080
    "securityContext",  # func sets the restricted one, but for the read-only root
}


@pytest.fixture(params=FILES)
def told(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Give what a committed file says."""
    found: dict[str, Any] = yaml.safe_load(FILES[request.param].read_text())
    return found


def test_every_handler_has_one() -> None:
    """Every folder of a handler has its file, and it is what the KService gives."""
    for path, text in func_files.texts().items():
        assert path.read_text() == text, f"{path} is stale: run `tickloom deploy generate`"


def faults(told: object, schemas: pathlib.Path) -> list[str]:
    """Hold a file against func's own schema."""
    schema = json.loads((schemas / "func_yaml-schema.json").read_text())
    return [f"{error.json_path}: {error.message}" for error in Draft4Validator(schema).iter_errors(told)]


def test_valid(told: dict[str, Any], schemas: pathlib.Path) -> None:
    """`func` knows every word of it, and would not know another."""
    assert faults(told, schemas) == []
    assert faults({**told, "handler": "main"}, schemas) != []


def test_chooses_the_handler(told: dict[str, Any]) -> None:
    """The image starts the module that bears the file's name."""
    (module,) = [one["value"] for one in told["run"]["envs"] if one["name"] == func_files.CHOICE]
    assert module == f"functions.handlers.{told['name']}.main"
    assert importlib.util.find_spec(module) is not None


def test_image_reads_the_choice(told: dict[str, Any], tmp_path: pathlib.Path) -> None:
    """The image's own command starts the chosen module, and shows its usage where none was chosen."""
    command = json.loads((KNATIVE / "Dockerfile").read_text().rpartition("\nCMD ")[2])
    (tmp_path / "python").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "python").chmod(0o755)
    chosen = {one["name"]: one["value"] for one in told["run"]["envs"]}

    def started(environ: dict[str, str]) -> str:
        path = f"{tmp_path}:{os.defpath}"
        done = subprocess.run(command, env={"PATH": path, **environ}, capture_output=True, text=True, check=True)  # noqa: S603 - our image's command
        return done.stdout.strip()

    assert started(chosen) == f"-m functions.handlers.{told['name']}.main"
    assert started({}) == "-m functions.cli.main --help"


def test_says_what_the_service_says(told: dict[str, Any]) -> None:
    """Every value of the KService is in the file, but for what `func` has no word for."""
    values = {str(value) for _, value in leaves(told)}
    secrets = "".join(value for value in values if value.startswith("{{"))
    for path, value in leaves(manifest_of(told["name"])):
        if not UNSAID & {str(part) for part in path}:
            assert str(value) in values or f":{value}" in secrets, path
