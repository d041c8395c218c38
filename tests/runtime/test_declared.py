"""The code names only metrics that are declared, in the way and under the labels of their declarations."""

import ast
import pathlib
from collections.abc import Iterator

import pytest

import functions
from functions.runtime.telemetry import METRICS, Instrument

ROOT = pathlib.Path(functions.__file__).parent
WAYS = {"count": Instrument.COUNTER, "observe": Instrument.HISTOGRAM, "put": Instrument.GAUGE}
DECLARED = {metric.name: metric for metric in METRICS}
RECORDER = ROOT / "runtime" / "telemetry.py"
"""Records whatever its callers name, by the declaration."""
KEEPERS = frozenset(("kept", "_kept", "telemetry", "_telemetry"))
"""What telemetry is called where it is used."""


def recorded() -> Iterator[tuple[str, str, ast.Call]]:
    """Give each place where a value is recorded: where, the metric's name, and the call."""
    for path in sorted(set(ROOT.rglob("*.py")) - {RECORDER}):
        tree = ast.parse(path.read_text())
        constants = {
            node.target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if not isinstance(call.func, ast.Attribute) or call.func.attr not in WAYS or not keeps(call.func.value):
                continue
            name = call.args[0]
            text = name.value if isinstance(name, ast.Constant) else constants.get(getattr(name, "id", ""), "")
            yield f"{path.relative_to(ROOT)}:{call.lineno}", str(text), call


def keeps(node: ast.expr) -> bool:
    """Tell whether an expression is telemetry, by its name."""
    return getattr(node, "id", getattr(node, "attr", "")) in KEEPERS


RECORDED = list(recorded())


@pytest.mark.parametrize(("where", "name", "call"), RECORDED, ids=[where for where, _, _ in RECORDED])
def test_declared(where: str, name: str, call: ast.Call) -> None:
    """A metric is recorded as it is declared; labels that are written out are those of its declaration."""
    assert name in DECLARED, where
    assert isinstance(call.func, ast.Attribute)
    assert WAYS[call.func.attr] is DECLARED[name].instrument
    labels = call.args[1]
    if isinstance(labels, ast.Dict) and None not in labels.keys:
        assert {key.value for key in labels.keys if isinstance(key, ast.Constant)} == set(DECLARED[name].labels)


def test_every_metric_is_recorded() -> None:
    """No metric is declared that nothing records: by the hosts and services, or among what a handler measures."""
    by_hosts = {name for _, name, _ in RECORDED}
    texts = "".join(path.read_text() for path in (ROOT / "handlers").rglob("*.py"))
    assert {name for name in DECLARED if name not in by_hosts and f'"{name}"' not in texts} == set()


def test_names_are_found() -> None:
    """The search finds what it looks for: hosts, services and feeds record."""
    assert len({where.split(":")[0] for where, _, _ in RECORDED}) > 5
