"""`tickloom graph` draws the wiring as text, JSON, SVG, and as the catalogue in the READMEs."""

import json
import pathlib
from xml.etree import ElementTree as ET

import pytest

from functions.cli import graph, main
from functions.cli.errors import CliError
from functions.local import catalogue


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Without more words the graph is text."""
    assert main.main(["graph"]) == 0
    assert "enrich --EnrichedBatch--> bars\n" in capsys.readouterr().out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON it is a list of edges."""
    assert main.main(["graph", "--json"]) == 0
    edges = json.loads(capsys.readouterr().out)
    assert {"from": "enrich", "to": "bars", "label": "EnrichedBatch"} in edges
    assert all(set(edge) == {"from", "to", "label"} for edge in edges)


def test_svg(tmp_path: pathlib.Path) -> None:
    """As SVG it is a well-formed file that names every function."""
    file = tmp_path / "graph.svg"
    assert main.main(["graph", "--svg", str(file)]) == 0
    named = {text.text for text in ET.parse(file).iter("{http://www.w3.org/2000/svg}text")}  # noqa: S314 - our own
    assert {card.name for card in catalogue.cards().values()} <= named


def test_write_catalogue(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is written between its marks, and writing it again changes nothing."""
    file = tmp_path / "README.md"
    file.write_text(f"before\n{graph.BEGIN}\nold\n{graph.END}\nafter\n")
    monkeypatch.setattr(graph, "CATALOGUES", (file,))
    assert main.main(["graph", "--write-catalogue"]) == 0
    table = catalogue.catalogue(catalogue.cards())
    expected = f"before\n{graph.BEGIN}\n{table}{graph.END}\nafter\n"
    assert file.read_text() == expected
    assert main.main(["graph", "--write-catalogue"]) == 0
    assert file.read_text() == expected


@pytest.mark.parametrize("text", ["", graph.BEGIN, graph.END, f"{graph.END}{graph.BEGIN}"])
def test_marks_are_needed(text: str) -> None:
    """A README without both marks in order is left alone, with a sentence that says what is missing."""
    with pytest.raises(CliError, match="marks"):
        graph.with_catalogue(text, "table")
