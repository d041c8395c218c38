"""Check the sale condition tables, tape by tape, against the specifications' tables and the vendor's own rules."""

import json
import pathlib

import pytest

from functions.domain.market import (
    TRADE_CANCEL,
    TRADE_CORRECTION,
    TRADE_INFORMS_ONLY,
    TRADE_NOT_HIGH_LOW,
    TRADE_NOT_LAST,
    TRADE_NOT_VOLUME,
)
from functions.wire.venues.conditions import (
    CONDITIONS,
    UNKNOWN,
    flags_by_correction,
    flags_by_letter,
    flags_by_number,
)
from functions.wire.venues.digits import BadText

ALL = (True, True, True)
NO_LAST = (False, True, True)
VOLUME = (False, False, True)
NONE = (False, False, False)

# Whether a letter updates last, high and low, volume: consolidated columns of the CTS and UTDF specifications.
CTA = {
    **dict.fromkeys("@EFKLOX56", ALL),
    **dict.fromkeys("PZ4", NO_LAST),
    **dict.fromkeys("BCHINRTUV7", VOLUME),
    **dict.fromkeys("MQ", NONE),
    "9": (True, True, False),
}
UTP = {
    **dict.fromkeys("@ABDFKLOSXY1256", ALL),
    **dict.fromkeys("GPZ34", NO_LAST),
    **dict.fromkeys("CHINRTUVW7", VOLUME),
    **dict.fromkeys("MQ", NONE),
    "9": (True, True, False),
}


def updates(flags: int) -> tuple[bool, bool, bool]:
    """Say whether a trade updates last, high and low, volume."""
    return not flags & TRADE_NOT_LAST, not flags & TRADE_NOT_HIGH_LOW, not flags & TRADE_NOT_VOLUME


@pytest.mark.parametrize("tape", ["A", "B"])
@pytest.mark.parametrize("letter", CTA)
def test_cta_letters(letter: str, tape: str) -> None:
    """Each letter of tapes A and B updates what the CTS specification says."""
    assert updates(flags_by_letter(letter, tape)) == CTA[letter]


@pytest.mark.parametrize("letter", UTP)
def test_utp_letters(letter: str) -> None:
    """Each letter of tape C updates what the UTDF specification says."""
    assert updates(flags_by_letter(letter, "C")) == UTP[letter]


def test_no_letter_is_left_untested() -> None:
    """The tables above name every letter of both tapes, so a new condition needs its rule here."""
    assert {one.cta for one in CONDITIONS} - {""} == set(CTA)
    assert {one.utp for one in CONDITIONS} - {""} == set(UTP)


def test_same_letter_two_meanings() -> None:
    """B is an average price on tape A, which moves no price, and a bunched trade on tape C, which does."""
    assert updates(flags_by_letter("B", "A")) == VOLUME
    assert updates(flags_by_letter("B", "C")) == ALL


def test_letters_and_numbers_agree() -> None:
    """A condition does the same whether it comes as Polygon's number or as a tape's letter."""
    assert all(flags_by_letter(one.cta, "A") == flags_by_number([one.number]) for one in CONDITIONS if one.cta)
    assert all(flags_by_letter(one.utp, "C") == flags_by_number([one.number]) for one in CONDITIONS if one.utp)
    assert len({one.number for one in CONDITIONS}) == len(CONDITIONS)


def test_what_one_condition_forbids_is_forbidden() -> None:
    """Conditions join: a sweep (F) out of sequence (Z) in an odd lot (I) adds to volume only; blanks say nothing."""
    assert updates(flags_by_letter(" F ", "A")) == ALL
    assert updates(flags_by_letter("@FZI", "A")) == VOLUME
    assert updates(flags_by_number([14, 32])) == NO_LAST


def test_unknown_conditions_move_no_price() -> None:
    """A condition that nobody knows adds to volume and moves no price; a tape that nobody knows is refused."""
    assert flags_by_number([0, 12345]) == flags_by_letter("?", "C") == UNKNOWN
    assert updates(UNKNOWN) == VOLUME
    with pytest.raises(BadText) as refusal:
        flags_by_letter("@", "D")
    assert refusal.value.reason == "unknown_tape"


@pytest.mark.parametrize(
    ("indicator", "flags"),
    [
        (0, 0),
        (1, TRADE_CORRECTION),
        (7, TRADE_CANCEL | TRADE_INFORMS_ONLY),
        (8, TRADE_CANCEL | TRADE_INFORMS_ONLY),
        (10, TRADE_CANCEL | TRADE_INFORMS_ONLY),
        (11, TRADE_CANCEL | TRADE_INFORMS_ONLY),
        (12, TRADE_INFORMS_ONLY),
    ],
)
def test_corrections(indicator: int, flags: int) -> None:
    """A void print never feeds bars, a corrected one replaces its trade, and the wrong data told again do nothing."""
    assert flags_by_correction(indicator) == flags


def test_unknown_corrections_are_refused() -> None:
    """Nobody can say whether a print counts whose correction is not known."""
    with pytest.raises(BadText) as refusal:
        flags_by_correction(2)
    assert refusal.value.reason == "unknown_correction"


def test_vendor_sample_agrees(captures: pathlib.Path) -> None:
    """Every condition of the vendor's recorded reply has our effect, and our letters unless they are out of use."""
    reply = json.loads(
        (captures / "us_equity_json_polygon/v3_reference_conditions&asset_class=stocks.json").read_text()
    )
    ours = {one.number: one for one in CONDITIONS}
    assert len(reply["results"]) == 10
    for told in reply["results"]:
        rules = told["update_rules"]["consolidated"]
        mine = ours[told["id"]]
        assert updates(mine.flags) == (rules["updates_open_close"], rules["updates_high_low"], rules["updates_volume"])
        mapping = {} if told.get("legacy") else told["sip_mapping"]
        assert (mine.cta, mine.utp) == (mapping.get("CTA", ""), mapping.get("UTP", ""))
