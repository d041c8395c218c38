"""The picture of a re-entry matrix shows every case, as dark as it is large, and keeps inside its frame."""

from xml.etree import ElementTree as ET

import pytest
from reentered import HEAD, SHIPPED, matrix_of

from functions.domain.reentry import Matrix
from functions.local.reentry_picture import as_svg
from functions.wire.reentry_rules import read_matrix

SVG = "{http://www.w3.org/2000/svg}"
LONG = "d" * 64
WIDE = matrix_of(
    "when any any any any stop",
    f"when win {LONG} none 0 reenter 1.5",
    f"when win {LONG} none 1 reenter 0.5",
    f"when win {LONG} before 1 wait",
    head=HEAD.replace("quick", LONG),
)
MATRICES = {"shipped": read_matrix(SHIPPED, file="f"), "wide": WIDE}


def cells(matrix: Matrix) -> list[ET.Element]:
    """Find the cells that are drawn."""
    return list(ET.fromstring(as_svg(matrix)).iter(f"{SVG}g"))  # noqa: S314 - our own


@pytest.mark.parametrize("name", MATRICES)
def test_every_case(name: str) -> None:
    """Each case has a cell that says what is done, and tells the line that decides when it is pointed at."""
    matrix = MATRICES[name]
    drawn = [(one.findtext(f"{SVG}title"), one.findtext(f"{SVG}text")) for one in cells(matrix)]
    hints = sorted(f"line {rule.line}: {rule.text}" for rule in matrix.rules.values())
    assert sorted(hint or "" for hint, _ in drawn) == hints
    assert {(word or "").split()[0] for _, word in drawn} == {rule.reaction.value for rule in matrix.rules.values()}


@pytest.mark.parametrize("name", MATRICES)
def test_inside_its_frame(name: str) -> None:
    """No cell lies over another or outside the frame, and names of rows end before the cells begin."""
    root = ET.fromstring(as_svg(MATRICES[name]))  # noqa: S314 - our own
    _, _, width, height = map(int, root.attrib["viewBox"].split())
    boxes = [one.find(f"{SVG}rect") for one in root.iter(f"{SVG}g")]
    places = [(int(box.attrib["x"]), int(box.attrib["y"])) for box in boxes if box is not None]
    assert len(set(places)) == len(places) == len(MATRICES[name].rules)
    assert max(x for x, _ in places) + 90 <= width
    assert max(y for _, y in places) + 38 <= height
    longest = max(len(one.name) for one in MATRICES[name].axes.durations)
    assert min(x for x, _ in places) >= 20 + 7 * longest


def test_darker_is_larger() -> None:
    """Of two re-entries the larger one is darker, and letters stay readable on it."""
    found = {one.findtext(f"{SVG}text"): one for one in cells(WIDE)}
    fills, inks = {}, {}
    for word in ("reenter 0.5", "reenter 1.5"):
        box, text = found[word].find(f"{SVG}rect"), found[word].find(f"{SVG}text")
        assert box is not None
        assert text is not None
        fills[word], inks[word] = box.attrib["fill"], text.attrib["fill"]
    assert fills["reenter 1.5"] < fills["reenter 0.5"]
    assert (inks["reenter 0.5"], inks["reenter 1.5"]) == ("#212529", "#fff")
