"""What manifests tell each process is what it reads: no name unknown, none missing, no module that is not there."""

import argparse
import dataclasses
import importlib
from typing import Any

import pytest
from rendered import Pod, pods

from functions.cli import main
from functions.local import catalogue
from functions.runtime import settings, telemetry
from functions.runtime.table_app import TableHosting

ELSEWHERE = {
    "DATABASE_URL": "postgresql://somebody@postgres:5432/tickloom",
    "REDIS_URL": "redis://valkey:6379/0",
    "TICKLOOM_TABLE_TYPES": "tickloom.market.v1.BarBatch",
}
"""Values that Secrets and ConfigMaps hold; any other one is text of no meaning."""


@pytest.fixture(scope="module")
def functions(tool: Any) -> dict[str, Pod]:  # noqa: ANN401 - the fixture's function
    """Give the pods of prod that host a function, by its module."""
    tool("kustomize")
    return {module_of(one): one for one in pods("prod") if len(one.container["args"]) == 3}


def module_of(pod: Pod) -> str:
    """Give the module that a container runs."""
    python, flag, module = pod.container["args"][:3]
    assert (python, flag) == ("python", "-m")
    return str(module)


def environ_of(pod: Pod) -> dict[str, str]:
    """Give a pod's environment, with what comes from elsewhere filled in."""
    return {name: ELSEWHERE.get(name, "somebody") if value is None else value for name, value in pod.env.items()}


CARDS = list(catalogue.cards().values())


@pytest.mark.parametrize("card", CARDS, ids=[f"{one.kind.value}-{one.name}" for one in CARDS])
def test_settings_are_read(card: catalogue.Card, functions: dict[str, Pod]) -> None:
    """Each deployable has one manifest, whose environment its settings take, and of which they read every name."""
    name = f"functions.{card.kind.value}.{card.name}.main"
    module, environ = importlib.import_module(name), environ_of(functions[name])
    classes = [module.Settings, *([TableHosting] if card.kind.value == "tables" else [])]
    settings.check(environ, classes)
    for cls in classes:
        assert dataclasses.is_dataclass(settings.load(cls, settings.share(cls, environ)))
    settings.hosting(environ)
    known = set().union(settings.names(settings.Hosting), *map(settings.names, classes))
    assert {one for one in environ if not one.startswith("OTEL_")} <= known  # those are OpenTelemetry's own
    assert telemetry.exporters(environ) == ("otlp", "otlp")


@pytest.mark.parametrize(
    ("words", "wrong"),
    [({"TICKLOOM_TABLE_TOPICS": "a"}, "unknown"), ({"TICKLOOM_TABLE_PARTITIONS": "many"}, "an integer")],
)
def test_what_is_not_read_is_refused(words: dict[str, str], wrong: str, functions: dict[str, Pod]) -> None:
    """A misspelt name, or a value of another type, is found in a manifest's environment."""
    environ = environ_of(functions["functions.tables.bars.main"]) | words
    with pytest.raises(settings.SettingsError, match=wrong):
        settings.load(TableHosting, {name: value for name, value in environ.items() if "LOG" not in name})


def test_jobs_are_commands(functions: dict[str, Pod]) -> None:
    """What is no function runs a verb of the command line, with words that it takes, and nothing in its environment."""
    others = [one for one in pods("prod") if module_of(one) not in functions]
    assert sorted(one.name for one in others) == ["migrate", "train"]
    for one in others:
        assert module_of(one) == "functions.cli.main"
        verb, *words = one.container["args"][3:]
        assert verb in main.VERBS
        parser = argparse.ArgumentParser()
        importlib.import_module(f"functions.cli.{verb}").register(parser)
        parser.parse_args(words)
        assert set(one.env) <= {"DATABASE_URL"}
