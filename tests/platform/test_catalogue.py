"""The graph is what wiring and cards say, in text, in a picture and in a table."""

import itertools
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from functions.local import catalogue
from functions.local.catalogue import Edge
from functions.local.picture import as_svg
from functions.local.topology import load

CARDS = catalogue.cards()
TOPOLOGY = load()
SVG = "{http://www.w3.org/2000/svg}"
PICTURE = ET.fromstring(as_svg(TOPOLOGY, CARDS))  # noqa: S314 - our own


@pytest.mark.parametrize(
    "edge",
    [
        Edge("replay", "normalize", "RawBatch"),
        Edge("normalize", "enrich", "TickBatch"),
        Edge("enrich", "bars", "EnrichedBatch"),
        Edge("normalize", "quarantine", "TickBatch"),
        Edge("infer", "signals", "PredictionBatch"),  # over the bridge
        Edge("orders", "project", "Fill"),  # from the outbox relay
        Edge("digest", "sentiment", "NewsBatch"),
        Edge("sentiment", "inference", "gRPC"),
        Edge("sentiment", "project", "SentimentBatch"),
        Edge("route", "orders", "gRPC"),
        Edge("project", "redis", "store"),
        Edge("features service", "redis", "store"),  # not the table of that name
    ],
)
def test_edges(edge: Edge) -> None:
    """Facts, calls and stores are edges, also over a bridge and by a rejection's prefix."""
    assert edge in catalogue.edges(TOPOLOGY, CARDS)


def test_no_edge_without_wiring() -> None:
    """Without its Trigger a handler hears nothing."""
    alone = replace(TOPOLOGY, subscriptions=tuple(one for one in TOPOLOGY.subscriptions if one.subscriber != "route"))
    assert not [edge for edge in catalogue.edges(alone, CARDS) if edge.target == "route"]


def test_text_names_readers_and_edges() -> None:
    """The text shows each broker's readers with their delivery, and every edge."""
    text = catalogue.as_text(TOPOLOGY, CARDS)
    assert "market (12 partitions)\n" in text
    assert "  RawBatch -> normalize [unordered, 5 retries]\n" in text
    assert "  rejected rows -> quarantine [" in text
    assert "  EnrichedBatch -> bars [table]\n" in text
    assert all(f"{one.source} --{one.label}--> {one.target}\n" in text for one in catalogue.edges(TOPOLOGY, CARDS))


def test_table_has_a_row_for_each_card() -> None:
    """The catalogue has one row for each card, with as many cells as its head."""
    head, _, *rows = catalogue.catalogue(CARDS).splitlines()
    assert sorted(row.split("`")[1] for row in rows) == sorted(card.name for card in CARDS.values())
    assert {row.count("|") for row in rows} == {head.count("|")}


def boxes() -> list[tuple[float, float, float, float]]:
    """Give the place of every box: left, top, right, bottom."""
    found = [
        {name: float(one.attrib[name]) for name in ("x", "y", "width", "height")} for one in PICTURE.iter(f"{SVG}rect")
    ]
    return [(one["x"], one["y"], one["x"] + one["width"], one["y"] + one["height"]) for one in found]


def labels() -> list[tuple[float, float, float, float]]:
    """Give the place of every edge's label, in letters a bit wider than most."""
    found = [one for one in PICTURE.iter(f"{SVG}text") if one.get("paint-order")]
    places = [(float(one.attrib["x"]), float(one.attrib["y"]), 3.0 * len(one.text or "")) for one in found]
    return [(x - half, y - 9, x + half, y + 2) for x, y, half in places]


def test_picture_shows_every_card() -> None:
    """The picture is well-formed and has a box for every card, its stores in it."""
    shown = ["".join(one.itertext()) for one in PICTURE.iter(f"{SVG}g")]
    assert sorted(
        one for card in CARDS.values() for one in shown if one.startswith(card.name + card.kind.value[:-1])
    ) == sorted(shown)
    assert len(shown) == len(CARDS)
    assert any(one == "projecthandler · postgres · redis" for one in shown)


def test_picture_shows_every_edge() -> None:
    """Every type that goes between two functions stands at a curve."""
    shown = sorted(
        label for one in PICTURE.iter(f"{SVG}text") if one.get("paint-order") for label in (one.text or "").split(", ")
    )
    assert shown == sorted(one.label for one in catalogue.edges(TOPOLOGY, CARDS) if one.label != catalogue.STORE)


def test_picture_is_readable() -> None:
    """No box and no label covers another, and all are inside the picture."""
    _, _, width, height = map(float, PICTURE.attrib["viewBox"].split())
    places = boxes() + labels()
    for a, b in itertools.combinations(places, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    assert all(left >= 0 and top >= 0 and right <= width and bottom <= height for left, top, right, bottom in places)


def test_picture_is_the_same_each_time() -> None:
    """Equal wiring gives equal bytes."""
    assert as_svg(TOPOLOGY, CARDS) == as_svg(load(), dict(reversed(CARDS.items())))
