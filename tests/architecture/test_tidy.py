"""The house is tidy: no ambient time or chance where facts are made, no junk drawers, agreeing names."""

import ast
import pathlib
import re

import pytest

from functions.local import catalogue
from functions.local.topology import load
from functions.ports.card import Kind

ROOT = pathlib.Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
PURE_ROOMS = ("domain", "wire", "handlers", "tables")
FORBIDDEN_NAMES = {"common", "shared", "utils", "util", "helpers", "misc", "base", "core", "manager"}
LINES_MAX = 60
AMBIENT = re.compile(
    r"time\.(time|time_ns|monotonic|monotonic_ns|perf_counter|perf_counter_ns|sleep|localtime|gmtime)"
    r"|datetime\.(datetime|date)\.(now|utcnow|today)"
    r"|uuid\.uuid[14]|random\..*|secrets\..*|os\.urandom|os\.getrandom"
    r"|numpy\.random\.(?!Generator).*|asyncio\.sleep"
)
CARDS = catalogue.cards()


def python_files(*rooms: str) -> list[pathlib.Path]:
    """List the files we wrote in some rooms, or in all."""
    return [file for room in rooms or ("",) for file in sorted((FUNCTIONS / room).rglob("*.py"))]


def brought(tree: ast.Module) -> dict[str, str]:
    """Give each imported name the full name of what it stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.asname or one.name: one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return names


def dotted(node: ast.expr, names: dict[str, str]) -> str:
    """Write `a.b.c` back as text, its first name in full; other expressions are empty."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, names)}.{node.attr}"
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def ambient_uses(source: str) -> list[str]:
    """Find what reads a clock, draws chance or sleeps, called there or handed on, under whatever name."""
    tree = ast.parse(source)
    names = brought(tree)
    used = (dotted(node, names) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name))
    return [name for name in used if AMBIENT.fullmatch(name)]


@pytest.mark.parametrize("file", python_files(*PURE_ROOMS), ids=lambda file: str(file.relative_to(FUNCTIONS)))
def test_no_ambient_time_or_chance(file: pathlib.Path) -> None:
    """Domain, wire, handlers and tables read no clock, draw no chance and never sleep."""
    assert ambient_uses(file.read_text()) == []


@pytest.mark.parametrize(
    "text",
    [
        "import time; time.time_ns()",
        "import time as clock; clock.sleep(1)",
        "from time import monotonic as now; now()",
        "import time; field(default_factory=time.time_ns)",
        "import datetime; datetime.datetime.now()",
        "import datetime as dt; dt.datetime.now(dt.UTC)",
        "from datetime import datetime; datetime.now()",
        "from datetime import date as day; day.today()",
        "import uuid; uuid.uuid4()",
        "from uuid import uuid4; uuid4()",
        "import random; random.random()",
        "from random import Random; Random()",
        "import numpy as np; np.random.default_rng()",
        "from numpy import random as chance; chance.default_rng()",
        "from asyncio import sleep; sleep(1)",
    ],
)
def test_the_rule_bites(text: str) -> None:
    """Each way to read a clock or draw chance is found, under whatever name it was imported."""
    assert ambient_uses(text)


@pytest.mark.parametrize(
    "text",
    [
        "from functions.wire.news.times import time_ns; time_ns('x')",
        "from datetime import datetime; datetime.fromisoformat('x')",
        "import numpy as np; x: np.random.Generator",
        "import uuid; uuid.uuid5(a, b)",
    ],
)
def test_the_rule_lets_be(text: str) -> None:
    """What only sounds like a clock or chance is none."""
    assert ambient_uses(text) == []


def test_nothing_stands_behind_what_runs() -> None:
    """What a file runs as a program is its last statement: whatever stands behind it is not there yet when it runs."""
    guards = {
        file: ast.parse(file.read_text()).body for file in python_files() if '\nif __name__ == "' in file.read_text()
    }
    assert guards
    early = [str(file) for file, body in guards.items() if not ast.unparse(body[-1]).startswith("if __name__ == ")]
    assert early == []


