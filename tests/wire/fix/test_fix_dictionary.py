"""Our table of fields is held against a dictionary of FIX 4.4; every difference is listed here, with its reason."""

import pathlib
from xml.etree import ElementTree as ET

import pytest

from functions.wire.fix.messages import KNOWN_TYPES, SHAPES

KINDS = {
    "String": {"STRING", "CURRENCY"},
    "char": {"CHAR"},
    "int": {"INT", "NUMINGROUP"},
    "SeqNum": {"SEQNUM"},
    "Boolean": {"BOOLEAN"},
    "float": {"QTY", "PRICE", "AMT"},
    "UTCTimestamp": {"UTCTIMESTAMP"},
}
SYMBOL = 55
STRICTER = {("D", SYMBOL), ("F", SYMBOL), ("G", SYMBOL), ("H", SYMBOL), ("W", SYMBOL)}
"""Volume 1, "Instrument": Symbol says [N/A] where there is none, so it is always there; the dictionary is laxer."""
LAXER = {("V", 146), ("V", 267)}
"""Real venues take an unsubscription (263=2) without its groups, and say so in their documents."""


@pytest.fixture(scope="module")
def dictionary(captures: pathlib.Path) -> ET.Element:
    """Read the dictionary."""
    return ET.parse(captures / "fix44" / "FIX44.xml").getroot()  # noqa: S314 - a file of our own choice


def section(dictionary: ET.Element, name: str) -> list[ET.Element]:
    """Give one section's elements."""
    found = dictionary.find(name)
    assert found is not None
    return list(found)


def required(dictionary: ET.Element, node: ET.Element, numbers: dict[str, int]) -> dict[int, bool]:
    """Give every tag of a message, and whether it must be there; a group's own fields aside."""
    components = {one.get("name"): one for one in section(dictionary, "components")}
    found: dict[int, bool] = {}
    for child in node:
        must = child.get("required") == "Y"
        if child.tag == "component":
            inner = required(dictionary, components[child.get("name")], numbers)
            found |= {tag: must and needed for tag, needed in inner.items()}
        else:
            found[numbers[str(child.get("name"))]] = must
    return found


def test_types(dictionary: ET.Element) -> None:
    """We know every MsgType of the dictionary and no other."""
    assert {one.get("msgtype") for one in section(dictionary, "messages")} == KNOWN_TYPES


@pytest.mark.parametrize("msg_type", SHAPES)
def test_fields(dictionary: ET.Element, msg_type: str) -> None:
    """Every field we name is of its message and of its type, and must be there just where the dictionary says so."""
    kinds = {int(one.get("number", 0)): one.get("type") for one in section(dictionary, "fields")}
    numbers = {str(one.get("name")): int(one.get("number", 0)) for one in section(dictionary, "fields")}
    (message,) = (one for one in section(dictionary, "messages") if one.get("msgtype") == msg_type)
    told = required(dictionary, message, numbers)
    shape = SHAPES[msg_type][1]
    assert all(kinds[one.tag] in KINDS[one.kind] for one in shape)
    assert {one.tag for one in shape} <= told.keys()
    ours = {(msg_type, one.tag) for one in shape if one.required}
    theirs = {(msg_type, tag) for tag, must in told.items() if must}
    assert ours - theirs <= STRICTER
    assert theirs - ours <= LAXER
