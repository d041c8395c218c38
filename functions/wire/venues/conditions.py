"""Say what a trade's sale conditions let it update on the US consolidated tapes, and what a correction does to it.

One table gives each condition's number at Polygon, its letter on each tape and its effect. The same letter may mean
two things: `B` is an average price on the CTA tapes (A and B) and a bunched trade on the UTP tape (C).
Source: CTS and UTDF output specifications, "consolidated processing"; Polygon's condition glossary. A rule that hangs
on other trades ("last, if the only one of the day") is taken as no. The rules are today's: a stock-option trade (V)
moved prices until July 2015.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from functions.domain.market import (
    TRADE_CANCEL,
    TRADE_CORRECTION,
    TRADE_INFORMS_ONLY,
    TRADE_NOT_HIGH_LOW,
    TRADE_NOT_LAST,
    TRADE_NOT_VOLUME,
)
from functions.wire.venues.rows import bad

ALL: Final = 0
"""The trade updates everything."""
NOT_LAST: Final = TRADE_NOT_LAST
VOLUME_ONLY: Final = TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW
NOTHING: Final = VOLUME_ONLY | TRADE_NOT_VOLUME
VOID: Final = TRADE_CANCEL | TRADE_INFORMS_ONLY
UNKNOWN: Final = VOLUME_ONLY
"""Effect of a condition that no table names: a wrong price is worse than a missing one."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Describe a sale condition.

    Args:
        number: Polygon's number.
        name: What the tapes call it.
        cta: Letter on tapes A and B; empty where they have none.
        utp: Letter on tape C.
        flags: What a trade of this condition does not update.
    """

    number: int
    name: str
    cta: str
    utp: str
    flags: int


CONDITIONS: Final = (
    Condition(0, "Regular Sale", "@", "@", ALL),
    Condition(1, "Acquisition", "", "A", ALL),
    Condition(2, "Average Price Trade", "B", "W", VOLUME_ONLY),
    Condition(3, "Automatic Execution", "E", "", ALL),
    Condition(4, "Bunched Trade", "", "B", ALL),
    Condition(5, "Bunched Sold Trade", "", "G", NOT_LAST),
    Condition(6, "CAP Election", "", "", ALL),  # was letter I of tape A until odd lots took it in December 2013
    Condition(7, "Cash Sale", "C", "C", VOLUME_ONLY),
    Condition(8, "Closing Prints", "", "6", ALL),
    Condition(9, "Cross Trade", "X", "X", ALL),
    Condition(10, "Derivatively Priced", "4", "4", NOT_LAST),
    Condition(11, "Distribution", "", "D", ALL),
    Condition(12, "Form T, Extended Hours", "T", "T", VOLUME_ONLY),
    Condition(13, "Extended Hours, Sold Out of Sequence", "U", "U", VOLUME_ONLY),
    Condition(14, "Intermarket Sweep", "F", "F", ALL),
    Condition(15, "Market Center Official Close", "M", "M", NOTHING),
    Condition(16, "Market Center Official Open", "Q", "Q", NOTHING),
    Condition(17, "Market Center Opening Trade", "O", "", ALL),
    Condition(18, "Market Center Reopening Trade", "5", "", ALL),
    Condition(19, "Market Center Closing Trade", "6", "", ALL),
    Condition(20, "Next Day", "N", "N", VOLUME_ONLY),
    Condition(21, "Price Variation Trade", "H", "H", VOLUME_ONLY),
    Condition(22, "Prior Reference Price", "P", "P", NOT_LAST),
    Condition(23, "Rule 155 Trade", "", "K", ALL),
    Condition(24, "Rule 127 or Rule 155 Trade", "K", "", ALL),
    Condition(25, "Opening Prints", "", "O", ALL),
    Condition(27, "Stopped Stock, Regular Trade", "", "1", ALL),
    Condition(28, "Re-Opening Prints", "", "5", ALL),
    Condition(29, "Seller", "R", "R", VOLUME_ONLY),
    Condition(30, "Sold Last", "L", "L", ALL),
    Condition(31, "Sold Last and Stopped Stock", "", "2", ALL),
    Condition(32, "Sold Out of Sequence", "Z", "Z", NOT_LAST),
    Condition(33, "Sold Out of Sequence and Stopped Stock", "", "3", NOT_LAST),
    Condition(34, "Split Trade", "", "S", ALL),
    Condition(35, "Stock Option", "", "", ALL),
    Condition(36, "Yellow Flag Regular Trade", "", "Y", ALL),
    Condition(37, "Odd Lot Trade", "I", "I", VOLUME_ONLY),
    Condition(38, "Corrected Consolidated Close", "9", "9", TRADE_NOT_VOLUME),
    Condition(41, "Trade Through Exempt", "", "", ALL),
    Condition(44, "Cancelled", "", "", VOID),
    Condition(46, "Correction", "", "", TRADE_CORRECTION),
    Condition(48, "As of Correction", "", "", TRADE_CORRECTION),
    Condition(49, "As of Cancel", "", "", VOID),
    Condition(52, "Contingent Trade", "V", "V", VOLUME_ONLY),
    Condition(53, "Qualified Contingent Trade", "7", "7", VOLUME_ONLY),
    Condition(54, "Errored", "", "", VOID),
    Condition(57, "Short Sale Restriction Activated", "", "", ALL),
    Condition(58, "Short Sale Restriction Continued", "", "", ALL),
    Condition(59, "Short Sale Restriction Deactivated", "", "", ALL),
    Condition(60, "Short Sale Restriction in Effect", "", "", ALL),
)

_BY_NUMBER: Final = {one.number: one.flags for one in CONDITIONS}
_CTA: Final = {one.cta: one.flags for one in CONDITIONS if one.cta}
_UTP: Final = {one.utp: one.flags for one in CONDITIONS if one.utp}
_BY_TAPE: Final[Mapping[str, Mapping[str, int]]] = {"A": _CTA, "B": _CTA, "C": _UTP}

_CORRECTIONS: Final = {
    0: 0,
    1: TRADE_CORRECTION,  # the original trade, with the corrected data
    7: VOID,  # the original trade, later marked as an error
    8: VOID,  # the original trade, later cancelled
    10: VOID,  # the cancel record that follows 8
    11: VOID,  # the error record that follows 7
    12: TRADE_INFORMS_ONLY,  # follows 1 and repeats the data that were wrong
}
"""What a correction indicator does. Source: NYSE Daily TAQ client specification, field CORR."""


def flags_by_number(numbers: Iterable[int]) -> int:
    """Join the effects of Polygon's condition numbers; what one of them forbids is forbidden.

    >>> flags_by_number([12, 37]) == VOLUME_ONLY, flags_by_number([999]) == UNKNOWN, flags_by_number([])
    (True, True, 0)
    """
    flags = 0
    for number in numbers:
        flags |= _BY_NUMBER.get(number, UNKNOWN)
    return flags


def flags_by_letter(letters: Iterable[str], tape: str) -> int:
    """Join the effects of condition letters as one tape means them; a space says nothing.

    Args:
        letters: Condition letters.
        tape: `A`, `B` or `C`.

    Raises:
        BadText: `unknown_tape` when it is none of these.

    >>> flags_by_letter("B", "A") == VOLUME_ONLY, flags_by_letter("B", "C")
    (True, 0)
    """
    table = _BY_TAPE.get(tape)
    if table is None:
        reason, detail = "unknown_tape", f"found tape {tape[:8]!r}; A, B and C are known"
        raise bad(reason, detail)
    flags = 0
    for letter in letters:
        flags |= 0 if letter == " " else table.get(letter, UNKNOWN)
    return flags


def flags_by_correction(indicator: int) -> int:
    """Give the effect of a trade correction indicator.

    Raises:
        BadText: `unknown_correction` when no table names it, since counting a void trade is worse than refusing it.
    """
    flags = _CORRECTIONS.get(indicator)
    if flags is None:
        reason, detail = "unknown_correction", f"no correction {indicator} is known; known are {sorted(_CORRECTIONS)}"
        raise bad(reason, detail)
    return flags