def test_no_junk_drawers() -> None:
    """No file or folder is named for holding whatever does not fit elsewhere."""
    names = {part.removesuffix(".py") for file in python_files() for part in file.relative_to(FUNCTIONS).parts}
    assert not names & FORBIDDEN_NAMES


@pytest.mark.parametrize("file", python_files(), ids=lambda file: str(file.relative_to(FUNCTIONS)))
def test_functions_are_short(file: pathlib.Path) -> None:
    """No function has more than sixty lines."""
    tree = ast.parse(file.read_text())
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    assert [node.name for node in functions if (node.end_lineno or 0) - node.lineno + 1 > LINES_MAX] == []


@pytest.mark.parametrize("file", python_files(), ids=lambda file: str(file.relative_to(FUNCTIONS)))
def test_files_say_what_they_are(file: pathlib.Path) -> None:
    """Every file opens with a docstring."""
    assert ast.get_docstring(ast.parse(file.read_text()))


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.name)
def test_names_agree_in_five_places(card: catalogue.Card) -> None:
    """A deployable has one name: folder, wiring, manifest, test and catalogue row."""
    folder = FUNCTIONS / card.kind.value / card.name
    assert (folder / "main.py").is_file()
    wired = {
        Kind.HANDLER: ROOT / "eventing/triggers" / f"{card.name}.yaml",
        Kind.TABLE: ROOT / "eventing/tables" / f"{card.name}.yaml",
        Kind.FEED: ROOT / "eventing/sources" / f"{card.name}.yaml",
    }
    if card.kind in wired:
        assert wired[card.kind].is_file()
    manifest = "functions" if card.kind is Kind.HANDLER else card.kind.value
    assert (ROOT / "knative" / manifest / f"{card.name}.yaml").is_file()
    assert list((ROOT / "tests" / card.kind.value).glob(f"test_{card.name}*.py"))
    assert f"| `{card.name}` |" in (FUNCTIONS / "README.md").read_text()


def test_every_folder_has_a_card_of_its_name() -> None:
    """Each deployable folder is known by its card, and each card's kind is its room."""
    folders = {
        (room, folder.name)
        for room in catalogue.ROOMS
        for folder in (FUNCTIONS / room).iterdir()
        if (folder / "main.py").is_file()
    }
    assert folders == {(card.kind.value, card.name) for card in CARDS.values()}


def test_catalogue_is_fresh() -> None:
    """The catalogue in the READMEs is what the cards say."""
    table = catalogue.catalogue(CARDS)
    for file in (FUNCTIONS / "README.md", ROOT / "README.md"):
        assert table in file.read_text(), f"{file.name} is stale: run `make gen`"


def test_everything_emitted_is_heard_and_everything_heard_is_emitted() -> None:
    """On each broker, every type has an emitter, a function or people at a door, and a hearer."""
    topology = load()
    out = catalogue.emitted(topology, CARDS)
    for broker in topology.brokers:
        said = {one for _, one in out[broker]} | set(catalogue.DOORS.get(broker, ()))
        heard = {
            one for at, _, types in catalogue.hearers(topology, CARDS) if at == broker for one in types if one != "*"
        }
        heard |= {one for start, _, types in catalogue.bridges(topology) if start == broker for one in types}
        assert said == heard


def test_no_function_hears_what_it_says() -> None:
    """No type is both consumed and emitted by one function."""
    assert [card.name for card in CARDS.values() if set(card.consumes) & set(card.emits)] == []


def test_every_function_is_wired() -> None:
    """Every handler has a Trigger, every table a ConfigMap, every feed a SinkBinding; what is called is a service."""
    topology = load()
    wired = (
        {one.subscriber for one in topology.subscriptions}
        | {one.name for one in topology.tables}
        | set(topology.sources)
    )
    services = {card.name for card in CARDS.values() if card.kind is Kind.SERVICE}  # outsiders call them as well
    assert {card.name for card in CARDS.values()} - services <= wired
    assert {name for card in CARDS.values() for name in card.calls} <= services


def test_tables_hear_what_their_cards_say() -> None:
    """A table's ConfigMap names the types its card consumes."""
    for table in load().tables:
        assert set(table.types) == set(CARDS[table.name].consumes)
